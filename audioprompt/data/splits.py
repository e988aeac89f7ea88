"""Two parts of labelled clips: one to look at while choosing, one that stays unseen. No source recording is in both."""

from collections import Counter, defaultdict
from collections.abc import Collection
from random import Random

from audioprompt.data.clips import DataError, LabelledClips


def split(
    clips: LabelledClips, fraction: float = 0.5, folds: Collection[int] | None = None, seed: int = 0
) -> tuple[LabelledClips, LabelledClips]:
    """Divide clips into a validation and a test part: by folds, or else at random by source recording.

    At random, every class is divided as nearly in the ratio asked for as its recordings allow, and a class with two
    recordings or more is in both parts. (Where one recording holds clips of several classes, that may not be possible;
    it then goes where the rarest of them needs it.)

    Args:
        clips: at least two groups of them.
        fraction: of the clips that go into the validation part, between 0 and 1; not used with ``folds``.
        folds: those that make up the validation part; the others are the test part.
        seed: the same seed gives the same parts.

    Raises:
        DataError: the fraction is not between 0 and 1, the folds do not exist, are all there are or cut through a
            source recording, or there is nothing to divide.
    """
    rows = _by_folds(clips, folds) if folds is not None else _at_random(clips, fraction, Random(seed))
    others = [row for row in range(len(clips)) if row not in rows]
    if not rows or not others:
        raise DataError(f"{clips.name} cannot be divided: that takes two source recordings or more, or two folds")
    return clips.take(sorted(rows)), clips.take(others)


def _by_folds(clips: LabelledClips, folds: Collection[int]) -> set[int]:
    clips.in_folds(folds)  # are they there?
    rows = {row for row, fold in enumerate(clips.folds or ()) if fold in folds}
    kept = {clips.groups[row] for row in rows}
    for row, group in enumerate(clips.groups):
        if row not in rows and group in kept:
            raise DataError(
                f"{clips.name} has clips of one recording, {group}, in several folds: correct the folds, or divide the"
                " clips by chance"
            )
    return rows


def _at_random(clips: LabelledClips, fraction: float, random: Random) -> set[int]:
    if not 0 < fraction < 1:
        raise DataError(f"The fraction must be between 0 and 1, not {fraction:g}.")
    groups: dict[str, list[int]] = defaultdict(list)
    for row, group in enumerate(clips.groups):
        groups[group].append(row)
    labels = {group: Counter(clips.labels[row] for row in rows) for group, rows in groups.items()}
    groups_of: dict[str, list[str]] = defaultdict(list)
    for group in groups:
        for label in labels[group]:
            groups_of[label].append(group)

    placed: dict[str, bool] = {}  # group -> whether it is in the validation part
    for label in sorted(groups_of, key=lambda label: (len(groups_of[label]), label)):
        unplaced = [group for group in groups_of[label] if group not in placed]
        random.shuffle(unplaced)
        counts = Counter[bool]()
        for group in groups_of[label]:
            if group in placed:
                counts[placed[group]] += labels[group][label]
        for group in sorted(
            unplaced, key=lambda group: -labels[group][label]
        ):  # the large ones first, while there is room
            ahead = counts[True] * (1 - fraction) - counts[False] * fraction
            placed[group] = ahead < 0 or (ahead == 0 and random.random() < fraction)
            counts[placed[group]] += labels[group][label]
    return {row for group, rows in groups.items() if placed[group] for row in rows}
