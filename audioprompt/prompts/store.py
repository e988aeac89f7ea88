"""The store of prompt packs: a folder with one ``<id>.json`` per pack."""

import os
import uuid
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from audioprompt.prompts.pack import MAX_BYTES, PackError, PromptPack


def default_folder() -> Path:
    """The folder packs are read from when none is named.

    ``AUDIOPROMPT_STORE`` if it is set, else ``prompt_store/`` of a source checkout, else the copy inside the installed
    package.
    """
    named = os.environ.get("AUDIOPROMPT_STORE")
    if named:
        return Path(named).expanduser()
    checkout = Path(__file__).resolve().parents[2] / "prompt_store"
    return checkout if checkout.is_dir() else Path(str(files("audioprompt") / "_prompt_store"))


class PromptStore:
    """The packs of one folder, read afresh at every call, so that an edited file counts at once.

    Args:
        folder: where the packs are, ``default_folder()`` if None. It need not exist before the first ``save``.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self.folder = Path(folder) if folder is not None else default_folder()

    def ids(self) -> list[str]:
        """The ids of all packs, those with problems included, sorted."""
        return [path.stem for path in self._paths()]

    def get(self, pack_id: str) -> PromptPack:
        """Read one pack.

        Raises:
            PackError: there is no such pack, or its file is broken.
        """
        for path in self._paths():  # a listed file only, so no id leads out of the folder
            if path.stem == pack_id:
                return _read(path)
        known = ", ".join(self.ids()) or f"none, {self.folder} is empty"
        raise PackError(f"no prompt pack is called {pack_id!r}; there are: {known}")

    def packs(self) -> list[PromptPack]:
        """The packs that can be read, sorted by id; ``problems`` tells of the others."""
        return [found for found in self._read_all().values() if isinstance(found, PromptPack)]

    def problems(self) -> dict[str, str]:
        """What is wrong with the files that cannot be read as packs, by file name."""
        return {name: str(found) for name, found in self._read_all().items() if isinstance(found, PackError)}

    def save(self, pack: PromptPack) -> Path:
        """Write a pack to its file, whole or not at all: a reader sees the old pack or the new one.

        Returns:
            The file written.

        Raises:
            PackError: the pack would not be readable again, or the folder cannot be written to.
        """
        text = pack.to_json()
        PromptPack.from_json(text, f"{pack.id}.json")
        path = self.folder / f"{pack.id}.json"
        temporary = self.folder / f".{pack.id}-{uuid.uuid4().hex}.tmp"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            raise PackError(f"{path.name}: cannot be saved in {self.folder}, {error.strerror}") from error
        finally:
            with suppress(OSError):  # gone already where all went well
                temporary.unlink()
        return path

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("[!.]*.json"))

    def _read_all(self) -> dict[str, PromptPack | PackError]:
        found: dict[str, PromptPack | PackError] = {}
        for path in self._paths():
            try:
                found[path.name] = _read(path)
            except PackError as error:
                found[path.name] = error
        return found


def _read(path: Path) -> PromptPack:
    """Read a pack's file, and hold it to its name: one id, one file.

    Raises:
        PackError: the file cannot be read, is no valid pack, or is named otherwise than its pack.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PackError(f"{path.name}: cannot be read, {error.strerror}") from error
    pack = PromptPack.from_json(content, path.name)
    if pack.id != path.stem:
        raise PackError(f"{path.name}: id is {pack.id!r}, so name the file {pack.id}.json or correct the id")
    return pack
