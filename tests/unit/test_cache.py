"""The disk cache: bounded, shared by processes, unharmed by kills, and never a reason to fail."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.settings import cache_folder

WRITER = """
import sys
from pathlib import Path
from audioprompt.encoding.cache import EmbeddingCache
cache, name = EmbeddingCache(Path(sys.argv[1])), sys.argv[2]
for number in range(int(sys.argv[3])):
    cache.put({f"{name}-{number}": f"{name}-{number}".encode() * 1000})
    print(number, flush=True)
"""


def start_writer(folder: Path, name: str, count: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITER, str(folder), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_what_is_put_is_found_again(tmp_path: Path) -> None:
    EmbeddingCache(tmp_path).put({"a": b"1", "b": b"2"})
    assert EmbeddingCache(tmp_path).get(["b", "a", "c", "a"]) == {"a": b"1", "b": b"2"}


def test_many_keys_are_found_at_once(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    entries = {str(number): bytes([number % 256]) for number in range(2500)}
    cache.put(entries)
    assert cache.get(entries) == entries


def test_an_unused_cache_makes_no_file(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path / "cache")
    assert cache.get(["a"]) == {}
    assert cache.info().entries == 0
    assert not (tmp_path / "cache").exists()


def test_the_least_recently_used_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "time", lambda: now)
    cache = EmbeddingCache(tmp_path, limit_bytes=1000)
    for number in range(10):
        now += 10_000
        cache.put({str(number): bytes(100)})
    now += 10_000
    cache.get(["0"])  # used again, so "1" and "2" are now the oldest
    now += 10_000
    cache.put({"new": bytes(100)})
    info = cache.info()
    assert info.bytes <= 1000
    assert set(cache.get([*map(str, range(10)), "new"])) == {"0", *map(str, range(3, 10)), "new"}


def test_the_file_stays_bounded(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path, limit_bytes=1_000_000)
    for number in range(100):
        cache.put({str(number): os.urandom(50_000)})
    assert cache.info().bytes <= 1_000_000
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 10_000_000


def test_clear_removes_everything(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    cache.put({"a": b"1"})
    cache.clear()
    assert list(tmp_path.iterdir()) == []
    cache.put({"a": b"2"})
    assert cache.get(["a"]) == {"a": b"2"}


def test_several_processes_share_it(tmp_path: Path) -> None:
    writers = [start_writer(tmp_path, name, 40) for name in "abcd"]
    assert [writer.wait(timeout=900) for writer in writers] == [0, 0, 0, 0]
    expected = {f"{name}-{number}": f"{name}-{number}".encode() * 1000 for name in "abcd" for number in range(40)}
    assert EmbeddingCache(tmp_path).get(expected) == expected


@pytest.mark.slow
def test_a_kill_at_any_moment_harms_nothing(tmp_path: Path) -> None:
    written: dict[str, int] = {}
    for round_ in range(12):
        name = f"round{round_}"
        writer = start_writer(tmp_path, name, 100_000)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.003 * round_)
        writer.send_signal(signal.SIGKILL)
        lines = writer.stdout.read().split()
        writer.wait()
        written[name] = int(lines[-1]) if lines else 0
        with sqlite3.connect(tmp_path / "embeddings.sqlite") as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    cache = EmbeddingCache(tmp_path)
    for name, last in written.items():  # whatever was acknowledged is there, whole
        keys = [f"{name}-{number}" for number in range(last + 1)]
        assert cache.get(keys) == {key: key.encode() * 1000 for key in keys}


def test_a_full_disk_means_one_warning_and_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = EmbeddingCache(tmp_path)
    cache.put({"before": b"1"})
    connect = sqlite3.connect

    def full(*arguments: object, **settings: object) -> sqlite3.Connection:
        database = connect(*arguments, **settings)  # type: ignore[call-overload]
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        database.execute(f"PRAGMA max_page_count = {pages}")  # SQLite's own way to run out of room
        return database

    monkeypatch.setattr(sqlite3, "connect", full)
    with pytest.warns(UserWarning, match="not being cached: database or disk is full.*cache clear"):
        cache.put({"after": bytes(1_000_000)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache.put({"later": bytes(1_000_000)})
        assert cache.get(["after", "later"]) == {}


@pytest.mark.parametrize("trouble", ["a file in the folder's place", "not a database", "too long a name"])
def test_a_broken_place_means_one_warning_and_no_cache(tmp_path: Path, trouble: str) -> None:
    folder = tmp_path / ("cache" if trouble != "too long a name" else "x" * 300)
    if trouble == "not a database":
        folder.mkdir()
        (folder / "embeddings.sqlite").write_bytes(b"no database at all" * 1000)
    elif trouble == "a file in the folder's place":
        folder.write_text("in the way")
    cache = EmbeddingCache(folder)
    with pytest.warns(UserWarning, match="not being cached"):
        cache.put({"a": b"1"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache.get(["a"]) == {}


@pytest.mark.skipif(os.name == "nt", reason="Windows takes any length for no file")
def test_a_place_that_cannot_be_looked_at_means_one_warning(tmp_path: Path) -> None:
    for look in (lambda cache: cache.get(["a"]), lambda cache: cache.info()):
        with pytest.warns(UserWarning, match="not being cached"):
            look(EmbeddingCache(tmp_path / ("x" * 300)))


def test_the_entries_are_not_all_counted_for_each_that_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[str] = []
    connect = sqlite3.connect

    def listened_to(*arguments: object, **settings: object) -> sqlite3.Connection:
        database = connect(*arguments, **settings)  # type: ignore[call-overload]
        database.set_trace_callback(statements.append)
        return database

    monkeypatch.setattr(sqlite3, "connect", listened_to)
    cache = EmbeddingCache(tmp_path, limit_bytes=1_000_000)
    for number in range(100):
        cache.put({str(number): bytes(100)})
    assert sum("SUM(size)" in statement for statement in statements) < 12, "a look for each thousandth of the limit"


def test_clear_mends_a_broken_file(tmp_path: Path) -> None:
    (tmp_path / "embeddings.sqlite").write_bytes(b"no database at all" * 1000)
    cache = EmbeddingCache(tmp_path)
    with pytest.warns(UserWarning, match="not being cached"):
        cache.put({"a": b"1"})
    cache.clear()
    cache.put({"a": b"1"})
    assert cache.get(["a"]) == {"a": b"1"}


def test_the_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIOPROMPT_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("AUDIOPROMPT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform.startswith("linux"):
        assert cache_folder() == tmp_path / "audioprompt"
