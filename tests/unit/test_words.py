"""Labels that a model does not know: read in English where the dictionary has them, and warned of where not."""

import csv
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from string import ascii_lowercase
from types import SimpleNamespace

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import BertPreTokenizer

from audioprompt.api import explore as api
from audioprompt.core import dictionary
from audioprompt.core.dictionary import LATIN, OWN_SCRIPT, english_names, translate_list, translate_script
from audioprompt.core.labels import label_key, parse_labels
from audioprompt.models.registry import load
from audioprompt.models.text import TextTokenizer
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import Template
from audioprompt.server import models
from audioprompt.server.context import Context
from audioprompt.services.classify import classify
from audioprompt.services.words import read_labels, warn_of_words
from tests.fakes import HUM, RATE, FakeModel, tone, zip_of_tones

ROWS = list(csv.DictReader(Path(dictionary.__file__).with_suffix(".csv").open(encoding="utf-8", newline="")))


def tokenizer_of(words: Iterable[str]) -> TextTokenizer:
    """A tokenizer of whole words, and of Latin letters and digits for all words but these."""
    vocabulary = dict.fromkeys(["[UNK]", *words, *"abcdefghijklmnopqrstuvwxyz0123456789é"])
    pieces = {**vocabulary, **dict.fromkeys(f"##{one}" for one in vocabulary)}
    tokenizer = Tokenizer(WordPiece({piece: number for number, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = Lowercase(), BertPreTokenizer()
    found = object.__new__(TextTokenizer)
    found.tokenizer = tokenizer
    return found


@cache
def english_tokenizer() -> TextTokenizer:
    """English alone, with the accidental characters of other scripts that such vocabularies have."""
    words = (f"w{first}{second}" for first in ascii_lowercase for second in ascii_lowercase)
    return tokenizer_of([*words, "dog", "bark", "rain", "犬", "と"])


class Reader(FakeModel):
    """Hears a hum, and reads what a tokenizer says that it knows."""

    def __init__(self, tokenizer: object) -> None:
        super().__init__()
        self.text = SimpleNamespace(tokenizer=tokenizer)


def english_only() -> SimpleNamespace:
    return SimpleNamespace(scripts={"LATIN"}, knows=str.isascii)


def everything() -> SimpleNamespace:
    return SimpleNamespace(scripts={"LATIN", "CJK"}, knows=lambda text: True)


# --- the dictionary ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", [*OWN_SCRIPT, *LATIN])
def test_every_name_means_one_sound(language: str) -> None:
    names = [label_key(name) for row in ROWS for name in row[language].split("|") if name]
    assert [name for name, times in Counter(names).items() if times > 1] == []
    assert all(name == name.strip() for row in ROWS for name in row[language].split("|"))


def test_every_sound_has_one_english_and_a_chinese_name() -> None:
    assert max(Counter(row["english"].casefold() for row in ROWS).values()) == 1
    assert len(ROWS) > 600 and all(row["zh"] for row in ROWS)
    assert all(parse_labels(f"{row['english']}, something else").labels[0] == row["english"] for row in ROWS)


def test_labels_of_presets_are_in_it() -> None:
    store, english = PromptStore(), {row["english"].casefold() for row in ROWS}
    labels = {label for name in store.ids() for preset in store.get(name).label_presets.values() for label in preset}
    known = {one.casefold() for one in labels} & english
    assert len(known) > 0.7 * len(labels)


def test_words_of_several_languages_are_left_alone_unless_the_list_is_in_one() -> None:
    assert translate_list(["pet", "dog bark", "rain"]) == {}
    assert translate_list(["pie", "pet", "music"]) == {}
    assert translate_list(["Hundegebell", "regen", "Xyz"]) == {"Hundegebell": "dog bark", "regen": "rain"}
    assert translate_list(["aboiement", "pluie"]) == {"aboiement": "dog bark", "pluie": "rain"}
    assert translate_list(["ladrido", "lluvia"]) == {"ladrido": "dog bark", "lluvia": "rain"}
    assert translate_script("犬の鳴き声") == translate_script("狗叫") == "dog bark"
    assert translate_script("量子") is None and "rain" not in english_names("de")


# --- what tokenizers know ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["dog bark", "xylophone", "Hundegebell", "théremin", "R2-D2", "808", "a 狗 in the rain"]
)
def test_latin_words_are_known_to_an_english_tokenizer(text: str) -> None:
    assert english_tokenizer().knows(text)


@pytest.mark.parametrize("text", ["狗叫", "雨", "犬", "собака", "いぬ", "개 짖는 소리", "🐕"])
def test_other_scripts_are_not(text: str) -> None:
    assert not english_tokenizer().knows(text)


def test_a_tokenizer_with_many_words_of_a_script_knows_it() -> None:
    found = tokenizer_of(
        [*english_tokenizer().tokenizer.get_vocab(), *(chr(0x4E00 + number) for number in range(1200))]
    )
    assert found.scripts == {"CJK", "LATIN"} and english_tokenizer().scripts == {"LATIN"}
    assert found.knows("一") and not found.knows("いぬ") and not found.knows("собака")


# --- labels -----------------------------------------------------------------------------------------------------------


def test_labels_are_translated_only_where_the_model_cannot_read_them() -> None:
    read = read_labels(Reader(english_only()), ["狗叫", "rain", "量子纠缠"])
    assert read.spoken == ("dog bark", "rain", "量子纠缠")
    assert read.translated == (("狗叫", "dog bark"),) and read.unknown == ("量子纠缠",)
    assert "狗叫 → dog bark" in read.notices[0] and "量子纠缠" in read.notices[1]
    for model in (Reader(everything()), FakeModel()):  # the second says nothing of what it knows
        assert read_labels(model, ["狗叫", "犬", "rain"]).notices == ()
    assert read_labels(Reader(english_only()), ["Hundegebell", "Regen"]).spoken == ("dog bark", "rain")


def test_a_verdict_names_labels_as_written_and_says_what_was_read() -> None:
    model, templates = Reader(english_only()), [Template("the sound of {label}")]
    found = classify(model, (RATE, tone(HUM, 4)), ["嗡鸣", "口哨声"], templates)
    assert "the sound of hum" in model.texts_read and not any("嗡" in text for text in model.texts_read)
    assert found.answer == "嗡鸣" and found.vanilla.labels == ("嗡鸣", "口哨声")
    assert [event.label for event in found.events()] == ["嗡鸣"]
    assert (found.votes[0].label, found.votes[0].prompt) == ("嗡鸣", "the sound of hum")
    assert "嗡鸣 → hum" in found.notices[0] and found.words.startswith("They agree")


def test_methods_do_not_agree_about_words_that_nobody_knows() -> None:
    found = classify(Reader(english_only()), (RATE, tone(HUM, 4)), ["hum", "量子纠缠"], [Template("the {label}")])
    assert "They agree" not in found.words and "does not know these words: 量子纠缠" in found.notices[-1]


def test_of_a_folder_the_same_is_told_and_what_a_search_cannot_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, nobody_knows = Reader(english_only()), "does not know these words: 量子纠缠"
    monkeypatch.setattr(models, "shared_model", lambda name, request: model)
    packed, context = zip_of_tones(tmp_path, each=1), Context()
    for labels, said in (("hum, 量子纠缠", nobody_knows), ("狗叫, 狗吠声", "mean the same"), ("hum, whistle", None)):
        warnings = " ".join(api.classify_folder(labels, packed, context=context)["warnings"])
        assert said in warnings if said else warnings == ""
    assert nobody_knows in " ".join(api.search("量子纠缠", clips=packed, context=context)["warnings"])
    assert not api.search("a hum", clips=packed, context=context)["warnings"]


def test_two_names_of_one_sound_are_alike() -> None:
    found = classify(
        Reader(english_only()), (RATE, tone(HUM, 4)), ["狗叫", "狗吠声", "嗡鸣"], [Template("the {label}")]
    )
    assert found.alike == (("狗叫", "狗吠声"),) and "They agree" not in found.words


def test_names_of_classes_are_warned_of() -> None:
    assert warn_of_words(Reader(english_only()), ["rain", "dog bark"]) == ()
    (sentence,) = warn_of_words(Reader(english_only()), ["狗叫", "量子"])
    assert "狗叫 (dog bark)" in sentence and "量子" in sentence


@pytest.mark.parametrize("label", ["狗叫", "雨", "dog bark"])
def test_the_bundled_model_reads_chinese_and_english(label: str) -> None:
    read = read_labels(load("embedded"), [label, "钢琴"])
    assert read.spoken == (label, "钢琴") and read.notices == ()


def test_the_bundled_model_is_helped_with_german_and_warned_of_russian() -> None:
    model = load("embedded")
    assert read_labels(model, ["Hundegebell", "Regen"]).spoken == ("dog bark", "rain")
    assert read_labels(model, ["лай собаки", "rain"]).unknown == ("лай собаки",)
