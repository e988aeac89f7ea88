"""The command line: what it prints where, its exit codes, and that nothing is encoded twice."""

import json
import re
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from inspect import signature
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from audioprompt import __version__
from audioprompt.cli import AudioPrompt, app
from audioprompt.cli.group import LazyCommand, LazyGroup
from audioprompt.cli.palm import PalmCommands
from audioprompt.core.ensembles import ENSEMBLES
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.models import registry
from audioprompt.models.base import ModelError
from audioprompt.models.registry import ModelEntry
from audioprompt.prompts.pack import PackEntry, PromptPack, pack_from_templates
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import Template
from audioprompt.ui.app import launch
from tests.fakes import HUM, RATE, WHISTLE, FakeModel, tone

CONTRARY = "the contrary of {}"  # with it the fake model takes each sound for the other


class CountingModel(FakeModel):
    """The fake model, which can say what it was given twice."""

    @property
    def texts_read_twice(self) -> list[str]:
        return [text for text, count in Counter(self.texts_read).items() if count > 1]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[CountingModel]:
    """What the commands load as "embedded"."""
    model = CountingModel()
    entry = ModelEntry("embedded", "a stand-in", "nothing", "none", lambda *_: model)
    monkeypatch.setattr(registry, "MODELS", registry.ModelRegistry((entry,)))
    registry.MODELS.release()
    yield model
    registry.MODELS.release()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PromptStore:
    """The packs the commands see: two that share a prompt, one without an approved prompt, and the default."""
    monkeypatch.setenv("AUDIOPROMPT_STORE", str(tmp_path / "store"))
    store = PromptStore(tmp_path / "store")
    store.save(pack("plain", "the sound of {}", "{} sound", presets={"Tones": ("hum", "whistle")}))
    store.save(pack("odd", "the sound of {}", CONTRARY, presets={"Tones": ("hum", "whistle"), "Wet": ("rain", "hum")}))
    store.save(pack("eight-templates", "{}", presets={"All": ("hum", "whistle", "rain")}))
    candidate = PackEntry(template=Template.parse("a {}"))
    store.save(pack("unapproved", "{}").model_copy(update={"entries": (candidate,)}))
    return store


def pack(pack_id: str, *templates: str, presets: dict[str, tuple[str, ...]] | None = None) -> PromptPack:
    return pack_from_templates(templates, pack_id, pack_id.title()).model_copy(update={"label_presets": presets or {}})


@pytest.fixture
def sounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder the commands run in: a hum, a whistle, a hum that turns into a whistle, and what is no sound."""
    folder = tmp_path / "sounds"
    folder.mkdir()
    soundfile.write(folder / "hum.wav", tone(HUM, 2.0), RATE)
    soundfile.write(folder / "whistle.wav", tone(WHISTLE, 1.5), RATE)
    soundfile.write(folder / "both.wav", np.concatenate([tone(HUM, 6.0), tone(WHISTLE, 3.0)]), RATE)
    (folder / "broken.wav").write_text("no sound")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def manifest(sounds: Path) -> Path:
    """Four clips of two classes in two folds; one clip is labelled wrongly, one listed twice."""
    rows = [
        "path,classname,fold",
        "hum.wav,low_hum,1",
        "whistle.wav,whistle,1",
        "hum.wav,low_hum,2",
        "hum.wav,whistle,2",
    ]
    path = sounds / "clips.csv"
    path.write_text("\n".join(rows))
    return path


def run(*arguments: object) -> Any:
    """Run a command in this process; an exception that it lets through fails the test."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def json_of(*arguments: object) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    return json.loads(result.stdout)


# --- evaluate ---------------------------------------------------------------------------------------------------------


def test_evaluate(model: CountingModel, store: PromptStore, manifest: Path) -> None:
    found = json_of("evaluate", manifest, "--pack", "odd")
    assert found["model"] == "fake" and found["revision"] == "1"
    assert found["n"] == 4
    assert found["classes"] == ["low_hum", "whistle"]
    assert found["vanilla"]["accuracy"] == 0.75
    assert found["vanilla"]["template"] == "This is a sound of {label}."
    assert [(row["template"], row["accuracy"]) for row in found["templates"]] == [
        ("the sound of {label}", 0.75),
        ("the contrary of {label}", 0.25),
    ]
    assert found["mean_of_templates"] == 0.5
    assert found["best_template"] == "the sound of {label}"
    assert found["ensemble"]["accuracy"] == pytest.approx(0.5)  # the two cancel out, and the first class wins
    assert found["confusion"] == [[2, 0], [2, 0]]
    assert found["recall"]["low_hum"]["accuracy"] == 1 and found["recall"]["whistle"]["accuracy"] == 0
    low, high = found["vanilla"]["interval"]
    assert 0.3 < low < 0.75 < high < 0.96
    assert found["folds"] is None


def test_evaluate_has_the_agreed_keys(model: CountingModel, store: PromptStore, manifest: Path) -> None:
    found = json_of("evaluate", manifest)
    assert {"model", "n", "classes", "vanilla", "templates", "ensemble"} <= found.keys()
    accuracies = [found["vanilla"], found["ensemble"], *found["templates"]]
    assert all(isinstance(row["accuracy"], float) and 0 <= row["accuracy"] <= 1 for row in accuracies)
    assert all(isinstance(row["template"], str) for row in found["templates"])


def test_evaluate_encodes_nothing_twice(model: CountingModel, store: PromptStore, manifest: Path) -> None:
    json_of("evaluate", manifest, "--pack", "odd", "--pack", "plain", "--pack", "odd")
    assert model.texts_read_twice == []
    assert len(model.texts_read) == 2 * len({"vanilla", "the sound of", "sound", "contrary"})
    assert model.windows_heard == 2  # hum.wav stands in three rows


def test_a_second_evaluation_encodes_only_what_is_new(model: CountingModel, store: PromptStore, manifest: Path) -> None:
    first = json_of("evaluate", manifest, "--pack", "odd")
    model.texts_read.clear()
    assert json_of("evaluate", manifest, "--pack", "odd") == first
    assert model.texts_read == [] and model.windows_heard == 2
    json_of("evaluate", manifest, "--pack", "plain")
    assert sorted(model.texts_read) == ["low hum sound", "whistle sound"]


def test_evaluate_says_class_names_with_blanks(model: CountingModel, store: PromptStore, manifest: Path) -> None:
    json_of("evaluate", manifest)
    assert "This is a sound of low hum." in model.texts_read
    assert not any("_" in text for text in model.texts_read)


def test_evaluate_several_packs(model: CountingModel, store: PromptStore, manifest: Path) -> None:
    found = json_of("evaluate", manifest, "--pack", "odd", "--pack", "plain")
    assert [row["template"] for row in found["templates"]] == [
        "the sound of {label}",
        "the contrary of {label}",
        "{label} sound",
    ]
    assert found["ensemble"]["accuracy"] == 0.75  # two against one
    odd, plain = found["packs"]
    assert (odd["pack"], odd["k"], odd["accuracy"]) == ("odd", 2, 0.5)
    assert (plain["pack"], plain["k"], plain["accuracy"]) == ("plain", 2, 0.75)
    low, high = odd["interval"]
    assert 0.1 < low < 0.5 < high < 0.9
    worse = {"difference": -0.25, "better": 0, "worse": 1, "p": 1.0, "words": "0 clips better, 1 worse: may be chance"}
    assert odd["against_vanilla"] == worse and odd["against_first"] is None
    assert plain["against_vanilla"]["words"] == "no clip better, none worse"
    assert (plain["against_first"]["difference"], plain["against_first"]["better"]) == (0.25, 1)


def test_evaluate_compares_ensembles(model: CountingModel, store: PromptStore, manifest: Path) -> None:
    found = json_of("evaluate", manifest, "--pack", "plain", "--ensemble", "all")
    assert [one["name"] for one in found["ensembles"]] == list(ENSEMBLES.names)
    assert all(one["interval"][0] <= one["accuracy"] <= one["interval"][1] for one in found["ensembles"])
    assert found["ensembles"][0]["against_mean"] is None and found["ensembles"][1]["against_mean"]["worse"] == 0
    assert found["ensemble"]["accuracy"] == found["ensembles"][0]["accuracy"]
    one = json_of("evaluate", manifest, "--pack", "plain", "--ensemble", "logits")
    assert one["calibration"]["ensemble"]["error"] == pytest.approx(one["ensembles"][0]["calibration_error"])
    shown = " ".join(run("evaluate", manifest, "--pack", "plain", "--ensemble", "all").stdout.split())
    assert "Mean of logits 75.0 % 30.1 - 95.4 25.0 +0.0 no clip better, none worse" in shown


def test_evaluate_by_one_ensemble(model: CountingModel, store: PromptStore, manifest: Path) -> None:
    found = json_of("evaluate", manifest, "--pack", "odd", "--pack", "plain", "--ensemble", "logits")
    (only,) = found["ensembles"]
    assert only["name"] == "logits" and only["accuracy"] == found["ensemble"]["accuracy"] == 0.75
    wrong = run("evaluate", manifest, "--ensemble", "votes")
    assert wrong.exit_code == 1 and "There is no ensemble called 'votes'. Choose one of: embeddings," in wrong.stderr


def test_evaluate_listening_to_all_clips_first(model: CountingModel, store: PromptStore, manifest: Path) -> None:
    plain = json_of("evaluate", manifest, "--pack", "plain")
    found = json_of("evaluate", manifest, "--pack", "plain", "--together")
    joint = found.pop("together")
    assert found == plain
    assert joint["alone"] == plain["ensemble"] and joint["interval"][0] <= joint["accuracy"] <= joint["interval"][1]
    assert joint["stepped_back"] is None and joint["recordings"] == 4
    assert joint["against_mean"]["difference"] == joint["accuracy"] - joint["alone"]["accuracy"]
    shown = " ".join(run("evaluate", manifest, "--pack", "plain", "--together").stdout.split())
    assert "all clips first 75.0 % 30.1 - 95.4" in shown and "All 4 recordings were heard" in shown


def test_evaluate_says_why_the_clips_were_not_followed(model: CountingModel, store: PromptStore, sounds: Path) -> None:
    path = sounds / "clips.csv"
    path.write_text("path,classname,fold\nhum.wav,hum,1\nwhistle.wav,whistle,2\n")
    joint = json_of("evaluate", path, "--folds", "1", "--together")["together"]
    assert joint["stepped_back"].startswith("1 clip for 2 labels: too few") and joint["alone"]["accuracy"] == 1
    assert "1 clip for 2 labels: too few" in run("evaluate", path, "--folds", "1", "--together").stdout


def test_evaluate_where_several_may_be_heard(model: CountingModel, store: PromptStore, manifest: Path) -> None:
    found = json_of("evaluate", manifest, "--pack", "plain", "--several")["several"]
    assert list(found["average_precision"]) == ["low_hum", "whistle"]
    assert found["mean_average_precision"] == pytest.approx(sum(found["average_precision"].values()) / 2)
    assert found["average_precision"]["low_hum"] == pytest.approx(2 / 3)  # the wrong row is as near as the right ones
    shown = " ".join(run("evaluate", manifest, "--pack", "plain", "--several").stdout.split())
    assert "more than one may be heard average precision" in shown and "low_hum 66.7 %" in shown
    only = json_of("evaluate", manifest, "--template", CONTRARY, "--several")["several"]
    assert only["mean_average_precision"] < found["mean_average_precision"]


def test_evaluate_templates_of_ones_own(model: CountingModel, store: PromptStore, manifest: Path) -> None:
    found = json_of("evaluate", manifest, "--template", "the contrary of {label}", "--template", CONTRARY)
    assert [(row["template"], row["accuracy"]) for row in found["templates"]] == [("the contrary of {label}", 0.25)]
    assert found["ensemble"]["accuracy"] == 0.25 and found["vanilla"]["accuracy"] == 0.75
    assert found["packs"] == []


def test_evaluate_some_folds(model: CountingModel, store: PromptStore, manifest: Path) -> None:
    found = json_of("evaluate", manifest, "--folds", "1")
    assert (found["n"], found["vanilla"]["accuracy"], found["folds"]) == (2, 1.0, [1])
    assert json_of("evaluate", manifest, "--folds", "2, 1")["n"] == 4


def test_a_class_without_clips_in_the_folds_has_no_recall(
    model: CountingModel, store: PromptStore, sounds: Path
) -> None:
    path = sounds / "clips.csv"
    path.write_text("path,classname,fold\nhum.wav,hum,1\nwhistle.wav,whistle,2\n")
    found = json_of("evaluate", path, "--folds", "1")
    assert found["classes"] == ["hum", "whistle"]
    assert found["recall"]["whistle"] is None


def test_evaluate_for_people(model: CountingModel, store: PromptStore, manifest: Path) -> None:
    shown = run("evaluate", manifest, "--pack", "odd", "--pack", "plain").stdout
    for line in ["the contrary of {label} 25.0 %", "ensemble of odd 50.0 %", "ensemble of 3 prompts 75.0 %"]:
        assert line in " ".join(shown.split())
    assert "vanilla 75.0 % 30.1 - 95.4" in " ".join(shown.split())
    assert "against vanilla points clip by clip" in " ".join(shown.split())
    assert "odd -25.0 0 clips better, 1 worse: may be chance" in " ".join(shown.split())
    assert "plain +25.0 1 clip better, 0 worse: may be chance" in " ".join(shown.split())
    assert "low_hum (1)" in shown


# --- classify ---------------------------------------------------------------------------------------------------------


def test_classify(model: CountingModel, store: PromptStore, sounds: Path) -> None:
    arguments = ["hum.wav", "whistle.wav", "--labels", "rain, hum,whistle", "--pack", "odd"]
    found = json_of("classify", *arguments)
    assert found["model"] == "fake"
    assert found["labels"] == ["rain", "hum", "whistle"]
    arguments[3] = '"hum, low"; whistle'
    assert json_of("classify", *arguments)["labels"] == ["hum, low", "whistle"]
    assert found["templates"] == ["the sound of {label}", "the contrary of {label}"]
    assert [file["file"] for file in found["files"]] == ["hum.wav", "whistle.wav"]
    first, second = found["files"]
    assert first["seconds"] == 2.0 and second["seconds"] == 1.5
    assert (first["vanilla"]["label"], second["vanilla"]["label"]) == ("hum", "whistle")
    for file in found["files"]:
        assert {vote["label"] for vote in file["votes"]} == {"hum", "whistle"}
        for method in ("vanilla", "ensemble"):
            assert sum(file[method]["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert [event["label"] for event in file["events"]] == [file["ensemble"]["label"]]
    assert found["errors"] == []


def test_classify_with_no_word_about_labels_or_prompts(model: CountingModel, store: PromptStore, sounds: Path) -> None:
    assert json_of("classify", "hum.wav")["labels"] == ["hum", "whistle", "rain"]


def test_classify_by_preset(model: CountingModel, store: PromptStore, sounds: Path) -> None:
    assert json_of("classify", "hum.wav", "--pack", "odd", "--preset", "Wet")["labels"] == ["rain", "hum"]


def test_classify_over_time(model: CountingModel, store: PromptStore, sounds: Path) -> None:
    (file,) = json_of("classify", "both.wav", "--pack", "plain")["files"]
    assert [(part["start"], part["end"], part["label"]) for part in file["events"]] == [
        (0.0, 6.0, "hum"),
        (6.0, 9.0, "whistle"),
    ]
    assert all(0.9 < part["probability"] <= 1 for part in file["events"])
    assert "0:06.0 - 0:09.0" in run("classify", "both.wav", "--pack", "plain").stdout


@pytest.mark.parametrize(
    "arguments, name, begins",
    [
        (["both.wav", "--events", "out/both.txt"], "out/both.txt", "0.000000\t6.000000\thum\n6.000000\t9.000000\t"),
        (["both.wav", "--events", "both.out", "--format", "rttm"], "both.out", "SPEAKER both 1 0.000 6.000 <NA>"),
        (["hum.wav", "both.wav", "--events", "out"], "out/both.txt", "0.000000\t6.000000\thum\n"),
        ([".", "--events", "out", "--format", "csv"], "out/hum.csv", '"file","start","end","label","probability"\n'),
    ],
)
def test_events_are_written(
    model: CountingModel, store: PromptStore, sounds: Path, arguments: list[str], name: str, begins: str
) -> None:
    run("classify", *arguments, "--pack", "plain")
    assert Path(name).read_text().startswith(begins)


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--format", "csv"], "--format is the form of events"),
        (["--events", "x.xyz"], "x.xyz ends in none of .txt"),
        (["--events", "x.csv", "--format", "textgrid"], "There is no form of events called 'textgrid'"),
        (["--events", "hum.wav/x.csv"], "cannot be written"),
    ],
)
def test_events_that_cannot_be_written(
    model: CountingModel, store: PromptStore, sounds: Path, arguments: list[str], sentence: str
) -> None:
    result = run("classify", "hum.wav", *arguments)
    assert result.exit_code and sentence in " ".join(result.stderr.split())


def test_one_bad_file_does_not_stop_the_others(model: CountingModel, store: PromptStore, sounds: Path) -> None:
    result = run("classify", "broken.wav", "gone.wav", "hum.wav", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert [file["file"] for file in found["files"]] == ["hum.wav"]
    assert [error["file"] for error in found["errors"]] == ["broken.wav", "gone.wav"]
    assert [line.split()[0] for line in result.stderr.splitlines()] == ["broken.wav", "gone.wav"]


def test_silence_and_a_click_get_no_verdict(model: CountingModel, store: PromptStore, sounds: Path) -> None:
    soundfile.write("still.wav", np.zeros(3 * RATE), RATE)
    soundfile.write("click.wav", tone(HUM, 0.009), RATE)
    result = run("classify", "still.wav", "click.wav", "hum.wav", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert [file["file"] for file in found["files"]] == ["hum.wav"]
    assert "still.wav is silent, so there is nothing to name" in found["errors"][0]["error"]
    assert "click.wav lasts 9 ms, too short to name" in found["errors"][1]["error"]
    shown = run("classify", "still.wav", "--labels", "hum, whistle")
    assert "nothing to name" in shown.stderr and "hum" not in shown.stdout


def test_what_is_wrong_with_a_recording_is_said(model: CountingModel, store: PromptStore, sounds: Path) -> None:
    hum = tone(HUM, 2)
    soundfile.write("opposite.wav", np.stack([hum, -hum], axis=1), RATE)
    soundfile.write("ints.wav", np.round(hum * 2**15), RATE, subtype="FLOAT")
    opposite, ints, plain = json_of("classify", "opposite.wav", "ints.wav", "hum.wav")["files"]
    assert opposite["ensemble"]["label"] == ints["ensemble"]["label"] == "hum"
    assert "only channel 1 of 2" in opposite["warnings"][0] and "16-bit integers" in ints["warnings"][0]
    assert plain["warnings"] == []
    assert "only channel 1 of 2" in " ".join(run("classify", "opposite.wav").stdout.split())


def test_silence_is_no_event(model: CountingModel, store: PromptStore, sounds: Path) -> None:
    soundfile.write("pause.wav", np.concatenate([tone(WHISTLE, 2), np.zeros(4 * RATE)]), RATE)
    (file,) = json_of("classify", "pause.wav", "--pack", "plain")["files"]
    assert [(part["start"], part["end"], part["label"]) for part in file["events"]] == [(0.0, 2.0, "whistle")]
    assert "0:00.0 - 0:02.0 whistle" in " ".join(run("classify", "pause.wav", "--pack", "plain").stdout.split())


def test_evaluate_counts_and_names_silent_clips(model: CountingModel, store: PromptStore, manifest: Path) -> None:
    soundfile.write("whistle.wav", np.zeros(3 * RATE), RATE)
    result = run("evaluate", manifest, "--pack", "odd", "--json")
    assert result.exit_code == 0 and json.loads(result.stdout)["n"] == 4
    assert result.stderr == "1 of 2 clips is silent: whistle.wav.\n"


def test_classify_for_people(model: CountingModel, store: PromptStore, sounds: Path) -> None:
    shown = " ".join(run("classify", "hum.wav", "--pack", "plain").stdout.split())
    assert "hum.wav, 2.0 s" in shown
    assert "They agree: 2 of 2 prompts say hum." in shown
    shown = " ".join(run("classify", "hum.wav", "--labels", "hum, whistle", "--template", CONTRARY).stdout.split())
    assert "They disagree: vanilla says hum, but 1 of 1 prompt says whistle." in shown


def test_only_the_likeliest_labels_are_shown(model: CountingModel, store: PromptStore, sounds: Path) -> None:
    labels = "one,two,three,four,five,six,hum"
    shown = run("classify", "hum.wav", "--labels", labels).stdout
    assert shown.index("hum  ") < shown.index("one") and sum(label in shown for label in labels.split(",")) == 5


def test_labels_are_shown_as_they_are(model: CountingModel, store: PromptStore, sounds: Path) -> None:
    shown = run("classify", "hum.wav", "--labels", "[red]hum[/red],:dog:,\x1b[31mwhistle").stdout
    assert "[red]hum[/red]" in shown and ":dog:" in shown and "\x1b" not in shown


def test_a_repeated_label_is_left_out_and_told(model: CountingModel, store: PromptStore, sounds: Path) -> None:
    result = run("classify", "hum.wav", "--labels", "hum,whistle,Hum", "--json")
    assert json.loads(result.stdout)["labels"] == ["hum", "whistle"]
    assert result.stderr == "Ignored duplicate label: Hum.\n" and result.exit_code == 0


# --- models, cache, app -----------------------------------------------------------------------------------------------


def test_models() -> None:
    (first, *_) = json_of("models")
    assert first["name"] == "embedded" and first["licence"] == "MIT"
    assert "embedded" in run("models").stdout


def test_cache(model: CountingModel, store: PromptStore, manifest: Path) -> None:
    assert json_of("cache")["entries"] == 0
    json_of("evaluate", manifest)
    found = json_of("cache")
    assert found["entries"] == 2 + 4 and found["path"] == str(EmbeddingCache().path)
    assert "6 embeddings" in run("cache").stdout
    assert run("cache", "clear").exit_code == 0
    assert json_of("cache")["entries"] == 0


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The arguments that the page is launched with, in place of the page."""
    arguments: dict[str, Any] = {}
    monkeypatch.setitem(sys.modules, "audioprompt.ui.app", SimpleNamespace(launch=arguments.update))
    return arguments


def test_app(launched: dict[str, Any]) -> None:
    assert run("app", "--port", "7000", "--no-browser").exit_code == 0
    expected = {"host": "127.0.0.1", "port": 7000, "model": "embedded", "open_browser": False, "share": False}
    assert launched == expected | {"open_models": ()}
    run("app", "--host", "0.0.0.0", "--share", "--model", "other")
    expected = {"host": "0.0.0.0", "port": 7860, "model": "other", "open_browser": True, "share": True}
    assert launched == expected | {"open_models": ()}


def test_a_port_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def launch(**_: object) -> None:
        raise OSError("Cannot find empty port")

    monkeypatch.setitem(sys.modules, "audioprompt.ui.app", SimpleNamespace(launch=launch))
    result = run("app")
    assert result.exit_code == 1 and "127.0.0.1:7860" in result.stderr and "choose another --port" in result.stderr


def test_the_app_has_what_the_command_asks_for() -> None:
    assert {"host", "port", "model", "open_browser", "share"} <= signature(launch).parameters.keys()


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("evaluate gone.csv", 1, "gone.csv is not there"),
        ("evaluate clips.csv --folds 3", 1, "has no fold 3; its folds are 1, 2"),
        ("evaluate clips.csv --folds one", 2, "--folds takes whole numbers"),
        ("evaluate clips.csv --pack odd --template {}", 2, "Give packs or templates, not both."),
        ("evaluate clips.csv --pack nobody", 1, "No prompt pack is called 'nobody'"),
        ("evaluate clips.csv --pack unapproved", 1, "The pack unapproved has no approved prompts"),
        ("evaluate clips.csv --template sound", 1, "has no slot"),
        ("evaluate clips.csv --model nobody", 1, "no model called 'nobody'. Choose one of: embedded"),
        ("evaluate clips.csv --device gpu", 1, "There is no device 'gpu' on this machine"),
        ("evaluate noise.csv", 1, "broken.wav"),
        ("classify hum.wav --labels hum", 2, "at least two labels"),
        ("classify hum.wav --labels ,", 2, "at least two labels"),
        ("classify hum.wav --labels a,b --preset Wet", 2, "Give --labels or --preset, not both."),
        ("classify hum.wav --pack odd", 2, "a --preset of the pack (Tones, Wet)"),
        ("classify hum.wav --pack odd --preset Dry", 2, "has no preset 'Dry'; it has: Tones, Wet."),
        ("classify hum.wav --template {}", 2, "Give labels to choose between"),
        ("classify gone.wav", 1, "gone.wav does not exist"),
        ("classify elsewhere/gone.wav", 1, "elsewhere/gone.wav does not exist"),
    ],
)
def test_mistakes_end_in_one_sentence(
    model: CountingModel, store: PromptStore, manifest: Path, arguments: str, code: int, message: str
) -> None:
    manifest.with_name("noise.csv").write_text("path,classname\nhum.wav,hum\nbroken.wav,whistle\n")
    result = run(*arguments.split())
    assert result.exit_code == code
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", ["classify", "evaluate", "evaluate a.csv --fold 1", "nonsense", "app --port x", "packs nobody", "-x"]
)
def test_bad_usage_ends_with_2(arguments: str) -> None:
    result = run(*arguments.split())
    assert result.exit_code == 2 and result.stderr and not result.stdout


def raising(error: BaseException) -> Callable[..., Any]:
    def load(*_: object) -> Any:
        raise error

    return load


def test_a_model_that_cannot_be_had_is_told_in_its_words(
    monkeypatch: pytest.MonkeyPatch, store: PromptStore, sounds: Path
) -> None:
    entry = ModelEntry("embedded", "", "", "", raising(ModelError("The weights\nare gone: fetch them.")))
    monkeypatch.setattr(registry, "MODELS", registry.ModelRegistry((entry,)))
    result = run("classify", "hum.wav")
    assert (result.exit_code, result.stderr, result.stdout) == (1, "The weights are gone: fetch them.\n", "")


def test_what_is_not_there_is_told_before_a_model_is_loaded(
    monkeypatch: pytest.MonkeyPatch, store: PromptStore, sounds: Path
) -> None:
    entry = ModelEntry("embedded", "", "", "", raising(RuntimeError("loaded")))
    monkeypatch.setattr(registry, "MODELS", registry.ModelRegistry([entry]))
    assert "gone.wav does not exist" in run("classify", "gone.wav").stderr
    assert "There is no head at gone" in run("palm", "predict", "gone", "hum.wav").stderr
    (sounds / "heads").mkdir()
    assert "There is no head at" in run("palm", "predict", sounds / "heads" / "slip", "hum.wav").stderr


def test_the_version() -> None:
    assert run("--version").stdout == f"audioprompt {__version__}\n"


def test_a_narrow_terminal_keeps_numbers_in_one_piece(
    monkeypatch: pytest.MonkeyPatch, model: CountingModel, store: PromptStore, sounds: Path
) -> None:
    monkeypatch.setenv("COLUMNS", "7")
    result = run("classify", "hum.wav", "--labels", "hum, whistle")
    assert result.exit_code == 0 and len(re.findall(r"\d+\.\d %", result.stdout)) == 4


@pytest.mark.parametrize("error", [RuntimeError("a defect"), ValueError("a defect"), KeyError("a defect")])
def test_a_defect_is_not_dressed_up(
    monkeypatch: pytest.MonkeyPatch, store: PromptStore, sounds: Path, error: Exception
) -> None:
    entry = ModelEntry("embedded", "", "", "", raising(error))
    monkeypatch.setattr(registry, "MODELS", registry.ModelRegistry([entry]))
    assert CliRunner().invoke(app, ["classify", "hum.wav"]).exception is error


def test_a_warning_is_a_sentence(model: CountingModel, store: PromptStore, manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "embedding-cache").write_text("a file where a folder should be")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        result = run("evaluate", manifest, "--json")
    assert result.exit_code == 0 and json.loads(result.stdout)["n"] == 4
    assert all(line.startswith("Embeddings are not being cached") for line in result.stderr.splitlines())
    assert result.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("classify", "{}", "--labels", "hum,whistle"),
        ("classify", "{}.wav", "--labels", "hum,whistle", "--out", "results.csv"),
        ("embed", "{}", "--out", "vectors"),
        ("search", "{}", "a hum"),
        ("evaluate", "{}"),
        ("label", "{}"),
        ("palm", "fit", "{}"),
        ("palm", "predict", "{}", "hum.wav"),
        ("space", "check", "{}"),
        ("space", "build", "{}"),
        ("packs", "import", "{}"),
        ("classify", "{}.wav", "hum.wav", "--labels", "hum,whistle", "--model", "msclap-2023", "--weights", "{}"),
        ("classify", "{}.wav", "hum.wav", "--labels", "hum,whistle", "--model", "laion-clap", "--weights", "{}"),
    ],
    ids=lambda command: "-".join(word.strip("-") for word in command if "{}" not in word),
)
def test_a_path_too_long_for_any_system_is_refused_in_a_sentence(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    soundfile.write("hum.wav", tone(HUM, 2.0), RATE)
    result = run(*(word.format("a" * 300) for word in command))
    assert result.exit_code in (1, 2) and isinstance(result.exception, SystemExit)
    assert "aaaa" in result.stderr and "Traceback" not in result.stderr


def test_of_a_folder_too_it_is_told_what_the_model_cannot_read_and_what_is_heard(
    model: CountingModel, store: PromptStore, sounds: Path
) -> None:
    model.text = SimpleNamespace(tokenizer=SimpleNamespace(scripts={"LATIN"}, knows=str.isascii))
    (sounds / "broken.wav").unlink()
    asked = ("classify", ".", "--labels", "hum,whistle,量子纠缠")
    for result in (run(*asked, "--several"), run(*asked, "--out", "results.csv")):
        assert result.exit_code == 0 and result.stderr.count("does not know these words: 量子纠缠") == 1
    lines = run(*asked, "--several").stdout.splitlines()
    (both,) = (line.split()[-2:] for line in lines if "both.wav" in line)
    assert both == ["whistle,", "hum"]  # the likeliest first


# --- in a process of its own ------------------------------------------------------------------------------------------


CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("group", [AudioPrompt, PalmCommands])
def test_a_groups_help_has_the_commands_own_first_lines(group: type[LazyGroup]) -> None:
    for name, (place, summary) in group.lazy.items():
        assert LazyCommand(name, place, summary).load().help.splitlines()[0] == summary


def test_help_loads_nothing_heavy() -> None:
    code = "import sys\nfrom audioprompt.cli import app\ntry: app(['--help'])\nexcept SystemExit: print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, check=True, capture_output=True, text=True)
    assert not {"torch", "transformers", "gradio", "numpy", "pandas", "av"} & set(loaded.stdout.split())


@pytest.mark.slow
def test_the_real_thing(sounds: Path) -> None:
    """A process of its own, the bundled model, and pipes for stdout and stderr."""
    files = [str(sounds / "both.wav"), str(sounds / "broken.wav")]
    command = [sys.executable, "-m", "audioprompt", "classify", *files, "--labels", "hum,whistle", "--json"]
    result = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    assert result.returncode == 1, result.stderr
    found = json.loads(result.stdout)
    (file,) = found["files"]
    assert found["model"] == "embedded" and file["seconds"] == 9.0 and len(file["votes"]) == 8
    assert file["events"] == sorted(file["events"], key=lambda event: event["start"])
    assert len(result.stderr.splitlines()) == 1 and result.stderr.startswith(files[1])
