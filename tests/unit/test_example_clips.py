import json
import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from audioprompt.core.metrics import winners
from audioprompt.core.zero_shot import ensemble_weights
from audioprompt.data.examples import examples
from audioprompt.encoding.encoder import embed_clip, embed_prompts
from audioprompt.models.embedded import EmbeddedModel
from audioprompt.prompts.pack import CATEGORIES
from audioprompt.prompts.store import BUNDLED, PromptStore
from audioprompt.prompts.template import VANILLA, Template
from tools.examples import (
    CLIPS,
    RATE,
    Clip,
    Part,
    Source,
    at,
    fade,
    lasting,
    loudness,
    master,
    midi_file,
    midi_key,
    mix,
    openttd_sample,
    passing,
    variable_length,
    write_opus,
)

ASSETS = Path(__file__).parents[2] / "assets"
INDEX = json.loads((ASSETS / "examples" / "examples.json").read_text("utf-8"))


# --- the bundled clips ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", INDEX, ids=lambda entry: entry["file"])
def test_a_clip_is_well_recorded(entry: dict):
    sound, rate = soundfile.read(ASSETS / "examples" / entry["file"], dtype="float32", always_2d=True)
    assert rate in (44_100, 48_000)
    assert sound.shape[1] == 1
    assert len(sound) / rate == pytest.approx(entry["seconds"], abs=0.03)
    assert 3 <= entry["seconds"] <= 20
    assert -30 < 20 * np.log10(np.sqrt((sound**2).mean())) < -12
    assert 0.2 < np.abs(sound).max() < 1
    assert np.abs(sound[: rate // 500]).max() < 0.02, "it starts with a click"
    assert np.abs(sound[-rate // 500 :]).max() < 0.02, "it ends with a click"


@pytest.mark.parametrize("entry", INDEX, ids=lambda entry: entry["file"])
def test_a_clip_comes_with_sensible_labels(entry: dict):
    assert entry["truth"] in entry["labels"]
    assert 6 <= len(entry["labels"]) <= 10
    assert len(set(entry["labels"])) == len(entry["labels"])
    assert entry["title"] == entry["title"].strip() != ""


def test_every_category_has_two_examples_and_the_general_pack_too():
    count = Counter(entry["category"] for entry in INDEX)
    assert set(count) == {*CATEGORIES, None}
    assert min(count.values()) >= 2


@pytest.mark.slow
def test_the_bundled_model_answers_every_clip_rightly() -> None:
    """What a newcomer tries first: with vanilla prompting as with the prompts of the clip's pack."""
    model, packs = EmbeddedModel(), [PromptStore().get(pack_id) for pack_id in sorted(BUNDLED)]
    suited: dict[str | None, tuple[Template, ...]] = {pack.category: pack.approved for pack in packs if pack.category}
    general = next(pack.approved for pack in packs if pack.id == "eight-templates")
    for clip in examples():
        audio = embed_clip(model, clip.path).pooled[None]
        prompts = embed_prompts(model, [VANILLA, *suited.get(clip.category, general)], clip.labels)
        for weights in (prompts[0], ensemble_weights(prompts[1:])):
            assert clip.labels[int(winners(audio, weights)[0])] == clip.truth, clip.path.name


def test_every_clip_is_in_the_licence_record():
    part = (ASSETS / "LICENSES.md").read_text("utf-8").partition("## Example clips")[2]
    rows = {line.split("|")[1].strip(): line for line in part.splitlines() if line.startswith("| `")}
    assert set(rows) == {f"`{entry['file']}`" for entry in INDEX}
    for entry in INDEX:
        assert f"| {entry['licence']} |" in rows[f"`{entry['file']}`"]


def test_the_index_says_what_the_recipe_says():
    keys = ("file", "title", "category", "labels", "truth", "licence")
    listed = [tuple(entry[key] for key in keys) for entry in INDEX]
    assert listed == [(f"{c.name}.ogg", c.title, c.category, c.labels, c.truth, c.licence) for c in CLIPS]


# --- the recipe -------------------------------------------------------------------------------------------------------


def tone(duration: float, frequency: float = 440.0) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(round(duration * RATE)) / RATE).astype(np.float32)


@pytest.mark.parametrize(
    ("licences", "expected"),
    [
        (["MIT"], "MIT"),
        (["CC0-1.0", "CC0-1.0"], "CC0-1.0"),
        (["CC0-1.0", "CC-BY-3.0"], "CC-BY-3.0"),
        (["CC-BY-3.0", "CC-BY-SA-3.0"], "CC-BY-SA-3.0"),
        (["CC-BY-SA-2.0 OR GPL-2.0-or-later"], "CC-BY-SA-2.0 OR GPL-2.0-or-later"),
        (["CC-BY-SA-2.0 OR GPL-2.0-or-later", "CC-BY-SA-3.0"], "CC-BY-SA-3.0"),
    ],
)
def test_the_strictest_licence_rules(licences: list[str], expected: str):
    sources = tuple(Source("package", "path", "author", licence) for licence in licences)
    assert Clip("name", "Title", None, "dog", ("cat",), "", sources, mix).licence == expected


@pytest.mark.parametrize(
    ("name", "key"), [("C4", 60), ("A4", 69), ("F#4", 66), ("Bb3", 58), ("B3", 59), ("C0", 12), ("kick", 36)]
)
def test_midi_key(name: str, key: int):
    assert midi_key(name) == key


@given(st.integers(0, 2**28 - 1))
def test_variable_length_numbers_can_be_read_back(number: int):
    digits = variable_length(number)
    assert [digit >> 7 for digit in digits] == [1] * (len(digits) - 1) + [0]
    value = 0
    for digit in digits:
        value = value << 7 | digit & 0x7F
    assert value == number


def test_a_midi_file_holds_one_track_for_the_tempo_and_one_for_each_part():
    data = midi_file([Part(40, "C4:1 E4+G4:.5 -:1", 90), Part(-1, "kick:1", 90)], 120)
    assert struct.unpack_from(">4sIHHH", data) == (b"MThd", 6, 1, 3, 480)
    assert data.count(b"MTrk") == 3
    assert (500_000).to_bytes(3, "big") in data
    assert bytes([0xC0, 40]) in data  # the program of the violin
    assert bytes([0x90, 60, 96]) in data  # C4 on the beat is accented
    assert bytes([0x99, 36, 96]) in data  # drums play on channel 10


def test_an_openttd_sound_set_gives_each_sample_its_wav_file():
    sounds = [b"RIFF-one", b"RIFF-number-two"]
    samples = [bytes([5]) + b"name\0" + sound for sound in sounds]
    table = struct.pack("<4I", 16 | 0x80000000, len(sounds[0]), 16 + len(samples[0]), len(sounds[1]))
    assert [openttd_sample(table + b"".join(samples), number) for number in (0, 1)] == sounds


# Loudness is a logarithm, and so goes with that of the amplitude all the way if it does at a few places.
@pytest.mark.parametrize("decibels", [-60, -59.9, -33.3, -20, -6, -0.1, 0])
def test_a_sine_has_the_loudness_of_its_amplitude(decibels: float):
    sine = tone(1) * 10 ** (decibels / 20)
    assert loudness(sine) == pytest.approx(decibels - 10 * np.log10(2), abs=0.01)
    assert loudness(at(-20, sine)) == pytest.approx(-20, abs=0.01)


def test_fades_reach_silence_at_both_ends_and_leave_the_middle_alone():
    faded = fade(np.ones(RATE, dtype=np.float32), attack=0.1, release=0.2)
    assert faded[0] == faded[-1] == 0
    assert np.all(faded[RATE // 2 : int(0.79 * RATE)] == 1)
    assert np.all(np.diff(faded[: RATE // 10]) > 0)


@given(st.floats(0.5, 6))
def test_a_steady_sound_lasts_as_long_as_asked_without_a_gap(duration: float):
    steady = lasting(duration, np.ones(RATE, dtype=np.float32), overlap=0.25)
    assert len(steady) == round(duration * RATE)
    assert steady[RATE // 3 : -RATE // 3].min(initial=1) > 0.9


def test_a_passing_sound_is_loudest_where_it_is_nearest():
    passed = np.abs(passing(tone(6, 200), nearest=2.0))
    assert np.argmax(passed) / RATE == pytest.approx(2.0, abs=0.05)
    assert passed[-RATE:].max() < 0.5 * passed.max()


def test_events_start_when_they_should():
    mixed = mix((0.5, tone(0.2)), (1.0, tone(0.3)))
    assert len(mixed) == round(1.3 * RATE)
    assert np.abs(mixed[: RATE // 2]).max() == 0
    assert np.abs(mixed[int(0.7 * RATE) : RATE]).max() == 0
    assert np.abs(mixed[RATE:]).max() > 0.9


@pytest.mark.parametrize("gain", [0.001, 1.0, 30.0])
@pytest.mark.slow
def test_mastering_brings_every_sound_to_one_loudness(gain: float):
    mastered = master(gain * tone(2) + gain)
    assert loudness(mastered) == pytest.approx(-17, abs=0.1)
    assert np.abs(mastered[[0, -1]]).max() < 1e-3


def test_mastering_does_not_overload_a_crack():
    crack = 0.001 * tone(2)
    crack[RATE] = 1
    assert 20 * np.log10(np.abs(master(crack)).max()) == pytest.approx(-1.5, abs=0.01)


def test_opus_keeps_the_length_and_the_same_sound_gives_the_same_bytes(tmp_path: Path):
    first, second = tmp_path / "first.ogg", tmp_path / "second.ogg"
    for path in (first, second):
        write_opus(path, 0.3 * tone(1.5))
    assert first.read_bytes() == second.read_bytes()
    sound, rate = soundfile.read(first)
    assert rate == RATE
    assert len(sound) / RATE == pytest.approx(1.5, abs=0.03)
    spectrum = np.abs(np.fft.rfft(sound[:RATE]))
    assert spectrum.argmax() == pytest.approx(440, abs=1)
