"""All charts, each a pure function of results.

What people explore is a plotly figure in the one template. Plotly reads a few tags in text, so that labels, which are
other people's text, are escaped here. What moves while something runs, or stands in HTML that the server draws, is
worked out here and drawn by `components/charts/template.html`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from audioprompt.audio.spectrogram import FLOOR, Picture
from audioprompt.core.zero_shot import Prediction, Timeline
from audioprompt.few_shot.methods import colour_of, title_of
from audioprompt.services.classify import ranked
from audioprompt.ui import numbers, theme
from audioprompt.ui.render import render

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from audioprompt.core.curation import SelectionReport
    from audioprompt.few_shot.base import Epoch
    from audioprompt.services.learn import Moves, Results

TEMPLATE = "charts/template.html"
TOP = 5  # classes shown
LABEL_CHARACTERS = 32  # shown of a label in a figure; the whole stands in the hover text
BAR_HEIGHT, TITLE_HEIGHT = 40, 34  # pixels
CURVE = 300, 108  # width and height of a curve of a fit, in units of its drawing
MAP, MAP_MARGIN, MAP_ROOM = (640, 330), 56, 60  # of the map of classes, with room for names
TEXT_HEIGHT = 15
SHOTS, SHOTS_AXIS = (640, 210), 34  # of the accuracy by clips per class
SPECTROGRAM, OUTLINE = (0, 0.72), (0.75, 1)  # of a figure's height


def shown(label: str) -> str:
    """Return a label as a figure shows it: shortened, and escaped so that no part of it is read as markup."""
    return escape(short(label, LABEL_CHARACTERS))


def probability_bars(title: str, prediction: Prediction, colour: str) -> go.Figure:
    """Return a method's most probable classes of one clip as horizontal bars, the label above each bar, the number
    at its end.

    All bars have one scale, from 0 to 1, so that a doubtful answer looks like one.

    Args:
        title: the method's name.
        prediction: of one clip.
        colour: the method's.
    """
    top = ranked(prediction)[:TOP]
    labels, values = [label for label, _ in top], [value for _, value in top]
    rows = list(range(len(top)))
    annotations: list[dict[str, object]] = []
    for row, (label, value) in enumerate(top):
        name = f"<b>{shown(label)}</b>" if row == 0 else shown(label)
        annotations.append({"x": 0, "xanchor": "left", "xshift": -2, "text": name, **_above(row)})
        annotations.append({"x": 1, "xanchor": "right", "xshift": 2, "text": f"{value:.2f}", **_above(row)})
    annotations.append(
        {
            "text": f'<span style="color:{colour}">■</span> <b>{title}</b>',
            "x": 0,
            "y": 1,
            "xref": "paper",
            "yref": "paper",
            "xanchor": "left",
            "xshift": -2,
            "yanchor": "bottom",
            "yshift": 4,
            "showarrow": False,
            "font": {"size": 14},
        }
    )
    return go.Figure(  # all at once: added one by one, the annotations take plotly five times as long
        [
            go.Bar(  # the track a bar runs in
                x=[1] * len(top),
                y=rows,
                orientation="h",
                marker_color=theme.RULE,
                marker_cornerradius=3,
                opacity=0.45,
                hoverinfo="skip",
            ),
            go.Bar(
                x=values,
                y=rows,
                orientation="h",
                marker_color=colour,
                marker_cornerradius=3,
                marker_opacity=[1.0] + [0.55] * (len(top) - 1),
                customdata=[[escape(label)] for label in labels],
                hovertemplate="%{customdata[0]}<br>%{x:.4f}<extra></extra>",
            ),
        ],
        {
            "template": theme.FIGURES,
            "barmode": "overlay",
            "bargap": 0.72,
            "height": TITLE_HEIGHT + BAR_HEIGHT * TOP,
            "margin": {"l": 14, "r": 14, "t": TITLE_HEIGHT, "b": 4},
            "xaxis": {"visible": False, "range": [0, 1]},
            "yaxis": {"visible": False, "range": [TOP - 0.6, -0.85]},
            "annotations": annotations,
        },
    )


def _above(row: int) -> dict[str, object]:
    return {"y": row, "xref": "paper", "yanchor": "bottom", "yshift": 5, "showarrow": False}


def heard(picture: Picture) -> go.Figure:
    """Outline and log-mel spectrogram of what the model heard, one above the other on one time axis."""
    loudest = max(float(picture.high.max()), -float(picture.low.min()), 0.01)
    marks = [hertz for hertz in (200, 500, 1000, 2000, 5000, 10_000) if hertz < picture.hertz[-1]]
    return go.Figure(
        [
            go.Scatter(
                x=np.concatenate([picture.times, picture.times[::-1]]),
                y=np.concatenate([picture.high, picture.low[::-1]]),
                fill="toself",
                mode="lines",
                line_width=0.5,
                line_color=theme.SOFT_INK,
                fillcolor=theme.SOFT_INK,
                hoverinfo="skip",
                xaxis="x",
                yaxis="y",
            ),
            go.Heatmap(
                x=picture.times,
                y=np.arange(len(picture.hertz)),
                z=np.round(picture.decibels).astype(np.int8),
                zmin=FLOOR,
                zmax=0,
                colorscale=theme.LEVELS,
                showscale=False,
                hovertemplate="%{x:.2f} s, %{z} dB<extra></extra>",
                xaxis="x2",
                yaxis="y2",
            ),
        ],
        {
            "template": theme.FIGURES,
            "height": 196,
            "margin": {"l": 8, "r": 12, "t": 22, "b": 6},
            "xaxis": {"visible": False, "anchor": "y", "matches": "x2"},
            "yaxis": {"visible": False, "anchor": "x", "domain": OUTLINE, "range": [-loudest, loudest]},
            "xaxis2": {"anchor": "y2", "ticksuffix": " s", "nticks": 9, "automargin": True, "showline": False},
            "yaxis2": {
                "anchor": "x2",
                "domain": SPECTROGRAM,
                "automargin": True,
                "tickvals": np.interp(marks, picture.hertz, np.arange(len(picture.hertz))),
                "ticktext": [f"{hertz // 1000} kHz" if hertz >= 1000 else f"{hertz} Hz" for hertz in marks],
            },
            "annotations": [
                {
                    "text": "as the model heard it",
                    "x": 1,
                    "y": 1,
                    "xref": "paper",
                    "yref": "paper",
                    "xanchor": "right",
                    "yanchor": "bottom",
                    "showarrow": False,
                    "font": {"size": 11, "color": theme.SOFT_INK},
                }
            ],
        },
    )


def over_time(timeline: Timeline) -> go.Figure:
    """Return the ensemble's probabilities over time: the labels that lead somewhere, or come close, by windows."""
    probabilities = timeline.prediction.probabilities.copy()  # [W, C]
    probabilities[timeline.silent] = np.nan  # left empty
    top = np.argsort(-np.nanmax(probabilities, axis=0), kind="stable")[:TOP]
    edges = np.append(timeline.starts, timeline.ends[-1])  # an overlapped window shows up to where the next begins
    labels = [timeline.prediction.labels[index] for index in top]
    return go.Figure(
        go.Heatmap(
            x=edges,
            y=list(range(len(top))),
            z=probabilities[:, top].T,
            zmin=0,
            zmax=1,
            xgap=1,
            ygap=3,
            colorscale=[[0, "rgba(230, 159, 0, 0.06)"], [1, theme.TSPE]],
            showscale=False,
            customdata=[[escape(label)] * len(timeline.starts) for label in labels],
            hovertemplate="%{customdata}<br>%{x:.1f} s: %{z:.2f}<extra></extra>",
        ),
        {
            "template": theme.FIGURES,
            "height": 44 + 30 * len(top),
            "margin": {"l": 2, "r": 8, "t": 4, "b": 4},
            "yaxis": {
                "tickvals": list(range(len(top))),
                "ticktext": [shown(label) for label in labels],
                "autorange": "reversed",
                "tickfont": {"size": 12, "color": theme.INK},
                "automargin": True,
                "ticks": "",
                "showline": False,
            },
            "xaxis": {"ticksuffix": " s", "automargin": True, "showline": False},
        },
    )


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


def class_map(moves: Moves) -> str:
    """Return a map of the classes' embeddings: a ring where the words alone put each, a dot where it is now."""
    width, height = MAP
    places = [*moves.before.tolist(), *moves.after.tolist()]
    (left, right), (low, high) = ((min(axis), max(axis)) for axis in zip(*places, strict=True))

    def at(place: Sequence[float]) -> tuple[float, float]:
        across = (place[0] - left) / max(right - left, 1e-9) * (width - 2 * MAP_MARGIN - MAP_ROOM) + MAP_MARGIN
        down = (high - place[1]) / max(high - low, 1e-9) * (height - 2 * TEXT_HEIGHT) + TEXT_HEIGHT
        return round(across, 1), round(down, 1)

    drawn: list[dict[str, object]] = []
    taken: list[tuple[float, float]] = []  # by names
    classes = zip(moves.classes, map(at, moves.before.tolist()), map(at, moves.after.tolist()), strict=True)
    for name, before, after in sorted(classes, key=lambda one: one[2][1]):
        x, y = after
        while any(abs(y - other) < TEXT_HEIGHT and abs(x - across) < 100 for across, other in taken):
            y += TEXT_HEIGHT / 3
        taken.append((x, y))
        text = round(x + 9, 1), round(y + 4, 1)
        drawn.append({"name": short(name, 18), "before": before, "after": after, "text": text})
    return render(TEMPLATE, "moves", classes=drawn, width=width, height=height)


def shots_curve(found: Mapping[int, Results]) -> str:
    """Accuracy by clips per class, a line for each method, with the interval of each point."""
    width, height = SHOTS
    shots = list(found)
    methods = [outcome.method for outcome in next(iter(found.values())).outcomes]
    ends = [end for results in found.values() for one in results.outcomes for end in one.interval or ()]
    low, high = max(0.0, min(ends) - 0.02), min(1.0, max(ends) + 0.02)

    def across(place: int) -> float:
        return round(SHOTS_AXIS + 30 + (width - SHOTS_AXIS - 60) * place / max(len(shots) - 1, 1), 1)

    def down(share: float) -> float:
        return round(height * (high - share) / max(high - low, 1e-9), 1)

    lines = []
    for turn, method in enumerate(methods):
        aside = 5 * (turn - (len(methods) - 1) / 2)  # so that intervals stand apart
        name = title_of(method)
        dots = [
            {
                "x": round(across(place) + aside, 1),
                "y": down(one.accuracy),
                "low": down(one.interval[0]),
                "high": down(one.interval[1]),
                "title": f"{name}, {number} clips: {numbers.percent(one.accuracy)} %",
            }
            for place, number in enumerate(shots)
            if (one := found[number].of(method)) and one.accuracy is not None and one.interval is not None
        ]
        points = " ".join(f"{dot['x']},{dot['y']}" for dot in dots)
        lines.append({"name": name, "colour": colour_of(method), "points": points, "dots": dots})
    return render(
        TEMPLATE,
        "shots",
        rules=[(f"{100 * share:.0f}", down(share)) for share in _shots_ticks(low, high)],
        marks=[(number, across(place)) for place, number in enumerate(shots)],
        lines=lines,
        width=width,
        height=height,
        axis=SHOTS_AXIS,
    )


def _shots_ticks(low: float, high: float) -> list[float]:
    step = 0.1 if high - low < 0.6 else 0.2
    return [number * step for number in range(round(1 / step) + 1) if low <= number * step <= high]


def short(text: str, characters: int) -> str:
    """Return a text that is cut where it is too long."""
    return text if len(text) <= characters else text[: characters - 1].rstrip() + "…"


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
