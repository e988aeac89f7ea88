"""The clips that come with audioprompt: fourteen sounds of a village, and twelve families of instruments."""

from dataclasses import replace

from audioprompt.data.clips import LabelledClips
from audioprompt.data.sources.base import OpenOptions, Source
from audioprompt.settings import asset_folder

VILLAGE = "village"
DEMONSTRATION = "instruments"


def demonstration(name: str = DEMONSTRATION) -> LabelledClips:
    """Open clips that come with audioprompt, from a checkout or from their copy inside an installed package."""
    return replace(LabelledClips.from_manifest(asset_folder(name) / "manifest.csv"), name=name)


def _open(where: str, options: OpenOptions) -> LabelledClips:
    return demonstration(where)


def _source(name: str, description: str) -> Source:
    return Source(name=name, example=name, description=description, recognises=name.__eq__, open=_open, local=False)


BUNDLED = (
    _source(VILLAGE, "The bundled recordings of fourteen sounds of a village."),
    _source(DEMONSTRATION, "The bundled clips of twelve instruments."),
)
