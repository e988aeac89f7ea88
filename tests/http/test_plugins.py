"""A method and a data source of another package, found by page, shell and API without a word about them in this one."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client  # type: ignore[import-untyped]

from tests import plugins
from tests.serving import ROOT, Running, running

pytestmark = pytest.mark.slow

MODULE = '''
import numpy as np
import soundfile

from audioprompt.core.zero_shot import cosines, normalise
from audioprompt.data import LabelledClips
from audioprompt.data.sources import Source
from audioprompt.few_shot.base import Head
from audioprompt.few_shot.methods import Method


class NearestMean(Head):
    """Classes by the mean of their clips."""

    method = "nearest-mean"
    numbers = {}

    @classmethod
    def build(cls, spec):
        return cls(spec.classes)

    @classmethod
    def restore(cls, saved):
        return cls(saved.classes)

    def fit(self, audio, targets, on_epoch=None, stop=None):
        means = [audio[targets == number].mean(axis=0) for number in range(len(self.classes))]
        self.state = {"means": normalise(np.stack(means))}
        return self

    def _logits(self, audio):
        return 100 * cosines(audio, self.state["means"])


def open_beeps(where, options):
    folder, rate = options.clips_folder / "beeps", 16_000
    for label, hertz in (("low beep", 200), ("high beep", 3000)):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(4):
            wave = 0.5 * np.sin(2 * np.pi * (hertz + 20 * number) * np.arange(rate) / rate)
            soundfile.write(folder / label / f"{number}.wav", wave, rate)
    return LabelledClips.from_folder(folder)


METHOD = Method("nearest-mean", "Nearest mean", "The mean of each class's clips.", head="others:NearestMean")
SOURCE = Source("beeps", "toy:beeps", "Beeps, low and high.", "toy:beeps".__eq__, open_beeps)
'''


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the other package is installed."""
    folder = tmp_path_factory.mktemp("others")
    groups = {
        "audioprompt.methods": {"nearest-mean": "others:METHOD"},
        "audioprompt.sources": {"beeps": "others:SOURCE"},
    }
    plugins.write(folder, groups, MODULE)
    return {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "AUDIOPROMPT_CACHE": str(folder / "cache")}


@pytest.fixture(scope="module")
def page(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("page"), GRADIO_SERVER_NAME="127.0.0.1", **environment) as found:
        yield found


def test_the_page_offers_them(page: Running) -> None:
    shown = [component["props"] for component in page.config["components"]]
    (choices,) = [one["choices"] for one in shown if one.get("elem_id") == "learn-more-methods"]
    assert choices[-1] == ["Nearest mean", "nearest-mean"]
    assert [one["placeholder"] for one in shown if "toy:beeps" in (one.get("placeholder") or "")]


def test_the_api_tells_of_them_and_runs_them(page: Running) -> None:
    client = Client(page.address, verbose=False)
    told = {
        one["parameter_name"]: one
        for one in client.view_api(return_format="dict")["named_endpoints"]["/learn"]["parameters"]
    }
    assert "nearest-mean" in told["methods"]["python_type"]["description"]
    assert "toy:beeps" in told["data"]["python_type"]["description"]
    found = client.predict("toy:beeps", None, ["nearest-mean"], api_name="/learn")
    assert found["best"] == "nearest-mean" and sorted(found["classes"]) == ["high beep", "low beep"]


def test_the_shell_runs_and_keeps_them(environment: dict[str, str], tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "audioprompt", *arguments]
        return subprocess.run(
            command, env={**os.environ, **environment, "COLUMNS": "300"}, text=True, capture_output=True, check=True
        ).stdout

    told = run("palm", "fit", "--help")
    assert "nearest-mean" in told and "toy:beeps" in told
    found: dict[str, Any] = json.loads(
        run("palm", "fit", "toy:beeps", "--method", "nearest-mean", "--save", str(tmp_path / "head"), "--json")
    )
    assert found["methods"][0]["accuracy"] == 1
    sound = next(Path(environment["AUDIOPROMPT_CACHE"]).rglob("low beep/0.wav"))
    heard = json.loads(run("palm", "predict", str(tmp_path / "head"), str(sound), "--json"))
    assert heard["method"] == "nearest-mean" and heard["files"][0]["label"] == "low beep"
