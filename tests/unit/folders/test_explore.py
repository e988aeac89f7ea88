"""A collection that a page holds: its rows, its map, and what becomes of what is selected there."""

import errno
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock
from zipfile import ZipFile

import numpy as np
import pytest
import soundfile
import torch

from audioprompt.audio.recording import AudioError
from audioprompt.core.labels import LabelError
from audioprompt.core.map import cluster, lay_out, name_clusters
from audioprompt.data import DataError
from audioprompt.data.recordings import find_files
from audioprompt.prompts.template import as_templates
from audioprompt.server import models
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.services.collection import Collection
from audioprompt.services.folders import search
from audioprompt.services.folders.classify import Question
from audioprompt.services.folders.explore import Explored, answer_again, explore
from audioprompt.services.folders.shards import EmbedError
from audioprompt.ui import entrances
from audioprompt.ui.components import explore as view
from audioprompt.ui.events import View
from audioprompt.ui.tabs.explore import listen, look
from audioprompt.util.jobs import Stopped
from tests.fakes import HUM, RATE, WHISTLE, FakeModel, tone

NASTY = "<img src=x onerror=alert(1)>.wav"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(8):
        soundfile.write(folder / f"{number}.wav", tone((HUM, WHISTLE)[number % 2], 1.0), RATE)
    soundfile.write(folder / NASTY, tone(HUM, 1.0), RATE)
    (folder / "bad.wav").touch()
    return folder


@pytest.fixture
def explored(folder: Path) -> Explored:
    return explore(question(), find_files([folder], folder))


def question() -> Question:
    model = FakeModel()
    model.background_names = ("rain", "hum", "whistle")  # type: ignore[attr-defined]
    return Question(model, ("hum", "whistle"), as_templates(["{}"]))


def test_rows_and_map(explored: Explored) -> None:
    assert len(explored.names) == 9 and [row.file for row in explored.rows[9:]] == ["bad.wav"]
    assert sorted(explored.titles) == ["hum", "whistle"]
    for row, number in zip(explored.rows, explored.clusters, strict=False):
        assert row.answer == explored.titles[number]
    assert explored.places.shape == (9, 2)
    shown = view.table(explored)
    assert "9 recordings, 1 more could not be used" in shown and "bad.wav is empty" in shown
    assert "<img" not in shown and "&lt;img" in shown
    assert "audio/wav" in view.player(explored, 0)


def test_other_labels_are_answered_without_listening_again(
    explored: Explored, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in folder.iterdir():
        file.unlink()
    same = answer_again(explored, question())
    assert same.rows == explored.rows
    for one in explored.heard[:9]:
        assert one.clip and np.shares_memory(one.clip.windows, explored.folder.windows), "what is heard is kept once"
    asked = listen.Asked("a high whistle, a low hum", "fake")
    model = question().model
    monkeypatch.setattr(listen, "suitable_pack", lambda store, category: "eight-templates")
    monkeypatch.setattr(models, "shared_model", lambda name, request: model)
    found = listen.ask_again(explored, asked)["explored"]
    assert found.names == explored.names and found.folder is explored.folder
    assert [row.answer for row in found.rows[:2]] == ["a low hum", "a high whistle"]
    assert found.rows[9] == explored.rows[9]
    assert listen.ask_again(None, asked) == {}
    monkeypatch.setattr(model, "revision", "another")
    with pytest.raises(EmbedError, match=r"heard by fake .* Embed them again with this model, or choose that one"):
        listen.ask_again(explored, asked)


def test_an_answer_that_is_none_of_the_labels_stands_back(explored: Explored) -> None:
    rows = tuple(replace(row, known=known) for row, known in zip(explored.rows, (True, False), strict=False))
    assert view.table(replace(explored, rows=rows)).count('class="unknown"') == 1


def test_what_was_heard_before_it_was_stopped_stays(folder: Path) -> None:
    def stop(done: int, total: int, part: float) -> None:
        if done:
            raise Stopped

    for number in range(100):  # more than are heard before anybody asks for them
        (folder / f"again-{number}.wav").hardlink_to(folder / "0.wav")
    found = explore(question(), find_files([folder], folder), stop)
    assert 0 < len(found.names) < 109 and found.left == 110 - len(found.rows)
    assert "were not reached" in view.table(found)


def test_nothing_to_hear(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    with pytest.raises(DataError, match=r"None of these recordings can be used\. a\.wav is empty"):
        explore(question(), find_files([tmp_path], tmp_path))


def test_clicks(explored: Explored, tmp_path: Path) -> None:
    def act(what: str, *numbers: int) -> Any:
        return look.act_on_collection(explored, SimpleNamespace(act=what, numbers=list(numbers)))  # type: ignore[arg-type]

    assert "audio/wav" in act("play", 3)["player"]
    assert act("play", 99) == act("play", -1) == act("nonsense") == {}
    like = act("like", 1)["rows"]
    assert "What sounds like 1.wav, by exact search. Similarity is the cosine" in like
    assert [row for row in range(8) if f">{row}.wav<" in like] == [0, 2, 3, 4, 5, 6, 7], "all but itself"
    assert like.index(">7.wav<") < like.index(">0.wav<") and 'data-value="1.0">1.00<' in like
    assert "<img" not in like
    chosen = act("select", 1, 3, 99)
    assert chosen["selected"] == (1, 3) and "2 selected: 1.wav, 3.wav" in chosen["selection"]
    collection = Collection(lambda: tmp_path)
    with pytest.raises(DataError, match="Select recordings on the map"):
        look.label_selected(explored, (), "high", collection)
    with pytest.raises(DataError, match="Type a label"):
        look.label_selected(explored, (1,), " ", collection)
    assert "2 recordings of high are in Learn" in look.label_selected(explored, (1, 3), "high", collection)["note"]
    assert collection.now.clips.labels == ("high", "high")
    for _ in range(2):
        look.save_table(explored, collection)
    (table,) = collection.folder.rglob("recordings.csv")
    assert table.read_text("utf-8").count("\n") == 11
    collection.forget()
    assert not table.exists()


def test_a_label_that_is_too_long_puts_nothing_into_learn(explored: Explored, tmp_path: Path) -> None:
    """Else it would be there twice once the label is shortened, for it is still selected."""
    collection = Collection(lambda: tmp_path)
    with pytest.raises(LabelError, match="shorten it"):
        look.label_selected(explored, (1, 3), "x" * 300, collection)
    assert not collection.now.unnamed
    assert "1 recording of low is in Learn" in look.label_selected(explored, (2,), "low ", collection)["note"]
    look.label_selected(explored, (1, 3), "high", collection)
    assert collection.now.clips.labels == ("low", "high", "high")


def test_of_recordings_that_cannot_be_kept_nothing_is_left(
    explored: Explored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = Collection(lambda: tmp_path)
    explored.path(1).write_text("no sound by now")
    said = look.label_selected(explored, (1,), "high", collection)["note"]
    assert "holds no audio" in said and "in Learn" not in said and not collection.now.clips.classes

    def fill(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfile", fill)
    (problem,) = collection.keep([explored.path(0)])[1]
    assert str(problem) == "0.wav cannot be kept (No space left on device): make room on the disk and give it again."
    assert list(collection.folder.iterdir()) == []


def test_search_by_a_sound_and_for_the_same_sound_twice(
    explored: Explored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "shared_model", lambda name, request: FakeModel())
    soundfile.write(tmp_path / "new.wav", tone(WHISTLE, 3.0), RATE)
    shown = look.search_by_sound(explored, str(tmp_path / "new.wav"), "fake")["rows"]
    assert "What sounds like new.wav" in shown and shown.index(">7.wav<") < shown.index(">0.wav<")
    monkeypatch.setattr(search, "LONGEST_SECONDS", 2.0)
    with pytest.raises(AudioError, match=r"new\.wav is longer than 2 seconds"):
        look.search_by_sound(explored, str(tmp_path / "new.wav"), "fake")
    pairs = look.find_pairs(explored)["rows"]  # five hums, four whistles
    assert "16 pairs of recordings sound nearly the same (similarity 0.98 or more)" in pairs and "<img" not in pairs
    assert pairs.count("<tr>") == 1 + 16
    monkeypatch.setattr(look, "PAIRS", 3)
    assert "13 more are not shown" in look.find_pairs(explored)["rows"]
    for nothing in (lambda: look.find_pairs(None), lambda: look.search_by_sound(None, "x", "fake")):
        with pytest.raises(DataError, match="Upload recordings first"):
            nothing()


def test_words_that_the_model_does_not_know_are_told_beside_the_table(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = FakeModel()
    model.text = SimpleNamespace(tokenizer=SimpleNamespace(scripts={"LATIN"}, knows=str.isascii))
    monkeypatch.setattr(models, "shared_model", lambda name, request: model)
    unknown, known = listen.Asked("hum, 量子纠缠", "fake"), listen.Asked("hum, whistle", "fake")
    shown = list(listen.enter_folder(str(folder), unknown))[-1]
    assert "does not know these words: 量子纠缠" in shown["note"]
    assert listen.ask_again(shown["explored"], known)["note"] == ""
    assert "量子纠缠" in listen.ask_again(shown["explored"], unknown)["note"]
    assert "量子纠缠" in look.search_collection(shown["explored"], "量子纠缠", "fake")["note"]
    assert look.search_collection(shown["explored"], "a hum", "fake")["note"] == ""


@pytest.mark.parametrize("other", [True, False])
def test_what_comes_after_another_collection_was_given_is_not_shown(
    explored: Explored, monkeypatch: pytest.MonkeyPatch, other: bool
) -> None:
    model, page = question().model, Mock(Context, page="a page", place=1)
    page.model.return_value = model
    page.store.get.return_value = Mock(approved=question().templates)
    monkeypatch.setattr(listen, "suitable_pack", lambda store, category: "eight-templates")
    read = model.embed_text

    def give_another(texts: Sequence[str]) -> torch.Tensor:
        if other:
            list(listen.HEARD.latest(page, object(), (shown for shown in [View()])))
        return read(texts)

    monkeypatch.setattr(model, "embed_text", give_another)
    searched = look.search_collection(explored, f"a hum {other}", "fake", context=page)
    again = listen.ask_again(explored, listen.Asked(f"a whistle {other}, a hum {other}", "fake"), context=page)
    assert (searched == again == {}) is other and ("a hum" in searched.get("rows", "")) is not other


@pytest.mark.parametrize("given", [[], ["notes.txt"]])
def test_no_recordings(given: list[str], tmp_path: Path) -> None:
    files = [tmp_path / name for name in given]
    for file in files:
        file.write_text("x")
    with pytest.raises(DataError, match="None of these files is a recording"):
        list(
            listen.upload_collection(
                Collection(lambda: tmp_path), [str(file) for file in files], listen.Asked("a, b", "embedded")
            )
        )


def test_a_damaged_zip(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK nothing")
    with pytest.raises(DataError, match="not a zip file that can be unpacked"):
        list(
            listen.upload_collection(
                Collection(lambda: tmp_path), [str(tmp_path / "a.zip")], listen.Asked("a, b", "embedded")
            )
        )
    with ZipFile(tmp_path / "b.zip", "w") as file:
        file.writestr("../out.wav", "x")
    with pytest.raises(DataError, match="leads out of the folder"):
        list(
            listen.upload_collection(
                Collection(lambda: tmp_path), [str(tmp_path / "b.zip")], listen.Asked("a, b", "embedded")
            )
        )


def test_maps_of_any_size() -> None:
    rng = np.random.default_rng(0)
    for count in (1, 2, 3, 50):
        vectors = rng.standard_normal((count, 6)).astype(np.float32)
        clusters = cluster(vectors)
        assert lay_out(vectors).shape == (count, 2) and np.isfinite(lay_out(vectors)).all()
        names = name_clusters(vectors, clusters, rng.standard_normal((20, 6)).astype(np.float32))
        assert len(set(names)) == clusters.max() + 1


def test_uploads_lie_as_in_their_folder_and_never_outside(tmp_path: Path) -> None:
    names = ["day/a.wav", "day/a.wav", "../../out.wav", "day/a.wav/b.wav", "//.wav", "day/deep/é\u202e.wav"]
    files = [tmp_path / str(number) / name.replace("/", entrances.BETWEEN) for number, name in enumerate(names)]
    for file in files:
        file.parent.mkdir()
        file.write_bytes(file.parent.name.encode())
    into = tmp_path / "kept" / "here"
    into.mkdir(parents=True)
    taken = listen._take(list(map(str, files)), into, IN_PROCESS)
    assert {file.name: file.path.read_bytes() for file in taken} == {
        "day/a.wav": b"0",
        "day/1-a.wav": b"1",
        "out.wav": b"2",
        "b.wav": b"3",
        "day/deep/é\u202e.wav": b"5",
    }
    assert [path.name for path in tmp_path.rglob("out.wav") if into in path.parents] == ["out.wav"]
