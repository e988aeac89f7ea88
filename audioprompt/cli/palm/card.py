"""``audioprompt palm card``: what is known of a head."""

from pathlib import Path
from typing import Annotated

import typer

from audioprompt.few_shot import sharing


def card(head: Annotated[str, typer.Argument(metavar="HEAD", help="The folder or file of a head.")]) -> None:
    """Print what is known of a head: how it was made, how good it is, and how to use it."""
    typer.echo(sharing.card(sharing.read_record(Path(head))))
