"""The Publish tab as its users see it: a Space built and started, pushed to a hub, refused to visitors."""

import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from audioprompt.prompts.store import PromptStore
from tests.browser.conftest import visit
from tests.browser.pages import DESKTOP, PHONE, SIDEWAYS, go_to, learn_the_demonstration, wait_until_ready
from tests.curating import PLAIN, pack_of
from tests.hub import Hub
from tests.serving import ROOT, Running, serving

NASTY = "<img src=x onerror=window.hit=1>${window.hit=2}"
TOKEN = "hf_secret"
OURS = re.compile(r"OPENAI_|AUDIOPROMPT_|HF_|HUGGING_FACE_|GRADIO_|PYTHONPATH|SPACE")
# What a Space runs, and not this checkout, which is installed here too.
ALONE = """
import runpy, sys
from pathlib import Path
here = str(Path.cwd())
sys.path[:] = [here] + [path for path in sys.path[1:] if path != sys.argv[1]]
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
import audioprompt
assert audioprompt.__file__.startswith(here), audioprompt.__file__
runpy.run_path("app.py", run_name="__main__")
"""


@contextmanager
def started(folder: Path, log: Path, *command: str, **more: str) -> Iterator[str]:
    """The app that a command starts in a folder, with no setting of this machine's; its address."""
    kept = {name: value for name, value in os.environ.items() if not OURS.match(name)}
    with serving(folder, log, kept | {"PYTHONDONTWRITEBYTECODE": "1"} | more, *command) as address:
        yield f"{address}/"


@pytest.fixture(scope="module", autouse=True)
def nasty_pack(store_folder: Path) -> None:
    """A pack of one approved prompt whose title hopes to be run."""
    pack = pack_of(PLAIN, status="approved", pack_id="nasty-title").model_copy(update={"title": NASTY})
    PromptStore(store_folder).create(pack)


def open_tab(page: Page) -> None:
    go_to(page, "Publish")
    expect(page.locator("#publish-files .total")).to_be_visible()


def pick(page: Page, group: str, name: str, checked: bool = True) -> None:
    page.locator(f"#publish-{group}").get_by_label(name).set_checked(checked)


def test_what_is_chosen_is_previewed_and_survives_a_reload(page: Page) -> None:
    open_tab(page)
    expect(page.locator("#publish-preview .listed .title")).to_contain_text("Name that sound")
    page.fill("#publish-title :is(input, textarea)", "Sounds of <b>us</b>")
    pick(page, "packs", "Vocal sounds (20)")
    pick(page, "packs", f"{NASTY} (1)")
    page.fill("#publish-labels textarea", "laughter, cough")
    page.get_by_role("button", name="Examples (24)").click()
    pick(page, "examples", "Violin", False)
    shown = page.locator("#publish-preview")
    expect(shown.locator(".listed .title")).to_contain_text("Sounds of <b>us</b>")
    expect(shown.locator(".page")).to_contain_text(f"Eight templates (8), {NASTY} (1), Vocal sounds (20)")
    expect(shown.locator(".page")).to_contain_text("laughter, cough")
    expect(shown.locator(".page")).not_to_contain_text("Violin")
    expect(page.get_by_role("button", name="Examples (23)")).to_be_visible()
    expect(page.locator("#publish-files")).to_contain_text("nasty-title.json")
    listed = page.locator("#publish-files .total").text_content() or ""

    page.reload()
    wait_until_ready(page)
    open_tab(page)
    expect(page.locator("#publish-title :is(input, textarea)")).to_have_value("Sounds of <b>us</b>")
    expect(page.locator("#publish-labels textarea")).to_have_value("laughter, cough")
    expect(page.locator("#publish-packs").get_by_label("Vocal sounds (20)")).to_be_checked()
    expect(page.locator("#publish-files .total")).to_have_text(listed)
    page.get_by_role("button", name="Examples (23)").click()
    expect(page.locator("#publish-examples").get_by_label("Violin")).not_to_be_checked()

    for name in ("Eight templates (8)", "Vocal sounds (20)", f"{NASTY} (1)"):
        pick(page, "packs", name, False)
    expect(shown.locator(".problem")).to_contain_text("choose at least one pack")
    assert page.evaluate("window.hit") is None


def test_a_head_is_learned_and_built_into_a_space_that_runs(
    page: Page, profile: BrowserContext, tmp_path: Path
) -> None:
    page.get_by_role("tab", name="Learn (PALM)").click()
    learn_the_demonstration(page)
    page.locator("#learn-methods").get_by_label("Zero-shot").uncheck()
    page.locator("#learn-go").click()
    page.locator("#use-head").click()
    expect(page.locator("#learned .main-svg").first).to_be_visible()
    open_tab(page)
    page.fill("#publish-title :is(input, textarea)", "Which instrument")
    pick(page, "packs", "Musical instruments (20)")
    pick(page, "packs", "Eight templates (8)", False)
    expect(page.locator("#publish-heads").get_by_label("Auto: bass guitar")).to_be_checked()
    expect(page.locator("#publish-preview .page i").first).to_have_text("bass guitar")
    pick(page, "tabs", "Generate", False)
    expect(page.locator("#publish-preview .page")).to_contain_text("Classify, Explore, Curate, Learn")
    expect(page.locator("#publish-preview .page")).to_contain_text("Learned head")
    expect(page.locator("#publish-preview .page")).to_contain_text("bass guitar, bowed strings, brass, choir")

    # from here on without a mouse
    page.locator("#publish-ask-folder").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#publish-where :is(input, textarea)")).to_be_focused()
    expect(page.locator("#publish-token")).to_be_hidden()
    page.keyboard.type(str(tmp_path / "space"))
    page.keyboard.press("Enter")
    expect(page.locator("#publish-built .done code").first).to_have_text(str(tmp_path / "space"))
    expect(page.locator("#publish-download")).to_contain_text("Download which-instrument.zip")
    with page.expect_download() as download:
        page.locator("#publish-download").focus()
        page.keyboard.press("Enter")
    download.value.save_as(tmp_path / "space.zip")
    with zipfile.ZipFile(tmp_path / "space.zip") as file:
        packed = {one.filename for one in file.infolist() if not one.is_dir()}
    there = {
        path.relative_to(tmp_path / "space").as_posix() for path in (tmp_path / "space").rglob("*") if path.is_file()
    }
    assert packed == there and {"app.py", "README.md", "prompt_store/instruments.json"} <= there
    assert [name for name in there if name.startswith("heads/") and name.endswith("/head.safetensors")]
    page.locator("#publish-go").click()
    expect(page.locator("#publish-built .problem")).to_contain_text("is not empty: name a folder that is not there yet")

    with started(tmp_path / "space", tmp_path / "log", "-c", ALONE, str(ROOT)) as address:
        for size in (DESKTOP, PHONE):
            with visit(profile, address, size) as space:
                expect(space.locator("#header .name")).to_have_text("Which instrument")
                expect(space.locator("#labels textarea")).to_have_value(
                    re.compile("^bass guitar, bowed strings, brass")
                )
                expect(space.locator("#verdict .label")).not_to_be_empty()
                expect(space.locator("#verdict .words")).to_contain_text("The fitted head says bass guitar")
                expect(space.get_by_role("tab", name="Learn")).to_be_visible()
                for name in ("Generate", "Publish"):
                    expect(space.get_by_role("tab", name=name)).to_have_count(0)
                assert space.evaluate(SIDEWAYS) == 0
                if folder := os.environ.get("AUDIOPROMPT_SCREENSHOTS"):
                    space.wait_for_timeout(1_500)  # figures grow
                    space.screenshot(path=f"{folder}/space-{size[0]}.png")

    public = {"GRADIO_SERVER_NAME": "0.0.0.0", "AUDIOPROMPT_PASSWORD": "correct horse"}
    with (
        started(tmp_path / "space", tmp_path / "log", "-c", ALONE, str(ROOT), **public) as address,
        visit(profile, f"{address}?tab=publish") as space,
    ):
        expect(space.get_by_role("tab", name="Curate")).to_be_visible()
        expect(space.get_by_role("tab", name="Publish")).to_have_count(0)
        expect(space.locator("#verdict .words")).to_contain_text("The fitted head says bass guitar")
        space.get_by_role("button", name="Sign in").first.click()
        space.fill("#password input", "correct horse")
        space.keyboard.press("Enter")
        expect(space.get_by_role("tab", name="Publish")).to_be_visible()
        open_tab(space)
        expect(space.locator("#publish-ask-folder")).to_be_visible()


def test_a_space_is_pushed_and_the_token_is_nowhere(page: Page, hub: Hub, home: Running) -> None:
    open_tab(page)
    expect(page.locator("#publish-token")).to_be_hidden()
    page.click("#publish-ask-hub")
    expect(page.locator("#publish-token input")).to_have_attribute("type", "password")
    page.fill("#publish-name :is(input, textarea)", "me/kitchen")
    page.click("#publish-push")
    expect(page.locator("#publish-pushed .problem")).to_contain_text("Give a token that may write")
    page.fill("#publish-token input", "hf_another_secret")
    page.click("#publish-push")
    expect(page.locator("#publish-pushed .problem")).to_contain_text("does not accept the token")

    page.fill("#publish-token input", TOKEN)
    page.press("#publish-token input", "Enter")
    link = page.locator("#publish-pushed .done a")
    expect(link).to_have_attribute("href", f"{hub.url}/spaces/me/kitchen")
    expect(page.locator("#publish-token input")).to_have_value("")
    assert "prompt_store/eight-templates.json" in hub.held("spaces/me/kitchen")
    assert hub.created["me/kitchen"]["private"] is True

    kept = page.evaluate("JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + document.cookie")
    assert TOKEN not in kept + page.content() and "another_secret" not in kept
    assert "_secret" not in home.log.read_text()
    files = [path for path in home.folder.rglob("*") if path.is_file()]
    assert not any(TOKEN.encode() in path.read_bytes() for path in files)


def test_a_phone_never_scrolls_sideways(phone: Page) -> None:
    open_tab(phone)
    phone.get_by_role("button", name="Examples").click()
    phone.locator("#publish-files summary").first.click()
    phone.get_by_text("README.md, the Space's card").click()
    for ask in ("folder", "hub"):
        phone.click(f"#publish-ask-{ask}")
        assert phone.evaluate(SIDEWAYS) == 0


def test_a_visitor_of_a_public_page_has_no_tab_that_publishes(profile: BrowserContext, public: Running) -> None:
    with visit(profile, f"{public.address}?tab=publish") as page:
        expect(page.get_by_role("tab", name="Classify")).to_have_attribute("aria-selected", "true")
        expect(page.get_by_role("tab", name="Publish")).to_have_count(0)
