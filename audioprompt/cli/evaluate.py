"""``audioprompt evaluate``: how good prompts are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from audioprompt.cli.data import DataOptions, embed_clips, embed_templates
from audioprompt.cli.options import AsJson, ModelOptions, PackIds, TemplateTexts, choose_prompts, parse_numbers
from audioprompt.cli.output import Json, percent, print_, print_json, say, table
from audioprompt.core import metrics as reports
from audioprompt.core.curation import Comparison
from audioprompt.core.ensembles import DEFAULT, ENSEMBLES
from audioprompt.core.zero_shot import ensemble_weights
from audioprompt.prompts.template import VANILLA, Template
from audioprompt.services.evaluate import (
    ALL,
    EmbeddedTask,
    EnsembleResult,
    JointResult,
    PackResult,
    PrecisionResult,
    choose,
    compare_ensembles,
    compare_packs,
    find_ensembles,
    measure_calibration,
    measure_several,
    measure_together,
)
from audioprompt.services.rejection import recognise_by_words
from audioprompt.services.views import as_dict
from audioprompt.services.words import warn_of_words

if TYPE_CHECKING:
    from rich.console import RenderableType

    from audioprompt.core.calibration import Reliability
    from audioprompt.core.metrics import Evaluation, Score
    from audioprompt.data import LabelledClips
    from audioprompt.models.base import AudioTextModel


@dataclass(frozen=True)
class Answering:
    """How the prompts answer, and about what."""

    ensemble: Annotated[
        str,
        typer.Option(help=f"How the prompts answer together: {', '.join(ENSEMBLES.names)}; or {ALL} to compare these."),
    ] = DEFAULT
    together: Annotated[
        bool, typer.Option("--together", help="Measure listening to all clips before naming any, too.")
    ] = False
    several: Annotated[
        bool,
        typer.Option("--several", help="Measure each label alone (average precision): more than one may be heard."),
    ] = False


def evaluate(
    pack: PackIds = None,
    template: TemplateTexts = None,
    folds: Annotated[str | None, typer.Option(help="Use only the clips of these folds, such as 1,2.")] = None,
    *,
    answering: Answering,
    data: DataOptions,
    model: ModelOptions,
    as_json: AsJson = False,
) -> None:
    """Measure prompts on labelled clips: the plain one, each alone, and the ensemble."""
    ensembles = find_ensembles(answering.ensemble)
    clips = data.open()
    numbers = parse_numbers(folds)
    if numbers is not None:
        clips = clips.in_folds(numbers)
    packs, templates = choose_prompts(pack or [], template)
    encoder = model.load()
    clips, audio = embed_clips(encoder, clips, data.skip_bad)
    vanilla, prompts = embed_templates(encoder, templates, clips.spoken_classes)
    task = EmbeddedTask(audio, vanilla, prompts, clips.targets, clips.groups, encoder.logit_scale)
    main = ensembles[0]
    report = reports.evaluate(audio, vanilla, prompts, clips.targets, clips.classes, choose(main, task))
    compared = compare_packs(packs, templates, task, main)
    found = compare_ensembles(ensembles, task)
    calibration = measure_calibration(task, main)
    joint = measure_together(task, clips.classes) if answering.together else None
    several = _measure_several(encoder, task, clips) if answering.several else None
    if as_json:
        used = {"model": encoder.name, "revision": encoder.revision, "data": clips.name, "folds": numbers}
        one_of = {
            "ensembles": [as_dict(one) for one in found],
            "calibration": {name: as_dict(one) for name, one in calibration.items()},
            **({"together": as_dict(joint)} if joint else {}),
            **({"several": as_dict(several)} if several else {}),
        }
        print_json({**used, **as_dict(clips), **_evaluation_json(report, templates, compared), **one_of})
    else:
        print_(f"{clips.name}, model {encoder.name}", *_evaluation_tables(report, templates, compared))
        print_(*_ensemble_tables(found), *_calibration_tables(calibration))
        print_(*_joint_tables(report.vanilla, joint), *_precision_tables(several))
    for remark in (*clips.remarks, *warn_of_words(encoder, clips.spoken_classes)):
        say(remark)


# --- how good prompts are ---------------------------------------------------------------------------------------------


def _measure_several(model: AudioTextModel, task: EmbeddedTask, clips: LabelledClips) -> PrecisionResult:
    recogniser = recognise_by_words(model, ensemble_weights(task.prompts), clips.spoken_classes)
    return measure_several(task, clips.classes, recogniser)


def _evaluation_json(report: Evaluation, templates: Sequence[Template], packs: Sequence[PackResult]) -> Json:
    scored = zip(templates, report.templates, strict=True)
    recalls = zip(report.classes, report.recalls, strict=True)
    return {
        "n": report.n,
        "classes": report.classes,
        "vanilla": {"template": VANILLA.text, **as_dict(report.vanilla)},
        "templates": [{"template": template.text, **as_dict(score)} for template, score in scored],
        "mean_of_templates": report.mean_of_templates,
        "best_template": templates[report.best].text,
        "ensemble": as_dict(report.ensemble),
        "recall": {name: score and as_dict(score) for name, score in recalls},
        "confusion": report.confusion.tolist(),
        "packs": [as_dict(found) for found in packs],
    }


def _evaluation_tables(
    report: Evaluation, templates: Sequence[Template], packs: Sequence[PackResult]
) -> Iterator[RenderableType]:
    """Each template and the ensembles; the packs compared; the ensemble's recalls and what it mistakes classes for."""
    single = [[template.text, *score_row(score)] for template, score in zip(templates, report.templates, strict=True)]
    whole = [[f"ensemble of {found.pack}", *score_row(found.score)] for found in packs] if len(packs) > 1 else []
    yield table(
        ["prompt", f">{report.n} clips", ">95 % interval"],
        [["vanilla", *score_row(report.vanilla)]],
        single,
        [["mean of the prompts", percent(report.mean_of_templates), ""], *whole],
        [[f"ensemble of {len(templates)} prompts", *score_row(report.ensemble)]],
    )
    yield from _comparison_tables(packs, report.n)
    rows = []
    for index, (name, score) in enumerate(zip(report.classes, report.recalls, strict=True)):
        mistakes = report.confusion[index].copy()
        mistakes[index] = 0
        taken_for = f"{report.classes[mistakes.argmax()]} ({mistakes.max()})" if mistakes.any() else ""
        rows.append([name, *(score_row(score) if score else ("", "")), taken_for])
    yield table(["class", ">ensemble recalls", ">95 % interval", "most often taken for"], rows)


def _calibration_tables(found: Mapping[str, Reliability]) -> Iterator[RenderableType]:
    """How far probabilities of the labels given are off, and how often the ensemble is right, by how sure it is."""
    yield table(
        ["probabilities of the labels given", ">off by, points"],
        [[name, f"{100 * reliability.error:.1f}"] for name, reliability in found.items()],
    )
    bins = as_dict(found["ensemble"])["bins"]
    yield table(
        ["the ensemble says", ">clips", ">mean", ">right"],
        [
            [
                f"{100 * one['from']:.0f} - {percent(one['to'])}",
                str(one["n"]),
                *map(percent, (one["confidence"], one["accuracy"])),
            ]
            for one in bins
        ],
    )


def _ensemble_tables(found: Sequence[EnsembleResult]) -> Iterator[RenderableType]:
    """Compare the ensembles of the same prompts; one of them, if it is the usual one, needs no table."""
    if [one.ensemble.name for one in found] == [DEFAULT]:
        return
    rows = []
    for one in found:
        against = one.against_mean
        points = f"{100 * (against.better - against.worse) / one.score.n:+.1f}" if against else ""
        off = f"{100 * one.reliability.error:.1f}"
        rows.append([one.ensemble.title, *score_row(one.score), off, points, str(against or "")])
    yield table(["ensemble", ">of all", ">95 % interval", ">off by", ">points", "against the mean"], rows)


def _joint_tables(vanilla: Score, found: JointResult | None) -> Iterator[RenderableType]:
    """Compare listening to all clips first with the words alone, and say what it came to."""
    if found is None:
        return
    compared = [
        ("vanilla", vanilla, found.against_vanilla),
        (ENSEMBLES[DEFAULT].title, found.alone, found.against_mean),
    ]
    rows = [
        [name, *score_row(alone), f"{100 * (against.better - against.worse) / alone.n:+.1f}", str(against)]
        for name, alone, against in compared
    ]
    rows.append(["all clips first", *score_row(found.score), "", ""])
    yield table(["words", ">of all", ">95 % interval", ">points", "all clips first against it"], rows)
    yield found.joint.answer.words


def _precision_tables(found: PrecisionResult | None) -> Iterator[RenderableType]:
    """How well each label is told from all else."""
    if found is None:
        return
    rows = [[name, "" if one is None else percent(one)] for name, one in found.precisions.items()]
    yield table(["more than one may be heard", ">average precision"], rows, [["mean", percent(found.mean)]])


def _comparison_tables(packs: Sequence[PackResult], n: int) -> Iterator[RenderableType]:
    """Compare the packs with vanilla, and all others with the first."""
    comparisons: dict[str, list[tuple[str, Comparison]]] = {}
    for found in packs:
        comparisons.setdefault("vanilla", []).append((found.pack, found.against_vanilla))
        if found.against_first:
            comparisons.setdefault(packs[0].pack, []).append((found.pack, found.against_first))
    for baseline, compared in comparisons.items():
        rows = [[name, f"{100 * (one.better - one.worse) / n:+.1f}", str(one)] for name, one in compared]
        yield table([f"against {baseline}", ">points", "clip by clip"], rows)


def score_row(score: Score) -> tuple[str, str]:
    """Write a score and its 95 % interval as two cells of a table."""
    low, high = score.interval
    return percent(score.accuracy), f"{100 * low:.1f} - {100 * high:.1f}"
