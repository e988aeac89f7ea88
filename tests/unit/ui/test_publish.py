"""The Publish tab's handlers as plain functions: what goes in, what is shown of it, built, pushed, and refused."""

import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import soundfile
from fastapi import Request

from audioprompt.data import LabelledClips
from audioprompt.data.examples import examples
from audioprompt.few_shot.heads import load_head, read_record
from audioprompt.models import registry
from audioprompt.prompts.store import PromptStore
from audioprompt.server import access, sessions
from audioprompt.services.learn import HEADS
from audioprompt.space import sizes
from audioprompt.ui.components import publish as publish_view
from audioprompt.ui.tabs import learn, publish
from audioprompt.ui.tabs.learn import Collection
from audioprompt.ui.tabs.publish import Choices, Own
from tests.curating import PLAIN, pack_of
from tests.fakes import HUM, RATE, tone
from tests.hub import Hub, Worker
from tests.unit.server.test_access import request
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
def visitor(monkeypatch: pytest.MonkeyPatch) -> gr.Request:
    """Somebody on a public page."""
    monkeypatch.setattr(access, "_exposed", True)
    scope = {"type": "http", "headers": [(b"host", b"example.org")], "session": {}}
    return gr.Request(Request(scope), session_hash="a visitor's")


@pytest.fixture
def own() -> Iterator[Own]:
    own = Own()
    yield own
    publish.forget(own)


def chosen(**more: Any) -> Choices:
    return publish.settled({"packs": ["tones"], "examples": ONE_CLIP, "title": "Tones"} | more, Own())


def problem_in(markup: str) -> str:
    found = re.search(r'role="alert">(.*?)</div>', markup)
    assert found, markup
    return found[1]


# --- what goes in -----------------------------------------------------------------------------------------------------


def test_at_first_there_is_a_space_already() -> None:
    first = publish.settled(None, Own())
    assert first["packs"] == ["eight-templates"] and len(first["examples"]) == len(examples())
    preview, files = publish.show(first, Own())
    assert "Name that sound" in preview and "In all" in files


def test_the_pack_being_curated_is_proposed_once_it_has_approved_prompts(
    store: PromptStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create(pack_of(PLAIN, pack_id="raw"))
    assert publish.settled({}, Own(), "tones")["packs"] == ["tones"]
    assert publish.settled({}, Own(), "raw")["packs"] == ["eight-templates"]
    assert publish.settled({"packs": []}, Own(), "tones")["packs"] == [], "whoever chose none meant it"
    monkeypatch.setattr(publish, "pack_choices", lambda request: [("Tones", "tones")])
    assert publish.settled({}, Own(), "raw")["packs"] == ["tones"], "all prompts of the general pack were rejected"


def test_what_a_browser_remembers_is_kept_as_far_as_it_is_there() -> None:
    kept = {
        "title": "Mine", "packs": ["tones", "gone"], "heads": ["gone"], "examples": ["gone", *ONE_CLIP],
        "model": "gone", "gpu": True, "labels": 5, "other": "x", "licence": None,
    }  # fmt: skip
    settled = publish.settled(kept, Own())
    assert settled == publish.settled(settled, Own())
    assert settled == {
        "title": "Mine", "packs": ["tones"], "heads": [], "labels": "", "examples": ONE_CLIP, "model": "embedded",
        "licence": "apache-2.0", "gpu": True, "tabs": ["classify", "generate", "curate", "learn"],
    }  # fmt: skip


def test_the_preview_shows_what_was_chosen_and_the_files_add_up() -> None:
    choices = chosen(labels="rain, wind", licence="cc-by-4.0", packs=["tones", "vocal-sounds"])
    preview, files = publish.show(choices, Own())
    for part in ("<b>Tones</b>", "rain, wind", "Tones (1)", "Vocal sounds (20)", "cc-by-4.0", examples()[0].title):
        assert part in preview, part
    expected = sizes(publish.plan_of(choices, Own()))
    assert f"<span>{len(expected)} files</span><span>{sum(expected.values()) / 1e6:.1f} MB</span>" in files
    assert "prompt_store/" in files and "<span>tones.json</span>" in files
    assert set(re.findall(r"<span>([\w.-]+\.(?:py|md|txt))</span><span></span>", files)) >= {"app.py", "README.md"}


def test_other_peoples_text_is_shown_as_text(store: PromptStore) -> None:
    store.create(pack_of(PLAIN, status="approved", pack_id="nasty").model_copy(update={"title": NASTY}))
    preview, files = publish.show(chosen(title=NASTY, labels=f"{NASTY}, rain", packs=["nasty"], licence=NASTY), Own())
    assert "<img" not in preview + files and preview.count("&lt;img src=x") >= 4


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"title": "  "}, "Give the Space a title"),
        ({"title": "a" * 81}, "at most 80 characters"),
        ({"licence": ""}, "Give the Space a licence"),
        ({"packs": []}, "choose at least one pack"),
        ({"labels": "rain"}, "give at least two labels"),
    ],
)
def test_what_makes_no_space_is_said_in_place(choices: Choices, sentence: str) -> None:
    preview, files = publish.show(chosen(**choices), Own())
    assert sentence in problem_in(preview) and files == ""
    (last,) = publish.build_space(chosen(**choices), Own(), "")
    assert sentence in problem_in(last.state)
    ((said, _),) = publish.push_space(chosen(**choices), Own(), "me/space", False, TOKEN)
    assert sentence in problem_in(said)


def test_with_nothing_approved_it_points_to_curate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "pack_choices", lambda request=None: [])
    preview, _ = publish.show(publish.settled(None, Own()), Own())
    assert 'class="empty"' in preview and "Go to Curate" in preview


# --- heads and clips of one's own -------------------------------------------------------------------------------------


def test_a_head_in_use_goes_in_and_stays_even_where_it_made_room(own: Own, tmp_path: Path) -> None:
    model = registry.load("embedded", "cpu")
    head_id = HEADS.keep(load_head(save_head(tmp_path / "head"), model))
    own = publish.take_head(own, head_id)
    assert publish.take_head(own, head_id) is own and publish.take_head(own, "unknown") is own
    assert publish_view.head_choices(own.heads) == [("PALM: rain, wind (embedded)", head_id)]
    HEADS._kept.pop(head_id)
    choices = publish.settled(chosen() | {"heads": [head_id]}, own)
    plan = publish.plan_of(choices, own)
    assert plan.first_labels == CLASSES and plan.records[plan.heads[0]].revision == model.revision
    preview, files = publish.show(choices, own)
    assert "PALM: rain, wind" in preview and "heads/palm-rain-wind/" in files
    preview, _ = publish.show(choices | {"model": "msclap-2023"}, own)
    assert "was made for embedded" in problem_in(preview)
    publish.forget(own)
    assert not own.heads[head_id].exists()


def test_saved_heads_and_clips_are_brought(own: Own, tmp_path: Path) -> None:
    saved = save_head(tmp_path / "head")
    packed = shutil.make_archive(str(tmp_path / "palm-head"), "zip", saved)
    soundfile.write(tmp_path / "owl.wav", tone(HUM, 1), RATE)
    own, problem = publish.bring(own, [packed, saved / "head.safetensors", tmp_path / "owl.wav"])
    assert problem == "" and [*own.heads] == ["palm-head", "head"] and [*own.clips] == ["owl"]
    assert {read_record(place).licence for place in own.heads.values()} == {"CC-BY-4.0"}
    choices = publish.settled({"examples": ["owl"], "heads": ["palm-head"]}, own)
    (clip,) = publish.plan_of(choices, own).clips
    assert (clip.title, clip.labels) == ("owl", CLASSES)
    assert "assets/examples/owl.wav" in sizes(publish.plan_of(choices, own))
    preview, _ = publish.show(choices | {"heads": []}, own)
    assert "Say what owl might be: give labels" in problem_in(preview)


@pytest.mark.parametrize("name", ["head.zip", "other.zip", "head.safetensors", "clip.wav"])
def test_what_is_neither_is_said_in_place(own: Own, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"nothing of use")
    if name == "other.zip":
        with zipfile.ZipFile(file, "w") as packed:
            packed.writestr("../escaped.txt", "x")
    own, problem = publish.bring(own, [file])
    assert problem_in(problem) and not own.heads and not own.clips
    assert not [*sessions.temporary().rglob("escaped.txt")]


def recorded(tmp_path: Path, labels: tuple[str, ...]) -> LabelledClips:
    """A recording for each label, as the Learn tab has them."""
    paths = tuple(tmp_path / f"{number}" / "audio.wav" for number in range(len(labels)))
    for number, path in enumerate(paths):
        path.parent.mkdir()
        soundfile.write(path, tone(HUM + number, 1), RATE)
    return LabelledClips(paths, labels)


def test_the_head_in_use_goes_in_with_its_recordings_and_nothing_that_does_not_fit(own: Own, tmp_path: Path) -> None:
    classes = ("my_tap, left", "gong")
    collection = Collection()
    clips = recorded(tmp_path, (classes[0], classes[0], classes[0], "gong"))
    collection.change(lambda now: learn.show(replace(now, clips=clips)))
    saved = load_head(save_head(tmp_path / "head", classes=("my tap, left", "gong")), registry.load("embedded", "cpu"))
    head_id = HEADS.keep(saved)
    before: Choices = {"labels": "laughter, cough", "examples": [*publish.offered_clips(own)], "model": "msclap-2023"}
    kept, own = publish._head_taken(before, own, head_id, collection, request(None))
    choices = publish.settled(kept, own)
    assert choices["heads"] == [head_id] and choices["model"] == "embedded"
    assert choices["examples"] == ["learn: gong", "learn: my tap, left"]
    plan = publish.plan_of(choices, own)
    assert plan.first_labels == ("my tap, left", "gong")
    assert [(clip.truth, clip.labels) for clip in plan.clips] == [
        ("gong", plan.first_labels), ("my tap, left", plan.first_labels),
    ]  # fmt: skip
    assert [name for name in publish.offered_clips(own) if name.startswith("learn")] == [
        "learn: gong", "learn: my tap, left", "learn: my tap, left 2",
    ], "a few of each class are offered"  # fmt: skip
    assert publish._head_taken(choices, own, head_id, collection, request(None)) == (choices, own), "once"

    collection.change(lambda now: learn.show(replace(now, read="hf:owner/name")))
    kept, own = publish._head_taken(choices, own, HEADS.keep(saved), collection, request(None))
    assert kept and kept["examples"] == [], "clips of the hub go in only if they are chosen"


def test_the_clip_in_classify_is_offered_with_its_labels(
    own: Own, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = tmp_path / "upload" / "owl.wav"
    sound.parent.mkdir()
    soundfile.write(sound, tone(HUM, 1), RATE)
    for _ in range(2):
        own = publish.take_recorded(own, Collection().now.clips, str(sound), 'owl\n"wren, small"')
    clip = publish.offered_clips(own)["classify"]
    assert (clip.title, clip.labels) == ("owl (from Classify)", ("owl", "wren, small"))
    assert "classify" not in publish.settled({"examples": ONE_CLIP}, own)["examples"], "only if it is chosen"
    sound.unlink()
    assert clip.path.is_file(), "it is kept as long as the page is open"
    bundled = examples()[0].path
    assert not publish.take_recorded(own, Collection().now.clips, str(bundled), "").recorded
    monkeypatch.setattr(access, "_exposed", True)
    assert not publish.take_recorded(Own(), Collection().now.clips, str(clip.path), "").recorded, (
        "a visitor's stay here"
    )


# --- out --------------------------------------------------------------------------------------------------------------


def test_a_space_is_built_counted_and_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "LOOK_SECONDS", 0.01)
    choices, place = chosen(labels="rain, wind"), tmp_path / "new" / "space"
    expected = sizes(publish.plan_of(choices, Own()))
    states, packed = [], None
    for out in publish.build_space(choices, Own(), f" {place} "):
        states.append(out.state)
        if isinstance(out.download, gr.DownloadButton) and out.download.value:
            with zipfile.ZipFile(out.download.value["path"]) as file:
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
    last = [*publish.build_space(chosen(), Own(), "")][-1]
    assert "Here it is as a zip" in last.state and last.download.label.startswith("Download tones.zip (")


@pytest.mark.parametrize("folder", ["taken", "taken/file.txt", "nul\0l"])
def test_a_folder_that_cannot_be_used_is_said_in_place(tmp_path: Path, folder: str) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/file.txt").write_text("precious")
    last = [*publish.build_space(chosen(), Own(), str(tmp_path / folder))][-1]
    assert "name a" in problem_in(last.state)
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["file.txt"]


def push(choices: Choices, name: str, public: bool, token: str) -> list[tuple[str, str | None]]:
    """What a push says; and what it leaves in the token's field, None for what is there."""
    return [
        (str(said), field if isinstance(field, str) else None)
        for said, field in publish.push_space(choices, Own(), name, public, token)
    ]


@pytest.mark.slow
def test_a_space_is_pushed_and_its_address_said(hub: Hub, worker: Worker) -> None:
    choices = publish.settled({"title": "Rain", "examples": ONE_CLIP}, Own())
    said = worker(push, choices, " me/rain ", False, f" {TOKEN}\n")
    address = f"{hub.url}/spaces/me/rain"
    assert f'<a href="{address}"' in said[-1][0] and "only you see it" in said[-1][0]
    assert said[-1][1] == "" and {left for _, left in said[:-1]} == {None}
    assert any("Building: " in one for one, _ in said) and any("Uploading " in one for one, _ in said)
    held = hub.held("spaces/me/rain")
    assert set(held) - {".gitattributes"} == set(sizes(publish.plan_of(choices, Own())))
    assert hub.created["me/rain"]["private"] is True
    assert TOKEN not in str(said) and not any(TOKEN.encode() in content for content in held.values())


@pytest.mark.parametrize(
    ("name", "token", "sentence"),
    [
        ("", TOKEN, "Name the Space"),
        ("me", TOKEN, "is no name for a Space"),
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
    (*_, (said, left)) = worker(push, publish.settled({"examples": ONE_CLIP}, Own()), name, False, token)
    assert sentence in problem_in(said) and left is None
    assert not token or token not in said


# --- who may ----------------------------------------------------------------------------------------------------------


def test_visitors_see_what_they_may_choose_and_publish_nothing(
    visitor: gr.Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audioprompt.space.push", lambda *given: pytest.fail("a visitor pushes"))
    choices = publish.settled({}, Own(), "", visitor)
    assert "Name that sound" in publish.show(choices, Own(), visitor)[0]
    assert "Only curators publish" in publish.standing(visitor) and publish.standing(None) != ""
    (out,) = publish.build_space(choices, Own(), str(tmp_path / "space"), visitor)
    ((said, _),) = publish.push_space(choices, Own(), "me/rain", False, TOKEN, visitor)
    own, problem = publish.bring(Own(), [save_head(tmp_path / "head") / "head.safetensors"], visitor)
    for refused in (out.state, said, problem):
        assert "Only curators publish: sign in, or run audioprompt on your own machine." in problem_in(refused)
    assert not (tmp_path / "space").exists() and own == Own()


def test_curators_are_not_told_to_go_elsewhere() -> None:
    assert publish.standing() == ""


def test_whether_there_is_a_token_is_said_to_curators_alone(
    monkeypatch: pytest.MonkeyPatch, visitor: gr.Request
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert publish.token_info(visitor) == publish.TOKEN_WANTED
    monkeypatch.setattr(access, "_exposed", False)
    assert publish.token_info() == publish.TOKEN_THERE and TOKEN not in publish.token_info()
    monkeypatch.delenv("HF_TOKEN")
    assert publish.token_info() == publish.TOKEN_WANTED


@pytest.mark.parametrize(
    "kept", [None, {}, {"title": 5, "packs": "tones", "heads": {}, "examples": None, "labels": ["rain"], "gpu": "yes"}]
)
def test_nothing_that_a_browser_sends_breaks_it(kept: Any, visitor: gr.Request) -> None:
    opened = publish._choices_opened(kept, Own(), "tones", Collection(), None, None, visitor)
    assert opened[1]["title"] == "Name that sound"
    assert publish._choices_changed(visitor, kept, Own(), *[None] * len(publish.FIELDS))[0]["packs"] == [
        "eight-templates"
    ]
