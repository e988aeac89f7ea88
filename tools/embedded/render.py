"""Render training audio from free sound fonts and a formant speech synthesiser.

Three kinds of sound come out, all of them seeded and none of them recorded for the purpose:

* every melodic General MIDI preset and drum kit of several sound fonts, in short phrases;
* every sound-effect preset of the same fonts, at many pitches, lengths and rhythms;
* speech, whispers, singing vowels and babble by espeak-ng, in many voices and languages.

None of them is FluidR3, which the bundled instruments are played with and must stay new to the model.

The clips go into one pool: ``pool.i16`` (32 kHz mono, 16-bit little endian, clip after clip) and ``pool.csv``, which
says where each clip starts, how long it is and what it is.

    python -m tools.embedded.render --out POOL

Needs libfluidsynth, espeak-ng and the Debian packages timgm6mb-soundfont, csound-soundfont, opl3-soundfont and
avldrums.lv2-soundfont, whose ``.sf2`` files are all installed in one folder.
"""

from __future__ import annotations

import argparse
import csv
import ctypes
import ctypes.util
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import soxr

RATE = 32_000
SYNTH_RATE = 44_100
FONTS = Path("/usr/share/sounds/sf2")
PHRASES = {"TimGM6mb": 8, "sf_GMbank": 6, "OPL-3_FM_128M": 2}  # of each melodic preset of a font
DRUM_FONTS = ["Black_Pearl_4_LV2", "Red_Zeppelin_4_LV2"]  # recorded drum kits, a preset each
FIRST_EFFECT = 120
DRUM_BANK = 128
EFFECT_KIT = 56

Samples = np.ndarray
"""A one-dimensional array of float samples."""


# --- the pool -------------------------------------------------------------------------------------------------------


class Pool:
    """Clips in one flat file with an index beside it, replaced as a whole when the ``with`` block ends well.

    Clips already in the pool stay where they are, except those of the sources being written, which are dropped.
    """

    COLUMNS = ("start", "length", "source", "name", "kind")

    def __init__(self, folder: Path, sources: set[str]) -> None:
        """Open the pool in ``folder`` for rewriting everything that came from ``sources``."""
        self.audio, self.index = folder / "pool.i16", folder / "pool.csv"
        self.sources = sources
        self.rows: list[tuple[int, int, str, str, str]] = []
        self.written = 0

    def __enter__(self) -> Pool:
        """Start the new file with the clips that stay."""
        self.audio.parent.mkdir(parents=True, exist_ok=True)
        self.file = self._part(self.audio).open("wb")
        if self.index.exists():
            old = np.memmap(self.audio, "<i2", "r")
            with self.index.open(newline="") as lines:
                for row in csv.DictReader(lines):
                    if row["source"] not in self.sources:
                        start, length = int(row["start"]), int(row["length"])
                        self._append(old[start : start + length], row["source"], row["name"], row["kind"])
        return self

    def add(self, sound: Samples, source: str, name: str, kind: str) -> None:
        """Append one clip of samples in -1..1."""
        whole = np.clip(np.round(np.asarray(sound) * 32767), -32768, 32767).astype("<i2")
        self._append(whole, source, name, kind)

    def _append(self, whole: np.ndarray, source: str, name: str, kind: str) -> None:
        self.file.write(whole.tobytes())
        self.rows.append((self.written, len(whole), source, name, kind))
        self.written += len(whole)

    def __exit__(
        self, error: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Put the new pool in place of the old one, or throw it away after an error."""
        self.file.close()
        if error is not None:
            self._part(self.audio).unlink()
            return
        with self._part(self.index).open("w", newline="") as lines:
            writer = csv.writer(lines)
            writer.writerow(self.COLUMNS)
            writer.writerows(self.rows)
        self._part(self.audio).replace(self.audio)
        self._part(self.index).replace(self.index)

    @staticmethod
    def _part(path: Path) -> Path:
        return path.with_name(path.name + ".part")


def levelled(sound: Samples, random: np.random.Generator) -> Samples:
    """The sound without its mean, its peak at a random level between quiet and nearly full."""
    sound = sound - sound.mean()
    return sound / max(float(np.abs(sound).max()), 1e-6) * 10 ** (random.triangular(-24, -3, 0) / 20) * 0.98


# --- sound fonts ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Preset:
    """One preset of a sound font."""

    font: str
    bank: int
    program: int
    name: str


@dataclass(frozen=True)
class Note:
    """One key press: when it starts and how long it lasts, in seconds; its key and its velocity."""

    start: float
    length: float
    key: int
    velocity: int


def presets(font: str) -> list[Preset]:
    """The presets of a sound font, read from its header table."""
    data = (FONTS / f"{font}.sf2").read_bytes()
    at = data.rfind(b"phdr")
    size = int.from_bytes(data[at + 4 : at + 8], "little")
    table = data[at + 8 : at + 8 + size - 38]  # the last entry only marks the end
    found = []
    for entry in struct.iter_unpack("<20sHH14x", table):
        name = entry[0].split(b"\0")[0].decode("latin-1").strip()
        found.append(Preset(font, bank=entry[2], program=entry[1], name=name))
    return sorted(found, key=lambda preset: (preset.bank, preset.program))


class Player:
    """A fluidsynth instance with some sound fonts loaded, rendering as fast as it can."""

    def __init__(self, fonts: list[str]) -> None:
        """Load the fonts into a fresh synthesiser."""
        library = ctypes.CDLL(ctypes.util.find_library("fluidsynth") or "libfluidsynth.so.3")
        library.new_fluid_settings.restype = ctypes.c_void_p
        library.new_fluid_synth.restype = ctypes.c_void_p
        library.fluid_settings_setnum.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_double)
        self.library = library
        settings = ctypes.c_void_p(library.new_fluid_settings())
        library.fluid_settings_setnum(settings, b"synth.sample-rate", float(SYNTH_RATE))
        library.fluid_settings_setnum(settings, b"synth.gain", 0.4)
        self.synth = ctypes.c_void_p(library.new_fluid_synth(settings))
        self.fonts = {
            font: library.fluid_synth_sfload(self.synth, str(FONTS / f"{font}.sf2").encode(), 0) for font in fonts
        }

    def play(
        self, parts: list[tuple[Preset, list[Note]]], seconds: float, reverb: int = 40, bend: int = 8192
    ) -> Samples:
        """Render some parts, each a preset and its notes, to 32 kHz mono."""
        call, synth = self.library, self.synth
        call.fluid_synth_system_reset(synth)
        events: list[tuple[float, int, int, int, int]] = []
        for channel, (preset, notes) in enumerate(parts):
            call.fluid_synth_program_select(synth, channel, self.fonts[preset.font], preset.bank, preset.program)
            call.fluid_synth_cc(synth, channel, 91, reverb)
            call.fluid_synth_pitch_bend(synth, channel, bend)
            for note in notes:
                events.append((note.start, 1, channel, note.key, note.velocity))
                events.append((note.start + note.length, 0, channel, note.key, 0))
        total = int(seconds * SYNTH_RATE)
        stereo = np.zeros(2 * total, np.float32)
        at = 0
        for start, press, channel, key, velocity in [*sorted(events), (seconds, 0, 0, 0, 0)]:
            until = min(int(start * SYNTH_RATE), total)
            if until > at:
                target = stereo[2 * at :].ctypes.data_as(ctypes.c_void_p)
                call.fluid_synth_write_float(synth, until - at, target, 0, 2, target, 1, 2)
                at = until
            if press:
                call.fluid_synth_noteon(synth, channel, key, velocity)
            else:
                call.fluid_synth_noteoff(synth, channel, key)
        return soxr.resample(stereo.reshape(-1, 2).mean(axis=1), SYNTH_RATE, RATE)


SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9), (0, 3, 5, 6, 7, 10), tuple(range(12)))
CHORDS = ((0, 4, 7), (0, 3, 7), (0, 4, 7, 11), (0, 3, 7, 10), (0, 5, 7), (0, 7, 12), (0, 4, 7, 12, 16))


def phrase(random: np.random.Generator, seconds: float, low: int = 36, high: int = 84) -> list[Note]:
    """A few notes in a random manner: held, melody, scale, arpeggio, chords, repetition or trill."""
    manner = random.choice(["held", "melody", "melody", "scale", "arpeggio", "chords", "chords", "repeat", "trill"])
    root, scale = int(random.integers(low, high)), SCALES[random.integers(len(SCALES))]
    loudness, step = int(random.integers(45, 120)), float(random.uniform(0.1, 0.7))
    overlap = float(random.choice([0.4, 0.9, 1.0, 1.6]))

    def degree(number: int) -> int:
        return root + 12 * (number // len(scale)) + scale[number % len(scale)]

    def note(start: float, length: float, key: int) -> Note:
        velocity = int(np.clip(loudness + random.integers(-15, 16), 20, 127))
        return Note(start, length, int(np.clip(key, 12, 115)), velocity)

    if manner == "held":
        count = int(random.integers(1, 4))
        span = seconds / count
        return [
            note(i * span, span * random.uniform(0.5, 0.95), degree(int(random.integers(0, 6)))) for i in range(count)
        ]
    if manner == "chords":
        span = float(random.uniform(0.5, 1.8))
        notes = []
        for i in range(int(seconds / span)):
            base, chord = degree(int(random.integers(0, 6))), CHORDS[random.integers(len(CHORDS))]
            notes += [note(i * span, span * 0.9, base + interval) for interval in chord]
        return notes
    notes, place, start = [], 0, float(random.uniform(0, 0.2))
    chord = CHORDS[random.integers(len(CHORDS))]
    while start < seconds - 0.2:
        length = step
        if manner == "melody":
            place, length = place + int(random.integers(-3, 4)), step * float(random.choice([0.5, 1, 1, 2]))
            key = degree(place)
        elif manner == "scale":
            place += 1
            key = degree(place if root < 70 else -place)
        elif manner == "arpeggio":
            place += 1
            key = root + chord[place % len(chord)]
        elif manner == "repeat":
            key = root
        else:
            place, length = 1 - place, min(step, 0.12)
            key = degree(place)
        notes.append(note(start, length * overlap, key))
        start += length
    return notes


def drumming(random: np.random.Generator, seconds: float) -> list[Note]:
    """A bar pattern over a few drums, a roll, or scattered hits."""
    manner = random.choice(["pattern", "pattern", "roll", "scatter", "single"])
    step = float(random.uniform(0.09, 0.25))
    steps = int(seconds / step)
    if manner == "pattern":
        drums = [36, 38, 42, *random.integers(35, 82, 2)]
        bar = random.random((len(drums), 16)) < np.array([0.3, 0.2, 0.6, 0.15, 0.15])[:, None]
        return [
            Note(i * step, step, int(drum), int(random.integers(60, 125)))
            for i in range(steps)
            for drum, hits in zip(drums, bar, strict=True)
            if hits[i % 16]
        ]
    drum = int(random.integers(35, 82))
    if manner == "roll":
        fast = step / 2
        return [Note(i * fast, fast, drum, int(random.integers(50, 120))) for i in range(int(seconds / fast))]
    if manner == "single":
        gap = float(random.uniform(0.6, 1.6))
        return [Note(i * gap, gap, drum, int(random.integers(70, 127))) for i in range(int(seconds / gap))]
    return [
        Note(float(start), 0.5, int(random.integers(35, 82)), int(random.integers(50, 127)))
        for start in random.uniform(0, seconds - 0.2, int(random.integers(4, 30)))
    ]


def instruments(random: np.random.Generator) -> Iterator[tuple[Samples, str, str, str]]:
    """Phrases of every melodic preset and kit, then small ensembles of them."""
    player = Player([*PHRASES, *DRUM_FONTS])
    every = [preset for font in PHRASES for preset in presets(font)]
    melodic = [preset for preset in every if preset.bank != DRUM_BANK and preset.program < FIRST_EFFECT]
    kits = [preset for preset in every if preset.bank == DRUM_BANK and preset.program != EFFECT_KIT]
    kits += [preset for font in DRUM_FONTS for preset in presets(font)]
    for preset in melodic:
        for _ in range(PHRASES[preset.font]):
            seconds = float(random.uniform(4, 6))
            bend = 8192 if random.random() < 0.7 else int(random.integers(6000, 10400))
            sound = player.play([(preset, phrase(random, seconds))], seconds, int(random.integers(0, 110)), bend)
            yield sound, preset.font.lower(), preset.name, "instrument"
    for preset in kits:
        for _ in range(15):
            seconds = float(random.uniform(4, 6))
            sound = player.play([(preset, drumming(random, seconds))], seconds, int(random.integers(0, 110)))
            yield sound, preset.font.lower(), f"kit {preset.name}", "drums"
    for _ in range(250):
        seconds = float(random.uniform(4, 6))
        chosen = [melodic[random.integers(len(melodic))] for _ in range(int(random.integers(2, 5)))]
        parts = [(preset, phrase(random, seconds)) for preset in chosen]
        if random.random() < 0.7:
            parts.append((kits[random.integers(len(kits))], drumming(random, seconds)))
        sound = player.play(parts, seconds, int(random.integers(0, 110)))
        yield sound, "ensembles", " + ".join(preset.name for preset, _ in parts), "ensemble"


def effect_notes(random: np.random.Generator, seconds: float, keys: range) -> list[Note]:
    """One effect held, overlapped with itself, repeated in a rhythm, or scattered."""
    manner = random.choice(["held", "held", "overlap", "rhythm", "scatter"])

    def key() -> int:
        return int(np.clip(round(random.normal(60, 6)), keys.start, keys.stop - 1))

    velocity = int(random.integers(70, 127))
    if manner == "held":
        count = int(random.choice([1, 1, 2, 3]))
        return [
            Note(float(random.uniform(0, 0.3)), seconds * random.uniform(0.6, 1), key(), velocity) for _ in range(count)
        ]
    if manner == "overlap":
        count = int(random.integers(2, 6))
        return [Note(i * seconds / count, 2 * seconds / count, key(), velocity) for i in range(count)]
    if manner == "rhythm":
        gap, same = float(np.exp(random.uniform(np.log(0.15), np.log(2.0)))), key()
        jitter = float(random.choice([0, 0.05, 0.2])) * gap
        starts = [max(0.0, i * gap + random.normal(0, jitter + 1e-9)) for i in range(int(seconds / gap) or 1)]
        length = gap * random.uniform(0.4, 1.5)
        return [Note(start, length, same, int(random.integers(70, 127))) for start in starts]
    moments = random.uniform(0, seconds * 0.8, int(random.integers(1, 8)))
    return [Note(float(start), random.uniform(0.2, 3), key(), int(random.integers(60, 127))) for start in moments]


def effects(random: np.random.Generator) -> Iterator[tuple[Samples, str, str, str]]:
    """Every sound-effect preset of two fonts, alone and in pairs."""
    fonts = ["TimGM6mb", "sf_GMbank"]
    player = Player(fonts)
    every = [preset for font in fonts for preset in presets(font)]
    single = [preset for preset in every if preset.bank != DRUM_BANK and preset.program >= FIRST_EFFECT]
    kit = next(preset for preset in every if preset.bank == DRUM_BANK and preset.program == EFFECT_KIT)
    for preset in single:
        for _ in range(12):
            seconds = float(random.uniform(4, 6))
            parts = [(preset, effect_notes(random, seconds, range(36, 85)))]
            sound = player.play(parts, seconds, int(random.choice([0, 20, 60, 120])))
            yield sound, preset.font.lower(), preset.name, "effect"
    for key in range(39, 85):
        for manner in ("once", "again"):
            seconds, gap = float(random.uniform(3, 5)), float(random.uniform(0.3, 1.5))
            count = 1 if manner == "once" else int(seconds / gap)
            notes = [Note(i * gap, seconds if count == 1 else gap, key, 110) for i in range(count)]
            sound = player.play([(kit, notes)], seconds, int(random.integers(0, 80)), int(random.integers(7000, 9400)))
            if np.abs(sound).max() > 1e-3:
                yield sound, kit.font.lower(), f"kit {kit.name} {key}", "effect"
    for _ in range(100):
        seconds = float(random.uniform(4, 6))
        pair = [single[random.integers(len(single))] for _ in range(2)]
        parts = [(preset, effect_notes(random, seconds, range(40, 80))) for preset in pair]
        sound = player.play(parts, seconds, int(random.integers(0, 110)))
        yield sound, "sf2 effects", " + ".join(preset.name for preset in pair), "effect pair"


# --- speech ---------------------------------------------------------------------------------------------------------

SENTENCES = {
    "en-us": "Well, I was going to tell you about it yesterday, but then I forgot. What do you think?",
    "en-gb": "Good evening. Tomorrow will be cloudy at first, with sunny spells later in the afternoon.",
    "en-gb-scotland": "Come over here and have a look at this, will you? I have never seen anything like it!",
    "de": "Guten Morgen! Wir fahren heute mit dem Zug nach Hause, und danach kochen wir zusammen eine Suppe.",
    "fr-fr": "Bonjour, je voudrais un café et deux croissants, s'il vous plaît. Merci beaucoup, à demain!",
    "es": "Hola, ¿cómo estás? Mañana vamos a la playa con los niños si hace buen tiempo.",
    "it": "Buongiorno a tutti, oggi parliamo di musica, di cucina e di una vecchia casa in campagna.",
    "pt-br": "Olá, tudo bem? Hoje à noite vamos assistir a um filme e depois jantar com os amigos.",
    "nl": "Goedemiddag, kunt u mij vertellen waar het station is? Ik ben de weg helemaal kwijt.",
    "sv": "Hej, jag heter Anna och jag bor i en liten stad vid havet tillsammans med min familj.",
    "pl": "Dzień dobry, proszę usiąść. Za chwilę zaczniemy nasze spotkanie i porozmawiamy o wszystkim.",
    "ru": "Здравствуйте! Сегодня мы поговорим о погоде, о музыке и о далёких путешествиях.",  # noqa: RUF001
    "tr": "Merhaba, bugün hava çok güzel. İstersen birlikte parka gidip biraz yürüyelim.",
    "hi": "नमस्ते, आप कैसे हैं? आज हम बाज़ार जा रहे हैं।",
    "cmn": "你好,今天天气很好,我们一起去公园散步吧。",
    "ja": "こんにちは、きょうはとてもいいてんきですね。",
    "ko": "안녕하세요, 오늘은 날씨가 아주 좋네요.",
    "fi": "Hyvää päivää, tänään on kaunis ilma ja lähdemme yhdessä järvelle kalastamaan.",
    "el": "Καλημέρα, σήμερα θα πάμε στη θάλασσα και μετά θα φάμε όλοι μαζί.",
    "ar": "مرحبا، كيف حالك اليوم؟ الطقس جميل جدا.",
    "hu": "Jó napot kívánok, ma este színházba megyünk a barátainkkal.",
    "vi": "Xin chào, hôm nay trời rất đẹp, chúng ta đi dạo nhé.",
    "id": "Selamat pagi, hari ini kami akan pergi ke pasar bersama-sama.",
    "sw": "Habari za asubuhi, leo tutakwenda sokoni pamoja na watoto.",
}
VARIANTS = tuple(
    """
    adam Alex Alicia Andrea Andy Annie aunty belinda benjamin boris caleb david Denis Diogo ed edward Gene
    grandma grandpa Hugo iven Jacky john linda Marco Mario max Michael miguel Mike Nguyen pablo paul pedro
    quincy rob robert steph Storm Tweaky zac anika f1 f2 f3 f4 f5 m1 m2 m3 m4 m5 m6 m7 m8 klatt klatt2 klatt3
    klatt4 norbert shelby travis victor
    """.split()
)
WHISPERS = ("whisper", "whisperf", "croak")
OTHER_LANGUAGES = tuple(
    """
    af az bg bn bs ca cs cy da eo et eu fa gu hr hy is ka kk kn lt lv mk ml mr ms mt nb ne om or pa ro sk sl sq
    sr ta te th tt uk ur
    """.split()
)


def spoken(text: str, language: str, variant: str, speed: int, pitch: int) -> Samples:
    """What espeak-ng says, as 32 kHz mono."""
    voice = f"{language}+{variant}"
    options = ["-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout"]
    made = subprocess.run(["espeak-ng", *options, text], capture_output=True, check=True).stdout
    header = 44
    rate = int.from_bytes(made[24:28], "little")
    return soxr.resample(np.frombuffer(made[header:], "<i2") / 32768, rate, RATE)


def fitted(sound: Samples, seconds: float, random: np.random.Generator) -> Samples:
    """A window of the sound of that length, or the whole sound somewhere in silence."""
    size = int(seconds * RATE)
    if len(sound) >= size:
        start = int(random.integers(0, len(sound) - size + 1))
        return sound[start : start + size]
    before = int(random.integers(0, size - len(sound) + 1))
    return np.pad(sound, (before, size - len(sound) - before))


def utterance(random: np.random.Generator, variant: str | None = None) -> tuple[Samples, str]:
    """One utterance of at least a few words by a random voice, and the name of that voice."""
    if random.random() < 0.7:
        language = str(random.choice(list(SENTENCES)))
        text = SENTENCES[language]
    else:
        language = str(random.choice(OTHER_LANGUAGES))
        text = ", ".join(str(random.integers(1, 10_000)) for _ in range(4))
    variant = variant or str(random.choice(VARIANTS))
    speed, pitch = int(random.integers(100, 260)), int(random.integers(5, 99))
    return spoken(text, language, variant, speed, pitch), f"{language}+{variant}"


def singing(random: np.random.Generator) -> Samples:
    """Long vowels and syllables, one after the other, at pitches of a scale."""
    sounds, variant = [], str(random.choice(VARIANTS))
    for _ in range(int(random.integers(4, 9))):
        vowel = str(random.choice(["a:", "o:", "u:", "i:", "e:", "la:", "ma:", "ha:", "jo:", "nu:"]))
        pitch = int(random.choice([20, 32, 44, 50, 60, 70, 82]))
        sounds.append(spoken(f"[[{vowel}]]", "de", variant, int(random.integers(60, 110)), pitch))
    return np.concatenate(sounds)


def speech(random: np.random.Generator) -> Iterator[tuple[Samples, str, str, str]]:
    """Single voices, whispers, sung vowels, conversations and babbling crowds."""
    for _ in range(150):
        sound, voice = utterance(random)
        yield fitted(sound, float(random.uniform(4, 6)), random), "espeak-ng", voice, "speech"
    for _ in range(20):
        sound, voice = utterance(random, str(random.choice(WHISPERS)))
        yield fitted(sound, 5.0, random), "espeak-ng", voice, "whisper"
    for _ in range(25):
        yield fitted(singing(random), 5.0, random), "espeak-ng", "vowels", "singing"
    for _ in range(20):
        first, second = utterance(random)[0][: 2 * RATE], utterance(random)[0][: 2 * RATE]
        yield fitted(np.concatenate([first, second]), 5.0, random), "espeak-ng", "two voices", "conversation"
    for _ in range(35):
        voices = int(random.integers(4, 14))
        crowd = sum(fitted(utterance(random)[0], 5.0, random) * random.uniform(0.3, 1) for _ in range(voices))
        yield np.asarray(crowd), "espeak-ng", f"{voices} voices", "babble"


# --- the whole ------------------------------------------------------------------------------------------------------

SOURCES = {*(font.lower() for font in [*PHRASES, *DRUM_FONTS]), "ensembles", "sf2 effects", "espeak-ng"}


def main() -> None:
    """Render everything into the pool."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the pool")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with Pool(options.out, SOURCES) as pool:
        for number, family in enumerate((effects, speech, instruments)):
            random = np.random.default_rng((options.seed, number))
            for sound, source, name, kind in family(random):
                if np.abs(sound).max() > 1e-4:
                    pool.add(levelled(sound, random), source, name, kind)
            print(f"{family.__name__}: {len(pool.rows)} clips, {pool.written / RATE / 3600:.2f} h so far", flush=True)


if __name__ == "__main__":
    main()
