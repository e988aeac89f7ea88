"""Prompts written by hand in the Curate tab."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr

from audioprompt.prompts.checks import check
from audioprompt.prompts.history import write_prompt
from audioprompt.prompts.pack import PackError
from audioprompt.prompts.template import Template, TemplateError
from audioprompt.server.context import Context
from audioprompt.ui import markup
from audioprompt.ui.components import curate as html
from audioprompt.ui.components.curate import CurateView
from audioprompt.ui.events import View
from audioprompt.ui.tabs.curate.render import choose_pack, render_view

COMPOSING = {
    "write": "A new prompt, with {} where the sound's name goes",
    "edit": "Edit: your wording becomes a new prompt, and the old one is rejected as replaced",
    "duplicate": "Duplicate: change the wording; the old prompt stays as it is",
}
ORIGINS = {"edit": "edited_from", "duplicate": "copied_from"}  # as `write_prompt` takes the text that was there

Origin = Mapping[str, str] | None  # what a prompt is made from; None where none is being written


def compose(view: CurateView | None, event: gr.EventData) -> View:
    """Begin to write a prompt as was asked for in the table."""
    return begin_prompt(view, str(event.what), str(event.on))


def begin_prompt(view: CurateView | None, what: str, on: str) -> View:
    """Begin to write a prompt: the field, what opens the composer, and what the prompt is made from."""
    if view is None or what not in COMPOSING:
        return {"origin": None}
    positions = view.measured.positions
    origin = {ORIGINS[what]: on} if what in ORIGINS and on in positions else {}
    text = view.measured.templates[positions[on]].as_string() if origin else ""
    return {
        "wording": gr.Textbox(text, label=COMPOSING[what]),
        "composing": html.COMPOSER_OPEN,
        "preview": "",
        "origin": origin,
    }


def preview(view: CurateView | None, origin: Origin, text: str) -> View:
    """Show what a prompt that is being written becomes, or why it is none; nothing where none is being written."""
    if view is None or origin is None or not text.strip():
        return {"preview": ""}
    try:
        template = Template.parse(text)
    except TemplateError as error:
        return {"preview": markup.problem(error)}
    flags = check([template], view.measured.validation.spoken_classes)[0]
    return {"preview": html.written(template, view.label, flags)}


def save_prompt(context: Context, view: CurateView | None, origin: Origin, text: str) -> View:
    """Add a prompt to the pack, measure and select it, with all prompts shown."""
    if view is None or origin is None:
        return {}
    made_from: dict[str, Any] = {name: origin[name] for name in ORIGINS.values() if name in origin}
    try:
        template = Template.parse(text)
        context.store.update(view.pack_id, partial(write_prompt, text=text, who=context.name, **made_from))
        shown = render_view(context, replace(view, only="all", search=""), go=template.text)
    except (PackError, TemplateError) as error:
        return {"preview": markup.problem(error)}
    return {**cancel(), "pack": choose_pack(context, view.pack_id), "search": "", **shown}


def cancel() -> View:
    """Stop writing."""
    return {"origin": None, "composing": "", "preview": ""}
