"""What the Learn tab shows: clips as cards, a fit as it runs, and what came of it."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from audioprompt.data import LabelledClips
from audioprompt.few_shot.methods import METHODS, colour_of, title_of
from audioprompt.ui import markup
from audioprompt.ui.components.charts import fit_curves
from audioprompt.ui.render import render
from audioprompt.util.text import counted

if TYPE_CHECKING:
    from audioprompt.services.learn import Outcome, Results, Step

CLIPS, RESULTS, METHODS_LIST = "learn/clips.html", "learn/results.html", "learn/methods.html"
MAX_IN_MATRIX = 24  # classes; a larger confusion matrix can be had from the command line

START = markup.empty(
    "Give a few clips of each sound, and a small head learns to tell them apart on top of the model, in seconds. "
    "You will see how well each method does on held-out clips, and what it learned.",
    "Teach it your sounds",
)
NO_CLIPS = render(CLIPS, "nothing")
WAITING = markup.progress("Waiting for its turn")


# --- clips ------------------------------------------------------------------------------------------------------------


def cards(clips: LabelledClips, chosen: str = "", unnamed: int = 0, own: int = 0) -> str:
    """Return the clips, a card for each class: how many there are, and what is missing.

    Args:
        clips: gathered by now.
        chosen: the class that is being added to.
        unnamed: recordings of a sound that has no name yet.
        own: how many of the clips were recorded or uploaded, and are nowhere else.
    """
    if not clips.classes and not unnamed:
        return NO_CLIPS
    counts = Counter(clips.labels)
    at_stake = unnamed + own
    return render(
        CLIPS,
        "cards",
        classes=len(clips.classes),
        clips=len(clips) + unnamed,
        cards=[{"name": name, "clips": counts[name], "chosen": name == chosen} for name in clips.classes],
        unnamed=unnamed,
        lost=f"Remove the {counted(at_stake, 'clip')} you recorded or uploaded?" if at_stake else "",
    )


def player(name: str, wav: bytes) -> str:
    """Return a clip, played at once."""
    return render(CLIPS, "player", name=name, sound=base64.b64encode(wav).decode())


def player_failed(error: object) -> str:
    """Why a clip cannot be played, in the player's place."""
    return render(CLIPS, "player_failed", problem=str(error))


def methods() -> str:
    """Return what each method is, in a line."""
    return render(METHODS_LIST, "methods", methods=list(METHODS))


# --- while it runs ----------------------------------------------------------------------------------------------------


def hearing(done: int, total: int) -> str:
    """How many clips have been embedded."""
    words = f"Listening to the clips: {done} of {total}" if total else "Listening to the clips"
    return markup.progress(words, done / total if total else 0)


def fitting(step: Step, chance: float) -> str:
    """Return a fit as it is now.

    Args:
        step: where the trial is.
        chance: the loss of guessing.
    """
    done, total = step.work_done
    what = f"again on all {counted(step.again_on, 'clip')}" if step.again_on else f"seed {step.seed}"
    words = f"{title_of(step.method)}, {what}"
    if step.checked:
        words += f", calibrating on clips left out: epoch {step.checked} of {step.copies * step.epochs}"
    elif step.in_epochs:
        words += f", epoch {len(step.history)} of {step.epochs}"
    if step.fits > 1:
        words += f" (fit {step.fit} of {step.fits})"
    curves = fit_curves(step.history, step.epochs, chance) if step.in_epochs else ""
    return markup.progress(words, done / total) + curves


def counting(step: Step) -> str:
    """How far the fits of a curve are."""
    done, total = step.work_done
    words = f"{counted(step.shots, 'clip')} per class: {title_of(step.method)}, seed {step.seed}"
    return markup.progress(words, done / total)


# --- what came of it --------------------------------------------------------------------------------------------------


def summary(results: Results) -> str:
    """Return the best method in large, what it learned from and was tested on in words, and the table of all
    methods.
    """
    notes = [results.notice] if results.notice else []
    if results.stopped:
        notes.append("Stopped. These are the results so far." + _not_again(results))
    notes += [f"{title_of(one.method)}: {one.advice}" for one in results.outcomes if one.advice]
    best = results.best
    return render(
        RESULTS,
        "summary",
        headline=title_of(best.method) if best else _ready(results),
        percent=f"{100 * (best.accuracy or 0):.1f}" if best else None,
        words=_against_zero_shot(results, best) + _measured(results, best) if best else _learned_from(results),
        notes=notes,
        tested_on=results.tested_on if best else None,
        rows=[_row(outcome, outcome is best) for outcome in results.outcomes if outcome.fits],
    )


def _not_again(results: Results) -> str:
    """Which heads have not learned from the clips held back, after a trial that was stopped."""
    missed = [
        title_of(one.method)
        for one in results.outcomes
        if one.head and (results.fitted_on(one) or results.clips) < results.clips
    ]
    return f" Not fitted again on all {results.clips} clips: {', '.join(missed)}." if missed else ""


def _ready(results: Results) -> str:
    """Which head can be used, where there was no score."""
    ready = [outcome for outcome in results.outcomes if outcome.head]
    return f"{title_of(ready[0].method)} is ready" if ready else "Nothing was learned"


def _learned_from(results: Results) -> str:
    """Return what the head learned from that can be used, where there was no score."""
    ready = [outcome for outcome in results.outcomes if outcome.head]
    if not ready:
        return ""
    if not results.learned_from:
        return "It learned from recordings without labels alone. Give some of each sound a label to see how good it is."
    learned = counted(results.fitted_on(ready[0]) or results.learned_from, "clip")
    classes = counted(len(results.classes), "class")
    return (
        f"It learned from {learned} of {classes}. With three clips of every class, some are held back and give a score."
    )


def _measured(results: Results, best: Outcome) -> str:
    """Return what the methods learned from, and were measured on."""
    seeds = f", {len(best.fits)} seeds" if len(best.fits) > 1 else ""
    learned, classes = counted(results.learned_from, "clip"), counted(len(results.classes), "class")
    again = any(outcome.again for outcome in results.outcomes)
    return f"Learned from {learned} of {classes}, measured on {results.tested_on} held-out clips{seeds}." + (
        f" The heads to use were then fitted again on all {results.clips}." if again else ""
    )


def _against_zero_shot(results: Results, best: Outcome) -> str:
    """How far the best method is from zero-shot."""
    if results.zero_shot is None or best.method == "zero-shot":
        return ""
    points = round(100 * ((best.accuracy or 0) - results.zero_shot), 1)
    return (
        f"{abs(points)} points {'above' if points > 0 else 'below'} zero-shot. " if points else "As good as zero-shot. "
    )


def _row(outcome: Outcome, best: bool) -> dict[str, Any]:
    return {
        "name": title_of(outcome.method),
        "colour": colour_of(outcome.method),
        "accuracy": outcome.accuracy,
        "interval": outcome.interval if outcome.accuracy is not None else None,
        "seconds": outcome.seconds,
        "best": best,
    }


def details(results: Results, chance: float) -> str:
    """Return what the best of the fitted heads confuses, what PALM learned, and how each fit went, each in a fold."""
    from audioprompt.services.learn import palm_of, reliance

    learned = palm_of(results)
    confused = results.best if len(results.classes) <= MAX_IN_MATRIX else None
    histories = [(one, one.head.history) for one in results.outcomes if one.head and one.head.history]
    epochs = results.trial.settings.epochs
    return render(
        RESULTS,
        "details",
        reliance=reliance(learned) if learned else (),
        confused=title_of(confused.method) if confused else "",
        confusion=_confusion(confused, results.classes) if confused else (),
        trust=_trust(results.best),
        fits=[(title_of(one.method), fit_curves(history, epochs, chance)) for one, history in histories],
    )


def _trust(outcome: Outcome | None) -> dict[str, Any] | None:
    """How sure the best method is, and how often it is then right; None where nothing was held back."""
    if outcome is None or outcome.reliability is None:
        return None
    from audioprompt.services.views import as_dict

    shown = as_dict(outcome.reliability)
    return {"name": title_of(outcome.method), "error": 100 * shown["error"], "bins": shown["bins"]}


def _confusion(outcome: Outcome, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Which class was taken for which, by the first seed's head."""
    confusion = outcome.fits[0].confusion
    if confusion is None:
        return []
    totals = [max(int(row.sum()), 1) for row in confusion]
    return [
        {
            "name": name,
            "cells": [
                {"number": int(number), "share": int(number) / totals[place], "right": place == other}
                for other, number in enumerate(confusion[place])
            ],
        }
        for place, name in enumerate(classes)
    ]
