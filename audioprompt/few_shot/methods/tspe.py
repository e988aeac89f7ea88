"""TSPE, the task-specific prompt ensemble: many prompts for each class, averaged, and nothing is learned."""

from typing import TYPE_CHECKING

from audioprompt.few_shot.base import HeadSpec
from audioprompt.few_shot.methods.zero_shot import ZeroShot

if TYPE_CHECKING:
    from typing_extensions import Self


class Tspe(ZeroShot):
    """`ZeroShot` on the class weights that an ensemble of prompts makes (`ensemble_weights`)."""

    method = "tspe"

    @classmethod
    def build(cls, spec: HeadSpec) -> "Self":
        return cls(spec.classes, spec.class_weights(spec.templates), logit_scale=spec.logit_scale)
