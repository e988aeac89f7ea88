"""How far the work on recordings is: by what was heard of the long ones, too, and how long the rest will take."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Semaphore

import numpy as np
import pytest
import soundfile
from torch import Tensor

from audioprompt.audio.files import parts_of
from audioprompt.cli import folder as shell
from audioprompt.cli.folder import HowFar
from audioprompt.data.recordings import FoundFile, find_files
from audioprompt.encoding import stream
from audioprompt.encoding.stream import stream_clips
from audioprompt.prompts.template import as_templates
from audioprompt.services.classify import classify
from audioprompt.services.folders.classify import Question
from audioprompt.services.folders.explore import explore
from audioprompt.util.pace import Pace, say_duration
from tests.fakes import HUM, RATE, FakeModel, tone
from tests.unit.test_audio import container_bytes

WAIT = 10  # seconds, for a look that never comes


class Watched(FakeModel):
    """Hears no more than somebody looks at."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = Semaphore()

    def embed_audio(self, windows: Tensor) -> Tensor:
        self.looks.acquire(timeout=WAIT)
        return super().embed_audio(windows)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(stream, "LOOK_SECONDS", 0.0005)
    yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A long recording and a short one."""
    soundfile.write(tmp_path / "long.flac", np.tile(tone(HUM, 2), 150), RATE)
    soundfile.write(tmp_path / "short.wav", tone(HUM, 2), RATE)
    return tmp_path


def check(told: list[float]) -> None:
    """It rises, and stands still neither at the start nor at the end of the long one."""
    assert told == sorted(told)
    assert len({fraction for fraction in told if 0.05 < fraction % 1 < 0.95}) > 2


@pytest.mark.usefixtures("often")
def test_within_a_long_recording(folder: Path) -> None:
    told, model = list[float](), Watched()

    def look(under_way: Sequence[tuple[FoundFile, float]]) -> None:
        told.extend(fraction for file, fraction in under_way if file.name == "long.flac")
        model.looks.release()

    assert {heard.file.name for heard in stream_clips(model, find_files([folder], folder), look)} == {
        "long.flac",
        "short.wav",
    }
    check(told)


@pytest.mark.usefixtures("often")
def test_a_collection(folder: Path) -> None:
    told, model = list[float](), Watched()

    def progress(done: int, total: int, part: float) -> None:
        told.append(done + part)
        model.looks.release()

    explore(Question(model, ("hum", "whistle"), as_templates(["{}"])), find_files([folder], folder), progress)
    check(told)


def test_one_recording(folder: Path) -> None:
    told: list[float] = []
    classify(FakeModel(), folder / "long.flac", ["hum", "whistle"], ["{}"], tick=told.append)
    check([parts_of(folder / "long.flac")(seconds) for seconds in told])


def test_the_fraction_that_seconds_are(folder: Path) -> None:
    assert parts_of(folder / "long.flac")(150) == pytest.approx(0.5)
    assert parts_of(folder / "short.wav")(3) == 1
    (folder / "film.mp4").write_bytes(container_bytes("mp4", "aac", "mpeg4"))
    assert parts_of(folder / "film.mp4")(0.5) == pytest.approx(1 / 3, abs=0.05)
    (folder / "text.wav").write_text("no sound")
    assert parts_of(folder / "text.wav")(1) == parts_of(folder / "none.wav")(1) == 0


def test_the_shell_says_it(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "SAY_EVERY_SECONDS", -1)
    files = [FoundFile(Path(), f"{name}.wav", 100) for name in "abc"]
    shown: list[float] = []
    way = HowFar(3, files, lambda done, total: shown.append(done))
    way.look([(files[0], 0.25), (files[1], 0)])
    way.tell(files[1])
    way.look([(files[0], 0.5)])
    assert shown == [0.25, 1.5]
    assert capsys.readouterr().err.splitlines() == [
        "0 of 3 recordings and 25.0 % of a.wav.",
        "1 of 3 recordings and 50.0 % of a.wav.",
    ]


def test_time_left() -> None:
    now = [0.0]
    pace = Pace(100, clock=lambda: now[0])
    assert pace.words == ""
    now[0] = 60.0
    pace.reach(1)
    assert pace.words == ", about 2 hours left"
    pace.reach(100)
    assert pace.seconds_left == 0 and pace.words == ", less than a minute left"
    assert [say_duration(seconds) for seconds in (20, 40, 100, 4_000, 300_000)] == [
        "less than a minute",
        "about a minute",
        "about 2 minutes",
        "about 67 minutes",
        "about 3 days",
    ]
