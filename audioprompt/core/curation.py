"""Which templates to keep: what each is worth on labelled clips, alone and in the ensemble of those approved.

All that costs is done once, in `score_templates`: from then on an ensemble of any templates is a sum of their cosines,
divided by the length of the sum of their embeddings, which a small matrix per class gives exactly. A decision on a
template is followed by `report_selection`, pure arithmetic.

Shapes and letters are those of `audioprompt.core.zero_shot`: C classes, K templates, N clips and D dimensions. Where no
template is approved, the plain prompt is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.metrics import Score, check_shapes, score, winners
from audioprompt.core.zero_shot import Array, cosines
from audioprompt.util.text import counted

CHANCE = 0.05  # a difference that chance alone brings about less often than this is called more than chance
RANDOM_ORDERS = 20
SHORTEST = 1e-12  # length given to a sum of embeddings that cancel, as `zero_shot.normalise` does

Choices = NDArray[np.intp]  # [N], each clip's chosen class
Mask = NDArray[np.bool_]  # [K], true for the templates that belong to an ensemble; or [N], for some of the clips


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """K templates measured on N labelled clips: everything that no decision changes.

    Attributes:
        classes: the C class names.
        targets: each clip's class, ``[N]``, indices into ``classes``.
        vanilla: the class that plain zero-shot classification chooses for each clip, ``[N]``.
        cosines: of every class with every clip, by each template, ``[K, C, N]``, float32. Clips come last, because then
            the best class of all of them is found a row at a time, many times faster than clip by clip.
        gram: for each class the inner products of its K prompts with each other, ``[C, K, K]``.
    """

    classes: tuple[str, ...]
    targets: Choices
    vanilla: Choices
    cosines: Array
    gram: NDArray[np.float64]

    @property
    def n(self) -> int:
        """Number of clips."""
        return len(self.targets)

    @property
    def everything(self) -> Mask:
        """The selection of all templates, ``[K]``."""
        return np.ones(len(self.cosines), bool)

    @cached_property
    def alone(self) -> NDArray[np.intp]:
        """The class that each template alone chooses for each clip, ``[K, N]``."""
        return self.cosines.argmax(axis=1)

    @cached_property
    def scores(self) -> tuple[Score, ...]:
        """Each template alone, K."""
        return tuple(score(chosen, self.targets) for chosen in self.alone)

    @cached_property
    def best(self) -> int:
        """Index of the template that is best alone, the first of equals."""
        return self.ranking(self.everything)[0]

    @cached_property
    def uncurated(self) -> Choices:
        """What the ensemble of all K templates chooses, ``[N]``."""
        return choices(self, self.everything)

    @cached_property
    def random_curves(self) -> Array:
        """Accuracy of the first 1 to K templates in orders drawn at random, the same at every call, ``[20, K]``."""
        draw = np.random.default_rng(0)
        orders = [draw.permutation(len(self.cosines)) for _ in range(RANDOM_ORDERS)]
        return np.array([[found.accuracy for found in growing(self, order)] for order in orders], np.float32)

    def on(self, clips: Mask | Choices) -> "ScoreTable":
        """Return the table of some of the clips."""
        some = np.ascontiguousarray(self.cosines[:, :, clips])
        return replace(self, targets=self.targets[clips], vanilla=self.vanilla[clips], cosines=some)

    def of(self, templates: Mask) -> "ScoreTable":
        """Return the table of some of the templates, ``[K]``."""
        return replace(self, cosines=self.cosines[templates], gram=self.gram[:, templates][:, :, templates])

    def ranking(self, among: Mask) -> list[int]:
        """Return indices of these templates, by accuracy alone; equals keep their order."""
        return sorted(np.flatnonzero(among).tolist(), key=lambda k: -self.scores[k].correct)


def score_templates(
    audio: Array, vanilla: Array, prompts: Array, targets: Choices, classes: Sequence[str]
) -> ScoreTable:
    """Measure templates on labelled clips. Embeddings of more templates only take a new table, no new encoding.

    Args:
        audio: clip embeddings, ``[N, D]``.
        vanilla: embeddings of the vanilla template filled with each class, ``[C, D]``.
        prompts: embeddings of the templates filled with each class, ``[K, C, D]``.
        targets: each clip's class, ``[N]``, indices into ``classes``.
        classes: the C class names.

    Raises:
        ValueError: shapes that do not fit, no clip, or no template.
    """
    check_shapes(audio, vanilla, prompts, targets, classes)
    by_class = prompts.swapaxes(0, 1).astype(np.float64)  # [C, K, D]
    return ScoreTable(
        tuple(classes),
        targets,
        vanilla=winners(audio, vanilla),
        cosines=np.stack([cosines(audio, weights).T for weights in prompts]),
        gram=by_class @ by_class.swapaxes(1, 2),
    )


def enough_prompts(random: NDArray[np.floating], within: float = 0.005) -> int:
    """From how many prompts on, in random orders, no number of more of them gains much on the mean.

    Args:
        random: accuracies of the first 1 to K prompts in R orders, ``[R, K]``.
        within: a gain that is not much, as a share of the clips.
    """
    mean = random.mean(axis=0)
    best_to_come = np.maximum.accumulate(mean[::-1])[::-1]
    gaining = np.flatnonzero(best_to_come - mean > within)
    return int(gaining[-1]) + 2 if len(gaining) else 1


# --- ensembles on a table ---------------------------------------------------------------------------------------------


def choices(table: ScoreTable, approved: Mask) -> Choices:
    """Return what the ensemble of the templates approved, ``[K]``, chooses, ``[N]``: as `zero_shot.ensemble_weights`
    would.
    """
    return together(*added_up(table, approved)).argmax(axis=0) if approved.any() else table.vanilla


def growing(table: ScoreTable, order: Sequence[int] | Choices) -> list[Score]:
    """Scores of the ensembles of the first, the first two, ... and all templates of an order."""
    squares = table.gram[:, order][:, :, order].cumsum(axis=1).cumsum(axis=2).diagonal(axis1=1, axis2=2)
    sums = np.zeros_like(table.cosines[0])
    found = []
    for k, square in zip(order, squares.T, strict=True):
        sums += table.cosines[k]
        found.append(_score(table, sums, square))
    return found


def with_one_changed(table: ScoreTable, approved: Mask) -> list[Score]:
    """Scores of the ensemble once a decision is turned round, for each of the K templates."""
    sums, squares = added_up(table, approved)
    across = table.gram[:, approved].sum(axis=1)  # [C, K]
    found = []
    for k, sign in enumerate(np.where(approved, -1, 1)):
        changed = sums + table.cosines[k] if sign > 0 else sums - table.cosines[k]
        square = squares + 2 * sign * across[:, k] + table.gram[:, k, k]
        alone = sign < 0 and approved.sum() == 1  # and so taking it away leaves vanilla
        found.append(score(table.vanilla, table.targets) if alone else _score(table, changed, square))
    return found


def added_up(table: ScoreTable, approved: Mask) -> tuple[Array, NDArray[np.float64]]:
    """Return what the approved templates add up to, as `together` takes it: ``[C, N]``, ``[C]``."""
    return table.cosines[approved].sum(axis=0), table.gram[:, approved][:, :, approved].sum(axis=(1, 2))


def together(sums: Array, squares: NDArray[np.float64]) -> Array:
    """Cosines with an ensemble, or several, from what its templates add up to: a new array, ``[..., C, N]``.

    Args:
        sums: of the templates' cosines, ``[..., C, N]``.
        squares: squared lengths of the sums of the templates' embeddings, ``[..., C]``.
    """
    return sums * (1 / np.sqrt(np.maximum(squares, SHORTEST**2))).astype(np.float32)[..., None]


def of_targets(table: ScoreTable, values: Array) -> Array:
    """Each clip's value for its true class: ``[..., C, N]`` -> ``[..., N]``."""
    return values[..., table.targets, np.arange(table.n)]


def _score(table: ScoreTable, sums: Array, squares: NDArray[np.float64]) -> Score:
    """Score an ensemble, from what `together` takes."""
    found = together(sums, squares)
    best = found.max(axis=0)
    if np.count_nonzero(found == best) > table.n:  # classes tie for a clip: it goes to the first of them
        return score(found.argmax(axis=0), table.targets)
    return Score(int((of_targets(table, found) == best).sum()), table.n)


# --- what a person sees after a decision ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """Two ways to classify the same clips, held against each other clip by clip.

    Attributes:
        better: clips that only the first one gets right.
        worse: clips that only the second one gets right.
    """

    better: int
    worse: int

    @classmethod
    def of(cls, right: Mask, baseline: Mask) -> "Comparison":
        """Compare two ways by which clips each gets right, ``[N]``."""
        return cls(better=int((right & ~baseline).sum()), worse=int((~right & baseline).sum()))

    @property
    def p(self) -> float:
        """Chance of a split at least as uneven if both were equally good: McNemar's exact test, two-sided."""
        from scipy.stats import binomtest  # takes a second to import

        differing = self.better + self.worse
        return float(binomtest(self.better, differing).pvalue) if differing else 1.0

    def __str__(self) -> str:
        if not self.better + self.worse:
            return "no clip better, none worse"
        verdict = "more than chance" if self.p < CHANCE else "may be chance"
        return f"{counted(self.better, 'clip')} better, {self.worse} worse: {verdict}"


@dataclass(frozen=True, eq=False)
class SelectionReport:
    """How good a selection of templates is.

    Attributes:
        ensemble: the approved templates together, by the mean of their embeddings (TSPE).
        vanilla: plain zero-shot classification.
        best: the one template that is best alone.
        uncurated: all K templates together.
        gains: what each template adds to the ensemble's accuracy, ``[K]``: to what the others achieve if it is
            approved, to what the ensemble achieves if it is not.
        recalls_before: for each class vanilla's score on the clips of that class, None where there are none; C.
        recalls: the same for the ensemble.
        against_vanilla: the ensemble held against vanilla.
        against_uncurated: the ensemble held against all K templates together.
        order: the approved templates by their accuracy alone.
        curve: score of the first, the first two, ... of ``order`` together.
    """

    ensemble: Score
    vanilla: Score
    best: Score
    uncurated: Score
    gains: NDArray[np.float64]
    recalls_before: tuple[Score | None, ...]
    recalls: tuple[Score | None, ...]
    against_vanilla: Comparison
    against_uncurated: Comparison
    order: tuple[int, ...]
    curve: tuple[Score, ...]


def report_selection(table: ScoreTable, approved: Mask) -> SelectionReport:
    """Measure a selection, ``[K]``: all that changes with a decision."""
    chosen = choices(table, approved)
    ensemble = score(chosen, table.targets)
    changed = np.array([other.correct for other in with_one_changed(table, approved)])
    order = table.ranking(approved)
    return SelectionReport(
        ensemble,
        vanilla=score(table.vanilla, table.targets),
        best=table.scores[table.best],
        uncurated=score(table.uncurated, table.targets),
        gains=np.where(approved, ensemble.correct - changed, changed - ensemble.correct) / table.n,
        recalls_before=recalls(table, table.vanilla),
        recalls=recalls(table, chosen),
        against_vanilla=compare(table, chosen, table.vanilla),
        against_uncurated=compare(table, chosen, table.uncurated),
        order=tuple(order),
        curve=tuple(growing(table, order)),
    )


def recalls(table: ScoreTable, chosen: Choices) -> tuple[Score | None, ...]:
    """For each class the score on the clips of that class, None where there are none; C."""
    clips = np.bincount(table.targets, minlength=len(table.classes))
    right = np.bincount(table.targets[chosen == table.targets], minlength=len(table.classes))
    return tuple(Score(int(hits), int(n)) if n else None for hits, n in zip(right, clips, strict=True))


def compare(table: ScoreTable, chosen: Choices, baseline: Choices) -> Comparison:
    """Hold one method's choices against another's, ``[N]`` each."""
    return Comparison.of(chosen == table.targets, baseline == table.targets)


def wins_and_losses(table: ScoreTable, template: int) -> tuple[Choices, Choices]:
    """Return indices of the clips that a template alone gets right and vanilla wrong, and of those the other way
    round.
    """
    return _differing(table, table.alone[template], table.vanilla)


def wins_and_losses_within(table: ScoreTable, approved: Mask, template: int) -> tuple[Choices, Choices]:
    """Return indices of the clips that the approved ensemble gets right only with a template, and only without it."""
    this = np.arange(len(approved)) == template
    return _differing(table, choices(table, approved | this), choices(table, approved & ~this))


def _differing(table: ScoreTable, chosen: Choices, baseline: Choices) -> tuple[Choices, Choices]:
    right, baseline_right = chosen == table.targets, baseline == table.targets
    return np.flatnonzero(right & ~baseline_right), np.flatnonzero(~right & baseline_right)
