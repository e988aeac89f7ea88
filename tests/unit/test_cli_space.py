"""``audioprompt space``: what it builds, lists and says."""

import json
from pathlib import Path
from typing import Any

import pytest
import soundfile
from typer.testing import CliRunner

from audioprompt.cli import app
from audioprompt.prompts.store import PromptStore
from audioprompt.space import Checked
from tests.fakes import HUM, RATE, tone
from tests.unit.space.plans import PACK, save_head


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIOPROMPT_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    PromptStore().create(PACK)


def run(*arguments: object) -> Any:
    result = CliRunner().invoke(app, ["space", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def built(*arguments: object) -> dict[str, int]:
    result = run("build", "space", *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return dict(json.loads(result.stdout)["files"])


def record(name: str) -> None:
    soundfile.write(name, tone(HUM, 1), RATE)


@pytest.mark.slow
def test_build_puts_in_what_was_chosen() -> None:
    save_head(Path("my-head"))
    chosen = "--pack weather --pack music-genre --head my-head --title Rain? --licence cc-by-4.0".split()
    files = built(*chosen, "--labels", "rain, wind, Rain", "--examples", "dog, violin")
    assert {name for name in files if name.startswith("prompt_store")} == {
        "prompt_store/weather.json",
        "prompt_store/music-genre.json",
    }
    assert {"heads/my-head/head.safetensors", "assets/examples/dog.ogg", "assets/examples/violin.ogg"} <= set(files)
    assert sum(name.endswith(".ogg") and "examples" in name for name in files) == 2
    text = Path("space/app.py").read_text()
    assert "TITLE = 'Rain?'" in text and "LABELS = ['rain', 'wind']" in text
    assert "license: cc-by-4.0" in Path("space/README.md").read_text()
    assert all(Path("space", name).stat().st_size == size for name, size in files.items())


def test_build_by_itself_takes_the_general_pack_and_every_clip() -> None:
    files = built()
    assert [name for name in files if name.startswith("prompt_store")] == ["prompt_store/eight-templates.json"]
    assert sum(name.endswith(".ogg") and "examples" in name for name in files) > 9


def test_build_opens_on_ones_own_clips_beside_a_head_and_shows_the_tabs_that_were_chosen() -> None:
    save_head(Path("my-head"))
    for name in ("my, owl.wav", "rain.wav"):
        record(name)
    built("--head", "my-head", "--example", "my, owl.wav", "--example", "rain.wav", "--tabs", "classify, learn")
    entries = json.loads(Path("space/assets/examples/examples.json").read_text())
    assert [(entry["title"], entry["labels"]) for entry in entries] == [
        ("my, owl", ["rain", "wind"]),
        ("rain", ["rain", "wind"]),
    ]
    assert "TABS = ['classify', 'learn']" in Path("space/app.py").read_text()
    result = run("build", "other", "--head", "my-head", "--examples", "dog", "--example", "rain.wav")
    assert result.exit_code == 0
    titles = [entry["title"] for entry in json.loads(Path("other/assets/examples/examples.json").read_text())]
    assert titles[0] == "rain" and len(titles) == 2, "the Space opens on a clip of the head's"


def test_build_takes_clips_of_ones_own_or_none() -> None:
    record("My owl.wav")
    files = built("--examples", "My owl.wav", "--labels", "owl, dog")
    (entry,) = json.loads(Path("space/assets/examples/examples.json").read_text())
    assert files["assets/examples/my-owl.wav"] == Path("My owl.wav").stat().st_size
    assert (entry["title"], entry["labels"]) == ("My owl", ["owl", "dog"])
    result = run("build", "other", "--examples", "none", "--gpu")
    assert result.exit_code == 0 and json.loads(Path("other/assets/examples/examples.json").read_text()) == []
    assert "--extra-index-url" not in Path("other/requirements.txt").read_text()
    assert "audioprompt/ui" in result.stdout and "in all" in result.stdout and "space check other" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--labels", "rain"], 2, "at least two labels"),
        (["--examples", "gone.wav"], 2, "There is no clip 'gone.wav': give the path of one, or of these: "),
        (["--example", "clip.wav"], 1, "say what clip might be: give labels"),
        (["--example", "notes.txt", "--labels", "rain, wind"], 1, "notes.txt holds no audio"),
        (["--example", "gone.wav"], 2, "There is no clip 'gone.wav': give the path"),
        (["--tabs", "publish"], 1, "a Space has no tab 'publish'"),
        (["--pack", "nothing"], 1, "No prompt pack is called 'nothing'"),
        (["--title", "a\nb"], 1, "title of one line"),
        (["--model", "other"], 1, "cannot load the model 'other'"),
        (["--head", "nowhere"], 1, "nowhere"),
    ],
)
def test_what_cannot_be_built_is_one_sentence(arguments: list[str], code: int, message: str) -> None:
    record("clip.wav")
    Path("notes.txt").write_text("these are words")
    result = run("build", "space", *arguments)
    assert result.exit_code == code and message in result.stderr and len(result.stderr.splitlines()) == 1
    assert not Path("space").exists()


def test_push_lists_what_it_would_upload() -> None:
    files = built()
    result = run("push", "me/rain", "space", "--dry-run", "--json")
    assert json.loads(result.stdout)["files"] == files
    assert "prompt_store/eight-templates.json" in run("push", "me/rain", "space", "--dry-run").stdout


def test_push_says_where_the_space_is_and_passes_on_what_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Path, bool]] = []

    def push(name: str, folder: Path, public: bool) -> str:
        asked.append((name, folder, public))
        return f"https://hub/spaces/{name}"

    monkeypatch.setattr("audioprompt.space.push", push)
    assert run("push", "me/rain", "space", "--public").stdout == "https://hub/spaces/me/rain\n"
    assert json.loads(run("push", "me/rain", "--json").stdout)["address"] == "https://hub/spaces/me/rain"
    assert asked == [("me/rain", Path("space"), True), ("me/rain", Path(), False)]


def test_push_of_nothing() -> None:
    result = run("push", "me/rain")
    assert result.exit_code == 1 and "there is no Space in" in result.stderr


@pytest.mark.parametrize("present", [False, True])
def test_check_prints_what_was_measured(monkeypatch: pytest.MonkeyPatch, present: bool) -> None:
    found = Checked({"start": 4.26}, 33_400_000, None if present else 10**9, None, "dog.ogg", "dog bark")
    asked: dict[str, Any] = {}
    monkeypatch.setattr("audioprompt.space.check", lambda folder, **given: asked.update(given) or found)
    result = run("check", "space", *(["--present"] if present else []))
    assert asked["clean"] is not present
    words = " ".join(result.stdout.split())
    assert "start 4.3" in words and "the Space 33.40" in words and "Asked about dog.ogg, it says: dog bark." in words
    assert ("what it installs 1,000.00" in words) is not present and "memory" not in words
    assert json.loads(run("check", "space", "--json").stdout)["answer"] == "dog bark"
