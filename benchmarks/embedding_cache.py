"""That memory stays bounded, and what the cache of embeddings saves: ``python -m benchmarks.embedding_cache``.

10,000 files of 1 s (``--clips``) are encoded with the bundled model and without a cache, and the process may not grow
by more than ``MAX_MEGABYTES`` over what it held with the model loaded and warm. The embeddings that are handed back
are part of that growth, and are reported as well.

The bundled clips, in Ogg, and prompts are encoded into an empty cache and read from a full one, in turns; the figure is
the median of the ratios. To know a clip by its content the cache has to read and hash its file. For WAV files of CD
quality, 5 s each, that is all the time it takes, and as the bundled model is so quick, less is gained; that figure has
no target.

Time is what the process worked, on one thread; with ``--wall`` it is clock time on all cores.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile

from audioprompt.data.examples import examples
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.encoding.clips import embed_clips
from audioprompt.encoding.encoder import embed_prompts
from audioprompt.models.embedded import EmbeddedModel
from audioprompt.prompts.store import PromptStore
from benchmarks.embedded_model import Figure, at_least, at_most
from benchmarks.palm_speed import names, peak_megabytes
from benchmarks.side_by_side import Clock, alternate, report, stopwatch

WAV_CLIPS = 50
PACK = "acoustic-scenes"
TURNS = 5
FASTER = 100.0
MANY = 10_000
FIRST = 100  # clips after which memory has settled
MAX_MEGABYTES = 300


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.embedding_cache", description="Measure the cache, and memory.")
    parser.add_argument("--clips", type=int, default=MANY, help="short clips that are encoded while memory is watched")
    parser.add_argument("--wall", action="store_true", help="clock time on all cores, where nothing else runs")
    arguments = parser.parse_args()
    clock, model = stopwatch(arguments.wall), EmbeddedModel("cpu")
    with tempfile.TemporaryDirectory() as folder:
        figures = [*memory(model, Path(folder), arguments.clips), *warm_against_cold(clock, model, Path(folder))]
    report(figures)


def warm_against_cold(clock: Clock, model: EmbeddedModel, folder: Path) -> Iterator[Figure]:
    """How many times faster embeddings come from the cache than from the model."""
    bundled = [example.path for example in examples()]
    uncompressed = noises(folder, WAV_CLIPS, 5, 44_100)
    templates, labels = PromptStore().get(PACK).approved, names(50)
    kinds: list[tuple[str, float | None, Callable[[EmbeddingCache], object]]] = [
        (f"{len(bundled)} bundled clips", FASTER, lambda cache: embed_clips(model, bundled, cache=cache)),
        (f"{len(uncompressed)} WAV clips", None, lambda cache: embed_clips(model, uncompressed, cache=cache)),
        (
            f"{len(templates) * len(labels):,} texts",
            FASTER,
            lambda cache: embed_prompts(model, templates, labels, cache=cache),
        ),
    ]
    print(f"{'with the bundled model':24}{'cold, s':>10}{'warm, s':>10}{'times faster':>14}")
    for number, (kind, target, embed) in enumerate(kinds):
        cache = EmbeddingCache(folder / f"cache-{number}")
        embed(cache)

        def cold() -> None:
            embed(EmbeddingCache(Path(tempfile.mkdtemp(dir=folder))))  # noqa: B023

        taken = alternate(clock, cold, lambda: embed(cache), turns=TURNS)  # noqa: B023
        faster = float(np.median(taken[:, 0] / taken[:, 1]))
        print("{:24}{:10.3f}{:10.4f}{:14.0f}".format(kind, *np.median(taken, axis=0), faster))
        name = f"embedding_cache, {kind}"
        yield at_least(name, faster, "times faster", target) if target else Figure(name, faster, "times faster")


def memory(model: EmbeddedModel, folder: Path, count: int) -> list[Figure]:
    """By how many MB the process grows while it encodes many clips, and how much of that are their embeddings."""
    clips = noises(folder, count, 1, 16_000)
    embed_clips(model, clips[:FIRST])
    before = resident_megabytes()
    embedded = embed_clips(model, clips)
    grown = peak_megabytes() - before
    handed_back = sum(clip.windows.nbytes + clip.starts.nbytes for clip in embedded) / 1e6
    print(f"{count:,} clips of 1 s: {before:.0f} MB before, at most {before + grown:.0f} MB meanwhile\n")
    return [
        at_most(f"memory growth over {count} clips", grown, "MB", MAX_MEGABYTES),
        Figure("of it in the embeddings handed back", handed_back, "MB"),
    ]


def noises(folder: Path, count: int, seconds: float, rate: int) -> list[Path]:
    """Write clips of noise, each another one."""
    rng = np.random.default_rng(count)
    paths = [folder / f"{seconds}s-{index}.wav" for index in range(count)]
    for path in paths:
        soundfile.write(path, 0.1 * rng.standard_normal(round(seconds * rate)), rate)
    return paths


def resident_megabytes() -> float:
    """What this process holds now; where the system does not say it in a file, the most it has held."""
    status = Path("/proc/self/status")
    if not status.exists():
        return peak_megabytes()
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmRSS")) / 1e3


if __name__ == "__main__":
    main()
