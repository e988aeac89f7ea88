"""Folders as a stream: how fast, and in how much memory: ``python -m benchmarks.folder``.

* Clips per second from files at the model's rate to rows, as ``audioprompt classify DIR --out`` hears them, against the
  bare model: the same windows, decoded already, one by one on all cores at once. Windows in batches of four, as the
  command has them, a plain loop, one file after the other through soundfile and the model, and the same files as the
  labelled clips of who learns or curates are timed as well. The sides take turns, and a figure is the median of the
  turns' ratios; it is clock time, so nothing else should run. With ``--work`` it is the processor time of all cores.
* The peak memory of the command over 1,000 files and over ten times as many, each in a process of its own.
* Its peak memory over 100,000 files that hold nothing but a header, and one that holds sound.
* Its peak memory over one recording of two hours, how much of it is beyond what one of five seconds takes, for most is
  taken by torch, and how much more one of ten hours takes.

``--quick`` takes a tenth of the files and of the hours.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
import torch

from audioprompt.audio.decode import stream_windows
from audioprompt.data.recordings import find_files
from audioprompt.encoding.clips import embed_clips
from audioprompt.encoding.encoder import WINDOWS_PER_CPU_BATCH
from audioprompt.models.embedded import EmbeddedModel
from audioprompt.models.threads import one_thread
from audioprompt.prompts.store import PromptStore
from audioprompt.server.cores import one_for_matrices
from audioprompt.services.folders.classify import Question, classify_files
from benchmarks.embedded_model import Figure, at_least, at_most
from benchmarks.embedding_cache import noises
from benchmarks.side_by_side import Clock, alternate, report

LABELS = ("dog bark", "rain", "siren", "bird song")
BATCH = WINDOWS_PER_CPU_BATCH
CLIPS, TURNS = 60, 15  # a turn of half a second tells little on a machine that others use as well
MANY, EMPTY = 10_000, 100_000
HOURS = (2.0, 10.0)
SHARE = 0.9  # of the bare model's rate
MAX_GROWTH, MAX_PEAK, MAX_LONGER = 100.0, 500.0, 50.0  # MB


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.folder", description="Time folders, and measure their memory.")
    parser.add_argument("--quick", action="store_true", help="fewer files, and a shorter recording")
    parser.add_argument("--only", choices=["rate", "many", "empty", "long"], help="one of the parts")
    parser.add_argument("--work", action="store_true", help="processor time, which a busy machine does not stretch")
    arguments = parser.parse_args()
    few = 10 if arguments.quick else 1
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        if arguments.only in (None, "many"):
            figures += many_files(Path(folder), MANY // few)
        if arguments.only in (None, "long"):
            figures += long_files(Path(folder), [hours / few for hours in HOURS])
        if arguments.only in (None, "empty"):
            figures += empty_files(Path(folder), EMPTY // few)
        if arguments.only in (None, "rate"):
            figures += rate(Path(folder), time.process_time if arguments.work else time.perf_counter)
    report(figures)


def rate(folder: Path, clock: Clock) -> list[Figure]:
    """How near the stream comes to the bare model, and how much faster than a plain loop it is."""
    model, cores = EmbeddedModel("cpu"), os.cpu_count() or 1
    one_for_matrices()  # as the command does
    inside = folder / "clips"
    inside.mkdir()
    paths = noises(inside, CLIPS, 5, model.sample_rate)
    question, files = Question(model, LABELS, PromptStore().get("eight-templates").approved), find_files([inside])
    cut = [next(stream_windows(path, model.sample_rate, model.window_seconds)).samples for path in paths]
    windows = [torch.from_numpy(samples[np.newaxis]) for samples in cut]

    batches = [torch.cat(windows[start : start + BATCH]) for start in range(0, CLIPS, BATCH)]

    def heard(some: torch.Tensor) -> torch.Tensor:
        with one_thread():
            return model.embed_audio(some)

    def bare() -> None:
        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(heard, windows))

    def batched() -> None:
        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(heard, batches))

    def stream() -> None:
        assert all(row.answer for _, row in classify_files(question, files))

    def loop() -> None:
        for path in paths:
            model.embed_audio(torch.from_numpy(soundfile.read(path, dtype="float32")[0][np.newaxis]))

    def labelled() -> None:
        embed_clips(model, paths)

    stream()
    taken = alternate(clock, bare, stream, loop, batched, labelled, turns=TURNS)
    names = (
        f"the bare model on {cores} cores",
        "files to rows",
        "a plain loop",
        f"bare, in batches of {BATCH}",
        "labelled clips",
    )
    for name, seconds in zip(names, np.median(taken, axis=0), strict=True):
        print(f"{name:30}{CLIPS / seconds:8.1f} clips a second")
    return [
        at_least("folder, of the bare model's rate", float(np.median(taken[:, 0] / taken[:, 1])), "of 1", SHARE),
        Figure("folder, of the bare model's in batches", float(np.median(taken[:, 3] / taken[:, 1])), "of 1"),
        Figure("labelled clips, of the bare model's rate", float(np.median(taken[:, 0] / taken[:, 4])), "of 1"),
        Figure("folder, against a plain loop", float(np.median(taken[:, 2] / taken[:, 1])), "times faster"),
        Figure("folder, rate", float(CLIPS / np.median(taken[:, 1])), "clips a second"),
    ]


def many_files(folder: Path, most: int) -> list[Figure]:
    """By how much the peak grows when there are ten times as many files."""
    peaks = []
    for count in (most // 10, most):
        inside = folder / f"{count}-files"
        inside.mkdir()
        multiply(noises(folder, 10, 1, 16_000), inside, count)
        peaks.append(peak_of_command(inside, folder / f"{count}.csv"))
        print(f"{count:,} files: at most {peaks[-1]:.0f} MB")
    return [at_most(f"folder, growth from {most // 10} to {most} files", peaks[1] - peaks[0], "MB", MAX_GROWTH)]


def multiply(paths: Sequence[Path], inside: Path, count: int) -> None:
    """Give some files so many names in a folder; a file system allows a file some ten thousand."""
    for path in paths:
        for number in range(count // len(paths)):
            (inside / f"{path.stem}-{number}.wav").hardlink_to(path)


def empty_files(folder: Path, count: int) -> list[Figure]:
    """Return the peak over many files without a sample, and one with some: the lists of names and rows are all."""
    inside, headers = folder / "empty", [folder / f"header-{number}.wav" for number in range(10)]
    inside.mkdir()
    for path in headers:
        soundfile.write(path, np.zeros(0), 16_000)
    noises(inside, 1, 1, 16_000)
    multiply(headers, inside, count)
    return [at_most(f"folder, {count} empty files", peak_of_command(inside, folder / "empty.csv"), "MB", MAX_PEAK)]


def long_files(folder: Path, hours: Sequence[float]) -> list[Figure]:
    """Return the peak over a long recording, by how much it is above that over a short one, and a longer above it."""
    peaks = []
    minute = np.random.default_rng(0).integers(-3_000, 3_000, 60 * 44_100, np.int16)
    for minutes in (1 / 12, *(60 * some for some in hours)):
        inside = folder / f"{minutes:g}-minutes"
        inside.mkdir()
        with soundfile.SoundFile(inside / "recording.wav", "w", 44_100, 1, "PCM_16") as file:
            while file.frames < minutes * len(minute):
                file.write(minute[: round(minutes * len(minute))])
        peaks.append(peak_of_command(inside, folder / f"{minutes:g}.csv"))
        print(f"a recording of {minutes:g} minutes: at most {peaks[-1]:.0f} MB")
    what = f"folder, a recording of {hours[0]:g} hours"
    return [
        Figure(f"{what}, beyond one of 5 s", peaks[1] - peaks[0], "MB"),
        at_most(f"{what}, with Python, torch and the model", peaks[1], "MB", MAX_PEAK),
        at_most(f"folder, growth from {hours[0]:g} to {hours[1]:g} hours", peaks[2] - peaks[1], "MB", MAX_LONGER),
    ]


# A process begins with the peak of the one that starts it, so that this one, with a model of its own, starts none.
LAUNCH = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stderr=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_of_command(folder: Path, out: Path) -> float:
    """MB that the command takes at most for a folder."""
    command = [sys.executable, "-m", "audioprompt", "classify", str(folder), "--out", str(out)]
    launched = [sys.executable, "-c", LAUNCH, *command, "--labels", ", ".join(LABELS)]
    peak = int(subprocess.run(launched, capture_output=True, check=True, text=True).stdout)
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    main()
