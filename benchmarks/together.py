"""What clips without labels give each other: ``python -m benchmarks.together [MANIFEST...]``.

Every manifest is a CSV file with the columns path, classname and fold; without one the bundled instruments are taken.
No label is used but to count what is right. Zero-shot (the ensemble of the pack ``--pack``) is held against listening
to all clips first: for the whole set, for clips of one fold after learning from the unlabelled others, with one clip
of each class, with classes as uneven as 20 to 1, and with half of the classes not among the labels, so that half of
the clips are of none. The last three are drawn ``--seeds`` times.

After a table for people comes one line of JSON for each figure: name, value, unit, target, ok. With ``--json`` there
is a line for each draw as well. The exit code is the verdict.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.transductive import name_together
from audioprompt.core.zero_shot import accuracy, cosines
from benchmarks.embedded_model import Figure, at_least
from benchmarks.pools import Pool, report

REACHED = {"esc10": 92.0, "instruments": 59.0}  # per cent of the whole set, by the name of its folder
MAX_LOSS = 1.0  # points below zero-shot that a mean over draws may fall
SEEDS = 150  # a draw of one clip of each class is so small that the mean of twenty tells nothing
RATIO = 20  # of the largest class to the smallest, where classes are uneven


@dataclass(frozen=True)
class Cell:
    """One draw: accuracies in per cent, of the clips that are of the labels."""

    set: str
    case: str
    seed: int
    clips: int
    zero_shot: float
    together: float
    stepped_back: str | None


Draw = Callable[[Pool, np.random.Generator], Pool]


def whole(pool: Pool, rng: np.random.Generator) -> Pool:
    return pool


def one_of_each(pool: Pool, rng: np.random.Generator) -> Pool:
    return pool.take(np.concatenate([rng.permutation(rows)[:1] for rows in by_class(pool)]))


def uneven(pool: Pool, rng: np.random.Generator) -> Pool:
    """Classes that have from all of their clips down to a twentieth, in a random order."""
    parts = np.geomspace(1, 1 / RATIO, len(pool.words))[rng.permutation(len(pool.words))]
    kept = [
        rng.permutation(rows)[: max(1, round(part * len(rows)))]
        for part, rows in zip(parts, by_class(pool), strict=True)
    ]
    return pool.take(np.concatenate(kept))


def half_unknown(pool: Pool, rng: np.random.Generator) -> Pool:
    classes = len(pool.words)
    return pool.with_labels(np.sort(rng.permutation(classes)[: classes // 2]))


CASES: dict[str, Draw] = {
    "whole set": whole,
    "one clip of each class": one_of_each,
    f"uneven, {RATIO} to 1": uneven,
    "half of no label": half_unknown,
}


def by_class(pool: Pool) -> list[NDArray[np.intp]]:
    return [np.flatnonzero(pool.targets == number) for number in range(len(pool.words))]


def measure(pool: Pool, case: str, seed: int) -> Cell:
    drawn = CASES[case](pool, np.random.default_rng(seed))
    found = name_together(drawn.audio, drawn.words, drawn.model.logit_scale)
    known = drawn.targets >= 0
    zero_shot, together = (
        100 * accuracy(said[known].argmax(axis=-1), drawn.targets[known]) for said in (found.alone, found.probabilities)
    )
    return Cell(pool.name, case, seed, len(drawn.audio), zero_shot, together, found.reason)


def clip_by_clip(pool: Pool) -> float:
    """Accuracy in per cent of the clips of each fold, one by one, after the unlabelled clips of the other folds."""
    right = np.zeros(len(pool.targets), bool)
    for fold in np.unique(pool.folds):
        others, these = pool.take(np.flatnonzero(pool.folds != fold)), pool.folds == fold
        learned = name_together(others.audio, pool.words, pool.model.logit_scale).means
        said = pool.model.logit_scale * cosines(pool.audio[these], pool.words)
        if learned:
            said = said + learned.log_likelihoods(pool.audio[these])
        right[these] = said.argmax(axis=-1) == pool.targets[these]
    return 100 * float(right.mean())


def figures(pool: Pool, cells: list[Cell]) -> Iterator[Figure]:
    plain = next(cell for cell in cells if cell.case == "whole set")
    yield Figure(f"{pool.name}: zero-shot", plain.zero_shot, "%")
    target = REACHED.get(pool.name, plain.zero_shot - MAX_LOSS)
    yield at_least(f"{pool.name}: all clips first", plain.together, "%", target)
    if len(np.unique(pool.folds)) > 1:
        yield Figure(f"{pool.name}: learned on other folds, clip by clip", clip_by_clip(pool), "%")
    for case in CASES:
        gains = np.array([cell.together - cell.zero_shot for cell in cells if cell.case == case])
        if len(gains) > 1:
            yield at_least(f"{pool.name}, {case}: gain", float(gains.mean()), "points", -MAX_LOSS)
            yield Figure(f"{pool.name}, {case}: worst", float(gains.min()), "points")
            yield Figure(f"{pool.name}, {case}: below zero-shot", 100 * float((gains < 0).mean()), "% of draws")


def draws(pool: Pool, seeds: int) -> list[Cell]:
    counts = {case: 1 if case == "whole set" else seeds for case in CASES}
    return [measure(pool, case, seed) for case, count in counts.items() for seed in range(count)]


if __name__ == "__main__":
    report("together", "Measure listening to all clips first.", draws, figures, seeds=SEEDS)
