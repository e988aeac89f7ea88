"""Asks a service that speaks OpenAI's chat API, reads its answer while it comes, and says in words what went wrong.

The key goes to the service and nowhere else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import httpx2
import openai
from pydantic import JsonValue

from audioprompt.prompts.chat.addresses import OPENAI_URL, ServiceAddress
from audioprompt.prompts.chat.answers import Item, ListReader
from audioprompt.prompts.chat.events import error_in, events, messages, model_of, reason_of, refuses, text_of, thinks
from audioprompt.prompts.chat.refusals import Refused, seconds_of
from audioprompt.prompts.generators.base import GenerationError
from audioprompt.prompts.pack import MAX_SAID, Exchange
from audioprompt.util import proxies
from audioprompt.util.text import one_line

LONGEST_ANSWER = 100_000  # characters
LONGEST_WAIT = 20.0  # seconds that the client waits where a service asks it to
RETRIES = 2  # of the client, after 429, 5xx and failures to connect
_CUT = ("length", "max_tokens", "model_length", "max_output_tokens")
_DECLINED = ("content_filter", "refusal", "refused", "safety", "prohibited_content", "recitation", "blocklist")


class ChatClient:
    """Asks a service that speaks OpenAI's chat API: OpenAI, Azure, OpenRouter, vLLM, Ollama, LM Studio and others.

    The answer is asked for as JSON of a given schema and is read while it comes. A service that refuses the schema, the
    temperature, the seed or a stream is asked without; what it is asked for in words is the same. One that is not where
    the address says is looked for at ``/v1`` of the same host.

    Args:
        model: the service's name for it.
        base_url: address of the service, like ``http://localhost:11434/v1``; if None that in the environment variable
            ``OPENAI_BASE_URL``, else OpenAI's. A user and password in it are dropped, as is ``/chat/completions``.
        api_key: if None that in the environment variable ``OPENAI_API_KEY``, which is sent to the address of the
            environment and to no other. The organisation and project of the environment go to OpenAI only, and only
            with the key of the environment.
        temperature: None for the model's own.
        seed: None for none.
        timeout: seconds without a sign from the service after which it is given up.

    Attributes:
        exchanges: every request with what was read of its answer, in their order; the key is in none.

    Raises:
        GenerationError: there is no model, no key for OpenAI, or an address or key that cannot be one.
    """

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        api_key: str | None = None,
        temperature: float | None = 0.7,
        seed: int | None = 0,
        timeout: float = 60.0,
    ) -> None:
        home = ServiceAddress.parse(os.environ.get("OPENAI_BASE_URL") or OPENAI_URL)
        self.model = one_line(model)
        self.address = ServiceAddress.parse(base_url) if base_url else home
        self.timeout = timeout
        self.notice: str | None = None
        self.exchanges: list[Exchange] = []
        self._options: dict[str, Any] = {"temperature": temperature, "seed": seed}
        self._left_out: set[str] = set()  # options that the service does not take
        own = os.environ.get("OPENAI_API_KEY", "").strip() if self.address == home else ""
        key = (api_key or own).strip()
        if not self.model:
            raise GenerationError("No model is named: enter the name that the service uses for it.")
        if not key and self.address.is_openai:
            raise GenerationError("OpenAI requires a key: enter one, set OPENAI_API_KEY, or use another address.")
        if not re.fullmatch(r"[!-~]*", key):
            raise GenerationError("The key contains characters that keys do not have: copy it again.")
        self._has_key = bool(key)
        self._without_key = _redaction(key)
        proxies.make_usable()
        self._client = _client(self.address, key, timeout, ours=bool(key) and key == own)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.settings})"

    @property
    def base_url(self) -> str:
        """The address that is asked."""
        return self.address.text

    @property
    def host(self) -> str:
        """The service as messages name it."""
        return self.address.host

    @property
    def settings(self) -> dict[str, JsonValue]:
        """Model, address, temperature and seed; the last two are None where the service does not take them."""
        options = {name: None if name in self._left_out else value for name, value in self._options.items()}
        return {"model": self.model, "base_url": self.base_url, **options}

    def items(self, request: str, names: Sequence[str]) -> Iterator[Item]:
        """Yield the items of the lists asked for, each as soon as it is complete where the answer is well-formed.

        Raises:
            GenerationError: the service failed, or wrote none; what came before is good.
        """
        reader, answer = ListReader(names), Answer()
        failure: GenerationError | None = None
        some = False
        try:
            for piece in self._pieces(answer, request, names):
                for item in reader.feed(piece):
                    some = True
                    yield item
                if reader.complete:
                    return
        except GenerationError as error:
            failure = error
        finally:
            if answer.begun:
                self.exchanges.append(self._exchange(request, answer))
        for item in reader.finish():
            some = True
            yield item
        if not failure and (said := self._ending(answer, reader, some)):
            failure = GenerationError(said)
        if failure:
            raise failure

    def _pieces(self, answer: Answer, request: str, names: Sequence[str]) -> Iterator[str]:
        """Yield the pieces of the service's answer, as they come; ``answer`` is told what they say besides.

        Raises:
            GenerationError: the service failed. Raised outside of the handler, so that no trace leads to the client's
                own exception, which may quote what was sent.
        """
        length = 0
        try:
            with self._open(request, names) as found:
                for event in found:
                    if (reported := error_in(event)) is not None:
                        raise Refused(reported)
                    answer.model = answer.model or model_of(event)
                    for message, ended in messages(event):
                        answer.take(message, ended)
                        piece = text_of(message)
                        answer.pieces.append(piece)
                        length += len(piece)
                        yield piece
                    if length > LONGEST_ANSWER:
                        break
            return
        except Refused as refusal:
            failure = self._refusal(refusal)
        except (openai.APITimeoutError, httpx2.TimeoutException, TimeoutError):
            failure = f"{self.host} did not respond for {self.timeout:g} s: try again, or allow more time."
        except (openai.APIConnectionError, httpx2.HTTPError, httpx2.StreamError, OSError, EOFError):
            failure = self._no_connection(answer.begun)
        except (openai.OpenAIError, ValueError, AttributeError, TypeError):  # nobody has checked the types
            failure = f"{self.host} sent an answer that cannot be read: check that its address is right."
        raise GenerationError(failure + self._about_proxy(failure))

    def _exchange(self, request: str, answer: Answer) -> Exchange:
        """Return what was asked and answered as a pack can hold it: without the key, as text that can be written."""
        said, model = (
            self._without_key(text).encode(errors="replace").decode() for text in ("".join(answer.pieces), answer.model)
        )
        return Exchange(request=request[:MAX_SAID], answer=said[:MAX_SAID], model=one_line(model)[:200] or None)

    @contextmanager
    def _open(self, request: str, names: Sequence[str]) -> Iterator[Iterator[Any]]:
        """Send a request and give the events that come back. What is refused for an option is sent without it."""
        left_out, address, retries = set(self._left_out), self.address, self._client.max_retries
        others = address.others()
        first: Refused | None = None  # at the address that was given
        try:
            while True:
                try:
                    response, found = self._send(request, names)
                    break
                except Refused as refusal:
                    if refusal.is_elsewhere and (other := next(others, None)):
                        first = first or refusal
                        self._move(other)
                        continue
                    option = refusal.option_to_blame(self._sent(names))
                    if option is None:
                        self._left_out = left_out  # they were not to blame
                        self._move(address)
                        raise first or refusal from None
                self._left_out.add(option)
                self._client.max_retries = 0  # that it is a passing failure has been ruled out
        finally:
            self._client.max_retries = retries
        with closing(response):
            yield found

    def _send(self, request: str, names: Sequence[str]) -> tuple[Any, Iterator[Any]]:
        """Send a request once; the response, and the events in it.

        Raises:
            Refused: the service reports an error, before anything else.
        """
        options = self._sent(names)
        whole = {"stream": False} if options.pop("stream", None) is None else {}
        try:
            response = self._client.chat.completions.create(
                model=self.model,
                messages=[{"role": "user", "content": request}],
                stream=True,
                extra_body=whole,
                **options,
            ).response
        except openai.APIStatusError as error:
            moved = error.response.history and one_line(str(error.response.url.copy_with(query=None)))
            raise Refused(error.body, error.status_code, error.response.headers, moved or None) from None
        found = events(response.iter_bytes(), patience=10 * self.timeout)
        try:
            first = next(found, None)
            if (reported := error_in(first)) is not None:
                raise Refused(reported)
        except BaseException:
            response.close()
            raise
        return response, found if first is None else chain([first], found)

    def _sent(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the options of a request that the service has not refused so far."""
        options = {"response_format": _schema(names), **self._options, "stream": True}
        return {name: value for name, value in options.items() if value is not None and name not in self._left_out}

    def _move(self, address: ServiceAddress) -> None:
        self.address, self._client.base_url = address, address.base

    # --- what went wrong, in words

    def _ending(self, answer: Answer, reader: ListReader, some: bool) -> str | None:
        """Say what went wrong with an answer that came to an end, None if nothing did."""
        if answer.ended in _CUT:
            before = "" if reader.wrote else " before it had begun"
            return (
                f"The answer of {self.model} was cut off by its token limit{before}: ask for fewer, or raise the limit."
            )
        if answer.refused or answer.ended in _DECLINED:
            return f"{self.model} declined to answer: check the labels, or try another model."
        if not answer.begun:
            return f"{self.host} sent no answer: check that its address is right; most end in /v1."
        if not reader.wrote and (answer.thought or reader.thought):
            return f"{self.model} thought, but wrote no answer: raise its token limit, or let it think less."
        if not answer.ended and reader.is_cut:
            return f"The connection to {self.host} broke off: try again."
        if not some:
            return (
                f"{self.model} did not answer in the format asked for: try again, or a model that follows instructions."
            )
        return None

    def _refusal(self, refusal: Refused) -> str:
        """Write one sentence for an error that the service, or what is in front of it, reports."""
        status = refusal.status
        reason = self._without_key(one_line(reason_of(refusal.body)))[:200].strip()
        because = f" ({reason.rstrip('.')})" if reason else ""
        if refusal.moved_to:
            return f"{self.host} redirects requests to {self._without_key(refusal.moved_to)}: use that address."
        if status == 401:
            return (
                f"{self.host} does not accept the key: check it."
                if self._has_key
                else f"{self.host} requires a key: enter one."
            )
        if status == 407:
            proxy = proxies.proxy_for(self.address.base) or "in front of it"
            return (
                f"The proxy {proxy} requires a sign-in: add the user and password to its address, in the environment."
            )
        if refusal.wants_credit:
            return f"The account at {self.host} has no credit left: top it up, or use another service."
        if status == 403:
            return f"{self.host} does not let this key use {self.model}{because}: check the key's rights."
        if status in (404, 405) and not refusal.names_no_model:
            return f"{self.host} has no chat service at {self.base_url}{because}: check the address; most end in /v1."
        if refusal.names_no_model:
            asked = f"{self.model!r} at {self.base_url}"
            return f"{self.host} does not know the model {asked}: check the name and the address."
        if status == 429:
            return f"{self.host} is busy: try again in {refusal.wait}."
        if status is not None and status >= 500:
            said = f": {reason.rstrip('.')}" if reason else ""
            return f"{self.host} is having problems (error {status}{said}): try again later."
        return f"{self.host} refused the request: {reason.rstrip('.') or 'it gave no reason'}."

    def _no_connection(self, begun: bool) -> str:
        if begun:
            return f"The connection to {self.host} broke off: try again."
        if proxy := proxies.proxy_for(self.address.base):
            return (
                f"{self.host} cannot be reached through the proxy {proxy}, which the environment names: check that it "
                "runs, or name the service's host in NO_PROXY."
            )
        return f"{self.host} cannot be reached: check the address, and that the service runs."

    def _about_proxy(self, failure: str) -> str:
        """Say that a proxy may be what failed, where one is asked and not mentioned yet."""
        proxy = proxies.proxy_for(self.address.base)
        if not proxy or proxy in failure:
            return ""
        return f" It was asked through the proxy {proxy}."


@dataclass
class Answer:
    """What an answer says besides its text.

    Attributes:
        begun: whether there was a message, or a piece of one.
        thought: whether the model thought aloud.
        refused: whether it declined to answer.
        ended: why the answer ended, empty if nobody said.
        model: who answered, empty if nobody said.
        pieces: its text, as it came.
    """

    begun: bool = False
    thought: bool = False
    refused: bool = False
    ended: str = ""
    model: str = ""
    pieces: list[str] = field(default_factory=list)

    def take(self, message: Mapping[str, Any], ended: str) -> None:
        self.thought = self.thought or thinks(message)
        self.refused = self.refused or refuses(message)
        self.begun = True
        self.ended = ended or self.ended


def _client(address: ServiceAddress, key: str, timeout: float, ours: bool) -> openai.OpenAI:
    """Make a client for an address; what the environment says of an account goes along only with its key, to OpenAI."""
    headers: dict[str, Any] = {}
    if not (ours and address.is_openai):
        custom = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
        headers |= {line.partition(":")[0].strip(): openai.Omit() for line in custom if ":" in line}
        headers |= {"OpenAI-Organization": openai.Omit(), "OpenAI-Project": openai.Omit()}
    if address.is_azure and key:
        headers["api-key"] = key
    return openai.OpenAI(
        api_key=key or "none",
        base_url=address.base,
        timeout=timeout,
        max_retries=RETRIES,
        default_headers=headers,
        default_query=dict(address.query),
        # a header of our own would be sent on to whatever host a redirect names
        http_client=openai.DefaultHttpxClient(
            follow_redirects=not address.is_azure, timeout=timeout, event_hooks={"response": [_no_long_wait]}
        ),
    )


def _no_long_wait(response: httpx2.Response) -> None:
    """Have the client report a service that wants to be left alone for long, where it would wait without a word."""
    if (seconds_of(response.headers.get("retry-after")) or 0) > LONGEST_WAIT:
        response.headers["x-should-retry"] = "false"


def _schema(lists: Sequence[str]) -> dict[str, Any]:
    """Make the ``response_format`` for an object that holds these lists of strings."""
    strings = {"type": "array", "items": {"type": "string"}}
    schema = {
        "type": "object",
        "properties": dict.fromkeys(lists, strings),
        "required": list(lists),
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "_and_".join(lists), "strict": True, "schema": schema}}


def _redaction(key: str) -> Callable[[str], str]:
    """Make a function that takes a key, and every larger piece of it, out of a text."""
    pieces = {key[start : start + 8] for start in range(len(key) - 7)}

    def is_secret(word: str) -> bool:
        return word == key or any(piece in word for piece in pieces)  # short ones, like "none", are not secrets

    return lambda text: re.sub(r"\S+", lambda word: "[key]" if is_secret(word[0]) else word[0], text)
