"""Data sets of the Hugging Face hub."""

from audioprompt.data.clips import LabelledClips
from audioprompt.data.sources.base import OpenOptions, Source

PREFIX = "hf:"


def _recognises(where: str) -> bool:
    return where.startswith(PREFIX)


def _open(where: str, options: OpenOptions) -> LabelledClips:
    from audioprompt.data.hub import from_hub

    repository, _, split_name = where.removeprefix(PREFIX).partition("@")
    return from_hub(repository, options.clips_folder, split_name or None, options=options)


SOURCE = Source(
    name="hub",
    example="hf:owner/name",
    description="A data set of the Hugging Face hub; `hf:owner/name@split` takes one of its splits.",
    recognises=_recognises,
    open=_open,
    local=False,
)
