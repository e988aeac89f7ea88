"""Decisions that are made while the server is away: they show that they are not saved, and are once it is back."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from audioprompt.data import DEMONSTRATION
from audioprompt.prompts.store import PromptStore
from tests.browser.conftest import WAIT, choose
from tests.browser.test_curate import go_to_curate, row, rows, status
from tests.curating import pack_of
from tests.serving import ROOT, SECONDS, free_port, serving

TEXTS = ("the sound of {label}", "{label} noise", "a recording of {label}", "I hear {label}")
Start = Callable[[], AbstractContextManager[str]]


@pytest.fixture
def store(tmp_path: Path) -> PromptStore:
    store = PromptStore(tmp_path / "store")
    store.create(pack_of(*TEXTS))
    return store


@pytest.fixture
def start(tmp_path: Path, store: PromptStore) -> Start:
    """Start the app, always on the same port."""
    port = free_port()
    environment = os.environ | {"AUDIOPROMPT_STORE": str(store.folder)}
    return lambda: serving(ROOT, tmp_path / "log.txt", environment, "app.py", port=port)


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(WAIT)
    yield context.new_page()
    context.close()


def measure(page: Page, address: str) -> None:
    page.goto(address)
    go_to_curate(page)
    choose(page, "#curate-pack", "Tones (4)", exact=True)
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


def decisions(store: PromptStore) -> list[Any]:
    return [(event.template, event.to_status) for event in store.get("tones").history if event.action == "decide"]


def until(page: Page, happened: Callable[[], bool]) -> None:
    """Wait for what is seen outside of the page."""
    deadline = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < deadline
        page.wait_for_timeout(200)


BOTH = [(TEXTS[0], "approved"), (TEXTS[1], "approved")]


def test_decisions_without_a_server_are_sent_when_it_is_back(tab: Page, start: Start, store: PromptStore) -> None:
    with start() as address:
        measure(tab, address)
    approve_two(tab)
    tab.keyboard.press("r")
    tab.keyboard.press("u")  # of a decision that never left
    expect(row(tab, 2).locator(".unsaved")).to_have_count(0)
    assert decisions(store) == []
    with start():
        until(tab, lambda: decisions(store) == BOTH)
        expect(tab.locator("#curate-outbox p")).to_have_count(0, timeout=4 * WAIT)
        go_to_curate(tab)
        expect(rows(tab)).to_have_count(len(TEXTS), timeout=4 * WAIT)
        for number, now in enumerate(("approved", "approved", "candidate", "candidate")):
            status(tab, number, now)
        expect(tab.locator("#curate .unsaved")).to_have_count(0)


def test_decisions_outlast_a_reload_and_those_refused_are_named(tab: Page, start: Start, store: PromptStore) -> None:
    with start() as address:
        measure(tab, address)
    approve_two(tab)
    tab.goto("about:blank")
    with start() as address:
        tab.goto(address)  # and Curate is not opened
        until(tab, lambda: decisions(store) == BOTH)
        go_to_curate(tab)
        expect(rows(tab)).to_have_count(len(TEXTS), timeout=4 * WAIT)
        rows(tab).nth(2).click()
    tab.keyboard.press("r")
    expect(row(tab, 2).locator(".unsaved")).to_have_text("not saved yet")
    (store.folder / "tones.json").unlink()
    with start() as address:
        tab.goto(address)
        note = tab.locator("#curate-outbox")
        expect(note).to_contain_text(f"Not saved: rejected “{TEXTS[2]}” in tones. No prompt pack is called 'tones'")
        tab.reload()
        expect(note).to_contain_text("Not saved: rejected")
        store.create(pack_of(*TEXTS))
        note.get_by_role("button", name="Try again").click()
        until(tab, lambda: decisions(store) == [(TEXTS[2], "rejected")])
        expect(note.locator("p")).to_have_count(0)
