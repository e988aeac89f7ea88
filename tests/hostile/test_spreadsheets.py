"""Tables that are exported run nothing in a spreadsheet, however it cuts them into cells, and come back unchanged."""

import csv
import io
import re

import pytest

from audioprompt.prompts.formats import read_pack
from audioprompt.prompts.formats.csv import write as as_csv
from audioprompt.prompts.history import decide, record
from audioprompt.prompts.pack import Measurement, PackEntry, PromptPack, Provenance
from audioprompt.prompts.template import Template

SIGNS = "=+-@\t\r\uff1d\uff0b\uff0d\uff20"
FORMULAS = [
    *(f"{sign}1+1" for sign in SIGNS),
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://127.0.0.1:9/?x="&A1,"owl")',
    "'=1+1",
    "''=1+1",
    *(f"owl{separator}{space}{sign}1+1" for separator in ",;|\t" for space in ("", "  ") for sign in "=@\uff1d"),
    'owl "=1+1"',
    'owl;"=1+1"',
    'owl";=1+1;"',
    "owl;'=1+1",
    "a, -5 dB; -6 dB",
]


def pack_of(text: str) -> PromptPack:
    """A pack with a text wherever a table has room for one, headings included."""
    pack = PromptPack(
        id="x",
        title="x",
        provenance=Provenance(generator="x"),
        entries=(PackEntry(template=Template(f"{text} {{label}}", text, text)),),
    )
    figure = Measurement(model=text, revision=text, data=text, split=text, n=3, accuracy=0.5)
    (template,) = (entry.template.text for entry in pack.entries)
    return decide(record(pack, {template: figure}, "ada"), [template], "rejected", text, reason=text)


@pytest.mark.parametrize("text", FORMULAS)
def test_a_table_comes_back_as_it_was(text: str) -> None:
    pack = pack_of(text)
    assert read_pack(as_csv(pack).encode(), "x.csv").entries == pack.entries


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("delimiter", ",;\t|")
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_NONE])
def test_no_cell_is_a_formula_wherever_a_spreadsheet_cuts(text: str, delimiter: str, quoting: int) -> None:
    """In some countries a spreadsheet expects semicolons; quotation marks in a table of commas mean nothing then."""
    table = io.StringIO(as_csv(pack_of(text)), newline="")
    for cells in csv.reader(table, delimiter=delimiter, quoting=quoting):  # type: ignore[arg-type]
        for cell in cells:
            assert cell.strip(' "')[:1] not in [*SIGNS] or not cell.strip(' "'), cell


def test_what_is_no_formula_stays_as_it_is() -> None:
    for text in ("a well-known owl", "an owl (5 = five)", "owls, 3-4 of them", "it's an owl's"):
        assert re.search(f'"{re.escape(text)} ', as_csv(pack_of(text)))
