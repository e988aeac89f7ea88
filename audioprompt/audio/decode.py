"""Every way a recording can arrive, turned into mono float32 at a model's rate and cut into windows.

A recording is a path, a file object, the bytes of a file, or a pair ``(rate, samples)`` as a microphone gives it.
Whatever it was, what comes out depends on its bytes alone: nothing is random, nothing depends on the file's name
or on the size of the blocks it is read in.

>>> import numpy as np
>>> seconds = np.arange(3 * 8_000) / 8_000
>>> hum = (0.5 * np.sin(2 * np.pi * 100 * seconds)).astype(np.float32)
>>> stereo = np.stack([hum, np.zeros_like(hum)], axis=1)
>>> load((8_000, stereo), sample_rate=16_000).shape
(48000,)
>>> [(window.start, window.end) for window in stream_windows((8_000, stereo), 16_000, window_seconds=2)]
[(0.0, 2.0), (1.0, 3.0)]

Formats: libsndfile reads WAV (8 to 64 bits), FLAC, Ogg Vorbis, Opus, AIFF and their kin; FFmpeg reads MP3 and what
comes in a container: M4A, MP4, WebM, Matroska, AAC and more. A damaged or truncated recording yields what can be
decoded of it; digital silence is a recording like any other and yields zeros. Everything else is an `AudioError` that
names the recording and says what to do.

Channels are averaged, unless they cancel each other: then the loudest of them is heard. Floats beyond full scale are
turned down to it. Whoever names what is heard tells people of both, in the sentences that ``say`` is given.
"""

from collections.abc import Generator, Iterator
from contextlib import closing

import numpy as np
import soxr

from audioprompt.audio.channels import LOOK_SECONDS, finite, looked_through, mono
from audioprompt.audio.files import open_source
from audioprompt.audio.recording import (
    HIGHEST_RATE,
    LOWEST_RATE,
    AudioError,
    AudioSource,
    NoSound,
    Recording,
    Samples,
    Say,
    name_of,
)
from audioprompt.audio.windows import SLACK_SECONDS, Window, cut

SILENCE = 1e-4  # half of the way from the lowest to the highest sample: -80 dB, as much as dither makes of 16 bits
GLANCE = 4_096  # samples: in most recordings there is something to hear in the first of them already
SHORTEST_SECONDS = 0.1  # what is shorter holds too little to be named
_NO_SAMPLES = np.empty(0, np.float32)


def read(
    source: AudioSource,
    sample_rate: int | None = None,
    *,
    name: str | None = None,
    max_seconds: float | None = None,
    first_seconds: float | None = None,
) -> Recording:
    """Read a recording into memory.

    A file object is read from its start and gets its position back; one that cannot seek is read to its end.

    Args:
        source: a path, a file object opened in binary mode, the bytes of a file, or ``(rate, samples)`` with
            ``samples`` ``[n]``, ``[n, channels]`` or ``[channels, n]``; uint8, int16 and int32 are scaled to [-1, 1],
            and so are floats beyond that.
        sample_rate: the rate wanted, in Hz; by default the recording's own.
        name: what to call the recording in an error; by default the file's own name.
        max_seconds: refuse a longer recording, before more of it is held in memory.
        first_seconds: read no further than this.

    Raises:
        AudioError: the recording cannot be read, holds no sound or a sample that is not finite, or is too long.
    """
    name = name_of(source, name)
    notices: list[str] = []
    chunks: list[Samples] = []
    rate, length = 0, 0
    needed = min((limit for limit in (max_seconds, first_seconds) if limit is not None), default=LOOK_SECONDS)
    with closing(_stream(source, sample_rate, name, notices.append, needed)) as stream:
        for rate, chunk in stream:
            chunks.append(chunk)
            length += len(chunk)
            if first_seconds is not None and length >= first_seconds * rate:
                break
            if max_seconds is not None and length > (max_seconds + SLACK_SECONDS) * rate:
                raise AudioError(f"{name} is longer than {max_seconds:g} seconds: cut it into shorter recordings.")
    samples = np.concatenate(chunks)
    if first_seconds is not None:
        samples = samples[: round(first_seconds * rate)]
    return Recording(rate, samples, name, tuple(notices))


def load(
    source: AudioSource, sample_rate: int, *, name: str | None = None, max_seconds: float | None = None
) -> Samples:
    """Return the samples of a whole recording, mono, ``[n]``, at ``sample_rate`` Hz: as `read` does it.

    Raises:
        AudioError: as `read`.
    """
    return read(source, sample_rate, name=name, max_seconds=max_seconds).samples


def is_silent(samples: Samples) -> bool:
    """Whether there is nothing to hear: zeros, any other constant, or the faintest noise of 16 bits; ``[n]``."""
    return all(float(part.max()) - float(part.min()) < 2 * SILENCE for part in (samples[:GLANCE], samples))


def stream_windows(
    source: AudioSource,
    sample_rate: int,
    window_seconds: float,
    *,
    name: str | None = None,
    say: Say | None = None,
) -> Iterator[Window]:
    """Read a recording of any length window by window, holding no more than two windows at a time.

    The windows are those of ``windows(load(source, sample_rate), sample_rate, window_seconds)``, bit for bit.

    Args:
        source: as `read` takes it.
        sample_rate: of the windows, in Hz.
        window_seconds: the length of every window.
        name: what to call the recording in an error.
        say: told what people should know of the recording, before the first window.

    Raises:
        AudioError: as `read`; windows before the trouble have been given by then.
    """
    with closing(_stream(source, sample_rate, name_of(source, name), say)) as stream:
        yield from cut((chunk for _, chunk in stream), sample_rate, window_seconds)


def _stream(
    source: AudioSource, sample_rate: int | None, name: str, say: Say | None = None, needed: float = LOOK_SECONDS
) -> Generator[tuple[int, Samples], None, None]:
    """Decode, mend, mix, check and resample: yields (rate, chunk), never of an empty clip; ``needed`` is in seconds."""
    rate: int | None = None
    length, resampler = 0, None
    with open_source(source, name) as opened:
        mending, blocks = looked_through(opened, name, min(needed, LOOK_SECONDS))
        for notice in mending.notices:
            if say:
                say(notice)
        for block in blocks:
            if block.rate != rate:  # at the start, and where recordings were strung together
                if not LOWEST_RATE <= block.rate <= HIGHEST_RATE:
                    raise AudioError(
                        f"{name} claims a sample rate of {block.rate} Hz, outside {LOWEST_RATE} to {HIGHEST_RATE}: "
                        "save it again at its true rate."
                    )
                sample_rate = sample_rate or block.rate
                if resampler:
                    yield sample_rate, finite(resampler.resample_chunk(_NO_SAMPLES, last=True), name)
                rate = block.rate
                # Streaming for short clips too: whole and piecewise reading then agree to the last bit.
                same = rate == sample_rate  # then it would give back what it is given
                resampler = None if same else soxr.ResampleStream(rate, sample_rate, 1, dtype="float32")
            assert sample_rate  # there is a rate by now
            chunk = mono(block, mending, name)
            if resampler:
                chunk = finite(resampler.resample_chunk(chunk), name)
            length += len(chunk)
            yield sample_rate, chunk
    if resampler and sample_rate:
        rest = finite(resampler.resample_chunk(_NO_SAMPLES, last=True), name)
        length += len(rest)
        yield sample_rate, rest
    if not length:
        raise NoSound(f"{name} holds no sound: record or choose another one.")
