"""Pack a trained audio tower into ``assets/embedded/audio.safetensors``, as float16.

    python -m tools.embedded.export_audio run/student.pt --pools POOL... --out assets/embedded

The tower's detail layer is made here: the first principal components of what the net sees in windows of the pools, each
scaled halfway to equal variance, so that the loudest few do not drown the rest.
"""

import argparse
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from audioprompt.models.embedded import DETAIL
from tools.embedded.label import Pool, scenes
from tools.embedded.net import fuse
from tools.embedded.towers import TrainedTower

WINDOWS_HEARD = 2_000
SMALLEST = 0.02  # of the largest standard deviation; smaller ones are not scaled up further


@torch.inference_mode()
def fit_detail(tower: TrainedTower, pool: Pool, random: np.random.Generator) -> None:
    """Set the detail layer to the half-whitened principal components of the features."""
    windows = (torch.from_numpy(wave)[None] for wave, _ in islice(scenes(pool, random), WINDOWS_HEARD))
    seen = torch.cat([tower.look(window).mean(dim=1) for window in windows]).double()
    mean = seen.mean(dim=0)
    variances, axes = torch.linalg.eigh(torch.cov(seen.T))
    deviations = variances.clamp(min=0).sqrt().flip(0)[:DETAIL]
    scale = (deviations / deviations[0]).clamp(min=SMALLEST).rsqrt()
    weight = (axes.flip(1)[:, :DETAIL] * scale).T
    tower.detail.weight.copy_(weight)
    tower.detail.bias.copy_(-weight @ mean)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trained", type=Path)
    parser.add_argument("--pools", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True, help="the folder of the model")
    arguments = parser.parse_args()

    tower = TrainedTower().eval().requires_grad_(False)
    tower.load_state_dict(torch.load(arguments.trained, weights_only=True))
    fuse(tower.net)
    fit_detail(tower, Pool(arguments.pools, [1.0] * len(arguments.pools)), np.random.default_rng(0))
    weights = {name: tensor.half().contiguous() for name, tensor in tower.state_dict().items()}
    save_file(weights, arguments.out / "audio.safetensors")


if __name__ == "__main__":
    main()
