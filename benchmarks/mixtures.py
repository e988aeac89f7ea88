"""Recordings mixed from clips at known times, to measure how well it is told what is heard when."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from audioprompt.audio.decode import load
from audioprompt.audio.recording import Samples
from audioprompt.core.timeline import Event
from audioprompt.data import LabelledClips

SECONDS = 30.0
PER_RECORDING = 5  # clips, of different classes, that may sound at once
NOISE = (-30.0, -15.0, -5.0)  # dB of the background beside an event, level by level
LOUD = 0.1  # RMS of every event
STEP = 0.02  # seconds in which a clip's loudness is looked at
AUDIBLE = -40.0  # dB below a clip's loudest step; what is softer is not the event
MAX_GAP = 0.5  # seconds that an event may pause


@dataclass(frozen=True, eq=False)
class Mixture:
    """A recording and what is heard in it when.

    Attributes:
        samples: ``[n]``.
        events: in their order.
        level: of the background, in dB beside an event.
    """

    samples: Samples
    events: tuple[Event, ...]
    level: float


def mixtures(clips: LabelledClips, sample_rate: int, count: int, seed: int) -> list[Mixture]:
    """Mix recordings of clips, each clip once at most, in turn with each level of background noise."""
    rng = np.random.default_rng(seed)
    left = {name: list(rng.permutation(np.flatnonzero(clips.targets == at))) for at, name in enumerate(clips.classes)}
    found = []
    for number in range(count):
        names = sorted(left, key=lambda name: (-len(left[name]), rng.random()))[:PER_RECORDING]
        chosen = [(name, load(clips.paths[left[name].pop()], sample_rate)) for name in names]
        found.append(_mix(chosen, sample_rate, NOISE[number % len(NOISE)], rng))
    return found


def _mix(chosen: Sequence[tuple[str, Samples]], sample_rate: int, level: float, rng: np.random.Generator) -> Mixture:
    mixed = LOUD * 10 ** (level / 20) * pink(round(SECONDS * sample_rate), rng)
    events = []
    for name, samples in chosen:
        parts = audible(samples, sample_rate)
        first, last = round(parts[0][0] * sample_rate), round(parts[-1][1] * sample_rate)
        heard = np.concatenate([samples[round(a * sample_rate) : round(b * sample_rate)] for a, b in parts])
        clip = samples[first:last] * (LOUD / np.sqrt(np.mean(np.square(heard))))
        start = int(rng.integers(len(mixed) - len(clip)))
        mixed[start : start + len(clip)] += clip
        offset = (start - first) / sample_rate
        events += [Event(a + offset, b + offset, name, 1.0) for a, b in parts]
    peak = max(1.0, float(np.abs(mixed).max()))
    return Mixture((mixed / peak).astype(np.float32), tuple(sorted(events, key=lambda one: one.start)), level)


def audible(samples: Samples, sample_rate: int) -> list[tuple[float, float]]:
    """Return from when to when something is heard in a clip, in seconds: many are filled up with silence."""
    step = round(STEP * sample_rate)
    power = np.square(samples[: len(samples) // step * step], dtype=np.float64).reshape(-1, step).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (AUDIBLE / 10))
    breaks = np.flatnonzero(np.diff(loud) > MAX_GAP / STEP)
    starts, ends = loud[np.append(0, breaks + 1)], loud[np.append(breaks, len(loud) - 1)] + 1
    return [(float(a) * step / sample_rate, float(b) * step / sample_rate) for a, b in zip(starts, ends, strict=True)]


def pink(length: int, rng: np.random.Generator) -> Samples:
    """Return noise whose power falls with frequency, as much of the world's does; RMS 1, ``[length]``."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, length)
    return (noise / noise.std()).astype(np.float32)
