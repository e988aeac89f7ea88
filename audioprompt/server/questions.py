"""The last question that each open page has asked, and whether it was answered."""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any, TypeVar

from audioprompt.server.context import Context
from audioprompt.util.jobs import Stopped

PAGES = 1000  # whose last question is known
T = TypeVar("T")


@dataclass(eq=False)
class Asked:
    """A question of a page, how many were asked before it by anybody, and whether it has been answered."""

    question: object
    place: int
    answered: bool = False


class Questions:
    """What was asked last, page by page: two answers are worked on at once, and the slow one may be to the earlier.

    Args:
        pages: how many are remembered; the one that asked nothing for longest is forgotten first.
    """

    def __init__(self, pages: int = PAGES) -> None:
        self.pages = pages
        self._last: dict[str, Asked] = {}
        self._lock = Lock()

    def ask(self, context: Context, question: object) -> Asked | None:
        """Note what a page asks. What has no page asks anew each time.

        Args:
            context: who asks, and when: of two that are taken up at once that tells the later.
            question: what they ask.

        Returns:
            The question, to be answered; None where the very same is being answered, or the page has asked another
            since.
        """
        page, asked = context.page, Asked(question, context.place)
        with self._lock:
            last = self._last.pop(page, None) if page else None
            is_same = last is not None and last.question == question and not last.answered
            if last is not None and (is_same or last.place > asked.place):
                last.place = max(last.place, asked.place)
                asked = last
            self._last[page] = asked  # now behind all others
            if len(self._last) > self.pages:
                del self._last[next(iter(self._last))]
        if asked is last:
            return None
        context.show_while(partial(self.is_last, page, asked))
        return asked

    def is_last(self, page: str, asked: Asked | None) -> bool:
        """Whether a page has asked nothing since this question; None for no question at all."""
        return not page or self._last.get(page, asked) is asked

    def check_last(self, page: str, asked: Asked) -> None:
        """End the work on an answer that nobody waits for any longer.

        Raises:
            Stopped: the page has asked something else since.
        """
        if not self.is_last(page, asked):
            raise Stopped

    def latest(self, context: Context, question: object, steps: Generator[T, Any, Any]) -> Iterator[T]:
        """Yield an answer as it comes, until the page asks something else; nothing where this is being answered.

        Args:
            context: who asks.
            question: what they ask.
            steps: the answer, which is closed where nobody waits for it any longer.
        """
        if (asked := self.ask(context, question)) is not None:
            try:
                yield from self._until_another(context.page, asked, steps)
            finally:
                asked.answered = True

    def beside(self, context: Context, steps: Generator[T, Any, Any]) -> Iterator[T]:
        """Yield what is worked out on the answer that a page shows, until the page asks something else.

        Args:
            context: who asks.
            steps: what is worked out, closed where nobody waits for it any longer.
        """
        asked = self._last.get(context.page)
        context.show_while(partial(self.is_last, context.page, asked))
        yield from self._until_another(context.page, asked, steps)

    def _until_another(self, page: str, asked: Asked | None, steps: Generator[T, Any, Any]) -> Iterator[T]:
        with closing(steps):
            try:
                for step in steps:
                    if not self.is_last(page, asked):
                        return
                    yield step
            except Exception:
                if self.is_last(page, asked):
                    raise

    def being_answered(self, page: str) -> object | None:
        """Return what a page asked last, if that is not answered yet."""
        asked = self._last.get(page)
        return None if asked is None or asked.answered else asked.question
