"""Which models there are, on which device they run, and the one shared instance of each.

    >>> model = load("embedded", "cpu")
    >>> model is load("embedded", "cpu")
    True

To add a model, add an entry to ``ENTRIES``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

import torch

from audioprompt.models.base import AudioTextModel, ModelError


@dataclass(frozen=True)
class ModelEntry:
    """One model that can be loaded.

    Attributes:
        name: what people call it in commands and in the app.
        description: one line on what it is and when to take it.
        size: what it takes on disk or to download, in words.
        licence: under which its weights come.
        load: makes an instance on a device ("cpu", "cuda:0", "mps"); raises `ModelError` if it cannot.
    """

    name: str
    description: str
    size: str
    licence: str
    load: Callable[[str], AudioTextModel]


def _embedded(device: str) -> AudioTextModel:
    from audioprompt.models.embedded import EmbeddedModel

    return EmbeddedModel(device)


def _msclap(name: str) -> Callable[[str], AudioTextModel]:
    def load_on(device: str) -> AudioTextModel:
        from audioprompt.models.clap import load_msclap

        return load_msclap(name, device)

    return load_on


def _laion(name: str) -> Callable[[str], AudioTextModel]:
    def load_on(device: str) -> AudioTextModel:
        from audioprompt.models.laion import load_laion

        return load_laion(name, device)

    return load_on


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
        load=_msclap("msclap-2023"),
    ),
    ModelEntry(
        name="msclap-2022",
        description="MS-CLAP 2022, the first CLAP; 44.1 kHz, windows of 5 s.",
        size="0.7 GB, downloaded on first use",
        licence="MIT",
        load=_msclap("msclap-2022"),
    ),
    ModelEntry(
        name="pengi",
        description="PENGI's audio and text encoders, PALM's model; 44.1 kHz, windows of 7 s.",
        size="2.2 GB, downloaded on first use",
        licence="MIT",
        load=_msclap("pengi"),
    ),
    ModelEntry(
        name="laion-clap",
        description="LAION-CLAP (htsat-unfused); 48 kHz, windows of 10 s.",
        size="0.6 GB, downloaded on first use",
        licence="Apache-2.0",
        load=_laion("laion-clap"),
    ),
    ModelEntry(
        name="laion-clap-general",
        description="LAION-CLAP trained on music and speech too (larger_clap_general); 48 kHz, windows of 10 s.",
        size="0.8 GB, downloaded on first use",
        licence="Apache-2.0",
        load=_laion("laion-clap-general"),
    ),
)

_models: dict[tuple[str, str], AudioTextModel] = {}  # by (name, device)
_locks: dict[tuple[str, str], Lock] = {}  # one per model, so that two models can load side by side
_guard = Lock()  # over the two dicts, held only for a look-up


def entries() -> tuple[ModelEntry, ...]:
    """All models, the default first."""
    return ENTRIES


def load(name: str = "embedded", device: str | None = None) -> AudioTextModel:
    """The shared instance of a model, loaded on first use; whoever asks meanwhile waits for it.

    Args:
        name: of an entry.
        device: "cpu", "cuda", "cuda:1", "mps", or "auto" (as None): the fastest there is.

    Raises:
        ModelError: there is no such model or device, or the model cannot be loaded; the next call tries again.
    """
    entry = _entry(name)
    key = name, pick_device(device)
    with _guard:
        lock = _locks.setdefault(key, Lock())
    with lock:
        if key not in _models:
            _models[key] = entry.load(key[1])
        return _models[key]


def release(name: str | None = None) -> None:
    """Forget a model's shared instances on all devices, or everybody's, so that their memory can be freed."""
    with _guard:
        for key in [key for key in _models if name in (None, key[0])]:
            del _models[key]


def pick_device(device: str | None = None) -> str:
    """A device's full name; "auto" and None pick the fastest there is: CUDA, then Apple's MPS, then the CPU.

    Raises:
        ModelError: this machine has no such device.
    """
    gpus = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    available = [*gpus, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]
    if device in (None, "auto"):
        return available[0]
    wanted = "cuda:0" if device == "cuda" else device
    if wanted not in available:
        raise ModelError(f"there is no device {device!r} on this machine: use auto or {' or '.join(available)}")
    return wanted


def _entry(name: str) -> ModelEntry:
    for entry in entries():
        if entry.name == name:
            return entry
    raise ModelError(f"no model is called {name!r}; there are: {', '.join(entry.name for entry in entries())}")
