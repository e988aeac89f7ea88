"""Folders as nobody wants them: names that are no text, pipes, files that come, go and grow, and full disks."""

import csv
import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas
import pytest

from audioprompt.api.endpoints import _plain
from audioprompt.data import DataError, open_clips
from audioprompt.data.recordings import FoundFile, find_files
from audioprompt.server.context import IN_PROCESS
from audioprompt.services.folders.classify import Row, classify_files, missing, note, rows_of
from audioprompt.services.folders.explore import explore
from audioprompt.services.folders.journal import Journal
from audioprompt.ui import charts
from audioprompt.ui.components import explore as view
from audioprompt.ui.tabs.explore import listen
from tests.fakes import HUM, WHISTLE, tone
from tests.unit.folders.test_classify_folder import answers, question, write
from tests.unit.test_cli import CountingModel, model, run, store  # noqa: F401, fixtures

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")

NAMES = [
    *("new\nline.wav", "cr\r\ttab.wav", "rtl\u202egnp.wav", "zero\u200bwidth.wav", "日本語 録音.wav", "بوم.wav"),
    *("emoji🎵.wav", "=cmd|calc.wav", "a" * 246 + ".wav", "--labels.wav", "#hash?.wav", "back\\slash.wav"),
    *("<img src=x>.wav", "esc\x1b[31mred.wav", "NFD e\u0301.wav", "NFC \u00e9.wav", 'semi; comma,"q.wav', "UPPER.WAV"),
    *map(os.fsdecode, (b"\xff.wav", b"caf\xe9 \xf0\x9f.wav", b"dir\xfe/x.wav")),
]


def as_written(name: str) -> str:
    """A name of the disk as a table has it."""
    return name.encode("utf-8", "backslashreplace").decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    write(folder / "one.wav", tone(HUM, 1.0))
    for name in NAMES:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).hardlink_to(folder / "one.wav")
    (folder / "one.wav").unlink()
    return folder


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "parquet"])
def test_every_name_is_in_every_table(
    ending: str, folder: Path, model: CountingModel, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    out = folder.parent / f"out.{ending}"
    result = run("classify", ".", "--pack", "plain", "--out", out)
    assert result.exit_code == 0 and f"{len(NAMES)} recordings, of which 0 could not be named" in result.stderr
    match ending:
        case "csv":
            rows = list(csv.DictReader(out.open(encoding="utf-8", newline="")))
        case "parquet":
            rows = pandas.read_parquet(out).to_dict("records")
        case "json":
            rows = orjson.loads(out.read_bytes())  # which takes no half of a letter
        case _:
            rows = list(map(orjson.loads, out.read_bytes().splitlines()))
    found = [row["file"].removeprefix("'") if ending == "csv" else row["file"] for row in rows]
    assert sorted(found) == sorted(map(as_written, NAMES))
    assert {row["answer"] for row in rows} == {"hum"}
    again = run("classify", ".", "--pack", "plain", "--out", out)
    assert f"{len(NAMES)} of {len(NAMES)} recordings were heard before" in again.stderr


def test_every_name_goes_to_the_page_and_the_api(folder: Path) -> None:
    explored = explore(question(), find_files([folder], folder))
    places = charts.sound_map(explored.places, explored.folder.names, explored.clusters, explored.titles)
    players = [view.player(explored, number) for number in range(len(NAMES))]
    shown = [view.table(explored), view.selection(explored, range(len(NAMES))), *players, places]
    assert orjson.dumps(shown, option=orjson.OPT_SERIALIZE_NUMPY)
    rows = json.loads(orjson.dumps(_plain([vars(row) for row in explored.rows])))
    assert sorted(row["file"] for row in rows) == sorted(map(as_written, NAMES))


def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    write(tmp_path / "hum.wav", tone(HUM, 1.0))
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "link.wav").symlink_to("pipe.wav")
    assert [file.name for file in find_files([tmp_path], tmp_path)] == ["hum.wav"]
    assert [file.name for file in find_files([tmp_path / "pipe.wav"], tmp_path)] == ["pipe.wav"]  # somebody wants it


def test_linked_folders_are_looked_through_once(tmp_path: Path) -> None:
    """As in a data set that was put together of links to the folders of others."""
    for name in ("set/dog/a", "set/cat/b", "elsewhere/c", "elsewhere/deep/d"):
        write(tmp_path / f"{name}.wav", tone(HUM, 1.0))
    for name, target in {
        "set/bird": "elsewhere",
        "set/dog/up": ".",
        "set/dog/beside": "set/cat",
        "set/cat/again": "elsewhere/deep",
        "elsewhere/deep/round": "elsewhere",
        "elsewhere/deep/back": "set/dog",
    }.items():
        (tmp_path / name).symlink_to(tmp_path / target, target_is_directory=True)
    expected = ["bird/c.wav", "bird/deep/d.wav", "cat/b.wav", "dog/a.wav"]
    assert [file.name for file in find_files([tmp_path / "set"], tmp_path / "set")] == expected
    clips = open_clips(str(tmp_path / "set"))
    assert clips.classes == ("bird", "cat", "dog") and len(clips) == 4


def test_files_that_go_and_grow_and_come_while_others_are_heard(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    for name in ("first", "goes", "grows", "shrinks", "turns"):
        write(inside / f"{name}.wav", tone(HUM, 4.0))
    files = find_files([inside], inside)

    def change() -> None:
        (inside / "goes.wav").unlink()
        write(inside / "grows.wav", tone(WHISTLE, 9.0))
        write(inside / "comes.wav", tone(WHISTLE, 1.0))
        os.truncate(inside / "shrinks.wav", 30)
        (inside / "turns.wav").unlink()
        (inside / "turns.wav").mkdir()

    def heard() -> "list[tuple[FoundFile, Row]]":
        return list(classify_files(question(), left))

    with Journal(tmp_path / "journal", question().as_dict()) as journal:
        left = missing(journal, files)
        change()
        for file, row in heard():
            note(journal, file, row)
        rows = {row.file: row for row in rows_of(journal, files)}
        assert set(rows) == {file.name for file in files}
        assert rows["first.wav"].answer == "hum" and rows["grows.wav"].answer == "whistle"
        assert "goes.wav does not exist" in rows["goes.wav"].error
        assert "shrinks.wav holds no" in rows["shrinks.wav"].error and "is a folder" in rows["turns.wav"].error
        files = find_files([inside], inside)
        left = missing(journal, files)
        assert {file.name for file in left} == {"comes.wav", "grows.wav", "shrinks.wav"}
        for file, row in heard():
            note(journal, file, row)
        assert {row.file: row.seconds for row in rows_of(journal, files)} == {
            **{"comes.wav": 1, "first.wav": 4, "grows.wav": 9, "shrinks.wav": None}
        }


def test_a_file_that_is_cut_while_it_is_heard(tmp_path: Path) -> None:
    write(tmp_path / "long.wav", np.tile(tone(HUM, 2.0), 200))
    write(tmp_path / "other.wav", tone(HUM, 2.0))

    def cut(under_way: Any) -> None:
        os.truncate(tmp_path / "long.wav", 50_000)

    rows = {row.file: row for _, row in classify_files(question(), find_files([tmp_path], tmp_path), cut)}
    assert rows["other.wav"].answer == "hum" and (rows["long.wav"].answer == "hum" or rows["long.wav"].error)


def test_unreadable_among_good_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("a", "secret", "z")
    for name in names:
        write(tmp_path / f"{name}.wav", tone(HUM, 1.0))
    (tmp_path / "zero.wav").touch()
    opened = Path.open

    def guarded(path: Path, *how: Any, **more: Any) -> Any:  # root may read everything
        if path.name == "secret.wav":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path, *how, **more)

    monkeypatch.setattr(Path, "open", guarded)
    found = answers(tmp_path)
    assert {name: row.answer for name, row in found.items()} == {
        **{"a.wav": "hum", "secret.wav": "", "z.wav": "hum", "zero.wav": ""}
    }
    assert "secret.wav cannot be read (Permission denied)" in found["secret.wav"].error


# --- a full disk ------------------------------------------------------------------------------------------------------

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
from audioprompt.cli import app
app(prog_name="audioprompt")
"""


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_disk_that_is_full_before_all_are_done(ending: str, tmp_path: Path) -> None:
    for number in range(30):
        write(tmp_path / "in" / f"{number:02}.wav", tone(HUM, 0.5))
    out = tmp_path / f"out.{ending}"
    out.write_text("of before")
    arguments = ["classify", "in", "--labels", "hum, rain", "--out", str(out)]
    full = subprocess.run(
        [sys.executable, "-c", LIMITED, "4000", *arguments], cwd=tmp_path, capture_output=True, text=True
    )
    assert full.returncode == 1 and "Traceback" not in full.stderr
    assert re.search(r"File too large.*Done and kept: [1-9]\d* recordings?\. Make room", full.stderr, re.DOTALL)
    assert out.read_text() == "of before"
    done = subprocess.run(
        [sys.executable, "-m", "audioprompt", *arguments], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0 and "of 30 recordings were heard before" in done.stderr
    rows = pandas.read_csv(out) if ending == "csv" else pandas.read_parquet(out)
    assert list(rows.file) == [f"in/{number:02}.wav" for number in range(30)]


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "parquet"])
def test_a_disk_that_is_full_when_the_table_is_written(ending: str, tmp_path: Path) -> None:
    script = f"""
import resource
from pathlib import Path
from audioprompt.services.folders.classify import Row
from audioprompt.services.folders.tables import write_table
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
write_table(Path("out.{ending}"), (Row(f"{{number}}.wav", answer="hum") for number in range(20_000)))
"""
    (tmp_path / f"out.{ending}").write_text("of before")
    full = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert f"TableError: out.{ending} cannot be written" in full.stderr and "Make room" in full.stderr
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(f"out.{ending}", "of before")]


def test_a_disk_that_is_full_when_a_folder_is_uploaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.wav", tone(HUM, 1.0))

    def full(source: Path, place: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(listen.shutil, "copyfile", full)
    with pytest.raises(DataError, match=r"a\.wav cannot be kept \(No space left on device\): make room"):
        listen._take([str(tmp_path / "a.wav")], tmp_path, IN_PROCESS)
