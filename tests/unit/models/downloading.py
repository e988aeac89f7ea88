"""What the download tests run in a process that takes the local hub for the real one."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from huggingface_hub import constants, utils

from audioprompt.models import downloads
from audioprompt.models.downloads import hub_file, web_file, zenodo_file

# close_session is huggingface_hub 1's
reset_sessions = getattr(utils, "reset_sessions" if hasattr(utils, "reset_sessions") else "close_session")


def from_hub(repo: str, name: str, offline: bool = False) -> tuple[Path, list[tuple[int, int]]]:
    """Where the file is, and what was reported meanwhile."""
    reports: list[tuple[int, int]] = []
    with _offline() if offline else contextlib.nullcontext():
        return hub_file(repo, name, lambda *report: reports.append(report)), reports


def from_zenodo(record: str, name: str) -> tuple[Path, list[tuple[int, int]]]:
    reports: list[tuple[int, int]] = []
    return zenodo_file(record, name, lambda *report: reports.append(report)), reports


def from_web(url: str, checksum: str) -> Path:
    return web_file(url, checksum=checksum)


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """As with HF_HUB_OFFLINE=1, which is read when huggingface_hub is imported."""
    constants.HF_HUB_OFFLINE = True
    reset_sessions()
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = False
        reset_sessions()


def without_network(repo: str, name: str) -> None:
    """As where nothing answers."""
    with patch.object(downloads, "hf_hub_url", lambda *_: "http://127.0.0.1:9/discarded"):
        hub_file(repo, name)
