"""What strangers may do: on a Space, where everybody is one, this machine's files, packs and key are not theirs.

They classify, listen, generate with a key of their own, measure packs and learn from their own clips. To keep
decisions, they run audioprompt on their own machine or duplicate the Space.
"""

import os
from collections.abc import Callable
from pathlib import Path

from audioprompt.data import DEMONSTRATION, DataError, LabelledClips, open_clips
from audioprompt.prompts.pack import PackError
from audioprompt.prompts.store import PromptStore

ELSEWHERE = "run audioprompt on your own machine, or duplicate this Space"


def present() -> bool:
    """Whether strangers can reach this page."""
    return "SPACE_ID" in os.environ


def store_to_write() -> PromptStore:
    """The store, for whoever is about to change a pack.

    Raises:
        PackError: strangers are present.
    """
    if present():
        raise PackError(f"packs cannot be changed by visitors: {ELSEWHERE}")
    return PromptStore()


def clips_named(
    where: str,
    uploads: Path | None = None,
    into: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LabelledClips:
    """The clips of a data set that was named on the page.

    Args:
        where: as `open_clips` takes it.
        uploads: the folder of the files that visitors uploaded, which they may name.
        into: where archives are unpacked.
        progress: told of the files fetched.

    Raises:
        DataError: as `open_clips` does, or a stranger names a file of this machine.
    """
    if present() and where != DEMONSTRATION and not where.startswith("hf:") and Path(where).parent != uploads:
        raise DataError("files of this server cannot be named here: upload clips or a zip, or give hf:owner/name")
    return open_clips(where, into, progress=progress, token=False if present() else None)
