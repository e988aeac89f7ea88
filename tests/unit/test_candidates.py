"""What page and command line share: tasks, names for new packs, checks by a model."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioprompt.prompts.generators import GenerationError, Task
from audioprompt.prompts.pack import PackError, PromptPack, Provenance
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import Template
from audioprompt.services.classify import LabelError
from audioprompt.services.generate import (
    copy_pack,
    create_under_free_id,
    flags_by_model,
    next_free_id,
    proposed_id,
    proposed_title,
    task_of,
)
from tests.fakes import FakeModel

DAY = date(2026, 11, 21)


def test_a_task_from_what_was_typed() -> None:
    assert task_of("vocal_sounds", "cough, sigh; cough") == (
        Task("vocal_sounds", ("cough", "sigh")),
        "Ignored duplicate label: cough.",
    )
    assert task_of("", " \n") == task_of(None, "") == (Task(None), None)


def test_what_is_no_task_is_refused() -> None:
    with pytest.raises(GenerationError, match="no category 'birds'; there are: instruments, acoustic_scenes"):
        task_of("birds", "")
    with pytest.raises(LabelError, match="at least two labels"):
        task_of(None, "owl")


@pytest.mark.parametrize(
    ("task", "title", "pack_id"),
    [
        (Task("music_genre"), "Music genre classification, 2026-11-21", "music-genre-2026-11-21"),
        (Task(None, ("Dog bark!", "rain", "sea")), "Sound recognition, 2026-11-21", "dog-bark-rain-2026-11-21"),
        (Task(None, ("тук", "雨")), "Sound recognition, 2026-11-21", "sounds-2026-11-21"),
        (Task(None), "Sound recognition, 2026-11-21", "sounds-2026-11-21"),
    ],
)
def test_names_are_proposed(task: Task, title: str, pack_id: str) -> None:
    assert proposed_title(task, DAY) == title
    assert proposed_id(task, DAY, []) == pack_id
    assert proposed_id(task, DAY, [pack_id, f"{pack_id}-2"]) == f"{pack_id}-3"


@given(st.lists(st.text(max_size=90), max_size=3).map(tuple), st.integers(0, 120))
def test_a_proposed_id_is_fit_and_free(labels: tuple[str, ...], others: int) -> None:
    first = proposed_id(Task(None, labels), DAY, [])
    taken = {first, *(f"{first}-{n}" for n in range(2, others))}
    found = proposed_id(Task(None, labels), DAY, taken)
    assert found not in taken
    assert PromptPack(id=found, title="t", provenance=Provenance(generator="g")).id == found


def test_an_id_that_another_takes_meanwhile_gets_a_number(tmp_path: Path) -> None:
    class Late(PromptStore):
        def ids(self) -> list[str]:
            before = super().ids()
            if "mine-2" not in before:
                self.create(pack("mine" if "mine" not in before else "mine-2"))
            return before

    def pack(pack_id: str) -> PromptPack:
        return PromptPack(id=pack_id, title="t", provenance=Provenance(generator="g"))

    store = Late(tmp_path)
    assert create_under_free_id(store, pack("mine")).id == "mine-3"
    with pytest.raises(PackError, match="small letters"):
        create_under_free_id(store, pack("mine").model_copy(update={"id": "../mine"}))
    assert copy_pack(store, "mine", "ada").id == "mine-copy"


def test_a_long_id_makes_room_for_its_number() -> None:
    long = "a" * 60 + "-bcd"
    assert next_free_id(long, [long]) == "a" * 60 + "-b-2"


def test_flags_of_text_and_of_meaning() -> None:
    templates = [Template.tspe("loud"), Template.tspe("hum"), Template.parse("a loud sound of {}")]
    flags = flags_by_model(FakeModel(), templates, ["hum", "whistle"])
    assert [flag.kind for flag in flags[1]][:1] == ["label"]
    assert "duplicate" in [flag.kind for flag in flags[2]]
    assert [flag.kind for flag in flags_by_model(FakeModel(), templates, [])[1]] == []
    assert flags_by_model(FakeModel(), [], ["hum", "whistle"]) == []
