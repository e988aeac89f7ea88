"""What people do on the page, tab by tab, and where things are on it."""

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.serving import SECONDS

WAIT = 240_000  # ms that an answer may take on a busy machine
DESKTOP, PHONE = (1280, 800), (390, 844)
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"  # a page scrolls so far
NASTY = "<img src=x onerror=window.hit=1>, ${window.hit=2}, {{constructor}}, <script>window.hit=3</script>"

expect.set_options(timeout=WAIT)


# --- everywhere -------------------------------------------------------------------------------------------------------


def wait_until_ready(page: Page) -> None:
    page.wait_for_selector("#model-state .dot.ready", timeout=1000 * SECONDS)


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


def unfold(page: Page, name: str | re.Pattern[str]) -> None:
    """Open what is folded away under a heading, if it is not open."""
    heading = page.get_by_role("button", name=name)
    if "open" not in (heading.get_attribute("class") or "").split():
        heading.click()


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


# --- Classify ---------------------------------------------------------------------------------------------------------


def upload(page: Page, path: Path, labels: str = "rain, sea waves, dog bark") -> None:
    """Take away the clip that is there, and give labels and a file of one's own."""
    page.get_by_role("tab", name="Clip").click()
    clear = page.locator("#sound [aria-label='Clear']")
    page.wait_for_selector("#sound input[type=file], #sound [aria-label='Clear']", state="attached")
    if clear.count():
        expect(page.locator("#verdict .verdict, #verdict .problem").first).to_be_visible()
        clear.click()
        expect(page.locator("#verdict .empty")).to_be_visible()
    page.fill("#labels textarea", labels)
    page.set_input_files("#sound input[type=file]", path)


def answered(page: Page) -> None:
    for part in ("#vanilla", "#ensemble", ":is(#heard, #timeline)"):  # a long recording is drawn over time
        expect(page.locator(f"{part} .main-svg:visible").first).to_be_visible()


# --- Curate -----------------------------------------------------------------------------------------------------------


def go_to_curate(page: Page) -> None:
    wait_until_ready(page)
    go_to(page, "Curate")


def rows(page: Page) -> Locator:
    return page.locator("#curate-table tr[data-template]")


def row(page: Page, number: int) -> Locator:
    return rows(page).nth(number)


def selected(page: Page) -> Locator:
    return page.locator("#curate-table tr[aria-selected=true]")


def approved(page: Page) -> Locator:
    return page.locator("#curate-strip .figure.approved")


def status(page: Page, number: int, is_now: str) -> None:
    expect(row(page, number)).to_have_attribute("data-status", is_now)


# --- Learn ------------------------------------------------------------------------------------------------------------


def learn_the_demonstration(page: Page) -> None:
    """Load the clips of twelve instruments."""
    page.get_by_role("button", name="Try it with 12 instruments").click()
    expect(page.locator("#learn-cards li")).to_have_count(12)
