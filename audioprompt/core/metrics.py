"""How good a model, a template and an ensemble are on labelled clips, with how sure one can be of it.

Pure functions on embeddings, like `audioprompt.core.zero_shot`, whose shapes and letters they fraction.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.zero_shot import Array, cosines, ensemble_weights

Z_95 = 1.959963984540054  # standard deviations either side of the mean that hold 95 % of a normal distribution


@dataclass(frozen=True)
class Score:
    """How many of ``n`` clips were put in the right class."""

    correct: int
    n: int

    @property
    def accuracy(self) -> float:
        """Share of the clips, 0 to 1."""
        return self.correct / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Bounds between which the true accuracy lies, at 95 % confidence."""
        return wilson_interval(self.correct, self.n)


@dataclass(frozen=True)
class Evaluation:
    """What K templates achieve on N clips of C classes.

    Attributes:
        classes: the C class names.
        vanilla: the one template of plain zero-shot classification.
        templates: each of the K templates alone.
        ensemble: all K together, by default by the mean of their embeddings (TSPE).
        confusion: the ensemble's choices, ``[C, C]``: how many clips of the row's class were put in the column's.
    """

    classes: tuple[str, ...]
    vanilla: Score
    templates: tuple[Score, ...]
    ensemble: Score
    confusion: NDArray[np.intp]

    @property
    def n(self) -> int:
        """Number of clips."""
        return self.ensemble.n

    @property
    def mean_of_templates(self) -> float:
        """Mean accuracy of the templates, each alone."""
        return sum(score.accuracy for score in self.templates) / len(self.templates)

    @property
    def best(self) -> int:
        """Index of the template that is best alone, the first of equals."""
        return max(range(len(self.templates)), key=lambda index: self.templates[index].correct)

    @property
    def recalls(self) -> tuple[Score | None, ...]:
        """For each class the ensemble's score on the clips of that class, None where there are none; C."""
        rows = [(int(row[index]), int(row.sum())) for index, row in enumerate(self.confusion)]
        return tuple(Score(correct, n) if n else None for correct, n in rows)


def evaluate(
    audio: Array,
    vanilla: Array,
    prompts: Array,
    targets: NDArray[np.intp],
    classes: Sequence[str],
    chosen: NDArray[np.intp] | None = None,
) -> Evaluation:
    """Measure templates, alone and together, on labelled clips.

    Args:
        audio: clip embeddings, ``[N, D]``.
        vanilla: embeddings of the vanilla template filled with each class, ``[C, D]``.
        prompts: embeddings of the templates filled with each class, ``[K, C, D]``.
        targets: each clip's class, ``[N]``, indices into ``classes``.
        classes: the C class names.
        chosen: the class that the templates together choose for each clip, ``[N]``; by default TSPE's choice.

    Raises:
        ValueError: shapes that do not fit, no clip, or no template.
    """
    check_shapes(audio, vanilla, prompts, targets, classes)
    together = winners(audio, ensemble_weights(prompts)) if chosen is None else chosen
    return Evaluation(
        tuple(classes),
        vanilla=score(winners(audio, vanilla), targets),
        templates=template_sensitivity(audio, prompts, targets),
        ensemble=score(together, targets),
        confusion=confusion(together, targets, len(classes)),
    )


def check_shapes(
    audio: Array, vanilla: Array, prompts: Array, targets: NDArray[np.intp], classes: Sequence[str]
) -> None:
    """Raise a ValueError unless clips, prompts, classes and targets fit each other, as `evaluate` takes them."""
    if prompts.ndim != 3 or 0 in prompts.shape:
        raise ValueError(f"prompts must be [templates, classes, dim] and not empty, got shape {prompts.shape}")
    if vanilla.shape != prompts.shape[1:] or len(classes) != len(vanilla):
        raise ValueError(f"{len(classes)} classes and vanilla {vanilla.shape} do not fit prompts {prompts.shape}")
    if targets.shape != audio.shape[:1] or not len(targets):
        raise ValueError(f"targets must give one class for each of {len(audio)} clips, got shape {targets.shape}")


def template_sensitivity(audio: Array, prompts: Array, targets: NDArray[np.intp]) -> tuple[Score, ...]:
    """Score each template alone: ``[N, D]``, ``[K, C, D]``, ``[N]`` -> K scores. Their spread is what wording does."""
    return tuple(score(winners(audio, weights), targets) for weights in prompts)


def ensemble_score(audio: Array, prompts: Array, targets: NDArray[np.intp]) -> Score:
    """Score templates together, by the mean of their embeddings: ``[N, D]``, ``[K, C, D]``, ``[N]`` -> a score."""
    return score(winners(audio, ensemble_weights(prompts)), targets)


def winners(audio: Array, weights: Array) -> NDArray[np.intp]:
    """Return the class nearest to each clip: ``[N, D]``, ``[C, D]`` -> ``[N]``."""
    return cosines(audio, weights).argmax(axis=-1)


def score(chosen: NDArray[np.intp], targets: NDArray[np.intp]) -> Score:
    """Count the right choices: ``[N]``, ``[N]``."""
    return Score(int((chosen == targets).sum()), len(targets))


def confusion(chosen: NDArray[np.intp], targets: NDArray[np.intp], classes: int) -> NDArray[np.intp]:
    """Count how often each true class (row) was taken for each class (column): ``[N]``, ``[N]`` -> ``[C, C]``."""
    return np.bincount(targets * classes + chosen, minlength=classes * classes).reshape(classes, classes)


def wilson_interval(correct: int, n: int, z: float = Z_95) -> tuple[float, float]:
    """Interval for a fraction of ``n`` that holds up where there are few clips or fractions near 0 and 1 (Wilson 1927).

    Raises:
        ValueError: unless ``0 <= correct <= n`` and ``n > 0``.
    """
    if not 0 <= correct <= n or n == 0:
        raise ValueError(f"{correct} of {n} is not a fraction.")
    fraction = correct / n
    middle = (fraction + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(fraction * (1 - fraction) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)
