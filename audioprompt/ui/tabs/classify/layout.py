"""What the Classify tab is made of, from the clip to the answer."""

import gradio as gr

from audioprompt.core.labels import join_labels
from audioprompt.data.examples import examples
from audioprompt.services.live import Hearing
from audioprompt.ui import live, markup
from audioprompt.ui.choices import pack_choices, preset_choices, waveform
from audioprompt.ui.events import HIDDEN, INSTANT, Parts
from audioprompt.ui.page import Opening
from audioprompt.ui.render import script
from audioprompt.ui.tabs.classify import over_time
from audioprompt.ui.tabs.classify.answer import NO_SOUND

NO_HEAD = "none"
EXAMPLES_AT_HAND = 9  # two rows; the others are folded away, so that the labels stay above the fold
TO_EXPLORE = "Several recordings or a folder? Explore takes them."
FIRST_ANSWER = "Listening to the first example. This takes a moment where the model has to be loaded first."


def lay_out(opening: Opening) -> tuple[Parts, list[gr.Button]]:
    """Lay out the tab: its parts, and a button for each example."""
    with gr.Row(equal_height=False, elem_classes="work"):
        with gr.Column(scale=5, min_width=320):
            parts, chips = _sound()
            parts |= _question(opening) | _head_in_use()
            go = gr.Button("Classify", variant="primary", elem_id="classify")  # in sight without scrolling
            several = gr.Checkbox(False, label="More than one may be heard", container=False, elem_id="several")
            parts |= Parts(go=go, several=several)
        with gr.Column(scale=7, min_width=320):
            parts |= _answer(FIRST_ANSWER if chips else NO_SOUND)
    states = Parts(hearing=gr.State(Hearing()), question=gr.State(None), opened_with=gr.State(""))
    return parts | states, chips


def _sound() -> tuple[Parts, list[gr.Button]]:
    with gr.Tabs(elem_classes="switch"):
        with gr.Tab("Clip") as clip_tab:
            sound = gr.Audio(
                show_label=False,
                sources=["upload", "microphone"],
                type="filepath",
                buttons=[],
                waveform_options=waveform(),
                elem_id="sound",
            )
            to_explore = gr.Button(TO_EXPLORE, size="sm", elem_id="to-explore")
            with gr.Row(elem_classes="examples"):
                chips = _chips(0, EXAMPLES_AT_HAND)
            has_more = len(examples()) > EXAMPLES_AT_HAND
            with gr.Accordion("More examples", open=False, visible=has_more), gr.Row(elem_classes="examples"):
                chips += _chips(EXAMPLES_AT_HAND, None)
        with gr.Tab("Live microphone") as live_tab:
            microphone = gr.Audio(
                show_label=False,
                sources=["microphone"],
                type="filepath",
                streaming=True,
                buttons=[],
                waveform_options=waveform(),
                elem_id="microphone",
            )
    clip_tab.select(None, js="() => audioprompt.choose('sound', 'clip')", **INSTANT)
    live_tab.select(None, js="() => audioprompt.choose('sound', 'live')", **INSTANT)
    return Parts(sound=sound, to_explore=to_explore, microphone=microphone), chips


def _chips(first: int, end: int | None) -> list[gr.Button]:
    return [gr.Button(example.title, size="sm", min_width=0) for example in examples()[first:end]]


def _question(opening: Opening) -> Parts:
    with gr.Group():
        labels = gr.Textbox(
            join_labels(opening.labels),
            label="Labels to choose between, separated by commas or line breaks",
            lines=2,
            max_lines=6,
            placeholder="rain, sea waves, dog bark",
            elem_id="labels",
        )
        with gr.Row():
            offered = preset_choices()
            preset = gr.Dropdown(offered, value=offered[0], label="Ready-made labels", min_width=180, elem_id="preset")
            pack = gr.Dropdown(pack_choices(), label="Prompts", min_width=180, elem_id="pack")
        parts = Parts(labels=labels, preset=preset, pack=pack)
        if opening.heads:
            parts |= Parts(
                learned_head=gr.Dropdown(
                    [(NO_HEAD, "")], value="", label="Learned head", elem_id="learned-head", visible=HIDDEN
                )
            )
    return parts


def _head_in_use() -> Parts:
    with gr.Row(elem_id="head-in-use", elem_classes="inline"):  # seen while there is one, see CSS
        return Parts(
            head_name=gr.HTML(elem_id="head-name", apply_default_css=False),
            its_labels=gr.Button("Use its labels", size="md", min_width=120, elem_id="head-labels"),
            drop=gr.Button("Drop it", size="md", min_width=80, elem_id="head-drop"),
        )


def _answer(message: str) -> Parts:
    with gr.Column(elem_id="answer"):
        parts = Parts(
            stale=gr.HTML(elem_id="stale", apply_default_css=False),
            verdict=gr.HTML(
                markup.empty(message), elem_id="verdict", js_on_load=script("components/classify/words.js")
            ),
            presences=gr.HTML(elem_id="presences", apply_default_css=False),
        )
        with gr.Row():
            # what is mounted only as it becomes visible vanishes again beside plots that are there already
            hidden = {"vanilla": False, "ensemble": False, "learned": HIDDEN}
            parts |= Parts(
                **{
                    name: gr.Plot(show_label=False, visible=visible, min_width=200, elem_id=name)
                    for name, visible in hidden.items()
                }
            )
        gr.HTML(markup.TERMS, elem_id="terms", apply_default_css=False)
        heard = gr.Plot(show_label=False, visible=False, elem_id="heard")
        parts |= over_time.lay_out()  # in its place, where there is enough to hear
        with gr.Accordion("How each prompt voted", open=False, visible=False) as votes_fold:
            votes = gr.HTML(elem_id="votes")
    live_view = gr.HTML(live.START, elem_id="live")
    return parts | Parts(heard=heard, votes_fold=votes_fold, votes=votes, live=live_view)
