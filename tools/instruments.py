"""Make the demonstration set again: ``assets/instruments``, twelve families of instruments to curate and learn on.

    python -m tools.instruments

Every family has four presets of the FluidR3 General MIDI sound font, no two of them made of the same samples. Every
preset plays four short clips: held notes, a melody, a run, and chords or leaps, each in a key, tempo and loudness of
its own. A preset's clips are one group and lie in one fold, so that a sound heard in one fold is heard in no other.

Wants ``fluidsynth`` and Debian's ``fluid-soundfont-gm``; the same versions of those and of the libraries give the same
bytes. None of these clips was used to train the bundled model.
"""

import argparse
import csv
import os
import struct
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from random import Random

import numpy as np
import soundfile

from tools.examples import ASSETS, RATE, Sound, fade, master, seconds, variable_length, write_opus

FONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
BITS_PER_SECOND = 44_000
SHORTEST, LONGEST = 3.2, 3.9  # seconds of a clip
TICKS = 480  # per beat
DRUM_CHANNEL = 9
DRUMS = {"kick": 36, "snare": 38, "low": 41, "hat": 42, "mid": 45, "open": 46, "high": 48, "crash": 49}
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 9, 10))  # semitones above the tonic


@dataclass(frozen=True)
class Preset:
    """One sound of the sound font.

    Attributes:
        name: what the sound font calls it, in lower case.
        program: General MIDI program, counted from 0; of a drum kit, the kit's.
        low, high: the keys between which it plays, 60 being middle C.
        drums: for a drum kit, the drums that no other kit of the set has in common with it.
    """

    name: str
    program: int
    low: int = 0
    high: int = 127
    drums: tuple[str, ...] = ()


@dataclass(frozen=True)
class Family:
    """A class of the set: its name, the four presets, in the order of their folds, and whether they play chords."""

    name: str
    presets: tuple[Preset, Preset, Preset, Preset]
    chords: bool = False


FAMILIES = (
    Family(
        "piano",
        (
            Preset("yamaha grand piano", 0, 36, 88),
            Preset("electric piano", 2, 36, 84),
            Preset("rhodes ep", 4, 40, 84),
            Preset("legend ep 2", 5, 40, 84),
        ),
        chords=True,
    ),
    Family(
        "organ",
        (
            Preset("drawbar organ", 16, 41, 84),
            Preset("rock organ", 18, 41, 84),
            Preset("church organ", 19, 36, 84),
            Preset("reed organ", 20, 41, 84),
        ),
        chords=True,
    ),
    Family(
        "guitar",
        (
            Preset("steel string guitar", 25, 40, 76),
            Preset("jazz guitar", 26, 40, 76),
            Preset("clean guitar", 27, 40, 76),
            Preset("distortion guitar", 30, 40, 76),
        ),
        chords=True,
    ),
    Family(
        "bass guitar",
        (
            Preset("fingered bass", 33, 28, 52),
            Preset("picked bass", 34, 28, 52),
            Preset("fretless bass", 35, 28, 52),
            Preset("slap bass", 36, 28, 52),
        ),
    ),
    Family(
        "bowed strings",
        (
            Preset("violin", 40, 57, 93),
            Preset("viola", 41, 48, 81),
            Preset("cello", 42, 36, 69),
            Preset("strings", 48, 40, 88),
        ),
    ),
    Family(
        "choir",
        (
            Preset("ahh choir", 52, 48, 79),
            Preset("ohh voices", 53, 48, 77),
            Preset("synth voice", 54, 48, 79),
            Preset("space voice", 91, 48, 79),
        ),
        chords=True,
    ),
    Family(
        "brass",
        (
            Preset("trumpet", 56, 55, 82),
            Preset("trombone", 57, 41, 70),
            Preset("french horns", 60, 43, 74),
            Preset("tuba", 58, 31, 58),
        ),
    ),
    Family(
        "saxophone",
        (
            Preset("soprano sax", 64, 56, 84),
            Preset("alto sax", 65, 49, 79),
            Preset("tenor sax", 66, 44, 74),
            Preset("baritone sax", 67, 37, 67),
        ),
    ),
    Family(
        "flute",
        (
            Preset("flute", 73, 60, 93),
            Preset("piccolo", 72, 74, 100),
            Preset("recorder", 74, 65, 93),
            Preset("pan flute", 75, 60, 88),
        ),
    ),
    Family(
        "synthesizer",
        (
            Preset("square lead", 80, 48, 84),
            Preset("saw wave", 81, 48, 84),
            Preset("synth brass 1", 62, 43, 79),
            Preset("polysynth", 90, 43, 79),
        ),
        chords=True,
    ),
    Family(
        "mallet percussion",
        (
            Preset("marimba", 12, 45, 88),
            Preset("vibraphone", 11, 53, 89),
            Preset("xylophone", 13, 65, 100),
            Preset("glockenspiel", 9, 79, 103),
        ),
    ),
    Family(
        "drums",
        (
            Preset("standard kit", 0, drums=("kick", "snare", "low", "mid", "high", "hat", "open", "crash")),
            Preset("power kit", 16, drums=("kick", "snare", "low", "mid", "high")),
            Preset("tr-808 kit", 25, drums=("kick", "snare", "low", "mid", "high", "hat", "open")),
            Preset("orchestra kit", 48, drums=("kick", "snare", "low", "mid", "high")),
        ),
    ),
)

# What is played: steps of the scale (or drums), each with its length in beats after a colon; one without keeps the
# length before it. A phrase is repeated until the clip is full.
HELD = ("0:8", "0:4 4:4", "4:3 0:5", "0:2 2:2 -1:4", "0:1 4:7")
MELODIES = (
    "0:1 1:.5 2 4:1 2 1",
    "4:.5 5 4 2 0:2",
    "0:1.5 2:.5 1:1 -1 0:2",
    "7:.5 6 4:1 5:.5 4 2:1 0:2",
    "2:.5 2 3 4:1.5 3:.5 2 1 0:2",
    "0:.5 4 3 4:1.5 -:.5 2 1:1 0",
)
RUNS = (
    "0:.25 1 2 3 4 5 6 7 6 5 4 3 2 1",
    "0:.5 2 4 7 4 2",
    "7:.25 4 2 0 8 5 3 1",
    "0:.25 4 2 4",
    "7:.25 6 5 4 3 2 1 0 -:1",
    "0:.25 2 1 3 2 4 3 5 4 6 5 7",
)
LEAPS = ("0:.25 -:.75 4:.25 -:.75 7:.25 -:.75", "0:.5 7 0 7 -:1", "0:1 7:.5 4 9:1 5", "0:.5 0 0 4:1 -:.5", "-3:1 4 0 7")
CHORDS = (
    "0+2+4:2 3+5+7 4+6+8",
    "0+4+7:1 0+4+7:.5 -:.5 3+7+9:1",
    "0+2+4+6:4",
    "0+2+4:.5 - 0+2+4 - 5+7+9 - 4+6+8 -",
    "0+4:1 2+6 1+5 0+4:3",
)
BEATS = (
    "kick+hat:.5 hat snare+hat hat kick+hat kick+hat snare+hat open",
    "kick+crash:1 snare kick:.5 kick snare:1",
    "kick+hat:.5 open snare+hat kick+open",
)
FILLS = ("snare:.25 snare high high mid mid low low kick+crash:2", "high:.25 high high mid:.5 mid:.25 low:.5 kick:1")
ROLLS = ("snare:.125", "low:.25 low mid low", "snare:.125 snare snare snare snare:.5", "kick:.5 low:.25 low")
STROKES = ("kick:2 snare", "low:1.5 low:.5 mid:1 high", "snare:1 - kick snare:.5 snare", "kick:1 - high mid low:2")


# --- what a clip plays ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Note:
    """One key that is pressed: when and for how long, in beats, which, and how hard (1 to 127)."""

    start: Fraction
    length: Fraction
    key: int
    velocity: int


def repertoire(family: Family, preset: Preset) -> tuple[tuple[str, ...], ...]:
    """The phrases to choose from for each of a preset's clips."""
    if preset.drums:
        return BEATS, FILLS, ROLLS, STROKES
    return HELD, MELODIES, RUNS, CHORDS if family.chords else LEAPS


def notes(preset: Preset, phrase: str, beats: float, random: Random) -> list[Note]:
    """Play a phrase over and over for some beats, in a key within the preset's range; every note a little differently.

    A drum that the preset lacks is left out.
    """
    scale = random.choice(SCALES)
    tonic = random.randint(preset.low, max(preset.low, preset.high - 12))
    loudness = random.randint(64, 112)
    played: list[Note] = []
    start, length = Fraction(0), Fraction(1)
    while start < beats:
        for word in phrase.split():
            names, _, value = word.partition(":")
            length = Fraction(value) if value else length
            for name in [] if names == "-" else names.split("+"):
                velocity = loudness + random.randint(-10, 10)
                if not preset.drums:
                    played.append(Note(start, length, within(preset, tonic + semitones(int(name), scale)), velocity))
                elif name in preset.drums:
                    played.append(Note(start, length, DRUMS[name], velocity))
            start += length
    return played


def semitones(step: int, scale: tuple[int, ...]) -> int:
    """How far a step of a scale is above its tonic; steps below the tonic are negative."""
    octave, place = divmod(step, len(scale))
    return 12 * octave + scale[place]


def within(preset: Preset, key: int) -> int:
    """The same note of the scale, in an octave that the preset plays."""
    while key > preset.high:
        key -= 12
    while key < preset.low:
        key += 12
    return key


def midi_file(preset: Preset, played: list[Note], tempo: float, beats: float) -> bytes:
    """A Standard MIDI File that lasts as many beats, at ``tempo`` beats a minute."""
    channel = DRUM_CHANNEL if preset.drums else 0
    start = b"\xff\x51\x03" + round(60e6 / tempo).to_bytes(3, "big")
    events = [(0, 0, start), (0, 1, bytes([0xC0 | channel, preset.program]))]  # (tick, order within the tick, message)
    end = round(beats * TICKS)
    for note in played:
        press, release = round(note.start * TICKS), round((note.start + note.length) * TICKS) - 8
        if press < end:
            events.append((press, 3, bytes([0x90 | channel, note.key, note.velocity])))
            # fluidsynth plays on, for ever on an organ, until the last key is let go
            events.append((min(release, end), 2, bytes([0x80 | channel, note.key, 0])))
    track, now = b"", 0
    for tick, _, message in sorted(events):
        track, now = track + variable_length(tick - now) + message, tick
    track += variable_length(end - now) + b"\xff\x2f\x00"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, TICKS) + b"MTrk" + struct.pack(">I", len(track)) + track


# --- how it becomes a file --------------------------------------------------------------------------------------------


def rendered(score: bytes) -> Sound:
    """Have fluidsynth play a MIDI file: mono at ``RATE``, from the first sound on."""
    with tempfile.TemporaryDirectory() as folder:
        midi, wav = Path(folder, "score.mid"), Path(folder, "sound.wav")
        midi.write_bytes(score)
        output = ["-r", str(RATE), "-T", "wav", "-O", "float", "-F", str(wav)]
        settings = ["-g", "0.4", "-o", "synth.dynamic-sample-loading=1"]
        subprocess.run(["fluidsynth", "-ni", "-q", *settings, *output, FONT, midi], check=True)
        samples, _ = soundfile.read(wav, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    first = np.flatnonzero(np.abs(mono) > 10 ** (-50 / 20) * np.abs(mono).max())[0]
    return mono[first:].astype(np.float32)


def clip(family: Family, preset: Preset, number: int) -> Sound:
    """One clip of a preset; the same one every time."""
    random = Random(f"{family.name}, {preset.name}, {number}")
    duration, tempo = random.uniform(SHORTEST, LONGEST), random.uniform(76, 144)
    beats = (duration + 0.5) * tempo / 60  # some more than is kept: the first sound may come late
    phrase = random.choice(repertoire(family, preset)[number])
    sound = rendered(midi_file(preset, notes(preset, phrase, beats, random), tempo, beats))
    return master(fade(sound[: seconds(duration)], release=0.15))


def main() -> None:
    """Write ``manifest.csv`` and the clips it lists."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ASSETS / "instruments", help="where the clips go")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    rows, wanted = [], []
    for family in FAMILIES:
        for fold, preset in enumerate(family.presets, 1):
            for number in range(len(repertoire(family, preset))):
                name = f"{family.name}-{preset.name}-{number + 1}.ogg".replace(" ", "-")
                rows.append((name, family.name, fold, preset.name))
                wanted.append((folder / name, family, preset, number))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda job: write_opus(job[0], clip(*job[1:]), BITS_PER_SECOND), wanted))
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "classname", "fold", "group"))
        writer.writerows(rows)


if __name__ == "__main__":
    main()
