"""The plan of the house: imports run downwards only, whether at the top of a file or inside a function."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import audioprompt

PACKAGE = Path(audioprompt.__file__).parent
FLOORS = (
    {"errors", "settings", "util"},
    {"audio", "core"},
    {"models"},
    {"prompts"},
    {"encoding"},
    {"data", "few_shot"},
    {"hosting", "services"},
    {"space"},
    {"server"},
    {"api"},
    {"ui"},
    {"cli"},
)
ABOVE_ALL = {"__init__", "__main__"}  # the facade, and what starts the commands


def test_imports_run_downwards_only() -> None:
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    climbs = {
        f"{path.relative_to(PACKAGE)} imports {other}"
        for path in PACKAGE.rglob("*.py")
        for other in _rooms_imported(path)
        if (room := _room(path)) in floor and other in floor and other != room and floor[other] >= floor[room]
    }
    assert climbs == set()


def test_every_room_goes_into_the_wheel() -> None:
    packed = re.findall(r'^    "(audioprompt[\w.]*)",$', (PACKAGE.parent / "pyproject.toml").read_text("utf-8"), re.M)
    rooms = {".".join(file.parent.relative_to(PACKAGE.parent).parts) for file in PACKAGE.rglob("__init__.py")}
    assert rooms <= set(packed)


def test_every_room_has_its_floor() -> None:
    rooms = {_room(path) for path in PACKAGE.rglob("*.py")}
    assert rooms - set().union(*FLOORS) <= ABOVE_ALL


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _rooms_imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name.split(".")[1] for name in names if name.startswith("audioprompt."))
