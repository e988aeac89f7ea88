"""Folders of any size in the shell: how far it is, and where to go on after an interruption."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from audioprompt.audio.recording import AudioError
from audioprompt.cli.options import ModelOptions
from audioprompt.cli.output import percent, progress_bar, say
from audioprompt.data.recordings import FoundFile, find_files, unpacked
from audioprompt.server.cores import one_for_matrices
from audioprompt.services.folders import classify as service
from audioprompt.services.folders.classify import Question, journal_beside
from audioprompt.services.folders.journal import Journal
from audioprompt.services.folders.tables import check_table, write_table
from audioprompt.util import memory
from audioprompt.util.pace import Pace
from audioprompt.util.text import counted

if TYPE_CHECKING:
    from audioprompt.models.base import AudioTextModel

SAY_EVERY_SECONDS = 60.0  # how far it is, where nobody looks at a terminal


def classify_to_table(
    sources: Sequence[Path],
    out: Path,
    restart: bool,
    ask: Callable[..., Question],
    model: ModelOptions,
) -> None:
    """Classify recordings and whole folders into a table, going on where an earlier run ended."""
    check_table(out)
    files = find_files([unpacked(source) for source in sources])
    question = ask(model.load())
    question.read()
    for remark in question.warnings:
        say(remark)
    only_hear(question.model)
    with Journal(journal_beside(out), question.as_dict(), anew=restart) as journal:
        left = service.missing(journal, files)
        if len(left) < len(files):
            say(f"{len(files) - len(left)} of {counted(len(files), 'recording')} were heard before: going on.")
        with told_how_far(files, left, str(out)) as way:
            for file, row in service.classify_files(question, left, way.look):
                service.note(journal, file, row)
                way.tell(file)
        write_table(out, service.rows_of(journal, files))
        failed = [row.error for row in service.rows_of(journal, files) if row.error]
    say(f"Written to {out}: {counted(len(files), 'recording')}, of which {len(failed)} could not be named.")
    if len(failed) == len(files):
        raise AudioError(failed[0])


def only_hear(model: AudioTextModel) -> None:
    """Have a model that has read all it has to give back what it reads with, where it can, and leave it the cores."""
    one_for_matrices()
    if hasattr(model, "forget_text"):
        model.forget_text()
    memory.keep_in_few_places()
    memory.give_back()


class HowFar:
    """How far the work on many recordings is, by their number, and by bytes for the time that is left.

    Args:
        total: how many there are.
        left: those that are still to be done.
        bar: shows it.
    """

    def __init__(self, total: int, left: Sequence[FoundFile], bar: Callable[[float, int], None]) -> None:
        self._total, self._bar = total, bar
        self._done, self._bytes, self._said = total - len(left), 0, time.monotonic()
        self._pace = Pace(sum(file.size for file in left))

    @property
    def words(self) -> str:
        """How many are done, of how many."""
        return f"{self._done} of {counted(self._total, 'recording')}"

    def tell(self, file: FoundFile) -> None:
        """Note that one is done."""
        self._done += 1
        self._bytes += file.size

    def look(self, under_way: Sequence[tuple[FoundFile, float]]) -> None:
        """Show how far it is, with what was heard of those under way."""
        self._pace.reach(self._bytes + sum(file.size * fraction for file, fraction in under_way))
        self._bar(self._done + sum(fraction for _, fraction in under_way), self._total)
        if not sys.stderr.isatty() and time.monotonic() - self._said > SAY_EVERY_SECONDS:
            self._said = time.monotonic()
            parts = ", ".join(f"{percent(fraction)} of {file.name}" for file, fraction in under_way if fraction)
            say(f"{self.words}{f' and {parts}' if parts else ''}{self._pace.words}.")


@contextmanager
def told_how_far(
    files: Sequence[FoundFile], left: Sequence[FoundFile], out: str, kept: Callable[[], int] | None = None
) -> Iterator[HowFar]:
    """Show on a terminal how far the work is, and elsewhere say it once a minute, with an estimate of the time left.

    Args:
        files: all of them.
        left: those that are still to be done.
        out: where the results go.
        kept: tells how many are done for good; by default all that it is told of.

    Yields:
        What is told of each file once it is done, and of what is under way.
    """
    with progress_bar("recordings") as bar:
        way = HowFar(len(files), left, bar)
        try:
            yield way
        except KeyboardInterrupt:
            done = f"{kept()} of {counted(len(files), 'recording')}" if kept else way.words
            say(f"Stopped: {done} are done. Give the same command again to go on with {out}.")
            raise typer.Exit(1) from None
