"""The address of a chat service, from whatever a person pastes.

>>> ServiceAddress.parse(" https://user:secret@host/v1/chat/completions?key=secret ").text
'https://host/v1'
>>> ServiceAddress.parse("https://x.openai.azure.com/openai/deployments/gpt/?api-version=2024-10-21").text
'https://x.openai.azure.com/openai/deployments/gpt?api-version=2024-10-21'
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from audioprompt import settings
from audioprompt.prompts.generators.base import GenerationError

OPENAI_URL = settings.OPENAI_URL.default
OPENAI_HOST = urlsplit(OPENAI_URL).hostname
_QUERY = ("api-version",)  # what of a query is kept; anything else may be a key
# Of single things that a service offers; the client adds the one it asks for.
_ENDPOINT = re.compile(r"(?:/(?:chat/completions|completions|responses|models|embeddings|chat|generate))?/*$")


@dataclass(frozen=True)
class ServiceAddress:
    """Where a service is asked, without a user, password, fragment and anything in its query that may be a key.

    Attributes:
        base: what the client takes, like ``https://api.openai.com/v1``.
        query: its query; Azure's addresses have the version of its API there.
    """

    base: str
    query: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, url: str) -> ServiceAddress:
        """Read an address, that of one endpoint included.

        Raises:
            GenerationError: it is not a web address. The address, which may hold a password, is not repeated.
        """
        try:
            parts = urlsplit(url.strip().strip("\"'<>`").strip())
            host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
            port = f":{parts.port}" if parts.port else ""
            usable = parts.scheme in ("http", "https") and bool(host) and "@" not in parts.path
        except ValueError:
            usable = False
        if not usable:
            raise GenerationError("The address of the service cannot be used: give one like http://localhost:11434/v1.")
        path = _ENDPOINT.sub("", re.sub(r"//+", "/", parts.path))
        query = tuple((name, value) for name, value in parse_qsl(parts.query) if name.lower() in _QUERY)
        return cls(f"{parts.scheme}://{host}{port}{path}", query)

    @property
    def text(self) -> str:
        """The address as people read it."""
        return f"{self.base}?{urlencode(self.query)}" if self.query else self.base

    @property
    def host(self) -> str:
        """Host and port."""
        return urlsplit(self.base).netloc

    @property
    def is_openai(self) -> bool:
        """Whether it is OpenAI's own."""
        parts = urlsplit(self.base)
        return parts.scheme == "https" and parts.netloc in (OPENAI_HOST, f"{OPENAI_HOST}:443")

    @property
    def is_azure(self) -> bool:
        """Whether the service is asked in Azure's manner, with the key in a header of its own."""
        return bool(self.query) or self.host.partition(":")[0].endswith((".azure.com", ".azure-api.net"))

    def others(self) -> Iterator[ServiceAddress]:
        """Where else the service may be if it is not here: most are asked at an address that ends in /v1."""
        if not (self.query or re.search(r"/v\d", self.base)):
            yield ServiceAddress(f"{self.base}/v1")
            if self.base.endswith("/api"):
                yield ServiceAddress(f"{self.base.removesuffix('/api')}/v1")
