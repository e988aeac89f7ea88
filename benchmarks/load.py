"""A busy afternoon: people who classify clips and microphones that listen, all at once: ``python -m benchmarks.load``.

Serves the app to itself, on 127.0.0.1 alone and as a public page, and ends by itself. Each person opens the page, then
uploads a clip, waits for its answer and does so again, without a pause. Each microphone sends its
sound in pieces as long as the page's, and counts as heard once it is answered, or told its place in the line.
Everybody has an address of their own. One line of JSON for each figure.
"""

import argparse
import asyncio
import io
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile

from audioprompt.ui import live

ROOT = Path(__file__).resolve().parents[1]
SOUNDS = sorted((ROOT / "assets" / "examples").glob("*.ogg"))
LABELS = "dog bark, rain, laughter, siren, violin, sea waves"
PACK, MODEL = "eight-templates", "embedded"
STARTING_SECONDS, ANSWER_SECONDS = 180.0, 120.0
SETTLING_SECONDS = 45.0  # that the memory has to come back
CHUNK_SECONDS, RATE = live.STREAM_EVERY, 48_000
P50_SECONDS, MEGABYTES = 5.0, 150.0


@dataclass
class Seen:
    """What happened."""

    answers: list[float] = field(default_factory=list)  # seconds that each took, its upload included
    failures: list[str] = field(default_factory=list)
    microphones: list[str] = field(default_factory=list)  # of each "heard", "told its place" or why neither


class Client:
    """The page as one browser uses it.

    Args:
        http: to the server.
        number: tells this one from others: a session and an address of its own.
        handlers: what the page calls, by name.
    """

    def __init__(self, http: httpx.AsyncClient, number: int, handlers: dict[str, int]) -> None:
        self.http, self.handlers = http, handlers
        self.session = f"load-{number}"
        self.headers = {"X-Forwarded-For": f"198.51.{number // 250}.{number % 250 + 1}"}

    async def post(self, path: str, **given: Any) -> Any:
        reply = await self.http.post(f"/gradio_api/{path}", headers=self.headers, **given)
        if reply.status_code != 200:
            raise RuntimeError(f"{path}: {reply.status_code} {reply.text[:200]}")
        return reply.json()

    async def upload(self, name: str, content: bytes) -> dict[str, Any]:
        (path,) = await self.post("upload", files={"files": (name, content)})
        return {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}

    async def join(self, handler: str, data: list[Any]) -> str:
        body = {"data": data, "fn_index": self.handlers[handler], "session_hash": self.session}
        return (await self.post("queue/join", json=body))["event_id"]

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        path = f"/gradio_api/queue/data?session_hash={self.session}"
        async with self.http.stream("GET", path, headers=self.headers) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data:"):
                    yield json.loads(line[5:])

    @asynccontextmanager
    async def open_page(self) -> AsyncIterator[None]:
        """Load the page and keep it open."""
        await self.http.get("/", headers=self.headers)

        async def stay() -> None:
            async with self.http.stream("GET", f"/gradio_api/heartbeat/{self.session}", headers=self.headers) as beats:
                async for _ in beats.aiter_bytes():
                    pass

        staying = asyncio.create_task(stay())
        try:
            yield
        finally:
            staying.cancel()


async def person(client: Client, until: float, seen: Seen, number: int) -> None:
    """Classify one clip after the other."""
    async with client.open_page():
        while (began := time.monotonic()) < until:
            sound = SOUNDS[number % len(SOUNDS)]
            number += 1
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    file = await client.upload(sound.name, sound.read_bytes())
                    await client.join("show_clip", [file, LABELS, PACK, MODEL, "", False])
                    async for message in client.messages():
                        if message["msg"] == "process_completed":
                            if 'class="label' not in (text := json.dumps(message).replace('\\"', '"')):
                                raise RuntimeError(text[:300])
                            break
                seen.answers.append(time.monotonic() - began)
            except Exception as error:
                seen.failures.append(f"{type(error).__name__}: {error}")
                await asyncio.sleep(1)


async def microphone(client: Client, until: float, seen: Seen) -> None:
    """Listen, for as long as it lasts."""
    times = np.arange(round(CHUNK_SECONDS * RATE)) / RATE
    wav = io.BytesIO()
    soundfile.write(wav, 0.3 * np.sin(2 * np.pi * 440 * times), RATE, format="WAV")
    state = "neither heard nor told"

    async def say(event: str | None) -> str:
        data = [None, await client.upload("chunk.wav", wav.getvalue()), LABELS, PACK, MODEL, ""]
        if event is None:
            return await client.join("live", data)
        body = {"data": data, "fn_index": client.handlers["live"], "session_hash": client.session}
        await client.post(f"stream/{event}", json=body)
        return event

    async def talk(event: str) -> None:
        while (now := time.monotonic()) < until:
            await say(event)
            await asyncio.sleep(max(CHUNK_SECONDS - (time.monotonic() - now), 0))
        await client.post(f"stream/{event}/close")

    async with client.open_page():
        try:
            talking = asyncio.create_task(talk(await say(None)))
            async with asyncio.timeout(until - time.monotonic() + ANSWER_SECONDS):
                async for message in client.messages():
                    text = json.dumps(message)
                    if "answered in" in text:
                        state = "heard"
                    elif state != "heard" and "in line" in text:
                        state = "told its place"
                    if message["msg"] == "process_completed":
                        break
            talking.cancel()
        except Exception as error:
            state = state if state == "heard" else f"{type(error).__name__}: {error}"
    seen.microphones.append(state)


async def load(address: str, people: int, microphones: int, seconds: float) -> Seen:
    """Have them all there for some seconds."""
    seen = Seen()
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(base_url=address, timeout=ANSWER_SECONDS, limits=limits) as http:
        config = (await http.get("/config")).json()
        handlers = {re.sub(r"_\d+$", "", one["api_name"]): one["id"] for one in reversed(config["dependencies"])}
        clients = [Client(http, number, handlers) for number in range(people + microphones)]
        await person(clients[0], time.monotonic() + 0.01, Seen(), 0)  # loads the model, fills the caches of prompts
        yield_to = time.monotonic() + seconds
        await asyncio.gather(
            *(person(client, yield_to, seen, number) for number, client in enumerate(clients[:people])),
            *(microphone(client, yield_to, seen) for client in clients[people:]),
        )
    return seen


@asynccontextmanager
async def served() -> AsyncIterator[tuple[str, int]]:
    """The app in a process of its own, on this machine alone; its address and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log.txt").open("w+") as log:
        own = {"TMPDIR": folder, "GRADIO_TEMP_DIR": f"{folder}/gradio", "AUDIOPROMPT_STORE": f"{folder}/store"}
        own |= {"AUDIOPROMPT_CACHE": f"{folder}/cache", "AUDIOPROMPT_PASSWORD": "nobody signs in"}
        own |= {"GRADIO_SERVER_PORT": str(port), "GRADIO_SERVER_NAME": "127.0.0.1", "BROWSER": "true"}
        app = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env={**os.environ, **own}, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            deadline = time.monotonic() + STARTING_SECONDS
            while "stop with Ctrl+C" not in Path(log.name).read_text():
                if app.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"The page did not start: {Path(log.name).read_text()[-500:]}")
                await asyncio.sleep(0.2)
            yield f"http://127.0.0.1:{port}", app.pid
            said = Path(log.name).read_text()
            if "Traceback" in said:
                print(said[-3000:], file=sys.stderr)
        finally:
            app.terminate()
            app.wait()


def megabytes(process: int) -> float:
    """What a process holds in memory (Linux)."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


def processor_seconds(process: int) -> float:
    """What a process has used of all processors (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def settled(process: int, most: float) -> float:
    """The least that a process held within some seconds, or the first value that is low enough."""
    least, deadline = float("inf"), time.monotonic() + SETTLING_SECONDS
    while least > most and time.monotonic() < deadline:
        least = min(least, megabytes(process))
        await asyncio.sleep(1)
    return least


def report(name: str, value: float, unit: str, target: str | None = None, ok: bool = True) -> None:
    print(json.dumps({"name": name, "value": round(value, 2), "unit": unit, "target": target, "ok": ok}), flush=True)


async def run(people: int, microphones: int, seconds: float) -> None:
    async with served() as (address, process):
        await load(address, 1, 0, 1)
        start = megabytes(process)
        used = processor_seconds(process)
        seen = await load(address, people, microphones, seconds)
        used = processor_seconds(process) - used
        busiest = megabytes(process)
        end = await settled(process, start + MEGABYTES)
    for problem in sorted(set(seen.failures))[:5]:
        print(problem, file=sys.stderr)
    heard = [state for state in seen.microphones if state in ("heard", "told its place")]
    for state in set(seen.microphones) - set(heard):
        print(f"a microphone: {state}", file=sys.stderr)
    answers = sorted(seen.answers) or [float("inf")]
    report("answers", len(seen.answers), "answers")
    report("failures", len(seen.failures), "answers", "= 0", not seen.failures)
    report("slow answers (p95)", answers[int(0.95 * (len(answers) - 1))], "s")
    report(
        "microphones heard or told their place",
        len(heard),
        "microphones",
        f"= {microphones}",
        len(heard) == microphones,
    )
    report("microphones heard", seen.microphones.count("heard"), "microphones")
    report("processor time of the server", used, "s")
    report("memory at its busiest, over the start", busiest - start, "MB")
    report("memory afterwards, over the start", end - start, "MB", f"<= {MEGABYTES:g}", end - start <= MEGABYTES)
    middle = statistics.median(answers)
    report(
        f"answer to a clip (p50), {people} people, {microphones} microphones",
        middle,
        "s",
        f"<= {P50_SECONDS:g}",
        middle <= P50_SECONDS,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--microphones", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=180.0)
    given = parser.parse_args()
    asyncio.run(run(given.people, given.microphones, given.seconds))


if __name__ == "__main__":
    main()
