"""Work that takes a while, in a thread of its own: how far it is, and a way to stop it.

The page's tabs and the API start such work, look at it a few times a second, and may come back to it by its id.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Generator, Hashable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from queue import Empty, Queue
from secrets import token_urlsafe
from threading import Event, Lock, Thread
from traceback import walk_tb
from typing import Any, Generic, TypeVar

T = TypeVar("T")

logger = logging.getLogger(__name__)

AT_ONCE = 4


class Stopped(Exception):
    """Someone stopped the work; what was encoded until then is kept."""


class TookTooLong(Stopped):
    """Its time was up; the message says how much it had."""


class Job(Generic[T]):
    """Work under way.

    Args:
        work: what to do; it is handed the job, to tell it how far it is and to ask whether to stop.
        workers: the threads that do it.
        owner: whose it is, if it is not everybody's.
        seconds: that it may take once it has begun; None for as long as it needs.

    Attributes:
        id: what it is known by; it cannot be guessed.
        what: is being encoded, ``clips`` or ``prompts``; empty before it starts.
        done: how many of them.
        total: how many there are.
        part: of those under way, how many the parts that are encoded come to.
        stage: what the work itself says of where it is; None before it does.
    """

    def __init__(
        self,
        work: Callable[[Job[T]], T],
        workers: ThreadPoolExecutor,
        owner: str = "",
        seconds: float | None = None,
    ) -> None:
        self.id, self.owner, self.seconds = token_urlsafe(9), owner, seconds
        self._ends = math.inf
        self.what, self.done, self.total = "", 0, 0
        self.part: float = 0
        self.stage: Any = None
        self._stop = Event()
        # in the context it was asked for in, by which a lent GPU knows whom it is lent to
        self._future: Future[T] = workers.submit(copy_context().run, self._do, work)

    def _do(self, work: Callable[[Job[T]], T]) -> T:
        if self._stop.is_set():  # while it waited
            raise Stopped
        if self.seconds is not None:
            self._ends = time.monotonic() + self.seconds
        began = time.monotonic()
        try:
            return work(self)
        except TookTooLong:
            logger.info("A job was ended after the %g minutes that it had", (self.seconds or 0) / 60)
            raise
        except Stopped:
            raise
        except Exception as error:  # whose message may hold what people wrote: only where it was raised is told
            logger.warning("A job failed after %.1f s: %s", time.monotonic() - began, place_of(error))
            raise

    def progress(self, what: str, done: int, total: int, part: float = 0) -> None:
        """Told by the work: so many clips or prompts are encoded, and what part of others, which comes to so many.

        Raises:
            Stopped: it was asked to end.
        """
        self.what, self.done, self.total, self.part = what, done, total, part
        if self._stop.is_set():
            raise Stopped
        if self.out_of_time():
            raise TookTooLong(f"This takes longer than {(self.seconds or 0) / 60:g} minutes, which is the most here.")

    def out_of_time(self) -> bool:
        """Whether it has had all the time that it may take."""
        return time.monotonic() > self._ends

    def stop(self) -> None:
        """Ask it to end soon."""
        self._stop.set()

    def stopping(self) -> bool:
        """Whether it was asked to end, or its time is up."""
        return self._stop.is_set() or self.out_of_time()

    def finished(self, seconds: float = 0) -> bool:
        """Whether it has come to an end, once that is so or some seconds have passed."""
        return bool(wait([self._future], seconds).done)

    def result(self) -> T:
        """Return what came of it.

        Raises:
            Stopped: it was stopped before there was anything to show.
            Exception: whatever the work raised.
        """
        return self._future.result()


def follow(job: Job[T], seconds: float, alone: bool = False) -> Iterator[Job[T]]:
    """Look at a job again and again until it is done: at once, and then every so often.

    It ends where nobody looks at it any more, if it has an owner or is of its reader alone: else another may wait for
    it too.

    Args:
        job: the work under way.
        seconds: between two looks.
        alone: whether nobody else can come to it.

    Yields:
        The job itself, to be asked how far it is.
    """
    try:
        yield job
        while not job.finished(seconds):
            yield job
    finally:
        if alone or job.owner:
            job.stop()


def tick(items: Iterator[T], seconds: float) -> Generator[T | None, None, None]:
    """Yield the items of a slow iterator as they come, and None every so often: whoever listens may want to stop.

    Args:
        items: are fetched in a thread of their own, until nobody listens any more.
        seconds: to wait for an item before None is yielded.
    """
    come: Queue[_Item[T] | Exception | None] = Queue()  # at the end None, or what the iterator raised
    stopped = Event()

    def fetch() -> None:
        try:
            for item in items:
                if stopped.is_set():
                    return
                come.put(_Item(item))
            come.put(None)
        except Exception as error:
            come.put(error)

    Thread(target=fetch, daemon=True).start()
    try:
        while True:
            try:
                got = come.get(timeout=seconds)
            except Empty:
                yield None
                continue
            if got is None:
                return
            if isinstance(got, Exception):
                raise got
            yield got.value
    finally:
        stopped.set()


@dataclass(frozen=True)
class _Item(Generic[T]):
    value: T


class Jobs:
    """The work under way: who asks for what another asked for before waits for the same job.

    What has an owner is done by threads of its own, so that it never keeps from working what has none; and of one owner
    only the latest is done.

    Args:
        at_once: how much is done at the same time, with and without an owner; the rest waits.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._workers = ThreadPoolExecutor(at_once, thread_name_prefix="job")
        self._owned = ThreadPoolExecutor(at_once, thread_name_prefix="owned job")
        self._running: dict[Hashable, Job[Any]] = {}
        self._lock = Lock()

    def start(
        self,
        work: Callable[[Job[T]], T],
        key: Hashable | None = None,
        owner: str = "",
        seconds: float | None = None,
    ) -> Job[T]:
        """Start some work, or, where a job of the same key is under way, take that one.

        Args:
            work: what to do.
            key: what it is; None where nobody else can want the same.
            owner: whose it is; their earlier job ends.
            seconds: that it may take.
        """
        with self._lock:
            self._running = {key: job for key, job in self._running.items() if not job.finished()}
            running = self._running.get(key)
            if key is not None and running is not None and not running.stopping():
                return running
            self._stop_of(owner)
            job = Job(work, self._owned if owner else self._workers, owner, seconds)
            self._running[job.id if key is None else key] = job
            return job

    def stop(self, job_id: str) -> None:
        """Stop the job of this id, if it is under way."""
        with self._lock:
            running = list(self._running.values())
        for job in running:
            if job.id == job_id:
                job.stop()

    def stop_of(self, owner: str) -> None:
        """Stop what an owner has under way."""
        with self._lock:
            self._stop_of(owner)

    def _stop_of(self, owner: str) -> None:
        for job in self._running.values():
            if owner and job.owner == owner:
                job.stop()


def place_of(error: BaseException) -> str:
    """Say what kind of error it is, and where it was raised, without what it says."""
    *_, (frame, line) = walk_tb(error.__traceback__)
    return f"{type(error).__name__} in {frame.f_globals.get('__name__')}, line {line}"


# of the page's tabs Curate, Learn and Generate: none waits for another
MEASURING, FITTING, CHECKING = Jobs(), Jobs(), Jobs()
