"""Write the pages of ``docs/`` that only repeat what the code says: every command's help, and the tables of reference.

python -m tools.docs           # write them
python -m tools.docs --check   # fail if they are not as they would be written
"""

import argparse
import inspect
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

from audioprompt.api import CAPABILITIES
from audioprompt.cli import app
from audioprompt.cli.group import LazyCommand
from audioprompt.core.ensembles import ENSEMBLES
from audioprompt.data.events import EVENT_FORMATS
from audioprompt.data.papers import PAPER_SETS
from audioprompt.data.sources import SOURCES
from audioprompt.few_shot.methods import METHODS
from audioprompt.models.registry import MODELS
from audioprompt.prompts.checks import CHECKS
from audioprompt.prompts.formats import PACK_FORMATS
from audioprompt.prompts.generators import GENERATORS
from audioprompt.settings import VARIABLES

DOCS = Path(__file__).resolve().parents[1] / "docs"
WRITTEN = "Written by `python -m tools.docs`; do not edit."


def pages() -> dict[str, str]:
    """Write the pages, by the name of their file."""
    return {"commands.md": commands_page(), "reference.md": reference_page()}


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out a table in Markdown."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


# --- commands ---------------------------------------------------------------------------------------------------------


def commands_page() -> str:
    """Write the help of every command."""
    parts = ["# Commands", WRITTEN]
    for name, command in _walk("audioprompt", typer.main.get_command(app)):
        arguments = "".join(f" {_metavar(one)}" for one in command.params if one.param_type_name == "argument")
        commands = " COMMAND" if hasattr(command, "commands") else ""
        parts += [f"## `{name}`", _plain(command.help), f"```sh\n{name}{arguments} [OPTIONS]{commands}\n```"]
        if command.params:
            rows = [[_names(one), _plain(getattr(one, "help", None)), _default(one)] for one in command.params]
            parts.append(table(["", "", "default"], rows))
    return "\n\n".join(filter(None, parts)) + "\n"


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Yield a command and, of a group, all commands in it."""
    if isinstance(command, LazyCommand):
        command = command.load()
    yield name, command
    for below, one in getattr(command, "commands", {}).items():
        yield from _walk(f"{name} {below}", one)


def _metavar(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return f"{name}{'...' if argument.nargs < 0 else ''}"


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{_metavar(parameter)}`"
    return ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))


def _default(parameter: Any) -> str:
    value = parameter.default
    if value is None or value is False or callable(value):
        return ""
    value = getattr(value, "value", value)
    return f"`{'yes' if value is True else value}`"


def _plain(text: str | None) -> str:
    """Write a help text as Markdown, without what escapes typer's own markup."""
    return re.sub(r"\s+", " ", (text or "").replace("\\[", "[")).strip().replace("<", "&lt;")


# --- tables of reference ----------------------------------------------------------------------------------------------


def reference_page() -> str:
    """Write what can be called, set, chosen and added to."""
    parts = [
        "# Reference",
        WRITTEN,
        "## Endpoints",
        'Of the [API and the MCP server](api.md); "Use via API" at the foot of the page shows them with their types.',
        table(["endpoint", "what it does", "takes"], map(_endpoint, CAPABILITIES)),
        "## Environment variables",
        table(
            ["variable", "what for", "default"],
            [[f"`{one.name}`", one.purpose, _code(one.default)] for one in VARIABLES],
        ),
        "## Models",
        "Entry points of the group `audioprompt.models` add [more](models.md).",
        table(
            ["name", "", "size", "licence"],
            [[f"`{m.name}`", m.description, m.size, m.licence] for m in MODELS.built_in],
        ),
    ]
    parts += [
        "## Data sets of the papers",
        f"As `audioprompt data list` has them; entry points of the group `{PAPER_SETS.group}` add more.",
        table(
            ["name", "in the paper", "for", "classes", "GB", "licence"],
            [
                [
                    f"`{p.name}`",
                    f"[{p.title}]({p.home})",
                    p.category,
                    str(len(p.classes)),
                    f"{p.gigabytes:g}",
                    p.licence,
                ]
                for p in PAPER_SETS.built_in
            ],
        ),
    ]
    for title, registry in (
        ("Few-shot methods", METHODS),
        ("Ensembles", ENSEMBLES),
        ("Formats of packs", PACK_FORMATS),
        ("Formats of events", EVENT_FORMATS),
        ("Data sources", SOURCES),
        ("Generators of candidates", GENERATORS),
        ("Checks of candidates", CHECKS),
    ):
        rows = [[f"`{one.name}`", one.description] for one in registry.built_in]
        parts += [f"## {title}", f"Entry points of the group `{registry.group}` add more.", table(["name", ""], rows)]
    return "\n\n".join(parts) + "\n"


def _endpoint(function: Any) -> list[str]:
    summary = (inspect.getdoc(function) or "").split("\n\n")[0].replace("\n", " ")
    hidden = ("request", "progress", "context")
    names = [name for name in inspect.signature(function).parameters if name not in hidden]
    return [f"`{function.__name__}`", summary, ", ".join(f"`{name}`" for name in names)]


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def main() -> int:
    """Write the pages, or tell which of them are not as they would be written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail if a page is out of date")
    check = parser.parse_args().check
    stale = [name for name, text in pages().items() if not (DOCS / name).exists() or (DOCS / name).read_text() != text]
    if check and stale:
        print(f"Out of date: {', '.join(stale)}. Run python -m tools.docs.", file=sys.stderr)
        return 1
    for name in stale:
        (DOCS / name).write_text(pages()[name])
    return 0


if __name__ == "__main__":
    for variable in VARIABLES:  # what this machine sets is nobody else's default
        os.environ.pop(variable.name, None)
    sys.exit(main())
