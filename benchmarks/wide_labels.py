"""Whether wide labels let through what they mean: ``python -m benchmarks.wide_labels [MANIFEST...]``.

Every manifest is a CSV file with the columns path and classname; without one the bundled instruments are taken. The
labels are any three of `FITTING`. Reported is how many recordings whose class fits one of them are refused as none of
these, and how many of the others are; what else a recording may hold is not known.

After a table for people comes one line of JSON for each figure: name, value, unit, target, ok. With ``--json`` there is
a line for each three labels as well. The exit code is the verdict.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from audioprompt.core.rejection import KNOWN
from audioprompt.core.zero_shot import ensemble_weights
from audioprompt.services.prompts import PROMPTS
from audioprompt.services.rejection import recognise_by_words
from benchmarks.embedded_model import Figure
from benchmarks.pools import Pool, report

INSTRUMENTS = {"bass guitar", "bowed strings", "brass", "choir", "drums", "flute", "guitar", "mallet percussion"}
INSTRUMENTS |= {"organ", "piano", "saxophone", "synthesizer"}
FITTING = {
    "animal": {"bird", "chicken", "cow", "goat", "horse", "dog bark", "rooster"},
    "music": {"music", *INSTRUMENTS},
    "human sounds": {"crowd", "footsteps", "speech", "choir", "baby cry", "person sneeze"},
    "weather": {"storm", "rain"},
    "water": {"water", "sea waves", "rain"},
    "tools": {"chopping wood", "sawing wood", "chainsaw"},
    "vehicle": {"helicopter"},
    "household sounds": {"clock tick"},
}


@dataclass(frozen=True)
class Cell:
    """What three labels refuse, in per cent; None where no recording fits, or none does not."""

    set: str
    labels: tuple[str, ...]
    refused_fitting: float | None
    refused_others: float | None


def measure(pool: Pool, labels: tuple[str, ...]) -> Cell:
    words = ensemble_weights(PROMPTS.get(pool.model, pool.templates, labels))
    recogniser = recognise_by_words(pool.model, words, labels)
    assert recogniser is not None
    refused = recogniser.scores(pool.audio) < KNOWN
    fits = np.array([pool.classes[at] in set().union(*(FITTING[label] for label in labels)) for at in pool.targets])

    def per_cent(of: np.ndarray) -> float | None:
        return 100 * float(of.mean()) if len(of) else None

    return Cell(pool.name, labels, per_cent(refused[fits]), per_cent(refused[~fits]))


def draws(pool: Pool, seeds: int) -> list[Cell]:
    return [measure(pool, labels) for labels in combinations(FITTING, 3)]


def figures(pool: Pool, cells: list[Cell]) -> Iterator[Figure]:
    for name, said in (("refused_fitting", "fitting"), ("refused_others", "other")):
        values = [value for cell in cells if (value := getattr(cell, name)) is not None]
        yield Figure(f"{pool.name}, wide labels: {said} recordings refused", float(np.mean(values)), "%")


if __name__ == "__main__":
    report("wide_labels", "Measure what wide labels refuse.", draws, figures)
