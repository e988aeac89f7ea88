"""What the Curate tab is made of: what is measured, the table beside all about one prompt, and what is below."""

from __future__ import annotations

from typing import Any

import gradio as gr

from audioprompt.prompts.formats import PACK_FORMATS
from audioprompt.server.context import IN_PROCESS
from audioprompt.ui.choices import waveform
from audioprompt.ui.components import curate as html
from audioprompt.ui.events import Parts
from audioprompt.ui.page import Page
from audioprompt.ui.render import script
from audioprompt.ui.tabs.curate import write
from audioprompt.ui.tabs.curate.render import CLIPS, list_packs
from audioprompt.ui.theme import PLAIN


def lay_out_outbox(page: Page) -> None:
    """Lay out the decisions that are not saved yet: outside of the tabs, for they are sent again whichever is open."""
    page.outbox = _html("curate-outbox", "outbox.js")


def lay_out(data: gr.Textbox) -> Parts:
    """Lay out the tab: its parts.

    Args:
        data: says where the clips are; laid out here.
    """
    with gr.Column(elem_id="curate"):
        with gr.Row(equal_height=False, elem_id="curate-setup"):
            parts = _setup(data)
        # What `enter` shows where no pack is chosen, from the start: Gradio may lay the tab out anew after it was told.
        message = _html("curate-message", "message.js", html.START)
        notes = Parts(session=_html("curate-session"), message=message)
        with gr.Column(elem_id="curate-desk"):
            parts |= notes | _measured_pack()
    return parts | Parts(view=gr.State(None), origin=gr.State(None), parcel=gr.JSON(visible="hidden"))


def _html(elem_id: str, js: str | None = None, value: str | None = None) -> gr.HTML:
    on_load = script(f"components/curate/{js}") if js else None
    return gr.HTML(value, elem_id=elem_id, js_on_load=on_load, apply_default_css=False)


def _setup(data: gr.Textbox) -> Parts:
    """Lay out what is measured, on which clips, and what can be done with whole packs."""
    offered = list_packs(IN_PROCESS)
    pack = gr.Dropdown(offered, value="", label="Pack", min_width=240, scale=3, elem_id="curate-pack", **PLAIN)
    with gr.Column(scale=5, min_width=300), gr.Accordion(CLIPS, open=False) as clips:
        parts = _clips(data)
    with gr.Column(scale=3, min_width=220), gr.Accordion("Manage, import, export", open=False):
        parts |= _whole_packs()
    return parts | Parts(pack=pack, clips=clips)


def _clips(data: gr.Textbox) -> Parts:
    data.render()
    with gr.Row():
        split = Parts(
            folds=gr.Textbox(
                "", label="Validation folds (empty = random split)", min_width=110, elem_id="curate-folds"
            ),
            share=gr.Number(50, label="Share at random, %", minimum=1, maximum=99, min_width=90),
            seed=gr.Number(0, label="Seed", precision=0, min_width=70),
        )
    skip_bad = gr.Checkbox(label="Leave out recordings that cannot be read", elem_id="curate-skip-bad")
    with gr.Row():
        buttons = Parts(
            measure=gr.Button("Measure", variant="primary", min_width=110, elem_id="curate-measure"),
            archive=gr.UploadButton("Upload a zip", file_types=[".zip"], min_width=110),
            demonstration=gr.Button("Demonstration set", min_width=110),
        )
    return split | buttons | Parts(data=data, skip_bad=skip_bad)


def _whole_packs() -> Parts:
    small: dict[str, Any] = {"size": "sm", "min_width": 80}
    with gr.Row(elem_classes="exports"):
        parts = Parts(**{f"export_{form.name}": gr.Button(form.title, **small) for form in PACK_FORMATS})
    with gr.Row(elem_classes="exports"):
        parts |= Parts(
            title=gr.Textbox(
                placeholder="Title",
                label="Title",
                scale=2,
                min_width=110,
                max_lines=1,
                elem_id="curate-title",
                **PLAIN,
            ),
            rename=gr.Button("Rename", **small),
        )
    with gr.Row(elem_classes="exports"):
        parts |= Parts(copy=gr.Button("Duplicate", **small), delete=gr.Button("Delete", **small))
    file = gr.UploadButton("Import a pack, list or table", file_types=[".json", ".csv", ".txt"], size="sm")
    return parts | Parts(file=file)


def _measured_pack() -> Parts:
    """Lay out the measured pack: its scores, the table beside all about one prompt, and what is below."""
    parts = Parts(strip=_html("curate-strip"))
    with gr.Row(equal_height=False, elem_classes="work"):
        with gr.Column(scale=17, min_width=320):
            parts |= _table()
        with gr.Column(scale=8, min_width=300):
            parts |= Parts(
                actions=_html("curate-actions"),
                side=_html("curate-side"),
                player=gr.Audio(
                    visible=False,
                    interactive=False,
                    autoplay=True,
                    buttons=[],
                    elem_id="curate-player",
                    waveform_options=waveform(),
                ),
            )
    parts |= Parts(foot=_html("curate-foot"), answers=_html("curate-answers"))
    with gr.Accordion("Compare with another pack", open=False, elem_id="curate-compare") as comparing:
        other = gr.Dropdown([], label="The other pack", elem_id="curate-other", **PLAIN)
        versus = _html("curate-versus")
    return parts | Parts(comparing=comparing, other=other, versus=versus)


def _table() -> Parts:
    with gr.Row(elem_id="curate-tools"):
        tools = Parts(
            filters=_html("curate-filters"),
            search=gr.Textbox(placeholder="Search", label="Search", min_width=100, elem_id="curate-search", **PLAIN),
            label=gr.Dropdown([], label="Fill prompts with", min_width=120, elem_id="curate-label", **PLAIN),
        )
    with gr.Column(elem_id="curate-composer"):  # seen while one of its parts says so, see CSS
        composer = Parts(
            composing=_html("curate-composing"),
            wording=gr.Textbox("", label=write.COMPOSING["write"], max_lines=4, elem_id="curate-wording"),
            preview=_html("curate-preview"),
        )
        with gr.Row():
            composer |= Parts(
                save=gr.Button("Save", variant="primary", size="sm", min_width=110, scale=0),
                cancel=gr.Button("Cancel", size="sm", min_width=110, scale=0),
            )
    table = Parts(table=_html("curate-table", "table.js"), patch=_html("curate-patch", "patch.js"))
    return tools | composer | table
