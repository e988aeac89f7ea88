"""What a PALM head has learned."""

from dataclasses import dataclass

import numpy as np

from audioprompt.core.zero_shot import Array
from audioprompt.few_shot.methods.palm import Palm
from audioprompt.few_shot.settings import FewShotError
from audioprompt.services.learn.results import Results


def palm_of(results: Results) -> Palm | None:
    """Return the PALM head of a trial; None where there is none."""
    return next((one.head for one in results.outcomes if type(one.head) is Palm), None)


def reliance(head: Palm) -> list[tuple[str, float]]:
    """How far each class relies on what was learned for it, 0 (its words alone) to 1; the furthest first."""
    shares = [(name, float(gate)) for name, gate in zip(head.classes, head.gates, strict=True)]
    return sorted(shares, key=lambda pair: -pair[1])


@dataclass(frozen=True, eq=False)
class Moves:
    """Where class embeddings were and went, in the plane that shows most of it.

    Attributes:
        classes: the C class names.
        before: by the words alone, ``[C, 2]``.
        after: learned, ``[C, 2]``.
    """

    classes: tuple[str, ...]
    before: Array
    after: Array


def moves(head: Palm) -> Moves:
    """Project the embeddings of a head's classes, before and after, to their two principal components."""
    after = head.weights
    if after is None:
        raise FewShotError("this head has learned nothing yet: call fit first")
    both = np.concatenate([head.constants["start"], after])
    centred = both - both.mean(axis=0)
    plane = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    return Moves(head.classes, plane[: len(after)], plane[len(after) :])
