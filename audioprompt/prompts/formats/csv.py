"""All templates of a pack as a table for spreadsheets, with the decisions on them and what was measured.

Templates, names and reasons are other people's text: none is written so that a spreadsheet would run it as a formula.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence

from pydantic import ValidationError

from audioprompt.prompts.formats.base import PackFormat, limit, make_pack
from audioprompt.prompts.formats.measurements import Kind, kind_of, kinds_of
from audioprompt.prompts.pack import MAX_KINDS, Measurement, PackEntry, PackError, PromptPack
from audioprompt.prompts.template import Template, TemplateError
from audioprompt.util.schema import explain

COLUMNS = ("template", "attribute", "source", "status", "decided by", "decided at", "reason")
MAX_COLUMNS = 2 * MAX_KINDS  # of a table that is read; people add their own
MAX_HEADING = 1_000 * MAX_COLUMNS  # characters of it that are looked at
ACCURACY = "accuracy"  # begins the heading of a column of measurements, accuracy|model|revision|data|split|clips

# Where a spreadsheet would begin a formula, the full-width signs of Asian keyboards included: in front of a text, and
# behind whatever separates cells elsewhere. A spreadsheet that expects semicolons minds only the first quotation mark
# of a line, and cuts the texts behind it at theirs.
_CELL, _SIGN = r"(^|(?<=[,;|\t\"]))( *)", r"(?='*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])"
_FORMULA, _DEFUSED = re.compile(_CELL + _SIGN), re.compile(_CELL + "'" + _SIGN)


def write(pack: PromptPack) -> str:
    """Write all templates as a table with the decisions on them and a column for each kind of measurement.

    What a spreadsheet would run as a formula gets an apostrophe in front, which ``read`` takes away again.
    """
    kinds = kinds_of(pack.entries)
    table = io.StringIO()
    writer = csv.writer(table, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow([*COLUMNS, *(defuse(_write_heading(kind)) for kind in kinds)])
    for entry in pack.entries:
        template, decided_at = entry.template, entry.decided_at.isoformat() if entry.decided_at else None
        texts = (template.text, template.attribute, template.source, entry.status)
        decision = (entry.decided_by, decided_at, entry.reason)
        figures = {kind_of(figure): figure.accuracy for figure in entry.measured}
        cells = [defuse(text or "") for text in (*texts, *decision)]
        writer.writerow([*cells, *(figures.get(kind, "") for kind in kinds)])
    return table.getvalue()


def read(text: str, name: str) -> PromptPack | None:
    """Read a table as ``write`` makes it; all columns but that of the templates may be missing."""
    first = next((line for line in text.splitlines() if line.strip()), "")[:MAX_HEADING]
    delimiter = _find_delimiter(first)
    if "template" not in _name_columns(first.split(delimiter)):
        return None
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    filled = (list(map(restore, cells)) for cells in rows if any(cell.strip() for cell in cells))
    try:
        titles = next(filled)
        if len(titles) > MAX_COLUMNS:
            raise PackError(f"{name}: over {MAX_COLUMNS:,} columns: leave out those that are not about the templates.")
        headings, kinds = _name_columns(titles), [_read_heading(title) for title in titles]
        entries = []
        for cells in limit(filled, name):
            figures = [
                Measurement.model_validate({**kind, "accuracy": cell.replace(",", ".")})  # 0,625 is 0.625 to many
                for kind, cell in zip(kinds, cells, strict=False)
                if kind and cell
            ]
            entries.append(_make_entry(dict(zip(headings, cells, strict=False)), figures))
    except csv.Error as error:
        raise PackError(f"{name}, line {rows.line_num}: not valid CSV ({error}): save it as CSV.") from error
    except TemplateError as error:
        raise PackError(f"{name}, line {rows.line_num}: {error}") from error
    except ValidationError as error:
        raise PackError(f"{name}, line {rows.line_num}: {explain(error)}") from error
    return make_pack(entries, name)


def _make_entry(row: Mapping[str, str], figures: Sequence[Measurement]) -> PackEntry:
    """Make an entry of a row of a table, by its columns' headings."""
    decision = {key: row.get(key.replace("_", " ")) or None for key in ("decided_by", "decided_at", "reason")}
    template = Template(
        Template.parse(row.get("template", "")).text, row.get("attribute") or None, row.get("source") or None
    )
    status = row.get("status", "approved").strip().lower() or "candidate"
    return PackEntry.model_validate({"template": template, "status": status, "measured": tuple(figures)} | decision)


def _write_heading(kind: Kind) -> str:
    """Write the heading of a column of measurements, which ``_read_heading`` reads."""
    title = io.StringIO()
    csv.writer(title, delimiter="|", lineterminator="").writerow([ACCURACY, *kind])
    return title.getvalue()


def _read_heading(title: str) -> dict[str, str]:
    """Read what a column's heading says of its measurements; nothing if it holds something else."""
    first, *parts = next(csv.reader([title], delimiter="|"), None) or [""]
    names = ("model", "revision", "data", "split", "n")
    return dict(zip(names, parts, strict=True)) if first == ACCURACY and len(parts) == len(names) else {}


def _find_delimiter(line: str) -> str:
    """Find what separates the cells of a heading: names of data in it may hold any of these as well."""
    fitting = [delimiter for delimiter in ",;\t" if "template" in _name_columns(line.split(delimiter))]
    return max(fitting or ",;\t", key=line.count)


def _name_columns(titles: Iterable[str]) -> list[str]:
    found = [title.strip(" \"'").lower() for title in titles]
    return found if "template" in found else ["template" if title in _ALSO_TEMPLATE else title for title in found]


_ALSO_TEMPLATE = ("templates", "prompt", "prompts")


def defuse(text: str) -> str:
    """Write a text so that no spreadsheet takes it for a formula."""
    return _FORMULA.sub(r"\2'", text)


def restore(text: str) -> str:
    """Return the text that was defused."""
    return _DEFUSED.sub(r"\2", text) if "'" in text else text


CSV = PackFormat("csv", "Table", "All prompts as a table, with decisions and measured accuracies.", ".csv", write, read)
