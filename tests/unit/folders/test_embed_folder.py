"""A folder of embeddings: made shard by shard, gone on with after a kill, the same on one machine and on Ray."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from safetensors.numpy import load_file

from audioprompt.cli.folder import HowFar
from audioprompt.data.recordings import FoundFile, find_files
from audioprompt.services.folders import shards as module
from audioprompt.services.folders.embed import embed_shards
from audioprompt.services.folders.shards import EmbedError, Shard, plan, read_manifest
from tests.fakes import HUM, RATE, WHISTLE, FakeModel, tone
from tests.unit.test_cli import CountingModel, model, run, sounds, store  # noqa: F401, fixtures


def write(path: Path, hertz: float, seconds: float = 2.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(hertz, seconds), RATE)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ten recordings, of which one is broken, in shards of at most three."""
    monkeypatch.setattr(module, "MAX_RECORDINGS", 3)
    for number in range(9):
        write(tmp_path / f"in/{number}.wav", (HUM, WHISTLE)[number % 2], 1.0 + number)
    (tmp_path / "in/bad.wav").write_text("no sound")
    return tmp_path / "in"


def make(source: Path, out: Path, heard: FakeModel | None = None) -> list[Shard]:
    """Embed what is missing; the shards that were made."""
    heard = heard or FakeModel()
    missing = [shard for shard in plan(out, source, find_files([source], source), heard) if not shard.done(out)]
    assert len(list(embed_shards(heard, missing, out))) == sum(len(shard.files) for shard in missing)
    return missing


def test_shards_hold_what_is_heard(source: Path, tmp_path: Path) -> None:
    made = make(source, tmp_path / "out")
    assert [[file.name for file in shard.files] for shard in made] == [
        ["0.wav", "1.wav", "2.wav"],
        ["3.wav", "4.wav", "5.wav"],
        ["6.wav", "7.wav", "8.wav"],
        ["bad.wav"],
    ]
    first = load_file(tmp_path / "out/shard-00000.safetensors")
    assert first["counts"].tolist() == [1, 1, 2] and first["seconds"].tolist() == [1, 2, 3]
    assert first["windows"].argmax(axis=1).tolist() == [0, 1, 0, 0]  # hum, whistle, and two windows of a hum
    assert first["starts"].tolist() == [0, 0, 0, 1]
    assert list(made[-1].failed(tmp_path / "out")) == ["bad.wav"]
    manifest = read_manifest(tmp_path / "out")
    assert (manifest["model"], manifest["revision"], manifest["source"]) == ("fake", "1", "../in")


def test_only_what_is_new_or_changed_is_made(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(source, out)
    assert make(source, out) == []
    write(source / "4.wav", HUM, 3.0)
    write(source / "new.wav", HUM)
    (source / "8.wav").unlink()
    (source / "bad.wav").unlink()
    made = make(source, out)
    assert [(shard.number, [file.name for file in shard.files]) for shard in made] == [
        (1, ["3.wav", "4.wav", "5.wav"]),
        (2, ["6.wav", "7.wav"]),
        (4, ["new.wav"]),
    ]
    assert not (out / "shard-00003.safetensors").exists()


@pytest.mark.parametrize("damage", [b"", b"x", b"\xff" * 100])
def test_a_damaged_shard_is_made_again(source: Path, tmp_path: Path, damage: bytes) -> None:
    make(source, tmp_path / "out")
    (tmp_path / "out/shard-00001.safetensors").write_bytes(damage)
    assert [shard.number for shard in make(source, tmp_path / "out")] == [1]


def test_another_model_is_told(source: Path, tmp_path: Path) -> None:
    make(source, tmp_path / "out")
    other = FakeModel()
    other.revision = "2"
    with pytest.raises(EmbedError, match="changed: revision"):
        make(source, tmp_path / "out", other)


def test_a_full_disk_keeps_the_shards_before(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(tensors: Any, path: Path, metadata: Any) -> None:
        if "00002" in path.name:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(tensors, path, metadata)

    save = module.save_file
    monkeypatch.setattr(module, "save_file", fail)
    with pytest.raises(EmbedError, match=r"No space left.*make room and give the same command again"):
        make(source, tmp_path / "out")
    assert not list((tmp_path / "out").glob(".*"))
    monkeypatch.undo()
    monkeypatch.setattr(module, "MAX_RECORDINGS", 3)
    assert 2 in [shard.number for shard in make(source, tmp_path / "out")]


def test_the_command(model: CountingModel, store: Any, sounds: Path) -> None:
    first = run("embed", ".", "--out", "../out")
    assert "Written to ../out: 4 recordings in 1 shard." in first.stderr
    assert "1 recording could not be used: ../out/failed.csv says why" in first.stderr
    assert "broken.wav holds no audio" in (sounds.parent / "out/failed.csv").read_text()
    heard = model.windows_heard
    assert "4 of 4 recordings were embedded before" in run("embed", ".", "--out", "../out").stderr
    assert model.windows_heard == heard


def test_nothing_but_broken_recordings(model: CountingModel, store: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.wav").touch()
    result = run("embed", tmp_path / "in", "--out", tmp_path / "out")
    assert result.exit_code == 1 and "Not one recording can be used. a.wav is empty" in result.stderr


def test_what_can_be_read_by_now_is_made_though_it_has_not_changed(
    model: CountingModel, store: Any, sounds: Path
) -> None:
    """As a recording that nobody was allowed to read, or on a drive that was away."""
    good = (sounds / "hum.wav").read_bytes()
    (sounds / "broken.wav").write_bytes(b"?" * len(good))
    status = (sounds / "broken.wav").stat()
    assert "1 recording could not be used" in run("embed", ".", "--out", "../out").stderr
    (sounds / "broken.wav").write_bytes(good)
    os.utime(sounds / "broken.wav", ns=(status.st_atime_ns, status.st_mtime_ns))
    again = run("embed", ".", "--out", "../out").stderr
    assert "embedded before" not in again and "could not be used" not in again
    assert load_file("../out/shard-00000.safetensors")["counts"].tolist() == [5, 1, 1, 1]


def test_only_what_is_written_counts_as_done(
    model: CountingModel, store: Any, sounds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(way: HowFar, file: FoundFile) -> None:
        tell(way, file)
        raise KeyboardInterrupt  # once the first is heard

    tell = HowFar.tell
    monkeypatch.setattr(HowFar, "tell", stop)
    assert "Stopped: 0 of 4 recordings are done" in run("embed", ".", "--out", "../out").stderr
    monkeypatch.setattr(module, "MAX_RECORDINGS", 1)
    assert "Stopped: 1 of 4 recordings are done" in run("embed", ".", "--out", "../small").stderr
    assert len(list(Path("../small").glob("shard-*"))) == 1


# --- kills ------------------------------------------------------------------------------------------------------------

SMALL = """
import sys
from audioprompt.services.folders import shards
shards.MAX_RECORDINGS = 4
from audioprompt.cli import app
app(sys.argv[1:])
"""


def start(*arguments: str, cwd: Path) -> "subprocess.Popen[str]":
    """The command with small shards."""
    command = [sys.executable, "-c", SMALL, "embed", *arguments]
    return subprocess.Popen(command, cwd=cwd, stderr=subprocess.PIPE, text=True)


def same(one: Path, two: Path) -> None:
    """Both folders hold the same to 1e-5."""
    names = sorted(path.name for path in one.glob("shard-*"))
    assert names and names == sorted(path.name for path in two.glob("shard-*"))
    for name in names:
        first, second = load_file(one / name), load_file(two / name)
        for tensor, values in first.items():
            np.testing.assert_allclose(values, second[tensor], atol=1e-5)
    assert (one / "failed.csv").read_text() == (two / "failed.csv").read_text()
    assert json.loads((one / "manifest.json").read_text()) == json.loads((two / "manifest.json").read_text())


@pytest.fixture
def many(tmp_path: Path) -> Path:
    for number in range(20):
        write(tmp_path / f"in/{number:02}.wav", (HUM, WHISTLE)[number % 2], 6.0 + number)
    (tmp_path / "in/bad.wav").write_text("no sound")
    process = start("in", "--out", "whole", cwd=tmp_path)
    assert process.wait() == 0, process.stderr and process.stderr.read()
    return tmp_path


@pytest.mark.slow
def test_killed_and_started_again(many: Path) -> None:
    process = start("in", "--out", "killed", cwd=many)
    while process.poll() is None and len(list((many / "killed").glob("shard-*"))) < 2:
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = {path.name: path.stat().st_mtime_ns for path in (many / "killed").glob("shard-*")}
    assert 2 <= len(kept) < 6
    again = start("in", "--out", "killed", cwd=many)
    assert again.wait() == 0 and again.stderr
    assert "recordings were embedded before" in again.stderr.read()
    assert kept.items() <= {path.name: path.stat().st_mtime_ns for path in (many / "killed").glob("shard-*")}.items()
    same(many / "whole", many / "killed")


@pytest.mark.slow
def test_on_ray_a_worker_is_killed(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray.data", reason="Ray is an extra: pip install 'audioprompt[ray]'")
    psutil = pytest.importorskip("psutil")
    monkeypatch.setenv("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    process = start("in", "--out", "shared", "--ray", cwd=many)
    workers: list[Any] = []
    while process.poll() is None and not (workers and list((many / "shared").glob("shard-*"))):
        below = psutil.Process(process.pid).children(recursive=True)
        workers = [one for one in below if "ShardWorker" in one.name() or "ShardWorker" in " ".join(one.cmdline())]
    assert process.poll() is None and len(workers) >= 2, process.stderr and process.stderr.read()
    workers[0].kill()
    assert process.wait() == 0, process.stderr and process.stderr.read()
    same(many / "whole", many / "shared")
