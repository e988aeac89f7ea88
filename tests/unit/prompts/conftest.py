"""A chat service on this machine, for whoever talks to one, and nothing of this machine's own settings for one."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from audioprompt.prompts.generators.openai import ChatService
from tests.openai_server import KEY, ChatServer, Reply, chat_servers


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[ChatService, ChatServer]]]:
    """Start a server that gives these replies in turn, and a generator that talks to it; retries wait briefly."""
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    with chat_servers() as start:

        def talking(*replies: Reply, **settings: Any) -> tuple[ChatService, ChatServer]:
            server = start(*replies)
            return ChatService(**({"model": "parrot", "base_url": server.url, "api_key": KEY} | settings)), server

        yield talking
