"""``audioprompt palm``: heads that learn to name sounds from a few clips of each, fitted, asked and described."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audioprompt.cli.commands import UsageError
from audioprompt.cli.options import (
    DEFAULT_PACK,
    AsJson,
    DataPath,
    Device,
    Half,
    ModelName,
    SkipBad,
    Weights,
    chosen_prompts,
    existing,
    left_out_json,
    load_model,
    open_data,
    whole_numbers,
)
from audioprompt.cli.output import GREEN, Json, bar, percent, print_, print_json, progress_bar, say, table
from audioprompt.util.text import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from audioprompt.core.zero_shot import Prediction
    from audioprompt.learning import Outcome, Results
    from audioprompt.models.base import AudioTextModel
    from audioprompt.prompts.template import Template

MOST_SHOWN = 3  # classes of one recording


class Start(str, Enum):
    """Where PALM starts: the bare class name, the one plain prompt, or a pack's ensemble."""

    name = "name"
    vanilla = "vanilla"
    pack = "pack"


HeadPath = Annotated[str, typer.Argument(metavar="HEAD", help="The folder or file of a head.")]


# --- fit --------------------------------------------------------------------------------------------------------------


def fit(
    data: DataPath,
    method: Annotated[str, typer.Option(help="One or several: palm,coop,zero-shot.")] = "palm",
    shots: Annotated[int, typer.Option(min=1, help="Clips per class to learn from while it is measured.")] = 16,
    seeds: Annotated[str, typer.Option(help="One fit for each: 0,1,2.")] = "0",
    epochs: Annotated[int, typer.Option(min=1, help="How often every clip is seen.")] = 50,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 0.05,
    train_folds: Annotated[str | None, typer.Option(help="Learn from the clips of these folds: 1,2.")] = None,
    test_folds: Annotated[str | None, typer.Option(help="Test on these: 3. All others if none are given.")] = None,
    pack: Annotated[str, typer.Option(help="The prompts of tspe, and of --start pack.")] = DEFAULT_PACK,
    start: Annotated[Start, typer.Option(help="Where PALM starts; the paper's is name.")] = Start.name,
    dropout: Annotated[
        float,
        typer.Option(min=0, max=0.95, help="Share of what is heard that every step drops; 0.5 in PALM's own code."),
    ] = 0.0,
    save: Annotated[
        Path | None,
        typer.Option(help="Folder to save the head in, fitted again on all clips; one in it for each of several."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again/--no-again", help="Fit what is saved again on all clips, those held back too.")
    ] = True,
    data_licence: Annotated[str | None, typer.Option(help="The licence of the clips, for the head's card.")] = None,
    model: ModelName = "embedded",
    weights: Weights = None,
    device: Device = "auto",
    half: Half = False,
    skip_bad: SkipBad = False,
    as_json: AsJson = False,
) -> None:
    """Learn from a few clips of each class, and measure that on clips that were held back."""
    methods = tuple(part.strip() for part in method.split(","))
    numbers = whole_numbers(seeds, "--seeds")
    learn_folds, other_folds = (
        None if text is None else whole_numbers(text, option)
        for option, text in (("--train-folds", train_folds), ("--test-folds", test_folds))
    )
    if other_folds and not learn_folds:
        raise UsageError("Say which folds to learn from as well: --train-folds 1,2.")

    from audioprompt import learning
    from audioprompt.few_shot import METHODS, FitSettings

    if unknown := [name for name in methods if name not in METHODS]:
        raise UsageError(f"No method is called {unknown[0]!r}; there are: {', '.join(METHODS)}.")
    prompts = _prompts(pack) if "tspe" in methods or start is Start.pack else ()
    trial = learning.Trial(
        methods, shots, tuple(numbers), FitSettings(epochs=epochs, rate=rate), prompts, _start(start, prompts), dropout
    )
    clips = open_data(data, skip_bad)
    encoder = load_model(model, weights, device, half)
    with progress_bar("clips, then epochs") as progress:
        tried = learning.try_out(
            encoder, clips, trial, learn_folds, other_folds, progress, lambda step: progress(*step.epochs_done),
            again=bool(save) and again, skip_bad=skip_bad,
        )  # fmt: skip
    results = tried.results

    if as_json:
        used = {"model": encoder.name, "revision": encoder.revision, "data": clips.name}
        print_json({**used, **left_out_json(tried.clips.clips), **_results_json(results)})
    else:
        print_(f"{clips.name}, model {encoder.name}", *_results_tables(results))
    if results.notice:
        say(results.notice)
    if not results.tested_on:
        say(f"Nothing was held back, so there is no score: that takes {learning.FEWEST_TO_DIVIDE} clips of each class.")
    if save:
        _save(results, encoder, clips.name, data_licence, save)
    for outcome in results.outcomes:
        if outcome.advice:
            say(f"{outcome.method}: {outcome.advice}")
    if any(outcome.problem for outcome in results.outcomes):
        raise typer.Exit(1)


def _prompts(pack_id: str) -> tuple[Template, ...]:
    _, templates = chosen_prompts([pack_id], None)
    return tuple(templates)


def _start(start: Start, prompts: tuple[Template, ...]) -> tuple[Template, ...]:
    from audioprompt.classify import VANILLA
    from audioprompt.few_shot import BARE_NAME

    return {Start.name: (BARE_NAME,), Start.vanilla: (VANILLA,), Start.pack: prompts}[start]


def _results_json(results: Results) -> Json:
    return {
        "classes": results.classes,
        "shots": results.trial.shots,
        "seeds": results.trial.seeds,
        "learned_from": results.learned_from,
        "tested_on": results.tested_on,
        "notice": results.notice,
        "methods": [_outcome_json(outcome, results) for outcome in results.outcomes],
    }


def _outcome_json(outcome: Outcome, results: Results) -> Json:
    from audioprompt.learning import LEARNS_NOTHING

    per_seed = outcome.accuracies * (len(results.trial.seeds) if outcome.method in LEARNS_NOTHING else 1)
    first = outcome.fits[0] if outcome.fits else None
    return {
        "method": outcome.method,
        "accuracy": outcome.accuracy,
        "interval": outcome.interval,
        "per_seed": per_seed,
        "seconds": outcome.seconds if first else None,
        "fitted_on": results.fitted_on(outcome),
        "confusion": first.confusion.tolist() if first and first.confusion is not None else None,
        "advice": outcome.advice,
    }


def _results_tables(results: Results) -> Iterator[RenderableType]:
    """Each method with its accuracy; then what PALM's classes rely on."""
    from audioprompt.few_shot import Palm, PalmDagger
    from audioprompt.learning import reliance

    done = [outcome for outcome in results.outcomes if outcome.fits]
    seeds = len(results.trial.seeds)
    yield table(
        ["method", f">{results.tested_on} clips", ">95 % interval", ">seconds"],
        [[outcome.method, *_score(outcome), f"{outcome.seconds:.2f}"] for outcome in done],
    )
    yield (
        f"{results.learned_from} clips to learn from, {results.trial.shots} of each class at most, "
        f"{counted(seeds, 'seed')}."
    )
    for outcome in done:
        if isinstance(outcome.head, Palm) and not isinstance(outcome.head, PalmDagger):
            rows = [[name, *bar(share, GREEN)] for name, share in reliance(outcome.head)]
            yield table(["class", "relies on what was learned", ">"], rows)


def _score(outcome: Outcome) -> tuple[str, str]:
    if outcome.accuracy is None or outcome.interval is None:
        return "", ""
    low, high = outcome.interval
    return percent(outcome.accuracy), f"{100 * low:.1f} - {100 * high:.1f}"


def _save(results: Results, model: AudioTextModel, data: str, licence: str | None, folder: Path) -> None:
    """Save the head of each method."""
    from audioprompt.learning import shared

    done = [outcome.method for outcome in results.outcomes if outcome.head]
    for method in done:
        place = folder / method if len(results.trial.methods) > 1 else folder
        head = shared(results, method, model, data, licence)
        head.save_pretrained(place)
        say(" ".join(filter(None, (f"The {method} head is in {place}.", head.record.measured))))


# --- predict and card -------------------------------------------------------------------------------------------------


def predict(
    head: Annotated[
        str, typer.Argument(metavar="HEAD", help="The folder or file of a head, or owner/name on the hub.")
    ],
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Recordings of any length.")],
    model: Annotated[str | None, typer.Option("--model", help="The head's own if none is given.")] = None,
    weights: Weights = None,
    device: Device = "auto",
    half: Half = False,
    as_json: AsJson = False,
) -> None:
    """Say what a fitted head hears in recordings."""
    from audioprompt.few_shot import load_head
    from audioprompt.few_shot.sharing import find_head, read_record

    path = find_head(head)
    files = existing(files)
    encoder = load_model(model or read_record(path).model, weights, device, half)
    shared = load_head(path, encoder)
    heard: dict[Path, Prediction] = {}
    notices: dict[Path, list[str]] = {}
    errors: dict[Path, Exception] = {}

    from audioprompt.audio.decode import AudioError
    from audioprompt.classify import ranked
    from audioprompt.encoding.encoder import embed_to_name

    for file in files:
        try:
            notices[file] = []
            clip = embed_to_name(encoder, file, str(file), notices[file].append)
            heard[file] = shared.head.prediction(clip.pooled[None])
        except AudioError as error:
            errors[file] = error
    if as_json:
        found = [
            {
                "file": str(file),
                "label": ranked(one)[0][0],
                "probabilities": dict(ranked(one)),
                "warnings": notices[file],
            }
            for file, one in heard.items()
        ]
        failed = [{"file": str(file), "error": str(why)} for file, why in errors.items()]
        print_json({"method": shared.record.method, "model": encoder.name, "files": found, "errors": failed})
    else:
        for file, one in heard.items():
            rows = [[label, *bar(share, GREEN)] for label, share in ranked(one)[:MOST_SHOWN]]
            print_(table([str(file), shared.record.method, ">"], rows), *notices[file])
    for why in errors.values():
        say(why)
    if errors:
        raise typer.Exit(1)


def card(head: HeadPath) -> None:
    """Print what is known of a head: how it was made, how good it is, and how to use it."""
    from audioprompt.few_shot.sharing import card, read_record

    typer.echo(card(read_record(Path(head))))
