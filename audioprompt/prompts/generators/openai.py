"""Candidates from a service that speaks OpenAI's chat API, read while they come."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from audioprompt.prompts.chat.answers import FORGET
from audioprompt.prompts.chat.client import ChatClient
from audioprompt.prompts.chat.requests import candidates_request, ideas_request
from audioprompt.prompts.generators.base import (
    COUNT,
    MAX_WORDS,
    GenerationError,
    GeneratorSettings,
    Ideas,
    Task,
    fits,
)
from audioprompt.prompts.template import SLOT, Template, TemplateError, mark_slot
from audioprompt.util.text import one_line

REQUESTS = 2  # a service that wrote too few candidates is asked once more, for the rest
STUCK_AFTER = 20  # lines left out in a row, then a service is not listened to any longer


class ChatService(ChatClient):
    """Has a service write candidates: OpenAI, Azure, OpenRouter, vLLM, Ollama, LM Studio and others."""

    name = "chat service"

    def ideas(self, task: Task) -> Ideas:
        """Ask for attributes and sources; words that are unfit for a template are dropped.

        Raises:
            GenerationError: the service gave none.
        """
        words: dict[str, list[str]] = {"attributes": [], "sources": []}
        failure: GenerationError | None = None
        self.notice = None
        try:
            for name, word in self.items(ideas_request(task), tuple(words)):
                if (name, word) == FORGET:
                    words = {name: [] for name in words}
                elif fits(word):
                    words[name].append(self._without_key(word))
        except GenerationError as error:
            failure = error
        if not any(words.values()):
            raise failure or GenerationError(f"{self.model} proposed no words that fit a prompt: try another model.")
        if failure:
            self.notice = f"{failure} The words that came before are kept."
        return Ideas(*(tuple(words[name][:MAX_WORDS]) for name in ("attributes", "sources")))

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
            raise GenerationError("There are no words to write prompts with: keep or add attributes or sources.")
        try:
            for line in self._lines(task, ideas, count, there):
                found = _read_candidate(self._without_key(line), ideas)
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

    def _lines(self, task: Task, ideas: Ideas, count: int, there: Sequence[Template]) -> Iterator[str]:
        """Yield what the service writes, in as many requests as it takes or is allowed; ``there`` grows meanwhile."""
        for _ in range(REQUESTS):
            if len(there) < count:
                request = candidates_request(task, ideas, count - len(there), there)
                yield from (line for name, line in self.items(request, ("prompts",)) if name)


def make(settings: GeneratorSettings) -> ChatService:
    """Make a generator of settings."""
    return ChatService(settings.model, settings.base_url, settings.api_key, settings.temperature, settings.seed)


def _read_candidate(line: str, ideas: Ideas) -> Template | str:
    """Read a candidate as a service wrote it, with its articles set right; or in words why it is left out."""
    line = re.sub(
        r"[\"'`*_\u201c\u201d\u2018\u2019\u00ab\u00bb]*\{label\}[\"'`*_\u201c\u201d\u2018\u2019\u00ab\u00bb]*",
        SLOT,
        mark_slot(one_line(line)),
    )
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
    """Find the one of some words that is this word but for its case, None if there is none."""
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
