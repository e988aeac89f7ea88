"""The same capabilities as tools for assistants: Gradio's MCP server, with what it takes to be of use and no more."""

import json
from collections.abc import Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any, cast

import gradio as gr
from anyio.to_thread import run_sync
from fastapi import Request
from gradio import processing_utils
from gradio.data_classes import PredictBodyInternal
from gradio_client import handle_file  # type: ignore[import-untyped]
from gradio_client.utils import (  # type: ignore[import-untyped]
    ProgressUnit,
    Status,
    StatusUpdate,
    is_file_obj_with_meta,
    traverse,
)
from mcp import types
from mcp.server import Server
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.sse import SseServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from audioprompt.server import access
from audioprompt.server.gradio_patches import files
from audioprompt.server.gradio_patches.late_tools import GradioMCPServer
from audioprompt.server.gradio_patches.queue import FairQueue

QUEUE = "/gradio_api/queue/join"  # where the page's own calls come in
FAILED = "Something went wrong here that was not in what you gave. Whoever runs this page finds it in its log."
FILES = (
    " A file is given by its http or https address or as a data URI, at home also by its path. One that was uploaded to"
    " this app has an address here too."
)


class Tools(GradioMCPServer):
    """Gradio's MCP server, as `late_tools` puts it into place.

    The stream of a microphone is not a tool. Answers are JSON, not Python. Whoever may name files of this machine may
    do so here. A call that its client gives up is given up here.

    Gradio's class sends each call to its own page over HTTP, by one `gradio_client` for all. That takes three threads
    for each call, of forty: calls that came at once took those that they had to wait for, and the tools answered nobody
    any more. And its one stream of answers could be closing just when a call began, whose answer was then never read.
    Here a call goes straight into the page's queue: this server is itself what Gradio takes for a client.
    """

    # Gradio's class takes these from ``mcp`` where that can be imported, see `importing`.
    types, Server, ReadResourceContents = types, Server, ReadResourceContents
    SseServerTransport, StreamableHTTPSessionManager = SseServerTransport, StreamableHTTPSessionManager

    def get_tool_to_endpoint(self) -> dict[str, str]:
        return {tool: endpoint for tool, endpoint in super().get_tool_to_endpoint().items() if endpoint != "/live"}

    @property
    def _file_data_tool_description(self) -> str:
        return FILES

    def get_input_schema(
        self, tool_name: str, parameters: dict[str, str] | None = None
    ) -> tuple[dict[str, Any], list[list[Any]]]:
        """Return the schema of a tool's arguments, with what must be given and nothing twice; and where in it files
        are.
        """
        schema, files = super().get_input_schema(tool_name, parameters)
        for one in schema["properties"].values():
            one.pop("additional_description", None)
            one.pop("required", None)  # the fields of what an address stands for
        given = self.api_info["named_endpoints"][self.tool_to_endpoint[tool_name]]["parameters"]
        schema["required"] = [one["parameter_name"] for one in given if not one["parameter_has_default"]]
        return schema, files

    def convert_strings_to_filedata(self, value: dict[str, Any], filedata_positions: list[list[Any]]) -> dict[str, Any]:
        """Return the arguments of a call with files in place of the texts that name them.

        Args:
            value: by parameter.
            filedata_positions: where in the schema files are; each begins with its parameter.
        """
        files = {position[0] for position in filedata_positions}
        return {name: self._file(one) if name in files and one is not None else one for name, one in value.items()}

    def _file(self, named: str) -> Any:
        if named.startswith(("http://", "https://", "data:")):
            return super().convert_strings_to_filedata(named, [[]])
        if access.is_curator(gr.Request(self.mcp_server.request_context.request)) and Path(named).is_file():
            return _Named(handle_file(named))
        raise ValueError(f"There is no file {named[:200]}: give an http or https address or a data URI.")

    def _get_or_create_client(self) -> "Tools":
        return self

    def submit(self, *given: Any, api_name: str, headers: dict[str, str]) -> tuple[str, Sequence[Any]]:
        """Return a call as the two methods below take it: nothing is begun yet."""
        return api_name, given

    async def _execute_tool_without_progress(self, job: tuple[str, Sequence[Any]]) -> Any:
        return await self._answer(*job)

    async def _execute_tool_with_progress(self, job: tuple[str, Sequence[Any]], progress_token: str | int) -> Any:
        return await self._answer(*job, progress_token)

    async def _answer(self, endpoint: str, given: Sequence[Any], progress_token: str | int | None = None) -> list[Any]:
        """Have a call answered in its turn, and tell its client how it is going.

        Raises:
            ValueError: it was refused or went wrong; the sentence says why.
        """
        asked, queue = self.mcp_server.request_context, cast(FairQueue, self.blocks._queue)
        wired: Any = self.get_block_fn_from_endpoint_name(endpoint)
        came: Any = asked.request
        request = Request({**came.scope, "path": QUEUE})
        data = await run_sync(partial(traverse, list(given), _uploaded, lambda one: isinstance(one, _Named)))
        body = PredictBodyInternal(data=data, fn_index=wired._id, request=request)
        async with aclosing(queue.messages(body, request)) as messages:
            step = 0
            async for message in messages:
                if message.msg == "process_completed":
                    answer = message.output
                elif progress_token is not None:
                    words = self._format_progress_message(_update(message))
                    await asked.session.send_progress_notification(
                        progress_token, step, message=words, related_request_id=str(asked.request_id)
                    )
                    step += 1
        if "data" not in answer:
            raise ValueError(answer.get("error") or FAILED)
        return list(answer["data"])

    def postprocess_output_data(self, data: Any, root_url: str) -> list[Any]:
        data = processing_utils.add_root_url(data, root_url, None)
        answers = traverse(data, lambda file: file["url"], is_file_obj_with_meta)
        return [self.types.TextContent(type="text", text=json.dumps(one, ensure_ascii=False)) for one in answers]


class _Named(dict[str, Any]):
    """A file of this machine that its caller may name; what comes from a client is never of this type."""


def _uploaded(file: _Named) -> dict[str, Any]:
    """Return a file as if it had been uploaded, for Gradio reads no others."""
    return {**file, "path": str(files.copied(Path(file["path"])))}


def _update(message: Any) -> StatusUpdate:
    """Return what the queue says of a call as `gradio_client` would, for Gradio's words."""
    said = message.model_dump()
    units = ProgressUnit.from_msg(said["progress_data"]) if said.get("progress_data") else None
    place = {"rank": said.get("rank"), "queue_size": said.get("queue_size"), "eta": said.get("rank_eta")}
    return StatusUpdate(Status.msg_to_status(message.msg), success=None, time=None, progress_data=units, **place)
