"""The Generate tab: from a task and its labels to candidate prompts, in three steps."""

from typing import Any

import gradio as gr

from audioprompt.server.limits import WRITERS
from audioprompt.ui.components import generate as view
from audioprompt.ui.events import INSTANT, LAST, Form, Parts, View
from audioprompt.ui.page import Page
from audioprompt.ui.tabs.generate import steps, task
from audioprompt.ui.tabs.generate.layout import WORDS, lay_out
from audioprompt.ui.tabs.generate.task import REMEMBERED, Asked, Writer

LONG: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": WRITERS}
SETTINGS = ("kind", "seed", "model", "base_url", "temperature")


def build(page: Page, tab: gr.Tab) -> None:
    """Lay out the tab and wire it."""
    parts = lay_out() | Parts(kept=page.task, pack_in_hand=page.pack, clips=page.clips, tabs=page.tabs)
    writer = Form(Writer, **{name: parts[name] for name in (*SETTINGS, "key")})
    asked = Form(Asked, **{name: parts[name] for name in ("category", "labels", *WORDS, "count")})
    _wire_task(parts, writer)
    _wire_words(parts)
    _wire_candidates(page, parts, asked, writer)
    _wire_generator(page, parts, asked)
    remembered = Form(dict, **{name: parts[name] for name in REMEMBERED})
    page.blocks.load(**parts.only(*REMEMBERED).told_by(task.recall, [page.task]), **INSTANT)
    changed = [parts[name].change for name in REMEMBERED]
    gr.on(changed, **parts.only("kept").told_by(task.remember, [remembered]), **INSTANT)


def _wire_task(parts: Parts, writer: Form) -> None:
    category, labels = parts["category"], parts["labels"]
    chosen, data = parts.only("category", "labels"), parts["data"]
    parts["preset"].input(**chosen.told_by(task.choose_preset, [parts["preset"]]), **INSTANT, **LAST)
    parts["demonstration"].click(**chosen.told_by(task.choose_demonstration), **INSTANT)
    named = parts.only("labels", "task_state").told_by(task.choose_data, [data], problem="task_state")
    data.submit(**named, **LONG, **LAST)
    offered = (f"offered_{kind}" for kind in WORDS)
    told = parts.only(
        "task_state",
        "task_step",
        "words_step",
        "words_state",
        *offered,
        *WORDS,
        "written_step",
        "better",
        "take_better",
    )
    propose = told.told_by(steps.propose, [category, labels, writer], problem="task_state") | LONG
    proposed = parts["proposing"].click(**propose)
    use_better = parts.only("category").told_by(steps.use_category, [parts["better"]])
    again = parts["take_better"].click(**use_better, **INSTANT).then(**propose)
    halted = parts.only("task_state").told_by(lambda: {"task_state": view.notice("Stopped.")})
    parts["halt_proposing"].click(**halted, cancels=[proposed, again], **INSTANT)


def _wire_words(parts: Parts) -> None:
    for kind in WORDS:
        told = parts.only(f"offered_{kind}", kind, f"add_{kind}", "words_state")
        typed = parts[f"add_{kind}"]
        inputs = [gr.State(kind), parts[f"offered_{kind}"], parts[kind], typed]
        typed.submit(**told.told_by(steps.add_words, inputs, problem="words_state"), **INSTANT, **LAST)


def _wire_candidates(page: Page, parts: Parts, asked: Form, writer: Form) -> None:
    names, pack = parts.only("title", "pack_id"), parts["pack"]
    told = parts.only("words_step", "progress", "table", "pack") | names
    write = told.told_by(steps.write, [asked, writer, page.model], problem="progress")
    written = parts["writing"].click(**write, **LONG)
    begun = parts.only("written_step", "sent").told_by(_begin_writing)
    parts["writing"].click(**begun, **INSTANT)
    stopped = parts.only("progress", "table").told_by(steps.stopped, [pack, parts["count"], page.model])
    parts["halt_writing"].click(**stopped, cancels=[written], show_progress="hidden", api_visibility="private").then(
        **names.told_by(steps.propose_names, [pack]), **INSTANT
    )
    inputs = [pack, parts["title"], parts["pack_id"], parts["data"], page.clips]
    sent = parts.only("pack_in_hand", "clips", "tabs", "written_step", "sent")
    parts["sending"].click(**sent.told_by(steps.send, inputs, problem="sent"), **INSTANT)


def _begin_writing() -> View:
    return {"written_step": steps.due(2), "sent": ""}


def _wire_generator(page: Page, parts: Parts, asked: Form) -> None:
    kind, base_url = parts["kind"], parts["base_url"]
    settings = Form(Writer, **{name: parts[name] for name in SETTINGS})
    beside = parts.only("beside_proposing", "beside_writing").told_by(task.show_in_use, [settings])
    gr.on([parts[name].change for name in SETTINGS], **beside, **INSTANT)
    kind.change(**parts.only("service", "temperature").told_by(task.show_service, [kind]), **INSTANT)
    key_info = parts.only("key").told_by(task.show_key_info, [base_url])
    gr.on([page.blocks.load, base_url.change], **key_info, **INSTANT, **LAST)
    changed = [parts[name].change for name in ("kind", "category", "labels", "count", *WORDS)]
    exact = parts.only("exact").told_by(task.show_exact_prompt, [kind, asked])
    gr.on([parts["exact_fold"].expand, *changed], **exact, **INSTANT, **LAST)
