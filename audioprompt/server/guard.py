"""The gate every request passes first: it keeps out other sites' forms and frames, and checks passwords.

It also records who is waiting for an answer and which pages are open.
"""

import logging
import math
import re
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audioprompt.server import access
from audioprompt.settings import on_a_space

HARMLESS = ("GET", "HEAD", "OPTIONS")  # methods that change nothing
FRAMED_AT_HOME = "frame-ancestors 'self'"
FRAMED_ON_THE_HUB = "frame-ancestors 'self' https://huggingface.co https://*.huggingface.co https://*.hf.space"
FROM_ELSEWHERE = "Another site asked for this in your browser. Open this page at its own address and do it there."
GONE_KEPT = 10_000  # of whom it is known when they left
ANSWER = re.compile(r"/call/(?:v2/)?[^/]+/([^/]+)/?$")  # the path of an answer, by its event
PAGE = re.compile(r"/heartbeat/([^/]+)$")  # of what an open page holds open, by its session

logger = logging.getLogger(__name__)


class Present:
    """Who holds a connection open, by session or event."""

    def __init__(self) -> None:
        self._here: Counter[str] = Counter()
        self._left: OrderedDict[str, float] = OrderedDict()  # when the last connection of each ended

    @contextmanager
    def here(self, name: str) -> Iterator[None]:
        """Count as present inside a ``with``."""
        self._here[name] += 1
        try:
            yield
        finally:
            self._here[name] -= 1
            if not self._here[name]:
                del self._here[name]
                self._left.pop(name, None)
                self._left[name] = time.monotonic()
                if len(self._left) > GONE_KEPT:
                    self._left.popitem(last=False)

    def gone_for(self, *names: str) -> float:
        """Return for how many seconds none of these has been present; infinite where none ever was."""
        if any(name in self._here for name in names):
            return 0.0
        return time.monotonic() - max(self._left.get(name, -math.inf) for name in names)


READERS, PAGES = Present(), Present()


class Guarded:
    """An ASGI app that other sites cannot use through somebody's browser."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["method"] not in HARMLESS and _from_elsewhere(headers):
            logger.info("Refused what another site sent through the browser of %s", access.address(scope))
            await JSONResponse({"detail": FROM_ELSEWHERE}, 403)(scope, receive, send)
            return
        if access.public():
            await access.note_password(scope)
        with _noted(scope):
            await self.app(scope, receive, _unframed(send))


def _noted(scope: Scope) -> AbstractContextManager[None]:
    """Count a request as a reader of answers, or as an open page, while it lasts."""
    path = scope["path"]
    if path.endswith("/queue/data"):
        (session,) = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[:1]
        return READERS.here(session)
    if scope["method"] == "GET" and (found := ANSWER.search(path)):
        return READERS.here(found[1])
    if found := PAGE.search(path):
        return PAGES.here(found[1])
    return nullcontext()


def _from_elsewhere(headers: Headers) -> bool:
    """Tell whether another site's form or script sent this; a proxy that renames the page says so in a header."""
    if not access.from_elsewhere(headers):
        return False
    origin, shown = headers.get("origin"), headers.get("x-forwarded-host")
    return "sec-fetch-site" in headers or not shown or urlsplit(origin or "").netloc != shown


def _unframed(send: Send) -> Send:
    """Keep other sites from framing the page; on a Space the hub may."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            policy = FRAMED_ON_THE_HUB if on_a_space() else FRAMED_AT_HOME
            MutableHeaders(scope=message).append("content-security-policy", policy)
        await send(message)

    return sent
