"""``audioprompt reproduce``: the papers' tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audioprompt.cli.datasets import Root
from audioprompt.cli.group import UsageError
from audioprompt.cli.options import Device, load_model, parse_numbers
from audioprompt.cli.output import print_, progress_bars, say, table

if TYPE_CHECKING:
    from audioprompt.models.base import AudioTextModel
    from audioprompt.services.reproduce.experiments import Experiment
    from audioprompt.services.reproduce.run import Place

NAMES = "tspe, palm, k-ablation, shots, templates, palm-dagger, adapters"
Which = Annotated[str, typer.Argument(metavar="EXPERIMENT", help=f"{NAMES}, or one of a package of yours.")]


@dataclass(frozen=True)
class RunOn:
    """What an experiment is run on."""

    model: Annotated[
        list[str] | None, typer.Option("--model", help="Model to use in place of the paper's. Can be repeated.")
    ] = None
    also: Annotated[
        list[str] | None,
        typer.Option(help="Other labelled clips to run on, PLACE or PLACE=category of TSPE's. Can be repeated."),
    ] = None
    folder: Root = None
    device: Device = "auto"
    weights: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL=FILE", help="Load a model's weights from this file or folder. Can be repeated."),
    ] = None

    def models(self, experiment: Experiment) -> tuple[list[AudioTextModel], list[str]]:
        """Load the models that can be had, and return why the others cannot."""
        from audioprompt.models.base import ModelError
        from audioprompt.models.registry import MODELS

        for given in self.weights or []:
            name, equals, file = given.partition("=")
            if not equals:
                raise UsageError(f"--weights {given} names no model: write it as msclap-2023={given}.")
            MODELS.keep_weights(name, Path(file))
        found, missing = [], []
        for name in [MODELS[name].name for name in dict.fromkeys(self.model or experiment.models)]:
            try:
                found.append(load_model(name, None, self.device, False))
            except ModelError as error:
                missing.append(f"{name} is left out: {error}")
        if not found:
            raise ModelError(f"No model of {experiment.name} can be had. {' '.join(missing)}")
        return found, missing

    def places(self, experiment: Experiment) -> tuple[list[Place], list[str]]:
        """Return the data sets that are here, and how to get the others."""
        from audioprompt.services import reproduce as service

        places, missing = service.papers_places(experiment, self.folder)
        places += service.other_places(self.also or [], [place.title for place in places])
        if not places:
            raise UsageError(
                f"No data set of {experiment.name} is here: get one with audioprompt data get"
                f" {experiment.sets[0].name}, or give other clips with --also."
            )
        return places, missing


@dataclass(frozen=True)
class HowToRun:
    """How an experiment is run."""

    out: Annotated[Path, typer.Option(help="Folder for the report, the tables and the journal.")] = Path("reproduced")
    seeds: Annotated[str, typer.Option(help="Seeds of what is learned.")] = "0,1,2"
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each fit; the paper's are 50.")] = 50
    only: Annotated[
        list[str] | None, typer.Option(help="Column to run, such as palm; all by default. Can be repeated.")
    ] = None
    jobs: Annotated[int, typer.Option(min=1, help="Data sets to run at once; the models are shared.")] = 1
    restart: Annotated[bool, typer.Option("--restart", help="Forget what was done, and start anew.")] = False


def reproduce(experiment: Which, *, on: RunOn, how: HowToRun) -> None:
    """Run a published experiment on what is here, and report it beside the paper's figures."""
    from audioprompt.services import reproduce as service
    from audioprompt.services.reproduce.report import describe_run, write_report
    from audioprompt.services.reproduce.results import as_csv, as_json

    asked = service.EXPERIMENTS[experiment]
    places, missing = on.places(asked)
    models, unavailable = on.models(asked)
    settings = service.RunSettings(
        tuple(parse_numbers(how.seeds, "--seeds") or ()), how.epochs, frozenset(how.only or ()), how.jobs
    )
    journal = how.out / f"{experiment}.journal"
    if how.restart:
        journal.unlink(missing_ok=True)
    try:
        with progress_bars() as progress:
            cells, problems = service.run(asked, models, places, settings, journal, progress)
    except KeyboardInterrupt:
        again = "the same command again, without --restart," if how.restart else "the same command again"
        say(f"Stopped. Give {again} to go on: {journal} holds what was done.")
        raise typer.Exit(1) from None
    systems = list(dict.fromkeys(one for place in places for one in service.systems_for(asked, place)))
    results, across = service.summarise(asked, cells, systems)
    used = {"seeds": how.seeds, "epochs": how.epochs, "data sets": ", ".join(place.title for place in places)}
    about, remarks = describe_run(asked, models, systems, used), [*problems, *unavailable, *missing]
    for ending, text in (
        ("html", write_report(asked, results, across, about, remarks)),
        ("csv", as_csv(results)),
        ("json", as_json(results, across, {**about, "missing": remarks})),
    ):
        (how.out / f"{experiment}.{ending}").write_text(text, "utf-8")
    rows = [
        [one.dataset, one.model, one.title, *_figures(one.accuracy, one.low, one.high, one.published)]
        for one in results
    ]
    print_(table(["data set", "model", "system", ">accuracy", ">95 % interval", ">published"], rows))
    print_(f"{how.out / experiment}.html, .csv and .json")
    for remark in remarks:
        say(remark)


def _figures(accuracy: float | None, low: float | None, high: float | None, published: float | None) -> list[str]:
    if accuracy is None or low is None or high is None:
        return ["none", "", ""]
    known = "" if published is None else f"{100 * published:.1f} %"
    return [f"{100 * accuracy:.1f} %", f"{100 * low:.1f} - {100 * high:.1f}", known]
