"""What the Curate tab shows: pure functions of what was measured and decided."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from audioprompt.prompts.history import next_redo, next_undo
from audioprompt.prompts.pack import PackEntry, PromptPack, Status
from audioprompt.prompts.template import SLOT
from audioprompt.ui import markup
from audioprompt.ui.components.curate.history import CURATOR as CURATOR
from audioprompt.ui.components.curate.history import foot as foot
from audioprompt.ui.components.curate.history import moment
from audioprompt.ui.components.curate.rows import FILTERS, MILD, SORTS, VERBS, Row
from audioprompt.ui.components.curate.rows import chosen as chosen
from audioprompt.ui.components.curate.rows import rows_of as rows_of
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
DEMONSTRATE = "data-demonstrate", "Load the instruments demonstration"


# --- above the table --------------------------------------------------------------------------------------------------


def strip(bench: MeasuredPack, pack: PromptPack, stands: SelectionReport) -> str:
    """Where the selection stands, in one line: the scores that matter, and what is gained in words."""
    count, everything = len(pack.approved), f"all {len(pack.entries)}"
    best = bench.templates[bench.table.best].text
    figures = [
        _figure("vanilla", stands.vanilla, "vanilla", "Plain zero-shot: one prompt"),
        _figure("best single", stands.best, "", best),
        _figure(everything, stands.uncurated, "", "The ensemble of every prompt, uncurated"),
        _figure(f"approved ({count})", stands.ensemble, "approved", "The ensemble of the prompts approved"),
    ]
    leads = [
        _lead(stands.ensemble, stands.vanilla, "vanilla", str(stands.against_vanilla)),
        _lead(stands.ensemble, stands.uncurated, everything, str(stands.against_uncurated)),
    ]
    return render(TABLE, "strip", figures=figures, leads=leads if count else ())


def _figure(name: str, score: Score, role: str, title: str) -> dict[str, Any]:
    return {"name": name, "score": score, "role": role, "title": title}


def _lead(score: Score, other: Score, name: str, comparison: str) -> dict[str, Any]:
    return {"points": score.accuracy - other.accuracy, "name": name, "comparison": comparison}


def filters(rows: Sequence[Row], only: str) -> str:
    """Which rows to show, with how many there are of each kind."""
    counts = Counter[str](row.entry.status for row in rows)
    counts["all"], counts["flagged"] = len(rows), sum(row.flagged for row in rows)
    kinds = [{"key": key, "name": name, "count": counts[key], "pressed": key == only} for key, name in FILTERS.items()]
    return render(TABLE, "filters", kinds=kinds)


# --- the table --------------------------------------------------------------------------------------------------------


def table(
    rows: Sequence[Row],
    total: int,
    stands: SelectionReport,
    label: str,
    sort: tuple[str, bool],
    proposed: Mapping[str, Status],
    turn: int,
    go: str | None = None,
    pack_id: str = "",
    role: str = "",
) -> str:
    """Return the rows as a table.

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
    return render(
        TABLE,
        "table",
        rows=[{**_shown(row, label), "proposed": _proposed(row, proposed)} for row in rows],
        total=total,
        vanilla=stands.vanilla.accuracy,
        limit=max([row.score.interval[1] for row in rows] + [stands.vanilla.interval[1], 0.01]),
        sorts=[_heading(key, sort) for key in SORTS],
        turn=turn,
        pack_id=pack_id,
        role=role,
        go=go,
    )


def _proposed(row: Row, proposed: Mapping[str, Status]) -> str:
    """Return what a proposal would do with a row, if anything."""
    return VERBS[proposed[row.text]] if row.text in proposed else ""


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


def actions(pack: PromptPack, proposal: Proposal | None, stands: SelectionReport, note: str = "") -> str:
    """Undo, redo and the proposal of a selection, with what it would change."""
    return render(
        SIDE,
        "actions",
        can_undo=bool(next_undo(pack)),
        can_redo=bool(next_redo(pack)),
        note=note,
        proposal=_proposal(proposal, pack, stands) if proposal else None,
    )


def _proposal(proposal: Proposal, pack: PromptPack, stands: SelectionReport) -> dict[str, Any]:
    changes = proposal.changes(pack)
    counts = Counter(changes.values())
    approve_and_reject = f"approve {counts['approved']} more and reject {counts['rejected']}"
    return {
        "size": int(proposal.selection.sum()),
        "total": len(pack.entries),
        "found": proposal.report.ensemble,
        "now": stands.ensemble,
        "what": approve_and_reject if changes else "change nothing",
        "kept": proposal.kept_in_words if proposal.kept else "",
        "changes": changes,
    }


def side(bench: MeasuredPack, pack: PromptPack, stands: SelectionReport, row: Row | None, label: str) -> str:
    """Everything about one template: the decision on it, its flags in words, and the clips it wins and loses."""
    if row is None:
        return render(SIDE, "choose")
    from audioprompt.core.curation import wins_and_losses, wins_and_losses_within

    table = bench.table
    won, lost = wins_and_losses(table, row.number)
    needed, spoilt = wins_and_losses_within(table, bench.approved(pack), row.number)
    return render(
        SIDE,
        "side",
        row=_shown(row, label),
        decision=_decision(row.entry),
        within=_within(len(needed), len(spoilt), row.entry.status == "approved"),
        clips=[_clips(bench, won, "Wins", table.vanilla), _clips(bench, lost, "Loses", table.alone[row.number])],
        recalls=_recalls(bench, stands),
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


def _clips(bench: MeasuredPack, clips: Choices, title: str, wrong: Choices) -> dict[str, Any]:
    """Clips that a template wins over vanilla, or loses to it, and what was heard in them wrongly."""
    names = bench.seen.spoken_classes
    return {
        "title": title,
        "count": len(clips),
        "clips": [
            {
                "number": clip,
                "file": one_line(bench.seen.paths[clip].name),
                "label": names[bench.table.targets[clip]],
                "wrong": names[wrong[clip]],
            }
            for clip in map(int, clips[:CLIPS_SHOWN])
        ],
    }


def _recalls(bench: MeasuredPack, stands: SelectionReport) -> list[dict[str, Any]]:
    """Per class: the share recalled by vanilla and by the approved ensemble."""
    each = zip(bench.seen.spoken_classes, stands.recalls_before, stands.recalls, strict=True)
    return [
        {"name": name, "before": before, "after": after, "way": _way(before.correct, after.correct)}
        for name, before, after in each
        if before and after
    ]


def _way(before: int, after: int) -> str:
    return "up" if after > before else "down" if after < before else "same"


def composing(preview: str) -> str:
    """Return the preview of a prompt that is being written: while there is one, the composer is seen."""
    return render(SIDE, "composing", preview=preview)


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


SESSION = render(PACKS, "session")
WEIGHING = markup.progress("Trying selections on halves of the clips")

START = markup.empty(
    "Give a pack of candidates and some labelled clips. Each prompt is then measured alone and in the ensemble, and "
    "you decide with a keystroke which to keep. No clips at hand? The demonstration has 192 clips of 12 instruments "
    "and 40 candidates, all on this machine.",
    "See what each prompt is worth",
    DEMONSTRATE,
    primary=True,
)


def ask_for_clips(pack: PromptPack) -> str:
    """Return what is missing where there is a pack but no clips."""
    return markup.empty(
        "To see what they are worth, give labelled clips under “Validation clips”: a manifest, a folder for each "
        "class, a zip file, or a data set of the hub. Or see how curation works on the demonstration.",
        f"{pack.title}: {len(pack.entries)} prompts",
        DEMONSTRATE,
    )
