"""Divided clips: nothing heard in one part is heard in the other."""

from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioprompt.data import DataError, LabelledClips, demonstration, split

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


@given(clips=collections(), share=st.floats(0.05, 0.95), seed=SEEDS)
def test_a_random_division(clips: LabelledClips, share: float, seed: int) -> None:
    groups_of = defaultdict(set)
    for label, group in zip(clips.labels, clips.groups, strict=True):
        groups_of[label].add(group)
    if max(map(len, groups_of.values())) < 2:
        return  # whether there are two parts is then chance
    parts = split(clips, share, seed=seed)
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
    assert split(clips, share, seed=seed) == parts


@given(clips=collections(mixed=True), share=st.floats(0.05, 0.95), seed=SEEDS)
def test_recordings_of_several_classes_stay_whole_too(clips: LabelledClips, share: float, seed: int) -> None:
    try:
        validation, test = split(clips, share, seed=seed)
    except DataError:
        return
    assert sorted(validation.paths + test.paths) == sorted(clips.paths)
    assert not set(validation.groups) & set(test.groups)


@given(share=st.floats(0.05, 0.95), seed=SEEDS)
def test_every_class_is_divided_in_the_ratio_asked_for(share: float, seed: int) -> None:
    labels = ("a",) * 40 + ("b",) * 20
    clips = LabelledClips(tuple(Path(str(row)) for row in range(60)), labels)
    validation, _ = split(clips, share, seed=seed)
    counts = Counter(validation.labels)
    assert abs(counts["a"] - 40 * share) <= 1 and abs(counts["b"] - 20 * share) <= 1


def test_the_seed_matters() -> None:
    clips = demonstration()
    assert len({split(clips, 0.5, seed=seed)[0].groups for seed in range(10)}) == 10


def test_folds() -> None:
    validation, test = split(demonstration(), folds=[1, 3])
    assert set(validation.folds or ()) == {1, 3} and set(test.folds or ()) == {2, 4}
    assert len(validation) == len(test) == 96


@pytest.mark.parametrize(
    ("share", "folds", "message"),
    [
        (0.0, None, "0 is no share of the clips: give a number between 0 and 1"),
        (1.0, None, "1 is no share"),
        (float("nan"), None, "nan is no share"),
        (0.5, [3], "clips has no fold 3; its folds are 1, 2"),
        (0.5, [1, 2], "clips cannot be divided"),
        (0.5, [], "clips cannot be divided"),
        (0.5, [1], "clips of one recording, g, in several folds: correct the folds, or divide the clips by share"),
    ],
)  # fmt: skip
def test_divisions_that_cannot_be(share: float, folds: list[int] | None, message: str) -> None:
    paths = tuple(Path(str(row)) for row in range(3))
    clips = LabelledClips(paths, ("a", "b", "a"), (1, 1, 2), groups=("g", "h", "g"))
    with pytest.raises(DataError) as caught:
        split(clips, share, folds)
    assert message in str(caught.value)


def test_one_recording_cannot_be_divided() -> None:
    clips = LabelledClips((Path("a"), Path("b")), ("a", "b"), groups=("g", "g"))
    with pytest.raises(DataError, match="that takes two source recordings or more"):
        split(clips)
    with pytest.raises(DataError, match="has no folds"):
        split(clips, folds=[1])
