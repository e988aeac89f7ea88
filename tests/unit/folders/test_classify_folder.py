"""A folder as a stream: a row for every recording whatever it is, and a kill that costs nothing."""

import csv
import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import soundfile

from audioprompt.data.recordings import find_files
from audioprompt.data.tables import DataError
from audioprompt.encoding.stream import stream_clips
from audioprompt.models.embedded import EmbeddedModel
from audioprompt.prompts.template import as_templates
from audioprompt.services.folders.classify import (
    Question,
    Row,
    classify_files,
    journal_beside,
    missing,
    note,
    rows_of,
)
from audioprompt.services.folders.journal import Journal, JournalError
from audioprompt.services.folders.tables import TableError, write_table
from tests.fakes import HUM, RATE, WHISTLE, FakeModel, tone, zip_of_tones
from tests.unit.test_cli import CountingModel, json_of, model, run, sounds, store  # noqa: F401, fixtures

NAMES = ["hum.wav", "a hum.wav", "дом.wav", "鳥/啼き声.wav", "بوم.wav", "=1+1.wav", "line\nbreak.wav", "a,b;\"c'.wav"]


def question(labels: tuple[str, ...] = ("hum", "whistle")) -> Question:
    return Question(FakeModel(), labels, as_templates(["the sound of {}", "{}"]))


def answers(folder: Path) -> dict[str, Row]:
    return {file.name: row for file, row in classify_files(question(), find_files([folder], folder))}


def write(path: Path, *parts: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.concatenate(parts), RATE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Good recordings under names of any script, and among them what is none."""
    folder = tmp_path / "night"
    for name in NAMES:
        write(folder / name, tone(HUM, 2.0))
    write(folder / "late.wav", tone(HUM, 2.0), tone(WHISTLE, 6.0))
    write(folder / "silent.wav", np.zeros(RATE))
    write(folder / "click.wav", tone(HUM, 0.05))
    (folder / "empty.wav").touch()
    (folder / "text.mp3").write_text("no sound")
    (folder / "cut.wav").write_bytes((folder / "hum.wav").read_bytes()[:60])
    (folder / "link.wav").symlink_to("nowhere")
    (folder / "notes.txt").write_text("not a recording")
    (folder / ".hidden.wav").touch()
    return folder


def test_every_recording_gets_a_row(folder: Path) -> None:
    found = answers(folder)
    assert {found[name].answer for name in NAMES} == {"hum"}
    late = found["late.wav"]
    assert (late.answer, late.seconds, late.start, late.end) == ("whistle", 8.0, 2.0, 4.0)
    for name, reason in {
        "silent.wav": "is silent",
        "click.wav": "is shorter than 0.1 seconds",
        "empty.wav": "is empty",
        "text.mp3": "holds no audio",
        "link.wav": "does not exist",
    }.items():
        assert reason in found[name].error and name in found[name].error and not found[name].answer
    assert not {"notes.txt", ".hidden.wav"} & set(found)


def test_a_folder_without_recordings_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no recordings"):
        find_files([tmp_path])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_names_that_are_no_text(tmp_path: Path) -> None:
    write(tmp_path / "x.wav", tone(HUM, 1.0))
    (tmp_path / "x.wav").rename(tmp_path / os.fsdecode(b"\xff.wav"))
    (row,) = answers(tmp_path).values()
    for ending in ("csv", "json", "jsonl", "parquet"):
        write_table(tmp_path / f"table.{ending}", [row])
        assert b"hum" in (tmp_path / f"table.{ending}").read_bytes()


@pytest.mark.parametrize(
    ("ending", "read"),
    [
        (".csv", lambda path: pandas.read_csv(path).to_dict("records")),
        (".json", lambda path: json.loads(path.read_text("utf-8"))),
        (".jsonl", lambda path: [json.loads(line) for line in path.read_text("utf-8").splitlines()]),
        (".parquet", lambda path: pandas.read_parquet(path).to_dict("records")),
    ],
)
def test_tables(ending: str, read: Callable[[Path], Any], folder: Path) -> None:
    rows = [row for _, row in sorted(answers(folder).items())]
    write_table(folder / f"out{ending}", rows)
    found = read(folder / f"out{ending}")
    assert [one["file"].strip("'") for one in found] == [row.file for row in rows]
    late = next(one for one in found if one["file"] == "late.wav")
    assert (late["answer"], late["start"], late["probability"]) == ("whistle", 2.0, pytest.approx(0.998, abs=0.001))
    formula = next(one["file"] for one in found if "1+1" in one["file"])
    assert formula == ("'=1+1.wav" if ending == ".csv" else "=1+1.wav")


def test_an_answer_does_not_depend_on_those_beside_it(tmp_path: Path) -> None:
    rng, model = np.random.default_rng(0), EmbeddedModel()
    for number, seconds in enumerate((1, 5, 5, 12, 30)):
        write(tmp_path / f"{number}.wav", rng.normal(0, 0.1, seconds * RATE).cumsum().clip(-1, 1))
    write(tmp_path / "silent.wav", np.zeros(RATE, np.float32))
    asked = Question(model, ("wind", "rain", "waterfall", "dog bark"), as_templates(["the sound of {}", "{}"]))
    heard = list(stream_clips(model, find_files([tmp_path], tmp_path)))
    rows = asked.answers(heard)
    assert rows == [row for one in heard for row in asked.answers([one])]
    by_themselves = [row for one in heard for _, row in classify_files(asked, [one.file])]
    assert rows == by_themselves, "nor on those that are heard in the same pass"
    assert asked.answers([]) == []
    judging = asked._recogniser
    assert judging and len({row.file for row in rows if row.answer}) == 5
    for one, row in zip(heard, rows, strict=True):
        if one.clip and row.answer:
            each = judging.judge_each(one.clip.heard, asked.labels)
            assert row.heard == tuple(label.label for label in each if label.heard)
            assert row.known == judging.judge(one.clip.pooled).known


def test_other_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"Give one of .csv, .json, .jsonl, .parquet"):
        write_table(tmp_path / "table.docx", [])


# --- the journal ------------------------------------------------------------------------------------------------------


def test_a_journal_goes_on_after_any_byte(tmp_path: Path) -> None:
    """Killed at any moment, it keeps every whole line, and never half a one."""
    whole, asked = tmp_path / "whole", {"labels": ["a"]}
    with Journal(whole, asked) as journal:
        for key in "xyz":
            journal.add(key, {"n": key}, {"said": key * 3})
    content = whole.read_bytes()
    for length in range(len(content)):
        cut = tmp_path / f"cut{length}"
        cut.write_bytes(content[:length])
        with Journal(cut, asked) as journal:
            kept = [key for key in "xyz" if journal.marks(key)]
            assert kept == list("xyz")[: max(content[:length].count(b"\n") - 1, 0)]
            journal.add("w", {}, {"said": "more"})
            assert [journal.answer(key)["said"] for key in [*kept, "w"]] == [*(key * 3 for key in kept), "more"]


def test_a_changed_question_is_told(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", question().as_dict()), pytest.raises(JournalError, match="another process"):
        Journal(tmp_path / "j", question().as_dict())
    with pytest.raises(JournalError, match=r"another question \(changed: labels\).*--restart"):
        Journal(tmp_path / "j", question(("hum", "rain")).as_dict())
    (tmp_path / "k").write_text("somebody's notes\n")
    with pytest.raises(JournalError, match="not a journal"):
        Journal(tmp_path / "k", {})
    assert (tmp_path / "k").read_text() == "somebody's notes\n"


def test_what_has_changed_is_heard_again(folder: Path, tmp_path: Path) -> None:
    files = find_files([folder], folder)
    with Journal(tmp_path / "j", question().as_dict()) as journal:
        for file, row in classify_files(question(), files):
            note(journal, file, row)
        unread = {"empty.wav", "text.mp3", "link.wav"}
        assert unread <= {file.name for file in missing(journal, files)} <= unread | {"cut.wav"}
        write(folder / "hum.wav", tone(WHISTLE, 3.0))
        write(folder / "new.wav", tone(WHISTLE, 1.0))
        (folder / "late.wav").unlink()
        files = find_files([folder], folder)
        left = missing(journal, files)
        assert {"hum.wav", "new.wav"} <= {file.name for file in left}
        for file, row in classify_files(question(), left):
            note(journal, file, row)
        rows = {row.file: row.answer for row in rows_of(journal, files)}
    assert rows["hum.wav"] == rows["new.wav"] == "whistle" and "late.wav" not in rows


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal(tmp_path / "j", {}) as journal:
        journal.add("x", {}, {"said": 1})

        class Full:
            def __init__(self, file: Any) -> None:
                self.file = file

            def __getattr__(self, name: str) -> Any:
                return getattr(self.file, name)

            def write(self, content: bytes) -> int:
                if len(content) > 20:
                    return int(self.file.write(content[:5]))
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(journal, "_out", Full(journal._out))
        with pytest.raises(JournalError, match=r"No space left.*Done and kept: 1 recording\. Make room"):
            journal.add("y", {}, {"said": 2})
    with Journal(tmp_path / "j", {}) as journal:
        assert len(journal) == 1 and journal.answer("x") == {"said": 1}


# --- the command ------------------------------------------------------------------------------------------------------


def test_what_reads_is_given_back_before_anything_is_heard(
    model: CountingModel, store: Any, sounds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[tuple[int, int]] = []
    forget = lambda: known.append((len(model.texts_read), model.windows_heard))  # noqa: E731
    monkeypatch.setattr(model, "forget_text", forget, raising=False)
    assert run("classify", ".", "--pack", "plain", "--out", sounds.parent / "results.csv").exit_code == 0
    assert known == [(len(model.texts_read), 0)] and model.windows_heard


def test_the_command(model: CountingModel, store: Any, sounds: Path) -> None:
    out = sounds.parent / "results.csv"
    arguments = ("classify", ".", "hum.wav", "--pack", "plain", "--out", out)
    result = run(*arguments)
    assert result.exit_code == 0 and result.stdout == ""
    assert "4 recordings, of which 1 could not be named" in result.stderr
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    assert [(row["file"], row["answer"]) for row in rows] == [
        ("both.wav", "hum"),
        ("broken.wav", ""),
        ("hum.wav", "hum"),
        ("whistle.wav", "whistle"),
    ]
    heard = model.windows_heard
    again = run(*arguments)
    assert "3 of 4 recordings were heard before" in again.stderr and model.windows_heard == heard
    assert "changed: labels" in run(*arguments, "--labels", "rain, hum").stderr
    assert run(*arguments, "--labels", "rain, hum", "--restart").exit_code == 0
    assert run(*arguments, "--json").exit_code == run(*arguments, "--together").exit_code == 2
    assert "no ending of a table" in run(*arguments[:-1], "x.doc").stderr


def test_a_zip_file_becomes_rows_as_it_does_on_the_screen(
    model: CountingModel, store: Any, sounds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIOPROMPT_CACHE", str(sounds.parent / "cache"))
    archive = zip_of_tones(sounds, each=1)
    out = sounds.parent / "results.csv"
    assert run("classify", archive, "whistle.wav", "--pack", "plain", "--out", out).exit_code == 0
    rows = csv.DictReader(out.open(encoding="utf-8"))
    assert sorted((Path(row["file"]).name, row["answer"]) for row in rows) == [
        ("0.wav", "hum"),
        ("0.wav", "whistle"),
        ("whistle.wav", "whistle"),
    ]
    assert (
        "3 of 3 recordings were heard before"
        in run(*("classify", archive, "whistle.wav", "--pack", "plain", "--out", out)).stderr
    )


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--out", "x.csv", "--events", "x"), "leave --events or --out away"),
        (("--out", "x.csv", "--format", "audacity"), "leave --events or --out away"),
        (("--restart",), "give --out as well"),
    ],
)
def test_options_of_another_way_to_write_are_refused(
    model: CountingModel, store: Any, sounds: Path, option: tuple[str, ...], said: str
) -> None:
    result = run("classify", "hum.wav", "--pack", "plain", *option)
    assert result.exit_code == 2 and said in result.stderr and not Path("x.csv").exists()


def test_what_was_heard_is_forgotten_only_where_it_is_heard_anew(
    model: CountingModel, store: Any, sounds: Path
) -> None:
    out = sounds.parent / "results.csv"
    arguments = ("classify", ".", "--pack", "plain", "--out", out)
    assert run(*arguments).exit_code == 0
    journal = journal_beside(out)
    before = journal.read_bytes()
    (sounds / "empty").mkdir()
    assert "holds no recordings" in run("classify", "empty", *arguments[2:], "--restart").stderr
    with Journal(journal, json.loads(before.splitlines()[0])["question"]):
        assert "being written by another process" in run(*arguments, "--restart").stderr
    assert journal.read_bytes() == before
    heard = model.windows_heard
    assert run(*arguments, "--restart").exit_code == 0
    assert model.windows_heard == 2 * heard and journal.read_bytes().count(b"\n") == 5


@pytest.mark.slow
def test_killed_and_started_again(tmp_path: Path) -> None:
    """SIGKILL in the middle, twice; the table is that of a run that nobody disturbed, and nothing is heard twice."""
    for number in range(30):
        write(tmp_path / f"in/{number:02}.wav", tone((HUM, WHISTLE)[number % 2], 7.0 + number / 10))
    (tmp_path / "in/bad.wav").write_text("no sound")
    arguments = ["classify", "in", "--labels", "hum, whistle, rain", "--out"]

    def start(out: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "audioprompt", *arguments, out]
        return subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE)

    assert start("whole.csv").wait() == 0
    journal = tmp_path / ".killed.csv.journal"
    for lines in (5, 12):
        process = start("killed.csv")
        for _ in _lines_of(journal, process):
            if journal.read_bytes().count(b"\n") > lines:
                break
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (tmp_path / "killed.csv").exists()
    kept = journal.read_bytes().count(b"\n") - 1
    assert 12 <= kept < 31
    process = start("killed.csv")
    assert process.wait() == 0 and process.stderr
    assert b"of 31 recordings were heard before" in process.stderr.read()
    assert (tmp_path / "killed.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    keys = [json.loads(line)["key"] for line in journal.read_text().splitlines()[1:]]
    assert len(set(keys)) == 31 and len(keys) - keys.count("in/bad.wav") == 30


def _lines_of(journal: Path, process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Look at a journal again and again while a process writes it."""
    while process.poll() is None:
        if journal.exists():
            yield
    pytest.fail("it came to an end before it could be killed")
