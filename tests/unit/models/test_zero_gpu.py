"""ZeroGPU: with a stand-in for the platform's package, a model is run in another process, which has the GPU."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from audioprompt.models import zero_gpu

pytestmark = pytest.mark.slow

# As the platform's: a decorated function runs in a fork, where there is a GPU; arguments and results are pickled.
SPACES = """
import multiprocessing, pickle

decorated = []

def GPU(duration=None):
    def decorate(task):
        decorated.append((task.__name__, duration))
        def lent(*args):
            here, there = multiprocessing.get_context("fork").Pipe()
            worker = multiprocessing.get_context("fork").Process(target=work, args=(there, task, pickle.dumps(args)))
            worker.start()
            answer = pickle.loads(here.recv_bytes())
            worker.join()
            if isinstance(answer, Exception):
                raise answer
            return answer
        return lent
    return decorate

def work(there, task, given):
    import torch
    torch.cuda.device_count = lambda: 1
    try:
        there.send_bytes(pickle.dumps(task(*pickle.loads(given))))
    except Exception as error:
        there.send_bytes(pickle.dumps(error))
"""

USE = """
import json, os
from pathlib import Path
from audioprompt import hosting

hosting.prepare()  # as app.py does, before anything else
import spaces, torch
from audioprompt.encoding.encoder import embed_clip, embed_prompts
from audioprompt.models import registry
from audioprompt.models.base import ModelError
from audioprompt.prompts.template import Template
from tests.fakes import HUM, RATE, WHISTLE, FakeModel, tone

loads = Path(os.environ["LOADS"])

class Noted(FakeModel):
    def __init__(self, device):
        super().__init__()
        self.device = device
        self.note("load")

    def note(self, what):
        with loads.open("a") as file:
            file.write(f"{what} {self.device} {os.getpid() == int(os.environ['PARENT'])}\\n")

    def embed_audio(self, windows):
        self.note("hear")
        if windows.abs().max() > 0.9:
            raise ModelError("too loud")
        return super().embed_audio(windows)

    def embed_text(self, texts):
        self.note("read")
        return super().embed_text(texts)

os.environ["PARENT"] = str(os.getpid())
entry = registry.ModelEntry("fake", "a stand-in", "nothing", "none", lambda device, *_: Noted(device))
registry.MODELS = registry.ModelRegistry([entry])
model = registry.load("fake")
heard = embed_clip(model, (RATE, tone(WHISTLE, 3)))
read = embed_prompts(model, [Template("the sound of {label}")], ["hum", "whistle"])
try:
    model.embed_audio(torch.ones(1, 2 * RATE))
    said = None
except ModelError as error:
    said = str(error)
print(json.dumps({
    "decorated": spaces.decorated, "device": model.device, "name": model.name, "said": said,
    "on_cpu": registry.load("fake", "cpu").device,
    "heard": heard.pooled.tolist(), "read": read[0].tolist(), "notes": loads.read_text().split("\\n"),
}))
"""


def used(folder: Path, **variables: str) -> dict[str, Any]:
    (folder / "spaces.py").write_text(SPACES)
    known = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{Path.cwd()}", "OMP_NUM_THREADS": "1"}
    known |= {"LOADS": str(folder / "loads"), "AUDIOPROMPT_DEVICE": "auto"}
    done = subprocess.run([sys.executable, "-c", USE], env=known | variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(sys.platform == "win32", reason="processes are not forked on Windows")
def test_a_model_is_run_where_the_gpu_is(tmp_path: Path) -> None:
    found = used(tmp_path, SPACES_ZERO_GPU="true")
    assert found["decorated"] == [["_embed", zero_gpu.SECONDS]], "once, before the page is served"
    assert (found["device"], found["name"], found["on_cpu"]) == ("zerogpu", "fake", "cpu")
    assert found["heard"] == [0, 1, 0, 0] and found["read"] == [[1, 0, 0, 0], [0, 1, 0, 0]]
    ran = [note for note in found["notes"] if note.startswith(("hear", "read"))]
    assert ran and all(note.endswith("cuda:0 False") for note in ran), "never in this process"
    assert "load cpu True" in found["notes"] and "load cuda:0 False" in found["notes"]
    assert found["said"] == "too loud", "errors come back as they are"


def test_nothing_is_borrowed_elsewhere(tmp_path: Path) -> None:
    found = used(tmp_path, SPACES_ZERO_GPU="")
    assert found["decorated"] == [] and found["device"] == found["on_cpu"] == "cpu"
    assert all(note.endswith("cpu True") for note in found["notes"] if note)


@pytest.mark.parametrize(("value", "there"), [("true", True), ("1", True), ("false", False), ("", False)])
def test_it_takes_the_platform_and_its_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str, there: bool
) -> None:
    monkeypatch.setenv("SPACES_ZERO_GPU", value)
    assert not zero_gpu.present(), "the package is not there"
    (tmp_path / "spaces.py").write_text(SPACES)
    monkeypatch.syspath_prepend(tmp_path)
    assert zero_gpu.present() == there
