"""``audioprompt palm fit``: a head that learns to name sounds from a few clips of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audioprompt.cli.data import DataOptions
from audioprompt.cli.group import UsageError
from audioprompt.cli.options import DEFAULT_PACK, AsJson, ModelOptions, choose_prompts, parse_numbers
from audioprompt.cli.output import GREEN, Json, bar, percent, print_, print_json, progress_bar, say, table
from audioprompt.cli.recordings import require_recordings
from audioprompt.data.recordings import find_recordings
from audioprompt.few_shot.methods import METHODS
from audioprompt.few_shot.methods.palm import Palm, PalmDagger
from audioprompt.few_shot.settings import FewShotError, FitSettings
from audioprompt.prompts.template import BARE_NAME, VANILLA
from audioprompt.services import learn as learning
from audioprompt.services.views import as_dict
from audioprompt.util.places import is_folder, is_there
from audioprompt.util.text import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from audioprompt.models.base import AudioTextModel
    from audioprompt.prompts.template import Template
    from audioprompt.services.learn import Outcome, Results


class Recipe(str, Enum):
    """The model's own logit scale and a start at the clips, or all as in PALM's paper."""

    own = "own"
    paper = "paper"


class Start(str, Enum):
    """Where PALM starts: the bare class name, the one plain prompt, or a pack's ensemble."""

    name = "name"
    vanilla = "vanilla"
    pack = "pack"


@dataclass(frozen=True)
class MethodOptions:
    """Which methods learn, and what PALM starts from."""

    method: Annotated[str, typer.Option(help=f"One or several: {', '.join(METHODS.names)}.")] = "auto"
    shots: Annotated[int, typer.Option(min=1, help="Clips per class to learn from while measuring.")] = 16
    seeds: Annotated[str, typer.Option(help="Random seeds, one fit for each, such as 0,1,2.")] = "0"
    epochs: Annotated[int, typer.Option(min=1, help="Number of passes over the clips.")] = 50
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 0.05
    pack: Annotated[str, typer.Option(help="Prompt pack for methods that need an ensemble, and for --start pack.")] = (
        DEFAULT_PACK
    )
    recipe: Annotated[Recipe, typer.Option(help="Settings of a fit: our own, or those of PALM's paper.")] = Recipe.own
    start: Annotated[Start, typer.Option(help="What PALM starts from (name in the paper).")] = Start.name
    dropout: Annotated[
        float,
        typer.Option(
            min=0, max=0.95, help="Fraction of each embedding dropped in every step (0.5 in PALM's own code)."
        ),
    ] = 0.0

    def parse(self, unlabelled: Sequence[Path]) -> learning.ExperimentSettings:
        """Read what to try out, with recordings without labels beside the clips."""
        methods = tuple(part.strip() for part in self.method.split(","))
        seeds = parse_numbers(self.seeds, "--seeds") or ()
        prompts: tuple[Template, ...] = ()
        try:
            chosen = [METHODS[name] for name in methods]
        except FewShotError as error:
            raise UsageError(str(error)) from error
        if self.start is Start.pack or any(one.needs_templates for one in chosen):
            prompts = tuple(choose_prompts([self.pack], None)[1])
        starts = {Start.name: (BARE_NAME,), Start.vanilla: (VANILLA,), Start.pack: prompts}
        settings = FitSettings.of_recipe(self.recipe.value, epochs=self.epochs, learning_rate=self.rate)
        return learning.ExperimentSettings(
            methods, self.shots, tuple(seeds), settings, prompts, starts[self.start], self.dropout, tuple(unlabelled)
        )


@dataclass(frozen=True)
class FoldOptions:
    """Which clips to learn from, and which to test on."""

    train_folds: Annotated[str | None, typer.Option(help="Folds to learn from, such as 1,2.")] = None
    test_folds: Annotated[str | None, typer.Option(help="Folds to test on, such as 3 (all others by default).")] = None
    unlabelled: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Let this folder's recordings without labels join the clips, too."),
    ] = None

    def parse(self) -> tuple[list[int] | None, list[int] | None]:
        """Read the folds to learn from and to test on."""
        learn, test = parse_numbers(self.train_folds, "--train-folds"), parse_numbers(self.test_folds, "--test-folds")
        if test and not learn:
            raise UsageError("Give the folds to learn from as well: --train-folds 1,2.")
        return learn, test


@dataclass(frozen=True)
class SaveOptions:
    """Where a head is saved, and how."""

    save: Annotated[
        Path | None,
        typer.Option(help="Save the head to this folder; several methods get a folder each."),
    ] = None
    again: Annotated[
        bool, typer.Option("--again/--no-again", help="Refit the saved head on all clips, including those held out.")
    ] = True
    data_licence: Annotated[str | None, typer.Option(help="Licence of the clips, for the head's card.")] = None


def fit(
    data: DataOptions,
    methods: MethodOptions,
    folds: FoldOptions,
    saving: SaveOptions,
    model: ModelOptions,
    as_json: AsJson = False,
) -> None:
    """Train on a few clips of each class and measure on held-out clips."""
    if saving.save and is_there(saving.save) and not is_folder(saving.save):
        raise UsageError(f"{saving.save} is a file: give a folder to --save.")
    divided = folds.parse()
    trial = methods.parse(find_recordings(require_recordings([folds.unlabelled])) if folds.unlabelled else [])
    clips = data.open()
    encoder = model.load()
    with progress_bar("clips, then epochs") as progress:
        tried = learning.try_out(
            encoder,
            clips,
            trial,
            divided,
            learning.Watch(progress, lambda step: progress(*step.work_done)),
            again=bool(saving.save) and saving.again,
            skip_bad=data.skip_bad,
        )
    results = tried.results

    if as_json:
        used = {"model": encoder.name, "revision": encoder.revision, "data": clips.name}
        print_json({**used, **as_dict(tried.clips.clips), **_results_json(results)})
    else:
        print_(f"{clips.name}, model {encoder.name}", *_results_tables(results))
    if results.notice:
        say(results.notice)
    if not results.tested_on:
        say(f"Nothing was held back, so there is no score: that takes {learning.MIN_TO_DIVIDE} clips of each class.")
    if saving.save:
        _save(results, encoder, clips.name, saving.data_licence, saving.save)
    for outcome in results.outcomes:
        if outcome.advice:
            say(f"{outcome.method}: {outcome.advice}")
    if any(outcome.problem for outcome in results.outcomes):
        raise typer.Exit(1)


def _results_json(results: Results) -> Json:
    return {
        "classes": results.classes,
        "shots": results.trial.shots,
        "seeds": results.trial.seeds,
        "learned_from": results.learned_from,
        "unlabelled": results.unlabelled,
        "tested_on": results.tested_on,
        "notice": results.notice,
        "methods": [_outcome_json(outcome, results) for outcome in results.outcomes],
    }


def _outcome_json(outcome: Outcome, results: Results) -> Json:
    per_seed = outcome.accuracies * (1 if METHODS[outcome.method].learns else len(results.trial.seeds))
    first = outcome.fits[0] if outcome.fits else None
    return {
        "method": outcome.method,
        "accuracy": outcome.accuracy,
        "interval": outcome.interval,
        "per_seed": per_seed,
        "seconds": outcome.seconds if first else None,
        "fitted_on": results.fitted_on(outcome),
        "calibration": outcome.reliability and as_dict(outcome.reliability),
        "confusion": first.confusion.tolist() if first and first.confusion is not None else None,
        "advice": outcome.advice,
    }


def _results_tables(results: Results) -> Iterator[RenderableType]:
    """Each method with its accuracy; then what PALM's classes rely on."""
    done = [outcome for outcome in results.outcomes if outcome.fits]
    seeds = len(results.trial.seeds)
    yield table(
        ["method", f">{results.tested_on} clips", ">95 % interval", ">probabilities off by", ">seconds"],
        [[outcome.method, *_score(outcome), f"{outcome.seconds:.2f}"] for outcome in done],
    )
    yield (
        f"{results.learned_from} clips to learn from, {results.trial.shots} of each class at most, "
        f"{counted(seeds, 'seed')}."
    )
    for outcome in done:
        if isinstance(outcome.head, Palm) and not isinstance(outcome.head, PalmDagger):
            rows = [[name, *bar(fraction, GREEN)] for name, fraction in learning.reliance(outcome.head)]
            yield table(["class", "relies on what was learned", ">"], rows)


def _score(outcome: Outcome) -> tuple[str, str, str]:
    if outcome.accuracy is None or outcome.interval is None or outcome.reliability is None:
        return "", "", ""
    low, high = outcome.interval
    return (
        percent(outcome.accuracy),
        f"{100 * low:.1f} - {100 * high:.1f}",
        f"{100 * outcome.reliability.error:.1f} points",
    )


def _save(results: Results, model: AudioTextModel, data: str, licence: str | None, folder: Path) -> None:
    """Save the head of each method."""
    done = [outcome.method for outcome in results.outcomes if outcome.head]
    for method in done:
        place = folder / method if len(results.trial.methods) > 1 else folder
        head = learning.shared(results, method, model, data, licence)
        head.save_pretrained(place)
        say(" ".join(filter(None, (f"The {method} head is in {place}.", head.record.measured))))
