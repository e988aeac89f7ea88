"""Recordings as a stream: asked for as they are needed, and at an end at once when anything goes wrong."""

import threading
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import pytest
import soundfile

from audioprompt.data.recordings import FoundFile, find_files
from audioprompt.encoding.stream import AHEAD, Heard, stream_clips, stream_several
from audioprompt.prompts.template import as_templates
from audioprompt.services.folders.classify import Question, Row, classify_files
from tests.fakes import HUM, RATE, FakeModel, tone

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
