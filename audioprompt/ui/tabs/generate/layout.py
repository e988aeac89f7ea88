"""What the Generate tab is made of: three steps, and beside them who writes."""

import gradio as gr

from audioprompt.prompts.chat.addresses import OPENAI_URL
from audioprompt.prompts.generators import COUNT, GENERATORS
from audioprompt.server.generators import LEXICON, MAX_CANDIDATES, TEMPERATURE
from audioprompt.ui import markup
from audioprompt.ui.choices import preset_choices
from audioprompt.ui.events import Parts
from audioprompt.ui.tabs.generate.steps import STEPS
from audioprompt.ui.tabs.generate.task import CATEGORY_CHOICES, Writer, in_use, key_info
from audioprompt.ui.theme import PLAIN

NO_CANDIDATES = "The prompts written for your task appear here one by one, each with what looks wrong with it."
WORDS = ("attributes", "sources")
EXAMPLES = {"attributes": "add your own: silvery, hollow", "sources": "add your own: salon, the hills"}
AT_FIRST = Writer(LEXICON, 0, "", "", TEMPERATURE)


def lay_out() -> Parts:
    """Lay out the tab: its parts."""
    with gr.Row(equal_height=False, elem_id="generate"):
        with gr.Column(scale=8, min_width=320, elem_classes="steps"):
            with gr.Accordion(STEPS[0], elem_id="step-task", elem_classes="step") as task_step:
                parts = _task()
            # Closed by their class: Gradio builds what is in an accordion with open=False only once it is opened, and
            # an update that arrives just then is lost.
            with gr.Accordion(STEPS[1], elem_id="step-words", elem_classes=["step", "later"]) as words_step:
                parts |= _words()
            with gr.Accordion(STEPS[2], elem_id="step-candidates", elem_classes=["step", "later"]) as written_step:
                parts |= _candidates()
        with gr.Column(scale=4, min_width=300, elem_classes="aside"):
            parts |= _generator()
    return parts | Parts(task_step=task_step, words_step=words_step, written_step=written_step, pack=gr.State(None))


def _task() -> Parts:
    with gr.Row():
        category = gr.Dropdown(
            CATEGORY_CHOICES, value="instruments", label="Kind of task", min_width=200, elem_id="category"
        )
        offered = preset_choices()
        preset = gr.Dropdown(
            offered, value=offered[0], label="Ready-made labels", min_width=200, elem_id="generate-preset"
        )
    labels = gr.Textbox(
        label="Labels, separated by commas or line breaks",
        lines=2,
        max_lines=6,
        placeholder="piano, violin, flute",
        elem_id="generate-labels",
    )
    with gr.Row(elem_classes=["examples", "from-data"]):
        demonstration = gr.Button("Instruments demonstration", size="md", min_width=120, elem_id="demonstration")
        data = gr.Textbox(
            label="Data set whose classes are the labels",
            scale=3,
            min_width=200,
            elem_id="labels-from",
            placeholder="or the classes of a data set: path of a CSV file, folder or zip, then Enter",
            elem_classes="bare",
            **PLAIN,
        )
    with gr.Row(elem_classes="act"):
        buttons = Parts(
            proposing=gr.Button("Propose words", variant="primary", size="md", elem_id="propose", elem_classes="go"),
            halt_proposing=gr.Button("Stop", size="md", elem_classes="stop"),
            beside_proposing=gr.HTML(in_use(AT_FIRST)),
        )
    state = gr.HTML(elem_id="task-state")
    return buttons | Parts(
        category=category, preset=preset, labels=labels, demonstration=demonstration, data=data, task_state=state
    )


def _words() -> Parts:
    parts = Parts()
    for kind in WORDS:
        chips = gr.CheckboxGroup([], label=kind.capitalize(), show_select_all=True, elem_id=kind, elem_classes="chips")
        typed = gr.Textbox(
            label=f"Add to the {kind}",
            placeholder=f"{EXAMPLES[kind]}, then Enter",
            elem_id=f"add-{kind}",
            elem_classes="bare",
            **PLAIN,
        )
        parts |= Parts(**{kind: chips, f"add_{kind}": typed, f"offered_{kind}": gr.State([])})
    return parts | Parts(
        words_state=gr.HTML(elem_id="words-state"),
        better=gr.State(None),
        take_better=gr.Button("", size="md", visible=False, elem_id="take-better"),
    )


def _candidates() -> Parts:
    with gr.Row(elem_classes="act"):
        count = gr.Number(
            COUNT,
            minimum=1,
            maximum=MAX_CANDIDATES,
            precision=0,
            scale=0,
            min_width=72,
            label="How many",
            elem_id="count",
            elem_classes="bare",
            **PLAIN,
        )
        buttons = Parts(
            writing=gr.Button("Write candidates", variant="primary", size="md", elem_id="write", elem_classes="go"),
            halt_writing=gr.Button("Stop", size="md", elem_id="stop", elem_classes="stop"),
            beside_writing=gr.HTML(in_use(AT_FIRST)),
        )
    progress = gr.HTML(elem_id="progress")
    with gr.Row(elem_classes="send"):
        names = Parts(
            title=gr.Textbox(label="Pack", scale=3, min_width=180, elem_id="pack-title"),
            pack_id=gr.Textbox(label="Id", scale=2, min_width=160, elem_id="pack-id"),
            sending=gr.Button("Send to Curate", variant="primary", size="md", min_width=140, elem_id="send"),
        )
    sent = gr.HTML(elem_id="sent")
    table = gr.HTML(markup.empty(NO_CANDIDATES), elem_id="candidates")
    return buttons | names | Parts(count=count, progress=progress, sent=sent, table=table)


def _generator() -> Parts:
    with gr.Group():
        kind = gr.Radio([one.title for one in GENERATORS], value=LEXICON, label="Written by", elem_id="generator")
        with gr.Column(visible=False, elem_id="service") as service:
            model = gr.Textbox(
                value="", label="Model", placeholder="the service's name for it", elem_id="service-model"
            )
            base_url = gr.Textbox(value="", label="Address", placeholder=OPENAI_URL, elem_id="service-url")
            key = gr.Textbox(
                value="",
                label="Key",
                info=key_info(""),
                type="password",
                elem_id="service-key",
                html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
            )
        with gr.Row():
            temperature = gr.Number(
                TEMPERATURE,
                minimum=0,
                maximum=2,
                step=0.1,
                label="Temperature",
                visible=False,
                min_width=120,
                placeholder="the model's own",
                elem_id="temperature",
            )
            seed = gr.Number(0, precision=0, label="Seed", min_width=120, elem_id="seed")
    with gr.Accordion("Show the exact prompt", open=False, elem_id="exact") as exact_fold:
        exact = gr.HTML(elem_id="exact-prompt")
    return Parts(
        kind=kind,
        service=service,
        model=model,
        base_url=base_url,
        key=key,
        temperature=temperature,
        seed=seed,
        exact_fold=exact_fold,
        exact=exact,
    )
