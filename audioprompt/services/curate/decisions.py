"""Decisions on templates, people's and those that auto-curation proposes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast, get_args

import numpy as np

from audioprompt.core.auto_curation import propose
from audioprompt.core.curation import Mask, SelectionReport, report_selection
from audioprompt.prompts import history
from audioprompt.prompts.pack import PackError, PromptPack, Status
from audioprompt.services.curate.embed import Progress
from audioprompt.services.curate.measured import MeasuredPack
from audioprompt.util.text import counted

if TYPE_CHECKING:
    from audioprompt.prompts.store import PromptStore

STATUSES = get_args(Status)


def decide(
    store: PromptStore,
    measured: MeasuredPack,
    pack_id: str,
    statuses: Mapping[str, Status],
    who: str,
    reason: str | None = None,
) -> PromptPack:
    """Give templates a status in the store, all in one change, and note in the pack what all are worth alone.

    Args:
        store: where the pack is.
        measured: what the decision was based on.
        pack_id: the pack.
        statuses: the status of each template, by its text.
        who: decides.
        reason: why.

    Returns:
        The pack as it is now, others' decisions included.

    Raises:
        PackError: a template is not in the pack, or as `PromptStore.update` does.
    """
    return store.update(pack_id, lambda pack: _decide(pack, measured, statuses, who, reason))


def _decide(
    pack: PromptPack, measured: MeasuredPack, statuses: Mapping[str, Status], who: str, reason: str | None
) -> PromptPack:
    present = {entry.template.text for entry in pack.entries}
    noted = history.record(pack, {text: found for text, found in measured.measurements.items() if text in present}, who)
    changed = noted
    for status in dict.fromkeys(statuses.values()):
        texts = [text for text, wanted in statuses.items() if wanted == status]
        changed = history.decide(changed, texts, status, who, reason=reason)
    return pack if changed is noted else _as_one_change(changed, len(noted.history))


def decide_unmeasured(store: PromptStore, pack_id: str, texts: Sequence[str], status: str, who: str) -> PromptPack:
    """Give templates of a pack a status, wherever it was measured.

    Raises:
        PackError: there is no such status, pack or template, or the store cannot be written to.
    """
    if status not in STATUSES:
        raise PackError(f"{status!r} is not a decision")
    change = partial(history.decide, texts=texts, status=cast(Status, status), who=who)
    return store.update(pack_id, change)


def step_history(store: PromptStore, pack_id: str, direction: history.Direction, who: str) -> list[str]:
    """Undo or redo a decision in the store.

    Returns:
        The templates that it was on.

    Raises:
        PackError: there is nothing to undo or redo, or as `PromptStore.update` does.
    """
    concerned: history.Change = ()

    def change(pack: PromptPack) -> PromptPack:
        nonlocal concerned
        concerned = history.next_step(pack, direction)
        return history.step(pack, direction, who)

    store.update(pack_id, change)
    return [event.template for event in concerned if event.template]


def _as_one_change(pack: PromptPack, known: int) -> PromptPack:
    """Return the pack with all its events since the first ``known`` made one change, which is undone as a whole."""
    number = pack.history[known].change
    new = tuple(event.model_copy(update={"change": number}) for event in pack.history[known:])
    return pack.model_copy(update={"history": pack.history[:known] + new})


@dataclass(frozen=True, eq=False)
class Proposal:
    """A whole selection that auto-curation proposes. What people decided is part of it as they decided it.

    Attributes:
        selection: the templates to approve, ``[K]``; all others are to be rejected.
        wanted: the status that each template is to have, by its text.
        kept: the decisions of people among these, by the template's text.
        report: on the selection, on the clips it was made on.
    """

    selection: Mask
    wanted: Mapping[str, Status]
    kept: Mapping[str, Status]
    report: SelectionReport

    def changes(self, pack: PromptPack) -> dict[str, Status]:
        """Return the status to give to the templates that have another one, by their text; none that a person
        decided on.
        """
        return {
            entry.template.text: self.wanted[entry.template.text]
            for entry in pack.entries
            if self.wanted.get(entry.template.text, entry.status) != entry.status and not history.by_person(entry)
        }

    @property
    def kept_in_words(self) -> str:
        """``your 3 rejections and 1 approval``; empty where people decided nothing."""
        counts = Counter[str](self.kept.values())
        parts = [
            counted(counts[status], noun)
            for status, noun in (("rejected", "rejection"), ("approved", "approval"))
            if counts[status]
        ]
        return f"your {' and '.join(parts)}" if parts else ""


def propose_selection(measured: MeasuredPack, pack: PromptPack, progress: Progress | None = None) -> Proposal:
    """Propose which templates to approve and which to reject, and say where that leads.

    Only what no person has decided on is open: their rejections are not weighed, their approvals stay.

    Args:
        measured: a pack's templates, measured.
        pack: the pack, with the decisions on them.
        progress: told how many halves of the clips have been tried; what it raises ends the work.
    """
    kept = _decisions_of_people(measured, pack)
    keep, leave_out = (
        np.array([kept.get(text) == status for text in measured.positions], bool) for status in ("approved", "rejected")
    )
    tell = progress and partial(progress, "halves")
    return _proposal(measured, propose(measured.table, keep=keep, leave_out=leave_out, progress=tell), kept)


def revise(proposal: Proposal, measured: MeasuredPack, pack: PromptPack) -> Proposal:
    """Return the proposal with what people have decided since it was made."""
    kept = _decisions_of_people(measured, pack)
    return proposal if kept == proposal.kept else _proposal(measured, proposal.selection, kept)


def apply_proposal(
    store: PromptStore, measured: MeasuredPack, pack_id: str, proposal: Proposal, who: str
) -> PromptPack:
    """Give a pack's templates in the store the status that was proposed, all in one change.

    Returns:
        The pack as it is now. Whatever a person has decided until this moment is left as it is.

    Raises:
        PackError: as `PromptStore.update` does.
    """
    return store.update(pack_id, lambda pack: _decide(pack, measured, proposal.changes(pack), who, history.PROPOSED))


def _decisions_of_people(measured: MeasuredPack, pack: PromptPack) -> dict[str, Status]:
    return {
        entry.template.text: entry.status
        for entry in pack.entries
        if history.by_person(entry) and entry.template.text in measured.positions
    }


def _proposal(measured: MeasuredPack, selection: Mask, kept: Mapping[str, Status]) -> Proposal:
    selected = dict(zip(measured.positions, selection.tolist(), strict=True))
    wanted: dict[str, Status] = {
        text: kept.get(text, "approved" if selected[text] else "rejected") for text in measured.positions
    }
    final = np.array([status == "approved" for status in wanted.values()], bool)
    return Proposal(final, wanted, kept, report_selection(measured.table, final))
