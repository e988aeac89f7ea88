"""The workbench: a pack's templates measured on labelled clips, and the decisions taken on what they are worth.

What the page and the command line share. Clips and prompts are encoded here, once, and everything that was measured is
kept for the next who asks, in whichever tab; from then on `audioprompt.core.curation` does arithmetic.

    bench = measure(model, store.get("instruments"), open_clips("instruments"), Split(folds=(1, 2)))
    print(bench.report(store.get("instruments")).ensemble.accuracy)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from audioprompt.core.auto_curation import propose
from audioprompt.core.curation import (
    Choices,
    Comparison,
    Mask,
    ScoreTable,
    SelectionReport,
    choices,
    compare,
    report_selection,
    score_templates,
)
from audioprompt.core.metrics import Score, score, winners
from audioprompt.core.zero_shot import Array, ensemble_weights
from audioprompt.data import (
    LabelledClips,
    demonstration,
    group_near_twins,
    refuse_classes_alike,
    refuse_one_class,
    split,
)
from audioprompt.prompts.checks import AgainstVanilla, Flag, check
from audioprompt.prompts.difference import Difference, compare_templates
from audioprompt.prompts.history import AUTO as AUTO
from audioprompt.prompts.history import PROPOSED, by_person, decide, record, record_test
from audioprompt.prompts.pack import Measurement, PackError, PromptPack, Status
from audioprompt.prompts.template import BARE_NAME, VANILLA, Template
from audioprompt.util.lru import Recent
from audioprompt.util.text import counted

if TYPE_CHECKING:
    from audioprompt.models.base import AudioTextModel
    from audioprompt.prompts.store import PromptStore

Progress = Callable[[str, int, int], None]  # (of what, done, total)

BENCHES_KEPT = 6  # one of 2,000 clips, 50 classes and 40 templates takes 20 MB
CLIP_SETS_KEPT = 6  # one of 2,000 clips with 1,024 dimensions takes 8 MB
LINE = 200  # characters that a pack has room for


# --- which clips ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Split:
    """How clips are divided into those that are looked at while choosing and those held out.

    Attributes:
        folds: those to look at; None to divide at random, by source recording.
        fraction: of the clips to look at, where there are no folds.
        seed: of the random division.
    """

    folds: tuple[int, ...] | None = None
    fraction: float = 0.5
    seed: int = 0

    @classmethod
    def suggested(cls, clips: LabelledClips) -> Split:
        """Return the first half of the folds where there are two or more, rounded up; else half of the recordings.

        Folds that part what was recorded together divide nothing fairly, so that they count as none.
        """
        folds = [] if clips.folds_part_recordings else sorted(set(clips.folds or ()))
        return cls(folds=tuple(folds[: (len(folds) + 1) // 2])) if len(folds) > 1 else cls()

    def divide(self, clips: LabelledClips) -> tuple[LabelledClips, LabelledClips]:
        """Return the clips to look at, and those held out.

        Raises:
            DataError: they cannot be divided like this.
        """
        return split(clips, self.fraction, self.folds, self.seed)

    def name(self, part: LabelledClips, held_out: bool = False) -> str:
        """Return what a part is called: ``folds 1, 2``; ``50 % (seed 0)`` and ``the other 50 % (seed 0)``."""
        if self.folds is not None:
            return name_of_folds(part)
        share = f"the other {100 - 100 * self.fraction:.0f}" if held_out else f"{100 * self.fraction:.0f}"
        return f"{share} % (seed {self.seed})"


def name_of_folds(clips: LabelledClips) -> str:
    """``fold 1``, ``folds 1, 2``; ``all clips`` where there are no folds."""
    folds = sorted(set(clips.folds or ()))
    return f"fold{'s' * (len(folds) > 1)} {', '.join(map(str, folds))}" if folds else "all clips"


# --- the bench --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class MeasuredPack:
    """A pack's K templates, whatever their status, measured on the clips that are looked at.

    Attributes:
        model: what measured them.
        templates: in the pack's order.
        split: how the clips were divided.
        seen: the clips that are looked at, N.
        unseen: those held out; nothing here was computed from them.
        table: the templates on the clips.
        flags: for each template what looks wrong with it, K.
        skip_bad: whether recordings that cannot be used are left out.
    """

    model: AudioTextModel
    templates: tuple[Template, ...]
    split: Split
    seen: LabelledClips
    unseen: LabelledClips
    table: ScoreTable
    flags: tuple[tuple[Flag, ...], ...]
    skip_bad: bool = False

    @cached_property
    def row(self) -> Mapping[str, int]:
        """Each template's number on the table, by its text."""
        return {template.text: number for number, template in enumerate(self.templates)}

    @cached_property
    def measured(self) -> Mapping[str, Measurement]:
        """What each template achieves alone, as a pack records it, by its text."""
        return {
            template.text: self.measurement(found, self.seen)
            for template, found in zip(self.templates, self.table.scores, strict=True)
        }

    def measurement(self, found: Score, clips: LabelledClips) -> Measurement:
        """Return a score on a part of the clips, as a pack records it."""
        part = self.split.name(clips, held_out=clips is self.unseen)
        return Measurement(
            model=self.model.name, revision=self.model.revision, data=clips.name[:LINE], split=part[:LINE], n=found.n,
            accuracy=found.accuracy,
        )  # fmt: skip

    def for_pack(self, pack: PromptPack) -> MeasuredPack:
        """Return this bench where it has the pack's templates, else one that has, on the same clips.

        Raises:
            PackError: the pack has no template.
        """
        if tuple(entry.template.text for entry in pack.entries) == tuple(self.row):
            return self
        return _measured(self.model, pack, self.split, self.seen, self.unseen, None, self.skip_bad)

    def approved(self, pack: PromptPack) -> Mask:
        """Which templates a pack approves, ``[K]``."""
        approved = {template.text for template in pack.approved}
        return np.array([template.text in approved for template in self.templates], bool)

    def report(self, pack: PromptPack) -> SelectionReport:
        """Where the templates stand that a pack approves."""
        return report_selection(self.table, self.approved(pack))


def measure(
    model: AudioTextModel,
    pack: PromptPack,
    clips: LabelledClips,
    split: Split,
    progress: Progress | None = None,
    skip_bad: bool = False,
) -> MeasuredPack:
    """Measure all templates of a pack on the clips that ``split`` lets be looked at.

    What was measured before is found again, and with new templates only these are encoded. Where nothing is known of
    the source recordings, clips that sound nearly the same are on one side of a division by chance; all clips are
    encoded for that.

    Args:
        model: what hears.
        pack: whose templates.
        clips: all of them.
        split: how to divide them.
        progress: told how many clips and prompts are encoded; an exception it raises ends the work, and what was
            encoded until then is kept.
        skip_bad: leave out recordings that cannot be used.

    Raises:
        PackError: the pack has no template.
        DataError: the clips cannot be divided like this, or there is nothing to tell apart.
        BadRecordings: clips cannot be used.
    """
    refuse_one_class(clips)
    refuse_classes_alike(clips)
    clips = look_through(clips, skip_bad, progress)
    if split.folds is None:
        split.divide(clips)  # what cannot be divided is said at once
        clips, audio = heard(model, clips, progress, skip_bad)
        clips = group_near_twins(clips, audio)
    seen, unseen = split.divide(clips)
    return _measured(model, pack, split, seen, unseen, progress, skip_bad)


def look_through(clips: LabelledClips, skip_bad: bool = False, progress: Progress | None = None) -> LabelledClips:
    """Return the clips that can be read, as `audioprompt.data.embedding.look_through` finds them, no recording twice.

    Raises:
        BadRecordings: some cannot be read, and are not to be left out.
        DataError: none can be read.
    """
    from audioprompt.data.embedding import look_through

    key = (clips, _stamps(clips), skip_bad)
    if kept := _looked_through.get(key):
        return kept
    look = partial(progress, "clips", 0, len(clips)) if progress else int
    return _looked_through.put(key, look_through(clips, skip_bad, look))


def _measured(
    model: AudioTextModel,
    pack: PromptPack,
    split: Split,
    seen: LabelledClips,
    unseen: LabelledClips,
    progress: Progress | None,
    skip_bad: bool,
) -> MeasuredPack:
    if not pack.entries:
        raise PackError(f"{pack.id} has no prompts: generate some, or import a list")
    templates = tuple(entry.template for entry in pack.entries)
    texts = tuple(template.text for template in templates)
    key = (model.name, model.revision, texts, split, seen, unseen, _stamps(seen), skip_bad)
    if kept := _benches.get(key):
        return kept
    seen, audio = heard(model, seen, progress, skip_bad)
    prompts = read(model, [VANILLA, BARE_NAME, *templates], seen, progress)
    found = score_templates(audio, prompts[0], prompts[2:], seen.targets, seen.classes)
    against = AgainstVanilla.count(found.alone, found.vanilla, found.targets, len(found.classes))
    flags = check(templates, seen.spoken_classes, prompts[2:], prompts[1], against)
    return _benches.put(key, MeasuredPack(model, templates, split, seen, unseen, found, tuple(flags), skip_bad))


def heard(
    model: AudioTextModel, clips: LabelledClips, progress: Progress | None = None, skip_bad: bool = False
) -> tuple[LabelledClips, Array]:
    """Return the clips that can be used, N, and their embeddings, ``[N, D]``, no recording twice.

    They come from memory or the disk where they were encoded before.

    Raises:
        BadRecordings: clips cannot be used, and are not to be left out.
    """
    from audioprompt.data.embedding import embed_labelled, tell_silence
    from audioprompt.encoding.cache import EmbeddingCache
    from audioprompt.encoding.encoder import pooled

    key = (model.name, model.revision, clips, _stamps(clips), skip_bad)
    if kept := _clip_sets.get(key):
        return kept
    usable, embedded = embed_labelled(model, clips, _of("clips", progress), EmbeddingCache(), skip_bad)
    return _clip_sets.put(key, (tell_silence(usable, embedded), pooled(embedded)))


def read(
    model: AudioTextModel, templates: Sequence[Template], clips: LabelledClips, progress: Progress | None = None
) -> Array:
    """Embeddings of templates filled with the clips' classes, ``[K, C, D]``."""
    from audioprompt.encoding.cache import EmbeddingCache
    from audioprompt.encoding.encoder import embed_prompts

    return embed_prompts(model, templates, clips.spoken_classes, _of("prompts", progress), EmbeddingCache())


def _of(what: str, progress: Progress | None) -> Callable[[int, int], None] | None:
    return progress and partial(progress, what)


def _stamps(clips: LabelledClips) -> tuple[tuple[int, int], ...]:
    """Return what tells that a recording was replaced by another of the same name, or taken away."""

    def stamp(path: Path) -> tuple[int, int]:
        try:
            status = path.stat()
        except OSError:  # whoever reads it will say so
            return 0, 0
        return status.st_mtime_ns, status.st_size

    return tuple(stamp(path) for path in dict.fromkeys(clips.paths))


_looked_through: Recent[LabelledClips] = Recent(CLIP_SETS_KEPT)
_benches: Recent[MeasuredPack] = Recent(BENCHES_KEPT)
_clip_sets: Recent[tuple[LabelledClips, Array]] = Recent(CLIP_SETS_KEPT)


def forget() -> None:
    """Let go of everything that was measured; it is measured again when it is needed."""
    _benches.clear()
    _clip_sets.clear()
    _looked_through.clear()


DEMONSTRATION_PACK = "instruments-demonstration"


def demonstration_pack(store: PromptStore) -> str:
    """Return the id of the pack to try curation with: candidates from the offline lexicon for the demonstration clips.

    It is written when it is first asked for.

    Raises:
        PackError: it cannot be written.
    """
    from audioprompt.prompts.generators import OfflineLexicon, Task, as_pack

    if DEMONSTRATION_PACK not in store.ids():
        lexicon, task = OfflineLexicon(), Task("instruments", demonstration().spoken_classes)
        candidates = lexicon.candidates(task, lexicon.ideas(task))
        store.create(as_pack(task, candidates, lexicon, DEMONSTRATION_PACK, "Instruments, to try curation with"))
    return DEMONSTRATION_PACK


# --- decisions --------------------------------------------------------------------------------------------------------


def decided(
    store: PromptStore,
    bench: MeasuredPack,
    pack_id: str,
    statuses: Mapping[str, Status],
    who: str,
    reason: str | None = None,
) -> PromptPack:
    """Give templates a status in the store, all in one change, and note in the pack what all are worth alone.

    Args:
        store: where the pack is.
        bench: what the decision was taken on.
        pack_id: the pack.
        statuses: the status of each template, by its text.
        who: decides.
        reason: why.

    Returns:
        The pack as it stands now, others' decisions included.

    Raises:
        PackError: a template is not in the pack, or as `PromptStore.update` does.
    """

    return store.update(pack_id, lambda pack: _decided(pack, bench, statuses, who, reason))


def _decided(
    pack: PromptPack, bench: MeasuredPack, statuses: Mapping[str, Status], who: str, reason: str | None
) -> PromptPack:
    present = {entry.template.text for entry in pack.entries}
    noted = record(pack, {text: found for text, found in bench.measured.items() if text in present}, who)
    changed = noted
    for status in dict.fromkeys(statuses.values()):
        texts = [text for text, wanted in statuses.items() if wanted == status]
        changed = decide(changed, texts, status, who, reason=reason)
    return pack if changed is noted else _as_one_change(changed, len(noted.history))


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
            if self.wanted.get(entry.template.text, entry.status) != entry.status and not by_person(entry)
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


def proposed(bench: MeasuredPack, pack: PromptPack) -> Proposal:
    """Propose which templates to approve and which to reject, and say where that leads.

    Only what no person has decided on is open: their rejections are not weighed, their approvals stay.

    Args:
        bench: a pack's templates, measured.
        pack: the pack, with the decisions on them.
    """
    kept = _decisions_of_people(bench, pack)
    keep, leave_out = (
        np.array([kept.get(text) == status for text in bench.row], bool) for status in ("approved", "rejected")
    )
    return _proposal(bench, propose(bench.table, keep=keep, leave_out=leave_out), kept)


def revised(proposal: Proposal, bench: MeasuredPack, pack: PromptPack) -> Proposal:
    """Return the proposal with what people have decided since it was made."""
    kept = _decisions_of_people(bench, pack)
    return proposal if kept == proposal.kept else _proposal(bench, proposal.selection, kept)


def apply_proposal(store: PromptStore, bench: MeasuredPack, pack_id: str, proposal: Proposal, who: str) -> PromptPack:
    """Give a pack's templates in the store the status that was proposed, all in one change.

    Returns:
        The pack as it stands now. Whatever a person has decided until this moment is left as it is.

    Raises:
        PackError: as `PromptStore.update` does.
    """
    return store.update(pack_id, lambda pack: _decided(pack, bench, proposal.changes(pack), who, PROPOSED))


def _decisions_of_people(bench: MeasuredPack, pack: PromptPack) -> dict[str, Status]:
    return {
        entry.template.text: entry.status
        for entry in pack.entries
        if by_person(entry) and entry.template.text in bench.row
    }


def _proposal(bench: MeasuredPack, selection: Mask, kept: Mapping[str, Status]) -> Proposal:
    selected = dict(zip(bench.row, selection.tolist(), strict=True))
    wanted: dict[str, Status] = {
        text: kept.get(text, "approved" if selected[text] else "rejected") for text in bench.row
    }
    final = np.array([status == "approved" for status in wanted.values()], bool)
    return Proposal(final, wanted, kept, report_selection(bench.table, final))


# --- two packs --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PackComparison:
    """Two packs' approved prompts, each an ensemble, on the same clips; vanilla stands for a pack that approves none.

    Attributes:
        mine, theirs: what the first and the second pack achieve.
        paired: the first held against the second, clip by clip.
        prompts: what the prompts of the first pack make different from those of the second.
        shared: texts of the prompts that both have.
    """

    mine: Score
    theirs: Score
    paired: Comparison
    prompts: Difference
    shared: tuple[str, ...]


def choose_by(bench: MeasuredPack, pack: PromptPack, progress: Progress | None = None) -> Choices:
    """Return the class that another pack's approved prompts choose for each clip that is looked at, ``[N]``.

    Raises:
        AudioError: a clip cannot be used.
    """
    if not pack.approved:
        return bench.table.vanilla
    _, audio = heard(bench.model, bench.seen, progress, bench.skip_bad)
    return winners(audio, ensemble_weights(read(bench.model, pack.approved, bench.seen, progress)))


def compare_packs(bench: MeasuredPack, pack: PromptPack, other: PromptPack, theirs: Choices) -> PackComparison:
    """Hold a pack that was measured against another one, on the clips that are looked at.

    Args:
        bench: the pack's templates, measured.
        pack: the pack.
        other: the other one.
        theirs: as `choose_by` gives it.
    """
    found = bench.table
    mine = choices(found, bench.approved(pack))
    texts = {entry.template.text for entry in other.entries}
    return PackComparison(
        score(mine, found.targets),
        score(theirs, found.targets),
        compare(found, mine, theirs),
        compare_templates(other, pack),
        tuple(entry.template.text for entry in pack.entries if entry.template.text in texts),
    )


# --- clips held out ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HeldOut:
    """What a selection of templates achieves on clips that had no part in choosing it.

    Attributes:
        ensemble: the selection together.
        vanilla: plain zero-shot classification.
        best: the template that was best alone on the clips looked at.
        uncurated: all templates together.
        against_vanilla: the selection held against vanilla.
        against_uncurated: the selection held against all templates together.
    """

    ensemble: Score
    vanilla: Score
    best: Score
    uncurated: Score
    against_vanilla: Comparison
    against_uncurated: Comparison


def score_held_out(bench: MeasuredPack, selection: Mask, progress: Progress | None = None) -> HeldOut:
    """Score a selection, ``[K]``, on the clips held out. Repeated use makes the test set a validation set.

    Raises:
        PackError: nothing is selected.
        AudioError: a clip cannot be used.
    """
    if not selection.any():
        raise PackError("no prompt is approved, so there is nothing to score: approve some first")
    unseen, audio = heard(bench.model, bench.unseen, progress, bench.skip_bad)
    prompts = read(bench.model, [VANILLA, *bench.templates], unseen, progress)
    found = score_templates(audio, prompts[0], prompts[1:], unseen.targets, unseen.classes)
    chosen = choices(found, selection)
    return HeldOut(
        ensemble=score(chosen, found.targets),
        vanilla=score(found.vanilla, found.targets),
        best=found.scores[bench.table.best],
        uncurated=score(found.uncurated, found.targets),
        against_vanilla=compare(found, chosen, found.vanilla),
        against_uncurated=compare(found, chosen, found.uncurated),
    )


def note_held_out(store: PromptStore, bench: MeasuredPack, pack_id: str, found: HeldOut, who: str) -> PromptPack:
    """Record in a pack that the clips held out were looked at, and what came of it.

    Raises:
        PackError: as `PromptStore.update` does.
    """
    figure = bench.measurement(found.ensemble, bench.unseen)
    return store.update(pack_id, lambda pack: record_test(pack, figure, who))
