"""CoCoOp: CoOp with a small net that shifts the context to suit each clip (Zhou et al., CVPR 2022)."""

from collections.abc import Mapping

import numpy as np
from torch import Tensor
from torch.nn.functional import linear

from audioprompt.core.zero_shot import Array
from audioprompt.few_shot.methods import coop

NARROWING = 16  # the net's middle layer is this many times narrower than an embedding


class Cocoop(coop.Coop):
    """The method: each clip meets prompts of its own, and those of many clips go through the text tower together."""

    method = "cocoop"
    per_clip = True

    def initial(self, rng: np.random.Generator, dim: int) -> dict[str, Array]:
        context, middle = self.prompts.text.context_dim, max(1, dim // NARROWING)
        return {
            **super().initial(rng, dim),
            **_layer("narrow", dim, middle, rng),
            **_layer("widen", middle, context, rng),
        }

    def class_weights(self, values: Mapping[str, Tensor], audio: Tensor) -> Tensor:
        return self.prompts.encode(values["context"] + self.shifts(values, audio))

    @staticmethod
    def shifts(values: Mapping[str, Tensor], audio: Tensor) -> Tensor:
        """Return what the net adds to tokens for each clip: ``[B, D]`` -> ``[B, 1, context_dim]``."""
        narrow = linear(audio, values["narrow.weight"], values["narrow.bias"]).relu()
        return linear(narrow, values["widen.weight"], values["widen.bias"])[:, None]

    @property
    def clips_at_once(self) -> int:
        return max(1, coop.PROMPTS_AT_ONCE // len(self.classes))


def _layer(name: str, inputs: int, outputs: int, rng: np.random.Generator) -> dict[str, Array]:
    """Return a linear layer as torch starts it: uniform between plus and minus one over the root of its inputs."""
    bound = inputs**-0.5
    return {
        f"{name}.weight": rng.uniform(-bound, bound, (outputs, inputs)).astype(np.float32),
        f"{name}.bias": rng.uniform(-bound, bound, outputs).astype(np.float32),
    }
