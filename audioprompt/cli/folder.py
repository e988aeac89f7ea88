"""Folders of any size in the shell: how far it is, and where to go on after an interruption."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer

from audioprompt.audio.recording import AudioError
from audioprompt.cli.group import UsageError
from audioprompt.cli.options import ModelOptions
from audioprompt.cli.output import progress_bar, say
from audioprompt.data.recordings import FoundFile, find_files
from audioprompt.services.folders import classify as service
from audioprompt.services.folders.classify import Question, journal_beside
from audioprompt.services.folders.journal import Journal
from audioprompt.services.folders.tables import check_table, write_table
from audioprompt.util import memory
from audioprompt.util.pace import Pace
from audioprompt.util.text import counted

SAY_EVERY_SECONDS = 60.0  # how far it is, where nobody looks at a terminal


def refuse_with_a_table(together: bool, as_json: bool) -> None:
    """Refuse options that do not go with a table.

    Raises:
        UsageError: one was given.
    """
    if together:
        raise UsageError("--together listens to all recordings at once: leave it or --out away.")
    if as_json:
        raise UsageError("Give --json or --out, not both; --out results.json writes JSON.")


def classify_to_table(
    sources: Sequence[Path],
    out: Path,
    restart: bool,
    ask: Callable[..., Question],
    model: ModelOptions,
) -> None:
    """Classify recordings and whole folders into a table, going on where an earlier run ended."""
    check_table(out)
    journal_file = journal_beside(out)
    if restart:
        journal_file.unlink(missing_ok=True)
    files = find_files(sources)
    question = ask(model.load())
    with Journal(journal_file, question.as_dict()) as journal:
        left = service.missing(journal, files)
        if len(left) < len(files):
            say(f"{len(files) - len(left)} of {counted(len(files), 'recording')} were heard before: going on.")
        with told_how_far(files, left, str(out)) as tell:
            for file, row in service.classify_files(question, left):
                service.note(journal, file, row)
                tell(file)
        write_table(out, service.rows_of(journal, files))
        failed = [row.error for row in service.rows_of(journal, files) if row.error]
    say(f"Written to {out}: {counted(len(files), 'recording')}, of which {len(failed)} could not be named.")
    if len(failed) == len(files):
        raise AudioError(failed[0])


@contextmanager
def told_how_far(
    files: Sequence[FoundFile], left: Sequence[FoundFile], out: str
) -> Iterator[Callable[[FoundFile], None]]:
    """Show on a terminal how far the work is, and elsewhere say it once a minute, with an estimate of the time left.

    Args:
        files: all of them.
        left: those that are still to be done.
        out: where the results go.

    Yields:
        What is told of each file once it is done.
    """
    memory.keep_in_few_places()
    done, said = len(files) - len(left), time.monotonic()
    pace = Pace(sum(file.size for file in left))
    with progress_bar("recordings") as bar:

        def tell(file: FoundFile) -> None:
            nonlocal done, said
            done += 1
            pace.add(file.size)
            bar(done, len(files))
            if not sys.stderr.isatty() and time.monotonic() - said > SAY_EVERY_SECONDS:
                said = time.monotonic()
                say(f"{done} of {counted(len(files), 'recording')}{pace.words}.")

        try:
            yield tell
        except KeyboardInterrupt:
            say(
                f"Stopped: {done} of {counted(len(files), 'recording')} are done. Give the same command again to go on"
                f" with {out}."
            )
            raise typer.Exit(1) from None
