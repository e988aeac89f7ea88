"""What stays on the disk: nothing of processes that were killed, nor of what nobody uses."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from audioprompt.data import DataError, LabelledClips
from audioprompt.server import access, limits, sessions, temporary
from tests.serving import ROOT

# --- processes that were killed ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_folder_of_a_killed_process_goes_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    code = "from audioprompt.server import temporary; print(temporary.folder(), flush=True); input()"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    (folder / "clips").mkdir()
    assert folder.parent == tmp_path and temporary.sweep_leftovers(tmp_path) == []
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert folder.is_dir(), "a killed process tidies up nothing"
    assert temporary.sweep_leftovers(tmp_path) == [folder] and not folder.exists()


def test_folders_without_a_lock_go_after_a_day(tmp_path: Path) -> None:
    old, young, other = (tmp_path / name for name in ("audioprompt-clips-old", "audioprompt-young", "somebody-else"))
    for folder in (old, young, other):
        folder.mkdir()
    for folder in (old, other):
        os.utime(folder, (0, 0))
    assert temporary.sweep_leftovers(tmp_path) == [old]
    assert young.is_dir() and other.is_dir()


# --- what a visitor keeps ---------------------------------------------------------------------------------------------


@pytest.fixture
def visitor(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A visitor of a public page, and what `open_clips` is asked for on their behalf."""
    monkeypatch.setattr(access, "is_curator", lambda request: False)
    monkeypatch.setattr(sessions, "BYTES", 1_000)
    return SimpleNamespace(session_hash="session", request=SimpleNamespace(scope={}))


def test_what_is_unpacked_counts_for_the_whole_session(visitor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def note(where: str, into: Path, **options: Any) -> LabelledClips:
        asked.append({"into": into, **options})
        return LabelledClips((), (), name=where)

    monkeypatch.setattr(sessions, "open_clips", note)
    own = sessions.own_folder(visitor)
    assert own is not None
    sessions.clips_named("hf:owner/name", visitor)
    assert asked[0]["into"] == own / "clips" and asked[0]["most_bytes"] == 1_000, "fetched into the session's folder"
    (own / "clips").mkdir(parents=True)
    (own / "clips" / "one.wav").write_bytes(bytes(400))
    sessions.clips_named("hf:owner/other", visitor)
    assert asked[1]["most_bytes"] == 600
    (own / "clips" / "two.wav").write_bytes(bytes(600))
    with pytest.raises(DataError, match="Visitors keep at most 0 MB of clips"):
        sessions.clips_named("hf:owner/third", visitor)


def test_a_disk_without_room_takes_no_clips(visitor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "full", lambda: True)
    with pytest.raises(DataError, match="out of disk space"):
        sessions.clips_named("hf:owner/name", visitor)


@pytest.mark.parametrize("filled", ["arrived", "kept"])
def test_uploads_need_room_where_they_arrive_and_where_they_are_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, filled: str
) -> None:
    (tmp_path / "kept").mkdir()
    monkeypatch.setattr(limits.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "kept"))
    free = {tmp_path: limits.MIN_FREE_BYTES, tmp_path / "kept": limits.MIN_FREE_BYTES}
    monkeypatch.setattr(limits.shutil, "disk_usage", lambda place: SimpleNamespace(free=free[Path(place)]))
    assert not limits.full()
    free[tmp_path if filled == "arrived" else tmp_path / "kept"] -= 1
    assert limits.full()
