"""Measured packs: what is measured once, and what a decision writes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audioprompt.audio.recording import AudioError
from audioprompt.core.metrics import Score
from audioprompt.data import DataError, LabelledClips
from audioprompt.prompts.history import PROPOSED, times_tested
from audioprompt.prompts.pack import PackEntry, PackError, PromptPack, Status
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import Template
from audioprompt.services import curate as curation
from audioprompt.services.curate import AUTO, MeasuredPack, Split, decisions, measure
from audioprompt.services.curate.decisions import decide_unmeasured, step_history
from audioprompt.services.curate.setup import DEMONSTRATION_PACK
from audioprompt.util.jobs import Stopped
from audioprompt.util.lru import Recent
from tests.curating import BIASED, CONTRARY, PLAIN, clips_in, labelled, pack_of, redo, undo
from tests.fakes import FakeModel

FOLD_1 = Split(folds=(1,))
PACK = pack_of(PLAIN, CONTRARY, BIASED)


@pytest.fixture(autouse=True)
def nothing_measured_yet() -> None:
    curation.forget()


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


@pytest.fixture
def clips(tmp_path: Path) -> LabelledClips:
    return labelled(tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> PromptStore:
    store = PromptStore(tmp_path / "store")
    store.create(PACK)
    return store


@pytest.fixture
def measured(model: FakeModel, clips: LabelledClips) -> MeasuredPack:
    return measure(model, PACK, clips, FOLD_1)


# --- which clips ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folds", "suggested"), [((1, 2), (1,)), ((1, 2, 3), (1, 2)), ((1, 2, 3, 4), (1, 2)), ((5,), None), (None, None)]
)
def test_the_first_half_of_the_folds_is_suggested(folds: tuple[int, ...] | None, suggested: tuple[int, ...] | None):
    paths = tuple(Path(f"{number}.wav") for number in range(len(folds or (1, 2))))
    found = LabelledClips(paths, tuple("ab"[number % 2] for number in range(len(paths))), folds)
    assert Split.suggested(found).folds == suggested


def test_parts_are_named_by_their_folds_or_their_share(clips: LabelledClips):
    seen, unseen = FOLD_1.divide(clips)
    assert (FOLD_1.name(seen), FOLD_1.name(unseen, held_out=True)) == ("fold 1", "fold 2")
    by_fraction = Split(fraction=0.25, seed=7)
    seen, unseen = by_fraction.divide(clips)
    assert by_fraction.name(seen) == "25 % (seed 7)"
    assert by_fraction.name(unseen, held_out=True) == "the other 75 % (seed 7)"


# --- measuring --------------------------------------------------------------------------------------------------------


def test_templates_are_measured_on_the_clips_looked_at_and_nothing_else(model: FakeModel, measured: MeasuredPack):
    assert measured.table.scores == (Score(8, 8), Score(0, 8), Score(4, 8))
    assert len(measured.validation) == len(measured.test) == 8
    assert model.windows_heard == 8, "the clips held out are not even listened to"
    assert set(measured.validation.paths).isdisjoint(measured.test.paths)


def test_flags_tell_of_the_text_and_of_the_clips_lost(model: FakeModel, tmp_path: Path):
    found = measure(model, PACK, labelled(tmp_path, each=6), FOLD_1)
    kinds = [{flag.kind for flag in flags} for flags in found.flags]
    assert "loses" in kinds[1] and "label" in kinds[2]
    assert kinds[0] == {"format"}


def test_what_was_measured_is_found_again(model: FakeModel, clips: LabelledClips, measured: MeasuredPack):
    again = measure(model, PACK, LabelledClips.from_manifest(clips.paths[0].parent / "clips.csv"), FOLD_1)
    assert again is measured
    assert measure(model, PACK, clips, Split(folds=(2,))) is not measured


def test_a_restart_hears_nothing_again_but_reads_it_from_the_disk(model: FakeModel, clips: LabelledClips):
    measure(model, PACK, clips, FOLD_1)
    curation.forget()
    fresh = FakeModel()
    assert measure(fresh, PACK, clips, FOLD_1).table.scores[0] == Score(8, 8)
    assert fresh.windows_heard == 0 and fresh.texts_read == []


def test_a_recording_that_was_replaced_is_heard_anew(model: FakeModel, clips: LabelledClips, measured: MeasuredPack):
    seen, _ = FOLD_1.divide(clips)
    hum, whistle = seen.paths[0], seen.paths[-1]
    hum.write_bytes(whistle.read_bytes() + b"  ")
    assert measure(model, PACK, clips, FOLD_1).table.scores[0] == Score(7, 8)


def test_new_templates_take_a_new_table_and_no_new_listening(model: FakeModel, measured: MeasuredPack):
    model.texts_read.clear()
    longer = pack_of(PLAIN, CONTRARY, BIASED, "a recording of {label}")
    other = measured.for_pack(longer)
    assert len(other.table.scores) == 4 and other.table.scores[:3] == measured.table.scores
    assert model.windows_heard == 8
    assert sorted(model.texts_read) == ["a recording of hum", "a recording of whistle"]
    assert measured.for_pack(PACK) is measured


def test_a_recording_listed_twice_is_heard_once(model: FakeModel, tmp_path: Path):
    manifest = clips_in(tmp_path)
    manifest.write_text(manifest.read_text() + "\nhum-1-0.wav,whistle,1")
    found = measure(model, PACK, LabelledClips.from_manifest(manifest), FOLD_1)
    assert found.table.n == 9 and model.windows_heard == 8
    assert found.table.scores[0] == Score(8, 9)


def test_progress_counts_clips_and_prompts(model: FakeModel, clips: LabelledClips):
    told = []
    measure(model, PACK, clips, FOLD_1, lambda *how_far: told.append(how_far))
    assert told[0] == ("clips", 1, 8) and ("clips", 8, 8) in told
    assert told[-1] == ("prompts", 10, 10)  # vanilla, the bare label and three templates, each for two classes


def test_a_pack_without_a_prompt_and_folds_that_do_not_exist_are_refused(model: FakeModel, clips: LabelledClips):
    with pytest.raises(PackError, match="tones has no prompts: generate some"):
        measure(model, pack_of(), clips, FOLD_1)
    with pytest.raises(DataError, match="has no fold 9"):
        measure(model, PACK, clips, Split(folds=(9,)))


# --- decisions --------------------------------------------------------------------------------------------------------


def test_a_decision_is_stored_with_what_it_was_taken_on(store: PromptStore, measured: MeasuredPack):
    pack = curation.decide(store, measured, "tones", {PLAIN: "approved"}, "ada")
    assert store.get("tones") == pack
    assert measured.approved(pack).tolist() == [True, False, False]
    assert measured.report(pack).ensemble == Score(8, 8)
    assert [entry.measured[0].accuracy for entry in pack.entries] == [1.0, 0.0, 0.5]
    figure = pack.entries[0].measured[0]
    assert (figure.model, figure.revision, figure.split, figure.n) == ("fake", "1", "fold 1", 8)
    assert figure.data == measured.validation.name


def test_accuracies_are_recorded_once(store: PromptStore, measured: MeasuredPack):
    curation.decide(store, measured, "tones", {PLAIN: "approved"}, "ada")
    pack = curation.decide(store, measured, "tones", {CONTRARY: "rejected"}, "ada")
    assert [event.action for event in pack.history] == ["measure", "decide", "decide"]


def test_a_decision_that_changes_nothing_writes_nothing(store: PromptStore, measured: MeasuredPack):
    stamp = store.stamp("tones")
    curation.decide(store, measured, "tones", {PLAIN: "candidate"}, "ada")
    assert store.stamp("tones") == stamp


def test_a_whole_selection_is_one_change(store: PromptStore, measured: MeasuredPack):
    curation.decide(store, measured, "tones", {BIASED: "approved"}, "ada")
    wanted: dict[str, Status] = {PLAIN: "approved", CONTRARY: "rejected", BIASED: "rejected"}
    chosen = curation.decide(store, measured, "tones", wanted, AUTO, "proposed by auto-curation")
    assert [entry.status for entry in chosen.entries] == ["approved", "rejected", "rejected"]
    assert {entry.reason for entry in chosen.entries} == {"proposed by auto-curation"}
    back = store.update("tones", lambda pack: undo(pack, "ada"))
    assert [entry.status for entry in back.entries] == ["candidate", "candidate", "approved"]
    again = store.update("tones", lambda pack: redo(pack, "ada"))
    assert [entry.status for entry in again.entries] == ["approved", "rejected", "rejected"]


def test_a_template_that_someone_removed_stops_no_other_decision(store: PromptStore, measured: MeasuredPack):
    store.save(pack_of(PLAIN, CONTRARY))
    pack = curation.decide(store, measured, "tones", {PLAIN: "approved"}, "ada")
    assert len(pack.approved) == 1
    with pytest.raises(PackError, match="has no template"):
        curation.decide(store, measured, "tones", {BIASED: "approved"}, "ada")


def test_a_proposal_names_only_what_it_would_change(measured: MeasuredPack, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(decisions, "propose", lambda table, **_: table.alone.mean(axis=1) == 0.5)  # PLAIN and CONTRARY
    entries = [entry.model_copy(update={"status": "approved"}) for entry in PACK.entries[::2]]
    pack = PACK.model_copy(update={"entries": (entries[0], PACK.entries[1], entries[1])})
    proposal = curation.propose_selection(measured, PACK)
    assert proposal.selection.tolist() == [True, True, False]
    assert proposal.changes(pack) == {CONTRARY: "approved", BIASED: "rejected"}
    assert proposal.report.ensemble == Score(4, 8)  # the two cancel out, and the first class wins


def test_what_people_decided_is_no_matter_of_a_proposal(store: PromptStore, measured: MeasuredPack):
    curation.decide(store, measured, "tones", {PLAIN: "rejected"}, "ada")
    pack = curation.decide(store, measured, "tones", {CONTRARY: "approved"}, "ada", "wanted by the lab")
    proposal = curation.propose_selection(measured, pack)
    assert proposal.kept == {PLAIN: "rejected", CONTRARY: "approved"}
    assert proposal.kept_in_words == "your 1 rejection and 1 approval"
    assert proposal.selection.tolist()[:2] == [False, True] and proposal.wanted[PLAIN] == "rejected"
    later = curation.decide(store, measured, "tones", {BIASED: "rejected"}, "bob")
    assert curation.revise(proposal, measured, later).wanted[BIASED] == "rejected"
    applied = curation.apply_proposal(store, measured, "tones", proposal, AUTO)
    assert [entry.status for entry in applied.entries] == ["rejected", "approved", "rejected"]
    assert applied == later, "decisions that came after the proposal was made stay as well"


def test_an_applied_proposal_is_open_to_the_next_but_not_once_a_person_confirms_it(
    store: PromptStore, measured: MeasuredPack
):
    proposal = curation.propose_selection(measured, store.get("tones"))
    pack = curation.apply_proposal(store, measured, "tones", proposal, "ada")
    assert {entry.reason for entry in pack.entries} == {PROPOSED}
    assert not curation.propose_selection(measured, pack).kept
    text, status = next(iter(proposal.wanted.items()))
    confirmed = curation.decide(store, measured, "tones", {text: status}, "ada")
    assert curation.propose_selection(measured, confirmed).kept == {text: status}
    back = store.update("tones", lambda pack: undo(pack, "ada"))
    assert not curation.propose_selection(measured, back).kept


def test_approvals_of_nobody_and_of_the_bundled_packs_are_open_rejections_of_nobody_are_not(measured: MeasuredPack):
    entries = [
        PACK.entries[0].model_copy(update={"status": "approved"}),
        PACK.entries[1].model_copy(update={"status": "approved", "decided_by": "audioprompt"}),
        PACK.entries[2].model_copy(update={"status": "rejected"}),
    ]
    pack = PACK.model_copy(update={"entries": tuple(entries)})
    assert curation.propose_selection(measured, pack).kept == {BIASED: "rejected"}


def test_auto_curation_proposes_some_of_the_templates(measured: MeasuredPack):
    proposal = curation.propose_selection(measured, PACK)
    assert proposal.selection.any() and proposal.wanted.keys() == measured.positions.keys()


def test_the_demonstration_s_pack_is_written_once(tmp_path: Path):
    store = PromptStore(tmp_path / "empty")
    assert curation.demonstration_pack(store) == curation.demonstration_pack(store)
    pack = store.get(DEMONSTRATION_PACK)
    assert len(pack.entries) == 40 and {entry.status for entry in pack.entries} == {"candidate"}
    assert pack.category is None


def test_two_pages_that_ask_for_the_demonstration_s_pack_at_once_both_get_it(tmp_path: Path):
    class Slow(PromptStore):
        def ids(self) -> list[str]:
            before = super().ids()
            if DEMONSTRATION_PACK not in before:
                curation.demonstration_pack(PromptStore(self.folder))
            return before

    assert curation.demonstration_pack(Slow(tmp_path / "store")) == DEMONSTRATION_PACK


def test_whoever_undoes_is_told_what_they_undid_whatever_others_undo_at_the_same_time(store: PromptStore):
    for text in (PLAIN, CONTRARY):
        decide_unmeasured(store, "tones", [text], "approved", "ada")

    class Late(PromptStore):
        def update(self, pack_id: str, change: Callable[[PromptPack], PromptPack]) -> PromptPack:
            assert step_history(store, pack_id, "undo", "bob") == [CONTRARY]
            return super().update(pack_id, change)

    assert step_history(Late(store.folder), "tones", "undo", "ada") == [PLAIN]


# --- clips held out ---------------------------------------------------------------------------------------------------


def test_held_out_clips_are_scored_on_demand_and_the_pack_counts_it(
    store: PromptStore, measured: MeasuredPack, model: FakeModel
):
    found = curation.score_held_out(measured, np.array([True, False, False]))
    assert model.windows_heard == 16
    assert found.ensemble == found.best == found.vanilla == Score(8, 8)
    assert found.uncurated == Score(4, 8)
    assert (found.against_uncurated.better, found.against_uncurated.worse) == (4, 0)
    assert times_tested(store.get("tones")) == 0
    for times in (1, 2):
        pack = curation.note_held_out(store, measured, "tones", found, "ada")
        assert times_tested(pack) == times
    figure = pack.history[-1].measured
    assert figure and (figure.split, figure.accuracy, figure.n) == ("fold 2", 1.0, 8)


def test_nothing_approved_is_nothing_to_score(measured: MeasuredPack):
    with pytest.raises(PackError, match="approve some first"):
        curation.score_held_out(measured, np.zeros(3, bool))


# --- jobs -------------------------------------------------------------------------------------------------------------


def test_measuring_can_be_stopped_without_losing_what_was_encoded(model: FakeModel, clips: LabelledClips):
    def slowly(what: str, done: int, total: int) -> None:
        if done == 3:
            raise Stopped

    with pytest.raises(Stopped):
        measure(model, PACK, clips, FOLD_1, slowly)
    heard_before = model.windows_heard
    measure(model, PACK, clips, FOLD_1)
    assert heard_before < 8 and model.windows_heard <= 8 + 1, "what was encoded before the stop is not encoded again"


def test_the_one_unused_for_longest_makes_room():
    kept: Recent[int] = Recent(2)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.get("a") == 1
    kept.put("c", 3)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (1, None, 3)
    assert kept.put("a", 9) == 1, "the first of two who measured the same is kept"


def test_entries_added_by_another_are_undecided(measured: MeasuredPack):
    longer = PACK.model_copy(update={"entries": (*PACK.entries, PackEntry(template=Template("{label} again")))})
    assert measured.for_pack(longer).approved(longer).tolist() == [False] * 4


def test_folds_that_part_recordings_are_not_suggested() -> None:
    paths = tuple(Path(f"{number}.wav") for number in range(4))
    clips = LabelledClips(paths, ("a", "b", "a", "b"), (1, 1, 2, 2), groups=("g", "h", "i", "j"))
    assert Split.suggested(clips).folds == (1,)
    assert Split.suggested(replace(clips, groups=("g", "h", "g", "h"))).folds is None


def test_bad_recordings_are_left_out_of_both_parts(tmp_path: Path) -> None:
    clips = labelled(tmp_path)
    bad = [tmp_path / "hum-1-1.wav", tmp_path / "whistle-2-3.wav"]
    for path in bad:
        path.write_text("no sound")
    with pytest.raises(AudioError, match=r"2 of 16 recordings cannot be used: hum-1-1\.wav holds .*; whistle-2-3\.wav"):
        measure(FakeModel(), PACK, clips, FOLD_1)
    measured = measure(FakeModel(), PACK, clips, FOLD_1, skip_bad=True)
    assert measured.table.n == 7 and [one.name for one in measured.validation.left_out] == [
        "hum-1-1.wav",
        "whistle-2-3.wav",
    ]
    assert curation.score_held_out(measured, measured.table.everything).ensemble.n == 7
    assert measured.for_pack(pack_of(PLAIN)).table.n == 7


def test_a_division_by_chance_keeps_near_twins_together(tmp_path: Path) -> None:
    clips = replace(labelled(tmp_path), folds=None)
    measured = measure(FakeModel(), PACK, clips, Split())
    assert not set(measured.validation.groups) & set(measured.test.groups)
    assert len(set(measured.validation.groups) | set(measured.test.groups)) < len(clips), "some tones are near twins"
    assert any("sound nearly the same" in remark for remark in measured.validation.remarks)


@pytest.mark.parametrize(("labels", "message"), [("aaaa", "has only one class"), ("aAaA", "names differ only in case")])
def test_classes_that_cannot_be_told_apart_are_refused(tmp_path: Path, labels: str, message: str) -> None:
    clips = replace(labelled(tmp_path), classes=tuple(sorted(set(labels))), labels=tuple(labels * 4))
    with pytest.raises(DataError, match=message):
        measure(FakeModel(), PACK, clips, FOLD_1)
