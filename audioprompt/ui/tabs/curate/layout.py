"""How the Curate tab is laid out, and what its parts do."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import gradio as gr

from audioprompt.data import DEMONSTRATION
from audioprompt.data.sources import list_examples
from audioprompt.prompts.formats import PACK_FORMATS
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.ui import theme
from audioprompt.ui.components import curate as html
from audioprompt.ui.events import INSTANT, Handler, Update, bind
from audioprompt.ui.render import script
from audioprompt.ui.tabs.curate import decide, measure, packs, propose, write
from audioprompt.ui.tabs.curate.render import list_packs
from audioprompt.ui.theme import PLAIN

QUEUED: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_limit": None,
    "concurrency_id": "curate",
}


def build_outbox() -> gr.HTML:
    """Return the decisions that are not saved yet: outside of the tabs, for they are sent again whichever tab is
    open.
    """
    return _html("curate-outbox", "outbox.js")


def build(
    page: gr.Blocks,
    tab: gr.Tab,
    model: gr.Dropdown,
    switched: list[Any],
    pack_in_hand: gr.BrowserState,
    remembered: gr.BrowserState,
    outbox: gr.HTML,
) -> None:
    """Lay out the tab in the Blocks context it is called in, and wire it.

    Args:
        page: the page it is on.
        tab: the tab itself.
        model: holds the name of the model that measures.
        switched: events after which another model measures.
        pack_in_hand: holds the id of the pack that is shown.
        remembered: holds the clips that packs were measured on, by pack.
        outbox: as `build_outbox` makes it.
    """
    at = SimpleNamespace(model=model, pack_in_hand=pack_in_hand, remembered=remembered, outbox=outbox)
    with gr.Column(elem_id="curate"):
        with gr.Row(equal_height=False, elem_id="curate-setup"):
            _lay_out_setup(at)
        at.session = _html("curate-session")
        at.message = _html("curate-message", "message.js")
        with gr.Column(elem_id="curate-desk"):
            _lay_out_view(at)
    at.view, at.origin, at.parcel = gr.State(None), gr.State(None), gr.JSON(visible="hidden")
    on = partial(bind, parts=vars(at))
    page.load(on(show_session_note), None, at.session, **INSTANT)
    _wire_setup(at, on, tab, switched)
    _wire_packs(at, on)
    _wire_table(at, on)
    _wire_composer(at, on)


def show_session_note(context: Context) -> Update:
    """Tell visitors what becomes of what they decide."""
    return {"session": "" if context.is_curator else html.SESSION}


# --- where things are -------------------------------------------------------------------------------------------------


def _html(elem_id: str, js: str | None = None) -> gr.HTML:
    on_load = script(f"components/curate/{js}") if js else None
    return gr.HTML(elem_id=elem_id, js_on_load=on_load, apply_default_css=False)


def _lay_out_setup(at: SimpleNamespace) -> None:
    """Lay out what is measured, on which clips, and what can be done with whole packs."""
    offered = list_packs(IN_PROCESS)
    at.pack = gr.Dropdown(offered, value="", label="Pack", min_width=240, scale=3, elem_id="curate-pack", **PLAIN)
    with gr.Column(scale=5, min_width=300), gr.Accordion("Validation clips", open=False) as at.clips:
        at.data = gr.Textbox(DEMONSTRATION, label="Where they are", placeholder=list_examples(), elem_id="curate-data")
        with gr.Row():
            at.folds = gr.Textbox(
                "", label="Validation folds (empty = random split)", min_width=110, elem_id="curate-folds"
            )
            at.share = gr.Number(50, label="Share at random, %", minimum=1, maximum=99, min_width=90)
            at.seed = gr.Number(0, label="Seed", precision=0, min_width=70)
        at.skip_bad = gr.Checkbox(label="Leave out recordings that cannot be read", elem_id="curate-skip-bad")
        with gr.Row():
            at.measure = gr.Button("Measure", variant="primary", min_width=110, elem_id="curate-measure")
            at.archive = gr.UploadButton("Upload a zip", file_types=[".zip"], min_width=110)
            at.demonstration = gr.Button("Demonstration set", min_width=110)
    with gr.Column(scale=3, min_width=220), gr.Accordion("Manage, import, export", open=False):
        small: dict[str, Any] = {"size": "sm", "min_width": 80}
        with gr.Row(elem_classes="exports"):
            at.exports = {form.name: gr.Button(form.title, **small) for form in PACK_FORMATS}
        with gr.Row(elem_classes="exports"):
            at.title = gr.Textbox(
                placeholder="Title",
                label="Title",
                scale=2,
                min_width=110,
                max_lines=1,
                elem_id="curate-title",
                **PLAIN,
            )
            at.rename = gr.Button("Rename", **small)
        with gr.Row(elem_classes="exports"):
            at.copy = gr.Button("Duplicate", **small)
            at.delete = gr.Button("Delete", **small)
        at.file = gr.UploadButton("Import a pack, list or table", file_types=[".json", ".csv", ".txt"], size="sm")


def _lay_out_view(at: SimpleNamespace) -> None:
    """Lay out the measured pack: its scores, the table beside all about one prompt, and what is below."""
    at.strip = _html("curate-strip")
    with gr.Row(equal_height=False, elem_classes="work"):
        with gr.Column(scale=17, min_width=320):
            with gr.Row(elem_id="curate-tools"):
                at.filters = _html("curate-filters")
                at.search = gr.Textbox(
                    placeholder="Search", label="Search", min_width=100, elem_id="curate-search", **PLAIN
                )
                at.label = gr.Dropdown([], label="Fill prompts with", min_width=120, elem_id="curate-label", **PLAIN)
            with gr.Column(elem_id="curate-composer"):  # seen while its preview says so, see CSS
                at.wording = gr.Textbox(label=write.COMPOSING["write"], max_lines=4, elem_id="curate-wording")
                at.preview = _html("curate-preview")
                with gr.Row():
                    at.save = gr.Button("Save", variant="primary", size="sm", min_width=110, scale=0)
                    at.cancel = gr.Button("Cancel", size="sm", min_width=110, scale=0)
            at.table = _html("curate-table", "table.js")
            at.patch = _html("curate-patch", "patch.js")
        with gr.Column(scale=8, min_width=300):
            at.actions, at.side = _html("curate-actions"), _html("curate-side")
            at.player = gr.Audio(
                visible=False,
                interactive=False,
                autoplay=True,
                buttons=[],
                elem_id="curate-player",
                waveform_options=gr.WaveformOptions(
                    waveform_color="#9f9fa9", waveform_progress_color=theme.ACCENT.c600
                ),
            )
    at.foot = _html("curate-foot")
    with gr.Accordion("Compare with another pack", open=False, elem_id="curate-compare") as at.comparing:
        at.other = gr.Dropdown([], label="The other pack", elem_id="curate-other", **PLAIN)
        at.versus = _html("curate-versus")


# --- what they do -----------------------------------------------------------------------------------------------------


def _view(at: SimpleNamespace) -> list[Any]:
    """Return the components that `render_view` answers in."""
    return [at.view, at.strip, at.filters, at.table, at.patch, at.actions]


def _details(at: SimpleNamespace) -> list[Any]:
    """Return the components that `render_details` answers in."""
    return [at.side, at.foot, at.versus]


def _measured(at: SimpleNamespace) -> list[Any]:
    """Return the components that measuring answers in."""
    form = [at.data, at.folds, at.share, at.seed, at.remembered]
    return [at.message, *_view(at), *_details(at), at.label, at.clips, *form, at.pack_in_hand, at.pack]


def _wire_setup(at: SimpleNamespace, on: Handler, tab: gr.Tab, switched: list[Any]) -> None:
    form = [at.view, at.pack, at.data, at.folds, at.share, at.seed, at.remembered, at.model, at.skip_bad]
    shown: dict[str, Any] = {"outputs": _measured(at), **QUEUED}
    tab.select(on(measure.enter), [at.view, at.pack_in_hand, at.remembered, at.model], **shown)
    at.pack.input(on(measure.enter), [at.view, at.pack, at.remembered, at.model], **shown)
    gr.on([at.measure.click, at.data.submit, at.folds.submit], on(measure.show_measured), form, **shown)
    at.archive.upload(on(measure.show_measured_on_upload), [at.archive, *form], **shown)
    at.demonstration.click(on(measure.show_measured_on_demonstration), form, **shown)
    for event in switched:
        event.then(on(measure.show_measured_again), form, **shown)
    at.message.demonstrate(on(measure.show_demonstration), [at.view, at.remembered, at.model], **shown)
    at.message.stop(on(measure.stop_measuring), None, None, **INSTANT)


def _wire_packs(at: SimpleNamespace, on: Handler) -> None:
    shown: dict[str, Any] = {"outputs": _measured(at), **QUEUED}
    at.file.upload(on(packs.show_imported), [at.view, at.file, at.remembered, at.model], **shown)
    at.pack.change(on(packs.show_title), at.pack, [at.title, at.message], **INSTANT)
    gr.on(
        [at.rename.click, at.title.submit], on(packs.rename_pack), [at.pack, at.title], [at.message, at.pack], **INSTANT
    )
    at.copy.click(on(packs.show_copied), [at.view, at.pack, at.remembered, at.model], **shown)
    at.delete.click(on(packs.ask_to_delete), at.pack, at.message, **INSTANT)
    at.message.keep(on(packs.keep), None, at.message, **INSTANT)
    at.message.remove(on(packs.remove), None, **shown)
    at.message.restore(on(packs.restore), [at.remembered, at.model], **shown)
    for kind, button in at.exports.items():
        saved = button.click(on(packs.exporting(kind)), at.pack, [at.parcel, at.message], **INSTANT)
        saved.then(None, at.parcel, js="audioprompt.save", **INSTANT)


def _wire_table(at: SimpleNamespace, on: Handler) -> None:
    at_once: dict[str, Any] = {"outputs": _view(at), **INSTANT}
    beside = partial(on, errors_in="actions")
    decided: dict[str, Any] = {"outputs": [*_view(at), at.outbox], "trigger_mode": "multiple", **INSTANT}
    for sent in (at.table.act, at.outbox.deliver):
        sent(beside(decide.act), at.view, **decided)
    at.table.tick(beside(decide.tick), at.view, **at_once)
    at.table.redraw(beside(decide.redraw), at.view, **at_once)
    at.search.change(beside(decide.search), [at.view, at.search], trigger_mode="always_last", **at_once)
    at.label.input(beside(decide.fill_prompts), [at.view, at.label], **at_once)
    look = on(decide.look, errors_in="side")
    at.table.look(look, at.view, _details(at), trigger_mode="always_last", **INSTANT)
    at.table.play(on(decide.play), at.view, at.player, **INSTANT)
    for asked, handler in ((at.table.propose, propose.show_proposal), (at.table.test, propose.show_held_out)):
        asked(on(handler), at.view, [at.message, *_view(at)], **QUEUED)
    at.comparing.expand(on(propose.offer_packs), at.view, [at.other, at.message], **INSTANT)
    at.other.input(on(propose.show_comparison), [at.view, at.other], [at.message, *_view(at)], **QUEUED)


def _wire_composer(at: SimpleNamespace, on: Handler) -> None:
    at.table.compose(on(write.compose), at.view, [at.wording, at.preview, at.origin], **INSTANT)
    inputs = [at.view, at.origin, at.wording]
    at.wording.input(on(write.preview), inputs, at.preview, trigger_mode="always_last", **INSTANT)
    gr.on(
        [at.save.click, at.wording.submit],
        on(write.save_prompt, errors_in="preview"),
        inputs,
        [at.origin, at.preview, at.pack, at.search, *_view(at)],
        trigger_mode="always_last",
        **QUEUED,
    )
    at.cancel.click(on(write.cancel), None, [at.origin, at.preview], **INSTANT)
