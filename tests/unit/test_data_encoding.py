"""Encoding a data set with progress: broken off, it goes on where it stopped."""

from pathlib import Path

import numpy as np
import pytest
import torch

from audioprompt.data import demonstration
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.encoding.encoder import embed_clips, pooled
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
def test_what_was_cancelled_goes_on_where_it_stopped(model: AudioTextModel, tmp_path: Path) -> None:
    files = demonstration().paths[::8]
    assert len(files) == 24
    reports: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        reports.append((done, total))
        if done == 10 and len(reports) == 10:
            raise Cancelled

    with pytest.raises(Cancelled):
        embed_clips(model, files, progress, EmbeddingCache(tmp_path))
    assert reports == [(done, 24) for done in range(1, 11)]
    assert sum(heard) == 10, "nothing is encoded after the cancellation"
    assert EmbeddingCache(tmp_path).info().entries == 10, "what was done is kept"

    reports.clear()
    reports += [(0, 24)] * 10  # no further cancellation
    clips = embed_clips(model, files, progress, EmbeddingCache(tmp_path))
    assert reports[10:] == [(done, 24) for done in range(11, 25)]
    assert sum(heard) == 24, "every clip was encoded once"
    np.testing.assert_array_equal(pooled(clips), pooled(embed_clips(model, files)))

    heard.clear()
    embed_clips(model, files, cache=EmbeddingCache(tmp_path))
    assert heard == []
