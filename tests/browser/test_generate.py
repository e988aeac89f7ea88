"""The Generate tab as a visitor sees it: from labels to a pack of candidates, offline and by a chat service."""

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import Template
from tests.browser.pages import SIDEWAYS, WAIT
from tests.openai_server import KEY, ChatServer, Reply, chat_servers

ATTRIBUTES, SOURCES = ["loud", "hushed", "eager", "sudden"], ["hall", "office", "the next room"]
IDEAS = Reply(json.dumps({"attributes": ATTRIBUTES, "sources": SOURCES}))
TAB = "generate"
PROMPTS = [Template.tspe(one, other).text for one in (None, *ATTRIBUTES) for other in (None, *SOURCES) if one or other]
NASTY = "<img src=x onerror=window.hit=1>, ${window.hit=2}, <script>window.hit=3</script>"


def beginning(prompts: list[str]) -> str:
    """An answer with these prompts that is not at its end."""
    return json.dumps({"prompts": prompts}).removesuffix("]}") + ","


@pytest.fixture
def serve() -> Iterator[Callable[..., ChatServer]]:
    """Start a chat service that gives these replies in turn."""
    with chat_servers() as start:
        yield start


def open_tab(page: Page, labels: str = "cough, sneeze, laughter") -> None:
    page.get_by_role("tab", name="Generate").click()
    page.fill("#generate-labels textarea", labels)


def use_service(page: Page, server: ChatServer, key: str = KEY) -> None:
    page.locator("#generator").get_by_text("Chat service").click()
    page.fill("#service-model :is(input, textarea)", "parrot")
    page.fill("#service-url :is(input, textarea)", server.url)
    page.fill("#service-key input", key)


def propose(page: Page) -> None:
    page.click("#propose")
    expect(page.locator("#attributes label.selected").first).to_be_visible()


def press_again(page: Page, button: str, heeded: str) -> None:
    """Press a button until something is there: right after Stop, what was stopped may take a moment to end."""
    deadline = time.monotonic() + WAIT / 1000
    while not page.locator(heeded).count() and time.monotonic() < deadline:
        if page.locator(button).is_visible():
            page.click(button)
        page.wait_for_timeout(500)


def count(page: Page) -> str:
    return page.locator("#progress [role=status]").inner_text()


def test_offline_from_labels_to_curate(page: Page, store_folder: Path) -> None:
    open_tab(page)
    expect(page.locator("#attributes")).to_be_hidden()
    expect(page.locator("#write")).to_be_hidden()
    page.click("#demonstration")
    expect(page.locator("#generate-labels textarea")).to_have_value(re.compile("bass guitar, .*, synthesizer"))
    propose(page)
    expect(page.locator("#step-task > button")).to_contain_text("instrument recognition: 12 labels (bass guitar, ")
    expect(page.locator("#generate-labels")).to_be_hidden()

    first = page.locator("#attributes .wrap label").first
    dropped = first.inner_text()
    first.click()
    page.fill("#add-attributes :is(input, textarea)", "zany, an eerie")
    page.press("#add-attributes :is(input, textarea)", "Enter")
    expect(page.locator("#attributes label.selected", has_text="eerie")).to_be_visible()
    expect(page.locator("#attributes label:not(.selected)", has_text=dropped)).to_have_count(1)
    expect(page.locator("#write")).to_be_in_viewport()

    page.click("#write")
    expect(page.locator("#progress .progress:not(.running) [role=status]")).to_have_text(re.compile("^40 of 40"))
    expect(page.locator("#attributes")).to_be_hidden()
    rows = page.locator("#candidates tbody tr")
    expect(rows).to_have_count(40)
    written = page.locator("#candidates tbody").inner_text()
    assert "bass guitar" in written and "zany" in written and f" {dropped} sound" not in written
    expect(page.locator("#step-words > button")).to_contain_text("attributes, ")
    for part in ("#progress", "#send", "#pack-id"):
        expect(page.locator(part)).to_be_in_viewport()

    page.fill("#pack-title :is(input, textarea)", "My <b>instruments</b>")
    page.fill("#pack-id :is(input, textarea)", "vanilla")
    page.click("#send")
    expect(page.locator("#sent .problem")).to_contain_text("A prompt pack is called 'vanilla' already")
    page.fill("#pack-id :is(input, textarea)", "journey")
    page.click("#send")
    expect(page.get_by_role("tab", name="Curate")).to_have_attribute("aria-selected", "true")

    pack = PromptStore(store_folder).get("journey")
    assert pack.title == "My <b>instruments</b>" and pack.category == "instruments"
    assert len(pack.entries) == 40 and not pack.approved
    assert pack.provenance.generator == "lexicon" and pack.provenance.settings == {"seed": 0}
    assert len(pack.label_presets["Labels"]) == 12
    page.get_by_role("tab", name="Generate").click()
    expect(page.locator("#step-candidates > button")).to_contain_text("40 candidates kept as journey")


def test_a_failure_half_way_keeps_what_came_and_the_key_is_nowhere(
    page: Page, serve: Callable[..., ChatServer], store_folder: Path
) -> None:
    server = serve(IDEAS, Reply(beginning([*PROMPTS[:6], PROMPTS[0], *PROMPTS[6:9]]), end="drop"))
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request))
    open_tab(page)
    use_service(page, server)
    expect(page.locator("#step-task .in-use")).to_have_text(re.compile(r"parrot at 127.0.0.1:\d+ · temperature 0.7"))
    page.locator("#exact button").first.click()
    expect(page.locator("#exact-prompt")).to_contain_text('Sounds to tell apart: "cough", "sneeze", "laughter"')
    propose(page)
    expect(page.locator("#attributes label.selected")).to_have_count(len(ATTRIBUTES))
    expect(page.locator("#exact-prompt")).to_contain_text('Sources: "hall", "office", "the next room"')
    page.click("#write")
    expect(page.locator("#progress .problem")).to_contain_text("broke off: try again")
    expect(page.locator("#candidates tbody tr")).to_have_count(9)
    assert count(page).startswith("9 of 40")
    expect(page.locator("#progress")).to_contain_text("1 of 10 was left out: 1 repeat")
    page.click("#send")
    expect(page.get_by_role("tab", name="Curate")).to_have_attribute("aria-selected", "true")

    assert server.keys == [f"Bearer {KEY}"] * len(server.keys) and len(server.asked) == 2
    assert server.asked[1]["messages"][0]["content"] in (page.locator("#exact-prompt").text_content() or "")
    (kept,) = [pack for pack in PromptStore(store_folder).packs() if pack.provenance.generator == "chat service"]
    assert [entry.template.text for entry in kept.entries] == PROMPTS[:9]
    assert kept.provenance.settings == {"model": "parrot", "base_url": server.url, "temperature": 0.7, "seed": 0}

    assert KEY not in page.content()
    assert all(KEY not in request.url for request in requests)
    for request in requests:
        if "event-stream" not in request.headers.get("accept", "") and (answer := request.response()):
            assert KEY not in answer.text()
    everywhere = "JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])"
    assert KEY not in page.evaluate(everywhere)
    assert not any(KEY.encode() in path.read_bytes() for path in store_folder.rglob("*") if path.is_file())
    page.reload()  # Gradio's own streams, broken off by it, may end as errors in the console
    page.get_by_role("tab", name="Generate").click()
    expect(page.locator("#generate-labels textarea")).to_have_value("cough, sneeze, laughter")
    expect(page.locator("#service-model :is(input, textarea)")).to_have_value("parrot")
    expect(page.locator("#service-url :is(input, textarea)")).to_have_value(server.url)
    expect(page.locator("#service-key input")).to_have_value("")


def test_a_generator_can_be_stopped_and_what_came_is_kept(page: Page, serve: Callable[..., ChatServer]) -> None:
    hanging = Reply(beginning(PROMPTS[:5]), end="hang")
    server = serve(Reply("{", end="hang"), IDEAS, hanging, Reply(json.dumps({"prompts": PROMPTS})))
    open_tab(page)
    use_service(page, server)
    page.click("#propose")
    page.click("#step-task .stop")
    expect(page.locator("#task-state")).to_have_text("Stopped.")
    press_again(page, "#propose", "#attributes label.selected")
    expect(page.locator("#stop")).to_be_hidden()
    page.click("#write")
    expect(page.locator("#progress .running")).to_contain_text("5 of 40")
    expect(page.locator("#write")).to_be_hidden()
    page.click("#stop")
    expect(page.locator("#progress")).to_contain_text("Stopped. The candidates so far are kept.")
    expect(page.locator("#candidates tbody tr")).to_have_count(5)
    expect(page.locator("#pack-id :is(input, textarea)")).to_have_value(re.compile("^instruments-"))
    page.fill("#count input", "12")
    press_again(page, "#write", "#candidates tr:nth-child(12)")
    expect(page.locator("#progress .progress:not(.running) [role=status]")).to_have_text(re.compile("^12 of 12"))


def test_what_goes_wrong_or_lacks_is_said_in_place(page: Page, serve: Callable[..., ChatServer]) -> None:
    state = page.locator("#task-state .problem")
    open_tab(page)
    page.locator("#generator").get_by_text("Chat service").click()
    expect(page.locator("#step-task .in-use")).to_contain_text("no model named yet at api.openai.com")
    page.click("#propose")
    expect(state).to_contain_text("No model is named")
    page.fill("#service-model :is(input, textarea)", "gpt-4o")
    page.click("#propose")
    expect(state).to_contain_text("OpenAI requires a key")
    busy = Reply("slow down", status=429, headers={"Retry-After": "1"})
    for reply, sentence in (
        (Reply("no such key", status=401), "does not accept the key: check it."),
        (busy, "is busy: try again in 1 s."),
    ):
        use_service(page, serve(reply))
        page.click("#propose")
        expect(state).to_contain_text(sentence)
        expect(page.locator("#propose")).to_be_visible()
        assert KEY not in page.content()


def test_a_phone_never_scrolls_sideways_and_labels_are_text(phone: Page) -> None:
    open_tab(phone, f"{NASTY}, {'wind' * 20}")
    assert phone.evaluate(SIDEWAYS) == 0
    propose(phone)
    assert phone.evaluate(SIDEWAYS) == 0
    phone.click("#write")
    expect(phone.locator("#progress .progress:not(.running) [role=status]")).to_have_text(re.compile("^40 of 40"))
    phone.locator("#exact button").first.click()
    expect(phone.locator("#candidates")).to_contain_text("<img src=x onerror=window.hit=1>")
    assert phone.evaluate(SIDEWAYS) == 0
    assert phone.evaluate("window.hit") is None and phone.locator("#generate img, #generate script").count() == 0
