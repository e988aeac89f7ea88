"""The ``audioprompt`` command: classify recordings, evaluate prompts, list models and packs, open the app.

Results go to stdout, everything else to stderr. The exit code is 0 where all went well, 1 where something failed and 2
where the command was used wrongly. What takes long to import is imported by the command that needs it.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from audioprompt.prompts.template import Template, one_line

if TYPE_CHECKING:
    from rich.console import RenderableType

    from audioprompt.audio import AudioError
    from audioprompt.classify import Classification
    from audioprompt.embeddings import Progress
    from audioprompt.models.base import AudioTextModel
    from audioprompt.prompts.pack import PromptPack
    from audioprompt.reports import Evaluation, Score
    from audioprompt.zero_shot import Array

DEFAULT_PACK = "eight-templates"
MOST_SHOWN = 5  # labels in the table of one recording
BLUE, ORANGE = "#0072B2", "#E69F00"  # vanilla and ensemble, here as in the app

Json = dict[str, Any]


class UsageError(Exception):
    """A command was given what does not go together; the message says what to give instead."""


class Commands(TyperGroup):
    """All commands, with one way to fail: a sentence on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_args, **_kwargs: _say(message)
            try:
                return super().invoke(ctx)
            except UsageError as error:
                _say(error)
                raise typer.Exit(2) from error
            except Exception as error:
                if not type(error).__module__.startswith("audioprompt."):
                    raise  # a defect; this package's own errors are written for people
                _say(error)
                raise typer.Exit(1) from error


app = typer.Typer(
    name="audioprompt",
    help="Recognise sounds with an audio-language model and prompts, without training.",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

cache = typer.Typer(invoke_without_command=True)
app.add_typer(cache, name="cache")

ModelName = Annotated[str, typer.Option("--model", help="A name that `audioprompt models` lists.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1 or mps.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PackIds = Annotated[
    list[str] | None, typer.Option("--pack", help=f"A pack of prompts, {DEFAULT_PACK} if none is given; repeatable.")
]
TemplateTexts = Annotated[
    list[str] | None,
    typer.Option("--template", help="A prompt with {label} or {} in it, not a pack; repeatable."),
]

# --- commands ---------------------------------------------------------------------------------------------------------


@app.command()
def classify(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Recordings of any length.")],
    labels: Annotated[str | None, typer.Option(help="What to listen for: 'dog bark, rain'.")] = None,
    preset: Annotated[str | None, typer.Option(help="Take the labels from this list of the pack.")] = None,
    pack: Annotated[str | None, typer.Option(help=f"The pack of prompts, {DEFAULT_PACK} if none is given.")] = None,
    template: TemplateTexts = None,
    model: ModelName = "embedded",
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Say what is heard in recordings: with one plain prompt (vanilla) and with an ensemble of prompts."""
    packs, templates = _chosen_prompts([pack] if pack else [], template)
    names = _chosen_labels(labels, preset, packs)
    encoder = _load(model, device)
    heard, errors = _hear(encoder, files, names, templates)
    if as_json:
        used = {"model": encoder.name, "revision": encoder.revision, "templates": [one.text for one in templates]}
        failed = [{"file": str(file), "error": str(error)} for file, error in errors.items()]
        found = [_heard_json(file, one) for file, one in heard.items()]
        _print_json({**used, "labels": names, "files": found, "errors": failed})
    else:
        for file, one in heard.items():
            _print(*_heard_tables(file, one))
    for error in errors.values():
        _say(error)
    if errors:
        raise typer.Exit(1)


@app.command()
def evaluate(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST.csv", help="Columns path,classname[,fold].")],
    pack: PackIds = None,
    template: TemplateTexts = None,
    folds: Annotated[str | None, typer.Option(help="Only the clips of these folds: 1,2.")] = None,
    model: ModelName = "embedded",
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure prompts on labelled clips: vanilla, each alone, and together."""
    from audioprompt.data import LabelledClips

    clips = LabelledClips.from_manifest(manifest)
    numbers = None if folds is None else _fold_numbers(folds)
    if numbers is not None:
        clips = clips.in_folds(numbers)
    packs, templates = _chosen_prompts(pack or [], template)
    encoder = _load(model, device)

    from audioprompt import reports

    vanilla, prompts = _embed_prompts(encoder, templates, clips.spoken_classes)
    audio = _embed_files(encoder, clips.paths)
    report = reports.evaluate(audio, vanilla, prompts, clips.truth, clips.classes)
    row = {found.text: index for index, found in enumerate(templates)}
    of_packs = {
        found.id: reports.ensemble_score(audio, prompts[[row[one.text] for one in found.approved]], clips.truth)
        for found in packs
    }
    if as_json:
        used = {"model": encoder.name, "revision": encoder.revision, "data": clips.name, "folds": numbers}
        _print_json({**used, **_evaluation_json(report, templates, of_packs)})
    else:
        _print(f"{clips.name}, model {encoder.name}", *_evaluation_tables(report, templates, of_packs))


@app.command()
def models(as_json: AsJson = False) -> None:
    """List the models."""
    from audioprompt.models.registry import entries

    columns = ("name", "description", "size", "licence")
    rows = [{column: getattr(entry, column) for column in columns} for entry in entries()]
    if as_json:
        _print_json(rows)
    else:
        _print(_table(columns, [list(row.values()) for row in rows]))


@app.command()
def packs(
    pack_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Print the prompts of this pack.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the prompt packs, or print one pack's approved prompts as open_clip and others take them."""
    from audioprompt.prompts.store import PromptStore

    store = PromptStore()
    if pack_id is not None:
        pack = store.get(pack_id)
        typer.echo(pack.to_json() if as_json else "\n".join(pack.as_strings()), nl=not as_json)
        return
    found, problems = store.packs(), store.problems()
    if as_json:
        _print_json([_pack_json(pack) for pack in found])
    else:
        rows = [[pack.id, pack.title, str(len(pack.approved)), ", ".join(pack.label_presets)] for pack in found]
        _print(_table(["pack", "title", ">prompts", "labels"], rows))
    for problem in problems.values():
        _say(problem)
    if problems:
        raise typer.Exit(1)


@cache.callback()
def show_cache(context: typer.Context, as_json: AsJson = False) -> None:
    """Tell where embeddings are kept between runs, and how many."""
    if context.invoked_subcommand:
        return
    from audioprompt.cache import EmbeddingCache

    info = EmbeddingCache().info()
    if as_json:
        _print_json({**asdict(info), "path": str(info.path)})
    else:
        typer.echo(f"{info.path}: {info.entries} embeddings, {info.bytes / 1e6:.1f} of {info.limit_bytes / 1e6:.0f} MB")


@cache.command("clear")
def clear_cache() -> None:
    """Throw the kept embeddings away."""
    from audioprompt.cache import EmbeddingCache

    kept = EmbeddingCache()
    try:
        kept.clear()
    except OSError as error:
        _say(f"{kept.path} cannot be removed, {error.strerror}: remove it yourself.")
        raise typer.Exit(1) from error


@app.command("app")
def open_app(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 7860,
    model: ModelName = "embedded",
    share: Annotated[bool, typer.Option(help="Make a public link through Gradio's service.")] = False,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Open the app in the browser."""
    from audioprompt.ui.app import launch

    try:
        launch(host=host, port=port, model=model, open_browser=browser, share=share)
    except OSError as error:
        _say(f"The app cannot listen on {host}:{port} ({error}): choose another --port.")
        raise typer.Exit(1) from error


# --- what the commands were given -------------------------------------------------------------------------------------


def _chosen_prompts(pack_ids: Sequence[str], texts: Sequence[str] | None) -> tuple[list[PromptPack], list[Template]]:
    """The packs to use, none where templates are given, and all their approved templates, each text once."""
    if pack_ids and texts:
        raise UsageError("Give packs or templates, not both.")
    if texts:
        templates = [Template.parse(text) for text in texts]
        return [], list({template.text: template for template in templates}.values())

    from audioprompt.prompts.pack import PackError
    from audioprompt.prompts.store import PromptStore

    store = PromptStore()
    packs = [store.get(pack_id) for pack_id in dict.fromkeys(pack_ids or [DEFAULT_PACK])]
    for pack in packs:
        if not pack.approved:
            raise PackError(f"the pack {pack.id} has no approved prompt: approve some first")
    return packs, list({template.text: template for pack in packs for template in pack.approved}.values())


def _chosen_labels(labels: str | None, preset: str | None, packs: Sequence[PromptPack]) -> Sequence[str]:
    """The labels that were typed, or those of a preset; a pack with a single preset needs no word about it."""
    from audioprompt.classify import LabelError, parse_labels

    presets = {name: found for pack in packs for name, found in pack.label_presets.items()}
    known = ", ".join(presets) or "none"
    if labels is not None and preset is not None:
        raise UsageError("Give --labels or --preset, not both.")
    if labels is not None:
        try:
            typed = parse_labels(labels)
        except LabelError as error:
            raise UsageError(str(error)) from error
        if typed.notice:
            _say(typed.notice)
        return typed.labels
    if preset is None and len(presets) != 1:
        raise UsageError(f"Say what to listen for: --labels 'dog bark, rain', or a --preset of the pack ({known}).")
    if preset is not None and preset not in presets:
        raise UsageError(f"The pack has no preset {preset!r}; it has: {known}.")
    return presets[preset] if preset else next(iter(presets.values()))


def _fold_numbers(text: str) -> list[int]:
    try:
        return sorted({int(part) for part in text.split(",")})
    except ValueError:
        raise UsageError(f"--folds takes whole numbers separated by commas, like 1,2, not {text!r}.") from None


# --- running the model ------------------------------------------------------------------------------------------------


def _load(name: str, device: str) -> AudioTextModel:
    with _progress(f"loading {name}"):
        from audioprompt.models import registry

        return registry.load(name, device)


def _embed_prompts(model: AudioTextModel, templates: list[Template], labels: Sequence[str]) -> tuple[Array, Array]:
    """Embed the vanilla template, ``[C, D]``, and the others, ``[K, C, D]``, no text twice."""
    from audioprompt.cache import EmbeddingCache
    from audioprompt.classify import VANILLA
    from audioprompt.embeddings import embed_prompts

    with _progress("prompts") as progress:
        embedded = embed_prompts(model, [VANILLA, *templates], labels, progress, EmbeddingCache())
    return embedded[0], embedded[1:]


def _embed_files(model: AudioTextModel, paths: Sequence[Path]) -> Array:
    """Embed clips, ``[N, D]``, no file twice."""
    from audioprompt.cache import EmbeddingCache
    from audioprompt.embeddings import embed_clips, pooled

    distinct = list(dict.fromkeys(paths))
    with _progress("clips") as progress:
        embedded = pooled(embed_clips(model, distinct, progress, EmbeddingCache()))
    row = {path: index for index, path in enumerate(distinct)}
    return embedded[[row[path] for path in paths]]


@contextmanager
def _progress(what: str) -> Iterator[Progress]:
    """A bar on stderr while something takes time; nothing is left of it, and nothing shown where no one looks."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    console = Console(stderr=True)
    hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, redirect_stdout=False, disable=hidden) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


# --- what is heard in a recording -------------------------------------------------------------------------------------


def _hear(
    model: AudioTextModel, files: Sequence[Path], labels: Sequence[str], templates: Sequence[Template]
) -> tuple[dict[Path, Classification], dict[Path, AudioError]]:
    """Classify each recording; those that cannot be used come second."""
    from audioprompt.audio import AudioError
    from audioprompt.classify import classify

    heard, errors = {}, {}
    distinct = list(dict.fromkeys(files))
    with _progress("recordings") as progress:
        for done, file in enumerate(distinct, 1):
            try:
                heard[file] = classify(model, file, labels, templates)
            except AudioError as error:
                errors[file] = error
            progress(done, len(distinct))
    return heard, errors


def _heard_json(file: Path, heard: Classification) -> Json:
    from audioprompt.classify import ranked, winner

    methods = {"vanilla": heard.vanilla, "ensemble": heard.ensemble}
    said = {
        method: {"label": winner(prediction), "probabilities": dict(ranked(prediction))}
        for method, prediction in methods.items()
    }
    votes, timeline = [asdict(vote) for vote in heard.votes], [asdict(stretch) for stretch in _stretches(heard)]
    return {
        "file": str(file),
        "seconds": heard.seconds,
        "agree": heard.agree,
        **said,
        "votes": votes,
        "timeline": timeline,
    }


def _heard_tables(file: Path, heard: Classification) -> Iterator[RenderableType]:
    from audioprompt.classify import ranked

    vanilla = dict(ranked(heard.vanilla))
    yield f"\n{one_line(str(file))}, {heard.seconds:.1f} s"
    rows = [
        [label, *_bar(vanilla[label], BLUE), *_bar(probability, ORANGE)]
        for label, probability in ranked(heard.ensemble)[:MOST_SHOWN]
    ]
    yield _table(["", "vanilla", ">", f"ensemble of {len(heard.votes)}", ">"], rows)
    yield heard.words
    if stretches := _stretches(heard):
        parts = [
            [f"{_clock(part.start)} - {_clock(part.end)}", part.label, *_bar(part.probability, ORANGE)]
            for part in stretches
        ]
        yield _table(["over time", "ensemble", "", ">"], parts)


@dataclass(frozen=True)
class Stretch:
    """A part of a recording in which the ensemble hears one thing; start and end in seconds."""

    start: float
    end: float
    label: str
    probability: float  # mean over the part's windows


def _stretches(heard: Classification) -> list[Stretch]:
    """Join neighbouring windows in which the same is heard; none for a recording of a single window."""
    ends, prediction = heard.timeline.ends, heard.timeline.prediction
    if len(ends) == 1:
        return []
    stretches: list[Stretch] = []
    for winner, group in groupby(range(len(ends)), key=lambda window: prediction.winners[window]):
        windows = list(group)
        start = stretches[-1].end if stretches else 0.0  # the last window overlaps the one before it
        probability = float(prediction.probabilities[windows, winner].mean())
        stretches.append(Stretch(start, float(ends[windows[-1]]), prediction.labels[winner], probability))
    return stretches


# --- how good prompts are ---------------------------------------------------------------------------------------------


def _evaluation_json(report: Evaluation, templates: Sequence[Template], packs: dict[str, Score]) -> Json:
    from audioprompt.classify import VANILLA

    scored = zip(templates, report.templates, strict=True)
    recalls = zip(report.classes, report.recalls, strict=True)
    return {
        "n": report.n,
        "classes": report.classes,
        "vanilla": {"template": VANILLA.text, **_score_json(report.vanilla)},
        "templates": [{"template": template.text, **_score_json(score)} for template, score in scored],
        "mean_of_templates": report.mean_of_templates,
        "best_template": templates[report.best].text,
        "ensemble": _score_json(report.ensemble),
        "recall": {name: score and _score_json(score) for name, score in recalls},
        "confusion": report.confusion.tolist(),
        "packs": [{"pack": name, **_score_json(score)} for name, score in packs.items()],
    }


def _score_json(score: Score) -> Json:
    return {"accuracy": score.accuracy, "interval": score.interval}


def _evaluation_tables(
    report: Evaluation, templates: Sequence[Template], packs: dict[str, Score]
) -> Iterator[RenderableType]:
    """Each template and the ensembles; then the ensemble's recall of each class and what it is mistaken for."""
    single = [[template.text, *_score_row(score)] for template, score in zip(templates, report.templates, strict=True)]
    whole = [[f"ensemble of {name}", *_score_row(score)] for name, score in packs.items()] if len(packs) > 1 else []
    yield _table(
        ["prompt", f">{report.n} clips", ">95 % interval"],
        [["vanilla", *_score_row(report.vanilla)]],
        single,
        [["mean of the prompts", _percent(report.mean_of_templates), ""], *whole],
        [[f"ensemble of {len(templates)} prompts", *_score_row(report.ensemble)]],
    )
    rows = []
    for index, (name, score) in enumerate(zip(report.classes, report.recalls, strict=True)):
        mistakes = report.confusion[index].copy()
        mistakes[index] = 0
        taken_for = f"{report.classes[mistakes.argmax()]} ({mistakes.max()})" if mistakes.any() else ""
        rows.append([name, *(_score_row(score) if score else ("", "")), taken_for])
    yield _table(["class", ">ensemble recalls", ">95 % interval", "most often taken for"], rows)


def _score_row(score: Score) -> tuple[str, str]:
    low, high = score.interval
    return _percent(score.accuracy), f"{100 * low:.1f} - {100 * high:.1f}"


# --- output -----------------------------------------------------------------------------------------------------------


def _say(message: object) -> None:
    """Put a message on stderr, in one line whatever names it quotes."""
    typer.echo(one_line(str(message)), err=True)


def _print_json(content: Json | list[Json]) -> None:
    typer.echo(json.dumps(content, indent=2))


def _print(*parts: RenderableType) -> None:
    """Put text and tables on stdout; labels and file names are other people's text, so no markup is read in them."""
    from rich.console import Console

    console = Console(markup=False, emoji=False, highlight=False)
    for part in parts:
        console.print(part)


def _table(titles: Sequence[str], *sections: Sequence[Sequence[RenderableType]]) -> RenderableType:
    """A table of rows in sections; the title of a column of numbers begins with ``>``, and it is set to the right."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    for title in titles:
        table.add_column(title.lstrip(">"), justify="right" if title.startswith(">") else "left")
    for section in sections:
        for row in section:
            table.add_row(*(one_line(cell) if isinstance(cell, str) else cell for cell in row))
        table.add_section()
    return table


def _bar(share: float, colour: str) -> tuple[RenderableType, str]:
    from rich.progress_bar import ProgressBar

    bar = ProgressBar(total=1, completed=float(share), width=20, complete_style=colour, finished_style=colour)
    return bar, _percent(share)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _clock(seconds: float) -> str:
    """Minutes and seconds: 75.3 -> 1:15.3."""
    minutes, rest = divmod(round(seconds * 10), 600)
    return f"{minutes}:{rest // 10:02}.{rest % 10}"


def _pack_json(pack: PromptPack) -> Json:
    return {
        "id": pack.id,
        "title": pack.title,
        "description": pack.description,
        "templates": pack.as_strings(),
        "label_presets": pack.label_presets,
    }
