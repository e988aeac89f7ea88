"""Work in a thread of its own: who waits for it, how far it is, and how it ends."""

from contextvars import ContextVar
from threading import Event
from typing import Any

import pytest

from audioprompt.util.jobs import Job, Jobs, Stopped, TookTooLong, follow


def test_who_asks_for_the_same_waits_for_the_same_job() -> None:
    jobs, go_on = Jobs(), Event()
    first = jobs.start(lambda job: go_on.wait(600), key="a")
    assert jobs.start(lambda job: False, key="a") is first
    assert jobs.start(lambda job: True) is not first, "what has no key is nobody else's"
    assert not first.finished()
    go_on.set()
    assert first.finished(20) and first.result() is True
    assert jobs.start(lambda job: 7, key="a").result() == 7, "a job that is over is not started again by its memory"


def test_a_job_tells_how_far_it_is_and_ends_when_asked() -> None:
    jobs, third, stopped = Jobs(), Event(), Event()

    def work(job: Job[None]) -> None:
        for done in range(1, 9):
            job.progress("clips", done, 8)
            if done == 3:
                third.set()
                assert stopped.wait(600)

    job = jobs.start(work)
    assert third.wait(600)
    assert (job.what, job.done, job.total) == ("clips", 3, 8)
    jobs.stop("another's id")
    assert not job.stopping()
    jobs.stop(job.id)
    stopped.set()
    with pytest.raises(Stopped):
        job.result()
    assert job.done == 4


def test_work_that_has_something_to_show_may_end_in_its_own_time() -> None:
    def work(job: Job[str]) -> str:
        while not job.stopping():
            job.stage = "at it"
        return "as far as it came"

    job = Jobs().start(work)
    assert not job.finished(0.05) and job.stage == "at it"
    job.stop()
    assert job.finished(20) and job.result() == "as far as it came"


def test_what_a_job_raises_comes_out_of_it() -> None:
    def work(job: Job[None]) -> None:
        raise OSError("no such clip")

    with pytest.raises(OSError, match="no such clip"):
        Jobs().start(work).result()


def test_work_knows_on_whose_behalf_it_is_done() -> None:
    visitor: ContextVar[str] = ContextVar("visitor")
    visitor.set("this one")
    assert Jobs().start(lambda job: visitor.get()).result() == "this one"


def until_stopped(job: Job[str]) -> str:
    while True:
        job.progress("clips", 0, 1)


def test_of_one_owner_only_the_latest_job_is_done() -> None:
    jobs = Jobs(at_once=1)
    first = jobs.start(until_stopped, owner="me")
    second = jobs.start(until_stopped, owner="me")
    with pytest.raises(Stopped):
        first.result()
    others = jobs.start(until_stopped, owner="another")
    third = jobs.start(lambda job: "done", owner="me")
    assert not others.stopping(), "each owner for themselves"
    jobs.stop_of("another")
    with pytest.raises(Stopped):
        second.result()
    assert third.result() == "done"
    with pytest.raises(Stopped):
        others.result()


def test_what_has_an_owner_keeps_nothing_else_from_being_done() -> None:
    jobs = Jobs(at_once=1)
    owned = [jobs.start(until_stopped, owner=f"visitor {number}") for number in range(5)]
    assert jobs.start(lambda job: "done").result() == "done"
    for job in owned:
        job.stop()


def test_a_job_that_was_stopped_while_it_waited_is_never_begun() -> None:
    jobs, begun = Jobs(at_once=1), Event()
    first = jobs.start(until_stopped, owner="first")
    waiting = jobs.start(lambda job: begun.set(), owner="second")
    jobs.stop_of("second")
    first.stop()
    with pytest.raises(Stopped):
        waiting.result()
    assert not begun.is_set()


def test_a_job_has_its_time_once_it_has_begun() -> None:
    late = Jobs().start(until_stopped, seconds=0.01)
    with pytest.raises(TookTooLong, match="This takes longer than"):
        late.result()

    def work(job: Job[str]) -> str:
        while not job.stopping():
            pass
        return "as far as it came"

    assert Jobs().start(work, seconds=0.01).result() == "as far as it came"


def test_who_asks_for_what_is_being_stopped_gets_a_job_of_their_own() -> None:
    jobs = Jobs()
    first = jobs.start(until_stopped, key="a")
    first.stop()
    assert jobs.start(lambda job: "done", key="a").result() == "done"


@pytest.mark.parametrize(("owner", "alone", "ends"), [("", False, False), ("", True, True), ("a visitor", False, True)])
def test_work_ends_with_its_reader_unless_another_may_wait_for_it(owner: str, alone: bool, ends: bool) -> None:
    may_end = Event()
    job = Jobs().start(lambda job: may_end.wait(600), owner=owner)
    looking: Any = follow(job, 0.001, alone)
    for _ in range(3):
        assert next(looking) is job
    looking.close()
    assert job.stopping() is ends
    may_end.set()
