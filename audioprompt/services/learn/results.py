"""What is tried, how far it is, and how it turned out."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.calibration import Reliability
from audioprompt.core.metrics import Score
from audioprompt.encoding.encoder import Progress
from audioprompt.few_shot.base import Epoch, Head
from audioprompt.few_shot.methods import METHODS, TOGETHER
from audioprompt.few_shot.settings import FitSettings
from audioprompt.prompts.template import BARE_NAME, Template
from audioprompt.services.learn.clips import EmbeddedClips


@dataclass(frozen=True)
class ExperimentSettings:
    """What is to be tried.

    Attributes:
        methods: names from `METHODS`.
        shots: clips per class to learn from.
        seeds: one fit each, with other clips and other initial values; a method that learns nothing runs once.
        settings: of every fit; its own seed does not count.
        templates: TSPE's ensemble.
        start: the templates whose ensemble PALM starts from, alone the bare name as in the paper.
        dropout: the fraction of features before the projection that is dropped at random in every step, 0 to below 1,
            for the methods that learn by steps; PALM's reference code drops half.
        unlabelled: recordings without labels, from which the method ``together`` learns as well; it is tried then.
    """

    methods: tuple[str, ...] = ("palm",)
    shots: int = 16
    seeds: tuple[int, ...] = (0,)
    settings: FitSettings = field(default_factory=FitSettings)
    templates: tuple[Template, ...] = ()
    start: tuple[Template, ...] = (BARE_NAME,)
    dropout: float = 0.0
    unlabelled: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if self.unlabelled and TOGETHER not in self.methods:
            object.__setattr__(self, "methods", (*self.methods, TOGETHER))


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
        in_epochs: whether the method learns in epochs, and not at a stroke.
        copies: that are fitted after it, to find out how sure it may be (see `calibration`).
        checked: the epochs of these that are done.
    """

    method: str
    seed: int
    fit: int
    fits: int
    shots: int
    epochs: int
    history: tuple[Epoch, ...] = ()
    again_on: int | None = None
    in_epochs: bool = True
    copies: int = 0
    checked: int = 0

    @property
    def epochs_done(self) -> tuple[int, int]:
        """Of all fits: how many, and how many there are."""
        return (self.fit - 1) * self.epochs + len(self.history), self.fits * self.epochs

    @property
    def work_done(self) -> tuple[int, int]:
        """The same with the copies, as if every fit had as many as this one."""
        each = self.epochs * (1 + self.copies)
        return (self.fit - 1) * each + len(self.history) + self.checked, self.fits * each


@dataclass(frozen=True, eq=False)
class Fit:
    """One method fitted with one seed.

    Attributes:
        seed: which.
        head: what it learned.
        seconds: that the fit took.
        score: on the clips held back; None where there are none.
        reliability: how sure its answers about these clips are, and how often right.
        confusion: the same clips, ``[C, C]``: how many of the row's class were put in the column's.
    """

    seed: int
    head: Head
    seconds: float
    score: Score | None = None
    reliability: Reliability | None = None
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
    def reliability(self) -> Reliability | None:
        """How far its probabilities can be trusted, over all seeds; None where nothing was held back."""
        found = [fit.reliability for fit in self.fits if fit.reliability]
        return Reliability.joined(found) if found else None

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
        unlabelled: recordings without labels that joined the clips.
    """

    trial: ExperimentSettings
    classes: tuple[str, ...]
    learned_from: int
    tested_on: int
    outcomes: tuple[Outcome, ...]
    notice: str | None = None
    stopped: bool = False
    clips: int = 0
    zero_shot: float | None = None
    unlabelled: int = 0

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


@dataclass(frozen=True)
class Watch:
    """Who follows an experiment.

    Attributes:
        progress: told how many clips are embedded.
        on_step: told before every fit and after every epoch.
        stop: asked again and again whether to end.
    """

    progress: Progress | None = None
    on_step: Callable[[Step], None] = lambda step: None
    stop: Callable[[], bool] = lambda: False


NOBODY = Watch()


@dataclass(frozen=True, eq=False)
class Experiment:
    """A trial with the clips it was made on.

    Attributes:
        results: of the trial.
        train: clips to learn from.
        test: clips held back; None where there were too few.
        clips: both.
        model: the name of the model that heard them; the heads are of no use to another.
    """

    results: Results
    train: EmbeddedClips
    test: EmbeddedClips | None
    clips: EmbeddedClips
    model: str


def interval_over_seeds(scores: Sequence[Score]) -> tuple[float, float]:
    """Bounds of the mean accuracy at 95 % confidence, 0 to 1: Student's over seeds, else Wilson's over the clips.

    Seeds that all agree say nothing of how sure one can be, so that the second is taken there too.
    """
    shares = [one.accuracy for one in scores]
    if len(set(shares)) == 1:
        return scores[0].interval
    from scipy.special import stdtrit  # takes a while to import

    half = float(stdtrit(len(shares) - 1, 0.975)) * stdev(shares) / math.sqrt(len(shares))
    return max(0.0, mean(shares) - half), min(1.0, mean(shares) + half)
