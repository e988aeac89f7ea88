"""What stays on the disk: nothing of uploads that broke off, of processes that were killed, of what nobody uses."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from audioprompt.data import DataError, LabelledClips
from audioprompt.server import access, limits, sessions, temporary
from tests.serving import ROOT, SECONDS, Running, running

BOUNDARY = "b0undary"
HEAD = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="rain.wav"\r\n'
    "Content-Type: audio/wav\r\n\r\n"
).encode()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A public page, and the folder in which everything is that it keeps."""
    with running(tmp_path_factory.mktemp("page")) as app:
        yield app


def kept(page: Running, large: int = 100_000) -> list[Path]:
    """The large files that a page has left anywhere."""
    found = []
    for path in page.log.parent.rglob("*"):
        try:
            if path.is_file() and path.stat().st_size > large:
                found.append(path)
        except FileNotFoundError:
            continue
    return found


def eventually(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SECONDS
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.1)
    return is_so()


def test_an_upload_that_breaks_off_leaves_nothing(page: Running) -> None:
    host, port = page.http.base_url.host, page.http.base_url.port
    with socket.create_connection((host, port)) as connection:
        head = f"POST /gradio_api/upload HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 5000000\r\n"
        head += f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
        connection.sendall(head.encode() + HEAD + bytes(1_000_000))
        assert eventually(lambda: len(kept(page)) == 1), "it arrives in a file of the page"
    assert eventually(lambda: kept(page) == []), "which is gone with the connection"


def test_an_upload_that_is_too_large_leaves_nothing(page: Running) -> None:
    answer = page.http.post("/gradio_api/upload", files={"files": ("rain.wav", bytes(limits.LARGEST_FILE + 1))})
    assert answer.status_code == 413
    assert eventually(lambda: kept(page) == [])


def test_an_upload_that_arrives_is_kept_where_it_belongs(page: Running) -> None:
    path = Path(page.upload("rain.wav", bytes(200_000)))
    assert path.read_bytes() == bytes(200_000) and kept(page) == [path]
    path.unlink()


def test_nobody_uses_the_endpoint_for_videos(page: Running) -> None:
    answer = page.http.post("/gradio_api/process_recording", files={"video": ("x.mp4", bytes(200_000))})
    assert answer.status_code == 404 and kept(page) == []


def test_a_large_body_of_json_is_not_read(page: Running) -> None:
    body = b'{"data": [' + b"0," * (limits.MOST_WORDS // 2) + b"0]}"
    answer = page.http.post("/gradio_api/call/packs", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413 and "upload it as a file" in answer.text
    assert page.http.get("/config").status_code == 200


# --- processes that were killed ---------------------------------------------------------------------------------------


def test_the_folder_of_a_killed_process_goes_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    code = "from audioprompt.server import temporary; print(temporary.folder(), flush=True); input()"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    (folder / "clips").mkdir()
    assert folder.parent == tmp_path and temporary.sweep_leftovers(tmp_path) == []
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert folder.is_dir(), "a killed process tidies up nothing"
    assert temporary.sweep_leftovers(tmp_path) == [folder] and not folder.exists()


def test_folders_without_a_lock_go_after_a_day(tmp_path: Path) -> None:
    old, young, other = (tmp_path / name for name in ("audioprompt-clips-old", "audioprompt-young", "somebody-else"))
    for folder in (old, young, other):
        folder.mkdir()
    for folder in (old, other):
        os.utime(folder, (0, 0))
    assert temporary.sweep_leftovers(tmp_path) == [old]
    assert young.is_dir() and other.is_dir()


# --- what a visitor keeps ---------------------------------------------------------------------------------------------


@pytest.fixture
def visitor(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A visitor of a public page, and what `open_clips` is asked for on their behalf."""
    monkeypatch.setattr(access, "is_curator", lambda request: False)
    monkeypatch.setattr(sessions, "BYTES", 1_000)
    return SimpleNamespace(session_hash="session", request=SimpleNamespace(scope={}))


def test_what_is_unpacked_counts_for_the_whole_session(visitor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def note(where: str, into: Path, **options: Any) -> LabelledClips:
        asked.append({"into": into, **options})
        return LabelledClips((), (), name=where)

    monkeypatch.setattr(sessions, "open_clips", note)
    own = sessions.own_folder(visitor)
    assert own is not None
    sessions.clips_named("hf:owner/name", visitor)
    assert asked[0]["into"] == own / "clips" and asked[0]["most_bytes"] == 1_000, "fetched into the session's folder"
    (own / "clips").mkdir(parents=True)
    (own / "clips" / "one.wav").write_bytes(bytes(400))
    sessions.clips_named("hf:owner/other", visitor)
    assert asked[1]["most_bytes"] == 600
    (own / "clips" / "two.wav").write_bytes(bytes(600))
    with pytest.raises(DataError, match="A visitor keeps at most 0 MB of clips"):
        sessions.clips_named("hf:owner/third", visitor)


def test_a_disk_without_room_takes_no_clips(visitor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "full", lambda: True)
    with pytest.raises(DataError, match="no room for clips now"):
        sessions.clips_named("hf:owner/name", visitor)
