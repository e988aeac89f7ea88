"""Proxies that the environment names: whatever is there, the app starts and hears itself, and errors name the proxy."""

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from audioprompt.prompts.generators import GenerationError, Task
from audioprompt.prompts.generators.openai import ChatService
from audioprompt.util import proxies
from tests.openai_server import KEY, Reply, chat_servers

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
DEAD = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in NAMES:
        for spelling in (name, name.upper()):
            monkeypatch.setenv(spelling, "")  # so that it is put back, whoever takes it out
            monkeypatch.delenv(spelling)
    yield


@pytest.mark.parametrize(
    "environment",
    [
        {"ALL_PROXY": "socks://127.0.0.1:7891/"},
        {"ALL_PROXY": "socks5://127.0.0.1:7891"},
        {"all_proxy": "socks4a://127.0.0.1:7891", "ALL_PROXY": "socks5h://u:p@127.0.0.1:7891"},
        {"http_proxy": DEAD},
        {"HTTP_PROXY": DEAD, "HTTPS_PROXY": DEAD, "ALL_PROXY": DEAD},
        {"HTTP_PROXY": "127.0.0.1:9"},
        {"HTTP_PROXY": "http://127.0.0.1:99999", "https_proxy": "http://[::1"},
        {"HTTPS_PROXY": "ftp://127.0.0.1:9", "http_proxy": "quic://127.0.0.1:9"},
        {"NO_PROXY": "localhost,[::1]"},
        {"http_proxy": DEAD, "NO_PROXY": "localhost,[::1]"},
        {"http_proxy": DEAD, "no_proxy": "[fe80::1]:80, ::1/128, localhost:*, <local>, 10.0.0.0/8, .corp, *.lan, a:b"},
    ],
)
def test_clients_can_be_made_and_reach_this_machine(environment: dict[str, str], monkeypatch: Any) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with warnings.catch_warnings(), chat_servers() as start:
        warnings.simplefilter("ignore")
        proxies.make_usable()
        server = start(Reply())
        for host in ("127.0.0.1", "localhost"):
            answer = httpx.post(f"http://{host}:{server.server.server_address[1]}/nowhere", json={"model": "parrot"})
            assert answer.status_code == 404 and "no such path" in answer.text
        httpx.Client(base_url="https://example.org")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("socks5://me:secret@127.0.0.1:7891", "pip install socksio PySocks"),
        ("quic://me:secret@127.0.0.1:9", "quic:// is not a kind of proxy that can be used here"),
        ("http://me:secret@:9", "it is not the address of a proxy"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_a_warning(value: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "_speaks_socks", lambda: False)
    monkeypatch.setenv("ALL_PROXY", value)
    with pytest.warns(UserWarning, match=words) as caught:
        proxies.make_usable()
    assert "secret" not in str(caught[0].message) and str(caught[0].message).startswith("ALL_PROXY is ignored: ")
    assert "ALL_PROXY" not in os.environ


def test_socks_is_used_where_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "_speaks_socks", lambda: True)
    environment = {"ALL_PROXY": "socks://127.0.0.1:7891/", "https_proxy": "socks5h://127.0.0.1:7891"}
    proxies.make_usable(environment)
    assert environment["ALL_PROXY"] == "socks5://127.0.0.1:7891/"
    assert environment["https_proxy"] == "socks5h://127.0.0.1:7891"


def test_what_people_named_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "intra.example, *.lan,[::1]"}
    proxies.make_usable(environment)
    assert environment["NO_PROXY"] == environment["no_proxy"] == "intra.example,*.lan,::1,localhost,127.0.0.1"
    before = {"PATH": "/bin", "NO_PROXY": "[::1]"}
    proxies.make_usable(untouched := dict(before))
    assert untouched["PATH"] == "/bin" and untouched["NO_PROXY"] == "::1,localhost,127.0.0.1"


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({"https_proxy": "http://me:secret@proxy:3128"}, "https://api.openai.com/v1", "proxy:3128"),
        ({"https_proxy": "http://proxy:3128"}, "http://api.openai.com/v1", None),
        ({"ALL_PROXY": "proxy:3128"}, "http://api.openai.com/v1", "proxy:3128"),
        ({"ALL_PROXY": "http://proxy:1", "no_proxy": ".openai.com"}, "https://api.openai.com/v1", None),
    ],
)
def test_which_proxy_is_asked(environment: dict[str, str], url: str, proxy: str | None, monkeypatch: Any) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxies.proxy_for(url) == proxy


# --- a chat service behind a proxy ------------------------------------------------------------------------------------


def asked(url: str) -> str:
    service = ChatService("parrot", url, KEY, timeout=5)
    service._client.max_retries = 0
    with pytest.raises(GenerationError) as caught:
        service.ideas(Task(None))
    return str(caught.value)


def test_a_broken_proxy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:9")
    said = asked("http://chat.example/v1")
    assert said.startswith("chat.example cannot be reached through the proxy 127.0.0.1:9, which the environment names")
    assert "NO_PROXY" in said and "secret" not in said


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply("Host unknown", status=502), "is having problems (error 502: Host unknown)"),
        (Reply(raw="<html>Access denied</html>", status=403), "does not let this key use parrot"),
        (Reply(raw="<html>Please sign in</html>", status=200), "cannot be read"),
        (Reply(raw="", status=407), "The proxy {proxy} requires a sign-in"),
    ],
)
def test_what_a_proxy_answers_is_not_only_the_services_fault(reply: Reply, words: str, monkeypatch: Any) -> None:
    with chat_servers() as start:
        proxy = start(reply)
        proxy.path = "http://chat.example/v1/chat/completions"  # as a proxy is asked
        at = f"127.0.0.1:{proxy.server.server_address[1]}"
        monkeypatch.setenv("HTTP_PROXY", f"http://{at}")
        said = asked("http://chat.example/v1")
    assert words.format(proxy=at) in said and at in said


def test_a_service_on_this_machine_needs_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", DEAD)
    with chat_servers() as start:
        server = start(Reply('{"attributes": ["loud"], "sources": ["hall"]}'))
        assert ChatService("parrot", server.url, KEY).ideas(Task(None)).attributes == ("loud",)
        assert ChatService("parrot", server.url.replace("127.0.0.1", "localhost"), KEY).ideas(Task(None)).sources


# --- the app ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["ALL_PROXY=socks://127.0.0.1:7891/", "http_proxy=http://127.0.0.1:9"])
@pytest.mark.slow
def test_the_page_and_the_shell_start(variable: str, tmp_path: Path) -> None:
    """Importing the page makes Gradio's client, and its check of its own address goes through no proxy."""
    code = (
        "import audioprompt.ui.app as app, gradio as gr, httpx\n"
        "with gr.Blocks() as page: gr.Markdown('here')\n"
        "_, address, _ = page.launch(prevent_thread_lock=True, quiet=True, inbrowser=False)\n"
        "print(httpx.get(address).status_code)\n"
        "page.close()\n"
    )
    name, _, value = variable.partition("=")
    environment = {**os.environ, name: value, "AUDIOPROMPT_STORE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "200" in done.stdout.splitlines(), done.stderr
    shell = subprocess.run(
        [sys.executable, "-m", "audioprompt", "generate", "--count", "1", "--dry-run"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert shell.returncode == 0, shell.stderr
    assert ("ALL_PROXY is ignored" in shell.stderr) == (name == "ALL_PROXY")
