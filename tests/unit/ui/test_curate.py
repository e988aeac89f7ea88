"""The Curate tab's handlers as plain functions, and the HTML they make: no browser, no server."""

import html
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
import soundfile

from audioprompt.core.metrics import Score
from audioprompt.models.base import ModelError
from audioprompt.prompts.history import times_tested
from audioprompt.prompts.pack import PackEntry, PromptPack
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import Template
from audioprompt.services import curate as workbench
from audioprompt.ui import markup, numbers
from audioprompt.ui.components import curate as curate_view
from audioprompt.ui.render import render
from audioprompt.ui.tabs import curate
from audioprompt.ui.tabs.curate import ANSWER, AS_IT_IS, Desk, Drawn
from audioprompt.util.jobs import MEASURING
from tests.curating import BIASED, CONTRARY, PLAIN, clips_in, pack_of
from tests.fakes import FakeModel

NASTY = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def fake_model(monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    model = FakeModel()
    monkeypatch.setattr(curate, "shared_model", lambda name: model)
    monkeypatch.setattr(curate, "LOOK_SECONDS", 0.01)
    workbench.forget()
    return model


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PromptStore:
    monkeypatch.setenv("AUDIOPROMPT_STORE", str(tmp_path / "store"))
    store = PromptStore()
    store.create(pack_of(PLAIN, CONTRARY, BIASED))
    return store


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    return str(clips_in(tmp_path))


@pytest.fixture
def desk(manifest: str) -> Desk:
    return last(curate.show_measured(None, "tones", manifest, "1", 50, 0, {}, "fake")).desk


def last(answers: Iterator[list[Any]]) -> Any:
    """The last answer, each part by its name."""
    *_, final = answers
    return SimpleNamespace(**dict(zip(ANSWER, final, strict=True)))


def act(desk: Desk, *acts: dict[str, Any], selected: str = PLAIN) -> Drawn:
    return curate.acted(desk, acts, selected)


def statuses(store: PromptStore) -> list[str]:
    return [entry.status for entry in store.get("tones").entries]


# --- measuring --------------------------------------------------------------------------------------------------------


def test_measuring_shows_a_desk_and_remembers_the_clips(manifest: str):
    shown = last(curate.show_measured(None, "tones", manifest, "", 50, 0, {}, "fake"))
    assert shown.message == ""
    assert shown.folds == "1", "where nothing is said, the first half of the folds is looked at"
    assert shown.kept == {"tones": {"data": manifest, "folds": "1", "share": 50, "seed": 0}}
    assert shown.pack_in_hand == "tones"
    assert shown.clips.label.endswith("fold 1 \u00b7 8 of 16")
    assert shown.table.count("<tr data-template") == 3
    assert "vanilla" in shown.strip and "100.0" in shown.strip


def test_clips_named_before_are_divided_as_it_is_said(manifest: str):
    kept = {"tones": {"data": manifest, "folds": "1", "share": 50, "seed": 0}}
    assert last(curate.show_measured(None, "tones", manifest, "", 25, 3, kept, "fake")).kept["tones"] == {
        "data": manifest, "folds": "", "share": 25, "seed": 3
    }  # fmt: skip
    assert last(curate.show_measured(None, "tones", manifest, "2", 50, 0, kept, "fake")).folds == "2"


@pytest.mark.slow
def test_bad_recordings_are_named_and_left_out_with_the_switch(manifest: str):
    for name in ("hum-1-0.wav", "whistle-2-1.wav"):
        (Path(manifest).parent / name).write_text("no sound")
    measure = partial(curate.show_measured, None, "tones", manifest, "1", 50, 0, {}, "fake")
    shown = last(measure())
    assert "2 of 16 recordings cannot be used: hum-1-0.wav holds no audio" in shown.message
    assert "whistle-2-1.wav" in shown.message and isinstance(shown.table, dict)
    shown = last(measure(skip_bad=True))
    assert "Left out 2 recordings (1 of hum, 1 of whistle): hum-1-0.wav holds no audio that can" in shown.message
    assert shown.clips.label.endswith("fold 1 \u00b7 7 of 14") and shown.kept["tones"]["skip_bad"]
    assert "Left out" in last(curate.enter(None, "tones", shown.kept, "fake")).message


@pytest.mark.parametrize(
    ("pack_id", "data", "folds", "sentence"),
    [
        ("tones", "nowhere.csv", "", "Nowhere.csv is not there"),
        ("tones", None, "9", "has no fold 9"),
        ("tones", None, "one", "Folds are whole numbers"),
        ("gone", None, "", "No prompt pack is called"),
        ("empty", None, "", "Empty has no prompts"),
        ("", None, "", "Load the instruments demonstration"),
    ],
)
def test_what_cannot_be_measured_is_said_in_place(
    store: PromptStore, manifest: str, pack_id: str, data: str | None, folds: str, sentence: str
):
    store.create(pack_of(pack_id="empty"))
    shown = last(curate.show_measured(None, pack_id, data or manifest, folds, 50, 0, {}, "fake"))
    assert sentence in shown.message
    assert shown.desk == gr.skip(), "what was there stays"


def test_a_model_that_cannot_be_had_is_said_in_place(manifest: str, monkeypatch: pytest.MonkeyPatch):
    def fail(name: str) -> None:
        raise ModelError("no network: give the weights")

    monkeypatch.setattr(curate, "shared_model", fail)
    assert (
        "No network: give the weights."
        in last(curate.show_measured(None, "tones", manifest, "", 50, 0, {}, "x")).message
    )


def test_a_clip_that_is_no_sound_is_named_and_escaped(tmp_path: Path):
    manifest = clips_in(tmp_path)
    (tmp_path / "<b>.wav").write_text("words")
    manifest.write_text(manifest.read_text() + "\n<b>.wav,hum,1")
    shown = last(curate.show_measured(None, "tones", str(manifest), "1", 50, 0, {}, "fake"))
    assert "&lt;b&gt;.wav" in shown.message and "<b>" not in shown.message


def test_measuring_tells_how_far_it_is_and_can_be_stopped(manifest: str, monkeypatch: pytest.MonkeyPatch):
    began, go_on = Event(), Event()

    def slow(model: Any, pack: Any, clips: Any, split: Any, progress: Any, skip_bad: bool) -> None:
        progress("clips", 3, 8)
        began.set()
        assert go_on.wait(600)
        progress("clips", 4, 8)

    monkeypatch.setattr(workbench, "measure", slow)
    answers = curate.show_measured(None, "tones", manifest, "1", 50, 0, {}, "fake")
    message = next(answers)[0]
    assert began.wait(600)
    while "3 of 8 clips" not in message:
        message = next(answers)[0]
    job_id = message.split('data-stop="')[1].split('"')[0]
    MEASURING.stop(job_id)
    go_on.set()
    assert "Stopped. What was encoded until now is kept" in last(answers).message


def test_entering_shows_what_to_do_first(store: PromptStore):
    assert "Load the instruments demonstration" in last(curate.enter(None, "", {}, "fake")).message
    asks = last(curate.enter(None, "tones", {}, "fake"))
    assert "Tones: 3 prompts" in asks.message and asks.clips.open and asks.pack_in_hand == "tones"


def test_entering_again_shows_the_pack_on_its_own_clips(desk: Desk, manifest: str):
    kept = {
        "tones": {"data": manifest, "folds": "2", "share": 50, "seed": 0},
        "other": {"data": "elsewhere.csv", "folds": "", "share": 50, "seed": 0},
    }
    shown = last(curate.enter(None, "tones", kept, "fake"))
    assert shown.desk.bench.split.folds == (2,)
    assert curate.enter(shown.desk, "tones", kept, "fake").__next__()[1] == gr.skip(), "nothing happened since"


def test_a_pack_without_clips_of_its_own_is_measured_on_those_used_last_but_not_on_the_demonstration():
    kept = {
        "a": {"data": "mine.csv", "folds": "", "share": 40, "seed": 2},
        "b": {"data": "instruments", "folds": "1", "share": 50, "seed": 0},
    }
    data, split = curate.clips_for(pack_of(PLAIN, pack_id="c"), kept) or ("", None)
    assert data == "mine.csv" and split and (split.fraction, split.seed) == (0.4, 2)
    strings = pack_of(PLAIN, pack_id="c").model_copy(update={"category": "instruments"})
    assert curate.clips_for(strings, kept) == ("instruments", None)
    assert curate.clips_for(pack_of(PLAIN, pack_id="c"), {}) is None


def test_the_data_set_named_in_generate_comes_along(manifest: str):
    kept = {"a": {"data": "b"}, "tones": {"data": manifest}}
    shown = last(curate.enter(None, "tones", kept, "fake"))
    assert shown.data == manifest and shown.folds == "1", "divided as suits it"
    assert shown.kept["tones"]["share"] == 50
    wrong = last(curate.enter(None, "tones", {"tones": {"data": "nowhere.csv"}}, "fake"))
    assert "Nowhere.csv" in wrong.message and wrong.data == "nowhere.csv"
    again = last(curate.show_measured(None, "tones", manifest, "", 50, 0, kept, "fake"))
    assert again.folds == "1", "not measured before, so still divided as suits it"


def test_another_model_measures_again_only_what_is_measured(desk: Desk, manifest: str):
    assert last(curate.remeasured(None, "tones", manifest, "1", 50, 0, {}, "fake")).message == gr.skip()
    again = last(curate.remeasured(replace(desk, only="approved"), "tones", manifest, "1", 50, 0, {}, "other"))
    assert again.desk.model == "other" and again.desk.only == "approved"


# --- judging ----------------------------------------------------------------------------------------------------------


def test_a_decision_is_stored_and_everything_follows(desk: Desk, store: PromptStore):
    shown = act(desk, {"do": "approved", "on": CONTRARY}, selected=BIASED)
    assert statuses(store) == ["candidate", "approved", "candidate"]
    assert store.get("tones").entries[1].decided_by == curate_view.CURATOR
    assert "approved (1)" in shown.strip
    assert "0 clips better, 8 worse: more than chance" in shown.strip
    assert f'data-template="{BIASED}"' in shown.side
    assert "undo</button>" in shown.foot
    assert shown.desk.stamp == store.stamp("tones")


def receipt(shown: Drawn) -> Any:
    return json.loads(html.unescape(shown.outbox.split('data-receipt="')[1].split('"')[0]))


def test_a_decision_that_a_browser_kept_needs_no_desk(desk: Desk, store: PromptStore):
    kept = {"id": "1", "do": "approved", "on": [PLAIN, BIASED], "pack": "tones", "role": "curator"}
    shown = curate.acted(None, [kept], "")
    assert statuses(store) == ["approved", "candidate", "approved"]
    assert receipt(shown) == {"saved": ["1"], "refused": []} and shown.table == gr.skip()
    stamp = store.stamp("tones")
    assert receipt(curate.acted(None, [kept], ""))["saved"] == ["1"], "sent twice is decided once"
    assert store.stamp("tones") == stamp
    store.create(pack_of(PLAIN, pack_id="other"))
    shown = curate.acted(desk, [kept | {"pack": "other", "on": [PLAIN], "do": "rejected"}], "")
    assert store.get("other").entries[0].status == "rejected" and statuses(store)[0] == "approved"
    assert shown.desk.pack_id == "tones", "what is shown stays"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"pack": "gone"}, "No prompt pack is called 'gone'"),
        ({"pack": "../tones"}, "No prompt pack is called"),
        ({"on": ["nonsense"]}, "Tones has no template 'nonsense'"),
        ({"do": "loved"}, "'loved' is not a decision."),
    ],
)
def test_a_kept_decision_that_is_refused_is_said_with_its_reason(store: PromptStore, wrong: Any, reason: str):
    good = {"id": "1", "do": "approved", "on": [PLAIN], "pack": "tones"}
    told = receipt(curate.acted(None, [good | {"id": "0"} | wrong, good], ""))
    assert told["saved"] == ["1"] and statuses(store) == ["approved", "candidate", "candidate"]
    (refused,) = told["refused"]
    assert refused["id"] == "0" and refused["reason"].startswith(reason) and not refused["later"]


def test_what_a_curator_decided_lands_in_no_visitor_s_copy(
    store: PromptStore, desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AUDIOPROMPT_PASSWORD", "secret")
    kept = {"id": "1", "do": "approved", "on": [PLAIN], "pack": "tones", "role": "curator"}
    for seen in (None, desk):
        (refused,) = receipt(curate.acted(seen, [kept], "", someone("visitor")))["refused"]
        assert refused["later"] and refused["reason"] == "You were signed in when you decided: sign in and try again."
    assert receipt(curate.acted(None, [kept | {"role": "visitor"}], "", someone("visitor")))["saved"] == ["1"]
    assert statuses(store)[0] == "candidate"


def test_decisions_on_a_pack_that_is_gone_are_said_in_place(desk: Desk, store: PromptStore):
    store.delete("tones")
    shown = act(desk, {"id": "1", "do": "approved", "on": [PLAIN], "pack": "tones"})
    assert receipt(shown)["refused"] and "No prompt pack is called" in shown.actions


def test_decisions_sent_together_are_taken_in_order(desk: Desk, store: PromptStore):
    act(desk, {"do": "approved", "on": PLAIN}, {"do": "rejected", "on": CONTRARY}, {"do": "undo"})
    assert statuses(store) == ["approved", "candidate", "candidate"]


def test_undo_and_redo_go_to_the_template_they_concern(desk: Desk, store: PromptStore):
    desk = act(desk, {"do": "approved", "on": CONTRARY}).desk
    back = act(desk, {"do": "undo"})
    assert f'data-go="{CONTRARY}"' in back.table and back.desk.selected == CONTRARY
    assert statuses(store) == ["candidate"] * 3
    assert f'data-go="{CONTRARY}"' in act(back.desk, {"do": "redo"}).table
    assert statuses(store)[1] == "approved"


def test_nothing_to_undo_is_said_and_answered(desk: Desk):
    shown = act(desk, {"do": "undo"})
    assert "There is nothing to undo in tones." in shown.actions
    assert shown.desk.turn > desk.turn, "the page waits for an answer that differs"


def test_bulk_actions_decide_on_what_is_shown_as_one_change(desk: Desk, store: PromptStore):
    desk = curate.searched(desk, "SOUND of").desk
    assert desk.rows == (PLAIN, BIASED)
    desk = act(desk, {"do": "approved", "on": [*desk.rows]}).desk
    assert statuses(store) == ["approved", "candidate", "approved"]
    act(desk, {"do": "undo"})
    assert statuses(store) == ["candidate"] * 3


def test_rows_move_only_when_someone_asks(desk: Desk):
    desk = act(desk, {"do": "filter", "key": "candidate"}).desk
    desk = act(desk, {"do": "sort", "key": "gain"}).desk
    before = desk.rows
    desk = act(desk, {"do": "approved", "on": before[0]}).desk
    assert desk.rows == before, "what is judged stays under the pointer, though the filter would leave it out"
    assert act(desk, {"do": "filter", "key": "candidate"}).desk.rows == before[1:]


def test_sorting_once_is_best_first_and_again_the_other_way(desk: Desk):
    by_accuracy = (PLAIN, BIASED, CONTRARY)
    once = act(desk, {"do": "sort", "key": "alone"})
    assert once.desk.rows == by_accuracy and 'aria-sort="descending"' in once.table
    again = act(once.desk, {"do": "sort", "key": "alone"})
    assert again.desk.rows == by_accuracy[::-1] and 'aria-sort="ascending"' in again.table
    assert act(again.desk, {"do": "sort", "key": "order"}).desk.rows == (PLAIN, CONTRARY, BIASED)


def test_filters_count_what_there_is(desk: Desk):
    shown = act(desk, {"do": "approved", "on": PLAIN}, {"do": "rejected", "on": CONTRARY})
    counts = [part.split("<")[0] for part in shown.filters.split("<span>")[1:]]
    assert counts == ["3", "1", "1", "1", "2"]  # all, to judge, approved, rejected, flagged
    assert act(shown.desk, {"do": "filter", "key": "flagged"}).desk.rows == (CONTRARY, BIASED)
    assert "No prompts match" in curate.searched(shown.desk, "zither").table


@pytest.mark.parametrize(
    "nonsense", [{"do": "rm"}, {}, {"do": "filter", "key": "__class__"}, {"do": "sort", "key": 3}, {"do": "apply"}]
)
def test_acts_that_there_are_not_do_nothing(desk: Desk, store: PromptStore, nonsense: dict[str, Any]):
    stamp = store.stamp("tones")
    assert act(desk, nonsense).desk.rows == desk.rows
    assert store.stamp("tones") == stamp


def test_a_template_that_is_not_in_the_pack_is_refused_in_a_sentence(desk: Desk, store: PromptStore):
    assert "has no template &#39;nonsense&#39;" in act(desk, {"do": "approved", "on": "nonsense"}).actions
    assert statuses(store) == ["candidate"] * 3


def test_another_s_decision_is_seen_without_losing_the_view(desk: Desk, store: PromptStore):
    assert curate.refreshed(desk) == AS_IT_IS
    desk = replace(act(desk, {"do": "filter", "key": "candidate"}).desk, selected=BIASED)
    workbench.decided(store, desk.bench, "tones", {PLAIN: "rejected"}, "bob")
    shown = curate.refreshed(desk)
    assert shown.desk.rows == desk.rows and shown.desk.selected == BIASED
    assert f'data-template="{PLAIN}" data-status="rejected"' in shown.table
    assert "rejected \u201cthe sound of {}\u201d by bob" in shown.foot
    assert curate.refreshed(shown.desk) == AS_IT_IS


def test_templates_added_by_another_appear_measured(desk: Desk, store: PromptStore):
    entry = PackEntry(template=Template("a recording of {label}"))
    store.update("tones", lambda pack: pack.model_copy(update={"entries": (*pack.entries, entry)}))
    shown = curate.refreshed(desk)
    assert "a recording of {label}" in shown.desk.rows and shown.table.count("<tr data-template") == 4


def test_a_pack_that_is_gone_is_said_in_place(desk: Desk, store: PromptStore):
    (store.folder / "tones.json").unlink()
    assert "No prompt pack is called" in curate.refreshed(desk).actions


def test_prompts_are_filled_with_the_class_chosen(desk: Desk):
    shown = curate.filled_with(desk, "whistle")
    assert 'the sound of <span class="slot">whistle</span>' in shown.table
    assert "the sound of <span" in curate.looked(shown.desk, PLAIN)[1]


# --- prompts and packs by hand ----------------------------------------------------------------------------------------


def written(desk: Desk, what: str, on: str, text: str) -> tuple[Any, Any, Drawn]:
    """Compose a prompt as the page does, and save it."""
    field, preview, origin = curate.composed(desk, what, on)
    assert field.value == ("" if what == "write" else Template(on).as_string()) and "data-composing" in preview
    origin, said, _, _, *parts = curate.show_written(desk, origin, text)
    return origin, said, Drawn(*parts)


def test_a_prompt_is_written_measured_and_selected(desk: Desk, store: PromptStore):
    desk = act(desk, {"do": "filter", "key": "approved"}).desk
    origin, said, shown = written(desk, "write", "", "a recording of {}")
    assert origin is None and said == "", "the composer closes"
    assert shown.desk.selected == "a recording of {label}" and len(shown.desk.rows) == 4
    assert 'data-go="a recording of {label}"' in shown.table and "written by hand" in shown.foot
    assert store.get("tones").entries[-1].status == "candidate"
    assert shown.desk.bench.table.cosines.shape[0] == 4


def test_an_edited_prompt_supersedes_and_a_duplicate_does_not(desk: Desk, store: PromptStore):
    _, _, shown = written(desk, "duplicate", PLAIN, "the sounds of {}")
    assert statuses(store) == ["candidate"] * 4
    _, _, shown = written(shown.desk, "edit", PLAIN, "the noise of {}")
    assert statuses(store) == ["rejected", "candidate", "candidate", "candidate", "candidate"]
    assert "Rejected by curator" in act(shown.desk, selected=PLAIN).side
    assert "replaced by" in act(shown.desk, selected=PLAIN).side
    act(shown.desk, {"do": "undo"})
    assert statuses(store)[0] == "candidate" and len(statuses(store)) == 5


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no slot", "has no slot"),
        ("", "is empty"),
        ("{} and {}", "2 slots"),
        ("the  sound of {}", "has the prompt &#39;the sound of {}&#39; already"),
        (f"{NASTY} {{}} {{x}}", "&lt;img"),
    ],
)
def test_what_is_no_new_prompt_is_said_where_it_is_written(desk: Desk, store: PromptStore, text: str, reason: str):
    origin, said, shown = written(desk, "write", "", text)
    assert (
        origin == gr.skip() and "data-composing" in said and reason in said and "<img" not in said and shown == AS_IT_IS
    )
    assert len(statuses(store)) == 3


def test_a_preview_shows_what_a_prompt_becomes(desk: Desk):
    assert '<span class="slot">hum</span>' in curate.previewed(desk, {}, "the call of a {}")
    assert "names &#39;hum&#39;" in curate.previewed(desk, {}, "hum of {}"), "the checks by the text"
    assert "has no slot" in curate.previewed(desk, {}, "the call")
    assert curate.previewed(desk, None, "the call") == "", "an answer that comes late opens nothing"


def test_a_pack_is_renamed_and_duplicated_on_the_same_clips(desk: Desk, store: PromptStore, manifest: str):
    assert curate.title_of("tones") == "Tones" and curate.title_of("gone") == curate.title_of("") == ""
    said, choice = curate.renamed("tones", "Hums & whistles")
    assert said == "" and ("Hums & whistles (3)", "tones") in choice.choices
    assert "renamed from “Tones” to “Hums &amp; whistles”" in curate.refreshed(desk).foot
    assert "title" in curate.renamed("tones", " ")[0] and store.get("tones").title == "Hums & whistles"
    kept = {"tones": {"data": manifest, "folds": "1", "share": 50, "seed": 0}}
    shown = last(curate.show_copied(desk, "tones", kept, "fake"))
    assert shown.pack_in_hand == "tones-copy" and shown.kept["tones-copy"] == kept["tones"]
    act(shown.desk, {"do": "approved", "on": PLAIN})
    assert statuses(store) == ["candidate"] * 3 and len(store.get("tones-copy").approved) == 1


def test_deleting_asks_first_and_can_be_undone(desk: Desk, store: PromptStore, manifest: str):
    kept = {"tones": {"data": manifest, "folds": "1", "share": 50, "seed": 0}}
    assert "Delete “Tones” with its 3 prompts" in curate.ask_to_delete("tones") and "tones" in store.ids()
    gone = dict(zip(ANSWER, curate.show_deleted("tones"), strict=True))
    assert "tones" not in store.ids() and gone["desk"] is None and gone["table"] == "" and gone["pack_in_hand"] == ""
    assert 'data-restore="tones">Undo' in gone["message"]
    back = last(curate.show_restored("tones", kept, "fake"))
    assert back.desk.pack_id == "tones" and "tones" in store.ids() and back.message == ""
    assert "No deleted pack is called" in last(curate.show_restored("tones", kept, "fake")).message
    came_along = dict(zip(ANSWER, curate.show_deleted("instruments"), strict=True))
    assert "is not your own" in came_along["message"] and came_along["desk"] == gr.skip()


def test_two_packs_are_compared_on_the_same_clips_and_follow_decisions(desk: Desk, store: PromptStore):
    store.create(pack_of(CONTRARY, "{label} again", status="approved", pack_id="other"))
    assert [value for _, value in curate.others(desk).choices].count("tones") == 0
    desk = act(desk, {"do": "approved", "on": PLAIN}).desk
    *_, (message, *parts) = curate.show_comparison(desk, "other")
    shown = Drawn(*parts)
    assert message == "" and shown.versus.count("<tr>") == 3
    assert "In both, but decided differently: 1" in shown.versus and "Only in Tones: 2" in shown.versus
    paired = workbench.compare_packs(desk.bench, store.get("tones"), *shown.desk.other)
    assert paired.mine == Score(8, 8) and paired.paired.better == 8 - paired.theirs.correct
    assert paired.shared == (CONTRARY,)
    later = act(shown.desk, {"do": "rejected", "on": PLAIN})
    assert "Where nothing is approved, the plain prompt is used instead." in later.versus
    assert Drawn(*list(curate.show_comparison(later.desk, ""))[-1][1:]).versus == ""
    assert "No prompt pack is called" in list(curate.show_comparison(desk, "gone"))[-1][0]


# --- proposals and held-out clips -------------------------------------------------------------------------------------


def test_a_proposal_is_shown_pondered_and_applied(desk: Desk, store: PromptStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workbench, "propose", lambda table, **_: table.alone.mean(axis=1) == 0.5)
    *_, (_, *parts) = curate.show_proposal(desk)
    shown = Drawn(*parts)
    assert "Auto-curation keeps <b>2</b> of 3" in shown.actions
    assert shown.table.count('class="proposed"') == 3
    assert statuses(store) == ["candidate"] * 3
    assert "Auto-curation" not in act(shown.desk, {"do": "dismiss"}).actions
    done = act(shown.desk, {"do": "apply"})
    assert statuses(store) == ["approved", "approved", "rejected"]
    assert "approved 2, rejected 1" in done.foot and "Auto-curation" not in done.actions
    act(done.desk, {"do": "undo"})
    assert statuses(store) == ["candidate"] * 3


def test_a_proposal_keeps_what_the_person_rejected_and_says_so(desk: Desk, store: PromptStore):
    desk = act(desk, {"do": "rejected", "on": PLAIN}).desk
    *_, (_, *parts) = curate.show_proposal(desk)
    shown = Drawn(*parts)
    assert "It keeps <b>your 1 rejection</b>" in shown.actions
    shown = act(shown.desk, {"do": "rejected", "on": BIASED})
    assert "It keeps <b>your 2 rejections</b>" in shown.actions, "also what was decided while the proposal is shown"
    act(shown.desk, {"do": "apply"})
    assert statuses(store) == ["rejected", "approved", "rejected"]


def someone(session: str) -> Any:
    """The request of a page."""
    request: Any = SimpleNamespace(headers={"host": "127.0.0.1"}, cookies={}, scope={})
    return gr.Request(request, session_hash=session)


def test_on_a_public_page_curators_who_measure_the_same_have_a_stop_each(
    manifest: str, monkeypatch: pytest.MonkeyPatch
):
    go_on = Event()

    def slow(*_: Any) -> None:
        assert go_on.wait(600)

    monkeypatch.setattr(workbench, "measure", slow)
    setup = curate.Setup("tones", manifest, None, "fake")
    at_home = [curate.measuring(setup, someone(name)) for name in ("one", "two")]
    assert at_home[0] is at_home[1]
    monkeypatch.setenv("AUDIOPROMPT_PASSWORD", "secret")
    monkeypatch.setattr(curate.access, "is_curator", lambda request: True)
    in_public = [curate.measuring(setup, someone(name)) for name in ("one", "two")]
    assert in_public[0] is not in_public[1]
    go_on.set()


@pytest.mark.parametrize("slow", ["score_held_out", "proposed"])
def test_one_page_s_stop_ends_no_other_s_work(
    desk: Desk, store: PromptStore, monkeypatch: pytest.MonkeyPatch, slow: str
):
    go_on, started = Event(), []
    work = getattr(workbench, slow)

    def slowly(*given: Any) -> Any:
        started.append(given)
        assert go_on.wait(600)
        if slow == "score_held_out":
            given[-1]("clips", 1, 2)
        return work(*given)

    monkeypatch.setattr(workbench, slow, slowly)
    desk = act(desk, {"do": "approved", "on": PLAIN}).desk
    show = curate.show_held_out if slow == "score_held_out" else curate.show_proposal
    first, second = show(desk, someone("one")), show(desk, someone("two"))
    messages = [next(first)[0], next(second)[0]]
    while len(started) < 2:
        time.sleep(0.01)
    if slow == "score_held_out":
        job_ids = [message.split('data-stop="')[1].split('"')[0] for message in messages]
        assert job_ids[0] != job_ids[1]
        MEASURING.stop(job_ids[0])
    go_on.set()
    *_, (message, *parts) = second
    assert message == "" and Drawn(*parts).desk is not gr.skip()
    if slow == "score_held_out":
        assert "Stopped." in list(first)[-1][0]


def test_held_out_clips_are_scored_on_demand_counted_and_outdated_by_a_decision(desk: Desk, store: PromptStore):
    desk = act(desk, {"do": "approved", "on": PLAIN}).desk
    assert "never scored yet" in curate.drawn(desk, None).foot
    *_, (_, *parts) = curate.show_held_out(desk)
    shown = Drawn(*parts)
    assert "scored once" in shown.foot and "Over all prompts: 4 clips better, 0 worse" in shown.foot
    assert times_tested(store.get("tones")) == 1
    later = act(shown.desk, {"do": "rejected", "on": BIASED})
    assert "Over all prompts" not in later.foot
    assert "<b>100.0</b>" in later.foot and "before the last decision." in later.foot


def test_nothing_approved_is_nothing_to_score(desk: Desk, store: PromptStore):
    (message, *rest) = list(curate.show_held_out(desk))[-1]
    assert "No prompt is approved" in message and rest == [*AS_IT_IS]
    assert times_tested(store.get("tones")) == 0
    assert "disabled>Score" in curate.drawn(desk, None).foot


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_pack_is_exported_in_each_form(desk: Desk):
    act(desk, {"do": "approved", "on": PLAIN})
    files = {kind: curate.exported("tones", kind) for kind in ("json", "list", "csv", "report")}
    assert {kind: file and file["name"] for kind, file in files.items()} == {
        "json": "tones.json", "list": "tones-templates.json", "csv": "tones.csv", "report": "tones.md"
    }  # fmt: skip
    assert files["list"] and "the sound of {}" in files["list"]["content"]
    assert files["json"] and PromptPack.from_json(files["json"]["content"]) == PromptStore().get("tones")
    assert curate.exported("", "json") is None


def test_a_list_is_imported_as_a_pack_of_its_own(tmp_path: Path, store: PromptStore, manifest: str, desk: Desk):
    (tmp_path / "tones.txt").write_text("the sound of {}\na {}\n")
    kept = {"tones": {"data": manifest, "folds": "1", "share": 50, "seed": 0}}
    shown = last(curate.show_imported(desk, str(tmp_path / "tones.txt"), kept, "fake"))
    assert shown.pack_in_hand == "tones-2" and "approved (2)" in shown.strip
    assert len(store.get("tones-2").approved) == 2 and len(store.get("tones").entries) == 3


def test_a_file_that_is_no_pack_is_said_in_place(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("no slot here")
    assert (
        "notes.txt, line 1" in last(curate.show_imported(None, str(tmp_path / "notes.txt"), {}, "fake")).message.lower()
    )


def test_an_upload_is_kept_for_another_day(tmp_path: Path):
    (tmp_path / "clips.zip").write_bytes(b"PK")
    kept = Path(curate.put_by(str(tmp_path / "clips.zip")))
    assert kept.name == "clips.zip" and kept.read_bytes() == b"PK" and kept.parent != tmp_path


def test_only_clips_of_the_desk_are_played_and_not_for_long(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    player = curate.played(desk, 0)
    assert player.visible and player.label == "hum: hum-1-0.wav"
    assert soundfile.info(player.value["path"]).duration == pytest.approx(1.0)
    monkeypatch.setattr(curate, "LONGEST_PLAYED", 0.25)
    assert soundfile.info(curate.played(desk, 0).value["path"]).duration == 0.25
    assert curate.played(desk, 99) == curate.played(desk, -1) == curate.played(None, 0) == gr.skip()


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_other_people_s_text_is_text_everywhere(store: PromptStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(curate, "who", lambda request: NASTY)
    manifest = clips_in(tmp_path)
    manifest.write_text(manifest.read_text().replace(",whistle,", f",whistle {NASTY},"))
    nasty = Template(f"the contrary of {{label}} {NASTY}")
    entry = PackEntry(template=nasty, status="rejected", decided_by=NASTY, reason=NASTY)
    store.save(pack_of(PLAIN).model_copy(update={"title": NASTY, "entries": (entry, pack_of(PLAIN).entries[0])}))
    shown = last(curate.show_measured(None, "tones", str(manifest), "1", 50, 0, {}, "fake"))
    acted = curate.acted(shown.desk, [{"do": "approved", "on": nasty.text}], nasty.text)
    parts = [shown.table, *acted[1:], curate_view.ask_for_clips(store.get("tones"))]
    assert all("<img" not in part for part in parts)
    assert sum("&lt;img" in part for part in parts) >= 4


@pytest.mark.parametrize(("share", "text"), [(0.056, "+5.6"), (-0.013, "\u22121.3"), (0.0, "0.0"), (-0.0001, "0.0")])
def test_differences_have_a_sign_or_none(share: float, text: str):
    assert numbers.signed(share) == text


@pytest.mark.parametrize(
    ("template", "label", "html"),
    [
        ("A {label} here", "owl", 'An <span class="slot">owl</span> here'),
        ("{label}", "a & b", '<span class="slot">a &amp; b</span>'),
        ("the owl of {label}", "owl", 'the owl of <span class="slot">owl</span>'),
    ],
)
def test_a_label_is_set_off_where_it_was_put_in(template: str, label: str, html: str):
    filled = markup.fill(Template(template), label)
    assert render("shared/template.html", "filled", prompt=filled) == html


def test_the_curve_has_a_point_for_every_number_of_prompts_approved(desk: Desk):
    shown = act(desk, {"do": "approved", "on": PLAIN}, {"do": "approved", "on": BIASED})
    assert shown.foot.count("<i style=") == 2
    assert "First 2: " in shown.foot
