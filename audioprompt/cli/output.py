"""What commands print: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich import box, progress
from rich.console import Console, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table

from audioprompt.util.text import one_line

BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"  # vanilla, ensemble and learned, here as in the app

NARROWEST = 60  # columns; a narrower terminal wraps the lines itself, and numbers stay in one piece

Json = dict[str, Any]


def say(message: object) -> None:
    """Put a message on stderr, in one line whatever names it quotes."""
    typer.echo(one_line(str(message)), err=True)


def write_file(path: Path, content: bytes, option: str) -> None:
    """Write a file that an option names, or say why that cannot be done, and end."""
    try:
        path.write_bytes(content)
    except OSError as error:
        say(f"{path} cannot be written, {error.strerror}: choose another {option}.")
        raise typer.Exit(1) from error


def print_json(content: Json | list[Json]) -> None:
    """Print JSON on stdout."""
    typer.echo(json.dumps(content, indent=2))


def print_(*parts: RenderableType) -> None:
    """Put text and tables on stdout; labels and file names are other people's text, so no markup is read in them."""
    console = Console(markup=False, emoji=False, highlight=False)
    console.width = max(console.width, NARROWEST)
    for part in parts:
        console.print(part)


def table(titles: Sequence[str], *sections: Sequence[Sequence[RenderableType]]) -> RenderableType:
    """Lay out rows in sections; the title of a column of numbers begins with ``>``, and it is set to the right."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    for title in titles:
        table.add_column(title.lstrip(">"), justify="right" if title.startswith(">") else "left", overflow="fold")
    for section in sections:
        for row in section:
            table.add_row(*(one_line(cell) if isinstance(cell, str) else cell for cell in row))
        table.add_section()
    return table


def bar(fraction: float, colour: str) -> tuple[RenderableType, str]:
    """Draw a fraction from 0 to 1 as a bar, with the number beside it."""
    bar = ProgressBar(total=1, completed=float(fraction), width=20, complete_style=colour, finished_style=colour)
    return bar, percent(fraction)


def percent(fraction: float) -> str:
    """Write a fraction in per cent: 0.625 -> 62.5 %."""
    return f"{100 * fraction:.1f} %"


def clock(seconds: float) -> str:
    """Write seconds as minutes and seconds: 75.3 -> 1:15.3."""
    minutes, rest = divmod(round(seconds * 10), 600)
    return f"{minutes}:{rest // 10:02}.{rest % 10}"


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[float, int], None]]:
    """Show a bar on stderr while something takes time; nothing is left of it, and nothing shown where no one looks."""
    with progress_bars() as show:
        show(what, 0, 0)
        yield lambda done, total: show(what, done, total)


@contextmanager
def progress_bars() -> Iterator[Callable[[str, float, int], None]]:
    """Show a bar for each of several things, the whole and its parts, by what each is called."""
    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    hidden = not console.is_terminal
    tasks: dict[str, progress.TaskID] = {}
    with progress.Progress(*columns, console=console, transient=True, redirect_stdout=False, disable=hidden) as bars:

        def show(what: str, done: float, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=None)
            bars.update(tasks[what], completed=done, total=total or None)

        yield show
