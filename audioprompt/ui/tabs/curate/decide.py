"""What clicks and keys in Curate's table do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from audioprompt.audio.decode import read
from audioprompt.prompts.pack import PackError
from audioprompt.server import access
from audioprompt.server.context import Context
from audioprompt.services import curate as service
from audioprompt.services.curate.decisions import STATUSES, decide_unmeasured, step_history
from audioprompt.ui import markup
from audioprompt.ui.components import curate as html
from audioprompt.ui.components.curate import FILTERS, SORTS, CurateView, select_rows
from audioprompt.ui.events import View
from audioprompt.ui.tabs.curate.render import render_details, render_view, take_snapshot
from audioprompt.util.text import one_line, sentence

PLAYED_AT = 44_100  # Hz
LONGEST_PLAYED = 60.0  # seconds

Act = Mapping[str, Any]  # what the script asks for


def act(context: Context, view: CurateView | None, event: gr.EventData) -> View:
    """Do what was asked for in the table, or what the browser kept while the server was away."""
    return apply_acts(context, view, event.acts)


def apply_acts(context: Context, view: CurateView | None, acts: Sequence[Act]) -> View:
    """Do what was asked for, one after the other, and show where that leads.

    A decision that comes with the name of its pack needs no view: one that a browser kept while the server was away is
    taken by whichever server is there then.
    """
    note, go = "", None
    saved: list[str] = []
    refused: list[dict[str, Any]] = []
    for one in acts:
        try:
            _refuse_other_role(context, one)
            if "pack" in one and not (view and view.pack_id == one["pack"]):
                decide_unmeasured(context.store, str(one["pack"]), _texts_of(one), str(one.get("do")), context.name)
            elif view:
                view, go = _apply(context, view, one)
            saved += [str(one["id"])] if "id" in one else []
        except (PackError, access.NotAllowed) as error:
            note = sentence(error)
            later = isinstance(error, access.NotAllowed)
            refused.append({"id": str(one.get("id")), "reason": note, "later": later})
    update: View = {"outbox": html.receipt(saved, refused)} if any("id" in one for one in acts) else {}
    try:
        return update | (render_view(context, view, note, go) if view else {})
    except PackError as error:
        return update | {"actions": markup.problem(error)}


def _refuse_other_role(context: Context, act: Act) -> None:
    """Keep what was decided as a curator out of a visitor's copy, which is soon gone, and the other way round."""
    if act.get("role", context.role.value) == context.role.value:
        return
    if context.is_curator:
        raise access.NotAllowed("It was decided on a visitor's copy: discard it, or sign out and try again.")
    raise access.NotAllowed("You were signed in when you decided: sign in and try again.")


def _texts_of(act: Act) -> list[str]:
    """Return the templates that a decision is on."""
    on = act.get("on")
    return [str(text) for text in on] if isinstance(on, list) else [str(on)]


def _apply(context: Context, view: CurateView, act: Act) -> tuple[CurateView, str | None]:
    """Do one act: the view after it, and the template to select if it asks for that."""
    what: Any = act.get("do")
    store, who = context.store, context.name
    if what in STATUSES:
        service.decide(store, view.measured, view.pack_id, dict.fromkeys(_texts_of(act), what), who)
        return view, None
    if what in ("undo", "redo"):
        texts = step_history(store, view.pack_id, what, who)
        return view, texts[0] if len(texts) == 1 else None
    if what == "apply" and view.proposal:
        service.apply_proposal(store, view.measured, view.pack_id, view.proposal, who)
        return replace(view, proposal=None), None
    if what == "dismiss":
        return replace(view, proposal=None), None
    return _arrange(context, view, act), None


def _arrange(context: Context, view: CurateView, act: Act) -> CurateView:
    """Filter or sort the rows, the other way round where they are sorted like this."""
    what, key = act.get("do"), act.get("key")
    if what == "filter" and key in FILTERS:
        view = replace(view, only=key)
    elif what == "sort" and key in SORTS:
        view = replace(view, sort=(key, view.sort == (key, False) and key != "order"))
    else:
        return view
    return select_rows(view, take_snapshot(context, view))


def search(context: Context, view: CurateView | None, words: str) -> View:
    """Show only the templates that have some words."""
    if view is None:
        return {}
    view = replace(view, search=words)
    return render_view(context, select_rows(view, take_snapshot(context, view)))


def fill_prompts(context: Context, view: CurateView | None, label: str) -> View:
    """Fill the prompts with another class."""
    return render_view(context, replace(view, label=label)) if view else {}


def look(context: Context, view: CurateView | None, event: gr.EventData) -> View:
    """Show all about the template that was selected, and what is below the table."""
    return render_details(context, view, str(event.selected), str(event.turn)) if view else {}


def tick(context: Context, view: CurateView | None, event: gr.EventData) -> View:
    """Show what others have decided, and whatever else the page has missed."""
    return refresh(context, view, str(event.version))


def refresh(context: Context, view: CurateView | None, shown: str = "") -> View:
    """Show a pack as it is now, unless that is what the page shows.

    Args:
        context: who looks.
        view: what they look at.
        shown: the version of the pack's file that the page shows, empty for none.
    """
    if view is None or context.store.stamp(view.pack_id) == shown:
        return {}
    return render_view(context, view)


def redraw(context: Context, view: CurateView | None) -> View:
    """Show a view from scratch, to a page whose table is another one."""
    return render_view(context, replace(view, layout=())) if view else {}


def play(view: CurateView | None, event: gr.EventData) -> View:
    """Play the clip that was chosen."""
    return play_clip(view, int(event.clip))


def play_clip(view: CurateView | None, clip: int) -> View:
    """Put a clip into the player."""
    if view is None or not 0 <= clip < len(view.measured.validation):
        return {}
    path, name = view.measured.validation.paths[clip], view.measured.validation.labels[clip]
    sound = read(path, PLAYED_AT, first_seconds=LONGEST_PLAYED).samples
    samples = (sound.clip(-1, 1) * 32767).astype("int16")
    return {"player": gr.Audio((PLAYED_AT, samples), label=one_line(f"{name}: {path.name}"), visible=True)}
