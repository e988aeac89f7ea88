"""What the Generate tab shows, as HTML: how far a generator is, candidates with their flags, what a service is asked.

Every text that a person, a file or a service wrote is escaped here.
"""

from collections.abc import Sequence
from html import escape

from audioprompt.lines import one_line
from audioprompt.prompts.checks import Flag
from audioprompt.prompts.template import SLOT, Template


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


CSS = """
#generate { gap: 20px; }
#generate .steps { gap: 12px; counter-reset: step; }
#generate .step { counter-increment: step; padding: 0 !important; }
#generate .step > button { align-items: center; padding: 12px 16px; font-weight: 600; text-align: left; gap: 12px; }
#generate .step > button > span:first-child { display: flex; align-items: baseline; gap: 10px; min-width: 0; }
#generate .step > button > span:first-child::before { content: counter(step); flex: none; width: 22px; height: 22px;
  border-radius: 50%; font-size: 0.8125rem; line-height: 22px; text-align: center; font-weight: 600;
  background: var(--border-color-primary); color: var(--body-text-color); }
#generate .step > button.open > span:first-child::before { background: var(--primary-600); color: white; }
#generate .step.done > button > span:first-child { font-weight: 400; }
#generate .step.done > button > span:first-child::before { content: "✓"; background: var(--primary-50);
  color: var(--primary-600); }
.dark #generate .step.done > button > span:first-child::before { background: var(--primary-900); color: white; }

#generate .step.later > button + div, #generate .step.later > button > .icon { display: none !important; }
#generate .step.later > button { pointer-events: none; margin: 0; color: var(--body-text-color-subdued); }
#generate .step.later > button > span:first-child::before { background: var(--border-color-primary);
  color: var(--body-text-color); }
#generate .step > button + div { padding: 2px 16px 16px; }
/* No commas inside of brackets here: Gradio splits selectors at each of them. */
#generate .step .block, #generate .step .form { border: 0; padding: 0; background: transparent; overflow: visible; }
#generate .step .form { gap: 16px; }
#generate .step > div > .column { gap: 12px; }
#generate .bare input, #generate .bare textarea { border: 1px solid var(--input-border-color); border-radius: 6px;
  padding: 6px 10px; font-size: 0.875rem; }
#generate .bare input:focus, #generate .bare textarea:focus { border-color: var(--input-border-color-focus); }
#generate .bare ::placeholder { white-space: nowrap; }
#generate .step > button > .icon { flex: none; }
#count { flex: 0 0 72px; }

#generate .act { align-items: center; gap: 8px 12px; }
#generate .act > * { flex: 0 1 auto; min-width: 0 !important; width: auto; }
#generate .act > button { flex-shrink: 0; }
#generate .act .go, #generate .act .stop { min-width: 120px; }
#generate .in-use, #generate .fine { color: var(--body-text-color-subdued); font-size: 0.875rem;
  overflow-wrap: anywhere; }
#generate .step:has(.running) .go, #generate .step:not(:has(.running)) .stop { display: none; }
#generate .from-data { align-items: center; gap: 8px; }
#generate .from-data button { flex: 0 0 auto; }

#generate .chips .wrap { gap: 6px; }
#generate .chips .wrap label { padding: 2px 10px; border-radius: 999px; font-size: 0.875rem; box-shadow: none; gap: 0; }
#generate .chips .wrap label input { position: absolute; opacity: 0; pointer-events: none; }
#generate .chips .wrap label span { margin: 0; }
#generate .chips .wrap label:not(.selected) { opacity: 0.6; text-decoration: line-through; background: transparent; }
#generate .chips .wrap label.selected { background: var(--primary-50); border-color: var(--primary-200); }
.dark #generate .chips .wrap label.selected { background: var(--primary-900); border-color: var(--primary-800); }
#generate .chips .wrap label:focus-within { outline: 2px solid var(--primary-500); outline-offset: 1px; }

#generate .progress { font-variant-numeric: tabular-nums; }
#generate .progress .track { height: 4px; border-radius: 2px; margin-top: 6px;
  background: var(--border-color-primary); }
#generate .progress .track i { display: block; height: 100%; border-radius: 2px; background: var(--primary-600);
  transition: width 0.2s; }
#generate .progress.running > span { animation: breathe 1.6s ease-in-out infinite; }
@keyframes breathe { 50% { opacity: 0.55; } }
#generate .step:not(:has(tbody)) .send { display: none; }
#generate .step:has(.running) .send { opacity: 0.4; pointer-events: none; }
#generate .send { align-items: end; }

#candidates table { width: 100%; margin: 0; border: 0; border-collapse: collapse; table-layout: fixed;
  font-size: 0.875rem; }
#candidates thead, #candidates tbody, #candidates tr { border: 0; }
#candidates th, #candidates td { border: 0; padding: 6px 12px 6px 0; text-align: left; vertical-align: baseline;
  overflow-wrap: anywhere; }
#candidates td { border-top: 1px solid var(--border-color-primary); }
#candidates th { font-weight: 500; font-size: 0.8125rem; color: var(--body-text-color-subdued); }
#candidates .number { width: 2.4em; text-align: right; color: var(--body-text-color-subdued);
  font-variant-numeric: tabular-nums; }
#candidates .flags { width: 32%; padding-right: 0; }
#candidates mark { background: transparent; color: var(--primary-600); font-weight: 500; }
.dark #candidates mark { color: var(--primary-300); }
#generate .flag { font-size: 0.8125rem; padding-left: 14px; position: relative; }
#generate .flag::before { content: ""; position: absolute; left: 0; top: 0.5em; width: 7px; height: 7px;
  border-radius: 50%; background: #D55E00; }
#generate .flag.format::before { background: var(--body-text-color-subdued); }

#exact-prompt pre { margin: 4px 0 14px; padding: 10px 12px; white-space: pre-wrap; overflow-wrap: anywhere;
  font-size: 0.8125rem; border: 1px solid var(--border-color-primary); border-radius: 6px; }
@media (max-width: 640px) {
  #candidates thead, #candidates .number { display: none; }
  #candidates tbody, #candidates tr, #candidates td { display: block; width: 100%; padding: 0; border: 0; }
  #candidates .flags { width: 100%; }
  #candidates tr { padding: 7px 0; border-top: 1px solid var(--border-color-primary); }
}
"""
