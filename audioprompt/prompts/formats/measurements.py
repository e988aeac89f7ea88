"""What tables and reports have in common: the kinds of measurement that a pack holds."""

from collections.abc import Iterable

from audioprompt.prompts.pack import Measurement, PackEntry

Kind = tuple[str, str, str, str, int]  # of a measurement: its model, revision, data, split and number of clips


def kind_of(figure: Measurement) -> Kind:
    """Tell what a figure was measured with and on."""
    return figure.model, figure.revision, figure.data, figure.split, figure.n


def kinds_of(entries: Iterable[PackEntry]) -> list[Kind]:
    """List the kinds of measurement, in the order they come."""
    return list(dict.fromkeys(kind_of(figure) for entry in entries for figure in entry.measured))
