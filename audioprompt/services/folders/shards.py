"""Embedded recordings on disk: a manifest, the list of files, and shards of some thousand windows each as safetensors.

Each shard says itself of which files it is, in which version, so that any of them can be made again without the others,
and by whatever machine. Everything is written whole or not at all.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from audioprompt.data.recordings import FoundFile
from audioprompt.errors import AudiopromptError
from audioprompt.util import whole
from audioprompt.util.places import is_there

if TYPE_CHECKING:
    from audioprompt.encoding.encoder import EmbeddedClip
    from audioprompt.models.base import AudioTextModel

FORMAT = "audioprompt embeddings 1"
MANIFEST, FILES, FAILED = "manifest.json", "files.jsonl", "failed.csv"
WINDOWS = "consecutive windows, and a last one that ends where the recording ends"
MAX_RECORDINGS, MAX_BYTES = 1_000, 1_000_000_000  # of one shard; long recordings fill one sooner
MAX_MANIFEST = 1_000_000  # bytes

Json = dict[str, Any]


class EmbedError(AudiopromptError):
    """A folder of embeddings that cannot be read, written or gone on with; the message says what to do."""


@dataclass(frozen=True)
class Shard:
    """Some recordings that are embedded into one file.

    Attributes:
        number: which of the shards.
        files: the recordings.
    """

    number: int
    files: tuple[FoundFile, ...]

    @property
    def name(self) -> str:
        """What its file is called."""
        return f"shard-{self.number:05}.safetensors"

    def done(self, folder: Path) -> bool:
        """Whether its file is there, of these files in these versions."""
        try:
            with safe_open(folder / self.name, "numpy") as file:
                return (file.metadata() or {}).get("files") == self._listed
        except (OSError, SafetensorError):
            return False

    def write(self, folder: Path, clips: Mapping[int, "EmbeddedClip"], failed: Mapping[int, str], dim: int) -> None:
        """Write what was heard in each recording, by position, or why nothing was.

        Raises:
            EmbedError: it cannot be written.
        """
        heard = [clips[place] for place in sorted(clips)]
        counts = np.zeros(len(self.files), np.int32)
        seconds = np.zeros(len(self.files), np.float32)
        for place, clip in clips.items():
            counts[place], seconds[place] = len(clip.windows), clip.seconds
        tensors = {
            "windows": np.concatenate([np.empty((0, dim), np.float32), *(clip.windows for clip in heard)]),
            "starts": np.concatenate([np.empty(0, np.float32), *(clip.starts for clip in heard)]),
            "silent": np.concatenate([np.empty(0, np.bool_), *(clip.silent for clip in heard)]).astype(np.uint8),
            "counts": counts,
            "seconds": seconds,
        }
        reasons = json.dumps({str(place): reason for place, reason in sorted(failed.items())})
        with written_whole(folder / self.name) as unfinished:
            save_file(tensors, unfinished, {"files": self._listed, "failed": reasons})

    def failed(self, folder: Path) -> dict[str, str]:
        """Return why recordings of it could not be used, by their names.

        Raises:
            EmbedError: it cannot be read.
        """
        with opened(folder / self.name) as file:
            reasons = json.loads(file.metadata()["failed"])
        return {self.files[int(place)].name: reason for place, reason in reasons.items()}

    @property
    def _listed(self) -> str:
        return json.dumps([[file.name, *file.version] for file in self.files])


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a path to write to, whose content takes the place of a file once all has gone well.

    Raises:
        EmbedError: it cannot be written.
    """
    try:
        with whole.written(path) as unfinished:
            yield unfinished
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise EmbedError(
            f"{path} cannot be written ({reason}). All shards before it are kept: make room and give the same"
            " command again."
        ) from error


def opened(path: Path) -> Any:
    """Open a shard.

    Raises:
        EmbedError: it cannot be read.
    """
    try:
        return safe_open(path, "numpy")
    except (OSError, SafetensorError) as error:
        raise EmbedError(f"{path} cannot be read ({error}). Run audioprompt embed again: it is made anew.") from error


# --- the plan ---------------------------------------------------------------------------------------------------------


def describe(model: "AudioTextModel") -> Json:
    """Return what embeddings depend on besides the recordings."""
    return {
        "format": FORMAT,
        "model": model.name,
        "revision": model.revision,
        "sample_rate": model.sample_rate,
        "window_seconds": model.window_seconds,
        "windows": WINDOWS,
        "dim": model.dim,
    }


def plan(folder: Path, root: Path, files: Sequence[FoundFile], model: "AudioTextModel") -> list[Shard]:
    """Divide recordings into shards as they were divided before, write that down and return all of them.

    What is new comes into shards of its own. A shard of which recordings changed or are gone is to be made again.

    Args:
        folder: where the shards are.
        root: what the recordings' names are relative to.
        files: the recordings.
        model: what will hear.

    Raises:
        EmbedError: the folder holds embeddings of another model, or cannot be written.
    """
    manifest = {**describe(model), "source": Path(os.path.relpath(root.absolute(), folder.absolute())).as_posix()}
    if is_there(folder / MANIFEST):
        before = read_manifest(folder)
        changed = [name for name in manifest if before.get(name) != manifest[name]]
        if changed:
            raise EmbedError(
                f"{folder} holds embeddings of another kind (changed: {', '.join(changed)}). Give another folder, or"
                " remove this one."
            )
    present = {file.name: file for file in files}
    shards: list[Shard] = []
    number = 0
    for old in read_plan(folder, root):
        number = old.number + 1
        kept = tuple(present.pop(file.name) for file in old.files if file.name in present)
        if kept:
            shards.append(Shard(old.number, kept))
        else:
            (folder / old.name).unlink(missing_ok=True)
    shards += divide(present.values(), number)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EmbedError(f"{folder} cannot be made ({error.strerror}). Give another folder.") from error
    with written_whole(folder / FILES) as unfinished, unfinished.open("w", encoding="utf-8") as lines:
        for shard in shards:
            for file in shard.files:
                listed = {"shard": shard.number, "file": file.name, "size": file.size, "changed": file.changed}
                lines.write(json.dumps(listed) + "\n")
    with written_whole(folder / MANIFEST) as unfinished:
        manifest |= {"files": FILES, "recordings": len(files), "shards": [shard.name for shard in shards]}
        unfinished.write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    return shards


def divide(files: Iterable[FoundFile], first: int) -> Iterator[Shard]:
    """Divide recordings into shards, numbered from ``first``."""
    some: list[FoundFile] = []
    size = 0
    for file in files:
        if some and (len(some) == MAX_RECORDINGS or size + file.size > MAX_BYTES):
            yield Shard(first, tuple(some))
            some, size, first = [], 0, first + 1
        some.append(file)
        size += file.size
    if some:
        yield Shard(first, tuple(some))


def read_manifest(folder: Path) -> Json:
    """Read what a folder of embeddings says of itself.

    Raises:
        EmbedError: it is not one, or is damaged.
    """
    try:
        with (folder / MANIFEST).open("rb") as file:
            manifest = json.loads(file.read(MAX_MANIFEST))
        if manifest["format"] == FORMAT:
            return manifest
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EmbedError(f"{folder / MANIFEST} cannot be read ({error}). Run audioprompt embed again.") from error
    raise EmbedError(f"{folder} holds no embeddings. Make them first: audioprompt embed SOURCE --out {folder}")


def read_plan(folder: Path, root: Path) -> list[Shard]:
    """Read how the recordings of a folder are divided; nothing where they are not.

    Raises:
        EmbedError: the list is damaged.
    """
    shards: dict[int, list[FoundFile]] = {}
    try:
        with (folder / FILES).open(encoding="utf-8") as lines:
            for line in lines:
                one = json.loads(line)
                file = FoundFile(root, one["file"], one["size"], one["changed"])
                shards.setdefault(int(one["shard"]), []).append(file)
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EmbedError(f"{folder / FILES} cannot be read ({error}). Remove {folder} and embed again.") from error
    return [Shard(number, tuple(files)) for number, files in sorted(shards.items())]
