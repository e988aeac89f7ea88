"""Zip files of recordings."""

from pathlib import Path

from audioprompt.data.archives import from_zip
from audioprompt.data.clips import LabelledClips
from audioprompt.data.sources.base import OpenOptions, Source


def _recognises(where: str) -> bool:
    return Path(where).suffix.lower() == ".zip"


def _open(where: str, options: OpenOptions) -> LabelledClips:
    return from_zip(Path(where), options.clips_folder, most_bytes=options.max_bytes, skip_bad=options.skip_bad)


SOURCE = Source(
    name="zip",
    example="a zip file",
    description="A zip file that holds what a folder may.",
    recognises=_recognises,
    open=_open,
)
