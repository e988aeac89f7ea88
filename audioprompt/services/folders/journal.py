"""What has been done so far, on disk: work that is killed loses nothing, and goes on where it ended."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from audioprompt.errors import AudiopromptError
from audioprompt.util.text import counted

Json = dict[str, Any]

NAMES = {"labels": "labels", "templates": "prompts", "model": "model", "revision": "revision of the model"}


class JournalError(AudiopromptError):
    """A journal that cannot be gone on with, or not be written; the message says what to do."""


class Journal:
    """Lines of JSON in a file: the question in its head, then an answer for each key, of which the last counts.

    A line is written whole; what a kill leaves of the last one is cut off. Only where each answer stands is kept in
    memory. Several threads can share it. As a context it closes the file.

    Args:
        path: the file; it is made where there is none.
        question: what is asked. Answers to another question cannot be gone on with.
        anew: forget what the file holds, once nobody else writes it.

    Raises:
        JournalError: the file is not a journal of this question, or cannot be written.
    """

    def __init__(self, path: Path, question: Json, anew: bool = False) -> None:
        self.path = path
        self._places: dict[str, tuple[int, Json]] = {}  # of each key: where its line begins, and what marks it
        self._guard = Lock()  # over where the file is read and written
        self._lock = FileLock(path.with_name(f"{path.name}.lock"), timeout=0)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
            # Without a buffer: what a full disk did not take would be written behind the cut once there is room again.
            self._out = path.open("ab", buffering=0)
        except Timeout:
            raise JournalError(f"{path} is being written by another process. Wait for it, or stop it.") from None
        except OSError as error:
            raise JournalError(f"{path} cannot be written ({error.strerror}). Give another --out.") from error
        try:
            if anew:
                os.ftruncate(self._out.fileno(), 0)
            with path.open("rb") as before:
                self._end = self._take_up(before, question)
            self._file = path.open("rb")
        except BaseException:
            self._close()
            raise

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._file.close()
        self._close()

    def _close(self) -> None:
        self._out.close()
        Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock.release()

    def __len__(self) -> int:
        return len(self._places)

    def marks(self, key: str) -> Json | None:
        """Return what an answer was marked with; None where there is no answer."""
        place = self._places.get(key)
        return place and place[1]

    def add(self, key: str, marks: Json, answer: Json) -> None:
        """Append an answer.

        Args:
            key: what it is of.
            marks: what is kept in memory of it.
            answer: the rest.

        Raises:
            JournalError: the disk is full, or the file cannot be written for another reason.
        """
        with self._guard:
            self._append({"key": key, "marks": marks, "answer": answer}, key, marks)

    def answer(self, key: str) -> Json:
        """Return the answer to a key.

        Raises:
            KeyError: there is none.
        """
        with self._guard:
            self._file.seek(self._places[key][0])
            return json.loads(self._file.readline())["answer"]

    def _append(self, line: Json, key: str | None = None, marks: Json | None = None) -> None:
        content = json.dumps(line).encode() + b"\n"
        try:
            left = content
            while left:
                left = left[self._out.write(left) :]
        except OSError as error:
            self._cut_off()
            raise JournalError(
                f"{self.path} cannot be written ({error.strerror}). Done and kept: {counted(len(self), 'recording')}."
                " Make room and give the same command again."
            ) from error
        if key is not None:
            self._places[key] = self._end, marks or {}
        self._end += len(content)

    def _cut_off(self) -> None:
        """Leave no half of a line behind; it may be tried in vain, for reading ignores it as well."""
        try:
            os.ftruncate(self._out.fileno(), self._end)
        except OSError:
            return

    def _take_up(self, before: BinaryIO, question: Json) -> int:
        """Read what is there already, or write the head; where the file ends."""
        head = before.readline()
        if not head.endswith(b"\n"):  # nothing, or killed while it was written
            os.ftruncate(self._out.fileno(), 0)
            self._end = 0
            self._append({"question": question})
            return self._end
        self._check(head, question)
        end = len(head)
        for line in _whole_lines(before):
            try:
                entry = json.loads(line)
                self._places[entry["key"]] = end, entry["marks"]
            except (ValueError, KeyError, TypeError):
                raise self._strange() from None
            end += len(line)
        os.ftruncate(self._out.fileno(), end)
        return end

    def _check(self, head: bytes, question: Json) -> None:
        try:
            asked = json.loads(head)["question"]
        except (ValueError, KeyError, TypeError):
            raise self._strange() from None
        changed = [NAMES.get(name, name) for name in question | asked if question.get(name) != asked.get(name)]
        if changed:
            raise JournalError(
                f"{self.path} holds answers to another question (changed: {', '.join(changed)}). Ask as before to go"
                " on, give another --out, or start anew with --restart."
            )

    def _strange(self) -> JournalError:
        return JournalError(f"{self.path} is not a journal of this command. Give another --out, or move it away.")


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    while (line := file.readline()).endswith(b"\n"):
        yield line
