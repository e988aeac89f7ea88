"""What recordings without labels add to a few labelled clips of each class."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np

from audioprompt.core.metrics import Score, score
from audioprompt.core.transductive import JointAnswer, LabelledExamples, name_together
from audioprompt.core.zero_shot import Array, cosines, ensemble_weights
from audioprompt.data import LabelledClips
from audioprompt.data.embedding import embed_labelled, tell_silence
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.encoding.encoder import Progress, pooled
from audioprompt.few_shot.base import choose_shots
from audioprompt.few_shot.settings import FewShotError
from audioprompt.models.base import AudioTextModel
from audioprompt.prompts.template import VANILLA
from audioprompt.services.learn.clips import EmbeddedClips
from audioprompt.services.learn.results import Experiment, interval_over_seeds
from audioprompt.services.prompts import PROMPTS
from audioprompt.util.text import counted


@dataclass(frozen=True)
class UnlabelledResult:
    """What the words, the shots and recordings without labels achieve together.

    Attributes:
        recordings: without labels, that are not among the labelled clips.
        scores: of each seed's shots, on the clips held back, one by one; empty where there are none.
        reason: why the recordings were not followed with the first seed for which they were not, as a sentence; the
            words alone answer there. None where they always were.
    """

    recordings: int
    scores: tuple[Score, ...]
    reason: str | None = None

    @property
    def accuracy(self) -> float | None:
        """The mean over the seeds; None where nothing was held back."""
        return mean(one.accuracy for one in self.scores) if self.scores else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Bounds between which the accuracy lies, at 95 % confidence."""
        return interval_over_seeds(self.scores) if self.scores else None

    @property
    def words(self) -> str:
        """What the recordings did, as a sentence."""
        return self.reason or f"{counted(self.recordings, 'recording')} without labels joined the clips to learn from."


def embed_unlabelled(
    model: AudioTextModel, recordings: Sequence[Path], progress: Progress | None = None, skip_bad: bool = False
) -> tuple[LabelledClips, Array]:
    """Embed recordings without labels, ``[N, D]``; the clips' remarks tell which are silent and left out.

    Raises:
        BadRecordings: some cannot be used.
        FewShotError: all are silent.
    """
    clips = LabelledClips(tuple(recordings), ("?",) * len(recordings))
    clips, embedded = embed_labelled(model, clips, progress, EmbeddingCache(), skip_bad)
    audible = [clip for clip in embedded if not clip.is_silent]
    if not audible:
        raise FewShotError("all recordings without labels are silent: give others")
    return tell_silence(clips, embedded), pooled(audible)


def measure_unlabelled(model: AudioTextModel, tried: Experiment, audio: Array) -> UnlabelledResult:
    """Measure what recordings without labels add to the shots of an experiment, which stay in their classes.

    The words are the ensemble of the experiment's templates, or one plain prompt. Recordings that are among the
    experiment's clips are left out.

    Args:
        model: what heard the clips and the recordings.
        tried: the experiment.
        audio: embeddings of the recordings, ``[N, D]``.

    Raises:
        FewShotError: all recordings are among the labelled clips.
    """
    labelled = {vector.tobytes() for vector in tried.clips.audio}
    others = [row for row, vector in enumerate(audio) if vector.tobytes() not in labelled]
    if not others:
        raise FewShotError("every recording without a label is among the labelled clips: give others")
    trial, classes = tried.results.trial, tried.results.classes
    words = ensemble_weights(PROMPTS.get(model, list(trial.templates) or [VANILLA], classes))
    clips = tried.train
    answers = []
    for seed in trial.seeds:
        rows = choose_shots(clips.clips.targets, classes, trial.shots, seed).rows
        shots = LabelledExamples(clips.audio[rows], clips.clips.targets[rows])
        answers.append(name_together(audio[others], words, model.logit_scale, shots))
    scores = _scores(answers, words, model.logit_scale, tried.test) if tried.test else ()
    return UnlabelledResult(len(others), scores, next((one.reason for one in answers if one.reason), None))


def _scores(answers: Sequence[JointAnswer], words: Array, logit_scale: float, test: EmbeddedClips) -> tuple[Score, ...]:
    """Score what was learned on clips that are heard one by one."""
    alone = np.float32(logit_scale) * cosines(test.audio, words)
    said = [alone + one.means.log_likelihoods(test.audio) if one.means else alone for one in answers]
    return tuple(score(logits.argmax(axis=-1), test.clips.targets) for logits in said)
