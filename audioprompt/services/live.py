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
from audioprompt.core.timeline import smooth
from audioprompt.core.zero_shot import Array, Prediction, ensemble_weights, predict
from audioprompt.services.classify import winner
from audioprompt.services.rejection import Recogniser, Verdict, recognise_by_head, recognise_by_words

if TYPE_CHECKING:
    from audioprompt.encoding.frames import Frames
    from audioprompt.few_shot.base import Head
    from audioprompt.models.base import AudioTextModel

ROLLING_SECONDS = 3.0  # what an answer is about: long enough to recognise, short enough to follow
SETTLED_SECONDS = 1.0  # after which a band stays: until then, what follows a moment tells what it was
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
    """Name the rolling window, and note what is heard in the last minute's bands: by the head if there is one.

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
    decibels = level(hearing.samples[-max(round(newest_seconds * hearing.rate), 1) :])
    if level(hearing.samples) < QUIET_DECIBELS:
        return _note(hearing, newest_seconds, None), Moment(decibels, None, None)
    newest, frames = _hear(model, hearing)
    scale = model.logit_scale
    first, second = (predict(newest, prompts, labels, scale) for prompts in (vanilla, ensemble))
    learned = head.prediction(newest) if head else None
    weights = ensemble_weights(ensemble)
    recognise = recognise_by_head(model, head) if head else recognise_by_words(model, weights, labels)
    verdict = recognise.judge(newest[0]) if recognise else None
    moment = Moment(decibels, first, second, learned, verdict)
    if frames is None or getattr(head, "per_clip", False):  # such a head would take as long for each frame as for all
        label = winner(learned or second) if moment.known else NONE
        return _note(hearing, newest_seconds, label), moment
    said = head.prediction(frames.embeddings) if head else predict(frames.embeddings, weights[None], labels, scale)
    return _follow(hearing, newest_seconds, frames, said, recognise), moment


def _hear(model: "AudioTextModel", hearing: Hearing) -> "tuple[Array, Frames | None]":
    """Return what a model hears in the rolling window, ``[1, D]``, and from moment to moment where it can tell."""
    from audioprompt.encoding.encoder import embed_clip
    from audioprompt.encoding.frames import embed_with_frames

    source, name = (hearing.rate, hearing.samples), "The microphone"
    if not hasattr(model, "embed_frames"):
        return embed_clip(model, source, name).windows[-1:], None
    clip, frames = embed_with_frames(model, source, name)
    return clip.windows[-1:], frames


def _follow(
    hearing: Hearing, newest_seconds: float, frames: "Frames", said: Prediction, recognise: Recogniser | None
) -> Hearing:
    """Note frame by frame what is heard, and what the newest sound says of the moments before it.

    Args:
        hearing: with the newest chunk added.
        newest_seconds: what was heard since the last answer.
        frames: of the rolling window, F of them.
        said: of each frame, N = F.
        recognise: tells whether a frame is any of the labels.
    """
    named = smooth(said.probabilities, ~frames.silent, frames.step).argmax(axis=-1)
    known = recognise.scores(frames.embeddings) >= recognise.threshold if recognise else np.ones(len(named), np.bool_)
    begin = hearing.seconds - frames.seconds
    since = max(hearing.seconds - newest_seconds - SETTLED_SECONDS, begin)
    bands = [replace(band, end=min(band.end, since)) for band in hearing.bands if band.start < since]
    for start, end, at, is_known in zip(frames.edges[:-1], frames.edges[1:], named, known, strict=True):
        if begin + end > since:
            quiet = level(hearing.samples[round(start * hearing.rate) : round(end * hearing.rate)]) < QUIET_DECIBELS
            label = None if quiet else said.labels[at] if is_known else NONE
            bands = _lengthened(bands, max(begin + float(start), since), begin + float(end), label)
    return _within_a_minute(hearing, bands)


def _note(hearing: Hearing, seconds: float, label: str | None) -> Hearing:
    """Lengthen the last band or begin a new one, and drop what is older than a minute."""
    now = hearing.seconds
    return _within_a_minute(hearing, _lengthened(hearing.bands, now - seconds, now, label))


def _lengthened(bands: Sequence[Band], start: float, end: float, label: str | None) -> list[Band]:
    if bands and bands[-1].label == label:
        return [*bands[:-1], replace(bands[-1], end=end)]
    return [*bands, Band(bands[-1].end if bands else max(start, 0.0), end, label)]


def _within_a_minute(hearing: Hearing, bands: Sequence[Band]) -> Hearing:
    return replace(hearing, bands=tuple(band for band in bands if band.end > hearing.seconds - MINUTE))
