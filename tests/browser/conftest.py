"""The real app in a process of its own, driven by Chromium, which reaches nothing but this machine."""

import re
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlparse

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.pages import DESKTOP, PHONE, WAIT, wait_until_ready
from tests.serving import Running
from tools.chromium import CHROMIUM

# Faults in the page's own code. What is only late or broken off on a busy machine is none.
FAULT = re.compile(r"(Reference|Syntax|Type|Range)Error|js_on_load|Content Security Policy")
NO_FAULT = re.compile(r"Failed to fetch|NetworkError|AbortError", re.IGNORECASE)

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--process-per-site",  # for `profile`
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


@dataclass
class Trouble:
    """What a page should not do.

    Attributes:
        outside: addresses it asked for beyond the app's own, none of which is reached.
        faults: faults in its code, as the console names them.
    """

    outside: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def watch(self, page: Page, address: str) -> None:
        """Note what the page does from now on."""
        page.on("request", lambda request: self.note_request(request.url, urlparse(address).netloc))
        page.on("pageerror", lambda error: self.note(f"{error.name}: {error.message} {error.stack}"))
        page.on("console", lambda said: self.note(f"{said.text} {said.location}") if said.type == "error" else None)

    def note_request(self, url: str, home: str) -> None:
        if url.startswith(("http:", "https:")) and urlparse(url).netloc != home:
            self.outside.append(url)

    def note(self, error: str) -> None:
        if FAULT.search(error) and not NO_FAULT.search(error):
            self.faults.append(error)

    def judge(self) -> None:
        """Fail for what there was, and forget it."""
        outside, faults = self.outside[:], self.faults[:]
        self.outside.clear()
        self.faults.clear()
        assert outside == [], "the page asked for something from the network"
        assert faults == [], "the page has a fault"


@pytest.fixture(scope="session")
def store_folder(home: Running) -> Path:
    """Where the app keeps the packs that tests make or change."""
    return home.folder / "store"


@pytest.fixture(scope="session")
def app_address(home: Running) -> str:
    return f"{home.address}/"


@pytest.fixture(scope="module")
def first_address(request: pytest.FixtureRequest, app_address: str) -> str:
    """Where tests begin: at the tab that their file names as ``TAB``, if not with the answer in Classify."""
    tab = getattr(request.module, "TAB", None)
    return f"{app_address}?tab={tab}" if tab else app_address


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


@pytest.fixture(scope="session")
def profile(browser: Browser, app_address: str) -> Iterator[BrowserContext]:
    """One person's browser for all tests that begin with a page just opened.

    A style sheet stays open in it, and with that the process in which all its pages run. It has compiled the scripts
    already, which is a third of the work of opening a page.
    """
    with somebody(browser) as context:
        context.new_page().goto(urljoin(app_address, "theme.css"))
        yield context


@contextmanager
def somebody(browser: Browser) -> Iterator[BrowserContext]:
    """A browser of somebody's own."""
    width, height = DESKTOP
    with browser.new_context(viewport={"width": width, "height": height}, permissions=["microphone"]) as context:
        context.set_default_timeout(WAIT)
        yield context


@contextmanager
def visit(profile: BrowserContext, address: str, size: tuple[int, int] = DESKTOP, script: str = "") -> Iterator[Page]:
    """A page of an app, once its model is ready; in the end it has done no harm.

    Args:
        profile: who opens it, with nothing left in it of earlier visits.
        address: of the page, with a tab if it is not to open at Classify.
        size: of the screen, pixels.
        script: runs before those of the page.
    """
    trouble = Trouble()
    with profile.new_page() as page:
        page.set_viewport_size({"width": size[0], "height": size[1]})
        profile.clear_cookies()
        profile.new_cdp_session(page).send("Storage.clearDataForOrigin", {"origin": address, "storageTypes": "all"})
        trouble.watch(page, address)
        page.add_init_script(script)
        page.goto(address)
        wait_until_ready(page)
        yield page
    trouble.judge()


@contextmanager
def visit_alone(browser: Browser, address: str, size: tuple[int, int] = DESKTOP) -> Iterator[Page]:
    """The same in a browser of somebody's own, which others may be on the page beside."""
    with somebody(browser) as person, visit(person, address, size) as page:
        yield page


@pytest.fixture
def new_page(profile: BrowserContext, first_address: str) -> Iterator[Page]:
    """The app's page, just opened."""
    with visit(profile, first_address) as page:
        yield page


@pytest.fixture
def page(new_page: Page) -> Page:
    """What most tests begin with; where tests can go on after each other, their file takes ``same_page`` for it."""
    return new_page


@pytest.fixture
def phone(profile: BrowserContext, first_address: str) -> Iterator[Page]:
    """The app's page, just opened on a phone."""
    with visit(profile, first_address, PHONE) as page:
        yield page


class OpenPage:
    """A page that stays open from one test of a file to the next."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser, self.address = browser, address
        self.page: Page | None = None
        self.visits = ExitStack()

    def take(self) -> Page:
        """The page as the test before left it."""
        if self.page is None:
            self.page = self.visits.enter_context(visit_alone(self.browser, self.address))
        return self.page

    def close(self) -> None:
        self.page = None
        self.visits.close()


@pytest.fixture(scope="module")
def _open_page(browser: Browser, first_address: str) -> Iterator[OpenPage]:
    kept = OpenPage(browser, first_address)
    yield kept
    kept.close()


@pytest.fixture
def same_page(_open_page: OpenPage, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The app's page as the test before in the same file left it, to save its opening; anew after a failure."""
    yield _open_page.take()
    if request.node.stash.get(FAILED, False):
        _open_page.close()


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report
