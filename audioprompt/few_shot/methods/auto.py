"""Auto: the method that suits the clips at hand, and never one that does worse than the words alone."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.calibration import choose_temperature, log_likelihoods
from audioprompt.core.zero_shot import Array
from audioprompt.few_shot.base import TEMPERATURE, Head, HeadSpec, OnEpoch, SavedHead, Stop, checked_clips
from audioprompt.few_shot.calibration import ask_left_out, calibrate
from audioprompt.few_shot.methods import METHODS, title_of
from audioprompt.few_shot.settings import FewShotError, FitSettings

if TYPE_CHECKING:
    from typing_extensions import Self

WORDS, FEW = "zero-shot", "words-as-clips"
CANDIDATES = (FEW, "words-probe", "gda", "clap-probe", "kernel-ridge", "tip-adapter")
WORDS_COUNT_AS = (
    6.0  # clips, for all candidates, unless the settings say another number: the best on the bundled village
)
MIN_TO_CHOOSE = 4  # clips of every class, below which leaving clips out tells too little
MAX_CLIPS = 2_000  # to choose by; with more, what needs all of them at once is not among the candidates
MAX_ANSWERS = 200_000  # clips times classes, beyond which probes take minutes
SLOW_WITH_MANY = ("kernel-ridge", "tip-adapter")


@dataclass(frozen=True, eq=False)
class Trial:
    """How a candidate answers about clips it has not learned from.

    Attributes:
        likelihoods: logarithm of the probability of each clip's right class, ``[N]``.
        correct: how many clips it puts in the right class.
        temperature: at which that is.
    """

    likelihoods: NDArray[np.float64]
    correct: int
    temperature: float

    @property
    def likelihood(self) -> float:
        """The mean over the clips."""
        return float(self.likelihoods.mean())

    def is_clearly_better_than(self, other: "Trial") -> bool:
        """Whether the right classes are more probable by over a standard error, clip by clip."""
        gains = self.likelihoods - other.likelihoods
        return bool(gains.mean() > gains.std() / np.sqrt(len(gains)))


class Auto(Head):
    """The method: words as clips below four clips of every class, above that what leaving clips out favours.

    A candidate that puts fewer of these clips in the right class than the words alone, or makes the right classes less
    probable, is not taken; where none is left, the words alone answer. What was chosen, and why, is the head's notice.

    Args:
        classes: the C class names.
        candidates: heads to choose from, by method; only one in a head that was saved.
    """

    method = "auto"
    needs_every_class = False

    def __init__(self, classes: Sequence[str], candidates: Mapping[str, Head]) -> None:
        super().__init__(classes)
        self.candidates = candidates

    @classmethod
    def build(cls, spec: HeadSpec) -> "Self":
        if spec.settings.words == FitSettings.words:
            spec = replace(spec, settings=replace(spec.settings, words=WORDS_COUNT_AS))
        return cls(spec.classes, {name: METHODS[name].load().build(spec) for name in (WORDS, *CANDIDATES)})

    @classmethod
    def restore(cls, saved: SavedHead) -> "Self":
        name, state = _split(saved.state)
        inner = SavedHead(saved.model, saved.classes, saved.settings, state)
        return cls(saved.classes, {name: METHODS[name].load().restore(inner)})

    @property
    def numbers(self) -> Mapping[str, float | int]:
        return self.chosen.numbers

    @property
    def chosen(self) -> Head:
        """The head that answers.

        Raises:
            FewShotError: nothing has been chosen yet.
        """
        name, state = _split(self.state)
        head = self.candidates[name]
        head.state = state
        return head

    @property
    def weights(self) -> Array | None:
        return self.chosen.weights

    def _logits(self, audio: Array) -> Array:
        return self.chosen.logits(audio)

    def fit(
        self, audio: Array, targets: NDArray[np.intp], on_epoch: OnEpoch | None = None, stop: Stop | None = None
    ) -> "Self":
        audio, targets = checked_clips(audio, targets, self.classes, every_class=False)
        fewest = int(np.bincount(targets, minlength=len(self.classes)).min())
        name, why = FEW, f"some class has fewer than {MIN_TO_CHOOSE} clips"
        if fewest >= MIN_TO_CHOOSE:
            names = [WORDS, *self._affordable(len(audio))]
            trials = {one: self._try(one, audio, targets, stop) for one in names}
            if stop and stop():
                return self
            name, why = choose(trials)
        head = self.candidates[name]
        head.groups = self.groups
        right = calibrate(head.fit(audio, targets, stop=stop), audio, targets, stop)
        inner = {f"{name}.{key}": value for key, value in head.state.items() if key != TEMPERATURE}
        self.state = {**inner, TEMPERATURE: head.state[TEMPERATURE]}
        self.notice = f"{title_of(name)} was chosen: {why}."
        if fewest >= MIN_TO_CHOOSE and right is not None and self._share_recordings():
            self.notice += f" With all clips of a recording left out together it had {100 * right:.0f} % right."
        return self

    def _share_recordings(self) -> bool:
        """Whether a clip that is left out leaves others of its recording behind, which is easier than a new one."""
        return self.groups is not None and len(np.unique(self.groups)) < len(self.groups)

    def _affordable(self, clips: int) -> list[str]:
        """Return the candidates that are tried on that many clips; with very many answers words as clips alone."""
        if clips * len(self.classes) > MAX_ANSWERS:
            return [FEW]
        return [name for name in CANDIDATES if clips <= MAX_CLIPS or name not in SLOW_WITH_MANY]

    def _try(self, name: str, audio: Array, targets: NDArray[np.intp], stop: Stop | None) -> Trial:
        """Ask a candidate about clips left out, each by itself: another recording is not a smaller pool of clips."""
        head = copy(self.candidates[name])
        head.groups = None
        logits, rows = ask_left_out(head, audio, targets, stop)
        right = targets[rows]
        temperature = choose_temperature(logits, right, len(audio))
        likelihoods = log_likelihoods(logits, right, temperature)[np.argsort(rows)]
        return Trial(likelihoods, int((logits.argmax(axis=1) == right).sum()), temperature)


def choose(trials: Mapping[str, Trial]) -> tuple[str, str]:
    """Choose the simplest candidate that none is clearly better than, but none that does worse than the words.

    Args:
        trials: of the words and of the candidates, the simplest first.

    Returns:
        The candidate's name, and why it is chosen.
    """
    words = trials[WORDS]
    clips = len(words.likelihoods)
    able = [
        name
        for name, trial in trials.items()
        if name != WORDS and trial.correct >= words.correct and trial.likelihood >= words.likelihood
    ]
    if not able:
        return WORDS, f"nothing did better than the words alone on {clips} clips left out in turn"
    best = able[0]
    for name in able[1:]:
        if trials[name].is_clearly_better_than(trials[best]):
            best = name
    found, before = (f"{100 * trial.correct / clips:.0f} %" for trial in (trials[best], words))
    return best, f"on {clips} clips left out in turn it had {found} right, the words alone {before}"


def _split(state: Mapping[str, Array]) -> tuple[str, dict[str, Array]]:
    """Return which method a state is of, and that method's own state."""
    names = {key.split(".", 1)[0] for key in state} & {WORDS, *CANDIDATES}  # what else is kept is not the method's
    if len(names) != 1:
        raise FewShotError("this auto head has chosen no method yet: call fit first")
    (name,) = names
    return name, {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}
