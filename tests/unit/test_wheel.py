"""The package as people install it: built into a wheel, laid out alone in a folder, started from somewhere else."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file  # type: ignore[import-untyped]

from audioprompt.data.examples import examples
from tests.serving import ROOT, SECONDS, Running, aside, serving

PARTS = ("audioprompt", "assets", "prompt_store", "pyproject.toml", "README.md", "LICENSE")
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
START = """
import sys
import audioprompt
assert audioprompt.__file__.startswith(sys.argv[1]), audioprompt.__file__
from audioprompt.ui.app import launch
launch(open_browser=False)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a wheel was unpacked in. It is built from a copy: a build leaves files behind."""
    pytest.importorskip("setuptools", reason="a wheel is built with setuptools")
    source, wheels, target = (tmp_path_factory.mktemp(name) for name in ("source", "wheels", "installed"))
    left_out = shutil.ignore_patterns("__pycache__", "screenshots", ".*")
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=left_out)
        else:
            shutil.copyfile(ROOT / name, source / name)
    done = subprocess.run([sys.executable, "-c", BUILD, wheels], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(target)
    return target


@pytest.fixture
def app(installed: Path, tmp_path: Path) -> Iterator[Running]:
    """The page, started in an empty folder. Nothing that it serves is below that, nor in the folder for what passes."""
    for name in ("work", "passing", "home"):
        (tmp_path / name).mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "AUDIOPROMPT_"))}
    kept |= {"PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(tmp_path / "passing")}
    kept |= {"AUDIOPROMPT_STORE": str(tmp_path / "home/store"), "AUDIOPROMPT_CACHE": str(tmp_path / "home/cache")}
    with serving(tmp_path / "work", tmp_path / "log", kept, "-c", START, str(installed)) as address:
        running = Running(address, tmp_path / "log")
        with closing(running.http):
            yield running


def chosen_sound(app: Running, title: str) -> Any:
    """What the page puts into its player once the button of an example was pressed."""
    (button,) = (number for number, one in app.components.items() if one["props"].get("value") == title)
    pressed = next(one for one in app.config["dependencies"] if [button, "click"] in one["targets"])
    (place,) = (
        place
        for place, number in enumerate(pressed["outputs"])
        if app.components[number]["props"].get("elem_id") == "sound"
    )
    session = {"session_hash": "a visitor's"}
    given = {"data": [None] * len(pressed["inputs"]), "fn_index": pressed["id"], "trigger_id": button, **session}
    app.http.post("/gradio_api/queue/join", json=given).raise_for_status()
    with app.http.stream("GET", "/gradio_api/queue/data", params=session) as stream:
        for line in stream.iter_lines():
            if "process_completed" in line:
                answer = json.loads(line.removeprefix("data:"))
                assert answer["success"], f"{answer}\n{app.log.read_text()}"
                return answer["output"]["data"][place]
    raise AssertionError("the page did not answer")


@pytest.mark.slow
def test_an_example_is_heard_and_answered_wherever_the_page_is_started(app: Running, tmp_path: Path) -> None:
    example = examples()[0]
    sound = chosen_sound(app, example.title)
    served = app.http.get(sound["url"].removeprefix(app.address))
    assert served.status_code == 200 and served.content == example.path.read_bytes()
    (tmp_path / example.path.name).write_bytes(served.content)

    def ask() -> Any:
        client = Client(app.address, verbose=False, httpx_kwargs={"timeout": SECONDS})
        clip = handle_file(tmp_path / example.path.name)
        return client.predict(sound=clip, labels="\n".join(example.labels), api_name="/classify")

    assert aside(ask)["label"] in example.labels
    assert "Traceback" not in app.log.read_text()
