"""Few-shot methods as a scikit-learn estimator: recordings in, names out."""

import os
from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from audioprompt.audio.recording import AudioSource
from audioprompt.core.zero_shot import Array
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.encoding.clips import embed_clips
from audioprompt.encoding.encoder import pooled
from audioprompt.few_shot.build import build_head
from audioprompt.few_shot.calibration import calibrate
from audioprompt.few_shot.methods import METHODS, TOGETHER
from audioprompt.few_shot.settings import FewShotError, FitSettings
from audioprompt.models import registry
from audioprompt.models.base import AudioTextModel
from audioprompt.prompts.template import BARE_NAME, as_templates

if TYPE_CHECKING:
    from typing_extensions import Self

Sounds = AudioSource | Sequence[AudioSource] | Array  # N recordings, a single one, or N embeddings [N, D]


class FewShotClassifier(ClassifierMixin, BaseEstimator):
    """Learns to name sounds from a few examples of each.

    >>> classifier = FewShotClassifier().fit(["rain.wav", "dog.wav"], ["rain", "dog bark"])
    >>> classifier.predict(["unknown.wav"])
    array(['rain'], dtype='<U8')

    Args:
        method: the name of one of ``METHODS``.
        model: a model or the name of one; it hears the recordings and reads the class names.
        epochs: how often every clip is seen.
        learning_rate: of the descent.
        random_state: seed of the initial values and of the order of the clips.
        templates: prompts for TSPE's ensemble, like "A loud sound of {label}".
        start: prompts whose ensemble PALM starts from, the bare name where none are given.

    Attributes:
        classes_: the C different labels, sorted.
        head_: the fitted `Head`.
    """

    def __init__(
        self,
        method: str = "auto",
        model: str | AudioTextModel = "embedded",
        epochs: int = FitSettings.epochs,
        learning_rate: float = FitSettings.learning_rate,
        random_state: int = 0,
        templates: str | Sequence[str] = (),
        start: str | Sequence[str] = (),
    ) -> None:
        self.method = method
        self.model = model
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.templates = templates
        self.start = start

    def fit(
        self,
        X: Sounds,
        y: str | Sequence[str] | NDArray[Any],
        groups: Sequence[Any] | None = None,
        words_only: Sequence[str] = (),
        unlabelled: Sounds | None = None,
    ) -> "Self":
        """Learn from labelled recordings.

        Args:
            X: recordings in any form that `audioprompt.audio` takes, N or a single one, or embeddings, ``[N, D]``.
            y: the label of each; underscores are read as blanks.
            groups: which original each was cut from, N of anything; None where that is not known.
            words_only: labels of which there is no recording, known by their words.
            unlabelled: recordings without labels, or their embeddings, from which the method "together" learns as well.

        Raises:
            AudioError: a recording cannot be used.
            FewShotError: nothing can be learned from these.
        """
        sounds = _as_sounds(X)
        labels = _as_targets(y, len(sounds))
        classes, places = np.unique(np.array([*labels, *words_only]), return_inverse=True)
        targets = places[: len(labels)]
        names = [str(label).replace("_", " ").strip() for label in classes]
        model = self._model()
        settings = FitSettings(self.epochs, learning_rate=self.learning_rate, random_state=self.random_state)
        templates, start = as_templates(self.templates), as_templates(self.start)
        others = None if unlabelled is None else self._embedded(_as_sounds(unlabelled), model)
        if others is not None and self.method != TOGETHER:
            raise FewShotError(f'{self.method} learns from labelled recordings alone: choose method="{TOGETHER}"')
        head = build_head(self.method, model, names, settings, templates, start or (BARE_NAME,), others)
        head.groups = None if groups is None else np.unique(_as_groups(groups, len(sounds)), return_inverse=True)[1]
        audio = self._embedded(sounds, model)
        self.head_ = head.fit(audio, targets)
        if METHODS[self.method].learns:
            calibrate(head, audio, targets)
        self.classes_ = classes
        return self

    def predict(self, X: Sounds) -> NDArray[np.str_]:
        """Return the label of each recording: N, or ``[N, D]`` -> ``[N]``; a single one is N = 1.

        Raises:
            NotFittedError: nothing was learned yet.
            AudioError: a recording cannot be used.
        """
        winners = self.predict_proba(X).argmax(axis=1)
        return self.classes_[winners]

    def predict_proba(self, X: Sounds) -> Array:
        """Probability of each label, in the order of ``classes_``: N, or ``[N, D]`` -> ``[N, C]``."""
        check_is_fitted(self, "head_", msg="Nothing was learned yet: call fit with labelled recordings first.")
        return self.head_.predict_proba(self._embedded(_as_sounds(X), self._model()))

    def _model(self) -> AudioTextModel:
        return registry.load(self.model) if isinstance(self.model, str) else self.model

    def _embedded(self, sounds: list[AudioSource] | Array, model: AudioTextModel) -> Array:
        if isinstance(sounds, list):
            return pooled(embed_clips(model, sounds, cache=EmbeddingCache()))
        if sounds.shape[1] != model.dim:
            raise FewShotError(f"embeddings of {model.name} have {model.dim} numbers each, not {sounds.shape[1]}")
        return sounds


def _as_sounds(sounds: Sounds) -> list[AudioSource] | Array:
    """Take recordings as a list, or embeddings ``[N, D]``.

    Raises:
        FewShotError: samples without a rate, or embeddings that are not numbers.
    """
    if isinstance(sounds, (str, os.PathLike, bytes)) or hasattr(sounds, "read"):
        return [sounds]  # type: ignore[list-item]
    if isinstance(sounds, tuple) and len(sounds) == 2 and isinstance(sounds[0], Real):
        return [sounds]
    if isinstance(sounds, np.ndarray) and sounds.dtype.kind in "fiu":
        if sounds.ndim != 2:
            raise FewShotError(
                "samples need their rate: give (rate, samples); embeddings are an array [clips, numbers]"
            )
        if not np.isfinite(sounds).all():
            raise FewShotError("an embedding has a number that is infinite or NaN: embed that clip again")
        return np.asarray(sounds, np.float32)
    return list(sounds)  # type: ignore[arg-type]


def _as_targets(labels: str | Sequence[str] | NDArray[Any], count: int) -> NDArray[Any]:
    """Return the labels of N recordings as an array, ``[N]``.

    Raises:
        FewShotError: there are not N of them, or one is missing.
    """
    given = [labels] if isinstance(labels, str) else list(labels)
    if isinstance(labels, str) and count != 1:
        raise FewShotError(f"{count} recordings, but the labels are one text: give a list with one label for each")
    if len(given) != count:
        raise FewShotError(f"{count} recordings, but {len(given)} labels: give one label for each")
    for number, label in enumerate(given, 1):
        missing = label is None or str(label).strip() in ("", "nan", "NaN", "NaT", "<NA>")
        if missing or not np.isscalar(label):
            raise FewShotError(f"label {number} of {count} is missing ({label!r:.40}): name the sound, or leave it out")
    return np.asarray(given)


def _as_groups(groups: Sequence[Any], count: int) -> list[str]:
    """Return the groups of N recordings as texts.

    Raises:
        FewShotError: there are not N of them.
    """
    if len(groups) != count:
        raise FewShotError(f"{count} recordings, but {len(groups)} groups: give one for each.")
    return list(map(str, groups))
