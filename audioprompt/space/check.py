"""A Space is tried as the platform would run it: installed, started, asked about a clip."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from huggingface_hub import SpaceCard

from audioprompt.core.labels import join_labels
from audioprompt.data.examples import examples
from audioprompt.space.push import pushed
from audioprompt.space.requirements import SpaceError
from audioprompt.util.text import one_line

SECONDS_TO_START = 300
SECONDS_TO_END = 1800  # of anything else: packages, or a model, may have to be downloaded first
LOOK_SECONDS = 0.2
# What the platform installs beside a Space's own requirements; the version of Gradio is the card's.
PLATFORM = ("uvicorn>=0.14.0", "websockets>=10.4", "spaces")
# Not this machine's settings and secrets: they would let a Space pass that cannot run elsewhere.
OURS = re.compile(r"PYTHON|VIRTUAL_ENV|AUDIOPROMPT_|GRADIO_|SPACE|OPENAI_|HF_TOKEN|HUGGING_FACE_HUB_TOKEN")
ASK = """
import json, sys, time
from gradio_client import Client, handle_file
address, clip, words = sys.argv[1:]
client = Client(address, verbose=False)
seconds = []
for _ in range(2):  # the model may still be loading at the first
    began = time.monotonic()
    answer = client.predict(sound=handle_file(clip), **json.loads(words), api_name="/classify")
    seconds.append(time.monotonic() - began)
print(json.dumps([answer, *seconds]))
"""

Step = Callable[[str], None]


@dataclass(frozen=True)
class Checked:
    """What came of a check.

    Attributes:
        seconds: how long each step took, by its name.
        folder_bytes: the size of the Space.
        environment_bytes: of all that was installed; None where nothing was.
        memory_bytes: the most that the running app took; None where the system does not tell.
        clip: the name of the clip that it was asked about.
        answer: the label that it chose.
    """

    seconds: Mapping[str, float]
    folder_bytes: int
    environment_bytes: int | None
    memory_bytes: int | None
    clip: str
    answer: str


def check(folder: Path, clean: bool = True, step: Step = lambda name: None) -> Checked:
    """Install a Space in an environment of its own, start it, and have it classify one of its clips through its API.

    Args:
        folder: the Space, as `build` wrote it; nothing in it changes.
        clean: whether to make that environment; else the Space runs in the present one, which is quick, and shows less.
        step: told the name of each step before it is taken.

    Raises:
        SpaceError: one of the steps failed; the message says which and why.
    """
    size, folder = sum(pushed(folder).values()), folder.resolve()
    seconds: dict[str, float] = {}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        step(name)
        began = time.monotonic()
        yield
        seconds[name] = time.monotonic() - began

    with TemporaryDirectory(prefix="space-") as temporary:
        python, environment = Path(sys.executable), Path(temporary, "environment")
        if clean:
            with timed("make an environment"):
                python = _environment(environment)
            with timed("install"):
                gradio = f"gradio[oauth,mcp]=={SpaceCard.load(folder / 'README.md').data.sdk_version}"
                _run("install", python, "-m", "pip", "install", "-r", folder / "requirements.txt", gradio, *PLATFORM)
        clip, words = _question(folder)
        address, log = f"http://127.0.0.1:{_free_port()}", Path(temporary, "log")
        with _running(python, folder, address, log) as app:
            with timed("start"):
                _wait(app, address, log)
            step("first answer")
            said = _run("classify a clip", python, "-c", ASK, address, clip, json.dumps(words)).splitlines()[-1]
            answer, seconds["first answer"], seconds["second answer"] = json.loads(said)
            most = _memory(app)
        return Checked(seconds, size, _size(environment) if clean else None, most, clip.name, answer["label"])


# --- the steps --------------------------------------------------------------------------------------------------------


def _environment(folder: Path) -> Path:
    """Make an environment with a present pip; its Python."""
    venv.create(folder, with_pip=True, symlinks=os.name != "nt")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    _run("install pip", python, "-m", "pip", "install", "--upgrade", "pip")
    return python


def _question(folder: Path) -> tuple[Path, dict[str, str]]:
    """One of the clips of the Space, or of those that come along, and what is asked: labels, pack and model."""
    model = re.search(r"^MODEL = '(.+)'$", (folder / "app.py").read_text("utf-8"), re.MULTILINE)
    packs = sorted(path.stem for path in (folder / "prompt_store").glob("*.json"))
    for example in (*examples(folder / "assets" / "examples"), *examples()):
        words = {"labels": join_labels(example.labels), "model": model[1] if model else "embedded"}
        return example.path, words | ({"pack": packs[0]} if packs else {})
    raise SpaceError("there is no clip to ask about: build the Space with an example")


@contextmanager
def _running(python: Path, folder: Path, address: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the app of a Space for as long as it is needed."""
    with log.open("wb") as output:
        app = subprocess.Popen(
            [python, "app.py"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=_elsewhere() | {"GRADIO_SERVER_PORT": address.rpartition(":")[2], "PYTHONUNBUFFERED": "1"},
        )
    try:
        yield app
    finally:
        app.terminate()
        try:
            app.wait(10)
        except subprocess.TimeoutExpired:
            app.kill()
            app.wait()


def _wait(app: subprocess.Popen[bytes], address: str, log: Path) -> None:
    """Wait until the page is served.

    Raises:
        SpaceError: the app ended, or took too long.
    """
    for _ in range(round(SECONDS_TO_START / LOOK_SECONDS)):
        if app.poll() is not None:
            raise SpaceError(f"the Space does not start: {_last_line(log.read_text('utf-8', 'replace'))}")
        try:
            with urlopen(f"{address}/config", timeout=5):
                return
        except OSError:
            time.sleep(LOOK_SECONDS)
    raise SpaceError(f"the Space has not started after {SECONDS_TO_START} seconds: see what app.py prints")


def _run(what: str, *command: str | Path) -> str:
    """Run a command to its end; what it printed.

    Raises:
        SpaceError: it failed.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", env=_elsewhere(), timeout=SECONDS_TO_END
        )
    except subprocess.TimeoutExpired as error:
        raise SpaceError(f"to {what} took over {SECONDS_TO_END} seconds: check the network, and try again") from error
    if done.returncode:
        raise SpaceError(f"the Space fails to {what}: {_last_line(done.stderr or done.stdout)}")
    return done.stdout


def _elsewhere() -> dict[str, str]:
    """Return the environment variables of a machine that knows nothing of this one's settings."""
    kept = {name: value for name, value in os.environ.items() if not OURS.match(name)}
    direct = ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1"]))
    return kept | {"PYTHONDONTWRITEBYTECODE": "1", "GRADIO_ANALYTICS_ENABLED": "False", "NO_PROXY": direct}


def _last_line(text: str) -> str:
    """Return the last line of a log that says something, which in a trace is the error."""
    lines = [one_line(line) for line in text.splitlines() if line.strip() and not line.startswith("[notice]")]
    return lines[-1] if lines else "no error output"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _memory(app: subprocess.Popen[bytes]) -> int | None:
    """Return the most memory in bytes that a process has taken so far; Linux tells."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{app.pid}/status").read_text())
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
