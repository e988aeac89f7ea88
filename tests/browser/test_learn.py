"""The Learn tab as a visitor sees it: sounds recorded and learned, the head in use, and the demonstration."""

import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import soundfile
from playwright.sync_api import Page, expect

from tests.browser.pages import SIDEWAYS, go_to, learn_the_demonstration, press_record
from tests.serving import ROOT

TAB = "learn"
COUNT_CURVES = """() => {
    window.curves = new Set();
    const seen = () => document.querySelectorAll('#learn-summary polyline').forEach(
        (line) => window.curves.add(line.getAttribute('points')));
    const watched = {subtree: true, childList: true, attributes: true};
    new MutationObserver(seen).observe(document.querySelector('#learn-summary'), watched);
}"""


def open_tab(page: Page) -> None:
    go_to(page, "Learn (PALM)")
    expect(page.locator("#learn-cards .cards")).to_be_visible()


def record(page: Page, name: str, milliseconds: int = 1_500) -> None:
    page.fill("#learn-name textarea, #learn-name input", name)
    press_record(page, "#learn-microphone")
    page.wait_for_timeout(milliseconds)
    page.locator("#learn-microphone").get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(f"#learn-cards [data-label='{name}']")).to_contain_text("1 of 3 clips")


def press_learn(page: Page, said: str) -> None:
    """Press Learn until it says something: Gradio takes no press while the last answer's end is still on its way."""
    summary = page.locator("#learn-summary", has_text=said)
    for _ in range(20):
        page.locator("#learn-go").click()
        page.wait_for_timeout(1_000)
        if summary.count():
            return
    raise AssertionError(f"it does not say {said!r}")


def test_two_sounds_are_recorded_learned_and_told_apart(page: Page) -> None:
    open_tab(page)
    page.fill("#learn-name textarea, #learn-name input", "rain")
    page.keyboard.press("Enter")
    expect(page.locator("#learn-cards [data-label='rain']")).to_contain_text("needs 1 more")
    record(page, "rain")
    page.locator("#learn-go").click()
    expect(page.locator("#learn-summary .problem")).to_contain_text("give clips of at least two classes")
    record(page, "wind", 2_500)  # the fake microphone begins anew each time: as long a recording would be the same
    page.locator("#learn-cards [data-label='wind'] [data-act='play']").click()
    expect(page.locator("#learn-player audio")).to_be_attached()
    page.locator("#learn-methods").get_by_label("Auto", exact=True).uncheck()
    page.locator("#learn-methods").get_by_label("PALM", exact=True).check()
    page.locator("#learn-go").click()
    expect(page.locator("#learn-summary .label")).to_have_text("PALM is ready")
    expect(page.locator("#learn-details")).to_contain_text(re.compile(r"relies \d+ % on what it learned for"))

    page.locator("#use-head").click()
    expect(page.locator("#labels textarea")).to_have_value("rain, wind")
    expect(page.locator("#learned .main-svg").first).to_be_visible()
    expect(page.locator("#learned .annotation-text").last).to_have_text(re.compile("PALM"))
    expect(page.locator("#verdict .words")).to_contain_text(re.compile("The fitted head says (rain|wind)"))
    page.get_by_role("tab", name="Live microphone").click()
    press_record(page, "#microphone")
    expect(page.locator("#live .method")).to_have_count(3)
    page.locator("#microphone").get_by_role("button", name="Stop").click()

    page.get_by_role("tab", name="Clip").click()
    page.fill("#labels textarea", "rain, dog bark")
    expect(page.locator("#stale")).to_have_text("You changed the labels. Press Classify for a new answer.")
    page.locator("#classify").click()
    expect(page.locator("#verdict .notice")).to_contain_text("The fitted head tells apart rain, wind")
    expect(page.locator("#stale")).to_be_hidden()
    expect(page.locator("#learned")).to_be_hidden()

    head = page.locator("#head-in-use")
    expect(head).to_contain_text("PALM head in use, for rain, wind. It does not answer for the present labels.")
    page.locator("#head-labels").click()
    expect(page.locator("#labels textarea")).to_have_value("rain, wind")
    expect(page.locator("#learned .main-svg").first).to_be_visible()
    expect(page.locator("#head-labels")).to_be_hidden()
    page.locator("#head-drop").click()
    expect(head).to_be_hidden()
    expect(page.locator("#learned")).to_be_hidden()
    expect(page.locator("#verdict .words")).to_contain_text(
        re.compile("They (dis)?agree|prompts say")
    )  # or none of these


def test_recordings_wait_for_a_name_and_what_is_typed_without_enter_counts(page: Page, tmp_path: Path) -> None:
    open_tab(page)
    cards, microphone = page.locator("#learn-cards"), page.locator("#learn-microphone")

    def press(milliseconds: int) -> None:
        press_record(page, "#learn-microphone")
        page.wait_for_timeout(milliseconds)
        microphone.get_by_role("button", name="Stop", exact=True).click()

    for name, hertz in (("low", 200), ("high", 3_000)):
        for number in range(4):
            (tmp_path / name).mkdir(exist_ok=True)
            seconds = np.arange(16_000) / 16_000
            soundfile.write(
                tmp_path / name / f"{number}.wav", 0.5 * np.sin(seconds * (hertz + 20 * number) * 6), 16_000
            )
    page.get_by_role("tab", name="A data set").click()
    page.fill("#learn-where :is(input, textarea)", str(tmp_path))
    page.locator("#learn-go").click()
    expect(page.locator("#learn-summary .words")).to_contain_text("fitted again on all 8")
    expect(cards.locator("li")).to_have_count(2)
    cards.get_by_role("button", name="Start over").click()
    page.get_by_role("tab", name="Record or upload").click()

    press(1_200)
    expect(page.locator("#learn-note .problem")).to_contain_text("1 recording kept. Type the name of the sound")
    expect(page.locator("#learn-name :is(input, textarea)")).to_be_focused()
    press(900)
    expect(cards.locator(".unnamed")).to_contain_text("2 recordings")
    page.locator("#learn-go").click()
    expect(page.locator("#learn-summary .problem")).to_contain_text("2 recordings without a name")
    page.fill("#learn-name :is(input, textarea)", "rain, heavy")
    press_learn(page, "at least two classes")
    expect(cards.locator("[data-label='rain, heavy']")).to_contain_text("2 of 3 clips")


def test_the_demonstration_is_learned_measured_and_saved(page: Page, tmp_path: Path) -> None:
    open_tab(page)
    learn_the_demonstration(page)
    page.get_by_role("tab", name="A data set").click()
    expect(page.locator("#learn-folds input")).to_have_count(4)
    page.get_by_role("tab", name="Record or upload").click()
    for part in ("#learn-cards", "#learn-go"):
        box = page.locator(part).bounding_box()
        assert box and box["y"] >= 0 and box["y"] + box["height"] <= 800, part
    page.locator("#learn-methods").get_by_label("PALM", exact=True).check()
    page.evaluate(COUNT_CURVES)
    page.locator("#learn-go").click()
    rows = page.locator("#learn-summary tbody tr")
    expect(rows).to_have_count(3)
    assert page.evaluate("window.curves.size") >= 4, "loss and accuracy should move while it learns"
    expect(page.locator("#learn-summary .best")).to_have_count(1)
    assert re.search(r"\d\d\.\d to \d\d\.\d", rows.first.inner_text())
    expect(page.locator("#learn-map .textpoint")).to_have_count(12)
    page.get_by_text("confuses").click()
    expect(page.locator("#learn-details .matrix tbody tr")).to_have_count(12)

    page.fill("#learn-licence textarea, #learn-licence input", "CC0-1.0")
    page.wait_for_timeout(1_000)  # the file is packed anew
    with page.expect_download() as download:
        page.locator("#learn-save").click()
    download.value.save_as(tmp_path / "head.zip")
    with zipfile.ZipFile(tmp_path / "head.zip") as file:
        assert "cc0-1.0" in file.read("README.md").decode()
        assert len(file.read("head.safetensors")) > 1_000
    page.locator("#learn-more").click()
    expect(page.locator("#learn-shots .scatterlayer .trace")).to_have_count(3)


def test_recordings_without_one_label_make_a_head_that_is_reviewed_and_used(page: Page, tmp_path: Path) -> None:
    open_tab(page)
    names = ("drums", "flute", "guitar")
    for name in names:
        for file in sorted((ROOT / "assets/instruments").glob(f"**/{name}*.ogg"))[:6]:
            shutil.copy(file, tmp_path)
    page.get_by_role("tab", name="Without labels").click()
    page.fill("#label-names :is(input, textarea)", ", ".join(names))
    page.fill("#label-where :is(input, textarea)", str(tmp_path))
    page.keyboard.press("Enter")
    expect(page.locator("#label-next .keys")).to_contain_text("drums")
    page.locator("#learn-go").click()
    expect(page.locator("#learn-summary .label")).to_have_text("All clips first is ready")
    expect(page.locator("#learn-summary")).to_contain_text("All 18 recordings were heard before any was named")
    page.get_by_role("button", name="None of these").click()
    page.locator("#review-begin").click()
    for number in range(1, 11):
        expect(page.locator("#review")).to_contain_text(f"Clip {number} of 10")
        page.keyboard.press("y")
    expect(page.locator("#review")).to_contain_text("10 answers of 10 agree with that")
    page.locator("#use-head").click()
    expect(page.locator("#labels textarea")).to_have_value("drums, flute, guitar")
    expect(page.locator("#verdict .words")).to_contain_text(re.compile("The fitted head says (drums|flute|guitar)"))


def test_a_phone_never_scrolls_sideways_and_a_fit_can_be_stopped(phone: Page) -> None:
    open_tab(phone)
    learn_the_demonstration(phone)
    assert phone.evaluate(SIDEWAYS) == 0
    phone.get_by_role("button", name="More methods").click()
    phone.locator("#learn-more-methods").get_by_label("CoCoOp").check()
    phone.locator("#learn-go").click()
    expect(phone.locator("#learn-summary .running .words")).to_contain_text("CoCoOp")
    phone.locator("#learn-stop").click()
    expect(phone.locator("#learn-summary")).to_contain_text("Stopped. These are the results so far.")
    expect(phone.locator("#learn-summary tbody")).to_contain_text("Auto")
    assert phone.evaluate(SIDEWAYS) == 0
    phone.locator("#use-head").click()
    expect(phone.locator("#learned .main-svg").first).to_be_visible()
    assert phone.evaluate(SIDEWAYS) == 0
