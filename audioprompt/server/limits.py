"""Limits on what is sent to a page: requests that would fill the memory or the disk are refused."""

import logging
import shutil
import sys
import tempfile
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audioprompt.server.temporary import no_leftovers
from audioprompt.settings import UPLOADS

CLASSIFIERS = 6  # clips classified at once: while one is drawn, others are read and embedded
WRITERS = 8  # generations at once
MAX_FILE_BYTES = 50_000_000  # bytes, sent or fetched
MAX_BYTES = 200_000_000  # of one request, whatever number of files is in it
MAX_BODY_BYTES = (
    4_000_000  # bytes of a request that brings no files: read as JSON, they take fifty times as much memory
)
FILES = "multipart/form-data"
UNUSED = ("/process_recording", "/deep_link")  # of Gradio's; they keep what they are sent for ever
MIN_FREE_BYTES = 1_000_000_000  # bytes that uploads leave on the disk

logger = logging.getLogger(__name__)


class Bounded:
    """An ASGI app whose requests are limited in size.

    Args:
        app: answers them.
        public: whether uploads are limited too, in size and by the free space on the disk.
    """

    def __init__(self, app: ASGIApp, public: bool = True) -> None:
        self.app, self.public = app, public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        length, with_files = headers.get("content-length", ""), headers.get("content-type", "").startswith(FILES)
        most = (MAX_BYTES if self.public else sys.maxsize) if with_files else MAX_BODY_BYTES
        come = 0

        async def counted() -> Message:
            """Pass messages through until the body exceeds the limit; then report a disconnect."""
            nonlocal come
            message = await receive()
            come += len(message.get("body", b""))
            return message if come <= most else {"type": "http.disconnect"}

        if scope["path"].endswith(UNUSED):
            await PlainTextResponse("There is nothing here.", 404)(scope, receive, send)
        elif length.isdecimal() and int(length) > most:
            too_much = f"Upload too large (limit {most // 1_000_000} MB). " + (
                "Choose fewer files." if with_files else "Upload it as a file."
            )
            logger.info("Refused %s bytes at once, over the limit of %d", length, most)
            await PlainTextResponse(too_much, 413)(scope, receive, send)
        elif self.public and scope["path"].endswith("/upload") and full():
            refusal = PlainTextResponse("This server is out of disk space. Try again later.", 507)
            logger.warning("Refused an upload: the disk is full")
            await refusal(scope, receive, send)
        else:
            with no_leftovers():
                await self.app(scope, counted, send)


def full() -> bool:
    """Tell whether a disk is too full for uploads: that where they arrive, or that where they are kept."""
    places = (Path(tempfile.gettempdir()), *([Path(UPLOADS.value)] if UPLOADS else []))
    return any(shutil.disk_usage(place).free < MIN_FREE_BYTES for place in places if place.is_dir())
