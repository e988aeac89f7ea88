"""Sounds chosen, dropped and pasted: whatever the decoders read gets in, whatever the browser takes it for."""

import base64
import io
import re
from pathlib import Path

import pytest
import soundfile
from playwright.sync_api import Page, expect

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
    with page.expect_response(lambda reply: "/upload?" in reply.url and "b.caf" in reply.text()):
        give(page, how, where, "a.webm", sound("a.webm"), "video/webm")
        give(page, how, where, "b.caf", sound("b.caf"))  # while the first is on its way
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
