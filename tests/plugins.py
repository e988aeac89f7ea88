"""Packages of other people, made for a test: a distribution with entry points, put on the path."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest


def install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, group: str, points: Mapping[str, str], module: str = ""
) -> None:
    """Install a package called ``others`` for the length of a test.

    Args:
        folder: where to.
        monkeypatch: takes it away again.
        group: of its entry points.
        points: the object, ``module:NAME``, of each entry point by its name.
        module: the text of its module, ``others``.
    """
    write(folder, {group: points}, module)
    monkeypatch.delitem(sys.modules, "others", raising=False)  # another test's
    monkeypatch.syspath_prepend(folder)


def write(folder: Path, groups: Mapping[str, Mapping[str, str]], module: str = "") -> None:
    """Write such a package into a folder, with entry points of several groups."""
    (folder / "others.py").write_text(module)
    about = folder / "others-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    sections = [f"[{group}]\n" + "".join(f"{n} = {v}\n" for n, v in points.items()) for group, points in groups.items()]
    (about / "entry_points.txt").write_text("\n".join(sections))
