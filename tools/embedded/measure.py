"""Measure a folder of the next edition as `benchmarks.embedded_model` measures the model that ships.

python -m tools.embedded.measure FOLDER esc10/manifest.csv
"""

import sys
from itertools import chain
from pathlib import Path

from audioprompt.data import LabelledClips
from audioprompt.models.embedded import EmbeddedModel
from benchmarks.embedded_model import accuracies, conditions, instruments


def main() -> None:
    model = EmbeddedModel("cpu", Path(sys.argv[1]))
    clips = LabelledClips.from_manifest(sys.argv[2]).in_folds([1, 2, 3])
    for figure in chain(accuracies(model, clips), instruments(model), conditions(model, clips)):
        print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
