"""The rule that cuts a clip into windows as long as a model hears at once; nothing about it is random."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from audioprompt.audio.recording import AudioError, Samples

SLACK_SECONDS = 0.001  # a remainder this short is resampling's rounding, not sound that was left out
LEAST_OF_A_WINDOW = 0.1  # what is left over at the end and is shorter gets no window of its own


@dataclass(frozen=True)
class Window:
    """One stretch of a clip, as long as the model hears at once.

    Attributes:
        start: where it begins in the clip, in seconds.
        end: where it ends in the clip, in seconds; the clip's own end if the clip had to be repeated.
        samples: mono, ``[sample_rate * window_seconds]``, always of exactly that length.
        left_out: seconds of the clip behind its last window, too few for one of their own.
    """

    start: float
    end: float
    samples: Samples
    left_out: float = 0.0


def windows(samples: Samples, sample_rate: int, window_seconds: float) -> list[Window]:
    """Cut a clip into windows, by rule and never at random.

    A clip shorter than one window is repeated until the window is full, as CLAP was trained. A longer one gives
    consecutive windows and, if at least a tenth of a window is left over, one last window that ends where the clip
    ends and so overlaps the one before.

    Args:
        samples: mono, ``[n]``.
        sample_rate: of ``samples``, in Hz.
        window_seconds: the length of every window.

    Raises:
        AudioError: there are no samples.
    """
    if len(samples) == 0:
        raise AudioError("The recording holds no sound: record or choose another one.")
    return list(cut([np.asarray(samples, np.float32)], sample_rate, window_seconds))


def cut(chunks: Iterable[Samples], sample_rate: int, window_seconds: float) -> Iterator[Window]:
    """Apply the window rule to a clip in chunks; each window waits for the next, for it may turn out the last."""
    size = round(sample_rate * window_seconds)
    if size < 1:
        raise ValueError(f"a window needs at least one sample, got {window_seconds} s at {sample_rate} Hz")
    start = filled = 0  # samples: where the window being filled begins, and how much of it there is
    window = np.empty(size, np.float32)
    full: Samples | None = None  # the window before it

    def given() -> Iterator[Window]:
        if full is not None:
            yield Window((start - size) / sample_rate, start / sample_rate, full)

    try:
        for chunk in chunks:
            while len(chunk):
                part = chunk[: size - filled]
                window[filled : filled + len(part)] = part
                filled, chunk = filled + len(part), chunk[len(part) :]
                if filled == size:
                    yield from given()
                    full, window, start, filled = window, np.empty(size, np.float32), start + size, 0
    except AudioError:
        yield from given()
        raise
    end = (start + filled) / sample_rate
    if full is None:
        yield Window(0.0, end, np.resize(window[:filled], size))  # np.resize repeats
    elif filled < LEAST_OF_A_WINDOW * size:
        yield Window((start - size) / sample_rate, start / sample_rate, full, filled / sample_rate)
    else:
        last = np.concatenate([full[filled:], window[:filled]])  # before the caller writes into the one it is given
        yield from given()
        yield Window((start + filled - size) / sample_rate, end, last)
