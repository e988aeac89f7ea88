"""Make the example clips of the app again, from recordings and a sound font in Debian packages.

    python tools/examples.py --work build/examples

fetches the packages that ``CLIPS`` names with ``apt-get download``, unpacks them without installing anything, and
writes ``assets/examples/*.ogg``, ``assets/examples/examples.json`` and their table in ``assets/LICENSES.md``. Packages
that are already in the work folder are not fetched again. Wants ``apt-get``, ``dpkg`` and ``fluidsynth``; the same
versions of those and of the libraries give the same bytes.

A clip is a few lines: which recordings, cut where, placed when. Music is written as notes and played by a General MIDI
sound font. Everything is mono float32 at 48 kHz until it becomes Opus.
"""

import argparse
import io
import json
import re
import struct
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

Sound = NDArray[np.float32]  # mono, [samples]

RATE = 48_000  # Hz
BITS_PER_SECOND = 72_000
LOUDNESS = -17.0  # dBFS, root mean square of a clip's loudest 400 ms
PEAK = -1.5  # dBFS, not exceeded before encoding
ASSETS = Path(__file__).resolve().parents[1] / "assets"


# --- where recordings come from ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """One recording, or one sound font, inside a Debian package.

    Attributes:
        package: the Debian package.
        path: below ``/usr/share``; what follows ``!`` is a member of a zip archive, or the number of a sample in an
            OpenTTD sound set.
        author: as the package names it.
        licence: SPDX expression.
    """

    package: str
    path: str
    author: str
    licence: str


def sound_font() -> Source:
    """FluidR3, the General MIDI sound font that plays the written music."""
    return Source("fluid-soundfont-gm", "sounds/sf2/FluidR3_GM.sf2", "Frank Wen and contributors", "MIT")


def scratch(path: str) -> Source:
    """A sound from the library of the programming language Scratch."""
    author = "Massachusetts Institute of Technology"
    return Source("scratch", f"scratch/Media/Sounds/{path}", author, "CC-BY-SA-3.0")


def sonic_pi(name: str, author: str) -> Source:
    """A sample of the live-coding instrument Sonic Pi."""
    return Source("sonic-pi-samples", f"sonic-pi/samples/{name}.flac", author, "CC0-1.0")


def megaglest(path: str) -> Source:
    """Weather and wildlife of the game MegaGlest."""
    path = f"games/megaglest/tilesets/{path}"
    return Source("megaglest-data", path, "The MegaGlest Team", "CC-BY-SA-3.0")


def ufo(path: str) -> Source:
    """Weapons and breakage of the game UFO: Alien Invasion."""
    author = '"Marine" Baklund, Gren, Christian Hoffmann, Slippycurb'
    return Source("ufoai-sound", f"games/ufoai/base/0snd.pk3!sound/{path}", author, "CC-BY-SA-3.0")


def opensfx(number: int, author: str, licence: str = "CC-BY-3.0") -> Source:
    """A sample of OpenSFX, the sound set of OpenTTD, which credits every one of its samples by itself."""
    return Source("openttd-opensfx", f"games/openttd/baseset/opensfx/opensfx.cat!{number}", author, licence)


def lincity(name: str) -> Source:
    """A sound of the city simulation LinCity-NG."""
    licence = "CC-BY-SA-2.0 OR GPL-2.0-or-later"
    return Source("lincity-ng-data", f"games/lincity-ng/sounds/{name}.wav", "LinCity-NG contributors", licence)


def lugaru(name: str) -> Source:
    """A sound of the game Lugaru."""
    return Source("lugaru-data", f"games/lugaru/Sounds/{name}.ogg", "Wolfire Games", "CC-BY-SA-3.0")


SNORE = Source(
    "plee-the-bear-data",
    "games/plee-the-bear/sound/plee/snore.ogg",
    "Julien Jorge, Sébastien Angibaud and the Plee the Bear team",
    "CC-BY-SA-3.0",
)
TOILET = Source(
    "minetest-mod-homedecor",
    "games/minetest/mods/homedecor/homedecor_bathroom/sounds/homedecor_toilet_flush.ogg",
    "Vanessa Ezekowitz",
    "CC-BY-SA-4.0",
)
LEVEL_CROSSING = opensfx(14, "Mark_Ian, Wuzzy", "CC0-1.0")
LOCOMOTIVE = opensfx(10, "patchen, Janis Lukss")
LORRY = opensfx(25, "saphix, Wuzzy", "CC0-1.0")
BUS = opensfx(28, "roscoetoon, Janis Lukss")
ROOSTER = scratch("Animal/Rooster.wav")
SHEEP = opensfx(36, "David R Barnes, Wuzzy", "CC0-1.0")
COW = opensfx(37, "Jarred Gib, Wuzzy", "CC0-1.0")
HORSE = opensfx(38, "dobroide, Wuzzy")


@dataclass(frozen=True)
class Shelf:
    """The folder that holds the packages, fetched and unpacked when something is first read from them."""

    folder: Path

    def locate(self, source: Source) -> Path:
        """The unpacked file that holds a source.

        Raises:
            subprocess.CalledProcessError: the package cannot be fetched or unpacked.
        """
        tree = self.folder / source.package
        if not tree.is_dir():
            if not any(self.folder.glob(f"{source.package}_*.deb")):
                subprocess.run(["apt-get", "download", "-qq", source.package], cwd=self.folder, check=True)
            (package,) = self.folder.glob(f"{source.package}_*.deb")
            partial = tree.with_suffix(".partial")
            subprocess.run(["dpkg", "-x", package, partial], check=True)
            partial.rename(tree)
        return tree / "usr/share" / source.path.partition("!")[0]

    def version(self, package: str) -> str:
        """The version of a fetched package."""
        (file,) = self.folder.glob(f"{package}_*.deb")
        return file.stem.split("_")[1].replace("%3a", ":")

    def read(self, source: Source, start: float = 0.0, end: float | None = None) -> Sound:
        """A recording as mono at ``RATE``, cut to ``start``..``end`` seconds."""
        file, member = self.locate(source), source.path.partition("!")[2]
        data = file.read_bytes()
        if file.suffix == ".cat":
            data = openttd_sample(data, int(member))
        elif member:
            data = zipfile.ZipFile(file).read(member)
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
        sound = soxr.resample(samples.mean(axis=1), rate, RATE, quality="VHQ")
        return sound[seconds(start) : None if end is None else seconds(end)].astype(np.float32)


def openttd_sample(data: bytes, number: int) -> bytes:
    """The WAV file of one sample of an OpenTTD sound set: a table of (offset, size), then name and sound of each."""
    offset, size = struct.unpack_from("<II", data, 8 * number)
    start = (offset & 0x7FFFFFFF) + 1 + data[offset & 0x7FFFFFFF]
    return data[start : start + size]


# --- what is done to sounds -------------------------------------------------------------------------------------------


def seconds(time: float) -> int:
    """A time in samples."""
    return round(time * RATE)


def loudness(sound: Sound) -> float:
    """Root mean square of the loudest 400 ms, dBFS."""
    window = min(seconds(0.4), len(sound))
    energy = np.convolve(sound.astype(np.float64) ** 2, np.ones(window) / window, mode="valid")
    return 10 * float(np.log10(energy.max() + 1e-12))


def louder(sound: Sound, decibels: float) -> Sound:
    """Scale a sound."""
    return (sound * 10 ** (decibels / 20)).astype(np.float32)


def at(decibels: float, sound: Sound) -> Sound:
    """Scale a sound to a loudness in dBFS, so that recordings from different places can be mixed."""
    return louder(sound, decibels - loudness(sound))


def fade(sound: Sound, attack: float = 0.01, release: float = 0.06) -> Sound:
    """Raised-cosine fades, in seconds, at both ends: no clicks."""
    gain = np.ones(len(sound))
    for length, part in ((seconds(attack), slice(None)), (seconds(release), slice(None, None, -1))):
        length = min(length, len(sound))
        gain[part][:length] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(length) / max(length, 1))
    return (sound * gain).astype(np.float32)


def mix(*events: tuple[float, Sound]) -> Sound:
    """Put sounds on one time line: ``(start in seconds, sound)``, each with short fades of its own."""
    length = max(seconds(start) + len(sound) for start, sound in events)
    together = np.zeros(length, dtype=np.float32)
    for start, sound in events:
        together[seconds(start) : seconds(start) + len(sound)] += fade(sound)
    return together


def lasting(duration: float, sound: Sound, overlap: float = 0.5) -> Sound:
    """Repeat a steady sound with cross-fades until it lasts ``duration`` seconds."""
    step = len(sound) / RATE - overlap
    piece = fade(sound, overlap, overlap)
    return mix(*((step * turn, piece) for turn in range(1 + int(duration / step))))[: seconds(duration)]


def passing(sound: Sound, nearest: float, spread: float = 3.0) -> Sound:
    """Let a sound come and go: loudest at ``nearest`` seconds, falling off with distance, duller when far away."""
    distance = np.hypot(1.0, (np.arange(len(sound)) / RATE - nearest) / spread * 2.5)
    far = np.convolve(sound, np.hanning(25) / np.hanning(25).sum(), mode="same")
    return (sound / distance**2 + far * (1 / distance - 1 / distance**2)).astype(np.float32)


def master(sound: Sound) -> Sound:
    """What every clip gets last: no offset, one loudness, no overload, faded ends."""
    sound = at(LOUDNESS, fade(sound - sound.mean(), 0.02, 0.25))
    excess = 20 * float(np.log10(np.abs(sound).max())) - PEAK
    return louder(sound, -max(excess, 0.0))


# --- music, written as notes ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """What one player plays.

    Attributes:
        program: General MIDI program, counted from 0; -1 for the drum kit.
        notes: ``"E5:1.5 G#4+B4 -:.5 kick+hat"``: pitches, chords, rests and drums, each with its length in beats after
            a colon; one without keeps the length before it.
        velocity: how hard it is played, 1 to 127.
    """

    program: int
    notes: str
    velocity: int


DRUM_KIT = -1
DRUMS = {"kick": 36, "rim": 37, "snare": 38, "clap": 39, "foot": 44, "hat": 42, "open": 46, "crash": 49, "ride": 51}
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
TICKS = 480  # per beat


def midi_key(name: str) -> int:
    """``"C4"`` is 60, ``"F#4"`` 66, ``"Bb3"`` 58; drums have names."""
    if name in DRUMS:
        return DRUMS[name]
    return STEPS[name[0]] + name.count("#") - name[1:].count("b") + 12 * (int(name[-1]) + 1)


def midi_track(part: Part, channel: int) -> bytes:
    """One part as a track of a Standard MIDI File; what falls on a beat is played a little harder."""
    events: list[tuple[int, int, bytes]] = []  # (tick, order within the tick, message)
    if part.program != DRUM_KIT:
        events.append((0, 0, bytes([0xC0 | channel, part.program])))
    beat, length = Fraction(0), Fraction(1)
    for word in part.notes.replace("|", " ").split():
        names, _, value = word.partition(":")
        length = Fraction(value) if value else length
        for name in [] if names == "-" else names.split("+"):
            key, velocity = midi_key(name), part.velocity + (6 if beat.denominator == 1 else -4)
            events.append((round(beat * TICKS), 2, bytes([0x90 | channel, key, velocity])))
            events.append((round((beat + length) * TICKS) - 8, 1, bytes([0x80 | channel, key, 0])))
        beat += length
    track, now = b"", 0
    for tick, _, message in sorted(events):
        track, now = track + variable_length(tick - now) + message, tick
    return track + b"\x00\xff\x2f\x00"


def variable_length(number: int) -> bytes:
    """A number the way MIDI files write time: seven bits a byte, all but the last marked."""
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(0x80 | number & 0x7F)
    return bytes(reversed(digits))


def midi_file(parts: Sequence[Part], tempo: float) -> bytes:
    """A Standard MIDI File at ``tempo`` beats a minute."""
    tracks = [b"\x00\xff\x51\x03" + round(60e6 / tempo).to_bytes(3, "big") + b"\x00\xff\x2f\x00"]
    melodic = iter([channel for channel in range(16) if channel != 9])
    tracks += [midi_track(part, 9 if part.program == DRUM_KIT else next(melodic)) for part in parts]
    header = b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), TICKS)
    return header + b"".join(b"MTrk" + struct.pack(">I", len(track)) + track for track in tracks)


def play(shelf: Shelf, tempo: float, *parts: Part) -> Sound:
    """Have fluidsynth play the parts together."""
    with tempfile.TemporaryDirectory() as folder:
        score, sound = Path(folder, "score.mid"), Path(folder, "sound.wav")
        score.write_bytes(midi_file(parts, tempo))
        settings = ["-ni", "-q", "-r", str(RATE), "-g", "0.4", "-T", "wav", "-O", "float", "-F", str(sound)]
        subprocess.run(["fluidsynth", *settings, shelf.locate(sound_font()), score], check=True)
        samples, _ = soundfile.read(sound, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    heard = np.flatnonzero(np.abs(mono) > 10 ** (-50 / 20) * np.abs(mono).max())
    return mono[heard[0] : heard[-1]].astype(np.float32)


# --- the clips --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Clip:
    """One example.

    Attributes:
        name: file name without its ending.
        title: what the button says.
        category: the TSPE task category whose prompts suit it, None for everyday sounds and animals.
        truth: the right label; where several sounds follow each other, the one the clip is about.
        others: the labels to choose between besides it.
        done: what was done to the sources, for the licence record.
        sources: what it is made of.
        make: makes it; takes the shelf and the sources.
    """

    name: str
    title: str
    category: str | None
    truth: str
    others: tuple[str, ...]
    done: str
    sources: tuple[Source, ...]
    make: Callable[..., Sound]

    @property
    def labels(self) -> list[str]:
        """All candidate labels, in alphabetical order so that the place says nothing."""
        return sorted((self.truth, *self.others))

    @property
    def licence(self) -> str:
        """SPDX expression for the clip: where its sources differ, the newest share-alike licence among them rules."""
        licences = {source.licence for source in self.sources}
        if len(licences) == 1:
            return licences.pop()
        share_alike = [licence.partition(" OR ")[0] for licence in licences if "-SA-" in licence]
        return max(share_alike) if share_alike else " AND ".join(sorted(licences - {"CC0-1.0"}))


INSTRUMENTS = ("cello", "drums", "flute", "guitar", "organ", "piano", "trumpet", "violin")
GENRES = ("blues", "classical", "country", "electronic", "hip hop", "jazz", "reggae", "rock")
SCENES = ("beach", "forest", "office", "restaurant", "street", "thunderstorm", "train", "night in the country")
EMERGENCIES = ("alarm clock", "car crash", "door slam", "explosion", "fireworks", "glass breaking", "gunshot", "siren")
VOCAL = ("baby crying", "cough", "laughter", "sigh", "sneeze", "snoring", "speech", "throat clearing")
EVERYDAY = ("cat", "clock ticking", "dog", "door knock", "rooster", "toilet flush", "vacuum cleaner", "typing")


def among(labels: tuple[str, ...], truth: str) -> tuple[str, ...]:
    """The labels of a list besides the right one."""
    return tuple(label for label in labels if label != truth)


def solo(name: str, title: str, tempo: float, *parts: Part, piece: str) -> Clip:
    """A clip of one instrument playing a few bars of music that is in the public domain."""
    done = f"{piece}, in the public domain, arranged here and played with the sound font"

    def make(shelf: Shelf, _: Source) -> Sound:
        return play(shelf, tempo, *parts)

    return Clip(name, title, "instruments", name, among(INSTRUMENTS, name), done, (sound_font(),), make)


def band(name: str, title: str, tempo: float, *parts: Part, piece: str) -> Clip:
    """A clip of several instruments playing in one genre."""
    done = f"{piece}, played with the sound font"

    def make(shelf: Shelf, _: Source) -> Sound:
        return play(shelf, tempo, *parts)

    return Clip(name, title, "music_genre", name, among(GENRES, name), done, (sound_font(),), make)


GYMNOPEDIE = "B3+D4+F#4:2 -:1 A3+C#4+F#4:2 -:1 "  # the two chords that it rocks between
PIANO = solo(
    "piano",
    "Piano",
    94,
    Part(0, "-:6 -:1 F#5 A5 | G5 F#5 C#5 | B4 C#5 D5 | A4:3", 92),
    Part(0, "-:1 " + GYMNOPEDIE * 3, 70),
    Part(0, "G2:3 D2 G2 D2 G2 D2", 78),
    piece="Opening of E. Satie's Gymnopédie No. 1",
)
VIOLIN = solo(
    "violin",
    "Violin",
    96,
    Part(
        40,
        """E5:.5 | G#5 G#5 G#5 F#5:.25 E5 B5:1.5 B5:.25 A5 | G#5:.5 G#5 G#5 F#5:.25 E5 B5:1.5 B5:.25 A5 |
                G#5:.5 A5:.25 B5 A5:.5 G#5 F#5:1 B4:.5 E5 | G#5:.5 G#5 G#5 F#5:.25 E5 B5:2.5""",
        104,
    ),
    piece='Opening theme of A. Vivaldi\'s "Spring", RV 269',
)
FLUTE = solo(
    "flute",
    "Flute",
    150,
    Part(
        73,
        """A5:1 | C6:2 D6:1 E6:1.5 F#6:.5 E6:1 | D6:2 B5:1 G5:1.5 A5:.5 B5:1 | C6:2 A5:1 A5:1.5 G#5:.5 A5:1 |
                B5:2 G#5:1 E5:3""",
        96,
    ),
    piece='Opening of "Greensleeves", traditional',
)


def romance(*bars: str) -> str:
    """Three melody notes a bar on the first string, each followed by two open strings."""
    return " ".join(f"{note}:.34 B3:.33 G3" for bar in bars for note in bar.split())


GUITAR = solo(
    "guitar",
    "Guitar",
    92,
    Part(25, romance("B4 B4 B4", "B4 A4 G4", "G4 F#4 E4", "E4 G4 B4") + " E5+B3+G3:2", 100),
    Part(25, "E2:3 E2 E2 E2 E2+B2:2", 96),
    piece='Opening of the guitar piece "Romance", 19th century, anonymous',
)

SWING = "ride:1 ride+foot:.67 ride:.33 "
TUNE = """-:1 A3:.67 C4:.33 D4:.67 F4:.33 E4:.67 C4:.33 | D4:1.67 B3:.33 -:.67 G3:.33 A3:.67 B3:.33 |
          C4:.67 E4:.33 G4:.67 A4:.33 G4:1 E4:.67 D#4:.33 | E4:2 -:.67 C4:.33 A3:1 |
          D4:.67 F4:.33 A4:.67 C5:.33 B4:.67 A4:.33 F4:1 | Ab4:.67 F4:.33 D4:.67 B3:.33 G3:2 | C4:3"""
JAZZ = band(
    "jazz",
    "Jazz band",
    160,
    Part(56, TUNE, 105),
    Part(
        0,
        """-:1.67 F3+A3+C4+E4:.33 -:1.67 F3+A3+C4+E4:.33 | -:1.67 F3+A3+B3+E4:.33 -:2 |
               -:.67 E3+G3+B3+D4:.33 -:2.67 E3+G3+B3+D4:.33 | -:1.67 E3+G3+C#4+F4:.33 -:2 |
               F3+A3+C4+E4:.67 -:1 F3+A3+C4+E4:.33 -:2 | F3+Ab3+B3+E4:.67 -:1 F3+Ab3+B3+E4:.33 -:2 |
               E3+A3+B3+D4:3""",
        100,
    ),
    Part(32, "D2 F2 A2 C3 | B2 A2 G2 F2 | E2 G2 B2 G2 | A2 G2 E2 C#2 | D2 E2 F2 A2 | G2 F2 D2 B1 | C2:3", 112),
    Part(DRUM_KIT, SWING * 12 + "ride+kick:3", 70),
    piece="Seven bars for trumpet, piano, double bass and drums, composed for this clip",
)

POWER_CHORDS = {"E": "E2+B2+E3", "G": "G2+D3+G3", "A": "A2+E3+A3", "D": "D3+A3+D4"}
RIFF = "{E}:.5 {E} {E} {G}:1 {A}:.5 {A} {G} | {E} {E} {E} {D}:1 {D}:.5 {A} {G} | "
ROCK = band(
    "rock",
    "Rock band",
    138,
    Part(30, (RIFF * 3 + "{E}:3").format(**POWER_CHORDS), 104),
    Part(
        29,
        """-:8 | B4:1 D5:.5 E5:1.5 D5:.5 B4 | A4:1 B4:.5 D5 E5:2 | G5:1 F#5:.5 E5:1 D5:.5 B4:1 |
                D5:.5 E5:3.5 | E5:3""",
        98,
    ),
    Part(34, "E2:.5 E2 E2 G2:1 A2:.5 A2 G2 E2 E2 E2 D2:1 D2:.5 A2 G2 " * 3 + "E2:3", 112),
    Part(
        DRUM_KIT,
        "crash+kick:.5 hat snare+hat hat kick+hat kick+hat snare+hat hat "
        + "kick+hat hat snare+hat hat kick+hat kick+hat snare+hat hat " * 5
        + "crash+kick:3",
        112,
    ),
    piece="Six bars for two electric guitars, bass and drums, composed for this clip",
)

CLASSICAL = band(
    "classical",
    "String orchestra",
    80,
    Part(40, "F#5 E5 D5 C#5 B4 A4 B4 C#5 | D5:.5 F#5 A5 G5 F#5 D5 F#5 E5 D5 B4 D5 A5 G5 B5 A5 G5 | F#5:2", 84),
    Part(48, "D5 C#5 B4 A4 G4 F#4 G4 A4 | A4 A4 F#4 F#4 D4 D4 D4 E4 | F#4+A4+D5:2", 76),
    Part(48, "F#4+A4 E4+A4 D4+F#4 C#4+F#4 B3+D4 A3+D4 B3+D4 C#4+E4 " * 2 + "D4+F#4:2", 70),
    Part(42, "D3 A2 B2 F#2 G2 D2 G2 A2 " * 2 + "D2+D3:2", 92),
    piece="Two variations of J. Pachelbel's Canon in D, in the public domain, arranged here",
)


def dance(shelf: Shelf, loop: Source, kick: Source, hat: Source, clap: Source) -> Sound:
    """A house beat at 120 beats a minute: the loop, a kick on every beat, hats between, claps on two and four."""
    beat, beats = 0.5, 18
    events = [(0.0, at(-22, lasting(beat * beats, shelf.read(loop, 0, 8), overlap=0.01)))]
    events += [(beat * turn, at(-17, shelf.read(kick))) for turn in range(beats)]
    events += [(beat * (turn + 0.5), at(-30, shelf.read(hat, 0, 0.2))) for turn in range(beats)]
    events += [(beat * turn, at(-24, shelf.read(clap, 0, 0.3))) for turn in range(1, beats, 2)]
    return mix(*events)[: seconds(beat * beats)]


def excerpt(start: float, end: float) -> Callable[[Shelf, Source], Sound]:
    """A clip that is one stretch of one recording, faded in and out like a scene."""
    return lambda shelf, source: fade(shelf.read(source, start, end), 0.3, 0.8)


def one_after_another(*starts: float, until: float | None = None) -> Callable[..., Sound]:
    """A clip that places its sources, in turn, cut off at ``until`` and at one loudness, at these seconds."""

    def make(shelf: Shelf, *sources: Source) -> Sound:
        chosen = [sources[turn % len(sources)] for turn in range(len(starts))]
        recordings = [at(-20, shelf.read(source, 0, until)) for source in chosen]
        return mix(*zip(starts, recordings, strict=True))

    return make


def level_crossing(shelf: Shelf, bell: Source, locomotive: Source) -> Sound:
    """The bell of a level crossing, and the locomotive that it announces, twice."""
    engine = at(-18, shelf.read(locomotive))
    return mix((0, at(-23, lasting(7.5, shelf.read(bell)))), (1.8, engine), (4.4, engine))


def traffic(shelf: Shelf, duration: float, *vehicles: Source) -> Sound:
    """Engines coming and going."""
    engines = [lasting(duration, shelf.read(vehicle)) for vehicle in vehicles]
    times = np.linspace(0.2, 0.8, len(engines)) * duration
    return np.sum([at(-24, passing(engine, time)) for engine, time in zip(engines, times, strict=True)], axis=0)


def barks(shelf: Shelf, start: float, high: Source, low: Source) -> list[tuple[float, Sound]]:
    """Five barks of one dog, as events from ``start`` seconds on."""
    turns = ((0.0, high), (0.8, low), (1.6, high), (2.7, high), (3.4, low))
    return [(start + time, at(-17, shelf.read(bark))) for time, bark in turns]


def dog(shelf: Shelf, high: Source, low: Source, *vehicles: Source) -> Sound:
    """A dog in front of a distant road."""
    return mix((0, at(-40, traffic(shelf, 5, *vehicles))), *barks(shelf, 0.4, high, low))


def street(shelf: Shelf, siren: Source, high: Source, low: Source, *vehicles: Source) -> Sound:
    """Traffic; a siren passes; then a dog barks."""
    road = louder(fade(traffic(shelf, 15.5, *vehicles), 1, 1), -7)
    wail = passing(lasting(7.5, shelf.read(siren)), nearest=3.7)
    return mix((0, road), (2.0, at(-17, wail)), *barks(shelf, 10.6, high, low))


def farm(shelf: Shelf, birds: Source, rooster: Source, *animals: Source) -> Sound:
    """Birdsong; a rooster, then the other animals of a farm, one after another."""
    events = [(0.0, at(-36, fade(shelf.read(birds, 0, 16), 0.5, 1))), (1.0, at(-19, shelf.read(rooster)))]
    for turn, animal in enumerate(animals):
        call = at(-18, shelf.read(animal))
        events += [(5.0 + 3.6 * turn, call), (5.0 + 3.6 * turn + len(call) / RATE + 0.15, call)]
    return mix(*events)[: seconds(16)]


CLIPS = (
    VIOLIN,
    PIANO,
    FLUTE,
    GUITAR,
    JAZZ,
    ROCK,
    CLASSICAL,
    Clip(
        "electronic",
        "Dance music",
        "music_genre",
        "electronic",
        among(GENRES, "electronic"),
        "Loop, kick, hat and clap sequenced at 120 beats a minute",
        (
            sonic_pi("loop_electric", "hullum"),
            sonic_pi("bd_haus", "Rodrigo The Mad"),
            sonic_pi("drum_cymbal_closed", "menegass"),
            sonic_pi("sn_dolf", "Dolfeus"),
        ),
        dance,
    ),
    Clip(
        "thunderstorm",
        "Thunderstorm",
        "acoustic_scenes",
        "thunderstorm",
        among(SCENES, "thunderstorm"),
        "Excerpt, faded",
        (megaglest("desert2/sounds/rain.wav"),),
        excerpt(0, 11),
    ),
    Clip(
        "forest",
        "In the woods",
        "acoustic_scenes",
        "forest",
        among(SCENES, "forest"),
        "Excerpt, faded",
        (megaglest("autumn/sounds/sunny_day.ogg"),),
        excerpt(2, 12),
    ),
    Clip(
        "train",
        "Level crossing",
        "acoustic_scenes",
        "train",
        among(SCENES, "train"),
        "Bell repeated, locomotive placed twice",
        (LEVEL_CROSSING, LOCOMOTIVE),
        level_crossing,
    ),
    Clip(
        "explosion",
        "Explosions",
        "impact_emergency",
        "explosion",
        among(EMERGENCIES, "explosion"),
        "Two explosions, cut and placed one after another",
        (ufo("weapons/explosion-fire.ogg"), ufo("geoscape/combat-explosion.ogg")),
        one_after_another(0, 2.5, until=2.8),
    ),
    Clip(
        "gunshots",
        "Gunshots",
        "impact_emergency",
        "gunshot",
        among(EMERGENCIES, "gunshot"),
        "Shots placed one after another",
        (ufo("weapons/bullet-rifle.ogg"), ufo("weapons/bullet-shotgun.ogg"), ufo("weapons/bullet-smg-5x.ogg")),
        one_after_another(0, 1.4, 2.9),
    ),
    Clip(
        "glass",
        "Breaking glass",
        "impact_emergency",
        "glass breaking",
        among(EMERGENCIES, "glass breaking"),
        "Three panes, cut and placed one after another",
        (ufo("misc/breakglass02.ogg"), ufo("misc/breakglass04.ogg"), ufo("misc/breakglass07.ogg")),
        one_after_another(0, 1.5, 3, until=1.8),
    ),
    Clip(
        "siren",
        "Siren",
        "impact_emergency",
        "siren",
        among(EMERGENCIES, "siren"),
        "Repeated with cross-fades",
        (lincity("Health4"),),
        lambda shelf, source: lasting(7, shelf.read(source)),
    ),
    Clip(
        "cough",
        "Cough",
        "vocal_sounds",
        "cough",
        among(VOCAL, "cough"),
        "Coughs placed one after another",
        (scratch("Human/Cough-male.wav"),),
        one_after_another(0, 0.55, 1.1, 2.2, 2.75, 3.3),
    ),
    Clip(
        "laughter",
        "Laughter",
        "vocal_sounds",
        "laughter",
        among(VOCAL, "laughter"),
        "Cut and placed three times",
        (scratch("Human/Laugh-male2.wav"),),
        one_after_another(0, 1.5, 3, until=1.65),
    ),
    Clip(
        "baby",
        "A baby",
        "vocal_sounds",
        "baby crying",
        among(VOCAL, "baby crying"),
        "Placed twice",
        (scratch("Human/BabyCry.mp3"),),
        one_after_another(0, 2.7),
    ),
    Clip(
        "snoring",
        "Asleep",
        "vocal_sounds",
        "snoring",
        among(VOCAL, "snoring"),
        "Placed twice",
        (SNORE,),
        one_after_another(0, 4.0),
    ),
    Clip(
        "dog",
        "Dog",
        None,
        "dog",
        among(EVERYDAY, "dog"),
        "Barks placed one after another in front of quiet, repeated engines",
        (lugaru("Bark3"), lugaru("Bark"), LORRY, BUS),
        dog,
    ),
    Clip(
        "rooster",
        "Rooster",
        None,
        "rooster",
        among(EVERYDAY, "rooster"),
        "Placed twice",
        (ROOSTER,),
        one_after_another(0, 3.0),
    ),
    Clip(
        "toilet",
        "Bathroom",
        None,
        "toilet flush",
        among(EVERYDAY, "toilet flush"),
        "Level only",
        (TOILET,),
        one_after_another(0),
    ),
    Clip(
        "street",
        "Street: siren, then a dog",
        None,
        "dog",
        ("car engine", "crowd", "rain", "siren", "train", "violin"),
        "Traffic from repeated engines; siren passing; barks placed one after another",
        (lincity("Health4"), lugaru("Bark3"), lugaru("Bark"), LORRY, BUS),
        street,
    ),
    Clip(
        "farm",
        "Farm: rooster, sheep, cow, horse",
        None,
        "sheep",
        ("cat", "cow", "dog", "frog", "horse", "rooster"),
        "Birdsong; animals placed one after another",
        (megaglest("autumn/sounds/sunny_day.ogg"), ROOSTER, SHEEP, COW, HORSE),
        farm,
    ),
)


# --- what is written --------------------------------------------------------------------------------------------------


def write_opus(path: Path, sound: Sound, bits_per_second: int = BITS_PER_SECOND) -> None:
    """Encode a sound as Ogg Opus; the same sound gives the same bytes."""
    with av.open(str(path), "w", format="ogg", options={"fflags": "+bitexact"}) as file:
        stream = file.add_stream("libopus", rate=RATE, options={"flags": "+bitexact"})
        stream.layout, stream.bit_rate = "mono", bits_per_second
        frame = av.AudioFrame.from_ndarray(sound[None], format="flt", layout="mono")
        frame.sample_rate = RATE
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def entry(clip: Clip, sound: Sound) -> dict[str, object]:
    """One clip in ``examples.json``."""
    return {
        "file": f"{clip.name}.ogg",
        "title": clip.title,
        "category": clip.category,
        "labels": clip.labels,
        "truth": clip.truth,
        "seconds": round(len(sound) / RATE, 2),
        "licence": clip.licence,
    }


def licence_row(clip: Clip, versions: dict[str, str]) -> str:
    """One clip in the table of ``LICENSES.md``."""
    packages = dict.fromkeys(f"{source.package} {versions[source.package]}" for source in clip.sources)
    columns = (
        f"`{clip.name}.ogg`",
        "<br>".join(packages),
        "<br>".join(f"`{source.path}`" for source in clip.sources),
        "<br>".join(source.author for source in clip.sources),
        "<br>".join(source.licence for source in clip.sources),
        clip.licence,
        clip.done,
    )
    return f"| {' | '.join(columns)} |"


TABLE = re.compile(r"(?<=what was done \|\n\|---\|---\|---\|---\|---\|---\|---\|\n)(\|.*\n)+")  # of the example clips


def with_table(record: str, rows: Sequence[str]) -> str:
    """The licence record with these rows in the example clips' table; what else it says stays."""
    return TABLE.sub(lambda _: "".join(f"{row}\n" for row in rows), record)


def main() -> None:
    """Make every clip, the index and the licence record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("build/examples"), help="where the packages are kept")
    parser.add_argument("--out", type=Path, default=ASSETS, help="where assets/examples and assets/LICENSES.md go")
    options = parser.parse_args()
    shelf, folder = Shelf(options.work), options.out / "examples"
    for needed in (shelf.folder, folder):
        needed.mkdir(parents=True, exist_ok=True)
    entries = []
    for clip in CLIPS:
        sound = master(clip.make(shelf, *clip.sources))
        write_opus(folder / f"{clip.name}.ogg", sound)
        entries.append(entry(clip, sound))
        print(f"{clip.name:14}{len(sound) / RATE:6.2f} s", flush=True)
    versions = {source.package: shelf.version(source.package) for clip in CLIPS for source in clip.sources}
    record = options.out / "LICENSES.md"
    record.write_text(with_table(record.read_text("utf-8"), [licence_row(clip, versions) for clip in CLIPS]), "utf-8")
    (folder / "examples.json").write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
