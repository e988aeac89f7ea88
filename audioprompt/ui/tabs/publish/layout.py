"""What the Publish tab is made of, from the choices to the ways out."""

import gradio as gr

from audioprompt.hosting import TABS
from audioprompt.server.context import IN_PROCESS
from audioprompt.space.belongings import Own
from audioprompt.space.choices import LICENCES, Choices, model_names, settle
from audioprompt.ui.choices import pack_choices
from audioprompt.ui.components import publish as view
from audioprompt.ui.events import Parts
from audioprompt.ui.tabs.publish.choose import TOKEN_WANTED
from audioprompt.ui.theme import PLAIN


def lay_out() -> Parts:
    """Lay out the tab: its parts."""
    first = settle(None, Own(), IN_PROCESS.store)
    with gr.Row(equal_height=False, elem_classes="work", elem_id="publish"):
        with gr.Column(scale=5, min_width=320, elem_id="publish-choices"):
            with gr.Group():
                parts = _contents(first) | _settings(first)
            parts |= _examples(first)
        with gr.Column(scale=7, min_width=320, elem_id="publish-answer"):
            parts |= Parts(
                preview=gr.HTML(elem_id="publish-preview", apply_default_css=False),
                advice=gr.HTML(elem_id="publish-standing", apply_default_css=False),
            )
            with gr.Column(elem_id="publish-out"):  # not seen by visitors, see CSS
                with gr.Row(elem_classes="inline"):
                    parts |= Parts(
                        ask_folder=gr.Button("Build to a folder", size="md", elem_id="publish-ask-folder"),
                        ask_hub=gr.Button("Push to the hub", size="md", elem_id="publish-ask-hub"),
                    )
                with gr.Column(elem_id="publish-folder"):
                    parts |= _into_folder()
                with gr.Column(elem_id="publish-hub"):
                    parts |= _to_hub()
            parts |= Parts(files=gr.HTML(elem_id="publish-files", apply_default_css=False))
    return parts


def _contents(first: Choices) -> Parts:
    return Parts(
        title=gr.Textbox(first["title"], label="Title", max_lines=1, elem_id="publish-title"),
        packs=gr.CheckboxGroup(
            pack_choices(),
            value=first["packs"],
            label="Packs, with how many prompts are approved",
            elem_id="publish-packs",
        ),
        labels=gr.Textbox(
            label="Labels to start with, separated by commas or line breaks",
            lines=2,
            max_lines=6,
            placeholder="none: the head's, or those of the first example",
            elem_id="publish-labels",
        ),
        heads=gr.CheckboxGroup([], label="Fitted heads", info=view.NO_HEADS, elem_id="publish-heads"),
    )


def _settings(first: Choices) -> Parts:
    with gr.Row():
        model = gr.Dropdown(model_names(), value=first["model"], label="Model", min_width=140, elem_id="publish-model")
        licence = gr.Dropdown(
            LICENCES,
            value=first["licence"],
            label="Licence of what you added",
            min_width=140,
            allow_custom_value=True,
            elem_id="publish-licence",
        )
    tabs = gr.CheckboxGroup(
        [(tab.capitalize(), tab) for tab in TABS[1:]],
        value=list(TABS[1:]),
        label="Tabs that visitors see beside Classify",
        elem_id="publish-tabs",
    )
    gpu = gr.Checkbox(label="For a Space with a GPU, ZeroGPU included", elem_id="publish-gpu")
    return Parts(model=model, licence=licence, tabs=tabs, gpu=gpu)


def _examples(first: Choices) -> Parts:
    with gr.Accordion(view.examples_heading(first), open=False, elem_id="publish-clips") as clips_fold:
        examples = gr.CheckboxGroup(
            view.clip_choices(Own().offered),
            value=first["examples"],
            label="Examples",
            show_select_all=True,
            elem_id="publish-examples",
            **PLAIN,
        )
    upload = gr.UploadButton(
        "Add saved heads or clips to try", file_count="multiple", size="md", elem_id="publish-upload"
    )
    note = gr.HTML(elem_id="publish-note", apply_default_css=False)
    return Parts(clips_fold=clips_fold, examples=examples, upload=upload, note=note)


def _into_folder() -> Parts:
    with gr.Row(elem_classes="inline"):
        folder = gr.Textbox(
            max_lines=1,
            scale=4,
            min_width=200,
            label="Folder",
            placeholder="A folder that is not there yet; none for a zip alone",
            elem_id="publish-where",
            **PLAIN,
        )
        build = gr.Button("Build", variant="primary", min_width=90, size="md", elem_id="publish-go")
    built = gr.HTML(elem_id="publish-built", apply_default_css=False)
    download = gr.DownloadButton(size="md", elem_id="publish-download")  # seen once built, see CSS
    return Parts(folder=folder, build=build, built=built, download=download)


def _to_hub() -> Parts:
    with gr.Row(elem_classes="inline"):
        name = gr.Textbox(
            max_lines=1,
            scale=3,
            min_width=200,
            label="Space",
            placeholder="USER/NAME",
            elem_id="publish-name",
            **PLAIN,
        )
        public = gr.Checkbox(label="Public", container=False, min_width=110, scale=1, elem_id="publish-public")
        push = gr.Button("Push", variant="primary", min_width=90, size="md", elem_id="publish-push")
    token = gr.Textbox(
        type="password",
        label="Token",
        info=TOKEN_WANTED,
        max_lines=1,
        elem_id="publish-token",
        html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
    )
    pushed = gr.HTML(elem_id="publish-pushed", apply_default_css=False)
    return Parts(name=name, public=public, push=push, token=token, pushed=pushed)
