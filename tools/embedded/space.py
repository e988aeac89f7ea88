"""Build the space in which sounds and texts meet: ``assets/embedded/space.safetensors``.

    python -m tools.embedded.space --classes class_map.csv --out assets/embedded

Sentence embeddings crowd into a narrow cone, and wordings such as "a recording of" push all of them the same way.
Whitening (Su et al. 2021), estimated on the names of the 521 sounds in many wordings, opens the cone; nothing else is
learned here. A sound's name is the mean of its wordings. Its *direction* is what a sound adds to an embedding: the
names' dictionary undone by ridge regression, so that a sound no longer leaks to the neighbours of its name.
"""

import argparse
from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import save_file
from torch.nn import functional

from tools.embedded.towers import TEXT_DIM, TextTower

WORDINGS = [
    "{}",
    "the noise of {}",
    "You hear {}.",
    "{} in the background",
    "audio of {}",
    "somebody recorded {}",
    "a {} noise",
    "this sounds like {}",
    "listen to {}",
    "A loud sound of {}",
    "The sound of {} coming from a street",
    "A faint sound of {} can be heard coming from a room",
    "a clip with {}",
    "what you hear is {}",
]
RIDGE = 0.3
FLOOR = 0.1  # of the largest variance; keeps directions without variance from being blown up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=Path, required=True, help="the teacher's audioset527.csv")
    parser.add_argument("--out", type=Path, required=True, help="the folder that holds the text tower")
    arguments = parser.parse_args()

    names = [name.lower() for name in pd.read_csv(arguments.classes)["display_name"]]
    tower = TextTower(arguments.out).eval()
    with torch.inference_mode():
        tokens = [tower.tokenize([wording.format(name) for name in names]) for wording in WORDINGS]
        worded = torch.stack([tower.sentence(tower.token_embeddings(each.ids), each.mask) for each in tokens])
    points = worded.flatten(0, 1).double()
    middle = points.mean(dim=0)
    variances, axes = torch.linalg.eigh(torch.cov(points.T))
    whitening = axes @ torch.diag((variances + FLOOR * variances.max()).rsqrt()) @ axes.T
    means = functional.normalize(worded.double().mean(dim=0), dim=-1)

    named = functional.normalize((means - middle) @ whitening, dim=-1)
    directions = named @ torch.linalg.inv(named.T @ named + RIDGE * torch.eye(TEXT_DIM, dtype=torch.float64))
    save_file(
        {"middle": middle.float(), "whitening": whitening.float(), "directions": directions.half()},
        arguments.out / "space.safetensors",
    )


if __name__ == "__main__":
    main()
