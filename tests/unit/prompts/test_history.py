"""Decisions on a pack: what they change, what the history tells of it, and that it is enough to undo and redo."""

import doctest
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioprompt.prompts import history
from audioprompt.prompts.history import (
    add,
    decide,
    next_step,
    record,
    record_test,
    times_tested,
)
from audioprompt.prompts.pack import (
    MAX_TEMPLATES,
    HistoryEvent,
    Measurement,
    PackEntry,
    PackError,
    PromptPack,
    Provenance,
    Status,
)
from audioprompt.prompts.store import BUNDLED, PromptStore
from audioprompt.prompts.template import Template
from audioprompt.settings import bundled_store_folder
from tests.curating import redo, undo

NOON = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
LATER = NOON + timedelta(hours=1)
TEXTS = ["a loud {label}", "a soft {label}", "a dull {label}", "one {label}"]
LOUD, SOFT, DULL, ONE = TEXTS


def measurement(accuracy: float = 0.5, **changes: Any) -> Measurement:
    fields: dict[str, Any] = {"model": "embedded", "revision": "ab12", "data": "mine", "split": "fold 1", "n": 40}
    return Measurement(**fields | changes, accuracy=accuracy)


@pytest.fixture
def pack() -> PromptPack:
    """Three candidates, and one that was approved when the pack was written."""
    candidates = [PackEntry(template=Template(text)) for text in TEXTS[:3]]
    approved = PackEntry(template=Template(ONE), status="approved", decided_by="eve", decided_at=NOON, reason="plain")
    return PromptPack(id="x", title="X", provenance=Provenance(generator="g"), entries=(*candidates, approved))


def statuses(pack: PromptPack) -> str:
    """The entries' status by their first letters: c, a or r."""
    return "".join(entry.status[0] for entry in pack.entries)


def test_doctest() -> None:
    assert doctest.testmod(history).failed == 0


def test_a_decision_stands_in_the_entry_and_in_the_history(pack: PromptPack) -> None:
    after = decide(pack, [SOFT], "approved", "ada", NOON, "clear")
    assert statuses(after) == "caca"
    entry = after.entries[1]
    assert (entry.decided_by, entry.decided_at, entry.reason) == ("ada", NOON, "clear")
    (event,) = after.history
    assert event == HistoryEvent(
        at=NOON,
        who="ada",
        action="decide",
        change=1,
        template=SOFT,
        from_status="candidate",
        to_status="approved",
        reason="clear",
    )
    assert pack.history == () and statuses(pack) == "ccca", "the pack given was changed"


def test_now_is_when_nothing_else_is_said(pack: PromptPack) -> None:
    before = datetime.now(timezone.utc).replace(microsecond=0)
    (event,) = decide(pack, [SOFT], "approved", "ada").history
    assert before <= event.at <= datetime.now(timezone.utc)


def test_several_templates_are_one_change(pack: PromptPack) -> None:
    after = decide(pack, [DULL, LOUD], "rejected", "ada", NOON)
    assert statuses(after) == "rcra"
    assert [(event.template, event.change) for event in after.history] == [(LOUD, 1), (DULL, 1)]
    assert statuses(undo(after, "ada")) == "ccca"


def test_what_is_decided_already_is_left_alone(pack: PromptPack) -> None:
    assert decide(pack, [ONE], "approved", "ada") is pack
    assert decide(pack, [ONE], "approved", "ada", reason=" plain ") is pack
    assert decide(pack, [], "approved", "ada") is pack
    both = decide(pack, [LOUD, ONE], "approved", "ada")
    assert [event.template for event in both.history] == [LOUD]
    assert both.entries[3].decided_by == "eve"


def test_another_reason_is_another_decision(pack: PromptPack) -> None:
    after = decide(pack, [ONE], "approved", "ada", NOON, "short")
    assert (after.entries[3].decided_by, after.entries[3].reason) == ("ada", "short")
    assert undo(after, "ada").entries == pack.entries


def test_undo_and_redo_restore_who_when_and_why(pack: PromptPack) -> None:
    once = decide(pack, TEXTS, "rejected", "ada", NOON, "all bad")
    twice = decide(once, [ONE], "approved", "bob", LATER, "but this")
    assert undo(twice, "cy").entries == once.entries
    assert undo(undo(twice, "cy"), "cy").entries == pack.entries
    assert redo(undo(twice, "cy"), "cy").entries == twice.entries
    assert redo(undo(undo(twice, "cy"), "cy"), "cy").entries == once.entries


def test_an_undo_is_itself_in_the_history(pack: PromptPack) -> None:
    decided = decide(pack, [ONE], "rejected", "ada", NOON)
    undone = undo(decided, "bob", LATER)
    assert undone.history[:1] == decided.history
    event = undone.history[1]
    assert (event.who, event.at, event.action, event.change) == ("bob", LATER, "undo", 2)
    assert (event.template, event.from_status, event.to_status) == (ONE, "rejected", "approved")
    again = redo(undone, "cy", LATER).history[2]
    assert (again.who, again.action, again.from_status, again.to_status) == ("cy", "redo", "approved", "rejected")


@pytest.mark.parametrize("step", [undo, redo])
def test_nothing_to_undo_or_redo(pack: PromptPack, step: Callable[[PromptPack, str], PromptPack]) -> None:
    with pytest.raises(PackError, match=f"There is nothing to {step.__name__} in x"):
        step(pack, "ada")


def test_a_new_decision_leaves_nothing_to_redo(pack: PromptPack) -> None:
    undone = undo(decide(pack, [LOUD], "approved", "ada"), "ada")
    assert [event.template for event in next_step(undone, "redo")] == [LOUD]
    other = decide(undone, [SOFT], "approved", "ada")
    assert next_step(other, "redo") == ()
    assert [event.template for event in next_step(other, "undo")] == [SOFT]


def test_measuring_and_adding_do_not_come_between_a_decision_and_its_undo(pack: PromptPack) -> None:
    after = decide(pack, [LOUD], "approved", "ada")
    after = undo(decide(after, [SOFT], "rejected", "ada"), "ada")
    after = add(after, [PackEntry(template=Template("new {label}"))], "ada")
    after = record_test(record(after, {LOUD: measurement()}, "ada"), measurement(), "ada")
    assert statuses(redo(after, "ada")) == "arcac"
    assert statuses(undo(after, "ada")) == "cccac"


def test_a_clock_that_goes_back_changes_no_order(pack: PromptPack) -> None:
    text = pack.entries[0].template.text
    later, earlier = datetime(2030, 1, 2, tzinfo=timezone.utc), datetime(2030, 1, 1, tzinfo=timezone.utc)
    decided = decide(decide(pack, [text], "approved", "me", later), [text], "rejected", "me", earlier)
    assert PromptPack.from_json(decided.to_json()) == decided
    assert [event.to_status for event in decided.history] == ["approved", "rejected"]
    assert undo(decided, "me", earlier).entries[0].status == "approved"


def test_undo_passes_over_templates_removed_from_the_file(pack: PromptPack) -> None:
    after = decide(decide(pack, [ONE], "rejected", "ada"), [LOUD, SOFT], "approved", "ada")
    edited = after.model_copy(update={"entries": after.entries[1:]})
    assert statuses(undo(edited, "ada")) == "ccr"
    assert statuses(undo(undo(edited, "ada"), "ada")) == "cca"


def test_events_of_an_older_file_have_no_number_and_are_changes_each(pack: PromptPack) -> None:
    history = tuple(
        HistoryEvent(at=NOON, who="ada", action="decide", template=text, from_status="candidate", to_status="approved")
        for text in (LOUD, SOFT)
    )
    old = pack.model_copy(update={"history": history})
    assert [event.template for event in next_step(old, "undo")] == [SOFT]
    assert [event.template for event in next_step(undo(old, "ada"), "undo")] == [LOUD]


actions = st.one_of(
    st.tuples(st.lists(st.sampled_from(TEXTS), min_size=1), st.sampled_from(["candidate", "approved", "rejected"])),
    st.sampled_from(["undo", "redo"]),
)


@given(st.lists(actions, max_size=25))
def test_any_row_of_decisions_undo_and_redo_survives_reloading(steps: list[Any]) -> None:
    """Against stacks of whole packs, as an editor would hold them in memory; the pack is written and read each time."""
    entries = tuple(PackEntry(template=Template(text)) for text in TEXTS)
    pack = PromptPack(id="x", title="X", provenance=Provenance(generator="g"), entries=entries)
    before: list[PromptPack] = []
    after: list[PromptPack] = []
    for number, step in enumerate(steps):
        history = pack.history
        if step == "undo" and before:
            after.append(pack)
            expected, pack = before.pop(), undo(pack, "bob")
            assert pack.entries == expected.entries
        elif step == "redo" and after:
            before.append(pack)
            expected, pack = after.pop(), redo(pack, "bob")
            assert pack.entries == expected.entries
        elif isinstance(step, tuple):
            texts, status = step
            decided = decide(pack, texts, status, "ada", NOON + timedelta(minutes=number))
            if decided is not pack:
                before.append(pack)
                after.clear()
            pack = decided
            assert all(entry.status == status for entry in pack.entries if entry.template.text in texts)
        else:
            with pytest.raises(PackError, match="nothing to"):
                (undo if step == "undo" else redo)(pack, "bob")
        assert pack.history[: len(history)] == history
        again = PromptPack.from_json(pack.to_json())
        assert again == pack
        pack = again


def test_add(pack: PromptPack) -> None:
    new = PackEntry(template=Template.tspe("quiet", "hall"), measured=(measurement(),))
    known = PackEntry(template=Template(ONE), status="rejected")
    after = add(pack, [new, known, new], "ada", NOON)
    assert after.entries == (*pack.entries, new)
    (event,) = after.history
    assert (event.action, event.template, event.to_status) == ("add", new.template.text, "candidate")
    assert add(after, [new, known], "ada") is after


def test_add_says_when_the_pack_is_full(pack: PromptPack) -> None:
    many = [PackEntry(template=Template(f"{n} {{label}}")) for n in range(MAX_TEMPLATES)]
    with pytest.raises(PackError, match="x: entries must hold at most 2000 templates, holds 2004"):
        add(pack, many, "ada")


def test_record_keeps_the_newest_figure_of_each_kind(pack: PromptPack) -> None:
    once = record(pack, {LOUD: measurement(0.25), ONE: measurement(0.75)}, "ada", NOON)
    assert [[figure.accuracy for figure in entry.measured] for entry in once.entries] == [[0.25], [], [], [0.75]]
    assert [event.reason for event in once.history] == ["accuracies on mine, fold 1, with embedded"]
    assert record(once, {LOUD: measurement(0.25)}, "ada") is once
    newer = record(once, {LOUD: measurement(0.5, n=80)}, "ada")
    assert newer.entries[0].measured == (measurement(0.5, n=80),)
    other = record(newer, {LOUD: measurement(0.125, revision="cd34")}, "ada")
    assert [figure.accuracy for figure in other.entries[0].measured] == [0.5, 0.125]
    assert [entry.status for entry in other.entries] == [entry.status for entry in pack.entries]


def test_the_pack_counts_how_often_it_was_tested(pack: PromptPack) -> None:
    assert times_tested(pack) == 0
    for number in range(1, 4):
        pack = record_test(pack, measurement(0.5, split="fold 3"), "ada", NOON)
        assert times_tested(PromptPack.from_json(pack.to_json())) == number
    assert pack.history[0].measured == measurement(0.5, split="fold 3")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda pack: decide(pack, [LOUD, "a {label}"], "approved", "ada"), r"x has no template 'a \{label\}'"),
        (lambda pack: record(pack, {"a {label}": measurement()}, "ada"), r"x has no template 'a \{label\}'"),
        (lambda pack: decide(pack, [LOUD], "approved", " "), "x: who must not be empty"),
        (lambda pack: decide(pack, [LOUD], "approved", "a" * 201), "x: who must have at most 200"),
        (lambda pack: decide(pack, [LOUD], cast(Status, "liked"), "ada"), "x: to_status must be 'candidate'"),
        (lambda pack: decide(pack, [LOUD], "approved", "ada", datetime(2026, 1, 1)), "x: at must have timezone"),
        (lambda pack: decide(pack, [LOUD], "approved", "ada", reason="a" * 2_001), "x: reason must have at most 2000"),
        (lambda pack: record_test(pack, measurement(), ""), "x: who must not be empty"),
    ],
)
def test_unfit_arguments(pack: PromptPack, change: Callable[[PromptPack], PromptPack], message: str) -> None:
    with pytest.raises(PackError, match=message):
        change(pack)


def test_the_packs_that_come_along_can_be_decided_on() -> None:
    for pack in map(PromptStore(bundled_store_folder()).get, sorted(BUNDLED)):
        status: Status = "rejected"
        after = decide(pack, [entry.template.text for entry in pack.entries], status, "ada", NOON)
        assert after.approved == ()
        assert undo(PromptPack.from_json(after.to_json()), "ada").entries == pack.entries


# --- prompts written by hand, other titles, copies -------------------------------------------------------------------


def test_a_prompt_written_by_hand_is_a_candidate_that_says_so(pack: PromptPack) -> None:
    longer = history.write_prompt(pack, "the hum of a {}", "ada", NOON)
    assert longer.entries[-1] == PackEntry(template=Template("the hum of a {label}"))
    (event,) = longer.history
    assert (event.action, event.who, event.reason) == ("add", "ada", "written by hand")


def test_an_edited_prompt_takes_the_place_of_the_old_one_which_undo_brings_back(pack: PromptPack) -> None:
    edited = history.write_prompt(pack, "just one {label}", "ada", NOON, edited_from=ONE)
    assert statuses(edited) == "cccrc"
    assert edited.entries[3].reason == "replaced by “just one {}”"
    assert [event.reason for event in edited.history] == ["edited from “one {}”", "replaced by “just one {}”"]
    back = undo(edited, "ada")
    assert statuses(back) == "cccac" and back.entries[3].decided_by == "eve"


def test_a_duplicate_leaves_the_prompt_it_was_made_from(pack: PromptPack) -> None:
    longer = history.write_prompt(pack, "only one {label}", "ada", NOON, copied_from=ONE)
    assert statuses(longer) == "cccac" and longer.history[-1].reason == "copied from “one {}”"


@pytest.mark.parametrize(
    ("text", "origin", "message"),
    [
        (LOUD, None, "has the prompt 'a loud {}' already"),
        ("a loud  {}", LOUD, "has the prompt 'a loud {}' already"),
        ("something", None, "has no slot"),
        ("new {}", "gone {label}", "has no template 'gone {label}'"),
    ],
)
def test_what_is_no_new_prompt_is_refused(pack: PromptPack, text: str, origin: str | None, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        history.write_prompt(pack, text, "ada", NOON, edited_from=origin)


def test_another_title_and_a_copy_are_noted_and_keep_what_was_decided(pack: PromptPack) -> None:
    renamed = history.rename(decide(pack, [LOUD], "approved", "ada", NOON), " Y \n z", "bob", NOON)
    assert (renamed.id, renamed.title, renamed.history[-1].reason) == ("x", "Y z", "from “X” to “Y z”")
    assert history.rename(renamed, "Y z", "bob") is renamed
    copy = history.copy(renamed, "y", "Z", "bob", NOON)
    assert (copy.id, copy.title, copy.history[-1].reason) == ("y", "Z", "from x")
    assert copy.entries == renamed.entries and undo(copy, "bob").entries[0].status == "candidate"
    with pytest.raises(PackError, match="title"):
        history.rename(pack, "", "bob")
    with pytest.raises(PackError, match="id must be small letters"):
        history.copy(pack, "Not an id", "Z", "bob")
