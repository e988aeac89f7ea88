"""Divided clips: nothing heard in one part is heard in the other."""

import time
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from audioprompt.data import DataError, LabelledClips, demonstration, group_near_twins, split

SEEDS = st.integers(0, 2**32)


@st.composite
def collections(draw: st.DrawFn, mixed: bool = False) -> LabelledClips:
    """Clips of up to five classes, each in groups of one to nine; mixed groups hold several classes."""
    classes = draw(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=6), min_size=1, max_size=5))
    rows = [
        (f"class {number}", f"group {group}" if mixed else f"group {number} {group}")
        for number, sizes in enumerate(classes)
        for group, size in enumerate(sizes)
        for _ in range(size)
    ]
    rows = draw(st.permutations(rows))
    labels, groups = zip(*rows, strict=True)
    return LabelledClips(tuple(Path(f"{row}.wav") for row in range(len(rows))), labels, groups=groups)


@given(clips=collections(), fraction=st.floats(0.05, 0.95), seed=SEEDS)
def test_a_random_division(clips: LabelledClips, fraction: float, seed: int) -> None:
    groups_of = defaultdict(set)
    for label, group in zip(clips.labels, clips.groups, strict=True):
        groups_of[label].add(group)
    if max(map(len, groups_of.values())) < 2:
        return  # whether there are two parts is then chance
    parts = split(clips, fraction, seed=seed)
    validation, test = parts
    assert sorted(validation.paths + test.paths) == sorted(clips.paths)
    assert not set(validation.groups) & set(test.groups)
    for label, groups in groups_of.items():
        if len(groups) > 1:
            assert label in validation.labels and label in test.labels
    for part in parts:
        assert part.classes == clips.classes
        row = {path: row for row, path in enumerate(clips.paths)}
        assert part == clips.take(sorted(row[path] for path in part.paths)), "labels and groups stay with their clips"
    assert split(clips, fraction, seed=seed) == parts


@given(clips=collections(mixed=True), fraction=st.floats(0.05, 0.95), seed=SEEDS)
def test_recordings_of_several_classes_stay_whole_too(clips: LabelledClips, fraction: float, seed: int) -> None:
    try:
        validation, test = split(clips, fraction, seed=seed)
    except DataError:
        return
    assert sorted(validation.paths + test.paths) == sorted(clips.paths)
    assert not set(validation.groups) & set(test.groups)


@given(fraction=st.floats(0.05, 0.95), seed=SEEDS)
def test_every_class_is_divided_in_the_ratio_asked_for(fraction: float, seed: int) -> None:
    labels = ("a",) * 40 + ("b",) * 20
    clips = LabelledClips(tuple(Path(str(row)) for row in range(60)), labels)
    validation, _ = split(clips, fraction, seed=seed)
    counts = Counter(validation.labels)
    assert abs(counts["a"] - 40 * fraction) <= 1 and abs(counts["b"] - 20 * fraction) <= 1


def test_the_seed_matters() -> None:
    clips = demonstration()
    assert len({split(clips, 0.5, seed=seed)[0].groups for seed in range(10)}) == 10


def test_folds() -> None:
    validation, test = split(demonstration(), folds=[1, 3])
    assert set(validation.folds or ()) == {1, 3} and set(test.folds or ()) == {2, 4}
    assert len(validation) == len(test) == 96


@pytest.mark.parametrize(
    ("fraction", "folds", "message"),
    [
        (0.0, None, "The fraction must be between 0 and 1, not 0."),
        (1.0, None, "between 0 and 1, not 1"),
        (float("nan"), None, "between 0 and 1, not nan"),
        (0.5, [3], "clips has no fold 3; its folds are 1, 2"),
        (0.5, [1, 2], "clips cannot be divided"),
        (0.5, [], "clips cannot be divided"),
        (0.5, [1], "clips of one recording, g, in several folds: correct the folds, or divide the clips by chance"),
    ],
)
def test_divisions_that_cannot_be(fraction: float, folds: list[int] | None, message: str) -> None:
    paths = tuple(Path(str(row)) for row in range(3))
    clips = LabelledClips(paths, ("a", "b", "a"), (1, 1, 2), groups=("g", "h", "g"))
    with pytest.raises(DataError) as caught:
        split(clips, fraction, folds)
    assert message in str(caught.value)


def test_one_recording_cannot_be_divided() -> None:
    clips = LabelledClips((Path("a"), Path("b")), ("a", "b"), groups=("g", "g"))
    with pytest.raises(DataError, match="that takes two source recordings or more"):
        split(clips)
    with pytest.raises(DataError, match="has no folds"):
        split(clips, folds=[1])


# --- clips that sound nearly the same ---------------------------------------------------------------------------------


def directions(*degrees: float) -> NDArray[np.float32]:
    """Embeddings in a plane, ``[n, 2]``: two are as alike as the angle between them is small."""
    return np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1).astype(np.float32)


def of_class(count: int, label: str = "rain") -> LabelledClips:
    return LabelledClips(tuple(Path(f"{label}-{row}.wav") for row in range(count)), (label,) * count)


def test_near_twins_become_one_group() -> None:
    clips = group_near_twins(of_class(6), directions(0, 90, 4, 180, 92, 270))
    assert clips.groups == ("rain-0.wav", "rain-1.wav", "rain-0.wav", "rain-3.wav", "rain-1.wav", "rain-5.wav")
    (notice,) = clips.remarks
    assert notice.startswith("2 pairs of clips that sound nearly the same were kept on one side of the division.")
    for seed in range(20):
        validation, test = split(clips, 0.5, seed=seed)
        assert not set(validation.groups) & set(test.groups)


def test_twins_are_of_one_class_and_near_enough_and_come_in_pairs() -> None:
    both = LabelledClips(of_class(2).paths + of_class(2, "wind").paths, ("rain", "rain", "wind", "wind"))
    assert group_near_twins(both, directions(0, 120, 1, 121)) == both, "those that are alike are of different classes"
    assert group_near_twins(of_class(4), directions(0, 60, 120, 180)) == of_class(4), "nearest, but not near"
    chain = group_near_twins(of_class(5), directions(0, 3, 7, 12, 18))
    assert len(set(chain.groups)) == 4, "what is like a twin's twin is not joined, or a class would be one group"


def test_a_class_stays_divisible_with_a_word_about_it() -> None:
    clips = group_near_twins(of_class(4), directions(0, 1, 90, 91), fewest_groups=3)
    assert clips.groups == of_class(4).groups
    assert clips.remarks == (
        "Some clips of rain sound nearly the same, so the score may be too high: add clips of other recordings.",
    )


def test_as_many_clips_as_there_may_be_are_paired_in_seconds() -> None:
    count = 50_000
    axes = np.repeat(np.eye(500, dtype=np.float32), 2, axis=0)  # two clips along each, of every class
    labels = tuple(f"class {row // len(axes)}" for row in range(count))
    clips = LabelledClips(tuple(Path(f"{row}.wav") for row in range(count)), labels)
    began = time.monotonic()
    paired = group_near_twins(clips, np.tile(axes, (count // len(axes), 1)))
    assert time.monotonic() - began < 30, "it took minutes"
    assert paired.groups[:4] == ("0.wav", "0.wav", "2.wav", "2.wav") and len(set(paired.groups)) == count // 2


def test_groups_that_are_known_stay() -> None:
    clips = replace(of_class(3), groups=("night", "day", "day"))
    assert group_near_twins(clips, directions(0, 1, 2)) is clips
