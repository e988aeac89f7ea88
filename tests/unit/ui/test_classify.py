"""The page's handlers as plain functions: no browser, no server."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import gradio as gr
import numpy as np
import pytest
import soundfile

from audioprompt.core.labels import parse_labels
from audioprompt.data.examples import Example
from audioprompt.encoding.batching import Together
from audioprompt.few_shot.build import build_head
from audioprompt.few_shot.heads import SharedHead, record_of
from audioprompt.models.base import ModelError
from audioprompt.prompts.pack import pack_from_templates
from audioprompt.prompts.store import PromptStore
from audioprompt.server import sessions
from audioprompt.server.turns import Turns
from audioprompt.services.learn import HEADS
from audioprompt.services.live import Hearing
from audioprompt.services.packs import BASELINE_PACK, GENERAL_PACK, ensembles, suitable_pack
from audioprompt.ui.tabs import classify, generate
from tests.fakes import HUM, RATE, WHISTLE, FakeModel, tone
from tests.unit.server.test_access import request

LABELS = "hum, whistle, rain"
NASTY = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def fake_model(monkeypatch):
    model = FakeModel()
    monkeypatch.setattr(classify, "shared_model", lambda name: model)
    return model


@pytest.fixture
def hum(tmp_path: Path) -> str:
    soundfile.write(tmp_path / "hum.wav", tone(HUM, 1), RATE)
    return str(tmp_path / "hum.wav")


def visible(component) -> bool:
    return component.visible is True


def test_a_clip_gets_an_answer_figures_and_votes(hum):
    verdict, vanilla, ensemble, learned, heard, votes_fold, votes, time_fold, timeline = classify.show_clip(
        hum, LABELS, "acoustic-scenes", "fake"
    )
    assert '<div class="label">hum</div>' in verdict
    assert "They agree: 20 of 20 prompts say hum." in verdict
    assert all(visible(part) for part in (vanilla, ensemble, heard, votes_fold))
    assert votes.count("<tr>") == 21
    assert "TSPE (20 prompts)" in str(ensemble.value)
    assert not visible(time_fold) and not visible(timeline) and not visible(learned)


def test_a_late_answer_does_not_replace_that_to_a_later_question(
    hum: str, fake_model: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_end = Event(), Event()

    def load(name: str) -> FakeModel:
        if name == "slow":
            begun.set()
            assert may_end.wait(600)
        return fake_model

    def asked(model: str, session: str | None) -> list[Any]:
        return classify.show_clip(hum, LABELS, "acoustic-scenes", model, request=request(session))

    monkeypatch.setattr(classify, "shared_model", load)
    with ThreadPoolExecutor() as threads:
        slow = threads.submit(asked, "slow", "mine")
        assert begun.wait(600)
        for session in ("mine", "another's", None):
            assert "They agree" in asked("fake", session)[0]
        may_end.set()
        assert slow.result() == [gr.skip()] * 9
    assert "They agree" in asked("slow", "mine")[0]


def test_a_clip_longer_than_a_window_gets_a_timeline(tmp_path):
    soundfile.write(tmp_path / "both.wav", np.concatenate([tone(HUM, 4), tone(WHISTLE, 4)]), RATE)
    *_, time_fold, timeline = classify.show_clip(str(tmp_path / "both.wav"), LABELS, "acoustic-scenes", "fake")
    assert visible(time_fold) and visible(timeline)
    assert time_fold.label == "Over time (8 s)"


@pytest.mark.parametrize(
    ("labels", "pack", "sentence"),
    [
        ("rain", "acoustic-scenes", "give at least two labels"),
        (",".join(map(str, range(201))), "acoustic-scenes", "201 labels are too many"),
        (LABELS, "no-such-pack", "No prompt pack is called"),
    ],
)
def test_what_cannot_be_answered_is_said_in_place_and_nothing_else_stays(hum, labels, pack, sentence):
    message, *rest = classify.show_clip(hum, labels, pack, "fake")
    assert 'role="alert"' in message and sentence in message
    assert all(part == "" or not visible(part) for part in rest)


def test_a_file_that_is_no_sound_is_named_and_escaped(tmp_path):
    path = tmp_path / "<b>song.wav"
    path.write_text("these are words")
    message, *_ = classify.show_clip(str(path), LABELS, "acoustic-scenes", "fake")
    assert "&lt;b&gt;song.wav" in message and "<b>" not in message


def test_a_clip_that_is_too_long_is_refused(tmp_path):
    soundfile.write(tmp_path / "long.wav", np.zeros(601 * RATE, np.float32), RATE)
    message, *_ = classify.show_clip(str(tmp_path / "long.wav"), LABELS, "acoustic-scenes", "fake")
    assert "longer than 600 seconds" in message


def test_no_sound_says_what_to_do():
    message, *_ = classify.show_clip(None, LABELS, "acoustic-scenes", "fake")
    assert "upload a sound" in message


def test_a_model_that_cannot_be_had_is_said_in_place(hum, monkeypatch):
    def fail(name):
        raise ModelError("the weights are missing: install again")

    monkeypatch.setattr(classify, "shared_model", fail)
    assert "The weights are missing" in classify.show_clip(hum, LABELS, "acoustic-scenes", "fake")[0]


def test_labels_are_text_wherever_they_are_shown(hum):
    verdict, *_, votes, _, _ = classify.show_clip(hum, f"hum {NASTY}, ${{alert(1)}}", "acoustic-scenes", "fake")
    for markup in (verdict, votes):
        assert "&lt;img" in markup and "<img" not in markup


def test_repeats_among_labels_are_noted(hum):
    verdict, *_ = classify.show_clip(hum, "hum, rain, Hum", "acoustic-scenes", "fake")
    assert "Ignored duplicate label: Hum." in verdict


def test_the_general_pack_comes_first_and_the_baseline_is_not_offered():
    ids = [pack.id for pack in ensembles(sessions.store(None))]
    assert ids[0] == GENERAL_PACK
    assert BASELINE_PACK not in ids
    assert {"acoustic-scenes", "instruments", "music-genre", "impact-emergency", "vocal-sounds"} <= set(ids)


def test_a_category_finds_its_pack():
    assert suitable_pack(sessions.store(None), "music_genre") == "music-genre"
    assert suitable_pack(sessions.store(None), None) == suitable_pack(sessions.store(None), "other") == GENERAL_PACK


def test_a_curated_pack_does_not_take_the_place_of_its_category_s(tmp_path, monkeypatch):
    monkeypatch.setenv("AUDIOPROMPT_STORE", str(tmp_path))
    mine = pack_from_templates(["a {label}"], "mine", "A first one").model_copy(update={"category": "instruments"})
    PromptStore().save(mine)
    assert ("A first one (1)", "mine") in classify.pack_choices()
    assert suitable_pack(sessions.store(None), "instruments") == "instruments"


def test_an_example_sets_clip_labels_and_pack(monkeypatch):
    example = Example(Path("a.ogg"), "Rain", "acoustic_scenes", ("rain", "wind"), "rain")
    monkeypatch.setattr(classify, "examples", lambda: (example,))
    assert classify.choose_example(0) == ("a.ogg", "rain, wind", "acoustic-scenes")


def keep_head(model: FakeModel, classes: tuple[str, ...] = ("hum", "whistle", "rain")) -> str:
    """The id of a head whose classes are a hum, a whistle and what is left."""
    axes = np.eye(model.dim, dtype=np.float32)[:3]
    head = build_head("linear-probe", model, classes).fit(np.repeat(axes, 3, axis=0), np.repeat(np.arange(3), 3))
    return HEADS.keep(SharedHead(head, record_of(head, model, "clips")))


def test_a_head_whose_classes_hold_commas_answers(hum, fake_model):
    head_id = keep_head(fake_model, ("hum, low", "whistle, high", "re\u0301tro"))
    labels = classify.labels_of_head(head_id)
    verdict, _, _, learned, *_ = classify.show_clip(hum, labels, "acoustic-scenes", "fake", head_id)
    assert '<div class="label">hum, low</div>' in verdict and "can't be used" not in verdict
    assert visible(learned)
    pasted = 'rétro\n"whistle, high"\n"hum, low"'
    assert "can't be used" not in classify.show_clip(hum, pasted, "acoustic-scenes", "fake", head_id)[0]


def test_ready_made_labels_with_commas_are_read_back(tmp_path, monkeypatch):
    monkeypatch.setenv("AUDIOPROMPT_STORE", str(tmp_path))
    labels = ("Pets, domestic animals", "Rain")
    pack = pack_from_templates(["a {label}"], "mine", "Mine").model_copy(update={"label_presets": {"Pets": labels}})
    PromptStore().save(pack)
    assert parse_labels(classify.choose_preset("Pets")[0]).labels == labels
    assert parse_labels(generate.choose_preset("Pets")[1]).labels == labels


def test_ready_made_labels_bring_their_pack_and_the_invitation_changes_nothing():
    assert classify.choose_preset("Surveillance") == ("casual, explosion, gunshot, siren", "impact-emergency")
    assert classify.choose_preset(classify.PRESET_PROMPT) == (gr.skip(), gr.skip())


def test_the_live_view_names_what_it_hears_and_says_quiet():
    chunk = (RATE, (tone(WHISTLE, 0.5) * 32767).astype(np.int16))
    hearing, view = classify.show_live(Hearing(), chunk, LABELS, "acoustic-scenes", "fake")
    assert '<div class="label">whistle</div>' in view
    assert "TSPE (20 prompts)" in view and " ms</div>" in view
    assert hearing.seconds == 0.5
    silence = (RATE, np.zeros(4 * RATE, np.int16))
    _, view = classify.show_live(hearing, silence, LABELS, "acoustic-scenes", "fake")
    assert '<div class="label quiet">quiet</div>' in view


def test_the_live_view_has_one_scale_and_warns_of_labels_that_are_the_same():
    chunk = (RATE, (tone(HUM, 0.5) * 32767).astype(np.int16))
    _, view = classify.show_live(Hearing(), chunk, "hum, quark, quirk", "acoustic-scenes", "fake")
    assert "width:100.0%" in view and "To the model these labels mean the same: quark, quirk." in view


def test_the_live_view_shows_labels_as_text_and_problems_in_place():
    chunk = (RATE, (tone(HUM, 0.5) * 32767).astype(np.int16))
    _, view = classify.show_live(Hearing(), chunk, f"hum {NASTY}, rain", "acoustic-scenes", "fake")
    assert "&lt;img" in view and "<img" not in view
    _, view = classify.show_live(Hearing(), chunk, "rain", "acoustic-scenes", "fake")
    assert 'role="alert"' in view


def test_the_live_view_takes_chunks_as_files(tmp_path):
    soundfile.write(tmp_path / "chunk.wav", tone(HUM, 0.5), RATE)
    hearing, view = classify.show_live(Hearing(), str(tmp_path / "chunk.wav"), LABELS, "acoustic-scenes", "fake")
    assert '<div class="label">hum</div>' in view and hearing.rate == RATE and len(hearing.samples) == RATE // 2
    soundfile.write(tmp_path / "long.wav", tone(HUM, 31), RATE)
    _, view = classify.show_live(hearing, str(tmp_path / "long.wav"), LABELS, "acoustic-scenes", "fake")
    assert "The microphone is longer than 30 seconds" in view


def test_silence_is_said_and_the_answer_before_it_goes(tmp_path):
    soundfile.write(tmp_path / "still.wav", np.zeros((3 * RATE, 2)), RATE)
    verdict, *rest = classify.show_clip(str(tmp_path / "still.wav"), LABELS, "acoustic-scenes", "fake")
    assert "still.wav is silent, so there is nothing to name" in verdict and 'class="label"' not in verdict
    assert not any(visible(part) for part in rest if not isinstance(part, str))


def test_what_is_wrong_with_a_recording_stands_below_its_verdict(tmp_path):
    hum = tone(HUM, 3)
    soundfile.write(tmp_path / "opposite.wav", np.stack([hum, -hum], axis=1), RATE)
    verdict, *_ = classify.show_clip(str(tmp_path / "opposite.wav"), LABELS, "acoustic-scenes", "fake")
    assert '<div class="label">hum</div>' in verdict and "only channel 1 of 2 was heard" in verdict


def test_an_empty_chunk_changes_nothing(tmp_path):
    hearing = Hearing()
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), RATE)
    for chunk in (str(tmp_path / "empty.wav"), (RATE, np.zeros(0))):
        assert classify.show_live(hearing, chunk, LABELS, "acoustic-scenes", "fake") == (hearing, gr.skip())
    assert classify.show_live(hearing, None, LABELS, "acoustic-scenes", "fake") == (hearing, gr.skip())


def test_each_recording_is_heard_afresh():
    first, second = request("mine"), request("mine")
    chunk = (RATE, (tone(HUM, 0.5) * 32767).astype(np.int16))
    hearing = Hearing()
    for asked, seconds in ((first, 0.5), (first, 1.0), (second, 0.5)):
        hearing, _ = classify.show_live(hearing, chunk, LABELS, "acoustic-scenes", "fake", request=asked)
        assert hearing.seconds == seconds


def test_a_microphone_that_finds_no_place_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classify, "_turns", Turns(1, 60.0))
    monkeypatch.setattr(classify.access, "is_curator", lambda request: "curator" in str(request.session_hash))
    asked = [request(name) for name in ("a", "b", "curator")]
    chunk = (RATE, tone(HUM, 0.5))
    views = [classify.show_live(Hearing(), chunk, LABELS, "acoustic-scenes", "fake", request=one)[1] for one in asked]
    assert ["answered in" in view for view in views] == [True, False, True], "curators do not wait"
    assert "You are number 1 in line" in views[1] and "your turn comes by itself" in views[1]


def test_while_others_wait_for_the_model_a_microphone_is_answered_once_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Together, "busy", True)
    hearing, shown = Hearing(), []
    for _ in range(8):
        hearing, view = classify.show_live(hearing, (RATE, tone(HUM, 0.5)), LABELS, "acoustic-scenes", "fake")
        shown.append(isinstance(view, str))
    assert shown == [True, False] * 4 and hearing.seconds == 4.0
    assert [band.end for band in hearing.bands] == [3.5], "and what it was not answered about is heard all the same"


def test_an_example_keeps_the_labels_of_a_head_that_knows_it_and_else_brings_its_own(monkeypatch, fake_model):
    rain, owl = (Example(Path(f"{name}.ogg"), name, None, (name, "wind"), name) for name in ("rain", "owl"))
    monkeypatch.setattr(classify, "examples", lambda: (owl, rain))
    head_id = keep_head(fake_model)
    assert classify.choose_example(1, head_id)[1] == "hum, whistle, rain"
    assert classify.choose_example(0, head_id)[1] == "owl, wind"
    assert classify.choose_example(1, "gone")[1] == classify.choose_example(1)[1] == "rain, wind"


def test_a_page_opens_on_its_own_labels_with_an_example_that_suits_them_or_none(monkeypatch):
    rain, owl = (Example(Path(f"{name}.ogg"), name, None, (name, "wind"), name) for name in ("rain", "owl"))
    monkeypatch.setattr(classify, "examples", lambda: (owl, rain))
    monkeypatch.setattr(classify.frame, "labels_asked", lambda request: "")
    assert classify._opening((), request())[:2] == ("owl.ogg", "owl, wind")
    assert classify._opening(("snow", "Rain"), request())[:2] == ("rain.ogg", "snow, Rain")
    assert classify._opening(("my tap", "my knock"), request())[:2] == (None, "my tap, my knock")


def test_a_head_in_use_is_named_and_says_why_it_does_not_answer(fake_model):
    head_id = keep_head(fake_model, ("hum", NASTY, "rain"))
    line, other = classify.head_line(head_id, f"rain, hum, {NASTY}", "fake")
    assert "Linear probe head in use, for hum, &lt;img" in line and "does not answer" not in line and not other
    line, other = classify.head_line(head_id, LABELS, "fake")
    assert "does not answer for the present labels" in line and other
    assert "made for the model fake" in classify.head_line(head_id, LABELS, "embedded")[0]
    assert "no longer there" in classify.head_line("gone", LABELS, "fake")[0]
    assert classify.head_line("", LABELS, "fake") == ("", False)


def test_an_answer_to_other_labels_or_prompts_is_marked(tmp_path, monkeypatch):
    monkeypatch.setenv("AUDIOPROMPT_STORE", str(tmp_path))
    PromptStore().save(pack_from_templates(["a {label}", "the {label}"], "mine", "Mine"))
    question = classify.question_of(LABELS, "mine")
    assert classify.changed_since(None, LABELS, "mine") == ""
    assert classify.changed_since(question, "hum\nwhistle\nrain", "mine") == ""
    assert classify.changed_since(question, "hum, owl", "mine") == classify.OTHER_LABELS
    assert classify.changed_since(question, LABELS, "acoustic-scenes") == "", "that is answered by itself"
    PromptStore().save(pack_from_templates(["a {label}"], "mine", "Mine"))
    assert classify.changed_since(question, LABELS, "mine") == classify.OTHER_PROMPTS
    assert classify.question_of(LABELS, "mine") != classify.question_of(LABELS, "mine"), "else no change would be told"


def test_a_question_that_is_being_answered_is_not_answered_twice(hum, fake_model, monkeypatch):
    begun, may_end = Event(), Event()

    def load(name: str) -> FakeModel:
        begun.set()
        assert may_end.wait(600)
        return fake_model

    monkeypatch.setattr(classify, "shared_model", load)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(classify.show_clip, hum, LABELS, "acoustic-scenes", "fake", request=request("twice"))
        assert begun.wait(600)
        again = classify.show_clip(hum, LABELS, "acoustic-scenes", "fake", request=request("twice"))
        may_end.set()
        assert "They agree" in first.result()[0]
    assert again == [gr.skip()] * 9
    assert "They agree" in classify.show_clip(hum, LABELS, "acoustic-scenes", "fake", request=request("twice"))[0]
