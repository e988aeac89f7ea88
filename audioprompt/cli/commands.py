"""The group all commands belong to, and the one way in which they fail."""

from __future__ import annotations

import warnings
from typing import Any

import typer
from typer.core import TyperGroup

from audioprompt.cli.output import say
from audioprompt.util import proxies
from audioprompt.util.text import print_any_letter


class UsageError(Exception):
    """A command was given what does not go together; the message says what to give instead."""


class Commands(TyperGroup):
    """All commands, with one way to fail: a sentence on stderr and an exit code."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        print_any_letter()
        return super().main(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_args, **_kwargs: say(message)
            try:
                proxies.make_usable()
                return super().invoke(ctx)
            except UsageError as error:
                say(error)
                raise typer.Exit(2) from error
            except Exception as error:
                if not type(error).__module__.startswith("audioprompt."):
                    raise  # a defect; this package's own errors are written for people
                say(error)
                raise typer.Exit(1) from error
