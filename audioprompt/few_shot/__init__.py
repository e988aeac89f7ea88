"""Few-shot learning on clip embeddings: PALM, CoOp and CoCoOp, and what they are measured against.

>>> shots = choose_shots(clips.truth, clips.classes, shots=16, seed=0)
>>> head = build("palm", model, clips.spoken_classes).fit(audio[shots.rows], clips.truth[shots.rows])
>>> head.score(other_audio, other_clips.truth)
"""

from typing import TYPE_CHECKING, Any

from audioprompt.few_shot.augment import dropout, with_batch_norm_of
from audioprompt.few_shot.base import (
    Epoch,
    FewShotError,
    FitSettings,
    Head,
    LearnedHead,
    Shots,
    choose_shots,
)
from audioprompt.few_shot.cocoop import Cocoop
from audioprompt.few_shot.coop import Coop
from audioprompt.few_shot.methods import METHODS, build
from audioprompt.few_shot.palm import Palm, PalmDagger
from audioprompt.few_shot.sharing import HeadRecord, HeadScore, SharedHead, load_head, record_of
from audioprompt.few_shot.yardsticks import LinearProbe, TipAdapter, Tspe, ZeroShot
from audioprompt.prompts.template import BARE_NAME

if TYPE_CHECKING:
    from audioprompt.few_shot.estimator import FewShotClassifier

__all__ = [
    "BARE_NAME",
    "METHODS",
    "Cocoop",
    "Coop",
    "Epoch",
    "FewShotClassifier",
    "FewShotError",
    "FitSettings",
    "Head",
    "HeadRecord",
    "HeadScore",
    "LearnedHead",
    "LinearProbe",
    "Palm",
    "PalmDagger",
    "SharedHead",
    "Shots",
    "TipAdapter",
    "Tspe",
    "ZeroShot",
    "build",
    "choose_shots",
    "dropout",
    "load_head",
    "record_of",
    "with_batch_norm_of",
]


def __getattr__(name: str) -> Any:
    """The estimator, imported only where it is asked for: scikit-learn takes its time."""
    if name == "FewShotClassifier":
        from audioprompt.few_shot.estimator import FewShotClassifier

        return FewShotClassifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
