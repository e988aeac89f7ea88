"""The model picker in the real page: a model that cannot be fetched, weights by path, and back."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import answered, choose
from tests.hub import Hub
from tests.unit.models.test_laion import make


def test_switching_models_without_a_network(
    page: Page, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "away", {"laion/clap-htsat-unfused"})
    state = page.locator("#model-state")
    expect(state).to_have_text("CPU · ready")
    answered(page)
    before = page.locator("#ensemble .annotation-text").all_text_contents()

    choose(page, "#model-picker", "laion-clap", exact=True)
    expect(state).to_have_text("not loaded")
    expect(page.locator("#weights")).to_contain_text("cannot be reached: connect to the network and try again, or get")
    expect(page.locator("#verdict .problem")).to_contain_text("cannot be reached")

    page.fill("#weights-path textarea", str(tmp_path / "nothing"))
    page.get_by_role("button", name="Load", exact=True).click()
    expect(page.locator("#weights")).to_contain_text("There is no file")

    make(tmp_path, fusion=False)
    page.fill("#weights-path textarea", str(tmp_path))
    page.get_by_role("button", name="Load", exact=True).click()
    expect(state).to_have_text("CPU · ready")
    expect(page.locator("#weights")).to_be_hidden()
    answered(page)
    assert page.locator("#ensemble .annotation-text").all_text_contents() != before

    page.reload()
    expect(page.locator("#model-picker input")).to_have_value("laion-clap")
    expect(state).to_have_text("CPU · ready")
    choose(page, "#model-picker", "embedded", exact=True)
    expect(state).to_have_text("CPU · ready")
    answered(page)
    expect(page.locator("#ensemble .annotation-text").first).to_have_text(re.compile(re.escape(before[0])))
