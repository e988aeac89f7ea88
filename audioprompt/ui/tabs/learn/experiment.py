"""Methods are tried on the clips that were gathered, and measured."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from audioprompt.core.labels import parse_labels
from audioprompt.data import LabelledClips
from audioprompt.data.recordings import UNLABELLED
from audioprompt.few_shot.methods import METHODS, title_of
from audioprompt.few_shot.settings import FewShotError, FitSettings
from audioprompt.prompts.template import BARE_NAME, VANILLA
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.services.collection import Collection, Gathered
from audioprompt.ui import charts, markup
from audioprompt.ui.components import learn as view
from audioprompt.ui.events import View
from audioprompt.ui.tabs.learn.gather import enter_data, proposed_folds, take_name
from audioprompt.ui.tabs.learn.heads import FORGOTTEN
from audioprompt.util.jobs import FITTING, Job, Stopped, TookTooLong, follow
from audioprompt.util.text import counted

if TYPE_CHECKING:
    from audioprompt.services.learn import Experiment, ExperimentSettings, Results, Step

LOOK_SECONDS = 0.12  # between two looks at a fit
LOOKS_UNSEEN = 8  # in which nothing has changed, until that is passed on all the same
NO_POINT = markup.empty("Stopped before the first point of the curve was measured.")
PARTS = ("summary", "details", "map", "tried", "job_id", "head", "curve", "shots_figure", "go", "stop")


@dataclass(frozen=True)
class Settings:
    """What the controls ask for.

    Attributes:
        methods: names of `METHODS`, of those at hand.
        shots: clips per class to learn from, at most.
        epochs: of each fit.
        learning_rate: of each fit.
        seeds: how many fits, each with other clips.
        start: what PALM starts from: ``name``, ``vanilla`` or ``pack``.
        pack_id: the prompts of TSPE, and of PALM's start.
        dropout: the fraction of what is heard that each step leaves out.
        model_name: the model that hears.
        unlabelled: whether recordings that have no label join the clips.
        label_names: the labels as they were typed, for recordings without labels alone.
        more_methods: names of further methods.
    """

    methods: Sequence[str]
    shots: float = 16
    epochs: float = 50
    learning_rate: float = 0.05
    seeds: float = 3
    start: str = "name"
    pack_id: str = ""
    dropout: float = 0.0
    model_name: str = "embedded"
    unlabelled: bool = False
    label_names: str = ""
    more_methods: Sequence[str] = ()

    @property
    def chosen(self) -> tuple[str, ...]:
        """The methods as they are offered, however they were ticked.

        Raises:
            FewShotError: one of them is not offered any more.
        """
        ticked = {METHODS[name].name for name in (*self.methods, *self.more_methods)}
        return tuple(sorted(ticked, key=METHODS.names.index))


def trial_of(
    settings: Settings, context: Context = IN_PROCESS, unlabelled: Sequence[Path] = ()
) -> "ExperimentSettings":
    """Return what the controls ask for, of clips and of recordings without labels.

    Raises:
        FewShotError: settings that no fit can work with, or no method.
        NotAllowed: it is more than a visitor may try.
        PackError: the pack cannot be used.
    """
    from audioprompt.services.learn import ExperimentSettings  # with torch and scipy, which a page need not wait for

    methods = settings.chosen
    if not methods:
        raise FewShotError("Choose at least one method.")
    context.refuse_large_trials(methods, settings.shots, settings.epochs, settings.seeds)
    chosen = [METHODS[name] for name in methods]
    needed = any(method.needs_templates for method in chosen) or settings.start == "pack"
    templates = tuple(context.store.get(settings.pack_id).approved) if needed else ()
    starts = {"name": (BARE_NAME,), "vanilla": (VANILLA,), "pack": templates}
    if settings.start not in starts:
        raise FewShotError("Choose what PALM starts from.")
    fit = FitSettings(epochs=int(settings.epochs), learning_rate=settings.learning_rate)
    seeds = tuple(range(int(settings.seeds)))
    return ExperimentSettings(
        methods,
        int(settings.shots),
        seeds,
        fit,
        templates,
        starts[settings.start],
        settings.dropout,
        tuple(unlabelled),
    )


def begin(
    collection: Collection,
    name: str | None,
    where: str | None,
    folds: Sequence[int],
    settings: Settings,
    context: Context = IN_PROCESS,
) -> Iterator[View]:
    """Learn what was gathered, once Learn was pressed: what was typed and not entered counts as well.

    Raises:
        AudiopromptError: nothing can be learned; the message says what to change.
    """
    if collection.is_new(where):
        yield {"summary": view.hearing(0, 0), **nothing_shown()}
        shown = enter_data(collection, where, context)
        yield shown
        if shown["note"]:
            yield over(shown["note"])
            return
        folds = proposed_folds(collection)
    elif name and collection.now.unnamed:
        yield take_name(collection, name)
    if unnamed := len(collection.now.unnamed):
        without = f"{counted(unnamed, 'recording')} without a name: type the name of the sound, or take it away."
        raise FewShotError(without)
    yield from learn(collection.now, folds, settings, context)


def learn(
    gathered: Gathered, folds: Sequence[int], settings: Settings, context: Context = IN_PROCESS
) -> Iterator[View]:
    """Try methods on the clips: yields how far it is, several times a second, and then what came of it.

    What is measured on clips held back is then fitted again on all of them, for that is the head to use.

    Raises:
        AudiopromptError: nothing can be learned; the message says what to change.
    """
    from audioprompt.services.learn import Watch, try_out

    clips, unlabelled = gathered.clips, gathered.unlabelled if settings.unlabelled else ()
    if unlabelled and not len(clips) and settings.label_names.strip():
        clips = LabelledClips((), (), name=UNLABELLED, classes=parse_labels(settings.label_names).labels)
    chance = math.log(max(len(clips.classes), 2))  # the loss of guessing
    trial, model = trial_of(settings, context, unlabelled), context.model(settings.model_name)
    learn_folds = folds if clips.folds and folds else None

    def work(job: "Job[Experiment]") -> "Experiment":
        watch = Watch(partial(job.progress, "clips"), partial(setattr, job, "stage"), job.stopping)
        return try_out(model, clips, trial, (learn_folds, None), watch, again=True, skip_bad=gathered.skip_bad)

    job = FITTING.start(work, **context.terms)
    yield from watch(job, chance)
    try:
        tried = job.result()
    except TookTooLong:
        raise
    except Stopped:
        yield over(view.START)
    else:
        yield over(view.summary(tried.results), tried) | show_details(tried.results, chance)


def watch(job: "Job[Experiment]", chance: float) -> Iterator[View]:
    """Show how far a job is until it has come to an end; it ends as well where nobody looks any more."""
    buttons = {"go": gr.Button(interactive=False), "stop": gr.Button(interactive=True)}
    begun = {"summary": view.hearing(0, 0), **nothing_shown(), "job_id": job.id, **buttons}
    shown: tuple[int, Step | None] | None = None
    for look, _ in enumerate(follow(job, LOOK_SECONDS, alone=True)):
        now = (job.done, job.stage)
        if not look:
            yield begun
        elif now != shown:
            shown = now
            yield {"summary": view.fitting(job.stage, chance) if job.stage else view.hearing(job.done, job.total)}
        elif look % LOOKS_UNSEEN == 0:
            yield {}  # only at such a step does Gradio notice that nobody looks any more


def nothing_shown() -> View:
    """Show nothing of an earlier trial."""
    return {"details": "", "map": charts.plot(None), "curve": "", "shots_figure": charts.plot(None)}


def show_details(results: "Results", chance: float) -> View:
    """Show what was learned, and how the fits went."""
    from audioprompt.services.learn import moves, palm_of

    palm = palm_of(results)
    return {
        "details": view.details(results, chance),
        "map": charts.plot(charts.class_map(moves(palm)) if palm else None),
    }


def over(summary: str, tried: "Experiment | None" = None) -> View:
    """Show what came of a trial, and the heads that can be used."""
    fitted = [one for one in tried.results.outcomes if one.head] if tried else []
    heads = [(title_of(one.method), one.method) for one in fitted]
    best = tried and tried.results.best
    chosen = best.method if best else heads[0][1] if heads else None
    return {
        "summary": summary,
        **nothing_shown(),
        "tried": tried,
        "job_id": "",
        "head": gr.Dropdown(choices=heads, value=chosen),
        "go": gr.Button(interactive=True),
        "stop": gr.Button(interactive=False),
    }


def stop(job_id: str) -> View:
    """Ask a trial to end; what it has learned by then is kept."""
    FITTING.stop(job_id)
    return {}


def show_curve(tried: "Experiment | None", context: Context = IN_PROCESS) -> Iterator[View]:
    """Run the same trial with 1, 2, 4, 8 and 16 clips per class: yields how far it is, then the curve.

    Raises:
        FewShotError: nothing was held back to measure on, or what was learned is no longer there.
    """
    from audioprompt.services.learn import Watch, curve

    if tried is None:
        raise FewShotError(FORGOTTEN)
    train, test = tried.train, tried.test
    if test is None:
        raise FewShotError("Nothing was held back to measure on: give three clips of every class.")
    model = context.model(tried.model)

    def work(job: "Job[dict[int, Results]]") -> "dict[int, Results]":
        watch = Watch(on_step=partial(setattr, job, "stage"), stop=job.stopping)
        return curve(model, train, test, tried.results.trial, watch=watch)

    yield {"shots_figure": charts.plot(None)}
    for job in follow(FITTING.start(work, **context.terms), LOOK_SECONDS, alone=True):
        shown: dict[str, Any] = {"curve": view.counting(job.stage) if job.stage else view.WAITING}
        yield shown | {"job_id": job.id, "stop": gr.Button(interactive=True)}
    found = job.result()
    yield curve_over() | (
        {"curve": "", "shots_figure": charts.plot(charts.shots_curve(found))} if found else {"curve": NO_POINT}
    )


def curve_over() -> View:
    """Show that no curve is being made."""
    return {"job_id": "", "stop": gr.Button(interactive=False)}


def trial_over() -> View:
    """Show that nothing came of a trial."""
    return over("")
