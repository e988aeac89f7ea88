"""What labels are worth, the most telling clips first: ``python -m benchmarks.label_next [MANIFEST...]``.

Every manifest is a CSV file with the columns path and classname; without one the bundled instruments are taken. Of all
its clips some are labelled, as `audioprompt label` asks for them or drawn at random, and the rest is named: by labels
and words alone, or with the rest's own help. The target is that 20 labels asked for are worth 60 at random.

After a table for people comes one line of JSON for each figure: name, value, unit, target, ok. With ``--json`` there
is a line for each draw as well. The exit code is the verdict.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from audioprompt.core.active import class_weights, stops_paying
from audioprompt.core.transductive import LabelledExamples, name_together
from audioprompt.core.zero_shot import accuracy, cosines
from audioprompt.services.label_next import LabellingSession
from benchmarks.embedded_model import Figure, at_least
from benchmarks.pools import Pool, report

LABELS = (5, 10, 20, 40, 60)
ASKED, AT_RANDOM = 20, 60  # labels that are to be worth as much


@dataclass(frozen=True)
class Cell:
    """One draw: accuracies in per cent on the clips that have no label; `expected` is the estimate of `alone`."""

    set: str
    order: str
    seed: int
    labels: int
    alone: float
    helped: float
    expected: float | None


def begin(pool: Pool) -> LabellingSession:
    """A session that is told the labels."""
    return LabellingSession(pool.model, pool.templates, pool.audio, list(pool.classes))


def ask(pool: Pool, labels: int, seed: int) -> list[int]:
    """The first clips that a session asks for: always the same."""
    session = begin(pool)
    while len(session.given) < labels and (clip := session.next()) is not None:
        session.label(clip, pool.classes[pool.targets[clip]])
    return list(session.given)


def draw(pool: Pool, labels: int, seed: int) -> list[int]:
    return np.random.default_rng(seed).permutation(len(pool.audio))[:labels].tolist()


ORDERS = {"asked for": ask, "at random": draw}


def measure(pool: Pool, order: str, seed: int) -> Iterator[Cell]:
    clips = ORDERS[order](pool, max(LABELS), seed)
    expected = [None, *expect(pool, clips)]
    for labels in (0, *LABELS):
        some = clips[:labels]
        rest = pool.take(np.setdiff1d(np.arange(len(pool.audio)), some))
        examples = LabelledExamples(pool.audio[some], pool.targets[some])
        weights = class_weights(pool.words, examples.audio, examples.targets)
        alone = accuracy(cosines(rest.audio, weights).argmax(axis=-1), rest.targets)
        together = name_together(rest.audio, weights, pool.model.logit_scale, examples).probabilities
        helped = accuracy(together.argmax(axis=-1), rest.targets)
        told = expected[labels]
        yield Cell(pool.name, order, seed, labels, 100 * alone, 100 * helped, None if told is None else 100 * told)


def expect(pool: Pool, clips: list[int]) -> list[float | None]:
    """The estimates that somebody is told who labels these clips in turn."""
    session = begin(pool)
    for clip in clips:
        session.label(clip, pool.classes[pool.targets[clip]])
    return session.estimates


def stop(pool: Pool, seed: int) -> int:
    """After how many labels somebody would be told that more of them stop paying; all of them if never."""
    clips = ask(pool, max(LABELS), seed)
    estimates = expect(pool, clips)
    told = (
        count
        for count in range(1, len(clips) + 1)
        if stops_paying(estimates[:count], pool.targets[clips[:count]].tolist())
    )
    return next(told, len(clips))


def figures(pool: Pool, cells: list[Cell]) -> Iterator[Figure]:
    def mean(order: str, labels: int, what: str) -> float:
        some = [getattr(cell, what) for cell in cells if (cell.order, cell.labels) == (order, labels)]
        return round(float(np.mean(some)), 2)

    for what, said in (("alone", "alone"), ("helped", "and the rest")):
        yield Figure(f"{pool.name}: words {said}", mean("asked for", 0, what), "%")
        enough = mean("at random", AT_RANDOM, what)
        for order in ("at random", "asked for"):
            for labels in LABELS:
                name, value = f"{pool.name}: {labels} labels {order} {said}", mean(order, labels, what)
                judged = (order, labels) == ("asked for", ASKED)
                yield at_least(name, value, "%", enough) if judged else Figure(name, value, "%")
    for order in ORDERS:
        off = [abs(cell.alone - cell.expected) for cell in cells if cell.order == order and cell.expected is not None]
        yield Figure(f"{pool.name}: the estimate is off by, {order}", round(float(np.mean(off)), 2), "points")
    yield Figure(f"{pool.name}: labels until they stop paying", stop(pool, 0), "labels")


def draws(pool: Pool, seeds: int) -> list[Cell]:
    counts = {"asked for": 1, "at random": seeds}
    return [cell for order, count in counts.items() for seed in range(count) for cell in measure(pool, order, seed)]


if __name__ == "__main__":
    report("label_next", "Measure what to label next.", draws, figures, smallest=max(LABELS) + 1)
