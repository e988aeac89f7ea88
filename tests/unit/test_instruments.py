"""The demonstration set: sound, balanced, and divided so that nothing learned in one fold is heard in another."""

import csv
from collections import Counter, defaultdict
from fractions import Fraction
from pathlib import Path
from random import Random

import numpy as np
import pytest

from audioprompt import settings
from audioprompt.audio.decode import load
from audioprompt.data import LabelledClips, demonstration
from audioprompt.data.duplicates import first_alike
from tools.examples import variable_length
from tools.instruments import DRUMS, FAMILIES, Note, Preset, midi_file, notes, repertoire, semitones, within

ASSETS = Path(__file__).parents[2] / "assets"
CLIPS = demonstration()
RATE = 48_000


@pytest.mark.parametrize("path", CLIPS.paths, ids=lambda path: path.stem)
@pytest.mark.slow
def test_a_clip_is_well_recorded(path: Path) -> None:
    sound = load(path, RATE)
    assert 3 <= len(sound) / RATE <= 4
    assert np.abs(sound).max() < 1, "it is clipped"
    loudest = np.sqrt((sound[: len(sound) // RATE * RATE].reshape(-1, RATE // 5) ** 2).mean(axis=1).max())
    assert -25 < 20 * np.log10(loudest) < -8
    assert np.abs(sound[-RATE // 500 :]).max() < 0.02, "it ends with a click"


def test_the_classes_are_balanced_over_presets_and_folds() -> None:
    assert CLIPS.name == "instruments" and CLIPS.folds
    assert Counter(CLIPS.labels) == {family.name: 16 for family in FAMILIES}
    assert set(Counter(zip(CLIPS.labels, CLIPS.folds, strict=True)).values()) == {4}
    assert set(Counter(CLIPS.groups).values()) == {4}


def test_no_preset_spans_two_folds_and_no_clip_is_there_twice() -> None:
    folds = defaultdict(set)
    for group, fold in zip(CLIPS.groups, CLIPS.folds or (), strict=True):
        folds[group].add(fold)
    assert len(folds) == 48 and {len(some) for some in folds.values()} == {1}
    assert len(set(first_alike(CLIPS.paths).values())) == len(CLIPS)


def test_it_is_what_the_recipe_says_and_at_most_5_mb() -> None:
    folder = ASSETS / "instruments"
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["classname"], int(row["fold"]), row["group"]) for row in csv.DictReader(file)]
    assert rows == [
        (family.name, fold, preset.name)
        for family in FAMILIES
        for fold, preset in enumerate(family.presets, 1)
        for _ in range(4)
    ]
    assert sorted(folder.iterdir()) == sorted([folder / "manifest.csv", *CLIPS.paths])
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 5_000_000


def test_its_licence_is_recorded() -> None:
    assert "`instruments/`" in (ASSETS / "LICENSES.md").read_text("utf-8")


def test_an_installed_package_has_it_in_another_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "site-packages" / "audioprompt"
    (inside / "_assets").mkdir(parents=True)
    (inside / "_assets" / "instruments").symlink_to(ASSETS / "instruments")
    monkeypatch.setattr(settings, "CHECKOUT", inside.parent)
    monkeypatch.setattr(settings, "PACKAGE", inside)
    installed = demonstration()
    assert installed.paths[0] == inside / "_assets" / "instruments" / CLIPS.paths[0].name
    assert isinstance(installed, LabelledClips) and installed.labels == CLIPS.labels


# --- the recipe -------------------------------------------------------------------------------------------------------

FLUTE = Preset("flute", 73, 60, 93)
KIT = Preset("kit", 16, drums=("kick", "snare"))


@pytest.mark.parametrize(("step", "above"), [(0, 0), (2, 4), (6, 11), (7, 12), (9, 16), (-1, -1), (-7, -12), (-3, -5)])
def test_steps_of_a_major_scale(step: int, above: int) -> None:
    assert semitones(step, (0, 2, 4, 5, 7, 9, 11)) == above


@pytest.mark.parametrize(("key", "played"), [(60, 60), (93, 93), (94, 82), (59, 71), (30, 66), (120, 84)])
def test_notes_out_of_range_move_by_octaves(key: int, played: int) -> None:
    assert within(FLUTE, key) == played


def test_every_phrase_can_be_played_and_fills_the_time() -> None:
    for family in FAMILIES:
        for preset in family.presets:
            for phrases in repertoire(family, preset):
                for phrase in phrases:
                    played = notes(preset, phrase, 9.5, Random(phrase))
                    assert played and max(note.start + note.length for note in played) > 6
                    assert all(1 <= note.velocity <= 127 for note in played)
                    keys = {note.key for note in played}
                    if preset.drums:
                        assert keys <= {DRUMS[name] for name in preset.drums}
                    else:
                        assert min(keys) >= preset.low and max(keys) <= preset.high


def test_a_drum_that_a_kit_lacks_is_left_out() -> None:
    played = notes(KIT, "kick+hat:1 hat snare+crash", 3, Random(0))
    assert [(note.key, note.start) for note in played] == [(36, 0), (38, 2)]


def test_every_key_is_let_go_before_the_end() -> None:
    held = Note(Fraction(1), Fraction(8), 60, 100)
    late = Note(Fraction(5), Fraction(1), 72, 100)
    data = midi_file(FLUTE, [held, late], 120, 4)
    assert (500_000).to_bytes(3, "big") in data
    assert data.endswith(variable_length(3 * 480) + bytes([0x80, 60, 0]) + b"\x00\xff\x2f\x00")
    assert bytes([0xC0, 73]) in data and bytes([0x90, 72]) not in data
    assert bytes([0xC9, 16]) in midi_file(KIT, [], 120, 4)
