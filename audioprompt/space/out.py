"""A Space on its way: into a folder and a zip, or to the hub, told step by step."""

import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import get_token

from audioprompt.space.plan import Plan, build, names, sizes
from audioprompt.space.push import TOKEN, push
from audioprompt.space.requirements import SpaceError
from audioprompt.util.places import as_typed


@dataclass
class Way:
    """How far a Space is: told by the thread at work, read by whoever follows it.

    Attributes:
        expected: the size of each file that it will have.
        folder: where it is put together; None before that.
        given: the folder that somebody asked for; None for a zip alone, or for the hub.
        since: when all files were there, and the zip or the upload began; None before.
    """

    expected: Mapping[str, int]
    folder: Path | None = None
    given: Path | None = None
    since: float | None = None

    @property
    def done(self) -> int:
        """How many of the files are there by now."""
        return _count(self.folder, self.expected)

    @property
    def seconds(self) -> float:
        """Since all files were there."""
        return 0.0 if self.since is None else time.monotonic() - self.since


def _count(folder: Path | None, expected: Iterable[str]) -> int:
    return sum((folder / name).is_file() for name in expected) if folder else 0


@contextmanager
def workshop(place: Path) -> Iterator[Path]:
    """Make a folder for one Space, gone with it; work that nobody looks at any more may still be writing into it."""
    with tempfile.TemporaryDirectory(prefix="space-", dir=place, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def prepare_folder(plan: Plan, folder: str) -> Way:
    """Return the way of a Space into a folder of this machine, none if that is empty.

    Raises:
        SpaceError: the plan makes none.
    """
    given = as_typed(folder).absolute() if folder.strip() else None
    return Way(sizes(plan), given=given)


def build_and_pack(plan: Plan, way: Way, room: Path) -> Path:
    """Write a Space to its folder, and pack it as a zip, which is returned.

    Args:
        plan: of the Space.
        way: is told how far it is.
        room: an empty folder to work in.

    Raises:
        SpaceError: the folder cannot be used.
    """
    name = names([plan.title])[0]
    way.folder = way.given or room / name
    try:
        build(plan, way.folder)
        way.since = time.monotonic()
        return Path(shutil.make_archive(str(room / "packed" / name), "zip", way.folder))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a valid path"
        raise SpaceError(f"{way.given or room} cannot be used, {reason}: name another folder.") from error


def check_push(name: str, token: str) -> None:
    """Refuse what cannot be pushed before anything is built.

    Raises:
        SpaceError: there is no name, or no token.
    """
    if not name:
        raise SpaceError("Name the Space: USER/NAME.")
    if token and not TOKEN.fullmatch(token):
        raise SpaceError("Not a Hub token: copy it again, without blanks.")
    if not (token or get_token()):
        raise SpaceError("Give a token that may write: this machine has none of its own.")


def build_and_push(plan: Plan, way: Way, room: Path, name: str, public: bool, token: str = "") -> str:
    """Put a Space together and publish it; its address.

    Args:
        plan: of the Space.
        way: is told how far it is.
        room: an empty folder to work in.
        name: USER/NAME.
        public: whether everybody shall see it.
        token: of the hub; empty for the one that this machine has.

    Raises:
        SpaceError: it cannot be built or pushed; the message does not hold the token.
    """
    way.folder = room / "space"
    try:
        build(plan, way.folder)
        way.since = time.monotonic()
        return push(name, way.folder, public, token or None)
    except SpaceError as error:
        if not token:
            raise
        raise SpaceError(str(error).replace(token, "the token")) from error
