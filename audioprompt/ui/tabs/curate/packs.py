"""Packs as a whole in the Curate tab: files, titles, copies, and the trash."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import gradio as gr

from audioprompt.prompts.formats import PACK_FORMATS, read_pack
from audioprompt.prompts.formats.report import REPORT
from audioprompt.prompts.history import rename
from audioprompt.prompts.pack import PackError
from audioprompt.server.context import Context
from audioprompt.services.curate import write_report
from audioprompt.services.curate.setup import Remembered
from audioprompt.services.generate import copy_pack, create_under_free_id
from audioprompt.ui import markup
from audioprompt.ui.components import curate as html
from audioprompt.ui.components.curate import CurateView
from audioprompt.ui.events import View
from audioprompt.ui.tabs.curate.measure import SHOWN, enter
from audioprompt.ui.tabs.curate.render import EMPTY, choose_pack


def export(context: Context, view: CurateView | None, pack_id: str | None, kind: str) -> View:
    """Hand a pack to the browser as a file: its name and what it holds. A report tells what was measured, too."""
    if not pack_id:
        return {"parcel": None}
    form = PACK_FORMATS[kind]
    try:
        pack = context.store.get(pack_id)
        measured = view and view.pack_id == pack_id and kind == REPORT.name
        content = write_report(view.measured.for_pack(pack), pack) if view and measured else form.write(pack)
    except PackError as error:
        return {"parcel": None, "message": markup.problem(error)}
    return {"parcel": {"name": pack_id + form.suffix, "content": content}}


def import_pack(context: Context, path: str) -> str:
    """Take a pack, list or table into the store: the id it has there.

    Raises:
        PackError: it is none of these, or cannot be saved.
    """
    file = Path(path)
    return create_under_free_id(context.store, read_pack(file.read_bytes(), file.name)).id


def show_imported(
    context: Context, view: CurateView | None, path: str, remembered: Remembered, model: str
) -> Iterator[View]:
    """Import a pack and go on with it."""
    yield from enter(context, view, import_pack(context, path), remembered, model)


def show_title(context: Context, pack_id: str | None) -> View:
    """Show the title of a pack, empty for none."""
    return {"title": context.store.get(pack_id).title if pack_id in context.store.ids() else ""}


def rename_pack(context: Context, pack_id: str | None, title: str) -> View:
    """Give a pack another title."""
    if not pack_id:
        return {"message": html.START}
    context.store.update(pack_id, partial(rename, title=title, who=context.name))
    return {"message": "", "pack": choose_pack(context, pack_id)}


def show_copied(
    context: Context, view: CurateView | None, pack_id: str | None, remembered: Remembered, model: str
) -> Iterator[View]:
    """Duplicate a pack and go on with the copy, on the same clips."""
    if not pack_id:
        yield {"message": html.START}
        return
    copy = copy_pack(context.store, pack_id, context.name)
    same_clips = {copy.id: remembered[pack_id]} if pack_id in remembered else {}
    yield from enter(context, view, copy.id, remembered | same_clips, model)


def ask_to_delete(context: Context, pack_id: str | None) -> View:
    """Ask whether a pack is really to be deleted."""
    return {"message": html.ask_to_delete(context.store.get(pack_id)) if pack_id else html.START}


def keep() -> View:
    """Ask no more."""
    return {"message": ""}


def remove(context: Context, event: gr.EventData) -> View:
    """Delete the pack that was asked about."""
    return delete_pack(context, str(event.pack))


def delete_pack(context: Context, pack_id: str) -> View:
    """Move a pack to the trash, and show nothing in its place but the way back."""
    pack = context.store.get(pack_id)
    context.store.delete(pack_id)
    SHOWN.ask(context, None)  # nobody waits any longer for what is measured of it
    message = html.deleted(pack, pack_id in context.store.ids())
    return {**EMPTY, "message": message, "pack_in_hand": "", "pack": choose_pack(context, "")}


def restore(context: Context, remembered: Remembered, model: str, event: gr.EventData) -> Iterator[View]:
    """Bring back the pack that was just deleted."""
    yield from show_restored(context, str(event.pack), remembered, model)


def show_restored(context: Context, pack_id: str, remembered: Remembered, model: str) -> Iterator[View]:
    """Bring a deleted pack back and go on with it."""
    yield from enter(context, None, context.store.restore(pack_id).id, remembered, model)
