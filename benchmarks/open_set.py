"""How well it is noticed that a clip is none of the labels: ``python -m benchmarks.open_set [MANIFEST...]``.

Every manifest is a CSV file with the columns path, classname and fold; without one the bundled instruments are taken.
Half of the classes, drawn ``--seeds`` times, are the labels, and the clips of the other half are none of them. Reported
are the area under the ROC curve of known against unknown, without clips to learn from and with four of each class, and
what the thresholds do: how many clips of known classes are refused (meant are 5 %), and how many unknown ones. Where
several sounds may be heard, the mean average precision of the labels.

After a table for people comes one line of JSON for each figure: name, value, unit, target, ok. With ``--json`` there
is a line for each draw as well. The exit code is the verdict.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from audioprompt.core.rejection import (
    KNOWN,
    Background,
    average_precision,
    class_means,
    known_scores,
    label_scores,
    leave_one_out_scores,
    threshold_refusing,
)
from audioprompt.core.zero_shot import Array
from audioprompt.services.rejection import recognise_by_words
from benchmarks.embedded_model import Figure, at_least
from benchmarks.pools import Pool, report

CLIPS = 4  # of each known class, to learn from
REACHED = {"esc10": (90.0, 95.0)}  # areas in per cent without clips and with, by the name of a set's folder


@dataclass(frozen=True)
class Cell:
    """One draw, in per cent."""

    set: str
    seed: int
    labels: list[int]
    area: float
    refused_known: float
    refused_unknown: float
    area_with_clips: float
    refused_known_with_clips: float
    refused_unknown_with_clips: float


def measure(pool: Pool, seed: int) -> Cell:
    rng = np.random.default_rng(seed)
    classes = np.sort(rng.permutation(len(pool.words))[: len(pool.words) // 2])
    drawn = pool.with_labels(classes)
    background = background_of(drawn)
    scores = known_scores(drawn.audio, drawn.words, background)
    plain = verdicts(scores, drawn.targets >= 0, KNOWN)
    learned, others = shots(drawn, rng)
    targets = drawn.targets[learned]
    means = class_means(drawn.audio[learned], targets, len(classes))
    left_out = leave_one_out_scores(drawn.audio[learned], targets, drawn.words, background)
    scores = known_scores(drawn.audio[others], drawn.words, background, means)
    with_clips = verdicts(scores, drawn.targets[others] >= 0, threshold_refusing(left_out))
    return Cell(pool.name, seed, classes.tolist(), *plain, *with_clips)


def verdicts(scores: Array, known: NDArray[np.bool_], threshold: float) -> tuple[float, float, float]:
    """Area under ROC, and the shares of known and of unknown clips that are refused; ``[N]``, ``[N]``."""
    refused = scores < threshold
    return (
        100 * float(roc_auc_score(known, scores)),
        100 * float(refused[known].mean()),
        100 * float(refused[~known].mean()),
    )


def shots(pool: Pool, rng: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Clips to learn from, and all others."""
    rows = [rng.permutation(np.flatnonzero(pool.targets == number))[:CLIPS] for number in range(len(pool.words))]
    learned = np.concatenate(rows)
    return learned, np.setdiff1d(np.arange(len(pool.targets)), learned)


def several(pool: Pool) -> float:
    """Mean average precision of all labels, in per cent."""
    scores = label_scores(pool.audio, pool.words, background_of(pool))
    each = [average_precision(scores[:, label], pool.targets == label) for label in range(len(pool.words))]
    return 100 * float(np.mean([one for one in each if one is not None]))


def figures(pool: Pool, cells: list[Cell]) -> Iterator[Figure]:
    targets = REACHED.get(pool.name)
    for at, (case, suffix) in enumerate((("no clips", ""), (f"{CLIPS} clips of each class", "_with_clips"))):
        area, known, unknown = (
            float(np.mean([getattr(cell, name + suffix) for cell in cells]))
            for name in ("area", "refused_known", "refused_unknown")
        )
        name = f"{pool.name}, {case}"
        yield at_least(f"{name}: area", area, "%", targets[at]) if targets else Figure(f"{name}: area", area, "%")
        yield Figure(f"{name}: known clips refused", known, "%")
        yield Figure(f"{name}: unknown clips refused", unknown, "%")
    yield Figure(f"{pool.name}: mean average precision", several(pool), "%")


def background_of(pool: Pool) -> Background:
    recogniser = recognise_by_words(pool.model, pool.words, pool.classes)
    assert recogniser is not None
    return recogniser.background


def draws(pool: Pool, seeds: int) -> list[Cell]:
    return [measure(pool, seed) for seed in range(seeds)]


if __name__ == "__main__":
    report("open_set", "Measure what is said of unknown sounds.", draws, figures)
