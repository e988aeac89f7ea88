"""The capabilities of the API as Gradio serves them: endpoints under their own names, and tools for assistants."""

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import gradio as gr
from pydantic import ConfigDict, ValidationError, validate_call

from audioprompt.api import CAPABILITIES
from audioprompt.api.inputs import Answer
from audioprompt.errors import AudiopromptError
from audioprompt.server import access
from audioprompt.server.context import Context, of_call
from audioprompt.server.fetching import fetched
from audioprompt.server.gradio_patches import calls, files, late_tools
from audioprompt.server.limits import CLASSIFIERS, WRITERS
from audioprompt.util.jobs import Jobs, TookTooLong, follow
from audioprompt.util.schema import explain
from audioprompt.util.text import encodable

OURS = ("context", "progress")  # parameters that no caller gives
DECIMALS = 4
LOOK_SECONDS = 0.1  # between two looks at work that takes a while
READERS = 8  # of packs at once
AT_ONCE = {"model": CLASSIFIERS, "packs": READERS, "writing": WRITERS, "measuring": 1, "learning": 1}  # by queue
QUEUES = {
    "classify": "model",
    "predict": "model",
    "classify_folder": "measuring",
    "search": "measuring",
    "generate": "writing",
    "measure": "measuring",
    "propose": "measuring",
    "learn": "learning",
}

_jobs = Jobs(sum(AT_ONCE.values()))


def build(page: gr.Blocks) -> None:
    """Offer every capability on a page, in whose context this is called."""
    files.fetch_with(fetched)
    late_tools.install()
    for capability in CAPABILITIES:
        name = capability.__name__
        queue = QUEUES.get(name, "packs")
        wired = gr.api(served(capability), api_name=name, concurrency_id=queue, concurrency_limit=AT_ONCE[queue])
        calls.describe(page, wired["id"], capability)


def served(capability: Callable[..., Any]) -> Callable[..., Any]:
    """Return a capability as Gradio calls it: arguments checked, errors in one sentence, files and numbers as JSON
    has them.

    One that takes a while yields how far it is until it is done, and ends soon after its caller has gone.
    """
    signature = inspect.signature(capability)
    parameters = [one for name, one in signature.parameters.items() if name not in OURS]
    names = [one.name for one in parameters]
    checked = validate_call(config=ConfigDict(arbitrary_types_allowed=True))(capability)

    def arguments(values: Sequence[Any], asking: Context) -> dict[str, Any]:
        given = dict(zip(names, values, strict=True))
        return {**given, "context": asking} if "context" in signature.parameters else given

    @wraps(capability)
    def answer(*values: Any) -> Any:
        with _in_one_sentence():
            return _plain(checked(**arguments(values, of_call())))

    @wraps(capability)
    def answers(*values: Any) -> Iterator[Answer]:
        asking, shown = of_call(), gr.Progress()
        given = arguments(values, asking)
        job = _jobs.start(lambda job: checked(**given, progress=job.progress), seconds=asking.terms["seconds"])
        with _in_one_sentence():
            for now in follow(job, LOOK_SECONDS, alone=True):
                done = now.done + now.part
                if now.total:
                    shown((now.done, now.total) if not now.part else done / now.total, desc=now.what, unit=now.what)
                yield _plain({"doing": now.what, "done": done, "total": now.total})
            yield _plain(job.result())

    wrapped: Any = answers if "progress" in signature.parameters else answer
    hints = {name: _for_gradio(hint) for name, hint in typing.get_type_hints(capability).items() if name not in OURS}
    wrapped.__annotations__ = hints
    wrapped.__signature__ = signature.replace(parameters=parameters, return_annotation=hints["return"])
    return wrapped


def _for_gradio(hint: Any) -> Any:
    """Return what Gradio calls the type of a parameter: a path is a file that is uploaded."""
    return {Path: gr.FileData, Path | None: gr.FileData | None}.get(hint, hint)


@contextmanager
def _in_one_sentence() -> Iterator[None]:
    """Say what callers can do about an error without a trace in the log; what is a fault of ours leaves one."""
    try:
        yield
    except ValidationError as error:
        raise gr.Error(explain(error), print_exception=False) from None
    except TookTooLong as error:
        sentence = f"{error} Give fewer or shorter clips, or {access.elsewhere()}."
        raise gr.Error(sentence, print_exception=False) from error
    except AudiopromptError as error:
        raise gr.Error(str(error), print_exception=False) from error


def _plain(value: Any) -> Any:
    """Return a value as JSON has it, with its numbers rounded and its files as Gradio sends them."""
    match value:
        case float():
            return round(value, DECIMALS)
        case str():
            return encodable(value)
        case Path():
            return gr.FileData(path=str(value)).model_dump()
        case Mapping():
            return {name: _plain(one) for name, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
    return value
