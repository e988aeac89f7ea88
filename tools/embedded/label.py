"""Make training examples: scenes composed of the pools' sounds, each heard once by the teacher.

    python -m tools.embedded.label POOL... --teacher mn04_as.safetensors --out CROPS --count 60000 --seed 0

Every scene is 5.12 s at 32 kHz: a random piece of a random sound, played faster or slower, often with a second sound
beside it, at a random level. What the teacher hears in all of it, 384 features, is stored beside the picture it looked
at. No label made by people is ever seen. The rooms, telephones and streets through which the student has to hear the
same are made later, by `tools.embedded.spoil`.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from audioprompt.models.embedded import BANDS, HOP, SAMPLE_RATE
from audioprompt.models.mobilenet import FEATURES
from tools.embedded.teacher import Teacher

FRAMES = 512
SCENE = FRAMES * HOP  # samples
STEP = 0.016  # pictures are stored in bytes: value = LOWEST + STEP * byte
LOWEST = -1.41
STORED: dict[str, tuple[tuple[int, ...], Any]] = {
    "picture": ((FRAMES, BANDS), np.uint8),
    "pooled": ((FEATURES,), np.float16),  # the teacher's features, averaged
    "kind": ((), "U10"),
}
AT_ONCE = 8  # scenes the teacher hears together
Wave = NDArray[np.float32]


class Pool:
    """Sounds of several pools; a sound is drawn more often the longer it is, but far less than in proportion."""

    def __init__(self, folders: list[Path], shares: list[float]) -> None:
        self.waves: list[NDArray[np.int16]] = []
        self.kinds: list[str] = []
        weights: list[NDArray[np.float64]] = []
        for folder, share in zip(folders, shares, strict=True):
            flat = np.memmap(folder / "pool.i16", np.int16, "r")
            index = pd.read_csv(folder / "pool.csv")
            for start, length in zip(index["start"], index["length"], strict=True):
                self.waves.append(flat[start : start + length])
            self.kinds += list(index["kind"])
            seconds = index["length"].to_numpy() / SAMPLE_RATE
            calm = np.where(index["kind"].isin(["speech", "music"]), 0.35, 1.0)
            weight = np.clip(seconds, 0.5, 120) ** 0.5 * calm
            weights.append(share * weight / weight.sum())
        self.edges = np.cumsum(np.concatenate(weights))

    def draw(self, random: np.random.Generator, length: int) -> tuple[Wave, str]:
        """A piece of a random sound, ``[length]``, and its kind; a shorter sound is repeated or stands in silence."""
        drawn = min(int(np.searchsorted(self.edges, random.random() * self.edges[-1])), len(self.waves) - 1)
        wave, kind = self.waves[drawn], self.kinds[drawn]
        if len(wave) > length:
            start = random.integers(len(wave) - length)
            return wave[start : start + length].astype(np.float32) / 32768, kind
        sound = wave.astype(np.float32) / 32768
        piece = np.zeros(length, np.float32)
        start = int(random.integers(length - len(sound) + 1))
        if random.random() < 0.3:
            piece[start : start + len(sound)] = sound
            return piece, kind
        pause = int(random.choice([0.0, 0.1, 0.4, 1.0]) * SAMPLE_RATE * random.random())  # again and again
        start %= len(sound) + pause
        for at in range(start, length, len(sound) + pause):
            piece[at : at + len(sound)] = sound[: length - at]
        return piece, kind


def faster(wave: Wave, factor: float, length: int) -> Wave:
    """Play a wave at another speed by linear interpolation; pitch changes with it."""
    return np.interp(np.arange(length) * factor, np.arange(len(wave)), wave).astype(np.float32)


def level(wave: Wave) -> float:
    """Root mean square, never zero."""
    return float(np.sqrt(np.mean(wave**2)) + 1e-6)


def scene(pool: Pool, random: np.random.Generator) -> tuple[Wave, str]:
    """One scene, ``[SCENE]``, and the kind of its main sound."""
    factor = random.uniform(0.8, 1.25) if random.random() < 0.3 else 1.0
    wave, kind = pool.draw(random, int(SCENE * factor) + 2)
    wave = faster(wave, factor, SCENE) if factor != 1.0 else wave[:SCENE].copy()
    if random.random() < 0.35:
        other, _ = pool.draw(random, SCENE)
        wave += other * (level(wave) / level(other) * 10 ** (random.uniform(-20, 3) / 20))
    peak = np.abs(wave).max() + 1e-6
    return (wave * (10 ** (random.uniform(-26, 0) / 20) / max(peak, 0.01))).astype(np.float32), kind


def scenes(pool: Pool, random: np.random.Generator) -> Iterator[tuple[Wave, str]]:
    """Scenes without end, none of them silent."""
    while True:
        wave, kind = scene(pool, random)
        if np.abs(wave).max() > 1e-3:
            yield wave, kind


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pools", nargs="+", type=Path, help="folders with pool.i16 and pool.csv")
    parser.add_argument("--shares", help="how often each pool is drawn from, e.g. 3,1 (default: alike)")
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    shares = [float(share) for share in (arguments.shares or ",".join("1" for _ in arguments.pools)).split(",")]

    teacher = Teacher(arguments.teacher)
    drawn = scenes(Pool(arguments.pools, shares), np.random.default_rng(arguments.seed))
    arguments.out.mkdir(parents=True, exist_ok=True)
    stored = {
        name: np.memmap(arguments.out / name, dtype, "w+", shape=(arguments.count, *shape))
        for name, (shape, dtype) in STORED.items()
    }
    for row in range(0, arguments.count, AT_ONCE):
        waves, kinds = zip(*(next(drawn) for _ in range(min(AT_ONCE, arguments.count - row))), strict=True)
        rows = slice(row, row + len(waves))
        with torch.inference_mode():
            pictures = teacher.picture(torch.from_numpy(np.stack(waves)))[:, :FRAMES]
            stored["pooled"][rows] = teacher.see(pictures).mean(dim=(2, 3)).numpy()
        stored["picture"][rows] = ((pictures - LOWEST) / STEP).round().clamp(0, 255).byte().numpy()
        stored["kind"][rows] = kinds
        if (row // AT_ONCE) % 100 == 99 or rows.stop == arguments.count:  # training may begin before all is labelled
            (arguments.out / "crops.json").write_text(json.dumps({"count": arguments.count, "ready": rows.stop}))
            print(f"{rows.stop:,} of {arguments.count:,}", flush=True)


if __name__ == "__main__":
    main()
