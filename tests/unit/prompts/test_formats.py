"""Packs in other tools' forms and back: nothing lost, nothing that a spreadsheet or a browser would run."""

import ast
import csv
import doctest
import io
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from audioprompt.prompts import formats
from audioprompt.prompts.difference import compare_templates
from audioprompt.prompts.formats import PACK_FORMATS, read_pack
from audioprompt.prompts.formats.csv import defuse, restore
from audioprompt.prompts.formats.csv import write as as_csv
from audioprompt.prompts.formats.list import write as as_list
from audioprompt.prompts.formats.report import write as as_report
from audioprompt.prompts.formats.text import write as as_lines
from audioprompt.prompts.history import decide, record, record_test
from audioprompt.prompts.pack import (
    MAX_BYTES,
    Exchange,
    Measurement,
    PackEntry,
    PackError,
    PromptPack,
    Provenance,
    pack_from_templates,
)
from audioprompt.prompts.store import BUNDLED
from audioprompt.prompts.template import Template
from audioprompt.settings import bundled_store_folder
from tests.curating import undo
from tests.plugins import install

NOON = datetime(2026, 11, 21, 12, 30, 5, 250, tzinfo=timezone.utc)
SHIPPED = [bundled_store_folder() / f"{pack_id}.json" for pack_id in sorted(BUNDLED)]
LOUD, SOFT = "A loud sound of {label}", "A soft sound of {label} can be heard coming from a hall"
FORMULA = "=cmd|' /C calc'!A0"
MARKUP = (
    "<img src=x onerror=alert(1)> | [x](javascript:alert(1)) `a` *b* _c_ ![d](e) \\| &lt; https://e.org www.e.org #"
)


def measurement(accuracy: float, **changes: Any) -> Measurement:
    fields: dict[str, Any] = {"model": "embedded", "revision": "ab12", "data": "mine", "split": "fold 1", "n": 40}
    return Measurement(**fields | changes, accuracy=accuracy)


@pytest.fixture
def pack() -> PromptPack:
    """Decided on by several people, measured in two ways, tested once."""
    templates = [Template.tspe("loud"), Template.tspe("soft", "hall"), Template("hear {label}, “鐘”")]
    pack = PromptPack(
        id="my-pack",
        title="My pack",
        description="Bells. And more",
        category="impact_emergency",
        provenance=Provenance(generator="lexicon", settings={"seed": 3}),
        entries=tuple(PackEntry(template=template) for template in templates),
    )
    pack = record(pack, {LOUD: measurement(0.625), SOFT: measurement(0.1)}, "ada", NOON)
    pack = record(pack, {SOFT: measurement(0.5, data="a|b", split='the "rest"', n=7)}, "ada", NOON)
    pack = decide(pack, [LOUD, templates[2].text], "approved", "ada", NOON, "clear")
    pack = undo(decide(pack, [LOUD], "rejected", "bob", NOON), "bob", NOON)
    pack = decide(pack, [SOFT], "rejected", "bob", NOON, FORMULA)
    return record_test(pack, measurement(0.75, split="fold 3"), "ada", NOON)


def test_doctest() -> None:
    assert doctest.testmod(formats).failed == 0


# --- lists of templates -----------------------------------------------------------------------------------------------


def test_the_plain_list_is_json_and_python_alike(pack: PromptPack) -> None:
    text = as_list(pack)
    assert json.loads(text) == ast.literal_eval(text) == ["A loud sound of {}", "hear {}, “鐘”"]
    assert [string.format("owl") for string in ast.literal_eval(text)] == ["A loud sound of owl", "hear owl, “鐘”"]


def test_one_template_a_line(pack: PromptPack) -> None:
    assert as_lines(pack) == "A loud sound of {}\nhear {}, “鐘”\n"


@pytest.mark.parametrize("form", ["list", "text"])
def test_lists_come_back_as_approved_templates(pack: PromptPack, form: str) -> None:
    content, suffix = PACK_FORMATS[form].write(pack).encode(), PACK_FORMATS[form].suffix
    back = read_pack(content, f"Bells{suffix}")
    assert back.as_strings() == pack.as_strings()
    assert back.provenance == Provenance(generator="imported", settings={"file": f"Bells{suffix}"})


MANY = "a recording of many {}."


@pytest.mark.parametrize(
    ("content", "name", "strings"),
    [
        ('["the sound of {}", "{label} noise"]', "x.json", ["the sound of {}", "{} noise"]),
        ('\n [ "the sound of {}" ]', "x.txt", ["the sound of {}"]),
        ("{}\nthe sound of {}", "x.txt", ["{}", "the sound of {}"]),
        ("{label} noise\r\n\r\n  I hear {}  \r\n", "x", ["{} noise", "I hear {}"]),
        ("[noise] {}\n", "x.txt", ["[noise] {}"]),
        ("\ufeffthe sound of {}", "x.txt", ["the sound of {}"]),
        ("a template of {}", "x.txt", ["a template of {}"]),
        ("a template, of {}", "x.txt", ["a template, of {}"]),
        ("template\nthe sound of {}", "x.csv", ["the sound of {}"]),
        ("Template;Note\nthe sound of {};-\n{label} noise;x\n", "x.csv", ["the sound of {}", "{} noise"]),
        ('"note"\t"template"\n1\t"a, b {}"\n\n', "x.txt", ["a, b {}"]),
        ("'a bad recording of a {}.',\n'a recording of many {}.',\n", "x.txt", ["a bad recording of a {}.", MANY]),
        ("['a bad recording of a {}.',\n 'a recording of many {}.',]", "x.txt", ["a bad recording of a {}.", MANY]),
        ('["a bad recording of a {}.", "a recording of many {}.",]', "x.json", ["a bad recording of a {}.", MANY]),
        ("templates = [\n  'a {c}', # bad\n  f'b {c}',\n]\n", "x.py", ["a {}", "b {}"]),
        ("# open_clip\nTEMPLATES = (\n  lambda c: f'a {c}.',\n  lambda c: f'b {c}.',\n)", "x.py", ["a {}.", "b {}."]),
        ("mine = ['a sound'\n        ' of {class}']", "x.py", ["a sound of {}"]),
        ("1. a sound of {}\n2. {} noise\n", "x.txt", ["a sound of {}", "{} noise"]),
        ("1) a {classname}\n10) b %s\n", "x", ["a {}", "b {}"]),
        ("- a sound of <label>\n* {} noise\n\u2022 \u201cc {}\u201d\n", "x.md", ["a sound of {}", "{} noise", "c {}"]),
        ("```\na {}\nb {}\n```\n", "x.md", ["a {}", "b {}"]),
        ('{"templates": ["a {}", "b {label}"]}', "x.json", ["a {}", "b {}"]),
        ('[{"prompt": "a {c}"}, {"prompt": "b {c}"}]', "x.json", ["a {}", "b {}"]),
        ("prompt,by\na {class},ada\n", "x.csv", ["a {}"]),
        ("status,template\napproved,{} a\nrejected,{} b\n,{} c\n Approved ,{} d", "x.csv", ["{} a", "{} d"]),
    ],
)
def test_what_people_bring(content: str, name: str, strings: list[str]) -> None:
    assert read_pack(content.encode(), name).as_strings() == strings


@pytest.mark.parametrize(
    ("name", "pack_id", "title"),
    [
        ("My Bells (2).txt", "my-bells-2", "My Bells (2)"),
        ("C:\\Users\\ada\\Glöckchen.csv", "glockchen", "Glöckchen"),
        ("/home/ada/鐘.txt", "imported", "鐘"),
        ("../../etc/passwd", "passwd", "passwd"),
        ("", "file", "file"),
        ("a" * 300 + ".txt", "a" * 64, "a" * 200),
        ("b" * 63 + "--c", "b" * 63, "b" * 63 + "--c"),
    ],
)
def test_a_pack_is_called_after_its_file_without_the_folder(name: str, pack_id: str, title: str) -> None:
    back = read_pack(b"the sound of {}", name)
    assert (back.id, back.title) == (pack_id, title)
    assert "ada" not in back.to_json()


# --- packs ------------------------------------------------------------------------------------------------------------


def test_a_packs_json_comes_back_as_it_was(pack: PromptPack) -> None:
    assert read_pack(PACK_FORMATS["json"].write(pack).encode(), "whatever.txt") == pack


def test_every_form_has_a_name_of_its_own() -> None:
    assert list(PACK_FORMATS.names) == ["json", "list", "text", "csv", "report"]
    assert len({export.suffix for export in PACK_FORMATS}) == len(PACK_FORMATS)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_packs_that_come_along_come_back_from_every_form(path: Path) -> None:
    pack = read_pack(path.read_bytes(), path.name)
    for form in ("json", "list", "text", "csv"):
        back = read_pack(PACK_FORMATS[form].write(pack).encode(), pack.id + PACK_FORMATS[form].suffix)
        assert back.as_strings() == pack.as_strings()
    assert read_pack(as_csv(pack).encode(), "x.csv").entries == pack.entries


# --- tables -----------------------------------------------------------------------------------------------------------


def test_a_table_comes_back_with_its_decisions_and_figures(pack: PromptPack) -> None:
    assert read_pack(as_csv(pack).encode(), "x.csv").entries == pack.entries


def test_a_table_as_a_spreadsheet_saves_it_again_elsewhere(pack: PromptPack) -> None:
    """With semicolons, decimal commas, a byte order mark, and a column added."""
    rows = list(csv.reader(io.StringIO(as_csv(pack), newline="")))
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";")
    for row in rows:
        writer.writerow([*(cell.replace("0.", "0,") if cell.startswith("0.") else cell for cell in row), "a note"])
    assert read_pack(b"\xef\xbb\xbf" + out.getvalue().encode(), "x.csv").entries == pack.entries


def test_figures_are_numbers_to_a_spreadsheet(pack: PromptPack) -> None:
    titles, loud, *_ = csv.reader(io.StringIO(as_csv(pack), newline=""))
    assert titles[:7] == ["template", "attribute", "source", "status", "decided by", "decided at", "reason"]
    assert titles[7:] == ["accuracy|embedded|ab12|mine|fold 1|40", 'accuracy|embedded|ab12|"a|b"|"the ""rest"""|7']
    assert ",0.625," in as_csv(pack) and float(loud[7]) == 0.625 and loud[8] == ""


DANGEROUS = "=+-@\t\r\n＝＋－＠"  # noqa: RUF001
nasty = st.text(st.sampled_from(DANGEROUS + "'\";,| a{}鐘"), max_size=12) | st.text(max_size=30)


@given(nasty)
def test_no_cell_is_a_formula_and_each_comes_back(text: str) -> None:
    defused = defuse(text)
    assert not defused or defused[0] not in DANGEROUS
    assert restore(defused) == text


@given(st.lists(nasty, min_size=1, max_size=5), nasty, nasty)
def test_any_texts_come_back_from_a_table(texts: list[str], who: str, reason: str) -> None:
    plain = [text.replace("{", "").replace("}", "") for text in texts]
    templates = {template.text: template for template in (Template(f"{text} {{label}}") for text in plain)}
    pack = PromptPack(
        id="x",
        title="x",
        provenance=Provenance(generator="g"),
        entries=tuple(PackEntry(template=Template(text, who)) for text in templates),
    )
    pack = decide(pack, list(templates), "rejected", f"{who}.", NOON, reason)
    pack = record(pack, {next(iter(templates)): measurement(0.3, data=f"{who}|")}, "ada")
    table = as_csv(pack)
    assert read_pack(table.encode(), "x.csv").entries == pack.entries
    for row in csv.reader(io.StringIO(table, newline="")):
        assert not any(cell and cell[0] in DANGEROUS for cell in row)


@pytest.mark.parametrize("name", ["who", "reason", "template"])
def test_a_formula_is_defused_wherever_it_stands(pack: PromptPack, name: str) -> None:
    if name == "template":
        pack = pack.model_copy(update={"entries": (PackEntry(template=Template(FORMULA + "{label}")),)})
    else:
        texts = {"who": "ada", "reason": None} | {name: FORMULA}
        pack = decide(pack, [LOUD], "rejected", texts["who"] or "", reason=texts["reason"])
    assert f"\"'{FORMULA}" in as_csv(pack) and f'"{FORMULA}' not in as_csv(pack)
    assert read_pack(as_csv(pack).encode(), "x.csv").entries == pack.entries


# --- what is no pack --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "x.txt", "x.txt: there are no templates in it, give at least one"),
        (b"\n \n", "x", "x: there are no templates in it"),
        (b"[]", "x.json", "x.json: there are no templates in it"),
        (b"template,status\n", "x.csv", "x.csv: there are no templates in it"),
        (b"", "x.json", "x.json: not valid JSON"),
        (b"{}", "x.json", "x.json: id is missing"),
        (b'{\n "id": "x",\n}', "x.txt", "x.txt: not valid JSON, .* line 3"),
        (b'["a {}",\n"b', "x.json", "x.json: not valid JSON, .*line 2"),
        (b"['a {}'", "x.txt", "x.txt: not valid JSON"),
        (b"['a {}', 5]", "x.py", "x.py: every item of the list must be a template in quotes"),
        (b"['a {c} of {d}']", "x.py", "x.py, item 1: The template 'a {c} of {d}' has '{c}'"),
        (b"1. a {}\n2. b", "x.txt", "x.txt, line 2: The template 'b' has no slot"),
        (b"[1]", "x.json", "x.json: every item of the list must be a template in quotes"),
        (b"[" * 100_000, "x.json", "x.json: not valid JSON"),
        (b'["a {}", "b"]', "x.json", "x.json, item 2: The template 'b' has no slot"),
        (b"a {}\n\nb", "/etc/x.txt", "^x.txt, line 3: The template 'b' has no slot"),
        (b"a {}\na  {}", "x.txt", "x.txt: entries must not hold the template 'a {label}' twice"),
        (b"template\na {}\nb", "x.csv", "x.csv, line 3: The template 'b' has no slot"),
        (b"\n\ntemplate,status\n\na {},no\n", "x.csv", "x.csv, line 5: status must be"),
        (b"template,status\na {},liked\n", "x.csv", "x.csv, line 2: status must be 'candidate', 'approved'"),
        (b"template,decided at\na {},yesterday\n", "x.csv", "x.csv, line 2: decided_at must be a valid datetime"),
        (b"template,accuracy|m|r|d|s|40\na {},lots\n", "x.csv", "x.csv, line 2: accuracy must be a valid number"),
        (b"template,accuracy|m|r|d|s|40\na {},62.5\n", "x.csv", "x.csv, line 2: accuracy must be less"),
        (b'template,status\n"a {},candidate\n', "x.csv", "x.csv, line 2: not valid CSV .*save it as CSV"),
        (b"template,note\na {}," + b"x" * 200_000, "x.csv", "x.csv, line 2: not valid CSV .*field larger"),
        (b"\x89PNG\r\n\x1a\n", "x.png", "x.png: not UTF-8 text, so neither"),
        (b" " * (MAX_BYTES + 1), "x.txt", "x.txt: too long for a pack"),
    ],
)
def test_bad_files_are_told_in_words(content: bytes, name: str, message: str) -> None:
    with pytest.raises(PackError, match=message.replace("{", r"\{")) as caught:
        read_pack(content, name)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


@given(st.binary(max_size=200) | nasty.map(str.encode), st.sampled_from(["x.json", "x.csv", "x"]))
def test_any_bytes_are_a_pack_or_a_pack_error(content: bytes, name: str) -> None:
    for head in (b"", b"template,status,accuracy|a|b|c|d|1\n"):
        try:
            back = read_pack(head + content, name)
        except PackError:
            continue
        assert back.entries and PromptPack.from_json(back.to_json()) == back


# --- the report -------------------------------------------------------------------------------------------------------


def cells(report: str) -> list[str]:
    """The text of every cell of a report's tables, as a reader sees it."""
    tokens = MarkdownIt("commonmark").enable("table").parse(report)
    opened = [i for i, token in enumerate(tokens) if token.type in ("th_open", "td_open")]
    return ["".join(part.content for part in tokens[i + 1].children or []) for i in opened]


def test_report(pack: PromptPack) -> None:
    report = as_report(pack)
    for line in [
        "# My pack",
        "- **For:** Bells. And more",
        "- **Task:** Impact and emergency sounds",
        "- **Pack:** `my-pack`",
        "- **Written by:** lexicon",
        '- **Settings:** `{"seed": 3}`',
        "- **Templates:** 3: 2 approved, 1 rejected, 0 candidates",
        "- **Scores on held-out clips:** 75.0 % on mine, fold 3 (40 clips) with embedded ab12",
        "Accuracy of each template alone, on mine, fold 1 (40 clips) with embedded ab12:",
        '    x-axis "template, by its number in the table" [1, 2]',
        '    y-axis "right, %" 10 --> 70',
        "    bar [62.5, 10.0]",
        "| ada | approved | 2 | 2026-11-21 | 2026-11-21 |",
        "| bob | undo | 1 | 2026-11-21 | 2026-11-21 |",
    ]:
        assert line in report.splitlines()
    assert cells(report)[:8] == [
        "",
        "Template",
        "Status",
        "mine, fold 1 (40 clips) with embedded ab12",
        'a|b, the "rest" (7 clips) with embedded ab12',
        "Decided by",
        "When",
        "Why",
    ]
    assert cells(report)[8:24] == [
        *("1", LOUD, "approved", "62.5 %", "", "ada", "2026-11-21", "clear"),
        *("2", SOFT, "rejected", "10.0 %", "50.0 %", "bob", "2026-11-21", FORMULA),
    ]


def test_a_report_quotes_requests_and_answers_whatever_is_in_them(pack: PromptPack) -> None:
    said = Exchange(request="Write\n# two", answer="```\n````\n| [a](https://e.org) | <b>", model="a|b\n# c")
    origin = pack.provenance.model_copy(update={"exchanges": (said,)})
    report = as_report(pack.model_copy(update={"provenance": origin}))
    assert report.startswith(as_report(pack).rstrip("\n"))
    tokens = MarkdownIt("commonmark").enable("table").parse(report)
    assert [token.content for token in tokens if token.type == "fence"][-2:] == [
        f"{said.request}\n",
        f"{said.answer}\n",
    ]
    assert cells(report) == cells(as_report(pack))
    assert [token.content for token in tokens if token.type == "inline"][-3:] == [
        "Requests and answers",
        "Request 1:",
        r"Answer of a&#124;b \# c:",
    ]


def test_report_of_a_pack_that_nobody_touched() -> None:
    report = as_report(read_pack(b"the sound of {}", "x.txt"))
    assert "Nothing was changed since the pack was written." in report
    assert "- **Scores on held-out clips:** none" in report
    assert cells(report) == [
        "",
        "Template",
        "Status",
        "Decided by",
        "When",
        "Why",
        "1",
        "the sound of {label}",
        "approved",
        *[""] * 3,
    ]


def test_a_report_shows_other_peoples_text_as_it_is(pack: PromptPack) -> None:
    text = MARKUP.replace("{", "").replace("}", "")
    entry = PackEntry(template=Template(text + "{label}"))
    pack = pack.model_copy(
        update={"title": MARKUP, "description": MARKUP, "licence": MARKUP, "entries": (entry, *pack.entries)}
    )
    pack = decide(pack, [entry.template.text], "rejected", MARKUP, NOON, MARKUP)
    pack = record(pack, {LOUD: measurement(0.5, data=MARKUP)}, MARKUP)
    report = as_report(pack)
    tokens = MarkdownIt("commonmark").enable("table").parse(report)
    inline = [part for token in tokens for part in token.children or []]
    kinds = {part.type for part in inline} | {token.type for token in tokens}
    assert not kinds & {"html_inline", "html_block", "link_open", "em_open", "s_open", "image", "code_block"}
    charts = [token for token in tokens if token.type == "fence"]
    assert {chart.info for chart in charts} == {"mermaid"} and not any(MARKUP in chart.content for chart in charts)
    assert tokens[1].content and "".join(part.content for part in tokens[1].children or []) == MARKUP
    shown = cells(report)
    assert text + "{label}" in shown and shown.count(MARKUP) >= 3
    assert "https://e.org" not in report and "www.e.org" not in report, "GitHub makes links of addresses"


@given(nasty, nasty)
def test_any_text_stays_in_its_cell(text: str, who: str) -> None:
    entry = PackEntry(template=Template(text.replace("{", "").replace("}", "") + "{label}"))
    pack = PromptPack(id="x", title="x", provenance=Provenance(generator="g"), entries=(entry,))
    pack = decide(pack, [entry.template.text], "rejected", f"a{who}", NOON)
    shown = cells(as_report(pack))
    assert len(shown) == 2 * 6 + 2 * 5
    assert shown[7] == entry.template.text


# --- comparing --------------------------------------------------------------------------------------------------------


def test_difference() -> None:
    old = read_pack(b"template,status\n{} a,approved\n{} b,candidate\n{} c,approved\n{} d,rejected", "x.csv")
    new = read_pack(b"template,status\n{} e,candidate\n{} d,approved\n{} a,approved\n{} b,rejected", "x.csv")
    found = compare_templates(old, new)
    assert found.added == (("{label} e", "candidate"),)
    assert found.removed == (("{label} c", "approved"),)
    assert found.changed == (("{label} d", "rejected", "approved"), ("{label} b", "candidate", "rejected"))
    assert str(found).splitlines() == [
        "- {label} c  (approved)",
        "+ {label} e  (candidate)",
        "~ {label} d  (rejected -> approved)",
        "~ {label} b  (candidate -> rejected)",
    ]
    assert found


def test_no_difference(pack: PromptPack) -> None:
    found = compare_templates(pack, pack)
    assert not found and str(found) == "the same templates with the same status"


# --- formats of other packages ----------------------------------------------------------------------------------------

SHOUTED = """
from audioprompt.prompts.formats import PackFormat
from audioprompt.prompts.pack import pack_from_templates

def read(text, name):
    return pack_from_templates(text.lower().splitlines()[1:]) if text.startswith("SHOUTED") else None

def write(pack):
    return "\\n".join(["SHOUTED", *pack.as_strings()]).upper()

SHOUTED = PackFormat("shouted", "Shouted", "In capitals.", ".up", write, read)
"""


def test_another_package_adds_a_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "audioprompt.formats", {"shouted": "others:SHOUTED"}, SHOUTED)
    PACK_FORMATS.look_again()
    try:
        written = PACK_FORMATS["shouted"].write(pack_from_templates(["the sound of {}"]))
        assert written == "SHOUTED\nTHE SOUND OF {}"
        assert read_pack(written.encode(), "x.up").as_strings() == ["the sound of {}"]
    finally:
        PACK_FORMATS.look_again()
