"""The Curate tab: what each candidate is worth on real clips, and the decision on it.

What a page shows is in its `CurateView`; everything that lasts is in the store of packs. The table and all around it is
HTML made by `components/curate`; clicks and keys in it arrive here as the events that its script, `table.js`, triggers.
"""

from functools import partial
from typing import Any

import gradio as gr

from audioprompt.prompts.formats import PACK_FORMATS
from audioprompt.server.context import Context
from audioprompt.ui.components import curate as html
from audioprompt.ui.events import ALL, INSTANT, LAST, Form, Parts, View
from audioprompt.ui.page import Page
from audioprompt.ui.tabs.curate import decide, measure, packs, propose, write
from audioprompt.ui.tabs.curate.layout import lay_out
from audioprompt.ui.tabs.curate.layout import lay_out_outbox as lay_out_outbox
from audioprompt.ui.tabs.curate.render import DETAILS, VIEW

SLOW: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_limit": None,
    "concurrency_id": "curate",
}
MEASURED = ("message", *VIEW, *DETAILS, "answers", "label", "clips", "data", "folds", "share", "seed", "remembered")


def build(page: Page, tab: gr.Tab) -> None:
    """Lay out the tab and wire it."""
    held = Parts(model=page.model, pack_in_hand=page.pack, remembered=page.clips, outbox=page.outbox)
    parts = lay_out(page.data) | held
    page.blocks.load(**parts.only("session").told_by(show_session_note), **INSTANT)
    _wire_setup(parts, tab, page.switched)
    _wire_packs(parts)
    _wire_table(parts)
    _wire_composer(parts)


def show_session_note(context: Context) -> View:
    """Tell visitors what becomes of what they decide."""
    return {"session": "" if context.is_curator else html.SESSION}


def _wire_setup(parts: Parts, tab: gr.Tab, switched: list[Any]) -> None:
    measured = partial(parts.only(*MEASURED, "pack_in_hand", "pack").told_by, problem="message")
    view, pack, remembered, model, message = (parts[one] for one in ("view", "pack", "remembered", "model", "message"))
    form = Form(
        measure.Form,
        pack_id=pack,
        data=parts["data"],
        folds=parts["folds"],
        percent=parts["share"],
        seed=parts["seed"],
        remembered=remembered,
        model=model,
        skip_bad=parts["skip_bad"],
    )
    tab.select(**measured(measure.come_back, [view, parts["pack_in_hand"], remembered, model]), **SLOW, **LAST)
    pack.input(**measured(measure.enter, [view, pack, remembered, model]), **SLOW, **ALL)
    asked = [parts["measure"].click, parts["data"].submit, parts["folds"].submit]
    gr.on(asked, **measured(measure.show_measured, [view, form]), **SLOW, **ALL)
    archive = parts["archive"]
    archive.upload(**measured(measure.show_measured_on_upload, [archive, view, form]), **SLOW, **ALL)
    parts["demonstration"].click(**measured(measure.show_measured_on_demonstration, [view, form]), **SLOW)
    for event in switched:
        event.then(**measured(measure.show_measured_again, [view, form]), **SLOW, **ALL)
    message.demonstrate(**measured(measure.show_demonstration, [view, remembered, model]), **SLOW)
    message.stop(**Parts().told_by(measure.stop_measuring), **INSTANT)


def _wire_packs(parts: Parts) -> None:
    measured = partial(parts.only(*MEASURED, "pack_in_hand", "pack").told_by, problem="message")
    view, pack, title, remembered, model, message = (
        parts[one] for one in ("view", "pack", "title", "remembered", "model", "message")
    )
    parts["file"].upload(**measured(packs.show_imported, [view, parts["file"], remembered, model]), **SLOW, **ALL)
    titled = parts.only("title", "message").told_by(packs.show_title, [pack], problem="message")
    pack.change(**titled, **INSTANT)
    renamed = parts.only("message", "pack").told_by(packs.rename_pack, [pack, title], problem="message")
    gr.on([parts["rename"].click, title.submit], **renamed, **INSTANT, **LAST)
    parts["copy"].click(**measured(packs.show_copied, [view, pack, remembered, model]), **SLOW)
    told = partial(parts.only("message").told_by, problem="message")
    parts["delete"].click(**told(packs.ask_to_delete, [pack]), **INSTANT)
    message.keep(**told(packs.keep), **INSTANT)
    message.remove(**measured(packs.remove), **SLOW)
    message.restore(**measured(packs.restore, [remembered, model]), **SLOW)
    for form in PACK_FORMATS:
        packed = parts.only("parcel", "message").told_by(
            partial(packs.export, kind=form.name), [view, pack], problem="message"
        )
        saved = parts[f"export_{form.name}"].click(**packed, **INSTANT)
        saved.then(None, parts["parcel"], js="audioprompt.save", **INSTANT)


def _wire_table(parts: Parts) -> None:
    view, table = parts["view"], parts["table"]
    decided = parts.only(*VIEW, "outbox").told_by(decide.act, [view], problem="actions")
    for sent in (table.act, parts["outbox"].deliver):
        sent(**decided, **INSTANT, **ALL)
    shown = partial(parts.only(*VIEW).told_by, problem="actions")
    table.tick(**shown(decide.tick, [view]), **INSTANT)
    table.redraw(**shown(decide.redraw, [view]), **INSTANT, **LAST)
    parts["search"].change(**shown(decide.search, [view, parts["search"]]), **INSTANT, **LAST)
    parts["label"].input(**shown(decide.fill_prompts, [view, parts["label"]]), **INSTANT, **LAST)
    table.look(**parts.only(*DETAILS).told_by(decide.look, [view], problem="side"), **INSTANT, **LAST)
    table.play(**parts.only("player").told_by(decide.play, [view]), **INSTANT, **LAST)
    worked_out = partial(parts.only("message", *VIEW).told_by, problem="message")
    table.propose(**worked_out(propose.show_proposal, [view]), **SLOW)
    table.test(**worked_out(propose.show_held_out, [view]), **SLOW)
    table.answer(**parts.only("answers").told_by(propose.show_answers, [view], problem="answers"), **SLOW, **LAST)
    other = parts["other"]
    offered = parts.only("other", "message").told_by(propose.offer_packs, [view], problem="message")
    parts["comparing"].expand(**offered, **INSTANT)
    other.input(**worked_out(propose.show_comparison, [view, other]), **SLOW, **LAST)


def _wire_composer(parts: Parts) -> None:
    view, origin, wording = (parts[one] for one in ("view", "origin", "wording"))
    begun = parts.only("wording", "composing", "preview", "origin").told_by(write.compose, [view])
    parts["table"].compose(**begun, **INSTANT)
    wording.input(**parts.only("preview").told_by(write.preview, [view, origin, wording]), **INSTANT, **LAST)
    saved = parts.only("origin", "composing", "preview", "pack", "search", *VIEW).told_by(
        write.save_prompt, [view, origin, wording], problem="preview"
    )
    gr.on([parts["save"].click, wording.submit], **saved, **SLOW, **LAST)
    parts["cancel"].click(**parts.only("origin", "composing", "preview").told_by(write.cancel), **INSTANT)
