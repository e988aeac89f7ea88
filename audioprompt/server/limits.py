"""How much a page takes in, and a public one at once: what would fill the memory or the disk is refused."""

import logging
import shutil
import sys
import tempfile

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audioprompt.server.temporary import no_leftovers

LARGEST_FILE = 50_000_000  # bytes, sent or fetched
MOST_BYTES = 200_000_000  # of one request, whatever number of files is in it
MOST_WORDS = 4_000_000  # bytes of a request that brings no files: read as JSON, they take fifty times as much memory
FILES = "multipart/form-data"
UNUSED = ("/process_recording", "/deep_link")  # of Gradio's; they keep what they are sent for ever
LEAST_FREE = 1_000_000_000  # bytes that uploads leave on the disk

logger = logging.getLogger(__name__)


class Bounded:
    """An ASGI app whose requests are kept to a size.

    Args:
        app: what answers them.
        public: whether files are kept to a size as well, and to the room on the disk.
    """

    def __init__(self, app: ASGIApp, public: bool = True) -> None:
        self.app, self.public = app, public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        length, with_files = headers.get("content-length", ""), headers.get("content-type", "").startswith(FILES)
        most = (MOST_BYTES if self.public else sys.maxsize) if with_files else MOST_WORDS
        come = 0

        async def counted() -> Message:
            """What comes, until it is more than was said: then it is as if whoever sends it had gone."""
            nonlocal come
            message = await receive()
            come += len(message.get("body", b""))
            return message if come <= most else {"type": "http.disconnect"}

        if scope["path"].endswith(UNUSED):
            await PlainTextResponse("There is nothing here.", 404)(scope, receive, send)
        elif length.isdecimal() and int(length) > most:
            too_much = f"That is over {most // 1_000_000} MB at once: " + (
                "give fewer files." if with_files else "upload it as a file."
            )
            logger.info("Refused %s bytes at once, over the limit of %d", length, most)
            await PlainTextResponse(too_much, 413)(scope, receive, send)
        elif self.public and scope["path"].endswith("/upload") and full():
            refusal = PlainTextResponse("This server has no room for files now: try again later.", 507)
            logger.warning("Refused an upload: the disk is full")
            await refusal(scope, receive, send)
        else:
            with no_leftovers():
                await self.app(scope, counted, send)


def full() -> bool:
    """Whether the disk has no room for anybody's files."""
    return shutil.disk_usage(tempfile.gettempdir()).free < LEAST_FREE
