"""``audioprompt palm``: what it prints where, its exit codes, and heads that go through files."""

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from torch import Tensor
from torch.nn.functional import normalize

from audioprompt.core import transductive
from audioprompt.prompts.store import PromptStore
from tests.fakes import HUM, RATE, WHISTLE, tone
from tests.unit.test_cli import CountingModel, json_of, model, pack, run, store  # noqa: F401, fixtures among them


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four clips of two classes in each of three folds."""
    rows = ["path,classname,fold"]
    for fold in (1, 2, 3):
        for turn in (0, 1):
            for name, hertz in (("low_hum", HUM), ("whistle", WHISTLE)):
                file = f"{name}-{fold}-{turn}.wav"
                soundfile.write(tmp_path / file, tone(hertz + 10 * fold + turn, 1), RATE)
                rows.append(f"{file},{name},{fold}")
    (tmp_path / "clips.csv").write_text("\n".join(rows))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "clips.csv"


@pytest.fixture(autouse=True)
def named_as_it_is_loaded(model: CountingModel) -> None:
    """A head's record names the model that `predict` loads again."""
    model.name = "embedded"


def test_fit_prints_every_method_with_every_seed(model: CountingModel, store: PromptStore, clips: Path) -> None:
    options = "--seeds 0,1 --shots 2 --epochs 20 --train-folds 1,2 --test-folds 3 --pack odd".split()
    found = json_of("palm", "fit", clips, "--method", "palm,zero-shot,tspe,linear-probe", *options)
    assert [row["method"] for row in found["methods"]] == ["palm", "zero-shot", "tspe", "linear-probe"]
    for row in found["methods"]:
        assert len(row["per_seed"]) == 2 and row["accuracy"] == pytest.approx(np.mean(row["per_seed"]))
        assert row["seconds"] >= 0 and row["interval"][0] <= row["accuracy"] <= row["interval"][1]
    assert [row["accuracy"] for row in found["methods"]] == [1.0, 1.0, pytest.approx(0.5), 1.0]
    assert found["classes"] == ["low hum", "whistle"] and found["shots"] == 2 and found["seeds"] == [0, 1]
    assert (found["learned_from"], found["tested_on"], found["data"]) == (4, 4, f"{clips.parent.name}/clips")
    assert model.windows_heard == 12


def test_fit_for_people(model: CountingModel, store: PromptStore, clips: Path) -> None:
    result = run("palm", "fit", clips, "--method", "auto,palm", "--train-folds", "1,2", "--epochs", 5)
    assert result.exit_code == 0
    assert " was chosen: " in result.stderr and "8 clips left out in turn" in result.stderr
    assert "palm" in result.stdout and "100.0 %" in result.stdout and "relies on what was learned" in result.stdout
    assert "low hum (4, and 2 held back); whistle (4, and 2 held back)" in result.stderr


def test_a_folder_of_few_clips_gives_a_head_without_a_score(
    model: CountingModel, store: PromptStore, tmp_path: Path
) -> None:
    for name, hertz in (("hum", HUM), ("whistle", WHISTLE)):
        (tmp_path / "mine" / name).mkdir(parents=True)
        soundfile.write(tmp_path / "mine" / name / "a.wav", tone(hertz, 1), RATE)
    result = run("palm", "fit", tmp_path / "mine", "--json")
    assert result.exit_code == 0 and "Nothing was held back" in result.stderr
    (row,) = json.loads(result.stdout)["methods"]
    assert row["accuracy"] is None and row["per_seed"] == []


@pytest.mark.parametrize("methods", ["palm", "palm,linear-probe"])
def test_heads_are_saved_asked_and_described(
    methods: str, model: CountingModel, store: PromptStore, clips: Path
) -> None:
    result = run(
        "palm", "fit", clips, "--method", methods, "--train-folds", "1,2", "--save", "head", "--data-licence", "CC0-1.0"
    )
    assert result.exit_code == 0 and "The palm head is in head" in result.stderr
    assert "Measured on 4 held-out clips, then fitted again on all 12." in result.stderr
    head = "head" if methods == "palm" else "head/palm"
    found = json_of("palm", "predict", head, "whistle-3-0.wav", "low_hum-3-1.wav")
    assert [row["label"] for row in found["files"]] == ["whistle", "low hum"] and found["method"] == "palm"
    assert all(sum(row["probabilities"].values()) == pytest.approx(1) for row in found["files"])
    shown = run("palm", "predict", head, "whistle-3-0.wav")
    assert shown.exit_code == 0 and "whistle" in shown.stdout
    card = run("palm", "card", head)
    assert card.exit_code == 0 and "CC0-1.0" in card.stdout and "| 4 | 100.0 % |" in card.stdout


def test_recordings_that_cannot_be_used_do_not_keep_others_from_being_heard(
    model: CountingModel, store: PromptStore, clips: Path
) -> None:
    run("palm", "fit", clips, "--train-folds", "1,2", "--save", "head")
    Path("broken.wav").write_text("no sound")
    result = run("palm", "predict", "head", "broken.wav", "whistle-3-0.wav", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1 and "broken.wav" in result.stderr
    assert [row["file"] for row in found["files"]] == ["whistle-3-0.wav"]
    assert [row["file"] for row in found["errors"]] == ["broken.wav"]


def test_a_file_in_the_place_of_the_folder_of_a_head_is_said_before_anything_is_fitted(
    model: CountingModel, clips: Path, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("notes")
    found = run("palm", "fit", clips, "--save", tmp_path / "taken")
    assert found.exit_code == 2 and "is a file: give a folder to --save" in found.stderr
    assert not model.windows_heard and (tmp_path / "taken").read_text() == "notes"


@pytest.mark.parametrize("at", ["mkdir", "write_text"])
def test_a_head_that_the_disk_refuses_is_told_beside_what_was_measured(
    model: CountingModel, clips: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    plain = getattr(Path, at)

    def fill(self: Path, *given: object, **named: object) -> object:
        if "head" in self.parts:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return plain(self, *given, **named)

    monkeypatch.setattr(Path, at, fill)
    found = run("palm", "fit", clips, "--train-folds", "1,2", "--save", "head")
    assert found.exit_code == 1 and "4 clips" in found.stdout
    assert "The head cannot be saved in head (No space left on device): make room, or give" in found.stderr


def test_the_head_that_was_measured_is_saved_on_request(model: CountingModel, store: PromptStore, clips: Path) -> None:
    assert run("palm", "fit", clips, "--train-folds", "1,2", "--save", "head", "--no-again").exit_code == 0
    card = run("palm", "card", "head").stdout
    assert "8 clips, up to 16 per class" in card and "Measured on 4 held-out clips." in card
    assert "fitted again" not in card


@pytest.mark.parametrize("start", ["vanilla", "pack"])
def test_palm_can_start_elsewhere(start: str, model: CountingModel, store: PromptStore, clips: Path) -> None:
    options = ["--method", "palm", "--train-folds", "1,2"]
    assert run("palm", "fit", clips, *options, "--start", start, "--pack", "plain").exit_code == 0
    said = {"vanilla": "This is a sound of whistle.", "pack": "whistle sound"}[start]
    assert said in model.texts_read


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--method", "magic"], 2, "There is no few-shot method called 'magic'. Choose one of: auto"),
        (["--seeds", "one"], 2, "--seeds takes whole numbers"),
        (["--test-folds", "3"], 2, "Give the folds to learn from"),
        (["--train-folds", "1,9"], 1, "no fold 9"),
        (["--train-folds", "1,2", "--test-folds", "2"], 1, "fold 2 is both"),
        (["--train-folds", "1", "--rate", "0"], 1, "rate is 0"),
        (["--method", "tspe", "--pack", "unapproved"], 1, "has no approved prompt"),
    ],
)
def test_what_cannot_be_fitted_is_said_in_a_sentence(
    arguments: list[str], code: int, sentence: str, model: CountingModel, store: PromptStore, clips: Path
) -> None:
    result = run("palm", "fit", clips, *arguments)
    assert result.exit_code == code and sentence in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize("command", [["card"], ["predict"]])
def test_what_is_no_head_is_said_in_a_sentence(
    command: list[str], model: CountingModel, store: PromptStore, clips: Path
) -> None:
    result = run("palm", *command, clips, *(["whistle-3-0.wav"] if command == ["predict"] else []))
    assert result.exit_code == 1 and "clips.csv is not a head" in result.stderr


def test_a_head_for_another_model_is_refused(model: CountingModel, store: PromptStore, clips: Path) -> None:
    run("palm", "fit", clips, "--train-folds", "1,2", "--save", "head")
    model.revision = "2"
    result = run("palm", "predict", "head", "whistle-3-0.wav", "--model", "embedded")
    assert result.exit_code == 1 and "this head was made for embedded (revision 1)" in result.stderr


@pytest.fixture
def fine_ears(model: CountingModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hear a little of what tells one hum from another."""
    hear = model.embed_audio

    def embed_audio(windows: Tensor) -> Tensor:
        found = hear(windows)
        return normalize(found + 0.02 * windows[:, 7 : 7 + found.shape[1]])

    monkeypatch.setattr(model, "embed_audio", embed_audio)


@pytest.mark.usefixtures("fine_ears")
def test_recordings_without_labels_join_the_shots(model: CountingModel, store: PromptStore, clips: Path) -> None:
    Path("pool").mkdir()
    for number in range(6):
        soundfile.write(f"pool/{number}.wav", tone((HUM, WHISTLE)[number % 2] + 3 * number, 1), RATE)
    Path("pool/again.wav").write_bytes(Path("whistle-3-0.wav").read_bytes())
    given = ["palm", "fit", clips, "--method", "zero-shot", "--train-folds", "1,2", "--shots", 1, "--seeds", "0,1"]
    plain, found = json_of(*given), json.loads(run(*given, "--unlabelled", "pool", "--save", "heads", "--json").stdout)
    assert (plain["unlabelled"], found["unlabelled"]) == (0, 6)  # what is held back is left out
    (_, helped) = found["methods"]
    assert helped["method"] == "together" and helped["per_seed"] == [1.0, 1.0]
    assert helped["advice"] == "6 recordings without labels joined the clips to learn from."
    heard = json_of("palm", "predict", "heads/together", "whistle-3-0.wav")
    assert heard["method"] == "together" and heard["files"][0]["label"] == "whistle"
    shutil.make_archive("pool", "zip", "pool")
    assert "6 recordings without labels joined" in run(*given, "--unlabelled", "pool.zip").stderr


@pytest.mark.usefixtures("fine_ears")
def test_what_recordings_tell_each_other_is_kept_as_a_head(
    model: CountingModel, store: PromptStore, clips: Path
) -> None:
    files = sorted(clips.parent.glob("*.wav"))
    given = ["classify", *files, "--labels", "hum, whistle"]
    assert "give --together as well" in run(*given, "--save", "head").stderr
    assert "The head is in head" in run(*given, "--together", "--save", "head").stderr
    found = json_of("palm", "predict", "head", *files)
    assert all(row["label"] in Path(row["file"]).name for row in found["files"])
    assert "A pool of recordings without labels" in run("palm", "card", "head").stdout
    result = run("classify", files[0], "--labels", "hum, whistle", "--together", "--save", "none")
    assert result.exit_code == 1 and "1 clip for 2 labels: too few" in result.stderr and not Path("none").exists()


def test_recordings_without_labels_that_are_of_no_use_are_refused(
    model: CountingModel, store: PromptStore, clips: Path
) -> None:
    result = run("palm", "fit", clips, "--method", "zero-shot", "--unlabelled", "gone")
    assert result.exit_code == 1 and "gone does not exist" in result.stderr
    Path("labelled").mkdir()
    Path("labelled/a.wav").write_bytes(Path("whistle-3-0.wav").read_bytes())
    result = run("palm", "fit", clips, "--method", "zero-shot", "--unlabelled", "labelled")
    assert result.exit_code == 1 and "every recording without a label is among the labelled clips" in result.stderr
    soundfile.write("labelled/a.wav", np.zeros(RATE), RATE)
    result = run("palm", "fit", clips, "--method", "zero-shot", "--unlabelled", "labelled")
    assert result.exit_code == 1 and "All recordings without labels are silent" in result.stderr


@pytest.mark.usefixtures("fine_ears")
def test_recordings_that_would_mislead_are_not_followed(
    model: CountingModel, store: PromptStore, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transductive, "MAX_MOVED", -1.0)
    Path("pool").mkdir()
    soundfile.write("pool/a.wav", tone(HUM + 3, 1), RATE)
    result = run("palm", "fit", clips, "--method", "zero-shot", "--unlabelled", "pool", "--json")
    helped = json.loads(result.stdout)["methods"][1]
    assert helped["advice"].startswith("The clips would change 0 of 1") and helped["accuracy"] == 1
