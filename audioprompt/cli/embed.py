"""``audioprompt embed``: what a model hears in any number of recordings, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audioprompt.cli.folder import only_hear, told_how_far
from audioprompt.cli.options import ModelOptions
from audioprompt.cli.output import say
from audioprompt.services.folders.embed import embed_shards, find_missing, find_source, list_failed
from audioprompt.services.folders.on_ray import ModelChoice, check_ray, embed_on_ray
from audioprompt.services.folders.shards import FAILED, plan
from audioprompt.util.text import counted


def embed(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="Folder of recordings of any size, or a data set as in evaluate.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to, and to go on with.")],
    ray: Annotated[
        bool, typer.Option("--ray", help="Share the work among the machines of a Ray cluster (RAY_ADDRESS).")
    ] = False,
    *,
    model: ModelOptions,
) -> None:
    """Embed recordings once, to search them, map them or use the vectors elsewhere."""
    if ray:
        check_ray()
    root, files = find_source(source)
    encoder = model.load()
    only_hear(encoder)
    shards = plan(out, root, files, encoder)
    missing = find_missing(shards, out, encoder)
    left = [file for shard in missing for file in shard.files]
    if len(left) < len(files):
        say(f"{len(files) - len(left)} of {counted(len(files), 'recording')} were embedded before: going on.")
    # What was heard for a shard that is not yet written is not kept.
    with told_how_far(files, left, str(out), lambda: sum(len(one.files) for one in shards if one.done(out))) as way:
        if ray:
            choice = ModelChoice(model.model, model.device, model.weights, model.half)
            for shard in embed_on_ray(choice, missing, root, out) if missing else ():
                for file in shard.files:
                    way.tell(file)
                way.look([])
        else:
            for file in embed_shards(encoder, missing, out, way.look):
                way.tell(file)
    failed = list_failed(shards, out)
    say(f"Written to {out}: {counted(len(files), 'recording')} in {counted(len(shards), 'shard')}.")
    if failed:
        say(f"{counted(len(failed), 'recording')} could not be used: {out / FAILED} says why.")
