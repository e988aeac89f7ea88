"""A public page in the browser: a visitor's decisions stay with the visitor, a curator's are everybody's."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, expect

from audioprompt.models.registry import MODELS
from audioprompt.prompts.store import PromptStore
from audioprompt.services.curate import demonstration_pack
from tests.browser.conftest import visit_alone
from tests.browser.pages import DESKTOP, PHONE, WAIT, approved, go_to_curate, rows
from tests.serving import PASSWORD, Running

FIELD = "#password input"


@pytest.fixture(scope="module")
def public_store(public: Running) -> PromptStore:
    store = PromptStore(public.folder / "store")
    demonstration_pack(store)
    return store


@pytest.fixture
def come(browser: Browser, public: Running) -> Iterator[Callable[..., Page]]:
    """Somebody opens the page, in a browser of their own."""
    with ExitStack() as visits:
        yield lambda size=DESKTOP: visits.enter_context(visit_alone(browser, f"{public.address}?tab=curate", size))


def curate(page: Page) -> None:
    go_to_curate(page)
    page.locator("#curate-message .start button").click()
    expect(rows(page)).to_have_count(40, timeout=4 * WAIT)


def approve_one(page: Page) -> None:
    rows(page).first.click()
    page.keyboard.press("a")
    expect(approved(page)).to_contain_text("approved (1)")


def kept(store: PromptStore) -> int:
    return len(store.get("village-demonstration").approved)


def models_offered(page: Page) -> int:
    page.locator("#model-picker input").click()
    options = page.locator("#model-picker").get_by_role("option")
    expect(options.first).to_be_visible()
    number = options.count()
    page.locator("#model-picker input").press("Escape")
    return number


def test_a_visitor_s_copy_and_a_curator_s_store(come: Callable[..., Page], public_store: PromptStore) -> None:
    visitor = come()
    assert models_offered(visitor) == 1, "the one that is loaded"
    publish = re.compile("Publish")
    expect(visitor.get_by_role("tab", name=publish)).to_have_count(0)
    curate(visitor)
    expect(visitor.locator("#curate-session")).to_have_text(
        "Your decisions stay in this session; export the pack to keep it."
    )
    approve_one(visitor)
    assert kept(public_store) == 0, "the owner's pack is as it was"
    other = come()
    curate(other)
    expect(approved(other)).to_contain_text("approved (0)")
    expect(approved(visitor)).to_contain_text("approved (1)")

    curator = come()
    curator.locator("#sign-in").click()
    curator.fill(FIELD, "a guess")
    curator.keyboard.press("Enter")
    expect(curator.locator("#password .problem")).to_have_text("Wrong password.")
    curator.fill(FIELD, PASSWORD)
    curator.keyboard.press("Enter")
    expect(curator.locator("#sign-in")).to_have_text("Sign out")
    (held,) = curator.context.cookies()
    assert held["name"] == "audioprompt-curator" and held["sameSite"] == "Strict" and PASSWORD not in held["value"]
    curator.wait_for_selector("#model-state .dot.ready")
    assert models_offered(curator) == len(MODELS.built_in)
    expect(curator.get_by_role("tab", name=publish)).to_be_visible()
    switch = curator.get_by_label("Visitors may use it")
    expect(switch).to_be_checked()  # the model that the page began with
    expect(other.get_by_label("Visitors may use it")).to_be_hidden()
    curate(curator)
    expect(curator.locator("#curate-session")).to_be_empty()
    approve_one(curator)
    assert kept(public_store) == 1
    expect(approved(other)).to_contain_text("approved (1)")  # who has no copy of it sees it

    curator.locator("#sign-in").click()
    expect(curator.locator("#sign-in")).to_have_text("Sign in")
    assert curator.context.cookies() == []


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_signing_in_folds_away(come: Callable[..., Page], size: tuple[int, int]) -> None:
    page = come(size)
    expect(page.locator(FIELD)).to_be_hidden()
    page.locator("#sign-in").click()
    expect(page.locator(FIELD)).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#sign-in").click()
    expect(page.locator(FIELD)).to_be_hidden()
