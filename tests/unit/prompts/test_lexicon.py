"""The offline lexicon: that its words are good English, enough, and fit what they are offered for."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from audioprompt.prompts import lexicon as lexicon_module
from audioprompt.prompts.checks import check
from audioprompt.prompts.lexicon import GENERAL, Lexicon, lexicon
from audioprompt.prompts.pack import CATEGORIES
from audioprompt.prompts.template import Template

LISTS = lexicon().categories


@pytest.mark.parametrize("name", [*CATEGORIES, GENERAL])
def test_every_task_has_words_enough_and_none_twice(name: str) -> None:
    category = None if name == GENERAL else name
    attributes, sources = lexicon().attributes(category), lexicon().sources(category)  # type: ignore[arg-type]
    assert len(attributes) >= 30
    assert len(sources) >= 30
    for words in (LISTS[name].attributes, LISTS[name].sources):
        assert len({word.word for word in words}) == len(words)


@pytest.mark.parametrize("name", LISTS)
def test_every_word_makes_a_flawless_prompt(name: str) -> None:
    templates = [Template.tspe(attribute=word.word) for word in LISTS[name].attributes]
    templates += [Template.tspe(source=word.word) for word in LISTS[name].sources]
    assert [flags for flags in check(templates, ("rain", "owl")) if flags] == []


@pytest.mark.parametrize(
    ("category", "labels", "word", "offered"),
    [
        ("instruments", ("violin", "flute"), "melodious", True),
        ("instruments", ("violin", "snare drum"), "melodious", False),
        ("instruments", ("Drums",), "melodious", False),
        ("instruments", ("violin", "cello"), "bowed", True),
        ("instruments", ("violin", "flute"), "bowed", False),
        ("instruments", (), "bowed", False),
        ("instruments", ("violin_solo",), "bowed", True),
        ("instruments", ("solo violin", "flute"), "solo", False),
        ("music_genre", ("rock", "metal"), "distorted", True),
        ("music_genre", ("rockabilly",), "distorted", False),
        ("music_genre", ("rock", "classical"), "distorted", False),
        ("impact_emergency", ("siren", "fire alarm"), "wailing", True),
        ("impact_emergency", ("siren", "gunshot"), "wailing", False),
    ],
)
def test_attributes_suit_all_labels(category: Any, labels: tuple[str, ...], word: str, offered: bool) -> None:
    assert (word in lexicon().attributes(category, labels)) is offered


@pytest.mark.parametrize(
    ("labels", "source", "offered"),
    [
        (("rain",), "park", True),
        (("park", "beach"), "park", False),  # every prompt would draw to the label "park"
        (("parks",), "car park", False),
        (("street_music",), "street", False),
        (("parking",), "park", True),
    ],
)
def test_no_source_names_a_label(labels: tuple[str, ...], source: str, offered: bool) -> None:
    assert (source in lexicon().sources("acoustic_scenes", labels)) is offered


@pytest.mark.parametrize(
    ("attribute", "source", "together"),
    [
        ("loud", "street", True),
        ("distant", "the distance", False),
        ("live", "live concert", False),
        ("echoing", "field", False),
        ("echoing", "hallway", True),
    ],
)
def test_goes_together(attribute: str, source: str, together: bool) -> None:
    assert lexicon().goes_together(attribute, source) is together


def test_clashes_name_words_that_exist() -> None:
    attributes = {word.word for words in LISTS.values() for word in words.attributes}
    sources = {word.word for words in LISTS.values() for word in words.sources}
    for attribute, clashing in lexicon().clashes.items():
        assert attribute in attributes
        assert set(clashing) <= sources


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("categories", {}, "must be instruments, "),
        ("kinds", {}, "names kinds that are not listed"),
        ("klashes", {}, "Extra inputs"),
    ],
)
def test_a_broken_lexicon_is_refused(field: str, value: Any, message: str) -> None:
    content = json.loads(Path(lexicon_module.__file__).with_name("lexicon.json").read_text())
    with pytest.raises(ValidationError, match=message):
        Lexicon.model_validate(content | {field: value})
