"""Decisions that are made while the server is away: they show that they are not saved, and are once it is back."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from audioprompt.data import DEMONSTRATION
from audioprompt.prompts.pack import PromptPack
from audioprompt.prompts.store import PromptStore
from tests.browser.conftest import somebody
from tests.browser.pages import WAIT, choose, go_to_curate, row, rows, status
from tests.curating import pack_of
from tests.serving import SECONDS, Running, free_port, running

TEXTS = ("the sound of {label}", "{label} noise", "a recording of {label}", "I hear {label}")
PACKS = ("staying", "reloading")
Start = Callable[[], AbstractContextManager[Running]]


@pytest.fixture
def store(tmp_path: Path) -> PromptStore:
    store = PromptStore(tmp_path / "store")
    for name in PACKS:
        store.create(pack_named(name))
    return store


def pack_named(name: str) -> PromptPack:
    return pack_of(*TEXTS, pack_id=name).model_copy(update={"title": name})


@pytest.fixture
def start(tmp_path: Path, store: PromptStore, embeddings: Path) -> Start:
    """Start the app, always on the same port."""
    own = {
        "GRADIO_SERVER_PORT": str(free_port()),
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "AUDIOPROMPT_CACHE": str(embeddings),
    }
    return lambda: running(tmp_path, **own)


@pytest.fixture
def tabs(browser: Browser) -> Iterator[dict[str, Page]]:
    """Two people's browsers: one page stays open all the time, one is loaded again."""
    with somebody(browser) as one, somebody(browser) as another:
        yield {name: person.new_page() for name, person in zip(PACKS, (one, another), strict=True)}


def measure(page: Page, address: str, name: str) -> None:
    page.goto(f"{address}/?tab=curate")
    go_to_curate(page)
    choose(page, "#curate-pack", f"{name} (4)", exact=True)
    page.fill("#curate-data textarea, #curate-data input", DEMONSTRATION)
    page.locator("#curate-measure").click()
    expect(rows(page)).to_have_count(len(TEXTS), timeout=4 * WAIT)


def approve_two(page: Page) -> None:
    rows(page).first.click()
    page.keyboard.press("a")
    page.keyboard.press("a")
    for number in (0, 1):
        expect(row(page, number).locator(".unsaved")).to_have_text("not saved yet")
    expect(page.locator("#curate-outbox")).to_contain_text("2 decisions are not saved yet: the server does not answer.")


def decisions(store: PromptStore, name: str) -> list[Any]:
    return [(event.template, event.to_status) for event in store.get(name).history if event.action == "decide"]


def until(page: Page, happened: Callable[[], bool]) -> None:
    """Wait for what is seen outside of the page."""
    deadline = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < deadline
        page.wait_for_timeout(200)


BOTH = [(TEXTS[0], "approved"), (TEXTS[1], "approved")]


def test_decisions_outlast_a_server_that_is_away(tabs: dict[str, Page], start: Start, store: PromptStore) -> None:
    """They are sent when it is back, to a page that stayed and to one that is loaded again; those refused are named."""
    staying, reloading = tabs.values()
    with start() as app:
        for name, page in tabs.items():
            measure(page, app.address, name)
    for page in tabs.values():
        page.bring_to_front()
        approve_two(page)
    reloading.goto("about:blank")
    staying.keyboard.press("r")
    staying.keyboard.press("u")  # of a decision that never left
    expect(row(staying, 2).locator(".unsaved")).to_have_count(0)
    assert [decisions(store, name) for name in PACKS] == [[], []]

    with start() as app:
        until(staying, lambda: decisions(store, "staying") == BOTH)
        expect(staying.locator("#curate-outbox p")).to_have_count(0, timeout=4 * WAIT)
        go_to_curate(staying)
        expect(rows(staying)).to_have_count(len(TEXTS), timeout=4 * WAIT)
        for number, now in enumerate(("approved", "approved", "candidate", "candidate")):
            status(staying, number, now)
        expect(staying.locator("#curate .unsaved")).to_have_count(0)

        reloading.goto(app.address)  # and Curate is not opened
        until(reloading, lambda: decisions(store, "reloading") == BOTH)
        go_to_curate(reloading)
        expect(rows(reloading)).to_have_count(len(TEXTS), timeout=4 * WAIT)
        rows(reloading).nth(2).click()
    reloading.bring_to_front()
    reloading.keyboard.press("r")
    expect(row(reloading, 2).locator(".unsaved")).to_have_text("not saved yet")
    reloading.goto("about:blank")  # a page that is open loads itself again once the server is back
    (store.folder / "reloading.json").unlink()

    with start() as app:
        reloading.goto(app.address)
        note = reloading.locator("#curate-outbox")
        expect(note).to_contain_text(
            f"Not saved: rejected “{TEXTS[2]}” in reloading. No prompt pack is called 'reloading'"
        )
        reloading.reload()
        expect(note).to_contain_text("Not saved: rejected")
        store.create(pack_named("reloading"))
        note.get_by_role("button", name="Try again").click()
        until(reloading, lambda: decisions(store, "reloading") == [(TEXTS[2], "rejected")])
        expect(note.locator("p")).to_have_count(0)
