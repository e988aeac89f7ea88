"""Few-shot methods fitted and measured: each with every seed, with more and more clips, and again on all of them."""

import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

import numpy as np

from audioprompt.core.metrics import confusion, score
from audioprompt.data import LabelledClips, group_near_twins
from audioprompt.data.embedding import look_through
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.encoding.encoder import Progress, features_of_clips
from audioprompt.few_shot.augment import dropout
from audioprompt.few_shot.base import choose_shots
from audioprompt.few_shot.build import build_head
from audioprompt.few_shot.calibration import calibrate
from audioprompt.few_shot.descent import Augment, LearnedHead
from audioprompt.few_shot.methods import METHODS
from audioprompt.few_shot.settings import FewShotError
from audioprompt.models.base import AudioTextModel, ProjectedAudio
from audioprompt.services.learn.clips import MIN_TO_DIVIDE, EmbeddedClips, embed_clips, hold_back, refuse_unusable
from audioprompt.services.learn.results import Experiment, ExperimentSettings, Fit, OnStep, Outcome, Results, Step, Stop
from audioprompt.util.text import named

SHOTS = (1, 2, 4, 8, 16)  # of the curve, as in PALM's paper


def run(
    model: AudioTextModel,
    train: EmbeddedClips,
    test: EmbeddedClips | None,
    trial: ExperimentSettings,
    on_step: OnStep | None = None,
    stop: Stop | None = None,
    every: EmbeddedClips | None = None,
) -> Results:
    """Fit every method with every seed, and score each on clips it has not seen.

    A method that fails does not keep the others from being tried. A fit that is stopped counts as far as it came, if
    it came through an epoch.

    Args:
        model: what heard the clips, for the text of its class names.
        train: clips to choose the shots from.
        test: clips that give the scores; None for no scores.
        trial: what to try.
        on_step: told before every fit and after every epoch.
        stop: asked again and again whether to end.
        every: all clips, on which each method is fitted again as soon as it was measured; None for no such fit.

    Raises:
        FewShotError: the clips or the settings are such that no method could learn.
    """
    classes = train.clips.spoken_classes
    methods = [METHODS[name] for name in dict.fromkeys(trial.methods)]
    plan = [(method.name, trial.seeds if method.learns else trial.seeds[:1]) for method in methods]
    shots = {seed: choose_shots(train.clips.targets, classes, trial.shots, seed) for seed in trial.seeds}
    tell, asked_to_stop = on_step or (lambda step: None), stop or (lambda: False)
    learned_from = len(shots[trial.seeds[0]].rows)
    again = {method.name for method in methods if method.learns} if every and learned_from < len(every.clips) else set()
    fits = sum(len(seeds) for _, seeds in plan) + len(again)
    begun, outcomes = 0, []

    for method, seeds in plan:
        done: list[Fit] = []
        problem = None
        for seed in seeds:
            if asked_to_stop():
                break
            begun += 1
            step = Step(method, seed, begun, fits, trial.shots, trial.settings.epochs)
            try:
                fit = _fitted(model, train.take(shots[seed].rows.tolist()), trial, step, tell, asked_to_stop)
                if fit is not None:
                    done.append(scored(fit, test))
            except FewShotError as error:
                problem = str(error)
                begun += len(seeds) - len(done) - 1
                break
        if done or problem:
            outcome = Outcome(method, tuple(done), problem)
            begun += method in again
            if every and method in again:
                step = Step(method, trial.seeds[0], begun, fits, trial.shots, trial.settings.epochs)
                outcome = _fitted_again(model, outcome, every, trial, step, tell, asked_to_stop)
            outcomes.append(outcome)
    held_back = test.clips if test else None
    plain = next((outcome.accuracy for outcome in outcomes if outcome.method == "zero-shot"), None)
    return Results(
        trial, classes, learned_from, len(held_back or ()), tuple(outcomes),
        _few(train.clips, held_back, trial.shots), asked_to_stop(), len(train.clips) + len(held_back or ()), plain,
    )  # fmt: skip


def _few(train: LabelledClips, test: LabelledClips | None, shots: int) -> str | None:
    """Which classes have fewer clips to learn from than were asked for, as a sentence; None where none has.

    It also tells how many were held back: a person counts all clips that they gave.
    """
    learned, held_back = Counter(train.labels), Counter(test.labels if test else ())
    few = [
        f"{said} ({learned[name]}{f', and {held_back[name]} held back' if held_back[name] else ''})"
        for name, said in zip(train.classes, train.spoken_classes, strict=True)
        if learned[name] < shots
    ]
    return f"Fewer than {shots} clips to learn from: {named(few)}." if few else None


def _fitted(
    model: AudioTextModel, learned: EmbeddedClips, trial: ExperimentSettings, step: Step, tell: OnStep, stop: Stop
) -> Fit | None:
    """Fit the method of a step on clips; None where that was stopped before its first epoch had ended."""
    settings = replace(trial.settings, random_state=step.seed)
    tell(step)
    head = build_head(step.method, model, learned.clips.spoken_classes, settings, trial.templates, trial.start)
    head.groups = np.unique(learned.clips.groups, return_inverse=True)[1]
    fit = head.fit
    if trial.dropout and isinstance(head, LearnedHead):
        fit = partial(head.fit, augment=_dropping(model, learned.clips, trial.dropout, step.seed))
    began = time.perf_counter()
    fit(learned.audio, learned.clips.targets, lambda _: tell(replace(step, history=head.history)), stop)
    if settings.calibrate and METHODS[step.method].learns:
        calibrate(head, learned.audio, learned.clips.targets, stop)
    return Fit(step.seed, head, time.perf_counter() - began) if head.state else None


def _fitted_again(
    model: AudioTextModel,
    outcome: Outcome,
    every: EmbeddedClips,
    trial: ExperimentSettings,
    step: Step,
    tell: OnStep,
    stop: Stop,
) -> Outcome:
    """Fit a method that was measured once more, on all clips; as it was where that is stopped, or with the reason."""
    if not outcome.fits or stop():
        return outcome
    try:
        fit = _fitted(model, every, trial, replace(step, again_on=len(every.clips)), tell, stop)
    except FewShotError as error:
        return replace(outcome, problem=f"It could not be fitted again on all clips: {error}")
    return outcome if stop() else replace(outcome, again=fit)


def _dropping(model: AudioTextModel, clips: LabelledClips, fraction: float, seed: int) -> Augment:
    """Dropout on what a model hears in clips before its projection, which the cache keeps."""
    if not hasattr(model, "audio_features"):
        raise FewShotError(f"{model.name} does not show what it hears before its projection: fit without dropout")
    ears = cast(ProjectedAudio, model)
    return dropout(features_of_clips(ears, clips.paths, cache=EmbeddingCache()), ears.project_audio, fraction, seed)


def scored(fit: Fit, test: EmbeddedClips | None) -> Fit:
    """Return a fit with its score on clips that were held back."""
    if test is None:
        return fit
    chosen, targets = fit.head.predict(test.audio), test.clips.targets
    return replace(fit, score=score(chosen, targets), confusion=confusion(chosen, targets, len(fit.head.classes)))


def curve(
    model: AudioTextModel,
    train: EmbeddedClips,
    test: EmbeddedClips,
    trial: ExperimentSettings,
    shots: Sequence[int] = SHOTS,
    on_step: OnStep | None = None,
    stop: Stop | None = None,
) -> dict[int, Results]:
    """Run a trial with more and more clips per class, up to the most that any class has; by number of clips.

    One that is stopped has the points that were finished.
    """
    most = max(Counter(train.clips.labels).values())
    wanted = [number for number in shots if number < most] + [min(most, max(shots))]
    found: dict[int, Results] = {}
    for number in dict.fromkeys(wanted):
        results = run(model, train, test, replace(trial, shots=number), on_step, stop)
        if results.stopped:
            break
        found[number] = results
    return found


def try_out(
    model: AudioTextModel,
    clips: LabelledClips,
    trial: ExperimentSettings,
    learn_folds: Collection[int] | None = None,
    test_folds: Collection[int] | None = None,
    progress: Progress | None = None,
    on_step: OnStep | None = None,
    stop: Stop | None = None,
    again: bool = False,
    skip_bad: bool = False,
) -> Experiment:
    """Embed labelled clips, hold some back, and `run` a trial on the others; see `hold_back`, `embed_clips` and `run`.

    A head that is put to use should know every clip there is: with ``again`` each method is fitted once more, on all of
    them, after it was measured (see also `fit_again`). Its score stays that of the fit that was measured. Where nothing
    is known of the source recordings, clips that sound nearly the same are on one side of a division by chance.

    Args:
        model: what hears.
        clips: all of them.
        trial: what to try.
        learn_folds: as `hold_back` takes them.
        test_folds: as `hold_back` takes them.
        progress: told how many clips are embedded.
        on_step: as `run` takes it.
        stop: as `run` takes it.
        again: whether to fit on all clips after measuring.
        skip_bad: as `embed_clips` takes it.

    Raises:
        BadRecordings: clips cannot be used.
        DataError: the folds cannot be.
        FewShotError: nothing can be learned from these clips, or not with these settings.
    """
    refuse_unusable(clips)
    clips = look_through(clips, skip_bad)
    refuse_unusable(clips)
    learned_from, held_back = hold_back(clips, learn_folds, test_folds)  # what cannot be divided is said at once
    used = {*learned_from.paths, *(held_back.paths if held_back else ())}
    rows = [row for row, path in enumerate(clips.paths) if path in used]
    heard = embed_clips(model, clips.take(rows), progress, skip_bad)
    if learn_folds is None:
        heard = replace(heard, clips=group_near_twins(heard.clips, heard.audio, MIN_TO_DIVIDE))
    learned_from, held_back = hold_back(heard.clips, learn_folds, test_folds)
    vectors = dict(zip(heard.clips.paths, heard.audio, strict=True))

    def part(some: LabelledClips) -> EmbeddedClips:
        return EmbeddedClips(some, np.stack([vectors[path] for path in some.paths]))

    train, test = part(learned_from), part(held_back) if held_back else None
    results = run(model, train, test, trial, on_step, stop, heard if again else None)
    results = replace(results, notice=" ".join([*heard.clips.remarks, results.notice or ""]).strip() or None)
    if test and results.zero_shot is None:  # what a head is worth shows beside what needs no clips
        plain = build_head("zero-shot", model, results.classes).score(test.audio, test.clips.targets)
        results = replace(results, zero_shot=plain)
    return Experiment(results, train, test, heard)


def fit_again(model: AudioTextModel, tried: Experiment, method: str, on_step: OnStep | None = None) -> Experiment:
    """Fit one method of a trial once more, on all clips, if it learned from fewer: see `try_out`."""
    results, every = tried.results, tried.clips
    outcome = results.of(method)
    if outcome is None or not METHODS[method].learns or results.learned_from == len(every.clips):
        return tried
    step = Step(method, results.trial.seeds[0], 1, 1, results.trial.shots, results.trial.settings.epochs)
    fitted = _fitted_again(model, outcome, every, results.trial, step, on_step or (lambda _: None), lambda: False)
    outcomes = tuple(fitted if one is outcome else one for one in results.outcomes)
    return replace(tried, results=replace(results, outcomes=outcomes))
