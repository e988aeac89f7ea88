"""A collection in the Explore tab: listened to, searched, played, selected on the map and put into Learn."""

import base64
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page, expect

from tests.browser.pages import DESKTOP, NASTY, PHONE, SIDEWAYS, go_to

TAB = "explore"


DROP = """(place, given) => {
    const dataTransfer = new DataTransfer();
    for (const [name, content] of given) {
        const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
        dataTransfer.items.add(new File([bytes], name, {type: 'audio/wav'}));
    }
    place.dispatchEvent(new DragEvent('drop', {dataTransfer, bubbles: true, cancelable: true}));
}"""


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_collection(page: Page, tmp_path: Path, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    files = [tmp_path / f"tone {number}.wav" for number in range(8)] + [tmp_path / f"{NASTY[:28]}.wav"]
    for number, file in enumerate(files):
        wave = 0.5 * np.sin(2 * np.pi * (200 if number % 2 else 3000) * np.arange(32_000) / 16_000)
        soundfile.write(file, wave, 16_000)
    broken = tmp_path / "broken.wav"
    broken.write_text("no sound")
    go_to(page, "Explore")
    expect(page.locator("#explore-files")).to_be_visible()
    assert page.locator("#explore-words").is_hidden()
    bring(page, [*files, broken], dropped=size == DESKTOP)
    expect(page.locator("#explore-labels textarea")).to_have_value("a low hum, a high whistle")

    rows = page.locator("#explore-rows tbody tr")
    expect(rows).to_have_count(10)
    expect(page.locator("#explore-rows .head span")).to_have_text("9 recordings, 1 more could not be used.")
    expect(page.locator("#explore-rows td.error")).to_contain_text("broken.wav holds no audio")
    assert page.evaluate("window.hit") is None and page.evaluate(SIDEWAYS) <= 0

    page.get_by_label("Filter the rows").fill("tone 3")
    expect(page.locator("#explore-rows tbody tr:visible")).to_have_count(1)
    page.get_by_label("Filter the rows").fill("")
    heading = page.locator("#explore-rows th", has_text="File")
    for order in ("ascending", "descending"):
        heading.locator("button").click()
        expect(heading).to_have_attribute("aria-sort", order)
    expect(rows.first).to_contain_text("tone 7")
    page.locator('#explore-rows [data-act="play"]').first.click()
    expect(page.locator("#explore-player audio")).to_be_attached()

    page.fill("#explore-labels textarea", "a beep, a buzz")
    page.locator("#explore-again").click()
    expect(rows.filter(has_text=re.compile("a (beep|buzz)"))).to_have_count(9)
    page.fill("#explore-words :is(input, textarea)", "a high whistle")
    page.press("#explore-words :is(input, textarea)", "Enter")
    expect(page.locator("#explore-rows .head span")).to_contain_text("by exact search")
    expect(rows).to_have_count(9)

    find_alike(page, files[0])
    page.get_by_role("button", name="Show all").click()
    expect(rows).to_have_count(10)

    page.locator("#explore-map").scroll_into_view_if_needed()
    place = page.locator("#explore-map .nsewdrag").first.bounding_box()
    assert place
    corners = [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99), (0.01, 0.02)]
    points = [(place["x"] + x * place["width"], place["y"] + y * place["height"]) for x, y in corners]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=6)
    page.mouse.up()
    expect(page.locator("#explore-selection")).to_contain_text("selected: ")
    page.fill("#explore-label :is(input, textarea)", "beep")
    page.locator("#explore-learn").click()
    expect(page.locator("#explore-note")).to_contain_text("recordings of beep are in Learn")
    go_to(page, "Learn (PALM)")
    expect(page.locator("#learn-cards li")).to_contain_text("beep")


def bring(page: Page, files: list[Path], dropped: bool) -> None:
    """Drop several files in Classify, or go on to Explore from there and choose them."""
    go_to(page, "Classify")
    page.fill("#labels textarea", "a low hum, a high whistle")
    if dropped:
        given = [[file.name, base64.b64encode(file.read_bytes()).decode()] for file in files]
        page.locator("#sound").evaluate(DROP, given)
    else:
        page.locator("#to-explore").click()
        with page.expect_file_chooser() as chooser:
            page.locator("#explore-files").click()
        chooser.value.set_files(files)


def find_alike(page: Page, sound: Path) -> None:
    """Search by a row, by a sound that is uploaded, and for the same sound twice."""
    rows = page.locator("#explore-rows tbody tr")
    rows.filter(has_text="tone 3").locator(".like").click()
    expect(page.locator("#explore-rows .head span")).to_contain_text("What sounds like tone 3.wav")
    expect(rows).to_have_count(8)
    expect(rows.first.locator("td").nth(1)).to_have_text("1.00")
    with page.expect_file_chooser() as chooser:
        page.locator("#explore-like").click()
    chooser.value.set_files(sound)
    expect(page.locator("#explore-rows .head span")).to_contain_text("What sounds like tone 0.wav")
    page.locator("#explore-twice").click()
    expect(page.locator("#explore-rows .head span")).to_contain_text("pairs of recordings sound nearly the same")
    assert page.evaluate(SIDEWAYS) <= 0
