"""Folders of recordings."""

from pathlib import Path

from audioprompt.data.clips import LabelledClips
from audioprompt.data.sources.base import OpenOptions, Source
from audioprompt.util.places import is_folder


def _recognises(where: str) -> bool:
    return is_folder(where)


def _open(where: str, options: OpenOptions) -> LabelledClips:
    return LabelledClips.from_folder(Path(where), options.skip_bad)


SOURCE = Source(
    name="folder",
    example="a folder",
    description="A folder for each class, or tables of the clips beside them.",
    recognises=_recognises,
    open=_open,
)
