"""The task and the generator: what is asked for, of whom, and what this browser remembers of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import gradio as gr

from audioprompt.core.labels import join_labels
from audioprompt.data import DEMONSTRATION, open_clips
from audioprompt.errors import AudiopromptError
from audioprompt.prompts.chat.addresses import ServiceAddress
from audioprompt.prompts.chat.requests import candidates_request, ideas_request
from audioprompt.prompts.generators import COUNT, GenerationError, Generator, Ideas, Task
from audioprompt.prompts.pack import CATEGORIES
from audioprompt.prompts.template import FORMATS
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.server.generators import MAX_CANDIDATES, address_of, generator_of, kind_of
from audioprompt.services.generate import OTHER_SOUNDS, task_of
from audioprompt.settings import OPENAI_KEY
from audioprompt.ui import markup
from audioprompt.ui.choices import presets
from audioprompt.ui.components import generate as view
from audioprompt.ui.events import View
from audioprompt.util.text import counted, first_of, one_line

LABELS_SHOWN = 4  # of a task in one line
CATEGORY_CHOICES = [(title, category) for category, title in CATEGORIES.items()] + [(OTHER_SOUNDS, "")]
REMEMBERED = ("category", "labels", "kind", "seed", "model", "base_url", "temperature", "count")


@dataclass(frozen=True)
class Asked:
    """What candidates are asked for.

    Attributes:
        category: the task's.
        labels: what is to be told apart, as typed.
        attributes: words for the kind of sound, those kept of the ones proposed.
        sources: places, likewise.
        count: how many are wanted.
    """

    category: str
    labels: str
    attributes: Sequence[str] = ()
    sources: Sequence[str] = ()
    count: float | None = None

    @property
    def task(self) -> Task:
        """The task.

        Raises:
            GenerationError: there is no such category.
            LabelError: the labels cannot be used.
        """
        return task_of(self.category, self.labels)[0]

    @property
    def ideas(self) -> Ideas:
        """The words kept.

        Raises:
            GenerationError: they are too many.
            TemplateError: a word fits no template.
        """
        return Ideas(tuple(self.attributes or ()), tuple(self.sources or ()))

    @property
    def wanted(self) -> int:
        """How many candidates, as many as there may be at most."""
        return min(max(int(self.count or COUNT), 1), MAX_CANDIDATES)


@dataclass(frozen=True)
class Writer:
    """Who writes the candidates.

    Attributes:
        kind: the generator's title.
        seed: of the lexicon, or of a service that takes one.
        model: of a service.
        base_url: the service's address.
        temperature: of the service.
        key: of whoever asks.
    """

    kind: str
    seed: float | None
    model: str
    base_url: str
    temperature: float | None
    key: str = ""

    def generator(self, context: Context) -> Generator:
        """Return the generator.

        Raises:
            GenerationError: what it takes is not given, or it is not for visitors.
        """
        return generator_of(
            self.kind, self.seed, self.model, self.base_url, self.temperature, self.key, context.request
        )


# --- the task ---------------------------------------------------------------------------------------------------------


def choose_preset(name: str, context: Context = IN_PROCESS) -> View:
    """Set the category and the labels that a pack's list of labels brings."""
    offered = presets(context)
    if name not in offered:
        return {}
    pack, labels = offered[name]
    return {"category": pack.category or "", "labels": join_labels(labels)}


def choose_demonstration() -> View:
    """Set the category and the labels of the instruments that come with audioprompt."""
    return {"category": "instruments", "labels": join_labels(open_clips(DEMONSTRATION).spoken_classes)}


def choose_data(where: str, context: Context = IN_PROCESS) -> View:
    """Set the labels of a data set.

    Raises:
        DataError: there are none.
    """
    if not where.strip():
        return {"task_state": ""}
    return {"labels": join_labels(context.clips(where.strip()).spoken_classes), "task_state": ""}


def task_summary(task: Task) -> str:
    """Return a task in one line."""
    if not task.labels:
        return f"{task.title}, any labels"
    return f"{task.title}: {counted(len(task.labels), 'label')} ({first_of(task.labels, LABELS_SHOWN)})"


# --- the generator ----------------------------------------------------------------------------------------------------


def in_use(writer: Writer, context: Context = IN_PROCESS) -> str:
    """Which generator, model and settings are in use, in one line."""
    kind = kind_of(writer.kind)
    parts = [kind.title]
    if kind.is_service:
        address = address_of(writer.base_url, context.request)
        where = address.host if address else "an address that cannot be used"
        parts = [f"{one_line(writer.model) or 'no model named yet'} at {where}"]
        parts += [] if writer.temperature is None else [f"temperature {writer.temperature:g}"]
    parts += [] if writer.seed is None else [f"seed {writer.seed:g}"]
    return view.in_use(parts)


def show_in_use(writer: Writer, context: Context = IN_PROCESS) -> View:
    """Show beside both buttons which generator is in use."""
    return dict.fromkeys(("beside_proposing", "beside_writing"), in_use(writer, context))


def show_service(kind: str) -> View:
    """Show or hide the fields that only a service needs."""
    shown = kind_of(kind).is_service
    return {"service": gr.Column(visible=shown), "temperature": gr.Number(visible=shown)}


def key_info(base_url: str, context: Context = IN_PROCESS) -> str:
    """Where the key for an address comes from if none is typed, and what becomes of one that is."""
    address = address_of(base_url, context.request)
    if context.is_curator and OPENAI_KEY and address == address_of("", context.request):
        return "Key taken from OPENAI_API_KEY, unless you give another."
    if address and address.is_openai:
        return "Required by OpenAI. Sent to the service, never stored."
    return "Only if the service requires one. Never stored."


def show_key_info(base_url: str, context: Context = IN_PROCESS) -> View:
    """Show at the key's field where a key comes from."""
    return {"key": gr.Textbox(info=key_info(base_url, context))}


def exact_prompt(kind: str, asked: Asked) -> str:
    """Return what a service is asked, word for word.

    Raises:
        AudiopromptError: it cannot be asked that; the message says what to change.
    """
    task, ideas = asked.task, asked.ideas
    if not kind_of(kind).is_service:
        formats = "\n".join(FORMATS.values())
        return view.request("Nothing is sent anywhere: the words kept are put into three formats.", formats)
    first = view.request("Step 1 asks for words:", ideas_request(task))
    if not (ideas.attributes or ideas.sources):
        return first + view.notice("Step 3 then asks for prompts with the words kept.")
    return first + view.request("Step 3 asks for prompts:", candidates_request(task, ideas, asked.wanted))


def show_exact_prompt(kind: str, asked: Asked) -> View:
    """Show what a service is asked."""
    try:
        return {"exact": exact_prompt(kind, asked)}
    except AudiopromptError as error:
        return {"exact": markup.problem(error)}


# --- what this browser remembers --------------------------------------------------------------------------------------


def remember(values: dict[str, Any]) -> View:
    """Keep the fields named in ``REMEMBERED``; of an address not what could be a secret."""
    return {"kept": values | {"base_url": _without_secrets(values["base_url"])}}


def recall(kept: dict[str, Any] | None) -> View:
    """Set the fields as they were kept."""
    return {name: value for name, value in (kept or {}).items() if name in REMEMBERED}


def _without_secrets(url: str) -> str:
    """Return an address, or what is written of one, without what may hold a key."""
    try:
        return ServiceAddress.parse(url).text
    except GenerationError:
        pass
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
