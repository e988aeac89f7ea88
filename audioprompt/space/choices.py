"""What is chosen to go into a Space, and the plan that it makes."""

from collections.abc import Sequence
from typing import Any

from audioprompt.core.labels import parse_labels
from audioprompt.data.examples import fitting
from audioprompt.hosting import TABS
from audioprompt.models import registry
from audioprompt.prompts.store import PromptStore
from audioprompt.services.packs import GENERAL_PACK, ensembles
from audioprompt.space.belongings import Own
from audioprompt.space.plan import Plan
from audioprompt.util.text import one_line

LICENCES = ["apache-2.0", "mit", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0"]
FIELDS = ("title", "packs", "heads", "labels", "examples", "model", "licence", "gpu", "tabs")

Choices = dict[str, Any]  # what goes in, by the names in FIELDS: texts, and lists of names


def model_names() -> list[str]:
    """Return the models that a Space can answer with."""
    return [entry.name for entry in registry.MODELS.built_in]


def settle(kept: Choices | None, own: Own, store: PromptStore, pack_id: str = "") -> Choices:
    """Return what was chosen before, as far as it is still there; else what suits most.

    Args:
        kept: what was chosen before, of which nothing is certain.
        own: what the page was given.
        store: of the packs to choose from.
        pack_id: of the pack that is being curated.
    """
    packs, clips, models = [pack.id for pack in ensembles(store)], own.offered, model_names()
    chosen: Choices = {
        "title": "Name that sound",
        "packs": [one for one in (pack_id, GENERAL_PACK, *packs) if one in packs][:1],
        "heads": [],
        "labels": "",
        "examples": [name for name in clips if name not in own.recorded],  # a recording goes in only if it is chosen
        "model": models[0],
        "licence": LICENCES[0],
        "gpu": False,
        "tabs": list(TABS),
    }
    chosen |= {name: value for name, value in (kept or {}).items() if type(value) is type(chosen.get(name))}
    offered: dict[str, Sequence[str]] = {
        "packs": packs,
        "heads": list(own.heads),
        "examples": list(clips),
        "tabs": TABS,
    }
    for name, there in offered.items():
        chosen[name] = [one for one in there if one in chosen[name]]
    if chosen["model"] not in models:
        chosen["model"] = models[0]
    return chosen


def choose_head(kept: Choices | None, own: Own, head_id: str, recorded: bool = True) -> Choices:
    """Choose the head in use, its model, and examples that fit it: it is what the Space is to be about.

    Args:
        kept: what was chosen before.
        own: what the page was given, the head among it.
        head_id: of the head.
        recorded: whether the first clip of each class in the Learn tab may go in.
    """
    from audioprompt.few_shot.heads import read_record  # with torch

    record = read_record(own.heads[head_id])
    fit = {clip.path for clip in fitting([*own.offered.values()], record.classes)}
    first = {f"learn: {name}" for name in record.classes} if recorded else set()
    chosen = [
        name
        for name, clip in own.offered.items()
        if name in own.clips or name in first or (name not in own.recorded and clip.path in fit)
    ]
    return {**(kept or {}), "examples": chosen, "heads": [head_id], "model": record.model, "labels": ""}


def plan_of(chosen: Choices, own: Own, store: PromptStore) -> Plan:
    """Return what was chosen, as the plan of a Space.

    Raises:
        SpaceError, LabelError, PackError: it makes none; the message says what to change.
    """
    return Plan(
        title=one_line(chosen["title"]),
        packs=tuple(store.get(pack_id) for pack_id in chosen["packs"]),
        heads=tuple(own.heads[name] for name in chosen["heads"] if name in own.heads),
        model=chosen["model"],
        labels=parse_labels(chosen["labels"]).labels if chosen["labels"].strip() else (),
        examples=tuple(own.offered[name] for name in chosen["examples"] if name in own.offered),
        licence=one_line(chosen["licence"]),
        gpu=bool(chosen["gpu"]),
        tabs=tuple(chosen["tabs"]),
    )
