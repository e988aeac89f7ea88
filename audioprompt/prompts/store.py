"""The store of prompt packs: a folder with one ``<id>.json`` per pack, safe under many writers.

    store.update("instruments", lambda pack: decide(pack, texts, "approved", who="ada"))

A change is made under the pack's lock, on the pack as it is then, and is on the disk when ``update`` returns: tabs,
people and processes that change one pack at the same time lose nothing of each other's. Readers need no lock, for a
file is only ever replaced as a whole.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from audioprompt.prompts.pack import MAX_BYTES, PackError, PromptPack
from audioprompt.settings import bundled_store_folder, store_folder
from audioprompt.util.lru import Recent

PATIENCE_SECONDS = 20.0  # how long to wait for others who are changing the same pack
POLL_SECONDS = 0.01
TRASH = ".trash"  # the folder of deleted packs, in that of the packs
BUNDLED = frozenset(  # the packs that come along, which nobody deletes where their own folder is the store
    {
        "acoustic-scenes",
        "eight-templates",
        "impact-emergency",
        "instruments",
        "music-genre",
        "vanilla",
        "vocal-sounds",
    }
)
PACKS_KEPT = 64  # in memory, so that an unchanged pack is parsed once


class PromptStore:
    """The packs of one folder, and beneath them those of a base that is only read.

    The base's packs are seen unless the folder has its own of the same id; changing one of them puts the changed copy
    into the folder.

    Args:
        folder: where the packs are. It need not exist before the first change. `settings.store_folder` if None.
        base: the store beneath. Where neither is given, it holds the packs that come along.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None, base: "PromptStore | None" = None) -> None:
        if folder is None and base is None:
            base = PromptStore(bundled_store_folder())
        self.folder = Path(folder) if folder is not None else store_folder()
        self.base = base

    # --- reading ------------------------------------------------------------------------------------------------------

    def ids(self) -> list[str]:
        """List the ids of all packs, those with problems included, sorted."""
        return sorted(self._paths())

    def get(self, pack_id: str) -> PromptPack:
        """Read one pack, as its file is now.

        Raises:
            PackError: there is no such pack, or its file is broken.
        """
        return _read(self._path(pack_id))

    def packs(self) -> list[PromptPack]:
        """Read the packs that can be read, sorted by id; ``problems`` tells of the others."""
        return [found for found in self._read_all().values() if isinstance(found, PromptPack)]

    def problems(self) -> dict[str, str]:
        """Tell what is wrong with the files that cannot be read as packs, by file name."""
        return {name: str(found) for name, found in self._read_all().items() if isinstance(found, PackError)}

    def stamp(self, pack_id: str) -> str:
        """Return a text that differs once the pack's file has changed; cheap enough to ask for often.

        Raises:
            PackError: there is no such pack, or its file cannot be reached.
        """
        path = self._path(pack_id)
        try:
            return _stamp_of(path.stat())
        except OSError as error:
            raise PackError(f"{path.name}: cannot be read, {error.strerror}.") from error

    # --- writing: when one of these returns, the pack is on the disk --------------------------------------------------

    def update(self, pack_id: str, change: Callable[[PromptPack], PromptPack]) -> PromptPack:
        """Change a pack: read it, apply ``change`` and write the outcome, while no other writer gets at it.

        Args:
            pack_id: the pack.
            change: makes the new pack of the present one, as the functions of `audioprompt.prompts.history` do. What
                it raises comes out of here, with the pack left as it was. The same pack back means nothing to write.

        Returns:
            The pack as it is now.

        Raises:
            PackError: there is no such pack, its file is broken, others keep it locked, the folder cannot be written
                to, or the new pack has another id, lacks some of the history, or would not be readable again.
        """
        self._path(pack_id)
        with self._locked(pack_id):
            pack = self.get(pack_id)
            changed = change(pack)
            if changed is pack:
                return pack
            known = len(pack.history)
            if changed.id != pack_id or changed.history[:known] != pack.history:
                raise PackError(f"{pack_id}: a change must keep the pack's id and append to its history.")
            self._write(*_serialise(changed, proven=known))
        return changed

    def create(self, pack: PromptPack) -> Path:
        """Write a new pack to its file.

        Returns:
            The file written.

        Raises:
            PackError: there is a pack of this id, or it cannot be saved.
        """
        written = _serialise(pack)
        with self._locked(pack.id):
            if pack.id in self._paths():
                raise PackError(f"A prompt pack is called {pack.id!r} already: choose another id.")
            return self._write(*written)

    def save(self, pack: PromptPack) -> Path:
        """Write a pack to its file, in the place of what may stand there, its history included.

        To change a pack that others may be changing as well, use ``update``.

        Returns:
            The file written.

        Raises:
            PackError: the pack would not be readable again, others keep it locked, or the folder cannot be written to.
        """
        written = _serialise(pack)
        with self._locked(pack.id):
            return self._write(*written)

    def delete(self, pack_id: str) -> None:
        """Move a pack to the trash, from where ``restore`` brings it back.

        Where it was a changed copy of one of the base, the base's is seen again.

        Raises:
            PackError: there is no such pack, it belongs to the base or comes along, or it cannot be moved.
        """
        path = self._path(pack_id)
        if path.parent != self.folder or (pack_id in BUNDLED and _is_same(self.folder, bundled_store_folder())):
            raise PackError(f"{pack_id} is not your own, so you cannot delete it: copy it, and change the copy.")
        with self._locked(pack_id):
            try:
                trash = self.folder / TRASH
                trash.mkdir(exist_ok=True)
                path.replace(trash / f"{pack_id}.{time.time_ns()}.json")
                _sync_folder(self.folder)
            except OSError as error:
                raise PackError(f"{path.name}: cannot be deleted, {error.strerror}.") from error

    def restore(self, pack_id: str) -> PromptPack:
        """Bring back the pack of this id that was deleted last.

        Returns:
            The pack.

        Raises:
            PackError: none is in the trash, another has its id by now, or it cannot be moved.
        """
        found = [path for path in (self.folder / TRASH).glob("*.json") if path.name.split(".")[0] == pack_id]
        if not found:
            raise PackError(f"No deleted pack is called {pack_id!r}.")
        with self._locked(pack_id):
            path = self.folder / f"{pack_id}.json"
            if path.exists():
                raise PackError(f"Another pack is called {pack_id!r} by now: delete it first, or keep that one.")
            try:
                max(found).replace(path)
                _sync_folder(self.folder)
            except OSError as error:
                raise PackError(f"{path.name}: cannot be restored, {error.strerror}.") from error
        return self.get(pack_id)

    # --- the parts these are made of ----------------------------------------------------------------------------------

    def _paths(self) -> dict[str, Path]:
        """Find the file of each pack by its id, the folder's own over the base's."""
        beneath = self.base._paths() if self.base else {}
        return beneath | {path.stem: path for path in self.folder.glob("[!.]*.json")}

    def _path(self, pack_id: str) -> Path:
        """Find the file of a pack: one of those listed, so no id leads out of the folder."""
        paths = self._paths()
        if pack_id not in paths:
            known = ", ".join(sorted(paths)) or f"none, {self.folder} is empty"
            raise PackError(f"No prompt pack is called {pack_id!r}. There are: {known}.")
        return paths[pack_id]

    def _read_all(self) -> dict[str, PromptPack | PackError]:
        found: dict[str, PromptPack | PackError] = {}
        for _, path in sorted(self._paths().items()):
            try:
                found[path.name] = _read(path)
            except PackError as error:
                found[path.name] = error
        return found

    @contextmanager
    def _locked(self, pack_id: str) -> Iterator[None]:
        """Keep other writers of a pack out. The system frees the lock of a process that ends, however it ends."""
        name = f"{pack_id}.json"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / f".{pack_id}.lock").acquire(PATIENCE_SECONDS, poll_interval=POLL_SECONDS)
        except Timeout:
            raise PackError(
                f"{name}: others have been changing it for {PATIENCE_SECONDS:.0f} seconds: try again."
            ) from None
        except OSError as error:
            raise PackError(f"{name}: cannot be saved in {self.folder}, {error.strerror}.") from error
        with lock:
            yield

    def _write(self, content: bytes, pack: PromptPack) -> Path:
        """Write a pack's file whole or not at all, under its lock, and onto the disk before this returns."""
        path = self.folder / f"{pack.id}.json"
        temporary = self.folder / f".{pack.id}.tmp"  # one writer at a time: what a killed one left is overwritten
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                stamp = _stamp_of(os.fstat(file.fileno()))
            temporary.replace(path)
            _sync_folder(self.folder)
        except OSError as error:
            raise PackError(f"{path.name}: cannot be saved in {self.folder}, {error.strerror}.") from error
        finally:
            with suppress(OSError):  # gone already where all went well
                temporary.unlink()
        _PARSED.put((path, stamp), _copy_apart(pack))
        return path


def _serialise(pack: PromptPack, proven: int = 0) -> tuple[bytes, PromptPack]:
    """Write the content of a pack's file, and the pack as it will be read from there.

    Args:
        pack: the pack.
        proven: how many events of its history come from such a file; they are not read again, so that a decision
            takes no longer where there were many before it.

    Raises:
        PackError: it could not be read again.
    """
    name, content = f"{pack.id}.json", pack.to_json().encode()
    if len(content) > MAX_BYTES:
        raise PackError(f"{name}: has grown too long for a pack, over {MAX_BYTES // 1_000_000} MB: start a new one.")
    known, new = pack.history[:proven], pack.history[proven:]
    again = PromptPack.from_json(pack.model_copy(update={"history": new}).to_json(), name)
    return content, again.model_copy(update={"history": known + again.history})


def _is_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _sync_folder(folder: Path) -> None:
    """Have a folder's list of files on the disk; Windows keeps it by itself."""
    if os.name != "nt":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _stamp_of(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns}-{status.st_size}-{status.st_ino}"


def _read(path: Path) -> PromptPack:
    """Read a pack's file, and hold it to its name: one id, one file.

    Raises:
        PackError: the file cannot be read, is not a valid pack, or is named otherwise than its pack.
    """
    try:
        with path.open("rb") as file:
            stamp = _stamp_of(os.fstat(file.fileno()))
            if known := _PARSED.get((path, stamp)):
                return _copy_apart(known)
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PackError(f"{path.name}: cannot be read, {error.strerror}.") from error
    pack = PromptPack.from_json(content, path.name)
    if pack.id != path.stem:
        raise PackError(f"{path.name}: id is {pack.id!r}, so name the file {pack.id}.json or correct the id.")
    _PARSED.put((path, stamp), _copy_apart(pack))
    return pack


def _copy_apart(pack: PromptPack) -> PromptPack:
    """Copy a pack so that it shares only what cannot be changed with the one given."""
    return pack.model_copy(
        update={
            "label_presets": dict(pack.label_presets),
            "provenance": pack.provenance.model_copy(deep=True),
        }
    )


# The packs read or written last, for as long as their files stay as they are: a live demo asks for its pack at every
# tick. What is kept shares no dictionary with what came in or goes out.
_PARSED: Recent[PromptPack] = Recent(PACKS_KEPT)
