"""Two packs on the same clips."""

from __future__ import annotations

from dataclasses import dataclass

from audioprompt.core.curation import Choices, Comparison, choices, compare
from audioprompt.core.metrics import Score, score, winners
from audioprompt.core.zero_shot import ensemble_weights
from audioprompt.prompts.difference import Difference, compare_templates
from audioprompt.prompts.pack import PromptPack
from audioprompt.services.curate.embed import Progress, embed_clips, embed_prompts
from audioprompt.services.curate.measured import MeasuredPack


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


def choose_by(measured: MeasuredPack, pack: PromptPack, progress: Progress | None = None) -> Choices:
    """Return the class that another pack's approved prompts choose for each validation clip, ``[N]``.

    Raises:
        AudioError: a clip cannot be used.
    """
    if not pack.approved:
        return measured.table.vanilla
    _, audio = embed_clips(measured.model, measured.validation, progress, measured.skip_bad)
    return winners(audio, ensemble_weights(embed_prompts(measured.model, pack.approved, measured.validation, progress)))


def compare_packs(measured: MeasuredPack, pack: PromptPack, other: PromptPack, theirs: Choices) -> PackComparison:
    """Hold a pack that was measured against another one, on the validation clips.

    Args:
        measured: the pack's templates, measured.
        pack: the pack.
        other: the other one.
        theirs: as `choose_by` gives it.
    """
    found = measured.table
    mine = choices(found, measured.approved(pack))
    texts = {entry.template.text for entry in other.entries}
    return PackComparison(
        score(mine, found.targets),
        score(theirs, found.targets),
        compare(found, mine, theirs),
        compare_templates(other, pack),
        tuple(entry.template.text for entry in pack.entries if entry.template.text in texts),
    )
