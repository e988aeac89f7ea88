"""Labelling a pool in the Learn tab: handlers as plain functions."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from audioprompt.core.labels import LabelError
from audioprompt.data import DataError
from audioprompt.few_shot.settings import FewShotError
from audioprompt.services.collection import Collection
from audioprompt.services.heads import HEADS
from audioprompt.services.rejection import THRESHOLD
from audioprompt.ui.events import View
from audioprompt.ui.tabs.learn import experiment, gather, heads, label_next, review
from audioprompt.ui.tabs.learn.experiment import Settings
from audioprompt.ui.tabs.learn.label_next import Labelling
from tests.fakes import HUM, RATE, WHISTLE, tone

NASTY = "<img src=x onerror=alert(1)>"
pytestmark = pytest.mark.usefixtures("fake_model")


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = []
    for number in range(3):
        for name, hertz in (("a", HUM), ("b", WHISTLE)):
            paths.append(tmp_path / f"{name}{number}.wav")
            soundfile.write(paths[-1], tone(hertz + number, 2), RATE)
    return list(map(str, paths))


def begin(collection: Collection, files: Sequence[str], names: str = "hum, whistle") -> View:
    *_, last = label_next.begin_labelling(collection, files, names, "embedded")
    return last


def press(view: View, collection: Collection, key: str, recording: int | None = None) -> View:
    labelling: Labelling = view["labelling"]
    event: Any = SimpleNamespace(key=key, recording=labelling.current if recording is None else recording)
    return label_next.act(labelling, collection, event)


def test_labelled_recordings_become_clips_to_learn_from(collection: Collection, files: list[str]) -> None:
    view = begin(collection, files)
    assert 'data-key="2"' in view["pool"] and "whistle" in view["pool"] and "audio/wav" in view["pool"]
    said = ""
    for _ in range(6):
        labelling = view["labelling"]
        is_hum = labelling.recordings[labelling.current].name.startswith("a")
        view = press(view, collection, "1" if is_hum else "2")
        said = view["pool"] if "of the rest" in view["pool"] else said
    assert "Every recording has a label" in view["pool"] and "About 100 % of the rest would be named rightly" in said
    clips = collection.now.clips
    assert sorted(clips.labels) == ["hum"] * 3 + ["whistle"] * 3
    assert all((path.name[0] == "a") == (label == "hum") for path, label in zip(clips.paths, clips.labels, strict=True))


def test_a_zip_and_a_folder_of_this_machine_are_pools_too(
    collection: Collection, files: list[str], tmp_path: Path
) -> None:
    (tmp_path / "night").mkdir()
    for file in files:
        Path(file).rename(tmp_path / "night" / Path(file).name)
    packed = shutil.make_archive(str(tmp_path / "night"), "zip", tmp_path, "night")
    for views in (
        label_next.begin_labelling(collection, [packed], "hum, whistle", "embedded"),
        label_next.enter_pool(collection, f" {tmp_path / 'night'} ", "hum, whistle", "embedded"),
    ):
        *_, view = views
        assert "0 labels of 6 recordings" in view["pool"] and len(collection.now.unlabelled) == 6
    press(view, collection, "1")
    assert len(collection.now.unlabelled) == 5
    assert list(label_next.enter_pool(collection, " ", "", "embedded")) == []


def test_skip_undo_and_late_presses(collection: Collection, files: list[str]) -> None:
    view = begin(collection, files)
    first = view["labelling"].current
    view = press(view, collection, "1")
    assert press(view, collection, "1", recording=first) == {}  # it was pressed for the one before
    view = press(view, collection, "u")
    assert view["labelling"].current == first and collection.now.clips.classes == ()
    assert press(view, collection, "u")["labelling"].current == first
    assert press(view, collection, "0")["labelling"].current != first
    assert label_next.act(None, collection, SimpleNamespace(key="1", recording=0)) == {}  # type: ignore[arg-type]


def test_undo_takes_back_what_was_answered_last_and_nothing_else(collection: Collection, files: list[str]) -> None:
    view = press(begin(collection, files), collection, "1")
    gather.add(collection, "hum", files[-1:])  # recorded or uploaded in between
    view = press(view, collection, "0")
    view = press(view, collection, "u")  # the skip
    assert len(collection.now.clips) == 2 and not view["labelling"].session.skipped
    view = press(view, collection, "u")
    assert [path.name for path in collection.now.clips.paths] == [Path(files[-1]).name]
    assert len(collection.now.unlabelled) == len(files)
    press(press(view, collection, "2"), collection, "u")
    assert collection.now.clips.classes == ("hum",)
    collection.clear()
    assert press(view, collection, "u")["labelling"] is view["labelling"]


def test_a_new_label_is_typed_and_is_text(collection: Collection, files: list[str]) -> None:
    view = begin(collection, files, "")
    view = label_next.label(view["labelling"], collection, NASTY)
    assert view["other_label"] == "" and NASTY not in view["pool"] and "&lt;img" in view["pool"]
    assert collection.now.clips.classes == (NASTY,)
    with pytest.raises(LabelError, match="1 to 200 characters"):
        label_next.label(view["labelling"], collection, "x" * 201)
    assert label_next.label(view["labelling"], collection, "  ") == {}


def test_what_cannot_be_labelled_is_said(collection: Collection, files: list[str], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no sound")
    with pytest.raises(DataError, match=r"no recording that can be used\. Left out 1 recording: notes.txt"):
        begin(collection, [str(tmp_path / "notes.txt")])
    with pytest.raises(LabelError, match="too many"):
        begin(collection, files, ", ".join(map(str, range(1000))))
    assert "notes.txt" in begin(collection, [*files, str(tmp_path / "notes.txt")])["note"]
    assert "pool" in begin(collection, files[:1])


def test_recordings_without_labels_are_learned_from_with_and_without_clips(
    collection: Collection, files: list[str]
) -> None:
    view = begin(collection, files)
    settings = Settings(("auto",), pack_id="acoustic-scenes", model_name="fake", unlabelled=True)
    with pytest.raises(FewShotError, match="give at least two labels"):
        list(experiment.learn(collection.now, [], settings))
    *_, last = experiment.learn(collection.now, [], replace(settings, label_names="hum, whistle"))
    assert "All clips first is ready" in last["summary"] and "without labels alone" in last["summary"]
    assert "All 6 recordings were heard before any was named: no answer changed." in last["summary"]
    used = heads.use(last["tried"], "together", "")
    kept = HEADS.get(used["head_in_hand"])
    assert kept is not None and kept.record.classes == ("hum", "whistle") and kept.record.fitted_on == 6
    assert kept.head.predict(np.eye(4, dtype=np.float32)[:2]).tolist() == [0, 1]
    for _ in range(4):
        labelling = view["labelling"]
        view = press(view, collection, "1" if labelling.recordings[labelling.current].name[0] == "a" else "2")
    with pytest.raises(FewShotError, match="among the labelled clips"):  # to this model all hums are one sound
        list(experiment.learn(collection.now, [], settings))
    *_, last = experiment.learn(collection.now, [], replace(settings, unlabelled=False))
    assert "All clips first" not in last["summary"]


def test_a_review_plays_recordings_and_takes_answers(collection: Collection, files: list[str]) -> None:
    settings = Settings(("auto",), pack_id="acoustic-scenes", model_name="fake", unlabelled=True)
    begin(collection, files)
    *_, last = experiment.learn(collection.now, [], replace(settings, label_names="hum, whistle"))
    *_, view = review.begin_review(collection, last["tried"], "together")
    for number in range(1, 7):
        assert f"Clip {number} of 6" in view["review"] and "audio/wav" in view["review"]
        event: Any = SimpleNamespace(key="y", recording=view["reviewing"].review.next)
        assert review.act(view["reviewing"], SimpleNamespace(key="y", recording=-1)) == {}  # type: ignore[arg-type]
        view = review.act(view["reviewing"], event)
    assert "6 answers of 6 agree with that. Use the head or save it" in view["review"]
    assert THRESHOLD in last["tried"].results.of("together").head.state
    collection.clear()
    for tried, sentence in ((None, "no head to review"), (last["tried"], "give some under Without labels")):
        with pytest.raises(FewShotError, match=sentence):
            list(review.begin_review(collection, tried, "together"))
