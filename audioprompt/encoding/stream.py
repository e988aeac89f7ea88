"""Any number of recordings as a stream: some are decoded and embedded at once, in memory that does not grow."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
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
AHEAD = 2  # recordings for each worker, heard or under way, that nobody has asked for yet
LOOK_SECONDS = 0.5  # between two looks at whether to go on


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
A = TypeVar("A")

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
    return stream_answers(model, files, lambda heard: heard, look, workers)


def stream_answers(
    model: AudioTextModel,
    files: Iterable[F],
    answer: Callable[[Heard[F]], A],
    look: Look[F] = len,
    workers: int | None = None,
) -> Iterator[A]:
    """As `stream_clips`, with an answer to each recording.

    Who hears a recording answers as well: a thread more would take turns on the cores with those that hear, and they
    would wait for it whenever Python is what it was about to run.

    Args:
        model: as for `stream_clips`.
        files: as for `stream_clips`.
        answer: called in the worker's thread.
        look: as for `stream_clips`.
        workers: as for `stream_clips`.

    Yields:
        Each answer once it is there.
    """
    on_cpu = model.device == "cpu"
    workers = workers or ((os.cpu_count() or 1) if on_cpu else ON_GPU)
    upcoming, done = iter(files), SimpleQueue[tuple[F, A] | Future[None]]()
    taking, room, stopped = Lock(), Semaphore(AHEAD * workers), Event()
    under_way: dict[int, tuple[F, float]] = {}

    def go_on(file: F, fraction: float) -> None:
        if stopped.is_set():
            raise Stopped
        under_way[id(file)] = file, fraction

    def work() -> None:
        limit: AbstractContextManager[object] = one_thread() if on_cpu else nullcontext()
        with limit:
            while room.acquire() and not stopped.is_set():
                with taking:
                    file = next(upcoming, None)
                if file is None:
                    return
                done.put((file, answer(_hear(model, file, go_on))))

    pool, working = ThreadPoolExecutor(workers, thread_name_prefix="hear"), workers
    for _ in range(workers):
        pool.submit(work).add_done_callback(done.put)
    try:
        while working:
            one = _next_of(done)
            look(list(under_way.values()))
            if isinstance(one, Future):
                one.result()
                working -= 1
            elif one:
                file, answered = one
                under_way.pop(id(file), None)
                yield answered
                room.release()
    finally:
        stopped.set()
        room.release(workers)
        pool.shutdown()


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


def _next_of(done: SimpleQueue[A]) -> A | None:
    """Wait a moment for what is done next; None where it takes longer."""
    with suppress(Empty):
        return done.get(timeout=LOOK_SECONDS)
    return None
