"""Encoding a data set with progress: broken off, it goes on where it stopped."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from audioprompt.data import demonstration
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.encoding.clips import embed_clips
from audioprompt.encoding.encoder import pooled
from audioprompt.models.base import AudioTextModel
from audioprompt.models.registry import load


class Cancelled(Exception):
    """The person pressed cancel."""


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> AudioTextModel:
    """The bundled model, ``heard`` by which counts the windows that it encodes."""
    model = load("embedded")
    embed_audio = model.embed_audio

    def counting(windows: torch.Tensor) -> torch.Tensor:
        heard.append(len(windows))
        return embed_audio(windows)

    heard.clear()
    monkeypatch.setattr(model, "embed_audio", counting)
    return model


heard: list[int] = []


@pytest.mark.slow
def test_what_was_cancelled_goes_on_where_it_stopped(
    model: AudioTextModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)  # each core is some recordings ahead
    files = demonstration().paths[::4]
    assert len(files) == 48
    reports: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        reports.append((done, total))
        if done >= 10:
            raise Cancelled

    with pytest.raises(Cancelled):
        embed_clips(model, files, progress, EmbeddingCache(tmp_path))
    assert reports == sorted(reports) and reports[-1][0] >= 10 and {total for _, total in reports} == {48}
    assert EmbeddingCache(tmp_path).info().entries == sum(heard), "what was done is kept, all of it"
    before = sum(heard)
    assert before < 48, "what nobody was at is not encoded after the cancellation"

    reports.clear()
    clips = embed_clips(model, files, lambda done, total: reports.append((done, total)), EmbeddingCache(tmp_path))
    assert reports == sorted(reports) and reports[-1] == (48, 48) and reports[0][0] >= before
    assert sum(heard) == 48, "every clip was encoded once"
    np.testing.assert_array_equal(pooled(clips), pooled(embed_clips(model, files)))

    heard.clear()
    embed_clips(model, files, cache=EmbeddingCache(tmp_path))
    assert heard == []
