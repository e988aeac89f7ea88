"""Importing Gradio: settings that it reads at once, and half the time that it takes."""

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from audioprompt.util import proxies

SETTINGS = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(10**9),  # else each event tabulates all before it
    # Torch's threads shall sleep while they wait, not spin: on a busy machine an answer takes 50 ms instead of 1 s.
    "OMP_WAIT_POLICY": "PASSIVE",
}
MCP = "mcp"  # the package that Gradio imports for a server that `late_tools` makes later
STUBS = "gradio.component_meta"  # the module that writes type stubs of all components beside Gradio at each import
EVENTS = "gradio.events"  # the module that writes each component's name into the docstring of each of its events


def prepare() -> None:
    """Prepare this process for Gradio; to be called before it is imported."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    proxies.make_usable()  # Gradio makes its HTTP client at once
    if not any(isinstance(finder, _Lightly) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Lightly())


def write_no_stub(component_class: type, class_name: str, events: Sequence[Any]) -> None:
    """Take the place of what writes a component's stub: reading and comparing them is half of Gradio's import."""


def write_no_docstring(listener: Any, component: str) -> None:
    """Take the place of what fills in an event's docstring as a template: a twentieth of Gradio's import."""


def _leave_out(module: ModuleType) -> None:
    """Leave out of a module that was just imported what nobody needs."""
    if hasattr(module, "create_or_modify_pyi"):
        module.create_or_modify_pyi = write_no_stub  # type: ignore[attr-defined]
    if hasattr(module, "EventListener"):
        module.EventListener.set_doc = write_no_docstring


class _Lightly(MetaPathFinder):
    """Finds Gradio's modules with less in them, and no ``mcp`` before Gradio's part for it is there."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        part = sys.modules.get("gradio.mcp")
        if fullname == MCP and part is not None and not hasattr(part, "GradioMCPServer"):
            raise ModuleNotFoundError(f"{MCP} is imported when it is needed", name=MCP)
        if fullname not in (STUBS, EVENTS):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def execute_lightly(module: ModuleType) -> None:
            execute(module)
            _leave_out(module)

        spec.loader.exec_module = execute_lightly  # type: ignore[method-assign]
        return spec
