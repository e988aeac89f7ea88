"""A public page in the browser: a visitor's decisions stay with the visitor, a curator's are everybody's."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from audioprompt.models.registry import ENTRIES
from audioprompt.prompts.store import PromptStore
from audioprompt.services.curate import demonstration_pack
from tests.browser.conftest import WAIT
from tests.browser.test_curate import approved, go_to_curate, rows
from tests.serving import Running, running

SECRET = "correct horse battery staple"
PASSWORD = "#password input"


@pytest.fixture(scope="module")
def public_store(tmp_path_factory: pytest.TempPathFactory) -> PromptStore:
    store = PromptStore(tmp_path_factory.mktemp("public") / "store")
    demonstration_pack(store)
    return store


@pytest.fixture(scope="module")
def public_app(public_store: PromptStore) -> Iterator[Running]:
    with running(public_store.folder.parent, AUDIOPROMPT_PASSWORD=SECRET) as app:
        yield app


@pytest.fixture
def come(browser: Browser, public_app: Running) -> Iterator[Callable[..., Page]]:
    """Somebody opens the page, in a browser of their own."""
    contexts = []

    def open_page(width: int = 1280, height: int = 800) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height})
        context.set_default_timeout(WAIT)
        contexts.append(context)
        page = context.new_page()
        page.goto(public_app.address)
        page.wait_for_selector("#model-state .dot.ready")
        return page

    yield open_page
    for context in contexts:
        context.close()


def curate(page: Page) -> None:
    go_to_curate(page)
    page.locator("#curate-message .start button").click()
    expect(rows(page)).to_have_count(40, timeout=4 * WAIT)


def approve_one(page: Page) -> None:
    rows(page).first.click()
    page.keyboard.press("a")
    expect(approved(page)).to_contain_text("approved (1)")


def kept(store: PromptStore) -> int:
    return len(store.get("instruments-demonstration").approved)


def models_offered(page: Page) -> int:
    page.locator("#model-picker input").click()
    options = page.locator("#model-picker").get_by_role("option")
    expect(options.first).to_be_visible()
    number = options.count()
    page.locator("#model-picker input").press("Escape")
    return number


def test_a_visitor_s_copy_and_a_curator_s_store(
    come: Callable[..., Page], public_store: PromptStore, public_app: Running
) -> None:
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
    curator.fill(PASSWORD, "a guess")
    curator.keyboard.press("Enter")
    expect(curator.locator("#password .problem")).to_have_text("That is not the password.")
    curator.fill(PASSWORD, SECRET)
    curator.keyboard.press("Enter")
    expect(curator.locator("#sign-in")).to_have_text("Sign out")
    (held,) = curator.context.cookies()
    assert held["name"] == "audioprompt-curator" and held["sameSite"] == "Strict" and SECRET not in held["value"]
    curator.wait_for_selector("#model-state .dot.ready")
    assert models_offered(curator) == len(ENTRIES)
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


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 800)])
def test_signing_in_folds_away(come: Callable[..., Page], width: int, height: int) -> None:
    page = come(width, height)
    expect(page.locator(PASSWORD)).to_be_hidden()
    page.locator("#sign-in").click()
    expect(page.locator(PASSWORD)).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#sign-in").click()
    expect(page.locator(PASSWORD)).to_be_hidden()
