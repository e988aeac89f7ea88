"""What is known of a kind of place that labelled clips come from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from audioprompt.data.clips import LabelledClips
from audioprompt.settings import cache_folder


@dataclass(frozen=True)
class OpenOptions:
    """How clips are opened, of which each source uses what it needs.

    Attributes:
        folder: for all that is unpacked or downloaded; None for the user's caches.
        progress: told, file by file, how far a download is; an exception raised by it ends the download.
        token: False keeps this machine's own login to the hub out of it.
        max_bytes: of what is unpacked or downloaded; None for what a machine of one's own can well take.
        skip_bad: whether to leave out what cannot be used, and note it in the clips' ``left_out``.
    """

    folder: Path | None = None
    progress: Callable[[int, int], None] | None = None
    token: bool | None = None
    max_bytes: int | None = None
    skip_bad: bool = False

    @property
    def clips_folder(self) -> Path:
        """Where clips are unpacked."""
        return self.folder or cache_folder() / "clips"


@dataclass(frozen=True)
class Source:
    """A kind of place that labelled clips come from.

    Attributes:
        name: of the kind, one word.
        example: how people write such a place, as in a sentence: "a folder" or "hf:owner/name".
        description: one line on what it holds.
        recognises: whether a text names such a place.
        open: gives its clips.
        local: whether it is a file of this machine, which visitors of a public page must not name.
    """

    name: str
    example: str
    description: str
    recognises: Callable[[str], bool]
    open: Callable[[str, OpenOptions], LabelledClips]
    local: bool = True
