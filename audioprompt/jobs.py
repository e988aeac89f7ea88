"""Work that takes a while, in a thread of its own: how far it is, and a way to stop it.

The page's tabs and the API start such work, look at it a few times a second, and may come back to it by its id.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from secrets import token_urlsafe
from threading import Event, Lock
from typing import Any, Generic, TypeVar

T = TypeVar("T")

AT_ONCE = 4


class Stopped(Exception):
    """Someone stopped the work; what was encoded until then is kept."""


class Job(Generic[T]):
    """Work under way.

    Args:
        work: what to do; it is handed the job, to tell it how far it is and to ask whether to stop.
        workers: the threads that do it.

    Attributes:
        id: what it is known by; it cannot be guessed.
        what: is being encoded, ``clips`` or ``prompts``; empty before it starts.
        done: how many of them.
        total: how many there are.
        stage: what the work itself says of where it is; None before it does.
    """

    def __init__(self, work: Callable[[Job[T]], T], workers: ThreadPoolExecutor) -> None:
        self.id = token_urlsafe(9)
        self.what, self.done, self.total = "", 0, 0
        self.stage: Any = None
        self._stop = Event()
        # in the context it was asked for in, by which a lent GPU knows whom it is lent to
        self._future: Future[T] = workers.submit(copy_context().run, work, self)

    def progress(self, what: str, done: int, total: int) -> None:
        """Told by the work: so many clips or prompts are encoded.

        Raises:
            Stopped: it was asked to end.
        """
        self.what, self.done, self.total = what, done, total
        if self.stopping():
            raise Stopped

    def stop(self) -> None:
        """Ask it to end soon."""
        self._stop.set()

    def stopping(self) -> bool:
        """Whether it was asked to end."""
        return self._stop.is_set()

    def finished(self, seconds: float = 0) -> bool:
        """Whether it has come to an end, once that is so or some seconds have passed."""
        return bool(wait([self._future], seconds).done)

    def result(self) -> T:
        """What came of it.

        Raises:
            Stopped: it was stopped before there was anything to show.
            Exception: whatever the work raised.
        """
        return self._future.result()


class Jobs:
    """The work under way: who asks for what another asked for before waits for the same job.

    Args:
        at_once: how much is done at the same time; the rest waits.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._workers = ThreadPoolExecutor(at_once, thread_name_prefix="job")
        self._running: dict[Hashable, Job[Any]] = {}
        self._lock = Lock()

    def start(self, work: Callable[[Job[T]], T], key: Hashable | None = None) -> Job[T]:
        """Start some work, or, where a job of the same key is under way, take that one."""
        with self._lock:
            self._running = {key: job for key, job in self._running.items() if not job.finished()}
            if key is None or key not in self._running:
                job = Job(work, self._workers)
                self._running[job.id if key is None else key] = job
                return job
            return self._running[key]

    def stop(self, job_id: str) -> None:
        """Stop the job of this id, if it is under way."""
        with self._lock:
            running = list(self._running.values())
        for job in running:
            if job.id == job_id:
                job.stop()


JOBS = Jobs()
