"""Calls of the page and of its API: who makes the one at hand, and what the API's page says of each."""

import logging
import typing
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import wraps
from typing import Any

import gradio as gr
from gradio import utils
from gradio.context import LocalContext
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from audioprompt.util.jobs import place_of

GONE = "A file that this is about cannot be read here any more. Give it again."

logger = logging.getLogger(__name__)


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


def say_what_cannot_be_read() -> None:
    """Tell callers in a sentence that theirs is no call of this page, and the log that there was one.

    Gradio writes all that it was given into the log, labels and prompts among it, and tells callers of a public page
    nothing.
    """
    read = gr.Blocks.preprocess_data
    if hasattr(read, "in_words"):
        return

    @wraps(read)
    async def preprocess_data(self: gr.Blocks, wired: Any, given: list[Any], *others: Any, **named: Any) -> list[Any]:
        try:
            return await read(self, wired, given, *others, **named)
        except gr.Error as error:
            error.print_exception = False
            raise
        except Exception as error:
            logger.warning("A call of %s cannot be read: %s", wired.api_name, place_of(error))
            why = GONE if isinstance(error, OSError) else _unreadable(wired, given)
            raise gr.Error(why, print_exception=False) from None

    preprocess_data.in_words = True  # type: ignore[attr-defined]
    gr.Blocks.preprocess_data = preprocess_data  # type: ignore[method-assign, assignment]


def _unreadable(wired: Any, given: Sequence[Any]) -> str:
    """Return what to do where a call cannot be read; the page itself makes none, unless it is an older server's."""
    if wired.api_visibility != "public":
        return "This page does not fit its server, which may have been started anew. Reload the page."
    names = ", ".join(str(one.label) for one in wired.inputs)
    if len(given) < len(wired.inputs):
        return f"{wired.api_name} takes {len(wired.inputs)} values ({names}), and {len(given)} were given."
    return f"{wired.api_name} does not take these values: see what each of {names} is."


async def refuse_names(request: Request, error: Exception) -> Response:
    """Answer a call over plain HTTP that names a parameter which there is not, or lacks one: Gradio says 500 only."""
    if not place_of(error).startswith("TypeError in gradio_client.utils,"):
        raise error
    return JSONResponse({"detail": str(error)}, 422)


def take_what_is_gone() -> None:
    """Let lists to choose from take any text from now on, and boxes to tick any texts.

    What is in them comes and goes: a pack is deleted in another page, a server started anew knows no head. Gradio
    answers what a list does not have with an error of its own, and 500; the handler that looks for the thing says in a
    sentence that it is gone.
    """
    for component in (gr.Dropdown, gr.CheckboxGroup):
        if not hasattr(component.preprocess, "takes_all"):
            component.preprocess = _taking_all(component.preprocess)  # type: ignore[method-assign]


def _taking_all(preprocess: Callable[..., Any]) -> Callable[..., Any]:
    def take(self: Any, payload: Any) -> Any:
        texts = payload if isinstance(payload, list) else [payload]
        is_text = all(isinstance(text, str) for text in texts) and self.type == "value"
        one_or_more = isinstance(payload, list) == (getattr(self, "multiselect", True) is True)
        return payload if is_text and one_or_more else preprocess(self, payload)

    take.takes_all = True  # type: ignore[attr-defined]
    return take
