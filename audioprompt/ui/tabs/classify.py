"""The Classify tab: a sound, labels and prompts on the left; what it is, by two methods, on the right."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import ref

import gradio as gr
from numpy.typing import NDArray

from audioprompt.audio.decode import read
from audioprompt.audio.recording import AudioError, NoSound
from audioprompt.audio.spectrogram import picture
from audioprompt.core.labels import LabelError, join_labels, label_key, parse_labels
from audioprompt.data.examples import Example, examples, fitting
from audioprompt.few_shot.methods import title_of
from audioprompt.prompts.pack import PackError, PromptPack
from audioprompt.server import access, sessions
from audioprompt.server.limits import CLASSIFIERS
from audioprompt.server.models import shared_model
from audioprompt.server.turns import Turns
from audioprompt.services.classify import LONGEST_SECONDS, classify, winner
from audioprompt.services.live import Hearing
from audioprompt.services.packs import ensembles, label_presets, suitable_pack
from audioprompt.ui import charts, frame, live, markup, theme
from audioprompt.ui.header import HIDDEN
from audioprompt.util.text import joined

if TYPE_CHECKING:
    from concurrent.futures import Future

    from audioprompt.few_shot.base import Head
    from audioprompt.few_shot.heads import SharedHead
    from audioprompt.models.base import AudioTextModel

logger = logging.getLogger(__name__)

LONGEST_CHUNK = 30.0  # seconds of a microphone's stream at once: it sends half a second
LISTENERS = 8  # microphones heard at once
LINE = 24  # microphones that may be on at once, those that wait for their turn included
TURN_SECONDS = 60.0  # that a visitor is heard while others wait
SESSIONS = 1000  # whose last question is known

NO_HEAD = "none"
OTHER_LABELS = "You changed the labels. Press Classify for a new answer."
OTHER_PROMPTS = "The approved prompts have changed. Press Classify for a new answer."
PRESET_PROMPT = "choose a list …"
EXAMPLES_AT_HAND = 9  # two rows; the others are folded away, so that the labels stay above the fold
NO_SOUND = "Record or upload a sound, or pick an example. Both methods' answers appear here."
FIRST_ANSWER = "Listening to the first example. This takes a moment where the model has to be loaded first."
REVEAL = "() => audioprompt.reveal('answer')"
PARTS = 9
Result = list[Any]  # of so many: a value or an update for each component that the answer to a clip is shown in


# --- what the page offers ---------------------------------------------------------------------------------------------


def pack_choices(request: gr.Request | None = None) -> list[tuple[str, str]]:
    """Return the packs as a list to choose from: what is shown, and the id."""
    return [(f"{pack.title} ({len(pack.approved)})", pack.id) for pack in ensembles(sessions.store(request))]


def offered_now(request: gr.Request) -> tuple[Any, Any]:
    """Return the lists of packs and of labels, which may have grown since the page was made."""
    return gr.Dropdown(choices=pack_choices(request)), gr.Dropdown(choices=[PRESET_PROMPT, *presets(request)])


def presets(request: gr.Request | None = None) -> dict[str, tuple[PromptPack, Sequence[str]]]:
    """All packs' lists of labels, by the name they are chosen by."""
    return label_presets(sessions.store(request))


# --- what a click does: functions that a script can call as well ------------------------------------------------------


def choose_example(index: int, head_id: str = "") -> tuple[str, str, str]:
    """Return what an example sets: its clip, the pack that suits it, and its labels or those of a head in use that
    has it.
    """
    example = examples()[index]
    kept = _head(head_id)
    labels = kept.record.classes if kept and _suits(example, kept.record.classes) else example.labels
    return str(example.path), join_labels(labels), suitable_pack(sessions.store(None), example.category)


def _suits(example: Example, labels: Sequence[str]) -> bool:
    """Whether these labels are an example's own, or have the right one among them."""
    return bool(fitting([example], labels)) or set(map(label_key, example.labels)) == set(map(label_key, labels))


def choose_preset(name: str, request: gr.Request | None = None) -> tuple[Any, Any]:
    """Return what a list of labels sets: the labels, and the pack they come with."""
    offered = presets(request)
    if name not in offered:
        return gr.skip(), gr.skip()
    pack, labels = offered[name]
    return join_labels(labels), pack.id


def show_clip(
    sound: str | None,
    labels: str,
    pack_id: str,
    model_name: str,
    head_id: str = "",
    progress: gr.Progress = gr.Progress(),  # noqa: B008, this is how Gradio hands one over
    request: gr.Request | None = None,
) -> Result:
    """Classify a clip and draw the answer, or say in its place why there is none.

    Two are worked on at once, so that a slow answer can come after that to a later question; it is not shown then. Nor
    is a question answered twice that two events ask at once, like a new clip and the click that chose it.
    """
    asked = _ask(request, (sound, labels, pack_id, model_name, head_id))
    if asked is None:
        return [gr.skip()] * PARTS
    try:
        answer = _answer(sound, labels, pack_id, model_name, head_id, progress, request)
    finally:
        asked.answered = True
    return answer if _is_last(request, asked) else [gr.skip()] * PARTS


@dataclass(frozen=True)
class Question:
    """What an answer that is shown was asked, to see whether it still holds. Gradio hashes it.

    Attributes:
        labels: as they were read.
        pack_id: the prompt pack.
        prompts: the pack's approved templates.
        number: of the answer; two answers to the same question differ in it.
    """

    labels: tuple[str, ...]
    pack_id: str
    prompts: tuple[str, ...]
    number: int


def question_of(labels: str, pack_id: str, request: gr.Request | None = None) -> Question:
    """Return what is being asked now."""
    try:
        prompts = tuple(template.text for template in sessions.store(request).get(pack_id).approved)
    except PackError:
        prompts = ()
    return Question(_read(labels), pack_id, prompts, next(_numbers))


def changed_since(question: Question | None, labels: str, pack_id: str, request: gr.Request | None = None) -> str:
    """Tell that the answer shown is to an earlier question, as a sentence, where the present one waits for a click."""
    now = question_of(labels, pack_id, request)
    if question is None or _is_being_answered(request, now.labels):
        return ""
    if now.labels != question.labels:
        return OTHER_LABELS
    return OTHER_PROMPTS if now.pack_id == question.pack_id and now.prompts != question.prompts else ""


def head_line(head_id: str, labels: str, model_name: str) -> tuple[str, bool]:
    """Return the fitted head in use in one line, as HTML, and whether it is for other labels than these; "" without
    one.
    """
    if not head_id:
        return "", False
    if (kept := _head(head_id)) is None:
        return markup.head_in_use("The learned head is no longer there. Train it again in Learn."), False
    record = kept.record
    name = f"{title_of(record.method)} head in use, for {joined(record.classes)}."
    other = set(map(label_key, _read(labels))) != set(map(label_key, record.classes))
    problem = "It does not answer for the present labels." if other else ""
    if record.model != model_name:
        problem = f"It was made for the model {record.model} and does not answer with this one."
    return markup.head_in_use(name, problem), other


def _head(head_id: str) -> "SharedHead | None":
    """Return a fitted head by its id; without one the module is not loaded, which takes a while."""
    if not head_id:
        return None
    from audioprompt.services.heads import HEADS

    return HEADS.get(head_id)


def _read(labels: str) -> tuple[str, ...]:
    """Labels as they are read, or the text itself where they cannot be."""
    try:
        return parse_labels(labels or "").labels
    except LabelError:
        return (labels,)


def _answer(
    sound: str | None,
    labels: str,
    pack_id: str,
    model_name: str,
    head_id: str,
    progress: gr.Progress,
    request: gr.Request | None,
) -> Result:
    from audioprompt.models.base import ModelError

    if sound is None:
        return nothing_shown(markup.empty(NO_SOUND))
    try:
        chosen, pack = parse_labels(labels), sessions.store(request).get(pack_id)
        model = shared_model(model_name)
        recording = read(sound, model.sample_rate, max_seconds=LONGEST_SECONDS)
        counted = lambda done, total: progress((done, total), desc="Reading the prompts", unit="prompts")  # noqa: E731
        head, unfit = head_for(head_id, model, chosen.labels)
        result = classify(model, recording, chosen.labels, pack.approved, progress=counted, head=head)
    except (AudioError, LabelError, PackError, ModelError) as error:
        return nothing_shown(markup.problem(error))
    longer_than_a_window = len(result.timeline.starts) > 1
    return [
        markup.verdict(result, " ".join(filter(None, (chosen.notice, unfit, *result.notices)))),
        shown(charts.probability_bars(markup.VANILLA_NAME, result.vanilla, theme.VANILLA)),
        shown(charts.probability_bars(markup.method_name(pack), result.ensemble, theme.TSPE)),
        shown(charts.probability_bars(markup.learned_name(head), result.learned, theme.PALM))
        if head and result.learned
        else gr.Plot(value=None, visible="hidden"),
        shown(charts.heard(picture(recording.samples, model.sample_rate))),
        gr.Accordion(visible=True),
        markup.votes(result.votes, winner(result.ensemble)),
        gr.Accordion(label=f"Over time ({result.seconds:.0f} s)", visible=longer_than_a_window),
        shown(charts.over_time(result.timeline)) if longer_than_a_window else gr.Plot(visible=False),
    ]


@dataclass(eq=False)
class _Asked:
    """A question of a session, and whether it has been answered."""

    question: tuple[str | None, ...]
    answered: bool = False


_asking = Lock()
_last: dict[str, _Asked] = {}  # the last question, by session
_numbers = count()


def _ask(request: gr.Request | None, question: tuple[str | None, ...]) -> _Asked | None:
    """Note what a session asks; None where the very same is being answered."""
    session, asked = (request and request.session_hash) or "", _Asked(question)
    with _asking:
        earlier = _last.pop(session, None)
        same = session and earlier and earlier.question == question and not earlier.answered
        _last[session] = earlier if same and earlier else asked  # now behind all others
        if len(_last) > SESSIONS:
            del _last[next(iter(_last))]
    return None if same else asked


def _is_being_answered(request: gr.Request | None, labels: Sequence[str]) -> bool:
    """Whether what a session asked last is about these labels, and is not answered yet."""
    asked = _last.get((request and request.session_hash) or "")
    return asked is not None and not asked.answered and _read(asked.question[1] or "") == tuple(labels)


def _is_last(request: gr.Request | None, asked: _Asked) -> bool:
    """Whether a session has asked nothing since."""
    session = (request and request.session_hash) or ""
    return not session or _last.get(session, asked) is asked


def shown(figure: Any) -> gr.Plot:
    """Show a figure where there may have been none."""
    return gr.Plot(figure, visible=True)


def nothing_shown(message: str) -> Result:
    """Return a message where the answer would be, and nothing else: no answer to an earlier question stays beside
    it.
    """
    hidden = gr.Plot(value=None, visible=False)
    closed = gr.Accordion(visible=False)
    return [message, hidden, hidden, gr.Plot(value=None, visible="hidden"), hidden, closed, "", closed, hidden]


def head_for(head_id: str, model: "AudioTextModel", labels: Sequence[str]) -> "tuple[Head | None, str | None]":
    """Return the fitted head in use, if it can answer for these labels; else why it cannot, as a sentence."""
    if not head_id:
        return None, None
    from audioprompt.services.heads import HEADS

    if (kept := HEADS.get(head_id)) is None:
        return None, "The fitted head is no longer there: fit it again."
    unfit = kept.misfit(model, labels)
    return (None, unfit) if unfit else (kept.head, None)


def take_in(folders: Sequence[Path], model_name: str) -> list[tuple[str, str]]:
    """Keep heads that come with the page for good, those that the model can use: their names and ids."""
    from audioprompt.few_shot.heads import load_head
    from audioprompt.few_shot.settings import FewShotError
    from audioprompt.services.heads import HEADS

    model, taken = shared_model(model_name), []
    for folder in folders:
        try:
            loaded = load_head(folder, model)
        except FewShotError as error:
            logger.warning("%s is not offered: %s", folder, error)
        else:
            taken.append((markup.head_name(loaded.record), HEADS.keep(loaded, for_good=True)))
    return taken


def offer_heads(taken: "Future[list[tuple[str, str]]]", labels: Sequence[str] = ()) -> tuple[Any, str]:
    """Return the heads that come with the page, to choose from once they are there; the first for its labels is in
    use.
    """
    from audioprompt.services.heads import HEADS

    heads = [] if taken.exception() else taken.result()
    first = {label.casefold() for label in labels}
    known = ((head_id, HEADS.get(head_id)) for _, head_id in heads)
    value = next(
        (one for one, kept in known if kept and first in (set(), {name.casefold() for name in kept.head.classes})), ""
    )
    return gr.Dropdown(choices=[(NO_HEAD, ""), *heads], value=value, visible=bool(heads) or HIDDEN), value


def labels_of_head(head_id: str) -> Any:
    """Return the classes that a fitted head tells apart, as labels to choose between."""
    kept = _head(head_id)
    return join_labels(kept.head.classes) if kept else gr.skip()


def show_live(
    hearing: Hearing,
    chunk: str | tuple[int, NDArray[Any]] | None,
    labels: str,
    pack_id: str,
    model_name: str,
    head_id: str = "",
    request: gr.Request | None = None,
) -> tuple[Hearing, str]:
    """Hear one more chunk of a microphone's stream, and show what is heard now, as HTML.

    Args:
        hearing: What was heard before, which Gradio keeps for each session.
        chunk: A file, or sample rate and samples; chunks of half a second are about right.
        labels: 2 to 200 labels to choose between, separated by commas, semicolons or line breaks.
        pack_id: The prompt pack whose approved templates form the ensemble, an id that /packs lists.
        model_name: The model that hears, a name that /models lists.
        head_id: Of a fitted head that answers as well.
        request: Of whoever speaks.
    """
    from audioprompt.models.base import ModelError

    if chunk is None:
        return hearing, gr.skip()
    if place := _place(request):
        return hearing, live.in_line(place, LISTENERS, TURN_SECONDS)
    if (source := _recording(request)) != hearing.source:  # Record was pressed again
        hearing = Hearing(source=source)
    try:
        new = read(chunk, name="The microphone", max_seconds=LONGEST_CHUNK)
        model, chosen = shared_model(model_name), parse_labels(labels).labels
        head, unfit = head_for(head_id, model, chosen)
        return live.listen(
            model, hearing, (new.sample_rate, new.samples), chosen, sessions.store(request).get(pack_id), head, unfit
        )
    except NoSound:
        return hearing, gr.skip()
    except (AudioError, LabelError, ModelError, PackError) as error:
        return hearing, markup.problem(error)


_turns = Turns(LISTENERS, TURN_SECONDS)


def _place(request: gr.Request | None) -> int:
    """Return a visitor's place in the line of microphones; 0 once it is their turn, and for curators."""
    if access.is_curator(request) or request is None:
        return 0
    return _turns.place(request.session_hash or access.caller(request), access.caller(request))


def _recording(request: gr.Request | None) -> object:
    """Return what is the same for all chunks of one recording: Gradio keeps the request with which its stream began."""
    return ref(request.request) if request and request.request else None


# --- the tab ----------------------------------------------------------------------------------------------------------


def build(
    page: gr.Blocks,
    tab: gr.Tab,
    model: gr.Dropdown,
    switched: list[Any],
    head_in_hand: gr.State,
    first_labels: Sequence[str] = (),
    heads: "Future[list[tuple[str, str]]] | None" = None,
) -> list[Any]:
    """Lay out the tab in the Blocks context it is called in, and wire it; what holds its sound and its labels.

    Args:
        page: the page it is on.
        tab: the tab itself.
        model: holds the name of the model that answers.
        switched: events after which another model answers.
        head_in_hand: holds the id of the fitted head that answers as well.
        first_labels: stand there at first; by default the first example's.
        heads: those that come with the page, as `take_in` gives them.
    """
    with gr.Row(equal_height=False, elem_classes="work"):
        with gr.Column(scale=5, min_width=320):
            with gr.Tabs(elem_classes="switch"):
                with gr.Tab("Clip") as clip_tab:
                    sound = gr.Audio(
                        show_label=False, sources=["upload", "microphone"], type="filepath", buttons=[],
                        waveform_options=waveform(), elem_id="sound",
                    )  # fmt: skip
                    with gr.Row(elem_classes="examples"):
                        chips = [_chip(example) for example in examples()[:EXAMPLES_AT_HAND]]
                    with (
                        gr.Accordion("More examples", open=False, visible=len(examples()) > EXAMPLES_AT_HAND),
                        gr.Row(elem_classes="examples"),
                    ):
                        chips += [_chip(example) for example in examples()[EXAMPLES_AT_HAND:]]
                with gr.Tab("Live microphone") as live_tab:
                    microphone = gr.Audio(
                        show_label=False, sources=["microphone"], type="filepath", streaming=True, buttons=[],
                        waveform_options=waveform(), elem_id="microphone",
                    )  # fmt: skip
            with gr.Group():
                labels = gr.Textbox(
                    join_labels(first_labels), label="Labels to choose between, separated by commas or line breaks",
                    lines=2, max_lines=6, placeholder="rain, sea waves, dog bark", elem_id="labels",
                )  # fmt: skip
                with gr.Row():
                    preset = gr.Dropdown(
                        [PRESET_PROMPT, *presets()], value=PRESET_PROMPT, label="Ready-made labels", min_width=180,
                        elem_id="preset",
                    )  # fmt: skip
                    pack = gr.Dropdown(
                        pack_choices(), label="Prompts", min_width=180, elem_id="pack",
                    )  # fmt: skip
                if heads:
                    learned_head = gr.Dropdown(
                        [(NO_HEAD, "")], value="", label="Learned head", elem_id="learned-head", visible=HIDDEN
                    )
            with gr.Row(elem_id="head-in-use", elem_classes="inline"):  # seen while there is one, see CSS
                head_text = gr.HTML(elem_id="head-name", apply_default_css=False)
                its_labels = gr.Button("Use its labels", size="md", min_width=120, elem_id="head-labels")
                drop = gr.Button("Drop it", size="md", min_width=80, elem_id="head-drop")
            go = gr.Button("Classify", variant="primary", elem_id="classify")
        with gr.Column(scale=7, min_width=320):
            with gr.Column(elem_id="answer"):
                stale = gr.HTML(elem_id="stale", apply_default_css=False)
                verdict = gr.HTML(markup.empty(FIRST_ANSWER if chips else NO_SOUND), elem_id="verdict")
                with gr.Row():
                    vanilla, ensemble = (
                        gr.Plot(show_label=False, visible=False, min_width=200, elem_id=elem_id)
                        for elem_id in ("vanilla", "ensemble")
                    )
                    # what is mounted only as it becomes visible vanishes again beside plots that are there already
                    learned = gr.Plot(show_label=False, visible="hidden", min_width=200, elem_id="learned")
                gr.HTML(markup.TERMS, elem_id="terms", apply_default_css=False)
                heard = gr.Plot(show_label=False, visible=False, elem_id="heard")
                with gr.Accordion("How each prompt voted", open=False, visible=False) as votes_fold:
                    votes = gr.HTML(elem_id="votes")
                with gr.Accordion("Over time", open=False, visible=False) as time_fold:
                    timeline = gr.Plot(show_label=False, container=False, visible=False, elem_id="timeline")
            live_view = gr.HTML(live.START, elem_id="live")
    hearing, answered, opened_with = gr.State(Hearing()), gr.State(None), gr.State("")

    outputs = [verdict, vanilla, ensemble, learned, heard, votes_fold, votes, time_fold, timeline, answered]
    asked: dict[str, Any] = {
        "fn": _show_and_note, "inputs": [sound, labels, pack, model, head_in_hand], "outputs": outputs,
        "show_progress": "minimal", "show_progress_on": verdict, "api_visibility": "private",
        "concurrency_id": "model", "concurrency_limit": CLASSIFIERS,
        "trigger_mode": "multiple",  # else a click is dropped while an earlier question is being answered
    }  # fmt: skip
    instant: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

    queued = instant | {"queue": True}  # only then does Gradio tell of a change of a state
    chosen: dict[str, Any] = {"outputs": [sound, labels, pack], **instant}
    for index, chip in enumerate(chips):
        chip.click(partial(choose_example, index), head_in_hand, **chosen).then(**asked).then(
            None, js=REVEAL, **instant
        )
    loaded = page.load(offered_now, None, [pack, preset], **instant)
    if chips:  # a visitor sees an answer before the first click

        def opening(request: gr.Request) -> tuple[str | None, str, str, str]:  # Gradio passes no request to a partial
            return *_opening(first_labels, request), frame.labels_asked(request) or join_labels(first_labels)

        loaded = loaded.then(opening, None, [sound, labels, pack, opened_with], **instant)
        loaded.then(**asked)
    if heads:
        loaded.then(partial(offer_heads, heads, first_labels), None, [learned_head, head_in_hand], **queued)
        learned_head.input(lambda head_id: head_id, learned_head, head_in_hand, **queued)
    waited_for = [chip.click for chip in chips] + [go.click, labels.submit, sound.upload, sound.stop_recording]
    gr.on(waited_for, None, js=REVEAL, **instant)
    gr.on([go.click, labels.submit], **asked).then(None, js=REVEAL, **instant)
    gr.on([sound.change, pack.input], **asked)  # a clip changes as it is uploaded, recorded, trimmed and taken away
    for event in switched:
        event.then(**asked)

    def labels_with_head(head_id: str, now: str, given: str) -> Any:
        """Return the labels of a head that is taken into use; but it does not replace those that the page was opened
        with.
        """
        comes_along = heads and not heads.exception() and head_id in (one for _, one in heads.result())
        return gr.skip() if comes_along and given and now == given else labels_of_head(head_id)

    head_in_hand.change(labels_with_head, [head_in_hand, labels, opened_with], labels, **instant).then(**asked)
    its_labels.click(labels_of_head, head_in_hand, labels, **instant).then(**asked)
    drop.click(lambda: "", None, head_in_hand, **queued)
    if heads:
        drop.click(lambda: "", None, learned_head, **instant)
    gr.on(
        [labels.change, answered.change, head_in_hand.change, tab.select], _beside,  # a paste is no input to Gradio
        [answered, labels, pack, model, head_in_hand], [stale, head_text, its_labels],
        trigger_mode="always_last", **instant,
    )  # fmt: skip
    preset.input(choose_preset, preset, [labels, pack], **instant).then(**asked)

    tab.select(offered_now, None, [pack, preset], **instant)
    labels.change(None, labels, js="audioprompt.tell", **instant)

    clip_tab.select(None, js="() => audioprompt.choose('sound', 'clip')", **instant)
    live_tab.select(None, js="() => audioprompt.choose('sound', 'live')", **instant)
    microphone.stream(
        show_live, [hearing, microphone, labels, pack, model, head_in_hand], [hearing, live_view],
        stream_every=live.STREAM_EVERY, concurrency_id="live", concurrency_limit=LINE,
        show_progress="hidden", api_name="live",
    )  # fmt: skip
    return [sound, labels]


def _show_and_note(
    sound: str | None,
    labels: str,
    pack_id: str,
    model_name: str,
    head_id: str,
    request: gr.Request,
    progress: gr.Progress = gr.Progress(),  # noqa: B008, this is how Gradio hands one over
) -> Result:
    """`show_clip`, and what was asked."""
    answer = show_clip(sound, labels, pack_id, model_name, head_id, progress, request)
    return [*answer, gr.skip() if answer[0] == gr.skip() else question_of(labels, pack_id, request) if sound else None]


def _beside(
    question: Question | None, labels: str, pack_id: str, model_name: str, head_id: str, request: gr.Request
) -> tuple[str, str, Any]:
    """Return what stands beside an answer: whether it is to an earlier question, and the head in use."""
    changed, (head, other) = changed_since(question, labels, pack_id, request), head_line(head_id, labels, model_name)
    return markup.stale(changed) if changed else "", head, gr.Button(visible=True if other else HIDDEN)


def _opening(labels: Sequence[str], request: gr.Request) -> tuple[str | None, str, str]:
    """Return what the page opens with: the labels in the address, or these, and the first example that suits them.

    A page that was given labels of its own opens on no clip where none suits them: naming it would be nonsense.
    """
    asked = frame.labels_asked(request)
    wanted = _read(asked) if asked else labels
    suitable = (index for index, example in enumerate(examples()) if not wanted or _suits(example, wanted))
    index = next(suitable, None)
    sound, its_labels, pack_id = choose_example(index or 0)
    return sound if asked or index is not None else None, asked or join_labels(labels) or its_labels, pack_id


def _chip(example: Example) -> gr.Button:
    return gr.Button(example.title, size="sm", min_width=0)


def waveform() -> gr.WaveformOptions:
    """How a recorder draws what it hears."""
    return gr.WaveformOptions(
        waveform_color="#9f9fa9", waveform_progress_color=theme.ACCENT.c600, trim_region_color=theme.ACCENT.c400
    )
