"""What is heard when: probabilities over time, and the events in them.

Pure functions on numpy arrays; shapes are written with F frames and C labels. Frames follow each other without overlap.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.zero_shot import Array

REACH = 0.6  # seconds of smoothing, chosen with the rules below
TINY = 1e-9


@dataclass(frozen=True)
class Event:
    """One thing that is heard from here to there.

    Attributes:
        start: in seconds.
        end: in seconds.
        label: what is heard.
        probability: that it is, at its surest.
    """

    start: float
    end: float
    label: str
    probability: float = 1.0


@dataclass(frozen=True)
class EventRules:
    """How probabilities become events.

    The defaults were chosen on mixtures of the bundled ``village`` recordings, made as in ``benchmarks.events``.

    Attributes:
        on: probability that an event has to reach somewhere.
        off: probability below which it ends.
        max_gap: seconds that an event may pause.
        min_seconds: length of the shortest event.
    """

    on: float = 0.5
    off: float = 0.4
    max_gap: float = 0.7
    min_seconds: float = 0.6


@dataclass(frozen=True)
class Timeline:
    """How probable it is that each label is heard, over time.

    Attributes:
        labels: C.
        edges: where frames begin and end, in seconds, ``[F + 1]``.
        probabilities: that a label is heard, each by itself, ``[F, C]``; zero where there is nothing to hear.
        winners: which label each frame is named by, where it is to be named by one, ``[F]``.
    """

    labels: tuple[str, ...]
    edges: Array
    probabilities: Array
    winners: NDArray[np.intp]

    @property
    def named(self) -> Array:
        """The probabilities of what each frame is named by, and zero for all other labels: ``[F, C]``."""
        wins = np.arange(len(self.labels)) == self.winners[:, np.newaxis]
        return np.where(wins, self.probabilities, np.float32(0))

    def events(self, several: bool = False, rules: EventRules = EventRules()) -> list[Event]:
        """Return what is heard when, in the order of the beginnings.

        Args:
            several: whether more than one label may be heard at once.
            rules: by which probabilities become events.
        """
        probabilities = self.probabilities if several else self.named
        active = with_hysteresis(probabilities, rules.on, rules.off)
        times = self.edges.astype(np.float64).round(3).tolist()
        found = [
            Event(times[first], times[end], label, float(probabilities[first:end, at].max()))
            for at, label in enumerate(self.labels)
            for first, end in _join(runs(active[:, at]), times, rules.max_gap)
            if times[end] - times[first] >= rules.min_seconds or end - first == len(active)
        ]
        return sorted(found, key=lambda event: (event.start, event.end, event.label))


def smooth(values: Array, heard: NDArray[np.bool_], step: float, reach: float = REACH) -> Array:
    """Average over time, what is near counting most: ``[F, C]`` -> ``[F, C]``.

    Args:
        values: of frames.
        heard: in which there is anything to hear, ``[F]``; the others do not count.
        step: seconds from one frame to the next.
        reach: seconds in which a frame's weight falls to 1/e.
    """
    most = int(4 * reach / step)  # frames to either side
    kernel = np.exp(-np.abs(np.arange(-most, most + 1)) * step / reach)

    def spread(columns: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([np.convolve(column, kernel)[most : most + len(column)] for column in columns.T], axis=1)

    counted = heard.astype(np.float64)[:, np.newaxis]
    return (spread(counted * values) / np.maximum(spread(counted), TINY)).astype(np.float32)


def with_hysteresis(scores: Array, on: float, off: float) -> NDArray[np.bool_]:
    """Return where scores stay above ``off`` around a place where they reach ``on``: ``[F, C]`` -> ``[F, C]``."""
    active = np.zeros(scores.shape, np.bool_)
    for column in range(scores.shape[1]):
        for first, end in runs(scores[:, column] >= min(on, off)):
            active[first:end, column] = scores[first:end, column].max() >= on
    return active


def runs(active: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the first frame of each run of true ones and the one behind its last: ``[F]``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _join(found: Sequence[tuple[int, int]], times: Sequence[float], max_gap: float) -> list[tuple[int, int]]:
    """Join runs between which there are no more seconds than this."""
    joined: list[tuple[int, int]] = []
    for first, end in found:
        if joined and times[first] - times[joined[-1][1]] <= max_gap:
            first = joined.pop()[0]
        joined.append((first, end))
    return joined
