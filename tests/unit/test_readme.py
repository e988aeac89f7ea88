"""The documents' shell lines, run one after the other as they stand, by somebody who has a recording."""

import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.serving import ROOT

READ = ("shell", "python", "publishing", "models")


def blocks() -> list[str]:
    """The blocks of shell lines, in the order in which they are read."""
    texts = [path.read_text() for path in (ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in READ))]
    return [block for text in texts for block in re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)]


def lines(block: str) -> list[list[str]]:
    return [words for line in block.splitlines() if (words := shlex.split(line, comments=True))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "recording.wav").write_bytes((ROOT / "assets" / "examples" / "dog.ogg").read_bytes())
    return tmp_path


@contextmanager
def start(words: list[str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    environment |= {"AUDIOPROMPT_STORE": str(folder / "store"), "AUDIOPROMPT_CACHE": str(folder / "cache")}
    environment |= {"PYTHONPATH": str(ROOT), "BROWSER": "true", "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
    assert words[0] == "audioprompt"
    command = [sys.executable, "-m", *words]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_every_make_target_exists() -> None:
    targets = [words[1] for block in blocks() for words in lines(block) if words[0] == "make"]
    assert {"app", "test"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target


@pytest.mark.slow
def test_the_shell_s_lines_run_in_sequence(folder: Path) -> None:
    here = [block for block in blocks() if "-m venv" not in block]  # or they are for another environment
    run = {tuple(words): None for block in here for words in lines(block) if words[0] == "audioprompt"}
    lines_to_run = [[*words] for words in run if "--weights" not in words]
    assert len(lines_to_run) >= 10
    for words in lines_to_run:
        with start(words, folder) as process:
            if words[1] != "app":
                said, _ = process.communicate()
                assert process.returncode == 0, f"{shlex.join(words)}: {said}"
                continue
            assert process.stdout is not None
            said = "".join(iter_until(process, "stop with Ctrl+C"))
            process.terminate()
            process.communicate()
            assert "http://127.0.0.1:" in said, said
    assert (folder / "mine.csv").is_file() and (folder / "my-space" / "app.py").is_file()


def iter_until(process: subprocess.Popen[str], words: str) -> list[str]:
    """What a process says, up to the line with some words or its end."""
    said: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        if words in line:
            break
    return said


@pytest.mark.slow
def test_lines_with_weights_say_what_is_missing(folder: Path) -> None:
    for words in [words for block in blocks() for words in lines(block) if "--weights" in words and "app" not in words]:
        with start(words, folder) as process:
            said, _ = process.communicate()
        assert process.returncode == 1 and "CLAP_weights_2023.pth" in said and "Traceback" not in said


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_the_readme_s_example_in_python(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / name).read_text("utf-8"), flags=re.DOTALL)
    monkeypatch.chdir(folder)
    found: dict[str, Any] = {}
    exec(compile(code, name, "exec"), found)
    assert "dog bark" in found["heard"].words


def facts(text: str) -> list[Counter[str]]:
    """What a document says in any language: its numbers, what is code, and where it leads to."""
    text = re.sub(r"^---\n.*?^---\n", "", text, flags=re.DOTALL | re.MULTILINE)  # what the hub reads
    text = re.sub(r"  # .*", "", text)  # comments behind code
    links = Counter(link.replace(".zh", "") for link in re.findall(r"\]\(([^)]+)\)", text))
    code = Counter(re.findall(r"```.*?```|`[^`]+`", text, flags=re.DOTALL))
    return [Counter(re.findall(r"\d+(?:\.\d+)*", text)), code, links]


@pytest.mark.parametrize("name", ["README", "docs/concepts"])
def test_the_document_in_chinese_says_what_the_english_one_says(name: str) -> None:
    english, chinese = ((ROOT / f"{name}{language}.md").read_text("utf-8") for language in ("", ".zh"))
    assert facts(chinese) == facts(english)
    headings = [re.findall(r"^#+ ", text, re.MULTILINE) for text in (chinese, english)]
    assert headings[0] == headings[1]


def test_every_link_leads_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    links = [(path, link) for path in documents for link in re.findall(r"\]\(([^)#]+)", path.read_text("utf-8"))]
    here = [(path, link) for path, link in links if "://" not in link]
    assert len(here) > 30
    assert [f"{path.name}: {link}" for path, link in here if not (path.parent / link).exists()] == []
