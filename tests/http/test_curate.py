"""Curate over HTTP: how much a decision sends, and a pack that somebody deleted in another page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from audioprompt.prompts.store import PromptStore
from tests.curating import CONTRARY, PLAIN, clips_in, pack_of
from tests.http.test_role_table import Person
from tests.serving import Running

PROMPTS, MAX_DECISION_BYTES, MAX_DETAILS_BYTES = 500, 6_000, 40_000


@pytest.fixture(scope="module")
def person(home: Running) -> Person:
    return Person(home, "curator at home")


@pytest.fixture(scope="module")
def store(home: Running) -> PromptStore:
    return PromptStore(home.folder / "store")


@pytest.fixture
def clips(tmp_path: Path) -> str:
    return str(clips_in(tmp_path))


def remembered(pack_id: str, clips: str) -> dict[str, Any]:
    """What a browser keeps of a pack's clips."""
    return {pack_id: {"data": clips, "folds": "1", "share": 50, "seed": 0}}


def test_a_decision_sends_what_it_changes_and_not_the_table(person: Person, store: PromptStore, clips: str) -> None:
    texts = [f"the sound of {{label}}, number {k} of many, far away in a large hall" for k in range(PROMPTS)]
    store.create(pack_of(*texts, pack_id="large"))
    shown = person.call("enter", [None, "large", remembered("large", clips), "embedded"])
    assert shown.raw.count("tr data-template") % PROMPTS == 0 and "tr data-template" in shown.raw

    def act(*acts: Mapping[str, Any]) -> int:
        call = person.call("act", [None], {"acts": [*acts]})
        assert call.answer == "answered" and "data-patch" in call.raw and "tr data-template" not in call.raw
        return len(call.raw.encode())

    kept = {"id": "1", "pack": "large", "role": "curator"}
    sizes = [act({"do": "approved", "on": [text], **kept}) for text in texts[:20]]
    sizes += [act({"do": "rejected", "on": texts[20:], **kept}), act({"do": "undo"}), act({"do": "redo"})]
    print(f"a decision on {PROMPTS} prompts sends {min(sizes):,} to {max(sizes):,} bytes")
    assert max(sizes) <= MAX_DECISION_BYTES
    assert len(store.get("large").approved) == 20

    details = person.call("look", [None], {"selected": texts[0], "turn": ""})
    print(f"all that is beside and below the table: {len(details.raw.encode()):,} bytes")
    assert "Approved by curator" in details.raw and len(details.raw.encode()) <= MAX_DETAILS_BYTES
    asked = person.call("tick", [None], {"version": store.stamp("large")})
    assert "data-patch" not in asked.raw, "nothing is sent to a page that has it all"


CALLS: Mapping[str, list[Any]] = {
    "act": [None],
    "look": [None],
    "tick": [None],
    "redraw": [None],
    "search": [None, "sound"],
    "fill_prompts": [None, "hum"],
    "show_proposal": [None],
    "show_held_out": [None],
    "show_comparison": [None, ""],
    "enter": [None, "fleeting", {}, "embedded"],
    "show_measured": [None, "fleeting", "instruments", "1", 50, 0, {}, "embedded", False],
    "export": [None, "fleeting"],
    "show_answers": [None],
    "rename_pack": ["fleeting", "Another title"],
    "show_copied": [None, "fleeting", {}, "embedded"],
    "ask_to_delete": ["fleeting"],
    "remove": [],
}  # what a page can ask for whose pack is gone


def test_a_pack_that_was_deleted_elsewhere_is_told_in_a_sentence(
    person: Person, store: PromptStore, clips: str
) -> None:
    store.create(pack_of(PLAIN, CONTRARY, pack_id="fleeting"))
    person.call("enter", [None, "fleeting", remembered("fleeting", clips), "embedded"])
    person.call("offer_packs", [None])
    store.delete("fleeting")
    event = {"acts": [{"do": "undo"}], "selected": PLAIN, "turn": "", "version": "", "pack": "fleeting", "way": ""}
    for endpoint, data in CALLS.items():
        answer = person.call(endpoint, data, event).answer
        assert answer.startswith("No prompt pack is called 'fleeting'. There are:"), endpoint
    quiet: Mapping[str, list[Any]] = {"offer_packs": [None], "show_title": ["fleeting"], "save_prompt": [None] * 3}
    for endpoint, data in quiet.items():
        assert person.call(endpoint, data, event).answer == "answered", endpoint
