"""What every handler of the page has in common."""

import inspect
from collections.abc import Iterator

import gradio as gr
import pytest
from gradio import utils

from audioprompt.hosting import TABS as TABS_OF_A_SPACE
from audioprompt.prompts.pack import PackError
from audioprompt.server.context import Context
from audioprompt.ui import app
from audioprompt.ui.events import Form, Parts, View
from audioprompt.ui.tabs import TABS


def test_every_handler_that_asks_who_calls_is_told() -> None:
    """Gradio reads annotations. It passes over partial functions, and over names that are there for type checkers only:
    such a handler would take everybody for nobody."""
    for block in app.build(tabs=("classify",)).fns.values():
        parameters = inspect.signature(block.fn).parameters if block.fn else {}
        assert "context" not in parameters, "the wiring gives it"
        if "request" in parameters:
            hint = utils.get_type_hints(block.fn).get("request")
            assert hint in (gr.Request, gr.Request | None), f"{block.fn} is not told who calls"


GIVEN = {"input", "change", "upload", "submit", "blur", "edit", "play", "redraw"}  # what people choose, type and give


def test_what_is_given_while_an_earlier_is_being_answered_is_not_dropped() -> None:
    """Gradio drops it by itself, and the page then shows something else than its fields say."""
    dropped, listeners = {}, app.build().fns
    for block in listeners.values():
        first = block
        while first.trigger_after is not None:  # what follows on it answers it as well
            first = listeners[first.trigger_after]
        events = {event for _, event in first.targets}
        if block.fn and events & GIVEN and "click" not in events and block.trigger_mode == "once":
            dropped[block.fn.__name__] = events
    assert not dropped


def test_a_review_under_way_ends_where_another_head_is_learned_or_chosen() -> None:
    blocks = app.build()
    begun = next(number for number, block in blocks.fns.items() if block.fn and block.fn.__name__ == "begin_review")
    ending = [target for block in blocks.fns.values() if begun in block.cancels for target in block.targets]
    ends = {(blocks.blocks[part].elem_id, event) for part, event in ending if part is not None}
    assert ends == {("learn-go", "click"), ("learn-head", "input")}


def test_tabs_of_a_space_are_tabs() -> None:
    assert [tab.id for tab in TABS if tab.id in TABS_OF_A_SPACE] == list(TABS_OF_A_SPACE)


@pytest.fixture
def parts() -> Parts:
    return Parts(answer="the answer's component", note="the note's")


def test_a_view_is_told_by_the_names_of_parts(parts: Parts) -> None:
    def handler(context: Context, first: str, form: dict[str, str], event: gr.EventData) -> View:
        assert isinstance(context, Context)
        return {"answer": [first, form, event]}

    wired = parts.told_by(handler, ["one", Form(dict, two="2nd", three="3rd")])
    assert wired["inputs"] == ["one", "2nd", "3rd"] and wired["outputs"] == ["the answer's component", "the note's"]
    assert [*inspect.signature(wired["fn"]).parameters] == ["first", "two", "three", "event"]
    assert utils.get_type_hints(wired["fn"]) == {"event": gr.EventData} and wired["fn"].__name__ == "handler"
    assert wired["fn"]("a", "b", "c", "click") == [["a", {"two": "b", "three": "c"}, "click"], gr.skip()]
    assert parts.only("note").listed({"note": "x"}) == "x" and parts.only("note").listed({}) == gr.skip()
    with pytest.raises(KeyError, match="no part of the page is called other"):
        parts.listed({"other": 1})


def test_an_error_is_a_sentence_in_its_place_or_over_the_page(parts: Parts) -> None:
    def handler() -> View:
        raise PackError("the pack <is> gone")

    def handlers() -> Iterator[View]:
        yield {"answer": 1}
        raise PackError("the pack <is> gone")

    said = '<div class="problem" role="alert">The pack &lt;is&gt; gone.</div>'
    told = parts.told_by(handler, problem="note", beside=lambda: {"answer": ""})["fn"]
    assert told() == ["", said]
    assert [*parts.told_by(handlers, problem="note")["fn"]()] == [[1, gr.skip()], [gr.skip(), said]]
    with pytest.raises(gr.Error) as raised:
        parts.told_by(handler)["fn"]()
    assert raised.value.message == "The pack <is> gone." and not raised.value.print_exception


def test_what_yields_nothing_changes_nothing(parts: Parts) -> None:
    """Gradio would empty all parts."""

    def handlers() -> Iterator[View]:
        yield from ()

    assert [*parts.told_by(handlers, problem="note")["fn"]()] == [[gr.skip(), gr.skip()]]


def test_a_defect_is_not_dressed_up_as_a_sentence(parts: Parts) -> None:
    with pytest.raises(ZeroDivisionError):
        parts.told_by(lambda: {"answer": 1 / 0}, problem="note")["fn"]()
