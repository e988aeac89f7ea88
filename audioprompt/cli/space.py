"""``audioprompt space``: a Hugging Face Space, built from packs and heads, tried and published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audioprompt.cli.commands import UsageError
from audioprompt.cli.options import DEFAULT_PACK, AsJson, ModelName, PackIds
from audioprompt.cli.output import print_, print_json, say, table
from audioprompt.hosting import TABS
from audioprompt.util.text import one_line

if TYPE_CHECKING:
    from audioprompt.data.examples import Example

NO_EXAMPLES = "none"

SpaceFolder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the Space.")]


def build(
    folder: SpaceFolder,
    pack: PackIds = None,
    head: Annotated[
        list[Path] | None, typer.Option(help="A head that `audioprompt palm fit --save` wrote; repeatable.")
    ] = None,
    model: ModelName = "embedded",
    labels: Annotated[str | None, typer.Option(help="What to choose between at first: 'dog bark, rain'.")] = None,
    title: Annotated[str, typer.Option(help="The Space's name for people.")] = "Name that sound",
    licence: Annotated[str, typer.Option(help="Of what you added, best as SPDX has it: cc-by-4.0.")] = "apache-2.0",
    examples: Annotated[
        str | None,
        typer.Option(
            help="Bundled clips to try: 'dog, violin', or none. All if left out; beside heads or clips of your own "
            "those that fit."
        ),
    ] = None,
    example: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A clip of your own to try; repeatable.")
    ] = None,
    tabs: Annotated[
        str | None,
        typer.Option(help=f"The tabs that visitors see, Classify always: '{','.join(TABS)}'. All these if left out."),
    ] = None,
    gpu: Annotated[bool, typer.Option("--gpu", help="For a Space with a GPU, ZeroGPU included.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a complete Space together in a new folder."""
    from audioprompt.core.labels import LabelError, parse_labels
    from audioprompt.prompts.store import PromptStore
    from audioprompt.space import Plan, build

    try:
        typed = parse_labels(labels) if labels is not None else None
    except LabelError as error:
        raise UsageError(str(error)) from error
    if typed and typed.notice:
        say(typed.notice)
    store = PromptStore()
    chosen = typed.labels if typed else ()
    plan = Plan(
        title=title,
        packs=tuple(store.get(pack_id) for pack_id in dict.fromkeys(pack or [DEFAULT_PACK])),
        heads=tuple(head or ()),
        model=model,
        labels=chosen,
        examples=_examples(examples, example or ()),
        licence=licence,
        gpu=gpu,
        tabs=TABS if tabs is None else tuple(part.strip().lower() for part in tabs.split(",") if part.strip()),
    )
    sizes = build(plan, folder)
    _show(sizes, as_json)
    say(f"The Space is in {folder}. Try it with `audioprompt space check {folder}`, publish it with `space push`.")


def check(
    folder: SpaceFolder,
    present: Annotated[
        bool, typer.Option("--present", help="Run it with what is installed here: quick, and shows less.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Install a Space in a clean environment, start it, and ask it about a clip."""
    from audioprompt.space import check

    found = check(folder, clean=not present, step=lambda name: say(f"{name} …"))
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


def push(
    name: Annotated[str, typer.Argument(metavar="USER/NAME", help="The Space on the hub.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the Space.")] = Path(),
    public: Annotated[bool, typer.Option("--public", help="A new Space is for everybody, not for you alone.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be uploaded, and stop.")] = False,
    as_json: AsJson = False,
) -> None:
    """Publish a Space, or bring one that was published up to date."""
    from audioprompt.space import push, pushed

    if dry_run:
        _show(pushed(folder), as_json, every=True)
        return
    address = push(name, folder, public)
    if as_json:
        print_json({"name": name, "address": address})
    else:
        typer.echo(address)


def _examples(text: str | None, own: Sequence[Path]) -> tuple[Example, ...] | None:
    """The clips that were named, those of one's own first; None where the Space is to choose."""
    from audioprompt.data.examples import Example, examples

    if text is None and not own:
        return None
    bundled = {example.path.stem: example for example in examples()}
    named = [part.strip() for part in text.split(",")] if text and text != NO_EXAMPLES else []
    found: list[Example] = []
    for name in dict.fromkeys([*map(str, own), *named]):
        if name in bundled and name in named:
            found.append(bundled[name])
        elif not Path(name).is_file():
            raise UsageError(f"There is no clip {name!r}: give the path of one, or of these: {', '.join(bundled)}.")
        else:
            found.append(Example(Path(name), one_line(Path(name).stem), None, (), ""))
    return tuple(found)


def _show(sizes: Mapping[str, int], as_json: bool, every: bool = False) -> None:
    """The files of a Space with their sizes, in bytes; or its folders, which are fewer."""
    if as_json:
        print_json({"files": dict(sizes), "bytes": sum(sizes.values())})
        return
    shown: dict[str, list[int]] = {}
    for name, size in sizes.items():
        shown.setdefault(name if every else "/".join(name.split("/")[:-1][:2]) or name, []).append(size)
    rows = [[name, str(len(found)), megabytes(sum(found))] for name, found in sorted(shown.items())]
    print_(table(["what", ">files", ">MB"], rows, [["in all", str(len(sizes)), megabytes(sum(sizes.values()))]]))


def megabytes(size: int) -> str:
    return f"{size / 1e6:,.2f}"
