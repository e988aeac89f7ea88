"""The Curate tab's handlers as plain functions, and the HTML they make: no browser, no server."""

import html as escaping
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from inspect import signature
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
import soundfile

from audioprompt.core.ensembles import ENSEMBLES
from audioprompt.core.metrics import Score
from audioprompt.models.base import ModelError
from audioprompt.prompts.history import times_tested
from audioprompt.prompts.pack import PackEntry, PromptPack, Status
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import Template
from audioprompt.server import access, models
from audioprompt.server.context import CURATOR, IN_PROCESS, Context
from audioprompt.services import curate as curation
from audioprompt.services.curate import Setup, Split, decisions
from audioprompt.services.curate import measured as measured_packs
from audioprompt.services.curate.setup import recall_setup
from audioprompt.ui import markup, numbers
from audioprompt.ui.components import curate as html
from audioprompt.ui.components.curate import CurateView
from audioprompt.ui.events import ERRORS, explain
from audioprompt.ui.render import render
from audioprompt.ui.tabs.curate import decide, measure, packs, propose, write
from audioprompt.ui.tabs.curate.render import render_details
from audioprompt.util.jobs import MEASURING
from tests.curating import BIASED, CONTRARY, PLAIN, clips_in, pack_of
from tests.fakes import FakeModel

NASTY = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def fake_model(monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    model = FakeModel()
    monkeypatch.setattr(models, "shared_model", lambda name, request: model)
    monkeypatch.setattr(measure, "LOOK_SECONDS", 0.01)
    curation.forget()
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
def view(manifest: str) -> CurateView:
    found: CurateView = measure_on(None, "tones", manifest, "1").view
    return found


def answers(handler: Callable[..., Any], *values: Any, context: Context = IN_PROCESS) -> Iterator[Any]:
    """What a handler answers, bit by bit; an error is a message."""
    asked = [context, *values] if "context" in signature(handler).parameters else values
    try:
        answer = handler(*asked)
        yield from [answer] if isinstance(answer, dict) else answer
    except ERRORS as error:
        yield {"message": explain(error)}


def shown(handler: Callable[..., Any], *values: Any) -> Any:
    """What a page shows once a handler has answered, by the names of its parts; nothing where it stays as it is."""
    return Shown({name: value for update in answers(handler, *values) for name, value in update.items()})


class Shown(dict[str, Any]):
    """The parts of a page by name."""

    def __getattr__(self, name: str) -> Any:
        return self.get(name, UNCHANGED)


UNCHANGED = object()


def form(pack_id: str, data: str, folds: str = "", **more: Any) -> measure.Form:
    """What is asked for above the table."""
    given: dict[str, Any] = {"percent": 50, "seed": 0, "remembered": {}, "model": "fake"} | more
    return measure.Form(pack_id, data, folds, **given)


def measure_on(view: CurateView | None, *asked: str, **more: Any) -> Any:
    """What measuring a pack shows."""
    return shown(measure.show_measured, view, form(*asked, **more))


def act(view: CurateView | None, *acts: dict[str, Any], context: Context = IN_PROCESS) -> Any:
    return Shown(decide.apply_acts(context, view, acts))


def details(view: CurateView, selected: str = PLAIN) -> Any:
    """What a page shows beside and below the table, once it has asked."""
    return Shown(render_details(IN_PROCESS, view, selected, ""))


def patch(found: Any) -> Any:
    """What a page is told of the rows that it has."""
    return json.loads(escaping.unescape(found.patch.split('data-patch="')[1].split('"')[0]))


def add_prompt(store: PromptStore, status: Status = "candidate") -> None:
    """Add a prompt as somebody else would."""
    entry = PackEntry(template=Template("a recording of {label}"), status=status)
    store.update("tones", lambda pack: pack.model_copy(update={"entries": (*pack.entries, entry)}))


def statuses(store: PromptStore) -> list[str]:
    return [entry.status for entry in store.get("tones").entries]


# --- measuring --------------------------------------------------------------------------------------------------------


def test_measuring_shows_a_desk_and_remembers_the_clips(manifest: str):
    found = measure_on(None, "tones", manifest, "")
    assert found.message == ""
    assert found.folds == "1", "where nothing is said, the first half of the folds is looked at"
    assert found.remembered == {"tones": {"data": manifest, "folds": "1", "share": 50, "seed": 0}}
    assert found.pack_in_hand == "tones"
    assert found.clips.label.endswith("fold 1 \u00b7 8 of 16")
    assert found.table.count("<tr data-template") == 3
    assert "vanilla" in found.strip and "100.0" in found.strip


def test_clips_named_before_are_divided_as_it_is_said(manifest: str):
    kept = {"tones": {"data": manifest, "folds": "1", "share": 50, "seed": 0}}
    found = measure_on(None, "tones", manifest, percent=25, seed=3, remembered=kept)
    assert found.remembered["tones"] == {"data": manifest, "folds": "", "share": 25, "seed": 3}
    assert measure_on(None, "tones", manifest, "2", remembered=kept).folds == "2"


@pytest.mark.slow
def test_bad_recordings_are_named_and_left_out_with_the_switch(manifest: str):
    for name in ("hum-1-0.wav", "whistle-2-1.wav"):
        (Path(manifest).parent / name).write_text("no sound")
    found = measure_on(None, "tones", manifest, "1")
    assert "2 of 16 recordings cannot be used: hum-1-0.wav holds no audio" in found.message
    assert "whistle-2-1.wav" in found.message and found.table is UNCHANGED
    found = measure_on(None, "tones", manifest, "1", skip_bad=True)
    assert "Left out 2 recordings (1 of hum, 1 of whistle): hum-1-0.wav holds no audio that can" in found.message
    assert found.clips.label.endswith("fold 1 \u00b7 7 of 14") and found.remembered["tones"]["skip_bad"]
    assert "Left out" in shown(measure.enter, None, "tones", found.remembered, "fake").message


@pytest.mark.parametrize(
    ("pack_id", "data", "folds", "sentence"),
    [
        ("tones", "nowhere.csv", "", "nowhere.csv is not there"),
        ("tones", None, "9", "has no fold 9"),
        ("tones", None, "one", "Folds are whole numbers"),
        ("gone", None, "", "No prompt pack is called"),
        ("empty", None, "", "Empty has no prompts"),
        ("", None, "", "Load the village demonstration"),
    ],
)
def test_what_cannot_be_measured_is_said_in_place(
    store: PromptStore, manifest: str, pack_id: str, data: str | None, folds: str, sentence: str
):
    store.create(pack_of(pack_id="empty"))
    found = measure_on(None, pack_id, data or manifest, folds)
    assert sentence in found.message
    assert found.view is UNCHANGED, "what was there stays"


def test_a_model_that_cannot_be_had_is_said_in_place(manifest: str, monkeypatch: pytest.MonkeyPatch):
    def fail(name: str, request: gr.Request | None) -> None:
        raise ModelError("no network: give the weights")

    monkeypatch.setattr(models, "shared_model", fail)
    assert "No network: give the weights." in measure_on(None, "tones", manifest, "").message


def test_a_clip_that_is_no_sound_is_named_and_escaped(tmp_path: Path):
    manifest = clips_in(tmp_path)
    (tmp_path / "<b>.wav").write_text("words")
    manifest.write_text(manifest.read_text() + "\n<b>.wav,hum,1")
    found = measure_on(None, "tones", str(manifest), "1")
    assert "&lt;b&gt;.wav" in found.message and "<b>" not in found.message


def test_measuring_tells_how_far_it_is_and_can_be_stopped(manifest: str, monkeypatch: pytest.MonkeyPatch):
    began, go_on = Event(), Event()

    def slow(model: Any, pack: Any, clips: Any, split: Any, progress: Any, skip_bad: bool) -> None:
        progress("clips", 3, 8)
        began.set()
        assert go_on.wait(600)
        progress("clips", 4, 8)

    monkeypatch.setattr(measured_packs, "measure", slow)
    found = answers(measure.show_measured, None, form("tones", manifest, "1"))
    message = ""
    while "3 of 8 clips" not in message:
        message = next(found).get("message", "")
    assert began.is_set()
    job_id = message.split('data-stop="')[1].split('"')[0]
    MEASURING.stop(job_id)
    go_on.set()
    *_, end = found
    assert "Stopped. What was encoded until now is kept" in end["message"]


def test_entering_shows_what_to_do_first(store: PromptStore):
    assert "Load the village demonstration" in shown(measure.enter, None, "", {}, "fake").message
    asks = shown(measure.enter, None, "tones", {}, "fake")
    assert "Tones: 3 prompts" in asks.message and asks.clips.open and asks.pack_in_hand == "tones"
    assert asks.clips.label == "Validation clips", "not those of the pack shown before"
    store.create(pack_of(PLAIN, pack_id="one"))
    assert ": 1 prompt<" in shown(measure.enter, None, "one", {}, "fake").message


def test_entering_again_shows_the_pack_on_its_own_clips(view: CurateView, manifest: str):
    kept = {
        "tones": {"data": manifest, "folds": "2", "share": 50, "seed": 0},
        "other": {"data": "elsewhere.csv", "folds": "", "share": 50, "seed": 0},
    }
    found = shown(measure.enter, None, "tones", kept, "fake")
    assert found.view.measured.split.folds == (2,)
    assert shown(measure.enter, found.view, "tones", kept, "fake").view is UNCHANGED, "nothing happened since"
    named = {"tones": {"data": kept["tones"]["data"]}}
    assert shown(measure.enter, found.view, "tones", named, "fake").view is not UNCHANGED, "clips were named since"


def test_a_pack_without_clips_of_its_own_is_measured_on_those_used_last_but_not_on_the_demonstration():
    kept = {
        "a": {"data": "mine.csv", "folds": "", "share": 40, "seed": 2},
        "b": {"data": "instruments", "folds": "1", "share": 50, "seed": 0},
    }
    pack = pack_of(PLAIN, pack_id="c")
    assert recall_setup(pack, kept, "fake") == Setup("c", "mine.csv", Split(None, 0.4, 2), "fake")
    strings = pack.model_copy(update={"category": "instruments"})
    assert recall_setup(strings, kept, "fake") == Setup("c", "instruments", None, "fake")
    assert recall_setup(pack, {}, "fake") is None
    assert recall_setup(pack, {"b": {"data": "village"}}, "fake") is None
    first = pack_of(PLAIN, pack_id="village-demonstration")
    assert recall_setup(first, kept, "fake") == Setup(first.id, "village", None, "fake")


def test_the_data_set_named_in_generate_comes_along(manifest: str):
    kept = {"a": {"data": "b"}, "tones": {"data": manifest}}
    found = shown(measure.enter, None, "tones", kept, "fake")
    assert found.data == manifest and found.folds == "1", "divided as suits it"
    assert found.remembered["tones"]["share"] == 50
    wrong = shown(measure.enter, None, "tones", {"tones": {"data": "nowhere.csv"}}, "fake")
    assert "nowhere.csv" in wrong.message and wrong.data == "nowhere.csv"
    again = measure_on(None, "tones", manifest, remembered=kept)
    assert again.folds == "1", "not measured before, so still divided as suits it"


def test_another_model_measures_again_only_what_is_measured(view: CurateView, manifest: str):
    assert shown(measure.show_measured_again, None, form("tones", manifest, "1")) == {}
    other = form("tones", manifest, "1", model="other")
    again = shown(measure.show_measured_again, replace(view, only="approved"), other)
    assert again.view.model == "other" and again.view.only == "approved"


# --- judging ----------------------------------------------------------------------------------------------------------


def test_a_decision_is_stored_and_everything_follows(view: CurateView, store: PromptStore):
    found = act(view, {"do": "approved", "on": CONTRARY})
    assert statuses(store) == ["candidate", "approved", "candidate"]
    assert store.get("tones").entries[1].decided_by == CURATOR
    assert "approved (1)" in found.strip
    assert "0 clips better, 8 worse: more than chance" in found.strip
    assert f'data-template="{BIASED}"' in details(found.view, BIASED).side
    assert "undo</button>" in details(found.view).foot
    assert patch(found)["statuses"] == "cac" and patch(found)["version"] == store.stamp("tones")
    assert found.view.version == store.stamp("tones")


def receipt(found: Any) -> Any:
    return json.loads(escaping.unescape(found.outbox.split('data-receipt="')[1].split('"')[0]))


def test_a_decision_that_a_browser_kept_needs_no_desk(view: CurateView, store: PromptStore):
    kept = {"id": "1", "do": "approved", "on": [PLAIN, BIASED], "pack": "tones", "role": "curator"}
    found = act(None, kept)
    assert statuses(store) == ["approved", "candidate", "approved"]
    assert receipt(found) == {"saved": ["1"], "refused": []} and found.table is UNCHANGED
    stamp = store.stamp("tones")
    assert receipt(act(None, kept))["saved"] == ["1"], "sent twice is decided once"
    assert store.stamp("tones") == stamp
    store.create(pack_of(PLAIN, pack_id="other"))
    found = act(view, kept | {"pack": "other", "on": [PLAIN], "do": "rejected"})
    assert store.get("other").entries[0].status == "rejected" and statuses(store)[0] == "approved"
    assert found.view.pack_id == "tones", "what is shown stays"


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
    told = receipt(act(None, good | {"id": "0"} | wrong, good))
    assert told["saved"] == ["1"] and statuses(store) == ["approved", "candidate", "candidate"]
    (refused,) = told["refused"]
    assert refused["id"] == "0" and refused["reason"].startswith(reason) and not refused["later"]


def test_what_a_curator_decided_lands_in_no_visitor_s_copy(
    store: PromptStore, view: CurateView, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AUDIOPROMPT_PASSWORD", "secret")
    kept = {"id": "1", "do": "approved", "on": [PLAIN], "pack": "tones", "role": "curator"}
    for seen in (None, view):
        (refused,) = receipt(act(seen, kept, context=someone("visitor")))["refused"]
        assert refused["later"] and refused["reason"] == "You were signed in when you decided: sign in and try again."
    assert receipt(act(None, kept | {"role": "visitor"}, context=someone("visitor")))["saved"] == ["1"]
    assert statuses(store)[0] == "candidate"


def test_decisions_on_a_pack_that_is_gone_are_said_in_place(view: CurateView, store: PromptStore):
    store.delete("tones")
    found = act(view, {"id": "1", "do": "approved", "on": [PLAIN], "pack": "tones"})
    assert receipt(found)["refused"] and "No prompt pack is called" in found.actions


def test_decisions_sent_together_are_taken_in_order(view: CurateView, store: PromptStore):
    act(view, {"do": "approved", "on": PLAIN}, {"do": "rejected", "on": CONTRARY}, {"do": "undo"})
    assert statuses(store) == ["approved", "candidate", "candidate"]


def test_undo_and_redo_go_to_the_template_they_concern(view: CurateView, store: PromptStore):
    view = act(view, {"do": "approved", "on": CONTRARY}).view
    back = act(view, {"do": "undo"})
    assert patch(back)["go"] == CONTRARY
    assert statuses(store) == ["candidate"] * 3
    assert patch(act(back.view, {"do": "redo"}))["go"] == CONTRARY
    assert statuses(store)[1] == "approved"


def test_nothing_to_undo_is_said_and_answered(view: CurateView):
    found = act(view, {"do": "undo"})
    assert "There is nothing to undo in tones." in found.actions
    assert found.view.turn > view.turn, "the page waits for an answer that differs"


def test_bulk_actions_decide_on_what_is_shown_as_one_change(view: CurateView, store: PromptStore):
    view = shown(decide.search, view, "SOUND of").view
    assert view.rows == (PLAIN, BIASED)
    view = act(view, {"do": "approved", "on": [*view.rows]}).view
    assert statuses(store) == ["approved", "candidate", "approved"]
    act(view, {"do": "undo"})
    assert statuses(store) == ["candidate"] * 3


def test_rows_move_only_when_someone_asks(view: CurateView):
    view = act(view, {"do": "filter", "key": "candidate"}).view
    view = act(view, {"do": "sort", "key": "gain"}).view
    before = view.rows
    view = act(view, {"do": "approved", "on": before[0]}).view
    assert view.rows == before, "what is judged stays under the pointer, though the filter would leave it out"
    assert act(view, {"do": "filter", "key": "candidate"}).view.rows == before[1:]


def test_sorting_once_is_best_first_and_again_the_other_way(view: CurateView):
    by_accuracy = (PLAIN, BIASED, CONTRARY)
    once = act(view, {"do": "sort", "key": "alone"})
    assert once.view.rows == by_accuracy and 'aria-sort="descending"' in once.table
    again = act(once.view, {"do": "sort", "key": "alone"})
    assert again.view.rows == by_accuracy[::-1] and 'aria-sort="ascending"' in again.table
    assert act(again.view, {"do": "sort", "key": "order"}).view.rows == (PLAIN, CONTRARY, BIASED)


def test_filters_count_what_there_is(view: CurateView):
    found = act(view, {"do": "approved", "on": PLAIN}, {"do": "rejected", "on": CONTRARY})
    counts = [part.split("<")[0] for part in found.filters.split("<span>")[1:]]
    assert counts == ["3", "1", "1", "1", "2"]  # all, to judge, approved, rejected, flagged
    assert act(found.view, {"do": "filter", "key": "flagged"}).view.rows == (CONTRARY, BIASED)
    assert "No prompts match" in shown(decide.search, found.view, "zither").table


@pytest.mark.parametrize(
    "nonsense", [{"do": "rm"}, {}, {"do": "filter", "key": "__class__"}, {"do": "sort", "key": 3}, {"do": "apply"}]
)
def test_acts_that_there_are_not_do_nothing(view: CurateView, store: PromptStore, nonsense: dict[str, Any]):
    stamp = store.stamp("tones")
    assert act(view, nonsense).view.rows == view.rows
    assert store.stamp("tones") == stamp


def test_a_template_that_is_not_in_the_pack_is_refused_in_a_sentence(view: CurateView, store: PromptStore):
    assert "has no template &#39;nonsense&#39;" in act(view, {"do": "approved", "on": "nonsense"}).actions
    assert statuses(store) == ["candidate"] * 3


def test_another_s_decision_is_seen_without_losing_the_view(view: CurateView, store: PromptStore):
    assert shown(decide.refresh, view, view.version) == {}
    view = act(view, {"do": "filter", "key": "candidate"}).view
    curation.decide(store, view.measured, "tones", {PLAIN: "rejected"}, "bob")
    found = shown(decide.refresh, view)
    assert found.view.rows == view.rows
    assert patch(found)["statuses"] == "rcc" and found.table is UNCHANGED
    assert "rejected \u201cthe sound of {}\u201d by bob" in details(found.view).foot
    assert shown(decide.refresh, found.view, found.view.version) == {}
    assert patch(shown(decide.refresh, found.view, view.version))["statuses"] == "rcc", "for a page that missed it"


def test_a_table_that_is_not_the_one_told_of_is_drawn_anew(view: CurateView):
    sorted_by_gain = act(view, {"do": "sort", "key": "gain"})
    assert sorted_by_gain.patch is UNCHANGED and f'data-edition="{sorted_by_gain.view.edition}"' in sorted_by_gain.table
    decided = act(sorted_by_gain.view, {"do": "approved", "on": PLAIN})
    assert patch(decided)["edition"] == sorted_by_gain.view.edition != view.edition
    again = shown(decide.redraw, decided.view)
    assert again.view.edition != decided.view.edition and again.table.count("<tr data-template") == 3


def test_what_a_page_is_told_of_its_rows_is_what_a_new_table_shows(view: CurateView):
    found = act(view, {"do": "approved", "on": PLAIN}, {"do": "rejected", "on": BIASED})
    rows = shown(decide.redraw, found.view).table.split("<tr data-template")[1:]
    written = [re.search(r'gain"><span class="\w+">([^<]*)<', row) for row in rows]
    gains = [match and round(10 * float(match[1].replace(numbers.MINUS, "-"))) for match in written]
    assert gains == patch(found)["gains"] and any(gains)


def test_templates_added_by_another_appear_measured(view: CurateView, store: PromptStore):
    add_prompt(store)
    found = shown(decide.refresh, view)
    assert "a recording of {label}" in found.view.rows and found.table.count("<tr data-template") == 4


def test_a_pack_that_is_gone_is_said_in_place(view: CurateView, store: PromptStore):
    (store.folder / "tones.json").unlink()
    assert "No prompt pack is called" in shown(decide.refresh, view).message


def test_prompts_are_filled_with_the_class_chosen(view: CurateView):
    found = shown(decide.fill_prompts, view, "whistle")
    assert 'the sound of <span class="slot">whistle</span>' in found.table
    assert "the sound of <span" in details(found.view).side


# --- prompts and packs by hand ----------------------------------------------------------------------------------------


def written(view: CurateView, what: str, on: str, text: str) -> Any:
    """Compose a prompt as the page does, and save it."""
    begun = Shown(write.begin_prompt(view, what, on))
    assert begun.wording.value == ("" if what == "write" else Template(on).as_string())
    assert "data-composing" in begun.composing and begun.preview == ""
    return shown(write.save_prompt, view, begun.origin, text)


def test_a_prompt_is_written_measured_and_selected(view: CurateView, store: PromptStore):
    view = act(view, {"do": "filter", "key": "approved"}).view
    found = written(view, "write", "", "a recording of {}")
    assert found.origin is None and found.composing == found.preview == "", "the composer closes"
    assert len(found.view.rows) == 4 and 'data-go="a recording of {label}"' in found.table
    assert "written by hand" in details(found.view).foot
    assert store.get("tones").entries[-1].status == "candidate"
    assert found.view.measured.table.cosines.shape[0] == 4


def test_an_edited_prompt_supersedes_and_a_duplicate_does_not(view: CurateView, store: PromptStore):
    found = written(view, "duplicate", PLAIN, "the sounds of {}")
    assert statuses(store) == ["candidate"] * 4
    found = written(found.view, "edit", PLAIN, "the noise of {}")
    assert statuses(store) == ["rejected", "candidate", "candidate", "candidate", "candidate"]
    assert "Rejected by curator" in details(found.view).side
    assert "replaced by" in details(found.view).side
    act(found.view, {"do": "undo"})
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
def test_what_is_no_new_prompt_is_said_where_it_is_written(
    view: CurateView, store: PromptStore, text: str, reason: str
):
    found = written(view, "write", "", text)
    assert found.keys() == {"preview"}, "the composer stays"
    assert reason in found.preview and "<img" not in found.preview
    assert len(statuses(store)) == 3


def test_a_preview_shows_what_a_prompt_becomes(view: CurateView):
    def preview(origin: Any, text: str) -> str:
        return str(shown(write.preview, view, origin, text).preview)

    assert '<span class="slot">hum</span>' in preview({}, "the call of a {}")
    assert "names &#39;hum&#39;" in preview({}, "hum of {}"), "the checks by the text"
    assert "has no slot" in preview({}, "the call")
    assert "data-composing" not in preview({}, "the call of a {}"), "an answer that comes late opens nothing"
    assert preview(None, "the call") == preview({}, " ") == ""


def test_a_pack_is_renamed_and_duplicated_on_the_same_clips(view: CurateView, store: PromptStore, manifest: str):
    titles = [shown(packs.show_title, pack_id).title for pack_id in ("tones", "gone", "", None)]
    assert titles == ["Tones", "", "", ""]
    renamed = shown(packs.rename_pack, "tones", "Hums & whistles")
    assert renamed.message == "" and ("Hums & whistles (3)", "tones") in renamed.pack.choices
    assert "renamed from “Tones” to “Hums &amp; whistles”" in details(shown(decide.refresh, view).view).foot
    assert "title" in shown(packs.rename_pack, "tones", " ").message and store.get("tones").title == "Hums & whistles"
    kept = {"tones": {"data": manifest, "folds": "1", "share": 50, "seed": 0}}
    found = shown(packs.show_copied, view, "tones", kept, "fake")
    assert found.pack_in_hand == "tones-copy" and found.remembered["tones-copy"] == kept["tones"]
    act(found.view, {"do": "approved", "on": PLAIN})
    assert statuses(store) == ["candidate"] * 3 and len(store.get("tones-copy").approved) == 1


def test_deleting_asks_first_and_can_be_undone(view: CurateView, store: PromptStore, manifest: str):
    kept = {"tones": {"data": manifest, "folds": "1", "share": 50, "seed": 0}}
    assert "Delete “Tones” with its 3 prompts" in shown(packs.ask_to_delete, "tones").message and "tones" in store.ids()
    gone = shown(packs.delete_pack, "tones")
    assert "tones" not in store.ids() and gone.view is None and gone.table == "" and gone.pack_in_hand == ""
    assert 'data-restore="tones">Undo' in gone.message
    back = shown(packs.show_restored, "tones", kept, "fake")
    assert back.view.pack_id == "tones" and "tones" in store.ids() and back.message == ""
    assert "No deleted pack is called" in shown(packs.show_restored, "tones", kept, "fake").message
    came_along = shown(packs.delete_pack, "instruments")
    assert "is not your own" in came_along.message and came_along.view is UNCHANGED


def test_two_packs_are_compared_on_the_same_clips_and_follow_decisions(view: CurateView, store: PromptStore):
    store.create(pack_of(CONTRARY, "{label} again", status="approved", pack_id="other"))
    assert "tones" not in [value for _, value in shown(propose.offer_packs, view).other.choices]
    view = act(view, {"do": "approved", "on": PLAIN}).view
    found = shown(propose.show_comparison, view, "other")
    versus = details(found.view).versus
    assert found.message == "" and versus.count("<tr>") == 3
    assert "In both, but decided differently: 1" in versus and "Only in Tones: 2" in versus
    paired = curation.compare_packs(view.measured, store.get("tones"), *found.view.other)
    assert paired.mine == Score(8, 8) and paired.paired.better == 8 - paired.theirs.correct
    assert paired.shared == (CONTRARY,)
    later = act(found.view, {"do": "rejected", "on": PLAIN})
    assert "Where nothing is approved, the plain prompt is used instead." in details(later.view).versus
    assert details(shown(propose.show_comparison, later.view, "").view).versus == ""
    assert "No prompt pack is called" in shown(propose.show_comparison, view, "gone").message


# --- proposals and held-out clips -------------------------------------------------------------------------------------


def test_a_proposal_is_shown_pondered_and_applied(
    view: CurateView, store: PromptStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(decisions, "propose", lambda table, **_: table.alone.mean(axis=1) == 0.5)
    found = shown(propose.show_proposal, view)
    assert "Auto-curation keeps <b>2</b> of 3" in found.actions
    assert patch(found)["proposed"] == "aar" and patch(act(found.view, {"do": "dismiss"}))["proposed"] == ""
    assert decide.redraw(IN_PROCESS, found.view)["table"].count('class="proposed"') == 3
    assert statuses(store) == ["candidate"] * 3
    assert "Auto-curation" not in act(found.view, {"do": "dismiss"}).actions
    done = act(found.view, {"do": "apply"})
    assert statuses(store) == ["approved", "approved", "rejected"]
    assert "approved 2, rejected 1" in details(done.view).foot and "Auto-curation" not in done.actions
    act(done.view, {"do": "undo"})
    assert statuses(store) == ["candidate"] * 3


def test_a_proposal_keeps_what_the_person_rejected_and_says_so(view: CurateView, store: PromptStore):
    view = act(view, {"do": "rejected", "on": PLAIN}).view
    found = shown(propose.show_proposal, view)
    assert "It keeps <b>your 1 rejection</b>" in found.actions
    found = act(found.view, {"do": "rejected", "on": BIASED})
    assert "It keeps <b>your 2 rejections</b>" in found.actions, "also what was decided while the proposal is shown"
    act(found.view, {"do": "apply"})
    assert statuses(store) == ["rejected", "approved", "rejected"]


def someone(session: str) -> Context:
    """Who looks at a page."""
    request: Any = SimpleNamespace(headers={"host": "127.0.0.1"}, cookies={}, scope={})
    return Context(gr.Request(request, session_hash=session))


def test_on_a_public_page_curators_who_measure_the_same_have_a_stop_each(
    manifest: str, monkeypatch: pytest.MonkeyPatch
):
    go_on = Event()

    def slow(*_: Any) -> None:
        assert go_on.wait(600)

    monkeypatch.setattr(measured_packs, "measure", slow)
    setup = Setup("tones", manifest, None, "fake")
    at_home = [measure.start_measuring(someone(name), setup) for name in ("one", "two")]
    assert at_home[0] is at_home[1]
    monkeypatch.setenv("AUDIOPROMPT_PASSWORD", "secret")
    monkeypatch.setattr(access, "role", lambda request: access.Role.CURATOR)
    in_public = [measure.start_measuring(someone(name), setup) for name in ("one", "two")]
    assert in_public[0] is not in_public[1]
    go_on.set()


@pytest.mark.parametrize("slow", ["score_held_out", "propose_selection"])
def test_one_page_s_stop_ends_no_other_s_work(
    view: CurateView, store: PromptStore, monkeypatch: pytest.MonkeyPatch, slow: str
):
    go_on, started = Event(), []
    work = getattr(curation, slow)

    def slowly(*given: Any) -> Any:
        started.append(given)
        assert go_on.wait(600)
        given[-1]("clips", 1, 2)
        return work(*given)

    monkeypatch.setattr(curation, slow, slowly)
    view = act(view, {"do": "approved", "on": PLAIN}).view
    handler = propose.show_held_out if slow == "score_held_out" else propose.show_proposal
    first, second = (answers(handler, view, context=someone(name)) for name in ("one", "two"))
    messages = [next(first)["message"], next(second)["message"]]
    while len(started) < 2:
        time.sleep(0.01)
    job_ids = [message.split('data-stop="')[1].split('"')[0] for message in messages]
    assert job_ids[0] != job_ids[1]
    MEASURING.stop(job_ids[0])
    go_on.set()
    *_, end = second
    assert end["message"] == "" and end["view"]
    assert "Stopped." in list(first)[-1]["message"]


def test_held_out_clips_are_scored_on_demand_counted_and_outdated_by_a_decision(view: CurateView, store: PromptStore):
    view = act(view, {"do": "approved", "on": PLAIN}).view
    assert "never scored yet" in details(view).foot
    found = shown(propose.show_held_out, view)
    foot = details(found.view).foot
    assert "scored once" in foot and "Over all prompts: 4 clips better, 0 worse" in foot
    assert times_tested(store.get("tones")) == 1
    later = act(found.view, {"do": "approved", "on": BIASED})
    assert "Over all prompts" not in details(later.view).foot
    assert "<b>100.0</b>" in details(later.view).foot and "before the last decision." in details(later.view).foot
    back = act(later.view, {"do": "undo"})
    assert "Over all prompts" in details(back.view).foot, "it is of the prompts approved again"
    same = act(back.view, {"do": "rejected", "on": BIASED})
    assert "Over all prompts" in details(same.view).foot, "the prompts approved are the same"


def test_the_held_out_score_of_a_proposal_is_not_told_as_that_of_the_prompts_approved(
    view: CurateView, store: PromptStore
):
    act(view, {"do": "approved", "on": CONTRARY})
    proposal = curation.propose_selection(view.measured, pack_of(PLAIN, CONTRARY, BIASED))
    found = curation.score_held_out(view.measured, proposal.selection)
    curation.note_held_out(store, view.measured, "tones", found, curation.AUTO)
    foot = details(view).foot
    assert "for the selection that auto-curation proposed." in foot and "before the last" not in foot


@pytest.mark.parametrize("working_out", ["proposal", "held_out", "other"])
def test_what_is_worked_out_keeps_what_a_person_did_meanwhile(view: CurateView, store: PromptStore, working_out: str):
    store.create(pack_of(CONTRARY, status="approved", pack_id="other"))
    view = act(view, {"do": "approved", "on": PLAIN}).view
    page, handlers = someone("page"), {"proposal": propose.show_proposal, "held_out": propose.show_held_out}
    if working_out == "other":
        steps = answers(propose.show_comparison, view, "other", context=page)
    else:
        steps = answers(handlers[working_out], view, context=page)
    assert "message" in next(steps), "it is under way"
    elsewhere = act(view, {"do": "filter", "key": "approved"}, context=someone("another page"))
    here = act(view, {"do": "sort", "key": "alone"}, context=page)
    assert (elsewhere.view.only, here.view.only) == ("approved", "all"), "each page keeps its own"
    *_, end = steps
    assert (end["view"].only, end["view"].sort) == ("all", ("alone", False))
    assert getattr(end["view"], working_out)


@pytest.mark.parametrize("seen", [False, True])
def test_a_proposal_that_leaves_out_a_prompt_added_meanwhile_is_not_shown(
    view: CurateView, store: PromptStore, seen: bool
):
    page = someone("page")
    steps = answers(propose.show_proposal, view, context=page)
    next(steps)
    here = act(view, {"do": "filter", "key": "approved"}, context=page)
    add_prompt(store)
    there = decide.refresh(page, here.view) if seen else {"view": here.view}
    assert len(there["view"].measured.templates) == 3 + seen
    *_, end = steps
    assert "Prompts were added since" in end["message"] and end.keys() == {"message"}, "a filter stays as it is"


@pytest.mark.parametrize("working_out", ["held_out", "other"])
def test_a_filter_stays_where_a_prompt_was_added_while_something_was_worked_out(
    view: CurateView, store: PromptStore, working_out: str
):
    store.create(pack_of(CONTRARY, status="approved", pack_id="other"))
    view, page = act(view, {"do": "approved", "on": PLAIN}).view, someone("page")
    given = (propose.show_held_out, view) if working_out == "held_out" else (propose.show_comparison, view, "other")
    steps = answers(*given, context=page)
    next(steps)
    here = act(view, {"do": "filter", "key": "approved"}, context=page)
    add_prompt(store)
    there = decide.refresh(page, here.view)
    *_, end = steps
    assert len(there["view"].measured.templates) == 4
    assert end["view"].only == "approved" and getattr(end["view"], working_out)


@pytest.mark.parametrize("seen", [False, True])
def test_a_held_out_score_is_shown_where_a_prompt_was_added_meanwhile(view: CurateView, store: PromptStore, seen: bool):
    view, page = act(view, {"do": "approved", "on": PLAIN}).view, someone("page")
    steps = answers(propose.show_held_out, view, context=page)
    next(steps)
    add_prompt(store)
    if seen:
        decide.refresh(page, view)
    *_, end = steps
    foot = details(end["view"]).foot
    assert "all 3 prompts" in foot and "Over all prompts: 4 clips better, 0 worse" in foot
    assert len(end["view"].measured.templates) == 4


@pytest.mark.parametrize("by_adding", [False, True])
def test_the_score_of_prompts_that_are_no_longer_the_approved_is_not_shown(
    view: CurateView, store: PromptStore, by_adding: bool
):
    view = act(view, {"do": "approved", "on": PLAIN}).view
    steps = answers(propose.show_held_out, view, context=someone("page"))
    next(steps)
    if by_adding:
        add_prompt(store, "approved")
    else:
        act(view, {"do": "approved", "on": CONTRARY}, context=someone("page"))
    *_, end = steps
    assert "You have decided again since" in end["message"] and end.keys() == {"message"}
    assert times_tested(store.get("tones")) == 0, "nobody has seen it"


def test_nothing_approved_is_nothing_to_score(view: CurateView, store: PromptStore):
    found = shown(propose.show_held_out, view)
    assert "No prompt is approved" in found.message and found.keys() == {"message"}
    assert times_tested(store.get("tones")) == 0
    assert "disabled>Score" in details(view).foot


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_pack_is_exported_in_each_form(view: CurateView):
    act(view, {"do": "approved", "on": PLAIN})
    files = {kind: shown(packs.export, view, "tones", kind).parcel for kind in ("json", "list", "csv", "report")}
    names = {kind: file and file["name"] for kind, file in files.items()}
    assert names == {"json": "tones.json", "list": "tones-templates.json", "csv": "tones.csv", "report": "tones.md"}
    assert files["list"] and "the sound of {}" in files["list"]["content"]
    assert files["report"] and "## What it does to each class" in files["report"]["content"]
    assert "## What" not in shown(packs.export, None, "tones", "report").parcel["content"], "it is not measured"
    assert files["json"] and PromptPack.from_json(files["json"]["content"]) == PromptStore().get("tones")
    assert shown(packs.export, None, "", "json").parcel is None


def test_a_list_is_imported_as_a_pack_of_its_own(tmp_path: Path, store: PromptStore, manifest: str, view: CurateView):
    (tmp_path / "tones.txt").write_text("the sound of {}\na {}\n")
    kept = {"tones": {"data": manifest, "folds": "1", "share": 50, "seed": 0}}
    found = shown(packs.show_imported, view, str(tmp_path / "tones.txt"), kept, "fake")
    assert found.pack_in_hand == "tones-2" and "approved (2)" in found.strip
    assert len(store.get("tones-2").approved) == 2 and len(store.get("tones").entries) == 3


def test_a_file_that_is_no_pack_is_said_in_place(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("no slot here")
    found = shown(packs.show_imported, None, str(tmp_path / "notes.txt"), {}, "fake")
    assert "notes.txt, line 1" in found.message.lower()


def test_an_upload_is_kept_for_another_day(tmp_path: Path):
    (tmp_path / "clips.zip").write_bytes(b"PK")
    kept = Path(measure.keep_upload(IN_PROCESS, str(tmp_path / "clips.zip")))
    assert kept.name == "clips.zip" and kept.read_bytes() == b"PK" and kept.parent != tmp_path


def test_only_clips_of_the_desk_are_played_and_not_for_long(view: CurateView, monkeypatch: pytest.MonkeyPatch):
    player = decide.play_clip(view, 0)["player"]
    assert player.visible and player.label == "hum: hum-1-0.wav"
    assert soundfile.info(player.value["path"]).duration == pytest.approx(1.0)
    monkeypatch.setattr(decide, "LONGEST_PLAYED", 0.25)
    assert soundfile.info(decide.play_clip(view, 0)["player"].value["path"]).duration == 0.25
    assert decide.play_clip(view, 99) == decide.play_clip(view, -1) == decide.play_clip(None, 0) == {}


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_other_people_s_text_is_text_everywhere(store: PromptStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Context, "name", NASTY)
    manifest = clips_in(tmp_path)
    manifest.write_text(manifest.read_text().replace(",whistle,", f",whistle {NASTY},"))
    nasty = Template(f"the contrary of {{label}} {NASTY}")
    entry = PackEntry(template=nasty, status="rejected", decided_by=NASTY, reason=NASTY)
    store.save(pack_of(PLAIN).model_copy(update={"title": NASTY, "entries": (entry, pack_of(PLAIN).entries[0])}))
    found = measure_on(None, "tones", str(manifest), "1")
    after = act(found.view, {"do": "approved", "on": nasty.text})
    parts = [part for part in (found | after | details(after.view, nasty.text)).values() if isinstance(part, str)]
    parts.append(html.ask_for_clips(store.get("tones")))
    assert all("<img" not in part for part in parts)
    assert sum("&lt;img" in part for part in parts) >= 4


@pytest.mark.parametrize(("share", "text"), [(0.056, "+5.6"), (-0.013, "\u22121.3"), (0.0, "0.0"), (-0.0001, "0.0")])
def test_differences_have_a_sign_or_none(share: float, text: str):
    assert numbers.signed(share) == text


@pytest.mark.parametrize(
    ("template", "label", "expected"),
    [
        ("A {label} here", "owl", 'An <span class="slot">owl</span> here'),
        ("{label}", "a & b", '<span class="slot">a &amp; b</span>'),
        ("the owl of {label}", "owl", 'the owl of <span class="slot">owl</span>'),
    ],
)
def test_a_label_is_set_off_where_it_was_put_in(template: str, label: str, expected: str):
    filled = markup.fill(Template(template), label)
    assert render("shared/template.html", "filled", prompt=filled) == expected


def test_the_curve_has_a_point_for_every_number_of_prompts_approved(view: CurateView):
    found = act(view, {"do": "approved", "on": PLAIN}, {"do": "approved", "on": BIASED})
    assert details(found.view).foot.count("<i style=") == 2
    assert "First 2: " in details(found.view).foot


# --- ways to answer ---------------------------------------------------------------------------------------------------


def test_ways_to_answer_are_compared_and_one_is_looked_at(view: CurateView, store: PromptStore):
    def told(way: str) -> str:
        return str(
            Shown(
                {name: value for one in propose.follow_answers(IN_PROCESS, view, way) for name, value in one.items()}
            ).answers
        )

    everything = told("")
    assert "All 3 prompts, because nothing is approved yet" in everything
    assert all(f'data-key="{name}"' in everything for name in ("vanilla", *ENSEMBLES.names, "together"))
    assert everything.count('aria-pressed="true"') == 1 and "expected calibration error" in everything
    assert "<b>With the clips&#39; help</b>" in everything, "also where the clips were not followed"
    act(view, {"do": "approved", "on": PLAIN})
    chosen = told("together")
    assert "1 approved prompt, on 8 clips" in chosen and 'data-key="together" aria-pressed="true"' in chosen
    act(view, {"do": "approved", "on": CONTRARY}, {"do": "rejected", "on": PLAIN})
    upset = told("")
    assert "“hum” is recognised less often: 100.0 → 0.0 % of its 4 clips" not in upset, "four clips may be chance"
    assert "hum → whistle" in upset and "0 → 4" in upset
