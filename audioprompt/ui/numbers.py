"""Numbers as the page shows them: percentages with one decimal, and uncertainty beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audioprompt.core.metrics import Score

MINUS = "\N{MINUS SIGN}"


def percent(fraction: float) -> str:
    """Write a fraction in percent: ``66.9``."""
    return f"{100 * fraction:.1f}"


def half_width(score: Score) -> str:
    """Write half of the interval of a score, in percent."""
    low, high = score.interval
    return f"{50 * (high - low):.1f}"


def interval(score: Score) -> str:
    """Write a score with its interval."""
    low, high = score.interval
    return f"{percent(score.accuracy)} %, 95 % interval {100 * low:.1f} to {100 * high:.1f}"


def signed(fraction: float) -> str:
    """Write a difference in points: ``+5.6``, ``0.0``, and with a true minus sign where it is negative."""
    text = f"{100 * fraction:+.1f}"
    return "0.0" if text[1:] == "0.0" else text.replace("-", MINUS)


def tenths(fraction: float) -> int:
    """Return a difference in tenths of a point, rounded as `signed` writes it."""
    return round(10 * float(f"{100 * fraction:.1f}"))


def width(fraction: float) -> str:
    """Write a fraction as a length in a style: ``66.90%``."""
    return f"{100 * fraction:.2f}%"
