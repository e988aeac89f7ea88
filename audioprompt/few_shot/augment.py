"""Two things that PALM's own experiments did to their frozen encoder without saying so, as options.

The reference code leaves the whole model in training mode, so its projection drops values at random and its first batch
norm drifts towards the clips at hand. Both can be had without encoding a clip at every step: dropout works on features
cached before the projection, and the batch norm is estimated anew once, on the unlabelled training clips.
"""

import copy
import hashlib
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from audioprompt.audio.recording import AudioSource
from audioprompt.core.zero_shot import Array
from audioprompt.encoding.clips import embed_clips
from audioprompt.encoding.encoder import Progress
from audioprompt.few_shot.base import checked_audio
from audioprompt.few_shot.descent import Augment
from audioprompt.few_shot.settings import FewShotError
from audioprompt.models.base import AudioTextModel


def dropout(
    features: Sequence[Array], project: Callable[[Tensor], Tensor], fraction: float = 0.5, seed: int = 0
) -> Augment:
    """Augmentation for a fit: features that a model heard, partly dropped anew each time they are projected.

    Args:
        features: what the audio encoder hears in each of N clips before its projection, N times ``[W, F]``, as
            `audioprompt.encoding.encoder.features_of_clips` gives it.
        project: the projection into the shared space, ``[B, F]`` -> ``[B, D]``, L2-normalised.
        fraction: of the features that are dropped, 0 to below 1; the others are scaled up to make up for it.
        seed: of the choice.

    Raises:
        FewShotError: not in [0, 1).
    """
    if not 0 <= fraction < 1:
        raise FewShotError(f"The fraction to drop must be at least 0 and below 1, not {fraction:g}.")
    kept = [torch.from_numpy(checked_audio(windows)) for windows in features]
    rng = torch.Generator().manual_seed(seed)

    def hear(rows: Tensor) -> Tensor:
        clips = [kept[row] for row in rows.tolist()]
        heard = torch.cat(clips)
        survives = torch.rand(heard.shape, generator=rng) >= fraction
        with torch.no_grad():
            windows = project(heard * survives / (1 - fraction)).split([len(clip) for clip in clips])
        return functional.normalize(torch.stack([clip.mean(dim=0) for clip in windows]), dim=-1)

    return hear


def with_batch_norm_of(
    model: AudioTextModel, sources: Sequence[AudioSource], progress: Progress | None = None
) -> AudioTextModel:
    """Return a copy of a model whose first batch norm has the mean and variance of these clips; labels are not needed.

    It is another model: its embeddings differ, and so does its revision. The model itself stays as it is.

    Args:
        model: one whose audio tower holds a batch norm.
        sources: the training clips.
        progress: told of the clips heard.

    Raises:
        FewShotError: no clip, or a model without a batch norm.
        AudioError: a clip cannot be read.
    """
    if not sources:
        raise FewShotError("there is no clip to estimate the batch norm on: give the training clips")
    ours = copy.copy(model)  # and only its audio tower is copied with it
    norm = _copied_tower(ours)
    count, total, squares = 0, torch.zeros(()), torch.zeros(())

    def look(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        nonlocal count, total, squares
        values = given[0].double().transpose(0, 1).flatten(1).cpu()  # channels first
        count += values.shape[1]
        total, squares = total + values.sum(dim=1), squares + values.square().sum(dim=1)

    ours.batch_invariant = False  # type: ignore[attr-defined]  # heard in order, for sums of floats depend on it
    hook = norm.register_forward_pre_hook(look)
    embed_clips(ours, sources, progress)
    hook.remove()
    mean = total / count
    variance = (squares / count - mean.square()).clamp(min=0) * count / max(count - 1, 1)
    norm.load_state_dict({**norm.state_dict(), "running_mean": mean.float(), "running_var": variance.float()})
    digest = hashlib.sha256(mean.numpy().tobytes() + variance.numpy().tobytes()).hexdigest()[:8]
    ours.revision = f"{model.revision}-bn-{digest}"
    return ours


def _copied_tower(model: AudioTextModel) -> nn.Module:
    """Give a model a copy of its audio tower in place of the tower itself; returns the copy's first batch norm."""
    for name, tower in vars(model).items():
        if isinstance(tower, nn.Module) and any(isinstance(part, _BatchNorm) for part in tower.modules()):
            setattr(model, name, copied := copy.deepcopy(tower))
            return next(part for part in copied.modules() if isinstance(part, _BatchNorm))
    raise FewShotError(f"{model.name} has no batch norm in its audio tower: leave its estimation out")
