"""Calls of the page and of its API: who makes the one at hand, and what the API's page says of each."""

import typing
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import gradio as gr
from gradio import utils
from gradio.context import LocalContext


def current_request() -> gr.Request | None:
    """Return the request of the event that is being answered, in the work it started as well; None outside of
    events.
    """
    return LocalContext.request.get(None)


def describe(page: gr.Blocks, endpoint: int, capability: Callable[..., Any]) -> None:
    """Say on the API's page what a docstring says of parameters and of what comes back; Gradio numbers them only.

    Args:
        page: whose endpoint it is.
        endpoint: its number.
        capability: the function with the docstring.
    """
    wired: Any = page.fns[endpoint]
    _, parameters, returns = utils.get_function_description(capability)
    for name, component in zip(typing.get_type_hints(wired.fn), wired.inputs, strict=False):
        component.label = name
        component._api_info["additional_description"] = parameters[name]
        if "path" in component._api_info.get("properties", {}):
            component.example_payload = lambda: gr.FileData(path="recording.wav", url="recording.wav").model_dump()
    (answer,) = wired.outputs
    answer.label = "answer"
    answer._api_info["description"] = " ".join(returns)


def draw_without_matplotlib() -> None:
    """Answer calls without setting up matplotlib around each: no handler of ours draws with it, and where it is
    installed its import takes a second of the first answer.
    """
    utils.MatplotlibBackendMananger = nullcontext  # type: ignore[misc, assignment]
