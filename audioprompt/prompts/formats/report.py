"""A pack for people, in Markdown: where it comes from, what was decided and why, and how well the templates do.

Templates, names and reasons are other people's text: none turns into links, pictures or HTML.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import ceil, floor

from audioprompt.prompts.formats.base import PackFormat
from audioprompt.prompts.formats.measurements import kind_of, kinds_of
from audioprompt.prompts.history import DECIDE, TEST
from audioprompt.prompts.pack import CATEGORIES, Exchange, HistoryEvent, Measurement, PackEntry, PromptPack
from audioprompt.util.markdown import block, code, plain


def write(pack: PromptPack) -> str:
    """Write a report on a pack.

    Plots are Mermaid charts, which are part of the text and which GitHub, GitLab and many editors draw.
    """
    parts = [
        f"# {plain(pack.title)}",
        "\n".join(f"- {fact}" for fact in _facts(pack)),
        "## Templates",
        _template_table(pack.entries),
        *_accuracy_charts(pack.entries),
        "## History",
        _history_table(pack.history) if pack.history else "Nothing was changed since the pack was written.",
        *_exchanges(pack.provenance.exchanges or ()),
    ]
    return "\n\n".join(parts) + "\n"


def _facts(pack: PromptPack) -> list[str]:
    """List what a report says of a pack before its templates."""
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
    kinds = {kind_of(figure): _of(figure) for entry in entries for figure in entry.measured}
    rows = []
    for number, entry in enumerate(entries, 1):
        figures = {kind_of(figure): _percent(figure) for figure in entry.measured}
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
    return table(["", "Template", "Status", *kinds.values(), "Decided by", "When", "Why"], rows)


def _accuracy_charts(entries: Sequence[PackEntry]) -> Iterator[str]:
    """Draw a chart for each kind of measurement: the templates by their number in the table, the best first."""
    numbered = list(enumerate(entries, 1))
    for kind in kinds_of(entries):
        found = [(figure, number) for number, entry in numbered for figure in entry.measured if kind_of(figure) == kind]
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
    """Tell who did what, how often, and from when to when."""
    days: dict[tuple[str, str], list[str]] = {}
    for event in history:
        what = (event.action == DECIDE and event.to_status) or event.action
        days.setdefault((event.who, what), []).append(event.at.date().isoformat())
    rows = [[plain(who), plain(what), str(len(on)), min(on), max(on)] for (who, what), on in days.items()]
    return table(["Who", "What", "Times", "First", "Last"], rows)


def _exchanges(exchanges: Sequence[Exchange]) -> Iterator[str]:
    """Quote what a service was asked and answered."""
    if exchanges:
        yield "## Requests and answers"
    for number, exchange in enumerate(exchanges, 1):
        yield f"Request {number}:"
        yield block(exchange.request)
        yield f"Answer of {plain(exchange.model or 'the service')}:"
        yield block(exchange.answer)


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table: its titles, and its rows of cells."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (titles, ["---"] * len(titles), *rows))


def _percent(figure: Measurement) -> str:
    return f"{100 * figure.accuracy:.1f} %"


def _of(figure: Measurement) -> str:
    """Tell what a figure was measured on and with."""
    return plain(f"{figure.data}, {figure.split} ({figure.n} clips) with {figure.model} {figure.revision}")


REPORT = PackFormat("report", "Report", "A report for people, in Markdown.", ".md", write)
