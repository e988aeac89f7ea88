"""``audioprompt models``: which models there are."""

from __future__ import annotations

from audioprompt.cli.options import AsJson
from audioprompt.cli.output import print_, print_json, table
from audioprompt.models import registry


def models(as_json: AsJson = False) -> None:
    """List the models."""
    columns = ("name", "description", "size", "licence")
    rows = [{column: getattr(entry, column) for column in columns} for entry in registry.MODELS]
    if as_json:
        print_json(rows)
    else:
        print_(table(columns, [list(row.values()) for row in rows]))
