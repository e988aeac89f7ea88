"""Every endpoint of the running app, called over HTTP by a stranger, a visitor and a curator.

    pytest -s tests/http/test_role_table.py          prints the table endpoint x role x answer

A stranger has no session; a visitor has one; a curator has one and the password. Each of them does with every endpoint
what would do most harm: name files of the server, decide, import, send, ask for a generation without a key.
"""

import base64
import hashlib
import html
import io
import json
import re
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile
from itsdangerous import TimestampSigner

from audioprompt.prompts.store import PromptStore
from audioprompt.services.curate.setup import DEMONSTRATION_PACK
from audioprompt.settings import bundled_store_folder
from tests.curating import CONTRARY, PLAIN, pack_of
from tests.fakes import HUM, RATE, WHISTLE, tone
from tests.openai_server import KEY, ChatServer
from tests.serving import PASSWORD, ROOT, Running, running

PRIVATE = "no visitor reads this"
ROLES = ("stranger", "visitor", "curator")
WRITES = {
    "act",
    "show_imported",
    "send",
    "show_held_out",
    "show_demonstration",
    "rename_pack",
    "show_copied",
    "save_prompt",
    "remove",
    "restore",
    "/decide",
    "/generate",
}  # what curators change for all
# Who has tried the demonstration with `make app` in this checkout has its pack among those that come along.
LOADED = {"show_demonstration"} if (bundled_store_folder() / f"{DEMONSTRATION_PACK}.json").exists() else set[str]()


@dataclass
class Call:
    """Who asked what, and what came of it."""

    endpoint: str
    role: str
    answer: str
    raw: str = field(repr=False)
    wrote: bool = False  # to the owner's store
    spent: bool = False  # the owner's key


@dataclass
class Person:
    """Someone who calls the app."""

    app: Running
    role: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def session(self) -> str | None:
        return None if self.role == "stranger" else f"session of the {self.role}"

    def call(self, endpoint: str, data: Sequence[Any], event: Any = None) -> Call:
        """Call a handler with whatever arguments, through the queue where it has one."""
        one = self.app.endpoints()[endpoint]
        session = "session of a stream" if one["connection"] == "stream" else self.session
        body = {"data": list(data), "fn_index": one["id"], "session_hash": session, "event_data": event}
        if not one["queue"]:
            raw = self._post("run/predict", body).text
        elif session is None:
            reply = self._post(f"call/{one['api_name']}", {"data": list(data)})
            raw = self._followed(reply, f"call/{one['api_name']}/{reply.json().get('event_id')}")
        else:
            raw = self._followed(self._post("queue/join", body), f"queue/data?session_hash={session}")
        return Call(endpoint, self.role, answer_in(raw), raw)

    def _post(self, path: str, body: Any) -> httpx.Response:
        return self.app.http.post(f"/gradio_api/{path}", json=body, headers=self.headers)

    def _followed(self, reply: httpx.Response, path: str) -> str:
        if reply.status_code != 200:
            return reply.text
        raw = ""
        with self.app.http.stream("GET", f"/gradio_api/{path}", headers=self.headers) as stream:
            for line in stream.iter_lines():
                raw += line + "\n"
                if '"process_streaming"' in line:  # it would go on: a stream has no end of its own
                    self._post(f"stream/{reply.json()['event_id']}/close", None)
                if '"process_completed"' in line or '"unexpected_error"' in line:
                    break
        return raw


def answer_in(raw: str) -> str:
    """The last thing that was said, in a few words."""
    raw = html.unescape(raw.replace('\\"', '"'))
    if found := re.findall(r'role="alert">(.*?)</div>', raw):
        return found[-1]
    if found := re.findall(r'"error":\s*"(.*?)"[,}]', raw):
        return found[-1]
    return "failed" if '"detail"' in raw or '"error":null' in raw or '"success":false' in raw else "answered"


@pytest.fixture(scope="module")
def folder(public: Running) -> Path:
    """Where the public page keeps all that it keeps, with something that is nobody's business."""
    (public.folder / "private.csv").write_text(f"path,classname\n{PRIVATE}.wav,{PRIVATE}\n")
    return public.folder


@pytest.fixture(scope="module")
def app(public: Running) -> Running:
    return public


@pytest.fixture(scope="module")
def people(app: Running) -> dict[str, Person]:
    signed = {"Authorization": f"Bearer {PASSWORD}"}
    return {role: Person(app, role, signed if role == "curator" else {}) for role in ROLES}


# --- what each of them does -------------------------------------------------------------------------------------------


def wav(hertz: float) -> bytes:
    sound = io.BytesIO()
    soundfile.write(sound, tone(hertz, 1.0), RATE, format="WAV")
    return sound.getvalue()


def archive() -> bytes:
    """A zip of four clips of each of two classes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, hertz in (("hum", HUM), ("whistle", WHISTLE)):
            for number in range(4):
                file.writestr(f"clips/{name}/{number}.wav", wav(hertz + 7 * number))
    return packed.getvalue()


def as_file(app: Running, name: str, content: bytes) -> dict[str, Any]:
    path = app.upload(name, content)
    return {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}


@dataclass
class Harm:
    """What somebody gives to each endpoint, and does before."""

    app: Running
    person: Person
    folder: Path
    words: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.zip = as_file(self.app, "clips.zip", archive())
        self.sound = as_file(self.app, "sound.wav", wav(HUM))
        self.pack = as_file(
            self.app, "pack.json", pack_of(PLAIN, pack_id=f"import-{self.person.role}").to_json().encode()
        )

    def arguments(self, endpoint: str) -> Sequence[Any]:
        private, role = str(self.folder / "private.csv"), self.person.role
        service = ["Chat service", 0, "parrot", "", 0.7, ""]  # without a key
        special: dict[str, Sequence[Any]] = {
            "take_weights": ["embedded", str(self.folder / "gone.pth")],
            "sign_in": ["a wrong password"],
            "switch_openness": ["embedded", True],
            "choose_data": [private],
            "propose": ["", "hum, whistle", *service],
            "write": ["", "hum, whistle", self.words, [], 1, *service, "embedded"],
            "send": [None, f"Sent by a {role}", f"sent-{role}", "", {}],
            "enter": [None, "tones", {}, "embedded"],
            "show_measured": [None, "tones", private, "", 50, 0, {}, "embedded", False],
            "show_measured_on_upload": [self.zip, None, "tones", "", "", 50, 0, {}, "embedded", False],
            "show_imported": [None, self.pack, {}, "embedded"],
            "rename_pack": ["tones", f"Renamed by a {role}"],
            "show_copied": [None, "tones", {}, "embedded"],
            "save_prompt": [None, None, f"written by a {role}: {{}}"],
            "show_comparison": [None, "eight-templates"],
            "restore": [{}, "embedded"],
            "export": [None, "tones"],
            "add": [None, "hum", [self.sound]],
            "record": [None, "hum", self.sound],
            "enter_data": [None, private],
            "show_clip": [self.sound, "hum, whistle", "eight-templates", "embedded", None, False],
            "/live": [None, self.sound, "hum, whistle", "eight-templates", "embedded", None],
            "/classify": [self.sound, "hum, whistle", "eight-templates", "embedded", False, ""],
            "/predict": [self.sound, "", None],
            "/classify_folder": ["hum, whistle", None, private, "eight-templates", "embedded"],
            "/search": ["hum", None, None, private, 3, "embedded"],
            "enter_folder": [private, "hum, whistle", "embedded"],
            "upload_collection": [None, [self.zip], "hum, whistle", "embedded"],
            "search_collection": [None, "hum", "embedded"],
            "label_selected": [None, [], "hum", None],
            "/pack": ["tones"],
            "/export": ["tones", "json"],
            "/decide": ["tones", [CONTRARY], "rejected", f"by a {role}"],
            "/generate": [None, "hum, whistle", 1, 0, None, None, f"generated-{role}", "", "", ""],
            "/measure": ["tones", None, private, None, None, "embedded", False, "embeddings", False],
            "/propose": ["tones", None, private, None, None, True, "embedded", False],
            "/learn": [private, None, None, 16, 1, 5, None, "eight-templates", "embedded", 0, False, None, ""],
        }
        if endpoint in special:
            return special[endpoint]
        return [self.plain(self.app.components[one]) for one in self.app.endpoints()[endpoint]["inputs"]]

    def plain(self, component: Mapping[str, Any]) -> Any:
        files = {"audio": self.sound, "uploadbutton": self.zip}
        value = component["props"].get("value")
        return files.get(component["type"], "" if value is None and component["type"] == "textbox" else value)

    def event(self, endpoint: str) -> Any:
        acts = [{"do": "approved", "on": PLAIN}]
        made = {"what": "write", "on": "", "pack": f"import-{self.person.role}"}
        return made | {
            "acts": acts,
            "selected": PLAIN,
            "version": "",
            "clip": 0,
            "job": "",
            "act": "choose",
            "label": "hum",
            "turn": 0,
        }

    def prepare(self, endpoint: str) -> None:
        """Have at hand what the endpoint needs: a desk, candidates, clips."""
        call = self.person.call
        if endpoint == "act":
            call("show_measured_on_upload", self.arguments("show_measured_on_upload"))
        if endpoint == "save_prompt":
            call("compose", [None], self.event(endpoint))
        if endpoint == "write" and self.person.session:
            offered = call("propose", ["", "hum, whistle", "Offline lexicon", 0, "", "", None, ""])
            self.words = re.findall(r'"choices": ?\[\["([^"]+)"', offered.raw)[:1]
        if endpoint == "send":
            lexicon = ["Offline lexicon", 0, "", "", None, "", "embedded"]
            call("write", ["", "hum, whistle", self.words, [], 2, *lexicon])
        if endpoint == "begin":
            call("upload_data", [None, self.zip])


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*.json")}


@pytest.fixture(scope="module")
def table(app: Running, people: Mapping[str, Person], folder: Path, owners_service: ChatServer) -> dict[Any, Call]:
    """What came of every call, by endpoint and role; what changed the store or asked the owner's service is noted."""
    found: dict[Any, Call] = {}
    (folder / "store" / f"{DEMONSTRATION_PACK}.json").unlink(missing_ok=True)  # of another test of the same app
    for role, person in people.items():
        harm = Harm(app, person, folder)
        for endpoint in app.endpoints():
            harm.prepare(endpoint)
            store, asked = files_in(folder / "store"), len(owners_service.asked)
            call = person.call(endpoint, harm.arguments(endpoint), harm.event(endpoint))
            call.wrote = files_in(folder / "store") != store
            call.spent = len(owners_service.asked) > asked
            found[endpoint, role] = call
    return found


def test_the_table(table: Mapping[Any, Call], app: Running) -> None:
    """Printed with ``pytest -s``."""
    width = max(map(len, app.endpoints()))
    for endpoint in app.endpoints():
        print()
        for role in ROLES:
            call = table[endpoint, role]
            did = " [WRITES]" * call.wrote + " [SPENDS]" * call.spent
            print(f"{endpoint if role == 'stranger' else '':{width}}  {role:8}  {call.answer[:90]}{did}")


def test_only_curators_write_and_spend(table: Mapping[Any, Call]) -> None:
    wrote = {key for key, call in table.items() if call.wrote}
    assert wrote == {(endpoint, "curator") for endpoint in WRITES - LOADED}
    assert {key for key, call in table.items() if call.spent} == {("propose", "curator"), ("write", "curator")}


@pytest.mark.parametrize(
    ("endpoint", "refusal"),
    [
        ("take_weights", "Only curators load models from files: sign in, or run audioprompt on your own machine."),
        ("choose_data", "cannot open files of this server"),
        ("enter_data", "cannot open files of this server"),
        ("build_space", "Only curators publish: sign in, or run audioprompt on your own machine."),
        ("push_space", "Only curators publish"),
        ("/measure", "cannot open files of this server"),
        ("/propose", "cannot open files of this server"),
        ("/learn", "cannot open files of this server"),
        ("/classify_folder", "cannot open files of this server"),
        ("/search", "cannot open files of this server"),
        ("enter_folder", "cannot open files of this server"),
        ("show_measured", "cannot open files of this server"),
        ("propose", "Visitors need their own OpenAI key"),
        ("write", "Visitors need their own OpenAI key"),
    ],
)
def test_what_visitors_are_refused(table: Mapping[Any, Call], endpoint: str, refusal: str) -> None:
    assert refusal in table[endpoint, "visitor"].answer
    if endpoint not in ("take_weights", "propose", "write", "show_measured"):  # whose first words say that they begin
        assert refusal in table[endpoint, "stranger"].answer
    assert refusal not in table[endpoint, "curator"].raw


@pytest.mark.parametrize(
    "endpoint",
    [
        "/classify",
        "/decide",
        "/generate",
        "/live",
        "show_clip",
        "upload_collection",
        "act",
        "send",
        "show_imported",
        "begin",
        "show_measured_on_upload",
    ],
)
def test_what_visitors_may(table: Mapping[Any, Call], endpoint: str) -> None:
    assert table[endpoint, "visitor"].answer == "answered"


def test_a_stranger_keeps_nothing(table: Mapping[Any, Call]) -> None:
    kept = {"send", "show_imported", "show_measured_on_upload", "show_demonstration", "/decide", "/generate"}
    for endpoint in kept - LOADED:
        assert table[endpoint, "stranger"].answer != "answered", endpoint


def test_nothing_of_the_server_comes_out(table: Mapping[Any, Call], folder: Path) -> None:
    for (endpoint, role), call in table.items():
        assert KEY not in call.raw and PASSWORD not in call.raw, endpoint
        if role != "curator":
            assert PRIVATE not in call.raw and "Traceback" not in call.raw, endpoint
            assert "import-curator" not in call.raw or endpoint in ("offered_now", "enter"), endpoint


def test_a_visitor_s_decisions_are_the_visitor_s(app: Running, table: Mapping[Any, Call], folder: Path) -> None:
    pack = PromptStore(folder / "store").get("tones")
    assert [entry.status for entry in pack.entries] == ["approved", "rejected", "candidate"], "the curator's"
    assert pack.title == "Renamed by a curator"
    assert "a visitor" not in pack.to_json()
    other = Person(app, "another visitor")
    answer = other.call("enter", [None, "import-visitor", {}, "embedded"]).answer
    assert answer.startswith("No prompt pack is called 'import-visitor'. There are:")
    assert "sent-visitor" not in answer and "sent-curator" in answer


# --- the server itself ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["private.csv", "store/tones.json", "log.txt", "gradio/../private.csv", "{root}/app.py", "/etc/passwd"]
)
def test_no_file_of_the_server_can_be_fetched(app: Running, folder: Path, name: str) -> None:
    path = name.format(root=ROOT) if name.startswith(("/", "{")) else f"{folder}/{name}"
    for way in ("/gradio_api/file=", "/gradio_api/file/", "/file=", "/static/", "/assets/", "/svelte/"):
        for spelled in (path, path.replace("/", "%2F"), f"../../../../..{path}", f"..%2F..%2F..%2F..{path}"):
            reply = app.http.get(way + spelled)
            assert reply.status_code in (403, 404) or "<title>" in reply.text, (way, spelled)
            assert PRIVATE not in reply.text and "root:" not in reply.text


@pytest.mark.parametrize("claimed", ["/etc/passwd", "{folder}/private.csv", "{folder}/store/tones.json", "../app.py"])
def test_no_file_of_the_server_passes_as_an_upload(app: Running, folder: Path, claimed: str) -> None:
    file = {"path": claimed.format(folder=folder), "orig_name": "clips.zip", "meta": {"_type": "gradio.FileData"}}
    visitor = Person(app, "visitor")
    claims: list[tuple[str, list[Any]]] = [
        ("show_imported", [None, file, {}, "embedded"]),
        ("show_measured_on_upload", [file, None, "tones", "", "", 50, 0, {}, "embedded", False]),
        ("add", [None, "x", [file]]),
    ]
    for endpoint, data in claims:
        call = visitor.call(endpoint, data)
        assert call.answer != "answered" and PRIVATE not in call.raw, endpoint


def test_what_gradio_has_besides_is_closed(app: Running) -> None:
    assert app.http.get("/monitoring").status_code >= 400
    assert app.http.get("/gradio_api/vibe-code").status_code == 403
    for component in app.components:
        body = {"data": [], "component_id": component, "session_hash": "x", "fn_name": "ls"}
        assert app.http.post("/gradio_api/component_server", json=body).status_code >= 400
    assert "sign in with the password in AUDIOPROMPT_PASSWORD" in app.log.read_text()
    assert PASSWORD not in app.log.read_text() and KEY not in app.log.read_text()
    assert PASSWORD not in app.http.get("/config").text and KEY not in app.http.get("/config").text


def test_another_site_makes_no_use_of_a_curator_s_browser(app: Running) -> None:
    token = re.search(r'"(curator\.[\w-]+\.[\w-]+)"', Person(app, "curator").call("sign_in", [PASSWORD]).raw)
    assert token
    held = {"Cookie": f"audioprompt-curator={token[1]}"}
    weights = ["embedded", "/nowhere"]
    assert "There is no file" in Person(app, "curator", held).call("take_weights", weights).answer
    for foreign in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert "Another site asked for this" in Person(app, "curator", held | foreign).call("take_weights", weights).raw


# --- a Space, and home ------------------------------------------------------------------------------------------------


def test_on_a_space_its_author_is_the_curator(tmp_path: Path) -> None:
    """Signed in as Gradio does it: a session in a cookie, signed with what only the Space knows."""
    PromptStore(tmp_path / "store").create(pack_of(PLAIN))
    space = {
        "SPACE_ID": "Ada/sounds",
        "SPACE_AUTHOR_NAME": "Ada",
        "SPACE_HOST": "ada-sounds.hf.space",
        "SYSTEM": "spaces",
    }
    oauth = {"OAUTH_CLIENT_ID": "id", "OAUTH_CLIENT_SECRET": "secret", "OAUTH_SCOPES": "openid profile"}

    def as_user(name: str, secret: str = "secret") -> Mapping[str, str]:
        info = {"expires_at": time.time() + 1000, "userinfo": {"preferred_username": name}}
        key = hashlib.sha256(f"{secret}-v4".encode()).hexdigest()
        signed = TimestampSigner(key).sign(base64.b64encode(json.dumps({"oauth_info": info}).encode()))
        return {"Cookie": f"session={signed.decode()}"}

    with running(tmp_path, **space, **oauth, OPENID_PROVIDER_URL="http://127.0.0.1:1") as app:
        assert "curators, who sign in with Hugging Face: ada" in app.log.read_text()
        assert [
            one
            for one in app.components.values()
            if one["type"] == "loginbutton" or "Sign in" in str(one["props"].get("value"))
        ]
        decision = ["tones", [PLAIN], "approved", ""]
        for headers in ({}, as_user("eve"), as_user("Ada", secret=""), {"Authorization": "Bearer secret"}):
            call = Person(app, "visitor", headers).call("/decide", decision)
            assert call.answer == "answered" and not PromptStore(tmp_path / "store").get("tones").approved, headers
        assert Person(app, "Ada", as_user("Ada")).call("/decide", decision).answer == "answered"
        (entry,) = PromptStore(tmp_path / "store").get("tones").entries
        assert (entry.status, entry.decided_by) == ("approved", "Ada")


def test_at_home_everybody_is_a_curator_unless_a_foreign_name_points_here(home: Running) -> None:
    store = PromptStore(home.folder / "store")
    store.create(pack_of(PLAIN))
    assert "Visitors" not in home.log.read_text()
    assert not [one for one in home.components.values() if one["props"].get("elem_id") == "sign-in"]
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"X-Forwarded-For": "1.2.3.4"}):
        Person(home, "visitor", headers).call("/decide", ["tones", [PLAIN], "approved", ""])
        assert not store.get("tones").approved, headers
        refused = Person(home, "visitor", headers).call("follow", ["laion-clap"]).raw
        assert ("Another site" if "Origin" in headers else "Only curators use laion-clap") in refused, headers
    Person(home, "me").call("/decide", ["tones", [PLAIN], "approved", ""])
    assert store.get("tones").approved
