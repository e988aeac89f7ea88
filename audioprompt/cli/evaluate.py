"""``audioprompt evaluate``: how good prompts are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audioprompt.cli.options import (
    AsJson,
    Device,
    Half,
    ModelName,
    PackIds,
    TemplateTexts,
    Weights,
    chosen_prompts,
    embed_files,
    embed_prompts,
    fold_numbers,
    load_model,
)
from audioprompt.cli.output import Json, percent, print_, print_json, table
from audioprompt.prompts.template import Template

if TYPE_CHECKING:
    from rich.console import RenderableType

    from audioprompt.reports import Evaluation, Score


def evaluate(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST.csv", help="Columns path,classname[,fold].")],
    pack: PackIds = None,
    template: TemplateTexts = None,
    folds: Annotated[str | None, typer.Option(help="Only the clips of these folds: 1,2.")] = None,
    model: ModelName = "embedded",
    weights: Weights = None,
    device: Device = "auto",
    half: Half = False,
    as_json: AsJson = False,
) -> None:
    """Measure prompts on labelled clips: vanilla, each alone, and together."""
    from audioprompt.data import LabelledClips

    clips = LabelledClips.from_manifest(manifest)
    numbers = None if folds is None else fold_numbers(folds)
    if numbers is not None:
        clips = clips.in_folds(numbers)
    packs, templates = chosen_prompts(pack or [], template)
    encoder = load_model(model, weights, device, half)

    from audioprompt import reports

    vanilla, prompts = embed_prompts(encoder, templates, clips.spoken_classes)
    audio = embed_files(encoder, clips.paths)
    report = reports.evaluate(audio, vanilla, prompts, clips.truth, clips.classes)
    row = {found.text: index for index, found in enumerate(templates)}
    of_packs = {
        found.id: reports.ensemble_score(audio, prompts[[row[one.text] for one in found.approved]], clips.truth)
        for found in packs
    }
    if as_json:
        used = {"model": encoder.name, "revision": encoder.revision, "data": clips.name, "folds": numbers}
        print_json({**used, **_evaluation_json(report, templates, of_packs)})
    else:
        print_(f"{clips.name}, model {encoder.name}", *_evaluation_tables(report, templates, of_packs))


# --- how good prompts are ---------------------------------------------------------------------------------------------


def _evaluation_json(report: Evaluation, templates: Sequence[Template], packs: dict[str, Score]) -> Json:
    from audioprompt.classify import VANILLA

    scored = zip(templates, report.templates, strict=True)
    recalls = zip(report.classes, report.recalls, strict=True)
    return {
        "n": report.n,
        "classes": report.classes,
        "vanilla": {"template": VANILLA.text, **score_json(report.vanilla)},
        "templates": [{"template": template.text, **score_json(score)} for template, score in scored],
        "mean_of_templates": report.mean_of_templates,
        "best_template": templates[report.best].text,
        "ensemble": score_json(report.ensemble),
        "recall": {name: score and score_json(score) for name, score in recalls},
        "confusion": report.confusion.tolist(),
        "packs": [{"pack": name, **score_json(score)} for name, score in packs.items()],
    }


def score_json(score: Score) -> Json:
    return {"accuracy": score.accuracy, "interval": score.interval}


def _evaluation_tables(
    report: Evaluation, templates: Sequence[Template], packs: dict[str, Score]
) -> Iterator[RenderableType]:
    """Each template and the ensembles; then the ensemble's recall of each class and what it is mistaken for."""
    single = [[template.text, *score_row(score)] for template, score in zip(templates, report.templates, strict=True)]
    whole = [[f"ensemble of {name}", *score_row(score)] for name, score in packs.items()] if len(packs) > 1 else []
    yield table(
        ["prompt", f">{report.n} clips", ">95 % interval"],
        [["vanilla", *score_row(report.vanilla)]],
        single,
        [["mean of the prompts", percent(report.mean_of_templates), ""], *whole],
        [[f"ensemble of {len(templates)} prompts", *score_row(report.ensemble)]],
    )
    rows = []
    for index, (name, score) in enumerate(zip(report.classes, report.recalls, strict=True)):
        mistakes = report.confusion[index].copy()
        mistakes[index] = 0
        taken_for = f"{report.classes[mistakes.argmax()]} ({mistakes.max()})" if mistakes.any() else ""
        rows.append([name, *(score_row(score) if score else ("", "")), taken_for])
    yield table(["class", ">ensemble recalls", ">95 % interval", "most often taken for"], rows)


def score_row(score: Score) -> tuple[str, str]:
    low, high = score.interval
    return percent(score.accuracy), f"{100 * low:.1f} - {100 * high:.1f}"
