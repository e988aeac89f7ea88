"""What goes into the Space: choices, and what comes of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from huggingface_hub import get_token

from audioprompt.errors import AudiopromptError
from audioprompt.hosting import TABS
from audioprompt.server import access
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.services.collection import Collection
from audioprompt.space.belongings import Belongings
from audioprompt.space.choices import FIELDS, Choices, choose_head, plan_of, settle
from audioprompt.ui import markup
from audioprompt.ui.choices import pack_choices
from audioprompt.ui.components import publish as view
from audioprompt.ui.events import View

TOKEN_THERE = "Leave empty to use this machine's token. A token you enter is sent to the Hub and not stored."
TOKEN_WANTED = "A token with write access, from huggingface.co/settings/tokens. It is sent to the Hub and not stored."
NO_PACKS = (
    "A Space answers with prompts that somebody approved, and no pack has any yet. Go to Curate, measure a pack on "
    "clips and approve what helps: it can then be chosen here."
)
DRAWN = ("kept", *FIELDS, "clips_fold", "preview", "files")


def show(chosen: Choices, belongings: Belongings, context: Context = IN_PROCESS) -> View:
    """Show what the Space will look like and its files; or why there is none."""
    from audioprompt.space import sizes

    heading = {"clips_fold": gr.Accordion(label=view.examples_heading(chosen)), "kept": chosen}
    if not pack_choices(context):
        return {**heading, "preview": markup.empty(NO_PACKS), "files": ""}
    try:
        plan = plan_of(chosen, belongings.now, context.store)
        return {**heading, "preview": view.preview(plan), "files": view.files(sizes(plan))}
    except AudiopromptError as error:
        return {**heading, "preview": markup.problem(error), "files": ""}


def draw(chosen: Choices, belongings: Belongings, context: Context = IN_PROCESS) -> View:
    """Show the choices, every field with what can be chosen now, and what comes of them."""
    own = belongings.now
    fields: View = {name: chosen[name] for name in FIELDS} | {
        "packs": gr.CheckboxGroup(choices=pack_choices(context), value=chosen["packs"]),
        "heads": gr.CheckboxGroup(
            choices=view.head_choices(own.heads), value=chosen["heads"], info=None if own.heads else view.NO_HEADS
        ),
        "tabs": [tab for tab in chosen["tabs"] if tab != TABS[0]],
        "examples": gr.CheckboxGroup(choices=view.clip_choices(own.offered), value=chosen["examples"]),
    }
    return fields | show(chosen, belongings, context)


def open_choices(
    kept: Choices | None,
    belongings: Belongings,
    pack_id: str,
    collection: Collection,
    sound: str | None,
    labels: str | None,
    context: Context = IN_PROCESS,
) -> View:
    """Show what can go in now, with the clips of the Learn tab and of Classify for those who may publish."""
    if context.is_curator:
        belongings.offer(collection.now.clips, sound, labels or "")
    chosen = settle(kept, belongings.now, context.store, pack_id)
    return {
        "belongings": belongings,
        **draw(chosen, belongings, context),
        "advice": advise(context),
        "token": gr.Textbox(info=token_info(context)),
    }


def take_head(
    kept: Choices | None, belongings: Belongings, head_id: str, collection: Collection, context: Context = IN_PROCESS
) -> View:
    """Put a head that came into use into the Space; clips of the hub are offered, and go in only if chosen."""
    if not belongings.take_head(head_id):
        return {}
    if context.is_curator:
        belongings.offer(collection.now.clips)
    mine = not collection.now.read.startswith("hf:")
    return {"kept": choose_head(kept, belongings.now, head_id, mine), "belongings": belongings}


def change(kept: Choices | None, belongings: Belongings, values: View, context: Context = IN_PROCESS) -> View:
    """Take the choices that were changed; a field that is folded away says None, and keeps what was chosen before."""
    given: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    if "tabs" in given:
        given["tabs"] = [TABS[0], *given["tabs"]]
    return show(settle({**(kept or {}), **given}, belongings.now, context.store), belongings, context)


def bring(
    kept: Choices | None, belongings: Belongings, files: Sequence[str | Path], context: Context = IN_PROCESS
) -> View:
    """Take saved heads, and clips to try, which are meant to go in; or say what is wrong with the first that is bad.

    Raises:
        NotAllowed: a visitor brings them.
    """
    access.only_curators(context.request, "publish")
    before, note = belongings.now, ""
    try:
        for file in map(Path, files):
            belongings.bring(file)
    except (AudiopromptError, OSError) as error:
        note = markup.problem(error)
    own = belongings.now
    chosen = settle(kept, own, context.store)
    chosen["heads"] = [*chosen["heads"], *(name for name in own.heads if name not in before.heads)]
    chosen["examples"] = [*(name for name in own.clips if name not in before.clips), *chosen["examples"]]
    return {"belongings": belongings, "note": note, **draw(chosen, belongings, context)}


def token_info(context: Context = IN_PROCESS) -> str:
    """Where the token comes from if none is typed, for those who may use it, and what becomes of one that is."""
    return TOKEN_THERE if context.is_curator and get_token() else TOKEN_WANTED


def advise(context: Context = IN_PROCESS) -> str:
    """Return what visitors are to do instead; empty for curators."""
    try:
        access.only_curators(context.request, "publish")
    except access.NotAllowed as error:
        return view.standing(error)
    return ""
