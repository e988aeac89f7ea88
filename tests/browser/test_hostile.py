"""Strings that hope to be run, poured into every field of the real page, and files that bear and hold them: nothing
runs, no dialog opens, and nothing is asked for outside."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Dialog, Page, expect

from audioprompt.core.labels import join_labels
from audioprompt.prompts.pack import PackEntry, PromptPack, Provenance
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import Template
from tests.browser.pages import WAIT, answered, choose, go_to, unfold, upload, wait_until_ready

PICTURE = "<img src=x onerror=window.hit=1>"
LABELS = (
    PICTURE,
    "</script><script>window.hit=2</script>",
    "${window.hit=3} {{constructor}}",
    "<a href='javascript:window.hit=4'>owl</a>",
    "[owl](javascript:window.hit=5) ![owl](https://example.org/a.png)",
    "$\\href{javascript:window.hit=6}{owl}$",
    "\"><svg onload='window.hit=7'>",
    "<iframe srcdoc='<script>parent.hit=8</script>'>",
    "&lt;img src=x onerror=window.hit=9&gt;",
    "rain\u202egnp.wav",
)
EVERYTHING = PICTURE + "".join(LABELS[1:8])
STOOD = """() => ({
    hit: window.hit,
    built: document.querySelectorAll(
        'img[src="x"], img[src*="example.org"], a[href^="javascript"], svg[onload], iframe[srcdoc], [onerror]').length,
    linked: document.querySelectorAll('.js-plotly-plot svg a').length,
})"""
TABS = ("Classify", "Generate", "Curate", "Learn (PALM)", "Publish")


@pytest.fixture
def page(same_page: Page) -> Page:
    return same_page


@pytest.fixture
def watched(page: Page) -> Iterator[Page]:
    """The page; in the end nothing has run on it, opened or been asked for."""
    opened: list[str] = []

    def refuse(dialog: Dialog) -> None:
        opened.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", refuse)
    page.context.on("page", lambda other: opened.append(other.url))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    yield page
    page.wait_for_timeout(500)
    page.remove_listener("dialog", refuse)
    assert page.evaluate(STOOD) == {"hit": None, "built": 0, "linked": 0}
    assert opened == []
    # the labels are in the page's own address, which Gradio sends along to its server: elsewhere is what counts
    assert not [url for url in map(urlsplit, asked) if url.path.endswith("/x") or "example.org" in url.netloc]
    assert "Traceback" not in page.inner_text("body")


@pytest.fixture
def sounds(tmp_path: Path) -> list[Path]:
    """Eight clips, and a manifest of them, whose names and class names are what they should not be."""
    names = [f"{number} {PICTURE} ${{window.hit=3}} rain\u202egnp.wav" for number in range(8)]
    rows = ["path,classname,fold"]
    for number, name in enumerate(names):
        noise = np.random.default_rng(number).normal(0, 0.1, 16_000)
        soundfile.write(tmp_path / name, noise, 16_000, format="WAV")
        label = LABELS[number % 2].replace('"', '""')
        rows.append(f'"{name}","{label}",{1 + number // 4}')
    (tmp_path / f"{PICTURE}.csv").write_text("\n".join(rows), "utf-8")
    return [tmp_path / name for name in [*names, f"{PICTURE}.csv"]]


@pytest.fixture(scope="module")
def pack(store_folder: Path) -> Iterator[PromptPack]:
    """A pack in the store, with such strings wherever it has room for any."""
    words = [label.replace("{", "(").replace("}", ")") for label in LABELS]
    entries = tuple(
        PackEntry(template=Template(f"{word} of {{label}}"), status="approved", decided_by=word, reason=word)
        for word in words
    )
    pack = PromptPack(
        id="strange",
        title=f"Strange {EVERYTHING[:150]}",
        description=EVERYTHING,
        licence=PICTURE,
        entries=entries,
        provenance=Provenance(generator=PICTURE),
        label_presets={f"Strange {PICTURE}": LABELS},
    )
    store = PromptStore(store_folder)
    store.save(pack)
    yield pack
    (store_folder / "strange.json").unlink()


def test_a_clip_and_labels_of_such_names_are_classified_and_shown(watched: Page, sounds: list[Path]) -> None:
    page = watched
    upload(page, sounds[0], labels="\n".join(label.replace(",", "") for label in LABELS))
    answered(page)
    unfold(page, "How each prompt voted")
    expect(page.locator("#votes tbody tr").first).to_be_visible()
    shown = page.inner_text("#answer")  # of the likeliest labels
    assert "<" in shown  # as a text, shortened where it is long
    page.locator("#ensemble .nsewdrag").first.hover(position={"x": 40, "y": 40}, force=True)
    page.wait_for_timeout(500)


def test_a_pack_with_such_texts_is_chosen_and_answers(watched: Page, pack: PromptPack, sounds: list[Path]) -> None:
    page = watched
    page.reload()
    wait_until_ready(page)
    upload(page, sounds[0])
    answered(page)
    choose(page, "#preset", "Strange")
    expect(page.locator("#labels textarea")).to_have_value(join_labels(*pack.label_presets.values()))
    choose(page, "#pack", "Strange")
    unfold(page, "How each prompt voted")
    expect(page.locator("#votes tbody tr")).to_have_count(len(LABELS))
    answered(page)


def test_a_strange_pack_is_curated_on_strange_clips(watched: Page, pack: PromptPack, sounds: list[Path]) -> None:
    page = watched
    go_to(page, "Curate")
    expect(page.locator("#curate-message .start")).to_be_visible()
    choose(page, "#curate-pack", "Strange")
    expect(page.locator("#curate-message")).to_contain_text("give labelled clips")
    page.fill("#curate-data textarea, #curate-data input", str(sounds[-1]))
    page.fill("#curate-folds textarea, #curate-folds input", "1")
    page.locator("#curate-measure").click()
    rows = page.locator("#curate-table tr[data-template]")
    expect(rows).to_have_count(len(LABELS), timeout=4 * WAIT)
    for number in range(3):
        rows.nth(number).click()
        expect(page.locator("#curate-side h3")).to_contain_text(LABELS[number][:8].replace("{", "("))
    page.locator("#curate-table tr[data-template] .rejected").first.click()
    expect(page.locator("#curate-foot .history li").first).to_contain_text("rejected")
    clip = page.locator("#curate-side [data-do=play]")
    if clip.count():
        clip.first.click()
        expect(page.locator("#curate-player")).to_be_visible()


def test_strange_sounds_are_learned_and_used(watched: Page, sounds: list[Path]) -> None:
    page = watched
    go_to(page, "Learn (PALM)")
    expect(page.locator("#learn-cards .cards")).to_be_visible()
    page.get_by_role("tab", name="A data set").click()
    page.fill("#learn-where textarea, #learn-where input", str(sounds[-1]))
    page.keyboard.press("Enter")
    expect(page.locator("#learn-cards li")).to_have_count(2)
    assert PICTURE in page.inner_text("#learn-cards")
    page.locator("#learn-cards [data-act=play]").first.click()
    expect(page.locator("#learn-player audio")).to_be_attached()
    page.locator("#learn-go").click()
    expect(page.locator("#learn-summary .result.ready")).to_be_visible(timeout=2 * WAIT)
    page.locator("#use-head").click()
    expect(page.locator("#labels textarea")).to_have_value(", ".join(sorted(LABELS[:2])))


def test_files_that_are_none_are_named_as_text(watched: Page, tmp_path: Path) -> None:
    page = watched
    letter = tmp_path / f"{PICTURE}.wav"
    letter.write_text(EVERYTHING)
    upload(page, letter)
    expect(page.locator("#verdict .problem")).to_contain_text("use a WAV")


def test_every_field_takes_them_as_text(watched: Page) -> None:
    page, filled = watched, 0
    for tab in TABS:
        if not page.get_by_role("tab", name=tab, exact=True).count():
            continue
        go_to(page, tab)
        page.wait_for_timeout(500)
        while (fold := page.locator("button.label-wrap:visible:not(.open)")).count():
            before = fold.count()
            fold.first.click(force=True)
            page.wait_for_timeout(200)
            if fold.count() >= before:  # a step that is not due yet does not open
                break
        page.wait_for_timeout(500)
        fields = page.locator("textarea:visible, input:visible:is(:not([type]), [type=text], [type=search])")
        for number in range(fields.count()):
            field = fields.nth(number)
            if field.is_visible() and field.is_editable() and field.get_attribute("role") != "listbox":
                field.fill(EVERYTHING)
                field.press("Enter")
                filled += 1
                page.wait_for_timeout(150)
        page.wait_for_timeout(1_000)
    assert filled >= 8
