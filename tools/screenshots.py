"""Take the pictures in ``assets/screenshots/``: start the app, then ``python tools/screenshots.py ADDRESS [SPACE]``.

Give the app a store of its own (``AUDIOPROMPT_STORE``), since the pictures need packs that were worked on. ``SPACE`` is
the address of a Space that was built and started, for the pictures of one.
"""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).resolve().parents[1] / "assets" / "screenshots"
PHONE_WIDTH = 640  # below it everything stands in one column, and the picture shows all of it


def classify(page: Page) -> None:
    """The first example's answer."""
    for figure in ("#vanilla", "#ensemble", "#heard"):
        page.wait_for_selector(f"{figure} .main-svg")


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
    """PALM and its yardsticks, fitted on the instruments demonstration."""
    tab(page, "Learn")
    page.get_by_role("button", name="Try it with 12 instruments").click()
    page.get_by_text("Linear probe").first.click()
    page.click("#learn-go")
    page.wait_for_selector("#learn-map .main-svg")


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
    "classify-dark": (classify, 1280, 800, "dark"),
    "classify-phone": (classify, 390, 844, "light"),
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
    "space-phone": (classify, 390, 844, "light"),
}


def main(address: str, space: str | None = None) -> None:
    """Open the page anew on each screen, do what there is to do, and save what is seen."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
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
