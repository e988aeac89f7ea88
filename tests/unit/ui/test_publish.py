"""The Publish tab's handlers as plain functions: what goes in, what is shown of it, built, pushed, and refused."""

import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import soundfile
from fastapi import Request

from audioprompt.data import LabelledClips
from audioprompt.data.examples import examples
from audioprompt.errors import AudiopromptError
from audioprompt.few_shot.heads import load_head, read_record
from audioprompt.models import registry
from audioprompt.prompts.store import PromptStore
from audioprompt.server import access, sessions
from audioprompt.server.access import NotAllowed
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.services.collection import Collection
from audioprompt.services.heads import HEADS
from audioprompt.space import choices as choosing
from audioprompt.space import sizes
from audioprompt.space.belongings import Belongings, Own
from audioprompt.space.choices import FIELDS, Choices, plan_of
from audioprompt.space.requirements import SpaceError
from audioprompt.ui.components import publish as publish_view
from audioprompt.ui.events import View
from audioprompt.ui.tabs.publish import choose, send
from tests.curating import PLAIN, pack_of
from tests.fakes import HUM, RATE, tone
from tests.hub import Hub, Worker
from tests.unit.space.plans import CLASSES, save_head

NASTY = "<img src=x onerror=alert(1)>"
TOKEN = "hf_secret"
ONE_CLIP = [examples()[0].path.stem]


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PromptStore:
    """A page at home, with a pack of one approved prompt in its store."""
    for name in ("SPACE_ID", access.PASSWORD, "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "no token"))
    monkeypatch.setenv("AUDIOPROMPT_STORE", str(tmp_path / "store"))
    monkeypatch.setattr(access, "_exposed", False)
    store = PromptStore()
    store.create(pack_of(PLAIN, status="approved"))
    return store


@pytest.fixture
def visitor(monkeypatch: pytest.MonkeyPatch) -> Context:
    """Somebody on a public page."""
    monkeypatch.setattr(access, "_exposed", True)
    scope = {"type": "http", "headers": [(b"host", b"example.org")], "session": {}}
    return Context(gr.Request(Request(scope), session_hash="a visitor's"))


@pytest.fixture
def held() -> Iterator[Belongings]:
    held = Belongings(sessions.temporary)
    yield held
    held.forget()


def settle(kept: Choices | None, own: Own | None = None, pack_id: str = "") -> Choices:
    return choosing.settle(kept, own or Own(), IN_PROCESS.store, pack_id)


def chosen(**more: Any) -> Choices:
    return settle({"packs": ["tones"], "examples": ONE_CLIP, "title": "Tones"} | more)


def nothing_held() -> Belongings:
    return Belongings(sessions.temporary)


def show(chosen: Choices, held: Belongings | None = None) -> tuple[str, str]:
    """The preview of a Space, and its files."""
    shown = choose.show(chosen, held or nothing_held())
    return shown["preview"], shown["files"]


def collection_of(clips: LabelledClips, read: str = "") -> Collection:
    found = Collection(sessions.temporary)
    found.change(lambda now: replace(now, clips=clips, read=read))
    return found


def problem_in(markup: str) -> str:
    found = re.search(r'role="alert">(.*?)</div>', markup)
    assert found, markup
    return found[1]


# --- what goes in -----------------------------------------------------------------------------------------------------


def test_at_first_there_is_a_space_already() -> None:
    first = settle(None)
    assert first["packs"] == ["eight-templates"] and len(first["examples"]) == len(examples())
    preview, files = show(first)
    assert "Name that sound" in preview and "In all" in files


def test_the_pack_being_curated_is_proposed_once_it_has_approved_prompts(
    store: PromptStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create(pack_of(PLAIN, pack_id="raw"))
    assert settle({}, None, "tones")["packs"] == ["tones"]
    assert settle({}, None, "raw")["packs"] == ["eight-templates"]
    assert settle({"packs": []}, None, "tones")["packs"] == [], "whoever chose none meant it"
    monkeypatch.setattr(choosing, "ensembles", lambda store: [store.get("tones")])
    assert settle({}, None, "raw")["packs"] == ["tones"], "all prompts of the general pack were rejected"


def test_what_a_browser_remembers_is_kept_as_far_as_it_is_there() -> None:
    kept = {
        "title": "Mine",
        "packs": ["tones", "gone"],
        "heads": ["gone"],
        "examples": ["gone", *ONE_CLIP],
        "model": "gone",
        "gpu": True,
        "labels": 5,
        "other": "x",
        "licence": None,
    }
    settled = settle(kept)
    assert settled == settle(settled)
    assert settled == {
        "title": "Mine",
        "packs": ["tones"],
        "heads": [],
        "labels": "",
        "examples": ONE_CLIP,
        "model": "embedded",
        "licence": "apache-2.0",
        "gpu": True,
        "tabs": ["classify", "explore", "generate", "curate", "learn"],
    }


def test_the_preview_shows_what_was_chosen_and_the_files_add_up() -> None:
    choices = chosen(labels="rain, wind", licence="cc-by-4.0", packs=["tones", "vocal-sounds"])
    preview, files = show(choices)
    for part in ("<b>Tones</b>", "rain, wind", "Tones (1)", "Vocal sounds (20)", "cc-by-4.0", examples()[0].title):
        assert part in preview, part
    expected = sizes(plan_of(choices, Own(), IN_PROCESS.store))
    assert f"<span>{len(expected)} files</span><span>{sum(expected.values()) / 1e6:.1f} MB</span>" in files
    assert "prompt_store/" in files and "<span>tones.json</span>" in files
    assert set(re.findall(r"<span>([\w.-]+\.(?:py|md|txt))</span><span></span>", files)) >= {"app.py", "README.md"}


def test_other_peoples_text_is_shown_as_text(store: PromptStore) -> None:
    store.create(pack_of(PLAIN, status="approved", pack_id="nasty").model_copy(update={"title": NASTY}))
    preview, files = show(chosen(title=NASTY, labels=f"{NASTY}, rain", packs=["nasty"], licence=NASTY))
    assert "<img" not in preview + files and preview.count("&lt;img src=x") >= 4


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"title": "  "}, "ive the Space a title"),
        ({"title": "a" * 81}, "at most 80 characters"),
        ({"licence": ""}, "ive the Space a licence"),
        ({"packs": []}, "choose at least one pack"),
        ({"labels": "rain"}, "give at least two labels"),
    ],
)
def test_what_makes_no_space_is_said_in_place(choices: Choices, sentence: str) -> None:
    preview, files = show(chosen(**choices))
    assert sentence in problem_in(preview) and files == ""
    for out in (
        send.build_space(chosen(**choices), nothing_held(), ""),
        send.push_space(chosen(**choices), nothing_held(), "me/space", False, TOKEN),
    ):
        with pytest.raises(AudiopromptError, match=sentence):
            next(out)


def test_with_nothing_approved_it_points_to_curate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "pack_choices", lambda context: [])
    preview, _ = show(settle(None))
    assert 'class="empty"' in preview and "Go to Curate" in preview


# --- heads and clips of one's own -------------------------------------------------------------------------------------


def test_a_head_in_use_goes_in_and_stays_even_where_it_made_room(held: Belongings, tmp_path: Path) -> None:
    model = registry.load("embedded", "cpu")
    head_id = HEADS.keep(load_head(save_head(tmp_path / "head"), model))
    assert held.take_head(head_id) and not held.take_head(head_id) and not held.take_head("unknown")
    assert publish_view.head_choices(held.now.heads) == [("PALM: rain, wind (embedded)", head_id)]
    HEADS._kept.pop(head_id)
    choices = settle(chosen() | {"heads": [head_id]}, held.now)
    plan = plan_of(choices, held.now, IN_PROCESS.store)
    assert plan.first_labels == CLASSES and plan.records[plan.heads[0]].revision == model.revision
    preview, files = show(choices, held)
    assert "PALM: rain, wind" in preview and "heads/palm-rain-wind/" in files
    preview, _ = show(choices | {"model": "msclap-2023"}, held)
    assert "was made for embedded" in problem_in(preview)
    held.forget()
    assert not held.now.heads[head_id].exists()


def test_saved_heads_and_clips_are_brought(held: Belongings, tmp_path: Path) -> None:
    saved = save_head(tmp_path / "head")
    packed = shutil.make_archive(str(tmp_path / "palm-head"), "zip", saved)
    soundfile.write(tmp_path / "owl.wav", tone(HUM, 1), RATE)
    shown = choose.bring({}, held, [packed, saved / "head.safetensors", tmp_path / "owl.wav"])
    assert shown["note"] == "" and shown["belongings"] is held and shown["kept"]["heads"] == ["palm-head", "head"]
    assert shown["kept"]["examples"][0] == "owl"
    own = held.now
    assert [*own.heads] == ["palm-head", "head"] and [*own.clips] == ["owl"]
    assert {read_record(place).licence for place in own.heads.values()} == {"CC-BY-4.0"}
    choices = settle({"examples": ["owl"], "heads": ["palm-head"]}, own)
    plan = plan_of(choices, own, IN_PROCESS.store)
    (clip,) = plan.clips
    assert (clip.title, clip.labels) == ("owl", CLASSES)
    assert "assets/examples/owl.wav" in sizes(plan)
    preview, _ = show(choices | {"heads": []}, held)
    assert "Say what owl might be: give labels" in problem_in(preview)


def test_what_is_brought_at_the_same_time_is_all_kept(held: Belongings, tmp_path: Path) -> None:
    saved = save_head(tmp_path / "head") / "head.safetensors"
    with ThreadPoolExecutor(6) as threads:
        for _ in range(6):
            threads.submit(held.bring, saved)
    assert len(held.now.heads) == 6 and len(set(held.now.heads.values())) == 6


@pytest.mark.parametrize("name", ["head.zip", "other.zip", "head.safetensors", "clip.wav"])
def test_what_is_neither_is_said_in_place(held: Belongings, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"nothing of use")
    if name == "other.zip":
        with zipfile.ZipFile(file, "w") as packed:
            packed.writestr("../escaped.txt", "x")
    note = choose.bring({}, held, [file])["note"]
    assert problem_in(note) and held.now == Own()
    assert not [*sessions.temporary().rglob("escaped.txt")]


def recorded(tmp_path: Path, labels: tuple[str, ...]) -> LabelledClips:
    """A recording for each label, as the Learn tab has them."""
    paths = tuple(tmp_path / f"{number}" / "audio.wav" for number in range(len(labels)))
    for number, path in enumerate(paths):
        path.parent.mkdir()
        soundfile.write(path, tone(HUM + number, 1), RATE)
    return LabelledClips(paths, labels)


def test_the_head_in_use_goes_in_with_its_recordings_and_nothing_that_does_not_fit(
    held: Belongings, tmp_path: Path
) -> None:
    classes = ("my_tap, left", "gong")
    clips = recorded(tmp_path, (classes[0], classes[0], classes[0], "gong"))
    collection = collection_of(clips)
    saved = load_head(save_head(tmp_path / "head", classes=("my tap, left", "gong")), registry.load("embedded", "cpu"))
    head_id = HEADS.keep(saved)
    before: Choices = {"labels": "laughter, cough", "examples": [*held.now.offered], "model": "msclap-2023"}
    choices = settle(choose.take_head(before, held, head_id, collection)["kept"], held.now)
    assert choices["heads"] == [head_id] and choices["model"] == "embedded"
    assert choices["examples"] == ["learn: gong", "learn: my tap, left"]
    plan = plan_of(choices, held.now, IN_PROCESS.store)
    assert plan.first_labels == ("my tap, left", "gong")
    found = [(clip.truth, clip.labels) for clip in plan.clips]
    assert found == [("gong", plan.first_labels), ("my tap, left", plan.first_labels)]
    offered = [name for name in held.now.offered if name.startswith("learn")]
    assert offered == ["learn: gong", "learn: my tap, left", "learn: my tap, left 2"], "a few of each class are offered"
    assert choose.take_head(choices, held, head_id, collection) == {}, "once"

    shown = choose.take_head(choices, held, HEADS.keep(saved), collection_of(clips, "hf:owner/name"))
    assert shown["kept"]["examples"] == [], "clips of the hub go in only if they are chosen"


def test_the_clip_in_classify_is_offered_with_its_labels(held: Belongings, tmp_path: Path, visitor: Context) -> None:
    sound = tmp_path / "upload" / "owl.wav"
    sound.parent.mkdir()
    soundfile.write(sound, tone(HUM, 1), RATE)
    nothing = Collection(sessions.temporary)
    for _ in range(2):
        held.offer(nothing.now.clips, str(sound), 'owl\n"wren, small"')
    clip = held.now.offered["classify"]
    assert (clip.title, clip.labels) == ("owl (from Classify)", ("owl", "wren, small"))
    assert "classify" not in settle({"examples": ONE_CLIP}, held.now)["examples"], "only if it is chosen"
    sound.unlink()
    assert clip.path.is_file(), "it is kept as long as the page is open"
    assert not held.offer(nothing.now.clips, str(examples()[0].path), "").recorded
    others = Belongings(sessions.temporary)
    choose.open_choices({}, others, "", nothing, str(clip.path), "", visitor)
    assert not others.now.recorded, "a visitor's stay here"


def test_the_tab_opens_where_the_clip_in_classify_is_gone_as_uploads_are_after_a_while(
    held: Belongings, tmp_path: Path
) -> None:
    nothing = Collection(sessions.temporary)
    opened = choose.open_choices({}, held, "", nothing, str(tmp_path / "gone.wav"), "")
    assert opened["preview"] and not held.now.recorded


# --- out --------------------------------------------------------------------------------------------------------------


def test_a_space_is_built_counted_and_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send, "LOOK_SECONDS", 0.01)
    choices, place = chosen(labels="rain, wind"), tmp_path / "new" / "space"
    expected = sizes(plan_of(choices, Own(), IN_PROCESS.store))
    states, packed = [], None
    for out in send.build_space(choices, nothing_held(), f" {place} "):
        states.append(out["built"])
        if "download" in out:
            with zipfile.ZipFile(out["download"].value["path"]) as file:
                packed = {one.filename: one.file_size for one in file.infolist() if not one.is_dir()}
    there = {path.relative_to(place).as_posix(): path.stat().st_size for path in place.rglob("*") if path.is_file()}
    assert there == packed == expected
    counts = [
        int(done) for state in states for done in re.findall(rf"Building: (\d+) of {len(expected)} files", str(state))
    ]
    assert len(set(counts)) > 2 and counts == sorted(counts)
    assert f"<code>{place}</code>" in states[-1] and f"{len(expected)} files" in states[-1]
    assert not [*sessions.temporary().glob("space-*")], "nothing temporary is left"


def test_without_a_folder_there_is_a_zip_alone() -> None:
    last = [*send.build_space(chosen(), nothing_held(), "")][-1]
    assert "Here it is as a zip" in last["built"] and last["download"].label.startswith("Download tones.zip (")


@pytest.mark.parametrize("folder", ["taken", "taken/file.txt", "nul\0l"])
def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path, folder: str) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/file.txt").write_text("precious")
    with pytest.raises(SpaceError, match="name a"):
        [*send.build_space(chosen(), nothing_held(), str(tmp_path / folder))]
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["file.txt"]


def push(choices: Choices, name: str, public: bool, token: str) -> list[tuple[str, str | None]]:
    """What a push says, at the end why it failed; and what it leaves in the token's field, None for what is there."""
    said: list[tuple[str, str | None]] = []
    try:
        for shown in send.push_space(choices, nothing_held(), name, public, token):
            said.append((str(shown["pushed"]), shown.get("token")))
    except SpaceError as error:
        said.append((str(error), None))
    return said


@pytest.mark.slow
def test_a_space_is_pushed_and_its_address_said(hub: Hub, worker: Worker) -> None:
    choices = settle({"title": "Rain", "examples": ONE_CLIP})
    said = worker(push, choices, " me/rain ", False, f" {TOKEN}\n")
    address = f"{hub.url}/spaces/me/rain"
    assert f'<a href="{address}"' in said[-1][0] and "only you see it" in said[-1][0]
    assert said[-1][1] == "" and {left for _, left in said[:-1]} == {None}
    assert any("Building: " in one for one, _ in said) and any("Uploading " in one for one, _ in said)
    held = hub.held("spaces/me/rain")
    assert set(held) - {".gitattributes"} == set(sizes(plan_of(choices, Own(), IN_PROCESS.store)))
    assert hub.created["me/rain"]["private"] is True
    assert TOKEN not in str(said) and not any(TOKEN.encode() in content for content in held.values())


@pytest.mark.parametrize(
    ("name", "token", "sentence"),
    [
        ("", TOKEN, "Name the Space"),
        ("me", TOKEN, "is not a valid name for a Space"),
        ("me/rain", "", "Give a token that may write"),
        ("me/rain", "hf_another_secret", "does not accept the token"),
        ("me/rain", "hf_another\nsecret", "Not a Hub token"),
        ("me/rain", "hf_anöther", "Not a Hub token"),
        ("they/rain", TOKEN, "a name of your own"),
    ],
)
@pytest.mark.slow
def test_a_push_that_fails_says_why_and_not_the_token(
    hub: Hub, worker: Worker, name: str, token: str, sentence: str
) -> None:
    (*_, (said, left)) = worker(push, settle({"examples": ONE_CLIP}), name, False, token)
    assert sentence in said and left is None
    assert not token or token not in said


# --- who may ----------------------------------------------------------------------------------------------------------


def test_visitors_see_what_they_may_choose_and_publish_nothing(
    visitor: Context, held: Belongings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audioprompt.space.out.push", lambda *given: pytest.fail("a visitor pushes"))
    choices = choosing.settle({}, Own(), visitor.store)
    assert "Name that sound" in choose.show(choices, held, visitor)["preview"]
    assert "Only curators publish" in choose.advise(visitor) and choose.advise(Context(None)) != ""
    sent: list[Callable[[], Any]] = [
        lambda: next(send.build_space(choices, held, str(tmp_path / "space"), visitor)),
        lambda: next(send.push_space(choices, held, "me/rain", False, TOKEN, visitor)),
        lambda: choose.bring({}, held, [save_head(tmp_path / "head") / "head.safetensors"], visitor),
    ]
    for out in sent:
        with pytest.raises(
            NotAllowed, match=r"Only curators publish: sign in, or run audioprompt on your own machine\."
        ):
            out()
    assert not (tmp_path / "space").exists() and held.now == Own()


def test_curators_are_not_told_to_go_elsewhere() -> None:
    assert choose.advise() == ""


def test_whether_there_is_a_token_is_said_to_curators_alone(monkeypatch: pytest.MonkeyPatch, visitor: Context) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert choose.token_info(visitor) == choose.TOKEN_WANTED
    monkeypatch.setattr(access, "_exposed", False)
    assert choose.token_info() == choose.TOKEN_THERE and TOKEN not in choose.token_info()
    monkeypatch.delenv("HF_TOKEN")
    assert choose.token_info() == choose.TOKEN_WANTED


@pytest.mark.parametrize(
    "kept", [None, {}, {"title": 5, "packs": "tones", "heads": {}, "examples": None, "labels": ["rain"], "gpu": "yes"}]
)
def test_nothing_that_a_browser_sends_breaks_it(kept: Any, held: Belongings, visitor: Context) -> None:
    nothing = Collection(sessions.temporary)
    opened = choose.open_choices(kept, held, "tones", nothing, None, None, visitor)
    assert opened["kept"]["title"] == "Name that sound"
    values: View = dict.fromkeys(FIELDS)
    assert choose.change(kept, held, values, visitor)["kept"]["packs"] == ["eight-templates"]
