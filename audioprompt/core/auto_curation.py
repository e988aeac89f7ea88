"""Propose a whole selection: the templates that serve labelled clips well and, the point of it, clips not heard yet.

Picking what happens to be best on a few clips does not last, so three things are done about chance. Ensembles are
judged by the mean probability they give to the true class, which unlike accuracy changes a little with every template
and unlike cross-entropy does not hang on a few hopeless clips. They are found by taking templates away from the
ensemble of all, in either of two ways, and not by adding to nothing. And which way, and how many are taken away, is
decided on clips held out: the clips are split in halves again and again, templates taken away by one half and what is
left judged by the other. Where that shows no gain of half a standard error, more are kept: with little to go by, little
is taken away.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.curation import Choices, Mask, ScoreTable, added_up, of_targets, together
from audioprompt.core.zero_shot import Array

FEWEST = 3  # templates in a proposal
SPLITS = 8  # into halves
STANDARD_ERRORS = 0.5  # by which fewer templates must be better to be preferred
SCALES = np.geomspace(2, 200, 25)  # candidates for the logit scale
AT_ONCE = 2**15  # cosines of ensembles that are judged together, few enough for a processor's cache
SHARPER = 8  # than that scale: the probability of the true class is then nearly 0 or 1 and its mean nearly accuracy


def propose(
    table: ScoreTable,
    seed: int = 0,
    keep: Mask | None = None,
    leave_out: Mask | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Mask:
    """Select templates from labelled clips, ``[K]``; the same arguments give the same selection.

    Args:
        table: the templates on the clips.
        seed: of the halves that clips are split into.
        keep: the templates that are selected in any case, ``[K]``; none if None.
        leave_out: those that are selected in no case, ``[K]``; none if None.
        progress: told again and again how many halves have been tried, and of how many; what it raises ends the work.

    The work grows with the clips, the classes and the square of the templates: half a second of one core for 160 clips,
    10 classes and 40 templates, half a minute for 500 templates, some seconds for 2,000 clips and 50 classes.
    """
    if leave_out is not None and leave_out.any():
        selection = ~leave_out
        if selection.any():
            kept = None if keep is None else keep[selection]
            selection[selection] = propose(table.of(selection), seed, kept, progress=progress)
        return selection
    if table.n < 2:  # nothing to hold out
        return table.everything
    kept = ~table.everything if keep is None else keep
    scale = SHARPER * logit_scale(table)
    rng = np.random.default_rng(seed)
    held_out: list[list[list[float]]] = [[] for _ in WAYS]
    tried = 0

    def look() -> None:
        if progress:
            progress(tried, 2 * SPLITS)

    for _ in range(SPLITS):
        half = random_half(table, rng)
        for learnt, judged in ((table.on(half), table.on(~half)), (table.on(~half), table.on(half))):
            for way, found in zip(WAYS, held_out, strict=True):
                found.append(judge(judged, way(learnt, scale, kept, look), scale))
            tried += 1
    means = np.mean(held_out, axis=1)  # [ways, E]
    counts = [eliminations(np.array(found)) for found in held_out]
    best = max(range(len(WAYS)), key=lambda way: means[way, counts[way]])
    return WAYS[best](table, scale, kept, look)[counts[best]]


def eliminations(held_out: NDArray[np.float64]) -> int:
    """How many templates to take away: as few as is within some standard errors of the best number.

    Args:
        held_out: confidence after 0, 1, ... eliminations on each held-out half, ``[H, E]``.
    """
    mean = held_out.mean(axis=0)
    best = mean.argmax()
    error = (held_out - held_out[:, [best]]).std(axis=0) / np.sqrt(2)  # of the whole, which varies less than a half
    return int(np.argmax(mean >= mean[best] - STANDARD_ERRORS * error))


def eliminate(table: ScoreTable, scale: float, keep: Mask, look: Callable[[], object] = bool) -> list[Mask]:
    """Return the ensembles left by taking away, again and again, the template without which the others do best.

    Args:
        table: the templates on the clips.
        scale: of the logits.
        keep: the templates that are not taken away, ``[K]``.
        look: called before each is taken away; what it raises ends the work.

    Returns:
        Selections ``[K]`` of all templates, of all but one, ... down to the fewest of a proposal, or to those kept.
    """
    kept = table.everything
    rest = _Rest(table)
    ensembles = [kept]
    for _ in range(_most_eliminations(keep)):
        look()
        worst = rest.worst(np.flatnonzero(kept & ~keep), scale)
        rest.take_away(worst)
        kept = kept.copy()
        kept[worst] = False
        ensembles.append(kept)
    return ensembles


def rank(table: ScoreTable, scale: float, keep: Mask, look: Callable[[], object] = bool) -> list[Mask]:
    """Return the ensembles left by taking away the template that does worst alone, then the next: as `eliminate`
    returns.
    """
    look()
    alone = np.array([confidence(table, each, table.gram[:, k, k], scale) for k, each in enumerate(table.cosines)])
    place = np.lexsort((alone, keep)).argsort()  # those kept come last
    return [place >= taken for taken in range(_most_eliminations(keep) + 1)]


def judge(table: ScoreTable, ensembles: Sequence[Mask], scale: float) -> list[float]:
    """Return the confidence of the ensemble of all templates, and of those left as one after the other is taken away,
    as `eliminate` returns them.
    """
    rest = _Rest(table)
    found = [confidence(table, rest.sums, rest.squares, scale)]
    for before, after in pairwise(ensembles):
        rest.take_away(int(np.flatnonzero(before & ~after)[0]))
        found.append(confidence(table, rest.sums, rest.squares, scale))
    return found


class _Rest:
    """What templates add up to while one after the other is taken away, in double precision, so that no error adds up.

    Args:
        table: all of the templates.
    """

    def __init__(self, table: ScoreTable) -> None:
        self.table = table
        self._sums = table.cosines.sum(axis=0, dtype=np.float64)  # [C, N]
        self.across = table.gram.sum(axis=1)  # [C, K], of each template with all that are left
        self.squares = self.across.sum(axis=1)  # [C]

    @property
    def sums(self) -> Array:
        """Of the cosines of those left, ``[C, N]``."""
        return self._sums.astype(np.float32)

    def worst(self, among: Choices, scale: float) -> int:
        """Find the template, among some that are left, without which the others do best."""
        own = self.table.gram.diagonal(axis1=1, axis2=2)
        squares = (self.squares[:, None] - 2 * self.across + own).T  # [K, C]
        step = max(AT_ONCE // self._sums.size, 1)
        sums = self.sums
        found = [
            confidence(self.table, sums - self.table.cosines[some], squares[some], scale)
            for some in np.split(among, range(step, len(among), step))
        ]
        return int(among[np.concatenate(found).argmax()])

    def take_away(self, template: int) -> None:
        self.squares = self.squares - 2 * self.across[:, template] + self.table.gram[:, template, template]
        self.across = self.across - self.table.gram[:, template]
        self._sums = self._sums - self.table.cosines[template]


def _most_eliminations(keep: Mask) -> int:
    """How many templates can be taken away where some are kept, ``[K]``."""
    return max(len(keep) - max(FEWEST, int(keep.sum())), 0)


WAYS = (eliminate, rank)


def confidence(table: ScoreTable, sums: Array, squares: NDArray[np.float64], scale: float) -> Any:
    """Mean probability that an ensemble gives to the true class, a smooth accuracy; of several ensembles an array of
    them, ``[...]``. Takes what `together` takes.
    """
    logits = scale * together(sums, squares)
    with np.errstate(over="ignore"):  # 1 / infinity is the right answer
        return (1 / np.exp(logits - of_targets(table, logits)[..., None, :]).sum(axis=-2)).mean(axis=-1)


def logit_scale(table: ScoreTable) -> float:
    """Return the scale at which the probabilities of all templates together suit the clips best, by cross-entropy."""
    ensemble = together(*added_up(table, table.everything))
    return min(SCALES, key=lambda scale: cross_entropy(table, scale * ensemble))


def cross_entropy(table: ScoreTable, logits: Array) -> float:
    """Average the cross-entropy of the true classes over the clips; logits are ``[C, N]``."""
    return float((np.logaddexp.reduce(logits, axis=0) - of_targets(table, logits)).mean())


def random_half(table: ScoreTable, rng: np.random.Generator) -> Mask:
    """Half of the clips, ``[N]``, and of each class: every second one of the clips shuffled within their classes."""
    shuffled = rng.permutation(table.n)
    by_class = shuffled[table.targets[shuffled].argsort(kind="stable")]
    half = np.zeros(table.n, bool)
    half[by_class[rng.integers(2) :: 2]] = True
    return half
