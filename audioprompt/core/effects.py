"""What changes between two ways to answer about the same N clips of C classes, and how sure one can be of it.

For each class: how often it is recognised, and how often it is named; what is taken for what; and groups of clips. All
are changes of a share of the same clips, with an interval and an exact test, and many are looked at at once: `adjust`
keeps those few that chance alone brings about.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.curation import CHANCE, Choices, Mask
from audioprompt.core.metrics import Z_95, Score


@dataclass(frozen=True)
class Change:
    """How many of the same clips something is true of, before and after.

    Attributes:
        n: number of clips.
        before: of how many it was true.
        gained: of how many it is true only now.
        lost: of how many it was true only before.
    """

    n: int
    before: int
    gained: int
    lost: int

    @classmethod
    def of(cls, before: Mask, after: Mask) -> "Change":
        """Compare of which clips it was and is true, ``[N]`` each."""
        return cls(len(before), int(before.sum()), int((after & ~before).sum()), int((before & ~after).sum()))

    @property
    def after(self) -> int:
        """Of how many it is true now."""
        return self.before + self.gained - self.lost

    @property
    def scores(self) -> tuple[Score, Score]:
        """Both shares of the clips."""
        return Score(self.before, self.n), Score(self.after, self.n)

    @property
    def difference(self) -> float:
        """By how much the share of the clips has changed, -1 to 1."""
        return (self.gained - self.lost) / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Bounds between which the true difference lies, at 95 % confidence."""
        return paired_interval(self.gained, self.lost, self.n)


@dataclass(frozen=True)
class ClassEffect:
    """What happens to one class.

    Attributes:
        recall: how many of its clips are recognised; None where it has no clips.
        named_before: from how many clips are of the class to how many were called so.
        named: from how many clips are of the class to how many are called so now: a shift of the prior.
    """

    recall: Change | None
    named_before: Change
    named: Change


@dataclass(frozen=True)
class Flow:
    """How many clips of one class are taken for another.

    Attributes:
        true: index of the class that they are of.
        taken_for: index of the other one.
        change: among the clips of the class.
    """

    true: int
    taken_for: int
    change: Change


@dataclass(frozen=True)
class GroupEffect:
    """What happens to one group of clips.

    Attributes:
        name: of the group.
        change: how many of its clips are put in the right class.
    """

    name: str
    change: Change


def paired_interval(gained: int, lost: int, n: int, z: float = Z_95) -> tuple[float, float]:
    """Interval for the difference of two shares of the same clips: Wald's after Bonett and Price (2012).

    One clip is added to those gained and to those lost, and two to all, so that it holds up
    where there are few clips.

    Raises:
        ValueError: unless ``gained + lost <= n`` and ``n > 0``.
    """
    if min(gained, lost) < 0 or gained + lost > n or n == 0:
        raise ValueError(f"{gained} gained and {lost} lost do not fit {n} clips.")
    more, less = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    half = z * sqrt((more + less - (more - less) ** 2) / (n + 2))
    return max(-1.0, more - less - half), min(1.0, more - less + half)


def chances(changes: Sequence[Change]) -> NDArray[np.float64]:
    """Chance of changes at least as uneven if gain and loss were equally likely: McNemar's exact test, two-sided."""
    from scipy.stats import binom  # takes a second to import

    gained, lost = (np.array([getattr(one, name) for one in changes], int) for name in ("gained", "lost"))
    found: NDArray[np.float64] = np.minimum(2 * binom.cdf(np.minimum(gained, lost), gained + lost, 0.5), 1.0)
    return found


def adjust(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Raise the chances of many tests so that of those below 5 % one in twenty is chance (Benjamini and Hochberg)."""
    from scipy.stats import false_discovery_control

    found: NDArray[np.float64] = false_discovery_control(p) if len(p) else p
    return found


def clear(changes: Sequence[Change]) -> list[bool]:
    """Tell which of the changes that are looked at together are more than chance."""
    return [bool(p < CHANCE) for p in adjust(chances(changes))]


def class_effects(targets: Choices, before: Choices, after: Choices, classes: int) -> tuple[ClassEffect, ...]:
    """Compare two ways to answer class by class: the class of each clip and of each answer, ``[N]``, -> C effects."""
    found = []
    for index in range(classes):
        mine, named_before, named = (chosen == index for chosen in (targets, before, after))
        recall = Change.of(named_before[mine], named[mine]) if mine.any() else None
        found.append(ClassEffect(recall, Change.of(mine, named_before), Change.of(mine, named)))
    return tuple(found)


def confusion_flows(targets: Choices, before: Choices, after: Choices, classes: int) -> tuple[Flow, ...]:
    """List which classes are taken for which more or less often than before, the largest change first."""
    sizes = np.bincount(targets, minlength=classes)
    counts = np.zeros((3, classes, classes), int)  # before, gained, lost
    for count, chosen, some in (
        (counts[0], before, before == before),
        (counts[1], after, after != before),
        (counts[2], before, after != before),
    ):
        np.add.at(count, (targets[some], chosen[some]), 1)
    changed = np.argwhere((counts[1] + counts[2] > 0) & ~np.eye(classes, dtype=bool))
    flows = [
        Flow(int(true), int(other), Change(int(sizes[true]), *map(int, counts[:, true, other])))
        for true, other in changed
    ]
    return tuple(sorted(flows, key=lambda flow: -abs(flow.change.gained - flow.change.lost)))


def group_effects(right_before: Mask, right: Mask, groups: Sequence[str]) -> tuple[GroupEffect, ...]:
    """Compare two ways to answer group by group: which clips each gets right, and the group of each clip, N."""
    names = np.asarray(groups, object)
    return tuple(
        GroupEffect(str(name), Change.of(right_before[names == name], right[names == name]))
        for name in dict.fromkeys(sorted(groups))
    )


def chance_of_groups(effects: Sequence[GroupEffect]) -> float:
    """Chance of accuracies as different between groups if all were equally hard: a chi-squared test of their scores."""
    from scipy.stats import chi2_contingency

    counts = np.array([(one.change.after, one.change.n - one.change.after) for one in effects])
    if len(counts) < 2 or not counts.sum(axis=0).all():  # all is right, or all is wrong
        return 1.0
    return float(chi2_contingency(counts).pvalue)
