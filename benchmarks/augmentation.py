"""What dropout and an adapted batch norm do for PALM: ``python -m benchmarks.augmentation MANIFEST``.

PALM's reference code leaves its frozen encoder in training mode, so that features are dropped at random before the
projection and the first batch norm drifts towards the clips at hand. Here both are options, and PALM is fitted without
them, with each, and with both (on a model that has a batch norm, as the bundled one has not), on clips of some folds
and tested on others. First comes a table
in Markdown, in percent, the mean over the seeds with their standard deviation; then a line of JSON for each option with
its gain over none, in points, paired seed by seed. There is no target: the figures are there to be read.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from statistics import mean

import numpy as np

from audioprompt.data import DataError, LabelledClips, open_clips
from audioprompt.few_shot.augment import with_batch_norm_of
from audioprompt.few_shot.settings import FewShotError
from audioprompt.models.base import AudioTextModel
from audioprompt.models.registry import load
from audioprompt.services.learn import ExperimentSettings, embed_clips, run
from benchmarks.few_shot_results import Figure, numbers, spread

SHARES = (0.0, 0.1, 0.3, 0.5)  # dropped; the reference code's is 0.5


def hearing(model: AudioTextModel, train: LabelledClips) -> Iterator[tuple[str, AudioTextModel]]:
    """The model as it is and, where it has a batch norm, with that estimated anew on the training clips."""
    yield "trained", model
    try:
        yield "adapted", with_batch_norm_of(model, train.paths)
    except FewShotError as error:
        print(f"{error}\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.augmentation", description="Measure PALM's augmentations.")
    parser.add_argument("manifest", help="CSV file with the columns path, classname and fold; or a folder, zip, ...")
    parser.add_argument("--train-folds", type=numbers, default=[1, 2])
    parser.add_argument("--test-folds", type=numbers, default=[3])
    parser.add_argument("--shots", type=numbers, default=[1, 4, 16])
    parser.add_argument("--seeds", type=numbers, default=[0, 1, 2])
    parser.add_argument("--model", default="embedded", help="a model's name")
    given = parser.parse_args()
    model = load(given.model)
    try:
        clips = open_clips(given.manifest)
        train, test = clips.in_folds(given.train_folds), clips.in_folds(given.test_folds)
    except DataError as error:
        parser.error(str(error))

    found: dict[tuple[str, float], list[list[float]]] = {}  # by number of shots, then by seed
    for norm, ears in hearing(model, train):
        heard, unseen = embed_clips(ears, train), embed_clips(ears, test)
        for share in SHARES:
            trials = [ExperimentSettings(("palm",), shots, tuple(given.seeds), dropout=share) for shots in given.shots]
            found[norm, share] = [run(ears, heard, unseen, trial).outcomes[0].accuracies for trial in trials]

    print(f"{clips.name}: {len(train)} clips to learn from, {len(test)} to test\n")
    print("| batch norm | dropped | " + " | ".join(f"{shots} shots" for shots in given.shots) + " |")
    print("|---|---:|" + "---:|" * len(given.shots))
    for (norm, share), by_shots in found.items():
        print(f"| {norm} | {share:g} | " + " | ".join(map(spread, by_shots)) + " |")
    print()
    plain, *others = found.items()
    for (norm, share), by_shots in others:
        for shots, scores, without in zip(given.shots, by_shots, plain[1], strict=True):
            gain = 100 * float(mean(np.subtract(scores, without)))
            name = f"PALM's gain at {shots} shots, batch norm {norm}, {share:g} dropped"
            print(json.dumps(asdict(Figure(name, round(gain, 2), "points"))))


if __name__ == "__main__":
    main()
