"""Packs held against each other and against vanilla, on the same labelled clips."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.curation import Comparison
from audioprompt.core.metrics import Score, winners
from audioprompt.core.zero_shot import Array, ensemble_weights
from audioprompt.prompts.pack import PromptPack
from audioprompt.prompts.template import Template


@dataclass(frozen=True)
class PackResult:
    """What the ensemble of a pack's approved templates achieves.

    Attributes:
        pack: the pack's id.
        k: number of templates.
        score: on the clips.
        against_vanilla: held against vanilla, clip by clip.
        against_first: held against the first pack; None for the first pack itself.
    """

    pack: str
    k: int
    score: Score
    against_vanilla: Comparison
    against_first: Comparison | None


def compare_ensembles(
    packs: Sequence[PromptPack],
    templates: Sequence[Template],
    audio: Array,
    vanilla: Array,
    prompts: Array,
    targets: NDArray[np.intp],
) -> list[PackResult]:
    """Measure the ensembles of packs, clip by clip.

    Args:
        packs: whose approved templates are all among ``templates``.
        templates: K of them.
        audio: embeddings of the clips, ``[N, D]``.
        vanilla: embeddings of the plain prompts, ``[C, D]``.
        prompts: embeddings of the templates filled with the classes, ``[K, C, D]``.
        targets: the class of each clip, ``[N]``.
    """
    row = {template.text: index for index, template in enumerate(templates)}
    right = [
        winners(audio, ensemble_weights(prompts[[row[template.text] for template in pack.approved]])) == targets
        for pack in packs
    ]  # [N] for each pack
    right_by_vanilla = winners(audio, vanilla) == targets
    return [
        PackResult(
            pack.id,
            len(pack.approved),
            Score(int(hits.sum()), len(hits)),
            Comparison.of(hits, right_by_vanilla),
            None if hits is right[0] else Comparison.of(hits, right[0]),
        )
        for pack, hits in zip(packs, right, strict=True)
    ]
