"""``audioprompt evaluate``: how good prompts are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from audioprompt.cli.data import DataOptions, embed_clips, embed_templates, left_out_json
from audioprompt.cli.options import AsJson, ModelOptions, PackIds, TemplateTexts, choose_prompts, parse_numbers
from audioprompt.cli.output import Json, percent, print_, print_json, say, table
from audioprompt.core import metrics as reports
from audioprompt.core.curation import Comparison
from audioprompt.core.zero_shot import Array, ensemble_weights
from audioprompt.prompts.template import VANILLA, Template

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import RenderableType

    from audioprompt.core.metrics import Evaluation, Score
    from audioprompt.prompts.pack import PromptPack


def evaluate(
    pack: PackIds = None,
    template: TemplateTexts = None,
    folds: Annotated[str | None, typer.Option(help="Use only the clips of these folds, such as 1,2.")] = None,
    *,
    data: DataOptions,
    model: ModelOptions,
    as_json: AsJson = False,
) -> None:
    """Measure prompts on labelled clips: the plain one, each alone, and the ensemble."""
    clips = data.open()
    numbers = parse_numbers(folds)
    if numbers is not None:
        clips = clips.in_folds(numbers)
    packs, templates = choose_prompts(pack or [], template)
    encoder = model.load()
    clips, audio = embed_clips(encoder, clips, data.skip_bad)
    vanilla, prompts = embed_templates(encoder, templates, clips.spoken_classes)
    report = reports.evaluate(audio, vanilla, prompts, clips.truth, clips.classes)
    compared = _compare(packs, templates, audio, vanilla, prompts, clips.truth)
    if as_json:
        used = {"model": encoder.name, "revision": encoder.revision, "data": clips.name, "folds": numbers}
        print_json({**used, **left_out_json(clips), **_evaluation_json(report, templates, compared)})
    else:
        print_(f"{clips.name}, model {encoder.name}", *_evaluation_tables(report, templates, compared))
    for remark in clips.remarks:
        say(remark)


# --- how good prompts are ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PackResult:
    """What the ensemble of a pack's approved templates achieves.

    Attributes:
        pack: the pack's id.
        k: number of templates.
        score: on the clips.
        against_vanilla: held against vanilla, clip by clip.
        against_first: held against the first pack; None for the first pack itself.
    """

    pack: str
    k: int
    score: Score
    against_vanilla: Comparison
    against_first: Comparison | None


def _compare(
    packs: Sequence[PromptPack],
    templates: Sequence[Template],
    audio: Array,
    vanilla: Array,
    prompts: Array,
    truth: NDArray[np.intp],
) -> list[PackResult]:
    """Measure packs whose templates are among the K embedded: ``[N, D]``, ``[C, D]``, ``[K, C, D]``, ``[N]``."""
    row = {template.text: index for index, template in enumerate(templates)}
    right = [
        reports.winners(audio, ensemble_weights(prompts[[row[template.text] for template in pack.approved]])) == truth
        for pack in packs
    ]  # [N] for each pack
    right_by_vanilla = reports.winners(audio, vanilla) == truth
    return [
        PackResult(
            pack.id,
            len(pack.approved),
            reports.Score(int(hits.sum()), len(hits)),
            Comparison.of(hits, right_by_vanilla),
            None if hits is right[0] else Comparison.of(hits, right[0]),
        )
        for pack, hits in zip(packs, right, strict=True)
    ]


def _evaluation_json(report: Evaluation, templates: Sequence[Template], packs: Sequence[PackResult]) -> Json:
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
        "packs": [
            {
                "pack": found.pack,
                "k": found.k,
                **score_json(found.score),
                "against_vanilla": _comparison_json(found.against_vanilla, report.n),
                "against_first": found.against_first and _comparison_json(found.against_first, report.n),
            }
            for found in packs
        ],
    }


def _comparison_json(comparison: Comparison, n: int) -> Json:
    return {
        "difference": (comparison.better - comparison.worse) / n,
        "better": comparison.better,
        "worse": comparison.worse,
        "p": comparison.p,
        "words": str(comparison),
    }


def score_json(score: Score) -> Json:
    """Write a score with its 95 % interval."""
    return {"accuracy": score.accuracy, "interval": score.interval}


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
