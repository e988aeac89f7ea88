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

from audioprompt.cache import EmbeddingCache
from audioprompt.data import DataError, LabelledClips, split
from audioprompt.embeddings import Progress, embed_clips, features_of_clips, pooled
from audioprompt.few_shot import (
    BARE_NAME,
    Epoch,
    FewShotError,
    FitSettings,
    Head,
    LearnedHead,
    Palm,
    SharedHead,
    build,
    choose_shots,
    dropout,
)
from audioprompt.few_shot.base import Augment
from audioprompt.few_shot.sharing import HeadScore, record_of
from audioprompt.models.base import AudioTextModel, ProjectedAudio
from audioprompt.prompts.template import Template
from audioprompt.reports import Score, confusion, score
from audioprompt.zero_shot import Array

SHOTS = (1, 2, 4, 8, 16)  # of the curve, as in PALM's paper
LEARNS_NOTHING = frozenset({"zero-shot", "tspe"})
FEWEST_TO_DIVIDE = 3  # recordings of each class; with fewer, nothing is held back for a test
SHARE_LEARNED = 0.6  # of the clips, where no folds say what to learn from
HEADS_KEPT = 64


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
        """Some of the clips, by their positions."""
        return Heard(self.clips.take(rows), self.audio[rows])


def hear(model: AudioTextModel, clips: LabelledClips, progress: Progress | None = None) -> Heard:
    """Embed labelled clips, each recording once and for all.

    Raises:
        FewShotError: there is nothing to be told apart, a class has no clip, or one recording is in two classes.
        AudioError: a clip cannot be used.
    """
    refuse_unusable(clips)
    heard = Heard(clips, pooled(embed_clips(model, clips.paths, progress, EmbeddingCache())))
    first: dict[bytes, int] = {}
    for row, vector in enumerate(heard.audio):
        other = first.setdefault(vector.tobytes(), row)
        if clips.labels[other] != clips.labels[row]:
            raise FewShotError(
                f"{clips.paths[other].name} and {clips.paths[row].name} are the same sound, but one is labelled "
                f"{clips.labels[other]} and the other {clips.labels[row]}: leave one of them out"
            )
    return heard


def refuse_unusable(clips: LabelledClips) -> None:
    """Raise a FewShotError where no head could learn from these clips, whatever is heard in them."""
    if len(clips.classes) < 2:
        raise FewShotError("there is nothing to tell apart: give clips of at least two classes")
    counts = Counter(clips.labels)
    if missing := [name for name in clips.classes if not counts[name]]:
        raise FewShotError(f"there is no clip of {', '.join(missing[:3])}: add one, or leave the class out")


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
    """

    method: str
    seed: int
    fit: int
    fits: int
    shots: int
    epochs: int
    history: tuple[Epoch, ...] = ()

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
    """

    method: str
    fits: tuple[Fit, ...]
    problem: str | None = None

    @property
    def head(self) -> Head | None:
        """What was learned with the first seed, the one to be used."""
        return self.fits[0].head if self.fits else None

    @property
    def advice(self) -> str | None:
        """What to change before the next fit, as a sentence; None where all went well."""
        return self.problem or next((fit.head.notice for fit in self.fits if fit.head.notice), None)

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
        notice: which classes have fewer clips than were asked for; None where none has.
        stopped: whether it was ended before its time.
    """

    trial: Trial
    classes: tuple[str, ...]
    learned_from: int
    tested_on: int
    outcomes: tuple[Outcome, ...]
    notice: str | None = None
    stopped: bool = False

    @property
    def best(self) -> Outcome | None:
        """The most accurate method, the first of equals; None where nothing was scored."""
        scored = [outcome for outcome in self.outcomes if outcome.accuracy is not None]
        return max(scored, key=lambda outcome: outcome.accuracy or 0.0) if scored else None

    def of(self, method: str) -> Outcome | None:
        """One method's outcome."""
        return next((outcome for outcome in self.outcomes if outcome.method == method), None)


OnStep = Callable[[Step], None]
Stop = Callable[[], bool]


def run(
    model: AudioTextModel,
    train: Heard,
    test: Heard | None,
    trial: Trial,
    on_step: OnStep | None = None,
    stop: Stop | None = None,
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

    Raises:
        FewShotError: the clips or the settings are such that no method could learn.
    """
    classes = train.clips.spoken_classes
    plan = [(name, trial.seeds[:1] if name in LEARNS_NOTHING else trial.seeds) for name in dict.fromkeys(trial.methods)]
    fits = sum(len(seeds) for _, seeds in plan)
    shots = {seed: choose_shots(train.clips.truth, classes, trial.shots, seed) for seed in trial.seeds}
    tell, asked_to_stop = on_step or (lambda step: None), stop or (lambda: False)
    begun, outcomes = 0, []

    def fitted(method: str, seed: int) -> Fit | None:
        settings = replace(trial.settings, seed=seed)
        step = Step(method, seed, begun, fits, trial.shots, settings.epochs)
        tell(step)
        learned = train.take(shots[seed].rows.tolist())
        head = build(method, model, classes, settings, trial.templates, trial.start)
        fit = head.fit
        if trial.dropout and isinstance(head, LearnedHead):
            fit = partial(head.fit, augment=_dropping(model, learned.clips, trial.dropout, seed))
        began = time.perf_counter()
        fit(learned.audio, learned.clips.truth, lambda _: tell(replace(step, history=head.history)), asked_to_stop)
        seconds = time.perf_counter() - began
        return scored(Fit(seed, head, seconds), test) if head.state else None

    for method, seeds in plan:
        done: list[Fit] = []
        problem = None
        for seed in seeds:
            if asked_to_stop():
                break
            begun += 1
            try:
                if (fit := fitted(method, seed)) is not None:
                    done.append(fit)
            except FewShotError as error:
                problem = str(error)
                begun += len(seeds) - len(done) - 1
                break
        if done or problem:
            outcomes.append(Outcome(method, tuple(done), problem))
    first = shots[trial.seeds[0]]
    return Results(
        trial, classes, len(first.rows), len(test.clips) if test else 0, tuple(outcomes), first.notice, asked_to_stop()
    )


def _dropping(model: AudioTextModel, clips: LabelledClips, share: float, seed: int) -> Augment:
    """Dropout on what a model hears in clips before its projection, which the cache keeps."""
    if not hasattr(model, "audio_features"):
        raise FewShotError(f"{model.name} does not show what it hears before its projection: fit without dropout")
    ears = cast(ProjectedAudio, model)
    return dropout(features_of_clips(ears, clips.paths, cache=EmbeddingCache()), ears.project_audio, share, seed)


def scored(fit: Fit, test: Heard | None) -> Fit:
    """A fit with its score on clips that were held back."""
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
    """Run a trial with more and more clips per class, up to the most that any class has; by number of clips."""
    most = max(Counter(train.clips.labels).values())
    wanted = [number for number in shots if number < most] + [min(most, max(shots))]
    found: dict[int, Results] = {}
    for number in dict.fromkeys(wanted):
        if stop and stop():
            break
        found[number] = run(model, train, test, replace(trial, shots=number), on_step, stop)
    return found


@dataclass(frozen=True, eq=False)
class Tried:
    """A trial with the clips it was made on.

    Attributes:
        results: of the trial.
        train: clips to learn from.
        test: clips held back; None where there were too few.
    """

    results: Results
    train: Heard
    test: Heard | None


def try_out(
    model: AudioTextModel,
    clips: LabelledClips,
    trial: Trial,
    learn_folds: Collection[int] | None = None,
    test_folds: Collection[int] | None = None,
    progress: Progress | None = None,
    on_step: OnStep | None = None,
    stop: Stop | None = None,
) -> Tried:
    """Embed labelled clips, hold some back, and `run` a trial on the others; see `hold_back`, `hear` and `run`.

    Raises:
        AudioError: a clip cannot be used.
        DataError: the folds cannot be.
        FewShotError: nothing can be learned from these clips, or not with these settings.
    """
    refuse_unusable(clips)
    learned_from, held_back = hold_back(clips, learn_folds, test_folds)
    used = {*learned_from.paths, *(held_back.paths if held_back else ())}
    heard = hear(model, clips.take([row for row, path in enumerate(clips.paths) if path in used]), progress)
    vectors = dict(zip(heard.clips.paths, heard.audio, strict=True))

    def part(some: LabelledClips) -> Heard:
        return Heard(some, np.stack([vectors[path] for path in some.paths]))

    train, test = part(learned_from), part(held_back) if held_back else None
    return Tried(run(model, train, test, trial, on_step, stop), train, test)


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
    """Fitted heads by an id that a page can hold; the one unused for longest makes room.

    Args:
        capacity: how many are kept, besides those kept for good.
    """

    def __init__(self, capacity: int = HEADS_KEPT) -> None:
        self.capacity = capacity
        self._kept: OrderedDict[str, SharedHead] = OrderedDict()
        self._for_good: dict[str, SharedHead] = {}
        self._lock = Lock()

    def keep(self, head: SharedHead, for_good: bool = False) -> str:
        """Keep a head, for good or until it makes room; its id."""
        key = uuid4().hex
        with self._lock:
            (self._for_good if for_good else self._kept)[key] = head
            while len(self._kept) > self.capacity:
                self._kept.popitem(last=False)
        return key

    def get(self, key: str) -> SharedHead | None:
        """A head by its id; None where it has made room, or the program was started anew."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key) or self._for_good.get(key)


HEADS = Heads()


def shared(results: Results, method: str, model: AudioTextModel, data: str, licence: str | None = None) -> SharedHead:
    """A trial's head of one method, with its record, ready to be saved or published.

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
    found = outcome.fits[0].score
    plain = results.of("zero-shot")
    scores = [HeadScore(
        data=f"{data}, held back", n=found.n, accuracy=found.accuracy, zero_shot=plain.accuracy if plain else None
    )] if found else []  # fmt: skip
    return SharedHead(
        outcome.head, record_of(outcome.head, model, data, licence or None, results.trial.shots, tuple(scores))
    )
