"""A view of Curate, rendered: each part of the page that shows it."""

from __future__ import annotations

from dataclasses import replace
from secrets import token_hex
from typing import Any
from weakref import WeakValueDictionary

import gradio as gr

from audioprompt.server.context import Context
from audioprompt.services.curate import compare_packs, revise
from audioprompt.ui.components import curate as html
from audioprompt.ui.components.curate import CurateView, Snapshot, select_rows
from audioprompt.ui.events import View

VIEW = ("view", "strip", "filters", "table", "patch", "actions")  # the parts in which `render_view` answers
DETAILS = ("side", "foot", "versus")  # those in which `render_details` does
SHOWN_NOW: WeakValueDictionary[str, CurateView] = WeakValueDictionary()  # by page; Gradio keeps them while it is open
CLIPS = "Validation clips"  # title of what asks where they are; where some were listened to, they are named behind it
EMPTY: View = {  # no pack is shown
    **dict.fromkeys((*VIEW, *DETAILS, "answers"), ""),
    "view": None,
    "clips": gr.update(label=CLIPS),
}


def take_snapshot(context: Context, view: CurateView) -> Snapshot:
    """Read the pack of a view as it is now; templates that someone added are measured.

    Raises:
        PackError: the pack is gone, or its file is broken.
    """
    pack = context.store.get(view.pack_id)
    return Snapshot(view.measured.for_pack(pack), pack)


def render_view(context: Context, view: CurateView, note: str = "", go: str | None = None) -> View:
    """Show a view with its pack as it is in the store now.

    Where the page has the table, it is told what decisions have changed there. Details are left to `render_details`.

    Args:
        context: who looks.
        view: what to show.
        note: a sentence for the person.
        go: text of the template to select, None to leave that to the page.

    Raises:
        PackError: the pack is gone, or its file is broken.
    """
    version = context.store.stamp(view.pack_id)
    now = take_snapshot(context, view)
    if now.measured is not view.measured:  # someone added templates
        view = select_rows(replace(view, measured=now.measured, proposal=None), now)
    proposal = view.proposal and revise(view.proposal, now.measured, now.pack)
    changes = proposal.changes(now.pack) if proposal else {}
    view = replace(view, version=version, proposal=proposal, turn=view.turn + 1)
    layout = (view.rows, len(now.rows), view.label, view.sort, context.role)
    if layout == view.layout:
        rows: View = {"patch": html.patch(view, now, changes, go)}
    else:
        view = replace(view, layout=layout, edition=token_hex(4))
        rows = {"table": html.table(view, now, changes, go, context.role.value)}
    if context.page:
        SHOWN_NOW[context.page] = view
    return {
        "view": view,
        "strip": html.strip(now),
        "filters": html.filters(now, view.only),
        "actions": html.actions(now, proposal, note),
        **rows,
    }


def newest(context: Context, view: CurateView) -> CurateView:
    """Return a view as the page shows it by now: people filter, decide and write while something is worked out."""
    return SHOWN_NOW.get(context.page, view)


def render_details(context: Context, view: CurateView, selected: str, turn: str) -> View:
    """Show all about one template, and what is below the table unless that is up to date.

    Args:
        context: who looks.
        view: what is shown.
        selected: text of the template.
        turn: of what the page has below the table.

    Raises:
        PackError: the pack is gone, or its file is broken.
    """
    now = take_snapshot(context, view)
    side = {"side": html.side(now, selected, view.label)}
    return side if turn == str(view.turn) else {**side, "foot": html.foot(view, now), "versus": _versus(view, now)}


def _versus(view: CurateView, now: Snapshot) -> str:
    if view.other is None:
        return ""
    return html.comparison(now.pack, view.other[0], compare_packs(now.measured, now.pack, *view.other))


def list_packs(context: Context) -> list[tuple[str, str]]:
    """Return the packs to choose from: what is shown, and the id."""
    packs = [(f"{pack.title} ({len(pack.entries)})", pack.id) for pack in context.store.packs()]
    return [("Choose a pack …", ""), *packs]


def choose_pack(context: Context, pack_id: str) -> Any:
    """Return the list of packs as it is now, with one chosen."""
    return gr.Dropdown(choices=list_packs(context), value=pack_id)
