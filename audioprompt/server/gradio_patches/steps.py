"""What Gradio takes in and sends of answers: of those that come in steps, and of those that come too late.

- Gradio sends what has changed since the step before. It knows the steps of one answer by the ``id`` of its iterator
  and forgets none that is broken off. So a later answer whose iterator lies where that one lay was sent as a change of
  it, which no client can read. Here steps are known by the event that they answer, and forgotten with it.
- Of several questions in a row the last counts (`audioprompt.server.questions`). What was worked out for an earlier one
  just before can still be on its way past the last one's answer, and Gradio sends the last step of an answer once more
  when that has ended. Here such an answer changes neither the page nor its states; those that may take each other's
  place are taken in one by one.

It leans on `gradio.Blocks`: ``process_api``, ``postprocess_data``, ``handle_streaming_diffs`` and
``pending_diff_streams``.
"""

import asyncio
from collections.abc import Callable, MutableMapping
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

import gradio as gr

from audioprompt.server import access

_event: ContextVar[str | None] = ContextVar("event", default=None)  # that is being answered
_asked: ContextVar[gr.Request | None] = ContextVar("asked", default=None)  # its request
_turns: MutableMapping[Any, asyncio.Lock] = WeakKeyDictionary()  # in which a page's answers are taken in


def install() -> None:
    """From now on pages know the steps of an answer by its event, and take in none that comes too late."""
    answer, compare, take = gr.Blocks.process_api, gr.Blocks.handle_streaming_diffs, gr.Blocks.postprocess_data
    if hasattr(answer, "by_event"):
        return

    async def process_api(
        self: gr.Blocks, *given: Any, event_id: str | None = None, request: Any = None, **named: Any
    ) -> dict[str, Any]:
        _event.set(event_id)
        _asked.set(request)
        return await answer(self, *given, event_id=event_id, request=request, **named)  # type: ignore[misc]

    def handle_streaming_diffs(self: gr.Blocks, block_fn: Any, data: Any, **named: Any) -> list[Any]:
        return compare(self, block_fn, data, **{**named, "run": _event.get() or named["run"]})

    async def postprocess_data(self: gr.Blocks, block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        wanted = wanted_by(getattr(_asked.get(), "request", None))
        if wanted is None:
            return await take(self, block_fn, predictions, state)
        async with _turns.setdefault(state, asyncio.Lock()):
            if not wanted():
                return [None] * len(block_fn.outputs)  # the queue sends none of it
            return await take(self, block_fn, predictions, state)

    process_api.by_event = True  # type: ignore[attr-defined]
    gr.Blocks.process_api = process_api  # type: ignore[method-assign]
    gr.Blocks.handle_streaming_diffs = handle_streaming_diffs  # type: ignore[method-assign, assignment]
    gr.Blocks.postprocess_data = postprocess_data  # type: ignore[method-assign]


def wanted_by(request: Any) -> Callable[[], bool] | None:
    """Return what tells whether an answer is still waited for; None for one that nothing takes the place of."""
    return getattr(request, "scope", {}).get(access.WANTED)


def forget(page: gr.Blocks, session: str | None, event: str) -> None:
    """Forget the steps of an answer that has ended, however it did."""
    steps: dict[Any, dict[Any, Any]] = page.pending_diff_streams
    steps.get(session, {}).pop(event, None)
    if not steps.get(session, True):
        del steps[session]
