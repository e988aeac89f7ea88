"""The queue that strangers share, over HTTP: what one visitor may have under way, and what ends when nobody waits."""

import asyncio
import json
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from typing import Any

import gradio as gr
import gradio.blocks
import gradio.processing_utils
import httpx
import pytest
from starlette.middleware import Middleware

from audioprompt.server import access, guard
from audioprompt.server.context import IN_PROCESS, of_call
from audioprompt.server.gradio_patches import queue as fair_queue
from audioprompt.server.questions import Questions
from tests.serving import awaited

pytestmark = pytest.mark.slow
SECONDS = 600.0  # that anything may take on a busy machine
SECRET = "correct horse battery staple"
OWNER = {"Authorization": f"Bearer {SECRET}"}


@dataclass
class Page:
    """A page with two tasks, on a server of its own in this process."""

    blocks: gr.Blocks
    http: httpx.Client
    go_on: Event = field(default_factory=Event)
    begun: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    questions: Questions = field(default_factory=Questions)

    def ask(self, task: str, name: str, address: str = "203.0.113.1", **headers: str) -> httpx.Response:
        """Have a task done for somebody; the answer is not fetched."""
        given = {"X-Forwarded-For": address, **headers}
        return self.http.post(f"/gradio_api/call/{task}", json={"data": [name]}, headers=given)

    def answer(self, task: str, asked: httpx.Response) -> str:
        return self.http.get(f"/gradio_api/call/{task}/{asked.json()['event_id']}").text

    @property
    def queue(self) -> Any:
        return self.blocks._queue


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A public page with a password: `lasting` goes on until it may end, `quick` answers at once.

    Of what is asked of `latest` the last counts, and the answer to "first" goes on until it may end.
    """
    monkeypatch.setattr(access, "_exposed", True)
    monkeypatch.setenv(access.PASSWORD, SECRET)
    monkeypatch.setattr(fair_queue, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(access, "TRIES", access.Tries())
    fair_queue.install()
    with gr.Blocks(analytics_enabled=False) as blocks:
        page = Page(blocks, httpx.Client(timeout=SECONDS))

        def lasting(name: str) -> Iterator[str]:
            page.begun.append(name)
            try:
                while not page.go_on.wait(0.01):
                    yield "not yet"
                yield f"done for {name}"
            finally:
                page.ended.append(name)

        def quick(name: str) -> str:
            page.places[name] = of_call().place
            return f"at once for {name}"

        def steps(name: str) -> Generator[str]:
            page.begun.append(name)
            yield f"{name} begun"
            while name == "first" and not page.go_on.wait(0.01):
                pass
            page.ended.append(name)
            yield f"{name} done"

        def latest(name: str) -> Iterator[str]:
            yield from page.questions.latest(of_call(), name, steps(name))

        gr.api(lasting, api_name="lasting", concurrency_id="learning", concurrency_limit=1)
        gr.api(quick, api_name="quick")
        gr.api(latest, api_name="latest", concurrency_limit=2)
    blocks.queue(api_open=False)
    _, address, _ = blocks.launch(
        server_name="127.0.0.1",
        prevent_thread_lock=True,
        quiet=True,
        app_kwargs={"middleware": [Middleware(guard.Guarded)]},
    )
    page.http.base_url = address
    yield page
    page.go_on.set()
    page.http.close()
    blocks.close()


def wait_until(met: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not met():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def test_one_visitor_keeps_out_nobody_else(page: Page) -> None:
    replies = [page.ask("lasting", f"flood {number}") for number in range(101)]
    assert [reply.status_code for reply in replies] == [200] * 3 + [429] * 98
    assert replies[-1].json()["detail"].startswith("You already have 3 tasks running here. Wait until")
    other = page.ask("lasting", "other", "203.0.113.2")
    assert other.status_code == 200
    quick = page.ask("quick", "flood")
    assert "at once for flood" in page.answer("quick", quick), "other work is not theirs to block, nor kept from them"
    for number in range(10):
        assert page.ask("lasting", f"owner {number}", **OWNER).status_code == 200
    page.go_on.set()
    assert "done for other" in page.answer("lasting", other)
    wait_until(lambda: len(page.ended) == 14, "all that was let in is done")
    assert page.begun[1:11] == [f"owner {number}" for number in range(10)], "curators come first"


def test_a_curator_does_not_wait_for_visitors(page: Page) -> None:
    page.ask("lasting", "visitor")
    wait_until(lambda: page.begun == ["visitor"], "it begins")
    page.ask("lasting", "owner", **OWNER)
    wait_until(lambda: page.begun == ["visitor", "owner"], "although one is the most at once")
    page.ask("lasting", "owner again", **OWNER)
    page.ask("lasting", "visitor again")
    quick = page.ask("quick", "x")
    assert "at once" in page.answer("quick", quick)
    assert page.begun == ["visitor", "owner"], "but for other curators"


def test_addresses_of_one_network_are_one_visitor(page: Page) -> None:
    replies = [page.ask("lasting", "flood", f"2001:db8::{number:x}") for number in range(5)]
    assert [reply.status_code for reply in replies] == [200] * 3 + [429] * 2
    assert page.ask("lasting", "other", "2001:db8:0:1::1").status_code == 200


def test_many_visitors_keep_out_no_curator(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_queue, "MAX_IN_ALL", 5)
    wait_until(lambda: page.ask("lasting", "first", "198.51.100.1").status_code == 200, "it is let in")
    wait_until(lambda: page.begun == ["first"], "it begins")
    replies = [page.ask("lasting", str(number), f"203.0.113.{number}") for number in range(6)]
    assert [reply.status_code for reply in replies] == [200] * 5 + [429]
    assert replies[-1].json()["detail"] == fair_queue.FULL
    assert page.ask("lasting", "owner", **OWNER).status_code == 200


def test_work_that_nobody_waits_for_is_given_up(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_queue, "UNREAD_SECONDS", 0.5)
    page.ask("lasting", "flood")
    wait_until(lambda: page.begun == ["flood"], "it begins")
    owners = page.ask("lasting", "owner", **OWNER)
    for number in range(2):
        page.ask("lasting", f"flood {number}")
    wait_until(lambda: page.begun == ["flood", "owner"], "what stood before the owner's work is gone")
    wait_until(lambda: not page.queue.event_queue_per_concurrency_id["learning"].queue, "what waited is given up too")
    wait_until(lambda: page.ended, "what was begun ends at its next step, which may be after that")
    assert page.begun == ["flood", "owner"] and page.ended == ["flood"]
    page.go_on.set()
    assert "done for owner" in page.answer("lasting", owners), "an owner may come for an answer later"


def test_work_ends_when_its_reader_has_gone(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_queue, "UNREAD_SECONDS", 0.5)
    asked = page.ask("lasting", "leaving")
    with page.http.stream("GET", f"/gradio_api/call/lasting/{asked.json()['event_id']}") as stream:
        lines = stream.iter_lines()
        next(line for line in lines if "not yet" in line)
        wait_until(lambda: time.monotonic() - page.queue.event_ids_to_events[asked.json()["event_id"]].came > 1, "")
        assert page.ended == [], "as long as somebody reads it goes on"
    wait_until(lambda: page.ended == ["leaving"], "it ends with its reader")


def test_what_is_over_is_forgotten(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_queue, "LATE_SECONDS", 0.0)
    before = set(page.blocks.state_holder.session_data)
    for number in range(20):
        asked = page.ask("quick", str(number), f"203.0.113.{number}")
        assert f"at once for {number}" in page.answer("quick", asked)
    queue = page.queue
    kept = ("event_ids_to_events", "event_analytics", "pending_event_ids_session", "_finished")
    wait_until(lambda: not any(getattr(queue, name) for name in kept), "events are forgotten")
    wait_until(lambda: not queue.pending_messages_per_session, "and their messages")
    assert set(page.blocks.state_holder.session_data) == before, "a call of no session leaves none behind"


def test_a_call_knows_its_place_among_those_that_came(page: Page) -> None:
    names = [f"call {number}" for number in range(8)]
    asked = [page.ask("quick", name, **(OWNER if number % 2 else {})) for number, name in enumerate(names)]
    for one in asked:
        page.answer("quick", one)
    assert sorted(names, key=page.places.__getitem__) == names
    assert len(set(page.places.values())) == len(names)
    assert IN_PROCESS.place == 0


def test_a_page_may_ask_for_answers_when_it_has_read_all(page: Page) -> None:
    """An answer that overtakes the answer to its question: the page has read it, and opens a stream to read it."""

    def ask(name: str) -> None:
        body = {"data": [name], "fn_index": 1, "session_hash": "one"}
        page.http.post("/gradio_api/queue/join", json=body, headers=OWNER).raise_for_status()

    ask("first")
    assert "at once for first" in page.http.get("/gradio_api/queue/data?session_hash=one").text
    wait_until(lambda: not page.queue._finished, "all is read")
    time.sleep(5 * fair_queue.LOOK_SECONDS)
    with page.http.stream("GET", "/gradio_api/queue/data?session_hash=one") as late:
        ask("second")
        said = [json.loads(line.removeprefix("data: ")) for line in late.iter_lines() if line.startswith("data")]
    assert [one["output"]["data"] for one in said if one["msg"] == "process_completed"] == [["at once for second"]]


def test_an_answer_is_not_sent_as_a_change_of_one_that_was_broken_off(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gradio tells answers apart by where their iterators lie, and after one is gone the next may lie there."""
    monkeypatch.setattr(gradio.blocks, "id", lambda iterator: 1, raising=False)
    heard: list[list[Any]] = []
    for number, left in enumerate((True, False)):
        body = {"data": [f"step {number}"], "fn_index": 0, "session_hash": "one"}
        event = page.http.post("/gradio_api/queue/join", json=body, headers=OWNER).json()["event_id"]
        with page.http.stream("GET", "/gradio_api/queue/data?session_hash=one") as stream:
            said = (json.loads(line.removeprefix("data: ")) for line in stream.iter_lines() if line.startswith("data"))
            heard.append(next(one["output"]["data"] for one in said if one["msg"] == "process_generating"))
            if left:
                page.http.post("/gradio_api/cancel", json={"session_hash": "one", "event_id": event, "fn_index": 0})
                wait_until(lambda: page.ended == ["step 0"], "it is broken off")
            else:
                page.go_on.set()
                assert any(one["msg"] == "process_completed" and one["success"] for one in said)
    assert heard == [["not yet"], ["not yet"]]
    wait_until(lambda: not page.blocks.pending_diff_streams, "steps are forgotten with their events")


def ask_latest(page: Page, *names: str) -> Callable[[], list[Any]]:
    """Ask one question after the other, each when that before it is being answered; returns what reads all answers."""
    for name in names:
        body = {"data": [name], "fn_index": 2, "session_hash": "one"}
        page.http.post("/gradio_api/queue/join", json=body, headers=OWNER).raise_for_status()
        wait_until(partial(page.begun.__contains__, name), "it is being answered")

    def read() -> list[Any]:
        lines = page.http.get("/gradio_api/queue/data?session_hash=one").text.splitlines()
        said = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data")]
        assert sum(one["msg"] == "process_completed" and one["success"] for one in said) == len(names)
        return [text for one in said for text in (one.get("output") or {}).get("data", ()) if isinstance(text, str)]

    return read


def test_the_last_step_of_an_answer_is_not_sent_once_more_past_a_later_answer(page: Page) -> None:
    read = ask_latest(page, "first", "second")
    wait_until(lambda: len(page.queue._finished) == 1, "the second is answered")
    page.go_on.set()
    answers = read()
    assert answers[0] == "first begun" and answers[-1] == "second done"
    assert answers.count("first begun") == 1 and "first done" not in answers


def test_what_was_worked_out_just_before_another_was_asked_does_not_come_after_it(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = gradio.processing_utils.async_move_files_to_cache

    async def slowly(data: Any, *given: Any, **named: Any) -> Any:
        while data == "first begun" and not page.go_on.is_set():
            await asyncio.sleep(0.01)
        return await move(data, *given, **named)

    monkeypatch.setattr(gradio.processing_utils, "async_move_files_to_cache", slowly)
    read = ask_latest(page, "first", "second")
    time.sleep(0.5)  # longer than the second answer takes where it waits for nothing
    page.go_on.set()
    assert set(read()) == {"second begun", "second done"}


def test_an_answer_can_be_fetched_later(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_queue, "UNREAD_SECONDS", 0.0)
    asked = page.ask("quick", "late", **OWNER)
    wait_until(lambda: page.queue._finished, "it is done")
    time.sleep(0.2)
    assert "at once for late" in page.answer("quick", asked)
    asked = page.ask("quick", "never", **OWNER)
    monkeypatch.setattr(fair_queue, "KEPT_SECONDS", 0.0)
    wait_until(lambda: not page.queue.event_ids_to_events, "but not for ever")


def test_sessions_are_forgotten_unless_a_page_is_open(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def session(name: str) -> None:
        body = {"data": [name], "fn_index": 1, "session_hash": name}
        assert page.http.post("/gradio_api/queue/join", json=body, headers=OWNER).status_code == 200
        assert "at once" in page.http.get(f"/gradio_api/queue/data?session_hash={name}").text

    holder = page.blocks.state_holder
    with page.http.stream("GET", "/gradio_api/heartbeat/open"):
        for name in ("open", "left"):
            session(name)
        assert {"open", "left"} <= set(holder.session_data)
        monkeypatch.setattr(fair_queue, "IDLE_SECONDS", 0.2)
        wait_until(lambda: "left" not in holder.session_data, "nobody uses it")
        assert "open" in holder.session_data and "left" not in holder.time_last_used
    wait_until(lambda: "open" not in holder.session_data, "the page is closed")


def test_a_session_describes_the_page_no_second_time(page: Page) -> None:
    page.answer("quick", page.ask("quick", "x"))
    state = page.blocks.state_holder["a session"]
    assert state.config_values == {} and list(state.blocks_config.blocks) == list(page.blocks.blocks)


def test_nothing_walks_around_the_queue(page: Page) -> None:
    for path in ("run/quick", "run/predict", "api/quick"):
        reply = page.http.post(f"/gradio_api/{path}", json={"data": ["x"], "fn_index": 1})
        assert reply.status_code == 404 and "join the queue" in reply.text


# --- the guard --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "X-Forwarded-Host": "evil.example", "Origin": "https://evil.example"},
    ],
)
@pytest.mark.parametrize("at_home", [False, True])
def test_other_sites_send_nothing(
    page: Page, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], at_home: bool
) -> None:
    if at_home:
        monkeypatch.setattr(access, "_exposed", False)
        monkeypatch.delenv(access.PASSWORD)
    upload = page.http.post("/gradio_api/upload", files={"files": ("a.wav", b"a")}, headers=headers)
    asked = page.http.post("/gradio_api/call/quick", json={"data": ["x"]}, headers=headers)
    for reply in (upload, asked):
        assert reply.status_code == 403 and reply.json()["detail"].startswith("Another site asked for this")


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": "https://a.example", "X-Forwarded-Host": "a.example"}],
)
def test_the_page_itself_and_programs_do(page: Page, headers: dict[str, str]) -> None:
    assert page.http.post("/gradio_api/upload", files={"files": ("a.wav", b"a")}, headers=headers).status_code == 200


def test_no_other_site_frames_the_page(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in ("/", "/config"):
        assert page.http.get(path).headers["content-security-policy"] == "frame-ancestors 'self'"
    monkeypatch.setenv("SPACE_ID", "Ada/space")
    policy = page.http.get("/").headers["content-security-policy"].split()
    assert {"https://huggingface.co", "https://*.hf.space"} < set(policy)


def test_a_call_of_this_process_ends_where_it_was_given_up_elsewhere(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def push(*_: Any) -> tuple[bool, str, str]:
        page.queue.pending_messages_per_session["lost"] = asyncio.Queue()
        return True, "lost", "success"

    async def listen() -> list[Any]:
        return [message async for message in page.queue.messages(None, None)]

    monkeypatch.setattr(page.queue, "push", push)
    with pytest.raises(ValueError, match="given up before it was done"):
        awaited(listen())


def test_wrong_passwords_slow_their_address_alone(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "SLOW_SECONDS", 0.0)
    monkeypatch.setattr(fair_queue, "MAX_HEAVY", {})
    for guess in range(3 * access.WRONG_TRIES):
        page.ask("quick", "x", "203.0.113.66", Authorization=f"Bearer {guess}")
    for address in ("203.0.113.66", "203.0.113.7"):
        for _ in range(40):
            assert page.ask("lasting", "owner", address, **OWNER).status_code == 200, "the right one always works"
    waits = []
    for where in ("203.0.113.66", "203.0.113.7"):
        monkeypatch.setattr(access, "SLOW_SECONDS", 7.0)
        with access.TRIES.turn(where) as seconds:
            waits.append(seconds)
    assert waits == [7.0, 0.0]
