"""Tables of recordings and their classes."""

from pathlib import Path

from audioprompt.data.clips import LabelledClips
from audioprompt.data.sources.base import OpenOptions, Source
from audioprompt.util.places import is_file


def _recognises(where: str) -> bool:
    return is_file(where)


def _open(where: str, options: OpenOptions) -> LabelledClips:
    return LabelledClips.from_manifest(Path(where), options.skip_bad)


SOURCE = Source(
    name="manifest",
    example="a CSV file",
    description="A table with a line for each clip: path, classname and perhaps fold, group and split.",
    recognises=_recognises,
    open=_open,
)
