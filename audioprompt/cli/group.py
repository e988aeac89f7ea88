"""Groups of commands that are imported one by one, and the one way in which all of them fail."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from pkgutil import resolve_name
from typing import Any, ClassVar, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from audioprompt.cli.output import say
from audioprompt.errors import AudiopromptError
from audioprompt.util import proxies
from audioprompt.util.text import print_any_letter

Lazy = Mapping[str, tuple[str, str]]  # of commands: where each is, and its line in the help


class UsageError(AudiopromptError):
    """A command was given what does not go together; the message says what to give instead."""


class LazyGroup(TyperGroup):
    """A group whose commands are imported when they run or are asked for their own help.

    Attributes:
        lazy: for each command where it is, ``package.module:function``, and its line in the group's help, which is the
            first line of the function's docstring.
    """

    lazy: ClassVar[Lazy] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.commands.update({name: LazyCommand(name, *place) for name, place in self.lazy.items()})


class LazyCommand(TyperCommand):
    """A line in a group's help, in whose place the command itself is put once it is called by its name."""

    def __init__(self, name: str, place: str, summary: str) -> None:
        super().__init__(name, help=summary)
        self.place = place

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        return self.load().make_context(*args, **kwargs)

    def load(self) -> Any:
        """Import the command: a function with options, or a group of its own."""
        found = resolve_name(self.place)
        if isinstance(found, typer.Typer):
            command: Any = typer.main.get_group(found)
        else:
            alone = typer.Typer(add_completion=False)  # that belongs to the outermost group
            alone.command()(expand_options(found))
            command = typer.main.get_command(alone)
        command.name = self.name
        return command


def expand_options(command: Callable[..., None]) -> Callable[..., None]:
    """Replace each parameter that is a dataclass by an option for each of its fields.

    Commands share groups of options this way, and take each group as one object.
    """
    parameters: list[Parameter] = []
    groups: dict[str, tuple[Any, list[str]]] = {}
    for parameter in signature(command, eval_str=True).parameters.values():
        if is_dataclass(parameter.annotation):
            expanded = _parameters_of(parameter.annotation)
            groups[parameter.name] = parameter.annotation, [field.name for field in expanded]
            parameters += expanded
        else:
            parameters.append(parameter.replace(kind=Parameter.KEYWORD_ONLY))

    @wraps(command)
    def run(**given: Any) -> None:
        for name, (group, names) in groups.items():
            given[name] = group(**{field: given.pop(field) for field in names})
        command(**given)

    run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _parameters_of(group: Any) -> list[Parameter]:
    """Give each field of a dataclass a keyword-only parameter."""
    hints = get_type_hints(group, include_extras=True)
    return [
        Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(group)
    ]


class Commands(LazyGroup):
    """The outermost group, with one way to fail: a sentence on stderr and an exit code."""

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
            except AudiopromptError as error:
                say(error)
                raise typer.Exit(1) from error
