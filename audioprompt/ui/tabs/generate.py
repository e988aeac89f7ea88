"""The Generate tab: from a task and its labels to candidate prompts, in three steps."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Generator as Yielding
from datetime import date, datetime, timezone
from functools import partial
from queue import Empty, Queue
from threading import Event, Thread
from typing import Any, TypeVar
from urllib.parse import urlsplit

import gradio as gr

from audioprompt.core.labels import LabelError, join_labels
from audioprompt.data import DEMONSTRATION, DataError, open_clips
from audioprompt.prompts.chat.addresses import OPENAI_URL, ServiceAddress
from audioprompt.prompts.chat.requests import candidates_request, ideas_request
from audioprompt.prompts.checks import Flag, check
from audioprompt.prompts.generators import (
    COUNT,
    GENERATORS,
    GenerationError,
    Ideas,
    Task,
    as_pack,
)
from audioprompt.prompts.pack import CATEGORIES, PackError, PromptPack
from audioprompt.prompts.template import FORMATS, Template, TemplateError
from audioprompt.server import access, sessions
from audioprompt.server.generators import LEXICON, MAX_CANDIDATES, TEMPERATURE, generator_of, kind_of
from audioprompt.server.gradio_patches import calls
from audioprompt.server.limits import WRITERS
from audioprompt.server.models import shared_model
from audioprompt.services.generate import (
    OTHER_SOUNDS,
    better_category,
    flags_by_model,
    proposed_id,
    proposed_title,
    task_of,
)
from audioprompt.ui import markup
from audioprompt.ui.components import generate as view
from audioprompt.ui.tabs.classify import PRESET_PROMPT, presets
from audioprompt.util.jobs import CHECKING, Job, Stopped
from audioprompt.util.text import counted, first_of, one_line

LABELS_SHOWN = 4  # of a task in one line
TICK_SECONDS = 0.25  # how long Stop may wait for a service that says nothing
DRAW_SECONDS = 0.5  # between two looks at the candidates that have come: drawing all of them takes its time

CATEGORY_CHOICES = [(title, category) for category, title in CATEGORIES.items()] + [(OTHER_SOUNDS, "")]
STEPS = ("Task and labels", "Attributes and sources", "Candidates")
NO_CANDIDATES = "The prompts written for your task appear here one by one, each with what looks wrong with it."

Choices = dict[str, Any]  # what this browser keeps: the task and the generator, never a key


# --- the task ---------------------------------------------------------------------------------------------------------


def choose_preset(name: str, request: gr.Request | None = None) -> tuple[Any, Any]:
    """Return what a pack's list of labels sets: the category and the labels."""
    offered = presets(request)
    if name not in offered:
        return gr.skip(), gr.skip()
    pack, labels = offered[name]
    return pack.category or "", join_labels(labels)


def choose_demonstration() -> tuple[str, str]:
    """Return the category and the labels of the instruments that come with audioprompt."""
    return "instruments", join_labels(open_clips(DEMONSTRATION).spoken_classes)


def choose_data(where: str, request: gr.Request | None = None) -> tuple[Any, str]:
    """Return the labels of a data set, and what went wrong where there are none."""
    if not where.strip():
        return gr.skip(), ""
    try:
        return join_labels(sessions.clips_named(where.strip(), request).spoken_classes), ""
    except DataError as error:
        return gr.skip(), markup.problem(error)


def task_summary(task: Task) -> str:
    """Return a task in one line."""
    if not task.labels:
        return f"{task.title}, any labels"
    return f"{task.title}: {counted(len(task.labels), 'label')} ({first_of(task.labels, LABELS_SHOWN)})"


# --- the generator ----------------------------------------------------------------------------------------------------


def in_use(
    kind: str,
    seed: float | None,
    model: str,
    base_url: str,
    temperature: float | None,
    request: gr.Request | None = None,
) -> str:
    """Which generator, model and settings are in use, in one line."""
    parts = [kind_of(kind).title]
    if kind_of(kind).is_service:
        address = _address(base_url, request)
        where = address.host if address else "an address that cannot be used"
        parts = [f"{one_line(model) or 'no model named yet'} at {where}"]
        parts += [] if temperature is None else [f"temperature {temperature:g}"]
    parts += [] if seed is None else [f"seed {seed:g}"]
    return view.in_use(parts)


def for_service(kind: str) -> tuple[Any, Any]:
    """Return the fields that only a service needs, shown or hidden."""
    shown = kind_of(kind).is_service
    return gr.Column(visible=shown), gr.Number(visible=shown)


def key_state(base_url: str, request: gr.Request | None = None) -> str:
    """Where the key for an address comes from if none is typed, and what becomes of one that is."""
    address = _address(base_url, request)
    if access.is_curator(request) and os.environ.get("OPENAI_API_KEY") and address == _address("", request):
        return "Key taken from OPENAI_API_KEY, unless you give another."
    if address and address.is_openai:
        return "Required by OpenAI. Sent to the service, never stored."
    return "Only if the service requires one. Never stored."


def exact_prompt(
    kind: str, category: str, labels: str, attributes: Sequence[str], sources: Sequence[str], count: float | None
) -> str:
    """Return what a service is asked, word for word."""
    try:
        task, _ = task_of(category, labels)
        ideas = Ideas(tuple(attributes or ()), tuple(sources or ()))
    except (LabelError, TemplateError, GenerationError) as error:
        return markup.problem(error)
    if not kind_of(kind).is_service:
        formats = "\n".join(FORMATS.values())
        return view.request("Nothing is sent anywhere: the words kept are put into three formats.", formats)
    asked = view.request("Step 1 asks for words:", ideas_request(task))
    if not (ideas.attributes or ideas.sources):
        return asked + view.notice("Step 3 then asks for prompts with the words kept.")
    return asked + view.request("Step 3 asks for prompts:", candidates_request(task, ideas, _count(count)))


Item = TypeVar("Item")


def ticking(items: Iterator[Item]) -> Yielding[Item | None, None, None]:
    """Yield the items of a slow iterator as they come, and None every now and then: a handler must yield to be
    stopped.
    """
    come: Queue[Item | Exception | None] = Queue()  # at the end None, or what the iterator raised
    stopped = Event()

    def fetch() -> None:
        try:
            for item in items:
                if stopped.is_set():
                    return
                come.put(item)
            come.put(None)
        except Exception as error:
            come.put(error)

    Thread(target=fetch, daemon=True).start()
    try:
        while True:
            try:
                item = come.get(timeout=TICK_SECONDS)
            except Empty:
                yield None
                continue
            if item is None:
                return
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        stopped.set()


# --- words ------------------------------------------------------------------------------------------------------------


def propose(
    category: str,
    labels: str,
    kind: str,
    seed: float | None,
    model: str,
    base_url: str,
    temperature: float | None,
    key: str,
    request: gr.Request | None = None,
) -> Iterator[tuple[Any, ...]]:
    """Propose attributes and sources for a task.

    Yields:
        What stands under the button; the first step; the second, what stands in it, what is offered and the chips of
        both kinds; the third step; a category that fits better, and the button to take it.
    """
    unchanged = (gr.skip(),) * 10
    try:
        task, notice = task_of(category, labels)
        generator = generator_of(kind, seed, model, base_url, temperature, key, request)
        yield view.running("Looking for words"), *unchanged
        ideas = Ideas()
        for found in ticking(generator.ideas(task) for _ in range(1)):
            if found is None:
                yield gr.skip(), *unchanged
            else:
                ideas = found
    except (LabelError, GenerationError) as error:
        yield markup.problem(error), *unchanged
        return
    offered = [list(ideas.attributes), list(ideas.sources)]
    better = better_category(task)
    said = " ".join(filter(None, (notice, generator.notice, better and better[1])))
    yield (
        "",
        done(task_summary(task)),
        due(1),
        view.notice(said),
        *offered,
        *(gr.CheckboxGroup(words, value=words) for words in offered),
        due(2),
        (better[0] or "") if better else None,
        gr.Button(f"Use “{_title_of(better[0])}” instead" if better else "", visible=bool(better)),
    )


def use_category(better: str | None) -> str:
    """Take the category that fits better as the task's."""
    return better or ""


def add_words(kind: str, offered: list[str], kept: list[str], typed: str) -> tuple[Any, ...]:
    """Add words of one's own, separated by commas or lines, to the attributes or to the sources; they are kept.

    Returns:
        What is offered; the chips; what remains in the field; what went wrong.
    """
    words = tuple(word for word in map(one_line, typed.replace("\n", ",").split(",")) if word)
    try:
        added = getattr(Ideas(**{kind: words}), kind)
        everything = list(getattr(Ideas(**{kind: (*offered, *words)}), kind))
    except (TemplateError, GenerationError) as error:
        return gr.skip(), gr.skip(), gr.skip(), markup.problem(error)
    folded = {word.casefold() for word in (*kept, *added)}
    now = [word for word in everything if word.casefold() in folded]
    return everything, gr.CheckboxGroup(everything, value=now), "", ""


# --- candidates -------------------------------------------------------------------------------------------------------


def write(
    category: str,
    labels: str,
    attributes: Sequence[str],
    sources: Sequence[str],
    count: float | None,
    kind: str,
    seed: float | None,
    model: str,
    base_url: str,
    temperature: float | None,
    key: str,
    checker: str,
    request: gr.Request | None = None,
) -> Yielding[tuple[Any, ...], None, None]:
    """Write candidates with the words kept, and check them when all are there.

    Args:
        category: the task's.
        labels: what is to be told apart, as typed.
        attributes: kept of those proposed.
        sources: likewise.
        count: how many are wanted.
        kind: the generator's title.
        seed: of the lexicon, or of a service that takes one.
        model: of a service.
        base_url: the service's address.
        temperature: of the service.
        key: of whoever asks.
        checker: the model that checks them.
        request: of whoever asks.

    Yields:
        The second step; the state of things; the candidates as a table, and as a pack; a title and an id for the pack.
        What was written earlier stays until the first of them is there.
    """
    templates: list[Template] = []
    failure = ""
    wanted = _count(count)
    try:
        task, _ = task_of(category, labels)
        ideas = Ideas(tuple(attributes), tuple(sources))
        generator = generator_of(kind, seed, model, base_url, temperature, key, request)
        words = f"{counted(len(ideas.attributes), 'attribute')}, {counted(len(ideas.sources), 'source')} kept"
        yield done(words), view.state(0, wanted, running=True), *(gr.skip(),) * 4
    except (LabelError, TemplateError, GenerationError) as error:
        yield gr.skip(), markup.problem(error), *(gr.skip(),) * 4
        return
    drawn, last = 0, 0.0  # how many candidates the page shows, and since when
    try:
        for template in ticking(generator.candidates(task, ideas, wanted)):
            if template is not None:
                templates.append(template)
            if len(templates) > drawn and (not drawn or time.monotonic() - last >= DRAW_SECONDS):
                flags = check(templates, task.labels)
                table = view.candidates_table(templates, flags, task.labels)
                pack = as_pack(task, templates, generator, "candidates", "Candidates")
                said = view.state(len(templates), wanted, flags, running=True)
                yield gr.skip(), said, table, pack, gr.skip(), gr.skip()
                drawn, last = len(templates), time.monotonic()
            elif template is None:
                yield (gr.skip(),) * 6
    except GenerationError as error:
        failure = markup.problem(error)
    if not templates:
        yield gr.skip(), failure or view.notice(generator.notice), *(gr.skip(),) * 4
        return
    pack = as_pack(task, templates, generator, "candidates", "Candidates")
    table = view.candidates_table(templates, check(templates, task.labels), task.labels)
    # all of them, in time for whoever stops here, and names before anyone can type others
    yield gr.skip(), view.state(len(templates), wanted, running=True), table, pack, *proposed_names(pack, request)
    counted_so_far = partial(view.checking, len(templates), wanted)
    flags, unchecked = yield from checked(
        templates, task.labels, checker, lambda job: (gr.skip(), counted_so_far(job.done, job.total), *(gr.skip(),) * 4)
    )
    said = view.state(len(templates), wanted, flags) + failure + view.notice(generator.notice) + unchecked
    yield gr.skip(), said, view.candidates_table(templates, flags, task.labels), pack, gr.skip(), gr.skip()


def stopped(pack: PromptPack | None, count: float | None, checker: str) -> Iterator[tuple[Any, ...]]:
    """Show what has come once the person has stopped the generator."""
    if pack is None:
        yield view.notice("Stopped before the first candidate."), gr.skip()
        return
    templates, labels = _contents(pack)
    counted_so_far = partial(view.checking, len(templates), _count(count))
    flags, unchecked = yield from checked(
        templates, labels, checker, lambda job: (counted_so_far(job.done, job.total), gr.skip())
    )
    said = (
        view.state(len(templates), _count(count), flags)
        + view.notice("Stopped. The candidates so far are kept.")
        + unchecked
    )
    yield said, view.candidates_table(templates, flags, labels)


Checked = tuple[list[tuple[Flag, ...]], str]


def checked(
    templates: Sequence[Template], labels: Sequence[str], model_name: str, show: Callable[[Job[Any]], tuple[Any, ...]]
) -> Yielding[tuple[Any, ...], None, Checked]:
    """Check candidates by all checks, or by those of the text alone where the model cannot be had.

    Args:
        templates: the candidates.
        labels: what they are filled with.
        model_name: the model that checks them.
        show: what the page is told meanwhile.

    Yields:
        What ``show`` makes of how far it is. Closed before the end, the work ends too; what was encoded is kept.

    Returns:
        The flags of each, and why they are not by all checks.
    """
    from audioprompt.models.base import ModelError

    def work(job: Job[list[tuple[Flag, ...]]]) -> list[tuple[Flag, ...]]:
        return flags_by_model(shared_model(model_name), templates, labels, partial(job.progress, "prompts"))

    job = CHECKING.start(work, **sessions.terms(calls.current_request()))
    try:
        while not job.finished(TICK_SECONDS):
            yield show(job)
        return job.result(), ""
    except (ModelError, Stopped) as error:
        reason = str(error) or "other work was begun."
        return check(templates, labels), view.notice(f"Checked by their text alone: {reason}")
    finally:
        job.stop()


def proposed_names(pack: PromptPack | None, request: gr.Request | None = None) -> tuple[Any, Any]:
    """Return a title and a free id for candidates."""
    if pack is None:
        return gr.skip(), gr.skip()
    task, today = Task(pack.category, _contents(pack)[1]), _today()
    return proposed_title(task, today), proposed_id(task, today, sessions.store(request).ids())


def send(
    pack: PromptPack | None,
    title: str,
    pack_id: str,
    data: str = "",
    clips: dict[str, Any] | None = None,
    request: gr.Request | None = None,
) -> tuple[Any, ...]:
    """Keep the candidates as a new pack.

    Args:
        pack: the candidates.
        title: of the pack.
        pack_id: of the pack.
        data: the data set that the labels are from, on which Curate then measures them.
        clips: the data sets that Curate remembers, by pack.
        request: of whoever asks.

    Returns:
        The pack's id and the data sets, for Curate; the tab to go to; the third step; what went wrong.
    """
    try:
        if pack is None:
            raise PackError("There are no candidates yet: write some first.")
        pack = pack.model_copy(update={"id": pack_id.strip(), "title": title})
        sessions.store(request).create(pack)
    except PackError as error:
        return *(gr.skip(),) * 4, markup.problem(error)
    clips_too = {**(clips or {}), pack.id: {"data": data.strip()}} if data.strip() else gr.skip()
    summary = f"{counted(len(pack.entries), 'candidate')} kept as {pack.id}, now in Curate"
    return pack.id, clips_too, gr.Tabs(selected="curate"), done(summary), ""


# --- what this browser remembers --------------------------------------------------------------------------------------

REMEMBERED = ("category", "labels", "kind", "seed", "model", "base_url", "temperature", "count")


def remember(*values: Any) -> Choices:
    """Return what to keep of the fields named in ``REMEMBERED``; of an address not what could be a secret."""
    kept = dict(zip(REMEMBERED, values, strict=True))
    return kept | {"base_url": _without_secrets(kept["base_url"])}


def recall(kept: Choices | None) -> list[Any]:
    """Return the fields as they were kept."""
    return [(kept or {}).get(name, gr.skip()) for name in REMEMBERED]


# --- the parts these are made of --------------------------------------------------------------------------------------


def done(summary: str) -> gr.Accordion:
    """Return a step that is done: closed, with its outcome in one line."""
    return gr.Accordion(label=summary, open=False, elem_classes=["step", "done"])


def due(step: int) -> gr.Accordion:
    """Return a step whose turn it is."""
    return gr.Accordion(label=STEPS[step], open=True, elem_classes="step")


def _contents(pack: PromptPack) -> tuple[list[Template], tuple[str, ...]]:
    """Return a pack's templates and labels."""
    return [entry.template for entry in pack.entries], next(iter(pack.label_presets.values()), ())


def _count(count: float | None) -> int:
    return min(max(int(count or COUNT), 1), MAX_CANDIDATES)


def _today() -> date:
    return datetime.now(timezone.utc).date()


def _title_of(category: str | None) -> str:
    return next(title for title, name in CATEGORY_CHOICES if name == (category or ""))


def _address(base_url: str, request: gr.Request | None) -> ServiceAddress | None:
    """Return the address that is asked, None where it cannot be used; the one in the environment is the owner's."""
    preset = os.environ.get("OPENAI_BASE_URL") if access.is_curator(request) else None
    try:
        return ServiceAddress.parse(base_url.strip() or preset or OPENAI_URL)
    except GenerationError:
        return None


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


# --- the tab ----------------------------------------------------------------------------------------------------------


def build(
    page: gr.Blocks,
    tabs: gr.Tabs,
    checker: gr.Dropdown,
    pack_in_hand: gr.BrowserState,
    kept: gr.BrowserState,
    clips: gr.BrowserState,
) -> None:
    """Lay out the tab in the Blocks context it is called in, and wire it.

    Args:
        page: the page it is on.
        tabs: the page's tabs, to go on to Curate.
        checker: holds the name of the model that checks the candidates.
        pack_in_hand: holds the id of the pack that Curate shows.
        kept: holds the task and the generator of this browser's last visit.
        clips: holds the data sets that Curate remembers, by pack.
    """
    with gr.Row(equal_height=False, elem_id="generate"):
        with gr.Column(scale=8, min_width=320, elem_classes="steps"):
            with gr.Accordion(STEPS[0], elem_id="step-task", elem_classes="step") as task_step:
                with gr.Row():
                    category = gr.Dropdown(
                        CATEGORY_CHOICES, value="instruments", label="Kind of task", min_width=200, elem_id="category"
                    )
                    preset = gr.Dropdown(
                        [PRESET_PROMPT, *presets()], value=PRESET_PROMPT, label="Ready-made labels", min_width=200,
                        elem_id="generate-preset",
                    )  # fmt: skip
                labels = gr.Textbox(
                    label="Labels, separated by commas or line breaks", lines=2, max_lines=6,
                    placeholder="piano, violin, flute", elem_id="generate-labels",
                )  # fmt: skip
                with gr.Row(elem_classes=["examples", "from-data"]):
                    demonstration = gr.Button(
                        "Instruments demonstration", size="md", min_width=120, elem_id="demonstration"
                    )
                    data = gr.Textbox(
                        label="Data set whose classes are the labels",
                        show_label=False, container=False, scale=3, min_width=200, elem_id="labels-from",
                        placeholder="or the classes of a data set: path of a CSV file, folder or zip, then Enter",
                        elem_classes="bare",
                    )  # fmt: skip
                with gr.Row(elem_classes="act"):
                    proposing = gr.Button(
                        "Propose words", variant="primary", size="md", elem_id="propose", elem_classes="go"
                    )
                    halt_proposing = gr.Button("Stop", size="md", elem_classes="stop")
                    beside_proposing = gr.HTML(in_use(LEXICON, 0, "", "", TEMPERATURE))
                task_state = gr.HTML(elem_id="task-state")
            # Closed by their class: Gradio builds what is in an accordion with open=False only once it is opened, and
            # an update that arrives just then is lost.
            with gr.Accordion(STEPS[1], elem_id="step-words", elem_classes=["step", "later"]) as words_step:
                chips, typed, offered = {}, {}, {}
                for kind_of_word, heading, example in (
                    ("attributes", "Attributes", "add your own: silvery, hollow"),
                    ("sources", "Sources", "add your own: salon, the hills"),
                ):
                    offered[kind_of_word] = gr.State([])
                    chips[kind_of_word] = gr.CheckboxGroup(
                        [], label=heading, show_select_all=True, elem_id=kind_of_word, elem_classes="chips"
                    )
                    typed[kind_of_word] = gr.Textbox(
                        label=f"Add to the {kind_of_word}",
                        show_label=False, container=False, placeholder=f"{example}, then Enter",
                        elem_id=f"add-{kind_of_word}", elem_classes="bare",
                    )  # fmt: skip
                words_state = gr.HTML(elem_id="words-state")
                better = gr.State(None)
                take_better = gr.Button("", size="md", visible=False, elem_id="take-better")
            with gr.Accordion(STEPS[2], elem_id="step-candidates", elem_classes=["step", "later"]) as written_step:
                with gr.Row(elem_classes="act"):
                    count = gr.Number(
                        COUNT, minimum=1, maximum=MAX_CANDIDATES, precision=0, show_label=False, container=False,
                        scale=0, min_width=72, label="How many", elem_id="count", elem_classes="bare",
                    )  # fmt: skip
                    writing = gr.Button(
                        "Write candidates", variant="primary", size="md", elem_id="write", elem_classes="go"
                    )
                    halt_writing = gr.Button("Stop", size="md", elem_id="stop", elem_classes="stop")
                    beside_writing = gr.HTML(in_use(LEXICON, 0, "", "", TEMPERATURE))
                progress = gr.HTML(elem_id="progress")
                with gr.Row(elem_classes="send"):
                    title = gr.Textbox(label="Pack", scale=3, min_width=180, elem_id="pack-title")
                    pack_id = gr.Textbox(label="Id", scale=2, min_width=160, elem_id="pack-id")
                    sending = gr.Button("Send to Curate", variant="primary", size="md", min_width=140, elem_id="send")
                sent = gr.HTML(elem_id="sent")
                table = gr.HTML(markup.empty(NO_CANDIDATES), elem_id="candidates")
        with gr.Column(scale=4, min_width=300, elem_classes="aside"):
            with gr.Group():
                kind = gr.Radio(
                    [one.title for one in GENERATORS], value=LEXICON, label="Written by", elem_id="generator"
                )
                with gr.Column(visible=False, elem_id="service") as service:
                    model = gr.Textbox(
                        value="", label="Model", placeholder="the service's name for it", elem_id="service-model"
                    )
                    base_url = gr.Textbox(
                        value="", label="Address", placeholder=OPENAI_URL,
                        elem_id="service-url",
                    )  # fmt: skip
                    key = gr.Textbox(
                        value="", label="Key", info=key_state(""), type="password", elem_id="service-key",
                        html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
                    )  # fmt: skip
                with gr.Row():
                    temperature = gr.Number(
                        TEMPERATURE, minimum=0, maximum=2, step=0.1, label="Temperature", visible=False, min_width=120,
                        placeholder="the model's own", elem_id="temperature",
                    )  # fmt: skip
                    seed = gr.Number(0, precision=0, label="Seed", min_width=120, elem_id="seed")
            with gr.Accordion("Show the exact prompt", open=False, elem_id="exact") as exact_fold:
                exact = gr.HTML(elem_id="exact-prompt")
    pack = gr.State(None)

    task, words = [category, labels], [chips["attributes"], chips["sources"]]
    settings: list[Any] = [kind, seed, model, base_url, temperature]
    remembered: list[Any] = [category, labels, kind, seed, model, base_url, temperature, count]
    instant: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    long: dict[str, Any] = {
        "show_progress": "hidden", "api_visibility": "private", "concurrency_limit": WRITERS
    }  # fmt: skip

    # the task
    preset.input(choose_preset, preset, task, **instant)
    demonstration.click(choose_demonstration, None, task, **instant)
    data.submit(choose_data, data, [labels, task_state], **long)
    asked: dict[str, Any] = {
        "fn": propose, "inputs": [*task, *settings, key],
        "outputs": [
            task_state, task_step, words_step, words_state, *offered.values(), *words, written_step, better, take_better
        ], **long,
    }  # fmt: skip
    proposed = proposing.click(**asked)
    again = take_better.click(use_category, better, category, **instant).then(**asked)
    halt_proposing.click(lambda: view.notice("Stopped."), None, task_state, cancels=[proposed, again], **instant)

    # words
    for name in chips:
        typed[name].submit(
            add_words, [gr.State(name), offered[name], chips[name], typed[name]],
            [offered[name], chips[name], typed[name], words_state], **instant,
        )  # fmt: skip

    # candidates
    written = writing.click(
        write,
        [*task, *words, count, *settings, key, checker],
        [words_step, progress, table, pack, title, pack_id],
        **long,
    )
    writing.click(lambda: (due(2), ""), None, [written_step, sent], **instant)
    halt_writing.click(
        stopped, [pack, count, checker], [progress, table], cancels=[written], show_progress="hidden",
        api_visibility="private",
    ).then(proposed_names, pack, [title, pack_id], **instant)  # fmt: skip
    sending.click(send, [pack, title, pack_id, data, clips], [pack_in_hand, clips, tabs, written_step, sent], **instant)

    # the generator
    gr.on(
        [field.change for field in settings], _in_use, settings, [beside_proposing, beside_writing], **instant,
    )  # fmt: skip
    kind.change(for_service, kind, [service, temperature], **instant)
    gr.on([page.load, base_url.change], _key_info, base_url, key, **instant)
    gr.on(
        [exact_fold.expand, kind.change, category.change, labels.change, count.change, *(one.change for one in words)],
        exact_prompt, [kind, *task, *words, count], exact, **instant,
    )  # fmt: skip

    # what this browser remembers
    page.load(recall, kept, remembered, **instant)
    gr.on([field.change for field in remembered], remember, remembered, kept, **instant)


def _in_use(
    kind: str, seed: float | None, model: str, base_url: str, temperature: float | None, request: gr.Request
) -> tuple[str, str]:
    return (in_use(kind, seed, model, base_url, temperature, request),) * 2


def _key_info(base_url: str, request: gr.Request) -> Any:
    return gr.Textbox(info=key_state(base_url, request))
