"""Few-shot methods as a scikit-learn estimator: recordings in, names out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from audioprompt.audio import AudioSource
from audioprompt.cache import EmbeddingCache
from audioprompt.embeddings import embed_clips, pooled
from audioprompt.few_shot.base import FewShotError, FitSettings
from audioprompt.few_shot.methods import BARE_NAME, build
from audioprompt.models import registry
from audioprompt.models.base import AudioTextModel
from audioprompt.prompts.template import Template
from audioprompt.zero_shot import Array

if TYPE_CHECKING:
    from typing_extensions import Self

Sounds = Sequence[AudioSource] | Array  # N recordings, or their embeddings [N, D]


class FewShotClassifier(ClassifierMixin, BaseEstimator):
    """Learns to name sounds from a few examples of each.

    >>> classifier = FewShotClassifier().fit(["rain.wav", "dog.wav"], ["rain", "dog bark"])
    >>> classifier.predict(["unknown.wav"])
    array(['rain'], dtype='<U8')

    Args:
        method: one of ``METHODS``.
        model: a model or the name of one; it hears the recordings and reads the class names.
        epochs: how often every clip is seen.
        rate: learning rate.
        seed: of the initial values and of the order of the clips.
        templates: prompts for TSPE's ensemble, like "A loud sound of {label}".
        start: prompts whose ensemble PALM starts from, the bare name where none are given.

    Attributes:
        classes_: the C different labels, sorted.
        head_: the fitted `Head`.
    """

    def __init__(
        self,
        method: str = "palm",
        model: str | AudioTextModel = "embedded",
        epochs: int = FitSettings.epochs,
        rate: float = FitSettings.rate,
        seed: int = 0,
        templates: Sequence[str] = (),
        start: Sequence[str] = (),
    ) -> None:
        self.method = method
        self.model = model
        self.epochs = epochs
        self.rate = rate
        self.seed = seed
        self.templates = templates
        self.start = start

    def fit(self, X: Sounds, y: Sequence[str]) -> "Self":
        """Learn from labelled recordings.

        Args:
            X: recordings in any form that `audioprompt.audio` takes, N, or embeddings, ``[N, D]``.
            y: the label of each; underscores are read as blanks.

        Raises:
            AudioError: a recording cannot be used.
            FewShotError: nothing can be learned from these.
        """
        if len(X) != len(y):
            raise FewShotError(f"{len(X)} recordings, but {len(y)} labels: give one label for each")
        self.classes_, truth = np.unique(np.asarray(y), return_inverse=True)
        names = [str(label).replace("_", " ").strip() for label in self.classes_]
        model = self._model()
        settings = FitSettings(epochs=self.epochs, rate=self.rate, seed=self.seed)
        templates, start = ([Template.parse(text) for text in texts] for texts in (self.templates, self.start))
        head = build(self.method, model, names, settings, templates, start or (BARE_NAME,))
        self.head_ = head.fit(self._embedded(X, model), truth)
        return self

    def predict(self, X: Sounds) -> NDArray[np.str_]:
        """The label of each recording: N, or ``[N, D]`` -> ``[N]``."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X: Sounds) -> Array:
        """Probability of each label, in the order of ``classes_``: N, or ``[N, D]`` -> ``[N, C]``."""
        check_is_fitted(self)
        return self.head_.predict_proba(self._embedded(X, self._model()))

    def _model(self) -> AudioTextModel:
        return registry.load(self.model) if isinstance(self.model, str) else self.model

    def _embedded(self, sounds: Sounds, model: AudioTextModel) -> Array:
        if isinstance(sounds, np.ndarray) and sounds.ndim == 2:
            return sounds
        return pooled(embed_clips(model, list(sounds), cache=EmbeddingCache()))
