"""Who makes room, where several keep things."""

import pytest

from audioprompt.util.fair import to_make_room


def kept(owners: str) -> dict[int, str]:
    """Things by their number, whose owners are named by a letter each; - is the house."""
    return {number: owner.replace("-", "") for number, owner in enumerate(owners)}


@pytest.mark.parametrize(
    ("owners", "gone"),
    [
        ("abc", []),  # there is room
        ("abca", []),
        ("aaab", []),
        ("abcaa", [0]),  # whoever wants more than fit gives way first, though others' are older
        ("baaca", [1]),
        ("aaaa", [0]),  # more than a share, though there is room
        ("aabbc", [0]),  # of those who have most, the one who used theirs longest ago
        ("baacd", [1]),
        ("-aabc", [1]),  # the house gives way last
        ("----a", [0]),
        ("aaab-", [0]),
        ("-----", [0]),
    ],
)
def test_who_makes_room(owners: str, gone: list[int]) -> None:
    assert to_make_room(kept(owners), most=4, most_each=3) == gone


def test_nobody_s_only_thing_goes_for_a_flood() -> None:
    things = kept("bcd")
    for number in range(3, 100):
        things[number] = "a"
        for one in to_make_room(things, most=10, most_each=5):
            del things[one]
    assert list(things.values()) == ["b", "c", "d", *"aaaaa"]


def test_what_is_over_goes_at_once() -> None:
    assert to_make_room(kept("abcdefg"), most=4, most_each=3) == [0, 1, 2]
