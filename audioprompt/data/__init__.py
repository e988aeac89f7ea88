"""Labelled clips: what accuracy is measured on and what few-shot methods learn from.

`open_clips` finds them wherever they are, `split` keeps a part of them unseen.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from audioprompt.data.archives import from_zip
from audioprompt.data.clips import LabelledClips, LeftOut, refuse_classes_alike, refuse_one_class
from audioprompt.data.splits import split
from audioprompt.data.tables import DataError
from audioprompt.data.twins import group_near_twins
from audioprompt.settings import asset_folder, cache_folder
from audioprompt.util.text import one_line

DEMONSTRATION = "instruments"

__all__ = [
    "DEMONSTRATION", "DataError", "LabelledClips", "LeftOut", "demonstration", "from_zip",
    "group_near_twins", "open_clips",
    "refuse_classes_alike", "refuse_one_class", "split",
]  # fmt: skip


def open_clips(
    where: str,
    into: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    token: bool | None = None,
    most_bytes: int | None = None,
    skip_bad: bool = False,
) -> LabelledClips:
    """Labelled clips from wherever they are.

    Args:
        where: the path of a table of clips, of a folder with such tables or a folder for each class, or of a zip file
            with either; a data set of the Hugging Face hub, ``hf:owner/name`` or ``hf:owner/name@split``; or
            ``instruments``, the demonstration set.
        into: the folder for all that is unpacked or downloaded, by default in the user's caches.
        progress: told, file by file, how far a download is; an exception raised by it ends the download.
        token: False keeps this machine's own login to the hub out of it, as a page open to visitors must.
        most_bytes: of what is unpacked or downloaded; by default what a machine of one's own can well take.
        skip_bad: leave out what cannot be used, and note it in the clips' ``left_out``.

    Raises:
        DataError: there is nothing, or nothing that can be used, or two classes have names that prompts say alike; the
            message says what to do.
    """
    hub_cache = into and into / "hub"
    clips = _open(where, into or cache_folder() / "clips", hub_cache, progress, token, most_bytes, skip_bad)
    refuse_classes_alike(clips)
    return clips


def _open(
    where: str,
    into: Path,
    hub_cache: Path | None,
    progress: Callable[[int, int], None] | None,
    token: bool | None,
    most_bytes: int | None,
    skip_bad: bool,
) -> LabelledClips:
    if where == DEMONSTRATION:
        return demonstration()
    if where.startswith("hf:"):
        from audioprompt.data.hub import from_hub

        repo_id, _, split_name = where.removeprefix("hf:").partition("@")
        return from_hub(
            repo_id,
            into,
            split_name or None,
            progress=progress,
            token=token,
            most_bytes=most_bytes,
            skip_bad=skip_bad,
            cache_dir=hub_cache,
        )
    path = Path(where)
    if path.is_dir():
        return LabelledClips.from_folder(path, skip_bad)
    if path.suffix.lower() == ".zip":
        return from_zip(path, into, most_bytes=most_bytes, skip_bad=skip_bad)
    if not path.is_file():
        raise DataError(
            f"{one_line(where)} is not there: give a CSV file, a folder, a zip file, hf:owner/name or {DEMONSTRATION}"
        )
    return LabelledClips.from_manifest(path, skip_bad)


def demonstration() -> LabelledClips:
    """The clips that come with audioprompt: twelve families of instruments, four presets and folds, 16 clips each.

    They are in ``assets/instruments`` of a checkout, or in their copy inside an installed package.
    """
    manifest = asset_folder("instruments") / "manifest.csv"
    return replace(LabelledClips.from_manifest(manifest), name=DEMONSTRATION)
