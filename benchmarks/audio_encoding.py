"""How fast clips are encoded, here and by msclap: ``python -m benchmarks.audio_encoding``.

Clips are mixed as in a real collection: WAV, FLAC, Ogg and MP3, mono and stereo, 8 to 48 kHz, 1 to 20 s. Their sound
is synthetic and the weights of MS-CLAP 2023 are random; neither matters to speed. Each side reads files and runs the
same number of 7 s windows:

* here, `embed_clips` reads each clip, cuts it into windows and encodes them, without a cache;
* msclap takes one window of a file, from a place left to chance. So that it hears as much, it is given each window as
  a file of its own, in the format and at the rate of its clip: in lists of the windows of ``GROUP`` clips, as its
  documentation has it, and as a second figure, without a target, one file per call, with which it is faster on a CPU;
* the limit is what the model alone takes for the batches that `embed_clips` made, already decoded.

Where msclap's torchaudio cannot be imported, soundfile and soxr read for it, which take less time than torchaudio does.
It lays the channels of a stereo file end to end, so embeddings are compared for mono clips that need no resampling.

The sides take turns, ``GROUP`` clips each, and a figure is the median of the groups' ratios. Time is what the process
worked, on one thread, so that reading while the model works gains nothing; with ``--wall`` it is clock time on all
cores, and with ``--device cuda`` on a GPU. 60 clips take some minutes on a CPU; ``--clips 200`` is the full size.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import soundfile
import soxr
import torch
from torch import Tensor, nn

from audioprompt.audio.windows import windows
from audioprompt.core.zero_shot import Array, normalise
from audioprompt.encoding.clips import embed_clips
from audioprompt.models.clap import SAMPLE_RATE, MsClap
from benchmarks.embedded_model import Figure, at_least, at_most
from benchmarks.side_by_side import SAME, Clock, alternate, ours_and_theirs, report, stopwatch
from tests.unit.models.reference import msclap_module

CLIPS, GROUP = 60, 10
FORMATS = {".wav": "PCM_16", ".flac": "PCM_16", ".ogg": "VORBIS", ".mp3": "MPEG_LAYER_III"}
RATES = (8_000, 16_000, 22_050, SAMPLE_RATE, 48_000)
SHORTEST, LONGEST = 1.0, 20.0  # seconds
FASTER = {"cpu": 1.2, "cuda": 5.0}
OVER_LIMIT = 1.1


@dataclass(frozen=True)
class Clip:
    """A clip for us, and its windows as msclap gets them: a file each."""

    path: Path
    parts: list[Path]
    exact: bool  # both sides read the very same samples of it


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.audio_encoding", description="Time the encoding of clips.")
    parser.add_argument("--clips", type=int, default=CLIPS)
    parser.add_argument("--device", choices=list(FASTER), default="cpu")
    parser.add_argument("--wall", action="store_true", help="clock time on all cores, where nothing else runs")
    arguments = parser.parse_args()
    clock = stopwatch(arguments.wall or arguments.device != "cpu")
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = ours_and_theirs(Path(folder), ["a sound"], arguments.device)
        let_it_resample()
        clips = [made(Path(folder), index, ours.window_seconds) for index in range(arguments.clips)]
        heard = sum(len(clip.parts) for clip in clips)
        print(f"{len(clips)} clips, {heard} windows of {ours.window_seconds:g} s, on {ours.device}")
        groups = [clips[start : start + GROUP] for start in range(0, len(clips), GROUP)]
        compare(clock, ours, theirs, groups[0])  # warms both up
        found = [compare(clock, ours, theirs, group) for group in groups]
    taken = np.stack([seconds for seconds, _ in found])  # [groups, sides]
    difference = max(differs for _, differs in found)
    print(f"largest difference between embeddings: {difference:.1e}\n")
    print(f"{'':28}{'seconds':>10}{'ms/window':>12}{'times ours':>12}")
    times = np.median(taken / taken[:, :1], axis=0)
    over = float(np.median(taken[:, 0] / taken[:, 1]))
    sides = ["here", "the model alone", "msclap, lists of files", "msclap, a file per call"]
    for side, total, ratio in zip(sides, taken.sum(axis=0), times, strict=True):
        print(f"{side:28}{total:10.2f}{1000 * total / heard:12.1f}{ratio:12.2f}")
    print()
    lists, singly = times[2:].tolist()
    report(
        [
            at_least("audio_encoding", lists, "times faster", FASTER[arguments.device]),
            Figure("audio_encoding, msclap given a file per call", singly, "times faster"),
            at_most("audio_encoding over the model alone", over, "times", OVER_LIMIT),
            Figure("audio_encoding difference", difference, "of 1", f"< {SAME:g}", difference < SAME),
        ]
    )


def compare(clock: Clock, ours: MsClap, theirs: Any, clips: list[Clip]) -> tuple[Array, float]:
    """Seconds of each side for a group of clips, ``[4]``, and the largest difference between embeddings."""
    paths, parts = [clip.path for clip in clips], [part for clip in clips for part in clip.parts]
    with patch.object(ours, "embed_audio", wraps=ours.embed_audio) as model:
        here = embed_clips(ours, paths)
    batches: list[Tensor] = [call.args[0] for call in model.call_args_list]
    assert sum(map(len, batches)) == len(parts), "both sides hear the same windows"
    there: list[Array] = []
    (seconds,) = alternate(
        clock,
        lambda: embed_clips(ours, paths),
        lambda: [ours.embed_audio(batch).cpu() for batch in batches],
        lambda: there.append(theirs.get_audio_embeddings(parts).cpu().numpy()),
        lambda: [theirs.get_audio_embeddings([part]).cpu() for part in parts],
    )
    exact = np.repeat([clip.exact for clip in clips], [len(clip.parts) for clip in clips])
    apart = np.abs(np.concatenate([clip.windows for clip in here]) - normalise(there[0]))
    return seconds, float(apart[exact].max(initial=0))


# --- clips ------------------------------------------------------------------------------------------------------------


def made(folder: Path, index: int, window_seconds: float) -> Clip:
    """Write the clip of a number, always the same, and its windows."""
    rng = np.random.default_rng(index)
    kind = list(FORMATS)[index % len(FORMATS)]
    rate, channels = int(rng.choice(RATES)), int(rng.integers(1, 3))
    sound = synthetic(rng, rate, rng.uniform(SHORTEST, LONGEST))
    frames = np.stack([sound, 0.5 * sound], axis=1)[:, :channels]
    path = written(folder / f"{index}{kind}", frames, rate)
    # as `windows` cuts, at the clip's own rate; what is shorter is for msclap to repeat
    cut = [frames] if len(frames) < window_seconds * rate else list(_cut(frames, rate, window_seconds))
    parts = [written(folder / f"{index}-{place}{kind}", part, rate) for place, part in enumerate(cut)]
    return Clip(path, parts, kind in (".wav", ".flac") and rate == SAMPLE_RATE and channels == 1)


def _cut(frames: Array, rate: int, window_seconds: float) -> Iterator[Array]:
    size = round(window_seconds * rate)
    for window in windows(frames[:, 0], rate, window_seconds):
        start = round(window.start * rate)
        yield frames[start : start + size]


def synthetic(rng: np.random.Generator, rate: int, seconds: float) -> Array:
    """Three tones that die away, again and again, in noise: ``[n]``."""
    time = np.arange(round(seconds * rate)) / rate
    tones = sum(np.sin(2 * np.pi * hertz * time) for hertz in rng.uniform(100, 3_000, 3))
    sound = 0.1 * tones * np.exp(-3 * (time % rng.uniform(0.3, 2))) + 0.02 * rng.standard_normal(len(time))
    return sound.astype(np.float32)


def written(path: Path, frames: Array, rate: int) -> Path:
    soundfile.write(path, frames, rate, subtype=FORMATS[path.suffix])
    return path


class Resample(nn.Module):
    """torchaudio's ``Resample``, by soxr."""

    def __init__(self, rate: int, wanted: int) -> None:
        super().__init__()
        self.rates = rate, wanted

    def forward(self, samples: Tensor) -> Tensor:
        return torch.from_numpy(soxr.resample(samples.numpy().T, *self.rates).T)


def let_it_resample() -> None:
    """Give msclap a ``Resample`` where torchaudio could not be imported."""
    transforms = msclap_module().T
    if not hasattr(transforms, "Resample"):
        transforms.Resample = Resample


if __name__ == "__main__":
    main()
