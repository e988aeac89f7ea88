"""What the Generate tab shows: how far a generator is, candidates with their flags, what a service is asked."""

from collections.abc import Sequence

from audioprompt.prompts.checks import Flag
from audioprompt.prompts.template import Template
from audioprompt.ui import markup
from audioprompt.ui.render import render

TEMPLATE = "generate/template.html"


def running(words: str) -> str:
    """Work that says nothing of how far it is."""
    return markup.progress(f"{words} …")


def notice(sentence: str | None) -> str:
    """Return what else is to be said, if anything."""
    return render(TEMPLATE, "fine", sentence=sentence) if sentence else ""


def in_use(parts: Sequence[str]) -> str:
    """Which generator, model and settings are in use, in one line."""
    return render(TEMPLATE, "in_use", parts=parts)


def request(heading: str, text: str) -> str:
    """Return what a service is asked, word for word, under a heading."""
    return render(TEMPLATE, "request", heading=heading, text=text)


def state(come: int, wanted: int, flags: Sequence[Sequence[Flag]] = (), running: bool = False) -> str:
    """How many of the candidates wanted are there, and how many of them are flagged."""
    return render(TEMPLATE, "state", come=come, wanted=wanted, flagged=sum(map(bool, flags)), running=running)


def checking(come: int, wanted: int, done: int, total: int) -> str:
    """How many of the texts are encoded by which a model checks the candidates."""
    words = f"Checking the prompts: {done:,} of {total:,} read" if total else "Checking the prompts"
    return state(come, wanted, running=True) + notice(words)


def candidates_table(templates: Sequence[Template], flags: Sequence[Sequence[Flag]], labels: Sequence[str]) -> str:
    """Candidates filled with the first label, each with its flags."""
    label = labels[0] if labels else "sound"
    rows = [
        {"filled": markup.fill(template, label), "flags": found}
        for template, found in zip(templates, flags, strict=True)
    ]
    return render(TEMPLATE, "candidates", rows=rows, label=labels[0] if labels else None)
