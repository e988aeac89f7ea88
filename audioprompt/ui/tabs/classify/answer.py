"""The answer to a clip: what it is by two methods, and by a fitted head where one is in use."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import gradio as gr

from audioprompt.audio.decode import read
from audioprompt.audio.recording import AudioError, Recording
from audioprompt.audio.spectrogram import picture
from audioprompt.core.labels import LabelError, parse_labels
from audioprompt.errors import AudiopromptError
from audioprompt.few_shot.settings import FewShotError
from audioprompt.prompts.pack import PackError
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.server.questions import Questions
from audioprompt.services.classify import LONGEST_SECONDS, Classification, classify, winner
from audioprompt.services.heads import describe_head, fitting_head
from audioprompt.services.prompts import read_prompts
from audioprompt.services.words import read_labels
from audioprompt.ui import charts, markup, theme
from audioprompt.ui.events import HIDDEN, View
from audioprompt.ui.tabs.classify import over_time
from audioprompt.util.jobs import Stopped

NO_SOUND = "Record or upload a sound, or pick an example. Both methods' answers appear here."
GONE_SOUND = "This clip is no longer here: uploads are kept for a while only. Record or upload it again."
OTHER_LABELS = "You changed the labels. Press Classify for a new answer."
OTHER_PROMPTS = "The approved prompts have changed. Press Classify for a new answer."
GONE_PROMPTS = "The prompts you had chosen were deleted, and others have taken their place. Press Classify to use them."
PARTS = (
    "verdict",
    "presences",
    "vanilla",
    "ensemble",
    "learned",
    "heard",
    "votes_fold",
    "votes",
    *over_time.PARTS,
    "question",
)

QUESTIONS = Questions()
_numbers = count()


@dataclass(frozen=True)
class Query:
    """What is to be classified, as the page holds it.

    Attributes:
        sound: path of the clip; None for none.
        labels: as they were typed.
        pack_id: of the prompt pack.
        model_name: of the model that answers.
        head_id: of a fitted head that answers as well; empty for none.
        several: whether more than one label may be heard.
    """

    sound: str | None
    labels: str
    pack_id: str
    model_name: str
    head_id: str = ""
    several: bool = False


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


def show_clip(
    query: Query,
    progress: gr.Progress = gr.Progress(),  # noqa: B008, this is how Gradio hands one over
    context: Context = IN_PROCESS,
) -> View:
    """Classify a clip and draw the answer, or say in its place why there is none.

    Several are worked on at once, so that a slow answer can come after that to a later question: the work on it ends,
    and it is not shown. Nor is a question answered twice that two events ask at once, like a new clip and the click
    that chose it.
    """
    asked = QUESTIONS.ask(context, query)
    if asked is None:
        return {}
    try:
        view = answer(query, progress, context, lambda: QUESTIONS.check_last(context.page, asked))
    except Stopped:
        return {}
    except AudiopromptError as error:
        view = nothing_but(markup.problem(error))
    finally:
        asked.answered = True
    if not QUESTIONS.is_last(context.page, asked):
        return {}
    return view | {"question": question_of(query.labels, query.pack_id, context) if query.sound else None}


def answer(query: Query, progress: gr.Progress, context: Context, go_on: Callable[[], None]) -> View:
    """Classify a clip and draw the answer.

    Args:
        query: what is asked.
        progress: shows how many prompts are read.
        context: who asks.
        go_on: called again and again; whatever it raises ends the work.

    Raises:
        AudiopromptError: there is none; the message says what to change.
    """

    def reading(done: int, total: int) -> None:
        go_on()
        progress((done, total), desc="Reading the prompts", unit="prompts")

    if query.sound is None:
        return nothing_but(markup.empty(NO_SOUND))
    if not Path(query.sound).is_file():
        raise AudioError(GONE_SOUND)
    chosen, pack = parse_labels(query.labels), context.store.get(query.pack_id)
    model = context.model(query.model_name)
    recording = read(query.sound, model.sample_rate, max_seconds=LONGEST_SECONDS)
    head, unfit = None, None
    try:
        head = fitting_head(query.head_id, model, chosen.labels)
    except FewShotError as error:
        unfit = str(error)
    read_prompts(model, pack.approved, read_labels(model, chosen.labels).spoken, reading)
    result = classify(model, recording, chosen.labels, pack.approved, head=head, tick=lambda seconds: go_on())
    return {
        "verdict": markup.verdict(result, " ".join(filter(None, (chosen.notice, unfit, *besides(result))))),
        "presences": markup.presences(result.presences) if query.several else "",
        "vanilla": charts.plot(charts.probability_bars(markup.VANILLA_NAME, result.vanilla, theme.VANILLA)),
        "ensemble": charts.plot(charts.probability_bars(markup.method_name(pack), result.ensemble, theme.TSPE)),
        "learned": charts.plot(
            charts.probability_bars(markup.learned_name(head), result.learned, theme.PALM)
            if head and result.learned
            else None
        ),
        "votes_fold": gr.update(visible=True),
        "votes": markup.votes(result.votes, winner(result.ensemble)),
        **_picture(query.sound, recording, result, query.several),
    }


def _picture(sound: str, recording: Recording, result: Classification, several: bool) -> View:
    """Show a recording that has a course with what is heard when, any other alone."""
    drawn = picture(recording.samples, recording.sample_rate)
    if result.timeline is None or not result.is_long:
        return {"heard": charts.plot(charts.heard(drawn)), **over_time.hide()}
    shown = over_time.show(sound, drawn, result.timeline, result.events(several))
    return {"heard": charts.plot(None), **shown}


def besides(result: Classification) -> list[str]:
    """Return what people should know besides; which labels were translated is shown by buttons."""
    return [one for one in result.notices if result.read is None or one != result.read.translation]


def nothing_but(message: str) -> View:
    """Return a message in the answer's place, and nothing else: no answer to an earlier question stays beside it."""
    plots = dict.fromkeys(("vanilla", "ensemble", "heard"), charts.plot(None, hidden=False))
    folds = {"votes_fold": gr.update(visible=False), **over_time.hide()}
    return {"verdict": message, "presences": "", "learned": charts.plot(None), "votes": "", **plots, **folds}


# --- whether it still holds -------------------------------------------------------------------------------------------


def question_of(labels: str, pack_id: str, context: Context = IN_PROCESS) -> Question:
    """Return what is being asked now."""
    try:
        prompts = tuple(template.text for template in context.store.get(pack_id).approved)
    except PackError:
        prompts = ()
    return Question(as_read(labels), pack_id, prompts, next(_numbers))


def changed_since(question: Question | None, labels: str, pack_id: str, context: Context = IN_PROCESS) -> str:
    """Tell that the answer shown is to an earlier question, as a sentence, where the present one waits for a click."""
    now = question_of(labels, pack_id, context)
    asked = QUESTIONS.being_answered(context.page)
    if question is None or (isinstance(asked, Query) and as_read(asked.labels) == now.labels):
        return ""
    if now.labels != question.labels:
        return OTHER_LABELS
    if now.pack_id != question.pack_id:  # chosen by the person, and answered at once, or else
        return "" if question.pack_id in context.store.ids() else GONE_PROMPTS
    return OTHER_PROMPTS if now.prompts != question.prompts else ""


def show_beside(
    question: Question | None,
    labels: str,
    pack_id: str,
    model_name: str,
    head_id: str,
    context: Context = IN_PROCESS,
) -> View:
    """Show what stands beside an answer: whether it is to an earlier question, and the head in use."""
    changed = changed_since(question, labels, pack_id, context)
    head = describe_head(head_id, as_read(labels), model_name)
    return {
        "stale": markup.stale(changed) if changed else "",
        "head_name": markup.head_in_use(head.name, head.problem) if head else "",
        "its_labels": gr.update(visible=True if head and head.other_labels else HIDDEN),
    }


def as_read(labels: str) -> tuple[str, ...]:
    """Return labels as they are read, or the text itself where they cannot be."""
    try:
        return parse_labels(labels or "").labels
    except LabelError:
        return (labels,)
