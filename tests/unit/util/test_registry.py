"""A registry: the package's own entries first, other packages' after them, and none that is broken or a double."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from audioprompt.util.registry import Registry
from tests.plugins import install


@dataclass(frozen=True)
class Fruit:
    name: str


PLUM, FIG = Fruit("plum"), Fruit("fig")
APPLE, PEAR = Fruit("apple"), Fruit("pear")


class NoSuchFruit(Exception):
    pass


@pytest.fixture
def fruit() -> Registry[Fruit]:
    return Registry("fruit", "tests.fruit", Fruit, (PEAR, APPLE), NoSuchFruit)


def test_own_entries_keep_their_order(fruit: Registry[Fruit]) -> None:
    assert fruit.names == ("pear", "apple")
    assert list(fruit) == [PEAR, APPLE] == list(fruit.built_in)
    assert len(fruit) == 2 and "apple" in fruit and "plum" not in fruit
    assert fruit["apple"] is APPLE


def test_an_unknown_name_lists_the_known_ones(fruit: Registry[Fruit]) -> None:
    with pytest.raises(NoSuchFruit, match=r"There is no fruit called 'plum'\. Choose one of: pear, apple\."):
        fruit["plum"]


def test_two_own_entries_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="Two fruits are called 'plum'"):
        Registry("fruit", "tests.fruit", Fruit, (PLUM, Fruit("plum")))


def test_other_packages_come_last_and_sorted(
    fruit: Registry[Fruit], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    where = "tests.unit.util.test_registry"
    install(tmp_path, monkeypatch, "tests.fruit", {"plum": f"{where}:PLUM", "fig": f"{where}:FIG"})
    assert fruit.names == ("pear", "apple", "fig", "plum")
    assert fruit["fig"] == Fruit("fig")


def test_packages_installed_later_are_found_by_looking_again(
    fruit: Registry[Fruit], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert len(fruit) == 2
    install(tmp_path, monkeypatch, "tests.fruit", {"plum": "tests.unit.util.test_registry:PLUM"})
    assert len(fruit) == 2
    fruit.look_again()
    assert len(fruit) == 3


@pytest.mark.parametrize(
    ("point", "reason"),
    [
        ("no_such_module:PLUM", "No module named 'no_such_module'"),
        ("tests.unit.util.test_registry:NOTHING", "has no attribute 'NOTHING'"),
        ("tests.unit.util.test_registry:NoSuchFruit", "NoSuchFruit is not a Fruit"),
        ("tests.unit.util.test_registry:PEAR", "the name 'pear' is taken"),
    ],
)
def test_a_broken_package_is_left_out_with_a_warning(
    fruit: Registry[Fruit], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, point: str, reason: str
) -> None:
    install(tmp_path, monkeypatch, "tests.fruit", {"theirs": point, "fig": "tests.unit.util.test_registry:FIG"})
    with pytest.warns(UserWarning, match=rf"The fruit 'theirs' of the package others is left out: .*{reason}"):
        assert fruit.names == ("pear", "apple", "fig")


def test_of_two_packages_with_one_name_the_first_stays(
    fruit: Registry[Fruit], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    where = "tests.unit.util.test_registry"
    install(tmp_path, monkeypatch, "tests.fruit", {"a": f"{where}:PLUM", "b": f"{where}:PLUM"})
    with pytest.warns(UserWarning, match="'b' of the package others is left out: the name 'plum' is taken"):
        assert fruit.names == ("pear", "apple", "plum")
