"""Who may do what: requests from home and from elsewhere, signing in, visitors' copies, what is not for visitors."""

import time
import zipfile
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Any

import gradio as gr
import pytest
import soundfile
from fastapi import Request
from starlette.applications import Starlette
from starlette.requests import Request as Asked
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from audioprompt.api.measure import propose
from audioprompt.data import DataError, LabelledClips
from audioprompt.models import registry
from audioprompt.models.base import ModelError
from audioprompt.prompts.chat.addresses import OPENAI_URL
from audioprompt.prompts.generators import GenerationError
from audioprompt.prompts.history import decide
from audioprompt.prompts.pack import PackError
from audioprompt.prompts.store import PromptStore
from audioprompt.server import access, generators, guard, limits, models, sessions
from audioprompt.server.access import NotAllowed, Role
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.server.gradio_patches import calls
from audioprompt.services.collection import Collection
from audioprompt.services.heads import HEADS, load_heads
from audioprompt.ui import app, header
from audioprompt.ui.components import curate as view
from audioprompt.ui.events import HIDDEN
from audioprompt.ui.page import Opening
from audioprompt.ui.tabs import classify, learn
from audioprompt.ui.tabs.curate import measure as curate_measure
from audioprompt.ui.tabs.curate import packs, show_session_note
from audioprompt.ui.tabs.curate.render import list_packs
from audioprompt.ui.tabs.explore import listen, look
from audioprompt.ui.tabs.generate import steps, task
from audioprompt.ui.tabs.generate.task import Writer
from audioprompt.ui.tabs.learn import experiment, gather, heads
from audioprompt.ui.tabs.learn.experiment import Settings
from audioprompt.util.jobs import FITTING, MEASURING, Job, Stopped
from tests.curating import PLAIN, pack_of
from tests.fakes import HUM, RATE, WHISTLE, FakeModel, tone

SECRET = "correct horse battery staple"
LATER = time.time() + 100_000  # whenever the tests come to it


def request(session: str | None = "a visitor's", signed: Mapping[str, Any] | None = None, **headers: str) -> gr.Request:
    """A request as it reaches a handler; of header names the hyphens are underscores."""
    lines = {"host": "127.0.0.1:7860"} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope = {
        "type": "http",
        "session": dict(signed or {}),
        "headers": [(k.encode(), v.encode()) for k, v in lines.items()],
    }
    return gr.Request(Request(scope), session_hash=session)


def as_user(name: str, expires: float = LATER, **headers: str) -> gr.Request:
    info = {"expires_at": expires, "userinfo": {"preferred_username": name}}
    return request(signed={"oauth_info": info}, **headers)


def from_address(client: str, forwarded: str | None = None) -> gr.Request:
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    return gr.Request(Request({"type": "http", "headers": headers, "client": (client, 1)}))


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PromptStore:
    """A page at home, with a pack in its store."""
    for name in ("SPACE_ID", access.PASSWORD, access.CURATORS, "OAUTH_CLIENT_SECRET", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AUDIOPROMPT_STORE", str(tmp_path / "store"))
    monkeypatch.setattr(access, "_exposed", False)
    monkeypatch.setattr(sessions, "_COPIES", sessions._Copies())
    monkeypatch.setattr(access, "TRIES", access.Tries())
    store = PromptStore()
    store.create(pack_of(PLAIN))
    return store


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    """A public address, with a password."""
    monkeypatch.setattr(access, "_exposed", True)
    monkeypatch.setenv(access.PASSWORD, SECRET)
    monkeypatch.setenv("OPENAI_API_KEY", "the owner's")


@pytest.fixture
def space(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Space of Ada's."""
    monkeypatch.setattr(access, "_exposed", True)
    monkeypatch.setenv("SPACE_ID", "Ada/space")
    monkeypatch.setenv("SPACE_AUTHOR_NAME", "Ada")
    monkeypatch.setenv("OAUTH_CLIENT_SECRET", "the Space's")


def approve(store: PromptStore) -> None:
    store.update("tones", lambda pack: decide(pack, [PLAIN], "approved", "someone"))


def approved(store: PromptStore) -> list[str]:
    return [template.text for template in store.get("tones").approved]


# --- at home, and not -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "share", "public"),
    [
        ("127.0.0.1", False, False),
        ("localhost", False, False),
        ("::1", False, False),
        ("127.0.0.2", False, False),
        ("127.0.0.1", True, True),
        ("0.0.0.0", False, True),
        ("::", False, True),
        ("", False, True),
        ("192.168.1.7", False, True),
        ("localhost.example.org", False, True),
    ],
)
def test_which_pages_are_public(host: str, share: bool, public: bool) -> None:
    access.serve(host, share)
    assert access.public() == public
    assert (access.role(request()) is Role.VISITOR) == public, "whoever connects, from this machine too"
    assert (access.role(None) is Role.VISITOR) == public


@pytest.mark.parametrize("name", ["SPACE_ID", access.PASSWORD])
def test_a_space_and_a_page_with_a_password_are_public(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "")
    assert access.public() and access.role(request()) is Role.VISITOR


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "localhost:7860"},
        {"host": "[::1]:7860"},
        {"origin": "http://127.0.0.1:7860"},
        {"sec_fetch_site": "same-origin", "origin": "http://127.0.0.1:7860"},
        {"sec_fetch_site": "none"},
    ],
)
def test_requests_from_home(headers: dict[str, Any]) -> None:
    assert access.role(request(**headers)) is Role.CURATOR


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example:7860"},
        {"host": ""},
        {"host": "127.0.0.1.evil.example"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8000"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"x_forwarded_for": "1.2.3.4"},
        {"x_forwarded_host": "audio.example.org"},
        {"via": "1.1 proxy"},
    ],
    ids=str,
)
def test_requests_that_only_look_like_home(headers: dict[str, Any]) -> None:
    """Names that were made to point here, other sites' scripts in a browser here, and proxies."""
    assert access.role(request(**headers)) is Role.VISITOR


# --- the password -----------------------------------------------------------------------------------------------------


def cookie(token: str) -> gr.Request:
    return request(cookie=f"other=1; {access.COOKIE}={token}")


def test_the_password_makes_a_curator(public: None, monkeypatch: pytest.MonkeyPatch) -> None:
    token = access.sign_in(SECRET)
    assert access.role(cookie(token)) is Role.CURATOR
    assert access.role(request(authorization=f"Bearer {SECRET}")) is Role.CURATOR
    monkeypatch.setattr(time, "time", lambda: LATER + access.SIGNED_IN_SECONDS)
    assert access.role(cookie(token)) is Role.VISITOR, "it expires"


@pytest.mark.parametrize("headers", [{"sec_fetch_site": "cross-site"}, {"origin": "https://evil.example"}])
def test_another_site_s_script_has_no_use_of_it(public: None, headers: dict[str, Any]) -> None:
    held = f"{access.COOKIE}={access.sign_in(SECRET)}"
    assert access.role(request(cookie=held, **headers)) is Role.VISITOR


@pytest.mark.parametrize("given", ["", "correct horse", SECRET.upper(), f"{SECRET} ", "ünïcode \N{PILE OF POO}"])
def test_other_passwords_do_not(public: None, given: str) -> None:
    with pytest.raises(NotAllowed, match="Wrong password"):
        access.sign_in(given)
    with pytest.raises(NotAllowed, match="Wrong password"):
        header.sign_in(given)


@pytest.mark.parametrize("token", ["", ".", "9999999999.", "9999999999.0", "x.y", f"{SECRET}", "1.2.3"])
def test_tokens_cannot_be_made_up(public: None, token: str) -> None:
    assert access.role(cookie(token)) is Role.VISITOR
    role, when, seal = access.sign_in(SECRET).split(".")
    assert access.role(cookie(f"{role}.{when[:-1]}_.{seal}")) is Role.VISITOR
    assert access.role(cookie(f"{role}.{seal}")) is Role.VISITOR


@pytest.mark.parametrize("given", ["Bearer wrong", SECRET, f"Basic {SECRET}", "Bearer", "Bearer "])
def test_nor_other_headers(public: None, given: str) -> None:
    assert access.role(request(authorization=given)) is Role.VISITOR


def test_without_a_password_nobody_signs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    access.serve("0.0.0.0", False)
    assert access.role(request(authorization="Bearer ")) is Role.VISITOR
    assert "set AUDIOPROMPT_PASSWORD" in access.how_to_sign_in()
    monkeypatch.setenv(access.PASSWORD, "")
    with pytest.raises(NotAllowed):
        access.sign_in("")


def test_guessing_slows_down_its_own_address(public: None, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    guesser, owner = from_address("203.0.113.66"), from_address("203.0.113.7")
    for guess in range(access.WRONG_TRIES):
        with pytest.raises(NotAllowed, match="Wrong password"):
            access.sign_in(str(guess), guesser)
    assert not any(slept)
    assert access.sign_in(SECRET, guesser) and slept[-1] == access.SLOW_SECONDS, "slow, but the right one is right"
    assert access.sign_in(SECRET, owner) and slept[-1] == 0, "others notice nothing"
    with ExitStack() as line:
        waits = [line.enter_context(access.TRIES.turn("203.0.113.66")) for _ in range(access.TRIES_WAITING)]
        assert waits == [access.SLOW_SECONDS * place for place in range(1, access.TRIES_WAITING + 1)], (
            "one after the other"
        )
        with pytest.raises(NotAllowed, match="Too many wrong passwords from your address"):
            access.sign_in(SECRET, guesser)
        assert access.sign_in(SECRET, owner)
    monkeypatch.setattr(access, "WRONG_SECONDS", 0.0)
    assert access.sign_in(SECRET, guesser) and slept[-1] == 0, "after a while it is forgotten"


@pytest.mark.parametrize(
    ("client", "forwarded", "on_space", "address"),
    [
        ("203.0.113.7", None, False, "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", False, "203.0.113.7"),
        ("2001:db8:1:2:3::4", None, False, "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", None, False, "203.0.113.7"),
        ("10.0.0.3", "1.1.1.1, 8.8.8.8, 10.1.2.3", True, "8.8.8.8"),
        ("10.0.0.3", None, True, "10.0.0.3"),
        ("10.0.0.3", "nonsense", True, "10.0.0.3"),
        ("testclient", None, False, "testclient"),
    ],
)
def test_where_requests_come_from(
    monkeypatch: pytest.MonkeyPatch, client: str, forwarded: str | None, on_space: bool, address: str
) -> None:
    """What anybody can write into a header is not believed, but for the last proxy's word on a Space."""
    if on_space:
        monkeypatch.setenv("SPACE_ID", "Ada/space")
    assert access.caller(from_address(client, forwarded)) == address


def test_who_signs_in_on_a_space_is_known_by_name(space: None) -> None:
    assert access.caller(as_user("Eve")) == "user eve"


# --- a Space ----------------------------------------------------------------------------------------------------------


def test_on_a_space_its_author_curates(space: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert access.role(as_user("ada")) is Role.CURATOR and access.role(as_user("Ada")) is Role.CURATOR
    assert Context(as_user("Ada")).name == "Ada"
    assert access.role(as_user("eve")) is Role.VISITOR and access.role(request()) is Role.VISITOR
    monkeypatch.setenv(access.CURATORS, " Bob, carol ,")
    found = {name: access.role(as_user(name)).value for name in ("ada", "bob", "Carol", "eve", "")}
    assert found == {"ada": "visitor", "bob": "curator", "Carol": "curator", "eve": "visitor", "": "visitor"}
    assert access.how_to_sign_in().endswith("who sign in with Hugging Face: bob, carol.")


def test_on_a_space_a_session_ends_and_is_not_for_other_sites(space: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert access.role(as_user("ada", expires=time.time() - 1)) is Role.VISITOR
    assert access.role(as_user("ada", sec_fetch_site="cross-site")) is Role.VISITOR
    monkeypatch.setenv(access.PASSWORD, SECRET)
    assert access.role(request(authorization=f"Bearer {SECRET}")) is Role.VISITOR, "there it is Hugging Face that asks"
    monkeypatch.delenv("OAUTH_CLIENT_SECRET")
    assert access.role(as_user("ada")) is Role.VISITOR, "a cookie that anybody could have signed"


def test_a_space_of_nobody_has_no_curator(space: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACE_AUTHOR_NAME")
    assert access.role(as_user("")) is Role.VISITOR
    assert "nobody, until AUDIOPROMPT_CURATORS holds user names" in access.how_to_sign_in()


# --- visitors' copies -------------------------------------------------------------------------------------------------


def test_each_visitor_has_a_copy(public: None, store: PromptStore) -> None:
    first, second = request("first"), request("second")
    approve(sessions.store(first))
    assert approved(sessions.store(first)) == [PLAIN], "and it lasts"
    assert approved(sessions.store(second)) == [] and approved(store) == []
    sessions.store(first).create(pack_of(PLAIN).model_copy(update={"id": "mine"}))
    assert "mine" in sessions.store(first).ids()
    assert "mine" not in [*sessions.store(second).ids(), *store.ids()]


def test_curators_write_for_all(public: None, store: PromptStore) -> None:
    approve(sessions.store(cookie(access.sign_in(SECRET))))
    assert approved(store) == approved(sessions.store(request("first"))) == [PLAIN]


def test_a_copy_goes_with_its_session(public: None, store: PromptStore, monkeypatch: pytest.MonkeyPatch) -> None:
    visitors = [request(name) for name in ("closed", "idle", "there")]
    folders = [sessions.own_folder(visitor) for visitor in visitors]
    for visitor in visitors:
        approve(sessions.store(visitor))
    assert all(folder and folder.is_dir() for folder in folders)

    def there_are() -> list[bool]:
        sessions._COPIES.sweep()
        return [bool(folder and folder.is_dir()) for folder in folders]

    now, passed = time.monotonic(), 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now + passed)
    sessions.close(visitors[0])
    assert there_are() == [True, True, True], "a connection may break for a moment"
    passed = sessions.CLOSED_SECONDS + 1
    assert there_are() == [False, True, True]
    sessions.store(visitors[2])
    passed = sessions.IDLE_SECONDS + 1
    assert there_are() == [False, False, True]
    assert approved(sessions.store(visitors[0])) == []


def test_a_copy_stays_while_its_page_is_open(public: None, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = request("at lunch")
    now, passed = time.monotonic(), 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now + passed)
    with guard.PAGES.here("at lunch"):
        approve(sessions.store(visitor))
        passed = 2 * sessions.IDLE_SECONDS
        sessions._COPIES.sweep()
        assert approved(sessions.store(visitor)) == [PLAIN]
    sessions.close(visitor)
    passed += sessions.CLOSED_SECONDS + 1
    sessions._COPIES.sweep()
    assert approved(sessions.store(visitor)) == []


def test_copies_are_limited(public: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "PACKS", 2)
    mine = sessions.store(request())
    for name in ("one", "two"):
        mine.create(pack_of(PLAIN).model_copy(update={"id": name}))
    for write in (approve, lambda store: store.save(pack_of(PLAIN)), lambda store: store.create(pack_of(PLAIN))):
        with pytest.raises(PackError, match="at most 2 packs"):
            write(mine)
    mine.save(mine.get("two").model_copy(update={"title": "Changed"}))


def test_invented_sessions_take_nobody_s_copy(public: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "SESSIONS", 4)
    monkeypatch.setattr(sessions, "SESSIONS_OF_ONE", 3)

    def visitor(session: str, address: str) -> gr.Request:
        asked = from_address(address)
        asked.session_hash = session
        return asked

    mine, other = visitor("mine", "203.0.113.7"), visitor("other", "203.0.113.8")
    for somebody in (mine, other):
        approve(sessions.store(somebody))
    for number in range(20):
        assert sessions.store(visitor(f"read {number}", "203.0.113.66")).get("tones"), "to read takes no room"
    flood = [visitor(f"write {number}", "203.0.113.66") for number in range(10)]
    for one in flood:
        approve(sessions.store(one))
    assert approved(sessions.store(mine)) == approved(sessions.store(other)) == [PLAIN]
    assert [bool(approved(sessions.store(one))) for one in flood] == [False] * 8 + [True] * 2, "their own made room"


@pytest.mark.parametrize("session", [None, ""])
def test_without_a_session_packs_are_only_read(public: None, store: PromptStore, session: str | None) -> None:
    copy = sessions.store(request(session))
    assert copy.get("tones") == store.get("tones")
    with pytest.raises(PackError, match="Without a session only curators change packs"):
        approve(copy)
    with pytest.raises(NotAllowed, match="kept without a session"):
        curate_measure.keep_upload(Context(request(session)), "clips.zip")


def test_a_session_s_name_leads_nowhere(public: None) -> None:
    folders = {sessions.own_folder(request(name)) for name in ("../../etc", "/etc", "..", "a" * 10_000, "\0")}
    assert len(folders) == 5 and len({folder and folder.parent for folder in folders}) == 1


def test_the_tabs_use_the_copy(public: None, store: PromptStore, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("the sound of {}\nit is {}")
    mine, other = request("mine"), request("other")
    pack_id = packs.import_pack(Context(mine), str(tmp_path / "mine.txt"))
    assert pack_id in [choice for _, choice in list_packs(Context(mine))]
    assert pack_id not in [choice for _, choice in [*list_packs(Context(other)), *list_packs(IN_PROCESS)]]
    assert "it is" in str(packs.export(Context(mine), None, pack_id, "csv")["parcel"])
    assert "No prompt pack is called" in packs.export(Context(other), None, pack_id, "csv")["message"]
    steps.send(pack_of(PLAIN), "Mine", "sent", context=Context(mine))
    assert "sent" in sessions.store(mine).ids() and "sent" not in sessions.store(other).ids()
    assert show_session_note(Context(mine)) == {"session": view.SESSION}
    assert show_session_note(Context(cookie(access.sign_in(SECRET)))) == {"session": ""}


# --- what is not for visitors -----------------------------------------------------------------------------------------


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool | None]]:
    """What would have been opened: the place, and whether with the owner's token."""
    given: list[tuple[str, bool | None]] = []

    def note(where: str, into: Path | None = None, token: bool | None = None, **others: Any) -> LabelledClips:
        given.append((where, token))
        return LabelledClips((), (), name=where)

    monkeypatch.setattr(sessions, "open_clips", note)
    return given


@pytest.mark.parametrize(
    "named",
    [
        "/etc",
        "/etc/passwd.csv",
        "../manifest.csv",
        "~/clips.zip",
        "",
        "{}/..",
        "{}",
        "{}/manifest.csv",
        "{}/../../x.zip",
    ],
)
def test_files_of_the_server_are_not_theirs(public: None, opened: list[Any], tmp_path: Path, named: str) -> None:
    where = named.format(tmp_path)
    with pytest.raises(DataError, match="cannot open files of this server"):
        sessions.clips_named(where, request(), tmp_path)
    with pytest.raises(DataError, match="cannot open files of this server"):
        sessions.recordings_in([Path(where)], request(), tmp_path, uploaded=False)
    shown = gather.take_data(Collection(sessions.temporary), where, context=Context(request()))
    assert "cannot open files of this server" in shown["note"]
    if where:
        with pytest.raises(DataError, match="cannot open files of this server"):
            task.choose_data(where, Context(request()))
    assert opened == []


def test_public_data_and_their_own_uploads_are(public: None, opened: list[Any], tmp_path: Path) -> None:
    own = str(tmp_path / "clips.zip")
    for named in ("instruments", "hf:owner/name", own):
        sessions.clips_named(named, request(), tmp_path)
    assert opened == [("instruments", False), ("hf:owner/name", False), (own, False)], "never with the owner's token"
    gather.take_data(Collection(sessions.temporary), own, tmp_path, context=Context(request()))
    assert opened[3:] == [(own, False)]


def test_their_archives_are_unpacked_in_their_folder_and_not_without_end(
    public: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = tmp_path / "clips.zip"
    with zipfile.ZipFile(where, "w") as file:
        for name in ("hum", "whistle"):
            file.writestr(f"{name}/1.wav", b"sound" * 100)
    mine, folder = request(), sessions.own_folder(request())
    assert all(folder in path.parents for path in sessions.clips_named(str(where), mine, tmp_path).paths)
    monkeypatch.setattr(sessions, "BYTES", 999)
    with pytest.raises(DataError, match="unpacks to more than 999 bytes"):
        sessions.clips_named(str(where), request("another"), tmp_path)


def test_their_sound_is_limited(public: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = tmp_path / "clips.zip"
    with zipfile.ZipFile(where, "w") as file:
        for name, hertz in (("hum", HUM), ("whistle", WHISTLE)):
            soundfile.write(tmp_path / "clip.wav", tone(hertz, 3), RATE)
            file.write(tmp_path / "clip.wav", f"{name}/1.wav")
    for limit, seconds, sentence in (
        ("CLIP_SECONDS", 2, "1.wav is longer than"),
        ("SET_SECONDS", 5, "These clips last"),
    ):
        with monkeypatch.context() as patched, pytest.raises(DataError, match=sentence):
            patched.setattr(sessions, limit, seconds)
            sessions.clips_named(str(where), request(limit), tmp_path)
    assert len(sessions.clips_named(str(where), request("another"), tmp_path)) == 2


def test_their_collections_are_limited(
    public: None, store: PromptStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Explore, whether they come one by one or in a zip file; of what is refused nothing is kept."""
    approve(store)
    monkeypatch.setattr(models, "shared_model", lambda name, request: FakeModel())
    files = [tmp_path / name for name in ("hum.wav", "whistle.wav")]
    for file, hertz in zip(files, (HUM, WHISTLE), strict=True):
        soundfile.write(file, tone(hertz, 3), RATE)
    with zipfile.ZipFile(tmp_path / "both.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.name)
    size = sum(file.stat().st_size for file in files)
    collection = Collection(sessions.temporary)

    def upload(*given: Path) -> list[Any]:
        asked = listen.Asked("hum, whistle", "embedded")
        return list(listen.upload_collection(collection, [*map(str, given)], asked, Context(request())))

    one_by_one, zipped = files, [tmp_path / "both.zip"]
    for limit, most, given, sentence in (
        ("FILES", 1, one_by_one, "Visitors keep at most 1 files"),
        ("BYTES", size - 1, one_by_one, "Visitors keep at most"),
        ("BYTES", size - 1, zipped, "unpacks to more than"),
        ("CLIP_SECONDS", 2, one_by_one, "hum.wav is longer than"),
        ("SET_SECONDS", 5, zipped, "These clips last"),
        ("JOB_SECONDS", 0, one_by_one, "This takes longer than"),
    ):
        with monkeypatch.context() as patched, pytest.raises((DataError, NotAllowed, Stopped), match=sentence):
            patched.setattr(sessions, limit, most)
            upload(*given)
        assert not list(collection.folder.iterdir()), limit
    explored = upload(*zipped)[-1]["explored"]
    assert explored.folder.names == ("hum.wav", "whistle.wav")
    with monkeypatch.context() as patched, pytest.raises(NotAllowed, match="Visitors keep at most 3 files"):
        patched.setattr(sessions, "FILES", 3)
        look.label_selected(explored, (0, 1), "both", collection, Context(request()))
    collection.forget()
    assert not explored.path(0).exists()


@pytest.mark.parametrize("large", [{"epochs": 101}, {"seeds": 4}, {"shots": 17}, {"methods": ("palm",) * 5}])
def test_their_trials_are_limited(public: None, large: dict[str, Any]) -> None:
    usual: dict[str, Any] = {"methods": ("palm", "zero-shot"), "shots": 16, "epochs": 50, "seeds": 3}
    sessions.refuse_large_trials(request(), **usual)
    with pytest.raises(NotAllowed, match="Visitors learn with at most 4 methods, 16 clips of each class, 100 epochs"):
        sessions.refuse_large_trials(request(), **(usual | large))
    sessions.refuse_large_trials(cookie(access.sign_in(SECRET)), **(usual | large))


def test_the_sliders_go_no_further_than_visitors_may(public: None) -> None:
    shown = learn.show_limits(Context(request()))
    assert (shown["epochs"].maximum, shown["seeds"].maximum) == (sessions.EPOCHS, sessions.SEEDS)
    assert learn.show_limits(Context(cookie(access.sign_in(SECRET)))) == {}


def test_their_work_ends_with_their_page(public: None) -> None:
    """Whether the page is closed, or only its connection to the work is lost."""
    mine, terms = request("mine"), sessions.terms(request("mine"))
    assert terms == {"owner": "mine", "seconds": sessions.JOB_SECONDS}
    assert sessions.terms(cookie(access.sign_in(SECRET))) == {"owner": "", "seconds": None}

    def work(job: Job[None]) -> None:
        while True:
            job.progress("clips", 0, 1)

    jobs = [MEASURING.start(work, **terms), FITTING.start(work, **terms)]
    app.closed(mine)
    for job in jobs:
        with pytest.raises(Stopped):
            job.result()

    looking: Any = curate_measure.follow_job(lost := MEASURING.start(work, **terms))
    next(looking)
    looking.close()
    with pytest.raises(Stopped):
        lost.result()
    curators = MEASURING.start(work)
    looking = curate_measure.follow_job(curators)
    next(looking)
    looking.close()
    assert not curators.stopping(), "another may wait for it too"
    curators.stop()


def test_a_trial_that_makes_no_headway_still_notices_that_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment, "LOOK_SECONDS", 0.001)
    over = Event()
    job: Any = FITTING.start(lambda job: over.wait(600), owner="mine")
    looking: Any = experiment.watch(job, 1.0)
    assert len([next(looking) for _ in range(5)]) == 5, "steps come without any news"
    looking.close()
    assert job.stopping()
    over.set()


def test_curators_name_everything(public: None, opened: list[Any], tmp_path: Path) -> None:
    sessions.clips_named("/anywhere/manifest.csv", cookie(access.sign_in(SECRET)))
    assert opened == [("/anywhere/manifest.csv", None)]


def test_uploads_are_kept_apart_and_limited(public: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "FILES", 2)
    (tmp_path / "clips.zip").write_bytes(b"mine")
    archive, mine = str(tmp_path / "clips.zip"), Context(request("first"))
    first, second = (Path(curate_measure.keep_upload(one, archive)) for one in (mine, Context(request("second"))))
    assert first != second and first.parent == sessions.uploads(mine.request)
    monkeypatch.setattr(sessions, "BYTES", 7)
    with pytest.raises(NotAllowed, match="Visitors keep at most 2 files and 0 MB"):
        curate_measure.keep_upload(mine, archive)
    collection = Collection(sessions.temporary)
    with pytest.raises(NotAllowed, match="Visitors keep at most 2 files"):
        gather.add(collection, "rain", [str(tmp_path / "clips.zip")] * 3, Context(request()))
    assert not collection.now.clips.paths
    collection.forget()


@pytest.mark.parametrize(("url", "key"), [("", ""), ("http://127.0.0.1:1/v1", "mine"), ("http://10.0.0.1/v1", "")])
def test_the_owners_key_and_network_are_not_theirs(public: None, url: str, key: str) -> None:
    with pytest.raises(GenerationError, match="Visitors need their own OpenAI key"):
        generators.generator_of(generators.SERVICE, 0, "gpt", url, 0.7, key, request())
    writer = Writer(generators.SERVICE, 0, "gpt", url, 0.7, key)
    with pytest.raises(GenerationError, match="Visitors need their own OpenAI key"):
        next(steps.propose("", "rain, wind", writer, Context(request())))


def test_a_key_of_their_own_goes_to_openai_alone(public: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://owners.example/v1")
    service = generators.generator_of(generators.SERVICE, 0, "gpt", "", 0.7, "mine", request())
    assert service.settings["base_url"] == OPENAI_URL
    assert generators.generator_of(generators.LEXICON, 0, "", "", None, "", request()).name == "lexicon"
    visitor = Context(request())
    assert "OPENAI_API_KEY" not in task.key_info("", visitor)
    assert "owners" not in task.in_use(Writer(generators.SERVICE, 0, "gpt", "", None), visitor)


def test_models_are_not_loaded_by_path(public: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights.pth").touch()
    with pytest.raises(NotAllowed, match="Only curators load models from files: sign in, or run audioprompt"):
        next(header.take_weights("msclap-2023", str(tmp_path / "weights.pth"), Context(request())))
    assert registry.MODELS._weights == {}


# --- sizes ------------------------------------------------------------------------------------------------------------


async def _length(asked: Asked) -> PlainTextResponse:
    return PlainTextResponse(str(len(await asked.body())))


@pytest.fixture
def bounded(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """An app that says how much came, where at most ten bytes of files may, and five of others."""
    monkeypatch.setattr(limits, "MAX_BYTES", 10)
    monkeypatch.setattr(limits, "MAX_BODY_BYTES", 5)
    routes = [Route(path, _length, methods=["POST"]) for path in ("/upload", "/other")]
    return TestClient(limits.Bounded(Starlette(routes=routes)), raise_server_exceptions=False)


def test_requests_are_kept_to_a_size(bounded: TestClient) -> None:
    files = {"Content-Type": "multipart/form-data; boundary=b"}
    assert bounded.post("/upload", content=b"0123456789", headers=files).text == "10"
    refused = bounded.post("/upload", content=b"0123456789+", headers=files)
    assert refused.status_code == 413 and refused.text == "Upload too large (limit 0 MB). Choose fewer files."
    lying = bounded.post("/other", content=iter([b"0123456789", b"+"]), headers=files)
    assert lying.status_code >= 400


def test_words_are_kept_to_a_size_at_home_too(bounded: TestClient) -> None:
    home = TestClient(limits.Bounded(bounded.app, public=False), raise_server_exceptions=False)
    for client in (bounded, home):
        assert client.post("/other", content=b"[1,2]").text == "5"
        refused = client.post("/other", content=b"[1,2,3]")
        assert refused.status_code == 413 and refused.text == "Upload too large (limit 0 MB). Upload it as a file."
        assert client.post("/other", content=iter([b"[1,2,", b"3]"])).status_code >= 400
    files = {"Content-Type": "multipart/form-data; boundary=b"}
    assert (
        TestClient(limits.Bounded(Starlette(routes=[Route("/upload", _length, methods=["POST"])]), public=False))
        .post("/upload", content=b"0123456789+", headers=files)
        .text
        == "11"
    )


def test_a_full_disk_takes_no_uploads(bounded: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "full", lambda: True)
    assert bounded.post("/upload", content=b"0").status_code == 507
    assert bounded.post("/other", content=b"0").text == "1"


def test_visitors_delete_their_own_packs_and_nobody_else_s(public: None, store: PromptStore) -> None:
    theirs = sessions.store(request("one"))
    theirs.create(pack_of(PLAIN, pack_id="mine"))
    for pack_id in ("tones", "instruments"):
        with pytest.raises(PackError, match="not your own"):
            theirs.delete(pack_id)
    theirs.update("tones", lambda pack: decide(pack, [PLAIN], "rejected", "one"))
    theirs.delete("tones")  # their copy
    assert theirs.get("tones") == store.get("tones")
    theirs.delete("mine")
    assert "mine" not in theirs.ids() and theirs.restore("mine").id == "mine"
    for _ in range(sessions.PACKS + 2):
        theirs.delete("mine")
        theirs.create(pack_of(PLAIN, pack_id="mine"))
    assert len(list((theirs.folder / ".trash").iterdir())) == sessions.PACKS
    stranger = sessions.store(request(None))
    for act in (stranger.delete, stranger.restore):
        with pytest.raises(PackError, match="Without a session"):
            act("tones")
    assert "tones" in store.ids()


# --- models -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def two_models(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A page that began with one of two models: the names of those that were loaded."""
    loaded: list[str] = []

    def entry(name: str) -> registry.ModelEntry:
        def load(device: str, weights: Path | None, progress: Any) -> Any:
            loaded.append(name)
            return FakeModel()

        return registry.ModelEntry(name, "", "", "", load)

    monkeypatch.setattr(registry, "MODELS", registry.ModelRegistry((entry("first"), entry("large"))))
    monkeypatch.setattr(models, "_open", set())
    models.open_models(["first"])
    models.load_in_background("first")
    return loaded


def offered(who: gr.Request) -> list[str]:
    return [str(name) for _, name in header.show_models("large", Context(who))["picker"].choices]


def test_a_curator_s_look_at_a_model_opens_it_to_nobody(public: None, two_models: list[str]) -> None:
    curator = request(authorization=f"Bearer {SECRET}")
    assert list(header.follow("first", Context(request())))[-1]["state"].endswith("ready")
    assert offered(request()) == ["first"] and offered(curator) == ["first", "large"]
    assert list(header.follow("large", Context(curator)))[-1]["state"].endswith("ready")
    assert offered(request()) == ["first"]
    with pytest.raises(ModelError, match="Only curators use large here: choose another model, sign in, or"):
        list(header.follow("large", Context(request())))
    with pytest.raises(ModelError, match="Only curators"):
        models.shared_model("large")
    with pytest.raises(ModelError, match="Only curators"):
        propose("eight-templates", model="large", context=Context(request()))
    assert two_models == ["first", "large"]


def test_a_curator_opens_a_model_to_visitors_and_closes_it_again(public: None, two_models: list[str]) -> None:
    curator = request(authorization=f"Bearer {SECRET}")
    assert header.show_openness("large", Context(request()))["switch"].visible == HIDDEN
    switch = header.show_openness("large", Context(curator))["switch"]
    assert switch.visible is True and switch.value is False
    with pytest.raises(NotAllowed, match="Only curators open models to visitors"):
        models.open_to_visitors("large", True, request())
    assert offered(request()) == ["first"]
    models.open_to_visitors("large", True, curator)
    assert header.show_openness("large", Context(curator))["switch"].value is True
    assert list(header.follow("large", Context(request())))[-1]["state"].endswith("ready")
    assert offered(request()) == ["first", "large"]
    models.open_to_visitors("large", False, curator)
    assert offered(request()) == ["first"]
    with pytest.raises(ModelError, match="There is no model called"):
        models.open_to_visitors("huge", True, curator)


def test_whoever_starts_the_page_opens_models(public: None, two_models: list[str]) -> None:
    models.open_models(["large"])
    assert offered(request()) == ["first", "large"]
    assert models.shared_model("large", request()).name == "fake"


def test_a_handler_that_passes_no_request_on_asks_as_whoever_it_answers(
    public: None, two_models: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "current_request", lambda: request(authorization=f"Bearer {SECRET}"))
    assert models.shared_model("large").name == "fake"
    monkeypatch.setattr(calls, "current_request", request)
    with pytest.raises(ModelError, match="Only curators"):
        models.shared_model("large")


# --- heads that come with the page ------------------------------------------------------------------------------------


def test_heads_of_the_page_are_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    model = FakeModel()
    monkeypatch.setattr(models, "shared_model", lambda name, request=None: model)
    collection = Collection(lambda: tmp_path)
    for name, hertz in (("hum", HUM), ("whistle", WHISTLE)):
        files = [tmp_path / f"{name} {number}.wav" for number in range(3)]
        for number, file in enumerate(files):
            soundfile.write(file, tone(hertz + number, 1), RATE)
        gather.add(collection, name, files)
    settings = Settings(["palm"], epochs=5, seeds=1, pack_id="vanilla", model_name="fake")
    *_, last = experiment.learn(collection.now, [], settings)
    heads.save(collection, last["tried"], "palm", "")
    (folder,) = [path.parent for path in collection.folder.rglob("head/*.safetensors")]

    future: Future[list[str]] = Future()
    future.set_result(load_heads([folder, tmp_path / "none"], model))
    assert "none is not offered" in caplog.text
    (head_id,) = future.result()
    assert classify.take_labels_of(head_id) == {"labels": "hum, whistle"}
    shown = classify.show_heads(Opening((), future))
    picker = shown["learned_head"]
    assert shown["head"] == picker.value == head_id and picker.visible is True
    assert ("PALM: hum, whistle", head_id) in picker.choices
    for _ in range(HEADS.capacity + 1):
        heads.use(last["tried"], "palm", "")
    assert HEADS.get(head_id), "others do not push it out"
    collection.forget()
