"""Few-shot learning on clip embeddings: PALM, CoOp and CoCoOp, and what they are measured against.

>>> shots = choose_shots(clips.targets, clips.classes, shots=16, random_state=0)
>>> head = build_head("palm", model, clips.spoken_classes).fit(audio[shots.rows], clips.targets[shots.rows])
>>> head.score(other_audio, other_clips.targets)

What is used most can be imported from here; it is loaded when it is asked for, for torch and scikit-learn take seconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audioprompt.few_shot.base import choose_shots as choose_shots
    from audioprompt.few_shot.build import build_head as build_head
    from audioprompt.few_shot.estimator import FewShotClassifier as FewShotClassifier
    from audioprompt.few_shot.heads import SharedHead as SharedHead
    from audioprompt.few_shot.methods import METHODS as METHODS
    from audioprompt.few_shot.settings import FewShotError as FewShotError
    from audioprompt.few_shot.settings import FitSettings as FitSettings

_PLACES = {
    "build_head": "build",
    "choose_shots": "base",
    "FewShotClassifier": "estimator",
    "FewShotError": "settings",
    "FitSettings": "settings",
    "METHODS": "methods",
    "SharedHead": "heads",
}


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(import_module(f"audioprompt.few_shot.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
