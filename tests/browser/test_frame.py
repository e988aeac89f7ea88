"""The page around its tabs: at rest, by keyboard, by its address, on wide screens, and for people who cannot see it."""

import re
import secrets
import time
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request, Route, expect

from audioprompt.server.gradio_patches.assets import FOUND, SOUGHT
from audioprompt.ui.tabs import TITLES
from tests.browser.conftest import visit
from tests.browser.pages import DESKTOP, PHONE, WAIT, answered, go_to, learn_the_demonstration, wait_until_ready

COUNT_FRAMES = """
window.framesAsked = 0;
const frame = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (step) => { window.framesAsked++; return frame(step); };
window.sizesSeen = 0;
window.ResizeObserver = class extends window.ResizeObserver {
    constructor(seen) { super((...what) => { window.sizesSeen++; return seen(...what); }); }
};
"""
FIGURES_FIT = """[...document.querySelectorAll(".js-plotly-plot")].every(
    (figure) => figure.querySelector(".main-svg").clientWidth === figure.clientWidth)"""
# Parts of a tree, and one that is none, are looked for twice, then once the tree was turned round, and then without a
# branch; each time: what was found, and how many parts were looked at.
LOOK_FOR_PARTS = """
() => {
    function %s
    let looked = 0;
    const grow = (id, storeys) => ({
        get id() { looked++; return id; },
        children: storeys ? [1, 2, 3].map((n) => grow(10 * id + n, storeys - 1)) : [],
    });
    const tree = grow(1, 3), ids = [1, 11, 12, 13, 112, 132, 1111, 1122, 1333, 7];
    const round = () => ids.map((id) => { const part = _(tree, id); return part && part.id; });
    const rounds = [round, round, () => (tree.children.reverse(), round()), () => (tree.children.shift(), round())];
    return rounds.map((one) => { looked = 0; return [one(), looked]; });
}
"""
# Two buttons one below the other, which tell what was pressed, and change places when they are told to.
TWO_BUTTONS = """
() => {
    window.pressed = [];
    const make = (name, top) => {
        const button = document.createElement('button');
        button.append(name);
        button.style = `position: fixed; left: 40px; top: ${top}px; width: 120px; height: 40px; z-index: 9999`;
        button.onclick = () => pressed.push(name);
        document.body.append(button);
        return button;
    };
    const [upper, lower] = [make('upper', 40), make('lower', 200)];
    window.change = () => { [upper.style.top, lower.style.top] = [lower.style.top, upper.style.top]; };
}
"""
BATCHES = re.compile(r"(static ensure\(\)\{if\(\w+===null\)\{const \w+=\w+=new \w+;)(\w+)(\.add\()")
BAD = ("serious", "critical")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.fixture
def page(same_page: Page) -> Page:
    return same_page


def opened(page: Page) -> str:
    return page.locator('#tabs > .tab-wrapper [role="tab"][aria-selected="true"]').inner_text()


def came_to_rest(page: Page) -> bool:
    """Whether a second comes in which the page asks for next to no animation frame, and follows no change of size."""
    until = time.monotonic() + WAIT / 1000
    while time.monotonic() < until:
        page.evaluate("window.framesAsked = window.sizesSeen = 0")
        page.wait_for_timeout(1_000)
        if page.evaluate("window.framesAsked + window.sizesSeen") < 5:
            return True
    return False


def tell_batches(script: Route) -> None:
    """Let a page tell which changes Svelte has not shown yet, see `audioprompt.server.gradio_patches.assets`."""
    answer = script.fetch()
    script.fulfill(response=answer, body=BATCHES.sub(r"\1(window.batches=\2)\3", answer.text()))


def test_an_idle_page_asks_for_no_animation_frames_and_has_shown_all(profile: BrowserContext, app_address: str) -> None:
    profile.route("**/assets/index-*.js", tell_batches)
    with visit(profile, app_address, script=COUNT_FRAMES) as page:
        answered(page)
        for name in TITLES.values():
            go_to(page, name)
            assert came_to_rest(page), f"{name} never comes to rest"
            page.wait_for_function("window.batches.size === 0")
    profile.unroute("**/assets/index-*.js", tell_batches)


def test_parts_are_found_as_gradio_finds_them_and_are_not_looked_for_again(browser: Browser) -> None:
    with browser.new_page() as page:
        sought, found = (page.evaluate(LOOK_FOR_PARTS % script) for script in (SOUGHT, FOUND))
    assert [parts for parts, _ in found] == [parts for parts, _ in sought]
    assert found[1][1] < sought[1][1] / 3
    assert [parts[-2] for parts, _ in found] == [1333, 1333, 1333, None]


def test_a_button_that_moves_away_below_a_finger_is_pressed(phone: Page) -> None:
    fingers = phone.context.new_cdp_session(phone)
    fingers.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    phone.evaluate(TWO_BUTTONS)

    def touch(kind: str, *points: tuple[int, int]) -> None:
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    for moves, then in ((False, ["upper"]), (True, ["upper", "upper"]), (False, ["upper", "upper", "lower"])):
        touch("touchStart", (60, 60))
        if moves:
            phone.evaluate("change()")
        touch("touchEnd")
        phone.wait_for_timeout(500)
        assert phone.evaluate("pressed") == then
    touch("touchStart", (60, 60))
    for y in (90, 120, 150, 220):
        touch("touchMove", (60, y))
    touch("touchEnd")
    phone.wait_for_timeout(500)
    assert phone.evaluate("pressed.length") == 3, "a finger that moves presses nothing"


def test_tab_and_labels_are_in_the_address(new_page: Page, app_address: str) -> None:
    new_page.goto(f"{app_address}?tab=learn&labels=rain,%20%22dog,%20small%22")
    expect(new_page.locator("#learn-cards")).to_be_visible()
    assert opened(new_page) == TITLES["learn"]
    new_page.wait_for_selector("#ensemble .main-svg", state="attached")  # drawn where nobody sees it yet
    go_to(new_page, "Classify")
    expect(new_page.locator("#labels textarea")).to_have_value('rain, "dog, small"')
    new_page.wait_for_url(lambda url: "tab=classify" in url)
    answered(new_page)
    new_page.wait_for_function(FIGURES_FIT)
    go_to(new_page, "Publish")
    new_page.wait_for_url(lambda url: "tab=publish" in url)

    new_page.go_back()
    expect(new_page.locator("#labels")).to_be_visible()
    new_page.go_back()
    expect(new_page.locator("#learn-cards")).to_be_visible()
    new_page.go_forward()
    expect(new_page.locator("#labels")).to_be_visible()
    assert opened(new_page) == TITLES["classify"]

    new_page.locator("#labels textarea").fill("one, two & three")
    new_page.wait_for_url(lambda url: "labels=one" in url)
    new_page.reload()
    expect(new_page.locator("#labels textarea")).to_have_value("one, two & three")


def test_an_address_without_a_tab_stays_as_it_is(page: Page, app_address: str) -> None:
    page.goto(app_address)
    answered(page)
    assert page.url == app_address
    page.goto(f"{app_address}?tab=nosuch")
    answered(page)
    assert opened(page) == TITLES["classify"]


def test_an_answer_that_overtakes_the_answer_to_its_question_is_not_waited_for(page: Page, app_address: str) -> None:
    questions: list[Request] = []
    streams: set[Request] = set()

    def delayed(route: Route) -> None:
        questions.append(route.request)
        answer = route.fetch()
        if len(questions) > 1:  # the first opens the stream that brings the answers to the others
            time.sleep(2)
        route.fulfill(response=answer)

    def ended(request: Request) -> None:
        streams.discard(request)

    page.on("request", lambda request: streams.add(request) if "/queue/data" in request.url else None)
    page.on("requestfinished", ended)
    page.on("requestfailed", ended)
    page.route("**/queue/join*", delayed)
    page.goto(app_address)
    answered(page)
    page.unroute("**/queue/join*")
    assert len(questions) > 1
    until = time.monotonic() + 60
    while streams and time.monotonic() < until:
        page.wait_for_timeout(500)
    assert not streams, "it holds a stream open, in which nothing comes"


def test_lists_close_when_the_keyboard_goes_on(page: Page) -> None:
    go_to(page, "Classify")
    answered(page)
    for field in ("#model-picker", "#preset", "#pack"):
        page.locator(f"{field} input").focus()
        expect(page.locator(field).get_by_role("option").first).to_be_visible()
        page.keyboard.press("Tab")
        expect(page.locator(field).get_by_role("option")).to_have_count(0)
        page.wait_for_timeout(200)  # it came back a moment later
        assert not page.locator(field).get_by_role("option").count()


def test_a_wide_page_is_in_the_middle(page: Page) -> None:
    page.set_viewport_size({"width": 1920, "height": 1080})
    left, right = page.evaluate(
        "(() => { const box = document.querySelector('#tabs').getBoundingClientRect();"
        " return [box.left, document.documentElement.clientWidth - box.right]; })()"
    )
    page.set_viewport_size({"width": 1280, "height": 800})
    assert abs(left - right) < 20
    assert left < 0.1 * 1920


def bad_things(page: Page) -> list[str]:
    """What axe finds that keeps people out, with where it is."""
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:200]} {(node['any'] or node['all'] or node['none'])[0]['message']}"
        for fault in found
        if fault["impact"] in BAD
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_serious_on_any_tab(profile: BrowserContext, app_address: str, size: tuple[int, int]) -> None:
    with visit(profile, app_address, size) as page:
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        answered(page)
        assert page.locator("h1").count() == 1
        found = {}
        for name in TITLES.values():
            go_to(page, name)
            if name == TITLES["curate"]:
                judge_some(page)
            if name == TITLES["learn"]:
                learn_the_demonstration(page)
            page.mouse.move(0, 0)
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                expect(page.locator("body.dark")).to_have_count(int(scheme == "dark"))
                page.wait_for_timeout(500)  # colours fade in
                if bad := bad_things(page):
                    found[name, scheme] = bad
    assert found == {}


def judge_some(page: Page) -> None:
    """Open the demonstration in Curate with prompts of each kind: approved, rejected, neither."""
    start, rows = page.locator("#curate-message .start button"), page.locator("#curate-table tr[data-template]")
    expect(start.or_(rows).first).to_be_visible()
    if start.count():
        start.first.click()
    expect(rows.first).to_be_visible()
    for status, key in (("approved", "a"), ("rejected", "r")):
        judged = page.locator(f'#curate-table tr[data-status="{status}"]')
        before = judged.count()  # of earlier tests, which share the pack
        page.locator('#curate-table tr[data-status="candidate"]').first.click(position={"x": 300, "y": 10})
        page.keyboard.press(key)
        expect(judged).to_have_count(before + 1)


def gather_hiss(page: Page, clip: Path) -> None:
    """Give Learn a clip."""
    go_to(page, "Learn")
    page.fill("#learn-name textarea, #learn-name input", "hiss")
    with page.expect_file_chooser() as chooser:
        page.locator("#learn-upload").click()
    chooser.value.set_files(clip)
    expect(page.locator("#learn-cards")).to_contain_text("hiss")


def test_nothing_recorded_is_thrown_away_unasked(new_page: Page, microphone_file: Path) -> None:
    asked: list[str] = []
    answers = iter([False, False, True])

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept() if next(answers, True) else dialog.dismiss()

    new_page.on("dialog", answer)
    new_page.reload()  # there is nothing to lose yet
    wait_until_ready(new_page)
    gather_hiss(new_page, microphone_file)
    assert asked == []

    new_page.get_by_role("button", name="Start over").click()
    new_page.get_by_role("tab", name="A data set").click()
    new_page.get_by_role("button", name="Load the instruments demonstration").click()
    expect(new_page.locator("#learn-cards")).to_contain_text("hiss")
    assert asked == ["confirm", "confirm"]

    new_page.reload()
    wait_until_ready(new_page)
    assert asked == ["confirm", "confirm", "beforeunload"]


def test_the_click_on_learn_counts_where_a_typed_data_set_is_asked_about(new_page: Page, microphone_file: Path) -> None:
    asked: list[str] = []

    def agree(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    new_page.on("dialog", agree)
    gather_hiss(new_page, microphone_file)
    new_page.get_by_role("tab", name="A data set").click()
    new_page.fill("#learn-where textarea, #learn-where input", "instruments")
    new_page.locator("#learn-go").click()
    expect(new_page.locator("#learn-cards")).to_contain_text("12 classes")
    expect(new_page.locator("#learn-stop")).to_be_enabled()
    assert asked == ["confirm"]
    new_page.locator("#learn-stop").click()


WATCH_WEIGHTS = """
window.weightsSeen = 0;
setInterval(() => {
    window.weightsSeen = Math.max(window.weightsSeen, document.querySelector('#weights')?.offsetHeight ?? 0);
}, 5);
"""


def test_the_field_for_weights_does_not_flash_while_the_page_opens(profile: BrowserContext, app_address: str) -> None:
    with visit(profile, app_address, script=WATCH_WEIGHTS) as page:
        answered(page)
        assert page.locator("#weights").count() == 1
        assert page.evaluate("window.weightsSeen") == 0


def test_on_a_phone_all_tabs_fit_and_progress_is_in_view_and_readable(phone: Page) -> None:
    answered(phone)
    expect(phone.locator("#terms")).to_contain_text("Vanilla is one plain prompt")
    expect(phone.locator("#terms")).to_contain_text("TSPE, the task-specific prompt ensemble,")
    expect(phone.locator("#terms")).to_contain_text("PALM learns")
    expect(phone.locator('#tabs > .tab-wrapper [role="tab"]')).to_have_text(list(TITLES.values()))

    new = (f"sound {secrets.token_hex(4)}" for _ in range(120))  # whose prompts are in no cache
    phone.locator("#labels textarea").fill(", ".join(new))
    phone.locator("button#classify").click()
    phone.wait_for_function(
        "document.querySelector('#verdict .progress-level-inner')?.getBoundingClientRect().height > 0"
    )
    phone.wait_for_function(
        "(() => { const at = document.querySelector('#verdict .progress-level')?.getBoundingClientRect();"
        " return !at || at.top >= 0 && at.bottom < innerHeight; })()"
    )
    covered = phone.evaluate(
        "['.progress-text', '.progress-level-inner', '.progress-bar-wrap', '.verdict'].map("
        " (part) => document.querySelector(`#verdict ${part}`)?.getBoundingClientRect()).filter(Boolean).sort("
        " (a, b) => a.top - b.top).some((at, k, all) => k && all[k - 1].bottom > at.top + 1)"
    )
    assert not covered


def test_listeners_of_one_change_do_not_wake_each_other_for_ever(page: Page) -> None:
    go_to(page, "Generate")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    expect(page.locator("#generator input").first).to_be_visible()
    page.evaluate(  # faster than they are answered, as when a page comes back to what was chosen before
        """async () => {
            for (let number = 0; number < 30; number++) {
                document.querySelectorAll('#generator input')[(number + 1) % 2].click();
                await new Promise((go) => setTimeout(go, 15));
            }
        }"""
    )
    page.wait_for_timeout(1_000)
    assert asked, "what is remembered of it is asked of the server"
    for _ in range(30):
        before = len(asked)
        page.wait_for_timeout(2_000)
        if len(asked) == before:
            break
    assert len(asked) == before, f"{len(asked)} requests, and no end"


def test_table_judge_and_legend_of_curate_are_in_view(page: Page) -> None:
    go_to(page, "Curate")
    judge_some(page)
    for part in ("#curate-table", "#curate-side .side", "#curate-side .keys"):
        expect(page.locator(part)).to_be_in_viewport(ratio=1)  # whole, also while it is being drawn anew
