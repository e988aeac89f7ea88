"""What strangers may do on a Space, and that everything is allowed at home."""

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from audioprompt.data import DataError
from audioprompt.prompts.generate import OPENAI_URL, GenerationError
from audioprompt.prompts.pack import PackError
from audioprompt.prompts.store import PromptStore
from audioprompt.ui import curate, generate, header, learn, strangers


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool | None]]:
    """What would have been opened: the place, and whether with the owner's token."""
    given: list[tuple[str, bool | None]] = []

    def note(where: str, into: Path | None = None, progress: Any = None, token: bool | None = None) -> None:
        given.append((where, token))

    monkeypatch.setattr(strangers, "open_clips", note)
    return given


@pytest.fixture
def space(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPACE_ID", "someone/space")
    monkeypatch.setenv("AUDIOPROMPT_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("OPENAI_API_KEY", "the owner's")


@pytest.mark.parametrize("named", ["/etc", "/etc/passwd.csv", "../manifest.csv", "~/clips.zip", ""])
def test_files_of_the_server_are_not_theirs(space: None, opened: list[Any], tmp_path: Path, named: str) -> None:
    with pytest.raises(DataError, match="files of this server cannot be named here"):
        strangers.clips_named(named, tmp_path)
    assert "cannot be named here" in str(learn.take_data(learn.Gathered(), named)) or not named
    assert "cannot be named here" in generate.choose_data(named)[1] or not named
    assert opened == []


def test_public_data_and_their_own_uploads_are(space: None, opened: list[Any], tmp_path: Path) -> None:
    own = str(tmp_path / "clips.zip")
    for named in ("instruments", "hf:owner/name", own):
        strangers.clips_named(named, tmp_path)
    assert opened == [("instruments", False), ("hf:owner/name", False), (own, False)], "never with the owner's token"


def test_at_home_everything_can_be_named(opened: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACE_ID", raising=False)
    strangers.clips_named("/anywhere/manifest.csv")
    assert opened == [("/anywhere/manifest.csv", None)]


def test_packs_are_read_and_not_written(space: None, tmp_path: Path) -> None:
    assert "instruments" in PromptStore().ids()
    with pytest.raises(PackError, match="cannot be changed by visitors: run audioprompt on your own machine"):
        strangers.store_to_write()
    (tmp_path / "mine.txt").write_text("the sound of {}")
    with pytest.raises(PackError, match="cannot be changed by visitors"):
        curate.imported(str(tmp_path / "mine.txt"))
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(("url", "key"), [("", ""), ("http://127.0.0.1:1/v1", "mine"), ("http://10.0.0.1/v1", "")])
def test_the_owners_key_and_network_are_not_theirs(space: None, url: str, key: str) -> None:
    with pytest.raises(GenerationError, match="with a key of their own"):
        generate.generator_of(generate.SERVICE, 0, "gpt", url, 0.7, key)


def test_a_key_of_their_own_is_used(space: None) -> None:
    service = generate.generator_of(generate.SERVICE, 0, "gpt", "", 0.7, "mine")
    assert service.settings["base_url"] == OPENAI_URL
    assert generate.generator_of(generate.LEXICON, 0, "", "", None, "").name == "lexicon"


def test_models_are_not_loaded_by_path(space: None, tmp_path: Path) -> None:
    (tmp_path / "weights.pth").touch()
    ((_, ask, why),) = header.take_weights("msclap-2023", str(tmp_path / "weights.pth"))
    assert "files of this server cannot be named here" in why and isinstance(ask, gr.Column)


def test_a_desk_decides_nothing_for_them(space: None) -> None:
    desk = curate.Desk(bench=None, model="embedded", pack_id="instruments", label="rain")  # type: ignore[arg-type]
    for act in ("approved", "rejected", "candidate", "undo", "redo", "apply"):
        with pytest.raises(PackError, match="cannot be changed by visitors"):
            curate._done(desk, {"do": act, "on": "A loud sound of {label}"}, "someone")
