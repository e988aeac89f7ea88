"""Recordings as a stream: asked for as they are needed, and at an end at once when anything goes wrong."""

import threading
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import soundfile
from torch import Tensor

from audioprompt.audio.files import BLOCK_FRAMES
from audioprompt.data.recordings import FoundFile, find_files
from audioprompt.encoding.encoder import embed_clip
from audioprompt.encoding.stream import AHEAD, Heard, stream_clips, stream_several
from audioprompt.prompts.template import as_templates
from audioprompt.services.folders.classify import Question, Row, classify_files
from tests.fakes import HUM, RATE, WHISTLE, FakeModel, tone

MANY, WORKERS = 80, 2


@pytest.fixture
def files(tmp_path: Path) -> list[FoundFile]:
    for number in range(MANY):
        soundfile.write(tmp_path / f"{number}.wav", tone(HUM, 0.5), RATE)
    return find_files([tmp_path], tmp_path)


def counted(files: list[FoundFile], taken: list[str]) -> Iterator[FoundFile]:
    for file in files:
        taken.append(file.name)
        yield file


def hearing() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("hear")]


def test_no_more_are_taken_than_are_asked_for(files: list[FoundFile]) -> None:
    taken: list[str] = []
    heard = stream_clips(FakeModel(), counted(files, taken), workers=WORKERS)
    for number in range(1, MANY + 1):
        assert next(heard).clip
        assert number <= len(taken) <= number + AHEAD * WORKERS
    assert next(heard, None) is None
    assert sorted(taken) == sorted(file.name for file in files)
    assert hearing() == []


def test_who_stops_asking_ends_the_work(files: list[FoundFile]) -> None:
    taken: list[str] = []
    heard = stream_clips(FakeModel(), counted(files, taken), workers=WORKERS)
    next(heard)
    heard.close()  # type: ignore[attr-defined]
    assert hearing() == [] and len(taken) <= 1 + AHEAD * WORKERS


def test_those_done_at_the_same_time_come_together(files: list[FoundFile]) -> None:
    some = list(stream_several(FakeModel(), files, workers=WORKERS))
    assert sorted(heard.file.name for heard in chain(*some)) == sorted(file.name for file in files)
    assert len(some) < MANY


class Steady(FakeModel):
    """One that hears several recordings at once."""

    batch_invariant = True

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def embed_audio(self, windows: Tensor) -> Tensor:
        self.batches.append(len(windows))
        return super().embed_audio(windows)


def test_several_recordings_share_a_pass_and_each_gets_what_is_its_own(files: list[FoundFile]) -> None:
    for file in files[::2]:
        soundfile.write(file.path, tone(WHISTLE, 3), RATE)  # two windows
    model = Steady()
    heard = {one.file.name: one.clip for one in stream_clips(model, files, workers=WORKERS)}
    assert max(model.batches) == 4 and len(model.batches) <= model.windows_heard / 3 + WORKERS
    for number, file in enumerate(files):
        alone, clip = embed_clip(FakeModel(), file.path), heard[file.name]
        assert clip and len(clip.windows) == 2 - number % 2 and clip.seconds == alone.seconds
        np.testing.assert_array_equal(clip.windows, alone.windows)


def test_one_recording_among_many_broken_ones_does_not_wait_for_more(files: list[FoundFile]) -> None:
    for file in files[1:]:
        file.path.write_text("no sound")
    heard = list(stream_clips(Steady(), files, workers=WORKERS))
    assert [one.file.name for one in heard if one.clip] == [files[0].name]
    assert all(one.error and one.error.startswith(one.file.name) for one in heard if one.file is not files[0])
    assert len(heard) == MANY


def test_a_recording_that_breaks_off_takes_none_beside_it_along(files: list[FoundFile]) -> None:
    samples = np.full(3 * BLOCK_FRAMES, 0.1, np.float32)
    samples[-RATE:] = np.nan
    for file in files[1::3]:
        soundfile.write(file.path, samples, RATE, subtype="FLOAT")
    heard = {one.file.name: one for one in stream_clips(Steady(), files[:9], workers=1)}
    for number, file in enumerate(files[:9]):
        one = heard[file.name]
        assert ("infinite or not a number" in (one.error or "")) == (number % 3 == 1), one.error
        assert number % 3 == 1 or (one.clip and len(one.clip.windows) == 1)


def test_an_error_in_an_answer_ends_the_work(files: list[FoundFile], monkeypatch: pytest.MonkeyPatch) -> None:
    real = Question.answers

    def answers(question: Question, some: Sequence[Heard[FoundFile]]) -> list[Row]:
        if any(heard.file.name == "3.wav" for heard in some):
            raise ZeroDivisionError
        return real(question, some)

    monkeypatch.setattr(Question, "answers", answers)
    with pytest.raises(ZeroDivisionError):
        list(classify_files(Question(FakeModel(), ("hum",), as_templates(["{}"])), files))
    assert hearing() == []


def test_an_error_in_the_list_ends_the_work(files: list[FoundFile]) -> None:
    def broken() -> Iterator[FoundFile]:
        yield from files[:5]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(stream_clips(FakeModel(), broken(), workers=WORKERS))
    assert hearing() == []


def test_without_recordings_there_is_nothing() -> None:
    assert list(stream_clips(FakeModel(), [], workers=WORKERS)) == []
