"""How the handlers of the page meet Gradio.

A handler is a plain function. It is told who asks, takes values, and returns new values for components by their names;
what it raises in words for people is shown in place of an answer.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from inspect import Parameter, Signature, isgeneratorfunction, signature
from typing import Any, cast

import gradio as gr
from gradio.blocks import Block

from audioprompt.errors import AudiopromptError
from audioprompt.server import access
from audioprompt.server.context import Context
from audioprompt.ui import markup
from audioprompt.util.jobs import Stopped, TookTooLong

Update = dict[str, Any]  # new values, or Gradio's updates, of components by their names; what is not named stays
Handler = Callable[..., Any]

ERRORS = (AudiopromptError, access.NotAllowed, Stopped)


def explain(error: Exception) -> str:
    """Say in place of an answer why there is none."""
    if isinstance(error, TookTooLong):
        return markup.problem(f"{error} Give fewer or shorter clips, or {access.elsewhere()}.")
    if isinstance(error, Stopped):
        return markup.empty("Stopped. What was encoded until now is kept: measure again to go on from there.")
    return markup.problem(error)


def show_errors(handler: Handler, place: str) -> Handler:
    """Make a handler show its errors in a component instead of raising them."""
    if isgeneratorfunction(handler):

        @wraps(handler)
        def follow(*values: Any, **named: Any) -> Iterator[Update]:
            try:
                yield from handler(*values, **named)
            except ERRORS as error:
                yield {place: explain(error)}

        return follow

    @wraps(handler)
    def answer(*values: Any, **named: Any) -> Update:
        try:
            update: Update = handler(*values, **named)
        except ERRORS as error:
            return {place: explain(error)}
        return update

    return answer


def bind(handler: Handler, parts: Mapping[str, Block], errors_in: str = "message") -> Handler:
    """Make of a handler what Gradio calls.

    Args:
        handler: takes a `Context`, the values of the inputs and, if it has such a parameter, the ``event``.
        parts: the components that it answers in, by name.
        errors_in: the name of the component that shows its errors.
    """
    shown = show_errors(handler, errors_in)
    special: dict[str, type] = {"request": gr.Request}
    if "event" in signature(handler).parameters:
        special["event"] = gr.EventData

    def call(given: Sequence[Any]) -> Any:
        named = dict(zip(special, given, strict=False))
        return shown(Context(named.pop("request")), *given[len(special) :], **named)

    def by_component(update: Update) -> Any:
        return {parts[name]: value for name, value in update.items()} or gr.skip()

    def follow(*given: Any) -> Iterator[Any]:
        yield from map(by_component, call(given))

    def answer(*given: Any) -> Any:
        return by_component(call(given))

    bound: Any = follow if isgeneratorfunction(handler) else answer
    bound.__name__, bound.__module__, bound.__annotations__ = handler.__name__, handler.__module__, special
    asked = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in special]
    bound.__signature__ = Signature([*asked, Parameter("values", Parameter.VAR_POSITIONAL)])
    return cast(Handler, bound)
