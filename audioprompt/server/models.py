"""The models that the page answers with: one shared instance of each, some of them open to visitors."""

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Timer
from typing import TYPE_CHECKING, Any, TypeVar

import gradio as gr

from audioprompt.models import registry
from audioprompt.models.base import ModelError
from audioprompt.server import access
from audioprompt.server.gradio_patches import calls

if TYPE_CHECKING:
    from audioprompt.models.base import AudioTextModel

T = TypeVar("T")

logger = logging.getLogger(__name__)

PAGE_SECONDS = 10.0  # that the first page may take to be opened

_open: set[str] = set()  # the models that visitors may use: those the page began with, and those curators opened
_loaders = ThreadPoolExecutor(thread_name_prefix="model")  # so that the page can say how far a model is loaded


def shared_model(name: str, request: gr.Request | None = None) -> "AudioTextModel":
    """Return the one instance of a model; the first call loads it, and others wait for that.

    Args:
        name: of the model.
        request: of whoever asks; None for the one that is being answered.

    Raises:
        ModelError: it cannot be had, or a visitor asks for one that is not open to visitors.
    """
    if name not in _open and not access.is_curator(request or calls.current_request()):
        raise ModelError(f"Only curators use {name} here: choose another model, sign in, or {access.elsewhere()}.")
    return registry.load(name)


def open_to_visitors(name: str, is_open: bool, request: gr.Request | None = None) -> None:
    """Let visitors use a model from now on, or no longer.

    Raises:
        NotAllowed: a visitor asks.
    """
    access.only_curators(request, "open models to visitors")
    if is_open:
        open_models([name])
    else:
        _open.discard(name)
    logger.info("A curator %s %s to visitors", "opened" if is_open else "closed", name)


def open_models(names: Iterable[str]) -> None:
    """Let visitors use these models, as whoever starts the page decides.

    Raises:
        ModelError: there is no model of such a name.
    """
    for name in names:
        _open.add(registry.MODELS[name].name)


def is_open(name: str) -> bool:
    """Whether visitors may use a model."""
    return name in _open


def offered_to(request: gr.Request | None) -> list[str]:
    """Return the names of the models that somebody may use."""
    return [name for name in registry.MODELS.names if access.is_curator(request) or is_open(name)]


def load_in_background(name: str) -> None:
    """Load a model soon, before the first visitor needs it; if it fails, the page says so.

    A page that is opened meanwhile loads it itself, once it stands there: both at once take longer, on few cores.
    """
    timer = Timer(PAGE_SECONDS, in_background, (registry.load, name))
    timer.daemon = True
    timer.start()


def in_background(work: Callable[..., T], *given: Any) -> Future[T]:
    """Start some work that waits for a model."""
    return _loaders.submit(work, *given)
