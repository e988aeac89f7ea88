"""What curation gains on clips that no decision saw: ``python -m benchmarks.curation_gain [DATA...]``.

DATA are labelled clips with folds, by default the two bundled sets. Auto-curation selects among the candidates on one
half of the folds, and the selection is measured on the other half; then the halves change places, so that every clip is
answered once, by templates chosen without it. Nothing else is chosen: seed, candidates and halves are those below.

The candidates are the 40 that the offline lexicon writes for the classes, for instruments with its words for these, or
the approved templates of the packs named by ``--pack``. Auto-curation is held against vanilla, the template that is
best alone on the clips for selection, all candidates, 20 drawn at random, and the 20 that are best alone.

After a table for people comes one line of JSON for each figure: name, value, unit, target, ok. Gains are in points over
vanilla with 95 % intervals from draws of the clips' recordings with replacement. The exit code is the verdict: a set
gains `WORTHWHILE` points or more. A set where vanilla is best is named.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.auto_curation import propose
from audioprompt.core.curation import Mask, ScoreTable, choices, score_templates
from audioprompt.data import DEMONSTRATION, VILLAGE, DataError, LabelledClips, open_clips
from audioprompt.encoding.clips import embed_clips
from audioprompt.encoding.encoder import embed_prompts, pooled
from audioprompt.models.embedded import EmbeddedModel
from audioprompt.prompts.generators import OfflineLexicon, Task
from audioprompt.prompts.pack import Category, PackError
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import VANILLA, Template
from benchmarks.embedded_model import Figure, at_least

CATEGORIES: Mapping[str, Category] = {DEMONSTRATION: "instruments"}  # of the sets that are of one kind
HALF = 20  # templates of the paper's curated packs
DRAWS = 200  # random selections
RESAMPLES = 2_000
WORTHWHILE = 2.0  # points over vanilla that curation is to gain on one set at least

Right = NDArray[np.float64]  # of each clip, 1 where the answer is right, ``[N]``


@dataclass(frozen=True, eq=False)
class Gains:
    """What every way to select answers rightly on the clips of one set.

    Attributes:
        name: of the set.
        groups: the recording of each clip.
        vanilla: how plain zero-shot does.
        ways: how each way to select does; "auto-curated" is one.
        selected: how many templates auto-curation keeps, for each half.
        spread: points between the best and the worst template alone, over all clips.
    """

    name: str
    groups: tuple[str, ...]
    vanilla: Right
    ways: Mapping[str, Right]
    selected: tuple[int, ...]
    spread: float

    def gain(self, way: str) -> float:
        """Points over vanilla."""
        return 100 * float((self.ways[way] - self.vanilla).mean())

    def interval(self, way: str) -> tuple[float, float]:
        """95 % interval of the gain, recordings drawn with replacement."""
        _, group = np.unique(self.groups, return_inverse=True)
        sums = np.bincount(group, self.ways[way] - self.vanilla)
        counts = np.bincount(group)
        drawn = np.random.default_rng(0).integers(len(sums), size=(RESAMPLES, len(sums)))
        low, high = np.quantile(100 * sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [0.025, 0.975])
        return float(low), float(high)


def main() -> None:
    options = parse()
    try:
        model, sets = EmbeddedModel("cpu"), [open_clips(where) for where in options.data]
        gains = [measure(model, clips, candidates(clips, options.pack)) for clips in sets]
    except (DataError, PackError) as error:
        sys.exit(str(error))
    print(*map(table, gains), sep="\n\n")
    found = list(figures(gains))
    for figure in found:
        print(json.dumps(asdict(figure)))
    sys.exit(0 if all(figure.ok for figure in found) else 1)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.curation_gain", description="Measure auto-curation.")
    parser.add_argument("data", nargs="*", default=[VILLAGE, DEMONSTRATION], help="labelled clips with folds")
    parser.add_argument("--pack", action="append", default=[], help="a pack to take the candidates from, or several")
    return parser.parse_args()


def candidates(clips: LabelledClips, packs: Sequence[str]) -> list[Template]:
    """The templates of some packs, or those that the offline lexicon writes.

    Raises:
        PackError: there is no such pack, or its file is broken.
    """
    if packs:
        return list(dict.fromkeys(template for pack in packs for template in PromptStore().get(pack).approved))
    lexicon, task = OfflineLexicon(), Task(CATEGORIES.get(clips.name), clips.spoken_classes)
    return list(lexicon.candidates(task, lexicon.ideas(task)))


def measure(model: EmbeddedModel, clips: LabelledClips, templates: Sequence[Template]) -> Gains:
    """Answer every clip by what was selected without it.

    Raises:
        DataError: the clips have no folds to halve.
    """
    folds = sorted(set(clips.folds or ()))
    if len(folds) < 2:
        raise DataError(f"{clips.name} has no folds: its clips cannot be halved.")
    prompts = embed_prompts(model, [VANILLA, *templates], clips.spoken_classes)
    audio = pooled(embed_clips(model, clips.paths))
    table = score_templates(audio, prompts[0], prompts[1:], clips.targets, clips.classes)
    first = np.isin(np.array(clips.folds), folds[: len(folds) // 2])
    halves = [(table.on(first), ~first), (table.on(~first), first)]
    proposed = [propose(seen) for seen, _ in halves]
    best = [seen.ranking(seen.everything) for seen, _ in halves]
    return Gains(
        clips.name,
        clips.groups,
        right(table, table.vanilla),
        {
            "auto-curated": unseen(table, halves, proposed),
            "best alone": unseen(table, halves, [only(ranking[:1], len(templates)) for ranking in best]),
            f"all {len(templates)}": right(table, choices(table, table.everything)),
            f"best {HALF} alone": unseen(table, halves, [only(ranking[:HALF], len(templates)) for ranking in best]),
            f"{HALF} at random": np.mean(
                [right(table, choices(table, drawn)) for drawn in random_selections(len(templates))], axis=0
            ),
        },
        tuple(int(selection.sum()) for selection in proposed),
        spread_alone(table),
    )


def right(table: ScoreTable, chosen: NDArray[np.intp]) -> Right:
    return (chosen == table.targets).astype(float)


def unseen(table: ScoreTable, halves: Sequence[tuple[ScoreTable, Mask]], selections: Sequence[Mask]) -> Right:
    """What selections, one for each half, answer rightly on the clips of the other."""
    answered = np.zeros(table.n)
    for (_, others), selection in zip(halves, selections, strict=True):
        answered[others] = right(table, choices(table, selection))[others]
    return answered


def only(chosen: Sequence[int] | NDArray[np.intp], templates: int) -> Mask:
    selection = np.zeros(templates, bool)
    selection[chosen] = True
    return selection


def random_selections(templates: int) -> Iterator[Mask]:
    rng = np.random.default_rng(0)
    for _ in range(DRAWS):
        yield rng.permutation(templates) < HALF


def spread_alone(table: ScoreTable) -> float:
    """Points between the template that is best alone and the one that is worst."""
    alone = [
        right(table, choices(table, only([template], len(table.scores)))).mean()
        for template in range(len(table.scores))
    ]
    return 100 * float(max(alone) - min(alone))


def table(gains: Gains) -> str:
    """A set's figures for people."""
    lines = [f"{gains.name}: {len(gains.vanilla)} clips, single templates {gains.spread:.1f} points apart"]
    lines += [f"{'vanilla':24} {100 * gains.vanilla.mean():6.1f} %"]
    for way, answered in gains.ways.items():
        low, high = gains.interval(way)
        kept = f", {' and '.join(map(str, gains.selected))} templates" if way == "auto-curated" else ""
        lines += [
            f"{way:24} {100 * answered.mean():6.1f} %   {gains.gain(way):+5.1f} ({low:+.1f} to {high:+.1f}){kept}"
        ]
    if all(gains.gain(way) <= 0 for way in gains.ways):
        lines += ["vanilla is best"]
    return "\n".join(lines)


def figures(gains: Sequence[Gains]) -> Iterator[Figure]:
    for found in gains:
        low, high = (round(end, 2) for end in found.interval("auto-curated"))
        yield Figure(
            f"curation_gain_{found.name}", round(found.gain("auto-curated"), 2), "points", None, True, (low, high)
        )
        yield Figure(f"template_spread_{found.name}", round(found.spread, 2), "points")
    best = max(gains, key=lambda found: found.gain("auto-curated"))
    yield at_least(
        "curation_gain", round(best.gain("auto-curated"), 2), "points", WORTHWHILE, best.interval("auto-curated")
    )
    yield Figure("sets_where_vanilla_is_best", sum(found.gain("auto-curated") <= 0 for found in gains), "sets")


if __name__ == "__main__":
    main()
