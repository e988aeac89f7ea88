"""The page's handlers as plain functions: no browser, no server."""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
import soundfile
from torch import Tensor

from audioprompt.audio.recording import AudioError
from audioprompt.core.labels import LabelError, parse_labels
from audioprompt.data import DataError, open_clips
from audioprompt.data.examples import Example
from audioprompt.encoding.batching import Together
from audioprompt.few_shot.build import build_head
from audioprompt.few_shot.heads import SharedHead, record_of
from audioprompt.models.base import ModelError
from audioprompt.prompts.pack import pack_from_templates
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import VANILLA
from audioprompt.server import models
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.server.turns import Turns
from audioprompt.services import examples as opening
from audioprompt.services.collection import Collection
from audioprompt.services.corrections import CorrectionError
from audioprompt.services.curate.setup import recall_setup
from audioprompt.services.heads import HEADS, describe_head, first_head_for
from audioprompt.services.live import Hearing
from audioprompt.services.packs import BASELINE_PACK, GENERAL_PACK, ensembles, suitable_pack
from audioprompt.ui import choices, frame
from audioprompt.ui.events import View
from audioprompt.ui.tabs import classify
from audioprompt.ui.tabs.classify import answer, microphone, over_time
from audioprompt.ui.tabs.classify.answer import Query
from audioprompt.ui.tabs.generate import task
from tests.fakes import HUM, RATE, WHISTLE, FakeModel, tone
from tests.unit.server.test_access import request
from tests.unit.server.test_questions import asks

LABELS = "hum, whistle, rain"
NASTY = "<img src=x onerror=alert(1)>"
pytestmark = pytest.mark.usefixtures("fake_model")


@pytest.fixture
def hum(tmp_path: Path) -> str:
    soundfile.write(tmp_path / "hum.wav", tone(HUM, 1), RATE)
    return str(tmp_path / "hum.wav")


def visible(update) -> bool:
    return update["visible"] is True


def show_clip(*asked: Any, session: str | None = None, place: int = 0) -> View:
    """What is shown of a clip: its path, labels, pack, model and head."""
    return answer.show_clip(Query(*asked), context=asks(place, session) if session else IN_PROCESS)


def hear(hearing: Hearing, chunk: Any, labels: str = LABELS, context: Context = IN_PROCESS) -> tuple[Hearing, str]:
    """What has been heard, and what is shown of it; empty where that stays."""
    shown = microphone.show_live(hearing, chunk, labels, "acoustic-scenes", "fake", context=context)
    return shown.get("hearing", hearing), shown.get("live", "")


def test_a_clip_gets_an_answer_figures_and_votes(hum):
    shown = show_clip(hum, LABELS, "acoustic-scenes", "fake")
    assert set(shown) == set(answer.PARTS)
    assert '<div class="label">hum</div>' in shown["verdict"]
    assert "They agree: 20 of 20 prompts say hum." in shown["verdict"]
    assert all(visible(shown[part]) for part in ("vanilla", "ensemble", "heard", "votes_fold"))
    assert shown["votes"].count("<tr>") == 21
    assert "TSPE (20 prompts)" in shown["ensemble"]["value"].plot
    assert not any(visible(shown[part]) for part in ("time_fold", "timeline", "learned"))


def test_a_late_answer_does_not_replace_that_to_a_later_question(
    hum: str, fake_model: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_end = Event(), Event()

    def load(name: str, request: Any = None) -> FakeModel:
        if name == "slow":
            begun.set()
            assert may_end.wait(600)
        return fake_model

    def asked(model: str, session: str | None) -> View:
        return show_clip(hum, LABELS, "acoustic-scenes", model, session=session)

    monkeypatch.setattr(models, "shared_model", load)
    with ThreadPoolExecutor() as threads:
        slow = threads.submit(asked, "slow", "mine")
        assert begun.wait(600)
        for session in ("mine", "another's", None):
            assert "They agree" in asked("fake", session)["verdict"]
        may_end.set()
        assert slow.result() == {}
    assert "They agree" in asked("slow", "mine")["verdict"]


def test_a_question_that_is_taken_up_after_a_later_one_is_not_answered(
    hum: str, fake_model: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a page asked first reaches its thread last: the clip taken away, after the one that took its place."""
    none = (None, LABELS, "acoustic-scenes", "fake")
    clip = (hum, *none[1:])
    begun, may_end = Event(), Event()

    def load(name: str, request: Any = None) -> FakeModel:
        begun.set()
        assert may_end.wait(600)
        return fake_model

    monkeypatch.setattr(models, "shared_model", load)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(show_clip, *clip, session="order", place=1)
        assert begun.wait(600)
        assert show_clip(*clip, session="order", place=3) == {}, "it is being answered, and the last again"
        assert show_clip(*none, session="order", place=2) == {}
        assert "Record or upload a sound" in show_clip(*none, session="another's", place=2)["verdict"]
        may_end.set()
        assert "They agree" in first.result()["verdict"]
    assert show_clip(*none, session="order", place=2) == {}
    assert "Record or upload a sound" in show_clip(*none, session="order", place=4)["verdict"]


def test_the_work_on_an_answer_that_nobody_waits_for_ends(
    hum: str, fake_model: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = ", ".join(f"noise {number}" for number in range(40))
    read, embed_text = [0], fake_model.embed_text

    def embed_and_ask_again(texts: Sequence[str]) -> Tensor:
        read[0] += len(texts)
        if read[0] > 100 and not answers:
            answers.append({})  # so that it is asked once
            answers.append(show_clip(hum, LABELS, "acoustic-scenes", "fake", session="mine"))
        return embed_text(texts)

    answers: list[View] = []
    monkeypatch.setattr(fake_model, "embed_text", embed_and_ask_again)
    assert show_clip(hum, many, "acoustic-scenes", "fake", session="mine") == {}
    assert "They agree" in answers[1]["verdict"]
    assert read[0] < 40 * len(PromptStore().get("acoustic-scenes").approved) / 2


def test_a_clip_longer_than_a_window_gets_a_timeline(tmp_path):
    soundfile.write(tmp_path / "both.wav", np.concatenate([tone(HUM, 4), tone(WHISTLE, 4)]), RATE)
    shown = show_clip(str(tmp_path / "both.wav"), LABELS, "acoustic-scenes", "fake")
    assert visible(shown["time_fold"]) and visible(shown["timeline"])
    assert shown["time_fold"]["label"] == "Over time (8 s)"
    assert [row[:3] for row in rows_of(shown)] == [["0.0", "4.0", "hum"], ["4.0", "8.0", "whistle"]]


@pytest.fixture
def course(tmp_path) -> tuple[over_time.Course, list[list[Any]]]:
    soundfile.write(tmp_path / "both.wav", np.concatenate([tone(HUM, 4), tone(WHISTLE, 4)]), RATE)
    shown = show_clip(str(tmp_path / "both.wav"), LABELS, "acoustic-scenes", "fake")
    return shown["course"], rows_of(shown)


def rows_of(shown: Mapping[str, Any]) -> list[list[str]]:
    """The rows of the table of events, as the page reads them from it."""
    rows = shown["events"].split("<tr>")[2:]
    return [[*re.findall('value="([^"]*)"', row), *re.findall('"number">(.*?)<', row)] for row in rows]


def test_events_are_corrected_heard_saved_and_learned_from(course, tmp_path):
    shown, rows = course
    rows[1][2] = "bird, far away"  # renamed
    assert "bird, far away" in over_time.draw_corrected(shown, rows)["timeline"]["value"].plot
    edge: Any = SimpleNamespace(index=1, start=7.5, end=5.25)
    dragged = over_time.move(shown, rows, edge)
    moved = rows_of(dragged)
    assert [row[:3] for row in moved] == [["0.0", "4.0", "hum"], ["5.25", "7.5", "bird, far away"]]
    clicked: Any = SimpleNamespace(index=1)
    rate, samples = over_time.play(shown, moved, clicked)["event_player"]["value"]
    assert rate == RATE and len(samples) == 2.25 * RATE
    rows[0][2] = " "  # deleted
    saved = over_time.export_events(shown, rows, "audacity")["event_file"]
    assert saved == {"name": "both.txt", "content": "4.000000\t8.000000\tbird, far away\n"}
    collection = Collection(lambda: tmp_path)
    over_time.learn(collection, shown, moved)
    assert collection.now.clips.labels == ("hum", "bird, far away")
    assert soundfile.info(collection.now.clips.paths[1]).duration == 2.25


def test_corrected_events_become_a_data_set_that_curate_measures_on_next(course, tmp_path):
    shown, rows = course
    old = {"tones": {"data": "instruments", "folds": "1"}}
    first = over_time.curate("tones", old, shown, rows)
    assert (
        "2 clips added to clips of your own. Curate measures on them next: 2 clips of 2 classes." in first["event_note"]
    )
    assert first["remembered"] == {"tones": {"data": first["data"]}}
    rows[1][2] = "=bird, far/away"  # the same sound, corrected once more
    again = over_time.curate("", first["remembered"], shown, [*rows, [0, 2, "hum", 1]])
    assert again["data"] == first["data"] and "next: 3 clips of 2 classes" in again["event_note"]
    clips = open_clips(again["data"], tmp_path / "unpacked")
    assert sorted(clips.labels) == ["=bird, far/away", "hum", "hum"]
    assert {soundfile.info(path).duration for path in clips.paths} == {4, 2}
    setup = recall_setup(pack_from_templates([VANILLA.text], "new"), again["remembered"], "fake")
    assert setup and setup.data == again["data"]


def test_a_damaged_data_set_of_ones_own_is_said_and_left_alone(course):
    archive = Path(over_time.curate("", {}, *course)["data"])
    archive.write_bytes(archive.read_bytes()[:-9])
    with pytest.raises(DataError, match="is damaged: move it away"):
        over_time.curate("", {}, *course)
    assert sorted(path.name for path in archive.parent.iterdir()) == ["own-events.zip", "own-events.zip.lock"]


@pytest.mark.parametrize(
    "row, sentence",
    [
        (["soon", 2, "hum", 1], r"Event 1 \(hum\): start and end must be seconds"),
        ([3, 2, "hum", 1], "the end must come after the start"),
        ([9, 10, "hum", 1], "starts after the end of the recording"),
        ([float("nan"), 2, "hum", 1], "the end must come after the start"),
        ([0, 2, "x" * 1_000, 1], "Event 1: a label has at most"),
    ],
)
def test_rows_that_are_no_events_are_refused(course, row, sentence):
    with pytest.raises(CorrectionError, match=sentence):
        over_time.draw_corrected(course[0], [row])


@pytest.mark.parametrize(
    ("labels", "pack", "sentence"),
    [
        ("rain", "acoustic-scenes", "give at least two labels"),
        (",".join(map(str, range(201))), "acoustic-scenes", "201 labels are too many"),
        (LABELS, "no-such-pack", "No prompt pack is called"),
    ],
)
def test_what_cannot_be_answered_is_said_in_place_and_nothing_else_stays(hum, labels, pack, sentence):
    shown = show_clip(hum, labels, pack, "fake")
    message = shown.pop("verdict")
    assert 'role="alert"' in message and sentence in message
    assert set(shown) == set(answer.PARTS) - {"verdict"} and shown.pop("question")
    assert all(not part or not visible(part) for part in shown.values())


def test_a_file_that_is_no_sound_is_named_and_escaped(tmp_path):
    path = tmp_path / "<b>song.wav"
    path.write_text("these are words")
    message = show_clip(str(path), LABELS, "acoustic-scenes", "fake")["verdict"]
    assert "&lt;b&gt;song.wav" in message and "<b>" not in message


def test_a_clip_that_is_too_long_is_refused(tmp_path):
    soundfile.write(tmp_path / "long.wav", np.zeros(601 * RATE, np.float32), RATE)
    shown = show_clip(str(tmp_path / "long.wav"), LABELS, "acoustic-scenes", "fake")
    assert "longer than 600 seconds" in shown["verdict"]


def test_a_clip_that_the_page_no_longer_has_is_asked_for_again(tmp_path):
    shown = show_clip(str(tmp_path / "gone.wav"), LABELS, "acoustic-scenes", "fake")
    assert "no longer here: uploads are kept for a while only. Record or upload it again." in shown["verdict"]


def test_no_sound_says_what_to_do():
    shown = show_clip(None, LABELS, "acoustic-scenes", "fake")
    assert "upload a sound" in shown["verdict"] and shown["question"] is None


def test_a_model_that_cannot_be_had_is_said_in_place(hum, monkeypatch):
    def fail(name, request=None):
        raise ModelError("the weights are missing: install again")

    monkeypatch.setattr(models, "shared_model", fail)
    assert "The weights are missing" in show_clip(hum, LABELS, "acoustic-scenes", "fake")["verdict"]


def test_labels_are_text_wherever_they_are_shown(hum):
    shown = show_clip(hum, f"hum {NASTY}, ${{alert(1)}}", "acoustic-scenes", "fake")
    for markup in (shown["verdict"], shown["votes"]):
        assert "&lt;img" in markup and "<img" not in markup


def test_repeats_among_labels_are_noted(hum):
    assert "Ignored duplicate label: Hum." in show_clip(hum, "hum, rain, Hum", "acoustic-scenes", "fake")["verdict"]


def test_the_general_pack_comes_first_and_the_baseline_is_not_offered():
    ids = [pack.id for pack in ensembles(IN_PROCESS.store)]
    assert ids[0] == GENERAL_PACK
    assert BASELINE_PACK not in ids
    assert {"acoustic-scenes", "instruments", "music-genre", "impact-emergency", "vocal-sounds"} <= set(ids)


def test_a_category_finds_its_pack():
    assert suitable_pack(IN_PROCESS.store, "music_genre") == "music-genre"
    assert suitable_pack(IN_PROCESS.store, None) == suitable_pack(IN_PROCESS.store, "other") == GENERAL_PACK


def test_a_curated_pack_does_not_take_the_place_of_its_category_s(tmp_path, monkeypatch):
    monkeypatch.setenv("AUDIOPROMPT_STORE", str(tmp_path))
    mine = pack_from_templates(["a {label}"], "mine", "A first one").model_copy(update={"category": "instruments"})
    PromptStore().save(mine)
    assert ("A first one (1)", "mine") in choices.pack_choices()
    assert suitable_pack(IN_PROCESS.store, "instruments") == "instruments"


def test_an_example_sets_clip_labels_and_pack(monkeypatch):
    example = Example(Path("a.ogg"), "Rain", "acoustic_scenes", ("rain", "wind"), "rain")
    monkeypatch.setattr(classify, "examples", lambda: (example,))
    assert classify.choose_example(0) == {"sound": "a.ogg", "labels": "rain, wind", "pack": "acoustic-scenes"}


def test_the_example_whose_button_was_clicked_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    made = tuple(Example(Path(f"{name}.ogg"), name, None, (name, "wind"), name) for name in ("rain", "owl"))
    monkeypatch.setattr(classify, "examples", lambda: made)
    with gr.Blocks():
        clicked = gr.EventData(gr.Button("owl"), None)
    assert classify.choose_clicked(clicked) == classify.choose_example(1)


def keep_head(model: FakeModel, classes: tuple[str, ...] = ("hum", "whistle", "rain")) -> str:
    """The id of a head whose classes are a hum, a whistle and what is left."""
    axes = np.eye(model.dim, dtype=np.float32)[:3]
    head = build_head("linear-probe", model, classes).fit(np.repeat(axes, 3, axis=0), np.repeat(np.arange(3), 3))
    return HEADS.keep(SharedHead(head, record_of(head, model, "clips")))


def test_the_head_that_fits_labels_is_found_however_they_are_written(fake_model):
    head_id = keep_head(fake_model, ("hum", "Cafe\u0301", "rain"))
    for labels in (("RAIN", "café", "\uff48\uff55\uff4d"), ()):
        assert first_head_for([head_id], labels) == head_id
    assert first_head_for([head_id], ("hum", "tea", "rain")) == ""


def test_a_head_whose_classes_hold_commas_answers(hum, fake_model):
    head_id = keep_head(fake_model, ("hum, low", "whistle, high", "re\u0301tro"))
    labels = classify.take_labels_of(head_id)["labels"]
    shown = show_clip(hum, labels, "acoustic-scenes", "fake", head_id)
    assert '<div class="label">hum, low</div>' in shown["verdict"] and "can't be used" not in shown["verdict"]
    assert visible(shown["learned"])
    pasted = 'rétro\n"whistle, high"\n"hum, low"'
    assert "can't be used" not in show_clip(hum, pasted, "acoustic-scenes", "fake", head_id)["verdict"]


def test_ready_made_labels_with_commas_are_read_back(tmp_path, monkeypatch):
    monkeypatch.setenv("AUDIOPROMPT_STORE", str(tmp_path))
    labels = ("Pets, domestic animals", "Rain")
    pack = pack_from_templates(["a {label}"], "mine", "Mine").model_copy(update={"label_presets": {"Pets": labels}})
    PromptStore().save(pack)
    assert parse_labels(classify.choose_preset("Pets")["labels"]).labels == labels
    assert parse_labels(task.choose_preset("Pets")["labels"]).labels == labels


def test_ready_made_labels_bring_their_pack_and_the_invitation_changes_nothing():
    shown = classify.choose_preset("Surveillance")
    assert shown == {"labels": "casual, explosion, gunshot, siren", "pack": "impact-emergency"}
    assert classify.choose_preset(choices.PRESET_PROMPT) == {}


def test_the_live_view_names_what_it_hears_and_says_quiet():
    chunk = (RATE, (tone(WHISTLE, 0.5) * 32767).astype(np.int16))
    hearing, view = hear(Hearing(), chunk)
    assert '<div class="label">whistle</div>' in view
    assert "TSPE (20 prompts)" in view and " ms</div>" in view
    assert hearing.seconds == 0.5
    silence = (RATE, np.zeros(4 * RATE, np.int16))
    _, view = hear(hearing, silence)
    assert '<div class="label quiet">quiet</div>' in view


def test_the_live_view_has_one_scale_and_warns_of_labels_that_are_the_same():
    chunk = (RATE, (tone(HUM, 0.5) * 32767).astype(np.int16))
    _, view = hear(Hearing(), chunk, "hum, quark, quirk")
    assert "width:100.0%" in view and "To the model these labels mean the same: quark, quirk." in view


def test_the_live_view_shows_labels_as_text_and_problems_in_place():
    chunk = (RATE, (tone(HUM, 0.5) * 32767).astype(np.int16))
    _, view = hear(Hearing(), chunk, f"hum {NASTY}, rain")
    assert "&lt;img" in view and "<img" not in view
    with pytest.raises(LabelError, match="give at least two labels"):
        hear(Hearing(), chunk, "rain")


def test_the_live_view_takes_chunks_as_files(tmp_path):
    soundfile.write(tmp_path / "chunk.wav", tone(HUM, 0.5), RATE)
    hearing, view = hear(Hearing(), str(tmp_path / "chunk.wav"))
    assert '<div class="label">hum</div>' in view and hearing.rate == RATE and len(hearing.samples) == RATE // 2
    soundfile.write(tmp_path / "long.wav", tone(HUM, 31), RATE)
    with pytest.raises(AudioError, match="The microphone is longer than 30 seconds"):
        hear(hearing, str(tmp_path / "long.wav"))


def test_silence_is_said_and_the_answer_before_it_goes(tmp_path):
    soundfile.write(tmp_path / "still.wav", np.zeros((3 * RATE, 2)), RATE)
    shown = show_clip(str(tmp_path / "still.wav"), LABELS, "acoustic-scenes", "fake")
    verdict = shown["verdict"]
    assert "still.wav is silent, so there is nothing to name" in verdict and 'class="label"' not in verdict
    assert not any(visible(part) for part in shown.values() if isinstance(part, dict))


def test_what_is_wrong_with_a_recording_stands_below_its_verdict(tmp_path):
    hum = tone(HUM, 3)
    soundfile.write(tmp_path / "opposite.wav", np.stack([hum, -hum], axis=1), RATE)
    verdict = show_clip(str(tmp_path / "opposite.wav"), LABELS, "acoustic-scenes", "fake")["verdict"]
    assert '<div class="label">hum</div>' in verdict and "only channel 1 of 2 was heard" in verdict


def test_an_empty_chunk_changes_nothing(tmp_path):
    hearing = Hearing()
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), RATE)
    for chunk in (str(tmp_path / "empty.wav"), (RATE, np.zeros(0))):
        assert hear(hearing, chunk) == (hearing, "")
    assert hear(hearing, None) == (hearing, "")


def test_each_recording_is_heard_afresh():
    first, second = request("mine"), request("mine")
    chunk = (RATE, (tone(HUM, 0.5) * 32767).astype(np.int16))
    hearing = Hearing()
    for asked, seconds in ((first, 0.5), (first, 1.0), (second, 0.5)):
        hearing, _ = hear(hearing, chunk, context=Context(asked))
        assert hearing.seconds == seconds


def test_a_microphone_that_finds_no_place_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphone, "TURNS", Turns(1, 60.0))
    monkeypatch.setattr(Context, "is_curator", property(lambda one: "curator" in one.page))
    asked = [request(name) for name in ("a", "b", "curator")]
    chunk = (RATE, tone(HUM, 0.5))
    views = [hear(Hearing(), chunk, context=Context(one))[1] for one in asked]
    assert ["answered in" in view for view in views] == [True, False, True], "curators do not wait"
    assert "You are number 1 in line" in views[1] and "your turn comes by itself" in views[1]


def test_while_others_wait_for_the_model_a_microphone_is_answered_once_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Together, "busy", True)
    hearing, shown = Hearing(), []
    for _ in range(8):
        hearing, view = hear(hearing, (RATE, tone(HUM, 0.5)))
        shown.append(bool(view))
    assert shown == [True, False] * 4 and hearing.seconds == 4.0
    assert [band.end for band in hearing.bands] == [3.5], "and what it was not answered about is heard all the same"


def test_an_example_keeps_the_labels_of_a_head_that_knows_it_and_else_brings_its_own(monkeypatch, fake_model):
    rain, owl = (Example(Path(f"{name}.ogg"), name, None, (name, "wind"), name) for name in ("rain", "owl"))
    monkeypatch.setattr(classify, "examples", lambda: (owl, rain))
    head_id = keep_head(fake_model)
    labels = [classify.choose_example(*asked)["labels"] for asked in ((1, head_id), (0, head_id), (1, "gone"), (1,))]
    assert labels == ["hum, whistle, rain", "owl, wind", "rain, wind", "rain, wind"]


def test_a_page_opens_on_its_own_labels_with_an_example_that_suits_them_or_none(monkeypatch):
    rain, owl = (Example(Path(f"{name}.ogg"), name, None, (name, "wind"), name) for name in ("rain", "owl"))
    monkeypatch.setattr(opening, "examples", lambda: (owl, rain))
    address = ""
    monkeypatch.setattr(frame, "labels_asked", lambda request: address)

    def opened(*labels: str) -> tuple[Any, ...]:
        shown = classify.open_page(labels, Context(request()))
        return shown["sound"], shown["labels"], shown["opened_with"]

    assert opened() == ("owl.ogg", "owl, wind", "")
    assert opened("snow", "Rain") == ("rain.ogg", "snow, Rain", "snow, Rain")
    assert opened("my tap", "my knock") == (None, "my tap, my knock", "my tap, my knock")
    address = "sleet, Rain"
    assert opened("my tap", "my knock") == ("rain.ogg", "sleet, Rain", "sleet, Rain")


def test_a_head_in_use_is_named_and_says_why_it_does_not_answer(fake_model):
    head_id = keep_head(fake_model, ("hum", NASTY, "rain"))

    def described(labels: str, model: str = "fake", head: str = head_id) -> tuple[str, bool]:
        shown = answer.show_beside(None, labels, "acoustic-scenes", model, head)
        return shown["head_name"], visible(shown["its_labels"])

    line, other = described(f"rain, hum, {NASTY}")
    assert "Linear probe head in use, for hum, &lt;img" in line and "does not answer" not in line and not other
    line, other = described(LABELS)
    assert "does not answer for the present labels" in line and other
    assert "made for the model fake" in described(LABELS, "embedded")[0]
    assert "no longer there" in described(LABELS, head="gone")[0]
    assert described(LABELS, head="") == ("", False) and describe_head("", ("a", "b"), "fake") is None


def test_an_answer_to_other_labels_or_prompts_is_marked(tmp_path, monkeypatch):
    monkeypatch.setenv("AUDIOPROMPT_STORE", str(tmp_path))
    PromptStore().save(pack_from_templates(["a {label}", "the {label}"], "mine", "Mine"))
    question = answer.question_of(LABELS, "mine")
    assert answer.changed_since(None, LABELS, "mine") == ""
    assert answer.changed_since(question, "hum\nwhistle\nrain", "mine") == ""
    assert answer.changed_since(question, "hum, owl", "mine") == answer.OTHER_LABELS
    assert answer.changed_since(question, LABELS, "acoustic-scenes") == "", "that is answered by itself"
    PromptStore().save(pack_from_templates(["a {label}"], "mine", "Mine"))
    assert answer.changed_since(question, LABELS, "mine") == answer.OTHER_PROMPTS
    assert answer.question_of(LABELS, "mine") != answer.question_of(LABELS, "mine"), "else no change would be told"
    PromptStore().delete("mine")
    assert answer.changed_since(question, LABELS, "acoustic-scenes") == answer.GONE_PROMPTS


def test_a_question_that_is_being_answered_is_not_answered_twice(hum, fake_model, monkeypatch):
    begun, may_end = Event(), Event()

    def load(name: str, request: Any = None) -> FakeModel:
        begun.set()
        assert may_end.wait(600)
        return fake_model

    def asked() -> View:
        return show_clip(hum, LABELS, "acoustic-scenes", "fake", session="twice")

    monkeypatch.setattr(models, "shared_model", load)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(asked)
        assert begun.wait(600)
        again = asked()
        may_end.set()
        assert "They agree" in first.result()["verdict"]
    assert again == {} and "They agree" in asked()["verdict"]
