"""Whatever a template is given, what it writes is text: every template, every macro, every ``{{ }}`` in them."""

import random
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from jinja2 import Environment, nodes
from jinja2.runtime import Macro

from audioprompt.ui.render import COMPONENTS, ENVIRONMENT
from tests.hostile.test_markup import NASTY, WORDS, Skeleton

TEMPLATES = sorted(path.relative_to(COMPONENTS).as_posix() for path in COMPONENTS.rglob("*.html"))
ROUNDS = 6  # of chance, which decides at every ``if`` of a template
LINKS = {"publish/template.html": ["address"]}  # what addresses are made of: this one the hub has given


class Anything:
    """Whatever a template wants of a value: words, a number, a list of two, true or false by chance."""

    def __init__(self, words: str, chance: random.Random) -> None:
        self.words, self.chance = words, chance

    def __str__(self) -> str:
        return self.words

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def _same(self, *_: Any, **__: Any) -> "Anything":
        return self

    __call__ = __getitem__ = __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __neg__ = _same
    __truediv__ = __rtruediv__ = __floordiv__ = __mod__ = __rmod__ = _same

    def __iter__(self) -> Iterator["Anything"]:
        return iter((self, self))

    def __len__(self) -> int:
        return 2

    def __bool__(self) -> bool:
        return self.chance.random() < 0.5

    def _by_chance(self, other: object) -> bool:
        return bool(self)

    __lt__ = __le__ = __gt__ = __ge__ = _by_chance


@cache
def environment() -> Environment:
    """The page's own, whose filters leave values as they are."""
    changed = ENVIRONMENT.overlay()
    changed.filters = dict.fromkeys(ENVIRONMENT.filters, lambda value, *_, **__: value)
    return changed


def filled(template: str, words: str) -> Iterator[Skeleton]:
    """All macros of a template, each for several rounds of chance."""
    module = environment().get_template(template).module
    macros = {name: macro for name, macro in vars(module).items() if isinstance(macro, Macro)}
    assert macros
    for macro in macros.values():
        for turn in range(ROUNDS):
            value = Anything(words, random.Random(turn))
            given = {name: ("data-go", value) if name == "button" else value for name in macro.arguments}
            yield Skeleton(macro(**given))  # a button's attribute is named by the page's own code


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_writes_words_as_words(template: str) -> None:
    plain = [found.elements for found in filled(template, WORDS)]
    for nasty in NASTY:
        found = list(filled(template, nasty))
        assert [one.elements for one in found] == plain, nasty
        assert any(nasty in text for one in found for text in one.text)


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_template_lets_anything_past_the_escaping(template: str) -> None:
    source = (COMPONENTS / template).read_text("utf-8")
    tree = ENVIRONMENT.parse(source)
    assert ENVIRONMENT.autoescape is True
    assert not [found for found in tree.find_all(nodes.Filter) if found.name in ("safe", "forceescape")]
    assert not [*tree.find_all(nodes.ScopedEvalContextModifier), *tree.find_all(nodes.EvalContextModifier)]
    assert re.findall(r'(?:href|src|action|srcdoc|on\w+)="{{\s*(\w+)', source) == LINKS.get(template, [])
    assert not re.search(r"=\s*{{", source), "an attribute without quotes"
