"""A Space is started and asked; what is wrong with one is said."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from audioprompt.space import SpaceError, build, check
from audioprompt.space.check import _elsewhere, _last_line
from tests.unit.space.plans import CLASSES, plan, save_head


@pytest.mark.slow
def test_a_space_answers(tmp_path: Path) -> None:
    head = save_head(tmp_path / "head")
    written = build(plan("Rain <b> or 'wind'", labels=CLASSES, heads=(head,)), tmp_path / "space")
    steps: list[str] = []
    found = check(tmp_path / "space", clean=False, step=steps.append)
    assert steps == ["start", "first answer"] and list(found.seconds) == ["start", "first answer", "second answer"]
    assert found.answer == "violin" and found.clip == "violin.ogg"
    assert found.folder_bytes == sum(written.values()) and found.environment_bytes is None
    assert found.memory_bytes is None or 10**8 < found.memory_bytes < 16 * 10**9, "a basic Space has 16 GB"
    held = {
        path.relative_to(tmp_path / "space").as_posix() for path in (tmp_path / "space").rglob("*") if path.is_file()
    }
    assert held == set(written), "nothing is left behind in the Space"


def broken(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in ({"README.md": "", "requirements.txt": "", "app.py": ""} | dict(files)).items():
        (folder / name).write_text(text)
    return folder


def test_a_space_that_does_not_start_says_why(tmp_path: Path) -> None:
    folder = broken(tmp_path, {"app.py": "print('hello')\nraise RuntimeError('no such thing')"})
    with pytest.raises(SpaceError, match="does not start: RuntimeError: no such thing"):
        check(folder, clean=False)


@pytest.mark.slow
def test_what_cannot_be_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    card = "---\nsdk: gradio\nsdk_version: 0.0.1\n---\n"
    with pytest.raises(SpaceError, match="the Space fails to install: ERROR: No matching distribution found for"):
        check(broken(tmp_path, {"README.md": card, "requirements.txt": "no-such-package-at-all==1"}))


def test_only_a_space_is_checked(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=f"there is no Space in {tmp_path}"):
        check(tmp_path)


def test_secrets_and_settings_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "OPENAI_API_KEY", "PYTHONPATH", "AUDIOPROMPT_STORE", "SPACE_ID", "GRADIO_SERVER_NAME"):
        monkeypatch.setenv(name, "mine")
    assert "mine" not in _elsewhere().values()


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("Traceback\n  File x\nValueError: bad\n\n", "ValueError: bad"),
        ("ERROR: no\n[notice] A new release of pip", "ERROR: no"),
        ("", "no error output"),
    ],
)
def test_the_line_that_says_why(log: str, line: str) -> None:
    assert _last_line(log) == line
