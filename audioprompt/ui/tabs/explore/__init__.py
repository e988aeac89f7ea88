"""The Explore tab: what is in a collection of recordings, as a table, by search and on a map."""

from typing import Any

import gradio as gr

from audioprompt.server import access
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.ui.components import explore as view
from audioprompt.ui.events import ALL, HIDDEN, INSTANT, LAST, Form, Parts, View
from audioprompt.ui.page import Page
from audioprompt.ui.render import script
from audioprompt.ui.tabs.explore import listen, look
from audioprompt.ui.tabs.explore.listen import Asked
from audioprompt.ui.theme import PLAIN

LABELS = "speech, music, dog bark, bird song, rain, wind, engine, silence"
WORKERS = 2  # collections listened to at once
LOOKERS = 4  # who look at one that was listened to, at once: nobody waits for these to play a recording
SLOW: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_id": "explore",
    "concurrency_limit": WORKERS,
}
LOOK = SLOW | {"concurrency_id": "explore-look", "concurrency_limit": LOOKERS}


def build(page: Page, tab: gr.Tab) -> None:
    """Lay out the tab and wire it."""
    parts = _lay_out() | Parts(collection=page.collection)
    if access.public():
        page.blocks.load(**parts.only("where").told_by(show_folder_field), **INSTANT)
    if lead := page.leads.get("explore"):
        taken = Parts(labels=parts["labels"], tabs=page.tabs).told_by(take_labels, [page.labels])
        lead.click(**taken, **INSTANT)
    asked = Form(Asked, labels=parts["labels"], model_name=page.model)
    shown = parts.only(*listen.PARTS)
    for upload in (parts["files"], parts["folder"]):
        given = shown.told_by(
            listen.upload_collection, [page.collection, upload, asked], problem="rows", beside=listen.over
        )
        upload.upload(**given, **SLOW, **ALL)
    named = shown.told_by(listen.enter_folder, [parts["where"], asked], problem="rows", beside=listen.over)
    parts["where"].submit(**named, **SLOW, **ALL)
    again = parts.only("explored", "rows", "note").told_by(listen.ask_again, [parts["explored"], asked], problem="note")
    parts["again"].click(**again, **LOOK)
    parts["stop"].click(**Parts().told_by(listen.stop_listening, [parts["job_id"]]), **INSTANT)
    parts["save"].click(**parts.only("save").told_by(look.save_table, [parts["explored"], page.collection]), **LOOK)
    found = [parts["explored"], parts["words"], page.model]
    searched = parts.only("rows", "note").told_by(look.search_collection, found, problem="note")
    parts["words"].submit(**searched, **LOOK, **LAST)
    alike = [parts["explored"], parts["like"], page.model]
    likened = parts.only("rows", "note").told_by(look.search_by_sound, alike, problem="note")
    parts["like"].upload(**likened, **LOOK, **LAST)
    twice = parts.only("rows", "note").told_by(look.find_pairs, [parts["explored"]], problem="note")
    parts["twice"].click(**twice, **LOOK)
    acted = parts.only("rows", "player", "selection", "selected", "note")
    parts["rows"].click(**acted.told_by(look.act_on_collection, [parts["explored"]], problem="note"), **LOOK, **LAST)
    kept = [parts["explored"], parts["selected"], parts["label"], page.collection]
    labelled = parts.only("collection", "note", "label").told_by(look.label_selected, kept, problem="note")
    gr.on([parts["label"].submit, parts["to_learn"].click], **labelled, **LOOK)


def show_folder_field(context: Context = IN_PROCESS) -> View:
    """Show no field for a folder of this machine to visitors, who may name none."""
    return {} if context.is_curator else {"where": gr.Textbox(visible=HIDDEN)}


def take_labels(labels: str) -> View:
    """Open this tab, with the labels that are in Classify."""
    return ({"labels": labels} if labels.strip() else {}) | {"tabs": gr.Tabs(selected="explore")}


def _lay_out() -> Parts:
    with gr.Row(equal_height=False, elem_classes="work", elem_id="explore"):
        with gr.Column(scale=5, min_width=320):
            labels = gr.Textbox(LABELS, label="Labels", lines=2, elem_id="explore-labels")
            with gr.Row(elem_classes="inline"):
                files = gr.UploadButton("Upload files", file_count="multiple", size="md", elem_id="explore-files")
                folder = gr.UploadButton("Upload a folder", file_count="directory", size="md", elem_id="explore-folder")
            where = gr.Textbox(
                label="Folder",
                placeholder="Or a folder of this machine, then Enter",
                elem_id="explore-where",
                **PLAIN,
            )
            stop = gr.Button("Stop", visible=HIDDEN, size="md", elem_id="explore-stop")
            with gr.Column(elem_id="explore-after"):  # seen once there is a table
                with gr.Row(elem_classes="inline"):
                    again = gr.Button("Answer again", size="md", elem_id="explore-again")
                    save = gr.DownloadButton("Save the table", size="md", elem_id="explore-save")
                words = gr.Textbox(
                    label="Search",
                    placeholder="Search: a dog barking far away",
                    elem_id="explore-words",
                    **PLAIN,
                )
                with gr.Row(elem_classes="inline"):
                    like = gr.UploadButton("Search by a sound", size="md", elem_id="explore-like")
                    twice = gr.Button("The same sound twice", size="md", elem_id="explore-twice")
                selection = gr.HTML(elem_id="explore-selection", apply_default_css=False)
                with gr.Row(elem_classes="inline"):
                    label = gr.Textbox(
                        label="Label of the selected",
                        placeholder="Label",
                        elem_id="explore-label",
                        **PLAIN,
                    )
                    to_learn = gr.Button("Put into Learn", size="md", elem_id="explore-learn")
            note = gr.HTML(elem_id="explore-note", apply_default_css=False)
        with gr.Column(scale=8, min_width=320):
            player = gr.HTML(elem_id="explore-player", apply_default_css=False)
            rows = gr.HTML(
                view.START,
                elem_id="explore-rows",
                js_on_load=script("components/explore/table.js"),
                apply_default_css=False,
            )
            chart = gr.Plot(show_label=False, container=False, visible=HIDDEN, elem_id="explore-map")
    kept = Parts(explored=gr.State(None), selected=gr.State(()), job_id=gr.State(""))
    given = Parts(labels=labels, files=files, folder=folder, where=where, words=words, label=label)
    buttons = Parts(stop=stop, again=again, save=save, like=like, twice=twice, to_learn=to_learn)
    return kept | given | buttons | Parts(rows=rows, selection=selection, note=note, player=player, map=chart)
