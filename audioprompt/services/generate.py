"""From a task to a pack of candidates: what the page and the command line share around `prompts.generators`."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import date
from typing import TYPE_CHECKING

from audioprompt.core.labels import LabelList, parse_labels
from audioprompt.prompts import history
from audioprompt.prompts.checks import Flag, check
from audioprompt.prompts.generators import GenerationError, Task
from audioprompt.prompts.lexicon import lexicon
from audioprompt.prompts.pack import CATEGORIES, Category, PackError
from audioprompt.prompts.template import BARE_NAME, Template
from audioprompt.services.prompts import PROMPTS
from audioprompt.util.text import MAX_NAMED, first_of

if TYPE_CHECKING:
    from audioprompt.encoding.encoder import Progress
    from audioprompt.models.base import AudioTextModel
    from audioprompt.prompts.pack import PromptPack
    from audioprompt.prompts.store import PromptStore

OTHER_SOUNDS = "Other sounds"  # what no category is called on the page
FITTING_SHARE, BETTER_SHARE = 0.3, 0.5  # of the labels that are known to be of a category
ID_CHARACTERS, TITLE_CHARACTERS = 64, 200  # that a pack has room for


def task_of(category: str | None, labels: str | None) -> tuple[Task, str | None]:
    """Return a task from what a person chose and typed, and what was left out of the labels, as a sentence.

    Args:
        category: a key of ``CATEGORIES``; None or empty for none.
        labels: as `parse_labels` reads them; there need be none, as None says where a page has not shown them yet.

    Raises:
        GenerationError: there is no such category.
        LabelError: the labels cannot be used.
    """
    found = parse_labels(labels) if labels and labels.strip() else LabelList(())
    return Task(category_of(category), found.labels), found.notice


def category_of(name: str | None) -> Category | None:
    """Return the category of this name, None for None or an empty one.

    Raises:
        GenerationError: there is no such category.
    """
    found = next((category for category in CATEGORIES if category == name), None)
    if name and not found:
        raise GenerationError(f"There is no category {name!r}; there are: {', '.join(CATEGORIES)}.")
    return found


def better_category(task: Task) -> tuple[Category | None, str] | None:
    """Return a category that fits a task's labels better than its own, and that as a sentence; None where its own
    does.
    """
    words = lexicon()
    if not (task.category and task.labels) or words.share_of(task.category, task.labels) >= FITTING_SHARE:
        return None
    shares = {category: words.share_of(category, task.labels) for category in CATEGORIES}
    best = max(shares, key=lambda category: shares[category])
    found = best if shares[best] >= BETTER_SHARE else None
    title = CATEGORIES[found] if found else OTHER_SOUNDS
    labels = first_of(task.labels, MAX_NAMED)
    return found, f"{task.title} does not seem to fit these labels ({labels}). “{title}” may fit better."


def proposed_title(task: Task, day: date) -> str:
    """Return what to call a pack of candidates for a task: ``Musical instrument recognition, 2026-11-21``."""
    return f"{task.title}, {day.isoformat()}"


def proposed_id(task: Task, day: date, taken: Collection[str]) -> str:
    """Return an id that is not taken: from the category or else the first labels, and the day."""
    words = task.category or " ".join(task.labels[:2])
    slug = re.sub(r"[^a-z0-9]+", "-", words.lower())[:40].strip("-") or "sounds"
    return next_free_id(f"{slug}-{day.isoformat()}", taken)


def next_free_id(wanted: str, taken: Collection[str]) -> str:
    """Return the id itself if it is not taken, else with the first number behind it that makes it free."""
    candidate, number = wanted, 1
    while candidate in taken:
        number += 1
        tail = f"-{number}"
        candidate = wanted[: ID_CHARACTERS - len(tail)].rstrip("-") + tail
    return candidate


def create_under_free_id(store: PromptStore, pack: PromptPack) -> PromptPack:
    """Write a new pack to a store: under its own id, or one like it where others have taken that by now.

    Returns:
        The pack as it was written.

    Raises:
        PackError: it cannot be saved.
    """
    while True:
        free = pack.model_copy(update={"id": next_free_id(pack.id, store.ids())})
        try:
            store.create(free)
        except PackError:
            if free.id not in store.ids():
                raise
        else:
            return free


def copy_pack(
    store: PromptStore, pack_id: str, who: str, new_id: str | None = None, title: str | None = None
) -> PromptPack:
    """Duplicate a pack of a store: the copy, with the decisions and the history of the pack.

    Args:
        store: where the pack is, and the copy will be.
        pack_id: the pack.
        who: by whom.
        new_id: of the copy; a free one like it if None.
        title: of the copy; "... (copy)" if None.

    Raises:
        PackError: there is no such pack, the id is taken, or the copy cannot be saved.
    """
    pack = store.get(pack_id)
    copy_id = new_id or f"{pack_id[: ID_CHARACTERS - len('-copy')].rstrip('-')}-copy"
    copy = history.copy(pack, copy_id, title or f"{pack.title[: TITLE_CHARACTERS - len(' (copy)')]} (copy)", who)
    if not new_id:
        return create_under_free_id(store, copy)
    store.create(copy)
    return copy


def flags_by_model(
    model: AudioTextModel, templates: Sequence[Template], labels: Sequence[str], progress: Progress | None = None
) -> list[tuple[Flag, ...]]:
    """Check templates by their text and by what a model makes of their meaning; without labels by their text alone.

    Args:
        model: what reads them.
        templates: to be checked.
        labels: that fill them.
        progress: told how many prompts are encoded; what it raises ends the work, and what was encoded is kept.

    Returns:
        The flags of each template.

    Raises:
        ModelError: the model fails.
    """
    if not (templates and labels):
        return check(templates, labels)
    prompts = PROMPTS.get(model, templates, labels, progress)
    return check(templates, labels, prompts, PROMPTS.get(model, [BARE_NAME], labels)[0])
