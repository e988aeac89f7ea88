"""The report on a measured pack: the pack's own, what it does to classes and groups, and what fewer prompts do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, floor
from typing import TYPE_CHECKING

import numpy as np

from audioprompt.core.curation import choices, enough_prompts
from audioprompt.prompts.formats import report
from audioprompt.services.curate.effects import Effects, Grouping, measure_effects
from audioprompt.util.markdown import plain
from audioprompt.util.text import counted

if TYPE_CHECKING:
    from audioprompt.core.effects import Change
    from audioprompt.core.metrics import Score
    from audioprompt.prompts.pack import PromptPack
    from audioprompt.services.curate.measured import MeasuredPack

FLOWS_LISTED = 20


def write_report(measured: MeasuredPack, pack: PromptPack) -> str:
    """Write a report in Markdown on a pack and on what the prompts that it approves do on the validation clips."""
    approved = measured.approved(pack)
    selection = approved if approved.any() else measured.table.everything
    effects = measure_effects(measured, choices(measured.table, selection))
    clips = measured.validation
    what = counted(int(selection.sum()), "approved prompt" if approved.any() else "prompt")
    where = f"{clips.name}, {measured.split.name(clips)} ({len(clips)} clips), with {measured.model.name}"
    parts = [
        report.write(pack).rstrip(),
        "## What it does to each class",
        plain(f"The mean of {what}, compared with the one plain prompt (vanilla), on {where}."),
        "\n".join(f"- {plain(sentence)}" for sentence in effects.findings),
        _class_table(effects),
        *_bars([one.recall for one in effects.classes], "class, by its number in the table"),
        *(_flow_table(effects) if effects.flows else ()),
        *(part for grouping in effects.groupings for part in _grouping(grouping)),
        "## How many prompts",
        *_curve(measured, pack),
    ]
    return "\n\n".join(parts) + "\n"


def _class_table(effects: Effects) -> str:
    rows = [
        [
            str(number),
            plain(name),
            *(_changed(one.recall) if one.recall else ["0", "", "", "", ""]),
            f"{one.named_before.after} → {one.named.after}",
        ]
        for number, (name, one) in enumerate(zip(effects.names, effects.classes, strict=True), 1)
    ]
    titles = ["", "Class", "Clips", "Vanilla recalls", "Pack recalls", "Points", "95 % interval", "Named for, clips"]
    return report.table(titles, rows)


def _flow_table(effects: Effects) -> Iterator[str]:
    yield "Classes that are taken for another one more or less often:"
    rows = [
        [plain(effects.names[one.true]), plain(effects.names[one.taken_for]), *_counted(one.change)]
        for one in effects.flows[:FLOWS_LISTED]
    ]
    yield report.table(["Class", "Taken for", "Clips", "Vanilla", "Pack"], rows)


def _grouping(grouping: Grouping) -> Iterator[str]:
    yield f"Clips by {plain(grouping.title)}:"
    rows = [[str(number), plain(one.name), *_changed(one.change)] for number, one in enumerate(grouping.effects, 1)]
    yield report.table(["", "Group", "Clips", "Vanilla", "Pack", "Points", "95 % interval"], rows)
    yield from _bars([one.change for one in grouping.effects], "group, by its number in the table")


def _counted(change: Change) -> list[str]:
    return [str(change.n), str(change.before), str(change.after)]


def _changed(change: Change) -> list[str]:
    low, high = change.interval
    before, after = change.scores
    return [
        str(change.n),
        _percent(before),
        _percent(after),
        f"{100 * change.difference:+.1f}",
        f"{100 * low:+.1f} to {100 * high:+.1f}",
    ]


def _bars(changes: Sequence[Change | None], across: str) -> Iterator[str]:
    """Draw the change of each row of a table that has clips, in points."""
    shown = [(number, 100 * one.difference) for number, one in enumerate(changes, 1) if one]
    if not any(points for _, points in shown):
        return
    bounds = [0.0, *(points for _, points in shown)]
    lines = [
        f'    x-axis "{across}" [{", ".join(str(number) for number, _ in shown)}]',
        f'    y-axis "change, points" {floor(min(bounds) / 10) * 10} --> {ceil(max(bounds) / 10) * 10}',
        f"    bar [{', '.join(f'{points:.1f}' for _, points in shown)}]",
    ]
    yield "\n".join(["```mermaid", "xychart-beta", *lines, "```"])


def _curve(measured: MeasuredPack, pack: PromptPack) -> Iterator[str]:
    """Draw accuracy over the number of prompts: the mean over random orders, and a deviation either side of it."""
    random = measured.table.random_curves  # [R, K]
    mean, deviation = random.mean(axis=0), random.std(axis=0)
    count = len(mean)
    yield (
        f"The first 1 to {counted(count, 'prompt')} of all together: the mean over {len(random)} random orders, and "
        f"one standard deviation above and below. From {counted(enough_prompts(random), 'prompt')} on more of "
        "them gain less than half a point on the mean."
    )
    band = [100 * np.clip(mean + side * deviation, 0, 1) for side in (0, 1, -1)]
    low, high = floor(np.min(band) / 5) * 5, ceil(np.max(band) / 5) * 5
    lines = [
        f'    x-axis "prompts" 1 --> {count}',
        f'    y-axis "right, %" {low} --> {max(high, low + 5)}',
        *(f"    line [{', '.join(f'{value:.1f}' for value in values)}]" for values in band),
    ]
    if count > 1:
        yield "\n".join(["```mermaid", "xychart-beta", *lines, "```"])
    found = measured.report(pack)
    mine = {k: _percent(score) for k, score in enumerate(found.curve, 1)}
    marks = sorted({1, 2, 3, 5, 10, 20, 40, 80, 160, count, len(mine)} & set(range(1, count + 1)))
    rows = [[str(k), f"{100 * mean[k - 1]:.1f} ± {100 * deviation[k - 1]:.1f}", mine.get(k, "")] for k in marks]
    yield report.table(["Prompts", "At random, right", "Approved, the best alone first"], rows)


def _percent(score: Score) -> str:
    return f"{100 * score.accuracy:.1f} %"
