"""Recordings without labels, labelled by keys in the Learn tab."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page, expect

from tests.browser.pages import DESKTOP, PHONE, SIDEWAYS, go_to

TAB = "learn"


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_pool_is_labelled_by_keys(page: Page, tmp_path: Path, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    files = []
    for number in range(4):
        files.append(tmp_path / f"tone {number}.wav")
        wave = 0.5 * np.sin(2 * np.pi * (200 if number % 2 else 3000) * np.arange(32_000) / 16_000)
        soundfile.write(files[-1], wave, 16_000)
    go_to(page, "Learn (PALM)")
    page.get_by_role("tab", name="Without labels").click()
    page.fill("#label-names :is(input, textarea)", "low beep, high beep")
    with page.expect_file_chooser() as chooser:
        page.locator("#label-files").click()
    chooser.value.set_files(files)
    pool = page.locator("#label-next .pool")
    expect(pool.locator("audio")).to_be_attached()
    for number in range(4):
        pool.locator("p").click()
        name = pool.locator(".player span").text_content() or ""
        page.keyboard.press("1" if "1" in name or "3" in name else "2")
        expect(pool).to_contain_text(f"{number + 1} label")
    expect(pool).to_contain_text("Every recording has a label")
    expect(page.locator("#learn-cards li")).to_have_count(2)
    assert page.evaluate(SIDEWAYS) <= 0
