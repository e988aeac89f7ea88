"""The header: what its state line says while a model loads, and when it cannot be had."""

from pathlib import Path
from threading import Event
from typing import Any

import pytest

from audioprompt.models import registry
from audioprompt.models.base import ModelError
from audioprompt.models.registry import ModelEntry
from audioprompt.ui import header
from tests.fakes import FakeModel


@pytest.fixture(autouse=True)
def offered(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Offer a model that has to be downloaded, one that never can be, and nothing else."""

    def slow(device: str, weights: Path | None, progress: Any) -> Any:
        progress(62, 100)
        assert downloaded.wait(600)
        return FakeModel()

    def gone(device: str, weights: Path | None, progress: Any) -> Any:
        if weights is None:
            raise ModelError("No network: give the file's path")
        return FakeModel()

    downloaded = Event()
    made = tuple(ModelEntry(name, "", "", "", load) for name, load in [("slow", slow), ("gone", gone)])
    monkeypatch.setattr(registry, "MODELS", registry.ModelRegistry(made))
    monkeypatch.setattr(header, "LOOK_SECONDS", 0.01)
    registry.MODELS.release()
    yield downloaded
    registry.MODELS.release()


def test_the_line_counts_a_download_and_ends_with_ready(offered: Event) -> None:
    lines = []
    for line, weights, _ in header.follow("slow"):  # noqa: B007, the last one counts
        lines.append(line)
        if "62%" in line:
            offered.set()
    assert "loading" in lines[0] and lines[-1].endswith("CPU · ready") and weights.visible == header.HIDDEN
    assert any("loading 62%" in line for line in lines)


def test_a_model_that_cannot_be_had_says_so_and_asks_for_weights(tmp_path: Path) -> None:
    line, weights, why = list(header.follow("gone"))[-1]
    assert "not loaded" in line and "No network: give the file&#39;s path" in why and weights.visible is True
    line, weights, why = list(header.take_weights("gone", str(tmp_path / "typo.pth")))[-1]
    assert "There is no file" in why and weights.visible is True
    (tmp_path / "weights.pth").touch()
    line, weights, why = list(header.take_weights("gone", f" {tmp_path / 'weights.pth'} "))[-1]
    assert line.endswith("CPU · ready") and weights.visible == header.HIDDEN and not why


def test_a_browser_s_last_choice_counts_if_there_is_such_a_model() -> None:
    assert header.offered("gone").value == "gone"
    other = header.offered("<b>other</b>")
    assert other.value != "<b>other</b>" and [name for _, name in other.choices] == ["slow", "gone"]
