"""The three steps: words are proposed, words are kept, and candidates are written with them."""

import time
from collections.abc import Generator as Yielding
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timezone
from functools import partial
from typing import Any

import gradio as gr

from audioprompt.errors import AudiopromptError
from audioprompt.prompts.checks import Flag, check
from audioprompt.prompts.generators import GenerationError, Generator, Ideas, Task, as_pack
from audioprompt.prompts.pack import PackError, PromptPack
from audioprompt.prompts.template import Template
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.services.generate import better_category, flags_by_model, proposed_id, proposed_title, task_of
from audioprompt.ui import markup
from audioprompt.ui.components import generate as view
from audioprompt.ui.events import View
from audioprompt.ui.tabs.generate.task import CATEGORY_CHOICES, Asked, Writer, task_summary
from audioprompt.util.jobs import CHECKING, Job, Stopped, follow, tick
from audioprompt.util.text import counted, one_line

TICK_SECONDS = 0.25  # how long Stop may wait for a service that says nothing
DRAW_SECONDS = 0.5  # between two looks at the candidates that have come: drawing all of them takes its time
STEPS = ("Task and labels", "Attributes and sources", "Candidates")

Flags = list[tuple[Flag, ...]]


def done(summary: str) -> gr.Accordion:
    """Return a step that is done: closed, with its outcome in one line."""
    return gr.Accordion(label=summary, open=False, elem_classes=["step", "done"])


def due(step: int) -> gr.Accordion:
    """Return a step whose turn it is."""
    return gr.Accordion(label=STEPS[step], open=True, elem_classes="step")


# --- words ------------------------------------------------------------------------------------------------------------


def propose(category: str, labels: str, writer: Writer, context: Context = IN_PROCESS) -> Iterator[View]:
    """Propose attributes and sources for a task: yields that it runs, then the words, all of them kept at first.

    Raises:
        AudiopromptError: there are none; the message says what to change.
    """
    task, notice = task_of(category, labels)
    generator = writer.generator(context)
    yield {"task_state": view.running("Looking for words")}
    ideas = Ideas()
    for found in tick((generator.ideas(task) for _ in range(1)), TICK_SECONDS):
        ideas = found or ideas
        yield {}
    better = better_category(task)
    words = {"attributes": list(ideas.attributes), "sources": list(ideas.sources)}
    yield {
        "task_state": "",
        "task_step": done(task_summary(task)),
        "words_step": due(1),
        "words_state": view.notice(" ".join(filter(None, (notice, generator.notice, better and better[1])))),
        **{f"offered_{kind}": offered for kind, offered in words.items()},
        **{kind: gr.CheckboxGroup(offered, value=offered) for kind, offered in words.items()},
        "written_step": due(2),
        "better": (better[0] or "") if better else None,
        "take_better": gr.Button(f"Use “{_title_of(better[0])}” instead" if better else "", visible=bool(better)),
    }


def use_category(better: str | None) -> View:
    """Take the category that fits better as the task's."""
    return {"category": better or ""}


def add_words(kind: str, offered: list[str], kept: list[str], typed: str) -> View:
    """Add words of one's own, separated by commas or lines, to the attributes or to the sources; they are kept.

    Raises:
        GenerationError: they are too many.
        TemplateError: a word fits no template.
    """
    words = tuple(word for word in map(one_line, typed.replace("\n", ",").split(",")) if word)
    added = getattr(Ideas(**{kind: words}), kind)
    everything = list(getattr(Ideas(**{kind: (*offered, *words)}), kind))
    folded = {word.casefold() for word in (*kept, *added)}
    now = [word for word in everything if word.casefold() in folded]
    return {
        f"offered_{kind}": everything,
        kind: gr.CheckboxGroup(everything, value=now),
        f"add_{kind}": "",
        "words_state": "",
    }


# --- candidates -------------------------------------------------------------------------------------------------------


def write(asked: Asked, writer: Writer, checker: str, context: Context = IN_PROCESS) -> Iterator[View]:
    """Write candidates with the words kept, and check them when all are there.

    What was written earlier stays until the first of them is there.

    Args:
        asked: what they are asked for.
        writer: who writes them.
        checker: the model that checks them.
        context: of whoever asks.

    Raises:
        AudiopromptError: they cannot be written; the message says what to change.
    """
    task, ideas = asked.task, asked.ideas
    generator = writer.generator(context)
    words = f"{counted(len(ideas.attributes), 'attribute')}, {counted(len(ideas.sources), 'source')} kept"
    yield {"words_step": done(words), "progress": view.state(0, asked.wanted, running=True)}
    templates: list[Template] = []
    failure = ""
    try:
        yield from _written(generator, asked, templates)
    except GenerationError as error:
        failure = markup.problem(error)
    notice = view.notice(generator.notice)
    if not templates:
        yield {"progress": failure or notice}
        return
    # all of them, in time for whoever stops here, and names before anyone can type others
    pack = as_pack(task, templates, generator, "candidates", "Candidates")
    yield _drawn(templates, task, asked.wanted) | {"pack": pack} | propose_names(pack, context)
    yield from _checked(templates, task.labels, asked.wanted, checker, failure + notice, context)


def _written(generator: Generator, asked: Asked, templates: list[Template]) -> Iterator[View]:
    """Add candidates to a list as they come, and show them every now and then."""
    task, wanted = asked.task, asked.wanted
    drawn, last = 0, 0.0  # how many candidates the page shows, and since when
    for template in tick(generator.candidates(task, asked.ideas, wanted), TICK_SECONDS):
        if template is not None:
            templates.append(template)
        if len(templates) > drawn and (not drawn or time.monotonic() - last >= DRAW_SECONDS):
            pack = as_pack(task, templates, generator, "candidates", "Candidates")
            yield _drawn(templates, task, wanted) | {"pack": pack}
            drawn, last = len(templates), time.monotonic()
        elif template is None:
            yield {}


def _drawn(templates: Sequence[Template], task: Task, wanted: int) -> View:
    flags = check(templates, task.labels)
    return {
        "progress": view.state(len(templates), wanted, flags, running=True),
        "table": view.candidates_table(templates, flags, task.labels),
    }


def stopped(
    pack: PromptPack | None, count: float | None, checker: str, context: Context = IN_PROCESS
) -> Iterator[View]:
    """Show what has come once the person has stopped the generator."""
    if pack is None:
        yield {"progress": view.notice("Stopped before the first candidate.")}
        return
    templates, labels = _contents(pack)
    kept = view.notice("Stopped. The candidates so far are kept.")
    yield from _checked(templates, labels, Asked("", "", count=count).wanted, checker, kept, context)


def _checked(
    templates: Sequence[Template], labels: Sequence[str], wanted: int, checker: str, notes: str, context: Context
) -> Iterator[View]:
    """Check candidates and show them: how far that is, then the flags, with notes beside them."""
    flags, unchecked = yield from check_all(templates, labels, checker, wanted, context)
    yield {
        "progress": view.state(len(templates), wanted, flags) + notes + unchecked,
        "table": view.candidates_table(templates, flags, labels),
    }


def check_all(
    templates: Sequence[Template], labels: Sequence[str], checker: str, wanted: int, context: Context = IN_PROCESS
) -> Yielding[View, None, tuple[Flags, str]]:
    """Check candidates by all checks, or by those of the text alone where the model cannot be had.

    Args:
        templates: the candidates.
        labels: what they are filled with.
        checker: the model that checks them.
        wanted: how many candidates are wanted.
        context: of whoever asks.

    Yields:
        How far it is. Closed before the end, the work ends too; what was encoded is kept.

    Returns:
        The flags of each, and why they are not by all checks, as markup.
    """

    def work(job: Job[Flags]) -> Flags:
        return flags_by_model(context.model(checker), templates, labels, partial(job.progress, "prompts"))

    job = CHECKING.start(work, **context.terms)
    for now in follow(job, TICK_SECONDS, alone=True):
        yield {"progress": view.checking(len(templates), wanted, now.done, now.total)}
    try:
        return job.result(), ""
    except (AudiopromptError, Stopped) as error:
        reason = str(error) or "other work was begun."
        return check(templates, labels), view.notice(f"Checked by their text alone: {reason}")


def propose_names(pack: PromptPack | None, context: Context = IN_PROCESS) -> View:
    """Propose a title and a free id for candidates."""
    if pack is None:
        return {}
    task, today = Task(pack.category, _contents(pack)[1]), _today()
    return {"title": proposed_title(task, today), "pack_id": proposed_id(task, today, context.store.ids())}


def send(
    pack: PromptPack | None,
    title: str,
    pack_id: str,
    data: str = "",
    clips: dict[str, Any] | None = None,
    context: Context = IN_PROCESS,
) -> View:
    """Keep the candidates as a new pack, and go to Curate with it.

    Args:
        pack: the candidates.
        title: of the pack.
        pack_id: of the pack.
        data: the data set that the labels are from, on which Curate then measures them.
        clips: the data sets that Curate remembers, by pack.
        context: of whoever asks.

    Raises:
        PackError: there are none, or they cannot be kept.
    """
    if pack is None:
        raise PackError("There are no candidates yet: write some first.")
    pack = pack.model_copy(update={"id": pack_id.strip(), "title": title})
    context.store.create(pack)
    summary = f"{counted(len(pack.entries), 'candidate')} kept as {pack.id}, now in Curate"
    measured_on = {"clips": {**(clips or {}), pack.id: {"data": data.strip()}}} if data.strip() else {}
    return {
        "pack_in_hand": pack.id,
        **measured_on,
        "tabs": gr.Tabs(selected="curate"),
        "written_step": done(summary),
        "sent": "",
    }


def _contents(pack: PromptPack) -> tuple[list[Template], tuple[str, ...]]:
    """Return a pack's templates and labels."""
    return [entry.template for entry in pack.entries], next(iter(pack.label_presets.values()), ())


def _today() -> date:
    return datetime.now(timezone.utc).date()


def _title_of(category: str | None) -> str:
    return next(title for title, name in CATEGORY_CHOICES if name == (category or ""))
