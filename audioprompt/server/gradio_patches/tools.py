"""The same capabilities as tools for assistants: Gradio's MCP server, with what it takes to be of use and no more."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import gradio as gr
from gradio import processing_utils
from gradio_client import handle_file  # type: ignore[import-untyped]
from gradio_client.utils import is_file_obj_with_meta, traverse  # type: ignore[import-untyped]
from mcp import types
from mcp.server import Server
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.sse import SseServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from audioprompt.server import access
from audioprompt.server.gradio_patches.late_tools import GradioMCPServer

LOOK_SECONDS = 0.05
FILES = (
    " A file is given by its http or https address or as a data URI, at home also by its path. One that was uploaded to"
    " this app has an address here too."
)


class Tools(GradioMCPServer):
    """Gradio's MCP server, as `late_tools` puts it into place.

    The stream of a microphone is not a tool. Answers are JSON, not Python. Whoever may name files of this machine may
    do so here. A call that its client gives up is given up here.
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
            return handle_file(named)
        raise ValueError(f"There is no file {named[:200]}: give an http or https address or a data URI.")

    async def _execute_tool_without_progress(self, job: Any) -> list[Any]:
        with _given_up_together(job):
            while not job.done():
                await anyio.sleep(LOOK_SECONDS)
            return [job.result()]

    async def _execute_tool_with_progress(self, job: Any, progress_token: str | int) -> Any:
        with _given_up_together(job):
            return await super()._execute_tool_with_progress(job, progress_token)

    def postprocess_output_data(self, data: Any, root_url: str) -> list[Any]:
        data = processing_utils.add_root_url(data, root_url, None)
        answers = traverse(data, lambda file: file["url"], is_file_obj_with_meta)
        return [self.types.TextContent(type="text", text=json.dumps(one, ensure_ascii=False)) for one in answers]


@contextmanager
def _given_up_together(job: Any) -> Iterator[None]:
    try:
        yield
    except anyio.get_cancelled_exc_class():
        job.cancel()
        raise
