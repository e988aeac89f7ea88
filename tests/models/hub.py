"""A small Hugging Face hub and Zenodo on this machine, with faults on demand."""

import hashlib
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0" * 40


class Hub:
    """Serves ``<folder>/<repo>/<file>`` as the hub does, and ``<folder>/zenodo/<record>/<file>`` as Zenodo does.

    Data sets are in ``<folder>/datasets/<owner>/<name>``; they have one revision, ``main``, and can be listed.

    Attributes:
        requests: what was asked for, as "GET gpt2/tokenizer.json" or "GET gpt2/tokenizer.json bytes=100-".
        breaks: how often the connection drops after half of what is left of a file, by "<repo>/<file>".
        refuses: how often it drops before the first byte.
        damages: how often a file arrives with its last byte changed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requests: list[str] = []
        self.breaks: Counter[str] = Counter()
        self.refuses: Counter[str] = Counter()
        self.damages: Counter[str] = Counter()
        self.hashes: dict[str, str] = {}
        handler = type("BoundHandler", (Handler,), {"hub": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def asked(self, name: str) -> list[str]:
        """The downloads of a file that were begun."""
        return [request for request in self.requests if request.startswith(f"GET {name}")]

    def sha256(self, name: str) -> str:
        if name not in self.hashes:
            with (self.folder / name).open("rb") as file:
                digest = hashlib.sha256()
                while block := file.read(1 << 20):
                    digest.update(block)
                self.hashes[name] = digest.hexdigest()
        return self.hashes[name]


class Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        path = unquote(urlsplit(self.path).path.strip("/"))
        if path.startswith("api/records/"):
            self.listing(path.removeprefix("api/records/"))
        elif path.startswith("api/datasets/"):
            repo, _, revision = path.removeprefix("api/").partition("/revision/")
            self.dataset(repo, revision or "main")
        elif path.startswith("records/"):
            record, _, file = path.removeprefix("records/").partition("/files/")
            self.file(f"zenodo/{record}/{file}", body)
        else:
            repo, _, rest = path.partition("/resolve/")
            self.file(f"{repo}/{rest.partition('/')[2]}", body)

    def listing(self, record: str) -> None:
        files = [
            {
                "key": file.name,
                "size": file.stat().st_size,
                "checksum": f"md5:{hashlib.md5(file.read_bytes()).hexdigest()}",
            }
            for file in (self.hub.folder / "zenodo" / record).glob("*")
        ]
        self.json(200 if files else 404, {"files": files})

    def dataset(self, repo: str, revision: str) -> None:
        folder = self.hub.folder / repo
        self.hub.requests.append(f"LIST {repo}")
        if not folder.is_dir():
            self.json(401, {}, "RepoNotFound")
        elif revision not in ("main", COMMIT):
            self.json(404, {}, "RevisionNotFound")
        else:
            files = [
                {"rfilename": file.relative_to(folder).as_posix(), "size": file.stat().st_size}
                for file in folder.rglob("*")
                if file.is_file()
            ]
            self.json(200, {"id": repo.removeprefix("datasets/"), "sha": COMMIT, "siblings": files})

    def json(self, status: int, content: object, error: str | None = None) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        if error:
            self.send_header("X-Error-Code", error)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def file(self, name: str, body: bool) -> None:
        asked = self.headers.get("Range")
        self.hub.requests.append(" ".join(filter(None, [self.command, name, asked])))
        path = self.hub.folder / name
        if not path.is_file():
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        size = path.stat().st_size
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if start >= size:
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(size - start))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("ETag", f'"{self.hub.sha256(name)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if body:
            self.send(path, name, start, size)

    def send(self, path: Path, name: str, start: int, size: int) -> None:
        end = size
        if breaking := self.hub.breaks[name] > 0:
            self.hub.breaks[name] -= 1
            end = start + (size - start) // 2
        if refusing := self.hub.refuses[name] > 0:
            self.hub.refuses[name] -= 1
            end = start
        if damaging := self.hub.damages[name] > 0:
            self.hub.damages[name] -= 1
            end = size - 1
        with path.open("rb") as file:
            file.seek(start)
            while (left := end - file.tell()) > 0:
                self.wfile.write(file.read(min(left, 1 << 20)))
            if damaging:
                self.wfile.write(bytes([file.read(1)[0] ^ 0xFF]))
        self.close_connection = breaking or refusing
