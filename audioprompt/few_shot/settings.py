"""How a head is fitted, and what cannot be fitted. Neither needs torch, so that pages can ask for them at once."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from audioprompt.errors import AudiopromptError

MAX_VALUE = 10_000  # learning rate or logit scale


class FewShotError(AudiopromptError, ValueError):
    """A head cannot be fitted or asked; the message says what to change."""


@dataclass(frozen=True)
class FitSettings:
    """How a head is fitted. The defaults are those of PALM's experiments (Hanif et al. 2024), for all methods.

    Attributes:
        epochs: how often every clip is seen.
        batch_size: clips per step.
        learning_rate: of the stochastic gradient descent.
        momentum: of the same.
        logit_scale: what cosines are multiplied by to become logits; the paper's, whatever the model's own is.
        context_tokens: context vectors that CoOp and CoCoOp learn.
        random_state: seed of the initial values and of the order of the clips.

    Raises:
        FewShotError: a value that no fit can work with.
    """

    epochs: int = 50
    batch_size: int = 16
    learning_rate: float = 0.05
    momentum: float = 0.9
    logit_scale: float = 100.0
    context_tokens: int = 16
    random_state: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "context_tokens"):
            if getattr(self, name) < 1:
                raise FewShotError(f"{name} is {getattr(self, name)}: give 1 or more")
        for name in ("learning_rate", "logit_scale"):
            if not 0 < getattr(self, name) <= MAX_VALUE:
                raise FewShotError(f"{name} is {getattr(self, name)}: give a number above 0, at most {MAX_VALUE:,}")
        if not 0 <= self.momentum < 1:
            raise FewShotError(f"momentum is {self.momentum}: give a number from 0 to below 1")
        if self.random_state < 0:
            raise FewShotError(f"random_state is {self.random_state}: give 0 or more")

    @classmethod
    def from_numbers(cls, numbers: Mapping[str, float | int]) -> "FitSettings":
        """Return the settings that a saved head holds as plain numbers.

        Raises:
            FewShotError: a value that no fit can work with.
            TypeError: a number that is not a setting.
        """
        whole = {field.name for field in fields(cls) if field.type is int}
        return cls(**{name: int(value) if name in whole else value for name, value in numbers.items()})  # type: ignore[arg-type]
