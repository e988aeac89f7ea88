"""What the Learn tab shows, as HTML and SVG: clips as cards, a fit as it runs, and what came of it.

Every text that a person or a file wrote is escaped here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from audioprompt.data import LabelledClips
from audioprompt.few_shot.methods import colour_of, title_of
from audioprompt.ui import markup, theme
from audioprompt.util.text import counted, one_line

if TYPE_CHECKING:
    from audioprompt.few_shot.base import Epoch
    from audioprompt.few_shot.methods.palm import Palm
    from audioprompt.services.learn import Outcome, Results, Step

FEWEST_SCORED = 3  # clips of each class: with fewer, none are held back for a score
MOST_IN_MATRIX = 24  # classes; a larger confusion matrix can be had from the command line
WIDTH, HEIGHT = 300, 108  # of a curve, in units of its drawing
MAP_WIDTH, MAP_HEIGHT = 640, 330
CURVE_WIDTH, CURVE_HEIGHT, AXIS = 640, 210, 34
MARGIN = 56  # around the map, for names
TEXT_HEIGHT = 15
MINUS = "\N{MINUS SIGN}"

START = (
    '<div class="empty start"><h3>Teach it your sounds</h3>'
    "<p>Give a few clips of each sound, and a small head learns to tell them apart on top of the model, in seconds. "
    "You will see how well each method does on held-out clips, and what it learned.</p></div>"
)
NO_CLIPS = (
    '<div class="cards none"><p>Name a sound below and record it or upload clips of it; then the next one. One clip of '
    'each is enough to begin, three give a score.</p><button type="button" data-act="demonstrate">Try it with 12 '
    "instruments</button></div>"
)


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


# --- clips ------------------------------------------------------------------------------------------------------------


def cards(clips: LabelledClips, chosen: str = "", unnamed: int = 0, own: int = 0) -> str:
    """The clips, a card for each class: how many there are, and what is missing.

    Args:
        clips: gathered by now.
        chosen: the class that is being added to.
        unnamed: recordings of a sound that has no name yet.
        own: how many of the clips were recorded or uploaded, and are nowhere else.
    """
    if not clips.classes and not unnamed:
        return NO_CLIPS
    counts = Counter(clips.labels)
    each = "".join(_card(name, counts[name], name == chosen) for name in clips.classes)
    if unnamed:
        each = _unnamed_card(unnamed) + each
    classes = f"<b>{counted(len(clips.classes), 'class')}</b>" if clips.classes else ""
    at_stake = unnamed + own  # asked for before the page takes them away, see `frame`
    lost = f' data-unsaved="Remove the {counted(at_stake, "clip")} you recorded or uploaded?"' if at_stake else ""
    return (
        f'<div class="cards"{lost}><div class="head">{classes}'
        f"<span>{counted(len(clips) + unnamed, 'clip')}</span>"
        '<button type="button" data-act="clear" class="takes-unsaved">Start over</button></div>'
        f"<ul>{each}</ul></div>"
    )


def _card(name: str, clips: int, chosen: bool) -> str:
    if not clips:
        state = '<small class="missing">needs 1 more</small>'
    elif clips < FEWEST_SCORED:
        state = f'<small title="Three of each sound give a score">{clips} of {FEWEST_SCORED} clips</small>'
    else:
        state = f"<small>{counted(clips, 'clip')}</small>"
    label = escape(name)
    play = _button("play", "▷", f"Play a clip of {label}") if clips else ""
    return (
        f'<li data-label="{label}"{" class=chosen" if chosen else ""}>'
        f'<button type="button" class="name" data-act="choose" title="Add to {label}">{label}{state}</button>'
        f"{play}{_button('drop', MINUS, f'Take away the last clip of {label}')}</li>"
    )


def _unnamed_card(clips: int) -> str:
    return (
        '<li data-label="" class="unnamed"><span class="name">No name yet'
        f'<small class="missing">{counted(clips, "recording")}</small></span>'
        f"{_button('play', '▷', 'Play a recording without a name')}"
        f"{_button('drop', MINUS, 'Take away the last recording without a name')}</li>"
    )


def _button(act: str, sign: str, words: str) -> str:
    return f'<button type="button" data-act="{act}" title="{words}" aria-label="{words}">{sign}</button>'


def player(name: str, wav_as_base64: str) -> str:
    """A clip, played at once."""
    return (
        f'<div class="player"><span>{escape(one_line(name))}</span>'
        f'<audio controls autoplay src="data:audio/wav;base64,{wav_as_base64}"></audio></div>'
    )


def player_failed(error: object) -> str:
    """Why a clip cannot be played, in the player's place."""
    return f'<div class="player">{markup.problem(error)}</div>'


# --- while it runs ----------------------------------------------------------------------------------------------------


def hearing(done: int, total: int) -> str:
    """How many clips have been embedded."""
    words = f"Listening to the clips: {done} of {total}" if total else "Listening to the clips"
    return _running(words, done / total if total else 0, "")


def fitting(step: Step, chance: float) -> str:
    """A fit as it is now.

    Args:
        step: where the trial is.
        chance: the loss of guessing.
    """
    done, total = step.epochs_done
    what = f"again on all {counted(step.again_on, 'clip')}" if step.again_on else f"seed {step.seed}"
    words = f"{title_of(step.method)}, {what}, epoch {len(step.history)} of {step.epochs}"
    if step.fits > 1:
        words += f" (fit {step.fit} of {step.fits})"
    return _running(words, done / total, curves(step.history, step.epochs, chance))


WAITING = '<div class="running" role="status"><div class="words">Waiting for its turn</div></div>'


def counting(step: Step) -> str:
    """How far the fits of a curve are."""
    done, total = step.epochs_done
    words = f"{counted(step.shots, 'clip')} per class: {title_of(step.method)}, seed {step.seed}"
    return _running(words, done / total, "")


def _running(words: str, share: float, below: str) -> str:
    return (
        f'<div class="running" role="status"><div class="words">{escape(words)}</div>'
        f'<div class="track"><i style="width:{100 * share:.1f}%"></i></div>{below}</div>'
    )


def curves(history: Sequence[Epoch], epochs: int, chance: float) -> str:
    """Loss and accuracy over the epochs, side by side."""
    losses, shares = [epoch.loss for epoch in history], [epoch.accuracy for epoch in history]
    top = max([chance, *losses])
    now = ("", "") if not history else (f"{losses[-1]:.3f}", f"{percent(shares[-1])} %")
    return (
        f'<div class="curves">{_curve("Loss", now[0], losses, epochs, top, theme.SOFT_INK)}'
        f"{_curve('Training accuracy', now[1], shares, epochs, 1.0, theme.PALM)}</div>"
    )


def _curve(title: str, now: str, values: Sequence[float], epochs: int, top: float, colour: str) -> str:
    points = " ".join(
        f"{WIDTH * place / max(epochs - 1, 1):.1f},{HEIGHT * (1 - value / top):.1f}"
        for place, value in enumerate(values)
    )
    line = f'<polyline points="{points}" style="stroke:{colour}"/>' if len(values) > 1 else ""
    return (
        f'<figure><figcaption>{title}<b>{now}</b></figcaption><svg viewBox="0 -3 {WIDTH} {HEIGHT + 6}" '
        f'preserveAspectRatio="none" role="img" aria-label="{title}: {now}">'
        f'<line x1="0" x2="{WIDTH}" y1="{HEIGHT}" y2="{HEIGHT}"/><line x1="0" x2="{WIDTH}" y1="0" y2="0"/>{line}</svg>'
        f'<div class="ends"><span>epoch 1</span><span>{epochs}</span></div></figure>'
    )


# --- what came of it --------------------------------------------------------------------------------------------------


def summary(results: Results) -> str:
    """The best method in large, what it learned from and was tested on in words, and the table of all methods."""
    notes = [results.notice] if results.notice else []
    if results.stopped:
        notes.append("Stopped. These are the results so far." + _not_again(results))
    notes += [f"{title_of(one.method)}: {one.advice}" for one in results.outcomes if one.advice]
    said = "".join(f'<div class="notice">{escape(note)}</div>' for note in notes)
    rows = "".join(_row(outcome, outcome is results.best) for outcome in results.outcomes if outcome.fits)
    columns = (
        f'<th scope="col" class="bar">Right, of {results.tested_on} clips held back</th>'
        '<th scope="col" class="number">%</th><th scope="col" class="number">95 % interval</th>'
        if results.best
        else ""
    )
    head = f'<th scope="col">Method</th>{columns}<th scope="col" class="number">Seconds</th>'
    return (
        f'<div class="result{" ready" if rows else ""}" role="status">{_headline(results)}{said}'
        f'<table class="methods"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        f"{_HOW_SURE if results.best else ''}</div>"
    )


def _not_again(results: Results) -> str:
    """Which heads have not learned from the clips held back, after a trial that was stopped."""
    missed = [
        title_of(one.method)
        for one in results.outcomes
        if one.head and (results.fitted_on(one) or results.clips) < results.clips
    ]
    return f" Not fitted again on all {results.clips} clips: {', '.join(missed)}." if missed else ""


_HOW_SURE = '<div class="notice">Intervals are over the seeds where these differ, else over the clips.</div>'


def _headline(results: Results) -> str:
    best = results.best
    classes = counted(len(results.classes), "class")
    if best is None:
        ready = [outcome for outcome in results.outcomes if outcome.head]
        label = f"{title_of(ready[0].method)} is ready" if ready else "Nothing was learned"
        learned = counted(results.fitted_on(ready[0]) or results.learned_from, "clip") if ready else ""
        words = (
            f"It learned from {learned} of {classes}. With three clips of every class, some are held back and give a "
            "score."
        )
        return f'<div class="label">{label}</div>' + (f'<div class="words">{words}</div>' if ready else "")
    seeds = len(best.fits)
    words = (
        f"Learned from {counted(results.learned_from, 'clip')} of {classes}, measured on {results.tested_on} held-out "
        f"clips{f', {seeds} seeds' if seeds > 1 else ''}."
    )
    if results.zero_shot is not None and best.method != "zero-shot":
        points = round(100 * ((best.accuracy or 0) - results.zero_shot), 1)
        side = f"{abs(points)} points {'above' if points > 0 else 'below'}" if points else "As good as"
        words = f"{side} zero-shot. {words}"
    if any(outcome.again for outcome in results.outcomes):
        words += f" The heads to use were then fitted again on all {results.clips}."
    return (
        f'<div class="label">{title_of(best.method)} <span>{percent(best.accuracy or 0)} %</span></div>'
        f'<div class="words">{words}</div>'
    )


def _row(outcome: Outcome, best: bool) -> str:
    colour, name = colour_of(outcome.method), title_of(outcome.method)
    scored = ""
    if outcome.accuracy is not None and outcome.interval is not None:
        low, high = outcome.interval
        scored = (
            f'<td class="bar"><div class="track"><i style="width:{percent(outcome.accuracy)}%;background:{colour}"></i>'
            f'<s style="left:{percent(low)}%;width:{percent(high - low)}%"></s></div></td>'
            f'<td class="number">{percent(outcome.accuracy)}</td>'
            f'<td class="number interval">{percent(low)} to {percent(high)}</td>'
        )
    return (
        f'<tr{" class=best" if best else ""}><th scope="row"><i style="background:{colour}"></i>{name}</th>{scored}'
        f'<td class="number">{outcome.seconds:.2f}</td></tr>'
    )


def details(results: Results, chance: float) -> str:
    """What the best of the fitted heads confuses, what PALM learned, and how each fit went, each in a fold."""
    from audioprompt.few_shot.methods.palm import Palm, PalmDagger

    folds = []
    palm = next((one.head for one in results.outcomes if type(one.head) is Palm), None)
    if isinstance(palm, Palm) and not isinstance(palm, PalmDagger):
        folds.append(_fold("What PALM learned", reliance(palm) + moved(palm), opened=True))
    shown = results.best
    if shown and len(results.classes) <= MOST_IN_MATRIX:
        folds.append(_fold(f"What {title_of(shown.method)} confuses", matrix(shown, results.classes)))
    histories = [(one, one.head.history) for one in results.outcomes if one.head and one.head.history]
    if histories:
        epochs = results.trial.settings.epochs
        drawn = "".join(
            f"<h4>{title_of(one.method)}</h4>{curves(history, epochs, chance)}" for one, history in histories
        )
        folds.append(_fold("How the fits went", drawn))
    return f'<div class="details">{"".join(folds)}</div>'


def _fold(title: str, content: str, opened: bool = False) -> str:
    return f"<details{' open' if opened else ''}><summary>{title}</summary><div>{content}</div></details>"


def matrix(outcome: Outcome, classes: Sequence[str]) -> str:
    """Which class was taken for which, by the first seed's head."""
    confusion = outcome.fits[0].confusion
    if confusion is None:
        return ""
    head = "".join(f'<th scope="col"><span>{escape(name)}</span></th>' for name in classes)
    rows = ""
    for place, name in enumerate(classes):
        total = max(int(confusion[place].sum()), 1)
        cells = "".join(
            _cell(int(number), number / total, place == other) for other, number in enumerate(confusion[place])
        )
        rows += f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'
    return (
        '<p class="note">Rows are what a clip is, columns what it was taken for.</p>'
        f'<div class="wide"><table class="matrix"><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _cell(number: int, share: float, right: bool) -> str:
    if not number:
        return "<td></td>"
    colour = "0, 158, 115" if right else "213, 94, 0"
    return f'<td style="background:rgba({colour}, {0.12 + 0.6 * share:.2f})">{number}</td>'


def reliance(head: Palm) -> str:
    """How far each class relies on what was learned for it, in words and as bars."""
    from audioprompt.services.learn import reliance

    shares = reliance(head)
    (most, high), (least, low) = shares[0], shares[-1]
    rows = "".join(
        f"<li><span>{escape(name)}</span><div class='track'><i style='width:{percent(share)}%'></i></div>"
        f"<span class='number'>{100 * share:.0f} %</span></li>"
        for name, share in shares
    )
    return (
        f'<p class="note">It relies {100 * high:.0f} % on what it learned for <em>{escape(most)}</em>, and '
        f"{100 * low:.0f} % for <em>{escape(least)}</em>; the rest is the class's name.</p>"
        f'<ul class="reliance">{rows}</ul>'
    )


def moved(head: Palm) -> str:
    """A map of the classes' embeddings: a ring where the words alone put each, a dot where it is now."""
    from audioprompt.services.learn import moves

    found = moves(head)
    places = [*found.before.tolist(), *found.after.tolist()]
    (left, right), (low, high) = ((min(axis), max(axis)) for axis in zip(*places, strict=True))

    def at(place: Sequence[float]) -> tuple[float, float]:
        across = (place[0] - left) / max(right - left, 1e-9) * (MAP_WIDTH - 2 * MARGIN - 60) + MARGIN
        down = (high - place[1]) / max(high - low, 1e-9) * (MAP_HEIGHT - 2 * TEXT_HEIGHT) + TEXT_HEIGHT
        return across, down

    drawn: list[str] = []
    taken: list[tuple[float, float]] = []
    classes = zip(found.classes, map(at, found.before.tolist()), map(at, found.after.tolist()), strict=True)
    for name, (x1, y1), (x2, y2) in sorted(classes, key=lambda one: one[2][1]):
        y = y2
        while any(abs(y - other) < TEXT_HEIGHT and abs(x2 - x) < 100 for x, other in taken):
            y += TEXT_HEIGHT / 3
        taken.append((x2, y))
        drawn.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/><circle class="from" cx="{x1:.1f}" '
            f'cy="{y1:.1f}" r="4"/><circle class="to" cx="{x2:.1f}" cy="{y2:.1f}" r="5"/>'
            f'<text x="{x2 + 9:.1f}" y="{y + 4:.1f}">{escape(_short(name))}</text>'
        )
    return (
        '<figure class="map"><figcaption>How the classes moved: from what their names mean (rings) to what the clips '
        f'sound like (dots)</figcaption><div class="wide"><svg viewBox="0 0 {MAP_WIDTH} {MAP_HEIGHT}" role="img" '
        f'aria-label="Map of class embeddings">{"".join(drawn)}</svg></div></figure>'
    )


def _short(name: str, most: int = 18) -> str:
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"


def shots_curve(found: Mapping[int, Results]) -> str:
    """Accuracy by clips per class, a line for each method, with the interval of each point."""
    if not found:
        return markup.empty("Stopped before the first point of the curve was measured.")
    shots = list(found)
    methods = [outcome.method for outcome in next(iter(found.values())).outcomes]
    ends = [end for results in found.values() for one in results.outcomes for end in one.interval or ()]
    low, high = max(0.0, min(ends) - 0.02), min(1.0, max(ends) + 0.02)

    def across(place: int) -> float:
        return AXIS + 30 + (CURVE_WIDTH - AXIS - 60) * place / max(len(shots) - 1, 1)

    def down(share: float) -> float:
        return CURVE_HEIGHT * (high - share) / max(high - low, 1e-9)

    drawn = [
        f'<line class="rule" x1="{AXIS}" x2="{CURVE_WIDTH}" y1="{down(share):.1f}" y2="{down(share):.1f}"/>'
        f'<text class="tick" x="{AXIS - 8}" y="{down(share) + 4:.1f}" text-anchor="end">{100 * share:.0f}</text>'
        for share in _marks(low, high)
    ] + [
        f'<text class="tick" x="{across(place):.1f}" y="{CURVE_HEIGHT + 20}" text-anchor="middle">{number}</text>'
        for place, number in enumerate(shots)
    ]
    for turn, method in enumerate(methods):
        colour, aside = colour_of(method), 5 * (turn - (len(methods) - 1) / 2)  # so that intervals stand apart
        line, points = [], ""
        for place, number in enumerate(shots):
            one = found[number].of(method)
            if one is None or one.accuracy is None or one.interval is None:
                continue
            x, y = across(place) + aside, down(one.accuracy)
            line.append(f"{x:.1f},{y:.1f}")
            points += (
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{down(one.interval[1]):.1f}" y2="{down(one.interval[0]):.1f}" '
                f'style="stroke:{colour}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" style="fill:{colour}">'
                f"<title>{title_of(method)}, {number} clips: {percent(one.accuracy)} %</title></circle>"
            )
        drawn.append(f'<g><polyline points="{" ".join(line)}" style="stroke:{colour}"/>{points}</g>')
    key = "".join(
        f'<span><i style="background:{colour_of(method)}"></i>{title_of(method)}</span>' for method in methods
    )
    return (
        '<figure class="shots"><figcaption>Accuracy in percent, by clips per class</figcaption><div class="wide">'
        f'<svg viewBox="0 -6 {CURVE_WIDTH} {CURVE_HEIGHT + 32}" role="img" aria-label="Accuracy by clips per class">'
        f'{"".join(drawn)}</svg></div><div class="key">{key}</div></figure>'
    )


def _marks(low: float, high: float) -> list[float]:
    step = 0.1 if high - low < 0.6 else 0.2
    return [number * step for number in range(round(1 / step) + 1) if low <= number * step <= high]
