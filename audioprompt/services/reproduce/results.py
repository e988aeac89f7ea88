"""What cells come to: a result for each system on each data set, beside what was published, and tests between them."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from statistics import mean

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.curation import Comparison
from audioprompt.core.metrics import Score
from audioprompt.core.paired import bootstrap_mean, wilcoxon
from audioprompt.services.learn.results import interval_over_seeds
from audioprompt.services.reproduce.experiments import Experiment, System
from audioprompt.services.reproduce.run import Cell


@dataclass(frozen=True)
class Result:
    """What one system achieved on one data set.

    Attributes:
        model: that heard the clips.
        dataset: as the table calls it.
        system: the column.
        title: of the column.
        ours: whether it is no system of the paper.
        n: clips, over all folds.
        seeds: how many.
        accuracies: of each seed.
        accuracy: their mean; None where there is no result.
        low: of its 95 % interval: Student's over seeds, Wilson's over the clips of one.
        high: of the same.
        published: the paper's figure for this model; None where there is none.
        difference: from that.
        better: clips that only this system gets right, compared with the baseline, first seed.
        worse: clips that only the baseline gets right.
        p: McNemar's exact test of these two, two-sided.
        seconds: of one seed, all folds.
        megabytes: the most memory the process had by then.
        problem: why there is no result.
    """

    model: str
    dataset: str
    system: str
    title: str
    ours: bool
    n: int = 0
    seeds: int = 0
    accuracies: tuple[float, ...] = ()
    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    published: float | None = None
    difference: float | None = None
    better: int | None = None
    worse: int | None = None
    p: float | None = None
    seconds: float = 0.0
    megabytes: float = 0.0
    problem: str = ""


@dataclass(frozen=True)
class Across:
    """One system compared with the baseline over D data sets.

    Attributes:
        model: that heard the clips.
        title: of the column.
        datasets: D.
        average: of the system, over the data sets.
        gain: the mean difference from the baseline, and its 95 % interval by bootstrap over the data sets.
        wins: data sets on which it is better than the baseline.
        losses: on which it is worse.
        p: Wilcoxon's signed-rank test, two-sided.
        published: the paper's average over the data sets for which both have figures; None without any.
    """

    model: str
    title: str
    datasets: int
    average: float
    gain: tuple[float, float, float]
    wins: int
    losses: int
    p: float
    published: float | None


def summarise(
    experiment: Experiment, cells: Iterable[Cell], systems: Sequence[System]
) -> tuple[list[Result], list[Across]]:
    """Put cells together: a result for each model, data set and system, and each system against the baseline."""
    of: dict[tuple[str, str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        of[cell.model, cell.title, cell.system].append(cell)
    titles = {one.name: (one.title, one.ours) for one in systems}
    results = []
    for (model, dataset, system), some in of.items():
        baseline = of.get((model, dataset, experiment.baseline), [])
        title, ours = titles.get(system, (system, False))
        known = experiment.published.get((model, dataset, system))
        results.append(_result(Result(model, dataset, system, title, ours, published=known), some, baseline))
    return results, _across(experiment, results)


def _result(empty: Result, cells: Sequence[Cell], baseline: Sequence[Cell]) -> Result:
    values = asdict(empty)
    by_seed: dict[int, list[Cell]] = defaultdict(list)
    for cell in cells:
        by_seed[cell.seed].append(cell)
    if problem := next((cell.problem for cell in cells if cell.problem), ""):
        return Result(**values | {"problem": problem})
    right = {seed: _right(some) for seed, some in by_seed.items()}
    scores = [Score(int(one.sum()), len(one)) for one in right.values()]
    accuracy = mean(one.accuracy for one in scores)
    low, high = interval_over_seeds(scores)
    if baseline and empty.system != baseline[0].system:
        compared = Comparison.of(next(iter(right.values())), _right(baseline))
        values |= {"better": compared.better, "worse": compared.worse, "p": compared.p}
    return Result(
        **values
        | {
            "n": scores[0].n,
            "seeds": len(scores),
            "accuracies": tuple(one.accuracy for one in scores),
            "accuracy": accuracy,
            "low": low,
            "high": high,
            "difference": None if empty.published is None else accuracy - empty.published,
            "seconds": sum(cell.seconds for cell in cells) / len(scores),
            "megabytes": max(cell.megabytes for cell in cells),
        }
    )


def _right(cells: Sequence[Cell]) -> NDArray[np.bool_]:
    return np.array(list("".join(cell.right for cell in sorted(cells, key=lambda cell: cell.fold)))) == "1"


def _across(experiment: Experiment, results: Sequence[Result]) -> list[Across]:
    found = []
    for model, title in dict.fromkeys((one.model, one.title) for one in results):
        own = [one for one in results if (one.model, one.title) == (model, title) and one.accuracy is not None]
        base = {
            one.dataset: one.accuracy
            for one in results
            if one.model == model and one.system == experiment.baseline and one.accuracy is not None
        }
        pairs = [(one.accuracy or 0.0, base[one.dataset]) for one in own if one.dataset in base]
        if not pairs:
            continue
        gains = [ours - theirs for ours, theirs in pairs]
        published = [one.published for one in own if one.published is not None]
        found.append(
            Across(
                model,
                title,
                len(pairs),
                mean(ours for ours, _ in pairs),
                (mean(gains), *bootstrap_mean(gains)),
                sum(gain > 0 for gain in gains),
                sum(gain < 0 for gain in gains),
                wilcoxon(*zip(*pairs, strict=True)),
                mean(published) if published else None,
            )
        )
    return found


def as_csv(results: Iterable[Result]) -> str:
    """Write results as a table, a line for each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [field.name for field in fields(Result)]
    writer.writerow(names)
    for one in results:
        values = asdict(one) | {"accuracies": " ".join(f"{value:.4f}" for value in one.accuracies)}
        writer.writerow([f"{values[name]:.6g}" if isinstance(values[name], float) else values[name] for name in names])
    return text.getvalue()


def as_json(results: Sequence[Result], across: Sequence[Across], about: dict) -> str:
    """Write everything that the report shows."""
    content = {**about, "results": list(map(asdict, results)), "across": list(map(asdict, across))}
    return json.dumps(content, indent=1, ensure_ascii=False)
