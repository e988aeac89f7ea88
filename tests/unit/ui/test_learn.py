"""The Learn tab's handlers as plain functions: no browser, no server."""

import base64
import copy
import io
import re
import shutil
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
import soundfile

from audioprompt.audio import files as audio
from audioprompt.data import DEMONSTRATION, LabelledClips
from audioprompt.few_shot.heads import read_record
from audioprompt.services import learn as learning
from audioprompt.services.live import Hearing
from audioprompt.ui.components import learn as learn_view
from audioprompt.ui.tabs import classify, learn
from audioprompt.ui.tabs.learn import Collection, Gathered, Learned, Shown
from tests.fakes import HUM, RATE, WHISTLE, FakeModel, tone
from tests.unit.server.test_access import request

NASTY = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    model = FakeModel()
    for module in (learn, classify):
        monkeypatch.setattr(module, "shared_model", lambda name: model)
    return model


@pytest.fixture
def sounds(tmp_path: Path) -> dict[str, list[str]]:
    """Three recordings of each of two sounds."""
    found: dict[str, list[str]] = {"hum": [], "whistle": []}
    for name, hertz in (("hum", HUM), ("whistle", WHISTLE)):
        for number in range(3):
            path = tmp_path / f"{name} {number}.wav"
            soundfile.write(path, tone(hertz + number, 1), RATE)
            found[name].append(str(path))
    return found


@pytest.fixture
def gathered(sounds: dict[str, list[str]]) -> Any:
    """All of them, added to their classes."""
    found = Gathered()
    for name, files in sounds.items():
        found = learn.add(found, name, files).gathered
    yield found
    learn.forget(found)


def learned(gathered: Gathered, methods: tuple[str, ...] = ("palm", "zero-shot"), **settings: Any) -> list[Learned]:
    chosen: dict[str, Any] = {
        "shots": 16,
        "epochs": 10,
        "rate": 0.05,
        "seeds": 2,
        "start": "name",
        "pack_id": "acoustic-scenes",
        "dropout": 0,
    }
    return list(learn.learn(gathered, [], methods, **(chosen | settings), model_name="fake"))


# --- clips ------------------------------------------------------------------------------------------------------------


def test_clips_are_gathered_class_by_class_and_kept(sounds: dict[str, list[str]]) -> None:
    shown = learn.add(Gathered(), "  hum ", [])
    assert "needs 1 more" in shown.cards and shown.gathered.clips.classes == ("hum",)
    shown = learn.add(shown.gathered, "hum", sounds["hum"][:1])
    assert "1 of 3 clips" in shown.cards and "class=chosen" in shown.cards
    shown = learn.add(shown.gathered, "whistle", sounds["whistle"])
    assert "3 clips</small>" in shown.cards and "<b>2 classes</b><span>4 clips</span>" in shown.cards
    for files in sounds.values():
        for file in files:
            Path(file).unlink()
    gathered = shown.gathered
    assert all(path.is_file() for path in gathered.clips.paths)
    assert "data:audio/wav;base64," in learn.play(gathered, "whistle", 4)
    learn.forget(gathered)
    assert not any(path.is_file() for path in gathered.clips.paths)
    assert 'role="alert"' in learn.play(gathered, "whistle", 0)


@pytest.mark.slow
def test_bad_recordings_are_named_and_left_out_with_the_switch(sounds: dict[str, list[str]], tmp_path: Path) -> None:
    rows = [f"{Path(file).name},{name}" for name, files in sounds.items() for file in files]
    (tmp_path / "manifest.csv").write_text("\n".join(["path,classname", *rows, "gone.wav,hum"]))
    Path(sounds["hum"][1]).write_text("no sound")
    collection = Collection()
    shown = learn._data_named(collection, str(tmp_path / "manifest.csv"), request())
    assert "line 8, names gone.wav, which is not there" in shown.note and not collection.now.clips.classes
    learn._skip_bad(collection, True)
    assert learn._is_new(collection, str(tmp_path / "manifest.csv")), "it is read again"
    shown = learn._data_named(collection, str(tmp_path / "manifest.csv"), request())
    assert not shown.note and len(collection.now.clips) == 6
    said = learned(collection.now)[-1].summary
    assert "Left out 2 recordings (2 of hum): manifest.csv, line 8 names gone.wav" in said
    assert "hum 1.wav holds no audio that can be decoded" in said
    learn._skip_bad(collection, False)
    assert "hum 1.wav holds no audio that can be decoded" in learned(collection.now)[-1].summary
    learn.forget(collection.now)


def test_folds_that_part_recordings_are_not_proposed(tmp_path: Path) -> None:
    paths = (tmp_path / "a.wav", tmp_path / "b.wav")
    clips = LabelledClips(paths, ("hum", "whistle"), (1, 2))
    assert learn._folds(clips) == [1, 2]
    assert learn._folds(replace(clips, groups=("night", "night"))) == []


def test_clips_and_classes_are_taken_away_again(gathered: Gathered) -> None:
    for left in ("2 of 3 clips", "1 of 3 clips", "needs 1 more"):
        shown = learn.drop(gathered, "hum")
        gathered = shown.gathered
        assert left in shown.cards
    assert learn.drop(gathered, "hum").gathered.clips.classes == ("whistle",)
    assert learn.play(gathered, "hum", 0) == ""


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("", "Type the name"), ("\u200b", "Type the name"), ("a" * 201, "has 201 characters")],
)
def test_recordings_are_kept_until_their_sound_has_a_name(
    name: str, sentence: str, sounds: dict[str, list[str]]
) -> None:
    shown = learn.add(Gathered(), name, sounds["hum"][:1])
    assert sentence in shown.note and "1 recording kept." in shown.note and not shown.gathered.clips.classes
    assert "No name yet" in shown.cards and "1 recording<" in shown.cards
    assert "data:audio/wav;base64," in learn.play(shown.gathered, "", 0)
    shown = learn.add(shown.gathered, name, sounds["hum"][1:])
    assert "3 recordings<" in shown.cards
    shown = learn.drop(shown.gathered, "")
    assert "2 recordings<" in shown.cards
    shown = learn.add(shown.gathered, "hum", [])
    assert shown.gathered.clips.labels == ("hum", "hum") and not shown.gathered.unnamed and not shown.note
    assert "No name yet" not in shown.cards
    learn.forget(shown.gathered)


def test_a_file_that_is_no_sound_is_named_and_the_others_are_taken(
    tmp_path: Path, sounds: dict[str, list[str]]
) -> None:
    (tmp_path / "letter.wav").write_text("Dear Sir or Madam")
    shown = learn.add(Gathered(), "rain", [tmp_path / "letter.wav"])
    assert "letter.wav" in shown.note and 'role="alert"' in shown.note and not shown.gathered.clips.classes
    shown = learn.add(shown.gathered, "rain", [sounds["hum"][0], tmp_path / "letter.wav", sounds["hum"][1]])
    assert "letter.wav" in shown.note and len(shown.gathered.clips) == 2
    learn.forget(shown.gathered)


# --- what comes in while something else is under way ------------------------------------------------------------------


def click(act: str, label: str = "") -> gr.EventData:
    return gr.EventData(None, {"act": act, "label": label, "turn": 0})


def asked(collection: Collection, name: str, where: str, **settings: Any) -> list[Any]:
    """Learn was pressed; what the page shows of it, in the order of `Shown` and `Learned`."""
    chosen = {"methods": ["linear-probe"], "shots": 16, "epochs": 5, "rate": 0.05, "seeds": 1, "start": "name"}
    values = {**chosen, "pack_id": "acoustic-scenes", "dropout": 0, "model_name": "fake", **settings}.values()
    return [*learn._learn(request(None), collection, name, where, [], *values)]


def summary_of(shown: list[Any]) -> str:
    return str(Learned(*shown[-1][len(Shown._fields) :]).summary)


def test_recordings_that_end_at_the_same_time_are_all_kept(sounds: dict[str, list[str]]) -> None:
    collection = Collection()
    with ThreadPoolExecutor(6) as threads:
        for name, files in sounds.items():
            for file in files:
                threads.submit(learn._recorded, collection, name, file, request(None))
    assert sorted(collection.now.clips.labels) == ["hum"] * 3 + ["whistle"] * 3
    learn.forget(collection.now)
    assert copy.deepcopy(collection).now.clips.classes == (), "each page begins with a collection of its own"


def test_a_recording_is_named_by_leaving_the_field_or_by_a_click_on_a_card(sounds: dict[str, list[str]]) -> None:
    collection = Collection()
    assert "1 recording kept" in learn._recorded(collection, "", sounds["hum"][0], request(None))[4]
    assert learn._name_left(collection, "")[0] == gr.skip() and collection.now.unnamed
    learn._name_left(collection, "hum")
    assert collection.now.clips.labels == ("hum",)
    assert learn._name_left(collection, "whistle")[0] == gr.skip(), "a name alone makes no class as it is left"
    learn._recorded(collection, "", sounds["hum"][1], request(None))
    learn._act(collection, click("choose", "hum"))
    assert collection.now.clips.labels == ("hum", "hum")
    learn.forget(collection.now)


def test_learn_names_what_waits_for_a_name_or_asks_for_one(sounds: dict[str, list[str]]) -> None:
    collection = Collection()
    for file in sounds["whistle"]:
        learn._recorded(collection, "whistle", file, request(None))
    learn._recorded(collection, "", sounds["hum"][0], request(None))
    assert "1 recording without a name" in summary_of(asked(collection, "", ""))
    assert 'class="result ready"' in summary_of(asked(collection, "hum", ""))
    assert collection.now.clips.classes == ("whistle", "hum")
    learn.forget(collection.now)


def test_a_data_set_that_was_typed_and_not_entered_is_used(sounds: dict[str, list[str]], tmp_path: Path) -> None:
    for name, files in sounds.items():
        (tmp_path / "mine" / name).mkdir(parents=True)
        for file in files:
            shutil.copy(file, tmp_path / "mine" / name)
    collection, where = Collection(), str(tmp_path / "mine")
    assert 'class="result ready"' in summary_of(asked(collection, "", f" {where} "))
    assert len(collection.now.clips) == 6
    learn._act(collection, click("drop", "hum"))
    assert len(collection.now.clips) == 5
    for shown in (
        learn._data_left(collection, where, request(None)),
        learn._data_left(collection, None, request(None)),
    ):
        assert shown[0] == gr.skip(), "what was taken is not taken again as the field is left"
    asked(collection, "", where)
    assert len(collection.now.clips) == 5, "nor by Learn"
    learn._data_named(collection, where, request(None))
    assert len(collection.now.clips) == 6, "but by Enter"
    assert "nowhere.csv" in summary_of(asked(collection, "", "nowhere.csv"))
    assert 'class="result ready"' in summary_of(asked(collection, "", "nowhere.csv")), "that was said"
    learn.forget(collection.now)


@pytest.mark.parametrize(
    ("clips", "sentence"),
    [
        ({"hum": "hum 0"}, "give clips of at least two classes"),
        ({"hum": "hum 0", "buzz": "hum 0"}, "hum 0.wav (buzz) is the same sound as hum 0.wav (hum), but labelled buzz"),
    ],
)
def test_clips_that_nothing_can_be_learned_from_are_said_in_one_sentence(
    clips: dict[str, str], sentence: str, sounds: dict[str, list[str]]
) -> None:
    collection = Collection()
    for name, file in clips.items():
        learn._recorded(collection, name, next(one for one in sounds["hum"] if file in one), request(None))
    assert sentence in summary_of(asked(collection, "", ""))
    learn.forget(collection.now)


def test_clips_that_are_all_the_same_still_give_a_head(sounds: dict[str, list[str]]) -> None:
    collection = Collection()
    for name, files in sounds.items():
        for _ in range(4):
            learn._recorded(collection, name, files[0], request(None))
    assert 'class="result ready"' in summary_of(asked(collection, "", "", methods=["palm", "linear-probe"]))
    learn.forget(collection.now)


def test_names_are_text_wherever_they_are_shown(sounds: dict[str, list[str]]) -> None:
    gathered = learn.add(Gathered(), f"hum {NASTY}", sounds["hum"]).gathered
    shown = learn.add(gathered, 'whistle "quoted"', sounds["whistle"])
    last = learned(shown.gathered, ("palm", "linear-probe"))[-1]
    for markup in (shown.cards, last.summary, last.details, learn.play(shown.gathered, f"hum {NASTY}", 0)):
        assert "<img" not in markup
    assert "&lt;img" in shown.cards and "&lt;img" in last.details and "&#34;quoted&#34;" in shown.cards


def test_a_data_set_brings_its_folds() -> None:
    shown = learn.take_data(Gathered(), DEMONSTRATION)
    assert "<b>12 classes</b><span>192 clips</span>" in shown.cards
    assert (shown.folds.value, shown.folds.visible) == ([1, 2, 3], True)
    shown = learn.take_data(shown.gathered, "nowhere.csv")
    assert 'role="alert"' in shown.note and len(shown.gathered.clips) == 192


# --- learning ---------------------------------------------------------------------------------------------------------


def test_a_trial_shows_how_far_it_is_and_then_what_came_of_it(gathered: Gathered) -> None:
    first, *_, last = learned(gathered)
    assert "Listening to the clips" in first.summary and not first.go.interactive and first.stop.interactive
    assert last.go.interactive and not last.stop.interactive
    assert "Learned from 4 clips of 2 classes, measured on 2 held-out clips, 2 seeds." in last.summary
    assert "The heads to use were then fitted again on all 6." in last.summary
    assert "hum (2, and 1 held back)" in last.summary and "As good as zero-shot" in last.summary
    assert last.summary.count("<tr") == 3
    assert 'class="result ready"' in last.summary
    assert last.head.choices == [("PALM", "palm"), ("Zero-shot", "zero-shot")]
    assert "on what it learned for" in last.details and "<svg" in last.details and "matrix" in last.details
    assert {fit.seed for fit in last.tried.results.of("palm").fits} == {0, 1}


def test_curves_follow_the_epochs() -> None:
    from audioprompt.few_shot.base import Epoch

    history = tuple(Epoch(number, 2 / number, number / 4) for number in (1, 2, 3))
    shown = learn_view.fitting(learning.Step("palm", 0, 2, 3, 16, 4, history), chance=1.0)
    assert "PALM, seed 0, epoch 3 of 4 (fit 2 of 3)" in shown
    assert "0.667" in shown and "75.0 %" in shown and shown.count("<polyline") == 2
    assert f"width:{100 * 7 / 12:.1f}%" in shown


def test_fitting_again_on_all_clips_is_shown_and_makes_the_head_to_use(gathered: Gathered) -> None:
    # fits end within milliseconds here, so the page is shown what the job tells rather than watched
    step = learning.Step("palm", 0, 1, 2, 16, 4, again_on=6)
    assert "PALM, again on all 6 clips, epoch 0 of 4 (fit 1 of 2)" in learn_view.fitting(step, chance=1.0)
    outcome = learned(gathered)[-1].tried.results.of("palm")
    assert outcome.head is outcome.again.head is not outcome.fits[0].head


def test_a_card_has_its_zero_shot_column_whether_or_not_that_was_tried(gathered: Gathered, tmp_path: Path) -> None:
    tried = learned(gathered, ("linear-probe",))[-1].tried
    with zipfile.ZipFile(learn.save(gathered, tried, "linear-probe", "", "fake")) as file:
        card = file.read("README.md").decode()
    assert re.search(r"\| 2 \| [\d.]+ % \| [\d.]+ % \|", card)


def test_too_few_clips_for_a_score_still_give_a_head(gathered: Gathered) -> None:
    last = learned(learn.drop(gathered, "hum").gathered)[-1]
    assert "PALM is ready" in last.summary and "With three clips of every class" in last.summary
    assert [*learn.shots_curve(last.tried, "fake")][-1].curve.count('role="alert"') == 1


@pytest.mark.parametrize(
    ("methods", "settings", "sentence"),
    [
        ((), {}, "Choose at least one method"),
        (("palm",), {"rate": 0}, "learning_rate is 0"),
        (("tspe",), {"pack_id": "nothing"}, "No prompt pack is called"),
    ],
)
def test_what_cannot_be_tried_is_said_in_place(
    methods: tuple[str, ...], settings: dict[str, Any], sentence: str, gathered: Gathered
) -> None:
    (last,) = learned(gathered, methods, **settings)
    assert 'role="alert"' in last.summary and sentence in last.summary and not last.head.choices


def test_a_class_without_a_clip_is_said_in_place(gathered: Gathered) -> None:
    last = learned(learn.add(gathered, "rain", []).gathered)[-1]
    assert "There is no clip of rain" in last.summary


def test_a_trial_is_stopped(gathered: Gathered) -> None:
    steps = learn.learn(gathered, [], ["palm"], 16, 200, 0.05, 5, "name", "vanilla", 0, "fake")
    learn.stop(next(steps).job_id)
    last = [*steps][-1]
    assert last.go.interactive and (last.tried is None or last.tried.results.stopped)
    learn.stop("unknown")


def test_the_shots_curve_has_a_line_for_each_method(gathered: Gathered) -> None:
    last = learned(gathered)[-1]
    first, *_, (shown, job_id, stop) = learn.shots_curve(last.tried, "fake")
    assert first.stop.interactive and first.job_id and not job_id and not stop.interactive
    assert shown.count("<polyline") == 2 and "PALM" in shown and "Zero-shot" in shown


# --- heads ------------------------------------------------------------------------------------------------------------


def test_a_head_answers_in_classify_and_live(gathered: Gathered, sounds: dict[str, list[str]]) -> None:
    last = learned(gathered)[-1]
    head_id, tabs = learn.use(last.tried, "palm", "", "fake")
    assert tabs.selected == "classify" and classify.labels_of_head(head_id) == "hum, whistle"
    verdict, _, _, palm, *_ = classify.show_clip(
        sounds["whistle"][0], "whistle, Hum", "acoustic-scenes", "fake", head_id
    )
    assert "The fitted head says whistle. Vanilla and 20 of 20 prompts say whistle." in verdict
    assert palm.visible is True and "PALM (learned)" in str(palm.value)
    _, view = classify.show_live(
        Hearing(), (RATE, tone(WHISTLE, 0.5)), "hum, whistle", "acoustic-scenes", "fake", head_id
    )
    assert "PALM (learned)" in view and view.count('class="method"') == 3


def test_a_head_for_other_labels_has_no_say_and_that_is_said(gathered: Gathered, sounds: dict[str, list[str]]) -> None:
    head_id, _ = learn.use(learned(gathered)[-1].tried, "palm", "", "fake")
    for key, sentence in ((head_id, "tells apart hum, whistle, so it can&#39;t be used"), ("gone", "no longer there")):
        verdict, _, _, palm, *_ = classify.show_clip(sounds["hum"][0], "hum, rain", "acoustic-scenes", "fake", key)
        assert sentence in verdict and palm.visible == "hidden"
        _, view = classify.show_live(Hearing(), (RATE, tone(HUM, 0.5)), "hum, rain", "acoustic-scenes", "fake", key)
        assert sentence in view and view.count('class="method"') == 2


def test_a_head_is_saved_with_its_card_and_the_stated_licence(gathered: Gathered, tmp_path: Path) -> None:
    tried = learned(gathered)[-1].tried
    packed = learn.save(gathered, tried, "palm", " CC0-1.0 ", "fake")
    assert Path(packed).name == "palm-head.zip"
    with zipfile.ZipFile(packed) as file:
        assert {"head.safetensors", "README.md"} <= set(file.namelist())
        file.extractall(tmp_path / "out")
    record = read_record(tmp_path / "out")
    assert (record.fitted_on, record.measured) == (6, "Measured on 2 held-out clips, then fitted again on all 6.")
    assert record.scores[0].fitted_on == 4 and record.scores[0].zero_shot is not None
    assert (record.licence, record.classes, record.method) == ("CC0-1.0", ("hum", "whistle"), "palm")
    assert "CC0-1.0" in (tmp_path / "out" / "README.md").read_text()
    assert learn.save(gathered, None, None, "", "fake") is None


def test_a_head_that_is_not_there_cannot_be_used(gathered: Gathered) -> None:
    tried = learned(gathered)[-1].tried
    with pytest.raises(gr.Error, match="there is no coop head: fit one first"):
        learn.use(tried, "coop", "", "fake")


def test_starting_over_leaves_nothing(gathered: Gathered) -> None:
    collection = Collection()
    collection.change(lambda _: learn.show(gathered))
    shown = learn._act(collection, click("clear"))
    assert shown[0] is collection and "Try it with 12" in shown[1]
    assert collection.now == replace(Gathered(), folder=gathered.folder)


def test_of_a_long_recording_its_beginning_is_played_in_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    blocks = audio._with_libsndfile
    monkeypatch.setattr(audio, "_with_libsndfile", lambda file: counting(blocks(file), read))
    with soundfile.SoundFile(tmp_path / "hours.flac", "w", 8_000, 1) as file:
        for _ in range(120):
            file.write(np.zeros(60 * 8_000))
    clips = LabelledClips((tmp_path / "hours.flac",), ("hum",))
    player = learn.play(Gathered(clips), "hum", 0)
    wav = base64.b64decode(player.partition("base64,")[2].partition('"')[0])
    assert soundfile.info(io.BytesIO(wav)).duration == learn.LONGEST_PLAYED
    assert sum(read) < 2 * learn.LONGEST_PLAYED * 8_000, "no more is decoded than is played"


def counting(blocks: Iterator[Any], read: list[int]) -> Iterator[Any]:
    for block in blocks:
        read.append(len(block.frames))
        yield block
