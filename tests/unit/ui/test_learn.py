"""The Learn tab's handlers as plain functions: no browser, no server."""

import copy
import io
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import gradio as gr
import numpy as np
import pytest
import soundfile

from audioprompt.audio import files as audio
from audioprompt.data import LabelledClips
from audioprompt.errors import AudiopromptError
from audioprompt.few_shot.heads import read_record
from audioprompt.few_shot.settings import FewShotError
from audioprompt.prompts.pack import PackError
from audioprompt.server import models
from audioprompt.server.context import Context
from audioprompt.services import collection as gathering
from audioprompt.services import learn as learning
from audioprompt.services.collection import Collection, Gathered
from audioprompt.services.live import Hearing
from audioprompt.ui.components import learn as learn_view
from audioprompt.ui.events import View
from audioprompt.ui.tabs import classify
from audioprompt.ui.tabs.classify import answer, microphone
from audioprompt.ui.tabs.classify.answer import Query
from audioprompt.ui.tabs.learn import experiment, gather, heads
from audioprompt.ui.tabs.learn.experiment import Settings
from tests.fakes import HUM, RATE, WHISTLE, FakeModel, tone

NASTY = "<img src=x onerror=alert(1)>"
pytestmark = pytest.mark.usefixtures("fake_model")


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
def gathered(collection: Collection, sounds: dict[str, list[str]]) -> Collection:
    """All of them, added to their classes."""
    for name, files in sounds.items():
        gather.add(collection, name, files)
    return collection


def learned(collection: Collection, methods: tuple[str, ...] = ("palm", "zero-shot"), **settings: Any) -> list[View]:
    chosen = {"epochs": 10, "seeds": 2, "pack_id": "acoustic-scenes", "model_name": "fake", **settings}
    return list(experiment.learn(collection.now, [], Settings(methods, **chosen)))


# --- clips ------------------------------------------------------------------------------------------------------------


def test_clips_are_gathered_class_by_class_and_kept(collection: Collection, sounds: dict[str, list[str]]) -> None:
    shown = gather.add(collection, "  hum ", [])
    assert "needs 1 more" in shown["cards"] and collection.now.clips.classes == ("hum",)
    shown = gather.add(collection, "hum", sounds["hum"][:1])
    assert "1 of 3 clips" in shown["cards"] and "class=chosen" in shown["cards"]
    shown = gather.add(collection, "whistle", sounds["whistle"])
    assert "3 clips</small>" in shown["cards"] and "<b>2 classes</b><span>4 clips</span>" in shown["cards"]
    for files in sounds.values():
        for file in files:
            Path(file).unlink()
    assert all(path.is_file() for path in collection.now.clips.paths)
    assert "data:audio/wav;base64," in gather.show_player(collection, "whistle", 4)
    collection.forget()
    assert not any(path.is_file() for path in collection.now.clips.paths)
    assert 'role="alert"' in gather.show_player(collection, "whistle", 0)


@pytest.mark.slow
def test_bad_recordings_are_named_and_left_out_with_the_switch(
    collection: Collection, sounds: dict[str, list[str]], tmp_path: Path
) -> None:
    rows = [f"{Path(file).name},{name}" for name, files in sounds.items() for file in files]
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("\n".join(["path,classname", *rows, "gone.wav,hum"]))
    Path(sounds["hum"][1]).write_text("no sound")
    note = gather.enter_data(collection, str(manifest))["note"]
    assert "line 8, names gone.wav, which is not there" in note and not collection.now.clips.classes
    gather.skip_bad(collection, True)
    assert collection.is_new(str(manifest)), "it is read again"
    assert not gather.enter_data(collection, str(manifest))["note"] and len(collection.now.clips) == 6
    said = learned(collection)[-1]["summary"]
    assert "Left out 2 recordings (2 of hum): manifest.csv, line 8 names gone.wav" in said
    assert "hum 1.wav holds no audio that can be decoded" in said
    gather.skip_bad(collection, False)
    with pytest.raises(AudiopromptError, match=r"hum 1.wav holds no audio that can be decoded"):
        learned(collection)


def test_folds_that_part_recordings_are_not_proposed(tmp_path: Path) -> None:
    paths = (tmp_path / "a.wav", tmp_path / "b.wav")
    clips = LabelledClips(paths, ("hum", "whistle"), (1, 2))
    assert Gathered(clips).folds == [1, 2]
    assert Gathered(replace(clips, groups=("night", "night"))).folds == []


def test_clips_and_classes_are_taken_away_again(gathered: Collection) -> None:
    for left in ("2 of 3 clips", "1 of 3 clips", "needs 1 more"):
        assert left in gather.act(gathered, click("drop", "hum"))["cards"]
    gather.act(gathered, click("drop", "hum"))
    assert gathered.now.clips.classes == ("whistle",)
    assert gather.show_player(gathered, "hum", 0) == ""


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("", "Type the name"), ("\u200b", "Type the name"), ("a" * 201, "has 201 characters")],
)
def test_recordings_are_kept_until_their_sound_has_a_name(
    name: str, sentence: str, collection: Collection, sounds: dict[str, list[str]]
) -> None:
    shown = gather.add(collection, name, sounds["hum"][:1])
    assert sentence in shown["note"] and "1 recording kept." in shown["note"] and not collection.now.clips.classes
    assert "No name yet" in shown["cards"] and "1 recording<" in shown["cards"]
    assert "data:audio/wav;base64," in gather.show_player(collection, "", 0)
    assert "3 recordings<" in gather.add(collection, name, sounds["hum"][1:])["cards"]
    assert "2 recordings<" in gather.act(collection, click("drop"))["cards"]
    shown = gather.add(collection, "hum", [])
    assert collection.now.clips.labels == ("hum", "hum") and not collection.now.unnamed and not shown["note"]
    assert "No name yet" not in shown["cards"]


def test_a_file_that_is_no_sound_is_named_and_the_others_are_taken(
    tmp_path: Path, collection: Collection, sounds: dict[str, list[str]]
) -> None:
    (tmp_path / "letter.wav").write_text("Dear Sir or Madam")
    note = gather.add(collection, "rain", [tmp_path / "letter.wav"])["note"]
    assert "letter.wav" in note and 'role="alert"' in note and not collection.now.clips.classes
    note = gather.add(collection, "rain", [sounds["hum"][0], tmp_path / "letter.wav", sounds["hum"][1]])["note"]
    assert "letter.wav" in note and len(collection.now.clips) == 2


# --- what comes in while something else is under way ------------------------------------------------------------------


def click(act: str, label: str = "") -> gr.EventData:
    return gr.EventData(None, {"act": act, "label": label, "turn": 0})


def asked(collection: Collection, name: str, where: str, **settings: Any) -> list[View]:
    """Learn was pressed; what the page shows of it."""
    chosen: dict[str, Any] = {
        "methods": ["linear-probe"],
        "epochs": 5,
        "seeds": 1,
        "pack_id": "acoustic-scenes",
        "model_name": "fake",
    }
    return [*experiment.begin(collection, name, where, [], Settings(**(chosen | settings)))]


def is_ready(shown: list[View]) -> bool:
    return 'class="result ready"' in shown[-1]["summary"]


def test_recordings_that_end_at_the_same_time_are_all_kept(
    collection: Collection, sounds: dict[str, list[str]]
) -> None:
    with ThreadPoolExecutor(6) as threads:
        for name, files in sounds.items():
            for file in files:
                threads.submit(gather.record, collection, name, file)
    assert sorted(collection.now.clips.labels) == ["hum"] * 3 + ["whistle"] * 3
    assert copy.deepcopy(collection).now.clips.classes == (), "each page begins with a collection of its own"


def test_what_is_recorded_and_switched_while_a_data_set_is_opened_is_not_lost(
    collection: Collection, sounds: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    opening, may_go_on = Event(), Event()
    data = LabelledClips(tuple(map(Path, sounds["whistle"])), ("whistle",) * 3, (1, 2, 3))

    def open_slowly(self: Context, where: str, *given: Any, **more: Any) -> LabelledClips:
        opening.set()
        assert may_go_on.wait(600)
        return data

    monkeypatch.setattr(Context, "clips", open_slowly)
    gather.record(collection, "rain", sounds["whistle"][0])
    with ThreadPoolExecutor() as threads:
        taken = threads.submit(gather.enter_data, collection, "hf:some/whistles")
        assert opening.wait(600)
        gather.record(collection, "hum", sounds["hum"][0])
        gather.record(collection, "", sounds["hum"][1])
        gather.skip_bad(collection, True)
        may_go_on.set()
        assert "2 classes" in taken.result()["cards"]
    now = collection.now
    assert now.clips.labels == ("whistle", "whistle", "whistle", "hum"), "what was there before is replaced"
    assert len(now.unnamed) == 1 and now.skip_bad
    assert collection.is_new("hf:some/whistles"), "with the switch turned it is another data set"


def test_a_recording_is_named_by_leaving_the_field_or_by_a_click_on_a_card(
    collection: Collection, sounds: dict[str, list[str]]
) -> None:
    assert "1 recording kept" in gather.record(collection, "", sounds["hum"][0])["note"]
    assert gather.leave_name(collection, "") == {} and collection.now.unnamed
    gather.leave_name(collection, "hum")
    assert collection.now.clips.labels == ("hum",)
    assert gather.leave_name(collection, "whistle") == {}, "a name alone makes no class as it is left"
    gather.record(collection, "", sounds["hum"][1])
    gather.act(collection, click("choose", "hum"))
    assert collection.now.clips.labels == ("hum", "hum")


def test_learn_names_what_waits_for_a_name_or_asks_for_one(
    collection: Collection, sounds: dict[str, list[str]]
) -> None:
    for file in sounds["whistle"]:
        gather.record(collection, "whistle", file)
    gather.record(collection, "", sounds["hum"][0])
    with pytest.raises(FewShotError, match="1 recording without a name"):
        asked(collection, "", "")
    assert is_ready(asked(collection, "hum", ""))
    assert collection.now.clips.classes == ("whistle", "hum")


def test_a_data_set_that_was_typed_and_not_entered_is_used(
    collection: Collection, sounds: dict[str, list[str]], tmp_path: Path
) -> None:
    for name, files in sounds.items():
        (tmp_path / "mine" / name).mkdir(parents=True)
        for file in files:
            shutil.copy(file, tmp_path / "mine" / name)
    where = str(tmp_path / "mine")
    assert is_ready(asked(collection, "", f" {where} "))
    assert len(collection.now.clips) == 6
    gather.act(collection, click("drop", "hum"))
    assert len(collection.now.clips) == 5
    for left in (where, None):
        assert gather.leave_data(collection, left) == {}, "what was taken is not taken again as the field is left"
    asked(collection, "", where)
    assert len(collection.now.clips) == 5, "nor by Learn"
    gather.enter_data(collection, where)
    assert len(collection.now.clips) == 6, "but by Enter"
    assert "nowhere.csv" in asked(collection, "", "nowhere.csv")[-1]["summary"]
    assert is_ready(asked(collection, "", "nowhere.csv")), "that was said"


@pytest.mark.parametrize(
    ("clips", "sentence"),
    [
        ({"hum": "hum 0"}, "give clips of at least two classes"),
        ({"hum": "hum 0", "buzz": "hum 0"}, "hum 0.wav (buzz) is the same sound as hum 0.wav (hum), but labelled buzz"),
    ],
)
def test_clips_that_nothing_can_be_learned_from_are_said_in_one_sentence(
    clips: dict[str, str], sentence: str, collection: Collection, sounds: dict[str, list[str]]
) -> None:
    for name, file in clips.items():
        gather.record(collection, name, next(one for one in sounds["hum"] if file in one))
    with pytest.raises(AudiopromptError, match=re.escape(sentence)):
        asked(collection, "", "")


def test_clips_that_are_all_the_same_still_give_a_head(collection: Collection, sounds: dict[str, list[str]]) -> None:
    for name, files in sounds.items():
        for _ in range(4):
            gather.record(collection, name, files[0])
    assert is_ready(asked(collection, "", "", methods=["palm", "linear-probe"]))


def test_names_are_text_wherever_they_are_shown(collection: Collection, sounds: dict[str, list[str]]) -> None:
    gather.add(collection, f"hum {NASTY}", sounds["hum"])
    shown = gather.add(collection, 'whistle "quoted"', sounds["whistle"])
    last = learned(collection, ("palm", "linear-probe"))[-1]
    player = gather.show_player(collection, f"hum {NASTY}", 0)
    for markup in (shown["cards"], last["summary"], last["details"], player):
        assert "<img" not in markup
    assert "&lt;img" in shown["cards"] and "&lt;img" in last["details"] and "&#34;quoted&#34;" in shown["cards"]


def test_a_data_set_brings_its_folds(collection: Collection) -> None:
    shown = gather.demonstrate(collection)
    assert "<b>12 classes</b><span>192 clips</span>" in shown["cards"]
    assert (shown["folds"].value, shown["folds"].visible) == ([1, 2, 3], True)
    shown = gather.take_data(collection, "nowhere.csv")
    assert 'role="alert"' in shown["note"] and len(collection.now.clips) == 192


# --- learning ---------------------------------------------------------------------------------------------------------


def test_methods_are_tried_as_they_are_offered_however_they_were_ticked() -> None:
    ticked = Settings(methods=["zero-shot", "palm", "auto"], pack_id="acoustic-scenes", model_name="fake")
    assert experiment.trial_of(ticked).methods == ("auto", "palm", "zero-shot")


def test_a_trial_shows_how_far_it_is_and_then_what_came_of_it(gathered: Collection) -> None:
    first, *_, last = learned(gathered)
    assert "Listening to the clips" in first["summary"] and not first["go"].interactive and first["stop"].interactive
    assert last["go"].interactive and not last["stop"].interactive
    assert "Learned from 4 clips of 2 classes, measured on 2 held-out clips, 2 seeds." in last["summary"]
    assert "The heads to use were then fitted again on all 6." in last["summary"]
    assert "hum (2, and 1 held back)" in last["summary"] and "As good as zero-shot" in last["summary"]
    assert last["summary"].count("<tr") == 3
    assert 'class="result ready"' in last["summary"]
    assert last["head"].choices == [("PALM", "palm"), ("Zero-shot", "zero-shot")]
    assert (
        "on what it learned for" in last["details"] and "matrix" in last["details"] and last["map"]["visible"] is True
    )
    assert {fit.seed for fit in last["tried"].results.of("palm").fits} == {0, 1}


def test_curves_follow_the_epochs() -> None:
    from audioprompt.few_shot.base import Epoch

    history = tuple(Epoch(number, 2 / number, number / 4) for number in (1, 2, 3))
    shown = learn_view.fitting(learning.Step("palm", 0, 2, 3, 16, 4, history), chance=1.0)
    assert "PALM, seed 0, epoch 3 of 4 (fit 2 of 3)" in shown
    assert "0.667" in shown and "75.0 %" in shown and shown.count("<polyline") == 2
    assert f"width:{100 * 7 / 12:.1f}%" in shown

    at_a_stroke = learn_view.fitting(learning.Step("auto", 0, 1, 5, 16, 50, in_epochs=False), chance=1.0)
    assert "Auto, seed 0 (fit 1 of 5)" in at_a_stroke and "epoch" not in at_a_stroke

    shown = learn_view.fitting(learning.Step("palm", 0, 2, 3, 16, 3, history, copies=4, checked=6), chance=1.0)
    assert "PALM, seed 0, calibrating on clips left out: epoch 6 of 12 (fit 2 of 3)" in shown
    assert shown.count("<polyline") == 2 and f"width:{100 * (15 + 3 + 6) / 45:.1f}%" in shown


def test_fitting_again_on_all_clips_is_shown_and_makes_the_head_to_use(gathered: Collection) -> None:
    # fits end within milliseconds here, so the page is shown what the job tells rather than watched
    step = learning.Step("palm", 0, 1, 2, 16, 4, again_on=6)
    assert "PALM, again on all 6 clips, epoch 0 of 4 (fit 1 of 2)" in learn_view.fitting(step, chance=1.0)
    outcome = learned(gathered)[-1]["tried"].results.of("palm")
    assert outcome.head is outcome.again.head is not outcome.fits[0].head


def test_a_card_has_its_zero_shot_column_whether_or_not_that_was_tried(gathered: Collection, tmp_path: Path) -> None:
    tried = learned(gathered, ("linear-probe",))[-1]["tried"]
    with zipfile.ZipFile(heads.save(gathered, tried, "linear-probe", "")["saved"]) as file:
        card = file.read("README.md").decode()
    assert re.search(r"\| 2 \| [\d.]+ % \| [\d.]+ % \|", card)


def test_too_few_clips_for_a_score_still_give_a_head(gathered: Collection) -> None:
    gather.act(gathered, click("drop", "hum"))
    last = learned(gathered)[-1]
    assert "PALM is ready" in last["summary"] and "With three clips of every class" in last["summary"]
    with pytest.raises(FewShotError, match="Nothing was held back to measure on"):
        next(experiment.show_curve(last["tried"]))


@pytest.mark.parametrize(
    ("methods", "settings", "sentence"),
    [
        ((), {}, "Choose at least one method"),
        (("palm",), {"learning_rate": 0}, "learning_rate is 0"),
        (("tspe",), {"pack_id": "nothing"}, "No prompt pack is called"),
    ],
)
def test_what_cannot_be_tried_is_said(
    methods: tuple[str, ...], settings: dict[str, Any], sentence: str, gathered: Collection
) -> None:
    with pytest.raises((FewShotError, PackError), match=sentence):
        learned(gathered, methods, **settings)


def test_a_class_without_a_clip_is_said(gathered: Collection) -> None:
    gather.add(gathered, "rain", [])
    with pytest.raises(FewShotError, match="there is no clip of rain"):
        learned(gathered)


def test_a_trial_is_stopped(gathered: Collection) -> None:
    settings = Settings(["palm"], epochs=200, seeds=5, pack_id="vanilla", model_name="fake")
    steps = experiment.learn(gathered.now, [], settings)
    experiment.stop(next(steps)["job_id"])
    last = [*steps][-1]
    assert last["go"].interactive and (last["tried"] is None or last["tried"].results.stopped)
    experiment.stop("unknown")


def test_the_shots_curve_has_a_line_for_each_method(gathered: Collection) -> None:
    last = learned(gathered)[-1]
    _, first, *_, end = experiment.show_curve(last["tried"])
    assert first["stop"].interactive and first["job_id"] and not end["job_id"] and not end["stop"].interactive
    drawn = json.loads(end["shots_figure"]["value"].plot)
    assert [line["name"] for line in drawn["data"]] == ["PALM", "Zero-shot"] and not end["curve"]


# --- heads ------------------------------------------------------------------------------------------------------------


def show_clip(sound: str, labels: str, head_id: str) -> View:
    return answer.show_clip(Query(sound, labels, "acoustic-scenes", "fake", head_id))


def hear(hertz: float, labels: str, head_id: str) -> str:
    chunk = (RATE, tone(hertz, 0.5))
    view: str = microphone.show_live(Hearing(), chunk, labels, "acoustic-scenes", "fake", head_id)["live"]
    return view


def test_a_head_answers_in_classify_and_live(gathered: Collection, sounds: dict[str, list[str]]) -> None:
    shown = heads.use(learned(gathered)[-1]["tried"], "palm", "")
    head_id = shown["head_in_hand"]
    assert shown["tabs"].selected == "classify"
    assert classify.take_labels_of(head_id) == {"labels": "hum, whistle"}
    shown = show_clip(sounds["whistle"][0], "whistle, Hum", head_id)
    assert "The fitted head says whistle. Vanilla and 20 of 20 prompts say whistle." in shown["verdict"]
    assert shown["learned"]["visible"] is True and "PALM (learned)" in shown["learned"]["value"].plot
    view = hear(WHISTLE, "hum, whistle", head_id)
    assert "PALM (learned)" in view and view.count('class="method"') == 3


def test_a_head_for_other_labels_has_no_say_and_that_is_said(
    gathered: Collection, sounds: dict[str, list[str]]
) -> None:
    head_id = heads.use(learned(gathered)[-1]["tried"], "palm", "")["head_in_hand"]
    for key, sentence in ((head_id, "tells apart hum, whistle, so it can&#39;t be used"), ("gone", "no longer there")):
        shown = show_clip(sounds["hum"][0], "hum, rain", key)
        assert sentence in shown["verdict"] and shown["learned"]["visible"] == "hidden"
        view = hear(HUM, "hum, rain", key)
        assert sentence in view and view.count('class="method"') == 2


def test_a_head_is_saved_with_its_card_and_the_stated_licence(gathered: Collection, tmp_path: Path) -> None:
    tried = learned(gathered)[-1]["tried"]
    packed = heads.save(gathered, tried, "palm", " CC0-1.0 ")["saved"]
    assert Path(packed).name == "palm-head.zip"
    with zipfile.ZipFile(packed) as file:
        assert {"head.safetensors", "README.md"} <= set(file.namelist())
        file.extractall(tmp_path / "out")
    record = read_record(tmp_path / "out")
    assert (record.fitted_on, record.measured) == (6, "Measured on 2 held-out clips, then fitted again on all 6.")
    assert record.scores[0].fitted_on == 4 and record.scores[0].zero_shot is not None
    assert (record.licence, record.classes, record.method) == ("CC0-1.0", ("hum", "whistle"), "palm")
    assert "CC0-1.0" in (tmp_path / "out" / "README.md").read_text()
    assert heads.save(gathered, None, None, "") == {"saved": None}


def test_what_was_learned_keeps_its_model_whichever_is_chosen_by_then(
    gathered: Collection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []

    def shared_model(name: str, *_: object) -> FakeModel:
        asked.append(name)
        model = FakeModel()
        model.name = name
        return model

    monkeypatch.setattr(models, "shared_model", shared_model)
    tried = learned(gathered, model_name="second")[-1]["tried"]
    with zipfile.ZipFile(heads.save(gathered, tried, "palm", "")["saved"]) as file:
        file.extractall(tmp_path / "out")
    assert read_record(tmp_path / "out").model == "second"
    list(experiment.show_curve(tried))
    heads.use(tried, "palm", "")
    assert set(asked) == {"second"} and len(asked) == 4


def test_a_head_that_is_not_there_cannot_be_used(gathered: Collection) -> None:
    tried = learned(gathered)[-1]["tried"]
    with pytest.raises(FewShotError, match="there is no coop head: fit one first"):
        heads.use(tried, "coop", "")


def test_starting_over_leaves_nothing(gathered: Collection) -> None:
    shown = gather.act(gathered, click("clear"))
    assert shown["collection"] is gathered and "Try it with 12" in shown["cards"]
    assert gathered.now == Gathered()


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
    played = gathering.play(Gathered(clips), "hum", 0)
    assert played and soundfile.info(io.BytesIO(played[1])).duration == gathering.LONGEST_PLAYED
    assert sum(read) < 2 * gathering.LONGEST_PLAYED * 8_000, "no more is decoded than is played"


def counting(blocks: Iterator[Any], read: list[int]) -> Iterator[Any]:
    for block in blocks:
        read.append(len(block.frames))
        yield block
