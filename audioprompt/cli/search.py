"""``audioprompt search``: find recordings in an embedded folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from audioprompt.cli.group import UsageError
from audioprompt.cli.options import AsJson, Device, Half, Weights, load_model
from audioprompt.cli.output import clock, print_, print_json, say, table
from audioprompt.services.folders import search as service
from audioprompt.services.folders.search import NEARLY_THE_SAME, Found, open_embedded
from audioprompt.services.words import read_labels
from audioprompt.util.text import counted

SHOWN = 10


@dataclass(frozen=True)
class Loading:
    """How to load the model that heard the recordings."""

    weights: Weights = None
    device: Device = "auto"
    half: Half = False


def search(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder that audioprompt embed made.")],
    words: Annotated[str | None, typer.Argument(help="What is to be heard, as 'a dog barking far away'.")] = None,
    like: Annotated[Path | None, typer.Option(help="Find what sounds like this clip.")] = None,
    duplicates: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help=f"Find recordings at least so near to each other, 0 to 1, as {NEARLY_THE_SAME:g}."
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many to find.")] = SHOWN,
    *,
    loading: Loading,
    as_json: AsJson = False,
) -> None:
    """Find recordings in an embedded folder: by words, by a clip, or those that are there more than once."""
    if sum(one is not None for one in (words, like, duplicates)) != 1:
        raise UsageError("Give words to search for, --like CLIP or --duplicates COSINE, one of the three.")
    embedded = open_embedded(folder)
    if duplicates is not None:
        groups = [[embedded.names[at] for at in group] for group in embedded.duplicates(duplicates)]
        if as_json:
            print_json({"recordings": len(embedded.names), "duplicates": groups})
            return
        print_(table(["sound nearly the same"], *([[name] for name in group] for group in groups)))
        say(f"{counted(len(groups), 'group')} among {counted(len(embedded.names), 'recording')}.")
        return
    encoder = load_model(embedded.model[0], loading.weights, loading.device, loading.half)
    if words is not None:
        found = service.search_words(embedded, encoder, words, top)
        for remark in read_labels(encoder, [words]).notices:
            say(remark)
    else:
        assert like is not None
        found = service.search_like(embedded, encoder, like, top)
    if as_json:
        results = [asdict(one) for one in found]
        print_json({"recordings": len(embedded.names), "method": embedded.method, "found": results})
        return
    print_(table(["file", ">from", ">to", ">cosine", "heard"], [_row(one) for one in found]))
    windows, recordings = counted(len(embedded.windows), "window"), counted(len(embedded.names), "recording")
    say(f"{windows} of {recordings}, {embedded.method}.")


def _row(found: Found) -> list[str]:
    heard = {None: "", True: "yes", False: "unsure"}[found.heard]
    return [found.file, clock(found.start), clock(found.end), f"{found.score:.3f}", heard]
