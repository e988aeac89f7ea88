"""Small pieces of the page that several tabs show, and what methods are called there."""

from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING

from audioprompt.few_shot.methods import title_of
from audioprompt.prompts.pack import PromptPack
from audioprompt.prompts.template import SLOT, Template
from audioprompt.services.classify import Classification, Vote
from audioprompt.services.rejection import Presence
from audioprompt.ui.render import render
from audioprompt.util.text import counted, first_of, one_line, sentence

if TYPE_CHECKING:
    from audioprompt.few_shot.base import Head
    from audioprompt.few_shot.heads import HeadRecord

SHARED, CLASSIFY = "shared/template.html", "classify/template.html"


def problem(error: object) -> str:
    """Return what went wrong and what to do as a sentence, in the place where the answer would be."""
    return render(SHARED, "problem", sentence=sentence(error))


def remarks(sentences: Sequence[str]) -> str:
    """Return what people should know besides, nothing where there is nothing."""
    said = " ".join(map(one_line, sentences))
    return render(SHARED, "notice", sentence=said) if said else ""


def empty(text: str, title: str = "", button: tuple[str, str] | None = None, primary: bool = False) -> str:
    """Return what a place is for, while there is nothing in it.

    Args:
        text: says so.
        title: above it.
        button: the attribute by which a script knows it, and its words.
        primary: whether the button is the one to press.
    """
    return render(SHARED, "empty", text=text, title=title, button=button, primary=primary)


def progress(words: str, fraction: float | None = None, running: bool = True, job: str | None = None) -> str:
    """How far something is.

    Args:
        words: say what it is.
        fraction: done by now, None where nobody knows.
        running: whether it still goes on.
        job: can be stopped.
    """
    return render(SHARED, "progress", words=words, fraction=fraction, running=running, job=job)


def events(rows: Sequence[Sequence[object]]) -> str:
    """Return a table of events that can be corrected in it, nothing where there are none.

    Args:
        rows: of start and end in seconds, label and probability.
    """
    return render(CLASSIFY, "events", rows=rows, edition=token_hex(4)) if rows else ""


@dataclass(frozen=True)
class Filled:
    """A prompt for a label as the model reads it.

    Attributes:
        before: the label.
        label: as it stands in the prompt.
        after: the label.
    """

    before: str
    label: str
    after: str


def fill(template: Template, label: str) -> Filled:
    """Fill a template with a label, and find it there."""
    text, after = template.fill(label), template.text.partition(SLOT)[2]
    end = len(text) - len(after)
    start = end - len(one_line(label))
    return Filled(text[:start], text[start:end], after)


def verdict(result: Classification, notice: str = "") -> str:
    """Return the answer in large, agreement or not in words, and what else is to be said.

    Labels that were translated are buttons, which put the English into the field, to be changed there.
    """
    return render(
        CLASSIFY,
        "verdict",
        answer=result.headline,
        known=result.known,
        words=result.words,
        notice=notice,
        translated=result.read.translated if result.read else (),
    )


def presences(found: Sequence[Presence]) -> str:
    """Return which labels are heard, where more than one may be, and which are not."""
    return render(CLASSIFY, "presences", found=found)


def stale(sentence: str) -> str:
    """Tell that an answer is to an earlier question, above it."""
    return render(CLASSIFY, "stale", sentence=sentence)


def head_in_use(name: str, problem: str = "") -> str:
    """Return the fitted head that answers as well, and why it does not where it does not."""
    return render(CLASSIFY, "head_in_use", name=name, problem=problem)


def votes(cast: Sequence[Vote], chosen: str) -> str:
    """Return what each template says on its own; those that chose what the ensemble chose bear its colour."""
    return render(CLASSIFY, "votes", votes=cast, chosen=chosen)


def model_state(words: str, state: str) -> str:
    """How the model is, in one line; ``state`` is ``ready``, ``loading`` or ``failed``."""
    return render("header/template.html", "model_state", words=words, state=state)


TERMS = render(CLASSIFY, "terms")  # the words of the field, each explained where it is first met
VANILLA_NAME = "Vanilla (1 prompt)"
CLASSES_NAMED = 3


def method_name(pack: PromptPack) -> str:
    """Return what an ensemble of a pack's templates is called: TSPE where the pack is specific to a task."""
    return f"{'TSPE' if pack.category else 'Ensemble'} ({counted(len(pack.approved), 'prompt')})"


def head_name(record: "HeadRecord") -> str:
    """Return what a head is called in a list of heads: its method, and the first of its classes."""
    return f"{title_of(record.method)}: {first_of(record.classes, CLASSES_NAMED)}"


def learned_name(head: "Head") -> str:
    """Return what a fitted head is called beside the two methods that learn nothing."""
    return f"{title_of(head.method)} (learned)"
