"""How Gradio's scripts reach the browser: mended, kept there, and packed for those who may be far away."""

from collections.abc import Callable

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from audioprompt.server.gradio_patches import assets

NAMES = sorted(path.name for path in assets.ASSETS.iterdir())
MENDED = next(name for name in NAMES if name.startswith("Blocks-") and name.endswith(".js"))
SCRIPT = next(name for name in NAMES if name.startswith("StaticAudio-") and name.endswith(".js"))
FONT = next(name for name in NAMES if name.endswith(".woff2"))
PAGE = "a page " * 1000


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer everything with a page."""
    await PlainTextResponse(PAGE)(scope, receive, send)


@pytest.fixture
def client() -> Callable[[bool], TestClient]:
    return lambda far: TestClient(assets.Assets(page, far=far))


@pytest.mark.parametrize("far", [False, True])
@pytest.mark.parametrize("name", [MENDED, SCRIPT, FONT])
def test_they_are_gradio_s_own_or_mended_however_they_travel(
    client: Callable[[bool], TestClient], name: str, far: bool
) -> None:
    own = (assets.ASSETS / name).read_bytes()
    got = client(far).get(f"/assets/{name}")
    assert got.status_code == 200
    assert (got.content == own) == (name != MENDED)
    assert got.headers["content-encoding"] == ("gzip" if far and name != FONT else "identity")
    assert got.headers["content-type"].startswith("font/woff2" if name == FONT else ("application/javascript", "text/"))
    plain = client(far).get(f"/assets/{name}", headers={"accept-encoding": "identity"})
    assert plain.headers["content-encoding"] == "identity" and plain.content == got.content


def test_a_browser_keeps_them_and_asks_again_for_those_that_may_change(client: Callable[[bool], TestClient]) -> None:
    browser = client(False)
    kept, mended = (browser.get(f"/assets/{name}").headers for name in (SCRIPT, MENDED))
    assert "max-age" in kept["cache-control"] and mended["cache-control"] == "no-cache"
    assert kept["etag"] != mended["etag"]
    again = browser.get(f"/assets/{MENDED}", headers={"if-none-match": mended["etag"]})
    assert again.status_code == 304 and again.content == b""
    other = browser.get(f"/assets/{MENDED}", headers={"if-none-match": kept["etag"]})
    assert other.status_code == 200


@pytest.mark.parametrize("path", ["/assets/", "/assets/none.js", "/assets/..%2Findex.html", f"/other/{SCRIPT}"])
def test_everything_else_is_answered_by_the_app(client: Callable[[bool], TestClient], path: str) -> None:
    assert client(False).get(path).text == PAGE
    assert client(False).post(f"/assets/{SCRIPT}").text == PAGE


def test_the_page_is_packed_for_those_who_may_be_far_away(client: Callable[[bool], TestClient]) -> None:
    for path, packed in [("/", True), ("/gradio_api/run/predict", True), ("/config", True), ("/file=a.wav", False)]:
        got = client(True).get(path)
        assert got.text == PAGE and (got.headers.get("content-encoding") == "gzip") == packed
        assert "content-encoding" not in client(False).get(path).headers


def test_the_page_is_packed_below_a_prefix_too() -> None:
    browser = TestClient(assets.Assets(page, far=True), root_path="/audio")
    for path in ("/audio/", "/"):  # as a proxy leaves it, or takes it away
        assert browser.get(path).headers.get("content-encoding") == "gzip"
