"""Few-shot methods fitted and measured: each with every seed, with more and more clips, and again on all of them."""

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from typing import cast

import numpy as np

from audioprompt.core.calibration import measure_reliability
from audioprompt.core.metrics import confusion, score
from audioprompt.data import LabelledClips, group_near_twins
from audioprompt.data.embedding import look_through
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.encoding.clips import features_of_clips
from audioprompt.few_shot.augment import dropout
from audioprompt.few_shot.base import Epoch, choose_shots
from audioprompt.few_shot.build import build_head
from audioprompt.few_shot.calibration import calibrate
from audioprompt.few_shot.descent import Augment, LearnedHead
from audioprompt.few_shot.methods import METHODS
from audioprompt.few_shot.settings import FewShotError
from audioprompt.models.base import AudioTextModel, ProjectedAudio
from audioprompt.services.learn.clips import MIN_TO_DIVIDE, EmbeddedClips, embed_clips, hold_back, refuse_unusable
from audioprompt.services.learn.results import (
    NOBODY,
    Experiment,
    ExperimentSettings,
    Fit,
    Outcome,
    Results,
    Step,
    Watch,
)
from audioprompt.services.learn.unlabelled import join_unlabelled, learn_unlabelled
from audioprompt.services.rejection import note_clips
from audioprompt.util.text import named

SHOTS = (1, 2, 4, 8, 16)  # of the curve, as in PALM's paper
Folds = tuple[Collection[int] | None, Collection[int] | None]  # to learn from, and to score on
BY_CHANCE: Folds = (None, None)


def run(
    model: AudioTextModel,
    train: EmbeddedClips,
    test: EmbeddedClips | None,
    trial: ExperimentSettings,
    watch: Watch = NOBODY,
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
        watch: who follows it.
        every: all clips, on which each method is fitted again as soon as it was measured; None for no such fit.

    Raises:
        FewShotError: the clips or the settings are such that no method could learn.
    """
    clips, held_back = train.clips, test.clips if test else None
    shots = {
        seed: choose_shots(clips.targets, clips.spoken_classes, trial.shots, seed).rows.tolist() for seed in trial.seeds
    }
    learned_from = len(shots[trial.seeds[0]])
    again = every if every and learned_from < len(every.clips) else None
    outcomes = tuple(_Fits(model, trial, watch).outcomes(train, test, shots, again))
    return Results(
        trial,
        clips.spoken_classes,
        learned_from,
        len(held_back or ()),
        outcomes,
        notice=_few(clips, held_back, trial.shots),
        stopped=watch.stop(),
        clips=len(clips) + len(held_back or ()),
        unlabelled=0 if train.unlabelled is None else len(train.unlabelled),
        zero_shot=next((outcome.accuracy for outcome in outcomes if outcome.method == "zero-shot"), None),
    )


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


class _Fits:
    """The fits of a trial, one after the other."""

    def __init__(self, model: AudioTextModel, trial: ExperimentSettings, watch: Watch) -> None:
        self.model, self.trial, self.watch = model, trial, watch
        self._begun, self._planned = 0, 1

    def outcomes(
        self,
        train: EmbeddedClips,
        test: EmbeddedClips | None,
        shots: Mapping[int, Sequence[int]],
        every: EmbeddedClips | None,
    ) -> Iterator[Outcome]:
        """Fit and score each method; and fit those that learn again on all clips, where these are given."""
        methods = [METHODS[name] for name in dict.fromkeys(self.trial.methods)]
        plan = {one.name: self.trial.seeds if one.learns else self.trial.seeds[:1] for one in methods}
        again = {one.name for one in methods if every and one.learns}
        self._planned = sum(map(len, plan.values())) + len(again)
        for method, seeds in plan.items():
            outcome = self._measured(method, {seed: train.take(shots[seed]) for seed in seeds}, test)
            if outcome and every and method in again:
                outcome = self.on_all(outcome, every)
            if outcome:
                yield outcome

    def _measured(self, method: str, clips: Mapping[int, EmbeddedClips], test: EmbeddedClips | None) -> Outcome | None:
        """Fit one method with each seed on its clips, and score it; None where that was stopped before."""
        done: list[Fit] = []
        problem = None
        end = self._begun + len(clips)
        for seed, learned in clips.items():
            if self.watch.stop():
                break
            try:
                fit = self._fitted(self._step(method, seed), learned)
            except FewShotError as error:
                problem, self._begun = str(error), end  # other seeds would fail alike
                break
            if fit is not None:
                done.append(scored(fit, test))
        return Outcome(method, tuple(done), problem) if done or problem else None

    def on_all(self, outcome: Outcome, every: EmbeddedClips) -> Outcome:
        """Fit a method that was measured once more, on all clips; as it was where that is stopped, or the reason."""
        step = replace(self._step(outcome.method, self.trial.seeds[0]), again_on=len(every.clips))
        if not outcome.fits or self.watch.stop():
            return outcome
        try:
            fit = self._fitted(step, every)
        except FewShotError as error:
            return replace(outcome, problem=f"It could not be fitted again on all clips: {error}")
        return outcome if self.watch.stop() else replace(outcome, again=fit)

    def _step(self, method: str, seed: int) -> Step:
        """Begin the next fit."""
        self._begun += 1
        in_epochs = issubclass(METHODS[method].load(), LearnedHead)
        shots, epochs = self.trial.shots, self.trial.settings.epochs
        return Step(method, seed, self._begun, self._planned, shots, epochs, in_epochs=in_epochs)

    def _fitted(self, step: Step, learned: EmbeddedClips) -> Fit | None:
        """Fit the method of a step on clips; None where that was stopped before its first epoch had ended."""
        trial, tell = self.trial, self.watch.on_step
        tell(step)
        settings = replace(trial.settings, random_state=step.seed)
        classes, prompts = learned.clips.spoken_classes, (trial.templates, trial.start)
        head = build_head(step.method, self.model, classes, settings, *prompts, learned.unlabelled)
        head.groups = np.unique(learned.clips.groups, return_inverse=True)[1]
        fit = head.fit
        if trial.dropout and isinstance(head, LearnedHead):
            fit = partial(head.fit, augment=_dropping(self.model, learned.clips, trial.dropout, step.seed))
        calibrated = settings.calibrate and METHODS[step.method].learns
        step = replace(step, copies=head.folds if calibrated and step.in_epochs else 0)
        began = time.perf_counter()
        fit(learned.audio, learned.clips.targets, lambda _: tell(replace(step, history=head.history)), self.watch.stop)
        if calibrated:
            fitted, checked = replace(step, history=head.history), count(1)

            def tell_checked(_: Epoch) -> None:
                tell(replace(fitted, checked=next(checked)))

            calibrate(
                head, learned.audio, learned.clips.targets, self.watch.stop, tell_checked if step.copies else None
            )
        seconds = time.perf_counter() - began
        if head.state and METHODS[step.method].learns:
            note_clips(self.model, head, learned.audio, learned.clips.targets)
        return Fit(step.seed, head, seconds) if head.state else None


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
    return replace(
        fit,
        score=score(chosen, targets),
        reliability=measure_reliability(fit.head.predict_proba(test.audio), targets),
        confusion=confusion(chosen, targets, len(fit.head.classes)),
    )


def curve(
    model: AudioTextModel,
    train: EmbeddedClips,
    test: EmbeddedClips,
    trial: ExperimentSettings,
    shots: Sequence[int] = SHOTS,
    watch: Watch = NOBODY,
) -> dict[int, Results]:
    """Run a trial with more and more clips per class, up to the most that any class has; by number of clips.

    One that is stopped has the points that were finished.
    """
    most = max(Counter(train.clips.labels).values())
    wanted = [number for number in shots if number < most] + [min(most, max(shots))]
    found: dict[int, Results] = {}
    for number in dict.fromkeys(wanted):
        results = run(model, train, test, replace(trial, shots=number), watch)
        if results.stopped:
            break
        found[number] = results
    return found


def try_out(
    model: AudioTextModel,
    clips: LabelledClips,
    trial: ExperimentSettings,
    folds: Folds = BY_CHANCE,
    watch: Watch = NOBODY,
    again: bool = False,
    skip_bad: bool = False,
) -> Experiment:
    """Embed labelled clips, hold some back, and `run` a trial on the others; see `hold_back`, `embed_clips` and `run`.

    A head that is put to use should know every clip there is: with ``again`` each method is fitted once more, on all of
    them, after it was measured (see also `fit_again`). Its score stays that of the fit that was measured. Where nothing
    is known of the source recordings, clips that sound nearly the same are on one side of a division by chance.
    Without a clip, classes are learned from the trial's recordings without labels alone, if there are any.

    Args:
        model: what hears.
        clips: all of them.
        trial: what to try.
        folds: those to learn from, and those that give the score, as `hold_back` takes them.
        watch: who follows it.
        again: whether to fit on all clips after measuring.
        skip_bad: as `embed_clips` takes it.

    Raises:
        BadRecordings: clips cannot be used.
        DataError: the folds cannot be.
        FewShotError: nothing can be learned from these clips, or not with these settings.
    """
    if trial.unlabelled and not len(clips):
        return learn_unlabelled(model, clips.spoken_classes, trial, watch, skip_bad)
    refuse_unusable(clips)
    clips = look_through(clips, skip_bad)
    refuse_unusable(clips)
    learned_from, held_back = hold_back(clips, *folds)  # what cannot be divided is said at once
    used = {*learned_from.paths, *(held_back.paths if held_back else ())}
    rows = [row for row, path in enumerate(clips.paths) if path in used]
    heard = embed_clips(model, clips.take(rows), watch.progress, skip_bad)
    if folds[0] is None:
        heard = replace(heard, clips=group_near_twins(heard.clips, heard.audio, MIN_TO_DIVIDE))
    if trial.unlabelled:
        heard = join_unlabelled(model, heard, trial.unlabelled, watch, skip_bad)
    learned_from, held_back = hold_back(heard.clips, *folds)
    vectors = dict(zip(heard.clips.paths, heard.audio, strict=True))

    def part(some: LabelledClips) -> EmbeddedClips:
        return EmbeddedClips(some, np.stack([vectors[path] for path in some.paths]), heard.unlabelled)

    train, test = part(learned_from), part(held_back) if held_back else None
    results = run(model, train, test, trial, watch, heard if again else None)
    results = replace(results, notice=" ".join([*heard.clips.remarks, results.notice or ""]).strip() or None)
    if test and results.zero_shot is None:  # what a head is worth shows beside what needs no clips
        plain = build_head("zero-shot", model, results.classes).score(test.audio, test.clips.targets)
        results = replace(results, zero_shot=plain)
    return Experiment(results, train, test, heard, model.name)


def fit_again(model: AudioTextModel, tried: Experiment, method: str, watch: Watch = NOBODY) -> Experiment:
    """Fit one method of a trial once more, on all clips, if it learned from fewer: see `try_out`."""
    results = tried.results
    outcome = results.of(method)
    known = results.fitted_on(outcome) if outcome else None
    if outcome is None or known is None or known == len(tried.clips.clips):
        return tried
    fitted = _Fits(model, results.trial, watch).on_all(outcome, tried.clips)
    outcomes = tuple(fitted if one is outcome else one for one in results.outcomes)
    return replace(tried, results=replace(results, outcomes=outcomes))
