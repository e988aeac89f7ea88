"""Files given by their address: from public machines alone, within bounds, and from this app's own uploads."""

import socket
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from gradio import processing_utils

from audioprompt.server import fetching
from audioprompt.server.fetching import Refused, fetched
from audioprompt.server.gradio_patches import files
from tests.serving import awaited

SOUND = b"RIFF and so on"


class Elsewhere(BaseHTTPRequestHandler):
    """A server with a recording, a large file, an error and some redirects."""

    def do_GET(self) -> None:
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/") if "http" in self.path else "/rain.wav")
            self.end_headers()
        elif self.path == "/round":
            self.send_response(302)
            self.send_header("Location", "/round")
            self.end_headers()
        elif self.path in ("/rain.wav", "/large.wav", "/"):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(SOUND if self.path != "/large.wav" else bytes(200_000))
        else:
            self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server on this machine that counts as public, as no other does."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    check = fetching._public

    async def public(url: str) -> httpx.AsyncBaseTransport | None:
        return None if url.startswith(address) else await check(url)

    monkeypatch.setattr(fetching, "_public", public)
    yield address
    server.shutdown()
    server.server_close()


NAMES = {"mixed.test": ["10.0.0.7", "93.184.215.14"], "inside.test": ["fd00::7", "10.0.0.7"]}


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No test leaves the machine: names are looked up here, and public addresses lead to a stand-in that notes them."""
    reached: list[str] = []

    async def resolve(host: str) -> list[str]:
        if host in NAMES:
            return NAMES[host]
        return [str(found[-1][0]) for found in socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)]

    def transport(ip: str) -> httpx.AsyncBaseTransport:
        reached.append(ip)
        return httpx.MockTransport(lambda _: httpx.Response(200, stream=httpx.ByteStream(SOUND)))

    monkeypatch.setattr(fetching, "_resolve", resolve)
    monkeypatch.setattr(fetching.safehttpx, "AsyncSecureTransport", transport)
    return reached


def fetch(address: str, cache: Path) -> Path:
    return Path(awaited(fetched(address, str(cache))))


@pytest.mark.parametrize("path", ["/rain.wav", "/to/rain.wav"])
def test_a_public_file_is_fetched_and_keeps_its_name(elsewhere: str, tmp_path: Path, path: str) -> None:
    file = fetch(elsewhere + path, tmp_path)
    assert file.read_bytes() == SOUND and file.name == "rain.wav" and file.is_relative_to(tmp_path)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "10.0.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
        *("[::1]", "[fd00::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "inside.test"),
        *("168.63.129.16", "192.0.0.192", "192.0.0.1", "100.100.100.200", "192.88.99.1", "198.18.0.1", "203.0.113.9"),
        *("240.0.0.1", "255.255.255.255", "[fd00:ec2::254]", "[fe80::1%251]", "[fec0::1]", "[ff0e::1]", "[100::1]"),
        *("[2002:a00:1::1]", "[2001:0:a00:1::1]", "[2001:db8::1]", "[3fff::1]", "[5f00::1]", "[::10.0.0.1]"),
        *("[64:ff9b::a00:1]", "[64:ff9b:1::a00:1]", "[::ffff:168.63.129.16]"),
    ],
)
def test_addresses_that_are_not_public_are_refused_however_they_are_written(
    tmp_path: Path, asked: list[str], host: str
) -> None:
    with pytest.raises(Refused, match=r"not a public address|there is no answer"):
        fetch(f"http://{host}/rain.wav", tmp_path)
    assert asked == []


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("93.184.215.14", "93.184.215.14"),
        ("[2606:2800:21f:cb07::1]", "2606:2800:21f:cb07::1"),
        ("[64:ff9b::5db8:d70e]", "64:ff9b::5db8:d70e"),
        ("mixed.test", "93.184.215.14"),
    ],
)
def test_a_public_address_is_reached_as_it_was_when_it_was_checked(
    tmp_path: Path, asked: list[str], host: str, reached: str
) -> None:
    assert fetch(f"http://{host}/rain.wav", tmp_path).read_bytes() == SOUND
    assert asked == [reached]


def test_a_redirect_leads_to_no_private_address(elsewhere: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"http://10\.0\.0\.1/ cannot be fetched: it is not a public address"):
        fetch(f"{elsewhere}/to/http://10.0.0.1/", tmp_path)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("/nothing.wav", "its server says 404"),
        ("/round", "too many redirects"),
        ("/large.wav", "it is over 0 MB"),
        ("http://nowhere.invalid/rain.wav", "there is no answer"),
        ("ftp://example.org/rain.wav", "only http and https"),
        ("http:///rain.wav", "only http and https"),
        ("http://[/rain.wav", "there is no answer"),
    ],
)
def test_what_cannot_be_fetched_is_said_and_leaves_nothing(
    elsewhere: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, why: str
) -> None:
    monkeypatch.setattr(fetching, "MAX_FILE_BYTES", 100_000)
    with pytest.raises(Refused, match=why) as refused:
        fetch(elsewhere + address if address.startswith("/") else address, tmp_path)
    assert refused.value.print_exception is False
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_who_still_reads_a_file_is_not_disturbed_by_others_who_fetch_it(
    elsewhere: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, seen = fetch(f"{elsewhere}/rain.wav", tmp_path), []

    async def pieces(_: httpx.Response) -> AsyncIterator[bytes]:
        for piece in (b"RIFF and", b" more"):
            yield piece
            seen.append(file.read_bytes())

    monkeypatch.setattr(httpx.Response, "aiter_raw", pieces)
    monkeypatch.setattr(fetching, "MAX_FILE_BYTES", 10)
    with pytest.raises(Refused, match="it is over"):
        fetch(f"{elsewhere}/rain.wav", tmp_path)
    assert seen == [SOUND] and file.read_bytes() == SOUND


def test_an_answer_that_takes_too_long_is_not_waited_for(
    elsewhere: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "MAX_SECONDS", 0.0)
    with pytest.raises(Refused, match="it took too long"):
        fetch(f"{elsewhere}/rain.wav", tmp_path)


def test_what_was_uploaded_here_is_found_by_its_address_and_nothing_else_is(tmp_path: Path) -> None:
    cache = tmp_path / "gradio"
    (cache / "abc").mkdir(parents=True)
    uploaded, other = cache / "abc" / "my rain.wav", tmp_path / "other.wav"
    for file in (uploaded, other):
        file.write_bytes(SOUND)
    address = "http://127.0.0.1:7860/gradio_api/file="
    assert fetch(f"{address}{uploaded}".replace(" ", "%20"), cache) == uploaded
    (cache / "link.wav").symlink_to(other)
    for outside in (other, cache / ".." / "other.wav", cache / "link.wav", cache / "none.wav"):
        with pytest.raises(Refused, match="not a public address"):
            fetch(f"{address}{outside}", cache)


def test_gradio_fetches_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing_utils, "async_ssrf_protected_download", None)
    files.fetch_with(fetched)
    assert processing_utils.async_ssrf_protected_download is fetched
