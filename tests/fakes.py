"""A model whose answers can be foretold: low sounds are "hum", high ones "whistle"; a contrary prompt swaps the two."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from torch import Tensor

RATE = 8_000
WORDS = ("hum", "whistle", "rain")


class FakeModel:
    name, revision, device = "fake", "1", "cpu"
    sample_rate, window_seconds, dim, logit_scale = RATE, 2.0, 4, 10.0
    text: Any = None

    def __init__(self) -> None:
        self.texts_read: list[str] = []
        self.windows_heard = 0

    def embed_text(self, texts: Sequence[str]) -> Tensor:
        self.texts_read += texts
        return torch.stack([self._direction(text) for text in texts])

    def embed_audio(self, windows: Tensor) -> Tensor:
        assert windows.shape[1] == RATE * self.window_seconds
        self.windows_heard += len(windows)
        crossings = (windows[:, 1:] * windows[:, :-1] < 0).sum(dim=1) / self.window_seconds
        return torch.stack([self._direction("hum" if count < 1_000 else "whistle") for count in crossings])

    def _direction(self, text: str) -> Tensor:
        """One axis per known word; the last for everything else."""
        word = next((word for word in WORDS if word in text), None)
        if "contrary" in text:
            word = {"hum": "whistle", "whistle": "hum"}.get(word or "", word)
        return torch.eye(self.dim)[WORDS.index(word) if word else self.dim - 1]


def tone(hertz: float, seconds: float, rate: int = RATE) -> np.ndarray:
    """A sine at half of full scale, ``[n]``, float32."""
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


HUM, WHISTLE = 100.0, 1_900.0  # Hz


def zip_of_tones(folder: Path, each: int) -> Path:
    """Write a zip of recordings of a hum and of a whistle, in a folder each; the last one is beside it, clip.wav."""
    with zipfile.ZipFile(folder / "clips.zip", "w") as archive:
        for name, hertz in (("hum", HUM), ("whistle", WHISTLE)):
            for number in range(each):
                soundfile.write(folder / "clip.wav", tone(hertz + 9 * number, 1), RATE)
                archive.write(folder / "clip.wav", f"{name}/{number}.wav")
    return folder / "clips.zip"
