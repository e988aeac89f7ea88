"""Whether a few clips can make it worse: ``python -m benchmarks.never_worse [MANIFEST ...]``.

With the bundled model, on the bundled instruments or on the labelled clips given (a manifest with folds, such as
ESC-10's). Half of the folds, in every combination, give the clips to learn from, by several seeds; the others test. A
run is one combination, one seed and one number of clips per class; with ``--uneven`` each class has from one clip to so
many. For each method come its mean accuracy, how many runs fall below zero-shot classification of the same test clips,
the worst of these losses, and the expected calibration error over the answers of all runs; with ``--json`` one line for
each run as well. One line of JSON for each target of ``auto`` ends it, and the exit code is the verdict over these.

What words count as (4 clips) was first chosen on these two data sets and then found good on six others; 6 in `auto`
suits the bundled village best, but was settled with these two sets in view, where 8 lost less often and was less
honest. On the village and on loops of ambience, 83 kinds mixed in pairs at random levels, which are not in this
repository, it was found afterwards that six clips are good (with fewer more runs end below zero-shot, with more the
accuracy falls), that a head's temperature is that of heads with its own choices, that classes with fewer clips are
filled up, and which temperature is expected and how much that counts. The rules of `auto` (clearly better by a standard
error, recordings left out whole for the temperature, half by the words where a class is left without a clip) were made
while looking at these two sets as well, so that what it reaches here is a little flattering.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import asdict, dataclass
from itertools import combinations
from statistics import mean

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.calibration import measure_reliability
from audioprompt.core.zero_shot import Array
from audioprompt.data import DEMONSTRATION, DataError, open_clips
from audioprompt.few_shot.base import Head, choose_shots
from audioprompt.few_shot.build import build_head
from audioprompt.few_shot.calibration import calibrate
from audioprompt.few_shot.methods import METHODS
from audioprompt.models.embedded import EmbeddedModel
from audioprompt.services.learn import SHOTS, EmbeddedClips, embed_clips
from benchmarks.few_shot_results import Figure

QUICK = ("auto", "words-as-clips", "words-probe", "gda", "clap-probe", "kernel-ridge", "tip-adapter")
SEEDS = 8
TARGETS = {
    "esc10": {1: 87.0, 2: 91.0, 4: 92.0, 8: 93.0, 16: 94.0},
    DEMONSTRATION: {1: 58.0, 2: 62.0, 4: 65.0, 8: 67.0},
}
MAX_BELOW, MAX_ERROR = 2.0, 6.0  # percent of runs, points


@dataclass(frozen=True, eq=False)
class Run:
    """One method fitted once.

    Attributes:
        method: which.
        shots: clips per class.
        folds: that it learned from.
        seed: of the choice of clips.
        accuracy: on the test clips, in percent.
        zero_shot: of plain zero-shot classification there.
        probabilities: of each class, ``[N, C]``.
        targets: the class of each test clip, ``[N]``.
    """

    method: str
    shots: int
    folds: tuple[int, ...]
    seed: int
    accuracy: float
    zero_shot: float
    probabilities: Array
    targets: NDArray[np.intp]

    def line(self, data: str) -> str:
        """The run as a line of JSON."""
        left_out = ("probabilities", "targets")
        shown = {name: value for name, value in vars(self).items() if name not in left_out}
        return json.dumps({"data": data, **shown})


def draw(train: EmbeddedClips, shots: int, seed: int, uneven: bool) -> NDArray[np.intp]:
    """The clips to learn from: as many of each class, or from one of a class to so many, in rows of ``train``."""
    rows = choose_shots(train.clips.targets, train.clips.classes, shots, seed).rows
    if not uneven:
        return rows
    rng = np.random.default_rng([seed, shots])
    return np.concatenate([some[: rng.integers(1, shots + 1)] for some in rows.reshape(-1, shots)])


def fit_all(
    clips: EmbeddedClips, heads: dict[str, Head], shots: Sequence[int], seeds: int, uneven: bool
) -> Iterator[Run]:
    """Fit every head in every combination of folds, with every number of clips and every seed."""
    folds = np.array(clips.clips.folds)
    named = sorted(set(folds.tolist()))
    for learned in combinations(named, (len(named) + 1) // 2):
        inside = np.isin(folds, learned)
        train, test = (clips.take(np.flatnonzero(rows).tolist()) for rows in (inside, ~inside))
        fewest = int(np.bincount(train.clips.targets, minlength=len(train.clips.classes)).min())
        recordings = np.unique(train.clips.groups, return_inverse=True)[1]
        plain = 100 * heads["zero-shot"].score(test.audio, test.clips.targets)
        for number in (number for number in shots if number <= fewest):
            for seed in range(seeds):
                rows = draw(train, number, seed, uneven)
                audio, targets = train.audio[rows], train.clips.targets[rows]
                for name, head in heads.items():
                    fitted = copy(head)
                    fitted.groups = recordings[rows]
                    fitted.fit(audio, targets)
                    if METHODS[name].learns:
                        calibrate(fitted, audio, targets)
                    right = 100 * fitted.score(test.audio, test.clips.targets)
                    chances = fitted.predict_proba(test.audio)
                    yield Run(name, number, learned, seed, right, plain, chances, test.clips.targets)


def below(runs: Sequence[Run]) -> float:
    """Return how many runs fall below zero-shot classification, in percent."""
    return 100 * mean(run.accuracy < run.zero_shot - 1e-6 for run in runs)


def calibration_error(runs: Sequence[Run]) -> float:
    """Return the expected calibration error over the answers of all runs, in points."""
    chances = np.concatenate([run.probabilities for run in runs])
    targets = np.concatenate([run.targets for run in runs])
    return 100 * measure_reliability(chances, targets).error


def table(runs: Sequence[Run], shots: Sequence[int]) -> Iterator[str]:
    """Methods by clips per class, in Markdown."""
    yield (
        "| accuracy (runs below zero-shot, worst difference; calibration error) | " + " | ".join(map(str, shots)) + " |"
    )
    yield "|---|" + "---:|" * len(shots)
    for method in dict.fromkeys(run.method for run in runs):
        cells = []
        for number in shots:
            some = [run for run in runs if (run.method, run.shots) == (method, number)]
            worst = min(run.accuracy - run.zero_shot for run in some)
            cells.append(
                f"{mean(run.accuracy for run in some):.1f} ({below(some):.0f} %, {worst:+.1f}; "
                f"{calibration_error(some):.1f})"
            )
        yield f"| {method} | " + " | ".join(cells) + " |"


def judge(runs: Sequence[Run], data: str, shots: Sequence[int]) -> Iterator[Figure]:
    """What `auto` must reach on one data set."""
    ours = [run for run in runs if run.method == "auto"]
    if not ours:
        return
    share = below(ours)
    yield Figure(f"{data}: runs of auto below zero-shot", round(share, 2), "%", f"<= {MAX_BELOW:g}", share <= MAX_BELOW)
    wanted = next((found for name, found in TARGETS.items() if name in data.lower().replace("-", "")), {})
    for number in shots:
        some = [run for run in ours if run.shots == number]
        where = f"{data}: auto, {number} per class"
        if number in wanted:
            value, least = mean(run.accuracy for run in some), wanted[number]
            yield Figure(where, round(value, 2), "%", f">= {least:g}", value >= least)
        error = calibration_error(some)
        yield Figure(f"{where}, calibration error", round(error, 2), "points", f"<= {MAX_ERROR:g}", error <= MAX_ERROR)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.never_worse", description="Whether a few clips make it worse.")
    parser.add_argument(
        "manifests", nargs="*", default=[DEMONSTRATION], help="CSV with the columns path, classname, fold"
    )
    parser.add_argument("--shots", type=lambda text: [int(part) for part in text.split(",")], default=list(SHOTS))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--methods", type=lambda text: text.split(","), default=list(QUICK))
    parser.add_argument("--uneven", action="store_true", help="from one clip of a class to as many, without targets")
    parser.add_argument("--json", action="store_true", help="print every run")
    given = parser.parse_args()
    model = EmbeddedModel("cpu")
    figures: list[Figure] = []
    for manifest in given.manifests:
        try:
            clips = embed_clips(model, open_clips(manifest))
        except DataError as error:
            parser.error(str(error))
        names = dict.fromkeys(["zero-shot", *given.methods])
        heads = {name: build_head(name, model, clips.clips.spoken_classes) for name in names}
        runs = list(fit_all(clips, heads, given.shots, given.seeds, given.uneven))
        shots = sorted({run.shots for run in runs})
        print(f"{clips.clips.name}, {len(runs) // len(heads)} runs\n", *table(runs, shots), "", sep="\n", flush=True)
        if given.json:
            print(*(run.line(clips.clips.name) for run in runs), sep="\n")
        figures += [] if given.uneven else judge(runs, clips.clips.name, shots)
    for figure in figures:
        print(json.dumps(asdict(figure)))
    sys.exit(0 if all(figure.ok for figure in figures) else 1)


if __name__ == "__main__":
    main()
