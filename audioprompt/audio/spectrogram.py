"""A picture of a sound for people: its outline and its log-mel spectrogram, whatever the clip's length."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audioprompt.audio.decode import Samples

BANDS = 64
LOWEST = 60.0  # Hz
FRAME_SECONDS, HOP_SECONDS = 0.032, 0.010
COLUMNS = 600  # at most, in time: more than a page shows
FRAMES_AT_ONCE = 4_000  # bounds the memory a long clip takes
FLOOR = -80.0  # dB below the loudest point; what is softer is shown as this
FAINT = -20.0  # dB: a clip whose loudest point lies below is drawn faint, and digital silence empty


@dataclass(frozen=True)
class Picture:
    """A clip to look at.

    Attributes:
        times: middle of each column in seconds, ``[T]``.
        low: lowest sample of each column, ``[T]``.
        high: highest sample of each column, ``[T]``.
        hertz: centre of each band, ``[BANDS]``, evenly spaced in mel.
        decibels: level of each band in each column below the clip's loudest point, ``FLOOR`` to 0, ``[BANDS, T]``.
    """

    times: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    hertz: NDArray[np.float32]
    decibels: NDArray[np.float32]


def picture(samples: Samples, sample_rate: int) -> Picture:
    """Draw a clip: a column every 10 ms, or as few as ``COLUMNS`` allows, each showing the loudest of what it spans.

    Args:
        samples: mono, ``[n]``, at least one.
        sample_rate: in Hz.
    """
    from scipy.fft import rfft  # in single precision, a third of numpy's time; takes a while to import

    frame, hop = round(FRAME_SECONDS * sample_rate), round(HOP_SECONDS * sample_rate)
    whole = np.pad(samples, (0, max(frame - len(samples), 0)))
    frames = np.lib.stride_tricks.sliding_window_view(whole, frame)[::hop]  # [F, frame], a view
    window = np.hanning(frame).astype(np.float32)
    hertz, filters = mel_filters(sample_rate, frame)
    edges = np.linspace(0, len(frames), min(len(frames), COLUMNS) + 1).astype(int)[:-1]  # first frame of each column

    bands = np.empty((len(frames), BANDS), np.float32)
    for start in range(0, len(frames), FRAMES_AT_ONCE):
        power = np.abs(rfft(frames[start : start + FRAMES_AT_ONCE] * window)) ** 2
        bands[start : start + FRAMES_AT_ONCE] = power @ filters
    loudest = np.maximum.reduceat(bands, edges)  # [T, BANDS]
    decibels = 10 * np.log10(np.maximum(loudest, 1e-10))
    relative = np.maximum(decibels - max(float(decibels.max()), FAINT), FLOOR)

    first = np.minimum(edges * hop, len(samples) - 1)  # first sample of each column
    return Picture(
        times=((first + np.append(first[1:], len(samples))) / (2 * sample_rate)).astype(np.float32),
        low=np.minimum.reduceat(samples, first),
        high=np.maximum.reduceat(samples, first),
        hertz=hertz,
        decibels=relative.T.astype(np.float32),
    )


def mel_filters(sample_rate: int, frame: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Triangles evenly spaced in mel: their centres in Hz ``[BANDS]``, and they ``[frame // 2 + 1, BANDS]``."""
    highest = sample_rate / 2
    mel = np.linspace(1127 * np.log1p(LOWEST / 700), 1127 * np.log1p(highest / 700), BANDS + 2)
    edges = 700 * np.expm1(mel / 1127)
    bins = np.fft.rfftfreq(frame, 1 / sample_rate)[:, np.newaxis]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = np.clip(np.minimum(rising, falling), 0, None)
    empty = np.flatnonzero(filters.sum(axis=0) == 0)  # a band narrower than a bin takes the nearest bin
    filters[np.abs(bins - edges[1:-1][empty]).argmin(axis=0), empty] = 1
    return edges[1:-1].astype(np.float32), filters.astype(np.float32)
