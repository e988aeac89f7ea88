"""A microphone, heard as it goes: a rolling window, its answer by both methods, and the last minute in bands.

Nothing here keeps time by the clock: a moment is where it lies in the sound heard so far, so the same chunks give the
same answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audioprompt.audio.decode import load
from audioprompt.core.zero_shot import Array, Prediction, ensemble_weights, predict
from audioprompt.services.classify import winner
from audioprompt.services.rejection import Verdict, recognise_by_head, recognise_by_words

if TYPE_CHECKING:
    from audioprompt.few_shot.base import Head
    from audioprompt.models.base import AudioTextModel

ROLLING_SECONDS = 3.0  # what an answer is about: long enough to recognise, short enough to follow
MINUTE = 60.0  # seconds of history kept
QUIET_DECIBELS = -55.0  # RMS, full scale; below it there is nothing to name
NONE = "none of these"  # in the place of a label
SILENCE_DECIBELS = -100.0  # the meter's lower end


@dataclass(frozen=True)
class Band:
    """A stretch in which the answer stayed the same; ``label`` is None where it was quiet, or `NONE`."""

    start: float
    end: float
    label: str | None


@dataclass(frozen=True, eq=False)
class Hearing:
    """What a microphone has given so far.

    Attributes:
        rate: of the samples, in Hz; 0 before the first chunk.
        samples: the last ``ROLLING_SECONDS``, mono, ``[n]``.
        seconds: heard in all.
        bands: the last minute's answers, oldest first.
        source: what its chunks come from; another one is heard afresh.
    """

    rate: int = 0
    samples: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    seconds: float = 0.0
    bands: tuple[Band, ...] = ()
    source: object = None


@dataclass(frozen=True)
class Moment:
    """What is heard right now.

    Attributes:
        decibels: level of the newest chunk, RMS below full scale.
        vanilla: the plain template's answer, N = 1; None when it is quiet.
        ensemble: the ensemble's answer, N = 1; None when it is quiet.
        learned: a fitted head's answer, N = 1; None when it is quiet, and where there is no such head.
        verdict: whether it is any of the labels; None when it is quiet, and where that cannot be judged.
    """

    decibels: float
    vanilla: Prediction | None
    ensemble: Prediction | None
    learned: Prediction | None = None
    verdict: Verdict | None = None

    @property
    def known(self) -> bool:
        """Whether what is heard is any of the labels, as far as that can be judged."""
        return self.verdict is None or self.verdict.known

    @property
    def headline(self) -> str | None:
        """What to show first: the label, or that it is none of them; None when it is quiet."""
        found = self.learned or self.ensemble
        if found is None:
            return None
        return self.verdict.words(winner(found)) if self.verdict else winner(found)


def level(samples: NDArray[np.float32]) -> float:
    """RMS in decibels below full scale, at least ``SILENCE_DECIBELS``; ``[n]``."""
    if not len(samples):
        return SILENCE_DECIBELS
    return max(10 * float(np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-10)), SILENCE_DECIBELS)


def add(hearing: Hearing, rate: int, chunk: NDArray[Any]) -> Hearing:
    """Append a chunk as a microphone gives it and forget what is older than the rolling window.

    Raises:
        AudioError: the chunk is not sound.
    """
    samples = load((rate, chunk), rate, name="The microphone")
    before = hearing.samples if hearing.rate == rate else samples[:0]  # another microphone: start afresh
    kept = np.concatenate([before, samples])[-round(ROLLING_SECONDS * rate) :]
    return replace(hearing, rate=rate, samples=kept, seconds=hearing.seconds + len(samples) / rate)


def answer(
    hearing: Hearing,
    newest_seconds: float,
    model: "AudioTextModel",
    vanilla: Array,
    ensemble: Array,
    labels: Sequence[str],
    head: "Head | None" = None,
) -> tuple[Hearing, Moment]:
    """Name the rolling window, and note the answer in the last minute's bands: the head's if there is one.

    The window is repeated until it fills the model's, as a short clip is.

    Args:
        hearing: with the newest chunk added.
        newest_seconds: length of that chunk: what the answer adds to the bands.
        model: what hears.
        vanilla: the vanilla template's prompts, ``[1, C, D]``.
        ensemble: the templates' prompts, ``[K, C, D]``.
        labels: the C labels.
        head: a head fitted for these labels.
    """
    from audioprompt.encoding.encoder import embed_clip

    decibels = level(hearing.samples[-max(round(newest_seconds * hearing.rate), 1) :])
    if level(hearing.samples) < QUIET_DECIBELS:
        return _note(hearing, newest_seconds, None), Moment(decibels, None, None)
    newest = embed_clip(model, (hearing.rate, hearing.samples), name="The microphone").windows[-1:]
    first, second = (predict(newest, prompts, labels, model.logit_scale) for prompts in (vanilla, ensemble))
    learned = head.prediction(newest) if head else None
    recognise = recognise_by_head(model, head) if head else recognise_by_words(model, ensemble_weights(ensemble))
    verdict = recognise.judge(newest[0]) if recognise else None
    label = winner(learned or second) if verdict is None or verdict.known else NONE
    return _note(hearing, newest_seconds, label), Moment(decibels, first, second, learned, verdict)


def _note(hearing: Hearing, seconds: float, label: str | None) -> Hearing:
    """Lengthen the last band or begin a new one, and drop what is older than a minute."""
    now, bands = hearing.seconds, hearing.bands
    if bands and bands[-1].label == label:
        bands = (*bands[:-1], replace(bands[-1], end=now))
    else:
        bands = (*bands, Band(bands[-1].end if bands else max(now - seconds, 0.0), now, label))
    return replace(hearing, bands=tuple(band for band in bands if band.end > now - MINUTE))
