import json
from pathlib import Path

import pytest

from audioprompt.audio import load
from audioprompt.examples import default_folder, examples
from audioprompt.prompts.pack import CATEGORIES

ENTRY = {
    "title": "Rain",
    "category": "acoustic_scenes",
    "labels": ["rain", "wind"],
    "truth": "rain",
    "licence": "CC0-1.0",
}


def test_examples_are_those_listed_that_are_there(tmp_path: Path):
    (tmp_path / "rain.ogg").touch()
    (tmp_path / "stray.ogg").touch()
    entries = [{**ENTRY, "file": "rain.ogg", "seconds": 5}, {**ENTRY, "file": "missing.ogg", "seconds": 5}]
    (tmp_path / "examples.json").write_text(json.dumps(entries))
    (found,) = examples(tmp_path)
    assert found.path == tmp_path / "rain.ogg"
    assert (found.title, found.labels, found.truth) == ("Rain", ("rain", "wind"), "rain")


def test_no_folder_means_no_examples(tmp_path: Path):
    assert examples(tmp_path / "nowhere") == ()


def test_the_bundled_examples_can_be_heard_and_named():
    if not (default_folder() / "examples.json").is_file():
        pytest.skip("assets/examples/examples.json is not there")
    listed = json.loads((default_folder() / "examples.json").read_text("utf-8"))
    assert len(examples()) == len(listed) >= 1
    for example in examples():
        assert len(load(example.path, 16_000)) > 8_000
        assert example.truth in example.labels
        assert example.category is None or example.category in CATEGORIES
