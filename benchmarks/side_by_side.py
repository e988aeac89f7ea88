"""msclap's own wrapper and our model on the same random weights, and how to time two ways of doing one thing.

Speed depends on the architecture and not on what the weights have learned, so weights are random. They go through the
published file format, as the tests have it, and nothing is downloaded.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from audioprompt.models.clap import SAMPLE_RATE, MsClap, load_msclap
from benchmarks.embedded_model import Figure
from tests.unit.models import reference, tokenizers_trained

Clock = Callable[[], float]
NAME = "msclap-2023"
SAME = 1e-5  # by how much the embeddings of one sound or text may differ between the two sides


def ours_and_theirs(folder: Path, texts: Sequence[str], device: str = "cpu") -> tuple[MsClap, Any]:
    """Our MS-CLAP 2023 and msclap's ``CLAPWrapper`` with the same weights, made in an empty folder.

    Args:
        folder: where the files are written; it becomes the working directory, where transformers finds "gpt2".
        texts: what the tokenizer is trained on, so that most words are one token.
        device: "cpu" or "cuda".
    """
    os.chdir(folder)
    gpt2, weights = folder / "gpt2", folder / "weights.pth"
    tokenizers_trained.gpt2(gpt2, texts)
    reference.publish_text_model(gpt2, reference.TEXT_MODELS["gpt2"])
    heard = folder / "heard.wav"  # random batch norms need a sound to become used to
    noise = np.random.default_rng(0).standard_normal(7 * SAMPLE_RATE).astype(np.float32)
    soundfile.write(heard, 0.1 * noise, SAMPLE_RATE, subtype="FLOAT")
    theirs = reference.wrapper("2023", weights, [heard])
    if device != "cpu":
        theirs.use_cuda, theirs.clap = True, theirs.clap.to(device)
    return load_msclap(NAME, device, weights=weights, tokenizer=gpt2), theirs


def stopwatch(wall: bool) -> Clock:
    """A clock of what this process works, from now on with one thread, which a busy machine does not stretch; or the
    one on the wall."""
    if wall:
        return time.perf_counter
    torch.set_num_threads(1)
    return time.process_time


def alternate(clock: Clock, *sides: Callable[[], object], turns: int = 1) -> np.ndarray:
    """Seconds that each side takes, ``[turns, sides]``; they take turns, so that what else runs here hits all."""
    taken = np.empty((turns, len(sides)))
    for turn in range(turns):
        for side, work in enumerate(sides):
            began = clock()
            work()
            taken[turn, side] = clock() - began
    return taken


def report(figures: Iterable[Figure]) -> None:
    """Print one line of JSON for each figure and leave; the exit code is the verdict over all."""
    figures = list(figures)
    for figure in figures:
        print(json.dumps({**asdict(figure), "value": float(f"{figure.value:.4g}")}))
    sys.exit(0 if all(figure.ok for figure in figures) else 1)
