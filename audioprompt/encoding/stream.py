"""Any number of recordings as a stream: some are decoded and embedded at once, in memory that does not grow."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event, Lock, Semaphore
from typing import Generic, Protocol, TypeVar

from audioprompt.audio.files import parts_of
from audioprompt.audio.recording import AudioError, AudioSource
from audioprompt.encoding.batching import Encode
from audioprompt.encoding.encoder import (
    WINDOWS_PER_CPU_BATCH,
    EmbeddedClip,
    encode_recordings,
    with_others,
)
from audioprompt.encoding.reading import Wanted, read_in_turn
from audioprompt.models.base import AudioTextModel, is_batch_invariant
from audioprompt.models.threads import one_thread
from audioprompt.util.jobs import Stopped

ON_GPU = 16  # recordings at once, whose windows share a batch
AHEAD = 16  # recordings for each worker, heard or under way, that nobody has asked for yet
LOOK_SECONDS = 0.1  # between two looks at what was heard, and at whether to go on


class HasPath(Protocol):
    """Anything that says where its recording is, and what it is called."""

    @property
    def path(self) -> AudioSource:
        """Where it is, or what holds it."""
        ...

    @property
    def name(self) -> str:
        """What it is called."""
        ...


F = TypeVar("F", bound=HasPath)

Look = Callable[[Sequence[tuple[F, float]]], object]  # told which recordings are under way, and what fraction is heard


@dataclass(frozen=True)
class Heard(Generic[F]):
    """What became of one recording.

    Attributes:
        file: which.
        clip: what the model heard; None where it cannot be used.
        notices: what people should know of the recording, a sentence each.
        error: why it cannot be used; None where it can.
    """

    file: F
    clip: EmbeddedClip | None
    notices: tuple[str, ...] = field(default=())
    error: str | None = None

    @classmethod
    def of(cls, file: F, found: EmbeddedClip | AudioError, notices: Sequence[str] = ()) -> "Heard[F]":
        """Return what became of a recording from what encoding it gave."""
        clip, error = (None, str(found)) if isinstance(found, AudioError) else (found, None)
        return cls(file, clip, tuple(notices), error)


def total(under_way: Sequence[tuple[HasPath, float]]) -> float:
    """How many recordings those that were heard in part come to."""
    return sum(fraction for _, fraction in under_way)


def stream_clips(
    model: AudioTextModel, files: Iterable[F], look: Look[F] = len, workers: int | None = None
) -> Iterator[Heard[F]]:
    """Embed recordings, each as `embed_clip` does; one that cannot be used is given back with the reason.

    Args:
        model: what hears. On a CPU each worker runs it on one core, on a GPU workers share its batches.
        files: the recordings; they are asked for as they are needed.
        look: told again and again which long recordings are under way, and what fraction of each was heard by what its
            file says of its length; whatever it raises ends the work.
        workers: how many recordings are under way at once; by default one for each core, or what fills a GPU's batch.

    Yields:
        Each recording once it is done, so not always in their order.
    """
    with closing(stream_several(model, files, look, workers)) as stream:
        for several in stream:
            yield from several


def stream_several(
    model: AudioTextModel,
    files: Iterable[F],
    look: Look[F] = len,
    workers: int | None = None,
    encode: Encode | None = None,
    rest: Callable[[list[Heard[F]]], object] = len,
) -> Generator[list[Heard[F]]]:
    """As `stream_clips`, several at once, for who takes them in hardly more time than one.

    Whoever takes them shares the cores with those who hear, and each waits for the other where Python is what it is
    about to run: so that is not after every recording.

    Args:
        model: what hears.
        files: the recordings.
        look: as for `stream_clips`.
        workers: likewise.
        encode: what of the model runs; by default ``model.embed_audio``.
        rest: told what was heard but not taken, where the work ends before its time.

    Yields:
        All recordings that were done since the last, now and then none.
    """
    workers = workers or ((os.cpu_count() or 1) if model.device == "cpu" else ON_GPU)
    work = _Work(model, encode or model.embed_audio, files, workers)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="hear")
    working = {pool.submit(work.hear) for _ in range(workers)}
    try:
        while working:
            ended, working = wait(working, LOOK_SECONDS, FIRST_EXCEPTION)
            look(list(work.under_way.values()))
            heard = work.done()
            yield heard
            work.make_room(heard)
            for worker in ended:
                worker.result()
    finally:
        work.stop()
        pool.shutdown()
        rest(work.done())


class _Work(Generic[F]):
    """What the workers share: the recordings that are still to be heard, and those that were."""

    def __init__(self, model: AudioTextModel, encode: Encode, files: Iterable[F], workers: int) -> None:
        self.under_way: dict[int, tuple[F, float]] = {}
        self._model, self._workers, self._on_cpu = model, workers, model.device == "cpu"
        # On a GPU workers share batches, so that none waits for more windows of its own.
        self._encode = encode if self._on_cpu else with_others(model, encode)
        self._enough = WINDOWS_PER_CPU_BATCH if is_batch_invariant(model) else 1
        self._upcoming, self._done = iter(files), SimpleQueue[Heard[F]]()
        self._taking, self._room, self._stopped = Lock(), Semaphore(AHEAD * workers), Event()

    def hear(self) -> None:
        """Hear recordings until there are no more; each worker does."""
        taken = deque[tuple[F, list[str]]]()
        pieces = read_in_turn(self._model, self._wanted(taken))
        with one_thread() if self._on_cpu else nullcontext():
            for found in encode_recordings(self._model, self._encode, pieces, self._enough):
                file, notices = taken.popleft()
                self._done.put(Heard.of(file, found, notices))

    def done(self) -> list[Heard[F]]:
        """Return the recordings that were done since the last time."""
        some: list[Heard[F]] = []
        with suppress(Empty):
            while True:
                some.append(self._done.get_nowait())
        return some

    def make_room(self, heard: Sequence[Heard[F]]) -> None:
        """Let as many others be heard as were taken."""
        for one in heard:
            self.under_way.pop(id(one.file), None)
            self._room.release()

    def stop(self) -> None:
        """End the work, in the middle of a recording too."""
        self._stopped.set()
        self._room.release(self._workers)

    def _wanted(self, taken: deque[tuple[F, list[str]]]) -> Iterator[Wanted]:
        while self._room.acquire() and not self._stopped.is_set():
            with self._taking:
                file = next(self._upcoming, None)
            if file is None:
                return
            notices: list[str] = []
            taken.append((file, notices))
            yield Wanted(file.path, file.name, notices.append, partial(self._go_on, file, parts_of(file.path)))

    def _go_on(self, file: F, part_of: Callable[[float], float], seconds: float) -> None:
        if self._stopped.is_set():
            raise Stopped
        self.under_way[id(file)] = file, part_of(seconds)
