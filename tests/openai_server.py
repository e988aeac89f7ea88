"""A small chat service on this machine that speaks OpenAI's API over HTTP, with faults on demand."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

KEY = "sk-test-4f9a7c21d8e35b60"
PIECE = 7  # characters of an answer sent at a time


@dataclass
class Reply:
    """What the service does with one request.

    Attributes:
        text: the answer, streamed in small pieces; None for an endless one that says ``refrain`` again and again.
        finish: the finish_reason, None to leave it out.
        status: of HTTP; from 400 on ``text`` is the error's message.
        code: the error's code.
        headers: more of them.
        end: "whole"; "drop" cuts the connection after the text, "hang" leaves it open without a word.
        raw: sent as the whole body as it is, instead of all of the above but the status.
    """

    text: str | None = ""
    finish: str | None = "stop"
    status: int = 200
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    end: str = "whole"
    raw: str | None = None
    refrain: str = ""
    refusal: str | None = None
    error: str | None = None  # an error told in the stream, after the text
    deltas: Sequence[Mapping[str, Any]] = ()  # come before the text, as they are
    done: bool = True  # whether the stream ends with [DONE]
    comments: int = 0  # that keep the connection alive, before each piece
    unless: Callable[[dict[str, Any]], bool] | None = None  # requests that are answered with ``text`` after all
    answer: str = ""  # that answer
    kind: str | None = None  # the Content-Type


class ChatServer:
    """Gives the replies in turn, the last one for ever; knows the key ``KEY`` and one model only.

    Attributes:
        asked: the body of every request, in order.
        keys: the Authorization header of every request.
        headers: all headers of every request, their names in lower case.
        paths: the path of every request, with its query.
        path: the one it answers at.
        model: the one it knows.
        hung_up: set once a client has closed the connection before an endless answer was at its end.
    """

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.path = "/v1/chat/completions"
        self.model = "parrot"
        self.hung_up = threading.Event()
        self.closing = threading.Event()
        handler = type("BoundHandler", (Handler,), {"chat": self})
        self.server = QuietServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def chat_servers() -> Iterator[Callable[..., ChatServer]]:
    """Starts servers, each with the replies that it gives in turn; all end with the context."""
    with ExitStack() as open_ones:

        def start(*replies: Reply) -> ChatServer:
            server = ChatServer(*replies)
            open_ones.callback(server.close)
            return server

        yield start


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no event."""


class Handler(BaseHTTPRequestHandler):
    chat: ChatServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = self.headers["Authorization"]
        self.chat.asked.append(body)
        self.chat.keys.append(key)
        self.chat.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.chat.paths.append(self.path)
        if self.path != self.chat.path:
            self.send_whole(Reply("no such path", status=404))
        elif key != f"Bearer {KEY}":
            self.send_whole(Reply(f"Incorrect API key provided: {key}", status=401, code="invalid_api_key"))
        elif body["model"] != self.chat.model:
            self.send_whole(Reply(f"The model {body['model']} does not exist", status=404, code="model_not_found"))
        else:
            reply = self.chat.replies.pop(0) if len(self.chat.replies) > 1 else self.chat.replies[0]
            if reply.unless and reply.unless(body):
                reply = Reply(reply.answer)
            if reply.raw is not None or reply.status >= 400:
                self.send_whole(reply)
            else:
                self.stream(reply)

    def send_whole(self, reply: Reply) -> None:
        error = {"error": {"message": reply.text, "type": "error", "param": None, "code": reply.code}}
        content = (json.dumps(error) if reply.raw is None else reply.raw).encode()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        kind = "application/json" if reply.raw is None else "text/event-stream"
        self.send_header("Content-Type", reply.kind or kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def stream(self, reply: Reply) -> None:
        self.send_response(200)
        self.send_header("Content-Type", reply.kind or "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            self.event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]})
            for delta in reply.deltas:
                self.event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
            for piece in self.pieces(reply):
                for _ in range(reply.comments):
                    self.chunk(b": PROCESSING\n\n")
                self.event({"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})
        except OSError:
            self.chat.hung_up.set()
            self.close_connection = True
            return
        self.end_stream(reply)

    def end_stream(self, reply: Reply) -> None:
        if reply.end == "hang":
            self.chat.closing.wait(10)
        if reply.end != "whole":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if reply.error:
            self.event({"error": {"message": reply.error, "code": 502}})
        if reply.refusal:
            self.event({"choices": [{"index": 0, "delta": {"refusal": reply.refusal}, "finish_reason": None}]})
        if reply.finish is not None:
            self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": reply.finish}]})
        self.event({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}})
        if reply.done:
            self.chunk(b"data: [DONE]\n\n")
        self.chunk(b"")

    def pieces(self, reply: Reply) -> Iterator[str]:
        for start in range(0, len(reply.text or ""), PIECE):
            yield (reply.text or "")[start : start + PIECE]
        for _ in count() if reply.refrain else ():
            yield reply.refrain

    def event(self, content: dict[str, Any]) -> None:
        head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "parrot"}
        self.chunk(f"data: {json.dumps(head | content)}\n\n".encode())

    def chunk(self, content: bytes) -> None:
        self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        self.wfile.flush()
