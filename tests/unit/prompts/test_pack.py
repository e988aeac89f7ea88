"""Prompt packs: what they hold, their file format, hostile files, and the packs that come along."""

import json
from datetime import date, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from audioprompt.prompts.pack import (
    CATEGORIES,
    MAX_BYTES,
    MAX_LABELS,
    MAX_PRESETS,
    MAX_TEMPLATES,
    Category,
    Exchange,
    HistoryEvent,
    Measurement,
    PackEntry,
    PackError,
    PromptPack,
    Provenance,
    pack_from_templates,
)
from audioprompt.prompts.store import BUNDLED
from audioprompt.prompts.template import FORMATS, Template, indefinite_article

SHIPPED = Path(__file__).resolve().parents[3] / "prompt_store"
HAND_WRITTEN = Provenance(generator="hand-written")
NOON = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)


def full_pack() -> PromptPack:
    """A pack that uses every field."""
    measured = Measurement(model="embedded", revision="ab12", data="mine", split="fold 1", n=40, accuracy=0.625)
    return PromptPack(
        id="my-pack",
        title="My pack",
        description="Bells, 鐘, and “quotes”.",
        category="impact_emergency",
        licence="Apache-2.0",
        provenance=Provenance(
            generator="lexicon",
            settings={"seed": 3, "stop": None, "kept": ["loud", "soft"]},
            written_on=date(2026, 1, 2),
            exchanges=(
                Exchange(request="Write\n  two:", answer='```json\n{"prompts": ["…"]}\n```', model="gpt-4-0613"),
                Exchange(request="And one.", answer=""),
            ),
        ),
        entries=(
            PackEntry(template=Template.tspe("loud"), status="approved", decided_by="ada", decided_at=NOON),
            PackEntry(template=Template.tspe("soft", "hall"), status="rejected", reason="no", measured=(measured,)),
            PackEntry(template=Template.parse("hear {}")),
            PackEntry(template=Template.parse("{} now"), status="approved"),
        ),
        label_presets={"Bells": ("bell", "gong"), "Äther": ("wind",)},
        history=(
            HistoryEvent(
                at=NOON,
                who="ada",
                action="decide",
                template="A loud sound of {label}",
                from_status="candidate",
                to_status="approved",
                reason="clear",
            ),
        ),
    )


def test_approved_in_order() -> None:
    pack = full_pack()
    assert [template.text for template in pack.approved] == ["A loud sound of {label}", "{label} now"]
    assert pack.as_strings() == ["A loud sound of {}", "{} now"]


def test_json_round_trip_keeps_everything() -> None:
    pack = full_pack()
    text = pack.to_json()
    again = PromptPack.from_json(text, "my-pack.json")
    assert again == pack
    assert again.to_json() == text
    assert PromptPack.from_json(text.encode(), "my-pack.json") == pack


def test_a_pack_without_exchanges_is_written_as_before_there_were_any() -> None:
    text = PromptPack(id="x", title="X", provenance=HAND_WRITTEN).to_json()
    assert "exchanges" not in text and PromptPack.from_json(text).provenance.exchanges is None


def test_json_reads_well_in_a_diff() -> None:
    text = full_pack().to_json()
    assert text.endswith("}\n") and not text.endswith("\n\n")
    assert "鐘" in text
    assert '"attribute": "loud",\n' in text
    pairs = json.loads(text, object_pairs_hook=lambda pairs: [key for key, _ in pairs] == sorted(dict(pairs)))
    assert pairs is True
    assert list(json.loads(text)) == sorted(json.loads(text))
    assert "source" not in json.loads(text)["entries"][0]["template"]


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    pack = full_pack()
    assert PromptPack.from_json(b"\xef\xbb\xbf" + pack.to_json().replace("\n", "\r\n").encode()) == pack


lines = st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs"]), min_size=1, max_size=30)
words = lines.filter(lambda text: bool(text.strip()) and text.isprintable())


@given(
    st.lists(words, unique_by=lambda text: " ".join(text.split()), max_size=8),
    words,
    st.sampled_from(["approved", "candidate"]),
)
def test_any_pack_round_trips(texts: list[str], title: str, status: Any) -> None:
    entries = tuple(PackEntry(template=Template(text + " {label}"), status=status) for text in texts)
    presets = {title: tuple(" ".join(text.split()) for text in texts)} if texts else {}
    pack = PromptPack(id="x", title=title, provenance=HAND_WRITTEN, entries=entries, label_presets=presets)
    text = pack.to_json()
    assert PromptPack.from_json(text) == pack
    assert PromptPack.from_json(text).to_json() == text


def changed(**changes: Any) -> str:
    """The full pack's file with top-level fields changed."""
    return json.dumps(json.loads(full_pack().to_json()) | changes)


def with_entry(**changes: Any) -> str:
    """The full pack's file with its last entry changed."""
    content = json.loads(full_pack().to_json())
    content["entries"][3] |= changes
    return json.dumps(content)


def with_measurement(**changes: Any) -> str:
    """The full pack's file with its measurement changed."""
    content = json.loads(full_pack().to_json())
    content["entries"][1]["measured"][0] |= changes
    return json.dumps(content)


def without(field: str) -> str:
    content = json.loads(full_pack().to_json())
    del content[field]
    return json.dumps(content)


HOSTILE: dict[str, tuple[str | bytes, str]] = {
    # what it is: (the file, what the message says after the file's name)
    "empty": ("", "not valid JSON, .* line 1 column 0"),
    "cut short": (full_pack().to_json()[:200], "not valid JSON, EOF while parsing a value at line 9 column 6"),
    "trailing comma": ('{\n  "id": "x",\n}', "not valid JSON, .* line 3 column 1"),
    "two documents": ("{} {}", "not valid JSON, trailing characters at line 1 column 4"),
    "no object": ("[1, 2]", "the file must be an object"),
    "deep": ("[" * 100_000, "not valid JSON, recursion limit"),
    "lone surrogate": (changed(title="\ud800"), "not valid JSON, .* line 1"),
    "binary": (bytes(range(256)), "not UTF-8 text"),
    "picture": (b"\x89PNG\r\n\x1a\n\x00\x00", "not UTF-8 text"),
    "nul bytes": (b"\x00" * 64, "not valid JSON"),
    "huge": (b" " * (MAX_BYTES + 1), "too long for a pack"),
    "unknown field": (changed(autor="me"), "autor is not a known field"),
    "unknown field inside": (with_entry(state="approved"), r"entries\[3\].state is not a known field"),
    "unknown field in a template": (
        with_entry(template={"text": "{label}", "txt": "y"}),
        r"entries\[3\].template.txt is not a known field",
    ),
    "no id": (without("id"), "id is missing"),
    "no provenance": (without("provenance"), "provenance is missing"),
    "wrong type": (changed(title=3), "title must be a valid string"),
    "number as text": (with_measurement(n="40"), r"entries\[1\].measured\[0\].n must be a valid integer"),
    "text for a list": (changed(entries="A sound of {label}"), "entries must be"),
    "template as text": (with_entry(template="a {label}"), r"entries\[3\].template must be"),
    "path as id": (changed(id="../evil"), "id must be small letters"),
    "dots as id": (changed(id=".."), "id must be small letters"),
    "absolute id": (changed(id="/etc/passwd"), "id must be small letters"),
    "id with a line end": (changed(id="pack\n"), "id must be small letters"),
    "capital id": (changed(id="Pack"), "id must be small letters"),
    "endless id": (changed(id="a" * 65), "id must be small letters"),
    "blank title": (changed(title=" \n "), "title must not be empty"),
    "endless title": (changed(title="x" * 201), "title must have at most 200 characters, has 201"),
    "unknown category": (changed(category="birds"), "category must be 'instruments'"),
    "unknown status": (with_entry(status="maybe"), r"entries\[3\].status must be 'candidate'"),
    "later format": (changed(format_version=2), "format_version is 2, .*update audioprompt"),
    "slotless template": (
        with_entry(template={"text": "a sound"}),
        r"entries\[3\].template cannot be used. The template 'a sound' has no slot",
    ),
    "template twice": (with_entry(template={"text": " hear  {label}"}), "entries must not hold .*'hear {label}' twice"),
    "too many templates": (
        changed(entries=[{"template": {"text": f"{i} {{label}}"}} for i in range(MAX_TEMPLATES + 1)]),
        "entries must hold at most 2000 templates, holds 2001",
    ),
    "too many labels": (
        changed(label_presets={"All": [str(i) for i in range(MAX_LABELS + 1)]}),
        "label_presets 'All' must hold 1 to 2000 labels, holds 2001",
    ),
    "too many presets": (
        changed(label_presets={str(i): ["x"] for i in range(MAX_PRESETS + 1)}),
        "label_presets must hold at most 100 lists",
    ),
    "empty preset": (changed(label_presets={"All": []}), "label_presets 'All' must hold 1 to"),
    "label twice": (
        changed(label_presets={"All": ["dog", "cat", "dog "]}),
        "label_presets must not hold the label 'dog' twice",
    ),
    "blank label": (changed(label_presets={"All": ["dog", ""]}), r"label_presets.All\[1\] must not be empty"),
    "impossible accuracy": (
        with_measurement(accuracy=62.5),
        r"entries\[1\].measured\[0\].accuracy must be less than or equal to 1",
    ),
    "no accuracy": (with_measurement(accuracy=float("nan")), r"entries\[1\].measured\[0\].accuracy must be"),
    "no clips": (with_measurement(n=0), r"entries\[1\].measured\[0\].n must be greater"),
    "endless setting": (
        changed(provenance={"generator": "x", "settings": {"t": float("inf")}}),
        "provenance.settings must hold only finite numbers",
    ),
    "time without zone": (with_entry(decided_at="2026-11-21T12:00:00"), r"entries\[3\].decided_at must have timezone"),
    "no time": (with_entry(decided_at="yesterday"), r"entries\[3\].decided_at must be a valid datetime"),
    "two problems": (changed(title=3, id=4), r"id must be .* \(and 1 more problem\)"),
}


@pytest.mark.parametrize(("content", "message"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_files(content: str | bytes, message: str) -> None:
    with pytest.raises(PackError, match=r"^evil\.json: " + message) as caught:
        PromptPack.from_json(content, "evil.json")
    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@given(st.binary(max_size=200))
def test_any_bytes_are_a_pack_or_a_pack_error(content: bytes) -> None:
    with pytest.raises(PackError):
        PromptPack.from_json(content, "noise.json")


def test_times_keep_their_zone() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    pack = full_pack().model_copy(update={"history": (HistoryEvent(at=there, who="ada", action="undo"),)})
    assert '"2026-11-21T17:30:00+05:30"' in pack.to_json()
    assert PromptPack.from_json(pack.to_json()).history[0].at == NOON


def test_packs_are_immutable() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        full_pack().title = "Other"


def test_every_category_has_a_name() -> None:
    assert set(CATEGORIES) == set(get_args(Category))


def test_pack_from_templates() -> None:
    pack = pack_from_templates(["a photo of a {}", "{label} sound"])
    assert pack.as_strings() == ["a photo of a {}", "{} sound"]
    assert (pack.id, pack.category) == ("custom", None)
    assert PromptPack.from_json(pack.to_json()) == pack


@pytest.mark.parametrize(
    ("templates", "message"),
    [
        ([], "There are no templates"),
        (["a sound"], "has no slot"),
        (["{} sound", "{label}  sound"], "Custom templates: entries must not hold the template '{label} sound' twice"),
    ],
)
def test_pack_from_templates_refuses(templates: list[str], message: str) -> None:
    with pytest.raises(PackError, match=message):
        pack_from_templates(templates)


# ---- the packs that come along

TASK_PACKS = ["acoustic-scenes", "impact-emergency", "instruments", "music-genre", "vocal-sounds"]
GENERAL_PACKS = ["eight-templates", "vanilla"]


def shipped(pack_id: str) -> PromptPack:
    return PromptPack.from_json((SHIPPED / f"{pack_id}.json").read_bytes(), pack_id)


def test_shipped_packs_are_these() -> None:
    assert sorted(BUNDLED) == sorted(TASK_PACKS + GENERAL_PACKS)


@pytest.mark.parametrize("pack_id", TASK_PACKS + GENERAL_PACKS)
def test_shipped_pack(pack_id: str) -> None:
    content = (SHIPPED / f"{pack_id}.json").read_bytes()
    pack = PromptPack.from_json(content, pack_id)
    assert pack.id == pack_id
    assert pack.to_json().encode() == content, "the file is not as to_json writes it"
    assert content.isascii()
    assert pack.description and pack.licence == "Apache-2.0"
    assert pack.provenance == Provenance(generator="hand-written", written_on=date(2026, 11, 21))
    assert {entry.decided_by for entry in pack.entries} == {"audioprompt"}
    assert len(pack.approved) == len(pack.entries)
    assert 1 <= len(pack.label_presets) <= 3
    for labels in pack.label_presets.values():
        assert len(labels) >= 4
    for string in pack.as_strings():
        assert string.format("dog bark") == string.replace("{}", "dog bark") == Template.parse(string).fill("dog bark")


@pytest.mark.parametrize("pack_id", TASK_PACKS)
def test_shipped_task_pack_is_twenty_different_prompts_in_the_three_formats(pack_id: str) -> None:
    pack = shipped(pack_id)
    assert pack.category == pack_id.replace("-", "_")
    assert len(pack.approved) == 20
    formats = [template.format for template in pack.approved]
    assert set(formats) == set(FORMATS)
    assert min(formats.count(name) for name in FORMATS) >= 5
    for words in ([t.attribute for t in pack.approved], [t.source for t in pack.approved]):
        given = [word for word in words if word]
        assert len(given) == len(set(given)) >= 10
        assert all(word == word.lower() for word in given)
    for template in pack.approved:
        tokens = template.text.split()
        for article, following in pairwise(tokens):
            if article.lower() in ("a", "an"):
                assert article.lower() == indefinite_article(following)


def test_vanilla_pack() -> None:
    pack = shipped("vanilla")
    assert [template.text for template in pack.approved] == ["This is a sound of {label}."]
    assert pack.category is None


def test_eight_templates_pack() -> None:
    pack = shipped("eight-templates")
    assert pack.category is None
    assert pack.as_strings() == [
        "{}",
        "the sound of {}",
        "This is a sound of {}.",
        "a recording of {}",
        "This is a recording of {}",
        "I can hear {}",
        "an audio clip of {}",
        "{} sound",
    ]
