"""What a way to answer does to each class and to groups of clips, compared with the one plain prompt: in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audioprompt.core import effects as core
from audioprompt.core.curation import CHANCE
from audioprompt.services.curate.measured import MeasuredPack

if TYPE_CHECKING:
    from audioprompt.core.curation import Choices
    from audioprompt.core.effects import Change, ClassEffect, Flow, GroupEffect
    from audioprompt.core.metrics import Score


@dataclass(frozen=True, eq=False)
class Grouping:
    """What happens to the groups into which a column of the manifest puts the clips.

    Attributes:
        title: of the column.
        effects: on each group.
        p: chance of accuracies that differ so much between the groups.
    """

    title: str
    effects: tuple[GroupEffect, ...]
    p: float


@dataclass(frozen=True, eq=False)
class Effects:
    """What a way to answer does, compared with vanilla.

    Attributes:
        names: of the C classes.
        classes: the effect on each.
        flows: which classes are taken for which more or less often, the largest change first.
        groupings: effects on groups of clips, by each column of the manifest that makes some.
    """

    names: tuple[str, ...]
    classes: tuple[ClassEffect, ...]
    flows: tuple[Flow, ...]
    groupings: tuple[Grouping, ...]

    @property
    def findings(self) -> tuple[str, ...]:
        """What of all this is more than chance, a sentence each; that there is nothing, where that is so."""
        found = [*_of_classes(self), *_of_flows(self), *(line for one in self.groupings for line in _of_groups(one))]
        return tuple(found) or ("No class, confusion or group of clips changes by more than chance.",)


def measure_effects(measured: MeasuredPack, chosen: Choices) -> Effects:
    """Compare what a way to answer chooses for each validation clip, ``[N]``, with what vanilla does."""
    table, clips = measured.table, measured.validation
    count = len(table.classes)
    before, after = (choices == table.targets for choices in (table.vanilla, chosen))
    by_column = ((title, core.group_effects(before, after, values)) for title, values in clips.columns)
    return Effects(
        clips.spoken_classes,
        core.class_effects(table.targets, table.vanilla, chosen, count),
        core.confusion_flows(table.targets, table.vanilla, chosen, count),
        tuple(Grouping(title, found, core.chance_of_groups(found)) for title, found in by_column if len(found) > 1),
    )


# --- sentences --------------------------------------------------------------------------------------------------------


def _of_classes(effects: Effects) -> Iterator[str]:
    recalls = [(name, one.recall) for name, one in zip(effects.names, effects.classes, strict=True) if one.recall]
    for name, change in _clear(recalls):
        yield f"“{name}” is recognised {_way(change)}: {_moved(change)} of its {change.n} clips {_by(change)}."
    for name, change in _clear([(name, one.named) for name, one in zip(effects.names, effects.classes, strict=True)]):
        too = "too often" if change.difference > 0 else "too rarely"
        vanilla = effects.classes[effects.names.index(name)].named_before.after
        yield (
            f"“{name}” is named {too}: for {change.after} of {change.n} clips, where {change.before} would be right; "
            f"vanilla names it for {vanilla}."
        )


def _of_flows(effects: Effects) -> Iterator[str]:
    pairs = [
        (f"“{effects.names[one.true]}” is taken for “{effects.names[one.taken_for]}”", one.change)
        for one in effects.flows
    ]
    for words, change in _clear(pairs):
        yield f"{words} {_way(change)}: for {change.after} of {change.n} clips, with vanilla for {change.before}."


def _of_groups(grouping: Grouping) -> Iterator[str]:
    changes = [(one.name, one.change) for one in grouping.effects]
    for name, change in _clear(changes):
        way = "rises" if change.difference > 0 else "falls"
        yield f"Where {grouping.title} is “{name}”, accuracy {way}: {_moved(change)} of {change.n} clips {_by(change)}."
    if grouping.p < CHANCE:
        (worst, low), (best, high) = (pick(changes, key=_accuracy) for pick in (min, max))
        yield (
            f"Accuracy depends on {grouping.title}: {_percent(low.scores[1])} % where it is “{worst}”, "
            f"{_percent(high.scores[1])} % where it is “{best}”; with vanilla {_percent(low.scores[0])} % and "
            f"{_percent(high.scores[0])} %."
        )


def _clear(changes: Sequence[tuple[str, Change]]) -> Iterator[tuple[str, Change]]:
    """Return the changes, among those that are looked at together, that are more than chance."""
    clear = core.clear([change for _, change in changes])
    return (one for one, is_clear in zip(changes, clear, strict=True) if is_clear)


def _accuracy(named: tuple[str, Change]) -> float:
    return named[1].after / named[1].n


def _way(change: Change) -> str:
    return "more often" if change.difference > 0 else "less often"


def _moved(change: Change) -> str:
    before, after = change.scores
    return f"{_percent(before)} → {_percent(after)} %"


def _by(change: Change) -> str:
    low, high = change.interval
    return f"({100 * change.difference:+.1f} points, 95 % interval {100 * low:+.1f} to {100 * high:+.1f})"


def _percent(score: Score) -> str:
    return f"{100 * score.accuracy:.1f}"
