"""How a head is fitted, and what cannot be fitted. Neither needs torch, so that pages can ask for them at once."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from audioprompt.errors import AudiopromptError

MAX_VALUE = 10_000  # learning rate or logit scale
PAPER_SCALE = 100.0  # of PALM's experiments, and of a head whose model is not known


class FewShotError(AudiopromptError, ValueError):
    """A head cannot be fitted or asked; the message says what to change."""


@dataclass(frozen=True)
class FitSettings:
    """How a head is fitted, for all methods. The recipe ``paper`` is that of PALM's experiments (Hanif et al. 2024).

    Attributes:
        epochs: how often every clip is seen.
        batch_size: clips per step.
        learning_rate: of the stochastic gradient descent.
        momentum: of the same.
        logit_scale: what cosines are multiplied by to become logits; None for the model's own.
        context_tokens: context vectors that CoOp and CoCoOp learn.
        random_state: seed of the initial values and of the order of the clips.
        words: how many clips the words of a class count as, for the methods that weigh the two; 0 to choose.
        from_clips: whether what PALM learns starts at the mean of each class's clips, trusted the more of them there
            are; at random otherwise.
        calibrate: whether probabilities are tempered until they fit clips that were left out (see `calibration`).

    Raises:
        FewShotError: a value that no fit can work with.
    """

    epochs: int = 50
    batch_size: int = 16
    learning_rate: float = 0.05
    momentum: float = 0.9
    logit_scale: float | None = None
    context_tokens: int = 16
    random_state: int = 0
    words: float = 4.0
    from_clips: bool = True
    calibrate: bool = True

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "context_tokens"):
            if getattr(self, name) < 1:
                raise FewShotError(f"{name} is {getattr(self, name)}: give 1 or more")
        for name in ("learning_rate", "logit_scale"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= MAX_VALUE:
                raise FewShotError(f"{name} is {value}: give a number above 0, at most {MAX_VALUE:,}")
        if not 0 <= self.momentum < 1:
            raise FewShotError(f"momentum is {self.momentum}: give a number from 0 to below 1")
        if not 0 <= self.words <= MAX_VALUE:
            raise FewShotError(f"words is {self.words}: give a number from 0 to {MAX_VALUE:,}")
        if self.random_state < 0:
            raise FewShotError(f"random_state is {self.random_state}: give 0 or more")

    @classmethod
    def of_recipe(cls, recipe: str, **changes: Any) -> "FitSettings":
        """Return the settings that go by a name, one of `RECIPES`, but for some changes.

        Raises:
            FewShotError: no recipe has this name, or a value that no fit can work with.
        """
        if recipe not in RECIPES:
            raise FewShotError(f"There is no recipe called {recipe!r}. Choose one of: {', '.join(RECIPES)}.")
        return replace(RECIPES[recipe], **changes)

    def at_scale(self, logit_scale: float) -> "FitSettings":
        """Return these settings with a model's own scale, where they do not say another."""
        return self if self.logit_scale is not None else replace(self, logit_scale=logit_scale)

    @property
    def numbers(self) -> dict[str, float | int]:
        """The settings as plain numbers, for `from_numbers`; one that is None is left out."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        return {name: int(value) if isinstance(value, bool) else value for name, value in given.items()}

    @classmethod
    def from_numbers(cls, numbers: Mapping[str, float | int]) -> "FitSettings":
        """Return the settings that a saved head holds as plain numbers.

        Raises:
            FewShotError: a value that no fit can work with.
            TypeError: a number that is not a setting.
        """
        kinds = {field.name: field.type for field in fields(cls) if field.type in (int, bool)}
        return cls(**{name: kinds.get(name, float)(value) for name, value in numbers.items()})  # type: ignore


RECIPES = {
    "own": FitSettings(),
    "paper": FitSettings(logit_scale=PAPER_SCALE, from_clips=False, calibrate=False),
}
