"""Candidates from a service that speaks OpenAI's chat API, read while they come. The key goes nowhere else.

Imported where a service is asked, and only there: the client takes most of a second.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import openai
from pydantic import JsonValue

from audioprompt.lines import one_line
from audioprompt.prompts.generate import (
    COUNT,
    OPENAI_URL,
    GenerationError,
    Ideas,
    Task,
    candidates_request,
    fit,
    ideas_request,
)
from audioprompt.prompts.template import SLOT, Template, TemplateError

REQUESTS = 2  # a service that wrote too few candidates is asked once more, for the rest
STUCK_AFTER = 20  # lines left out in a row, then a service is not listened to any longer
LONGEST_ANSWER = 100_000  # characters
RETRIES = 2  # of the client, after 429, 5xx and failures to connect


class ChatService:
    """Asks a service that speaks OpenAI's chat API: OpenAI, OpenRouter, vLLM, Ollama and others.

    The answer is asked for as JSON of a given schema and is read while it comes. A service that refuses the schema, the
    temperature or the seed is asked without; what it is asked for in words is the same.

    Args:
        model: the service's name for it.
        base_url: address of the service, like ``http://localhost:11434/v1``; if None that in the environment variable
            ``OPENAI_BASE_URL``, else OpenAI's. A user and password in it are dropped.
        api_key: if None that in the environment variable ``OPENAI_API_KEY``, which is sent to the address of the
            environment and to no other.
        temperature: None for the model's own.
        seed: None for none.
        timeout: seconds without a sign from the service after which it is given up.

    Raises:
        GenerationError: there is no model, no key for OpenAI, or an address or key that cannot be one.
    """

    name = "chat service"

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        api_key: str | None = None,
        temperature: float | None = 0.7,
        seed: int | None = 0,
        timeout: float = 60.0,
    ) -> None:
        home = _address(os.environ.get("OPENAI_BASE_URL") or OPENAI_URL)
        self.model = one_line(model)
        self.base_url = _address(base_url) if base_url else home
        self.timeout = timeout
        self.notice: str | None = None
        self._options: dict[str, Any] = {"temperature": temperature, "seed": seed}
        self._takes_schema = True
        key = (api_key or (os.environ.get("OPENAI_API_KEY") if self.base_url == home else None) or "").strip()
        if not self.model:
            raise GenerationError("No model is named: give the name by which the service knows it.")
        if not key and self.base_url == OPENAI_URL:
            raise GenerationError("OpenAI wants a key: give one, set OPENAI_API_KEY, or name another address.")
        if not re.fullmatch(r"[!-~]*", key):
            raise GenerationError("The key has characters that no key has: copy it again.")
        self._without_key = _redaction(key)
        self._client = openai.OpenAI(
            api_key=key or "none", base_url=self.base_url, timeout=timeout, max_retries=RETRIES
        )

    def __repr__(self) -> str:
        return f"ChatService({self.settings})"

    @property
    def host(self) -> str:
        """The service as messages name it."""
        return urlsplit(self.base_url).netloc

    @property
    def settings(self) -> dict[str, JsonValue]:
        """Model, address, temperature and seed; the last two are None where the service does not take them."""
        return {"model": self.model, "base_url": self.base_url, **self._options}

    def ideas(self, task: Task) -> Ideas:
        """Ask for attributes and sources; words that are unfit for a template are dropped.

        Raises:
            GenerationError: the service gave none.
        """
        answer = "".join(self._answer(ideas_request(task), ("attributes", "sources")))
        attributes, sources = (
            [self._without_key(item) for item in self._items([answer], name) if isinstance(item, str) and fit(item)]
            for name in ("attributes", "sources")
        )
        return Ideas(tuple(attributes), tuple(sources))

    def candidates(self, task: Task, ideas: Ideas, count: int = COUNT) -> Iterator[Template]:
        """Ask for candidates, and once more where they were too few; repeats and misfits are left out.

        Raises:
            GenerationError: the service failed; what came before is good.
        """
        there: list[Template] = []
        left_out: Counter[str] = Counter()
        in_a_row = 0
        self.notice = None
        if not (ideas.attributes or ideas.sources):
            raise GenerationError("There is no word to write prompts with: keep or add attributes or sources.")
        try:
            for line in self._lines(task, ideas, count, there):
                found = _read_candidate(self._without_key(str(line)), ideas)
                if found in there:
                    found = "repeats"
                if isinstance(found, str):
                    left_out[found] += 1
                    in_a_row += 1
                else:
                    in_a_row = 0
                    there.append(found)
                    yield found
                if len(there) == count or in_a_row == STUCK_AFTER:
                    return
        finally:
            self.notice = _notice(len(there), left_out, stuck=in_a_row == STUCK_AFTER)

    def _lines(self, task: Task, ideas: Ideas, count: int, there: Sequence[Template]) -> Iterator[JsonValue]:
        """What the service writes, in as many requests as it takes or is allowed; ``there`` grows meanwhile."""
        for _ in range(REQUESTS):
            if len(there) < count:
                request = candidates_request(task, ideas, count - len(there), there)
                yield from self._items(self._answer(request, ("prompts",)), "prompts")

    def _items(self, pieces: Iterable[str], name: str) -> Iterator[JsonValue]:
        """The items of the JSON list of this name, each as soon as it is complete in the pieces of an answer.

        Raises:
            GenerationError: there is no such list, or it does not end.
        """
        decoder = json.JSONDecoder()
        text, position = "", 0
        for piece in pieces:
            text += piece
            if not position:
                opening = re.search(rf'"{name}"\s*:\s*\[', text)
                if not opening:
                    continue
                position = opening.end()
            while True:
                while text[position : position + 1] in _SEPARATORS:
                    position += 1
                if text.startswith("]", position):
                    return
                try:
                    item, position = decoder.raw_decode(text, position)
                except (ValueError, RecursionError):  # not complete yet, or never will be
                    break
                yield item
        raise GenerationError(
            f"{self.model} did not answer in the format asked for: try again, or a model that follows instructions."
        )

    def _answer(self, request: str, lists: Sequence[str]) -> Iterator[str]:
        """The pieces of the service's answer, as they come.

        Raises:
            GenerationError: the service failed. Raised outside of the handler, so that no trace leads to the client's
                own exception, which may quote what was sent.
        """
        begun, ended, length = False, "", 0
        try:
            with self._open(request, lists) as stream:
                for chunk in stream:
                    for choice in chunk.choices or ():
                        piece = choice.delta.content or ""
                        if ended != "refused":
                            ended = "refused" if choice.delta.refusal else choice.finish_reason or ended
                        begun, length = True, length + len(piece)
                        yield piece
                    if length > LONGEST_ANSWER:
                        break
            failure = self._ending(begun, ended)
        except (openai.OpenAIError, ValueError, AttributeError, TypeError) as error:  # the client checks no types
            failure = self._in_words(error, begun)
        if failure:
            raise GenerationError(failure)

    def _open(self, request: str, lists: Sequence[str]) -> openai.Stream[Any]:
        """Send a request; one that is refused for an option is sent again without it."""
        while True:
            options = {name: value for name, value in self._options.items() if value is not None}
            if self._takes_schema:
                options["response_format"] = _schema(lists)
            try:
                return self._client.chat.completions.create(
                    model=self.model, messages=[{"role": "user", "content": request}], stream=True, **options
                )
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                blamed = next((name for name in options if re.search(_BLAME[name], str(error.body))), None)
                if blamed is None:
                    raise
            if blamed == "response_format":
                self._takes_schema = False
            else:
                self._options[blamed] = None

    def _ending(self, begun: bool, ended: str) -> str | None:
        """What went wrong with an answer that came to an end, None if nothing did."""
        if not begun:
            return f"{self.host} sent no answer: check that its address is right; most end in /v1."
        if ended == "length":
            return f"The answer of {self.model} was cut off by its token limit: ask for fewer, or raise the limit."
        if ended in ("refused", "content_filter"):
            return f"{self.model} declined to answer: check the labels, or try another model."
        if not ended:
            return f"The connection to {self.host} broke off: try again."
        return None

    def _in_words(self, error: Exception, begun: bool) -> str:
        """One sentence for an exception of the client."""
        match error:
            case openai.AuthenticationError():
                return f"{self.host} does not accept the key: check it."
            case openai.PermissionDeniedError():
                return f"{self.host} does not let this key use {self.model}: check the key's rights."
            case openai.NotFoundError():
                return f"{self.host} knows no model {self.model!r} at {self.base_url}: check the name and the address."
            case openai.RateLimitError(code="insufficient_quota"):
                return f"The account at {self.host} has no credit left: top it up, or use another service."
            case openai.RateLimitError():
                return f"{self.host} is busy: try again in {_wait(error.response.headers.get('retry-after'))}."
            case openai.InternalServerError():
                return f"{self.host} has trouble of its own (error {error.status_code}): try again later."
            case openai.APITimeoutError():
                return f"{self.host} gave no sign for {self.timeout:g} s: try again, or allow more time."
            case openai.APIConnectionError() if not begun:
                return f"{self.host} cannot be reached: check the address, and that the service runs."
            case openai.APIConnectionError():
                return f"The connection to {self.host} broke off: try again."
            case openai.APIError():
                said = error.body.get("message") if isinstance(error.body, dict) else None
                reason = self._without_key(one_line(str(said or "it gave no reason")))[:200]
                return f"{self.host} refused the request: {reason}"
            case _:
                return f"{self.host} sent an answer that cannot be read: check that its address is right."


_SEPARATORS = frozenset(" \t\r\n,")  # between the items of a list

# What an error says where a service does not take an option.
_BLAME = {"response_format": "response_format|json_schema|tructured", "temperature": "temperature", "seed": r"\bseed\b"}


def _read_candidate(line: str, ideas: Ideas) -> Template | str:
    """A candidate as a service wrote it, with its articles set right; or in words why it is left out."""
    line = re.sub(r"\{\}|[<\[{]label[>\]}]", SLOT, one_line(line), flags=re.IGNORECASE)
    if line.count(SLOT) != 1:
        return "without a place for the label"
    found = _CANDIDATE.fullmatch(line)
    if not found or not (found["attribute"] or found["source"]):
        return "in another format"
    try:
        written = Template.tspe(found["attribute"], found["source"])
    except TemplateError:
        return "in another format"
    attribute, source = _among(ideas.attributes, written.attribute), _among(ideas.sources, written.source)
    if (attribute is None) != (written.attribute is None) or (source is None) != (written.source is None):
        return "with words that were not given"
    return Template.tspe(attribute, source)


# The three formats, and small departures from them that mean the same.
_CANDIDATE = re.compile(
    r"(?:an?|the) (?:(?P<attribute>.+?) )?sound of (?:an? |the )?\{label\}"
    r"(?:(?: can be heard)?(?: coming)? from (?P<source>.+?))?\.?",
    re.IGNORECASE,
)


def _among(words: Iterable[str], word: str | None) -> str | None:
    """The one of some words that is this word but for its case, None if there is none."""
    return next((other for other in words if word and other.casefold() == word.casefold()), None)


def _notice(written: int, left_out: Counter[str], stuck: bool) -> str | None:
    if not left_out:
        return None
    total = left_out.total()
    reasons = ", ".join(
        f"{n} {'repeat' if (reason, n) == ('repeats', 1) else reason}" for reason, n in left_out.most_common()
    )
    notice = f"{total} of {written + total} {'was' if total == 1 else 'were'} left out: {reasons}."
    return notice + " The model wrote nothing new any more, so it was stopped." * stuck


def _schema(lists: Sequence[str]) -> dict[str, Any]:
    """The ``response_format`` for an object that holds these lists of strings."""
    strings = {"type": "array", "items": {"type": "string"}}
    schema = {
        "type": "object",
        "properties": dict.fromkeys(lists, strings),
        "required": list(lists),
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "_and_".join(lists), "strict": True, "schema": schema}}


def _wait(header: str | None) -> str:
    """For how long a service wants to be left alone, by its Retry-After header."""
    return f"{header} s" if header and header.isdecimal() else "a minute"


def _address(url: str) -> str:
    """The address of a service without user, password, query and fragment.

    Raises:
        GenerationError: it is no address of the web. The address, which may hold a password, is not repeated.
    """
    try:
        parts = urlsplit(url.strip())
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        port = f":{parts.port}" if parts.port else ""
        usable = parts.scheme in ("http", "https") and bool(host) and "@" not in parts.path
    except ValueError:
        usable = False
    if not usable:
        raise GenerationError("The address of the service cannot be used: give one like http://localhost:11434/v1.")
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def _redaction(key: str) -> Callable[[str], str]:
    """A function that takes a key, and every larger piece of it, out of a text."""
    pieces = {key[start : start + 8] for start in range(len(key) - 7)}

    def is_secret(word: str) -> bool:
        return word == key or any(piece in word for piece in pieces)  # short ones, like "none", are no secrets

    return lambda text: re.sub(r"\S+", lambda word: "[key]" if is_secret(word[0]) else word[0], text)
