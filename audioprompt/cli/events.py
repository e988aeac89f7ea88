"""Where ``audioprompt classify`` writes what is heard when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from audioprompt.cli.group import UsageError
from audioprompt.cli.output import say
from audioprompt.data.events import EVENT_FORMATS, EventFormat, format_of
from audioprompt.services.classify import Classification
from audioprompt.util.places import is_folder


@dataclass(frozen=True)
class EventOutput:
    """Where events go, and in which form."""

    events: Annotated[
        Path | None,
        typer.Option(help="Write what is heard when to this file, or for several recordings into this folder."),
    ] = None
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="|".join(EVENT_FORMATS.names),
            help="Of --events, where its ending does not tell. "
            + " ".join(f"{form.name}: {form.description}" for form in EVENT_FORMATS),
        ),
    ] = ""

    def prepare(self, many: bool) -> Callable[[Mapping[Path, Classification], bool], None]:
        """Return what writes the events of recordings, with whether several labels may be heard at once.

        Args:
            many: whether there may be more than one recording, so that ``events`` is a folder.

        Raises:
            UsageError: what was given does not go together.
            EventFormatError: there is no such form, or the name of the file tells none.
        """
        if self.events is None:
            if self.form:
                raise UsageError("--format is the form of events: say with --events where to write them.")
            return lambda heard, several: None
        many = many or is_folder(self.events)
        form = EVENT_FORMATS[self.form or "audacity"] if self.form or many else format_of(self.events.name)
        return partial(_write, self.events, form, many)


def _write(out: Path, form: EventFormat, many: bool, heard: Mapping[Path, Classification], several: bool) -> None:
    path, taken = out, set[Path]()
    try:
        for file, one in heard.items():
            if many:
                path = out / f"{file.stem}{form.suffix}"
                path = out / f"{file.name}-{len(taken) + 1}{form.suffix}" if path in taken else path
                taken.add(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(form.write(one.events(several), file.name), "utf-8")
    except OSError as error:
        say(f"{path} cannot be written, {error.strerror}: choose another place for --events.")
        raise typer.Exit(1) from error
