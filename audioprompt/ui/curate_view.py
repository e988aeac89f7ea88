"""What the Curate tab shows, as HTML and SVG: pure functions of what was measured and decided.

Templates, labels, names and reasons are other people's text: everything is escaped here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from audioprompt.prompts.history import (
    ADD,
    COPY,
    DECIDE,
    MEASURE,
    REDO,
    RENAME,
    TEST,
    UNDO,
    Change,
    next_redo,
    next_undo,
    times_tested,
)
from audioprompt.prompts.pack import PackEntry, PromptPack, Status
from audioprompt.prompts.template import SLOT
from audioprompt.util.text import counted, one_line

if TYPE_CHECKING:
    from audioprompt.core.curation import Choices, Standing
    from audioprompt.core.metrics import Score
    from audioprompt.prompts.checks import Flag
    from audioprompt.prompts.template import Template
    from audioprompt.services.curate import Bench, HeldOut, PackComparison, Proposal

FILTERS = {
    "all": "All",
    "candidate": "To judge",
    "approved": "Approved",
    "rejected": "Rejected",
    "flagged": "Flagged",
}
SORTS = {"order": "Prompt", "alone": "Alone", "gain": "In ensemble", "flags": "Flags"}
MILD = "format"  # the kind of flag that says nothing bad
CLIPS_SHOWN = 8  # of those that a template wins, and of those it loses
CHANGES_SHOWN = 40


@dataclass(frozen=True)
class Row:
    """One template with everything that is shown of it.

    Attributes:
        number: on the board.
        entry: in the pack.
        score: alone.
        lead: on vanilla, in accuracy.
        gain: what it adds to the ensemble, or would.
        flags: what looks wrong with it.
    """

    number: int
    entry: PackEntry
    score: Score
    lead: float
    gain: float
    flags: tuple[Flag, ...]

    @property
    def text(self) -> str:
        return self.entry.template.text

    @property
    def flagged(self) -> bool:
        return any(flag.kind != MILD for flag in self.flags)


def rows_of(bench: Bench, pack: PromptPack, stands: Standing) -> list[Row]:
    """All templates, in the pack's order."""
    vanilla = stands.vanilla.accuracy
    return [
        Row(k, entry, score, score.accuracy - vanilla, float(stands.gains[k]), bench.flags[k])
        for k, (entry, score) in enumerate(zip(pack.entries, bench.board.scores, strict=True))
    ]


def chosen(rows: Sequence[Row], only: str, search: str, sort: str, reverse: bool) -> list[Row]:
    """The rows that a filter and a search leave, sorted; equals keep the pack's order."""
    words = search.casefold().split()
    left = [row for row in rows if _passes(row, only) and all(word in row.text.casefold() for word in words)]
    keys = {
        "order": lambda row: row.number,
        "alone": lambda row: -row.score.correct,
        "gain": lambda row: -row.gain,
        "flags": lambda row: -sum(flag.kind != MILD for flag in row.flags),
    }
    left.sort(key=keys[sort])
    return left[::-1] if reverse else left


def _passes(row: Row, only: str) -> bool:
    return only == "all" or (row.flagged if only == "flagged" else row.entry.status == only)


# --- above the table --------------------------------------------------------------------------------------------------


def strip(bench: Bench, pack: PromptPack, stands: Standing) -> str:
    """Where the selection stands, in one line: the scores that matter, and what is gained in words."""
    count, total = len(pack.approved), len(pack.entries)
    figures = [
        _figure("vanilla", stands.vanilla, "vanilla", "Plain zero-shot: one prompt"),
        _figure("best single", stands.best, "", bench.templates[bench.board.best].text),
        _figure(f"all {total}", stands.uncurated, "", "The ensemble of every prompt, uncurated"),
        _figure(f"approved ({count})", stands.ensemble, "approved", "The ensemble of the prompts approved"),
    ]
    over_vanilla = _lead(stands.ensemble, stands.vanilla, "vanilla", str(stands.against_vanilla))
    over_all = _lead(stands.ensemble, stands.uncurated, f"all {total}", str(stands.against_uncurated))
    words = f"{over_vanilla}{over_all}" if count else "<p>Nothing approved yet; the plain prompt is used.</p>"
    return f'<div class="strip">{"".join(figures)}<div class="words" role="status">{words}</div></div>'


def _figure(name: str, score: Score, role: str, title: str) -> str:
    return (
        f'<div class="figure {role}" title="{escape(title)}"><span>{escape(name)}</span>'
        f'<b>{percent(score)}</b><small title="{interval(score)}">± {half_width(score)}</small></div>'
    )


def _lead(score: Score, other: Score, name: str, comparison: str) -> str:
    lead = score.accuracy - other.accuracy
    return f"<p><b>{signed(lead)}</b> over {escape(name)}: {escape(comparison)}</p>"


def filters(rows: Sequence[Row], only: str) -> str:
    """Which rows to show, with how many there are of each kind."""
    counts = Counter[str](row.entry.status for row in rows)
    counts["all"], counts["flagged"] = len(rows), sum(row.flagged for row in rows)
    return '<div class="filters" role="group" aria-label="Show">' + "".join(
        f'<button type="button" data-do="filter" data-key="{key}" aria-pressed="{str(key == only).lower()}">'
        f"{name}<span>{counts[key]}</span></button>"
        for key, name in FILTERS.items()
    ) + "</div>"  # fmt: skip


# --- the table --------------------------------------------------------------------------------------------------------


def table(
    rows: Sequence[Row],
    total: int,
    stands: Standing,
    label: str,
    sort: tuple[str, bool],
    proposed: Mapping[str, Status],
    turn: int,
    go: str | None = None,
    pack_id: str = "",
    role: str = "",
) -> str:
    """The rows as a table.

    Args:
        rows: in the order shown.
        total: number of all templates.
        stands: where the selection stands.
        label: what prompts are filled with.
        sort: a key of ``SORTS``, and whether it runs backwards.
        proposed: the status that a proposal would give, by the texts of the templates it would change.
        turn: another number each time, so that the page can tell an answer from none.
        go: text of the template to select now, None to leave that to the page.
        pack_id: the pack that decisions concern.
        role: of whoever decides.
    """
    going = f' data-go="{escape(go)}"' if go else ""
    limit = max([row.score.interval[1] for row in rows] + [stands.vanilla.interval[1], 0.01])
    body = "".join(_row(row, stands, limit, label, proposed.get(row.text)) for row in rows) or NOTHING_SHOWN
    known = f'data-turn="{turn}" data-pack="{escape(pack_id)}" data-role="{role}"{going}'
    return (
        f'<table {known} aria-label="Prompts"><thead><tr><th scope="col"></th>'
        f'{_heading("order", sort)}{_heading("alone", sort)}<th scope="col" class="number lead">vs vanilla</th>'
        f"{_heading('gain', sort)}{_heading('flags', sort)}</tr></thead><tbody>{body}</tbody></table>"
        f"{_foot(len(rows), total)}"
    )


NOTHING_SHOWN = '<tr class="none"><td colspan="6">No prompts match. Clear the filter or try another word.</td></tr>'


def _heading(key: str, sort: tuple[str, bool]) -> str:
    state = "none" if sort[0] != key or key == "order" else "ascending" if sort[1] else "descending"
    kind = "number" if key == "gain" else key
    return (
        f'<th scope="col" class="{kind}" aria-sort="{state}"><button type="button" data-do="sort" data-key="{key}" '
        f'title="Sort by this; once more for the other way">{SORTS[key]}</button></th>'
    )


def _row(row: Row, stands: Standing, limit: float, label: str, proposed: Status | None) -> str:
    text = escape(row.text)
    hint = f'<em class="proposed">{_VERBS[proposed]}</em>' if proposed else ""
    flags = "".join(
        f'<span class="doubt {"mild" if flag.kind == MILD else ""}" title="{escape(flag.reason)}">{flag.kind}</span>'
        for flag in row.flags
    )
    return (
        f'<tr data-template="{text}" data-status="{row.entry.status}">'
        f"<td>{_verdict(row.entry.status)}</td>"
        f'<td class="prompt"><span>{filled(row, label)}</span>{hint}</td>'
        f'<td class="alone">{_bar(row.score, stands.vanilla, limit)}</td>'
        f'<td class="number lead">{_signed(row.lead)}</td><td class="number gain">{_signed(row.gain)}</td>'
        f'<td class="flags">{flags}</td></tr>'
    )


_VERBS: dict[Status, str] = {"approved": "approve", "rejected": "reject", "candidate": "clear"}


def _verdict(status: Status) -> str:
    """Two buttons that show the status; the one that is on takes it back."""
    return (
        '<span class="verdict-buttons">'
        + "".join(
            f'<button type="button" class="{on}" data-do="{"candidate" if status == on else on}" '
            f'aria-pressed="{str(status == on).lower()}" aria-label="{_VERBS[on].capitalize()}" '
            f'title="{_VERBS[on].capitalize()} ({key})">{icon}</button>'
            for on, key, icon in _JUDGEMENTS
        )
        + "</span>"
    )


_ICON = '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="{}"/></svg>'
CHECK, CROSS = _ICON.format("M3 8.5l3.4 3.4L13 4.6"), _ICON.format("M4 4l8 8M12 4l-8 8")
BACK = _ICON.format("M6 3L2.5 6.5 6 10M2.5 6.5H10a3.5 3.5 0 010 7H6")
AGAIN = _ICON.format("M10 3l3.5 3.5L10 10M13.5 6.5H6a3.5 3.5 0 000 7h4")
_JUDGEMENTS: tuple[tuple[Status, str, str], ...] = (("approved", "A", CHECK), ("rejected", "R", CROSS))
PLAY = '<svg viewBox="0 0 16 16" aria-hidden="true" class="solid"><path d="M4.5 2.5v11l9-5.5z"/></svg>'


def filled(row: Row, label: str) -> str:
    """A row's prompt for a label as the model reads it, the label set off."""
    return filled_in(row.entry.template, label)


def filled_in(template: Template, label: str) -> str:
    """A prompt for a label as the model reads it, the label set off."""
    whole, before = template.fill(label), template.text.split(SLOT)[0]
    start = whole.index(label, max(0, len(before) - 1))  # "an" before the label may have become "a"
    end = start + len(label)
    return f'{escape(whole[:start])}<span class="slot">{escape(label)}</span>{escape(whole[end:])}'


def _bar(score: Score, vanilla: Score, limit: float) -> str:
    low, high = score.interval
    return (
        f'<span class="bar" title="{interval(score)}"><i style="width:{_share(score.accuracy, limit)}"></i>'
        f'<b style="left:{_share(low, limit)};width:{_share(high - low, limit)}"></b>'
        f'<u style="left:{_share(vanilla.accuracy, limit)}"></u></span><span class="number">{percent(score)}</span>'
    )


def _foot(shown: int, total: int) -> str:
    write = '<button type="button" class="write" data-do="write">Add a prompt</button>'
    if not shown:
        return f'<div class="bulk">{write}</div>'
    which = f"all {total} prompts" if shown == total else f"the {shown} of {total} prompts shown"
    buttons = "".join(
        f'<button type="button" data-do="{status}" data-all="1">{verb}</button>' for status, verb in _VERBS.items()
    )
    return f'<div class="bulk"><span>With {which}:</span>{buttons}{write}</div>'


def receipt(saved: Sequence[str], refused: Sequence[Mapping[str, Any]]) -> str:
    """What became of the decisions of a browser's outbox, for its script to read."""
    told = json.dumps({"saved": list(saved), "refused": list(refused)})
    return f'<span hidden data-receipt="{escape(told)}"></span>'


# --- the template selected --------------------------------------------------------------------------------------------


def actions(pack: PromptPack, proposal: Proposal | None, stands: Standing, note: str = "") -> str:
    """Undo, redo and the proposal of a selection, with what it would change."""
    can_undo, can_redo = bool(next_undo(pack)), bool(next_redo(pack))
    buttons = (
        f'<button type="button" data-do="undo" title="U or Z" {"" if can_undo else "disabled"}>{BACK}Undo</button>'
        f'<button type="button" data-do="redo" title="Shift+Z" {"" if can_redo else "disabled"}>{AGAIN}Redo</button>'
        '<button type="button" class="propose" data-do="propose" title="Let auto-curation select, on these clips">'
        "Propose a selection</button>"
    )
    said = f'<p class="note" role="alert">{escape(note)}</p>' if note else ""
    return f'<div class="actions">{buttons}</div>{said}{_proposal(proposal, pack, stands) if proposal else ""}'


def _proposal(proposal: Proposal, pack: PromptPack, stands: Standing) -> str:
    changes = proposal.changes(pack)
    counts = Counter(changes.values())
    approve, reject, size = counts["approved"], counts["rejected"], int(proposal.selection.sum())
    found = proposal.standing.ensemble
    what = f"approve {approve} more and reject {reject}" if changes else "change nothing"
    apply = '<button type="button" class="primary" data-do="apply">Apply</button>' if changes else ""
    kept = (
        f" It keeps <b>{proposal.kept_in_words}</b>: clear a decision to have it weighed too." if proposal.kept else ""
    )
    return (
        f'<div class="proposal"><p>Auto-curation keeps <b>{size}</b> of {len(pack.entries)}: '
        f"<b>{percent(found)}</b> ± {half_width(found)} on these clips, now it is {percent(stands.ensemble)}. "
        f"It would {what}.{kept} How much of this lasts, the held-out clips tell.</p>"
        f'<div class="buttons">{apply}<button type="button" data-do="dismiss">Dismiss</button></div></div>'
    )


def side(bench: Bench, pack: PromptPack, stands: Standing, row: Row | None, label: str) -> str:
    """Everything about one template: the decision on it, its flags in words, and the clips it wins and loses."""
    if row is None:
        return '<div class="side"><p class="soft">Choose a prompt to see what it does to each class and clip.</p></div>'
    from audioprompt.core.curation import wins_and_losses, wins_and_losses_within

    entry = row.entry
    won, lost = wins_and_losses(bench.board, row.number)
    approved = bench.approved(pack)
    needed, spoilt = wins_and_losses_within(bench.board, approved, row.number)
    within = _within(len(needed), len(spoilt), entry.status == "approved")
    low, high = row.score.interval
    flags = "".join(f"<li><b>{flag.kind}</b> {escape(flag.reason)}</li>" for flag in row.flags)
    return (
        f'<div class="side" data-template="{escape(row.text)}"><h3>{filled(row, label)}</h3>{_decision(entry)}'
        f'<div class="judge"><button type="button" class="approved" data-do="approved" data-next="1" '
        f'aria-pressed="{str(entry.status == "approved").lower()}">{CHECK}Approve</button>'
        f'<button type="button" class="rejected" data-do="rejected" data-next="1" '
        f'aria-pressed="{str(entry.status == "rejected").lower()}">{CROSS}Reject</button></div>'
        '<div class="edit"><button type="button" data-do="edit">Edit</button>'
        '<button type="button" data-do="duplicate">Duplicate</button></div>'
        f"{f'<ul class=flags>{flags}</ul>' if flags else ''}"
        f"<p><b>Alone</b> {percent(row.score)} ({100 * low:.1f} to {100 * high:.1f}), {_signed(row.lead)} to vanilla: "
        f"{counted(len(won), 'clip')} won, {len(lost)} lost.</p><p><b>In the ensemble</b> it {within}.</p>"
        f"{_clip_list(bench, won, 'Wins', row.number)}{_clip_list(bench, lost, 'Loses', row.number)}"
        f"{recalls(bench, stands)}"
        '<p class="keys"><kbd>J</kbd> <kbd>K</kbd> move <kbd>A</kbd> approve <kbd>R</kbd> reject <kbd>C</kbd> clear '
        "<kbd>Z</kbd> undo <kbd>⇧Z</kbd> redo</p></div>"
    )


def _decision(entry: PackEntry) -> str:
    if entry.status == "candidate":
        return '<p class="soft">To be judged</p>'
    who = f" by {escape(entry.decided_by)}" if entry.decided_by else ""
    when = f", {_moment(entry.decided_at)}" if entry.decided_at else ""
    why = f": {escape(entry.reason)}" if entry.reason else ""
    return f'<p class="soft">{entry.status.capitalize()}{who}{when}{why}</p>'


def _within(won: int, lost: int, approved: bool) -> str:
    """What a template does to the clips the ensemble gets right, or would do."""
    if not won + lost:
        return "changes no clip" if approved else "would change no clip"
    return (
        f"wins {counted(won, 'clip')}, loses {lost}"
        if approved
        else f"would win {counted(won, 'clip')} and lose {lost}"
    )


def _clip_list(bench: Bench, clips: Choices, title: str, template: int) -> str:
    """Clips that a template wins over vanilla, or loses to it; each is played with a click."""
    if not len(clips):
        return ""
    names, board = bench.seen.spoken_classes, bench.board
    wrong = board.vanilla if title == "Wins" else board.alone[template]
    items = "".join(
        f'<li><button type="button" data-do="play" data-clip="{clip}" '
        f'title="{escape(one_line(bench.seen.paths[clip].name))}">'
        f"{PLAY}<span>{escape(names[board.truth[clip]])}</span><small>not {escape(names[wrong[clip]])}</small></button>"
        "</li>"
        for clip in map(int, clips[:CLIPS_SHOWN])
    )
    more = f'<li class="soft">and {len(clips) - CLIPS_SHOWN} more</li>' if len(clips) > CLIPS_SHOWN else ""
    return f'<h4>{title} <span>{len(clips)}</span></h4><ul class="clips">{items}{more}</ul>'


def recalls(bench: Bench, stands: Standing) -> str:
    """Per class: the share recalled by vanilla and by the approved ensemble."""
    lines = []
    for name, before, after in zip(bench.seen.spoken_classes, stands.recalls_before, stands.recalls, strict=True):
        if before is None or after is None:
            continue
        left, right = sorted((before.accuracy, after.accuracy))
        way = "up" if after.correct > before.correct else "down" if after.correct < before.correct else "same"
        lines.append(
            f'<li class="{way}" title="{after.n} clips: vanilla {interval(before)}; approved {interval(after)}">'
            f'<span class="name">{escape(name)}</span><span class="track"><i style="left:{_share(left)};'
            f'width:{_share(right - left)}"></i><b class="vanilla" style="left:{_share(before.accuracy)}"></b>'
            f'<b class="approved" style="left:{_share(after.accuracy)}"></b></span>'
            f'<span class="number">{100 * before.accuracy:.0f} → {100 * after.accuracy:.0f}</span></li>'
        )
    return (
        '<h4>Each class <span><i class="vanilla"></i>vanilla <i class="approved"></i>approved</span></h4>'
        f'<ul class="recalls">{"".join(lines)}</ul>'
    )


# --- below the table --------------------------------------------------------------------------------------------------


def foot(bench: Bench, pack: PromptPack, stands: Standing, held_out: HeldOut | None) -> str:
    """The K curve, the clips held out, and the history."""
    return (
        f'<div class="foot"><section class="curve"><h3>How many prompts</h3>{k_curve(bench, stands)}</section>'
        f"<section><h3>Clips held out</h3>{held_out_words(bench, pack, held_out)}</section>"
        f"<section><h3>History</h3>{history(pack)}</section></div>"
    )


def k_curve(bench: Bench, stands: Standing) -> str:
    """Accuracy of the first 1 to K prompts: of those approved, the best alone first; and of all in random order."""
    random = bench.board.random_curves  # [20, K]
    count = random.shape[1]
    mean, deviation = random.mean(axis=0), random.std(axis=0)
    low, high = mean - deviation, mean + deviation
    mine = [score.accuracy for score in stands.curve]
    vanilla = stands.vanilla.accuracy
    bottom, top = _axis([*low, *high, *mine, vanilla])

    def x(k: float) -> float:
        return 100 * (k - 1) / max(count - 1, 1)

    def y(value: float) -> float:
        return 100 * (top - value) / (top - bottom)

    def path(values: Iterable[float], start: int = 1) -> str:
        return "M" + "L".join(f"{x(k):.2f} {y(value):.2f}" for k, value in enumerate(values, start))

    band = path(high) + "L" + "L".join(f"{x(k):.2f} {y(low[k - 1]):.2f}" for k in range(count, 0, -1)) + "Z"
    dots = "".join(
        f'<i style="left:{x(k):.2f}%;top:{y(score.accuracy):.2f}%" title="First {k}: {interval(score)}"></i>'
        for k, score in enumerate(stands.curve, 1)
    )
    ticks = "".join(
        f'<span class="tick" style="top:{y(value):.2f}%">{100 * value:.0f}</span>' for value in _ticks(bottom, top)
    )
    marks = "".join(
        f'<span class="mark" style="left:{x(k):.2f}%">{k}</span>'
        for k in dict.fromkeys([1, *range(10, count - 3, 10), count])
    )
    lines = "".join(f'<path class="rule" d="M0 {y(value):.2f}H100"/>' for value in _ticks(bottom, top))
    mine_path = f'<path class="approved" d="{path(mine)}"/>' if len(mine) > 1 else ""
    return (
        f'<div class="plot" role="img" aria-label="Accuracy against the number of prompts">{ticks}'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none">{lines}<path class="band" d="{band}"/>'
        f'<path class="random" d="{path(mean)}"/><path class="vanilla" d="M0 {y(vanilla):.2f}H100"/>{mine_path}</svg>'
        f"{dots}{marks}</div>"
        '<p class="key"><span><i class="approved"></i>approved, the best alone first</span><span><i class="random"></i>'
        'all, in random order ± 1 s.d.</span><span><i class="vanilla"></i>vanilla</span></p>'
    )


def _axis(values: Sequence[float]) -> tuple[float, float]:
    """Bounds that hold all values, on multiples of five per cent."""
    bottom, top = np.floor(20 * min(values)) / 20, np.ceil(20 * max(values)) / 20
    return float(bottom), float(top if top > bottom else bottom + 0.05)


def _ticks(bottom: float, top: float) -> list[float]:
    step = 0.05 if top - bottom <= 0.2001 else 0.1 if top - bottom <= 0.5001 else 0.2
    return [float(value) for value in np.arange(np.ceil(round(bottom / step, 6)) * step, top + 1e-9, step)]


def held_out_words(bench: Bench, pack: PromptPack, found: HeldOut | None) -> str:
    """What the clips held out said, how often they were asked, and the button to ask them."""
    times = times_tested(pack)
    where = f"{len(bench.unseen)} clips, {bench.split.name(bench.unseen, held_out=True)}"
    asked = "never scored yet" if not times else "scored once" if times == 1 else f"scored {times} times"
    warning = " Each look makes this score less trustworthy as a test." if times else ""
    said = _held_out_table(found) if found else _last_test(pack)
    disabled = "" if pack.approved else "disabled"
    return (
        f'<p class="soft">{escape(where)}: {asked}.{warning}</p>{said}'
        f'<button type="button" data-do="test" {disabled}>Score on the held-out clips</button>'
    )


def _held_out_table(found: HeldOut) -> str:
    rows = [
        ("vanilla", found.vanilla),
        ("best single", found.best),
        ("all prompts", found.uncurated),
        ("approved", found.ensemble),
    ]
    lines = "".join(
        f'<tr><td>{name}</td><td class="number">{percent(score)}</td>'
        f'<td class="number soft">± {half_width(score)}</td></tr>'
        for name, score in rows
    )
    return (
        f'<table class="held-out">{lines}</table><p>Over vanilla: {escape(str(found.against_vanilla))}.<br>'
        f"Over all prompts: {escape(str(found.against_uncurated))}.</p>"
    )


def _last_test(pack: PromptPack) -> str:
    """What the last held-out test gave, and whether decisions were taken since."""
    from audioprompt.core.metrics import Score

    since = 0
    for event in reversed(pack.history):
        if event.action == TEST and event.measured:
            figure = event.measured
            score = Score(round(figure.accuracy * figure.n), figure.n)
            later = f", before the last {f'{since} decisions' if since > 1 else 'decision'}" if since else ""
            return (
                f"<p>Last: <b>{percent(score)}</b> ± {half_width(score)} on {figure.n} clips of {escape(figure.data)}, "
                f"{_moment(event.at)}{later}.</p>"
            )
        since += event.action in (DECIDE, UNDO, REDO)
    return ""


def history(pack: PromptPack) -> str:
    """What was done, the latest first; the decision that would be undone next can be."""
    grouped = groupby(enumerate(pack.history), key=lambda item: item[1].change or -item[0])
    changes = [tuple(event for _, event in group) for _, group in grouped]
    undoable = next_undo(pack)
    lines = []
    for change in changes[: -CHANGES_SHOWN - 1 : -1]:
        button = '<button type="button" data-do="undo">undo</button>' if undoable and change == undoable else ""
        who = f" by {escape(change[0].who)}" if change[0].who != CURATOR else ""
        lines.append(f"<li><time>{_moment(change[0].at)}</time><span>{_told(change)}{who}</span>{button}</li>")
    return f'<ol class="history">{"".join(lines)}</ol>' if lines else '<p class="soft">Nothing was decided yet.</p>'


CURATOR = "curator"  # who decides where nobody is signed in


def _told(change: Change) -> str:
    """One change in words."""
    first = change[0]
    if first.action == TEST and first.measured:
        return f"scored on held-out clips: {100 * first.measured.accuracy:.1f}"
    if first.action == MEASURE:
        return f"measured {escape((first.reason or '').removeprefix('accuracies '))}"
    if first.action == ADD and len(change) == 1 and first.reason:
        return f"added “{escape(short(first.template or ''))}”, {escape(short(first.reason))}"
    if first.action == ADD:
        return f"added {counted(len(change), 'prompt')}"
    if first.action in (RENAME, COPY):
        return f"{'renamed' if first.action == RENAME else 'copied'} {escape(first.reason or '')}"
    if first.action not in (DECIDE, UNDO, REDO):
        return escape(first.action)
    prefix = {UNDO: "took back: ", REDO: "again: "}.get(first.action, "")
    given = Counter(event.from_status if first.action == UNDO else event.to_status for event in change)
    if len(change) == 1:
        return f"{prefix}{_PAST[given.popitem()[0] or 'candidate']} “{escape(short(first.template or ''))}”"
    return prefix + ", ".join(f"{_PAST[status or 'candidate']} {count}" for status, count in given.items())


_PAST: dict[Status, str] = {"approved": "approved", "rejected": "rejected", "candidate": "cleared"}


def short(text: str, characters: int = 60) -> str:
    text = text.replace("{label}", "{}")
    return text if len(text) <= characters else text[: characters - 1].rstrip() + "…"


def _moment(at: datetime) -> str:
    """A time of today, or a day, in the server's time zone."""
    local = at.astimezone()
    return local.strftime("%H:%M" if local.date() == datetime.now(timezone.utc).astimezone().date() else "%Y-%m-%d")


# --- packs ------------------------------------------------------------------------------------------------------------


def comparison(pack: PromptPack, other: PromptPack, found: PackComparison) -> str:
    """Two packs on the same clips: their accuracies, the difference, and which prompts they share."""
    rows = "".join(
        f'<tr><td>{escape(one.title)}</td><td class="number">{len(one.approved)}</td>'
        f'<td class="number">{percent(score)}</td><td class="number soft">{_bounds(score)}</td></tr>'
        for one, score in ((pack, found.mine), (other, found.theirs))
    )
    lead = found.mine.accuracy - found.theirs.accuracy
    vanilla = (
        "" if pack.approved and other.approved else " Where nothing is approved, the plain prompt is used instead."
    )
    changed = [
        f"{text} ({_PAST_OR_OPEN[old]} there, {_PAST_OR_OPEN[new]} here)" for text, old, new in found.prompts.changed
    ]
    return (
        '<table class="versus"><thead><tr><th scope="col">Pack</th><th scope="col" class="number">approved</th>'
        '<th scope="col" class="number">accuracy, %</th><th scope="col" class="number">95 % interval</th></tr></thead>'
        f"<tbody>{rows}</tbody></table><p><b>{signed(lead)}</b> points over {escape(other.title)} on the same "
        f"{found.mine.n} validation clips: {escape(str(found.paired))}.{vanilla}</p>"
        f"{_texts('In both', found.shared)}{_texts('In both, but decided differently', changed)}"
        f"{_texts(f'Only in {pack.title}', [text for text, _ in found.prompts.added])}"
        f"{_texts(f'Only in {other.title}', [text for text, _ in found.prompts.removed])}"
    )


_PAST_OR_OPEN: dict[Status, str] = {"approved": "approved", "rejected": "rejected", "candidate": "to be judged"}


def _texts(title: str, texts: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(text.replace(SLOT, '{}'))}</li>" for text in texts)
    return f"<details><summary>{escape(title)}: {len(texts)}</summary><ul>{items}</ul></details>" if texts else ""


def _bounds(score: Score) -> str:
    low, high = score.interval
    return f"{100 * low:.1f} to {100 * high:.1f}"


def ask_to_delete(pack: PromptPack) -> str:
    """Whether a pack is really to be deleted."""
    return (
        f'<div class="asked" role="alert"><span>Delete “{escape(pack.title)}” with its '
        f"{counted(len(pack.entries), 'prompt')} and everything decided on them?</span>"
        f'<button type="button" class="primary" data-remove="{escape(pack.id)}">Delete</button>'
        '<button type="button" data-keep="1">Keep</button></div>'
    )


def deleted(pack: PromptPack, is_there: bool) -> str:
    """That a pack is deleted, with the way back.

    Args:
        pack: which.
        is_there: whether it was a changed copy, so that the pack itself is still there.
    """
    again = " Only your changes are gone: the pack itself is in the list as before." if is_there else ""
    return (
        f'<div class="asked" role="status"><span>Deleted “{escape(pack.title)}”.{again}</span>'
        f'<button type="button" data-restore="{escape(pack.id)}">Undo</button></div>'
    )


def composing(preview: str) -> str:
    """The preview of a prompt that is being written: while there is one, the composer is seen."""
    return f'<div data-composing="1">{preview}</div>'


def written(template: Template, label: str, flags: Sequence[Flag]) -> str:
    """What a prompt that is being written becomes, and what looks wrong with it."""
    doubts = "".join(f"<li><b>{flag.kind}</b> {escape(flag.reason)}</li>" for flag in flags if flag.kind != MILD)
    return f"<p>{filled_in(template, label)}</p>{f'<ul class=flags>{doubts}</ul>' if doubts else ''}"


# --- before there is anything -----------------------------------------------------------------------------------------


def progress(what: str, done: int, total: int, job_id: str) -> str:
    """How far the encoding is, with a button to stop it."""
    share = f"{100 * done / total:.1f}%" if total else "0%"
    words = f"{done} of {total} {what}" if total else "opening the clips"
    verbs = {"clips": "Listening to the clips", "prompts": "Reading the prompts", "files": "Fetching the clips"}
    return (
        f'<div class="progress" role="status"><span>{verbs.get(what, "Getting ready")} · {words}</span>'
        f'<div class="track"><i style="width:{share}"></i></div>'
        f'<button type="button" data-stop="{escape(job_id)}">Stop</button></div>'
    )


WEIGHING = '<div class="progress" role="status"><span>Trying selections on halves of the clips</span></div>'

START = (
    '<div class="empty start"><h3>See what each prompt is worth</h3><p>Give a pack of candidates and some labelled '
    "clips. Each prompt is then measured alone and in the ensemble, and you decide with a keystroke which to keep. "
    "No clips at hand? The demonstration has 192 clips of 12 instruments and 40 candidates, all on this machine.</p>"
    '<button type="button" data-demonstrate="1" class="primary">Load the instruments demonstration</button></div>'
)


def ask_for_clips(pack: PromptPack) -> str:
    """What is missing where there is a pack but no clips."""
    return (
        f'<div class="empty start"><h3>{escape(pack.title)}: {len(pack.entries)} prompts</h3><p>To see what they are '
        "worth, give labelled clips under “Validation clips”: a manifest, a folder for each class, a zip file, or a "
        "data set of the hub. Or see how curation works on the demonstration.</p>"
        '<button type="button" data-demonstrate="1">Load the instruments demonstration</button></div>'
    )


# --- numbers ----------------------------------------------------------------------------------------------------------


def percent(score: Score) -> str:
    return f"{100 * score.accuracy:.1f}"


def half_width(score: Score) -> str:
    low, high = score.interval
    return f"{50 * (high - low):.1f}"


def interval(score: Score) -> str:
    low, high = score.interval
    return f"{percent(score)} %, 95 % interval {100 * low:.1f} to {100 * high:.1f}"


def signed(share: float) -> str:
    """A difference in points: ``+5.6``, ``0.0``, and with a true minus sign where it is negative."""
    text = f"{100 * share:+.1f}"
    return "0.0" if text[1:] == "0.0" else text.replace("-", MINUS)


MINUS = "\u2212"


def _signed(share: float) -> str:
    text = signed(share)
    return f'<span class="{"more" if text[0] == "+" else "less" if text[0] == MINUS else "even"}">{text}</span>'


def _share(value: float, limit: float = 1.0) -> str:
    return f"{100 * value / limit:.2f}%"
