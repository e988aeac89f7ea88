"""Who writes candidates: the offline lexicon, or any service that speaks OpenAI's chat API.

Both work in TSPE's two steps: first propose attributes and sources for a task, of which a person keeps what suits; then
write candidates from the words kept, in the three formats of ``template.FORMATS``.

    >>> lexicon = OfflineLexicon(seed=1)
    >>> task = Task("instruments", ("violin", "flute"))
    >>> for template in lexicon.candidates(task, lexicon.ideas(task), count=2):
    ...     print(template.fill("violin"))
    A full sound of violin
    The sound of violin coming from a street performer

What a service is asked is in ``requests/``, one text file for each step.
"""

import json
import os
import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Protocol
from urllib.parse import urlsplit

import openai
from pydantic import JsonValue, ValidationError

from audioprompt.prompts.lexicon import lexicon
from audioprompt.prompts.pack import (
    CATEGORIES,
    Category,
    PackEntry,
    PackError,
    PromptPack,
    Provenance,
    in_plain_words,
)
from audioprompt.prompts.template import FORMATS, SLOT, Template, TemplateError, one_line

COUNT = 40  # candidates written for a task, as in the paper
OPENAI_URL = "https://api.openai.com/v1"

REQUESTS = 2  # a service that wrote too few candidates is asked once more, for the rest
STUCK_AFTER = 20  # lines left out in a row, then a service is not listened to any longer
LONGEST_ANSWER = 100_000  # characters
RETRIES = 2  # of the client, after 429, 5xx and failures to connect


class GenerationError(RuntimeError):
    """No candidates, or no more of them; the message says why and what to do, and never holds a key."""


@dataclass(frozen=True)
class Task:
    """What is to be told apart.

    Attributes:
        category: the TSPE task category, None where none fits.
        labels: the sounds, as a prompt says them; there may be none yet. Blanks are tidied, repeats dropped.
    """

    category: Category | None
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(dict.fromkeys(filter(None, map(one_line, self.labels)))))

    @property
    def title(self) -> str:
        """The category in words."""
        return CATEGORIES[self.category] if self.category else "Sound recognition"


@dataclass(frozen=True)
class Ideas:
    """Attributes and sources to write prompts with, without their "a" or "an"; repeats are dropped.

    Raises:
        TemplateError: a word is unfit for a template.
    """

    attributes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        attributes = (Template.tspe(attribute=word).attribute or "" for word in self.attributes)
        sources = (Template.tspe(source=word).source or "" for word in self.sources)
        object.__setattr__(self, "attributes", _distinct(attributes))
        object.__setattr__(self, "sources", _distinct(sources))


class Generator(Protocol):
    """Whoever writes candidates."""

    name: str  # as a pack's provenance has it

    @property
    def settings(self) -> dict[str, JsonValue]:
        """What candidates depend on besides the task and the ideas; never a secret."""
        ...

    @property
    def notice(self) -> str | None:
        """What a person should know about the candidates written last: how many were left out, and why."""
        ...

    def ideas(self, task: Task) -> Ideas:
        """Propose attributes and sources for a task.

        Raises:
            GenerationError: none can be had.
        """
        ...

    def candidates(self, task: Task, ideas: Ideas, count: int = COUNT) -> Iterator[Template]:
        """Write at most ``count`` different candidates with the words of ``ideas``, each as soon as it is there.

        Raises:
            GenerationError: there are no more; those that came before are good.
        """
        ...


def as_pack(
    task: Task,
    templates: Iterable[Template],
    generator: Generator,
    pack_id: str,
    title: str,
    labels_name: str = "Labels",
    written_on: date | None = None,
) -> PromptPack:
    """Put candidates into a new pack that records who wrote them, with the task's labels as its preset.

    Args:
        labels_name: name of the preset.
        written_on: today (UTC) if None.

    Raises:
        PackError: the id or title is unfit, or a template comes twice.
    """
    try:
        return PromptPack(
            id=pack_id,
            title=title,
            category=task.category,
            provenance=Provenance(
                generator=generator.name,
                settings=generator.settings,
                written_on=written_on or datetime.now(timezone.utc).date(),
            ),
            entries=tuple(PackEntry(template=template) for template in templates),
            label_presets={labels_name: task.labels} if task.labels else {},
        )
    except ValidationError as error:
        raise PackError(f"{title}: {in_plain_words(error)}") from error


# --- the offline lexicon ----------------------------------------------------------------------------------------------


class OfflineLexicon:
    """Writes candidates from the lexicon that comes with this package: no key, no network.

    The same seed, task and ideas give the same candidates. The three formats come in turn, and every word is used
    about as often as any other.
    """

    name = "lexicon"

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.notice: str | None = None

    @property
    def settings(self) -> dict[str, JsonValue]:
        """The seed."""
        return {"seed": self.seed}

    def ideas(self, task: Task) -> Ideas:
        """The lexicon's words for the task's category that suit its labels and name none of them."""
        words = lexicon()
        return Ideas(words.attributes(task.category, task.labels), words.sources(task.category, task.labels))

    def candidates(self, task: Task, ideas: Ideas, count: int = COUNT) -> Iterator[Template]:
        """Combine the words of ``ideas``, with the exception of pairs that make no sense; fewer if they do not last."""
        self.notice = None
        choices = Random(self.seed)
        attributes = choices.sample(ideas.attributes, len(ideas.attributes))
        sources = choices.sample(ideas.sources, len(ideas.sources))
        pairs: list[Words] = [
            (one, other) for one in attributes for other in sources if lexicon().goes_together(one, other)
        ]
        choices.shuffle(pairs)
        formats: list[list[Words]] = [[(word, None) for word in attributes], [(None, word) for word in sources], pairs]
        chosen = list(islice(_in_turn(formats), count))
        if len(chosen) < count:
            self.notice = f"These words give {len(chosen)} of {count} prompts: keep or add more of them."
        for words in chosen:
            yield Template.tspe(*words)


Words = tuple[str | None, str | None]  # attribute and source of one prompt


def _in_turn(formats: Sequence[list[Words]]) -> Iterator[Words]:
    """Take from one format after the other, each time the choice whose words have been used least; empties them."""
    uses: Counter[tuple[int, str | None]] = Counter()
    while any(formats):
        for left in filter(None, formats):
            words = min(left, key=lambda words: sum(uses[use] for use in enumerate(words)))
            left.remove(words)
            uses.update(use for use in enumerate(words) if use[1])
            yield words


# --- a chat service ---------------------------------------------------------------------------------------------------


def ideas_request(task: Task) -> str:
    """The exact text that asks a service for attributes and sources."""
    return _request("ideas", task=task.title, labels=_quoted(task.labels, "any of this kind"))


def candidates_request(task: Task, ideas: Ideas, count: int = COUNT, there: Sequence[Template] = ()) -> str:
    """The exact text that asks a service for candidates, others than those ``there`` already."""
    given = {"attribute": bool(ideas.attributes), "source": bool(ideas.sources)}
    given["attribute_source"] = all(given.values())
    formats = [f"- {layout.replace('<label>', SLOT)}" for name, layout in FORMATS.items() if given[name]]
    others = [f"- {template.text}" for template in there]
    return _request(
        "candidates",
        task=task.title,
        labels=_quoted(task.labels, "any of this kind"),
        attributes=_quoted(ideas.attributes),
        sources=_quoted(ideas.sources),
        count=str(count),
        formats="\n".join(formats),
        there="\n".join(["These are written already, so write others:", *others, ""]) if others else "",
    )


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
            [self._without_key(item) for item in self._items([answer], name) if isinstance(item, str) and _fit(item)]
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


def _request(name: str, **words: str) -> str:
    text = (Path(__file__).parent / "requests" / f"{name}.md").read_text(encoding="utf-8")
    return string.Template(text).substitute(words).strip()


def _quoted(words: Iterable[str], if_none: str = "none") -> str:
    return ", ".join(json.dumps(word, ensure_ascii=False) for word in words) or if_none


def _distinct(words: Iterable[str]) -> tuple[str, ...]:
    first: dict[str, str] = {}
    for word in words:
        first.setdefault(word.casefold(), word)
    return tuple(first.values())


def _fit(word: str) -> bool:
    """Whether a word can be put into a template."""
    try:
        return Template.tspe(word).attribute is not None
    except TemplateError:
        return False


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
