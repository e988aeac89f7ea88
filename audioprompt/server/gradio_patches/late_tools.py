"""Gradio's MCP server, made when the first assistant comes: a page that none uses does without a third of a second.

Gradio imports the package ``mcp`` for it, which `importing` puts off, and makes one server for each page at launch.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import gradio as gr
import gradio.mcp
from gradio.mcp import GradioMCPServer as GradioMCPServer  # Gradio's own, before another takes its place
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

logger = logging.getLogger(__name__)


class LateTools:
    """What Gradio takes for its MCP server.

    Args:
        blocks: the page whose endpoints are the tools.
    """

    def __init__(self, blocks: gr.Blocks) -> None:
        self.blocks = blocks
        self._root_path = ""
        self._wanted, self._there, self._over = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._app: Starlette | None = None

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Serve for as long as the page is served."""
        serving = asyncio.create_task(self._serve())
        try:
            yield
        finally:
            self._over.set()
            self._wanted.set()
            await serving

    async def _serve(self) -> None:
        """Make the server once it is wanted, and run it in this one task until the page is closed."""
        await self._wanted.wait()
        if self._over.is_set():
            return
        try:
            server = await asyncio.to_thread(self._make)
            made = Starlette()
            server.launch_mcp_on_sse(made, "", self._root_path)
            async with server.lifespan(made):
                self._app = made
                self._there.set()
                await self._over.wait()
        except Exception:
            logger.exception("The tools for assistants cannot be served")
        finally:
            self._app = None
            self._there.set()

    def _make(self) -> Any:
        from audioprompt.server.gradio_patches.tools import Tools  # imports ``mcp``

        return Tools(self.blocks)

    def launch_mcp_on_sse(self, app: Starlette, subpath: str, root_path: str) -> None:
        """Mount the server on the page's app."""
        self._root_path = root_path
        app.mount(subpath, app=self._answer)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._wanted.set()
        await self._there.wait()
        app = self._app or PlainTextResponse("The tools for assistants are not served.", 503)
        await app(scope, receive, send)


def install() -> None:
    """From now on pages are served to MCP clients like this."""
    gradio.mcp.GradioMCPServer = LateTools  # type: ignore[misc, assignment]
