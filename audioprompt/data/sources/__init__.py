"""The kinds of places that labelled clips come from.

To add one here, write a file with a `Source` beside these and give it an entry. To add one from a package of your own,
make a `Source` and name it in that package's ``pyproject.toml`` as an entry point of the group ``audioprompt.sources``.
"""

from audioprompt.data.sources import bundled, folder, hub, manifest, papers, zip
from audioprompt.data.sources.base import OpenOptions as OpenOptions
from audioprompt.data.sources.base import Source as Source
from audioprompt.data.tables import DataError
from audioprompt.util.registry import Registry
from audioprompt.util.text import one_line

SOURCES = Registry(
    "data source",
    "audioprompt.sources",
    Source,
    (*bundled.BUNDLED, papers.SOURCE, hub.SOURCE, folder.SOURCE, zip.SOURCE, manifest.SOURCE),
    DataError,
)


def find_source(where: str) -> Source:
    """Return the first source that recognises a place.

    Raises:
        DataError: none does.
    """
    for source in SOURCES:
        if source.recognises(where):
            return source
    raise DataError(f"{one_line(where)} is not there. Give {list_examples()}.")


def open_to_visitors(where: str) -> bool:
    """Whether a place is one that visitors of a public page may name."""
    return any(source.recognises(where) for source in SOURCES if not source.local)


def list_examples() -> str:
    """List how people write places, as the end of a sentence."""
    *others, last = [source.example for source in SOURCES]
    return f"{', '.join(others)} or {last}"
