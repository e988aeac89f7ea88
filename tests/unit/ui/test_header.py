"""The header: what its state line says while a model loads, and when it cannot be had."""

from pathlib import Path
from threading import Event
from typing import Any

import pytest

from audioprompt.models import registry
from audioprompt.models.base import ModelError
from audioprompt.models.registry import ModelEntry
from audioprompt.server.context import Context
from audioprompt.ui import header
from audioprompt.ui.events import HIDDEN
from tests.fakes import FakeModel
from tests.unit.server.test_access import request


@pytest.fixture(autouse=True)
def offered(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Offer a model that has to be downloaded, one that never can be, and nothing else."""

    def slow(device: str, weights: Path | None, progress: Any) -> Any:
        progress(62, 100)
        assert downloaded.wait(600)
        return FakeModel()

    def gone(device: str, weights: Path | None, progress: Any) -> Any:
        if weights is None:
            raise ModelError("no network: give the file's path")
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
    for shown in header.follow("slow"):
        lines.append(shown["state"])
        if "62%" in shown["state"]:
            offered.set()
    assert "loading" in lines[0] and lines[-1].endswith("CPU · ready") and shown["ask"].visible == HIDDEN
    assert any("loading 62%" in line for line in lines)


def test_the_line_is_of_the_model_that_was_chosen_last(offered: Event) -> None:
    unwanted = header.follow("slow", Context(request("a page")))
    assert "loading" in next(unwanted)["state"]
    with pytest.raises(ModelError):
        list(header.follow("gone", Context(request("a page"))))
    assert list(unwanted) == []
    offered.set()


def test_a_model_that_cannot_be_had_says_so_and_asks_for_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no network: give the file's path"):
        list(header.follow("gone"))
    assert "not loaded" in header.failed()["state"] and header.failed()["ask"].visible is True
    with pytest.raises(ModelError, match="There is no file"):
        list(header.take_weights("gone", str(tmp_path / "typo.pth")))
    (tmp_path / "weights.pth").touch()
    shown = list(header.take_weights("gone", f" {tmp_path / 'weights.pth'} "))[-1]
    assert shown["state"].endswith("CPU · ready") and shown["ask"].visible == HIDDEN and not shown["why"]


def test_a_file_that_is_none_of_a_model_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Path | None] = []

    def load(device: str, weights: Path | None, progress: Any) -> Any:
        asked.append(weights)
        if weights:
            raise ModelError(f"{weights.name} cannot be read as weights")
        return FakeModel()

    monkeypatch.setattr(registry, "MODELS", registry.ModelRegistry((ModelEntry("back", "", "", "", load),)))
    (tmp_path / "photo.jpg").touch()
    for path, why in ((f"{tmp_path / 'photo.jpg'}", "photo.jpg cannot be read"), (" ", "Give the path of the weights")):
        with pytest.raises(ModelError, match=why):
            list(header.take_weights("back", path))
        assert list(header.follow("back"))[-1]["state"].endswith("CPU · ready"), "as it was before"
    assert asked == [tmp_path / "photo.jpg", None]


def test_a_browser_s_last_choice_counts_if_there_is_such_a_model() -> None:
    assert header.show_models("gone")["picker"].value == "gone"
    other = header.show_models("<b>other</b>")["picker"]
    assert other.value != "<b>other</b>" and [name for _, name in other.choices] == ["slow", "gone"]
