"""Weights from the network: fetched on first use, resumed where a connection broke, checked before they are used.

Files of the Hugging Face hub go into its usual cache, shared with every other program; ``HF_ENDPOINT``, ``HF_HOME``
and ``HF_HUB_OFFLINE`` mean what they mean everywhere. Files of Zenodo go into the assets folder beside it.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import copy_context
from pathlib import Path
from threading import Event, Thread

from huggingface_hub import (
    cached_assets_path,
    constants,
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    try_to_load_from_cache,
)
from huggingface_hub.errors import EntryNotFoundError, HTTPError, OfflineModeIsEnabled
from huggingface_hub.file_download import http_get, repo_folder_name
from huggingface_hub.utils import (
    WeakFileLock,
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
    get_session,
)

from audioprompt import settings
from audioprompt.models.base import ModelError

Progress = Callable[[int, int], None]  # (bytes done, bytes in all); called from another thread, in the caller's context

ATTEMPTS = 5
PAUSE_SECONDS = 0.5  # before another attempt
LOOK_SECONDS = 0.2  # how often progress is reported
TIMEOUT_SECONDS = 10
# Of the network and of the disk: what huggingface_hub 1 asks with, httpx, has errors that are no OSError.
FAILURES = (OSError, HTTPError)

# Where Pengi's record is looked up; a mirror answers the same two paths.
ZENODO = settings.ZENODO.value.rstrip("/")


class NotThere(ModelError):
    """The place that was asked has no such file."""


def hub_file(repo: str, name: str, progress: Progress | None = None) -> Path:
    """Return a file of a model repository on the Hugging Face hub; a copy in the cache is taken without asking the
    network.

    Raises:
        NotThere: the repository or the file does not exist.
        ModelError: it cannot be downloaded.
    """
    cached = try_to_load_from_cache(repo, name)
    if isinstance(cached, str):
        return Path(cached)
    what, url = f"{name} of {repo}", hf_hub_url(repo, name)
    check_reachable(what, url)
    try:
        about = get_hf_file_metadata(url, timeout=TIMEOUT_SECONDS)
    except FAILURES as error:
        raise _unavailable(what, error) from error
    if about.etag is None or about.size is None:
        raise ModelError(f"{constants.ENDPOINT} does not say how large {what} is; set HF_ENDPOINT to another mirror.")
    large = len(about.etag) == 64  # large files go by their SHA-256, small ones by git's own hash
    folder = Path(constants.HF_HUB_CACHE, repo_folder_name(repo_id=repo, repo_type="model"))
    return _until_whole(
        lambda: Path(hf_hub_download(repo, name)),
        what,
        partial=folder / "blobs" / f"{about.etag}.incomplete",
        size=about.size,
        checksum=f"sha256:{about.etag}" if large else None,
        progress=progress,
    )


def check_reachable(what: str, url: str | None = None) -> None:
    """Make sure that the hub answers at all; huggingface_hub itself would try for half a minute.

    Args:
        what: is to be downloaded, for the error.
        url: to ask for; the hub itself by default.

    Raises:
        ModelError: it cannot be reached.
    """
    with _reaching(constants.ENDPOINT, what):
        get_session().head(url or constants.ENDPOINT, timeout=TIMEOUT_SECONDS)


def in_hub_cache(repo: str, name: str) -> bool:
    """Whether `hub_file` can do without the network."""
    return isinstance(try_to_load_from_cache(repo, name), str)


def first_hub_file(repo: str, names: Sequence[str], progress: Progress | None = None) -> Path:
    """Return the first of some files that a repository on the hub has; one in the cache before one that is not.

    Raises:
        NotThere: it has none of them.
        ModelError: it cannot be downloaded.
    """
    for name in [name for name in names if in_hub_cache(repo, name)] or names:
        with suppress(NotThere):
            return hub_file(repo, name, progress)
    raise NotThere(f"{repo} does not exist, is not public or has no {' or '.join(names)}; check the name.")


def zenodo_file(record: str, name: str, progress: Progress | None = None) -> Path:
    """Return a file of a record on Zenodo.

    Raises:
        NotThere: the record or the file does not exist.
        ModelError: it cannot be downloaded.
    """
    what = f"{name} of Zenodo's record {record}"
    url = f"{ZENODO}/records/{record}/files/{name}?download=1"
    return _fetched_once(url, name, what, record, lambda: _zenodo_listing(record, name, what), progress)


def web_file(url: str, progress: Progress | None = None, checksum: str | None = None) -> Path:
    """Return a file of the web, of which its size is all that is checked where no checksum is given.

    Raises:
        NotThere: the file does not exist.
        ModelError: it cannot be downloaded.
    """
    name = url.rpartition("/")[2]

    def look_up() -> tuple[int, str | None]:
        try:
            with _reaching(url, name):
                answer = get_session().request("HEAD", url, timeout=TIMEOUT_SECONDS)  # which goes where it is sent
            answer.raise_for_status()
            return int(answer.headers["Content-Length"]), checksum
        except FAILURES as error:
            raise _unavailable(name, error) from error
        except (KeyError, ValueError) as error:
            raise ModelError(f"{url} does not say how large it is: get the file by other means.") from error

    return _fetched_once(url, name, name, "web", look_up, progress)


def _fetched_once(
    url: str,
    name: str,
    what: str,
    place: str,
    look_up: Callable[[], tuple[int, str | None]],
    progress: Progress | None,
) -> Path:
    """Return a file of the folder of a place; it is fetched where it is not there, and goes on where that ended."""
    folder = cached_assets_path("audioprompt", *(("zenodo", place) if place != "web" else ("web",)))
    path, partial = folder / name, folder / f"{name}.incomplete"
    with WeakFileLock(folder / f"{name}.lock"):  # of two processes, one downloads
        if path.is_file():
            return path
        size, checksum = look_up()

        def fetch() -> Path:
            with partial.open("ab") as file:
                http_get(url, file, resume_size=file.tell(), expected_size=size, displayed_filename=name)
            return partial

        return _until_whole(fetch, what, partial, size, checksum, progress).replace(path)


def _zenodo_listing(record: str, name: str, what: str) -> tuple[int, str]:
    """Size in bytes and checksum ("md5:...") of a record's file."""
    try:
        with _reaching(ZENODO, what):
            answer = get_session().get(f"{ZENODO}/api/records/{record}", timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        files = {file["key"]: file for file in answer.json()["files"]}
    except FAILURES as error:
        raise _unavailable(what, error) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{ZENODO} does not answer like Zenodo when asked for {what}; check the address.") from error
    if name not in files:
        raise NotThere(f"There is no {what}; it has {', '.join(files)}.")
    return files[name]["size"], files[name]["checksum"]


def _until_whole(
    fetch: Callable[[], Path],
    what: str,
    partial: Path,
    size: int,
    checksum: str | None,
    progress: Progress | None,
) -> Path:
    """Call ``fetch``, which goes on where ``partial`` ends, until the file it returns is whole and right."""
    failure: Exception | str = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_SECONDS)
        if partial.is_file() and partial.stat().st_size > size:
            partial.unlink()  # more than there is can only be wrong
        try:
            with _watched(partial, size, progress):
                path = fetch()
        except (OfflineModeIsEnabled, EntryNotFoundError) as error:
            raise _unavailable(what, error) from error
        except FAILURES as error:  # the network's and the disk's; what has arrived stays for the next attempt
            failure = error
            continue
        if checksum is None or _fits(path, checksum):
            if progress:
                progress(size, size)
            return path
        for damaged in (path.resolve(), path):  # in the hub's cache, a file and a link to it
            damaged.unlink(missing_ok=True)
        failure = "what arrived does not match its checksum"
    raise _unavailable(what, failure)


def _fits(path: Path, checksum: str) -> bool:
    """Whether a file has a checksum, "sha256:..." or "md5:..."."""
    kind, _, expected = checksum.partition(":")
    found = hashlib.new(kind, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest() == expected


@contextmanager
def _watched(partial: Path, size: int, progress: Progress | None) -> Iterator[None]:
    """Report how far a growing file is; the downloader's own bar keeps quiet meanwhile."""
    if progress is None:
        yield
        return
    done = Event()

    def watch() -> None:
        while not done.wait(LOOK_SECONDS):
            with suppress(FileNotFoundError):  # not there yet, or already in its place
                progress(min(partial.stat().st_size, size), size)

    bars = not are_progress_bars_disabled("huggingface_hub.http_get")
    if bars:
        disable_progress_bars("huggingface_hub")
    # in the caller's context: that is where Gradio's progress finds the event it belongs to
    watcher = Thread(target=copy_context().run, args=(watch,), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        if bars:
            enable_progress_bars("huggingface_hub")


@contextmanager
def _reaching(place: str, what: str) -> Iterator[None]:
    """Say so where there is no way to a server."""
    try:
        yield
    except OfflineModeIsEnabled as error:
        raise _unavailable(what, error) from error
    except FAILURES as error:
        raise ModelError(
            f"{what} is not on this machine yet, and {place} cannot be reached: connect to the network and try again,"
            " or get the file by other means and give its path."
        ) from error


def _unavailable(what: str, reason: Exception | str) -> ModelError:
    """Why a file cannot be had, and what to do, in one sentence."""
    if isinstance(reason, OfflineModeIsEnabled):
        return ModelError(f"{what} is not on this machine yet, and HF_HUB_OFFLINE forbids downloads: unset that once.")
    status = getattr(getattr(reason, "response", None), "status_code", None)
    if status in (401, 403, 404, 410):
        return NotThere(f"{what} does not exist or is not public (HTTP {status}); check the name.")
    if status:
        reason = f"HTTP {status}"
    elif isinstance(reason, Exception):  # of the disk with a reason, of the network without
        reason = getattr(reason, "strerror", None) or "the connection broke off"
    return ModelError(
        f"{what} could not be downloaded ({reason}); try again, which goes on where it stopped, or get the file by"
        " other means and give its path."
    )
