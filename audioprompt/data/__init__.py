"""Labelled clips: what accuracy is measured on and what few-shot methods learn from.

`open_clips` finds them wherever they are, `split` keeps a part of them unseen.
"""

from collections.abc import Callable
from pathlib import Path

from audioprompt.data.archives import from_zip
from audioprompt.data.clips import LabelledClips, LeftOut, refuse_classes_alike, refuse_one_class
from audioprompt.data.sources import SOURCES, OpenOptions, find_source
from audioprompt.data.sources.bundled import DEMONSTRATION, VILLAGE, demonstration
from audioprompt.data.splits import split
from audioprompt.data.tables import DataError
from audioprompt.data.twins import group_near_twins

__all__ = [
    "DEMONSTRATION",
    "SOURCES",
    "VILLAGE",
    "DataError",
    "LabelledClips",
    "LeftOut",
    "demonstration",
    "from_zip",
    "group_near_twins",
    "open_clips",
    "refuse_classes_alike",
    "refuse_one_class",
    "split",
]


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
        where: a place that one of ``SOURCES`` recognises: the path of a table of clips, of a folder with such tables or
            a folder for each class, or of a zip file with either; a data set of the Hugging Face hub,
            ``hf:owner/name`` or ``hf:owner/name@split``; or ``village`` or ``instruments``, bundled.
        into: the folder for all that is unpacked or downloaded, by default in the user's caches.
        progress: told, file by file, how far a download is; an exception raised by it ends the download.
        token: False keeps this machine's own login to the hub out of it, as a page open to visitors must.
        most_bytes: of what is unpacked or downloaded; by default what a machine of one's own can well take.
        skip_bad: leave out what cannot be used, and note it in the clips' ``left_out``.

    Raises:
        DataError: there is nothing, or nothing that can be used, or two classes have names that prompts say alike; the
            message says what to do.
    """
    clips = find_source(where).open(where, OpenOptions(into, progress, token, most_bytes, skip_bad))
    refuse_classes_alike(clips)
    return clips
