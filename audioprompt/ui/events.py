"""How handlers of the page are wired: they return what changes by the names of its parts, and raise what goes wrong.

>>> parts = Parts(answer=gr.HTML(), figure=gr.Plot())
>>> go.click(**parts.told_by(classify, [sound, labels], problem="answer"))

A handler takes the values of its inputs, and a ``context``, wherever that stands, where it asks who calls; it returns,
or yields, a `View`. An `AudiopromptError` becomes a sentence in one of the parts, or a message over the page where none
is named.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any

import gradio as gr

from audioprompt.errors import AudiopromptError
from audioprompt.server import access
from audioprompt.server.context import of_call
from audioprompt.ui import markup
from audioprompt.util.jobs import Stopped, TookTooLong
from audioprompt.util.text import sentence

View = dict[str, Any]  # values and updates of parts of the page, by name; what is not in it stays as it is
HIDDEN: Any = "hidden"  # there but not seen: with False Gradio may never show it again
INSTANT: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
# Of several choices in a row the last counts. Gradio drops those that come while an earlier one is being answered.
LAST: dict[str, Any] = {"trigger_mode": "always_last"}
ALL: dict[str, Any] = {"trigger_mode": "multiple"}  # each counts, or the handler tells which one does
QUEUED = INSTANT | {"queue": True}  # only then does Gradio tell of a change of a state


ERRORS = (AudiopromptError, Stopped)  # what is said to whoever asked; all else is a defect


def explain(error: Exception) -> str:
    """Say in place of an answer why there is none."""
    if isinstance(error, TookTooLong):
        return markup.problem(f"{error} Give fewer or shorter clips, or {access.elsewhere()}.")
    if isinstance(error, Stopped):
        return markup.empty("Stopped. What was encoded until now is kept: measure again to go on from there.")
    return markup.problem(error)


class Form:
    """Inputs that a handler takes as one value.

    Args:
        kind: what makes that value of the components' values, by name.
        components: the inputs, by the names of its parameters.
    """

    def __init__(self, kind: Callable[..., Any], /, **components: Any) -> None:
        self.kind, self.components = kind, components

    def filled(self, values: Sequence[Any]) -> Any:
        """Return what the values of the components make."""
        return self.kind(**dict(zip(self.components, values, strict=True)))


@dataclass(frozen=True)
class Parts:
    """Components that handlers change, by name."""

    components: Mapping[str, Any]

    def __init__(self, **components: Any) -> None:
        object.__setattr__(self, "components", components)

    def __getitem__(self, name: str) -> Any:
        return self.components[name]

    def __or__(self, other: "Parts") -> "Parts":
        return Parts(**self.components, **other.components)

    def only(self, *names: str) -> "Parts":
        """Return some of them."""
        return Parts(**{name: self.components[name] for name in names})

    def told_by(
        self,
        handler: Callable[..., Any],
        inputs: Sequence[Any] = (),
        problem: str = "",
        beside: Callable[[], View] = dict,
    ) -> dict[str, Any]:
        """Return what Gradio's events take, for a handler that changes these parts.

        Args:
            handler: returns or yields a `View`.
            inputs: components and forms, in the order of its parameters.
            problem: the part in which a sentence says what went wrong; empty for a message over the page.
            beside: returns what else is shown then.
        """
        return {
            "fn": self._served(handler, inputs, problem, beside),
            "inputs": [one for given in inputs for one in _components_of(given)],
            "outputs": list(self.components.values()),
        }

    def _served(
        self, handler: Callable[..., Any], inputs: Sequence[Any], problem: str, beside: Callable[[], View]
    ) -> Callable[..., Any]:
        """Return a handler as Gradio calls it: by position, and for one value or update of each part."""

        def trouble(error: Exception) -> Any:
            if not problem:
                raise gr.Error(sentence(error), print_exception=False) from error
            return self.listed({**beside(), problem: explain(error)})

        return served(handler, inputs, self.listed, trouble)

    def listed(self, view: View) -> Any:
        """Return a view as Gradio takes it.

        Raises:
            KeyError: it names a part that is not among these.
        """
        if unknown := view.keys() - self.components.keys():
            raise KeyError(f"no part of the page is called {', '.join(sorted(unknown))}")
        values = [view.get(name, gr.skip()) for name in self.components]
        return values[0] if len(values) == 1 else values


def served(
    handler: Callable[..., Any],
    inputs: Sequence[Any],
    listed: Callable[[Any], Any],
    trouble: Callable[[Exception], Any],
) -> Callable[..., Any]:
    """Return a handler as Gradio calls it.

    Args:
        handler: takes the inputs and, under that name, a ``context``.
        inputs: components and forms, in the order of its parameters.
        listed: makes of what it returns what Gradio takes.
        trouble: does so with an error.
    """
    signature = inspect.signature(handler)
    asks = "context" in signature.parameters
    own = [one for name, one in signature.parameters.items() if name != "context"]
    slots = _slots(own, inputs)

    def call(values: Sequence[Any]) -> Any:
        given: dict[str, Any] = {"context": of_call()} if asks else {}
        rest = list(values)
        for parameter, slot in zip(own, slots, strict=False):
            size = len(slot.components) if isinstance(slot, Form) else 1
            taken, rest = rest[:size], rest[size:]
            given[parameter.name] = slot.filled(taken) if isinstance(slot, Form) else taken[0]
        return handler(**given)

    @wraps(handler)
    def answer(*values: Any) -> Any:
        try:
            return listed(call(values))
        except ERRORS as error:
            return trouble(error)

    @wraps(handler)
    def answers(*values: Any) -> Iterator[Any]:
        told = False
        try:
            with closing(call(values)) as views:  # at once with a page that is gone, so that its work ends
                for view in views:
                    told = True
                    yield listed(view)
            if not told:
                yield listed({})  # else Gradio empties all parts
        except ERRORS as error:
            yield trouble(error)

    named = handler.func if isinstance(handler, partial) else handler
    wrapped: Any = answers if inspect.isgeneratorfunction(handler) else answer
    wrapped.__name__ = named.__name__
    del wrapped.__wrapped__
    wrapped.__signature__ = signature.replace(parameters=_flat(own, slots))
    wrapped.__annotations__ = {one.name: _hint(one) for one in own if _is_special(one)}
    return wrapped


def _components_of(given: Any) -> list[Any]:
    return list(given.components.values()) if isinstance(given, Form) else [given]


def _is_special(parameter: inspect.Parameter) -> bool:
    """Whether Gradio gives a value of its own: what was clicked on, or a bar of progress."""
    hint = _hint(parameter)
    return isinstance(parameter.default, gr.Progress) or (inspect.isclass(hint) and issubclass(hint, gr.EventData))


def _hint(parameter: inspect.Parameter) -> Any:
    """Return what a parameter is annotated with, where that is Gradio's also from a text."""
    hint = parameter.annotation
    return getattr(gr, hint.removeprefix("gr."), hint) if isinstance(hint, str) else hint


def _slots(parameters: Sequence[inspect.Parameter], inputs: Sequence[Any]) -> list[Any]:
    """Return what fills each parameter that is given: a form, or one value."""
    left = iter(inputs)
    slots = []
    for parameter in parameters:
        given = None if _is_special(parameter) else next(left, _NOTHING)
        if given is _NOTHING:
            break
        slots.append(given)
    if next(left, _NOTHING) is not _NOTHING:
        raise TypeError("there are more inputs than the handler has parameters")
    return slots


_NOTHING = object()


def _flat(parameters: Sequence[inspect.Parameter], slots: Sequence[Any]) -> list[inspect.Parameter]:
    """Return the parameters that Gradio sees: each field of a form is one."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    flat = []
    for parameter, slot in zip(parameters, slots, strict=False):
        names = slot.components if isinstance(slot, Form) else [parameter.name]
        default = parameter.default if _is_special(parameter) else inspect.Parameter.empty
        flat += [inspect.Parameter(name, kind, default=default, annotation=parameter.annotation) for name in names]
    return flat
