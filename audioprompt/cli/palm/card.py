"""``audioprompt palm card``: what is known of a head."""

from pathlib import Path
from typing import Annotated

import typer

from audioprompt.few_shot import heads


def card(head: Annotated[str, typer.Argument(metavar="HEAD", help="Folder or file of a head.")]) -> None:
    """Print a head's card: how it was trained, how good it is, and how to use it."""
    typer.echo(heads.card(heads.read_record(Path(head))))
