"""Search among many windows: how long a query takes, and whether it is right: ``python -m benchmarks.search``.

100,000 random vectors (``--vectors``) of the bundled model's dimensions, in recordings of one and of three in turn, are
searched with `EmbeddedFolder.nearest`, from a warm start; the figure is the median of the queries on the clock. Recall
is the fraction of the ten nearest recordings, by cosines in double precision, that are found. Above 200,000 vectors an
index answers, where its library is installed, and the same two figures are told of it, without a target.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from audioprompt.core.zero_shot import Array, normalise
from audioprompt.services.folders.search import EXACT, EmbeddedFolder
from benchmarks.embedded_model import Figure, at_least, at_most
from benchmarks.side_by_side import report

VECTORS, DIM, QUERIES, MOST = 100_000, 512, 50, 10
MAX_MILLISECONDS = 50.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.search", description="Time search, and measure its recall.")
    parser.add_argument("--vectors", type=int, default=VECTORS)
    count = parser.parse_args().vectors
    rng = np.random.default_rng(0)
    folder = embedded(rng, count)
    queries = normalise(rng.standard_normal((QUERIES, DIM)).astype(np.float32))
    folder.nearest(queries[0], MOST)  # builds the index, if there is one
    taken, hits = [], 0
    for query in queries:
        began = time.perf_counter()
        found = folder.nearest(query, MOST)
        taken.append(time.perf_counter() - began)
        hits += len({one.number for one in found} & nearest_in_double(folder, query))
    exact = folder.method == EXACT
    milliseconds, recall = 1_000 * float(np.median(taken)), hits / (MOST * QUERIES)
    what = f"search among {count} vectors"
    print(f"{what}: {folder.method}")
    report(
        [
            at_most(what, milliseconds, "ms", MAX_MILLISECONDS) if exact else Figure(what, milliseconds, "ms"),
            at_least(f"{what}, recall", recall, "of 1", 1.0) if exact else Figure(f"{what}, recall", recall, "of 1"),
        ]
    )


def embedded(rng: np.random.Generator, count: int) -> EmbeddedFolder:
    """Random windows: recordings of one and of three in turn."""
    owners = np.repeat(np.arange(count), np.where(np.arange(count) % 2, 3, 1))[:count]
    recordings = int(owners[-1]) + 1
    windows = normalise(rng.standard_normal((count, DIM), np.float32))
    names, starts = tuple(f"{number}.wav" for number in range(recordings)), np.zeros(count, np.float32)
    seconds = np.full(recordings, 15, np.float32)
    return EmbeddedFolder(("random", "1"), 5.0, Path(), names, seconds, owners, starts, windows)


def nearest_in_double(folder: EmbeddedFolder, query: Array) -> set[int]:
    cosines = np.concatenate(
        [some.astype(np.float64) @ query.astype(np.float64) for some in np.array_split(folder.windows, 20)]
    )
    best = np.full(len(folder.names), -np.inf)
    np.maximum.at(best, folder.owners, cosines)
    return set(np.argsort(-best)[:MOST].tolist())


if __name__ == "__main__":
    main()
