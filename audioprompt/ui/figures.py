"""The figures, each a pure function from results to a plotly figure in the one template.

Labels and prompts are other people's text. Plotly reads a few tags in text, so they are escaped here.
"""

from html import escape

import numpy as np
import plotly.graph_objects as go

from audioprompt.audio.spectrogram import FLOOR, Picture
from audioprompt.core.zero_shot import Prediction, Timeline
from audioprompt.services.classify import ranked
from audioprompt.ui import theme

TOP = 5  # classes shown
LABEL_CHARACTERS = 32  # shown of a label in a figure; the whole stands in the hover text
BAR_HEIGHT, TITLE_HEIGHT = 40, 34  # pixels
SPECTROGRAM, OUTLINE = (0, 0.72), (0.75, 1)  # of a figure's height


def shown(label: str) -> str:
    """A label as a figure shows it: shortened, and escaped so that no part of it is read as markup."""
    return escape(label if len(label) <= LABEL_CHARACTERS else label[: LABEL_CHARACTERS - 1].rstrip() + "…")


def probability_bars(title: str, prediction: Prediction, colour: str) -> go.Figure:
    """A method's most probable classes of one clip as horizontal bars, the label above each bar, the number at its end.

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
            "text": f'<span style="color:{colour}">■</span> <b>{title}</b>', "x": 0, "y": 1, "xref": "paper",
            "yref": "paper", "xanchor": "left", "xshift": -2, "yanchor": "bottom", "yshift": 4, "showarrow": False,
            "font": {"size": 14},
        }
    )  # fmt: skip
    return go.Figure(  # all at once: added one by one, the annotations take plotly five times as long
        [
            go.Bar(  # the track a bar runs in
                x=[1] * len(top), y=rows, orientation="h", marker_color=theme.RULE, marker_cornerradius=3,
                opacity=0.45, hoverinfo="skip",
            ),
            go.Bar(
                x=values, y=rows, orientation="h", marker_color=colour, marker_cornerradius=3,
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
    )  # fmt: skip


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
                fill="toself", mode="lines", line_width=0.5, line_color=theme.SOFT_INK, fillcolor=theme.SOFT_INK,
                hoverinfo="skip", xaxis="x", yaxis="y",
            ),
            go.Heatmap(
                x=picture.times, y=np.arange(len(picture.hertz)), z=np.round(picture.decibels).astype(np.int8),
                zmin=FLOOR, zmax=0, colorscale=theme.LEVELS, showscale=False,
                hovertemplate="%{x:.2f} s, %{z} dB<extra></extra>", xaxis="x2", yaxis="y2",
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
                "anchor": "x2", "domain": SPECTROGRAM, "automargin": True,
                "tickvals": np.interp(marks, picture.hertz, np.arange(len(picture.hertz))),
                "ticktext": [f"{hertz // 1000} kHz" if hertz >= 1000 else f"{hertz} Hz" for hertz in marks],
            },
            "annotations": [
                {
                    "text": "as the model heard it", "x": 1, "y": 1, "xref": "paper", "yref": "paper",
                    "xanchor": "right", "yanchor": "bottom", "showarrow": False,
                    "font": {"size": 11, "color": theme.SOFT_INK},
                }
            ],
        },
    )  # fmt: skip


def over_time(timeline: Timeline) -> go.Figure:
    """The ensemble's probabilities over time: the labels that lead somewhere, or come close, by windows."""
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
                "tickvals": list(range(len(top))), "ticktext": [shown(label) for label in labels],
                "autorange": "reversed", "tickfont": {"size": 12, "color": theme.INK}, "automargin": True, "ticks": "",
                "showline": False,
            },
            "xaxis": {"ticksuffix": " s", "automargin": True, "showline": False},
        },
    )  # fmt: skip
