"""The figures that people explore, each a pure function of results.

A figure is what plotly draws, as JSON has it: made of dicts it costs next to nothing, where plotly's own classes check
every property of every figure. Plotly reads a few tags in text, so that labels, which are other people's text, are
escaped here.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Literal

import gradio as gr
import numpy as np
import orjson
from gradio.components.plot import PlotData

from audioprompt.audio.spectrogram import FLOOR, Picture
from audioprompt.core.timeline import Event, Timeline
from audioprompt.core.zero_shot import Prediction
from audioprompt.few_shot.methods import colour_of, title_of
from audioprompt.services.classify import ranked
from audioprompt.ui import theme
from audioprompt.ui.events import HIDDEN
from audioprompt.util.text import one_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from audioprompt.services.learn import Moves, Results

Figure = dict[str, Any]  # traces and layout, as plotly names them

TOP = 5  # classes shown
LABEL_CHARACTERS = 32  # shown of a label in a figure; the whole stands in the hover text
MAP_PIXELS = (320, 370)  # width and height of a map's dots where it is narrowest, on a phone
NAME_PIXELS = (6.5, 15)  # of a letter there
BAR_HEIGHT, TITLE_HEIGHT = 40, 34  # pixels
SPECTROGRAM, OUTLINE = (0, 0.72), (0.75, 1)  # of a figure's height
SPECTROGRAM_HEIGHT, LANE_HEIGHT = 150, 28  # pixels, of a recording over time
MAX_LANES, LANE_CHARACTERS = 12, 18
KINDS = {"int8": "i1", "float32": "f4", "float64": "f8"}  # of numbers, as plotly names them


def plotted(figure: Figure) -> PlotData:
    """Return a figure as the page takes it."""
    text = orjson.dumps(figure, option=orjson.OPT_SERIALIZE_NUMPY).decode()
    return PlotData(type="plotly", plot=text.replace("<", "\\u003c").replace(">", "\\u003e"))


def plot(figure: Figure | None, hidden: bool | Literal["hidden"] = HIDDEN) -> dict[str, Any]:
    """Show a figure where there may have been none, or none where there was one: an update, cheaper than a component.

    Args:
        figure: to be shown; None for nothing.
        hidden: how the plot is hidden then.
    """
    return gr.update(value=plotted(figure), visible=True) if figure else gr.update(value=None, visible=hidden)


def _figure(traces: list[Figure], **layout: Any) -> Figure:
    return {"data": traces, "layout": {"template": theme.FIGURES, **layout}}


def _packed(numbers: NDArray[Any]) -> Figure:
    """Return an array as plotly takes it in few bytes."""
    shape = ", ".join(map(str, numbers.shape))
    return {
        "dtype": KINDS[numbers.dtype.name],
        "bdata": b64encode(np.ascontiguousarray(numbers).tobytes()).decode(),
        **({"shape": shape} if numbers.ndim > 1 else {}),
    }


def _note(text: str, **place: Any) -> Figure:
    """Return a text in a figure, without an arrow."""
    return {"text": text, "showarrow": False, **place}


def shown(label: str) -> str:
    """Return a label as a figure shows it: shortened, and escaped so that no part of it is read as markup."""
    return escape(short(label, LABEL_CHARACTERS))


def short(text: str, characters: int) -> str:
    """Return a text that is cut where it is too long."""
    return text if len(text) <= characters else text[: characters - 1].rstrip() + "…"


# --- one clip ---------------------------------------------------------------------------------------------------------


def probability_bars(title: str, prediction: Prediction, colour: str) -> Figure:
    """Return a method's most probable classes of one clip as horizontal bars, the label above each bar, the number
    at its end.

    All bars have one scale, from 0 to 1, so that a doubtful answer looks like one.

    Args:
        title: the method's name.
        prediction: of one clip.
        colour: the method's.
    """
    top = ranked(prediction)[:TOP]
    rows = list(range(len(top)))
    notes = [note for row, (label, value) in enumerate(top) for note in _bar_notes(row, label, value)]
    corner = {"x": 0, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "left", "xshift": -2, "yanchor": "bottom"}
    name = f'<span style="color:{colour}">■</span> <b>{title}</b>'
    track = {"color": theme.RULE, "cornerradius": 3}
    marker = {"color": colour, "cornerradius": 3, "opacity": [1.0] + [0.55] * (len(top) - 1)}
    return _figure(
        [
            {"type": "bar", "orientation": "h", "x": [1] * len(top), "y": rows, "marker": track}
            | {"opacity": 0.45, "hoverinfo": "skip"},  # the track a bar runs in
            {"type": "bar", "orientation": "h", "x": [value for _, value in top], "y": rows, "marker": marker}
            | {
                "customdata": [[escape(label)] for label, _ in top],
                "hovertemplate": "%{customdata[0]}<br>%{x:.4f}<extra></extra>",
            },
        ],
        barmode="overlay",
        bargap=0.72,
        height=TITLE_HEIGHT + BAR_HEIGHT * TOP,
        margin={"l": 14, "r": 14, "t": TITLE_HEIGHT, "b": 4},
        xaxis={"visible": False, "range": [0, 1]},
        yaxis={"visible": False, "range": [TOP - 0.6, -0.85]},
        annotations=[*notes, _note(name, **corner, yshift=4, font={"size": 14})],
    )


def _bar_notes(row: int, label: str, value: float) -> list[Figure]:
    """Return the label and the number above a bar."""
    above = {"y": row, "xref": "paper", "yanchor": "bottom", "yshift": 5}
    name = f"<b>{shown(label)}</b>" if row == 0 else shown(label)
    return [
        _note(name, x=0, xanchor="left", xshift=-2, **above),
        _note(f"{value:.2f}", x=1, xanchor="right", xshift=2, **above),
    ]


def heard(picture: Picture) -> Figure:
    """Outline and log-mel spectrogram of what the model heard, one above the other on one time axis."""
    loudest = max(float(picture.high.max()), -float(picture.low.min()), 0.01)
    outline = {
        "type": "scatter",
        "x": _packed(np.concatenate([picture.times, picture.times[::-1]])),
        "y": _packed(np.concatenate([picture.high, picture.low[::-1]])),
        "mode": "lines",
        "line": {"width": 0.5, "color": theme.SOFT_INK},
        "fill": "toself",
        "fillcolor": theme.SOFT_INK,
        "hoverinfo": "skip",
        "xaxis": "x",
        "yaxis": "y",
    }
    levels = _levels(picture) | {"xaxis": "x2", "yaxis": "y2"}
    corner = {"x": 1, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "right", "yanchor": "bottom"}
    return _figure(
        [outline, levels],
        height=196,
        margin={"l": 8, "r": 12, "t": 22, "b": 6},
        xaxis={"visible": False, "anchor": "y", "matches": "x2"},
        yaxis={"visible": False, "anchor": "x", "domain": OUTLINE, "range": [-loudest, loudest]},
        xaxis2={"anchor": "y2", "ticksuffix": " s", "nticks": 9, "automargin": True, "showline": False},
        yaxis2={
            "anchor": "x2",
            "domain": SPECTROGRAM,
            "automargin": True,
            **_hertz_marks(picture),
        },
        annotations=[_note("as the model heard it", **corner, font={"size": 11, "color": theme.SOFT_INK})],
    )


def _levels(picture: Picture) -> Figure:
    """Return a spectrogram, of columns all as wide as each other: plotly draws those in a third of the time."""
    first, last = float(picture.times[0]), float(picture.times[-1])
    return {
        "type": "heatmap",
        "x0": first,
        "dx": (last - first) / max(len(picture.times) - 1, 1) or 1,
        "y": list(range(len(picture.hertz))),
        "z": _packed(np.round(picture.decibels).astype(np.int8)),
        "zmin": FLOOR,
        "zmax": 0,
        "colorscale": theme.LEVELS,
        "showscale": False,
        "hovertemplate": "%{x:.2f} s, %{z} dB<extra></extra>",
    }


def _hertz_marks(picture: Picture) -> Figure:
    marks = [hertz for hertz in (200, 500, 1000, 2000, 5000, 10_000) if hertz < picture.hertz[-1]]
    return {
        "tickvals": np.interp(marks, picture.hertz, np.arange(len(picture.hertz))).tolist(),
        "ticktext": [f"{hertz // 1000} kHz" if hertz >= 1000 else f"{hertz} Hz" for hertz in marks],
    }


def lanes(timeline: Timeline, events: Sequence[Event]) -> list[str]:
    """Return the labels that have a lane: those of events, then the likeliest."""
    likely = [timeline.labels[at] for at in np.argsort(-timeline.probabilities.max(axis=0), kind="stable")[:TOP]]
    return list(dict.fromkeys([*(event.label for event in events), *likely]))[:MAX_LANES]


def over_time(picture: Picture, timeline: Timeline, events: Sequence[Event]) -> Figure:
    """Return what is heard when: the spectrogram, and below it a lane for each label with its events.

    Behind the events, whose edges can be dragged, is how likely each label is. Drag over the picture to zoom.
    """
    labels = lanes(timeline, events)
    place = {label: at for at, label in enumerate(timeline.labels)}
    nothing = np.zeros(len(timeline.winners), np.float32)  # is known of a label that a person gave
    chances = np.stack([timeline.probabilities[:, place[one]] if one in place else nothing for one in labels])
    bands = {
        "type": "heatmap",
        "x": _packed(timeline.edges),
        "y": list(range(len(labels))),
        "z": _packed(chances),
        "zmin": 0,
        "zmax": 1,
        "ygap": 4,
        "colorscale": [[0, "rgba(230, 159, 0, 0.06)"], [1, "rgba(230, 159, 0, 0.75)"]],
        "showscale": False,
        "customdata": [[escape(label)] * len(timeline.winners) for label in labels],
        "hovertemplate": "%{customdata}<br>%{x:.1f} s: %{z:.2f}<extra></extra>",
        "yaxis": "y2",
    }
    height = SPECTROGRAM_HEIGHT + LANE_HEIGHT * len(labels) + 34
    foot = LANE_HEIGHT * len(labels) / (height - 34)
    return _figure(
        [_levels(picture), bands],
        height=height,
        dragmode="zoom",
        margin={"l": 2, "r": 8, "t": 4, "b": 4},
        shapes=[_event_shape(event, labels.index(event.label)) for event in events if event.label in labels],
        xaxis={"ticksuffix": " s", "automargin": True, "showline": False, "fixedrange": False, "anchor": "y2"},
        yaxis={"domain": [foot + 0.03, 1], "automargin": True, **_hertz_marks(picture)},
        yaxis2={
            "domain": [0, foot],
            "tickvals": list(range(len(labels))),
            "ticktext": [escape(short(label, LANE_CHARACTERS)) for label in labels],
            "autorange": "reversed",
            "tickfont": {"size": 12, "color": theme.INK},
            "automargin": True,
            "ticks": "outside",  # unseen, so that there is room between a label and its lane
            "ticklen": 6,
            "tickcolor": "rgba(0, 0, 0, 0)",
            "showline": False,
        },
    )


def _event_shape(event: Event, lane: int) -> Figure:
    return {
        "type": "rect",
        "x0": event.start,
        "x1": event.end,
        "y0": lane - 0.36,
        "y1": lane + 0.36,
        "yref": "y2",
        "line": {"width": 2, "color": theme.TSPE},
        "fillcolor": "rgba(230, 159, 0, 0.25)",
    }


# --- what was learned -------------------------------------------------------------------------------------------------


def class_map(moves: Moves) -> Figure:
    """Return a map of the classes' embeddings: a ring where the words alone put each, a dot where it is now."""
    names = [shown(name) for name in moves.classes]
    ways = [[*pair, [None, None]] for pair in zip(moves.before.tolist(), moves.after.tolist(), strict=True)]
    xs, ys = zip(*(point for way in ways for point in way), strict=True)
    hover = {"customdata": [[escape(name)] for name in moves.classes]}
    lines = {"type": "scatter", "x": xs, "y": ys, "mode": "lines", "line": {"color": theme.RULE}, "hoverinfo": "skip"}
    rings = (
        _dots(moves.before)
        | hover
        | {
            "marker": {"symbol": "circle-open", "size": 8, "color": theme.SOFT_INK},
            "hovertemplate": "%{customdata[0]}, by its name<extra></extra>",
        }
    )
    dots = (
        _dots(moves.after)
        | hover
        | {
            "mode": "markers+text",
            "marker": {"size": 10, "color": theme.PALM},
            "text": names,
            "textposition": "middle right",
            "hovertemplate": "%{customdata[0]}, by its clips<extra></extra>",
        }
    )
    axis = {"visible": False, "fixedrange": False}
    title = "How the classes moved: from what their names mean (rings) to what the clips sound like (dots)"
    return _figure(
        [lines, rings, dots],
        height=380,
        dragmode="zoom",
        xaxis=axis,
        yaxis=axis,
        **_titled(title),
    )


def sound_map(places: NDArray[Any], names: Sequence[str], clusters: NDArray[Any], titles: Sequence[str]) -> Figure:
    """Return a map of recordings, each a dot coloured by its cluster, which is named where its middle is.

    Args:
        places: of the dots, ``[N, 2]``.
        names: of the recordings, N.
        clusters: of which each is, ``[N]``.
        titles: of the K clusters.
    """
    dots = [
        _dots(places[rows])
        | {
            "customdata": [[int(row), escape(one_line(names[row]))] for row in rows],
            "marker": {"size": 8, "color": theme.LABEL_COLOURS[number % len(theme.LABEL_COLOURS)]},
            "hovertemplate": f"%{{customdata[1]}}<br>{escape(title)}<extra></extra>",
        }
        for number, title in enumerate(titles)
        for rows in [np.flatnonzero(clusters == number)]
    ]
    middles = np.array([places[clusters == number].mean(axis=0) for number in range(len(titles))]).reshape(-1, 2)
    widths = np.array([len(short(title, LABEL_CHARACTERS)) for title in titles]) * NAME_PIXELS[0] / MAP_PIXELS[0]
    size = np.ptp(places, axis=0) if len(places) else np.zeros(2)
    spots = spread_names(middles, widths * size[0], float(NAME_PIXELS[1] / MAP_PIXELS[1] * size[1]))
    notes = [
        _note(shown(title), x=float(x), y=float(y), font={"size": 12})
        for title, (x, y) in zip(titles, spots, strict=True)
    ]
    axis = {"visible": False, "fixedrange": False}
    return _figure(dots, height=420, dragmode="lasso", annotations=notes, xaxis=axis, yaxis=axis)


def spread_names(middles: NDArray[Any], widths: NDArray[Any], height: float) -> NDArray[Any]:
    """Move names up until none covers another, the lowest first.

    Args:
        middles: where they would be, ``[K, 2]``, in units of the axes, as all that follows.
        widths: of the names, ``[K]``.
        height: of each.
    """
    spots, placed = middles.astype(float), list[int]()
    for name in np.argsort(middles[:, 1], kind="stable").tolist():
        for other in sorted(placed, key=lambda k: spots[k, 1]):  # once it has moved up, those below are out of its way
            across, up = np.abs(spots[name] - spots[other])
            if across < (widths[name] + widths[other]) / 2 and up < height:
                spots[name, 1] = spots[other, 1] + height
        placed.append(name)
    return spots


def _dots(places: NDArray[Any]) -> Figure:
    across, up = places.astype(np.float32).T
    return {"type": "scatter", "x": _packed(across), "y": _packed(up), "mode": "markers"}


def _titled(title: str) -> Figure:
    text = {"text": title, "font": {"size": 13, "color": theme.SOFT_INK}, "x": 0, "xanchor": "left", "xref": "paper"}
    return {"title": text, "margin": {"l": 34, "r": 12, "t": 34, "b": 30}}


def shots_curve(found: Mapping[int, Results]) -> Figure:
    """Accuracy by clips per class, a line for each method, with the interval of each point."""
    methods = [outcome.method for outcome in next(iter(found.values())).outcomes]
    return _figure(
        [_shots_line(method, found) for method in methods],
        height=280,
        showlegend=True,
        legend={"orientation": "h", "y": -0.15},
        hovermode="x unified",
        xaxis={"type": "category", "ticks": "", "automargin": True},
        yaxis={"ticksuffix": " %", "gridcolor": theme.RULE, "showgrid": True, "automargin": True},
        **_titled("Accuracy by clips per class"),
    )


def _shots_line(method: str, found: Mapping[int, Results]) -> Figure:
    points: list[tuple[str, float, float, float]] = [
        (str(number), 100 * one.accuracy, 100 * one.interval[0], 100 * one.interval[1])
        for number, results in found.items()
        if (one := results.of(method)) and one.accuracy is not None and one.interval is not None
    ]
    return {
        "type": "scatter",
        "name": escape(title_of(method)),
        "x": [number for number, *_ in points],
        "y": [accuracy for _, accuracy, *_ in points],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [high - accuracy for _, accuracy, _, high in points],
            "arrayminus": [accuracy - low for _, accuracy, low, _ in points],
            "thickness": 1,
            "width": 0,
        },
        "mode": "lines+markers",
        "line": {"color": colour_of(method)},
        "hovertemplate": "%{y:.1f}",
    }
