"""Heads that learn by gradient descent, and the one loop that fits them."""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from audioprompt.core.zero_shot import Array
from audioprompt.few_shot.base import Epoch, Head, OnEpoch, Stop, checked_clips, refuse_other_space
from audioprompt.few_shot.settings import PAPER_SCALE, FewShotError, FitSettings
from audioprompt.models.threads import one_thread

if TYPE_CHECKING:
    from typing_extensions import Self

Augment = Callable[[Tensor], Tensor]  # rows of the clips [B] -> their embeddings this time [B, D]


def batches(clips: int, size: int, rng: np.random.Generator) -> Iterator[Tensor]:
    """One epoch: the rows of all clips in a new order, ``size`` at a time, each ``[B]``."""
    return iter(torch.from_numpy(rng.permutation(clips)).split(size))


class LearnedHead(Head):
    """A head whose class weights are learned by gradient descent.

    The methods differ in two functions: `initial` says what is learned and where that starts, `class_weights` how class
    weights are made of it.

    Args:
        classes: the C class names.
        settings: how it is fitted.
        device: where that is done.
        constants: arrays that the state holds beside what is learned.
    """

    one_thread: ClassVar[bool] = False  # operations so small that sharing them between cores costs more than it gains
    per_clip: ClassVar[bool] = False  # every clip meets class weights of its own

    def __init__(
        self,
        classes: Sequence[str],
        settings: FitSettings,
        device: torch.device | str = "cpu",
        constants: Mapping[str, Array] | None = None,
    ) -> None:
        super().__init__(classes)
        self.settings, self.device, self.constants = (
            settings.at_scale(PAPER_SCALE),
            torch.device(device),
            constants or {},
        )
        self._kept: tuple[Mapping[str, Array], Array] | None = None  # a state, and the class weights it makes

    @property
    def numbers(self) -> Mapping[str, float | int]:
        return self.settings.numbers

    @abstractmethod
    def initial(self, rng: np.random.Generator, dim: int) -> dict[str, Array]:
        """Return what is learned, by name, as it is before the first step, for embeddings of ``dim`` dimensions."""

    def begin(self, values: dict[str, Array], audio: Array, targets: NDArray[np.intp]) -> dict[str, Array]:
        """Move what `initial` gave to where these clips suggest to begin, ``[N, D]`` and ``[N]``."""
        return values

    @abstractmethod
    def class_weights(self, values: Mapping[str, Tensor], audio: Tensor) -> Tensor:
        """Class weights, L2-normalised: ``[C, D]``, or ``[B, C, D]`` from a method that is `per_clip`.

        Args:
            values: the state, as tensors.
            audio: the clips of a batch, ``[B, D]``, which only a method that is `per_clip` looks at.
        """

    @property
    def clips_at_once(self) -> int:
        """How many clips of a batch are worked on together, for the memory it takes; their gradients add up."""
        return self.settings.batch_size

    def learnable(self, dim: int) -> int:
        """How many numbers are learned."""
        return sum(value.size for value in self.initial(np.random.default_rng(0), dim).values())

    def fit(
        self,
        audio: Array,
        targets: NDArray[np.intp],
        on_epoch: OnEpoch | None = None,
        stop: Stop | None = None,
        augment: Augment | None = None,
    ) -> "Self":
        """Learn from labelled clips, as `Head.fit` says.

        Args:
            audio: clip embeddings, ``[N, D]``.
            targets: each clip's class, ``[N]``, indices into ``classes``.
            on_epoch: told of each epoch; returning False ends the fit.
            stop: asked before every batch whether to end the fit.
            augment: gives embeddings of the same clips that are new for every batch (see `dropout`).
        """
        audio, targets = checked_clips(audio, targets, self.classes, self.needs_every_class)
        settings = self.settings
        clips, labels = torch.from_numpy(audio).to(self.device), torch.from_numpy(targets).to(self.device)
        hear = augment or clips.__getitem__
        initial = self.initial(np.random.default_rng([settings.random_state, 0]), audio.shape[1])
        learned = self._tensors(self.begin(initial, audio, targets))
        optimiser = torch.optim.SGD(
            [value.requires_grad_() for value in learned.values()], settings.learning_rate, settings.momentum
        )
        values = {**self._tensors(self.constants), **learned}
        order = np.random.default_rng([settings.random_state, 1])
        history: list[Epoch] = []
        with self._threads():
            for number in range(1, settings.epochs + 1):
                losses, hits = [], []
                for batch in batches(len(clips), settings.batch_size, order):
                    if stop and stop():
                        return self
                    optimiser.zero_grad()
                    for rows in batch.split(self.clips_at_once):
                        heard = hear(rows).to(self.device)
                        logits = self._compare(heard, self.class_weights(values, heard))
                        loss = functional.cross_entropy(logits, labels[rows], reduction="none")
                        (loss.sum() / len(batch)).backward()
                        losses.append(loss.detach())
                        hits.append(logits.argmax(dim=-1) == labels[rows])
                    optimiser.step()
                history.append(Epoch(number, float(torch.cat(losses).mean()), float(torch.cat(hits).float().mean())))
                state = {name: value.detach().cpu().numpy().copy() for name, value in values.items()}
                if not (math.isfinite(history[-1].loss) and all(np.isfinite(value).all() for value in state.values())):
                    raise FewShotError(
                        f"the loss grew out of bounds in epoch {number}: lower the learning rate, which is "
                        f"{settings.learning_rate:g}, and fit again"
                    )
                self.state, self.history, self.notice = state, tuple(history), self._advice(history[-1])
                if on_epoch and on_epoch(history[-1]) is False:
                    break
        return self

    def _advice(self, epoch: Epoch) -> str | None:
        if epoch.loss <= math.log(len(self.classes)):
            return None
        return (
            f"The loss, {epoch.loss:.2g}, is worse than that of guessing: lower the learning rate, which is "
            f"{self.settings.learning_rate:g}, or let the fit have more epochs than {self.settings.epochs}."
        )

    @property
    def weights(self) -> Array | None:
        if self.per_clip or not self.state:
            return None
        if self._kept is None or self._kept[0] is not self.state:
            with torch.inference_mode():
                made = self.class_weights(self._tensors(self.state), torch.empty(0)).cpu().numpy()
            self._kept = self.state, made
        return self._kept[1]

    def _logits(self, audio: Array) -> Array:
        weights = self.weights
        clips = torch.from_numpy(audio)
        with torch.inference_mode():
            if weights is not None:
                return self._compare(clips, torch.from_numpy(weights)).numpy()
            values, parts = self._tensors(self.state), clips.to(self.device).split(self.clips_at_once)
            return torch.cat([self._compare(part, self.class_weights(values, part)) for part in parts]).cpu().numpy()

    def _compare(self, audio: Tensor, weights: Tensor) -> Tensor:
        """Logits of clips with class weights: ``[B, D]`` and ``[C, D]`` or ``[B, C, D]`` -> ``[B, C]``."""
        refuse_other_space(audio, weights)
        cosines = audio @ weights.T if weights.ndim == 2 else (weights @ audio[..., None])[..., 0]
        return (self.settings.logit_scale or PAPER_SCALE) * cosines

    def _tensors(self, arrays: Mapping[str, Array]) -> dict[str, Tensor]:
        return {name: torch.tensor(value, device=self.device) for name, value in arrays.items()}

    def _threads(self) -> AbstractContextManager[object]:
        """Keep the current thread's operations on one core, where that is quicker."""
        return one_thread() if self.one_thread else nullcontext()
