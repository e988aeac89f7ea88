"""Accuracy of all few-shot methods by clips per class: ``python -m benchmarks.few_shot_results MANIFEST``.

Clips are learned from in some folds and tested in others, with the bundled model. Each method is fitted anew for every
number of clips and every seed, which chooses the clips as well. First comes a table in Markdown, in percent, the mean
over the seeds with their standard deviation; then one line of JSON for each of its cells, and one for each target that
PALM must reach with 16 clips. The exit code is the verdict over these.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from statistics import mean, stdev
from typing import Any

from audioprompt.data import DataError, open_clips
from audioprompt.few_shot.methods import METHODS
from audioprompt.few_shot.settings import FitSettings
from audioprompt.models.embedded import EmbeddedModel
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import BARE_NAME, VANILLA
from audioprompt.services.learn import SHOTS, ExperimentSettings, Results, curve, embed_clips

PACK = "eight-templates"
POINTS = 3.0  # that PALM must be better by
SHOTS_OF_TARGET = 16

Curve = Mapping[int, Results]  # by clips per class


@dataclass(frozen=True)
class Figure:
    """One measured value; without a target it is there to be read."""

    name: str
    value: float | None
    unit: str
    target: str | None = None
    ok: bool = True


def table(found: Curve, methods: list[str]) -> Iterator[str]:
    """Methods by clips per class, in Markdown."""
    yield "| method | " + " | ".join(map(str, found)) + " | seconds |"
    yield "|---|" + "---:|" * (len(found) + 1)
    for method in methods:
        outcomes = [one for results in found.values() if (one := results.of(method))]
        cells = [spread(outcome.accuracies) for outcome in outcomes]
        yield f"| {method} | " + " | ".join(cells) + f" | {outcomes[-1].seconds:.2f} |"


def spread(accuracies: list[float]) -> str:
    """The mean in percent, and the standard deviation where there are several seeds."""
    if len(accuracies) == 1:
        return f"{100 * accuracies[0]:.1f}"
    return f"{100 * mean(accuracies):.1f} ± {100 * stdev(accuracies):.1f}"


def targets(found: Curve) -> Iterator[Figure]:
    """How much better than its baselines PALM is with all the clips it may have, in points."""
    results = found[max(found)]
    palm = results.of("palm")
    for baseline in ("zero-shot", "palm-dagger"):
        other = results.of(baseline)
        if palm and other and palm.accuracy is not None and other.accuracy is not None:
            gain = 100 * (palm.accuracy - other.accuracy)
            yield Figure(
                f"PALM minus {baseline}, {max(found)} shots", round(gain, 2), "points", f">= {POINTS:g}", gain >= POINTS
            )


def cells(found: Curve) -> Iterator[dict[str, Any]]:
    """Every cell of the table with its seeds."""
    for shots, results in found.items():
        for outcome in results.outcomes:
            yield {
                "method": outcome.method,
                "shots": shots,
                "accuracy": outcome.accuracy,
                "per_seed": outcome.accuracies,
                "seconds": round(outcome.seconds, 3),
            }


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.few_shot_results", description="Compare few-shot methods.")
    parser.add_argument("manifest", help="CSV file with the columns path, classname and fold; or a folder, zip, ...")
    parser.add_argument("--train-folds", type=numbers, default=[1, 2])
    parser.add_argument("--test-folds", type=numbers, default=[3])
    parser.add_argument("--shots", type=numbers, default=list(SHOTS))
    parser.add_argument("--seeds", type=numbers, default=[0, 1, 2])
    parser.add_argument("--methods", type=lambda text: text.split(","), default=list(METHODS.names))
    parser.add_argument("--epochs", type=int, default=FitSettings.epochs)
    parser.add_argument("--pack", default=PACK, help="prompts of TSPE's ensemble")
    parser.add_argument("--start", choices=["name", "vanilla", "pack"], default="name", help="where PALM starts")
    given = parser.parse_args()
    templates = PromptStore().get(given.pack).approved
    start = {"name": (BARE_NAME,), "vanilla": (VANILLA,), "pack": templates}[given.start]
    model = EmbeddedModel("cpu")
    try:
        clips = open_clips(given.manifest)
        train, test = (embed_clips(model, clips.in_folds(folds)) for folds in (given.train_folds, given.test_folds))
    except DataError as error:
        parser.error(str(error))
    trial = ExperimentSettings(
        tuple(given.methods), 1, tuple(given.seeds), FitSettings(epochs=given.epochs), templates, start
    )
    found = curve(model, train, test, trial, given.shots)
    print(f"{clips.name}: {len(train.clips)} clips to learn from, {len(test.clips)} to test\n")
    print("\n".join(table(found, given.methods)), end="\n\n")
    for cell in cells(found):
        print(json.dumps(cell))
    verdict = list(targets(found)) if max(given.shots) >= SHOTS_OF_TARGET else []
    for figure in verdict:
        print(json.dumps(asdict(figure)))
    sys.exit(0 if all(figure.ok for figure in verdict) else 1)


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    main()
