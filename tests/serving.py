"""The real app in a process of its own, at whatever address and in whatever environment a test needs."""

import asyncio
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "correct horse battery staple"  # of curators, where a test has a public page
SECONDS = 600.0  # that a busy machine may take; whoever waits goes on as soon as it can
T = TypeVar("T")


def aside(work: Callable[[], T]) -> T:
    """Do something in a thread of its own, for Playwright leaves an event loop running in this one.

    What hangs there does not keep this one from ending.
    """
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    Thread(target=run, daemon=True).start()
    return done.result()


def awaited(coroutine: Coroutine[Any, Any, T]) -> T:
    return aside(lambda: asyncio.run(coroutine))


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def serving(folder: Path, log: Path, environment: Mapping[str, str], *command: str) -> Iterator[str]:
    """The app that a command starts in a folder, on a free port if the environment names none; its address."""
    given = {"GRADIO_SERVER_PORT": str(free_port()), **environment, "BROWSER": "true"}  # a browser that does nothing
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=folder, env=given, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + SECONDS
        while "stop with Ctrl+C" not in log.read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"app.py did not serve a page: {log.read_text()}")
            time.sleep(0.2)
        yield f"http://127.0.0.1:{given['GRADIO_SERVER_PORT']}"
    finally:
        for _ in range(2):  # who presses Ctrl+C twice gets no more words than who presses it once
            process.terminate()
            time.sleep(0.1)
        try:
            process.wait(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert "KeyboardInterrupt" not in log.read_text()


class Running:
    """The app in a process of its own, as a client sees it."""

    def __init__(self, address: str, log: Path) -> None:
        self.log, self.folder = log, log.parent
        self.http = httpx.Client(base_url=address, timeout=SECONDS)
        self.config = self.http.get("/config").json()
        self.components = {one["id"]: one for one in self.config["components"]}

    @property
    def address(self) -> str:
        return str(self.http.base_url)

    def endpoints(self) -> dict[str, dict[str, Any]]:
        """One dependency for each handler there is; the same handler on another button is the same."""
        found: dict[str, dict[str, Any]] = {}
        for one in self.config["dependencies"]:
            if one["backend_fn"]:
                found.setdefault(name_of(one), one)
        return found

    def upload(self, name: str, content: bytes) -> str:
        return self.http.post("/gradio_api/upload", files={"files": (name, content)}).json()[0]


def name_of(dependency: Mapping[str, Any]) -> str:
    """The handler behind a dependency; those of the public API begin with a slash."""
    name = str(dependency["api_name"])
    return f"/{name}" if dependency["api_visibility"] == "public" else re.sub(r"_\d+$", "", name)


@contextmanager
def running(folder: Path, *command: str, **environment: str) -> Iterator[Running]:
    """The app on a public address, with nothing of this machine's settings; what it keeps is in a folder.

    It is started by ``python`` and a command, ``app.py`` by default.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "AUDIOPROMPT_"))}
    kept |= {"GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_TEMP_DIR": str(folder / "gradio"), "TMPDIR": str(folder)}
    kept |= {"AUDIOPROMPT_STORE": str(folder / "store"), "AUDIOPROMPT_CACHE": str(folder / "cache"), **environment}
    log = folder / "log.txt"
    with serving(ROOT, log, kept, *(command or ("app.py",))) as address:
        app = Running(address, log)
        with closing(app.http):
            yield app
