"""What is below Curate's table: the curve of how many prompts, the clips held out, and the history."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from itertools import groupby
from typing import TYPE_CHECKING, Any

from audioprompt.core.curation import enough_prompts
from audioprompt.prompts.history import (
    ADD,
    AUTO,
    COPY,
    DECIDE,
    MEASURE,
    REDO,
    RENAME,
    TEST,
    UNDO,
    Change,
    next_step,
    times_tested,
)
from audioprompt.prompts.pack import PromptPack, Status
from audioprompt.ui import charts
from audioprompt.ui.components.charts import prompts_curve
from audioprompt.ui.render import render
from audioprompt.util.text import counted

if TYPE_CHECKING:
    from audioprompt.services.curate import HeldOut, MeasuredPack
    from audioprompt.ui.components.curate.view import CurateView, Snapshot

TEMPLATE = "curate/foot.html"
CHANGES_SHOWN = 40
TEXT_SHOWN = 60  # characters of a template
CURATOR = "curator"  # who decides where nobody is signed in


def foot(view: CurateView, now: Snapshot) -> str:
    """Return the curve of how many prompts, the clips held out, and the history."""
    return render(
        TEMPLATE,
        "foot",
        turn=view.turn,
        curve=prompts_curve(now.measured.table.random_curves, now.report),
        enough=enough_prompts(now.measured.table.random_curves),
        count=len(now.measured.templates),
        held_out=_held_out(now.measured, now.pack, view.held_out),
        history=render(TEMPLATE, "history", changes=_changes(now.pack)),
    )


def _held_out(measured: MeasuredPack, pack: PromptPack, found: HeldOut | None) -> str:
    """Return what the clips held out said, how often they were asked, and the button to ask them."""
    found = found if found and found.is_of(pack) else None
    return render(
        TEMPLATE,
        "held_out",
        where=f"{counted(len(measured.test), 'clip')}, {measured.split.name(measured.test, held_out=True)}",
        times=times_tested(pack),
        found=found,
        last=None if found else _last_test(pack),
        approved=bool(pack.approved),
    )


def _last_test(pack: PromptPack) -> dict[str, Any] | None:
    """Return what the last held-out test gave, whether it was of a selection that was proposed, which need not be the
    one approved then, and whether decisions were taken since.
    """
    from audioprompt.core.metrics import Score

    since = 0
    for event in reversed(pack.history):
        if event.action == TEST and event.measured:
            figure = event.measured
            score = Score(round(figure.accuracy * figure.n), figure.n)
            told = {"score": score, "data": figure.data, "when": moment(event.at)}
            return told | {"since": since, "proposed": event.who == AUTO}
        since += event.action in (DECIDE, UNDO, REDO)
    return None


def _changes(pack: PromptPack) -> list[dict[str, Any]]:
    """Return what was done, the latest first; the decision that would be undone next can be."""
    grouped = groupby(enumerate(pack.history), key=lambda item: item[1].change or -item[0])
    changes = [tuple(event for _, event in group) for _, group in grouped]
    undoable = next_step(pack, "undo")
    return [
        {
            "when": moment(change[0].at),
            "words": _told(change) + (f" by {change[0].who}" if change[0].who != CURATOR else ""),
            "undoable": bool(undoable) and change == undoable,
        }
        for change in changes[: -CHANGES_SHOWN - 1 : -1]
    ]


def _told(change: Change) -> str:
    """One change in words."""
    first = change[0]
    reason, text = first.reason or "", _short(first.template or "")
    if first.action == TEST and first.measured:
        return f"scored on held-out clips: {100 * first.measured.accuracy:.1f}"
    if first.action == MEASURE:
        return f"measured {reason.removeprefix('accuracies ')}"
    if first.action == ADD:
        return f"added “{text}”, {_short(reason)}" if len(change) == 1 and reason else _added(len(change))
    if first.action in (RENAME, COPY):
        return f"{'renamed' if first.action == RENAME else 'copied'} {reason}"
    if first.action not in (DECIDE, UNDO, REDO):
        return first.action
    prefix = {UNDO: "took back: ", REDO: "again: "}.get(first.action, "")
    given = Counter(event.from_status if first.action == UNDO else event.to_status for event in change)
    if len(change) == 1:
        return f"{prefix}{_PAST[given.popitem()[0] or 'candidate']} “{text}”"
    return prefix + ", ".join(f"{_PAST[status or 'candidate']} {count}" for status, count in given.items())


def _added(count: int) -> str:
    return f"added {counted(count, 'prompt')}"


_PAST: dict[Status, str] = {"approved": "approved", "rejected": "rejected", "candidate": "cleared"}


def _short(text: str) -> str:
    return charts.short(text.replace("{label}", "{}"), TEXT_SHOWN)


def moment(at: datetime) -> str:
    """Return a time of today, or a day, in the server's time zone."""
    local = at.astimezone()
    return local.strftime("%H:%M" if local.date() == datetime.now(timezone.utc).astimezone().date() else "%Y-%m-%d")
