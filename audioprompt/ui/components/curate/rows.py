"""The rows of Curate's table: one template each, with everything that is shown of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audioprompt.prompts.pack import PackEntry, PromptPack, Status

if TYPE_CHECKING:
    from audioprompt.core.curation import SelectionReport
    from audioprompt.core.metrics import Score
    from audioprompt.prompts.checks import Flag
    from audioprompt.services.curate import MeasuredPack

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
class Row:
    """One template with everything that is shown of it.

    Attributes:
        number: on the table.
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
    def flagged(self) -> bool:
        return any(flag.kind != MILD for flag in self.flags)


def rows_of(bench: MeasuredPack, pack: PromptPack, stands: SelectionReport) -> list[Row]:
    """All templates, in the pack's order."""
    vanilla = stands.vanilla.accuracy
    return [
        Row(k, entry, score, score.accuracy - vanilla, float(stands.gains[k]), bench.flags[k])
        for k, (entry, score) in enumerate(zip(pack.entries, bench.table.scores, strict=True))
    ]


def chosen(rows: Sequence[Row], only: str, search: str, sort: str, reverse: bool) -> list[Row]:
    """Return the rows that a filter and a search leave, sorted; equals keep the pack's order."""
    words = search.casefold().split()
    left = [row for row in rows if _passes(row, only) and all(word in row.text.casefold() for word in words)]
    keys = {
        "order": lambda row: row.number,
        "alone": lambda row: -row.score.correct,
        "gain": lambda row: -row.gain,
        "flags": lambda row: -sum(flag.kind != MILD for flag in row.flags),
    }
    left.sort(key=keys[sort])
    return left[::-1] if reverse else left


def _passes(row: Row, only: str) -> bool:
    return only == "all" or (row.flagged if only == "flagged" else row.entry.status == only)


VERBS: dict[Status, str] = {"approved": "approve", "rejected": "reject", "candidate": "clear"}
