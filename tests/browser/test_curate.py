"""The Curate tab in the real page: judging by keyboard, what others see of it, and what is left after a reload."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page, expect

from audioprompt.data import DEMONSTRATION, open_clips
from audioprompt.prompts.generators import OfflineLexicon, Task, as_pack
from audioprompt.prompts.pack import PackEntry, PromptPack, Provenance
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import Template
from tests.browser.pages import (
    NASTY,
    PHONE,
    SIDEWAYS,
    WAIT,
    answered,
    approved,
    choose,
    go_to_curate,
    row,
    rows,
    selected,
    status,
)

TAB = "curate"
CLIPS = DEMONSTRATION
CANDIDATES = 12
# Answers come a second later than they do.
SLOWLY = """() => {
    const fetched = window.fetch;
    window.fetch = async (...given) => {
        const answer = await fetched(...given);
        await new Promise((go) => setTimeout(go, 1000));
        return answer;
    };
}"""


@pytest.fixture(scope="session")
def store(store_folder: Path) -> PromptStore:
    return PromptStore(store_folder)


@pytest.fixture
def pack(store: PromptStore, request: pytest.FixtureRequest) -> PromptPack:
    """Candidates for the clips, none decided on, under an id of the test's own."""
    lexicon, task = OfflineLexicon(), Task(None, open_clips(CLIPS).spoken_classes)
    candidates = lexicon.candidates(task, lexicon.ideas(task), CANDIDATES)
    name = re.sub(r"[^a-z]+", "-", request.node.name.lower()).strip("-")[:40].strip("-")
    made = as_pack(task, candidates, lexicon, name, name)
    store.save(made)
    return made


def choose_pack(page: Page, pack: PromptPack) -> None:
    go_to_curate(page)
    expect(page.locator("#curate-message .start")).to_be_visible()
    choose(page, "#curate-pack", f"{pack.title} ({len(pack.entries)})", exact=True)
    expect(page.locator("#curate-message")).to_contain_text("give labelled clips")


def measure(page: Page, pack: PromptPack) -> None:
    choose_pack(page, pack)
    page.fill("#curate-data textarea, #curate-data input", CLIPS)
    page.fill("#curate-folds textarea, #curate-folds input", "1, 2")
    page.locator("#curate-measure").click()
    expect(rows(page)).to_have_count(len(pack.entries), timeout=4 * WAIT)


def test_the_whole_journey_from_labels_to_an_answer(page: Page, store: PromptStore) -> None:
    """Generated offline, measured, judged by keyboard, still there after a reload, and classifying at last."""
    page.get_by_role("tab", name="Generate").click()
    choose(page, "#category", "Acoustic scene understanding")
    page.fill("#labels-from textarea, #labels-from input", CLIPS)
    page.keyboard.press("Enter")
    expect(page.locator("#generate-labels textarea")).to_have_value(", ".join(open_clips(CLIPS).spoken_classes))
    page.click("#propose")
    expect(page.locator("#attributes label.selected").first).to_be_visible()
    page.click("#write")
    expect(page.locator("#progress .progress:not(.running) [role=status]")).to_have_text(re.compile("^40 of 40"))
    page.fill("#pack-title textarea", "Whole journey")
    page.fill("#pack-id textarea", "whole-journey")
    page.click("#send")
    expect(rows(page)).to_have_count(40, timeout=4 * WAIT)  # on the clips that the labels are from
    page.get_by_role("button", name="Validation clips").click()
    expect(page.locator("#curate-data textarea, #curate-data input")).to_have_value(CLIPS)
    page.fill("#curate-folds textarea, #curate-folds input", "1, 2")
    page.locator("#curate-measure").click()
    expect(rows(page)).to_have_count(40, timeout=4 * WAIT)
    before = approved(page).inner_text()
    for key in "aar":
        page.keyboard.press(key)
    expect(approved(page)).to_contain_text("approved (2)")
    status(page, 2, "rejected")
    assert approved(page).inner_text() != before
    figure = approved(page).inner_text()

    page.reload()
    go_to_curate(page)
    expect(rows(page)).to_have_count(40)
    expect(approved(page)).to_have_text(re.compile(r"approved \(2\)"))
    assert approved(page).inner_text() == figure
    assert len(store.get("whole-journey").approved) == 2

    page.get_by_role("tab", name="Classify").click()
    choose(page, "#pack", "Whole journey (2)")
    answered(page)
    page.get_by_role("button", name="How each prompt voted").click()
    expect(page.locator("#votes tbody tr")).to_have_count(2)


def test_from_candidates_to_a_pack_that_classifies(page: Page, pack: PromptPack, store: PromptStore) -> None:
    measure(page, pack)
    expect(page.locator("#curate-setup")).to_contain_text("folds 1, 2")
    expect(selected(page)).to_have_attribute("data-template", pack.entries[0].template.text)
    expect(approved(page)).to_contain_text("approved (0)")
    vanilla = page.locator("#curate-strip .figure.vanilla b").inner_text()
    expect(approved(page).locator("b")).to_have_text(vanilla)

    page.keyboard.press("a")
    alone = row(page, 0).locator(".alone .number").inner_text()
    expect(approved(page)).to_contain_text("approved (1)")
    expect(approved(page).locator("b")).to_have_text(alone)  # the ensemble's figure moves
    expect(page.locator("#curate-strip .words")).to_contain_text("over vanilla")
    expect(selected(page)).to_have_attribute("data-template", pack.entries[1].template.text)
    page.keyboard.press("r")
    status(page, 1, "rejected")
    for key in "kkjj":
        page.keyboard.press(key)
    for key in "aar":  # faster than they are answered
        page.keyboard.press(key)
    expect(page.locator("#curate-filters")).to_contain_text(re.compile(r"Approved\s*3\s*Rejected\s*2"))
    statuses = [entry.status for entry in store.get(pack.id).entries]
    assert statuses[:5] == ["approved", "rejected", "approved", "approved", "rejected"]
    expect(page.locator("#curate-side .side")).to_have_attribute("data-template", pack.entries[5].template.text)

    page.keyboard.press("z")
    status(page, 4, "candidate")
    expect(selected(page)).to_have_attribute("data-template", pack.entries[4].template.text)
    page.keyboard.press("Shift+Z")
    status(page, 4, "rejected")
    page.locator("#curate-search textarea, #curate-search input").fill("zzz")
    page.keyboard.press("a")  # is typed, not obeyed
    expect(page.locator("#curate-table .none")).to_be_visible()
    page.locator("#curate-search textarea, #curate-search input").fill("")
    expect(rows(page)).to_have_count(CANDIDATES)
    assert len(store.get(pack.id).approved) == 3

    other = page.context.new_page()
    other.goto(page.url)
    go_to_curate(other)
    expect(rows(other)).to_have_count(CANDIDATES)
    status(other, 4, "rejected")
    page.bring_to_front()
    row(page, 6).locator("button.approved").click()
    status(page, 6, "approved")
    other.bring_to_front()
    status(other, 6, "approved")
    expect(approved(other)).to_contain_text("approved (4)")
    other.close()

    before = approved(page).inner_text(), page.locator("#curate-table tbody").inner_text()
    page.reload()
    go_to_curate(page)
    expect(rows(page)).to_have_count(CANDIDATES)
    expect(page.locator("#curate-setup")).to_contain_text("folds 1, 2")
    assert before == (approved(page).inner_text(), page.locator("#curate-table tbody").inner_text())

    page.get_by_role("tab", name="Classify").click()
    choose(page, "#pack", f"{pack.title} (4)")
    answered(page)
    page.get_by_role("button", name="How each prompt voted").click()
    expect(page.locator("#votes tbody tr")).to_have_count(4)


def test_held_out_clips_proposals_sounds_and_files(page: Page, pack: PromptPack, store: PromptStore) -> None:
    measure(page, pack)
    expect(page.locator("#curate-foot")).to_contain_text("never scored yet")
    page.locator("#curate-table thead").get_by_role("button", name="Alone").click()
    expect(page.locator("#curate-table th.alone")).to_have_attribute("aria-sort", "descending")
    figures = [float(text) for text in page.locator("#curate-table td.alone .number").all_text_contents()]
    assert figures == sorted(figures, reverse=True)
    page.locator("#curate-table .bulk").get_by_role("button", name="approve").click()
    expect(approved(page)).to_contain_text(f"approved ({CANDIDATES})")

    page.get_by_role("button", name="Propose a selection").click()
    expect(page.locator("#curate .proposal")).to_contain_text(f"of {CANDIDATES}")
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator("#curate .proposal")).to_have_count(0)

    page.locator("#curate-side .clips button").first.click()
    expect(page.locator("#curate-player")).to_contain_text(re.compile(r"\.(ogg|wav)"))

    page.get_by_role("button", name="Import, export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="List of strings").click()
    assert download.value.suggested_filename == f"{pack.id}-templates.json"
    assert Path(download.value.path()).read_text().count("{}") == CANDIDATES


def test_prompts_and_packs_are_changed_by_hand(page: Page, pack: PromptPack, store: PromptStore) -> None:
    measure(page, pack)
    composer, message = page.locator("#curate-composer"), page.locator("#curate-message")
    expect(composer).to_be_hidden()
    page.keyboard.press("r")
    status(page, 0, "rejected")
    page.get_by_role("button", name="Edit").click()
    expect(composer.get_by_role("textbox")).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.type(" at dusk {x}")
    page.keyboard.press("Enter")
    expect(composer).to_contain_text("the only braces allowed are the slot")
    for _ in " {x}":
        page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    expect(composer).to_be_hidden()
    expect(rows(page)).to_have_count(CANDIDATES + 1)
    edited = pack.entries[1].template.text + " at dusk"
    expect(selected(page)).to_have_attribute("data-template", edited)
    assert [entry.status for entry in store.get(pack.id).entries[:2]] == ["rejected", "rejected"]

    page.get_by_role("button", name="Propose a selection").click()
    expect(page.locator("#curate .proposal")).to_contain_text("It keeps your 2 rejections")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#curate .proposal")).to_have_count(0)
    status(page, 0, "rejected")

    page.get_by_role("button", name="Compare with another pack").click()
    choose(page, "#curate-other", "Musical instruments")
    expect(page.locator("#curate-versus")).to_contain_text("points over Musical instruments on the same")

    page.get_by_role("button", name="Manage, import, export").click()
    page.fill("#curate-title textarea, #curate-title input", "By hand")
    page.get_by_role("button", name="Rename").click()
    expect(page.locator("#curate-pack input")).to_have_value(f"By hand ({CANDIDATES + 1})")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(message).to_contain_text("Delete “By hand”")
    assert pack.id in store.ids()
    message.get_by_role("button", name="Delete").click()
    expect(message).to_contain_text("Deleted “By hand”.")
    expect(page.locator("#curate-desk")).to_be_hidden()
    assert pack.id not in store.ids()
    message.get_by_role("button", name="Undo").click()
    expect(rows(page)).to_have_count(CANDIDATES + 1)
    assert store.get(pack.id).title == "By hand"


def test_what_is_selected_while_an_answer_is_under_way_is_shown(page: Page, pack: PromptPack) -> None:
    measure(page, pack)
    expect(page.locator("#curate-side .side")).to_have_attribute("data-template", pack.entries[0].template.text)
    page.evaluate(SLOWLY)
    for number in (1, 2, 3):
        row(page, number).click()
        page.wait_for_timeout(200)  # longer than the page waits for a next click, shorter than an answer takes
    expect(page.locator("#curate-side .side")).to_have_attribute("data-template", pack.entries[3].template.text)

    row(page, 1).click()
    button = page.get_by_role("button", name="Edit").bounding_box()
    assert button
    page.mouse.move(button["x"] + button["width"] / 2, button["y"] + button["height"] / 2)
    page.mouse.down()
    expect(page.locator("#curate-side .side")).to_have_attribute("data-template", pack.entries[1].template.text)
    page.mouse.up()  # the button is elsewhere by now
    composer = page.locator("#curate-composer")
    expect(composer.get_by_role("textbox")).to_be_focused()

    page.keyboard.press("End")
    page.keyboard.type(" at night")
    page.keyboard.press("Enter")  # before it is shown what the prompt becomes
    expect(rows(page)).to_have_count(CANDIDATES + 1)
    page.wait_for_timeout(2_500)  # longer than the last preview takes
    expect(composer).to_be_hidden()


def test_of_two_packs_chosen_in_a_row_the_last_is_shown(page: Page, pack: PromptPack) -> None:
    measure(page, pack)
    page.evaluate(SLOWLY)
    for name in ("Acoustic scenes", "Vanilla"):
        choose(page, "#curate-pack", name)
    expect(page.locator("#curate-message")).to_contain_text("Vanilla: 1 prompt")
    expect(page.locator("#curate-pack input")).to_have_value("Vanilla (1)")
    expect(rows(page)).to_have_count(0)  # they were of another pack
    choose(page, "#curate-pack", "Acoustic scenes")
    choose(page, "#curate-pack", f"{pack.title} ({len(pack.entries)})", exact=True)
    expect(rows(page)).to_have_count(len(pack.entries), timeout=4 * WAIT)
    expect(page.locator("#curate-pack input")).to_have_value(f"{pack.title} ({len(pack.entries)})")
    expect(page.locator("#curate-message")).to_have_text("")


def test_encoding_can_be_stopped(page: Page, pack: PromptPack, tmp_path: Path) -> None:
    noise = np.random.default_rng()
    for name in ("hiss", "hush"):
        (tmp_path / name).mkdir()
        for number in range(60):
            soundfile.write(tmp_path / name / f"{number}.wav", noise.normal(0, 0.1, 5 * 16_000), 16_000)
    choose_pack(page, pack)
    page.fill("#curate-data textarea, #curate-data input", str(tmp_path))
    page.locator("#curate-measure").click()
    # all of them, those that will be held out as well: near twins are to be on one side
    expect(page.locator("#curate-message .progress")).to_contain_text(re.compile(r"\d+ of 120 clips"))
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#curate-message")).to_contain_text("Stopped. What was encoded until now is kept")


def test_templates_and_names_are_text_and_run_nothing(page: Page, store: PromptStore) -> None:
    nasty = [
        "<img src=x onerror=window.hit=1> {label}",
        "<script>window.hit=3</script> {label}",
        "`$(window.hit=4) {label}",
    ]
    entries = [
        PackEntry(template=Template(text), status="rejected", decided_by=nasty[0], reason=nasty[1]) for text in nasty
    ]
    made = PromptPack(id="nasty", title="Nasty", provenance=Provenance(generator=NASTY), entries=tuple(entries))
    store.save(made)
    measure(page, made)
    page.keyboard.press("j")
    expect(page.locator("#curate-side")).to_contain_text("<script>window.hit=3</script>")
    page.keyboard.press("a")
    expect(page.locator("#curate-foot")).to_contain_text("approved")
    assert page.locator("#curate-desk img, #curate-desk script").count() == 0
    assert page.evaluate("window.hit") is None


def test_a_phone_stacks_the_table_and_never_scrolls_sideways(phone: Page, pack: PromptPack) -> None:
    measure(phone, pack)
    assert phone.evaluate(SIDEWAYS) == 0
    row(phone, 1).locator("button.rejected").click()
    status(phone, 1, "rejected")
    expect(selected(phone)).to_have_attribute("data-template", pack.entries[1].template.text)
    box = row(phone, 1).bounding_box()
    assert box and box["width"] <= PHONE[0]
    phone.get_by_role("button", name="Validation clips").click()
    phone.get_by_role("button", name="Import, export").click()
    assert phone.evaluate(SIDEWAYS) == 0
