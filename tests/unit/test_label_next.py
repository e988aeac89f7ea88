"""What to label next, how sure one can be of the labels given, and the command that asks for them."""

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from audioprompt.cli import app
from audioprompt.cli import label as command
from audioprompt.core import active
from audioprompt.core.active import (
    choose_next,
    class_weights,
    compare,
    doubts,
    expected_accuracy,
    sample,
    stops_paying,
)
from audioprompt.core.labels import LabelError
from audioprompt.core.zero_shot import normalise
from audioprompt.data import DataError
from audioprompt.models import registry
from audioprompt.models.registry import ModelEntry
from audioprompt.prompts.template import Template
from audioprompt.services import label_next
from audioprompt.services.label_next import LabellingSession, Manifest
from tests.fakes import HUM, RATE, WHISTLE, FakeModel, tone

DIM = 5
few = settings(max_examples=25)


def clips(seed: int, count: int) -> np.ndarray:
    return normalise(np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32))


# --- which clip -------------------------------------------------------------------------------------------------------


@few
@given(st.integers(0, 1000), st.integers(1, 30))
def test_every_clip_is_asked_for_once_and_brings_the_pool_nearest_to_its_labels(seed: int, count: int) -> None:
    alike, labelled = compare(clips(seed, count)), list[int]()

    def nearness(some: list[int]) -> float:
        return float(alike[:, some].max(axis=1, initial=0).sum())

    while (clip := choose_next(alike, labelled)) is not None:
        left = np.setdiff1d(np.arange(count), labelled).tolist()
        best = max(nearness([*labelled, one]) for one in left)
        assert clip in left and nearness([*labelled, clip]) == pytest.approx(best, abs=1e-4)
        labelled.append(clip)
    assert sorted(labelled) == list(range(count))


@few
@given(st.integers(0, 1000), st.integers(2, 12))
def test_clips_are_alike_beyond_what_all_have_in_common(seed: int, count: int) -> None:
    audio = clips(seed, count)
    alike = compare(audio)
    np.testing.assert_allclose(alike, alike.T, atol=1e-5)
    np.testing.assert_allclose(alike, compare(audio + np.float32(0.5)), atol=1e-3)
    assert (alike >= 0).all() and (alike <= 1 + 1e-5).all()


def test_the_first_clip_is_of_the_largest_group_and_the_next_of_another() -> None:
    near = 0.2 * np.random.default_rng(0).standard_normal((9, DIM)).astype(np.float32)
    alike = compare(normalise(np.eye(3, DIM, dtype=np.float32)[[0] * 6 + [1] * 2 + [2]] + near))
    first = choose_next(alike, [])
    assert first is not None and first in range(6)
    assert choose_next(alike, [first]) in {6, 7}
    assert choose_next(alike, [0], skipped=[6]) == 7


def test_of_known_classes_what_is_in_doubt_is_asked_for_first() -> None:
    middle = np.eye(3, DIM, dtype=np.float32)
    audio = normalise(np.concatenate([middle[[0] * 6], (middle[0] + middle[1])[None].repeat(3, axis=0)]))
    doubt = doubts(audio, middle, 10)
    np.testing.assert_allclose(doubt[6:], 0.5, atol=1e-2)
    alike = compare(audio)
    assert choose_next(alike, []) == 0 and choose_next(alike, [], doubt=doubt) == 6
    assert choose_next(alike, [6], doubt=doubt) == 0  # what has a label beside it is no longer worth one
    assert choose_next(alike, [6], doubt=np.zeros(9, np.float32)) == 0


def test_only_a_session_that_was_told_its_labels_asks_by_doubt() -> None:
    told, new = session(), session(classes=())
    assert told.known and not new.known
    for name in ("hum", "whistle"):
        new.label(new.next() or 0, name)
    assert not new.known and new.next() is not None


def test_identical_clips_and_a_single_one() -> None:
    same = compare(np.repeat(clips(0, 1), 12, axis=0))
    asked: list[int] = []
    while (clip := choose_next(same, asked)) is not None:
        asked.append(clip)
    assert len(asked) == 12
    lone = compare(clips(0, 1))
    assert choose_next(lone, []) == 0
    assert choose_next(lone, [0]) is None


def test_of_a_very_large_pool_a_part_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sample(7).tolist() == [0, 1, 2, 3, 4, 5, 6]
    monkeypatch.setattr(active, "MAX_COMPARED", 5)
    assert sample(101).tolist() == [0, 25, 50, 75, 100]


# --- how good ---------------------------------------------------------------------------------------------------------


def a_pool(spread: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Words of four classes, and 200 clips that lie about them; with the class of each."""
    rng = np.random.default_rng(0)
    words, targets = np.eye(4, 16, dtype=np.float32), np.arange(200) % 4
    return words, normalise((words[targets] + spread * rng.standard_normal((200, 16))).astype(np.float32)), targets


@pytest.mark.parametrize("spread", [0.2, 0.5, 0.8])
def test_the_estimate_is_near_the_truth_where_the_hard_clips_were_labelled(spread: float) -> None:
    words, audio, targets = a_pool(spread)
    margin = np.sort(audio @ words.T, axis=1)[:, -1] - np.sort(audio @ words.T, axis=1)[:, -2]
    asked, rest = np.split(margin.argsort(), [40])
    truth = float(
        ((audio[rest] @ class_weights(words, audio[asked], targets[asked]).T).argmax(1) == targets[rest]).mean()
    )
    for scale in (5.0, 50.0):  # a model that is too little or too sure of itself
        expected = expected_accuracy(audio[rest], words, audio[asked], targets[asked], scale)
        assert expected == pytest.approx(truth, abs=0.12)


def test_the_estimate_counts_no_clip_s_own_label() -> None:
    words, audio, _ = a_pool(0.8)
    wrong = np.random.default_rng(1).integers(0, 4, 40)  # labels that say nothing
    assert expected_accuracy(audio[40:], words, audio[:40], wrong, 30.0) < 0.45


def test_words_count_as_four_clips() -> None:
    words, audio = clips(1, 2), clips(0, 2)
    np.testing.assert_allclose(class_weights(words, audio, np.arange(2)), normalise(4 * words + audio), atol=1e-6)
    np.testing.assert_allclose(class_weights(words, audio[:0], np.array([], int)), words, atol=1e-6)


def test_labels_stop_paying_once_the_estimate_is_flat() -> None:
    rising = [number / 20 for number in range(10)]
    flat = [0.9] * 6
    assert stops_paying(flat, [0, 1] * 3) and not stops_paying(flat, [0] * 5 + [1])  # one class has but one
    assert not stops_paying(rising, [0, 1] * 5) and not stops_paying(flat[:5], [0, 1, 0, 1, 0])
    assert not stops_paying([None, *flat[:5]], [0, 1] * 3)


# --- a session --------------------------------------------------------------------------------------------------------


def session(classes: tuple[str, ...] = ("hum", "whistle"), count: int = 6) -> LabellingSession:
    audio = np.eye(4, dtype=np.float32)[[0, 1] * (count // 2)]
    return LabellingSession(FakeModel(), [Template("the {label}")], audio, list(classes))


def test_labels_are_counted_estimated_and_taken_back() -> None:
    labelling = session()
    assert "needs labels of two classes" in labelling.progress
    for _ in range(6):
        recording = labelling.next()
        assert recording is not None
        labelling.label(recording, "Hum" if recording % 2 == 0 else "whistle")
    assert labelling.classes == ["hum", "whistle"] and labelling.next() is None
    assert labelling.progress == "6 labels of 6 recordings."
    last = labelling.undo()
    assert "5 labels of 6 recordings. About 100 % of the rest would be named rightly." in labelling.progress
    assert last is not None and labelling.next() == last and len(labelling.estimates) == 5
    labelling.skip(last)
    assert labelling.next() is None and session().undo() is None


def test_undo_takes_the_last_answer_back_a_label_or_a_skip() -> None:
    labelling = session()
    labelling.label(0, "hum")
    labelling.skip(1)
    labelling.label(2, "whistle")
    assert labelling.undo() == 2 and labelling.undo() == 1
    assert not labelling.skipped and list(labelling.given) == [0]
    assert labelling.undo() == 0 and labelling.undo() is None and not labelling.given


def test_labels_that_cannot_be() -> None:
    with pytest.raises(LabelError, match="1 to 200 characters"):
        session().label(0, "  ")
    with pytest.raises(LabelError, match="the most there can be"):
        session(tuple(map(str, range(1000))))
    with pytest.raises(DataError, match="no recordings to label"):
        LabellingSession(FakeModel(), [], np.empty((0, 4), np.float32))


def test_one_class_has_no_estimate() -> None:
    labelling = session(("hum",))
    for recording in range(6):
        labelling.label(recording, "hum")
    assert labelling.estimates == [None] * 6 and "needs labels of two classes" in labelling.progress


def test_a_manifest_takes_up_where_it_ended(tmp_path: Path) -> None:
    recordings = [tmp_path / "wet, cold" / f"{number}.wav" for number in range(6)]
    first, manifest = session(), tmp_path / "labels.csv"
    table = Manifest(manifest)
    assert table.take_up(first, recordings) == 0
    for recording in (4, 1, 3):
        first.label(recording, "hum, low" if recording == 4 else "whistle")
    table.write(first)
    second = session()
    assert Manifest(manifest).take_up(second, recordings) == 3
    assert [second.classes[target] for target in second.given.values()] == ["hum, low", "whistle", "whistle"]
    assert list(second.given) == [4, 1, 3]
    for content in ("a,b\n1,2\n", "\xff\xfe"):
        manifest.write_text(content, "latin-1")
        with pytest.raises(DataError, match="Give another file to write"):
            Manifest(manifest)


def test_many_labels_are_taken_up_at_once_and_say_what_they_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recordings = [tmp_path / f"{number}.wav" for number in range(40)]
    first, table = session(count=40), Manifest(tmp_path / "labels.csv")
    table.take_up(first, recordings)
    for recording in range(30):
        first.label(recording, ("hum", "whistle")[recording % 2])
    table.write(first)
    estimated: list[int] = []

    def estimate(pool: np.ndarray, *given: Any) -> float:
        estimated.append(len(pool))
        return expected_accuracy(pool, *given)

    monkeypatch.setattr(label_next, "expected_accuracy", estimate)
    second = session(count=40)
    assert Manifest(tmp_path / "labels.csv").take_up(second, recordings) == 30
    assert second.progress == first.progress and "stop paying" in first.progress
    assert len(estimated) < 10
    for _ in range(10):
        assert first.undo() == second.undo()
        assert second.progress.startswith(first.progress.split(" The last")[0])


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    entry = ModelEntry("embedded", "a stand-in", "nothing", "none", lambda *_: FakeModel())
    monkeypatch.setattr(registry, "MODELS", registry.ModelRegistry((entry,)))
    (tmp_path / "sounds").mkdir()
    for number in range(3):
        soundfile.write(tmp_path / "sounds" / f"hum {number}.wav", tone(HUM + number, 2), RATE)
        soundfile.write(tmp_path / "sounds" / f"whistle {number}.wav", tone(WHISTLE + number, 2), RATE)
    return tmp_path / "sounds"


def ask(folder: Path, answers: str, *options: str) -> str:
    given = ["label", str(folder), "--no-play", *options]
    result = CliRunner().invoke(app, given, input="".join(f"{answer}\n" for answer in answers.split(",")))
    assert result.exit_code == 0, result.stderr
    return result.stderr


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "labels.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_label_writes_a_manifest_and_goes_on_with_it(folder: Path) -> None:
    said = ask(folder, "1,2,7,new sound,q", "--labels", "hum, whistle")
    assert "No label has the number 7" in said and "3 labels of 6 recordings" in said
    assert [row["classname"] for row in rows(folder)] == ["hum", "whistle", "new sound"]
    said = ask(folder, "1,u,0,0,2", "--labels", "hum, whistle")
    assert "Going on with" in said and "Every recording has a label or was skipped" in said
    assert len(rows(folder)) == 4 and all((folder / row["path"]).exists() for row in rows(folder))


def test_labels_of_other_recordings_and_further_columns_stay(folder: Path, tmp_path: Path) -> None:
    before = ["sounds/hum 0.wav,whistle,one", "elsewhere/rain.wav,rain,two", "gone.wav,,"]
    (tmp_path / "all.csv").write_text("\n".join(["path,classname,group", *before, ""]))
    said = ask(folder, "1,q", "--labels", "hum, whistle", "--out", str(tmp_path / "all.csv"))
    assert "Going on with" in said and "2 labels of 6 recordings" in said
    *others, taken_up, new = (tmp_path / "all.csv").read_text().splitlines()[1:]
    assert [*others, taken_up] == [*before[1:], before[0]] and new.endswith(",hum,")


def test_a_table_that_labels_cannot_go_to_is_said_before_a_model_is_loaded(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "MODELS", None)
    for content, reason in (("path,classname,fold\na,b,1\n", "into folds"), ("path,classname\na,b,c\n", "more cells")):
        (tmp_path / "all.csv").write_text(content)
        result = CliRunner().invoke(app, ["label", str(folder), "--out", str(tmp_path / "all.csv")])
        assert result.exit_code == 1 and reason in result.stderr
        assert (tmp_path / "all.csv").read_text() == content


def test_the_folder_of_a_table_is_made_or_it_is_said_that_it_cannot_be(folder: Path, tmp_path: Path) -> None:
    ask(folder, "1,q", "--labels", "hum, whistle", "--out", str(tmp_path / "new" / "labels.csv"))
    assert len((tmp_path / "new" / "labels.csv").read_text().splitlines()) == 2
    place = tmp_path / "new" / "labels.csv" / "labels.csv"
    result = CliRunner().invoke(
        app, ["label", str(folder), "--no-play", "--labels", "hum, whistle", "--out", str(place)], input="1\n"
    )
    assert result.exit_code == 1 and "cannot be written" in result.stderr


def test_label_ends_with_its_input_and_keeps_what_was_given(folder: Path) -> None:
    result = CliRunner().invoke(app, ["label", str(folder), "--no-play", "--labels", "hum, whistle"], input="1\n")
    assert result.exit_code == 0 and [row["classname"] for row in rows(folder)] == ["hum"]


def test_an_empty_folder_is_said_before_a_model_is_loaded(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["label", str(tmp_path)])
    assert result.exit_code == 1 and "holds no recordings" in result.stderr


def test_a_player_plays_each_recording_and_is_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[list[str]] = []
    ended: list[bool] = []

    def start(arguments: list[str], **_: object) -> SimpleNamespace:
        played.append(arguments)
        return SimpleNamespace(terminate=lambda: ended.append(True))

    monkeypatch.setattr(command.shutil, "which", lambda name: name == "mpv" or None)
    monkeypatch.setattr(command.subprocess, "Popen", start)
    CliRunner().invoke(app, ["label", str(folder), "--labels", "hum, whistle"], input="1\nq\n")
    assert [arguments[:-1] for arguments in played] == [["mpv", "--no-video", "--really-quiet"]] * 2
    assert len(ended) == 2 and played[0][-1].endswith(".wav")
