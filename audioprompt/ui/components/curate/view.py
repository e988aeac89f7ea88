"""What one open page of Curate shows, and the rows of its table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from audioprompt.prompts.pack import PackEntry, PromptPack, Status

if TYPE_CHECKING:
    from audioprompt.core.curation import Choices, SelectionReport
    from audioprompt.core.metrics import Score
    from audioprompt.prompts.checks import Flag
    from audioprompt.services.curate import HeldOut, MeasuredPack, Proposal

FILTERS = {
    "all": "All",
    "candidate": "To judge",
    "approved": "Approved",
    "rejected": "Rejected",
    "flagged": "Flagged",
}
SORTS = {"order": "Prompt", "alone": "Alone", "gain": "In ensemble", "flags": "Flags"}
MILD = "format"  # the kind of flag that says nothing bad


@dataclass(frozen=True)
class CurateView:
    """What one open page shows.

    Attributes:
        measured: the templates, measured.
        model: name of the model as it was picked.
        pack_id: the pack.
        version: of the pack's file as it was last shown.
        rows: texts of the templates shown, in their order; it changes only when someone asks for it.
        only: the filter, a key of ``FILTERS``.
        search: words that the templates shown have.
        sort: a key of ``SORTS``, and whether it runs backwards.
        label: the class that prompts are filled with.
        proposal: of a selection, while a person ponders it.
        held_out: what the clips held out said last; it is shown while the templates approved are those it is of.
        other: the pack that this one is compared with, and the class that its approved prompts choose for each clip.
        turn: how often it was rendered.
        layout: what the table on the page was laid out by: decisions do not change it.
        edition: the name of that table.
    """

    measured: MeasuredPack
    model: str
    pack_id: str
    version: str = ""
    rows: tuple[str, ...] = ()
    only: str = "all"
    search: str = ""
    sort: tuple[str, bool] = ("order", False)
    label: str = ""
    proposal: Proposal | None = None
    held_out: HeldOut | None = None
    other: tuple[PromptPack, Choices] | None = None
    turn: int = 0
    layout: tuple[Any, ...] = ()
    edition: str = ""


@dataclass(frozen=True)
class Row:
    """One template with everything that is shown of it.

    Attributes:
        number: its position in the pack.
        entry: in the pack.
        score: alone.
        lead: on vanilla, in accuracy.
        gain: what it adds to the ensemble, or would.
        flags: what looks wrong with it.
    """

    number: int
    entry: PackEntry
    score: Score
    lead: float
    gain: float
    flags: tuple[Flag, ...]

    @property
    def text(self) -> str:
        return self.entry.template.text

    @property
    def doubts(self) -> int:
        """How many flags say something bad."""
        return sum(flag.kind != MILD for flag in self.flags)


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A measured pack with the decisions on it at one moment."""

    measured: MeasuredPack
    pack: PromptPack

    @cached_property
    def report(self) -> SelectionReport:
        """What the approved templates achieve."""
        return self.measured.report(self.pack)

    @cached_property
    def rows(self) -> dict[str, Row]:
        """All templates in the pack's order, by their texts."""
        vanilla = self.report.vanilla.accuracy
        scored = zip(self.pack.entries, self.measured.table.scores, strict=True)
        return {
            entry.template.text: Row(
                k, entry, score, score.accuracy - vanilla, float(self.report.gains[k]), self.measured.flags[k]
            )
            for k, (entry, score) in enumerate(scored)
        }


def select_rows(view: CurateView, now: Snapshot) -> CurateView:
    """Filter, search and sort the rows of a view anew; equals keep the pack's order."""
    words = view.search.casefold().split()
    left = [
        row
        for row in now.rows.values()
        if _passes(row, view.only) and all(word in row.text.casefold() for word in words)
    ]
    keys = {
        "order": lambda row: row.number,
        "alone": lambda row: -row.score.correct,
        "gain": lambda row: -row.gain,
        "flags": lambda row: -row.doubts,
    }
    key, reverse = view.sort
    left.sort(key=keys[key])
    return replace(view, rows=tuple(row.text for row in (left[::-1] if reverse else left)))


def _passes(row: Row, only: str) -> bool:
    return only == "all" or (row.doubts > 0 if only == "flagged" else row.entry.status == only)


VERBS: dict[Status, str] = {"approved": "approve", "rejected": "reject", "candidate": "clear"}
