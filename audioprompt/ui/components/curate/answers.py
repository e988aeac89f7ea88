"""What is in the fold below Curate's table: the ways to answer together, and how far their probabilities go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from audioprompt.core.ensembles import DEFAULT
from audioprompt.ui import markup
from audioprompt.ui.components.charts import reliability_diagram
from audioprompt.ui.render import render
from audioprompt.util.text import counted

if TYPE_CHECKING:
    from audioprompt.core.calibration import Reliability
    from audioprompt.services.curate import Answers, Way

TEMPLATE = "curate/answers.html"
ROLES = {"vanilla": "vanilla", DEFAULT: "approved"}  # in which colour a way is drawn
SURE_ENOUGH = 0.02  # between how sure answers are and how often right, on average

CLOSED = render(TEMPLATE, "closed")


def answers(found: Answers | None, chosen: str, turn: int) -> str:
    """Return the fold, opened.

    Args:
        found: the ways to answer; None while they are being compared.
        chosen: name of the way whose answers are looked at.
        turn: of the page that this belongs to.
    """
    if found is None:
        return render(TEMPLATE, "waiting", progress=markup.progress("Comparing the ways to answer"))
    way = found[chosen] if chosen in found else found[DEFAULT]
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
    )


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
