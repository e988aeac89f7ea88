"""The API of the running app, as gradio_client, an MCP client and the documented examples use it."""

import asyncio
import base64
import json
import os
import re
import time
import zipfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from gradio_client import Client, handle_file  # type: ignore[import-untyped]
from gradio_client.exceptions import AppError  # type: ignore[import-untyped]
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

from audioprompt.api import CAPABILITIES
from audioprompt.prompts.history import TEST
from audioprompt.prompts.store import PromptStore
from audioprompt.server.gradio_patches.queue import HEAVY
from tests.fakes import HUM, RATE, tone, zip_of_tones
from tests.http.test_role_table import Person
from tests.serving import PASSWORD, ROOT, SECONDS, Running, aside, awaited

LABELS = "hum, whistle, rain"
api = SimpleNamespace(**{capability.__name__: capability for capability in CAPABILITIES})
NAMES = [*vars(api)]
SOUND = ROOT / "assets" / "examples" / "laughter.ogg"


# --- the running app --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def no_trace(home: Running, public: Running) -> Iterator[None]:
    """When all of these tests are done, what they have added to the apps' logs holds no trace."""
    before = [(app, len(app.log.read_text())) for app in (home, public)]
    yield
    for app, length in before:
        assert "Traceback" not in app.log.read_text()[length:]


@pytest.fixture(scope="module")
def client(home: Running) -> Client:
    return Client(home.address, verbose=False, httpx_kwargs={"timeout": SECONDS})


@pytest.fixture(scope="module")
def zipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of one's own: two classes, four recordings each."""
    return zip_of_tones(tmp_path_factory.mktemp("zipped"), each=4)


def test_the_way_from_prompts_to_a_pack_through_gradio_client(client: Client, home: Running, zipped: Path) -> None:
    heard = client.predict(handle_file(SOUND), "laughter, rain, siren", api_name="/classify")
    assert heard["label"] == "laughter" and heard["words"].startswith("They agree")
    assert client.predict(api_name="/models")[0]["name"] == "embedded"

    written = client.predict("instruments", "violin, flute", 6, keep_as="mine", api_name="/generate")
    texts = [one["template"] for one in written["templates"]]
    assert len(texts) == 6 and all("{}" in text for text in texts) and written["pack"] == "mine"
    assert "mine" in [one["id"] for one in client.predict(api_name="/packs")]

    found = client.predict("mine", clips=handle_file(zipped), api_name="/measure")
    assert found["n"] == 8 and [one["template"] for one in found["templates"]] == texts
    assert found["ensemble"] == {name: found["vanilla"][name] for name in ("accuracy", "interval")}, "none is approved"

    proposed = client.predict("mine", clips=handle_file(zipped), held_out=True, api_name="/propose")
    assert sorted(proposed["approve"] + proposed["reject"]) == sorted(texts)
    assert proposed["n"] + proposed["held_out"]["n"] == 8
    assert PromptStore(home.folder / "store").get("mine").history[-1].action == TEST

    decided = client.predict("mine", texts[:2], "approved", "they measure well", api_name="/decide")
    assert decided["approved"] == texts[:2] and decided["counts"]["candidate"] == 4
    assert PromptStore(home.folder / "store").get("mine").as_strings() == texts[:2]
    shown = client.predict("mine", api_name="/pack")
    assert shown["templates"] == texts[:2]
    assert [one["reason"] for one in shown["all"]] == ["they measure well"] * 2 + [None] * 4

    lines = Path(client.predict("mine", "text", api_name="/export")).read_text().splitlines()
    assert lines == texts[:2]
    assert json.loads(Path(client.predict("mine", api_name="/export")).read_text())["id"] == "mine"


def test_templates_are_measured_without_a_pack(client: Client) -> None:
    found = client.predict(templates=["the sound of {}", "a {label}"], folds=[4], api_name="/measure")
    assert found["n"] == 48 and found["pack"] is None and len(found["recall"]) == 12
    assert [one["template"] for one in found["templates"]] == ["the sound of {}", "a {}"]
    for one in [found["vanilla"], found["ensemble"], *found["templates"]]:
        low, high = one["interval"]
        assert 0 < low < one["accuracy"] < high < 1 and one["accuracy"] == round(one["accuracy"], 4)


def test_a_head_is_learned_from_an_upload_and_used_by_its_id_and_by_its_file(client: Client, zipped: Path) -> None:
    learned = client.predict(clips=handle_file(zipped), methods=["linear-probe"], api_name="/learn")
    assert learned["classes"] == ["hum", "whistle"] and learned["best"] == "linear-probe"
    assert learned["learned_from"] + learned["tested_on"] == 8 and learned["methods"][0]["accuracy"] == 1
    sound = zipped.with_name("clip.wav")  # the last one written, a whistle
    by_id = client.predict(handle_file(sound), learned["head"], api_name="/predict")
    by_file = client.predict(handle_file(sound), head_file=handle_file(learned["file"]), api_name="/predict")
    assert by_id == by_file and by_id["label"] == "whistle" and by_id["method"] == "linear-probe"


def test_bad_recordings_are_left_out_on_request(client: Client, zipped: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as bad, zipfile.ZipFile(zipped) as good:
        for name in good.namelist():
            bad.writestr(name, good.read(name))
        label = PurePosixPath(good.namelist()[0]).parts[0]
        bad.writestr(f"{label}/deep/bad.wav", "no sound")
    given = {"clips": handle_file(tmp_path / "bad.zip"), "api_name": "/measure"}
    with pytest.raises(AppError, match=f"1 of .* recordings cannot be used: {label}/deep/bad.wav holds no audio"):
        client.predict(templates=["{}", "a {}"], **given)
    found = client.predict(templates=["{}", "a {}"], skip_bad=True, **given)
    left_out = {"name": f"{label}/deep/bad.wav", "label": label, "reason": "holds no audio that can be decoded"}
    assert found["left_out"] == [left_out]
    learned = client.predict(
        clips=handle_file(tmp_path / "bad.zip"), methods=["linear-probe"], skip_bad=True, api_name="/learn"
    )
    assert learned["left_out"] == [left_out]


def test_a_collection_is_classified_and_searched(client: Client, home: Running, tmp_path: Path) -> None:
    names = ("dog", "rooster", "siren")
    with zipfile.ZipFile(tmp_path / "recordings.zip", "w") as archive:
        for name in names:
            archive.write(SOUND.with_name(f"{name}.ogg"), f"{name}.ogg")
        archive.writestr("bad.wav", "no sound")
    given = {"clips": handle_file(tmp_path / "recordings.zip")}

    found = client.predict("dog bark, rooster, siren", **given, api_name="/classify_folder")
    assert [row["file"] for row in found["recordings"]] == ["bad.wav", "dog.ogg", "rooster.ogg", "siren.ogg"]
    assert [row["answer"] for row in found["recordings"]] == ["", "dog bark", "rooster", "siren"]
    assert (found["count"], found["failed"]) == (4, 1)
    assert found["recordings"][0]["error"].startswith("bad.wav holds no audio")
    assert all(1 / 3 < row["probability"] <= 1 for row in found["recordings"][1:])

    by_words = client.predict("a siren", most=2, **given, api_name="/search")
    assert (by_words["method"], by_words["recordings"]) == ("exact search", 3)
    best, second = by_words["found"]
    assert best["file"] == "siren.ogg" and best["heard"] in (True, False) and best["score"] > second["score"]
    by_clip = client.predict(like=handle_file(SOUND.with_name("dog.ogg")), **given, api_name="/search")
    assert by_clip["found"][0]["file"] == "dog.ogg" and len(by_clip["found"]) == 3
    assert not list(home.folder.rglob("rooster.ogg")), "what was unpacked is gone"


def test_names_that_are_no_text_are_written_out(client: Client, tmp_path: Path) -> None:
    for name in (b"\xff.wav", b"dog\nbark.wav"):
        soundfile.write(tmp_path / "a.wav", tone(HUM, 1), RATE)
        (tmp_path / "a.wav").rename(tmp_path / os.fsdecode(name))
    found = client.predict("hum, rain", folder=str(tmp_path), api_name="/classify_folder")
    assert [row["file"] for row in found["recordings"]] == ["dog\nbark.wav", "\\udcff.wav"] and not found["failed"]
    found = client.predict("a hum", folder=str(tmp_path), api_name="/search")["found"]
    assert {row["file"] for row in found} == {"dog\nbark.wav", "\\udcff.wav"}


def test_a_long_recording_is_told_in_parts(client: Client, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "long.zip", "w") as archive:
        soundfile.write(tmp_path / "long.wav", np.tile(tone(HUM, 2), 900), RATE)
        archive.write(tmp_path / "long.wav", "long.wav")
    job = client.submit("hum, rain", clips=handle_file(tmp_path / "long.zip"), api_name="/classify_folder")
    assert job.result()["count"] == 1
    assert any(0 < told["done"] < told["total"] == 1 for told in job.outputs()[:-1])


def test_what_is_unpacked_is_gone_when_it_is_over(client: Client, home: Running, zipped: Path) -> None:
    def recordings() -> set[Path]:
        return {path for path in home.folder.rglob("*.wav") if "gradio" not in path.parts}

    before = recordings()  # of others who use the same app
    client.predict(templates=["{}"], clips=handle_file(zipped), api_name="/measure")
    assert recordings() <= before


EPOCHS = 1000  # of all fits
LONG: dict[str, Any] = {"methods": ["coop"], "shots": 12, "epochs": EPOCHS // 5, "seeds": 5}  # takes a minute


class Watch:
    """How fast a fit goes, on whatever machine, and so whether something comes before it could have ended."""

    def __init__(self) -> None:
        self.seen: dict[int, float] = {}

    def note(self, epoch: int) -> None:
        self.seen.setdefault(epoch, time.monotonic())

    @property
    def knows_the_pace(self) -> bool:
        return len(self.seen) >= 3

    def is_early(self) -> bool:
        (first, began), *_, (last, now) = sorted(self.seen.items())
        return time.monotonic() - now < (now - began) / (last - first) * (EPOCHS - last)


def test_work_shows_progress_and_ends_when_it_is_cancelled(client: Client) -> None:
    job = client.submit(**LONG, api_name="/learn")
    watch = Watch()
    while not watch.knows_the_pace and not job.done():
        for one in job.outputs():
            if one["doing"] == "epochs":
                watch.note(one["done"])
                assert one["total"] == EPOCHS
        time.sleep(0.05)
    assert job.status().progress_data[0].unit == "epochs"
    job.cancel()
    client.predict(methods=["zero-shot"], shots=1, api_name="/learn")  # whose turn comes after it
    assert watch.is_early()


@pytest.mark.parametrize(
    ("name", "given", "sentence"),
    [
        ("classify", ["here.wav", "a, b"], "sound must be a file"),
        ("classify", [None, "a, b"], "sound must be a file"),
        ("classify", [{"path": str(SOUND)}, "a, b"], "sound must be a file"),
        ("classify", [{"path": str(SOUND), "meta": {"_type": "x"}}, "a, b"], "sound must be a file"),
        ("classify", [handle_file("http://10.0.0.1/rain.wav"), "a, b"], "it is not a public address"),
        ("classify", [handle_file(ROOT / "README.md"), "a, b"], "README.md holds no audio"),
        ("classify", [handle_file(SOUND), "a, b", "eight-templates", "none"], "no model called 'none'"),
        ("generate", ["instruments", "a, b", 100_000], "count must be less than or equal to 200"),
        ("measure", ["", ["{}"] * 10_000], "templates must (have|hold) at most 500"),
        ("measure", ["instruments", None, "hf:no/such-data"], "no/such-data"),
        ("predict", [handle_file(SOUND), "", handle_file(SOUND)], "is not a head that audioprompt saved"),
    ],
)
def test_a_client_is_told_in_a_sentence(client: Client, name: str, given: list[Any], sentence: str) -> None:
    with pytest.raises(AppError, match=sentence):
        client.predict(*given, api_name=f"/{name}")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400", '"' + "9" * 5_000 + '"', "[[[]]]", '{"path": "/"}'])
def test_numbers_that_are_none_do_no_harm_over_plain_http(home: Running, number: str) -> None:
    headers = {"Content-Type": "application/json"}
    joined = home.http.post("/gradio_api/call/v2/generate", content=f'{{"count": {number}}}', headers=headers)
    assert joined.status_code == 200
    answer = home.http.get(f"/gradio_api/call/generate/{joined.json()['event_id']}").text
    assert "event: error" in answer and '"error": "count ' in answer


@pytest.mark.parametrize(("given", "why"), [({"cou": 5}, "`cou` is not a valid"), ({}, "required argument: sound")])
def test_a_parameter_that_is_misspelt_or_missing_is_named(public: Running, given: dict[str, int], why: str) -> None:
    refused = public.http.post(f"/gradio_api/call/v2/{'generate' if given else 'classify'}", json=given)
    assert refused.status_code == 422 and why in refused.json()["detail"]


def test_a_call_that_is_none_is_told_so_and_leaves_nothing_in_the_log(public: Running) -> None:
    label = "the neighbour's tuba"
    few = Person(public, "visitor").call("/generate", ["instruments", label])
    assert "generate takes 10 values (category, labels, count, " in few.raw
    page_s_own = Person(public, "visitor").call("show_clip", [label] * 6)
    assert "This page does not fit its server, which may have been started anew. Reload the page." in page_s_own.raw
    told = public.log.read_text()
    assert "A call of generate cannot be read: ValueError in gradio.blocks, line" in told and label not in told


# --- as an assistant sees it ------------------------------------------------------------------------------------------

Steps = Callable[[ClientSession], Coroutine[Any, Any, Any]]


def assistant(app: Running, steps: Steps, **headers: str) -> Any:
    """Connect to the app's MCP server, take some steps and return what comes of the last."""

    @asynccontextmanager
    async def connected() -> Any:
        async with (
            httpx.AsyncClient(headers=headers, timeout=SECONDS, follow_redirects=True) as http,
            streamable_http_client(f"{app.address}/gradio_api/mcp/", http_client=http) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            yield session

    async def run() -> Any:
        async with connected() as session:
            return await steps(session)

    return awaited(run())


def ask(app: Running, tool: str, arguments: dict[str, Any], **headers: str) -> CallToolResult:
    return assistant(app, lambda session: session.call_tool(tool, arguments), **headers)


def said(answer: CallToolResult) -> Any:
    """The answer of a tool that went well."""
    (content,) = answer.content
    assert content.type == "text" and not answer.isError, content
    return json.loads(content.text)


def refused(answer: CallToolResult) -> str:
    (content,) = answer.content
    assert content.type == "text" and answer.isError, content
    return content.text


def test_only_the_capabilities_are_tools_and_each_is_described(home: Running) -> None:
    tools = assistant(home, lambda session: session.list_tools()).tools
    assert [tool.name for tool in tools] == NAMES
    for tool in tools:
        assert "Returns: " in tool.description
        assert all(one["description"] for one in tool.inputSchema["properties"].values())
    schema = tools[0].inputSchema
    assert schema["required"] == ["sound", "labels"]
    assert schema["properties"]["sound"]["type"] == schema["properties"]["labels"]["type"] == "string"
    assert "Unknown tool" in refused(ask(home, "show_live", {"labels": "a, b"}))


def test_a_file_is_given_as_data_by_the_address_of_an_upload_or_at_home_by_its_path(home: Running) -> None:
    data = "data:audio/ogg;base64," + base64.b64encode(SOUND.read_bytes()).decode()
    address = f"{home.address}/gradio_api/file={home.upload('laughter.ogg', SOUND.read_bytes())}"
    for sound in (data, address, str(SOUND)):
        assert said(ask(home, "classify", {"sound": sound, "labels": "laughter, rain"}))["label"] == "laughter"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"labels": "a, b"}, "'sound' is a required property"),
        ({"sound": "nowhere.wav", "labels": "a, b"}, "There is no file nowhere.wav"),
        ({"sound": "http://169.254.169.254/rain.wav", "labels": "a, b"}, "it is not a public address"),
        ({"sound": {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}, "labels": "a, b"}, "not of type"),
        ({"sound": str(SOUND), "labels": "a"}, "give at least two labels"),
    ],
)
def test_an_assistant_is_told_in_a_sentence(home: Running, arguments: dict[str, Any], sentence: str) -> None:
    assert sentence in refused(ask(home, "classify", arguments))


def test_an_assistant_learns_and_predicts(home: Running, zipped: Path) -> None:
    told: list[str | None] = []

    async def steps(session: ClientSession) -> CallToolResult:
        async def note(progress: float, total: float | None, message: str | None) -> None:
            told.append(message)

        learned = await session.call_tool("learn", {"clips": str(zipped), "epochs": 200}, progress_callback=note)
        given = {"sound": str(zipped.with_name("clip.wav")), "head_file": said(learned)["file"]}
        return await session.call_tool("predict", given)

    assert said(assistant(home, steps))["label"] == "whistle"
    assert any(message and "epochs" in message for message in told)


def test_work_ends_when_an_assistant_has_gone(home: Running, client: Client) -> None:
    watch = Watch()

    async def note(progress: float, total: float | None, message: str | None) -> None:
        if "epochs" in (message or ""):
            watch.note(int(progress))

    async def give_up(session: ClientSession) -> None:
        waiting = asyncio.create_task(session.call_tool("learn", LONG, progress_callback=note))
        while not watch.knows_the_pace and not waiting.done():
            await asyncio.sleep(0.05)
        waiting.cancel()

    assistant(home, give_up)
    client.predict(methods=["zero-shot"], shots=1, api_name="/learn")
    assert watch.is_early()


def test_many_assistants_at_once_are_all_answered(home: Running) -> None:
    async def ask_all(session: ClientSession) -> list[CallToolResult]:
        return await asyncio.gather(*(session.call_tool("pack", {"pack": "vanilla"}) for _ in range(50)))

    assert [said(answer)["templates"] for answer in assistant(home, ask_all)] == [["This is a sound of {}."]] * 50


def test_a_file_of_the_server_is_named_by_its_path_and_by_nothing_else(home: Running, tmp_path: Path) -> None:
    path = tmp_path / "rooster.ogg"
    path.write_bytes(SOUND.with_name("rooster.ogg").read_bytes())
    assert said(ask(home, "classify", {"sound": str(path), "labels": "rooster, siren"}))["label"] == "rooster"
    assert path.is_file(), "a copy was read"
    disguised = {"path": str(path), "meta": {"_type": "gradio.FileData"}}
    for given in ({"sound": disguised, "labels": "a, b"}, {"sound": str(path), "labels": disguised}):
        assert "is not of type 'string'" in refused(ask(home, "classify", given))


# --- a public page ----------------------------------------------------------------------------------------------------


def test_visitors_decide_on_a_copy_of_their_own(public: Running) -> None:
    one, other = (Client(public.address, verbose=False, httpx_kwargs={"timeout": SECONDS}) for _ in range(2))
    assert "{}" not in one.predict("eight-templates", ["{}"], "rejected", api_name="/decide")["approved"]
    assert "{}" not in one.predict("eight-templates", api_name="/pack")["templates"]
    assert "{}" in other.predict("eight-templates", api_name="/pack")["templates"]
    assert "eight-templates" not in PromptStore(public.folder / "store").ids()


def test_assistants_have_no_session_so_that_visitors_among_them_keep_nothing(public: Running) -> None:
    decision = {"pack": "eight-templates", "templates": ["{}"], "status": "rejected"}
    assert "Without a session only curators change packs" in refused(ask(public, "decide", decision))
    assert "only curators" in refused(ask(public, "generate", {"count": 2, "keep_as": "mine"}))
    assert said(ask(public, "generate", {"count": 2}))["pack"] is None


def test_what_an_assistant_asks_for_counts_as_its_own(public: Running) -> None:
    async def ask_much(session: ClientSession) -> list[CallToolResult]:
        return await asyncio.gather(*(session.call_tool("measure", {"pack": "vanilla"}) for _ in range(8)))

    answers = assistant(public, ask_much, **{"X-Forwarded-For": "203.0.113.9"})
    answered = [answer for answer in answers if not answer.isError]
    assert len(answered) >= HEAVY and all(0 < said(answer)["ensemble"]["accuracy"] < 1 for answer in answered)
    sentence = f"You already have {HEAVY} tasks running here. Wait until one of them ends, then try again."
    assert {refused(answer) for answer in answers if answer.isError} == {sentence}


def test_curators_send_the_password(public: Running) -> None:
    bearer = {"Authorization": f"Bearer {PASSWORD}"}
    curator = Client(public.address, headers=bearer, verbose=False, httpx_kwargs={"timeout": SECONDS})
    curator.predict("vanilla", ["This is a sound of {}."], "rejected", api_name="/decide")
    assert PromptStore(public.folder / "store").get("vanilla").as_strings() == []
    decision = {"pack": "vanilla", "templates": ["This is a sound of {}."], "status": "approved"}
    assert said(ask(public, "decide", decision, **bearer))["counts"]["approved"] == 1


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("classify", {"sound": str(SOUND), "labels": "a, b"}, "There is no file"),
        ("classify", {"sound": "http://127.0.0.1:1/rain.wav", "labels": "a, b"}, "it is not a public address"),
        ("measure", {"pack": "vanilla", "data": str(ROOT / "assets/instruments")}, "cannot open files of this server"),
        ("generate", {"service_model": "gpt"}, "Visitors need their own OpenAI key"),
        ("generate", {"service_model": "gpt", "service_key": "k", "service_url": "http://10.0.0.1"}, "own OpenAI key"),
    ],
)
def test_what_is_the_owners_is_not_theirs(public: Running, tool: str, arguments: dict[str, Any], sentence: str) -> None:
    assert sentence in refused(ask(public, tool, arguments))
    visitor = Client(public.address, verbose=False, httpx_kwargs={"timeout": SECONDS})
    if tool != "classify":
        with pytest.raises(AppError, match=sentence):
            visitor.predict(**arguments, api_name=f"/{tool}")


# --- the documents ---------------------------------------------------------------------------------------------------


def documented_examples() -> list[str]:
    """The Python examples of the page on the API."""
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("number", [0, 1], ids=["gradio_client", "mcp"])
def test_the_documented_examples_run(
    home: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    code = documented_examples()[number]
    (tmp_path / "recording.wav").write_bytes(SOUND.read_bytes())
    monkeypatch.chdir(tmp_path)
    here = {"http://127.0.0.1:7860": home.address, "/home/me": str(tmp_path)}
    for written, meant in here.items():
        code = code.replace(written, meant)
    aside(lambda: exec(compile(code, "docs/api.md", "exec"), {"__name__": "__main__"}))
    printed = capsys.readouterr().out
    assert '"label"' in printed if number else printed.count("%") == 9
