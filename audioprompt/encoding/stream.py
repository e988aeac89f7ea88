"""Any number of recordings as a stream: some are decoded and embedded at once, in memory that does not grow."""

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Lock, Semaphore
from typing import Generic, Protocol, TypeVar

from audioprompt.audio.files import parts_of
from audioprompt.audio.recording import AudioError
from audioprompt.encoding.encoder import EmbeddedClip, embed_clip
from audioprompt.models.base import AudioTextModel
from audioprompt.models.threads import one_thread
from audioprompt.util.jobs import Stopped

ON_GPU = 16  # recordings at once, whose windows share a batch
AHEAD = 16  # recordings for each worker, heard or under way, that nobody has asked for yet
LOOK_SECONDS = 0.1  # between two looks at what was heard, and at whether to go on


class HasPath(Protocol):
    """Anything that says where its recording is, and what it is called."""

    @property
    def path(self) -> Path:
        """Where it is."""
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
    model: AudioTextModel, files: Iterable[F], look: Look[F] = len, workers: int | None = None
) -> Generator[list[Heard[F]]]:
    """As `stream_clips`, several at once, for who takes them in hardly more time than one.

    Whoever takes them shares the cores with those who hear, and each waits for the other where Python is what it is
    about to run: so that is not after every recording.

    Yields:
        All recordings that were done since the last, now and then none.
    """
    workers = workers or _workers_for(model)
    upcoming, done = iter(files), SimpleQueue[Heard[F]]()
    taking, room, stopped = Lock(), Semaphore(AHEAD * workers), Event()
    under_way: dict[int, tuple[F, float]] = {}

    def go_on(file: F, fraction: float) -> None:
        if stopped.is_set():
            raise Stopped
        under_way[id(file)] = file, fraction

    def work() -> None:
        with one_thread() if model.device == "cpu" else nullcontext():
            while room.acquire() and not stopped.is_set():
                with taking:
                    file = next(upcoming, None)
                if file is None:
                    return
                done.put(_hear(model, file, go_on))

    pool = ThreadPoolExecutor(workers, thread_name_prefix="hear")
    working = {pool.submit(work) for _ in range(workers)}
    try:
        while working:
            ended, working = wait(working, LOOK_SECONDS, FIRST_EXCEPTION)
            look(list(under_way.values()))
            heard = _all_of(done)
            yield heard
            for one in heard:
                under_way.pop(id(one.file), None)
                room.release()
            for worker in ended:
                worker.result()
    finally:
        stopped.set()
        room.release(workers)
        pool.shutdown()


def _workers_for(model: AudioTextModel) -> int:
    return (os.cpu_count() or 1) if model.device == "cpu" else ON_GPU


def _hear(model: AudioTextModel, file: F, go_on: Callable[[F, float], None]) -> Heard[F]:
    notices: list[str] = []
    part_of = parts_of(file.path)

    def tick(seconds: float) -> None:
        go_on(file, part_of(seconds))

    try:
        clip = embed_clip(model, file.path, file.name, notices.append, tick, alone=model.device == "cpu")
    except AudioError as error:
        return Heard(file, None, tuple(notices), str(error))
    return Heard(file, clip, tuple(notices))


def _all_of(done: SimpleQueue[Heard[F]]) -> list[Heard[F]]:
    some: list[Heard[F]] = []
    with suppress(Empty):
        while True:
            some.append(done.get_nowait())
    return some
