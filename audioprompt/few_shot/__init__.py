"""Few-shot learning on clip embeddings: PALM, CoOp and CoCoOp, and what they are measured against.

>>> shots = choose_shots(clips.truth, clips.classes, shots=16, seed=0)
>>> head = build("palm", model, clips.spoken_classes).fit(audio[shots.rows], clips.truth[shots.rows])
>>> head.score(other_audio, other_clips.truth)
"""

from audioprompt.few_shot.base import (
    Epoch,
    FewShotError,
    FitSettings,
    Head,
    LearnedHead,
    Shots,
    choose_shots,
    dropout,
)
from audioprompt.few_shot.cocoop import Cocoop
from audioprompt.few_shot.coop import Coop
from audioprompt.few_shot.methods import BARE_NAME, METHODS, build
from audioprompt.few_shot.palm import Palm, PalmDagger
from audioprompt.few_shot.yardsticks import LinearProbe, TipAdapter, Tspe, ZeroShot

__all__ = [
    "BARE_NAME",
    "METHODS",
    "Cocoop",
    "Coop",
    "Epoch",
    "FewShotError",
    "FitSettings",
    "Head",
    "LearnedHead",
    "LinearProbe",
    "Palm",
    "PalmDagger",
    "Shots",
    "TipAdapter",
    "Tspe",
    "ZeroShot",
    "build",
    "choose_shots",
    "dropout",
]
