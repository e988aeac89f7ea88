"""What visitors of a public page keep while their session lasts: their copy of the packs, and clips of their own.

Also how much they may keep, how long their jobs may run, and which files they may open.
"""

import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypedDict

import gradio as gr
import soundfile

from audioprompt.data import DataError, LabelledClips, open_clips
from audioprompt.data.recordings import find_recordings
from audioprompt.data.sources import open_to_visitors
from audioprompt.prompts.pack import PackError, PromptPack
from audioprompt.prompts.store import TRASH, PromptStore
from audioprompt.server import access, guard, limits
from audioprompt.server.temporary import folder as temporary
from audioprompt.settings import cache_folder
from audioprompt.util.fair import to_make_room
from audioprompt.util.text import one_line

IDLE_SECONDS = 3600.0  # until the copy of a visitor who does nothing is removed, unless their page is open
CLOSED_SECONDS = 300.0  # until that of a closed page is: a page whose connection broke comes back
SWEEP_SECONDS = 60.0
SESSIONS, SESSIONS_OF_ONE = 1000, 30  # visitors' copies at once, and those of one address
PACKS = 20  # that a visitor may change or make
FILES, BYTES = 1000, 1_000_000_000  # of a visitor's own clips
JOB_SECONDS = 300.0  # that a visitor's work in the background may take
EPOCHS, SEEDS, METHODS, SHOTS = 100, 3, 4, 16  # of a visitor's trial
CLIP_SECONDS, SET_SECONDS = 600.0, 7200.0  # of a visitor's clip and of all of them

logger = logging.getLogger(__name__)


# --- visitors' copies -------------------------------------------------------------------------------------------------


def store(request: gr.Request | None) -> PromptStore:
    """Return the packs of whoever asks: the owner's for curators, the copy of their session for visitors."""
    if access.is_curator(request):
        return PromptStore()
    folder = own_folder(request)
    return VisitorsPacks(folder and folder / "packs", partial(claim_folder, request))


class VisitorsPacks(PromptStore):
    """The owner's packs, overlaid with those that a visitor changed or created.

    Args:
        folder: holds the visitor's packs; None for a request without a session, which can keep nothing.
        claim: called before anything is written there.
    """

    def __init__(self, folder: Path | None, claim: Callable[[], None] = lambda: None) -> None:
        self._claim = claim
        beneath = PromptStore()
        super().__init__(folder or beneath.folder, beneath)
        self.kept = folder is not None

    def update(self, pack_id: str, change: Callable[[PromptPack], PromptPack]) -> PromptPack:
        self._admit(pack_id)
        return super().update(pack_id, change)

    def create(self, pack: PromptPack) -> Path:
        self._admit(pack.id)
        return super().create(pack)

    def save(self, pack: PromptPack) -> Path:
        self._admit(pack.id)
        return super().save(pack)

    def delete(self, pack_id: str) -> None:
        self._refuse_without_session()
        super().delete(pack_id)
        for path in sorted((self.folder / TRASH).glob("*.json"), key=lambda path: path.stat().st_mtime)[:-PACKS]:
            path.unlink(missing_ok=True)

    def restore(self, pack_id: str) -> PromptPack:
        self._admit(pack_id)
        return super().restore(pack_id)

    def _refuse_without_session(self) -> None:
        if not self.kept:
            raise PackError(f"Without a session only curators change packs. Sign in, or {access.elsewhere()}.")
        self._claim()

    def _admit(self, pack_id: str) -> None:
        self._refuse_without_session()
        own = {path.stem for path in self.folder.glob("*.json")}
        if pack_id not in own and len(own) >= PACKS:
            raise PackError(f"Visitors keep at most {PACKS} packs. Export and delete some, or {access.elsewhere()}.")


def own_folder(request: gr.Request | None) -> Path | None:
    """Return the folder of a visitor's session, which need not exist yet; None without a session."""
    return _COPIES.folder(request.session_hash) if request and request.session_hash and not _single(request) else None


def claim_folder(request: gr.Request | None) -> None:
    """Keep the folder of a visitor's session; to be called before anything is written there."""
    if request and request.session_hash and not _single(request):
        _COPIES.claim(request.session_hash, access.share(request))


def _single(request: gr.Request) -> bool:
    """Tell whether a call has no session of its own, so that nobody can come back to it."""
    return bool(getattr(request.request, "scope", {}).get(access.SINGLE))


def session(request: gr.Request | None) -> str:
    """Return what tells one visitor's work from another's; empty for curators, who share theirs."""
    return "" if access.is_curator(request) or request is None else request.session_hash or ""


class Terms(TypedDict):
    """The terms of a background job, as `Jobs.start` takes them."""

    owner: str
    seconds: float | None


def terms(request: gr.Request | None) -> Terms:
    """Return the terms of a job: a visitor has one at a time, with a time limit; curators share theirs without one."""
    if access.is_curator(request):
        return {"owner": "", "seconds": None}
    return {"owner": session(request) or access.caller(request) or "nobody", "seconds": JOB_SECONDS}


def refuse_large_trials(
    request: gr.Request | None, methods: Sequence[str], shots: float, epochs: float, seeds: float
) -> None:
    """Refuse a visitor's experiment that would leave no room for others.

    Raises:
        NotAllowed: it is too large; the message says what visitors may choose.
    """
    if access.is_curator(request):
        return
    if len(methods) > METHODS or shots > SHOTS or epochs > EPOCHS or seeds > SEEDS:
        raise access.NotAllowed(
            f"Visitors learn with at most {METHODS} methods, {SHOTS} clips of each class, {EPOCHS} epochs and {SEEDS} "
            f"seeds: choose fewer, or {access.elsewhere()}."
        )


def close(request: gr.Request) -> None:
    """Note that a page was closed: its visitor's copy is removed soon unless they come back."""
    if request.session_hash:
        _COPIES.close(request.session_hash)


class _Copies:
    """The folders of sessions, kept as long as the sessions last."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}  # when each session ends, by the name of its folder
        self._owners: dict[str, str] = {}
        self._sessions: dict[str, str] = {}
        self._lock = threading.Lock()
        self._sweeper = threading.Thread(target=self._sweep_for_ever, daemon=True)

    def folder(self, session: str) -> Path:
        """Return a session's folder, under a name that nobody can guess from the session's."""
        name = access.seal(session)
        with self._lock:
            if name in self._until:
                self._use(name)
        return temporary() / name

    def claim(self, session: str, owner: str) -> None:
        """Keep a session's folder from now on; other sessions of the same owner are evicted first."""
        name = access.seal(session)
        with self._lock:
            if not self._sweeper.is_alive():
                self._sweeper.start()
            self._use(name)
            self._owners[name], self._sessions[name] = owner, session
            owners = {one: self._owners[one] for one in self._until}
            evicted = list(to_make_room(owners, SESSIONS, SESSIONS_OF_ONE))
            for gone in evicted:
                self._remove(gone)
        if evicted:
            logger.info("Removed %d visitors' copies to make room", len(evicted))

    def _use(self, name: str) -> None:
        self._until.pop(name, None)  # so that the latest stand last
        self._until[name] = time.monotonic() + IDLE_SECONDS

    def close(self, session: str) -> None:
        """Let a session end soon."""
        name = access.seal(session)
        with self._lock:
            if name in self._until:
                self._until[name] = time.monotonic() + CLOSED_SECONDS

    def sweep(self) -> None:
        """Remove the sessions that have ended; one whose page is open has not."""
        with self._lock:
            idle = [name for name, until in self._until.items() if until < time.monotonic()]
            ended = [name for name in idle if guard.PAGES.gone_for(self._sessions[name])]
            for name in ended:
                self._remove(name)
        if ended:
            logger.info("Removed the copies of %d visitors who have gone", len(ended))

    def _sweep_for_ever(self) -> None:
        while True:
            time.sleep(SWEEP_SECONDS)
            self.sweep()

    def _remove(self, name: str) -> None:
        del self._until[name], self._owners[name], self._sessions[name]
        shutil.rmtree(temporary() / name, ignore_errors=True)


_COPIES = _Copies()


# --- files ------------------------------------------------------------------------------------------------------------


def clips_named(
    where: str,
    request: gr.Request | None,
    uploads: Path | None = None,
    into: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    skip_bad: bool = False,
) -> LabelledClips:
    """Open the data set that somebody named on the page.

    Args:
        where: as `open_clips` takes it.
        request: of whoever names it.
        uploads: the folder of their uploaded files, which visitors may open.
        into: the folder archives are unpacked into.
        progress: called with the number of fetched files.
        skip_bad: whether to leave out what cannot be used.

    Raises:
        DataError: as `open_clips` does, or a visitor names a file of this machine.
    """
    if access.is_curator(request):
        return open_clips(where, into, progress=progress, skip_bad=skip_bad)
    if not open_to_visitors(where):
        file = Path(where).resolve()
        if uploads is None or file.parent != uploads.resolve() or file.suffix.lower() != ".zip":
            raise DataError("Visitors cannot open files of this server. Upload clips or a zip, or give hf:owner/name.")
    own = own_folder(request)
    if own:
        claim_folder(request)
    into = into or (own and own / "clips") or Path(tempfile.mkdtemp(prefix="clips-", dir=temporary()))
    found = open_clips(where, into, progress=progress, token=False, most_bytes=_room(own), skip_bad=skip_bad)
    _refuse_too_long({path: found.name_of(row) for row, path in enumerate(found.paths)})
    return found


def recordings_in(places: Sequence[Path], request: gr.Request | None, into: Path, uploaded: bool = True) -> list[Path]:
    """Return the recordings that somebody gave, one by one or in zip files, which are unpacked.

    Args:
        places: files, and folders of this machine.
        request: of whoever gave them.
        into: the folder zip files are unpacked into.
        uploaded: whether they were uploaded; else they were named, which only curators may.

    Raises:
        DataError: as `find_recordings` does, or a visitor named them, or theirs are too large or too long.
    """
    if access.is_curator(request):
        return find_recordings(places, into)
    if not uploaded:
        raise DataError("Visitors cannot open files of this server. Upload recordings or a zip.")
    found = find_recordings(places, into, most_bytes=_room(own_folder(request)))
    _refuse_too_long({path: one_line(path.name) for path in found})
    return found


def _refuse_too_long(names: Mapping[Path, str]) -> None:
    """Refuse recordings too long for a visitor, given with what to call each.

    Raises:
        DataError: they are too long by their headers; where these are wrong, the job's time limit ends it.
    """
    total = 0.0
    for path, name in names.items():
        seconds = _seconds(path)
        total += seconds
        if seconds > CLIP_SECONDS:
            raise DataError(f"{name} is longer than {CLIP_SECONDS / 60:g} minutes. Cut it, or {access.elsewhere()}.")
    if total > SET_SECONDS:
        raise DataError(
            f"These clips last {total / 3600:.1f} hours; the limit for visitors is {SET_SECONDS / 3600:g} hours. "
            f"Choose fewer, or {access.elsewhere()}."
        )


def _seconds(path: Path) -> float:
    """Return a recording's length by its header; 0 where that is unknown."""
    try:
        return float(soundfile.info(path).duration)
    except (soundfile.SoundFileError, OSError):
        return 0.0


def _room(own: Path | None) -> int:
    """Return how many bytes a visitor may still unpack or fetch.

    Raises:
        DataError: their quota or the disk is full.
    """
    if limits.full():
        raise DataError("This server is out of disk space. Try again later.")
    kept = sum(path.stat().st_size for path in own.rglob("*") if path.is_file() and not path.is_symlink()) if own else 0
    if kept >= BYTES:
        raise DataError(
            f"Visitors keep at most {BYTES // 1_000_000} MB of clips. Close this page, or {access.elsewhere()}."
        )
    return BYTES - kept


def refuse_too_many(request: gr.Request | None, folder: Path, files: Sequence[str | Path]) -> None:
    """Refuse a visitor's files over their quota.

    Args:
        request: of whoever adds them.
        folder: where their files are kept.
        files: the files to be added.

    Raises:
        NotAllowed: they are over it.
    """
    if access.is_curator(request):
        return
    kept = [*(path for path in folder.rglob("*") if path.is_file()), *map(Path, files)]
    if len(kept) > FILES or sum(path.stat().st_size for path in kept) > BYTES:
        raise access.NotAllowed(
            f"Visitors keep at most {FILES} files and {BYTES // 1_000_000} MB. Choose fewer, or {access.elsewhere()}."
        )


def uploads(request: gr.Request | None) -> Path | None:
    """Return where somebody's archives are kept, None for who can keep none."""
    folder = cache_folder() if access.is_curator(request) else own_folder(request)
    return folder and folder / "uploads"


def room_in_uploads(request: gr.Request | None, files: Sequence[str | Path]) -> Path:
    """Return where somebody's archives are kept, with room for these files: until another day, a visitor's for theirs.

    Raises:
        NotAllowed: there is no session to keep them for, or they are over a visitor's quota.
        DataError: the folder cannot be made.
    """
    if (folder := uploads(request)) is None:
        raise access.NotAllowed("Files can't be kept without a session. Sign in and try again.")
    refuse_too_many(request, folder, files)
    if not access.is_curator(request):
        claim_folder(request)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be made, {error.strerror}: make room there.") from error
    return folder
