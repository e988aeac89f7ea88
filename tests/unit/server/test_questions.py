"""What a page asked last: an earlier question's answer neither replaces it nor goes on."""

from collections.abc import Generator

import pytest

from audioprompt.models.base import ModelError
from audioprompt.server import access
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.server.questions import Questions
from tests.unit.server.test_access import request


def asks(place: int, page: str = "a page") -> Context:
    """Who asks so late, from a page."""
    asked = request(page)
    assert asked.request
    asked.request.scope[access.PLACE] = place
    return Context(asked)


class Steps:
    """The steps of an answer, which knows whether it was ended."""

    def __init__(self, fails: bool = False) -> None:
        self.fails, self.ended = fails, False

    def __call__(self) -> Generator[int]:
        try:
            for number in range(3):
                if self.fails and number:
                    raise ModelError("It cannot be had.")
                yield number
        finally:
            self.ended = True


def test_a_later_question_ends_the_steps_of_an_earlier() -> None:
    questions, first, second = Questions(), Steps(), Steps()
    earlier = questions.latest(asks(1), "first", first())
    assert next(earlier) == 0 and questions.being_answered("a page") == "first"
    assert list(questions.latest(asks(1, "another"), "first", Steps()())) == [0, 1, 2], "pages ask apart"
    later = questions.latest(asks(2), "second", second())
    assert next(later) == 0
    assert list(earlier) == [] and first.ended and not second.ended
    assert questions.being_answered("a page") == "second"
    assert list(later) == [1, 2] and second.ended and questions.being_answered("a page") is None


def test_what_is_taken_up_after_a_later_question_is_not_answered() -> None:
    questions, late = Questions(), Steps()
    assert list(questions.latest(asks(2), "second", Steps()())) == [0, 1, 2]
    assert list(questions.latest(asks(1), "first", late())) == []
    assert list(questions.latest(asks(3), "first", late())) == [0, 1, 2]


def test_the_very_same_question_is_answered_once_at_a_time() -> None:
    questions = Questions()
    answer = questions.latest(asks(1), "the same", Steps()())
    assert next(answer) == 0
    assert list(questions.latest(asks(3), "the same", Steps()())) == []
    assert list(questions.latest(asks(2), "another", Steps()())) == [], "it was asked before the same"
    assert list(answer) == [1, 2]
    assert list(questions.latest(asks(4), "the same", Steps()())) == [0, 1, 2]


def test_only_the_last_question_may_fail() -> None:
    questions = Questions()
    earlier = questions.latest(asks(1), "first", Steps(fails=True)())
    assert next(earlier) == 0
    last = questions.latest(asks(2), "second", Steps(fails=True)())
    assert next(last) == 0
    assert list(earlier) == []
    with pytest.raises(ModelError):
        list(last)
    assert questions.being_answered("a page") is None


def test_what_is_worked_out_on_an_answer_ends_where_another_is_asked_for() -> None:
    questions = Questions()
    assert list(questions.beside(asks(0), Steps()())) == [0, 1, 2], "nothing was asked yet"
    before = questions.beside(asks(0), Steps()())
    assert next(before) == 0
    questions.ask(asks(1), "first")
    assert list(before) == []
    beside, failing = (questions.beside(asks(2), Steps(fails)()) for fails in (False, True))
    assert (next(beside), next(failing)) == (0, 0) and list(questions.beside(asks(3), Steps()())) == [0, 1, 2]
    questions.ask(asks(4), "second")
    assert list(beside) == list(failing) == []


def test_what_has_no_page_asks_anew_each_time() -> None:
    questions = Questions()
    first, second = (questions.latest(IN_PROCESS, "the same", Steps()()) for _ in range(2))
    assert list(zip(first, second, strict=True)) == [(0, 0), (1, 1), (2, 2)]


def test_the_page_that_asked_nothing_for_longest_is_forgotten() -> None:
    questions = Questions(pages=2)
    for number, page in enumerate(("first", "second", "first", "third")):
        questions.ask(asks(number, page), number)
    assert [questions.being_answered(page) for page in ("first", "second", "third")] == [2, None, 3]
