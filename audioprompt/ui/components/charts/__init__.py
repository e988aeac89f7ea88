"""Charts that the server draws, as SVG: one that moves while a fit runs, and one that is drawn with every decision.

A plotly figure would be made anew each time, and blink; what people explore is in `audioprompt.ui.charts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from audioprompt.core.metrics import Score
from audioprompt.ui import numbers, theme
from audioprompt.ui.render import render
from audioprompt.util.text import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from audioprompt.core.calibration import Reliability
    from audioprompt.core.curation import SelectionReport
    from audioprompt.few_shot.base import Epoch

TEMPLATE = "charts/template.html"
CURVE = 300, 108  # width and height of a curve of a fit, in units of its drawing


# --- a fit ------------------------------------------------------------------------------------------------------------


def fit_curves(history: Sequence[Epoch], epochs: int, chance: float) -> str:
    """Loss and accuracy over the epochs, side by side.

    Args:
        history: the E epochs by now.
        epochs: of the whole fit.
        chance: the loss of guessing.
    """
    losses, shares = [epoch.loss for epoch in history], [epoch.accuracy for epoch in history]
    loss = {
        "title": "Loss",
        "now": f"{losses[-1]:.3f}" if history else "",
        "points": _points(losses, epochs, max([chance, *losses])),
        "colour": theme.SOFT_INK,
    }
    accuracy = {
        "title": "Training accuracy",
        "now": f"{numbers.percent(shares[-1])} %" if history else "",
        "points": _points(shares, epochs, 1.0),
        "colour": theme.PALM,
    }
    return render(TEMPLATE, "curves", both=[loss, accuracy], epochs=epochs, width=CURVE[0], height=CURVE[1])


def _points(values: Sequence[float], epochs: int, top: float) -> str:
    """Return a line through values in the box of a curve; none through a single one."""
    width, height = CURVE
    points = (
        f"{width * place / max(epochs - 1, 1):.1f},{height * (1 - value / top):.1f}"
        for place, value in enumerate(values)
    )
    return " ".join(points) if len(values) > 1 else ""


# --- how many prompts -------------------------------------------------------------------------------------------------


def prompts_curve(random: NDArray[np.floating], stands: SelectionReport) -> str:
    """Accuracy of the first 1 to K prompts: of those approved, the best alone first; and of all in random order.

    Args:
        random: accuracies of random orders, [R, K].
        stands: where the selection stands.
    """
    count = random.shape[1]
    mean, deviation = random.mean(axis=0), random.std(axis=0)
    low, high = mean - deviation, mean + deviation
    mine = [score.accuracy for score in stands.curve]
    vanilla = stands.vanilla.accuracy
    bottom, top = _axis([*low, *high, *mine, vanilla])

    def x(k: float) -> str:
        return f"{100 * (k - 1) / max(count - 1, 1):.2f}"

    def y(value: float) -> str:
        return f"{100 * (top - value) / (top - bottom):.2f}"

    paths = {
        "band": f"{_path(high, x, y)}L" + "L".join(f"{x(k)} {y(low[k - 1])}" for k in range(count, 0, -1)) + "Z",
        "random": _path(mean, x, y),
        "vanilla": f"M0 {y(vanilla)}H100",
        "approved": _path(mine, x, y) if len(mine) > 1 else "",
    }
    dots = [
        {"x": x(k), "y": y(score.accuracy), "title": f"First {k}: {numbers.interval(score)}"}
        for k, score in enumerate(stands.curve, 1)
    ]
    ticks = [(f"{100 * value:.0f}", y(value)) for value in _ticks(bottom, top)]
    marks = [(k, x(k)) for k in dict.fromkeys([1, *range(10, count - 3, 10), count])]
    return render(TEMPLATE, "prompts", ticks=ticks, marks=marks, paths=paths, dots=dots)


def _path(values: Iterable[float], x: Callable[[float], str], y: Callable[[float], str]) -> str:
    return "M" + "L".join(f"{x(k)} {y(value)}" for k, value in enumerate(values, 1))


def _axis(values: Sequence[float]) -> tuple[float, float]:
    """Bounds that hold all values, on multiples of five per cent."""
    bottom, top = np.floor(20 * min(values)) / 20, np.ceil(20 * max(values)) / 20
    return float(bottom), float(top if top > bottom else bottom + 0.05)


def _ticks(bottom: float, top: float) -> list[float]:
    step = 0.05 if top - bottom <= 0.2001 else 0.1 if top - bottom <= 0.5001 else 0.2
    return [float(value) for value in np.arange(np.ceil(round(bottom / step, 6)) * step, top + 1e-9, step)]


# --- how far probabilities can be trusted -----------------------------------------------------------------------------


def reliability_diagram(found: Reliability) -> str:
    """How often answers are right, by how sure they are, a dot for each bin that has clips."""
    bins = zip(found.counts.tolist(), found.confidence.tolist(), found.accuracy.tolist(), strict=True)
    dots = [_bin(count, sure, Score(round(count * right), count)) for count, sure, right in bins if count]
    return render(TEMPLATE, "reliability", dots=dots)


def _bin(count: int, sure: float, right: Score) -> dict[str, Any]:
    low, high = right.interval
    said = f"{counted(count, 'clip')}, {numbers.percent(sure)} % sure, right {numbers.interval(right)}"
    return {
        "x": f"{100 * sure:.2f}",
        "y": f"{100 * (1 - right.accuracy):.2f}",
        "low": f"{100 * (1 - low):.2f}",
        "high": f"{100 * (1 - high):.2f}",
        "size": min(4 + round(count**0.5), 16),
        "title": said,
    }
