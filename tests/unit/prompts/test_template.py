"""Templates: slots, filling, the TSPE formats, and English articles."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audioprompt.prompts.template import (
    FORMATS,
    MAX_CHARACTERS,
    SLOT,
    Template,
    TemplateError,
    indefinite_article,
    one_line,
    with_article,
)

# fmt: off
WITH_AN = [
    "owl", "engine", "alarm", "ice cream van", "Oboe", "orchestra", "étude", "über-loud horn", "aeroplane",
    "hour-glass", "hourglass", "honest sigh", "honour guard", "heirloom clock",
    "umbrella", "urgent call", "usher", "unidentified sound", "unimportant noise", "uninterrupted tone", "uh",
    "udu", "uilleann pipe", "urban street", "ominous drone", "onion being cut", "onerous task",
    "MRI scanner", "FM radio", "X-ray", "x-ray machine", "e-bike", "F16", "SOS", "NSynth note", "MP3 player",
    "LED", "R&B song", "HVAC system", "HDMI buzz", "A minor chord",
    "8-bit", "8", "80s synth", "808 kick", "8,000 Hz tone", "11", "11,000", "18-wheeler", "18th-century organ",
    "1812 overture", "'Otello' aria", "a cappella group",
]
WITH_A = [
    "dog", "helicopter", "hound", "yell", "whistle", "Houri",
    "unicorn", "unicycle", "union", "unison", "uniform hum", "unique voice", "university", "usual sound", "user",
    "ukulele", "utensil", "urine stream", "uranium drill", "ubiquitous hum", "UFO", "USB fan", "U-turn",
    "European siren", "euphonium", "ewe", "one-man band", "one", "once-loud bell", "ouija board",
    "MIDI", "NASA rocket", "SIREN", "TV", "B flat", "t-shirt", "D'Angelo song", "12-string guitar", "911 call",
    "100", "110", "180", "1,100", "181234", "bus", "", "...", "🚑", "狗", "صفارة",
]
# fmt: on


@pytest.mark.parametrize(
    ("phrase", "article"), [(phrase, "an") for phrase in WITH_AN] + [(phrase, "a") for phrase in WITH_A]
)
def test_indefinite_article(phrase: str, article: str) -> None:
    assert indefinite_article(phrase) == article


@pytest.mark.parametrize(
    ("words", "phrase"),
    [
        ("opera", "an opera"),
        ("street", "a street"),
        ("an street", "a street"),
        ("A airport", "an airport"),
        ("the sea", "the sea"),
        ("The woods", "The woods"),
        ("my kitchen", "my kitchen"),
        ("theatre", "a theatre"),
        ("doctor's office", "a doctor's office"),
        ("a cappella choir", "an a cappella choir"),
    ],
)
def test_with_article(words: str, phrase: str) -> None:
    assert with_article(words) == phrase


@pytest.mark.parametrize(
    ("text", "label", "prompt"),
    [
        ("the sound of {}", "rain", "the sound of rain"),
        ("{}", "rain", "rain"),
        ("{label} sound", "dog bark", "dog bark sound"),
        ("This is a sound of {}.", "owl", "This is a sound of owl."),
        # the article before the slot agrees with the label, and keeps its case
        ("a sound of a {label}", "owl", "a sound of an owl"),
        ("a sound of an {label}", "dog", "a sound of a dog"),
        ("An {label}", "dog", "A dog"),
        ("A {label}", "unicorn", "A unicorn"),
        ("A {label}", "hour-glass", "An hour-glass"),
        ("THIS IS AN {label}", "dog", "THIS IS A dog"),
        ('I hear a "{label}"', "owl", 'I hear an "owl"'),
        ("I hear a {label} and a owl", "owl", "I hear an owl and a owl"),
        # what only looks like an article is left alone
        ("pizza {label}", "owl", "pizza owl"),
        ("class-a {label}", "owl", "class-a owl"),
        ("a loud {label}", "owl", "a loud owl"),
        # untrusted labels
        ("the sound of {}", "{label}", "the sound of {label}"),
        ("the sound of {}", "{0} {x!r} {{}} {", "the sound of {0} {x!r} {{}} {"),
        ("the sound of {}", "100 % \\1 \\g<0> $HOME", "the sound of 100 % \\1 \\g<0> $HOME"),
        ("the sound of {}", '<b>"it\'s"</b>', 'the sound of <b>"it\'s"</b>'),
        ("the sound of a {}", "🚑 siren", "the sound of a 🚑 siren"),
        ("the sound of {}", "صفارة إنذار", "the sound of صفارة إنذار"),
        ("the sound of {}", "  dog\n\t bark\x00 ", "the sound of dog bark"),
        ("the sound of {}", "", "the sound of "),
    ],
)
def test_fill(text: str, label: str, prompt: str) -> None:
    assert Template.parse(text).fill(label) == prompt


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (" \n\t", "is empty"),
        ("a sound", "has no slot"),
        ("{label} and {label}", "has 2 slots"),
        ("{} and {label}", "has 2 slots"),
        ("a {attribute} sound of {label}", r"has '\{attribute\}'"),
        ("a {attribute} sound of {class}", r"has '\{attribute\}'"),
        ("{c} and {c}", "has 2 slots"),
        ("%s and %s", "has 2 slots"),
        ("a sound of {c.name}", r"has '\{c\.name\}'"),
        ("100% of it", "has no slot"),
        ("[noise]", "has no slot"),
        ("a sound of {label} }", r"has '\}'"),
        ("a sound of {label", r"has '\{'"),
        ("x" * MAX_CHARACTERS + SLOT, "is too long, 307 characters"),
    ],
)
def test_errors_say_what_to_change(text: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message) as caught:
        Template.parse(text)
    assert isinstance(caught.value, ValueError)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    "slot",
    [
        "{}",
        "{label}",
        "{Label}",
        "{ label }",
        "{{label}}",
        "{{ }}",
        "{labels}",
        "{c}",
        "{class}",
        "{classname}",
        "{0}",
        "{class_name!s}",
        "%s",
        "%(label)s",
        "<label>",
        "[label]",
        "<Class Name>",
        "[class_name]",
        "[sound]",
        "____",
    ],
)
def test_a_slot_may_be_marked_in_any_usual_manner(slot: str) -> None:
    assert Template.parse(f"a bad recording of a {slot}, far off").text == "a bad recording of a {label}, far off"


def test_what_looks_like_a_slot_beside_one_is_left_alone() -> None:
    assert Template.parse("[noise] <sound> 50 %s {}").text == "[noise] <sound> 50 %s {label}"


def test_longest_template_is_allowed() -> None:
    text = "x" * (MAX_CHARACTERS - len(SLOT)) + SLOT
    assert Template(text).text == text


def test_overlong_words_are_refused() -> None:
    with pytest.raises(TemplateError, match="too long"):
        Template("{label}", attribute="x" * 301)


def test_text_and_words_are_put_on_one_line() -> None:
    template = Template(" a  faint\nsound of {label} ", attribute=" faint ", source="  ")
    assert template == Template("a faint sound of {label}", "faint", None)


@pytest.mark.parametrize(
    ("attribute", "source", "format_name", "text"),
    [
        ("faint", None, "attribute", "A faint sound of {label}"),
        ("echoing", None, "attribute", "An echoing sound of {label}"),
        (None, "street", "source", "The sound of {label} coming from a street"),
        (None, "opera", "source", "The sound of {label} coming from an opera"),
        (None, "the sea", "source", "The sound of {label} coming from the sea"),
        (
            "unusual",
            "university",
            "attribute_source",
            "An unusual sound of {label} can be heard coming from a university",
        ),
    ],
)
def test_tspe_formats(attribute: str | None, source: str | None, format_name: str, text: str) -> None:
    template = Template.tspe(attribute, source)
    assert template == Template(text, attribute, source)
    assert template.format == format_name
    assert format_name in FORMATS


def test_tspe_records_words_without_their_article() -> None:
    template = Template.tspe(" an  loud ", "a opera")
    assert template == Template(
        "A loud sound of {label} can be heard coming from an opera", attribute="loud", source="opera"
    )


def test_words_are_put_in_verbatim() -> None:
    assert Template.tspe(r"\1 <source>").text == r"A \1 <source> sound of {label}"


@pytest.mark.parametrize(("attribute", "source"), [(None, None), ("", " "), ("loud {label}", None), ("{x}", "hall")])
def test_tspe_refuses(attribute: str | None, source: str | None) -> None:
    with pytest.raises(TemplateError):
        Template.tspe(attribute, source)


@pytest.mark.parametrize(
    "template",
    [
        Template("the sound of {label}"),
        Template("A faint sound of {label}"),  # nothing recorded
        Template("A faint sound of {label}", attribute="loud"),
        Template("I hear a faint {label}", attribute="faint"),
    ],
)
def test_free_wording_has_no_format(template: Template) -> None:
    assert template.format is None


plain_texts = st.text(st.characters(exclude_characters="{}"), max_size=60)
templates = st.builds(lambda before, after: Template(before + SLOT + after), plain_texts, plain_texts)


@given(plain_texts, plain_texts, st.text())
@example("A ", "", "owl")
@example("an", "", "\ud800")
def test_any_label_stands_where_the_slot_was(before: str, after: str, label: str) -> None:
    before, after = before + " of ", " " + after + "."
    prompt = Template(before + SLOT + after).fill(label)
    assert prompt == one_line(before + SLOT).removesuffix(SLOT) + one_line(label) + one_line(SLOT + after)[len(SLOT) :]


@given(templates, st.text())
def test_filling_changes_nothing_but_an_article(template: Template, label: str) -> None:
    before, after = template.text.split(SLOT)
    prompt = template.fill(label)
    tail = one_line(label) + after
    assert prompt.endswith(tail)
    head = prompt[: len(prompt) - len(tail)]
    assert head == before or head.rstrip(" \"'(\u2018\u201c").lower().endswith(("a", "an"))
    prompt.encode()  # no text that a tokenizer would choke on


@given(templates)
def test_open_clips_string_reads_back(template: Template) -> None:
    assert Template.parse(template.as_string()) == template
    assert template.as_string().format("dog") == template.text.replace(SLOT, "dog")


@given(st.text())
def test_one_line_is_settled_at_once(text: str) -> None:
    line = one_line(text)
    assert one_line(line) == line == line.strip()
    assert "\n" not in line


@given(st.text())
def test_every_phrase_has_an_article(phrase: str) -> None:
    assert indefinite_article(phrase) in ("a", "an")
