"""A pack's templates measured on labelled clips, once; from then on `audioprompt.core.curation` does arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from audioprompt.core.curation import Mask, ScoreTable, SelectionReport, report_selection, score_templates
from audioprompt.core.metrics import Score
from audioprompt.data import LabelledClips, group_near_twins, refuse_classes_alike, refuse_one_class
from audioprompt.prompts.checks import AgainstVanilla, Flag, check
from audioprompt.prompts.pack import Measurement, PackError, PromptPack
from audioprompt.prompts.template import BARE_NAME, VANILLA, Template
from audioprompt.services.curate import embed
from audioprompt.services.curate.embed import Progress, embed_clips, embed_prompts, file_versions, look_through
from audioprompt.services.curate.setup import Setup, Split
from audioprompt.services.evaluate import EmbeddedTask
from audioprompt.util.lru import Recent

if TYPE_CHECKING:
    from audioprompt.models.base import AudioTextModel

PACKS_KEPT = 6  # one of 2,000 clips, 50 classes and 40 templates takes 40 MB
LINE = 200  # characters that a pack has room for


@dataclass(frozen=True, eq=False)
class MeasuredPack:
    """A pack's K templates, whatever their status, measured on validation clips.

    Attributes:
        model: what measured them.
        templates: in the pack's order.
        split: how the clips were divided.
        validation: the clips that are looked at while choosing, N.
        test: the clips held out; nothing here was computed from them.
        task: the clips and the templates, embedded.
        table: the templates on the clips.
        flags: for each template what looks wrong with it, K.
        skip_bad: whether recordings that cannot be used are left out.
    """

    model: AudioTextModel
    templates: tuple[Template, ...]
    split: Split
    validation: LabelledClips
    test: LabelledClips
    task: EmbeddedTask
    table: ScoreTable
    flags: tuple[tuple[Flag, ...], ...]
    skip_bad: bool = False

    @cached_property
    def positions(self) -> Mapping[str, int]:
        """Each template's position in the table, by its text."""
        return {template.text: number for number, template in enumerate(self.templates)}

    @cached_property
    def measurements(self) -> Mapping[str, Measurement]:
        """What each template achieves alone, as a pack records it, by its text."""
        return {
            template.text: self.measurement(found, self.validation)
            for template, found in zip(self.templates, self.table.scores, strict=True)
        }

    def measurement(self, found: Score, clips: LabelledClips) -> Measurement:
        """Return a score on a part of the clips, as a pack records it."""
        part = self.split.name(clips, held_out=clips is self.test)
        return Measurement(
            model=self.model.name,
            revision=self.model.revision,
            data=clips.name[:LINE],
            split=part[:LINE],
            n=found.n,
            accuracy=found.accuracy,
        )

    def for_pack(self, pack: PromptPack) -> MeasuredPack:
        """Return this where it has the pack's templates, else one that has, on the same clips.

        Raises:
            PackError: the pack has no template.
        """
        if tuple(entry.template.text for entry in pack.entries) == tuple(self.positions):
            return self
        return _measure(self.model, pack, self.split, self.validation, self.test, None, self.skip_bad)

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
    """Measure all templates of a pack on the validation clips of a split.

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
        clips, audio = embed_clips(model, clips, progress, skip_bad)
        clips = group_near_twins(clips, audio)
    validation, test = split.divide(clips)
    return _measure(model, pack, split, validation, test, progress, skip_bad)


def measure_setup(
    setup: Setup, model: AudioTextModel, pack: PromptPack, clips: LabelledClips, progress: Progress
) -> MeasuredPack:
    """Measure what a page asks for, with all that its view needs at once.

    Raises:
        AudiopromptError: as `measure` does.
    """
    split = setup.split or Split.suggested(clips)
    measured = measure(model, pack, clips, split, progress, setup.skip_bad)
    measured.table.random_curves  # noqa: B018, computed while someone waits anyway
    return measured


def _measure(
    model: AudioTextModel,
    pack: PromptPack,
    split: Split,
    validation: LabelledClips,
    test: LabelledClips,
    progress: Progress | None,
    skip_bad: bool,
) -> MeasuredPack:
    if not pack.entries:
        raise PackError(f"{pack.id} has no prompts: generate some, or import a list")
    templates = tuple(entry.template for entry in pack.entries)
    texts = tuple(template.text for template in templates)
    key = (model.name, model.revision, texts, split, validation, test, file_versions(validation), skip_bad)
    if kept := _measured_packs.get(key):
        return kept
    validation, audio = embed_clips(model, validation, progress, skip_bad)
    prompts = embed_prompts(model, [VANILLA, BARE_NAME, *templates], validation, progress)
    found = score_templates(audio, prompts[0], prompts[2:], validation.targets, validation.classes)
    against = AgainstVanilla.count(found.alone, found.vanilla, found.targets, len(found.classes))
    flags = check(templates, validation.spoken_classes, prompts[2:], prompts[1], against)
    task = EmbeddedTask(audio, prompts[0], prompts[2:], found.targets, validation.groups, model.logit_scale)
    measured = MeasuredPack(model, templates, split, validation, test, task, found, tuple(flags), skip_bad)
    return _measured_packs.put(key, measured)


_measured_packs: Recent[MeasuredPack] = Recent(PACKS_KEPT)


def forget() -> None:
    """Let go of everything that was measured; it is measured again when it is needed."""
    _measured_packs.clear()
    embed.forget()
