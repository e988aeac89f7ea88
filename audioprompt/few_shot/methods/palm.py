"""PALM: a learned context and a gate for each class, in the space of the embeddings (Hanif et al., EMNLP 2024).

With ``f`` the embedding of a class's text, ``z`` its context and ``l`` its gate, all of them learned but ``f``:

    f' = (1 - sigmoid(l)) f + sigmoid(l) z,    L2-normalised

Neither clips nor classes are encoded again, so a fit is arithmetic on small matrices.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from audioprompt.core.zero_shot import Array
from audioprompt.few_shot.base import HeadSpec, SavedHead, checked_audio
from audioprompt.few_shot.descent import LearnedHead
from audioprompt.few_shot.settings import FewShotError, FitSettings

if TYPE_CHECKING:
    from typing_extensions import Self

CONTEXT_STD = 0.02  # of the initial values, each normally distributed around zero
TRUST = np.float32(2)  # clips of a class that its words count as when a fit begins
NO_CLIP = np.float32(1e-3)  # in place of 0, whose logarithm is none


class Palm(LearnedHead):
    """The method.

    Args:
        classes: the C class names.
        start: where each class starts, ``[C, D]``, L2-normalised: the embedding of its bare name in the paper; a whole
            prompt's or an ensemble's is as good.
        settings: how it is fitted.
    """

    method = "palm"
    one_thread = True
    needs_every_class = False
    folds = 4

    def __init__(self, classes: Sequence[str], start: Array, settings: FitSettings | None = None) -> None:
        start = checked_audio(start)
        if len(start) != len(classes):
            raise FewShotError(f"{len(classes)} classes, but {len(start)} embeddings to start from: give one for each")
        super().__init__(classes, settings or FitSettings(), constants={"start": start})

    @classmethod
    def build(cls, spec: HeadSpec) -> "Self":
        return cls(spec.classes, spec.class_weights(spec.start), spec.settings)

    @classmethod
    def restore(cls, saved: SavedHead) -> "Self":
        return cls(saved.classes, saved.state["start"], FitSettings.from_numbers(saved.settings))

    def initial(self, rng: np.random.Generator, dim: int) -> dict[str, Array]:
        classes = len(self.classes)
        return {
            "context": rng.normal(0, CONTEXT_STD, (classes, dim)).astype(np.float32),
            "gate": rng.uniform(0, 1, classes).astype(np.float32),
        }

    def begin(self, values: dict[str, Array], audio: Array, targets: NDArray[np.intp]) -> dict[str, Array]:
        """Begin at the mean of each class's n clips, with the gate at n / (n + 2); at random in the paper's recipe."""
        if not self.settings.from_clips:
            return values
        counts = np.bincount(targets, minlength=len(self.classes)).astype(np.float32)
        moved = {**values, "gate": np.log(np.maximum(counts, NO_CLIP) / TRUST)}
        if "context" in values:
            members = np.eye(len(self.classes), dtype=np.float32)[targets]
            moved["context"] = members.T @ audio / np.maximum(counts, 1)[:, None]
        return moved

    def class_weights(self, values: Mapping[str, Tensor], audio: Tensor) -> Tensor:
        gate = values["gate"].sigmoid()[:, None]
        return functional.normalize((1 - gate) * values["start"] + gate * values["context"], dim=-1)

    @property
    def gates(self) -> Array:
        """How far each class relies on what was learned, 0 (its text alone) to 1 (the context alone), ``[C]``."""
        return 1 / (1 + np.exp(-self.state["gate"]))


class PalmDagger(Palm):
    """PALM without its context, the paper's ablation: the gate is all that is learned.

    A gate only makes a class's embedding shorter, which normalising undoes; so this scores what the texts it starts
    from score.
    """

    method = "palm-dagger"

    def initial(self, rng: np.random.Generator, dim: int) -> dict[str, Array]:
        return {"gate": super().initial(rng, dim)["gate"]}

    def class_weights(self, values: Mapping[str, Tensor], audio: Tensor) -> Tensor:
        gate = values["gate"].sigmoid()[:, None]
        return functional.normalize((1 - gate) * values["start"], dim=-1)
