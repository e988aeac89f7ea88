"""Memory that is given back."""

import gc

import pytest

from audioprompt.util import memory


def test_what_is_free_is_given_back_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_given", -memory.EVERY_SECONDS)
    assert [memory.give_back() for _ in range(3)] == [True, False, False]
    monkeypatch.setattr(memory, "EVERY_SECONDS", 0.0)
    assert memory.give_back()


def test_where_the_library_cannot_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_glibc", lambda: None)
    monkeypatch.setattr(memory, "EVERY_SECONDS", 0.0)
    memory.keep_in_few_places()
    assert memory.give_back()


def test_what_is_there_for_good_is_not_looked_through_again() -> None:
    try:
        with memory.kept_for_good():
            assert not gc.isenabled()
        assert gc.isenabled() and gc.get_freeze_count() > 1000
        with pytest.raises(OSError), memory.kept_for_good():
            raise OSError
        assert gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()
