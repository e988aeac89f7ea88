"""Sounds chosen, dropped and pasted: whatever the decoders read gets in, whatever the browser takes it for."""

import base64
import io
import re
import zipfile
from pathlib import Path

import pytest
import soundfile
from playwright.sync_api import Locator, Page, Response, expect

from audioprompt.data.examples import examples
from tests.browser.pages import answered, go_to, unfold, upload
from tests.unit.test_audio import RATE, container_bytes, recording, stereo

GIVE = """(element, [name, file, content, type]) => {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const files = new DataTransfer();
    files.items.add(new File([bytes], file, {type}));
    const how = name === 'paste' ? {clipboardData: files} : {dataTransfer: files};
    const Kind = name === 'paste' ? ClipboardEvent : DragEvent;
    element.dispatchEvent(new Kind(name, {...how, bubbles: true, cancelable: true}));
}"""


@pytest.fixture
def page(same_page: Page) -> Page:
    return same_page


def sound(name: str) -> bytes:
    """A tone in the format that a name ends with; the sound track of a film where that is one."""
    match Path(name).suffix:
        case ".w64" | ".caf" | ".wav" as suffix:
            file = io.BytesIO()
            soundfile.write(file, stereo(), RATE, format=suffix[1:].upper())
            return file.getvalue()
        case ".webm":
            return container_bytes("webm", "libopus", "libvpx")
        case ".3gp":
            return container_bytes("3gp", "aac", "mpeg4")
        case ".mp4" | ".mov" as suffix:
            return container_bytes(suffix[1:], "aac", "mpeg4")
    return recording("opus.ogg")


def give(page: Page, how: str, where: str, name: str, content: bytes, type: str = "") -> None:
    page.locator(where).first.evaluate(GIVE, [how, name, base64.b64encode(content).decode(), type])


def drop(page: Page, where: str, *paths: Path) -> None:
    """Drop files and folders of the disk, as a hand does it."""
    box = page.locator(where).bounding_box()
    assert box
    browser = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        held = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        browser.send("Input.dispatchDragEvent", {"type": kind, **place, "data": held})
    browser.detach()


def a_folder(folder: Path) -> Path:
    """A folder with folders, among whose recordings is what nobody wants to hear."""
    inner = folder / "day 1" / "im Wald"
    inner.mkdir(parents=True)
    for name in (*(f"{number:03}.wav" for number in range(3)), ".hidden.wav", "notes.txt"):
        (inner / name).write_bytes(sound("a.wav"))
        (folder / name).write_bytes(sound("a.wav"))
    (folder / ".git").mkdir()
    (folder / ".git" / "old.wav").write_bytes(sound("a.wav"))
    return folder


WITHIN = [f"{number:03}.wav" for number in range(3)]
OF_A_FOLDER = [*WITHIN, *(f"day 1/im Wald/{name}" for name in WITHIN)]


def names(page: Page) -> Locator:
    return page.locator("#explore-rows tbody td:first-child [data-act='play']")


def test_a_folder_dropped_in_classify_is_a_collection(page: Page, tmp_path: Path) -> None:
    go_to(page, "Classify")
    drop(page, "#sound", a_folder(tmp_path / "birds"))
    expect(names(page)).to_have_text(OF_A_FOLDER)


def test_of_two_collections_and_of_two_searches_the_last_is_shown(page: Page, tmp_path: Path) -> None:
    go_to(page, "Explore")
    last = a_folder(tmp_path / "last")
    (last / "zest.wav").write_bytes(sound("a.wav"))
    drop(page, "#explore-files", a_folder(tmp_path / "first"))
    page.wait_for_timeout(200)
    drop(page, "#explore-files", last)  # while the first is taken or listened to
    expect(names(page)).to_have_text([*OF_A_FOLDER, "zest.wav"])
    expect(page.locator("#explore-stop")).to_be_hidden()
    search = page.locator("#explore-words input, #explore-words textarea")
    for words in ("a dog", "rain and wind"):
        search.fill(words)
        search.press("Enter")
    expect(page.locator("#explore-rows")).to_contain_text("The nearest to “rain and wind”")


def test_folders_files_and_a_zip_are_dropped_together(page: Page, tmp_path: Path) -> None:
    go_to(page, "Explore")
    (tmp_path / "alone.wav").write_bytes(sound("a.wav"))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as packed:
        packed.writestr("packed.wav", sound("a.wav"))
    places = [a_folder(tmp_path / name) for name in ("one", "two")]
    drop(page, "#explore-files", *places, tmp_path / "alone.wav", tmp_path / "b.zip")
    of_two = [f"{folder}/{name}" for folder in ("one", "two") for name in OF_A_FOLDER]
    expect(names(page)).to_have_count(len(of_two) + 2)
    assert {"alone.wav", *of_two} < set(names(page).all_inner_texts())


def test_a_zip_dropped_in_classify_is_a_collection(page: Page, tmp_path: Path) -> None:
    go_to(page, "Classify")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as packed:
        for number in range(4):
            packed.writestr(f"{number}.wav", sound("a.wav"))
    drop(page, "#sound", tmp_path / "b.zip")
    expect(names(page)).to_have_text([f"{number}.wav" for number in range(4)])


def test_a_folder_without_recordings_is_refused_in_a_sentence(page: Page, tmp_path: Path) -> None:
    go_to(page, "Explore")
    (tmp_path / "<b>notes").mkdir()
    (tmp_path / "<b>notes" / "a.txt").write_text("none")
    drop(page, "#explore-files", tmp_path / "<b>notes")
    said = page.get_by_role("alert")
    expect(said).to_have_text("<b>notes holds no recordings: give a folder with some.")
    drop(page, "#explore-files", a_folder(tmp_path / "birds"))
    expect(said).to_have_count(0)
    expect(names(page)).to_have_text(OF_A_FOLDER)


def test_a_folder_is_chosen(page: Page, tmp_path: Path) -> None:
    go_to(page, "Explore")
    with page.expect_file_chooser() as opened:
        page.locator("#explore-folder").click()
    chosen = a_folder(tmp_path / "chosen")
    (chosen / "the last.wav").write_bytes(sound("a.wav"))
    opened.value.set_files(chosen)
    expect(names(page)).to_have_count(len(OF_A_FOLDER) + 1)
    assert {"the last.wav", *OF_A_FOLDER} == set(names(page).all_inner_texts())


def test_a_folder_dropped_in_learn_gives_its_recordings(page: Page, tmp_path: Path) -> None:
    go_to(page, "Learn (PALM)")
    page.fill("#learn-name textarea, #learn-name input", "of a folder")
    drop(page, "#learn-cards", a_folder(tmp_path / "birds"))
    expect(page.locator("#learn-cards [data-label='of a folder']")).to_contain_text("6 clips")


@pytest.mark.parametrize("name", ["a.webm", "a.mp4", "a.mov", "a.3gp", "a.caf", "a.w64", "no ending"])
def test_what_the_decoders_read_is_taken_whatever_it_is_called(page: Page, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(sound(name))
    go_to(page, "Classify")
    upload(page, tmp_path / name)
    answered(page)
    expect(page.locator("#verdict .verdict .label")).not_to_be_empty()


def test_a_file_chooser_shows_what_can_be_read_and_takes_more(page: Page, tmp_path: Path) -> None:
    go_to(page, "Classify")
    if examples():
        answered(page)
        page.locator("#sound [aria-label='Clear']").click()
    (tmp_path / "a.mov").write_bytes(sound("a.mov"))
    with page.expect_file_chooser() as opened:
        page.locator("#sound button", has=page.locator("input[type=file]")).click()
    accepted = str(opened.value.element.get_attribute("accept")).split(",")
    assert {"audio/*", "video/*", ".webm", ".mov", ".3gp", ".caf", ".w64"} <= set(accepted)
    opened.value.set_files(tmp_path / "a.mov")
    answered(page)


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_a_sound_is_dropped_or_pasted_in_place_of_another(page: Page, how: str) -> None:
    go_to(page, "Classify")
    page.wait_for_selector("#sound input[type=file], #sound [aria-label='Clear']", state="attached")
    if examples():
        answered(page)
    page.fill("#labels textarea", f"rain, waves after a {how}")
    where = "#sound" if how == "drop" else "#labels textarea"
    replies: list[Response] = []
    page.on("response", lambda reply: replies.append(reply))
    with page.expect_request(lambda asks: "/queue/join" in asks.url and "b.caf" in (asks.post_data or "")):
        give(page, how, where, "a.webm", sound("a.webm"), "video/webm")
        give(page, how, where, "b.caf", sound("b.caf"))  # while the first is on its way
    taken = [Path(one).name for reply in replies if "/upload?" in reply.url for one in reply.json()]
    assert taken == ["a.webm", "b.caf"]
    expect(page.locator("#verdict .empty")).to_have_count(0)
    expect(page.locator("#vanilla")).to_contain_text(f"waves after a {how}")
    assert page.input_value("#labels textarea") == f"rain, waves after a {how}"


@pytest.mark.parametrize("how", ["choose", "drop", "paste"])
def test_learn_takes_films_and_files_without_an_ending(page: Page, tmp_path: Path, how: str) -> None:
    go_to(page, "Learn (PALM)")
    page.fill("#learn-name textarea, #learn-name input", f"tone to {how}")
    for number, name in enumerate(("a.mov", "no ending", "b.caf"), 1):
        (tmp_path / name).write_bytes(sound(name))
        if how == "choose":
            with page.expect_file_chooser() as opened:
                page.locator("#learn-upload").click()
            assert ".3gp" in str(opened.value.element.get_attribute("accept")).split(",")
            opened.value.set_files(tmp_path / name)
        else:
            give(page, how, "#learn-cards", name, sound(name))
        expect(page.locator(f"#learn-cards [data-label='tone to {how}']")).to_contain_text(
            f"{number} of 3 clips" if number < 3 else "3 clips"
        )


@pytest.mark.parametrize("how", ["choose", "drop"])
def test_publish_takes_them_as_well(page: Page, tmp_path: Path, how: str) -> None:
    go_to(page, "Publish")
    unfold(page, re.compile(r"^Examples \(\d+\)"))
    name = f"film to {how}.mov"
    (tmp_path / name).write_bytes(sound(name))
    if how == "choose":
        with page.expect_file_chooser() as opened:
            page.locator("#publish-upload").click()
        assert {".mov", ".safetensors"} <= set(str(opened.value.element.get_attribute("accept")).split(","))
        opened.value.set_files(tmp_path / name)
    else:
        give(page, how, "#publish", name, sound(name))
    expect(page.locator("#publish-examples")).to_contain_text(f"film to {how}")
