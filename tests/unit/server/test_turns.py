"""Taking turns at the microphone."""

import pytest

from audioprompt.server import turns
from audioprompt.server.turns import Turns


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(turns, "time", clock)
    return clock


def places(line: Turns, names: str) -> list[int]:
    """What each is told; the first letter of a name is its owner."""
    return [line.place(name, name[0]) for name in names.split()]


def test_those_who_find_no_place_are_told_theirs_in_the_line(clock: Clock) -> None:
    line = Turns(places=2, seconds=60)
    assert places(line, "a b c d") == [0, 0, 1, 2]
    assert places(line, "a b c d") == [0, 0, 1, 2], "and again with every chunk"


def test_turns_end_only_where_others_wait(clock: Clock) -> None:
    line = Turns(places=2, seconds=60)
    for clock.now in range(0, 300, 3):
        assert places(line, "a b") == [0, 0]
    assert places(line, "c") == [0], "who was heard for long makes room"
    assert sorted(places(line, "a b c")) == [0, 0, 1], "and waits"


def test_everybody_is_heard_in_the_end(clock: Clock) -> None:
    line, heard = Turns(places=2, seconds=10), set()
    for clock.now in range(200):
        told = places(line, "a b c d e f g")
        heard |= {number for number, place in enumerate(told) if place == 0}
        assert (told.count(0) == 2 and sorted(told)[2:] == [1, 2, 3, 4, 5]) or told.count(0) >= 2
    assert heard == set(range(7))


def test_who_has_gone_leaves_a_place(clock: Clock) -> None:
    line = Turns(places=1, seconds=60)
    assert places(line, "a b c") == [0, 1, 2]
    clock.now += turns.GONE_SECONDS + 1
    assert places(line, "c b") == [0, 1], "of those still there, the first to say so"


def test_one_person_takes_all_places_only_while_nobody_else_wants_one(clock: Clock) -> None:
    line = Turns(places=4, seconds=60)
    assert places(line, "a1 a2 a3 a4 a5 a6") == [0, 0, 0, 0, 1, 2]
    assert places(line, "b1") == [0], "at once"
    assert places(line, "b2 c1") == [4, 0], "those who have none come before those who have one"
    assert places(line, "b1 c1 b2") == [0, 0, 4]
    assert sum(place == 0 for place in places(line, "a1 a2 a3 a4 a5 a6")) == 2
