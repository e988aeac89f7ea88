"""What uploads leave on a public page: nothing of those that broke off, are too large, or that nobody takes."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from audioprompt.server import limits
from tests.serving import SECONDS, Running

Kept = Callable[[], list[Path]]
BOUNDARY = "b0undary"
HEAD = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="rain.wav"\r\n'
    "Content-Type: audio/wav\r\n\r\n"
).encode()


@pytest.fixture(scope="module")
def page(public: Running) -> Running:
    return public


@pytest.fixture(scope="module", autouse=True)
def before(page: Running) -> set[Path]:
    """The large files that other tests have left."""
    return {*large_files(page)}


def large_files(page: Running, large: int = 100_000) -> list[Path]:
    """The large files that are anywhere below a page's folder."""
    found = []
    for path in page.log.parent.rglob("*"):
        try:
            if path.is_file() and path.stat().st_size > large:
                found.append(path)
        except FileNotFoundError:
            continue
    return found


@pytest.fixture
def kept(page: Running, before: set[Path]) -> Kept:
    """What a test has left so far."""
    return lambda: [path for path in large_files(page) if path not in before]


def eventually(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SECONDS
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.1)
    return is_so()


def test_an_upload_that_breaks_off_leaves_nothing(page: Running, kept: Kept) -> None:
    host, port = page.http.base_url.host, page.http.base_url.port
    with socket.create_connection((host, port)) as connection:
        head = f"POST /gradio_api/upload HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 5000000\r\n"
        head += f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
        connection.sendall(head.encode() + HEAD + bytes(1_000_000))
        assert eventually(lambda: len(kept()) == 1), "it arrives in a file of the page"
    assert eventually(lambda: kept() == []), "which is gone with the connection"


def test_an_upload_that_is_too_large_leaves_nothing(page: Running, kept: Kept) -> None:
    answer = page.http.post("/gradio_api/upload", files={"files": ("rain.wav", bytes(limits.MAX_FILE_BYTES + 1))})
    assert answer.status_code == 413
    assert eventually(lambda: kept() == [])


def test_an_upload_that_arrives_is_kept_where_it_belongs(page: Running, kept: Kept) -> None:
    path = Path(page.upload("rain.wav", bytes(200_000)))
    assert path.read_bytes() == bytes(200_000) and kept() == [path]
    path.unlink()


def test_nobody_uses_the_endpoint_for_videos(page: Running, kept: Kept) -> None:
    answer = page.http.post("/gradio_api/process_recording", files={"video": ("x.mp4", bytes(200_000))})
    assert answer.status_code == 404 and kept() == []


def test_a_large_body_of_json_is_not_read(page: Running, kept: Kept) -> None:
    body = b'{"data": [' + b"0," * (limits.MAX_BODY_BYTES // 2) + b"0]}"
    answer = page.http.post("/gradio_api/call/packs", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413 and "Upload it as a file" in answer.text
    assert page.http.get("/config").status_code == 200
