"""What the Learn tab is made of, from the clips to the heads."""

import gradio as gr

from audioprompt.data.sources import list_examples
from audioprompt.few_shot.methods import METHODS
from audioprompt.ui.choices import pack_choices, waveform
from audioprompt.ui.components import learn as view
from audioprompt.ui.events import HIDDEN, Parts
from audioprompt.ui.render import script
from audioprompt.ui.tabs.learn import label_next, review
from audioprompt.ui.theme import PLAIN

STARTS = [("The class's name, as in the paper", "name"), ("The plain prompt", "vanilla"), ("The prompts below", "pack")]


def lay_out() -> Parts:
    """Lay out the tab: its parts."""
    with gr.Row(equal_height=False, elem_classes="work", elem_id="learn"):
        with gr.Column(scale=5, min_width=320):
            parts = _clips()
            with gr.Tabs(elem_classes="switch"):
                with gr.Tab("Record or upload"):
                    parts |= _recordings()
                with gr.Tab("A data set"):
                    parts |= _data_set()
                with gr.Tab("Without labels"):
                    parts |= label_next.lay_out()
            parts |= _methods() | _buttons()
            with gr.Accordion("More methods", open=False):  # below the button, which stays above the fold
                parts |= _more_methods()
            with gr.Accordion("Advanced", open=False):
                parts |= _advanced()
        with gr.Column(scale=7, min_width=320, elem_id="learn-answer"):
            parts |= _answer()
    return parts | Parts(tried=gr.State(None), job_id=gr.State(""))


def _clips() -> Parts:
    return Parts(
        cards=gr.HTML(
            view.NO_CLIPS,
            elem_id="learn-cards",
            js_on_load=script("components/learn/cards.js"),
            apply_default_css=False,
        ),
        player=gr.HTML(elem_id="learn-player", apply_default_css=False),
        note=gr.HTML(elem_id="learn-note", apply_default_css=False),
    )


def _recordings() -> Parts:
    with gr.Row(elem_classes="inline"):
        name = gr.Textbox(
            label="Name of the sound",
            placeholder="Name of the sound: rain",
            scale=3,
            min_width=160,
            elem_id="learn-name",
            **PLAIN,
        )
        upload = gr.UploadButton(
            "Upload clips", file_count="multiple", scale=1, min_width=120, size="md", elem_id="learn-upload"
        )
    microphone = gr.Audio(
        show_label=False,
        sources=["microphone"],
        type="filepath",
        buttons=[],
        editable=False,
        elem_id="learn-microphone",
        waveform_options=waveform(),
    )
    return Parts(name=name, upload=upload, microphone=microphone)


def _data_set() -> Parts:
    with gr.Row(elem_classes="inline"):
        where = gr.Textbox(
            label="Data set",
            placeholder=list_examples(),
            scale=3,
            min_width=160,
            elem_id="learn-where",
            elem_classes="takes-unsaved",
            **PLAIN,
        )
        archive = gr.UploadButton(
            "Upload a zip",
            file_types=[".zip"],
            scale=1,
            min_width=120,
            size="md",
            elem_id="learn-zip",
            elem_classes="takes-unsaved",
        )
    return Parts(
        where=where,
        zip=archive,
        demonstration=gr.Button("Load the instruments demonstration", size="md", elem_classes="takes-unsaved"),
        skip_bad=gr.Checkbox(label="Leave out recordings that cannot be read", elem_id="learn-skip-bad"),
        folds=gr.CheckboxGroup(
            label="Folds to learn from; the others are held back", visible="hidden", elem_id="learn-folds"
        ),
    )


def _methods() -> Parts:
    with gr.Group():
        at_hand = [(method.title, method.name) for method in METHODS if method.at_hand]
        return Parts(
            methods=gr.CheckboxGroup(at_hand, value=["auto", "zero-shot"], label="Methods", elem_id="learn-methods"),
            shots=gr.Slider(1, 16, 16, step=1, label="Clips per class while measuring, at most"),
        )


def _more_methods() -> Parts:
    others = [(method.title, method.name) for method in METHODS if not method.at_hand]
    more = gr.CheckboxGroup(others, show_label=False, container=False, elem_id="learn-more-methods")
    gr.HTML(view.methods(), apply_default_css=False)
    return Parts(more_methods=more)


def _buttons() -> Parts:
    with gr.Row(elem_classes="inline"):
        return Parts(
            go=gr.Button("Learn", variant="primary", scale=3, size="md", elem_id="learn-go"),
            stop=gr.Button("Stop", interactive=False, min_width=90, size="md", elem_id="learn-stop"),
        )


def _advanced() -> Parts:
    with gr.Row():
        epochs = gr.Slider(1, 200, 50, step=1, label="Epochs", min_width=140)
        learning_rate = gr.Number(0.05, label="Learning rate", minimum=0.0001, min_width=140)
        seeds = gr.Slider(1, 5, 3, step=1, label="Seeds", min_width=140)
    with gr.Row():
        start = gr.Dropdown(STARTS, value="name", label="PALM starts from", min_width=180)
        pack = gr.Dropdown(pack_choices(), label="Prompts of TSPE", min_width=180)
    dropout = gr.Slider(
        0,
        0.9,
        0,
        step=0.1,
        label="Dropout: share of what is heard that each step leaves out",
        info="Half of it, as in PALM's own code, often helps where clips are few.",
    )
    return Parts(epochs=epochs, learning_rate=learning_rate, seeds=seeds, start=start, pack_id=pack, dropout=dropout)


def _answer() -> Parts:
    summary = gr.HTML(view.START, elem_id="learn-summary", apply_default_css=False)
    with gr.Column(elem_id="learn-use"):  # seen where there is a head, see CSS
        with gr.Row(elem_classes="inline"):
            head = gr.Dropdown(label="Head", min_width=150, scale=1, elem_id="learn-head", **PLAIN)
            use_now = gr.Button("Use it now", variant="primary", min_width=130, size="md", elem_id="use-head")
            saved = gr.DownloadButton("Save", min_width=90, size="md", elem_id="learn-save")
            more = gr.Button("Shots curve", min_width=130, size="md", elem_id="learn-more")
        licence = gr.Textbox(
            label="Licence of these clips",
            max_lines=1,
            elem_id="learn-licence",
            placeholder="Licence of these clips, to be stated in the saved head's card: CC-BY-4.0",
            **PLAIN,
        )
        with gr.Accordion("None of these", open=False):
            reviewed = review.lay_out()
    curve = gr.HTML(elem_id="learn-curve", apply_default_css=False)
    shots_figure = gr.Plot(show_label=False, container=False, visible=HIDDEN, elem_id="learn-shots")
    details = gr.HTML(elem_id="learn-details", apply_default_css=False)
    map_ = gr.Plot(show_label=False, container=False, visible=HIDDEN, elem_id="learn-map")
    return reviewed | Parts(
        summary=summary,
        head=head,
        use_now=use_now,
        saved=saved,
        more=more,
        licence=licence,
        curve=curve,
        shots_figure=shots_figure,
        details=details,
        map=map_,
    )
