"""Packs in the forms other tools take, and back: JSON, plain templates, a table for spreadsheets, a report to read.

    >>> from audioprompt.prompts.pack import pack_from_templates
    >>> pack = pack_from_templates(["the sound of {}", "{} noise"])
    >>> print(EXPORTS["text"].write(pack), end="")
    the sound of {}
    {} noise
    >>> read_pack(b"the sound of {}\\nI hear {}\\n", "mine.txt").id
    'mine'

Templates, names and reasons are other people's text: a table holds none that a spreadsheet would run as a formula, a
report none that would turn into links, pictures or HTML.
"""

import ast
import csv
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil, floor
from pathlib import PurePath
from types import MappingProxyType
from typing import TypeVar

from pydantic import ValidationError

from audioprompt.prompts.history import DECIDE, TEST
from audioprompt.prompts.pack import (
    CATEGORIES,
    MAX_BYTES,
    MAX_KINDS,
    MAX_TEMPLATES,
    HistoryEvent,
    Measurement,
    PackEntry,
    PackError,
    PromptPack,
    Provenance,
    Status,
    in_plain_words,
)
from audioprompt.prompts.template import Template, TemplateError
from audioprompt.util.markdown import code, plain
from audioprompt.util.text import one_line, undecorated

COLUMNS = ("template", "attribute", "source", "status", "decided by", "decided at", "reason")
MAX_COLUMNS = 2 * MAX_KINDS  # of a table that is read; people add their own
MAX_HEADING = 1_000 * MAX_COLUMNS  # characters of it that are looked at
ACCURACY = "accuracy"  # begins the heading of a column of measurements, accuracy|model|revision|data|split|clips

T = TypeVar("T")
Kind = tuple[str, str, str, str, int]  # of a measurement: its model, revision, data, split and number of clips

# Where a spreadsheet would begin a formula, the full-width signs of Asian keyboards included: in front of a text, and
# behind whatever separates cells elsewhere. A spreadsheet that expects semicolons minds only the first quotation mark
# of a line, and cuts the texts behind it at theirs.
_CELL, _SIGN = r"(^|(?<=[,;|\t\"]))( *)", r"(?='*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])"
_FORMULA, _DEFUSED = re.compile(_CELL + _SIGN), re.compile(_CELL + "'" + _SIGN)


# --- writing ----------------------------------------------------------------------------------------------------------


def as_list(pack: PromptPack) -> str:
    """The approved templates as a list of ``"... {} ..."`` strings, JSON and Python alike."""
    return json.dumps(pack.as_strings(), indent=4, ensure_ascii=False) + "\n"


def as_lines(pack: PromptPack) -> str:
    """The approved templates as ``... {} ...``, one on each line."""
    return "".join(line + "\n" for line in pack.as_strings())


def as_csv(pack: PromptPack) -> str:
    """All templates as a table with the decisions on them and a column for each kind of measurement.

    What a spreadsheet would run as a formula gets an apostrophe in front, which ``read_pack`` takes away again.
    """
    kinds = _kinds(pack.entries)
    table = io.StringIO()
    writer = csv.writer(table, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow([*COLUMNS, *(_defused(_column(kind)) for kind in kinds)])
    for entry in pack.entries:
        template, decided_at = entry.template, entry.decided_at.isoformat() if entry.decided_at else None
        texts = (template.text, template.attribute, template.source, entry.status)
        decision = (entry.decided_by, decided_at, entry.reason)
        figures = {_kind(figure): figure.accuracy for figure in entry.measured}
        cells = [_defused(text or "") for text in (*texts, *decision)]
        writer.writerow([*cells, *(figures.get(kind, "") for kind in kinds)])
    return table.getvalue()


def as_report(pack: PromptPack) -> str:
    """A pack for people, in Markdown: where it comes from, what was decided and why, and how well the templates do.

    Plots are Mermaid charts, which stand in the text itself and which GitHub, GitLab and many editors draw.
    """
    parts = [
        f"# {plain(pack.title)}",
        "\n".join(f"- {fact}" for fact in _facts(pack)),
        "## Templates",
        _template_table(pack.entries),
        *_accuracy_charts(pack.entries),
        "## History",
        _history_table(pack.history) if pack.history else "Nothing was changed since the pack was written.",
    ]
    return "\n\n".join(parts) + "\n"


@dataclass(frozen=True)
class Export:
    """A form a pack can be written in: what its file's name ends with, and the function that writes it."""

    suffix: str
    write: Callable[[PromptPack], str]


EXPORTS: Mapping[str, Export] = MappingProxyType(
    {
        "json": Export(".json", PromptPack.to_json),
        "list": Export("-templates.json", as_list),
        "text": Export(".txt", as_lines),
        "csv": Export(".csv", as_csv),
        "report": Export(".md", as_report),
    }
)


# --- reading ----------------------------------------------------------------------------------------------------------


def read_pack(content: bytes, name: str) -> PromptPack:
    """Read a pack from what a person brings: a pack's JSON, a list in JSON or Python, a table, or a template a line.

    Templates mark their slot as `Template.parse` reads it. Where nothing is said about their status they are approved:
    someone chose them. A pack that is not from a pack's JSON is called after the file.

    Args:
        content: of the file.
        name: of the file.

    Raises:
        PackError: there is no pack in it; the message names the file and says where it is wrong and how.
    """
    name = one_line(PurePath(name.replace("\\", "/")).name) or "file"
    if len(content) > MAX_BYTES:
        raise PackError(f"{name}: too long for a pack, keep it under {MAX_BYTES // 1_000_000} MB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PackError(f"{name}: not UTF-8 text, so neither a pack nor a list of templates") from None
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")[:MAX_HEADING]
    is_json = name.lower().endswith(".json")
    if (
        re.match(r"\s*\[" if is_json else _LIST, text)
        and (listed := _listed(text, name, of_lines=not is_json)) is not None
    ):
        return _from_templates(listed, name)
    if is_json or re.match(r'\s*\{\s*"', text):
        held = _held_list(text)
        return PromptPack.from_json(text, name) if held is None else _from_templates(_numbered(held, name), name)
    if "template" in _headings(first.split(_delimiter(first))):
        return _from_csv(text, _delimiter(first), name)
    templates = enumerate(lines, 1)
    return _from_templates(
        ((f"line {n}", _CODE.sub("", line)) for n, line in templates if not _NO_TEMPLATE.fullmatch(line)), name
    )


# A list of JSON or Python, given a name or not. The comments are bounded, for each takes memory while this is matched.
_COMMENTS = r"\s*(?:#.*\n\s*){0,99}"
_LIST = rf"{_COMMENTS}(?:\w+\s*=\s*)?[\[(]{_COMMENTS}[\"'\]]"
# Lines between the templates of a Python list or of Markdown: blank, only brackets, comments, fences.
_NO_TEMPLATE = re.compile(r"\s*(?:(?:\w+\s*=\s*)?[\[\](),]*|#[^{%<]*|```\w*)\s*")
# In front of a string in Python, and the comment behind it.
_CODE = re.compile(r"^\s*(?:lambda \w+\s*:\s*)?(?:[fFrRuU]{1,2}(?=[\"']))?|(?<=[\"'],)\s*#.*$")


def _listed(text: str, name: str, of_lines: bool) -> list[tuple[str, str]] | None:
    """The strings of a list in JSON or Python, each with where it stands; None where its lines may be read instead."""
    try:
        found = json.loads(text, parse_int=float)  # whole numbers of many digits take long, and there should be none
    except (ValueError, RecursionError) as error:
        found = _python_list(text)
        if found is None and of_lines and "\n" in text.strip():
            return None
        if found is None:
            raise PackError(f"{name}: not valid JSON, {error}") from error
    return _numbered(found, name)


def _python_list(text: str) -> list[object] | None:
    """The list that a text in Python is, or gives a name to."""
    start, end = re.search(r"[\[(]", text), max(text.rfind("]"), text.rfind(")"))
    try:
        found = ast.literal_eval(text[start.start() if start else 0 : end + 1])
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return list(found) if isinstance(found, (list, tuple)) else None


def _held_list(text: str) -> list[object] | None:
    """The only list in a JSON object that is no pack, ``{"templates": [...]}``."""
    with suppress(ValueError, RecursionError):
        held = json.loads(text, parse_int=float)
        lists = [one for one in held.values() if isinstance(one, list)] if isinstance(held, dict) else []
        if len(lists) == 1 and not {"entries", "id"} & held.keys():
            return lists[0]
    return None


def _numbered(items: Sequence[object], name: str) -> list[tuple[str, str]]:
    """The strings of a list, those in its objects included, each with where it stands."""
    found = [
        next((item[key] for key in ("template", "prompt", "text") if key in item), None)
        if isinstance(item, dict)
        else item
        for item in items
    ]
    strings = [item for item in found if isinstance(item, str)]
    if len(strings) < len(found):
        raise PackError(f'{name}: every item of the list must be a template in quotes, like "the sound of {{}}"')
    return [(f"item {n}", string) for n, string in enumerate(strings, 1)]


def _from_templates(templates: Iterable[tuple[str, str]], name: str) -> PromptPack:
    """A pack of approved templates, given as texts, each with where it stands in the file.

    The numbers, bullets, quotes and commas of a list are no part of them.
    """
    entries = []
    for where, text in _few(templates, name):
        try:
            entries.append(PackEntry(template=Template.parse(undecorated(text)), status="approved"))
        except TemplateError as error:
            raise PackError(f"{name}, {where}: {error}") from error
    return _imported(entries, name)


def _few(items: Iterable[T], name: str) -> Iterator[T]:
    """As many of some templates as a pack holds; where there are more, nobody needs to look at them all."""
    for number, item in enumerate(items):
        if number == MAX_TEMPLATES:
            raise PackError(f"{name}: over {MAX_TEMPLATES:,} templates, more than a pack holds: choose some of them")
        yield item


def _from_csv(text: str, delimiter: str, name: str) -> PromptPack:
    """A pack from a table as ``as_csv`` writes it; all columns but that of the templates may be missing."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    filled = (list(map(_original, cells)) for cells in rows if any(cell.strip() for cell in cells))
    try:
        titles = next(filled)
        if len(titles) > MAX_COLUMNS:
            raise PackError(f"{name}: over {MAX_COLUMNS:,} columns: leave out those that say nothing of the templates")
        headings, kinds = _headings(titles), [_kind_of(title) for title in titles]
        entries = []
        for cells in _few(filled, name):
            figures = [
                Measurement.model_validate({**kind, "accuracy": cell.replace(",", ".")})  # 0,625 is 0.625 to many
                for kind, cell in zip(kinds, cells, strict=False)
                if kind and cell
            ]
            entries.append(_entry(dict(zip(headings, cells, strict=False)), figures))
    except csv.Error as error:
        raise PackError(f"{name}, line {rows.line_num}: no CSV ({error}), so save it as one") from error
    except TemplateError as error:
        raise PackError(f"{name}, line {rows.line_num}: {error}") from error
    except ValidationError as error:
        raise PackError(f"{name}, line {rows.line_num}: {in_plain_words(error)}") from error
    return _imported(entries, name)


def _entry(row: Mapping[str, str], figures: Sequence[Measurement]) -> PackEntry:
    """An entry from a row of a table, by its columns' headings."""
    decision = {key: row.get(key.replace("_", " ")) or None for key in ("decided_by", "decided_at", "reason")}
    template = Template(
        Template.parse(row.get("template", "")).text, row.get("attribute") or None, row.get("source") or None
    )
    status = row.get("status", "approved").strip().lower() or "candidate"
    return PackEntry.model_validate({"template": template, "status": status, "measured": tuple(figures)} | decision)


def _imported(entries: Sequence[PackEntry], name: str) -> PromptPack:
    """A pack called after the file it was imported from."""
    if not entries:
        raise PackError(f"{name}: there is no template in it, give at least one, like 'the sound of {{}}'")
    title = PurePath(name).stem[:200]
    ascii_title = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    pack_id = re.sub(r"[^a-z0-9]+", "-", ascii_title)[:64].strip("-") or "imported"
    provenance = Provenance(generator="imported", settings={"file": name})
    try:
        return PromptPack(id=pack_id, title=title, provenance=provenance, entries=tuple(entries))
    except ValidationError as error:
        raise PackError(f"{name}: {in_plain_words(error)}") from error


# --- comparing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """What makes one pack another, by the texts of their templates.

    Attributes:
        added: templates that only the new pack has, with their status.
        removed: templates that only the old pack has, with their status.
        changed: templates of both whose status differs, with the old and the new one.
    """

    added: tuple[tuple[str, Status], ...]
    removed: tuple[tuple[str, Status], ...]
    changed: tuple[tuple[str, Status, Status], ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def __str__(self) -> str:
        """One line for each template: ``-`` removed, ``+`` added, ``~`` changed."""
        lines = [
            *(f"- {text}  ({status})" for text, status in self.removed),
            *(f"+ {text}  ({status})" for text, status in self.added),
            *(f"~ {text}  ({old} -> {new})" for text, old, new in self.changed),
        ]
        return "\n".join(lines) or "the same templates with the same status"


def difference(old: PromptPack, new: PromptPack) -> Difference:
    """Compare the templates of two packs and their status, each part in its pack's order."""
    before, after = ({entry.template.text: entry.status for entry in pack.entries} for pack in (old, new))
    return Difference(
        added=tuple((text, status) for text, status in after.items() if text not in before),
        removed=tuple((text, status) for text, status in before.items() if text not in after),
        changed=tuple(
            (text, before[text], status) for text, status in after.items() if before.get(text, status) != status
        ),
    )


# --- the parts these are made of --------------------------------------------------------------------------------------


def _kind(figure: Measurement) -> Kind:
    return figure.model, figure.revision, figure.data, figure.split, figure.n


def _kinds(entries: Iterable[PackEntry]) -> list[Kind]:
    """The kinds of measurement there are, in the order they come."""
    return list(dict.fromkeys(_kind(figure) for entry in entries for figure in entry.measured))


def _column(kind: Kind) -> str:
    """The heading of a column of measurements, which ``_kind_of`` reads."""
    title = io.StringIO()
    csv.writer(title, delimiter="|", lineterminator="").writerow([ACCURACY, *kind])
    return title.getvalue()


def _kind_of(title: str) -> dict[str, str]:
    """What a column's heading says of its measurements, nothing if it holds something else."""
    first, *parts = next(csv.reader([title], delimiter="|"), None) or [""]
    names = ("model", "revision", "data", "split", "n")
    return dict(zip(names, parts, strict=True)) if first == ACCURACY and len(parts) == len(names) else {}


def _delimiter(line: str) -> str:
    """What separates the cells of a heading: names of data in it may hold any of these as well."""
    fitting = [delimiter for delimiter in ",;\t" if "template" in _headings(line.split(delimiter))]
    return max(fitting or ",;\t", key=line.count)


def _headings(titles: Iterable[str]) -> list[str]:
    found = [title.strip(" \"'").lower() for title in titles]
    return found if "template" in found else ["template" if title in _ALSO_TEMPLATE else title for title in found]


_ALSO_TEMPLATE = ("templates", "prompt", "prompts")


def _defused(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return _FORMULA.sub(r"\2'", text)


def _original(text: str) -> str:
    """The text that was defused."""
    return _DEFUSED.sub(r"\2", text) if "'" in text else text


def _facts(pack: PromptPack) -> list[str]:
    """What a report says of a pack before its templates."""
    origin, counts = pack.provenance, Counter(entry.status for entry in pack.entries)
    written = f", {origin.written_on}" if origin.written_on else ""
    settings = json.dumps(origin.settings, sort_keys=True, ensure_ascii=False) if origin.settings else ""
    tests = [event.measured for event in pack.history if event.action == TEST and event.measured]
    lines = {
        "For": plain(pack.description or ""),
        "Task": CATEGORIES[pack.category] if pack.category else "",
        "Pack": code(pack.id),
        "Written by": plain(origin.generator) + written,
        "Settings": settings and code(settings),
        "Licence": plain(pack.licence or ""),
        "Templates": f"{len(pack.entries)}: {counts['approved']} approved, {counts['rejected']} rejected, "
        f"{counts['candidate']} candidates",
        "Scores on held-out clips": "; ".join(f"{_percent(test)} on {_of(test)}" for test in tests) or "none",
    }
    return [f"**{what}:** {said}" for what, said in lines.items() if said]


def _template_table(entries: Sequence[PackEntry]) -> str:
    kinds = {_kind(figure): _of(figure) for entry in entries for figure in entry.measured}
    rows = []
    for number, entry in enumerate(entries, 1):
        figures = {_kind(figure): _percent(figure) for figure in entry.measured}
        when = entry.decided_at.date().isoformat() if entry.decided_at else ""
        decision = [plain(entry.decided_by or ""), when, plain(entry.reason or "")]
        rows.append(
            [
                str(number),
                code(entry.template.text),
                entry.status,
                *(figures.get(kind, "") for kind in kinds),
                *decision,
            ]
        )
    return _table(["", "Template", "Status", *kinds.values(), "Decided by", "When", "Why"], rows)


def _accuracy_charts(entries: Sequence[PackEntry]) -> Iterator[str]:
    """For each kind of measurement a chart: the templates by their number in the table, the best first."""
    numbered = list(enumerate(entries, 1))
    for kind in _kinds(entries):
        found = [(figure, number) for number, entry in numbered for figure in entry.measured if _kind(figure) == kind]
        found.sort(key=lambda pair: -pair[0].accuracy)
        percents = [100 * figure.accuracy for figure, _ in found]
        lowest, highest = floor(min(percents) / 10) * 10, ceil(max(percents) / 10) * 10
        yield f"Accuracy of each template alone, on {_of(found[0][0])}:"
        yield "\n".join(
            [
                "```mermaid",
                "xychart-beta",
                f'    x-axis "template, by its number in the table" [{", ".join(str(number) for _, number in found)}]',
                f'    y-axis "right, %" {lowest} --> {max(highest, lowest + 10)}',
                f"    bar [{', '.join(f'{percent:.1f}' for percent in percents)}]",
                "```",
            ]
        )


def _history_table(history: Sequence[HistoryEvent]) -> str:
    """Who did what, how often, and from when to when."""
    days: dict[tuple[str, str], list[str]] = {}
    for event in history:
        what = (event.action == DECIDE and event.to_status) or event.action
        days.setdefault((event.who, what), []).append(event.at.date().isoformat())
    rows = [[plain(who), plain(what), str(len(on)), min(on), max(on)] for (who, what), on in days.items()]
    return _table(["Who", "What", "Times", "First", "Last"], rows)


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (titles, ["---"] * len(titles), *rows))


def _percent(figure: Measurement) -> str:
    return f"{100 * figure.accuracy:.1f} %"


def _of(figure: Measurement) -> str:
    """What a figure was measured on and with."""
    return plain(f"{figure.data}, {figure.split} ({figure.n} clips) with {figure.model} {figure.revision}")
