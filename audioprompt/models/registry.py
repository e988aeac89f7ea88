"""Which models there are, on which device they run, and the one shared instance of each.

    >>> model = load("embedded", "cpu")
    >>> model is load("embedded", "cpu")
    True

To add a model here, add an entry to ``ENTRIES``. To add one from a package of your own, make a `ModelEntry` and name it
in that package's ``pyproject.toml`` as an entry point of the group ``audioprompt.models``.
"""

import logging
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import entry_points
from pathlib import Path
from threading import Lock
from typing import NamedTuple, Protocol

from audioprompt import settings
from audioprompt.models import zero_gpu
from audioprompt.models.base import AudioTextModel, ModelError

ENTRY_POINTS = "audioprompt.models"

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
    """

    name: str
    description: str
    size: str
    licence: str
    load: Loader


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


ENTRIES = (
    ModelEntry(
        name="embedded",
        description="The bundled model: quick on any CPU, needs no network; 16 kHz, windows of 5 s.",
        size="28 MB, bundled",
        licence="Apache-2.0",
        load=_embedded,
    ),
    ModelEntry(
        name="msclap-2023",
        description="MS-CLAP 2023, the stronger of TSPE's two models; 44.1 kHz, windows of 7 s.",
        size="0.7 GB, downloaded on first use",
        licence="MIT",
        load=partial(_msclap, "msclap-2023"),
    ),
    ModelEntry(
        name="msclap-2022",
        description="MS-CLAP 2022, the first CLAP; 44.1 kHz, windows of 5 s.",
        size="0.7 GB, downloaded on first use",
        licence="MIT",
        load=partial(_msclap, "msclap-2022"),
    ),
    ModelEntry(
        name="pengi",
        description="PENGI's audio and text encoders, PALM's model; 44.1 kHz, windows of 7 s.",
        size="2.2 GB, downloaded on first use",
        licence="MIT",
        load=partial(_msclap, "pengi"),
    ),
    ModelEntry(
        name="laion-clap",
        description="LAION-CLAP (htsat-unfused); 48 kHz, windows of 10 s.",
        size="0.6 GB, downloaded on first use",
        licence="Apache-2.0",
        load=partial(_laion, "laion-clap"),
    ),
    ModelEntry(
        name="laion-clap-general",
        description="LAION-CLAP trained on music and speech too (larger_clap_general); 48 kHz, windows of 10 s.",
        size="0.8 GB, downloaded on first use",
        licence="Apache-2.0",
        load=partial(_laion, "laion-clap-general"),
    ),
)


def entries() -> tuple[ModelEntry, ...]:
    """All models, the default first, other packages' last."""
    return ENTRIES + _registered()


@cache
def _registered() -> tuple[ModelEntry, ...]:
    """What other packages register; one that is broken or takes a name that is taken is left out, with a warning."""
    found: dict[str, ModelEntry] = {}
    for point in entry_points(group=ENTRY_POINTS):
        whose = f"the model {point.name!r} of the package {point.dist.name if point.dist else 'unknown'}"
        try:
            entry = point.load()
        except Exception as error:  # whatever importing other people's code can raise
            warnings.warn(f"{whose} is left out, it cannot be imported: {error}", stacklevel=3)
            continue
        if not isinstance(entry, ModelEntry):
            warnings.warn(f"{whose} is left out, {point.value} is no ModelEntry", stacklevel=3)
        elif entry.name in found or entry.name in [built_in.name for built_in in ENTRIES]:
            warnings.warn(f"{whose} is left out, the name {entry.name!r} is taken", stacklevel=3)
        else:
            found[entry.name] = entry
    return tuple(found.values())


# --- one shared instance of each --------------------------------------------------------------------------------------


class _Key(NamedTuple):
    name: str
    device: str
    weights: Path | None
    half: bool


_models: dict[_Key, AudioTextModel] = {}
_locks: dict[_Key, Lock] = {}  # one per model, so that two models can load side by side
_loading: dict[_Key, tuple[int, int]] = {}  # (bytes there, bytes in all) of what is being downloaded
_weights: dict[str, Path] = {}  # where people keep a model's weights, by its name
_guard = Lock()  # over the dicts, held only for a look-up


def load(
    name: str = "embedded",
    device: str | None = None,
    weights: Path | None = None,
    half: bool = False,
    progress: Progress | None = None,
) -> AudioTextModel:
    """The shared instance of a model, loaded on first use; whoever asks meanwhile waits for it.

    Args:
        name: of an entry.
        device: "cpu", "cuda", "cuda:1", "mps", or "auto" (as None): the fastest there is.
        weights: the published file (or folder) on this machine; None for what `keep_weights` was told, else a download.
        half: compute in half precision; on CUDA only.
        progress: called while weights are downloaded, if it is this call that loads.

    Raises:
        ModelError: there is no such model or device, or the model cannot be loaded; the next call tries again.
    """
    entry, key = _entry(name), _key(name, device, weights, half)
    with _guard:
        lock = _locks.setdefault(key, Lock())

    def report(done: int, total: int) -> None:
        _loading[key] = done, total
        if progress:
            progress(done, total)

    with lock:
        if key not in _models:
            began = time.monotonic()
            try:
                borrowed = key.device == zero_gpu.DEVICE
                model = entry.load("cpu" if borrowed else key.device, key.weights, report)
            except Exception as error:
                logger.warning("%s could not be loaded: %s", name, error)
                raise
            finally:
                _loading.pop(key, None)
            if borrowed:
                model = zero_gpu.OnZeroGpu(model, key.weights)
            if half:
                from audioprompt.models.half import HalfPrecision

                model = HalfPrecision(model)
            _models[key] = model
            logger.info("%s is loaded on %s after %.1f s", name, key.device, time.monotonic() - began)
        return _models[key]


def loaded(name: str, device: str | None = None) -> AudioTextModel | None:
    """The shared instance that `load` would give at once, None where it would have to load it first."""
    return _models.get(_key(name, device, None, False))


def share_downloaded(name: str, device: str | None = None) -> float | None:
    """How much of a model's weights is there while they are being downloaded, 0 to 1; None at all other times."""
    done, total = _loading.get(_key(name, device, None, False), (0, 0))
    return done / total if total else None


def keep_weights(name: str, weights: Path) -> None:
    """From now on load a model from a file or folder on this machine wherever no other is named.

    Raises:
        ModelError: there is no such model, or no such file.
    """
    _entry(name)
    if not weights.exists():
        raise ModelError(f"There is no file {weights}; check the path of the weights.")
    _weights[name] = weights


def release(name: str | None = None) -> None:
    """Forget a model's shared instances on all devices, or everybody's, so that their memory can be freed."""
    with _guard:
        for key in [key for key in _models if name in (None, key.name)]:
            del _models[key]


def pick_device(device: str | None = None) -> str:
    """A device's full name; "auto" and None pick the fastest there is: CUDA (lent or own), Apple's MPS, then the CPU.

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
        raise ModelError(f"there is no device {device!r} on this machine: use auto or {' or '.join(available)}")
    return wanted


def _key(name: str, device: str | None, weights: Path | None, half: bool) -> _Key:
    chosen = pick_device(device)
    if half and not chosen.startswith("cuda"):
        raise ModelError(f"half precision is for CUDA only, and the device is {chosen}: leave it out")
    return _Key(name, chosen, weights or _weights.get(name), half)


def _entry(name: str) -> ModelEntry:
    for entry in entries():
        if entry.name == name:
            return entry
    raise ModelError(f"no model is called {name!r}; there are: {', '.join(entry.name for entry in entries())}")
