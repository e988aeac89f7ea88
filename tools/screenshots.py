"""Take the pictures in ``assets/screenshots/``: start the app, then ``python tools/screenshots.py ADDRESS``."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).resolve().parents[1] / "assets" / "screenshots"
SCREENS = {  # name: width, height, colour scheme
    "classify-light": (1280, 800, "light"),
    "classify-dark": (1280, 800, "dark"),
    "classify-phone": (390, 844, "light"),
}


def main(address: str) -> None:
    """Open the page on each screen, wait for the first example's answer, and save what is seen."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        )
        for name, (width, height, scheme) in SCREENS.items():
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
            page.goto(address)
            for figure in ("#vanilla", "#ensemble", "#heard"):
                page.wait_for_selector(f"{figure} .main-svg")
            page.wait_for_timeout(1_000)  # the player draws its waveform after the answer is there
            page.screenshot(path=FOLDER / f"{name}.png", full_page=width < 640)
            page.close()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860")
