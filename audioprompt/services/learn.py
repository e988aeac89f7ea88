"""Few-shot methods tried on labelled clips: which of them learns best from how many, and the heads that come of it.

The Learn tab, the command line and the benchmark all go through `run`. Clips are embedded once, by `hear`; shapes and
letters are those of `audioprompt.few_shot`.
"""

import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import mean, stdev
from threading import Lock
from typing import cast
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from audioprompt.core.metrics import Score, confusion, score
from audioprompt.core.zero_shot import Array
from audioprompt.data import DataError, LabelledClips, group_near_twins, refuse_classes_alike, split
from audioprompt.data.embedding import embed_labelled, look_through
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.encoding.encoder import Progress, features_of_clips, pooled
from audioprompt.few_shot.augment import dropout
from audioprompt.few_shot.base import Augment, Epoch, Head, LearnedHead, choose_shots
from audioprompt.few_shot.build import build_head
from audioprompt.few_shot.heads import HeadScore, SharedHead, record_of
from audioprompt.few_shot.methods import METHODS
from audioprompt.few_shot.methods.palm import Palm
from audioprompt.few_shot.settings import FewShotError, FitSettings
from audioprompt.models.base import AudioTextModel, ProjectedAudio
from audioprompt.prompts.template import BARE_NAME, Template
from audioprompt.util.fair import to_make_room
from audioprompt.util.text import named

SHOTS = (1, 2, 4, 8, 16)  # of the curve, as in PALM's paper
FEWEST_TO_DIVIDE = 3  # recordings of each class; with fewer, nothing is held back for a test
SHARE_LEARNED = 0.6  # of the clips, where no folds say what to learn from
HEADS_KEPT, HEADS_OF_ONE = 64, 8


# --- clips ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Heard:
    """Labelled clips and what a model hears in them.

    Attributes:
        clips: N of them.
        audio: their embeddings, ``[N, D]``.
    """

    clips: LabelledClips
    audio: Array

    def take(self, rows: Sequence[int]) -> "Heard":
        """Return some of the clips, by their positions."""
        return Heard(self.clips.take(rows), self.audio[rows])


def hear(
    model: AudioTextModel, clips: LabelledClips, progress: Progress | None = None, skip_bad: bool = False
) -> Heard:
    """Embed labelled clips, each recording once and for all. Silent ones teach nothing and are left out.

    Args:
        model: what hears.
        clips: which.
        progress: told how many are done.
        skip_bad: leave out recordings that cannot be used, and those that are in two classes.

    Raises:
        FewShotError: there is nothing to be told apart, a class has no clip or only silent ones, or one recording is
            in two classes.
        DataError: the names of two classes are spoken alike.
        BadRecordings: clips cannot be used.
    """
    refuse_unusable(clips)
    clips, embedded = embed_labelled(model, clips, progress, EmbeddingCache(), skip_bad)
    if silent := {row: "is silent" for row, clip in enumerate(embedded) if clip.is_silent}:
        audible = clips.without(silent)
        if mute := [name for name in clips.classes if name not in audible.labels]:
            raise FewShotError(f"all clips of {named(mute)} are silent: record it again, or leave the class out")
        clips, embedded = audible, [clip for clip in embedded if not clip.is_silent]
    heard = Heard(clips, pooled(embedded))
    if contradictory := _in_two_classes(heard):
        if not skip_bad:
            listed = "; ".join(f"{clips.name_of(row)} {reason}" for row, reason in list(contradictory.items())[:10])
            raise FewShotError(f"some recordings are in two classes: {listed}. Leave one of each pair out")
        rows = [row for row in range(len(clips)) if row not in contradictory]
        heard = Heard(clips.without(contradictory), heard.audio[rows])
    refuse_unusable(heard.clips)
    return heard


def _in_two_classes(heard: Heard) -> dict[int, str]:
    """Return what is wrong with clips that are the same sound as one of another class, by their positions."""
    clips, first, found = heard.clips, dict[bytes, int](), dict[int, str]()
    for row, vector in enumerate(heard.audio):
        other = first.setdefault(vector.tobytes(), row)
        for one, twin in ((row, other), (other, row)):
            if clips.labels[one] != clips.labels[twin]:
                found[one] = f"is the same sound as {clips.name_of(twin)}, but labelled {clips.labels[one]}"
    return dict(sorted(found.items()))


def refuse_unusable(clips: LabelledClips) -> None:
    """Refuse clips that no head could learn from, whatever is heard in them.

    Raises:
        FewShotError: there is only one class, or a class has no clip.
        DataError: the names of two classes are spoken alike.
    """
    if len(clips.classes) < 2:
        raise FewShotError("there is nothing to tell apart: give clips of at least two classes")
    refuse_classes_alike(clips)
    counts = Counter(clips.labels)
    if missing := [name for name in clips.classes if not counts[name]]:
        left_out = f". {clips.remarks[-1]}" if clips.left_out else ""
        raise FewShotError(f"there is no clip of {named(missing)}: add one, or leave the class out{left_out}")


def hold_back(
    clips: LabelledClips, learn_folds: Collection[int] | None = None, test_folds: Collection[int] | None = None
) -> tuple[LabelledClips, LabelledClips | None]:
    """Divide clips into those to learn from and those that give a score, None where there are too few for that.

    No source recording is in both.

    Args:
        clips: all of them.
        learn_folds: those to learn from; None divides by chance, each class alike, if every class has three recordings.
        test_folds: those that give the score; None for all others.

    Raises:
        DataError: the folds do not exist, overlap, are all there are, or cut through a source recording.
    """
    if learn_folds is None:
        recordings = set(zip(clips.labels, clips.groups, strict=True))
        each = Counter(label for label, _ in recordings)
        if min(each[name] for name in clips.classes) < FEWEST_TO_DIVIDE:
            return clips, None
    elif test_folds is not None:
        if both := sorted(set(learn_folds) & set(test_folds)):
            raise DataError(f"fold {both[0]} is both to learn from and to test on: choose one of the two")
        clips = clips.in_folds({*learn_folds, *test_folds})
    return split(clips, SHARE_LEARNED, learn_folds)


# --- what is tried, and how it turned out -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """What is to be tried.

    Attributes:
        methods: names from `METHODS`.
        shots: clips per class to learn from.
        seeds: one fit each, with other clips and other initial values; a method that learns nothing runs once.
        settings: of every fit; its own seed does not count.
        templates: TSPE's ensemble.
        start: the templates whose ensemble PALM starts from, alone the bare name as in the paper.
        dropout: the share of what is heard before the projection that is dropped at random in every step, 0 to below 1,
            for the methods that learn by steps; PALM's reference code drops half.
    """

    methods: tuple[str, ...] = ("palm",)
    shots: int = 16
    seeds: tuple[int, ...] = (0,)
    settings: FitSettings = field(default_factory=FitSettings)
    templates: tuple[Template, ...] = ()
    start: tuple[Template, ...] = (BARE_NAME,)
    dropout: float = 0.0


@dataclass(frozen=True)
class Step:
    """How far a trial is.

    Attributes:
        method: that is being fitted.
        seed: of this fit.
        fit: which one it is, counted from 1.
        fits: how many there are.
        shots: clips per class.
        epochs: of this fit.
        history: the epochs of it that are done.
        again_on: how many clips a method is fitted on again, now that it was measured; None while it is measured.
    """

    method: str
    seed: int
    fit: int
    fits: int
    shots: int
    epochs: int
    history: tuple[Epoch, ...] = ()
    again_on: int | None = None

    @property
    def epochs_done(self) -> tuple[int, int]:
        """Of all fits: how many, and how many there are."""
        return (self.fit - 1) * self.epochs + len(self.history), self.fits * self.epochs


@dataclass(frozen=True, eq=False)
class Fit:
    """One method fitted with one seed.

    Attributes:
        seed: which.
        head: what it learned.
        seconds: that the fit took.
        score: on the clips held back; None where there are none.
        confusion: the same clips, ``[C, C]``: how many of the row's class were put in the column's.
    """

    seed: int
    head: Head
    seconds: float
    score: Score | None = None
    confusion: NDArray[np.intp] | None = None


@dataclass(frozen=True, eq=False)
class Outcome:
    """One method with all its seeds.

    Attributes:
        method: which.
        fits: one for each seed, fewer where it was stopped.
        problem: why there are no more, as a sentence; None where nothing went wrong.
        again: the first seed's fit once more, on all clips, those that gave the score too; None where there is none.
    """

    method: str
    fits: tuple[Fit, ...]
    problem: str | None = None
    again: Fit | None = None

    @property
    def head(self) -> Head | None:
        """The head to use: fitted again on all clips, or else what the first seed's fit learned."""
        fit = self.again or next(iter(self.fits), None)
        return fit.head if fit else None

    @property
    def advice(self) -> str | None:
        """What to change before the next fit, as a sentence; None where all went well."""
        fits = [self.again, *self.fits] if self.again else self.fits
        return self.problem or next((fit.head.notice for fit in fits if fit.head.notice), None)

    @property
    def accuracies(self) -> list[float]:
        """Of each seed on the clips held back; empty where there are none."""
        return [fit.score.accuracy for fit in self.fits if fit.score]

    @property
    def accuracy(self) -> float | None:
        """The mean over the seeds."""
        return mean(self.accuracies) if self.accuracies else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Bounds between which the accuracy lies, at 95 % confidence: over the seeds, or over the clips of one seed."""
        scores = [fit.score for fit in self.fits if fit.score]
        return interval_over_seeds(scores) if scores else None

    @property
    def seconds(self) -> float:
        """Of one fit, the mean over the seeds."""
        return mean(fit.seconds for fit in self.fits)


@dataclass(frozen=True, eq=False)
class Results:
    """What became of a trial.

    Attributes:
        trial: what was tried.
        classes: the C class names, as a prompt says them.
        learned_from: clips that a fit had, all classes together.
        tested_on: clips held back.
        outcomes: of each method, in the trial's order; of those begun where it was stopped.
        notice: what people should know of the clips, and which classes have fewer than were asked for; None for
            nothing.
        stopped: whether it was ended before its time.
        clips: all of the trial, those to choose the shots from and those held back.
        zero_shot: the accuracy of one plain prompt on the clips held back, 0 to 1; None where it was not measured.
    """

    trial: Trial
    classes: tuple[str, ...]
    learned_from: int
    tested_on: int
    outcomes: tuple[Outcome, ...]
    notice: str | None = None
    stopped: bool = False
    clips: int = 0
    zero_shot: float | None = None

    @property
    def best(self) -> Outcome | None:
        """The most accurate method, the first of equals; None where nothing was scored."""
        scored = [outcome for outcome in self.outcomes if outcome.accuracy is not None]
        return max(scored, key=lambda outcome: outcome.accuracy or 0.0) if scored else None

    def of(self, method: str) -> Outcome | None:
        """One method's outcome."""
        return next((outcome for outcome in self.outcomes if outcome.method == method), None)

    def fitted_on(self, outcome: Outcome) -> int | None:
        """How many clips the head to use learned from; None for a method that learns nothing."""
        if not METHODS[outcome.method].learns:
            return None
        return self.clips if outcome.again else self.learned_from


OnStep = Callable[[Step], None]
Stop = Callable[[], bool]


def run(
    model: AudioTextModel,
    train: Heard,
    test: Heard | None,
    trial: Trial,
    on_step: OnStep | None = None,
    stop: Stop | None = None,
    every: Heard | None = None,
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
    shots = {seed: choose_shots(train.clips.truth, classes, trial.shots, seed) for seed in trial.seeds}
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


def _fitted(model: AudioTextModel, learned: Heard, trial: Trial, step: Step, tell: OnStep, stop: Stop) -> Fit | None:
    """Fit the method of a step on clips; None where that was stopped before its first epoch had ended."""
    settings = replace(trial.settings, random_state=step.seed)
    tell(step)
    head = build_head(step.method, model, learned.clips.spoken_classes, settings, trial.templates, trial.start)
    fit = head.fit
    if trial.dropout and isinstance(head, LearnedHead):
        fit = partial(head.fit, augment=_dropping(model, learned.clips, trial.dropout, step.seed))
    began = time.perf_counter()
    fit(learned.audio, learned.clips.truth, lambda _: tell(replace(step, history=head.history)), stop)
    return Fit(step.seed, head, time.perf_counter() - began) if head.state else None


def _fitted_again(
    model: AudioTextModel, outcome: Outcome, every: Heard, trial: Trial, step: Step, tell: OnStep, stop: Stop
) -> Outcome:
    """Fit a method that was measured once more, on all clips; as it was where that is stopped, or with the reason."""
    if not outcome.fits or stop():
        return outcome
    try:
        fit = _fitted(model, every, trial, replace(step, again_on=len(every.clips)), tell, stop)
    except FewShotError as error:
        return replace(outcome, problem=f"It could not be fitted again on all clips: {error}")
    return outcome if stop() else replace(outcome, again=fit)


def _dropping(model: AudioTextModel, clips: LabelledClips, share: float, seed: int) -> Augment:
    """Dropout on what a model hears in clips before its projection, which the cache keeps."""
    if not hasattr(model, "audio_features"):
        raise FewShotError(f"{model.name} does not show what it hears before its projection: fit without dropout")
    ears = cast(ProjectedAudio, model)
    return dropout(features_of_clips(ears, clips.paths, cache=EmbeddingCache()), ears.project_audio, share, seed)


def scored(fit: Fit, test: Heard | None) -> Fit:
    """Return a fit with its score on clips that were held back."""
    if test is None:
        return fit
    chosen, truth = fit.head.predict(test.audio), test.clips.truth
    return replace(fit, score=score(chosen, truth), confusion=confusion(chosen, truth, len(fit.head.classes)))


def curve(
    model: AudioTextModel,
    train: Heard,
    test: Heard,
    trial: Trial,
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


@dataclass(frozen=True, eq=False)
class Tried:
    """A trial with the clips it was made on.

    Attributes:
        results: of the trial.
        train: clips to learn from.
        test: clips held back; None where there were too few.
        clips: both.
    """

    results: Results
    train: Heard
    test: Heard | None
    clips: Heard


def try_out(
    model: AudioTextModel,
    clips: LabelledClips,
    trial: Trial,
    learn_folds: Collection[int] | None = None,
    test_folds: Collection[int] | None = None,
    progress: Progress | None = None,
    on_step: OnStep | None = None,
    stop: Stop | None = None,
    again: bool = False,
    skip_bad: bool = False,
) -> Tried:
    """Embed labelled clips, hold some back, and `run` a trial on the others; see `hold_back`, `hear` and `run`.

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
        skip_bad: as `hear` takes it.

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
    heard = hear(model, clips.take(rows), progress, skip_bad)
    if learn_folds is None:
        heard = replace(heard, clips=group_near_twins(heard.clips, heard.audio, FEWEST_TO_DIVIDE))
    learned_from, held_back = hold_back(heard.clips, learn_folds, test_folds)
    vectors = dict(zip(heard.clips.paths, heard.audio, strict=True))

    def part(some: LabelledClips) -> Heard:
        return Heard(some, np.stack([vectors[path] for path in some.paths]))

    train, test = part(learned_from), part(held_back) if held_back else None
    results = run(model, train, test, trial, on_step, stop, heard if again else None)
    results = replace(results, notice=" ".join([*heard.clips.remarks, results.notice or ""]).strip() or None)
    if test and results.zero_shot is None:  # what a head is worth shows beside what needs no clips
        plain = build_head("zero-shot", model, results.classes).score(test.audio, test.clips.truth)
        results = replace(results, zero_shot=plain)
    return Tried(results, train, test, heard)


def fit_again(model: AudioTextModel, tried: Tried, method: str, on_step: OnStep | None = None) -> Tried:
    """Fit one method of a trial once more, on all clips, if it learned from fewer: see `try_out`."""
    results, every = tried.results, tried.clips
    outcome = results.of(method)
    if outcome is None or not METHODS[method].learns or results.learned_from == len(every.clips):
        return tried
    step = Step(method, results.trial.seeds[0], 1, 1, results.trial.shots, results.trial.settings.epochs)
    fitted = _fitted_again(model, outcome, every, results.trial, step, on_step or (lambda _: None), lambda: False)
    outcomes = tuple(fitted if one is outcome else one for one in results.outcomes)
    return replace(tried, results=replace(results, outcomes=outcomes))


def interval_over_seeds(scores: Sequence[Score]) -> tuple[float, float]:
    """Bounds of the mean accuracy at 95 % confidence, 0 to 1: Student's over seeds, else Wilson's over the clips.

    Seeds that all agree say nothing of how sure one can be, so that the second is taken there too.
    """
    shares = [one.accuracy for one in scores]
    if len(set(shares)) == 1:
        return scores[0].interval
    half = float(student.ppf(0.975, len(shares) - 1)) * stdev(shares) / math.sqrt(len(shares))
    return max(0.0, mean(shares) - half), min(1.0, mean(shares) + half)


# --- what a PALM head has learned -------------------------------------------------------------------------------------


def reliance(head: Palm) -> list[tuple[str, float]]:
    """How far each class relies on what was learned for it, 0 (its words alone) to 1; the furthest first."""
    shares = [(name, float(gate)) for name, gate in zip(head.classes, head.gates, strict=True)]
    return sorted(shares, key=lambda pair: -pair[1])


@dataclass(frozen=True, eq=False)
class Moves:
    """Where class embeddings were and went, in the plane that shows most of it.

    Attributes:
        classes: the C class names.
        before: by the words alone, ``[C, 2]``.
        after: learned, ``[C, 2]``.
    """

    classes: tuple[str, ...]
    before: Array
    after: Array


def moves(head: Palm) -> Moves:
    """Project the embeddings of a head's classes, before and after, to their two principal components."""
    after = head.weights
    if after is None:
        raise FewShotError("this head has learned nothing yet: call fit first")
    both = np.concatenate([head.constants["start"], after])
    centred = both - both.mean(axis=0)
    plane = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    return Moves(head.classes, plane[: len(after)], plane[len(after) :])


# --- heads in use -----------------------------------------------------------------------------------------------------


class Heads:
    """Fitted heads by an id that a page can hold; where there are too many, whoever keeps most makes room.

    Args:
        capacity: how many are kept, besides those kept for good.
        each: how many of them for one person.
    """

    def __init__(self, capacity: int = HEADS_KEPT, each: int = HEADS_OF_ONE) -> None:
        self.capacity, self.each = capacity, each
        self._kept: OrderedDict[str, SharedHead] = OrderedDict()
        self._owners: dict[str, str] = {}
        self._for_good: dict[str, SharedHead] = {}
        self._lock = Lock()

    def keep(self, head: SharedHead, for_good: bool = False, owner: str = "") -> str:
        """Keep a head, for good or until it makes room, for a visitor or for the house; its id."""
        key = uuid4().hex
        with self._lock:
            if for_good:
                self._for_good[key] = head
                return key
            self._kept[key], self._owners[key] = head, owner
            owners = {one: self._owners[one] for one in self._kept}
            for gone in to_make_room(owners, self.capacity, self.each):
                del self._kept[gone], self._owners[gone]
        return key

    def get(self, key: str) -> SharedHead | None:
        """Return a head by its id; None where it has made room, or the program was started anew."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key) or self._for_good.get(key)


HEADS = Heads()


def shared(results: Results, method: str, model: AudioTextModel, data: str, licence: str | None = None) -> SharedHead:
    """Return a trial's head of one method, with its record, ready to be saved or published.

    Args:
        results: of the trial.
        method: which head.
        model: what heard the clips.
        data: what the clips are, for the card.
        licence: theirs, as stated by whoever has it.

    Raises:
        FewShotError: there is no such head.
    """
    outcome = results.of(method)
    if outcome is None or outcome.head is None:
        raise FewShotError(f"there is no {method} head: fit one first")
    found, learns = outcome.fits[0].score, METHODS[method].learns
    scores = [HeadScore(
        data=f"{data}, held back", n=found.n, accuracy=found.accuracy, zero_shot=results.zero_shot,
        fitted_on=results.learned_from if learns else None,
    )] if found else []  # fmt: skip
    shots = results.trial.shots if learns and not outcome.again else None
    record = record_of(outcome.head, model, data, licence or None, shots, tuple(scores), results.fitted_on(outcome))
    return SharedHead(outcome.head, record)
