"""What every handler of the page has in common."""

import inspect

import gradio as gr
from gradio import utils

from audioprompt.ui import app


def test_every_handler_that_asks_who_calls_is_told() -> None:
    """Gradio reads annotations. It passes over partial functions, and over names that are there for type checkers only:
    such a handler would take everybody for nobody."""
    asking = 0
    for block in app.build(tabs=("classify",)).fns.values():
        if block.fn is None or "request" not in inspect.signature(block.fn).parameters:
            continue
        hint = utils.get_type_hints(block.fn).get("request")
        assert hint in (gr.Request, gr.Request | None), f"{block.fn} is not told who calls"
        asking += 1
    assert asking > 20
