"""How much a page takes in, and a public one at once: what would fill the memory or the disk is refused."""

import shutil
import tempfile

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_FILE = 50_000_000  # bytes, sent or fetched
MOST_BYTES = 200_000_000  # of one request, whatever number of files is in it
LEAST_FREE = 1_000_000_000  # bytes that uploads leave on the disk


class Bounded:
    """An ASGI app whose requests are kept to a size."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        come = 0

        async def counted() -> Message:
            """What comes, until it is more than was said: then it is as if whoever sends it had gone."""
            nonlocal come
            message = await receive()
            come += len(message.get("body", b""))
            return message if come <= MOST_BYTES else {"type": "http.disconnect"}

        if length.isdecimal() and int(length) > MOST_BYTES:
            refusal = PlainTextResponse(f"That is over {MOST_BYTES // 1_000_000} MB at once: give fewer files.", 413)
            await refusal(scope, receive, send)
        elif scope["path"].endswith("/upload") and _full():
            refusal = PlainTextResponse("This server has no room for files now: try again later.", 507)
            await refusal(scope, receive, send)
        else:
            await self.app(scope, counted, send)


def _full() -> bool:
    return shutil.disk_usage(tempfile.gettempdir()).free < LEAST_FREE
