"""Gradio's queue made fair: what one visitor may have under way, and what happens to work nobody waits for.

It leans on these private parts of Gradio:

- `gradio.queueing.Queue`, which `install` puts a subclass in the place of: `push`, `start`, `process_events`,
  `send_message`, `clean_events`, and the dicts of its events, `event_queue_per_concurrency_id`, `event_ids_to_events`,
  `pending_event_ids_session`, `pending_messages_per_session` and `event_analytics`, of which it forgets nothing itself;
- `gradio.state_holder`: `StateHolder`, which forgets no session before it holds `state_session_capacity` of them, and
  `SessionState`, which lays out a description of the whole page for each session.
"""

import asyncio
import itertools
import logging
import math
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import gradio as gr
from anyio import CancelScope
from fastapi import HTTPException, Request
from gradio import queueing, state_holder, utils
from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Event

from audioprompt.server import access, guard
from audioprompt.server.gradio_patches import steps
from audioprompt.util import memory

HEAVY = 3  # tasks that take a while and one visitor may have under way in one queue: one is done, the others wait
MAX_HEAVY = {
    "writing": HEAVY,
    "measuring": HEAVY,
    "learning": HEAVY,
    "curate": HEAVY,
    "learn": HEAVY,
    "live": 8,
}  # by queue
MAX_LIGHT = 30  # other tasks, for a whole class may share an address
MAX_IN_ALL = 100  # that visitors may have waiting in one queue
UNREAD_SECONDS = 15.0  # until a visitor's work is given up that nobody waits for
KEPT_SECONDS = 600.0  # that an answer can still be fetched
LATE_SECONDS = 60.0  # that pieces of a stream may still come after its end, and a page may still ask for answers
IDLE_SECONDS = 3600.0  # until a session is forgotten that no page holds open
LIVE_SECONDS = 600.0  # that a visitor's microphone is heard at a stretch
LOOK_SECONDS = 1.0
WAKE_SECONDS = 0.01  # between two looks at whether there is something to do

FULL = "This page is too busy right now. Try again in a minute."
GIVEN_UP = "This was given up before it was done. Try again."
TOO_MANY = "You already have {count} tasks running here. Wait until one of them ends, then try again."

logger = logging.getLogger(__name__)


class FairQueue(queueing.Queue):
    """Gradio's queue, in which no visitor keeps out the others, and curators come first."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.max_size = None  # it would count everybody's work together; on ZeroGPU Gradio would set it to one
        self.sleep_when_free = WAKE_SECONDS
        self._places = itertools.count()
        self._finished: deque[tuple[float, Event]] = deque()
        self._worked = False  # since memory was given back

    def start(self) -> None:
        super().start()
        utils.run_coro_in_background(self._look_after)

    # --- what comes in ---

    async def push(self, body: Any, request: Any, username: str | None) -> Any:
        """Take an event in, unless its sender has too much under way.

        Raises:
            HTTPException: so it is; the sentence says what to do.
        """
        asked = gr.Request(request)
        sender = None if access.is_curator(asked) else access.caller(asked)
        fn = self.blocks.fns.get(body.fn_index)
        if sender is not None and fn is not None:
            self._refuse_too_much(sender, fn.concurrency_id)
        request.scope[access.PLACE] = next(self._places)
        request.scope[access.SINGLE] = body.session_hash is None  # Gradio will make up a session
        done = await super().push(body, request, username)
        event = self.event_ids_to_events.get(str(done[1])) if done[0] else None
        if event is not None:
            event.sender, event.came = sender, time.monotonic()  # type: ignore[attr-defined]
            if sender is None:
                self._let_pass(event)
        return done

    def _refuse_too_much(self, sender: str, concurrency_id: str) -> None:
        under_way = [event for event in self._under_way() if event.concurrency_id == concurrency_id]
        count = sum(_sender(event) == sender for event in under_way)
        if count >= MAX_HEAVY.get(concurrency_id, MAX_LIGHT):
            logger.info("Refused work from %s: %d of their tasks are under way in %s", sender, count, concurrency_id)
            raise HTTPException(429, TOO_MANY.format(count=count))
        if sum(_sender(event) is not None for event in self._waiting(concurrency_id)) >= MAX_IN_ALL:
            logger.warning("Refused work from %s: the queue %s is full", sender, concurrency_id)
            raise HTTPException(429, FULL)

    def _let_pass(self, event: Event) -> None:
        """Move a curator's event before all visitors'."""
        waiting = self._waiting(event.concurrency_id)
        if event in waiting:
            waiting.remove(event)
            place = next((place for place, other in enumerate(waiting) if _sender(other) is not None), len(waiting))
            waiting.insert(place, event)

    def _waiting(self, concurrency_id: str) -> list[Event]:
        queue = self.event_queue_per_concurrency_id.get(concurrency_id)
        return queue.queue if queue else []

    def _under_way(self) -> Iterator[Event]:
        """All events that wait or are worked on."""
        for queue in self.event_queue_per_concurrency_id.values():
            yield from queue.queue
        for job in self.active_jobs:
            yield from job or ()

    def get_events(self) -> tuple[list[Event], bool, str] | None:
        """Return what is to be done next. A curator's work waits for that of other curators alone."""
        for name, queue in self.event_queue_per_concurrency_id.items():
            limit = queue.concurrency_limit
            if limit and queue.queue and _sender(queue.queue[0]) is None and queue.current_concurrency >= limit:
                at_it = [event for job in self.active_jobs for event in job or () if event.concurrency_id == name]
                if sum(_sender(event) is None for event in at_it) < limit:
                    return [queue.queue.pop(0)], False, name
        return super().get_events()

    # --- what goes out ---

    def send_message(self, event: Event, event_message: Any) -> None:
        """Send a message to whoever reads the event's; without the answer, if another has taken its place."""
        wanted, output = steps.wanted_by(event.request), getattr(event_message, "output", None) or {}
        if wanted is not None and not wanted() and "data" in output:
            event_message.output = {**output, "data": []}
        super().send_message(event, event_message)

    async def messages(self, body: PredictBodyInternal, request: Request) -> AsyncGenerator[Any, None]:
        """Take in a call of no session from this process, and yield what is said of it up to its end.

        It is given up where the messages are not read to their end.

        Raises:
            ValueError: it is refused, or was given up elsewhere; the sentence says so.
        """
        try:
            done, event, _ = await self.push(body, request, None)
        except HTTPException as refused:
            raise ValueError(refused.detail) from None
        if not done:
            raise ValueError(str(event))
        told, over = self.pending_messages_per_session[event], False
        try:
            with guard.READERS.here(event):
                while not over:
                    try:
                        message = await asyncio.wait_for(told.get(), LOOK_SECONDS)
                    except asyncio.TimeoutError:
                        if all(other._id != event for other in self._under_way()) and told.empty():
                            raise ValueError(GIVEN_UP) from None
                        continue
                    over = message.msg == "process_completed"
                    yield message
        finally:
            if over:
                self._nobody_waits(event, event)
            else:
                with CancelScope(shield=True):
                    await self._give_up(event, event)

    async def process_events(self, events: list[Event], *others: Any) -> None:
        try:
            await super().process_events(events, *others)
        finally:
            self._worked = True
            for event in events:
                event.data = None
                event.request = None  # type: ignore[assignment]
                self.event_analytics.pop(event._id, None)
                steps.forget(self.blocks, event.session_hash, event._id)
                self._finished.append((time.monotonic(), event))
                if event.session_hash == event._id:  # a call of no session, for which Gradio has made one
                    self._forget_session(event._id)

    async def _look_after(self) -> None:
        """Give up and forget, once a second, for as long as the page is served."""
        while not self.stopped:
            await asyncio.sleep(LOOK_SECONDS)
            await self._give_up_unread()
            self._end_long_listening()
            self._forget_finished()
            self._forget_sessions()
            if self._worked:
                self._worked = not await asyncio.to_thread(memory.give_back)

    async def _give_up_unread(self) -> None:
        """Stop the visitors' work whose answer nobody waits for: never has, or no longer."""
        now = time.monotonic()
        for event in list(self._under_way()):
            if _sender(event) is None or event.streaming:
                continue
            unread = guard.READERS.gone_for(event.session_hash, event._id)
            if min(unread, now - event.came) > UNREAD_SECONDS:  # type: ignore[attr-defined]
                await self._give_up(event.session_hash, event._id)

    async def _give_up(self, session: str, event: str) -> None:
        await self.clean_events(event_id=event)  # a generator at work ends at its next step
        self._nobody_waits(session, event)

    def _nobody_waits(self, session: str, event: str) -> None:
        self.pending_event_ids_session.get(session, set()).discard(event)

    def _end_long_listening(self) -> None:
        """End a visitor's stream that has lasted for long, as its own client would."""
        for event in [event for job in self.active_jobs for event in job or () if event.streaming]:
            if _sender(event) is not None and time.monotonic() - event.came > LIVE_SECONDS:  # type: ignore[attr-defined]
                event.run_time, event.closed = math.inf, True
                event.signal.set()

    def _forget_finished(self) -> None:
        """Forget events once their answer was read, or that nobody has fetched in time; Gradio forgets none."""
        now, kept = time.monotonic(), deque[tuple[float, Event]]()
        for ended, event in self._finished:
            pending = self.pending_event_ids_session.get(event.session_hash, set())
            unread = event._id in pending and now - ended < KEPT_SECONDS
            if unread or (event.streaming and now - ended < LATE_SECONDS):
                kept.append((ended, event))
                continue
            pending.discard(event._id)
            self.event_ids_to_events.pop(event._id, None)
        self._finished = kept
        busy = Counter(event.session_hash for event in self._under_way())
        for session, events in list(self.pending_event_ids_session.items()):
            # An answer can overtake the answer to its question: then the page opens a stream when it has read all, and
            # takes itself for cut off if its session is gone.
            if not events and not busy[session] and guard.READERS.gone_for(session) > LATE_SECONDS:
                del self.pending_event_ids_session[session]
                self.pending_messages_per_session.pop(session, None)

    # --- sessions ---

    def _forget_sessions(self) -> None:
        """Forget the sessions that no page holds open and nobody has used for a while."""
        holder, now = self.blocks.state_holder, time.time()
        for session in list(holder.session_data):
            used = holder.time_last_used.get(session)
            idle = now - used.timestamp() if used else math.inf
            if min(idle, guard.PAGES.gone_for(session)) > IDLE_SECONDS:
                self._forget_session(session)
        for session in holder.time_last_used.keys() - holder.session_data.keys():
            del holder.time_last_used[session]

    def _forget_session(self, session: str) -> None:
        holder = self.blocks.state_holder
        holder.delete_state(session)  # tells those states that want to be told
        holder.session_data.pop(session, None)
        holder.time_last_used.pop(session, None)


def _sender(event: Event) -> str | None:
    """Which visitor sent an event; None for curators."""
    return getattr(event, "sender", None)


class _Undescribed:
    """A page whose blocks are not described anew for each session: 0.5 MB and 0.15 s for what only deep links read.

    Nor, for the same end, after each answer: a fifteenth of its time, and a copy of all that the session was shown.
    """

    def __init__(self, blocks: Any) -> None:
        self.default_config, self.blocks = blocks.default_config, ()


def install() -> None:
    """From now on pages are served with this queue."""
    queueing.Queue = FairQueue  # type: ignore[misc]
    steps.install()
    begin = state_holder.SessionState.__init__
    if not hasattr(begin, "undescribed"):

        def begin_undescribed(self: Any, blocks: Any) -> None:
            begin(self, _Undescribed(blocks))  # type: ignore[arg-type]
            self.blocks_config.config_for_block = lambda *_: {}

        begin_undescribed.undescribed = True  # type: ignore[attr-defined]
        state_holder.SessionState.__init__ = begin_undescribed  # type: ignore[method-assign]
