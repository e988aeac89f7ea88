"""What the Generate tab shows, as HTML: how far a generator is, candidates with their flags, what a service is asked.

Every text that a person, a file or a service wrote is escaped here.
"""

from collections.abc import Sequence
from html import escape

from audioprompt.prompts.checks import Flag
from audioprompt.prompts.template import SLOT, Template
from audioprompt.util.text import one_line


def running(words: str) -> str:
    """Work that says nothing of how far it is."""
    return f'<div class="progress running"><span role="status">{escape(words)} …</span></div>'


def notice(sentence: str | None) -> str:
    """What else is to be said, if anything."""
    return f'<div class="fine">{escape(sentence)}</div>' if sentence else ""


def request(heading: str, text: str) -> str:
    """What a service is asked, word for word, under a heading."""
    return f'<div class="fine">{escape(heading)}</div><pre>{escape(text)}</pre>'


def state(come: int, wanted: int, flags: Sequence[Sequence[Flag]] = (), running: bool = False) -> str:
    """How many of the candidates wanted are there, and how many of them are flagged."""
    flagged = sum(map(bool, flags))
    words = f" · {flagged} flagged" if flagged else ""
    share = min(come / wanted, 1)
    return (
        f'<div class="progress{" running" if running else ""}"><span role="status"><b>{come}</b> of {wanted}{words}'
        f'</span><div class="track"><i style="width:{100 * share:.1f}%"></i></div></div>'
    )


def checking(come: int, wanted: int, done: int, total: int) -> str:
    """How many of the texts are encoded by which a model checks the candidates."""
    words = f"Checking the prompts: {done:,} of {total:,} read" if total else "Checking the prompts"
    return state(come, wanted, running=True) + notice(words)


def candidates_table(templates: Sequence[Template], flags: Sequence[Sequence[Flag]], labels: Sequence[str]) -> str:
    """Candidates filled with the first label, each with its flags."""
    label = labels[0] if labels else "sound"
    rows = "".join(
        f'<tr><td class="number">{number}</td><td>{_filled(template, label)}</td>'
        f'<td class="flags">{_reasons(found)}</td></tr>'
        for number, (template, found) in enumerate(zip(templates, flags, strict=True), 1)
    )
    heading = f"Prompt, here for “{escape(label)}”" if labels else "Prompt"
    return (
        f'<table><thead><tr><th class="number"></th><th scope="col">{heading}</th>'
        '<th scope="col" class="flags">Look at</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _filled(template: Template, label: str) -> str:
    """A filled template, the label marked in it."""
    text, after = template.fill(label), template.text.partition(SLOT)[2]
    end = len(text) - len(after)
    start = end - len(one_line(label))
    return f"{escape(text[:start])}<mark>{escape(text[start:end])}</mark>{escape(after)}"


def _reasons(flags: Sequence[Flag]) -> str:
    return "".join(f'<div class="flag {flag.kind}">{escape(flag.reason)}</div>' for flag in flags)
