"""What the Curate tab shows: pure functions of what was measured and decided."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from audioprompt.core.curation import wins_and_losses, wins_and_losses_within
from audioprompt.prompts.history import next_step
from audioprompt.prompts.pack import PackEntry, PromptPack, Status
from audioprompt.prompts.template import SLOT
from audioprompt.ui import markup, numbers
from audioprompt.ui.components.curate.foot import CURATOR as CURATOR
from audioprompt.ui.components.curate.foot import foot as foot
from audioprompt.ui.components.curate.foot import moment
from audioprompt.ui.components.curate.view import FILTERS as FILTERS
from audioprompt.ui.components.curate.view import MILD, VERBS, Row
from audioprompt.ui.components.curate.view import SORTS as SORTS
from audioprompt.ui.components.curate.view import CurateView as CurateView
from audioprompt.ui.components.curate.view import Snapshot as Snapshot
from audioprompt.ui.components.curate.view import select_rows as select_rows
from audioprompt.ui.render import render
from audioprompt.util.text import counted, one_line

if TYPE_CHECKING:
    from audioprompt.core.curation import Choices, SelectionReport
    from audioprompt.core.metrics import Score
    from audioprompt.prompts.checks import Flag
    from audioprompt.prompts.template import Template
    from audioprompt.services.curate import MeasuredPack, PackComparison, Proposal

TABLE, SIDE, PACKS = "curate/table.html", "curate/side.html", "curate/packs.html"
CLIPS_SHOWN = 8  # of those that a template wins, and of those it loses
DEMONSTRATE = "data-demonstrate", "Load the village demonstration"


# --- above the table --------------------------------------------------------------------------------------------------


def strip(now: Snapshot) -> str:
    """Show the scores that matter in one line, and what is gained in words."""
    report, measured = now.report, now.measured
    count, everything = len(now.pack.approved), f"all {len(now.pack.entries)}"
    best = measured.templates[measured.table.best].text
    figures = [
        _figure("vanilla", report.vanilla, "vanilla", "Plain zero-shot: one prompt"),
        _figure("best single", report.best, "", best),
        _figure(everything, report.uncurated, "", "The ensemble of every prompt, uncurated"),
        _figure(f"approved ({count})", report.ensemble, "approved", "The ensemble of the prompts approved"),
    ]
    leads = [
        _lead(report.ensemble, report.vanilla, "vanilla", str(report.against_vanilla)),
        _lead(report.ensemble, report.uncurated, everything, str(report.against_uncurated)),
    ]
    return render(TABLE, "strip", figures=figures, leads=leads if count else ())


def _figure(name: str, score: Score, role: str, title: str) -> dict[str, Any]:
    return {"name": name, "score": score, "role": role, "title": title}


def _lead(score: Score, other: Score, name: str, comparison: str) -> dict[str, Any]:
    return {"points": score.accuracy - other.accuracy, "name": name, "comparison": comparison}


def filters(now: Snapshot, only: str) -> str:
    """Which rows to show, with how many there are of each kind."""
    rows = now.rows.values()
    counts = Counter[str](row.entry.status for row in rows)
    counts["all"], counts["flagged"] = len(rows), sum(row.doubts > 0 for row in rows)
    kinds = [{"key": key, "name": name, "count": counts[key], "pressed": key == only} for key, name in FILTERS.items()]
    return render(TABLE, "filters", kinds=kinds)


# --- the table --------------------------------------------------------------------------------------------------------


def table(view: CurateView, now: Snapshot, changes: Mapping[str, Status], go: str | None = None, role: str = "") -> str:
    """Return the rows of a view as a table.

    Args:
        view: what is shown.
        now: the pack.
        changes: the status that a proposal would give, by the texts of the templates it would change.
        go: text of the template to select now, None to leave that to the page.
        role: of whoever decides.
    """
    rows, vanilla = _rows(view, now), now.report.vanilla
    return render(
        TABLE,
        "table",
        view=view,
        rows=[{**_shown(row, view.label), "proposed": _proposed(row, changes)} for row in rows],
        total=len(now.rows),
        vanilla=vanilla.accuracy,
        limit=max([row.score.interval[1] for row in rows] + [vanilla.interval[1], 0.01]),
        sorts=[_heading(key, view.sort) for key in SORTS],
        role=role,
        go=go,
    )


def patch(view: CurateView, now: Snapshot, changes: Mapping[str, Status], go: str | None = None) -> str:
    """Return all that decisions change in the rows of a table, for its script to put there.

    It is a letter and a number for each row, so that it is small for hundreds of them; whatever was missed before is in
    the next one.

    Args:
        view: as for `table`.
        now: as for `table`.
        changes: as for `table`.
        go: as for `table`.
    """
    rows = _rows(view, now)
    told = {
        "edition": view.edition,
        "turn": view.turn,
        "version": view.version,
        "statuses": "".join(row.entry.status[0] for row in rows),
        "gains": [numbers.tenths(row.gain) for row in rows],
        "proposed": "".join(changes[row.text][0] if row.text in changes else " " for row in rows) if changes else "",
        "go": go,
    }
    return render(TABLE, "patch", told=json.dumps(told, separators=(",", ":")))


def _rows(view: CurateView, now: Snapshot) -> list[Row]:
    return [now.rows[text] for text in view.rows if text in now.rows]


def _proposed(row: Row, changes: Mapping[str, Status]) -> str:
    """Return what a proposal would do with a row, if anything."""
    return VERBS[changes[row.text]] if row.text in changes else ""


def _shown(row: Row, label: str) -> dict[str, Any]:
    return {
        "text": row.text,
        "filled": markup.fill(row.entry.template, label),
        "status": row.entry.status,
        "score": row.score,
        "lead": row.lead,
        "gain": row.gain,
        "flags": row.flags,
    }


def _heading(key: str, sort: tuple[str, bool]) -> dict[str, str]:
    state = "none" if sort[0] != key or key == "order" else "ascending" if sort[1] else "descending"
    return {"key": key, "name": SORTS[key], "kind": "number" if key == "gain" else key, "state": state}


def receipt(saved: Sequence[str], refused: Sequence[Mapping[str, Any]]) -> str:
    """Return what became of the decisions of a browser's outbox, for its script to read."""
    return render(TABLE, "receipt", told=json.dumps({"saved": list(saved), "refused": list(refused)}))


# --- the template selected --------------------------------------------------------------------------------------------


def actions(now: Snapshot, proposal: Proposal | None, note: str = "") -> str:
    """Undo, redo and the proposal of a selection, with what it would change."""
    return render(
        SIDE,
        "actions",
        can_undo=bool(next_step(now.pack, "undo")),
        can_redo=bool(next_step(now.pack, "redo")),
        note=note,
        proposal=_proposal(proposal, now) if proposal else None,
    )


def _proposal(proposal: Proposal, now: Snapshot) -> dict[str, Any]:
    changes = proposal.changes(now.pack)
    counts = Counter(changes.values())
    approve_and_reject = f"approve {counts['approved']} more and reject {counts['rejected']}"
    return {
        "size": int(proposal.selection.sum()),
        "total": len(now.pack.entries),
        "found": proposal.report.ensemble,
        "now": now.report.ensemble,
        "what": approve_and_reject if changes else "change nothing",
        "kept": proposal.kept_in_words if proposal.kept else "",
        "changes": changes,
    }


def side(now: Snapshot, selected: str, label: str) -> str:
    """Everything about one template: the decision on it, its flags in words, and the clips it wins and loses."""
    row, measured = now.rows.get(selected), now.measured
    if row is None:
        return render(SIDE, "choose")
    table = measured.table
    won, lost = wins_and_losses(table, row.number)
    needed, spoilt = wins_and_losses_within(table, measured.approved(now.pack), row.number)
    return render(
        SIDE,
        "side",
        row=_shown(row, label),
        decision=_decision(row.entry),
        within=_within(len(needed), len(spoilt), row.entry.status == "approved"),
        clips=[_clips(measured, won, "Wins", table.vanilla), _clips(measured, lost, "Loses", table.alone[row.number])],
        recalls=_recalls(measured, now.report),
    )


def _decision(entry: PackEntry) -> str:
    if entry.status == "candidate":
        return "To be judged"
    who = f" by {entry.decided_by}" if entry.decided_by else ""
    when = f", {moment(entry.decided_at)}" if entry.decided_at else ""
    why = f": {entry.reason}" if entry.reason else ""
    return f"{entry.status.capitalize()}{who}{when}{why}"


def _within(won: int, lost: int, approved: bool) -> str:
    """Return what a template does to the clips the ensemble gets right, or would do."""
    if not won + lost:
        return "changes no clip" if approved else "would change no clip"
    return (
        f"wins {counted(won, 'clip')}, loses {lost}"
        if approved
        else f"would win {counted(won, 'clip')} and lose {lost}"
    )


def _clips(measured: MeasuredPack, clips: Choices, title: str, wrong: Choices) -> dict[str, Any]:
    """Clips that a template wins over vanilla, or loses to it, and what was heard in them wrongly."""
    names = measured.validation.spoken_classes
    return {
        "title": title,
        "count": len(clips),
        "clips": [
            {
                "number": clip,
                "file": one_line(measured.validation.paths[clip].name),
                "label": names[measured.table.targets[clip]],
                "wrong": names[wrong[clip]],
            }
            for clip in map(int, clips[:CLIPS_SHOWN])
        ],
    }


def _recalls(measured: MeasuredPack, report: SelectionReport) -> list[dict[str, Any]]:
    """Per class: the share recalled by vanilla and by the approved ensemble."""
    each = zip(measured.validation.spoken_classes, report.recalls_before, report.recalls, strict=True)
    return [
        {"name": name, "before": before, "after": after, "way": _way(before.correct, after.correct)}
        for name, before, after in each
        if before and after
    ]


def _way(before: int, after: int) -> str:
    return "up" if after > before else "down" if after < before else "same"


COMPOSER_OPEN = render(SIDE, "composing")


def written(template: Template, label: str, flags: Sequence[Flag]) -> str:
    """Return what a prompt that is being written becomes, and what looks wrong with it."""
    doubts = [flag for flag in flags if flag.kind != MILD]
    return render(SIDE, "written", prompt=markup.fill(template, label), flags=doubts)


# --- packs ------------------------------------------------------------------------------------------------------------


def comparison(pack: PromptPack, other: PromptPack, found: PackComparison) -> str:
    """Two packs on the same clips: their accuracies, the difference, and which prompts they share."""
    changed = [f"{text} ({_JUDGED[old]} there, {_JUDGED[new]} here)" for text, old, new in found.prompts.changed]
    folds = [  # two packs may have the same title
        ("In both", found.shared),
        ("In both, but decided differently", changed),
        (f"Only in {pack.title}", [text for text, _ in found.prompts.added]),
        (f"Only in {other.title}", [text for text, _ in found.prompts.removed]),
    ]
    return render(
        PACKS,
        "comparison",
        packs=[
            {"title": one.title, "approved": len(one.approved), "score": score}
            for one, score in ((pack, found.mine), (other, found.theirs))
        ],
        lead=found.mine.accuracy - found.theirs.accuracy,
        other=other.title,
        clips=found.mine.n,
        paired=str(found.paired),
        plain=not (pack.approved and other.approved),
        folds=[(title, [text.replace(SLOT, "{}") for text in texts]) for title, texts in folds],
    )


_JUDGED: dict[Status, str] = {"approved": "approved", "rejected": "rejected", "candidate": "to be judged"}


def ask_to_delete(pack: PromptPack) -> str:
    """Whether a pack is really to be deleted."""
    return render(PACKS, "ask_to_delete", pack=pack)


def deleted(pack: PromptPack, is_there: bool) -> str:
    """Tell that a pack is deleted, with the way back.

    Args:
        pack: which.
        is_there: whether it was a changed copy, so that the pack itself is still there.
    """
    return render(PACKS, "deleted", pack=pack, is_there=is_there)


# --- before there is anything -----------------------------------------------------------------------------------------


def progress(what: str, done: int, total: int, job_id: str) -> str:
    """How far the encoding is, with a button to stop it."""
    words = f"{done} of {total} {what}" if total else "opening the clips"
    verbs = {"clips": "Listening to the clips", "prompts": "Reading the prompts", "files": "Fetching the clips"}
    doing = verbs.get(what, "Getting ready")
    return markup.progress(f"{doing} · {words}", done / total if total else 0, job=job_id)


def weighing(job_id: str) -> str:
    """Tell that a selection is being worked out, with a button to stop that."""
    return markup.progress("Trying selections on halves of the clips", job=job_id)


SESSION = render(PACKS, "session")

START = markup.empty(
    "Give a pack of candidates and some labelled clips. Each prompt is then measured alone and in the ensemble, and "
    "you decide with a keystroke which to keep. No clips at hand? The demonstration has 112 recordings of 14 sounds "
    "of a village and 40 candidates, all on this machine.",
    "See what each prompt is worth",
    DEMONSTRATE,
    primary=True,
)


def ask_for_clips(pack: PromptPack) -> str:
    """Return what is missing where there is a pack but no clips."""
    return markup.empty(
        "To see what they are worth, give labelled clips under “Validation clips”: a manifest, a folder for each "
        "class, a zip file, or a data set of the hub. Or see how curation works on the demonstration.",
        f"{pack.title}: {counted(len(pack.entries), 'prompt')}",
        DEMONSTRATE,
    )
