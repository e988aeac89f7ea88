"""``audioprompt space``: a Hugging Face Space, built from packs and heads, tried and published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from audioprompt import space as service
from audioprompt.cli.group import UsageError, expand_options
from audioprompt.cli.options import DEFAULT_PACK, AsJson, ModelName, PackIds
from audioprompt.cli.output import print_, print_json, say, table
from audioprompt.core.labels import LabelError, parse_labels
from audioprompt.data.examples import Example, examples
from audioprompt.hosting import TABS
from audioprompt.prompts.store import PromptStore
from audioprompt.util.places import is_file
from audioprompt.util.text import one_line

space = typer.Typer(no_args_is_help=True, help="Build, check and publish a Hugging Face Space.")

NO_EXAMPLES = "none"

SpaceFolder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the Space.")]


@dataclass(frozen=True)
class ContentOptions:
    """What a Space knows: prompts, heads, a model and labels."""

    pack: PackIds = None
    head: Annotated[
        list[Path] | None,
        typer.Option(help="Head to include, as saved by `audioprompt palm fit --save`. Can be repeated."),
    ] = None
    model: ModelName = "embedded"
    labels: Annotated[str | None, typer.Option(help="Initial labels, such as 'dog bark, rain'.")] = None

    def parse_labels(self) -> tuple[str, ...]:
        """Read the labels that were typed, none if the Space is to choose."""
        if self.labels is None:
            return ()
        try:
            typed = parse_labels(self.labels)
        except LabelError as error:
            raise UsageError(str(error)) from error
        if typed.notice:
            say(typed.notice)
        return typed.labels


@dataclass(frozen=True)
class ExampleOptions:
    """Clips that visitors can try."""

    examples: Annotated[
        str | None,
        typer.Option(
            help="Bundled example clips, such as 'dog, violin', or none. By default all, or beside heads or clips of "
            "your own those that fit."
        ),
    ] = None
    example: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Example clip of your own. Can be repeated.")
    ] = None

    def find(self) -> tuple[Example, ...] | None:
        """Find the clips that were named, your own first; None where the Space is to choose.

        Raises:
            AudioError: one of your own is no sound, or too long.
        """
        from audioprompt.audio.decode import load
        from audioprompt.space.belongings import HEARD_AT, MAX_SECONDS

        if self.examples is None and not self.example:
            return None
        bundled = {example.path.stem: example for example in examples()}
        wanted = self.examples if self.examples != NO_EXAMPLES else None
        named = [part.strip() for part in wanted.split(",")] if wanted else []
        found: list[Example] = []
        for name in dict.fromkeys([*map(str, self.example or ()), *named]):
            if name in bundled and name in named:
                found.append(bundled[name])
            elif not is_file(name):
                raise UsageError(f"There is no clip {name!r}: give the path of one, or of these: {', '.join(bundled)}.")
            else:
                load(name, HEARD_AT, max_seconds=MAX_SECONDS)
                found.append(Example(Path(name), one_line(Path(name).stem), None, (), ""))
        return tuple(found)


@dataclass(frozen=True)
class PageOptions:
    """How a Space looks and where it runs."""

    title: Annotated[str, typer.Option(help="Title of the Space.")] = "Name that sound"
    licence: Annotated[
        str, typer.Option(help="Licence of what you added, as an SPDX identifier such as cc-by-4.0.")
    ] = "apache-2.0"
    tabs: Annotated[
        str | None,
        typer.Option(help=f"Tabs that visitors see ('{','.join(TABS)}' by default). Classify is always shown."),
    ] = None
    gpu: Annotated[bool, typer.Option("--gpu", help="Build for a Space with a GPU, including ZeroGPU.")] = False

    def parse_tabs(self) -> tuple[str, ...]:
        """Read the tabs that visitors see."""
        if self.tabs is None:
            return TABS
        return tuple(part.strip().lower() for part in self.tabs.split(",") if part.strip())


@space.command()
@expand_options
def build(
    folder: SpaceFolder,
    content: ContentOptions,
    clips: ExampleOptions,
    page: PageOptions,
    as_json: AsJson = False,
) -> None:
    """Build a complete Space in a new folder."""
    labels = content.parse_labels()
    store = PromptStore()
    plan = service.Plan(
        title=page.title,
        packs=tuple(store.get(pack_id) for pack_id in dict.fromkeys(content.pack or [DEFAULT_PACK])),
        heads=tuple(content.head or ()),
        model=content.model,
        labels=labels,
        examples=clips.find(),
        licence=page.licence,
        gpu=page.gpu,
        tabs=page.parse_tabs(),
    )
    sizes = service.build(plan, folder)
    _show(sizes, as_json)
    say(f"The Space is in {folder}. Try it with `audioprompt space check {folder}`, publish it with `space push`.")


@space.command()
def check(
    folder: SpaceFolder,
    present: Annotated[
        bool, typer.Option("--present", help="Run with the packages installed here: faster, but a weaker check.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Install a Space in a clean environment, start it and classify a clip."""
    found = service.check(folder, clean=not present, step=lambda name: say(f"{name} …"))
    if as_json:
        print_json(vars(found))
        return
    print_(
        table(["step", ">seconds"], [[name, f"{seconds:.1f}"] for name, seconds in found.seconds.items()]),
        table(
            ["size", ">MB"],
            [
                [name, megabytes(size)]
                for name, size in (
                    ("the Space", found.folder_bytes),
                    ("what it installs", found.environment_bytes),
                    ("memory it took", found.memory_bytes),
                )
                if size is not None
            ],
        ),
        f"Asked about {found.clip}, it says: {found.answer}.",
    )


@space.command()
def push(
    name: Annotated[str, typer.Argument(metavar="USER/NAME", help="Name of the Space on the Hub.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the Space.")] = Path(),
    public: Annotated[bool, typer.Option("--public", help="Make a new Space public; otherwise it is private.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the files to upload without uploading them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Publish a Space, or update a published one."""
    if dry_run:
        _show(service.pushed(folder), as_json, every=True)
        return
    address = service.push(name, folder, public)
    if as_json:
        print_json({"name": name, "address": address})
    else:
        typer.echo(address)


def _show(sizes: Mapping[str, int], as_json: bool, every: bool = False) -> None:
    """Show the files of a Space with their sizes; or its folders, which are fewer."""
    if as_json:
        print_json({"files": dict(sizes), "bytes": sum(sizes.values())})
        return
    shown: dict[str, list[int]] = {}
    for name, size in sizes.items():
        shown.setdefault(name if every else "/".join(name.split("/")[:-1][:2]) or name, []).append(size)
    rows = [[name, str(len(found)), megabytes(sum(found))] for name, found in sorted(shown.items())]
    print_(table(["what", ">files", ">MB"], rows, [["in all", str(len(sizes)), megabytes(sum(sizes.values()))]]))


def megabytes(size: int) -> str:
    """Write bytes as megabytes."""
    return f"{size / 1e6:,.2f}"
