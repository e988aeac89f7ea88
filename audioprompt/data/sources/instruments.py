"""The demonstration: twelve families of instruments, four presets and folds, 16 clips each."""

from dataclasses import replace

from audioprompt.data.clips import LabelledClips
from audioprompt.data.sources.base import OpenOptions, Source
from audioprompt.settings import asset_folder

DEMONSTRATION = "instruments"


def demonstration() -> LabelledClips:
    """Open the clips that come with audioprompt, from a checkout or from their copy inside an installed package."""
    manifest = asset_folder("instruments") / "manifest.csv"
    return replace(LabelledClips.from_manifest(manifest), name=DEMONSTRATION)


def _open(where: str, options: OpenOptions) -> LabelledClips:
    return demonstration()


SOURCE = Source(
    name=DEMONSTRATION,
    example=DEMONSTRATION,
    description="The bundled clips of twelve instruments.",
    recognises=DEMONSTRATION.__eq__,
    open=_open,
    local=False,
)
