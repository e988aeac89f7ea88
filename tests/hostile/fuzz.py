"""Feeds one reader with files that lie, in a process of its own, and says what came of them.

A reader passes if every file gives a valid result or its documented error in one plain sentence, in bounded time and
memory, with nothing written or read outside its folder and nothing run. The process makes all of that visible:

- A native decoder that crashes ends it by a signal; so do two alarms, where one file takes too long: one by the time
  that the processor works on it, which other work on the machine does not lengthen, and one by the clock, for what
  waits and never works. The file that was being read lies in the working folder as ``last``.
- Memory is the rise of the process's resident peak (``VmHWM``) while one file is read, set back before by way of
  ``/proc/self/clear_refs``; it counts native memory too. A limit on the address space (``RLIMIT_AS``) keeps a reader
  that forgets itself from taking the machine down.
- An audit hook sees every file that Python opens, makes, renames or removes, every process, connection and unpickled
  name.

    python -m tests.hostile.fuzz audio FOLDER --examples 500
    python -m tests.hostile.fuzz audio FOLDER --seconds 60
"""

import argparse
import json
import os
import re
import resource
import shutil
import signal
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, seed, settings

from tests.hostile.readers import READERS, Reader

SECONDS_FOR_ONE = 8.0  # of the processor, that one file may take
SECONDS_BY_THE_CLOCK = 90.0
ADDRESS_SPACE = 3 * 2**30  # bytes that may be asked for beyond what is there before the first file, used or not
LONGEST_SENTENCE = 2_000  # characters, whatever the file held: ten recordings may be named
SLACK = 5.0  # MB that a peak may stand above what is used when a file's turn comes
FIRST_LIES, ROUND = 0, 400  # seed of the first round, files in each where the time is what is given
FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
LINUX = sys.platform == "linux"


@dataclass
class Tally:
    """What came of the files: how many were tried, and the largest figures of any of them."""

    reader: str
    tried: int = 0
    refused: int = 0
    read: int = 0
    slowest: float = 0.0  # seconds of the processor
    memory: float = 0.0  # MB


RUNS = frozenset(
    {"subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"}
    | {"pickle.find_class", "socket.connect", "socket.getaddrinfo", "socket.bind", "webbrowser.open"}
)
CHANGES = frozenset(
    {"os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate"}
)


@dataclass
class Guard:
    """Sees what a reader does to the world while it is armed.

    Attributes:
        folder: where it may write, and read beside Python's own files.
        seen: what it should not have done.
    """

    folder: Path
    armed: bool = False
    seen: list[str] = field(default_factory=list)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.armed:
            return
        if event in RUNS:
            self.seen.append(f"{event} {arguments!r}")
        elif event in CHANGES:
            self.seen += [f"{event} {path}" for path in arguments[:2] if _is_path(path) and not self._inside(path)]
        elif event == "open" and _is_path(arguments[0]) and not self._inside(arguments[0]):
            writes = arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
            if writes or not self._of_python(arguments[0]):
                self.seen.append(f"open {arguments[0]!r} {arguments[1]!r}")

    def _inside(self, path: Any) -> bool:
        return Path(os.path.abspath(os.fsdecode(path))).is_relative_to(self.folder)  # noqa: PTH100, links stay links

    def _of_python(self, path: Any) -> bool:
        place = Path(os.fsdecode(path)).absolute()
        return any(place.is_relative_to(root) for root in (sys.prefix, sys.base_prefix, Path(__file__).parents[2]))


def _is_path(value: Any) -> bool:
    return isinstance(value, (str, bytes, os.PathLike))


def memory(name: str) -> float:
    """A figure of this process's memory, ``VmRSS`` or ``VmHWM``, in MB; 0 where the system does not tell."""
    if not LINUX:
        return 0.0
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


def resident() -> float:
    """This process's memory as it is, in MB; its peak is at most a little more, or is set back to it."""
    now = memory("VmRSS")
    if LINUX and memory("VmHWM") > now + SLACK:
        Path("/proc/self/clear_refs").write_text("5")
    return now


class Attempts:
    """Gives files to a reader, one after the other.

    Args:
        reader: the reader.
        folder: an empty folder, which is the working folder from now on.
    """

    def __init__(self, reader: Reader, folder: Path) -> None:
        self.reader, self.folder, self.inside = reader, folder, folder / "inside"
        self.guard, self.tally = Guard(self.inside), Tally(reader.name)
        for valid in reader.seeds():  # and whatever is loaded at first use is loaded
            self.clear()
            reader.read(valid, self.inside)
        sys.addaudithook(self.guard)
        if LINUX:
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + ADDRESS_SPACE, resource.RLIM_INFINITY))

    def clear(self) -> None:
        """A new folder to work in; what happened to the one before does not matter any more."""
        os.chdir(self.folder)
        shutil.rmtree(self.inside, ignore_errors=True)
        self.inside.mkdir()
        os.chdir(self.inside)

    def __call__(self, content: bytes) -> None:
        """Read one file.

        Raises:
            AssertionError: it was no valid result and no documented error, or took too much, or did what it should not.
        """
        (self.folder / "last").write_bytes(content)
        self.clear()
        before, started = resident(), time.process_time()
        signal.setitimer(signal.ITIMER_PROF, SECONDS_FOR_ONE)  # ends the process: C code is not interrupted otherwise
        signal.setitimer(signal.ITIMER_REAL, SECONDS_BY_THE_CLOCK)
        self.guard.armed = True
        sentence = None
        try:
            self.reader.read(content, self.inside)
        except self.reader.error as error:
            sentence = str(error)
        finally:
            self.guard.armed = False
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
        seconds, megabytes = time.process_time() - started, memory("VmHWM") - before
        tally = self.tally
        tally.tried += 1
        tally.read, tally.refused = tally.read + (sentence is None), tally.refused + (sentence is not None)
        tally.slowest, tally.memory = max(tally.slowest, seconds), max(tally.memory, megabytes)
        if sentence is not None:
            assert sentence and len(sentence) <= LONGEST_SENTENCE, f"{len(sentence)} characters: {sentence[:200]}"
            assert not FORBIDDEN.search(sentence), f"no plain sentence: {sentence!r}"
        assert megabytes <= self.reader.megabytes, f"it took {megabytes:.0f} MB"
        assert not self.guard.seen, self.guard.seen
        assert sorted(path.name for path in self.folder.iterdir()) == ["inside", "last"], "it left its folder"


def fuzz(reader: Reader, folder: Path, examples: int = 0, seconds: float = 0.0) -> Tally:
    """Try all the lies thought of, and then a number of changed files, or as many as there is time for."""
    attempt = Attempts(reader, folder)
    end = time.monotonic() + seconds
    for content in reader.lies():
        attempt(content)
    number = FIRST_LIES
    while number == FIRST_LIES or time.monotonic() < end:

        @seed(number)
        @settings(max_examples=examples or ROUND, database=None, deadline=None, suppress_health_check=list(HealthCheck))
        @given(reader.files())
        def round_of_files(content: bytes) -> None:
            attempt(content)

        round_of_files()
        number += 1
    return attempt.tally


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("reader", choices=READERS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--examples", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0.0)
    asked = parser.parse_args()
    os.environ["TMPDIR"] = str(asked.folder / "inside")
    tally = fuzz(READERS[asked.reader], asked.folder.absolute(), asked.examples, asked.seconds)
    print(json.dumps(asdict(tally)))
