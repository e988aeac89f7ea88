"""The report of an experiment as one HTML file, which needs nothing beside it."""

import platform
import shlex
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from audioprompt import __version__
from audioprompt.models.base import AudioTextModel
from audioprompt.services.reproduce.experiments import Experiment, System, sources
from audioprompt.services.reproduce.results import Across, Result

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#332288", "#999933")
PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "transformers", "msclap")
TEMPLATE = Path(__file__).with_name("report.html.jinja")


def describe_run(
    experiment: Experiment, models: Sequence[AudioTextModel], systems: Sequence[System], settings: dict[str, Any]
) -> dict[str, Any]:
    """Return what the figures depend on: exact versions, models, settings and prompts."""
    versions = {"audioprompt": __version__, "python": platform.python_version(), "system": platform.platform()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "experiment": experiment.name,
        "description": experiment.description,
        "written": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": shlex.join(["audioprompt", *sys.argv[1:]]),
        "versions": versions,
        "models": {one.name: one.revision for one in models},
        "settings": settings,
        "systems": [
            {
                "name": one.name,
                "title": one.title,
                "ours": one.ours,
                "method": one.method,
                "recipe": one.recipe if one.method else "",
                "shots": one.shots if one.method else 0,
                "ensemble": "" if one.method else one.ensemble,
                "templates": [template.text for template in one.templates],
            }
            for one in systems
        ],
        "sources": sources(),
    }


def write_report(
    experiment: Experiment,
    results: Sequence[Result],
    across: Sequence[Across],
    about: dict[str, Any],
    remarks: Sequence[str],
) -> str:
    """Write the report; names and labels of other people are escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["percent"] = lambda value: "" if value is None else f"{100 * value:.1f}"
    environment.filters["points"] = lambda value: "" if value is None else f"{100 * value:+.1f}"
    columns = list(dict.fromkeys((one.system, one.title, one.ours) for one in results))
    rows = list(dict.fromkeys((one.model, one.dataset) for one in results))
    published = {(model, name) for model, name, _ in experiment.published}
    return environment.from_string(TEMPLATE.read_text("utf-8")).render(
        about=about,
        columns=columns,
        rows=rows,
        cells={(one.model, one.dataset, one.system): one for one in results},
        others=sorted(published - set(rows)),
        published=experiment.published,
        across=across,
        baseline=experiment.baseline,
        remarks=remarks,
        plotly=Markup(get_plotlyjs()),
        figures=[Markup(_html(one)) for one in _figures(experiment, results)],
    )


def _html(figure: go.Figure) -> str:
    return figure.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False})


def _figures(experiment: Experiment, results: Sequence[Result]) -> list[go.Figure]:
    """Draw each system on each data set, with its interval and what was published of it."""
    figures = []
    scored = [one for one in results if one.accuracy is not None]
    for model in dict.fromkeys(one.model for one in scored):
        figure = go.Figure()
        for number, title in enumerate(dict.fromkeys(one.title for one in scored)):
            own = [one for one in scored if (one.model, one.title) == (model, title)]
            above = [100 * ((one.high or 0) - (one.accuracy or 0)) for one in own]
            below = [100 * ((one.accuracy or 0) - (one.low or 0)) for one in own]
            figure.add_bar(
                name=title.replace("<", "&lt;"),  # plotly reads some HTML in its texts
                x=[one.dataset.replace("<", "&lt;") for one in own],
                y=[100 * (one.accuracy or 0) for one in own],
                error_y={"type": "data", "array": above, "arrayminus": below, "thickness": 1},
                marker_color=COLOURS[number % len(COLOURS)],
            )
        known = [one for one in scored if one.model == model and one.published is not None]
        if known:
            figure.add_scatter(
                name="published",
                x=[one.dataset for one in known],
                y=[100 * (one.published or 0) for one in known],
                mode="markers",
                marker={"symbol": "diamond-open", "color": "#000", "size": 9},
            )
        figure.update_layout(
            title=f"{model}: accuracy, per cent, with 95 % intervals",
            template="plotly_white",
            barmode="group",
            height=420,
            yaxis_range=[0, 100],
            legend_orientation="h",
        )
        figures.append(figure)
    return figures
