import json
from pathlib import Path

from audioprompt.data.examples import Example, examples, spread
from audioprompt.settings import asset_folder

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


def test_the_bundled_examples_are_all_offered():
    listed = json.loads((asset_folder("examples") / "examples.json").read_text("utf-8"))
    assert sorted(example.path.name for example in examples()) == sorted(entry["file"] for entry in listed)


def test_categories_take_turns():
    def example(title: str, category: str | None) -> Example:
        return Example(Path(title), title, category, ("a", "b"), "a")

    found = [example("1", "x"), example("2", "x"), example("3", None), example("4", "x"), example("5", None)]
    assert [one.title for one in spread(found)] == ["1", "3", "2", "5", "4"]
