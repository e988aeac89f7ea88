"""Small pieces of the page as HTML. Every text that a person or a file could have written is escaped here."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from audioprompt.few_shot.methods import title_of
from audioprompt.prompts.pack import PromptPack
from audioprompt.services.classify import Classification, Vote
from audioprompt.ui import theme
from audioprompt.util.text import counted, first_of, one_line

if TYPE_CHECKING:
    from audioprompt.few_shot.base import Head
    from audioprompt.few_shot.heads import HeadRecord


def verdict(result: Classification, notice: str = "") -> str:
    """The answer in large, agreement or not in words, and what else is to be said."""
    noted = f'<div class="notice">{escape(notice)}</div>' if notice else ""
    return (
        f'<div class="verdict" role="status"><div class="label">{escape(result.answer)}</div>'
        f'<div class="words">{escape(result.words)}</div>{noted}</div>'
    )


def problem(sentence: object) -> str:
    """What went wrong and what to do, in the place where the answer would be."""
    return f'<div class="problem" role="alert">{escape(one_line(str(sentence)))}</div>'


def remarks(sentences: Sequence[str]) -> str:
    """What people should know besides, nothing where there is nothing."""
    said = escape(" ".join(map(one_line, sentences)))
    return f'<div class="notice" role="status">{said}</div>' if said else ""


def stale(sentence: str) -> str:
    """That an answer is to an earlier question, above it."""
    return f'<div class="stale" role="status">{escape(sentence)}</div>'


def head_in_use(name: str, problem: str = "") -> str:
    """The fitted head that answers as well, and why it does not where it does not."""
    return f'<div class="head"><span>{escape(name)}</span> <span class="why">{escape(problem)}</span></div>'


def empty(sentence: str) -> str:
    """What a place is for, while there is nothing in it."""
    return f'<div class="empty">{escape(sentence)}</div>'


def votes(cast: Sequence[Vote], chosen: str) -> str:
    """What each template says on its own; those that chose what the ensemble chose bear its colour."""
    rows = "".join(
        f"<tr><td>{escape(vote.prompt)}</td>"
        f'<td><i style="background:{theme.TSPE if vote.label == chosen else theme.RULE}"></i>{escape(vote.label)}</td>'
        f'<td class="number">{vote.probability:.2f}</td></tr>'
        for vote in cast
    )
    return (
        '<table><thead><tr><th scope="col">Prompt</th><th scope="col">Says</th>'
        f'<th scope="col" class="number" title="Probability">Prob.</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def model_state(words: str, state: str) -> str:
    """How the model is, in one line; ``state`` is ``ready``, ``loading`` or ``failed``."""
    return f'<span class="dot {state}"></span>{escape(words)}'


VANILLA_NAME = "Vanilla (1 prompt)"
CLASSES_NAMED = 3


def method_name(pack: PromptPack) -> str:
    """What an ensemble of a pack's templates is called: TSPE where the pack is specific to a task."""
    return f"{'TSPE' if pack.category else 'Ensemble'} ({counted(len(pack.approved), 'prompt')})"


TERMS = """<ul class="terms">
<li><b>Vanilla</b> is one plain prompt for each label.</li>
<li><b>TSPE</b>, the task-specific prompt ensemble, is many prompts for each label, averaged.</li>
<li><b>PALM</b> learns what each label means from a few clips of it, in the Learn tab.</li>
</ul>"""  # the words of the field, each explained where it is first met


def head_name(record: "HeadRecord") -> str:
    """What a head is called in a list of heads: its method, and the first of its classes."""
    return f"{title_of(record.method)}: {first_of(record.classes, CLASSES_NAMED)}"


def learned_name(head: "Head") -> str:
    """What a fitted head is called beside the two methods that learn nothing."""
    return f"{title_of(head.method)} (learned)"
