"""What a model hears when: embeddings a fraction of a second apart.

A net knows less of sound at the edges of its window, so each window of a longer recording is followed by one that
straddles its end, and frames are taken from the middles. A model that has no frames hears excerpts instead, a quarter
of its window apart, each repeated until it fills the window.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

import numpy as np
import torch
from numpy.typing import NDArray

from audioprompt.audio.decode import is_silent, stream_windows
from audioprompt.audio.recording import AudioSource, Samples, Say, name_of
from audioprompt.audio.windows import Window
from audioprompt.core.zero_shot import Array
from audioprompt.encoding.batching import Encode
from audioprompt.encoding.encoder import (
    WINDOWS_PER_BATCH,
    WINDOWS_PER_CPU_BATCH,
    EmbeddedClip,
    check_to_name,
    embed_windows,
    with_others,
)
from audioprompt.models.base import AudioTextModel, FramedAudio

EXCERPTS = 4  # of a window, of a model that has no frames


@dataclass(frozen=True)
class Frames:
    """A recording as the model heard it from moment to moment.

    Attributes:
        times: middle of each frame in seconds, ``[F]``, ascending.
        seconds: length of the recording.
        embeddings: ``[F, D]``, L2-normalised.
        silent: in which frames there is nothing to hear, ``[F]``.
    """

    times: Array
    seconds: float
    embeddings: Array
    silent: NDArray[np.bool_]

    @property
    def edges(self) -> Array:
        """Where frames begin and end, in seconds, ``[F + 1]``: half-way between their middles."""
        between = (self.times[1:] + self.times[:-1]) / 2
        return np.concatenate([[0], between, [self.seconds]]).astype(np.float32)

    @property
    def step(self) -> float:
        """Seconds from one frame to the next, as a rule."""
        return float(np.median(np.diff(self.times))) if len(self.times) > 1 else self.seconds


@dataclass(frozen=True)
class _Look:
    """Sound to be heard at once, ``[samples]``: a window of the clip, or sound that gives frames alone, or both.

    Attributes:
        samples: as many as the model hears at once.
        start: when they begin in the clip, in seconds.
        frames: from when to when its frames count, in seconds; None for none.
        window: the clip's window that it is; None for none.
    """

    samples: Samples
    start: float
    frames: tuple[float, float] | None
    window: Window | None = None


@dataclass(frozen=True)
class _WindowsAndFrames:
    """Encodes windows and their frames in one pass: ``[B, samples]`` -> ``[B, (1 + frames) * D]``."""

    model: FramedAudio

    def __call__(self, windows: torch.Tensor) -> torch.Tensor:
        features = self.model.audio_features(windows)
        whole, frames = self.model.project_audio(features), self.model.project_frames(features)
        return torch.cat([whole, frames.flatten(1)], dim=1)


def embed_with_frames(
    model: AudioTextModel,
    source: AudioSource,
    name: str | None = None,
    say: Say | None = None,
    tick: Callable[[float], None] | None = None,
) -> tuple[EmbeddedClip, Frames]:
    """As `audioprompt.encoding.encoder.embed_clip`, with what is heard from moment to moment.

    A recording no longer than the window of a model without frames is a single one.

    Raises:
        AudioError: the source cannot be read or holds no sound.
    """
    windows = stream_windows(source, model.sample_rate, model.window_seconds, name=name, say=say)
    framed = hasattr(model, "embed_frames")
    passes: Encode = _WindowsAndFrames(model) if framed else model.embed_audio  # type: ignore[arg-type]
    encode = with_others(model, passes)
    looks = _straddling(windows, model.window_seconds) if framed else _excerpts(windows, model.sample_rate)
    step = getattr(model, "frame_seconds", model.window_seconds / EXCERPTS)
    heard = _Heard(step, model.sample_rate)
    size = WINDOWS_PER_CPU_BATCH if model.device == "cpu" else WINDOWS_PER_BATCH
    while some := list(islice(looks, size)):
        for look, vectors in zip(some, embed_windows(model, encode, [one.samples for one in some]), strict=True):
            heard.add(look, vectors.reshape(-1, model.dim))
        if tick:
            tick(heard.seconds)
    return heard.result()


def embed_to_name_over_time(
    model: AudioTextModel,
    source: AudioSource,
    name: str | None = None,
    say: Say | None = None,
    tick: Callable[[float], None] | None = None,
) -> tuple[EmbeddedClip, Frames]:
    """As `embed_with_frames`, for a recording in which something is to be named.

    Raises:
        AudioError: the source cannot be read, or is silent or too short, so that there is nothing to name.
    """
    clip, frames = embed_with_frames(model, source, name, say, tick)
    check_to_name(clip, name_of(source, name))
    return clip, frames


@dataclass
class _Heard:
    """What was heard by now: of windows and of frames."""

    step: float  # seconds from frame to frame
    sample_rate: int
    seconds: float = 0.0
    starts: list[float] = field(default_factory=list)
    windows: list[Array] = field(default_factory=list)
    silent: list[bool] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    frames: list[Array] = field(default_factory=list)
    still: list[bool] = field(default_factory=list)

    def add(self, look: _Look, vectors: Array) -> None:
        """Take in what a look gave: the vector of all of it, and those of its frames where the model has such."""
        if look.window:
            self.starts.append(look.window.start)
            self.windows.append(vectors[0])
            self.silent.append(is_silent(look.samples))
            self.seconds = look.window.end + look.window.left_out
        if look.frames is None:
            return
        first, last = look.frames
        if len(vectors) == 1:
            self._add_frame((first + last) / 2, vectors[0], look.samples)
        for number, vector in enumerate(vectors[1:]):
            middle = look.start + number * self.step
            if first <= middle < last:
                begin, end = (round((number + side) * self.step * self.sample_rate) for side in (-0.5, 0.5))
                self._add_frame(middle, vector, look.samples[max(begin, 0) : end])

    def _add_frame(self, middle: float, vector: Array, samples: Samples) -> None:
        self.times.append(middle)
        self.frames.append(vector)
        self.still.append(is_silent(samples))

    def result(self) -> tuple[EmbeddedClip, Frames]:
        starts, silent = np.asarray(self.starts, np.float32), np.array(self.silent, np.bool_)
        clip = EmbeddedClip(starts, self.seconds, np.stack(self.windows), silent)
        times, still = np.asarray(self.times, np.float32), np.array(self.still, np.bool_)
        return clip, Frames(times, self.seconds, np.stack(self.frames), still)


def _straddling(windows: Iterable[Window], seconds: float) -> Iterator[_Look]:
    """Yield each window, and between it and the next one that holds the end of the one and the start of the other."""
    before: Window | None = None
    since = 0.0  # when the frames of the next look begin to count
    for window in windows:
        if before:
            start = (before.start + window.start) / 2
            samples = _between(before, window, start, seconds)
            until = (before.start + start + seconds) / 2
            yield _Look(before.samples, before.start, (since, until), before)
            since, until = until, (start + window.start + seconds) / 2
            yield _Look(samples, start, (since, until))
            since = until
        before = window
    if before:
        yield _Look(before.samples, before.start, (since, before.end), before)


def _between(first: Window, second: Window, start: float, seconds: float) -> Samples:
    """Cut a window from ``start`` on out of two that lie one behind the other or overlap."""
    rate = len(first.samples) / seconds
    begin, overlap = round((start - first.start) * rate), round((first.end - second.start) * rate)
    return np.concatenate([first.samples[begin:], second.samples[max(overlap, 0) :]])[: len(first.samples)]


def _excerpts(windows: Iterator[Window], sample_rate: int) -> Iterator[_Look]:
    """Yield each window, and in a recording of several excerpts of each, twice as long as they are apart."""
    some = list(islice(windows, 2))
    if len(some) == 1:
        yield _Look(some[0].samples, 0.0, (0.0, some[0].end), some[0])
        return
    since = 0.0  # what is heard by now, for the last window overlaps the one before
    for window in chain(some, windows):
        yield _Look(window.samples, window.start, None, window)
        size, hop = len(window.samples), len(window.samples) / EXCERPTS
        for place in range(EXCERPTS):
            first, last = (window.start + (place + side) * hop / sample_rate for side in (0, 1))
            if (first + last) / 2 > since:
                begin, end = max(round((place - 0.5) * hop), 0), min(round((place + 1.5) * hop), size)
                yield _Look(np.resize(window.samples[begin:end], size), first, (max(first, since), last))
        since = window.end
