"""Data sets on the command line: everything takes all of them, and one bad recording is a line in a list."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from audioprompt.prompts.store import PromptStore
from audioprompt.services import curate as curation
from tests.fakes import HUM, RATE, WHISTLE, tone
from tests.unit.test_cli import CountingModel, json_of, model, pack, run, store  # noqa: F401, fixtures among them


@pytest.fixture(autouse=True)
def nothing_measured_yet(model: CountingModel) -> None:
    """A head's record names the model that is loaded again."""
    model.name = "embedded"
    curation.forget()


@pytest.fixture
def folder(tmp_path: Path, store: PromptStore) -> Path:
    """Six clips of each of two classes in folders; two of them cannot be used."""
    folder = tmp_path / "tones"
    for name, hertz in (("low_hum", HUM), ("whistle", WHISTLE)):
        (folder / name).mkdir(parents=True)
        for number in range(6):
            soundfile.write(folder / name / f"{number}.wav", tone(hertz + 5 * number, 1), RATE)
    return folder


@pytest.fixture
def with_bad(folder: Path) -> Path:
    (folder / "low_hum" / "6.wav").write_text("no sound")
    (folder / "whistle" / "deep").mkdir()
    (folder / "whistle" / "deep" / "7.wav").write_bytes(b"")
    return folder


COMMANDS: dict[str, Callable[[Path], list[Any]]] = {
    "evaluate": lambda data: ["evaluate", data, "--pack", "odd"],
    "curate": lambda data: ["curate", "odd", data],
    "palm": lambda data: ["palm", "fit", data, "--epochs", 2, "--shots", 2],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.slow
def test_a_folder_a_zip_and_the_demonstration_are_data(folder: Path, command: str) -> None:
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
        for file in folder.rglob("*.wav"):
            archive.write(file, file.relative_to(folder))
    for data in (folder, folder.with_suffix(".zip")):
        found = json.loads(run(*COMMANDS[command](data), "--json").stdout)
        assert found["data"] == "tones" and found["left_out"] == []


@pytest.mark.slow
def test_evaluate_takes_the_demonstration(folder: Path) -> None:
    found = json_of("evaluate", "instruments", "--folds", "1")
    assert found["data"] == "instruments" and len(found["classes"]) == 12


@pytest.mark.parametrize("command", COMMANDS)
def test_all_bad_recordings_are_named_at_once_below_the_top(model: CountingModel, with_bad: Path, command: str) -> None:
    result = run(*COMMANDS[command](with_bad))
    assert result.exit_code == 1 and model.windows_heard == 0
    assert "2 of 14 recordings cannot be used: low_hum/6.wav holds no audio that can be decoded" in result.stderr
    assert "; whistle/deep/7.wav is empty. Replace or remove them, or go on without them (--skip-bad" in result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_skip_bad_goes_on_without_them_and_counts_them(with_bad: Path, command: str) -> None:
    result = run(*COMMANDS[command](with_bad), "--skip-bad", "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert [(one["name"], one["label"], one["reason"]) for one in found["left_out"]] == [
        ("low_hum/6.wav", "low_hum", "holds no audio that can be decoded"),
        ("whistle/deep/7.wav", "whistle", "is empty"),
    ]
    assert "Left out 2 recordings (1 of low_hum, 1 of whistle): low_hum/6.wav holds no audio" in result.stderr
    assert run(*COMMANDS[command](with_bad), "--skip-bad").exit_code == 0


def test_skip_bad_leaves_out_lines_of_a_table_as_well(with_bad: Path) -> None:
    table = with_bad / "manifest.csv"
    table.write_text("path,classname\nlow_hum/1.wav,hum\nwhistle/1.wav,whistle\ngone.wav,hum\nwhistle/2.wav,\n")
    result = run("evaluate", table)
    assert result.exit_code == 1 and "2 lines of tones/manifest cannot be used" in result.stderr
    found = json.loads(run("evaluate", table, "--skip-bad", "--json").stdout)
    assert found["n"] == 2 and [one["label"] for one in found["left_out"]] == ["hum", ""]


def test_bad_recordings_of_both_halves_are_named(with_bad: Path) -> None:
    rows = [
        f"{path.relative_to(with_bad).as_posix()},{path.relative_to(with_bad).parts[0]},{1 + (path.stem in '67')}"
        for path in sorted(with_bad.rglob("*.wav"))
    ]
    (with_bad / "manifest.csv").write_text("\n".join(["path,classname,fold", *rows]))
    result = run("curate", "odd", with_bad, "--validate-folds", 1)
    assert result.exit_code == 1 and "low_hum/6.wav" in result.stderr and "whistle/deep/7.wav" in result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_one_class_is_refused_before_a_model_is_loaded(
    folder: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr("audioprompt.models.registry.load", lambda *_: pytest.fail("a model was loaded"))
    table = folder / "one.csv"
    table.write_text("path,classname\nlow_hum/1.wav,hum\nlow_hum/2.wav,hum\n")
    result = run(*COMMANDS[command](table))
    assert result.exit_code == 1
    assert "tones/one has only one class (hum), so there is nothing to tell apart" in result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_classes_spoken_alike_are_told_before_a_model_is_loaded(
    folder: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr("audioprompt.models.registry.load", lambda *_: pytest.fail("a model was loaded"))
    (folder / "whistle").rename(folder / "Low hum")
    result = run(*COMMANDS[command](folder))
    assert result.exit_code == 1
    assert "'Low hum', 'low_hum'. Give each class one name" in result.stderr


# --- classify a folder ------------------------------------------------------------------------------------------------


def test_a_folder_is_classified_as_a_table(with_bad: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(with_bad.parent)
    monkeypatch.setenv("COLUMNS", "200")
    (with_bad / "notes.txt").write_text("no recording")
    result = run("classify", "tones", "--labels", "hum, whistle")
    lines = [line.split() for line in result.stdout.splitlines() if "wav" in line]
    assert [line[0] for line in lines] == [
        *(f"tones/low_hum/{number}.wav" for number in range(7)),
        *(f"tones/whistle/{number}.wav" for number in range(6)),
        "tones/whistle/deep/7.wav",
    ]
    assert lines[0][1:3] == ["1.0", "hum"] and lines[8][1:3] == ["1.0", "whistle"]
    assert "holds no audio that can be decoded" in " ".join(lines[6])
    assert result.exit_code == 1 and result.stderr == "", "one of its rows is an error"


def test_a_folder_is_classified_as_json(with_bad: Path) -> None:
    result = run("classify", with_bad / "low_hum", "--labels", "hum, whistle", "--json")
    found = json.loads(result.stdout)
    assert [Path(one["file"]).name for one in found["files"]] == [f"{number}.wav" for number in range(6)]
    assert {one["ensemble"]["label"] for one in found["files"]} == {"hum"}
    assert [Path(one["file"]).name for one in found["errors"]] == ["6.wav"]


def test_a_folder_without_recordings(tmp_path: Path, store: PromptStore) -> None:
    (tmp_path / "empty").mkdir()
    result = run("classify", tmp_path / "empty", "--labels", "hum, whistle")
    assert result.exit_code == 1 and "holds no recordings" in result.stderr
