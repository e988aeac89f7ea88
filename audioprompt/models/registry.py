"""Which models there are, on which device they run, and the one shared instance of each.

    >>> model = load("embedded", "cpu")
    >>> model is load("embedded", "cpu")
    True

To add a model here, add an entry to ``BUILT_IN``. To add one from a package of your own, make a `ModelEntry` and name
it in that package's ``pyproject.toml`` as an entry point of the group ``audioprompt.models``.
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import NamedTuple, Protocol

from audioprompt import settings
from audioprompt.models import zero_gpu
from audioprompt.models.base import AudioTextModel, ModelError
from audioprompt.util.places import is_there
from audioprompt.util.registry import Registry

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], None]  # (bytes there, bytes in all)


class Loader(Protocol):
    """Makes an instance of a model."""

    def __call__(self, device: str, weights: Path | None, progress: Progress | None) -> AudioTextModel:
        """Load onto a device.

        Args:
            device: "cpu", "cuda:0", "mps".
            weights: a file or folder on this machine; None for the model's own, which may have to be downloaded.
            progress: to be called while weights are downloaded.

        Raises:
            ModelError: the model cannot be had.
        """
        ...


@dataclass(frozen=True)
class ModelEntry:
    """One model that can be loaded.

    Attributes:
        name: what people call it in commands and in the app.
        description: one line on what it is and when to take it.
        size: what it takes on disk or to download, in words.
        licence: under which its weights come.
        load: makes an instance.
        repository: on the Hugging Face hub, that holds the weights; empty where it is another place.
        packages: that have to be installed for it, besides those of every model.
    """

    name: str
    description: str
    size: str
    licence: str
    load: Loader
    repository: str = ""
    packages: tuple[str, ...] = ()


# --- the models that come with the package ----------------------------------------------------------------------------


def _embedded(device: str, weights: Path | None, progress: Progress | None) -> AudioTextModel:
    from audioprompt.models.embedded import EmbeddedModel

    return EmbeddedModel(device, weights)


def _msclap(name: str, device: str, weights: Path | None, progress: Progress | None) -> AudioTextModel:
    from audioprompt.models.clap import load_msclap

    return load_msclap(name, device, weights, progress=progress)


def _laion(name: str, device: str, weights: Path | None, progress: Progress | None) -> AudioTextModel:
    from audioprompt.models.laion import load_laion

    return load_laion(name, device, weights, progress)


def _wav2clip(device: str, weights: Path | None, progress: Progress | None) -> AudioTextModel:
    from audioprompt.models.wav2clip import load_wav2clip

    return load_wav2clip("wav2clip", device, weights, progress)


def _audioclip(device: str, weights: Path | None, progress: Progress | None) -> AudioTextModel:
    from audioprompt.models.audioclip import load_audioclip

    return load_audioclip("audioclip", device, weights, progress)


BUILT_IN = (
    ModelEntry(
        name="embedded",
        description="The bundled model: quick on any CPU, no network; English and Chinese; 32 kHz, windows of 5 s.",
        size="27 MB, bundled",
        licence="MIT",
        load=_embedded,
    ),
    ModelEntry(
        name="msclap-2023",
        description="MS-CLAP 2023, the stronger of TSPE's two models; 44.1 kHz, windows of 7 s.",
        size="0.7 GB, downloaded on first use",
        licence="MIT",
        load=partial(_msclap, "msclap-2023"),
        repository="microsoft/msclap",
        packages=("msclap",),
    ),
    ModelEntry(
        name="msclap-2022",
        description="MS-CLAP 2022, the first CLAP; 44.1 kHz, windows of 5 s.",
        size="0.7 GB, downloaded on first use",
        licence="MIT",
        load=partial(_msclap, "msclap-2022"),
        repository="microsoft/msclap",
        packages=("msclap",),
    ),
    ModelEntry(
        name="pengi",
        description="PENGI's audio and text encoders, PALM's model; 44.1 kHz, windows of 7 s.",
        size="2.2 GB, downloaded on first use",
        licence="MIT",
        load=partial(_msclap, "pengi"),
        packages=("msclap",),
    ),
    ModelEntry(
        name="laion-clap",
        description="LAION-CLAP (htsat-unfused); 48 kHz, windows of 10 s.",
        size="0.6 GB, downloaded on first use",
        licence="Apache-2.0",
        load=partial(_laion, "laion-clap"),
        repository="laion/clap-htsat-unfused",
    ),
    ModelEntry(
        name="laion-clap-general",
        description="LAION-CLAP trained on music and speech too (larger_clap_general); 48 kHz, windows of 10 s.",
        size="0.8 GB, downloaded on first use",
        licence="Apache-2.0",
        load=partial(_laion, "laion-clap-general"),
        repository="laion/larger_clap_general",
    ),
    ModelEntry(
        name="wav2clip",
        description="Wav2CLIP: ResNet-18 in the space of CLIP ViT-B/32, for comparison; 16 kHz, windows of 10 s.",
        size="0.7 GB, downloaded on first use",
        licence="MIT",
        load=_wav2clip,
    ),
    ModelEntry(
        name="audioclip",
        description="AudioCLIP: ESResNeXt-fbsp beside CLIP ResNet-50, for comparison; 44.1 kHz, windows of 5 s.",
        size="0.5 GB, downloaded on first use",
        licence="MIT",
        load=_audioclip,
    ),
)


# --- one shared instance of each --------------------------------------------------------------------------------------


class _Key(NamedTuple):
    name: str
    device: str
    weights: Path | None
    half: bool


class ModelRegistry(Registry[ModelEntry]):
    """The models there are, and those that are loaded.

    Args:
        built_in: the package's own, the default first.
    """

    def __init__(self, built_in: Iterable[ModelEntry] = BUILT_IN) -> None:
        super().__init__("model", "audioprompt.models", ModelEntry, built_in, ModelError)
        self._models: dict[_Key, AudioTextModel] = {}
        self._locks: dict[_Key, Lock] = {}  # one per model, so that two models can load side by side
        self._loading: dict[_Key, tuple[int, int]] = {}  # (bytes there, bytes in all) of what is being downloaded
        self._weights: dict[str, Path] = {}  # where people keep a model's weights, by its name
        self._guard = Lock()  # over the dicts, held only for a look-up

    def load(
        self,
        name: str = "embedded",
        device: str | None = None,
        weights: Path | None = None,
        half: bool = False,
        progress: Progress | None = None,
    ) -> AudioTextModel:
        """Return the shared instance of a model, loaded on first use; whoever asks meanwhile waits for it.

        Args:
            name: of an entry.
            device: "cpu", "cuda", "cuda:1", "mps", or "auto" (as None): the fastest there is.
            weights: the published file or folder on this machine; None for what `keep_weights` was told, else a
                download.
            half: compute in half precision; on CUDA only.
            progress: called while weights are downloaded, if it is this call that loads.

        Raises:
            ModelError: there is no such model or device, or the model cannot be loaded; the next call tries again.
        """
        entry, key = self[name], self._key(name, device, weights, half)
        with self._guard:
            lock = self._locks.setdefault(key, Lock())

        def report(done: int, total: int) -> None:
            self._loading[key] = done, total
            if progress:
                progress(done, total)

        with lock:
            if key not in self._models:
                began = time.monotonic()
                try:
                    self._models[key] = _made(entry, key, report)
                except Exception as error:
                    logger.warning("%s could not be loaded: %s", name, error)
                    raise
                finally:
                    self._loading.pop(key, None)
                logger.info("%s is loaded on %s after %.1f s", name, key.device, time.monotonic() - began)
            return self._models[key]

    def loaded(self, name: str, device: str | None = None) -> AudioTextModel | None:
        """Return the shared instance that `load` would give at once, None where it would have to load it first."""
        return self._models.get(self._key(name, device, None, False))

    def fraction_downloaded(self, name: str, device: str | None = None) -> float | None:
        """How much of a model's weights is there while they are downloaded, 0 to 1; None at all other times."""
        done, total = self._loading.get(self._key(name, device, None, False), (0, 0))
        return done / total if total else None

    def keep_weights(self, name: str, weights: Path) -> None:
        """From now on load a model from a file or folder on this machine wherever no other is named.

        Raises:
            ModelError: there is no such model, or no such file.
        """
        self._weights[self[name].name] = _there(weights)

    def load_and_keep(self, name: str, weights: Path) -> AudioTextModel:
        """Load a model from a file or folder on this machine, and if that is one of it, do so from now on.

        Raises:
            ModelError: there is no such model or file, or it cannot be loaded: the model is what it was.
        """
        model = self.load(name, weights=_there(weights))
        self._weights[self[name].name] = weights
        return model

    def release(self, name: str | None = None) -> None:
        """Forget a model's shared instances on all devices, or everybody's, so that their memory can be freed."""
        with self._guard:
            for key in [key for key in self._models if name in (None, key.name)]:
                del self._models[key]

    def _key(self, name: str, device: str | None, weights: Path | None, half: bool) -> _Key:
        chosen = pick_device(device)
        if half and not chosen.startswith("cuda"):
            raise ModelError(f"Half precision is for CUDA only, and the device is {chosen}: leave it out.")
        return _Key(name, chosen, weights or self._weights.get(name), half)


def _there(weights: Path) -> Path:
    """Return a file or folder that is there.

    Raises:
        ModelError: it is not.
    """
    if not is_there(weights):
        raise ModelError(f"There is no file {weights}; check the path of the weights.")
    return weights


def _made(entry: ModelEntry, key: _Key, progress: Progress) -> AudioTextModel:
    """Return a new instance of a model."""
    borrowed = key.device == zero_gpu.DEVICE
    model = entry.load("cpu" if borrowed else key.device, key.weights, progress)
    if borrowed:
        model = zero_gpu.OnZeroGpu(model, load, key.weights)
    if key.half:
        from audioprompt.models.compat.half import HalfPrecision

        model = HalfPrecision(model)
    return model


MODELS = ModelRegistry()


def load(
    name: str = "embedded",
    device: str | None = None,
    weights: Path | None = None,
    half: bool = False,
    progress: Progress | None = None,
) -> AudioTextModel:
    """Return the shared instance of a model, as `ModelRegistry.load` gives it."""
    return MODELS.load(name, device, weights, half, progress)


def pick_device(device: str | None = None) -> str:
    """Return a device's full name; "auto" and None pick the fastest there is: CUDA (lent or own), Apple's MPS, then
    the CPU.

    ``AUDIOPROMPT_DEVICE`` in the environment says what None stands for.

    Raises:
        ModelError: this machine has no such device.
    """
    import torch  # which takes seconds, and to list the models it is not needed

    gpus = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    lent = [zero_gpu.DEVICE] if zero_gpu.present() else []
    available = [*lent, *gpus, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]
    if device is None:
        device = settings.DEVICE.value
    if device == "auto":
        return available[0]
    wanted = "cuda:0" if device == "cuda" else device
    if wanted not in available:
        raise ModelError(f"There is no device {device!r} on this machine: use auto or {' or '.join(available)}.")
    return wanted
