"""The Classify tab as a visitor sees it."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from gradio_client import Client, handle_file  # type: ignore[import-untyped]
from playwright.sync_api import Page, Route, expect

from audioprompt.audio.decode import load
from audioprompt.data.examples import examples
from audioprompt.settings import asset_folder
from tests.browser.pages import NASTY, SIDEWAYS, answered, choose, go_to, press_record, unfold, upload

needs_examples = pytest.mark.skipif(not examples(), reason="assets/examples is empty")


@pytest.fixture
def page(same_page: Page) -> Page:
    return same_page


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Seven seconds of noise that comes and goes: longer than one window of the bundled model."""
    time = np.arange(7 * 16_000) / 16_000
    sound = np.random.default_rng(1).normal(0, 0.2, len(time)) * np.abs(np.sin(time))
    soundfile.write(tmp_path / "my sound.wav", sound, 16_000)
    return tmp_path / "my sound.wav"


@needs_examples
def test_a_visitor_sees_an_answer_without_a_click_and_above_the_fold(new_page: Page):
    answered(new_page)
    expect(new_page.locator("#verdict .words")).to_contain_text(re.compile(r"They (dis)?agree.*prompts? say"))
    for part in ("#verdict", "#vanilla", "#ensemble", "#labels", "#classify"):
        box = new_page.locator(part).bounding_box()
        assert box and box["y"] >= 0 and box["y"] + box["height"] <= 800, part


@needs_examples
def test_one_click_on_an_example_gives_its_answer(page: Page):
    answered(page)
    example = examples()[-1]
    unfold(page, "More examples")
    page.get_by_role("button", name=example.title, exact=True).click()
    expect(page.locator("#labels textarea")).to_have_value(", ".join(example.labels))
    first_bar = page.locator("#ensemble .annotation-text").first
    expect(first_bar).to_have_text(re.compile("|".join(map(re.escape, example.labels))))
    expect(page.locator("#verdict .label")).to_have_text(re.compile("|".join(map(re.escape, example.labels))))


# The first answer comes two seconds late, as on a network that stalls.
STALLS = """() => {
    const fetched = window.fetch;
    let late = 2000;
    window.fetch = async (...given) => {
        const answer = await fetched(...given);
        if (!String(given[0]?.url ?? given[0]).includes('run/predict')) return answer;
        const wait = late;
        late = 0;
        await new Promise((go) => setTimeout(go, wait));
        return answer;
    };
}"""


@needs_examples
def test_of_two_examples_clicked_in_a_row_the_last_is_shown(new_page: Page):
    answered(new_page)
    new_page.evaluate(STALLS)
    first, last = examples()[1:3]
    for example in (first, last):
        new_page.get_by_role("button", name=example.title, exact=True).click()
    with new_page.expect_request(lambda asks: Path(last.path).name in (asks.post_data or "")):
        new_page.wait_for_timeout(2_500)  # the first has come by then, for better or worse
    expect(new_page.locator("#labels textarea")).to_have_value(", ".join(last.labels))
    answered(new_page)


def test_an_uploaded_clip_is_classified_shown_and_explained(page: Page, clip: Path):
    upload(page, clip)
    answered(page)
    assert page.locator("#verdict .label").inner_text() in ("rain", "sea waves", "dog bark")
    numbers = page.locator("#vanilla .annotation-text").all_text_contents()
    assert sum(float(text) for text in numbers if re.fullmatch(r"\d\.\d\d", text)) == pytest.approx(1, abs=0.02)
    unfold(page, "How each prompt voted")
    expect(page.locator("#votes tbody tr").first).to_be_visible()
    expect(page.get_by_role("button", name="Over time (7 s)")).to_be_visible()
    expect(page.locator("#timeline .main-svg").first).to_be_visible()


@needs_examples
def test_events_of_a_long_recording_are_corrected_heard_saved_and_learned_from(new_page: Page, tmp_path: Path):
    page, rate, still = new_page, 32_000, np.zeros(64_000, np.float32)
    parts = [load(asset_folder("examples") / f"{name}.ogg", rate)[: 4 * rate] for name in ("rooster", "dog")]
    soundfile.write(tmp_path / "farm.wav", np.concatenate([still, parts[0], still, still, parts[1], still]), rate)
    upload(page, tmp_path / "farm.wav", labels="rooster, dog bark, rain")
    answered(page)
    events = page.locator("#timeline .shapelayer path")
    expect(events.first).to_be_visible()
    page.locator("#timeline").evaluate("element => element.scrollIntoView({block: 'center'})")
    box = events.first.bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] + 40, middle, steps=5)
    page.mouse.up()
    page.wait_for_function(
        "width => document.querySelector('#timeline .shapelayer path').getBoundingClientRect().width > width + 20"
        " && !document.querySelector('#timeline .at-edge')",
        arg=box["width"],
    )
    table = page.locator("#events tbody tr")
    table.last.get_by_role("button", name="Hear dog bark").click()
    expect(page.locator("#event-player")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Audacity labels").click()
    labels = [line.split("\t") for line in saved.value.path().read_text().splitlines()]
    assert saved.value.suggested_filename == "farm.txt" and {label for _, _, label in labels} >= {"rooster", "dog bark"}
    many = table.count()
    table.first.get_by_label("Label").fill("hen")
    table.last.locator("[data-act=remove]").focus()
    page.keyboard.press("Enter")
    expect(table).to_have_count(many - 1)
    expect(page.locator("#timeline .yaxislayer-above, #timeline svg").get_by_text("hen").first).to_be_visible()
    page.get_by_role("button", name="Add to Learn").click()
    expect(page.locator("#event-note")).to_contain_text("added to Learn")
    page.get_by_role("button", name="Add to Curate").click()
    expect(page.locator("#event-note")).to_contain_text("Curate measures on them next")
    go_to(page, "Learn")
    expect(page.locator("#learn-cards [data-label='hen']")).to_be_visible()
    go_to(page, "Curate")
    page.get_by_text("Validation clips").first.click()
    expect(page.locator("#curate-data").locator("textarea, input")).to_have_value(re.compile("own-events.zip$"))


def test_choosing_other_prompts_answers_anew(page: Page, clip: Path):
    upload(page, clip)
    answered(page)
    choose(page, "#pack", "Vocal sounds (20)")
    unfold(page, "How each prompt voted")
    expect(page.locator("#votes tbody")).to_contain_text("human sound of")


def test_a_click_while_an_upload_is_being_answered_counts(page: Page, clip: Path):
    many = ", ".join(f"sound number {number} of a long list that takes a while" for number in range(150))
    upload(page, clip, labels=many)
    page.fill("#labels textarea", "rain, sea waves, dog bark")
    page.locator("#classify").click()
    answered(page)
    expect(page.locator("#verdict .label")).to_have_text(re.compile("rain|sea waves|dog bark"))
    page.wait_for_timeout(2_000)  # the first question ends meanwhile
    expect(page.locator("#verdict .label")).to_have_text(re.compile("rain|sea waves|dog bark"))
    expect(page.locator("#stale")).to_be_hidden()


def test_labels_changed_after_an_answer_mark_it_until_there_is_a_new_one(page: Page, clip: Path):
    upload(page, clip)
    answered(page)
    expect(page.locator("#stale")).to_be_hidden()
    page.locator("#labels textarea").press_sequentially(", owl")
    expect(page.locator("#stale")).to_have_text("You changed the labels. Press Classify for a new answer.")
    page.locator("#classify").click()
    expect(page.locator("#stale")).to_be_hidden()
    expect(page.locator("#vanilla .annotation-text", has_text="owl")).to_be_visible()
    page.fill("#labels textarea", ", ".join(f"sound number {number}" for number in range(150)))  # as a paste does
    expect(page.locator("#stale")).to_be_visible()
    page.locator("#classify").click()
    expect(page.locator("#stale")).to_be_hidden()
    assert page.locator("#vanilla .annotation-text", has_text="sound number").count() == 0, "not answered yet"
    page.fill("#labels textarea", "rain, owl")
    expect(page.locator("#stale")).to_be_visible()
    page.locator("#classify").click()
    expect(page.locator("#vanilla .annotation-text", has_text="owl")).to_be_visible()
    expect(page.locator("#vanilla .annotation-text", has_text="dog bark")).to_have_count(0)
    page.fill("#labels textarea", "rain, dog bark")
    expect(page.locator("#stale")).to_be_visible()
    page.fill("#labels textarea", "rain, owl")
    expect(page.locator("#stale")).to_be_hidden()


def test_a_trimmed_clip_is_answered_anew(page: Page, clip: Path):
    upload(page, clip)
    answered(page)
    page.get_by_role("button", name="Over time (7 s)").wait_for()
    page.locator("#sound").get_by_role("button", name="Trim audio to selection").click()
    page.locator("#sound").get_by_role("button", name="Trim", exact=True).click()
    expect(page.get_by_role("button", name="Over time (7 s)")).to_have_count(0)
    answered(page)


def test_a_file_that_is_no_sound_gets_a_plain_sentence(page: Page, tmp_path: Path):
    path = tmp_path / "letter.wav"
    path.write_text("Dear Sir or Madam")
    upload(page, path)
    problem = page.locator("#verdict .problem")
    expect(problem).to_contain_text("letter.wav")
    expect(problem).to_contain_text("use a WAV")
    assert "Traceback" not in page.inner_text("body")
    expect(page.locator("#ensemble .main-svg")).to_have_count(0)


def test_too_few_labels_get_a_plain_sentence(page: Page, clip: Path):
    upload(page, clip, labels="rain")
    expect(page.locator("#verdict .problem")).to_contain_text("give at least two labels")


def test_labels_are_text_and_run_nothing(page: Page, clip: Path):
    upload(page, clip, labels=NASTY)
    answered(page)
    unfold(page, "How each prompt voted")
    expect(page.locator("#votes tbody tr").first).to_be_visible()
    seen = page.inner_text("#answer")
    shown = [label for label in NASTY.split(", ") if label in seen]
    assert len(shown) == 4
    assert page.locator("#answer img, #answer script").count() == 0
    assert page.evaluate("window.hit") is None


def test_a_phone_stacks_everything_and_never_scrolls_sideways(phone: Page, clip: Path):
    assert phone.evaluate(SIDEWAYS) == 0
    upload(phone, clip, labels="rain, " + "wind" * 20)
    answered(phone)
    expect(phone.locator("#verdict")).to_be_in_viewport()
    unfold(phone, "How each prompt voted")
    expect(phone.locator("#timeline .main-svg").first).to_be_visible()
    assert phone.evaluate(SIDEWAYS) == 0
    vanilla, ensemble = (phone.locator(part).bounding_box() for part in ("#vanilla", "#ensemble"))
    assert vanilla and ensemble and ensemble["y"] >= vanilla["y"] + vanilla["height"]
    phone.get_by_role("tab", name="Live microphone").click()
    assert phone.evaluate(SIDEWAYS) == 0


def test_what_the_microphone_hears_is_named_again_and_again(page: Page):
    answered(page)  # until then the browser may still be fetching its recorder
    page.get_by_role("tab", name="Live microphone").click()
    expect(page.locator("#live .empty")).to_be_visible()
    expect(page.locator("#classify")).to_be_hidden()
    expect(page.locator("#answer")).to_be_hidden()
    page.fill("#labels textarea", "rain, sea waves, dog bark")
    press_record(page, "#microphone")
    page.wait_for_selector("#live .method")
    assert page.locator("#live .method").count() == 2
    page.evaluate(
        """() => {
            window.updates = 0;
            const view = document.querySelector("#live .live");
            const seen = () => window.updates++;
            new MutationObserver(seen).observe(view, {subtree: true, attributes: true, characterData: true});
        }"""
    )
    page.wait_for_function("window.updates >= 8")
    assert page.locator("#live .label").first.inner_text() in ("rain", "sea waves", "dog bark")
    assert re.search(r"answered in \d+ ms", page.inner_text("#live .latency"))
    assert page.locator("#live .strip i").count() >= 1
    page.locator("#microphone").get_by_role("button", name="Stop").click()
    page.wait_for_timeout(1_500)
    before = page.evaluate("window.updates")
    page.wait_for_timeout(1_500)
    assert page.evaluate("window.updates") == before


def test_the_microphone_can_be_started_again_and_again(new_page: Page):
    page = new_page
    page.get_by_role("tab", name="Clip").click()
    answered(page)
    for tab, part in (("Curate", "#curate"), ("Publish", "#publish-preview"), ("Classify", "#labels")):
        go_to(page, tab)
        expect(page.locator(part)).to_be_visible()
    scripts: list[Route] = []  # of Gradio's recorder, which is fetched as the tab is opened
    page.route("**/assets/module-*.js", lambda route: scripts.append(route) if not pressed else route.continue_())
    pressed: list[bool] = []
    page.get_by_role("tab", name="Live microphone").click()
    page.fill("#labels textarea", "rain, sea waves, dog bark")
    page.evaluate(
        """() => {
            window.updates = 0;
            const seen = {subtree: true, childList: true, attributes: true, characterData: true};
            new MutationObserver(() => window.updates++).observe(document.getElementById("live"), seen);
        }"""
    )
    microphone = page.locator("#microphone")
    for pause in (0, 4_000, 100, 1_500):  # milliseconds before Record is pressed
        page.wait_for_timeout(pause)
        microphone.get_by_role("button", name="Record").click()
        if not pause:
            page.wait_for_timeout(500)  # it is pressed before the recorder is there
            assert scripts
            pressed.append(True)
            for script in scripts:
                script.continue_()
        page.wait_for_timeout(1_000)  # by then nothing more comes of the recording before
        page.wait_for_function("() => { window.updates = 0; return true; }")  # a page that hangs fails here
        page.wait_for_function("window.updates >= 4")
        expect(page.locator("#live .label").first).to_have_text(re.compile("rain|sea waves|dog bark"))
        microphone.get_by_role("button", name="Stop").click()


def test_a_script_can_ask_the_running_app(app_address: str, clip: Path):
    client = Client(app_address, verbose=False)
    found = client.predict(handle_file(clip), "rain, sea waves", "acoustic-scenes", api_name="/classify")
    assert found["label"] in ("rain", "sea waves")
    assert sum(found["ensemble"].values()) == pytest.approx(1)
    assert len(found["votes"]) == 20


def test_a_translated_label_is_changed_by_one_click(page: Page) -> None:
    page.get_by_role("tab", name="Clip").click()
    answered(page)
    labels = page.locator("#labels textarea")
    labels.fill("Regentonne, Hundegebell, Regen")
    page.locator("#classify").click()
    page.locator("#verdict .translated").get_by_role("button", name="Regen → rain").click()
    expect(labels).to_have_value("Regentonne, Hundegebell, rain")
    page.keyboard.type("heavy rain")
    expect(labels).to_have_value("Regentonne, Hundegebell, heavy rain")
    expect(page.locator("#stale")).to_have_text("You changed the labels. Press Classify for a new answer.")
