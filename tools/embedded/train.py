"""Train the audio tower on scenes that the teacher has heard.

    python -m tools.embedded.train CROPS... --teacher mn04_as.safetensors --out run/ --minutes 60

The student looks at spoiled pieces of the scenes and learns the teacher's answer to the clean ones: the features at
every place of the picture and over all of it, the scores (in deviations from what is usual, as the model reads them),
and which sounds stand out. The schedule follows the clock, so that a run ends when it is told to.
"""

import argparse
import json
import math
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from tools.embedded.label import LOWEST, STEP, STORED
from tools.embedded.spoil import spoil
from tools.embedded.teacher import Teacher
from tools.embedded.towers import FEATURES, PATCH, SOUNDS, STRIDE, AudioTower

BATCH = 96
HIGHEST_RATE = 1e-3
STEPS_SEEN = 6  # of a scene's 16 steps of 32 frames: two patches side by side
STEADIEST = 0.5  # deviations are never taken to be smaller: rare sounds' scores hardly move
HELD_OUT = 128  # the first scenes
SOME = 512  # scenes that stand for all
JUDGING = 2_000  # steps for the last layers alone
GROWS = 100  # steps between looks for new scenes


class Crops:
    """Labelled scenes of one or more folders, left on disk; they may still be growing."""

    def __init__(self, folders: list[Path], teacher: Teacher) -> None:
        self.folders, self.teacher = folders, teacher
        self.places: list[tuple[int, int]] = []  # folder and row of each scene
        self.kinds: list[str] = []
        self.pooled = torch.empty(0, FEATURES)
        self.logits = torch.empty(0, SOUNDS)
        self.ready = [0] * len(folders)
        self.arrays = []
        for folder in folders:
            count = json.loads((folder / "crops.json").read_text())["count"]
            self.arrays.append(
                {
                    name: np.memmap(folder / name, dtype, "c", shape=(count, *shape))
                    for name, (shape, dtype) in STORED.items()
                }
            )
        self.grow()

    @torch.inference_mode()
    def grow(self) -> None:
        """Take in what has been labelled since."""
        for number, folder in enumerate(self.folders):
            ready = json.loads((folder / "crops.json").read_text())["ready"]
            for start in range(self.ready[number], ready, 500):
                rows = range(start, min(start + 500, ready))
                features = torch.from_numpy(self.arrays[number]["features"][rows.start : rows.stop]).float()
                pooled = features.mean(dim=(2, 3))
                self.pooled = torch.cat([self.pooled, pooled])
                self.logits = torch.cat([self.logits, self.teacher.judge(pooled)])
                self.places += [(number, row) for row in rows]
                self.kinds += self.arrays[number]["kind"][rows.start : rows.stop].tolist()
            self.ready[number] = ready

    def __len__(self) -> int:
        return len(self.places)

    def read(self, name: str, scene: int) -> NDArray[np.generic]:
        folder, row = self.places[scene]
        return self.arrays[folder][name][row]

    def pictures(self, rows: NDArray[np.intp], starts: NDArray[np.intp], steps: int) -> Tensor:
        """Pictures ``[B, steps * 32, BANDS]`` from some steps on."""
        cut = [self.read("picture", row)[32 * at : 32 * (at + steps)] for row, at in zip(rows, starts, strict=True)]
        return torch.from_numpy(np.stack(cut)).float() * STEP + LOWEST

    def features(self, rows: NDArray[np.intp], starts: NDArray[np.intp], steps: int) -> Tensor:
        """The teacher's features there, ``[B, 384, 4, steps]``."""
        cut = [self.read("features", row)[:, :, at : at + steps] for row, at in zip(rows, starts, strict=True)]
        return torch.from_numpy(np.stack(cut)).float()

    def rarity(self, usual: Tensor, spread: Tensor) -> NDArray[np.float64]:
        """How often to draw each scene: those of rarely heard sounds more often, ``[N]``, summing to 1."""
        loudest = ((self.logits - usual) / spread).argmax(dim=1).numpy()
        counts = np.bincount(loudest, minlength=self.logits.shape[1])
        weights = 1 / np.sqrt(np.maximum(counts[loudest], 20))
        return weights / weights.sum()


def unlike(ours: Tensor, theirs: Tensor) -> Tensor:
    """One less cosine, mean over rows."""
    return 1 - functional.cosine_similarity(ours, theirs, dim=1, eps=1e-3).mean()


def in_patches(features: Tensor, stride: int = STRIDE) -> Tensor:
    """The teacher's features ``[B, 384, 4, steps]`` in the student's patches, ``[B, patches, 384]``."""
    steps = features.shape[-1]
    count = (32 * steps - PATCH) // stride + 1
    frames = features.mean(dim=2).repeat_interleave(32, dim=2)  # [B, 384, frames]
    return frames.unfold(2, PATCH, stride).mean(dim=3).transpose(1, 2)[:, :count]


def lessons(tower: AudioTower, teacher: Teacher, made: Tensor, features: Tensor, scale: Tensor) -> dict[str, Tensor]:
    """The teacher's lessons, each scaled to a similar size.

    Args:
        made: the student's features in every patch, ``[B, patches, 384]``.
        features: the teacher's.
        scale: the teacher's deviation in each feature over patches and over scenes, ``[2, 384]``.
    """
    pooled, target = made.mean(dim=1), features.mean(dim=1)
    ours = (tower.judge(pooled) - tower.usual) / tower.spread
    theirs = (teacher.judge(target) - tower.usual) / tower.spread
    weight = 0.3 + theirs.clamp(0, 4)
    shares = theirs.clamp(max=8).softmax(dim=1)
    return {
        "patches": ((made - features) / scale[0]).square().mean(),
        "features": ((pooled - target) / scale[1]).square().mean(),
        "scores": 0.5 * (weight * functional.smooth_l1_loss(ours, theirs, reduction="none")).mean(),
        "shares": 0.2 * functional.cross_entropy(ours.clamp(max=12), shares),
        "heard": 2 * unlike((ours - 1).relu(), (theirs - 1).relu()),
    }


def rate(progress: float) -> float:
    """One cycle: up over the first twentieth, then down along a cosine."""
    if progress < 0.05:
        return HIGHEST_RATE * (0.02 + 0.98 * progress / 0.05)
    return HIGHEST_RATE * (0.002 + 0.998 * 0.5 * (1 + math.cos(math.pi * min((progress - 0.05) / 0.95, 1))))


@torch.inference_mode()
def set_features(tower: AudioTower, pictures: Tensor, features: Tensor) -> None:
    """Set the layer behind a net that has learned before to what fits the teacher's features best (ridge regression).

    Args:
        pictures: some scenes, ``[N, frames, BANDS]``.
        features: the teacher's, ``[N, patches, 384]``.
    """
    layer: Any = tower.features[0]
    seen: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    tower.eval()
    for part in pictures.split(64):
        tower.see(part)
    tower.train()
    hook.remove()
    found = torch.cat(seen).double()
    wanted = (9 + 24 * features.flatten(0, 1).double().clamp(min=-0.375)).sqrt() / 2 - 1.5  # undoes the hard swish
    middle, aim = found.mean(dim=0), wanted.mean(dim=0)
    centred = found - middle
    inverse = torch.linalg.inv(
        centred.T @ centred + 0.01 * len(found) * centred.var() * torch.eye(found.shape[1], dtype=torch.float64)
    )
    weight = (inverse @ centred.T @ (wanted - aim)).T
    layer.weight.copy_(weight)
    layer.bias.copy_(aim - weight @ middle)


def learn_to_judge(tower: AudioTower, crops: Crops) -> None:
    """Let the last layers learn the teacher's scores from the teacher's features, before all learn together."""
    optimiser = torch.optim.AdamW(tower.judge.parameters(), lr=3e-3, weight_decay=0.01)
    for step in range(JUDGING):
        for group in optimiser.param_groups:
            group["lr"] = 3e-3 * (1 - step / JUDGING) + 1e-5
        rows = torch.randint(len(crops), (256,))
        ours, theirs = ((x - tower.usual) / tower.spread for x in (tower.judge(crops.pooled[rows]), crops.logits[rows]))
        loss = ((0.3 + theirs.clamp(0, 4)) * functional.smooth_l1_loss(ours, theirs, reduction="none")).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    print(f"judges to {loss.item():.3f}", flush=True)


@torch.inference_mode()
def agreement(
    tower: AudioTower, crops: Crops, rows: NDArray[np.intp], background: NDArray[np.intp]
) -> dict[str, float]:
    """How well the student agrees with the teacher on whole scenes held out, clean and spoiled."""
    found: dict[str, list[Tensor]] = {}
    state = torch.get_rng_state()
    torch.manual_seed(1)
    for start in range(0, len(rows), 64):
        part = rows[start : start + 64]
        from_start = np.zeros(len(part), int)
        clean = crops.pictures(part, from_start, 16)
        beside = crops.pictures(np.resize(background, len(part)), from_start, 16)
        theirs = tower.heard(crops.logits[part])
        for name, seen in (("clean", clean), ("spoiled", spoil(clean, beside))):
            ours = tower.heard(tower.judge(tower.see(seen).mean(dim=1)))
            found.setdefault(f"{name} cosine", []).append(functional.cosine_similarity(ours, theirs, dim=1))
            found.setdefault(f"{name} same", []).append((ours.argmax(dim=1) == theirs.argmax(dim=1)).float())
    torch.set_rng_state(state)
    return {name: round(torch.cat(values).mean().item(), 3) for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crops", nargs="+", type=Path)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--start", type=Path, help="go on from an earlier run's student.pt")
    parser.add_argument("--net", type=Path, help="begin with the net of an earlier audio.safetensors")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()

    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    random = np.random.default_rng(0)
    teacher = Teacher(arguments.teacher)
    crops = Crops(arguments.crops, teacher)
    tower = AudioTower().train()
    if arguments.start:
        tower.load_state_dict(torch.load(arguments.start, weights_only=True))
    tower.usual.copy_(crops.logits.mean(dim=0))
    tower.spread.copy_(crops.logits.std(dim=0).clamp(min=STEADIEST))
    some = random.choice(len(crops), SOME)
    patches = in_patches(crops.features(some, np.zeros(SOME, int), 16))
    scale = torch.stack([patches.std(dim=(0, 1)), crops.pooled.std(dim=0)]).clamp(min=0.02)

    held_out = np.arange(HELD_OUT)

    def chances() -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """How often scenes are drawn, summed up, and which of them can be backgrounds."""
        draws = crops.rarity(tower.usual, tower.spread)
        draws[held_out] = 0
        return np.cumsum(draws / draws.sum()), np.flatnonzero(np.array(crops.kinds) == "ambience")

    cumulative, ambience = chances()
    if not arguments.start:
        tower.judge[2].bias.data.fill_(-6.0)  # type: ignore[operator]  # most sounds are absent
        learn_to_judge(tower, crops)
    if arguments.net:
        earlier = {name: tensor.float() for name, tensor in load_file(arguments.net).items() if name.startswith("net.")}
        tower.load_state_dict(earlier, strict=False)
        set_features(tower, crops.pictures(some, np.zeros(SOME, int), 16), patches)
    average = deepcopy(tower).eval()
    parameters = list(tower.parameters())
    optimiser = torch.optim.AdamW(parameters, lr=HIGHEST_RATE, weight_decay=0.01)
    arguments.out.mkdir(parents=True, exist_ok=True)
    print(agreement(average, crops, held_out, ambience), flush=True)
    print(f"{len(crops):,} scenes, {sum(p.numel() for p in parameters):,} parameters", flush=True)

    totals: dict[str, float] = {}
    begun, step = time.monotonic(), 0
    while (progress := (time.monotonic() - begun) / (60 * arguments.minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = rate(progress)
        rows = np.searchsorted(cumulative, random.random(BATCH)).clip(0, len(crops) - 1)
        starts = random.integers(0, 16 - STEPS_SEEN + 1, BATCH)
        beside = crops.pictures(random.choice(ambience, BATCH), starts[::-1], STEPS_SEEN)
        with torch.no_grad():
            seen = spoil(crops.pictures(rows, starts, STEPS_SEEN), beside)
        found = lessons(
            tower, teacher, tower.see(seen, PATCH), in_patches(crops.features(rows, starts, STEPS_SEEN), PATCH), scale
        )
        loss = torch.stack(list(found.values())).sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 5.0)
        optimiser.step()
        keep = min(0.998, step / (step + 30))  # the averaged weights are what ships
        with torch.no_grad():
            for mean, current in zip(average.state_dict().values(), tower.state_dict().values(), strict=True):
                if mean.dtype.is_floating_point:
                    mean.lerp_(current, 1 - keep)
        step += 1
        for name, value in found.items():
            totals[name] = 0.98 * totals.get(name, value.item()) + 0.02 * value.item()
        if step % GROWS == 0:
            crops.grow()
            cumulative, ambience = chances()
            print(
                f"{100 * progress:.0f} % {step * BATCH:,} of {len(crops):,}",
                {name: round(value, 3) for name, value in totals.items()},
                agreement(average, crops, held_out, ambience) if step % 500 == 0 else "",
                flush=True,
            )
            torch.save(average.state_dict(), arguments.out / "student.pt")
    torch.save(average.state_dict(), arguments.out / "student.pt")
    print("done", step * BATCH, agreement(average, crops, held_out, ambience), flush=True)


if __name__ == "__main__":
    main()
