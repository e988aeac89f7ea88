"""The real app in a process of its own, driven by Chromium; every request that leaves the machine is refused."""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, Page, Route, sync_playwright

from tests.serving import ROOT, SECONDS, serving

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WAIT = 240_000  # ms that an answer may take on a busy machine
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"  # a page scrolls so far

TOO_EARLY = re.compile(r"is not a constructor|audio/wav is not supported|no encoder", re.IGNORECASE)

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]


@dataclass
class Trouble:
    """What a page should not do.

    Attributes:
        outside: addresses it asked for beyond the app's own, all refused.
        errors: what it wrote to the console as an error, and exceptions nobody caught.
    """

    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def note(self, error: str) -> None:
        """Note an error, but for Gradio's own word that it gave up waiting for what a newer request replaced."""
        if "AbortError: signal is aborted" not in error:
            self.errors.append(error)


@pytest.fixture(scope="session")
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the app keeps the packs that tests make or change."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="session")
def app_address(store_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app as ``python app.py`` starts it, on a free port, with no key for any service."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    environment |= {"AUDIOPROMPT_STORE": str(store_folder)}
    log = tmp_path_factory.mktemp("app") / "log.txt"
    with serving(ROOT, log, environment, "app.py") as address:
        yield f"{address}/"


@pytest.fixture(scope="session")
def microphone_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the browser's microphone hears, over and over: three seconds of noise."""
    path = tmp_path_factory.mktemp("microphone") / "noise.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 3 * 48_000), 48_000)
    return path


@pytest.fixture(scope="session")
def browser(microphone_file: Path) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium is installed: `make browser` installs it")
    with sync_playwright() as playwright:
        arguments = [*CHROMIUM_ARGUMENTS, f"--use-file-for-fake-audio-capture={microphone_file}"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def trouble() -> Trouble:
    return Trouble()


def go_to(page: Page, tab: str) -> None:
    """Open a tab by the beginning of its name; on a phone the last ones are behind three dots."""
    if page.get_by_role("tab", name=tab).count():
        page.get_by_role("tab", name=tab).click()
    else:
        page.locator(".overflow-menu > button").first.click()
        page.locator(".overflow-dropdown button", has_text=tab).first.click()


def choose(page: Page, field: str, name: str, exact: bool = False) -> None:
    """Choose one of a drop-down list, which may come anew a moment after its tab is opened."""
    option = page.locator(field).get_by_role("option", name=name, exact=exact)
    for _ in range(20):
        page.locator(f"{field} input").click()
        if option.count():
            break
        page.locator(f"{field} input").blur()
        page.wait_for_timeout(500)
    option.click()


def press_record(page: Page, recorder: str) -> None:
    """Press Record until it records: just after a tab was opened, Gradio may still be fetching its recorder."""
    stop = page.locator(recorder).get_by_role("button", name="Stop")
    for _ in range(20):
        page.wait_for_timeout(1_500)
        if not stop.is_visible():
            page.locator(recorder).get_by_role("button", name="Record").click()
        page.wait_for_timeout(1_500)
        if stop.is_visible():
            return
    raise AssertionError("it does not record")


def grave(errors: list[str]) -> list[str]:
    """Errors but those of Record pressed before Gradio had fetched its recorder."""
    return [error for error in errors if not TOO_EARLY.search(error)]


@pytest.fixture(params=[(1280, 800)], ids=lambda size: f"{size[0]}px")
def page(request: pytest.FixtureRequest, browser: Browser, app_address: str, trouble: Trouble) -> Iterator[Page]:
    """The app's page, opened and connected; parametrise indirectly with (width, height) for other screens."""
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height}, permissions=["microphone"])
    context.set_default_timeout(WAIT)

    def pass_or_refuse(route: Route) -> None:
        if urlparse(route.request.url).netloc == urlparse(app_address).netloc:
            route.continue_()
        else:
            trouble.outside.append(route.request.url)
            route.abort()

    context.route(lambda url: url.startswith(("http:", "https:")), pass_or_refuse)
    page = context.new_page()
    page.on("pageerror", lambda error: trouble.note(str(error)))
    page.on("console", lambda said: trouble.note(f"{said.text} {said.location}") if said.type == "error" else None)
    page.goto(app_address)
    page.wait_for_selector("#model-state .dot.ready", timeout=1000 * SECONDS)
    yield page
    context.close()
    assert trouble.outside == [], "the page asked for something from the network"
