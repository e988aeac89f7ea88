"""Train the audio tower on crops that the teacher has heard.

    python -m tools.embedded.train CROPS... --out run/ --minutes 60

The student sees the teacher's log-mel pictures and learns three things at once: the 521 scores, the 1024 pooled
features behind them (a much richer signal; the layer that predicts them is thrown away afterwards), and the direction
in the shared space to which the scores point. The schedule follows the clock, so that a run ends when it is told to.
"""

import argparse
import json
import math
import time
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from audioprompt.models.embedded import AudioTower
from tools.embedded.label import MEL_LOW, MEL_STEP, STORED

BATCH = 128
HIGHEST_RATE = 3e-3


class Crops:
    """Labelled crops of one or more folders, held in memory."""

    def __init__(self, folders: list[Path]) -> None:
        self.mel, self.scores, self.features = (
            np.concatenate([self.read(folder, name) for folder in folders]) for name in STORED
        )

    @staticmethod
    def read(folder: Path, name: str) -> NDArray[np.generic]:
        """One of a folder's arrays, left on disk."""
        shape, dtype = STORED[name]
        count = json.loads((folder / "crops.json").read_text())["count"]
        return np.memmap(folder / name, dtype, "r", shape=(count, *shape))

    def __len__(self) -> int:
        return len(self.mel)

    def batch(self, rows: NDArray[np.intp]) -> tuple[Tensor, Tensor, Tensor]:
        """Log-mel ``[B, 96, 64]``, scores ``[B, 521]`` and features ``[B, 1024]`` of some rows."""
        mel = torch.from_numpy(self.mel[rows]).float() * MEL_STEP + MEL_LOW
        return mel, torch.from_numpy(self.scores[rows]).float(), torch.from_numpy(self.features[rows]).float()

    def rarity(self) -> NDArray[np.float64]:
        """How often to draw each crop: crops of rarely heard sounds more often, ``[N]``, summing to 1."""
        loudest = self.scores.argmax(axis=1)
        counts = np.bincount(loudest, minlength=self.scores.shape[1])
        weights = 1 / np.sqrt(np.maximum(counts[loudest], 30))
        return weights / weights.sum()


class Losses:
    """The teacher's three lessons, each scaled to a similar size."""

    def __init__(self, tower: AudioTower, frequency: Tensor) -> None:
        self.direction = tower.direction
        weights = 1 / frequency.clamp(min=1e-5).sqrt()
        self.weights = (weights / (weights * frequency).sum() * frequency.sum()).clamp(max=10)

    def __call__(self, logits: Tensor, predicted: Tensor, scores: Tensor, features: Tensor) -> dict[str, Tensor]:
        shares = scores / scores.sum(dim=1, keepdim=True).clamp(min=1e-3)
        heard = functional.binary_cross_entropy_with_logits(logits, scores, reduction="none")
        directions = self.direction(logits.sigmoid()), self.direction(scores)
        return {
            "scores": 50 * (heard * self.weights).mean(),
            "shares": 0.3 * -(shares * logits.log_softmax(dim=1)).sum(dim=1).mean(),
            "features": 10 * functional.mse_loss(predicted, features.sqrt()),
            "direction": 2 * (1 - (directions[0] * directions[1]).sum(dim=1)).mean(),
        }


def rate(progress: float) -> float:
    """One cycle: up over the first twentieth, then down along a cosine."""
    if progress < 0.05:
        return HIGHEST_RATE * (0.02 + 0.98 * progress / 0.05)
    return HIGHEST_RATE * (0.001 + 0.999 * 0.5 * (1 + math.cos(math.pi * min((progress - 0.05) / 0.95, 1))))


@torch.inference_mode()
def agreement(tower: AudioTower, crops: Crops, rows: NDArray[np.intp]) -> dict[str, float]:
    """How well the student agrees with the teacher on crops held out: same strongest sound, cosine in text space."""
    same, cosine = [], []
    for start in range(0, len(rows), 512):
        mel, scores, _ = crops.batch(rows[start : start + 512])
        heard = tower.scores(tower.features(mel)).sigmoid()
        same.append((heard.argmax(dim=1) == scores.argmax(dim=1)).float())
        cosine.append((tower.direction(heard) * tower.direction(scores)).sum(dim=1))
    return {"same": torch.cat(same).mean().item(), "cosine": torch.cat(cosine).mean().item()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crops", nargs="+", type=Path)
    parser.add_argument("--space", type=Path, default=Path("assets/embedded/space.safetensors"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--start", type=Path, help="go on from an earlier run's student.pt")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()

    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    random = np.random.default_rng(0)
    crops = Crops(arguments.crops)
    held_out = random.choice(len(crops), 5000, replace=False)
    draws = crops.rarity()
    draws[held_out] = 0
    cumulative = np.cumsum(draws / draws.sum())

    tower = AudioTower(load_file(arguments.space)).train()
    nn.init.constant_(tower.scores.bias, -5.0)  # most sounds are absent
    if arguments.start:
        tower.load_state_dict(torch.load(arguments.start, weights_only=True), strict=False)
    to_features = nn.Linear(tower.scores.in_features, STORED["features"][0][0])
    average = deepcopy(tower).eval()
    parameters = [*tower.parameters(), *to_features.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=HIGHEST_RATE, weight_decay=0.01)
    losses = Losses(tower, torch.from_numpy(crops.scores[::20].astype(np.float32).mean(axis=0)))
    arguments.out.mkdir(parents=True, exist_ok=True)
    print(f"{len(crops):,} crops, {sum(p.numel() for p in tower.parameters()):,} parameters", flush=True)

    totals: dict[str, float] = {}
    begun, step = time.monotonic(), 0
    while (progress := (time.monotonic() - begun) / (60 * arguments.minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = rate(progress)
        rows = np.searchsorted(cumulative, random.random(BATCH)).clip(0, len(crops) - 1)
        mel, scores, features = crops.batch(rows)
        seen = tower.features(mel)
        lessons = losses(tower.scores(seen), to_features(seen), scores, features)
        loss = torch.stack(list(lessons.values())).sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 5.0)
        optimiser.step()
        keep = min(0.999, step / (step + 50))  # the averaged weights are what ships
        with torch.no_grad():
            for mean, current in zip(average.state_dict().values(), tower.state_dict().values(), strict=True):
                if mean.dtype.is_floating_point:
                    mean.lerp_(current, 1 - keep)
        step += 1
        for name, value in lessons.items():
            totals[name] = 0.99 * totals.get(name, value.item()) + 0.01 * value.item()
        if step % 1000 == 0:
            print(
                f"{100 * progress:.0f} % {step * BATCH:,} crops",
                {name: round(value, 3) for name, value in totals.items()},
                {name: round(value, 3) for name, value in agreement(average, crops, held_out).items()},
                flush=True,
            )
            torch.save(average.state_dict(), arguments.out / "student.pt")
    torch.save(average.state_dict(), arguments.out / "student.pt")
    print("done", step * BATCH, agreement(average, crops, held_out), flush=True)


if __name__ == "__main__":
    main()
