"""Make training examples: augmented crops of the pools, each heard once by the teacher.

    python -m tools.embedded.label POOL... --teacher yamnet.tflite --out CROPS --count 300000 --seed 0

Every crop is 0.975 s at 16 kHz: cut from a random place of a random sound, played faster or slower, filtered,
mixed with another sound or with noise, at a random level. The teacher (YAMNet) then says what it hears, and its
log-mel picture, its 521 scores and its 1024 pooled features are stored. The student never sees a label made by people.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import lfilter

RATE = 16_000
CROP = 15_600  # samples the teacher takes
MEL_LOW, MEL_STEP = -7.0, 0.05  # log-mel is stored in bytes: value = low + step * byte
STORED = {"mel": ((96, 64), np.uint8), "scores": ((521,), np.float16), "features": ((1024,), np.float16)}
Wave = NDArray[np.float32]


class Teacher:
    """YAMNet with its pooled features as a third output."""

    FEATURES = "global_average_pooling2d/Mean"

    def __init__(self, path: Path) -> None:
        import flatbuffers
        from ai_edge_litert import schema_py_generated as schema
        from ai_edge_litert.interpreter import Interpreter

        model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
        graph = model.subgraphs[0]
        pooled = next(i for i, tensor in enumerate(graph.tensors) if tensor.name.decode().endswith(self.FEATURES))
        graph.outputs = [*graph.outputs, pooled]
        model.signatureDefs = None
        builder = flatbuffers.Builder(0)
        builder.Finish(model.Pack(builder), b"TFL3")
        self.interpreter = Interpreter(model_content=bytes(builder.Output()), num_threads=1)
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]["index"]
        self.outputs = {tuple(out["shape"]): out["index"] for out in self.interpreter.get_output_details()}

    def hear(self, wave: Wave) -> tuple[Wave, Wave, Wave]:
        """``[15600]`` -> scores ``[521]``, log-mel ``[96, 64]``, features ``[1024]``."""
        self.interpreter.set_tensor(self.input, wave[None])
        self.interpreter.invoke()
        scores, mel, features = (
            self.interpreter.get_tensor(self.outputs[shape]) for shape in [(1, 521), (96, 64), (1, 1024)]
        )
        return scores[0], mel, features[0]


class Pool:
    """Sounds of several pools; a sound is drawn more often the longer it is, but far less than in proportion."""

    def __init__(self, folders: list[Path], shares: list[float]) -> None:
        self.waves: list[NDArray[np.int16]] = []
        weights: list[NDArray[np.float64]] = []
        for folder, share in zip(folders, shares, strict=True):
            flat = np.memmap(folder / "pool.i16", np.int16, "r")
            index = pd.read_csv(folder / "pool.csv")
            for start, length in zip(index["start"], index["length"], strict=True):
                self.waves.append(flat[start : start + length])
            seconds = index["length"].to_numpy() / RATE
            calm = np.where(index["kind"].isin(["speech", "music"]), 0.25, 1.0)
            weight = np.clip(seconds, 0.5, 120) ** 0.5 * calm
            weights.append(share * weight / weight.sum())
        self.edges = np.cumsum(np.concatenate(weights))

    def draw(self, random: np.random.Generator, length: int) -> Wave:
        """A piece of a random sound, ``[length]``; a shorter sound is repeated or stands alone in silence."""
        drawn = int(np.searchsorted(self.edges, random.random() * self.edges[-1]))
        wave = self.waves[min(drawn, len(self.waves) - 1)]
        if len(wave) > length:
            start = random.integers(len(wave) - length)
            return wave[start : start + length].astype(np.float32) / 32768
        sound = wave.astype(np.float32) / 32768
        if random.random() < 0.5:
            return np.resize(np.roll(sound, random.integers(len(sound))), length)
        piece = np.zeros(length, np.float32)
        start = random.integers(length - len(sound) + 1)
        piece[start : start + len(sound)] = sound
        return piece


def faster(wave: Wave, factor: float, length: int) -> Wave:
    """Play a wave at another speed by linear interpolation; pitch changes with it."""
    return np.interp(np.arange(length) * factor, np.arange(len(wave)), wave).astype(np.float32)


def level(wave: Wave) -> float:
    """Root mean square, never zero."""
    return float(np.sqrt(np.mean(wave**2)) + 1e-6)


def coloured_noise(random: np.random.Generator, length: int) -> Wave:
    """Noise between white and brown."""
    pole = random.choice([0.0, 0.5, 0.9, 0.98])
    return lfilter([1.0], [1.0, -pole], random.standard_normal(length)).astype(np.float32)


def augmented(pool: Pool, random: np.random.Generator) -> Wave:
    """One training crop, ``[15600]``."""
    factor = random.uniform(0.8, 1.25) if random.random() < 0.5 else 1.0
    wave = pool.draw(random, int(CROP * factor) + 2)
    wave = faster(wave, factor, CROP) if factor != 1.0 else wave[:CROP].copy()
    if random.random() < 0.3:
        other = pool.draw(random, CROP)
        wave += other * (level(wave) / level(other) * 10 ** (random.uniform(-20, 3) / 20))
    if random.random() < 0.25:
        pole = random.uniform(0.3, 0.9)  # low-pass, as from another room; or high-pass, as from a small speaker
        b, a = ([1 - pole], [1, -pole]) if random.random() < 0.6 else ([1, -1], [1, -pole])
        wave = lfilter(b, a, wave).astype(np.float32)
    if random.random() < 0.25:
        noise = coloured_noise(random, CROP)
        wave += noise * (level(wave) / level(noise) * 10 ** (random.uniform(-40, -8) / 20))
    peak = np.abs(wave).max() + 1e-6
    return (wave * (10 ** (random.uniform(-26, 0) / 20) / max(peak, 0.05))).astype(np.float32)


def crops(pool: Pool, random: np.random.Generator) -> Iterator[Wave]:
    """Crops without end, none of them silent."""
    while True:
        wave = augmented(pool, random)
        if np.abs(wave).max() > 1e-3:
            yield wave


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pools", nargs="+", type=Path, help="folders with pool.i16 and pool.csv")
    parser.add_argument("--shares", help="how often each pool is drawn from, e.g. 3,1 (default: alike)")
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=300_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    shares = [float(share) for share in (arguments.shares or ",".join("1" for _ in arguments.pools)).split(",")]

    teacher = Teacher(arguments.teacher)
    random = np.random.default_rng(arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    stored = {
        name: np.memmap(arguments.out / name, dtype, "w+", shape=(arguments.count, *shape))
        for name, (shape, dtype) in STORED.items()
    }
    for row, wave in zip(range(arguments.count), crops(Pool(arguments.pools, shares), random), strict=False):
        scores, mel, features = teacher.hear(wave)
        stored["mel"][row] = np.clip(np.round((mel - MEL_LOW) / MEL_STEP), 0, 255)
        stored["scores"][row], stored["features"][row] = scores, features
        if row % 20_000 == 0:
            print(f"{row:,} of {arguments.count:,}", flush=True)
    for array in stored.values():
        array.flush()
    (arguments.out / "crops.json").write_text(json.dumps({"count": arguments.count, "seed": arguments.seed}))


if __name__ == "__main__":
    main()
