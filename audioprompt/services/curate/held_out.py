"""What a selection achieves on clips that had no part in choosing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audioprompt.core.curation import Comparison, Mask, choices, compare, score_templates
from audioprompt.core.metrics import Score, score
from audioprompt.prompts.history import record_test
from audioprompt.prompts.pack import PackError, PromptPack
from audioprompt.prompts.template import VANILLA
from audioprompt.services.curate.embed import Progress, embed_clips, embed_prompts
from audioprompt.services.curate.measured import MeasuredPack

if TYPE_CHECKING:
    from audioprompt.prompts.store import PromptStore


@dataclass(frozen=True)
class HeldOut:
    """What a selection of templates achieves on clips that had no part in choosing it.

    Attributes:
        selected: texts of the templates that were selected.
        count: of all templates there were.
        ensemble: the selection together.
        vanilla: plain zero-shot classification.
        best: the template that was best alone on the clips looked at.
        uncurated: all templates together.
        against_vanilla: the selection held against vanilla.
        against_uncurated: the selection held against all templates together.
    """

    selected: frozenset[str]
    count: int
    ensemble: Score
    vanilla: Score
    best: Score
    uncurated: Score
    against_vanilla: Comparison
    against_uncurated: Comparison

    def is_of(self, pack: PromptPack) -> bool:
        """Whether it is of the templates that a pack approves."""
        return self.selected == {template.text for template in pack.approved}


def score_held_out(measured: MeasuredPack, selection: Mask, progress: Progress | None = None) -> HeldOut:
    """Score a selection, ``[K]``, on the clips held out. Repeated use makes the test set a validation set.

    Raises:
        PackError: nothing is selected.
        AudioError: a clip cannot be used.
    """
    if not selection.any():
        raise PackError("no prompt is approved, so there is nothing to score: approve some first")
    test, audio = embed_clips(measured.model, measured.test, progress, measured.skip_bad)
    prompts = embed_prompts(measured.model, [VANILLA, *measured.templates], test, progress)
    found = score_templates(audio, prompts[0], prompts[1:], test.targets, test.classes)
    chosen = choices(found, selection)
    return HeldOut(
        selected=frozenset(text for text, position in measured.positions.items() if selection[position]),
        count=len(measured.templates),
        ensemble=score(chosen, found.targets),
        vanilla=score(found.vanilla, found.targets),
        best=found.scores[measured.table.best],
        uncurated=score(found.uncurated, found.targets),
        against_vanilla=compare(found, chosen, found.vanilla),
        against_uncurated=compare(found, chosen, found.uncurated),
    )


def note_held_out(store: PromptStore, measured: MeasuredPack, pack_id: str, found: HeldOut, who: str) -> PromptPack:
    """Record in a pack that the clips held out were looked at, and what came of it.

    Raises:
        PackError: as `PromptStore.update` does.
    """
    figure = measured.measurement(found.ensemble, measured.test)
    return store.update(pack_id, lambda pack: record_test(pack, figure, who))
