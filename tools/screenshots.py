"""Take the pictures in ``assets/screenshots/``: start the app, then ``python -m tools.screenshots ADDRESS [SPACE]``.

Give the app a store of its own (``AUDIOPROMPT_STORE``), since the pictures need packs that were worked on. ``SPACE`` is
the address of a Space that was built and started, for the pictures of one.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from playwright.sync_api import Page, sync_playwright

from audioprompt.audio.decode import load
from tools.chromium import CHROMIUM

ASSETS = Path(__file__).resolve().parents[1] / "assets"
FOLDER, EXAMPLES = ASSETS / "screenshots", ASSETS / "examples"
RATE = 32_000  # Hz
PHONE_WIDTH = 640  # below it everything stands in one column, and the picture shows all of it


def classify(page: Page) -> None:
    """The first example's answer."""
    for figure in ("#vanilla", "#ensemble", "#timeline"):
        page.wait_for_selector(f"{figure} .main-svg")


def events(page: Page) -> None:
    """The rooster, the dog and the siren that follow each other in a recording of fifteen seconds."""
    classify(page)
    with tempfile.TemporaryDirectory() as folder:
        sounds = [load(EXAMPLES / f"{name}.ogg", RATE)[: 5 * RATE] for name in ("rooster", "dog", "siren")]
        soundfile.write(farm := Path(folder) / "farm.wav", np.concatenate(sounds), RATE)
        page.locator("#sound [aria-label='Clear']").click()
        page.fill("#labels textarea", "rooster, dog bark, siren, rain")
        page.set_input_files("#sound input[type=file]", farm)
        page.wait_for_selector("#events tbody tr")
    page.locator("#over-time").scroll_into_view_if_needed()
    page.locator("#timeline").evaluate("element => element.scrollIntoView({block: 'start'})")


def explore(page: Page) -> None:
    """The examples as a collection."""
    tab(page, "Explore")
    page.fill(
        "#explore-labels textarea",
        ", ".join(path.stem.replace("-", " ") for path in sorted(EXAMPLES.glob("*.ogg"))[::3]),
    )
    with page.expect_file_chooser() as chooser:
        page.click("#explore-files")
    chooser.value.set_files(sorted(EXAMPLES.glob("*.ogg")))
    page.wait_for_selector("#explore-map .main-svg")
    page.wait_for_selector("#explore-rows tbody tr")


def generate(page: Page) -> None:
    """Forty candidates for the instruments demonstration."""
    tab(page, "Generate")
    page.click("#demonstration")
    page.click("#propose")
    page.wait_for_selector("#attributes label.selected")
    page.click("#write")
    page.wait_for_selector("#progress .progress:not(.running)")


def curate(page: Page) -> None:
    """The instruments demonstration, some prompts of it judged."""
    tab(page, "Curate")
    start, rows = page.locator("#curate-message .start button"), page.locator("#curate-table tr[data-template]")
    start.or_(rows).first.wait_for()
    if start.count():
        start.click()
    rows.first.wait_for()
    for key in "aaraaraa" if "To be judged" in page.inner_text("#curate-side") else "":
        page.keyboard.press(key)
        page.wait_for_timeout(400)


def learn(page: Page) -> None:
    """Auto and the plain prompt, fitted on the instruments demonstration."""
    tab(page, "Learn")
    page.get_by_role("button", name="Try it with 12 instruments").click()
    page.click("#learn-go")
    page.wait_for_selector("#learn-summary tbody tr")


def publish(page: Page) -> None:
    """What goes into a Space, its first page, and its files."""
    tab(page, "Publish")
    page.wait_for_selector("#publish-files .total")


def tab(page: Page, name: str) -> None:
    """Go to a tab, which on a narrow screen may be in the menu of those that do not fit."""
    page.wait_for_selector("#model-state .dot.ready")
    found = page.get_by_role("tab", name=name).first
    if found.is_visible():
        found.click()
    else:
        page.locator(".overflow-menu > button").first.click()
        page.locator(".overflow-dropdown button", has_text=name).first.click()


SCREENS: dict[str, tuple[Callable[[Page], None], int, int, str]] = {  # name: what to do, width, height, colour scheme
    "classify-light": (classify, 1280, 800, "light"),
    "classify-phone": (classify, 390, 844, "light"),
    "events-light": (events, 1280, 800, "light"),
    "explore-light": (explore, 1280, 1040, "light"),  # with the map
    "generate-light": (generate, 1280, 800, "light"),
    "curate-light": (curate, 1280, 800, "light"),
    "curate-dark": (curate, 1280, 800, "dark"),
    "curate-phone": (curate, 390, 844, "light"),
    "learn-light": (learn, 1280, 800, "light"),
    "publish-light": (publish, 1280, 800, "light"),
    "publish-phone": (publish, 390, 844, "dark"),
}
OF_A_SPACE: dict[str, tuple[Callable[[Page], None], int, int, str]] = {
    "space-light": (classify, 1280, 800, "light"),
}


def main(address: str, space: str | None = None) -> None:
    """Open the page anew on each screen, do what there is to do, and save what is seen."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--hide-scrollbars"],
        )
        pages = [(address, *screen) for screen in SCREENS.items()]
        if space:
            pages += [(space, *screen) for screen in OF_A_SPACE.items()]
        for at, name, (prepare, width, height, scheme) in pages:
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
            page.set_default_timeout(120_000)
            page.goto(at)
            prepare(page)
            page.wait_for_timeout(1_500)  # players draw their waveforms last
            page.mouse.move(0, 0)
            page.screenshot(path=FOLDER / f"{name}.png", full_page=width < PHONE_WIDTH)
            page.close()
        browser.close()


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["http://127.0.0.1:7860"]))
