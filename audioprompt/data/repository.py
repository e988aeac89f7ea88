"""A data set on the Hugging Face hub: what files it has, how they are fetched, and why they cannot be."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, constants, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

from audioprompt.data.sources.base import OpenOptions
from audioprompt.data.tables import DataError
from audioprompt.util.text import one_line

Progress = Callable[[int, int], None]  # (files done, files in all)

MAX_BYTES = 20_000_000_000  # to be downloaded of one data set
DOWNLOADS = 8  # at a time
TIMEOUT_SECONDS = 10
ATTEMPTS = 5
PAUSE_SECONDS = 0.5  # before another attempt


class Unreachable(DataError):
    """There is no way to the hub at present."""


@dataclass(frozen=True)
class Repository:
    """A data set at one revision: its files, with their sizes in bytes, how to get them, and how much at most."""

    id: str
    commit: str
    files: Mapping[str, int]
    token: bool | None
    most_bytes: int
    cache_dir: Path | None = None

    def fetch(self, names: Sequence[str], progress: Progress | None = None) -> list[Path]:
        """Download some files, or take them from the cache: F names -> F paths.

        An exception raised by ``progress`` ends it; what has arrived stays in the cache.

        Raises:
            DataError: they are too large, or cannot be downloaded.
        """
        if (size := sum(self.files[name] for name in set(names))) > self.most_bytes:
            raise DataError(
                f"{self.id} has {size / 1e9:.0f} GB of recordings, and at most {self.most_bytes / 1e9:.0f} GB are"
                " fetched: choose a smaller split, or download it yourself and give the folder"
            )
        paths = []
        pool = ThreadPoolExecutor(DOWNLOADS)
        try:
            with _without_bars():
                for path in pool.map(self._fetch, names):
                    paths.append(path)
                    if progress:
                        progress(len(paths), len(names))
        finally:
            pool.shutdown(cancel_futures=True)
        return paths

    def _fetch(self, name: str) -> Path:
        for left in reversed(range(ATTEMPTS)):
            try:
                with reaching(self.id):  # by commit: a file in the cache then needs no network
                    return Path(
                        hf_hub_download(
                            self.id,
                            name,
                            repo_type="dataset",
                            revision=self.commit,
                            token=self.token,
                            cache_dir=self.cache_dir,
                        )
                    )
            except Unreachable:  # the connection broke off; what has arrived of the file stays for the next attempt
                if not left:
                    raise
                time.sleep(PAUSE_SECONDS)
        raise AssertionError("the last attempt returns or raises")


def look_up(repo_id: str, revision: str | None, options: OpenOptions) -> Repository:
    """Ask the hub what a data set holds, and where its files are to go."""
    with reaching(repo_id):
        about = HfApi(token=options.token).dataset_info(
            repo_id, revision=revision, files_metadata=True, timeout=TIMEOUT_SECONDS
        )
    files = {file.rfilename: file.size or 0 for file in about.siblings or ()}
    cache = options.folder and options.folder / "hub"
    return Repository(repo_id, about.sha or "main", files, options.token, options.max_bytes or MAX_BYTES, cache)


# Why a data set cannot be had, and what to do: the kinds of errors, special ones first.
REASONS: Mapping[type[Exception], str] = {
    GatedRepoError: "{} asks for consent: give it on its page on the hub, and log in with `hf auth login`",
    RepositoryNotFoundError: "{} does not exist on the hub or is not public: check the name",
    RevisionNotFoundError: "{} has no such revision: give a branch, a tag or a commit of it",
    HFValidationError: "{!r} is not the name of a data set: write hf:owner/name",
    EntryNotFoundError: "{} lacks a file that it lists: its authors need to add it",
}


@contextmanager
def reaching(repo_id: str) -> Iterator[None]:
    """Say in a sentence why a data set cannot be had, and what to do."""
    try:
        yield
    except OfflineModeIsEnabled as error:
        raise Unreachable(
            f"{repo_id} is not on this machine yet, and HF_HUB_OFFLINE forbids downloads: unset that once"
        ) from error
    except LocalEntryNotFoundError as error:
        raise _unreachable(repo_id) from error
    except tuple(REASONS) as error:
        reason = next(text for kind, text in REASONS.items() if isinstance(error, kind))
        raise DataError(reason.format(one_line(repo_id))) from error
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "error")
        raise DataError(f"{repo_id} cannot be downloaded (HTTP {status}): try again later") from error
    except OSError as error:  # of the disk with a reason, of the network without
        if error.strerror:
            raise DataError(f"{repo_id} cannot be kept, {error.strerror}: make room for it, or set HF_HOME") from error
        raise _unreachable(repo_id) from error


def _unreachable(repo_id: str) -> Unreachable:
    return Unreachable(
        f"{repo_id} is not on this machine as a whole, and {constants.ENDPOINT} cannot be reached: connect to the"
        " network and try again, which goes on where it stopped"
    )


@contextmanager
def _without_bars() -> Iterator[None]:
    """Keep the downloader's own progress bars quiet."""
    if are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()
