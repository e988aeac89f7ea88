"""Train the audio tower on scenes that the teacher hears, too.

    python -m tools.embedded.train CROPS... --teacher mn04_as.safetensors --out run/ --minutes 60

The student's net is built like the teacher's and begins at random. First each of its layers learns by itself what the
teacher's makes of the same input (stage-wise distillation). Then all learn together: the student looks at spoiled
scenes and learns the teacher's answer to the clean ones: what its deeper layers make of them, the features at every
place of the picture and over all of it, the scores (in deviations from what is usual, as the model reads them), and
which sounds stand out. The schedule follows the clock, so that a run ends when it is told to.
"""

import argparse
import json
import math
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from audioprompt.models.embedded import SOUNDS
from audioprompt.models.mobilenet import FEATURES, Block, as_channels
from tools.embedded.label import FRAMES, LOWEST, STEP, STORED
from tools.embedded.net import Net
from tools.embedded.spoil import spoil
from tools.embedded.teacher import Teacher
from tools.embedded.towers import TrainedTower

ALONE = 0.3  # of the time, in which the layers learn alone
ALONE_FRAMES, ALONE_BATCH, ALONE_RATE = 256, 24, 4e-3
TOGETHER_FRAMES, TOGETHER_BATCH, TOGETHER_RATE = 352, 24, 2e-3
DEEP = range(7, 17)  # layers whose answers are compared when all learn together
STEADIEST = 0.5  # deviations are never taken to be smaller: rare sounds' scores hardly move
HELD_OUT = 128  # the first scenes
JUDGING = 2_000  # steps for the last layers alone
GROWS = 200  # steps between looks for new scenes
Rows = NDArray[np.intp]


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
        self.usual = self.logits.mean(dim=0)
        self.spread = self.logits.std(dim=0).clamp(min=STEADIEST)

    @torch.inference_mode()
    def grow(self) -> None:
        """Take in what has been labelled since."""
        for number, folder in enumerate(self.folders):
            ready = json.loads((folder / "crops.json").read_text())["ready"]
            new = slice(self.ready[number], ready)
            pooled = torch.from_numpy(self.arrays[number]["pooled"][new]).float()
            self.pooled = torch.cat([self.pooled, pooled])
            self.logits = torch.cat([self.logits, self.teacher.judge(pooled)])
            self.places += [(number, row) for row in range(new.start, new.stop)]
            self.kinds += self.arrays[number]["kind"][new].tolist()
            self.ready[number] = ready

    def __len__(self) -> int:
        return len(self.places)

    def pictures(self, rows: Rows, starts: Rows, frames: int) -> Tensor:
        """Pictures ``[B, frames, BANDS]`` from some frames on."""
        cut = []
        for scene, start in zip(rows, starts, strict=True):
            folder, row = self.places[scene]
            cut.append(self.arrays[folder]["picture"][row, start : start + frames])
        return torch.from_numpy(np.stack(cut)).float() * STEP + LOWEST

    def chances(self) -> NDArray[np.float64]:
        """How often to draw each scene, summed up: those of rarely heard sounds more often, held-out ones never."""
        loudest = ((self.logits - self.usual) / self.spread).argmax(dim=1).numpy()
        counts = np.bincount(loudest, minlength=SOUNDS)
        weights = 1 / np.sqrt(np.maximum(counts[loudest], 20))
        weights[:HELD_OUT] = 0
        return np.cumsum(weights / weights.sum())

    def ambience(self) -> Rows:
        """The scenes that can be backgrounds."""
        return np.flatnonzero(np.array(self.kinds) == "ambience")


class Draw:
    """Batches of clean and of spoiled pieces of the scenes."""

    def __init__(self, crops: Crops, random: np.random.Generator) -> None:
        self.crops, self.random = crops, random
        self.refresh()

    def refresh(self) -> None:
        self.crops.grow()
        self.chances, self.backgrounds = self.crops.chances(), self.crops.ambience()

    @torch.no_grad()
    def __call__(self, count: int, frames: int) -> tuple[Tensor, Tensor]:
        """Clean and spoiled pictures, ``[count, frames, BANDS]`` each."""
        rows = np.searchsorted(self.chances, self.random.random(count)).clip(0, len(self.crops) - 1)
        starts = self.random.integers(0, FRAMES - frames + 1, count)
        clean = self.crops.pictures(rows, starts, frames)
        beside = self.crops.pictures(self.random.choice(self.backgrounds, count), starts[::-1], frames)
        return clean, spoil(clean, beside)


def apart(ours: Tensor, theirs: Tensor) -> Tensor:
    """Mean squared difference of maps ``[B, channels, ...]``, in the channels' variances."""
    variance = theirs.var(dim=(0, 2, 3), keepdim=True)
    return ((ours - theirs).square() / variance.clamp(min=0.01 * variance.mean().item() + 1e-6)).mean()


def unlike(ours: Tensor, theirs: Tensor) -> Tensor:
    """One less cosine, mean over rows."""
    return 1 - functional.cosine_similarity(ours, theirs, dim=1, eps=1e-3).mean()


def learn_alone(net: Net, teacher: Teacher, clean: Tensor, spoiled: Tensor) -> dict[str, Tensor]:
    """How far each layer is from the teacher's, given the teacher's input to it."""
    half = len(clean) // 2
    with torch.no_grad():
        made = teacher.features.stages(as_channels(torch.cat([clean[:half], spoiled[half:]])))
    losses = []
    for number, layer in enumerate(net):
        before, wanted = made[number], made[number + 1]
        if isinstance(layer, Block) and layer.adds:
            losses.append(apart(layer.block(before), wanted - before))
        else:
            losses.append(apart(layer(before), wanted))
    return {f"{number}": loss for number, loss in enumerate(losses)}


def learn_together(
    tower: TrainedTower, teacher: Teacher, clean: Tensor, spoiled: Tensor, scale: Tensor
) -> dict[str, Tensor]:
    """The teacher's lessons, each scaled to a similar size; ``scale``: deviations of features over scenes, [384]."""
    with torch.no_grad():
        wanted = teacher.features.stages(as_channels(clean))
        target = wanted[-1].mean(dim=(2, 3))
        theirs = (teacher.judge(target) - tower.usual) / tower.spread
        weight = 0.3 + theirs.clamp(0, 4)
        shares = theirs.clamp(max=8).softmax(dim=1)
    made = tower.net.stages(as_channels(spoiled))
    pooled = made[-1].mean(dim=(2, 3))
    ours = (tower.judge(pooled) - tower.usual) / tower.spread
    return {
        "layers": 0.5 * torch.stack([apart(made[number], wanted[number]) for number in DEEP]).mean(),
        "places": apart(made[-1], wanted[-1]),
        "features": ((pooled - target) / scale).square().mean(),
        "scores": 0.5 * (weight * functional.smooth_l1_loss(ours, theirs, reduction="none")).mean(),
        "shares": 0.2 * functional.cross_entropy(ours.clamp(max=12), shares),
        "heard": 2 * unlike((ours - 1).relu(), (theirs - 1).relu()),
    }


def rate(progress: float, highest: float) -> float:
    """One cycle: up over the first twentieth, then down along a cosine."""
    if progress < 0.05:
        return highest * (0.02 + 0.98 * progress / 0.05)
    return highest * (0.002 + 0.998 * 0.5 * (1 + math.cos(math.pi * min((progress - 0.05) / 0.95, 1))))


def learn_to_judge(tower: TrainedTower, crops: Crops) -> None:
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
def agreement(tower: TrainedTower, crops: Crops) -> dict[str, float]:
    """How well the student agrees with the teacher on whole scenes held out, clean and spoiled."""
    found: dict[str, list[Tensor]] = {}
    state = torch.get_rng_state()
    torch.manual_seed(1)
    backgrounds = np.resize(crops.ambience()[:HELD_OUT], HELD_OUT)
    for part in np.split(np.arange(HELD_OUT), 4):
        start = np.zeros(len(part), int)
        clean = crops.pictures(part, start, FRAMES)
        theirs = tower.heard(crops.logits[part])
        for name, seen in (
            ("clean", clean),
            ("spoiled", spoil(clean, crops.pictures(backgrounds[part], start, FRAMES))),
        ):
            ours = tower.heard(tower.judge(tower.net(as_channels(seen)).mean(dim=(2, 3))))
            found.setdefault(f"{name} cosine", []).append(functional.cosine_similarity(ours, theirs, dim=1))
            found.setdefault(f"{name} same", []).append((ours.argmax(dim=1) == theirs.argmax(dim=1)).float())
    torch.set_rng_state(state)
    return {name: round(torch.cat(values).mean().item(), 3) for name, values in found.items()}


class Run:
    """One stretch of learning: a schedule by the clock, averaged weights, and a word now and then."""

    def __init__(self, tower: TrainedTower, draw: Draw, out: Path) -> None:
        self.tower, self.draw, self.crops, self.out = tower, draw, draw.crops, out
        self.average = deepcopy(tower).eval()

    def learn(
        self, lesson: Callable[[], dict[str, Tensor]], parameters: list[nn.Parameter], minutes: float, highest: float
    ) -> None:
        optimiser = torch.optim.AdamW(parameters, lr=highest, weight_decay=0.01)
        totals: dict[str, float] = {}
        begun, step = time.monotonic(), 0
        while (progress := (time.monotonic() - begun) / (60 * minutes)) < 1:
            for group in optimiser.param_groups:
                group["lr"] = rate(progress, highest)
            losses = lesson()
            optimiser.zero_grad(set_to_none=True)
            torch.stack(list(losses.values())).sum().backward()
            nn.utils.clip_grad_norm_(parameters, 5.0)
            optimiser.step()
            self.take_in(min(0.998, step / (step + 30)))
            step += 1
            for name, loss in losses.items():
                totals[name] = 0.98 * totals.get(name, loss.item()) + 0.02 * loss.item()
            if step % GROWS == 0:
                said = {name: round(value, 3) for name, value in totals.items()}
                print(f"{100 * progress:.0f} % step {step:,} of {len(self.crops):,} scenes", said, flush=True)
                self.draw.refresh()
            if step % (5 * GROWS) == 0:
                self.keep()
        self.keep()
        self.tower.load_state_dict(self.average.state_dict())

    @torch.no_grad()
    def take_in(self, keep: float) -> None:
        """Average the weights: the averaged ones are what ships."""
        for mean, current in zip(self.average.state_dict().values(), self.tower.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(current, 1 - keep)

    def keep(self) -> None:
        print(agreement(self.average, self.crops), flush=True)
        torch.save(self.average.state_dict(), self.out / "student.pt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crops", nargs="+", type=Path)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument(
        "--start", type=Path, help="go on from an earlier run's student.pt; its layers do not learn alone"
    )
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()

    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    teacher = Teacher(arguments.teacher)
    crops = Crops(arguments.crops, teacher)
    tower = TrainedTower().to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    if arguments.start:
        tower.load_state_dict(torch.load(arguments.start, weights_only=True))
    tower.usual.copy_(crops.usual)
    tower.spread.copy_(crops.spread)
    if not arguments.start:
        nn.init.constant_(tower.judge[2].bias, -6.0)
        learn_to_judge(tower, crops)
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw = Draw(crops, np.random.default_rng(0))
    run = Run(tower, draw, arguments.out)
    print(f"{len(crops):,} scenes, {sum(p.numel() for p in tower.parameters()):,} parameters", flush=True)
    alone = 0 if arguments.start else ALONE * arguments.minutes
    run.learn(
        lambda: learn_alone(tower.net, teacher, *draw(ALONE_BATCH, ALONE_FRAMES)),
        list(tower.net.parameters()),
        alone,
        ALONE_RATE,
    )
    scale = crops.pooled.std(dim=0).clamp(min=0.02)
    parameters = [*tower.net.parameters(), *tower.judge.parameters()]
    run.learn(
        lambda: learn_together(tower, teacher, *draw(TOGETHER_BATCH, TOGETHER_FRAMES), scale),
        parameters,
        arguments.minutes - alone,
        TOGETHER_RATE,
    )


if __name__ == "__main__":
    main()
