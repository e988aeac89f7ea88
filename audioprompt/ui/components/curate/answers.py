"""The fold below Curate's table: the ways to answer together, how far they can be trusted and what they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from audioprompt.core.ensembles import DEFAULT
from audioprompt.ui import markup
from audioprompt.ui.components.charts import reliability_diagram
from audioprompt.ui.render import render
from audioprompt.util.text import counted

if TYPE_CHECKING:
    from audioprompt.core.calibration import Reliability
    from audioprompt.core.effects import Change
    from audioprompt.services.curate import Answers, Effects, Way

TEMPLATE = "curate/answers.html"
ROLES = {"vanilla": "vanilla", DEFAULT: "approved"}  # in which colour a way is drawn
SURE_ENOUGH = 0.02  # between how sure answers are and how often right, on average

CLASSES_SHOWN, FLOWS_SHOWN = 20, 8

CLOSED = render(TEMPLATE, "closed")
COMPARING = render(TEMPLATE, "waiting", progress=markup.progress("Comparing the ways to answer"))


def answers(found: Answers, way: Way, effects: Effects, turn: int) -> str:
    """Return the fold, opened.

    Args:
        found: the ways to answer.
        way: the one that is looked at.
        effects: what it does.
        turn: of the page that this belongs to.
    """
    return render(
        TEMPLATE,
        "answers",
        turn=turn,
        which=_which(found),
        ways=[_way(one, one is way) for one in found.ways],
        limit=max(one.score.interval[1] for one in found.ways),
        way=way,
        trust=_trust(way.reliability),
        diagram=reliability_diagram(way.reliability),
        findings=effects.findings,
        classes=_classes(effects),
        flows=[
            _change(f"{effects.names[flow.true]} → {effects.names[flow.taken_for]}", flow.change, ("down", "up"))
            for flow in effects.flows[:FLOWS_SHOWN]
        ],
        groupings=[(one.title, [_change(each.name, each.change) for each in one.effects]) for one in effects.groupings],
    )


def _classes(effects: Effects) -> list[dict[str, Any]]:
    """Return the classes that have clips, those that change most first."""
    rows = [
        _change(name, one.recall) | {"named": one.named.after, "named_before": one.named_before.after}
        for name, one in zip(effects.names, effects.classes, strict=True)
        if one.recall
    ]
    return sorted(rows, key=lambda row: -abs(row["change"].difference))[:CLASSES_SHOWN]


def _change(name: str, change: Change, ways: tuple[str, str] = ("up", "down")) -> dict[str, Any]:
    """Return a change as its row shows it: where its interval lies between -1, at the left, and 1.

    Args:
        name: of what changes.
        change: how.
        ways: how more and how less of it is shown: as for the better ("up") or the worse.
    """
    low, high = change.interval
    before, after = change.scores
    return {
        "name": name,
        "change": change,
        "before": before,
        "after": after,
        "left": (1 + low) / 2,
        "wide": (high - low) / 2,
        "at": (1 + change.difference) / 2,
        "way": ways[change.difference < 0] if change.difference else "same",
    }


def _which(found: Answers) -> str:
    if found.approved:
        return f"{counted(found.count, 'approved prompt')}"
    return f"All {counted(found.count, 'prompt')}, because nothing is approved yet"


def _way(way: Way, chosen: bool) -> dict[str, Any]:
    against = way.against_mean
    return {
        "way": way,
        "chosen": chosen,
        "role": ROLES.get(way.name, "other"),
        "points": (against.better - against.worse) / way.score.n if against else None,
        "comparison": str(against or ""),
    }


def _trust(reliability: Reliability) -> str:
    """Tell how far the probabilities are off, and which way."""
    counts = reliability.counts
    lean = float((counts * (reliability.confidence - reliability.accuracy)).sum() / max(counts.sum(), 1))
    leaning = "too sure" if lean > SURE_ENOUGH else "not sure enough" if lean < -SURE_ENOUGH else ""
    off = f"off by {100 * reliability.error:.1f} points on average (expected calibration error)"
    return f"Its probabilities, which are of the labels given, are {off}{leaning and f': it is {leaning}'}."
