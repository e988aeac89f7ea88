"""What a Space offers is used: an address, storage that outlives a restart."""

import os
from pathlib import Path

import pytest

from audioprompt import hosting
from audioprompt.prompts.store import PromptStore
from tests.unit.space.plans import PACK


@pytest.fixture(autouse=True)
def no_space(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SPACE_ID", "GRADIO_SERVER_NAME", *hosting.FOLDERS):
        monkeypatch.setenv(name, "")  # so that what is set meanwhile is taken back
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("variables", "address"),
    [({}, "127.0.0.1"), ({"SPACE_ID": "me/rain"}, "0.0.0.0"), ({"GRADIO_SERVER_NAME": "10.0.0.1"}, "10.0.0.1")],
)
def test_the_address(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], address: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert hosting.address() == address


def test_storage_holds_what_is_decided_over_what_the_space_came_with(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SPACE_ID", "me/rain")
    hosting.prepare(tmp_path)
    assert os.environ["HF_HOME"] == str(tmp_path / "huggingface")
    assert os.environ["AUDIOPROMPT_CACHE"] == str(tmp_path / "cache")
    store = PromptStore()
    assert "eight-templates" in store.ids(), "the packs that came along are there"
    store.create(PACK)
    assert (tmp_path / "prompt_store/weather.json").is_file()


def test_what_the_owner_has_set_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPACE_ID", "me/rain")
    monkeypatch.setenv("AUDIOPROMPT_STORE", "/elsewhere")
    hosting.prepare(tmp_path)
    assert os.environ["AUDIOPROMPT_STORE"] == "/elsewhere"


@pytest.mark.parametrize("space", [False, True])
def test_nothing_is_set_without_storage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, space: bool) -> None:
    if space:
        monkeypatch.setenv("SPACE_ID", "me/rain")
    hosting.prepare(tmp_path / "none" if space else tmp_path)
    assert not {"HF_HOME", "AUDIOPROMPT_STORE", "AUDIOPROMPT_CACHE"} & set(os.environ)
