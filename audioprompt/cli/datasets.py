"""``audioprompt data``: the papers' data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

import typer

from audioprompt.cli.group import Lazy, LazyGroup
from audioprompt.cli.options import AsJson
from audioprompt.cli.output import print_, print_json, progress_bar, say, table
from audioprompt.data.papers import PAPER_SETS, data_folder, find_folder
from audioprompt.data.tables import DataError

Names = Annotated[
    list[str], typer.Argument(metavar="NAME...", help="Data sets, as `audioprompt data list` names them.")
]
Root = Annotated[
    Path | None,
    typer.Option("--folder", help="The folder of data sets, each in a folder of its own. [AUDIOPROMPT_DATA]"),
]


class Data(LazyGroup):
    """Commands for the papers' data sets."""

    lazy: ClassVar[Lazy] = {
        "list": ("audioprompt.cli.datasets:list_sets", "List the data sets of the papers on TSPE and PALM."),
        "get": ("audioprompt.cli.datasets:get", "Download data sets, going on where a download broke off."),
        "check": ("audioprompt.cli.datasets:check", "Name every missing or broken file of data sets that are here."),
    }


data = typer.Typer(cls=Data, no_args_is_help=True, help="List, download and check the data sets of the papers.")


@data.callback()
def _commands() -> None:
    """List, download and check the data sets of the papers."""


def list_sets(folder: Root = None, as_json: AsJson = False) -> None:
    """List the data sets of the papers on TSPE and PALM."""
    root = data_folder(folder)
    here = {one.name: find_folder(one, root) for one in PAPER_SETS}
    if as_json:
        print_json(
            [
                {
                    "name": one.name,
                    "title": one.title,
                    "category": one.category,
                    "classes": one.classes,
                    "clips": one.clips or None,
                    "gigabytes": one.gigabytes,
                    "licence": one.licence,
                    "home": one.home,
                    "folder": str(here[one.name]) if here[one.name] else None,
                }
                for one in PAPER_SETS
            ]
        )
        return
    rows = []
    for one in PAPER_SETS:
        numbers = str(len(one.classes)), f"{one.clips:,}" if one.clips else "", f"{one.gigabytes:g}"
        rows.append([one.name, one.category, *numbers, "yes" if here[one.name] else ""])
    print_(table(["name", "category", ">classes", ">clips", ">GB", "here"], rows))
    print_(f"Their folder is {root}. Licences and home pages are in --json.")


def get(names: Names, folder: Root = None) -> None:
    """Download data sets, going on where a download broke off."""
    from audioprompt.data.papers.get import get_set

    root, chosen = data_folder(folder), [PAPER_SETS[name] for name in names]
    for number, one in enumerate(chosen, 1):
        say(f"{one.name}, {number} of {len(chosen)}: {one.gigabytes:g} GB, {one.licence}, {one.home}")
        with progress_bar("bytes") as progress:
            print_(str(get_set(one, root, progress)))


def check(names: Names, folder: Root = None) -> None:
    """Name every missing or broken file of data sets that are here."""
    from audioprompt.data.papers.get import check_set

    root, bad = data_folder(folder), 0
    for one in [PAPER_SETS[name] for name in names]:
        place = find_folder(one, root)
        if place is None:
            raise DataError(f"{one.name} is not in {root}: get it with audioprompt data get {one.name}")
        number, problems = check_set(one, place)
        bad += len(problems)
        for name, reason in problems:
            print_(f"{one.name}: {name} {reason}")
        print_(f"{one.name}: {number:,} recordings, {len(one.classes)} classes, {len(problems)} problems")
    if bad:
        raise DataError("Get what is missing or broken again, with audioprompt data get, or replace it by hand.")
