"""Build the space in which sounds and texts meet: ``assets/embedded/space.safetensors``.

    python -m tools.embedded.space --classes class_map.csv --crops CROPS... --out assets/embedded

Sentence embeddings crowd into a narrow cone, and wordings such as "a recording of" push all of them the same way.
Whitening (Su et al. 2021), estimated on the names of the 521 sounds in many wordings, opens the cone; nothing else is
learned here. A sound's name is the mean of its wordings. Sounds that the teacher hears everywhere (speech, music) say
little about a clip, so each score is divided by the square root of how often it is given.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file
from torch.nn import functional

from audioprompt.models.embedded import read_text_tower
from tools.embedded.train import Crops

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
FLOOR = 0.1  # of the largest variance; keeps directions without variance from being blown up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=Path, required=True, help="the teacher's class_map.csv")
    parser.add_argument("--crops", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True, help="the folder that holds the text tower")
    arguments = parser.parse_args()

    names = [name.lower() for name in pd.read_csv(arguments.classes)["display_name"]]
    tower = read_text_tower(arguments.out).eval()
    with torch.inference_mode():
        tokens = [tower.tokenize([wording.format(name) for name in names]) for wording in WORDINGS]
        worded = torch.stack([tower.sentence(tower.token_embeddings(each.ids), each.mask) for each in tokens])
    points = worded.flatten(0, 1).double()
    middle = points.mean(dim=0)
    variances, axes = torch.linalg.eigh(torch.cov(points.T))
    whitening = axes @ torch.diag((variances + FLOOR * variances.max()).rsqrt()) @ axes.T
    means = functional.normalize(worded.double().mean(dim=0), dim=-1)

    scores = np.concatenate([Crops.read(folder, "scores")[::10] for folder in arguments.crops])
    often = scores.mean(axis=0, dtype=np.float64)
    save_file(
        {
            "middle": middle.float(),
            "whitening": whitening.float(),
            "names": ((means - middle) @ whitening).half(),
            "weight": torch.from_numpy(1 / np.sqrt(np.maximum(often, 1e-4))).float(),
        },
        arguments.out / "space.safetensors",
    )


if __name__ == "__main__":
    main()
