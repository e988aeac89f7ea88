"""GPUs that a Space on Hugging Face's ZeroGPU is lent for the length of a call.

The process that serves the page has no GPU there. What is decorated with ``spaces.GPU`` runs in another process, forked
from it, that has one. So a model is kept twice: here on the CPU, for what it says of itself and for methods that learn
through its text tower; and over there on the GPU, loaded at the first call and kept as long as that process lives. Only
sound, texts and embeddings go to and fro, as NumPy arrays, for a tensor on a GPU cannot.
"""

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audioprompt import settings
from audioprompt.models.base import AudioTextModel, PromptableText

if TYPE_CHECKING:
    from torch import Tensor

DEVICE = "zerogpu"  # beside "cpu" and "cuda:0"
Load = Callable[[str, str, Path | None], AudioTextModel]
SECONDS = 60  # at most, of one call: a batch of windows or texts, and at first the loading of the model


def present() -> bool:
    """Whether this is such a Space, and the package ``spaces``, which the platform installs, is there."""
    return settings.SPACE_GPU.value.lower() in ("1", "t", "true") and find_spec("spaces") is not None


@cache
def borrowing() -> Callable[..., Any]:
    """`_embed`, to be run where the GPU is. The platform wants this to have been called before the page is served."""
    return import_module("spaces").GPU(duration=SECONDS)(_embed)


def _embed(load: Load, name: str, weights: Path | None, method: str, given: Any) -> Any:
    """Run a model's embedding method on the GPU; arguments and results are arrays, or texts."""
    import torch

    model = load(name, "cuda", weights)
    value = torch.from_numpy(given) if method == "embed_audio" else given
    return getattr(model, method)(value).cpu().numpy()


class OnZeroGpu:
    """A model that embeds on a borrowed GPU, behind the common interface.

    Args:
        model: the same on the CPU.
        load: gives the shared instance of a model by its name, for a device, from weights; a function of a module, for
            it is called in another process.
        weights: where they are on this machine, if not where the model keeps them.
    """

    device = DEVICE

    def __init__(self, model: AudioTextModel, load: Load, weights: Path | None = None) -> None:
        self.model, self.load, self.weights = model, load, weights
        self.name, self.revision = model.name, model.revision
        self.sample_rate, self.window_seconds = model.sample_rate, model.window_seconds
        self.dim, self.logit_scale = model.dim, model.logit_scale

    @property
    def text(self) -> PromptableText:
        return self.model.text

    def embed_audio(self, windows: "Tensor") -> "Tensor":
        return self._borrow("embed_audio", windows.cpu().numpy())

    def embed_text(self, texts: Sequence[str]) -> "Tensor":
        return self._borrow("embed_text", list(texts))

    def _borrow(self, method: str, given: Any) -> "Tensor":
        import torch

        return torch.from_numpy(borrowing()(self.load, self.name, self.weights, method, given))
