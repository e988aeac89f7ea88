"""Read prompt packs, decide on their templates, and export them."""

import typing
from pathlib import Path
from typing import Literal

from audioprompt.api.inputs import Answer, Name, Names, downloadable
from audioprompt.prompts import history
from audioprompt.prompts.formats import PACK_FORMATS
from audioprompt.prompts.pack import (
    PromptPack,
    Status,
)
from audioprompt.prompts.template import Template
from audioprompt.server.context import IN_PROCESS, Context

Form = Literal[PACK_FORMATS.names]  # type: ignore[name-defined]


def packs(context: Context = IN_PROCESS) -> list[Answer]:
    """List the prompt packs: collections of templates for one kind of sound each.

    Returns:
        Of each its id, title, category, number of approved templates and of all, and ready-made lists of labels.
    """
    return [
        {
            "id": one.id,
            "title": one.title,
            "category": one.category,
            "approved": len(one.approved),
            "templates": len(one.entries),
            "labels": one.label_presets,
        }
        for one in context.store.packs()
    ]


def pack(pack: Name, context: Context = IN_PROCESS) -> Answer:
    """Show a prompt pack: its approved templates as strings that CLIP and open_clip code takes, and all with status.

    Args:
        pack: An id that `packs` lists.

    Returns:
        title, description, category and licence; templates, the approved ones with {} for the label; all, every template with its status, the reason and what it was measured to be worth.
    """  # noqa: E501
    found = context.store.get(pack)
    return {
        "id": found.id,
        "title": found.title,
        "description": found.description,
        "category": found.category,
        "licence": found.licence,
        "templates": found.as_strings(),
        "labels": found.label_presets,
        "all": [
            {
                "template": entry.template.as_string(),
                "status": entry.status,
                "reason": entry.reason,
                "measured": [one.model_dump() for one in entry.measured],
            }
            for entry in found.entries
        ],
    }


def export(
    pack: Name,
    form: Form = "json",
    context: Context = IN_PROCESS,
) -> Path:
    """Write a prompt pack to a file that other tools take.

    Args:
        pack: An id that `packs` lists.
        form: The pack's own json; its approved templates as a list or text; all as csv; a report in Markdown.

    Returns:
        The file.
    """
    written = PACK_FORMATS[form]
    found = context.store.get(pack)
    return downloadable(written.write(found).encode(), f"{found.id}{written.suffix}")


def decide(pack: Name, templates: Names, status: Status, reason: Name = "", context: Context = IN_PROCESS) -> Answer:
    """Approve or reject templates of a prompt pack. Approved ones form its ensemble; every decision can be undone.

    On a public page visitors decide on a copy of their own session.

    Args:
        pack: An id that `packs` lists.
        templates: Which of its templates, with {} or {label} for the label.
        status: approved, rejected, or candidate for undecided again.
        reason: Why, for whoever reads the pack's history. With the reason that `propose` gives, decisions of people stay.

    Returns:
        approved, the templates that are approved now; counts of each status; kept, the templates that were left as people decided on them.
    """  # noqa: E501
    texts = [Template.parse(text).text for text in templates]
    kept: list[str] = []

    def change(now: PromptPack) -> PromptPack:
        of_people = reason == history.PROPOSED and {
            one.template.text for one in now.entries if history.by_person(one) and one.status != status
        }
        kept[:] = [text for text in texts if of_people and text in of_people]
        free = [text for text in texts if text not in kept]
        return history.decide(now, free, status, context.name, reason=reason or None)

    changed = context.store.update(pack, change)
    statuses = [entry.status for entry in changed.entries]
    return {
        "pack": changed.id,
        "approved": changed.as_strings(),
        "counts": {one: statuses.count(one) for one in typing.get_args(Status)},
        "kept": [Template(text).as_string() for text in kept],
    }
