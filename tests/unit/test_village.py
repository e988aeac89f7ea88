"""The second demonstration set: real recordings, divided so that none is heard in two folds."""

import csv
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from audioprompt.audio.decode import load
from audioprompt.data import VILLAGE, demonstration, open_clips
from audioprompt.data.duplicates import first_alike
from tools import village

ASSETS = Path(__file__).parents[2] / "assets"
CLIPS = demonstration(VILLAGE)
RATE = 48_000


@pytest.mark.parametrize("path", CLIPS.paths[::8], ids=lambda path: path.stem)
@pytest.mark.slow
def test_a_clip_is_well_recorded(path: Path) -> None:
    sound = load(path, RATE)
    assert 0.3 <= len(sound) / RATE <= 4.1
    assert np.abs(sound).max() < 1, "it is clipped"
    assert np.abs(sound[-RATE // 500 :]).max() < 0.02, "it ends with a click"


def test_it_is_what_the_recipe_says_and_at_most_4_mb() -> None:
    folder = ASSETS / VILLAGE
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["classname"], int(row["fold"]), row["group"]) for row in csv.DictReader(file)]
    assert rows == [(clip.label, clip.fold, clip.group) for clip in village.CLIPS]
    assert sorted(folder.iterdir()) == sorted([folder / "manifest.csv", *CLIPS.paths])
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 4_000_000


def test_the_classes_are_balanced_over_the_folds() -> None:
    assert open_clips(VILLAGE).name == VILLAGE
    assert len(CLIPS.classes) == 14
    assert set(Counter(zip(CLIPS.labels, CLIPS.folds or (), strict=True)).values()) == {2}


def test_no_recording_spans_two_folds_and_no_clip_is_there_twice() -> None:
    folds = defaultdict(set)
    for clip in village.CLIPS:
        for part in clip.pieces:
            folds[part.path].add(clip.fold)
    assert {len(some) for some in folds.values()} == {1}
    assert len(set(first_alike(CLIPS.paths).values())) == len(CLIPS)


def test_its_licences_are_recorded() -> None:
    licences = (ASSETS / "LICENSES.md").read_text("utf-8")
    assert "`village/`" in licences and "Wildfire Games" in licences
    other = [clip for clip in village.CLIPS if clip.pieces[0].path.startswith("skill:")]
    assert all(f"animals/{clip.pieces[0].path.removeprefix('skill:')}.mp3" in licences for clip in other)


def test_a_line_of_the_recipe_is_a_clip_and_two_lines_are_a_fold() -> None:
    clips = village.of("dog", "near@1.5", "far", "a+b", "c", "d", "e", "f", "g")
    assert clips[0].pieces == (village.Piece("near", 1.5),)
    assert clips[2].pieces == (village.Piece("a"), village.Piece("b")) and clips[2].group == "a"
    assert [clip.fold for clip in clips] == [1, 1, 2, 2, 3, 3, 4, 4]


def test_takes_are_dealt_to_eight_clips() -> None:
    first, *_, last = village.takes("saw", "saw_{:02}", 2)
    assert [part.path for part in first.pieces] == ["saw_01", "saw_09"]
    assert [part.path for part in last.pieces] == ["saw_08", "saw_16"]
