"""Answers that come in steps, of which Gradio sends what has changed since the step before.

Gradio knows the steps of one answer by the ``id`` of its iterator and forgets none that is broken off. So a later
answer whose iterator lies where that one lay was sent as a change of it, which no client can read. Here steps are known
by the event that they answer, and forgotten with it. It leans on `gradio.Blocks`: ``process_api``,
``handle_streaming_diffs`` and ``pending_diff_streams``.
"""

from contextvars import ContextVar
from typing import Any

import gradio as gr

_event: ContextVar[str | None] = ContextVar("event", default=None)  # that is being answered


def install() -> None:
    """From now on pages know the steps of an answer by its event."""
    answer, compare = gr.Blocks.process_api, gr.Blocks.handle_streaming_diffs
    if hasattr(answer, "by_event"):
        return

    async def process_api(self: gr.Blocks, *given: Any, event_id: str | None = None, **named: Any) -> dict[str, Any]:
        _event.set(event_id)
        return await answer(self, *given, event_id=event_id, **named)  # type: ignore[misc]

    def handle_streaming_diffs(self: gr.Blocks, block_fn: Any, data: Any, **named: Any) -> list[Any]:
        return compare(self, block_fn, data, **{**named, "run": _event.get() or named["run"]})

    process_api.by_event = True  # type: ignore[attr-defined]
    gr.Blocks.process_api = process_api  # type: ignore[method-assign]
    gr.Blocks.handle_streaming_diffs = handle_streaming_diffs  # type: ignore[method-assign, assignment]


def forget(page: gr.Blocks, session: str | None, event: str) -> None:
    """Forget the steps of an answer that has ended, however it did."""
    steps: dict[Any, dict[Any, Any]] = page.pending_diff_streams
    steps.get(session, {}).pop(event, None)
    if not steps.get(session, True):
        del steps[session]
