"""A small Hugging Face hub and Zenodo on this machine, with faults on demand."""

import base64
import hashlib
import json
import multiprocessing
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import RepoCard

COMMIT = "0" * 40
LARGE = {".safetensors", ".pth"}  # what goes to storage of its own (LFS), and not with the commit

Worker = Callable[..., Any]


@contextmanager
def elsewhere(hub: str, home: Path, **more: str) -> Iterator[Worker]:
    """Calls a function in a process of its own, where the environment says that this address is the hub, and Zenodo.

    Args:
        hub: the address.
        home: where that process keeps what it downloads.
        more: variables of its environment.
    """
    ours = {
        "HF_ENDPOINT": hub,
        "HF_HOME": str(home),
        "AUDIOPROMPT_ZENODO_ENDPOINT": hub,
        "NO_PROXY": "127.0.0.1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_ETAG_TIMEOUT": "120",  # a busy machine answers late
        "HF_HUB_DOWNLOAD_TIMEOUT": "120",
    }
    theirs = (
        "HF_HUB_CACHE",
        "HF_ASSETS_CACHE",
        "HF_HUB_OFFLINE",
        "HF_TOKEN",
        "HF_TOKEN_PATH",
        "HUGGING_FACE_HUB_TOKEN",
        "TRANSFORMERS_CACHE",
        "TRANSFORMERS_OFFLINE",
    )
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        with pytest.MonkeyPatch.context() as patch:
            for name in theirs:
                patch.delenv(name, raising=False)
            for name, value in (ours | more).items():
                patch.setenv(name, value)
            assert pool.submit(os.getpid).result() != os.getpid()  # it starts here, and keeps this environment
        yield lambda function, *arguments: pool.submit(function, *arguments).result()


class Hub:
    """Serves ``<folder>/<repo>/<file>`` as the hub does, and ``<folder>/zenodo/<record>/<file>`` as Zenodo does.

    Data sets are in ``<folder>/datasets/<owner>/<name>``, Spaces in ``<folder>/spaces/<owner>/<name>``; all have one
    revision, ``main``. Whoever sends ``Bearer hf_secret`` may create repositories of ``me`` and write to them.

    Attributes:
        requests: what was asked for, as "GET gpt2/tokenizer.json" or "GET gpt2/tokenizer.json bytes=100-".
        created: what was said of each repository that was created, by its name.
        breaks: how often the connection drops after half of what is left of a file, by "<repo>/<file>".
        refuses: how often it drops before the first byte.
        damages: how often a file arrives with its last byte changed.
        away: repositories for which the connection drops without an answer, as if the hub could not be reached.
        fails: the error with which a step of an upload is answered, by its name: "create", "preupload", "commit",
            "batch" or "store".
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requests: list[str] = []
        self.created: dict[str, Mapping[str, Any]] = {}
        self.breaks: Counter[str] = Counter()
        self.refuses: Counter[str] = Counter()
        self.damages: Counter[str] = Counter()
        self.away: set[str] = set()
        self.fails: dict[str, int] = {}
        self.hashes: dict[str, str] = {}
        handler = type("BoundHandler", (Handler,), {"hub": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def asked(self, name: str) -> list[str]:
        """The downloads of a file that were begun."""
        return [request for request in self.requests if request.startswith(f"GET {name}")]

    def held(self, repo: str) -> dict[str, bytes]:
        """The files of a repository: "me/kitchen", "spaces/me/kitchen"."""
        folder = self.folder / repo
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

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

    def do_POST(self) -> None:
        path, content = self.path_asked(), self.received()
        if path == "api/validate-yaml":
            self.json(200, {"errors": [], "warnings": []})
        elif path == "api/repos/create":
            self.step("create", lambda: self.create(json.loads(content)))
        elif path.endswith(".git/info/lfs/objects/batch"):
            self.step("batch", lambda: self.batch(json.loads(content)["objects"]))
        elif "/preupload/" in path:
            self.step("preupload", lambda: self.modes(json.loads(content)["files"]))
        elif "/commit/" in path:
            repo = path.removeprefix("api/").removeprefix("models/").partition("/commit/")[0]
            self.step("commit", lambda: self.commit(repo, [json.loads(line) for line in content.splitlines()]))
        else:
            self.json(404, {})

    def do_PUT(self) -> None:
        content = self.received()
        self.step("store", lambda: self.store(self.path_asked().rpartition("/")[2], content))

    def path_asked(self) -> str:
        return unquote(urlsplit(self.path).path.strip("/"))

    def received(self) -> bytes:
        """The body; some come in chunks, without a length."""
        if "Content-Length" in self.headers:
            return self.rfile.read(int(self.headers["Content-Length"]))
        content = b""
        while size := int(self.rfile.readline(), 16) if "Transfer-Encoding" in self.headers else 0:
            content += self.rfile.read(size)
            self.rfile.readline()
        return content

    # --- uploads ------------------------------------------------------------------------------------------------------

    def step(self, name: str, take: Callable[[], None]) -> None:
        """Take a step of an upload, unless it is to fail or the sender may not."""
        self.hub.requests.append(f"{self.command} {name}")
        if status := self.hub.fails.get(name):
            self.json(status, {"error": "as the test wants it"})
        elif name != "store" and self.headers.get("Authorization") != "Bearer hf_secret":
            self.json(401, {"error": "Invalid username or password."})
        else:
            take()

    def create(self, wanted: Mapping[str, Any]) -> None:
        kind = {"space": "spaces/", "dataset": "datasets/"}.get(wanted.get("type", ""), "")
        owner = wanted.get("organization") or "me"
        folder = self.hub.folder / f"{kind}{owner}/{wanted['name']}"
        if owner != "me":
            self.json(403, {"error": f"You don't have the rights to create a repository under {owner}"})
        elif folder.exists():
            self.json(409, {"error": "You already created this repository"})
        else:
            folder.mkdir(parents=True)
            (folder / ".gitattributes").write_text("*.safetensors filter=lfs diff=lfs merge=lfs -text\n")
            self.hub.created[f"{owner}/{wanted['name']}"] = wanted
            self.json(200, {"url": f"{self.hub.url}/{kind}{owner}/{wanted['name']}"})

    def modes(self, files: list[dict[str, Any]]) -> None:
        self.json(
            200,
            {
                "files": [
                    {
                        "path": file["path"],
                        "uploadMode": "lfs" if Path(file["path"]).suffix in LARGE else "regular",
                        "shouldIgnore": False,
                    }
                    for file in files
                ]
            },
        )

    def batch(self, objects: list[dict[str, Any]]) -> None:
        wanted = [
            one | {"actions": {"upload": {"href": f"{self.hub.url}/lfs/{one['oid']}"}}}
            for one in objects
            if not (self.hub.folder / ".lfs" / one["oid"]).exists()
        ]
        self.json(200, {"transfer": "basic", "objects": wanted})

    def store(self, oid: str, content: bytes) -> None:
        if hashlib.sha256(content).hexdigest() != oid:
            self.json(400, {"error": "not what was announced"})
            return
        (self.hub.folder / ".lfs").mkdir(exist_ok=True)
        (self.hub.folder / ".lfs" / oid).write_bytes(content)
        self.json(200, {})

    def commit(self, repo: str, lines: list[dict[str, Any]]) -> None:
        folder = self.hub.folder / repo
        if not folder.is_dir():
            self.json(404, {}, "RepoNotFound")
            return
        for line in lines:
            path = folder / line["value"].get("path", "")
            if line["key"] == "deletedFile":
                path.unlink()
            elif line["key"] != "header":
                path.parent.mkdir(parents=True, exist_ok=True)
                large = line["key"] == "lfsFile"
                path.write_bytes(
                    (self.hub.folder / ".lfs" / line["value"]["oid"]).read_bytes()
                    if large
                    else base64.b64decode(line["value"]["content"])
                )
        self.json(200, {"commitUrl": f"{self.hub.url}/{repo}/commit/{COMMIT}", "commitOid": COMMIT, "success": True})

    # --- downloads ----------------------------------------------------------------------------------------------------

    def answer(self, body: bool) -> None:
        path = self.path_asked()
        kind, _, rest = path.removeprefix("api/").partition("/")
        if any(repo in path for repo in self.hub.away):
            self.close_connection = True
        elif path.startswith("api/records/"):
            self.listing(rest)
        elif path.startswith(("api/datasets/", "api/models/", "api/spaces/")) and "/tree/" in rest:
            self.tree(("" if kind == "models" else f"{kind}/") + rest.partition("/tree/")[0])
        elif path.startswith(("api/datasets/", "api/models/", "api/spaces/")):
            name, _, revision = rest.partition("/revision/")
            self.about(("" if kind == "models" else f"{kind}/") + name, name, revision or "main")
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

    def about(self, repo: str, name: str, revision: str) -> None:
        folder = self.hub.folder / repo
        self.hub.requests.append(f"LIST {repo}")
        if not folder.is_dir():
            self.json(401, {}, "RepoNotFound")
        elif revision not in ("main", COMMIT):
            self.json(404, {}, "RevisionNotFound")
        else:
            files = [{"rfilename": path, "size": len(content)} for path, content in self.hub.held(repo).items()]
            card = RepoCard.load(folder / "README.md").data.to_dict() if (folder / "README.md").is_file() else {}
            about = {"id": name, "sha": COMMIT, "siblings": files, "cardData": card}
            self.json(200, about)

    def tree(self, repo: str) -> None:
        held = self.hub.held(repo)
        self.json(
            200,
            [{"type": "file", "path": path, "size": len(content), "oid": "0" * 40} for path, content in held.items()],
        )

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
