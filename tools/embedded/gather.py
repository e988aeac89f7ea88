#!/usr/bin/env python3
"""Gather training audio from the sound files inside Debian packages.

`sources.toml`, beside this file, names the packages.  Each one is fetched
with `apt-get download`, unpacked without being installed, searched for audio,
and turned into one *part*: 16 kHz mono samples with an index.  The parts, and
the files of an optional extra folder, are then joined into

    OUT/pool.i16    all samples, int16, little endian, one clip after another
    OUT/pool.csv    start, length, source, name, kind  (start, length in samples)

`kind` is one of sound, ambience, instrument, music, speech.  Running the
program again reuses every part whose entry in `sources.toml` is unchanged,
and always leaves either the old pool or a whole new one behind.

Wants numpy, soundfile, soxr and av, and the tools apt-get and dpkg.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import random
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr
import tomllib

RATE = 32_000
FORMAT = 2  # raise it when the way clips are cut changes: old parts are then redone

AUDIO = {
    ".wav",
    ".wave",
    ".ogg",
    ".oga",
    ".opus",
    ".mp3",
    ".flac",
    ".aif",
    ".aiff",
    ".aifc",
    ".au",
    ".snd",
    ".m4a",
    ".aac",
    ".wma",
    ".wv",
    ".voc",
    ".gsm",
    ".caf",
    ".w64",
    ".ape",
    ".sph",
}
ZIPS = {".zip", ".pk3", ".pk3dir", ".pk4", ".wz", ".jar", ".dat", ".bin", ".love"}
GROUPS = {".ocd", ".ocg", ".ocf", ".ocs", ".c4d", ".c4g"}
BIGGEST_FILE = 400_000_000

SHORTEST = 0.15  # seconds; anything shorter is a click that says nothing
LONG = 45.0  # a longer file that is not known as ambience is taken for music
LIMITS = {"sound": 60.0, "ambience": 180.0, "instrument": 15.0, "speech": 20.0}
EXCERPTS, EXCERPT = 3, 20.0  # what is kept of a piece of music
SHARES = {"music": 0.30, "speech": 0.10}  # of the whole pool, at most

MUSIC_WORDS = ("music", "song", "soundtrack", "/bgm", "theme", "/moh", "menu-loop", "tracks/")
SPEECH_WORDS = ("voice", "speech", "dialog", "alphabet", "/words/", "/say", "announce")
AMBIENCE_WORDS = ("ambien", "ambiance", "atmos", "background", "weather", "environment")


@dataclass
class Source:
    """One package of `sources.toml`, and what to take from it."""

    package: str
    licence: str
    holds: str
    kind: str = ""  # of every file, where the path says nothing better
    include: list[str] = field(default_factory=list)
    exclude: list[str] = field(default_factory=list)
    music: list[str] = field(default_factory=list)
    speech: list[str] = field(default_factory=list)
    ambience: list[str] = field(default_factory=list)
    sound: list[str] = field(default_factory=list)
    cap_minutes: float = 0.0  # 0: no cap
    carve: bool = False  # look for RIFF files inside containers of unknown make

    def fingerprint(self) -> str:
        """A short text that changes when the part has to be made anew."""
        wanted = asdict(self) | {"format": FORMAT, "licence": "", "holds": ""}
        return hashlib.sha1(json.dumps(wanted, sort_keys=True).encode()).hexdigest()


@dataclass
class Clip:
    """One row of the index; `start` and `length` count samples."""

    start: int
    length: int
    source: str
    name: str
    kind: str


# --- fetching -----------------------------------------------------------------


def fetch(package: str, debs: Path) -> Path | None:
    """The package's .deb file in `debs`, downloaded if it is not there yet."""
    debs.mkdir(parents=True, exist_ok=True)

    def held() -> Path | None:
        return next(iter(sorted(debs.glob(f"{package}_*.deb"))), None)

    if held() is None:
        subprocess.run(["apt-get", "download", "-qq", package], cwd=debs, capture_output=True, check=False)
    return held()


def unpack(deb: Path, tree: Path) -> None:
    """Lays the files of a .deb out under `tree`, installing nothing."""
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    subprocess.run(["dpkg", "-x", str(deb), str(tree)], check=True, capture_output=True)


# --- finding audio ------------------------------------------------------------

Found = tuple[str, bytes | Path]  # a name, and the sound file itself or where it lies


def find_audio(tree: Path, source: Source) -> Iterator[Found]:
    """Every sound under `tree`, those inside archives included, in a fixed order."""
    for path in sorted(tree.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.stat().st_size > BIGGEST_FILE:
            continue
        name = short_name(path.relative_to(tree).as_posix())
        suffix = path.suffix.lower()
        if suffix in AUDIO:
            yield name, path
        elif suffix == ".wad":
            yield from doom_sounds(name, path.read_bytes())
        elif suffix == ".cat":
            yield from openttd_sounds(name, path.read_bytes())
        elif suffix in ZIPS and zipfile.is_zipfile(path):
            yield from zipped_sounds(name, path)
        elif suffix == ".rcc":
            yield from resource_sounds(name, path.read_bytes())
        elif suffix in GROUPS:
            yield from group_sounds(name, unscramble(path.read_bytes()))
        elif source.carve:
            yield from carved_sounds(name, path.read_bytes())


def short_name(name: str) -> str:
    """A path inside a package without the folders all packages share."""
    for start in ("usr/share/games/", "usr/share/", "usr/lib/games/", "usr/lib/"):
        if name.startswith(start):
            return name[len(start) :]
    return name


def zipped_sounds(name: str, archive: Path) -> Iterator[Found]:
    """The audio members of a zip file, whatever it calls itself."""
    with zipfile.ZipFile(archive) as bundle:
        for member in sorted(bundle.namelist()):
            if Path(member).suffix.lower() in AUDIO:
                try:
                    yield f"{name}!{member}", bundle.read(member)
                except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError):
                    continue


def doom_sounds(name: str, wad: bytes) -> Iterator[Found]:
    """The `DS*` lumps of a Doom WAD: 8-bit samples behind a header of 24 bytes."""
    if wad[:4] not in (b"IWAD", b"PWAD"):
        return
    count, directory = struct.unpack_from("<II", wad, 4)
    for entry in range(count):
        offset, size, raw = struct.unpack_from("<II8s", wad, directory + 16 * entry)
        lump = raw.rstrip(b"\0").decode("latin-1")
        if not lump.startswith("DS") or size < 40:
            continue
        body = wad[offset : offset + size]
        if body[:4] in (b"RIFF", b"OggS", b"fLaC"):
            yield f"{name}!{lump}", body
            continue
        form, rate, samples = struct.unpack_from("<HHI", body)
        if form == 3 and 4_000 <= rate <= 48_000:
            yield f"{name}!{lump}", as_wav(body[24 : 8 + samples - 16], rate)


def as_wav(samples: bytes, rate: int) -> bytes:
    """Unsigned 8-bit mono samples as a WAV file."""
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, rate, rate, 1, 8)
    return head + struct.pack("<4sI", b"data", len(samples)) + samples


def openttd_sounds(name: str, cat: bytes) -> Iterator[Found]:
    """The sounds of an OpenTTD set: a table of places, then name and WAV for each."""
    first = struct.unpack_from("<I", cat)[0] & 0x7FFF_FFFF
    for entry in range(first // 8):
        offset, size = struct.unpack_from("<II", cat, 8 * entry)
        offset &= 0x7FFF_FFFF
        label = cat[offset + 1 : offset + cat[offset]].decode("latin-1", "replace").strip("\0")
        start = offset + 1 + cat[offset]
        body = cat[start : start + size]
        if body[:4] == b"RIFF":
            yield f"{name}!{entry:02d} {label}", body


def resource_sounds(name: str, rcc: bytes) -> Iterator[Found]:
    """The sounds of a Qt resource file: a tree of names over a heap of files."""
    magic, version, tree, heap, names = struct.unpack_from(">4sIIII", rcc)
    if magic != b"qres":
        return
    row = 14 if version == 1 else 22

    def walk(node: int, path: str) -> Iterator[Found]:
        label_at, flags, one, two = struct.unpack_from(">IHII", rcc, tree + row * node)
        length = struct.unpack_from(">H", rcc, names + label_at)[0]
        label = rcc[names + label_at + 6 :][: 2 * length].decode("utf-16-be") if node else ""
        if flags & 2:  # a folder: `one` nodes, the first of which is `two`
            for child in range(two, two + one):
                yield from walk(child, f"{path}/{label}".strip("/"))
        elif Path(label).suffix.lower() in AUDIO:
            size = struct.unpack_from(">I", rcc, heap + two)[0]
            body = rcc[heap + two + 4 :][:size]
            if not flags & 4:  # a third way of packing, never used for sounds so far
                yield f"{name}!{path}/{label}", zlib.decompress(body[4:]) if flags & 1 else body

    yield from walk(0, "")


def carved_sounds(name: str, blob: bytes) -> Iterator[Found]:
    """RIFF/WAVE files that lie uncompressed inside some other file."""
    at = blob.find(b"RIFF")
    while 0 <= at <= len(blob) - 12:
        size = struct.unpack_from("<I", blob, at + 4)[0] + 8
        if blob[at + 8 : at + 12] == b"WAVE" and at + size <= len(blob) + 8:
            yield f"{name}!{at:08x}", blob[at : at + size]
            at = blob.find(b"RIFF", at + size)
        else:
            at = blob.find(b"RIFF", at + 4)


def unscramble(packed: bytes) -> bytes:
    """The plain bytes of a Clonk group file (gzip with its first bytes changed)."""
    if packed[:2] in (b"\x1e\x8c", b"\x1f\x8b"):
        try:
            return zlib.decompressobj(31).decompress(b"\x1f\x8b" + packed[2:])
        except zlib.error:
            return b""
    return packed


def group_sounds(name: str, group: bytes) -> Iterator[Found]:
    """The sounds of a Clonk group, and of the groups inside it."""
    if len(group) < 204:
        return
    head = bytearray(byte ^ 237 for byte in group[:204])
    for at in range(0, 202, 3):
        head[at], head[at + 2] = head[at + 2], head[at]
    if not bytes(head).startswith(b"RedWolf Design GrpFolder"):
        return
    count = struct.unpack_from("<I", head, 36)[0]
    data = 204 + 316 * count
    for entry in range(count):
        at = 204 + 316 * entry
        label = group[at : at + 257].split(b"\0")[0].decode("latin-1")
        _packed, nested, size, _, offset = struct.unpack_from("<5I", group, at + 260)
        body = group[data + offset : data + offset + size]
        if nested:
            yield from group_sounds(f"{name}!{label}", body)
        elif Path(label).suffix.lower() in AUDIO:
            yield f"{name}!{label}", body


# --- decoding -----------------------------------------------------------------


def decode(sound: bytes | Path) -> tuple[np.ndarray, int]:
    """Mono float samples and their rate; raises when nothing can read the file."""
    try:
        with soundfile.SoundFile(io.BytesIO(sound) if isinstance(sound, bytes) else str(sound)) as file:
            frames = min(len(file), 1200 * file.samplerate)
            return file.read(frames, dtype="float32", always_2d=True).mean(axis=1), file.samplerate
    except soundfile.SoundFileError:
        return decode_av(sound)


def decode_av(sound: bytes | Path) -> tuple[np.ndarray, int]:
    """The same through FFmpeg, for what libsndfile does not know."""
    pieces: list[np.ndarray] = []
    with av.open(io.BytesIO(sound) if isinstance(sound, bytes) else str(sound), "r") as box:
        to_float = av.AudioResampler(format="flt", layout="mono")
        rate = box.streams.audio[0].rate
        for frame in box.decode(audio=0):
            pieces += [out.to_ndarray()[0] for out in to_float.resample(frame)]
    return np.concatenate(pieces), rate


def settle(samples: np.ndarray, rate: int) -> np.ndarray:
    """The samples at 16 kHz without silent ends, raised only if very faint."""
    samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    if rate != RATE:
        samples = soxr.resample(samples, rate, RATE)
    heard = np.flatnonzero(np.abs(samples) > 1.5 / 32768)
    if heard.size == 0:
        return np.zeros(0, np.float32)
    samples = samples[heard[0] : heard[-1] + 1]
    peak = float(np.abs(samples).max())
    return samples * (0.891 / peak) if peak < 0.05 else samples


def cut(samples: np.ndarray, kind: str) -> list[np.ndarray]:
    """What is kept of one file: excerpts of music, the beginning of other long files."""
    if kind != "music":
        return [samples[: int(LIMITS[kind] * RATE)]]
    size = int(EXCERPT * RATE)
    if len(samples) <= size:
        return [samples]
    count = min(EXCERPTS, len(samples) // size)
    gap = (len(samples) - size) / (count + 1)
    return [samples[int(gap * (n + 1)) :][:size] for n in range(count)]


def kind_of(name: str, seconds: float, source: Source) -> str:
    """What a file is taken for: by the source's globs, then its path, then its length."""
    for kind in ("sound", "ambience", "music", "speech"):
        if any(fnmatch(name, glob) for glob in getattr(source, kind)):
            return kind
    if source.kind:
        return source.kind
    low = "/" + name.lower()
    if any(word in low for word in AMBIENCE_WORDS):
        return "ambience"
    if any(word in low for word in MUSIC_WORDS):
        return "music"
    if any(word in low for word in SPEECH_WORDS):
        return "speech"
    return "music" if seconds > LONG else "sound"


# --- parts --------------------------------------------------------------------


class Part:
    """The clips of one source, on disk while they are being collected."""

    def __init__(self, stem: Path, source: str) -> None:
        self.stem, self.source = stem, source
        self.clips: list[Clip] = []
        self.counts: Counter[str] = Counter()
        self.seen: set[bytes] = set()
        self.length = 0
        stem.parent.mkdir(parents=True, exist_ok=True)
        self.fresh = stem.with_name(stem.name + ".i16.new")
        self.file = self.fresh.open("wb")

    def add(self, name: str, kind: str, samples: np.ndarray) -> None:
        """Appends one clip, unless it is too short or heard before."""
        if len(samples) < SHORTEST * RATE:
            self.counts["too short"] += 1
            return
        data = (np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes()
        mark = hashlib.sha1(data).digest()
        if mark in self.seen:
            self.counts["duplicate"] += 1
            return
        self.seen.add(mark)
        self.file.write(data)
        self.clips.append(Clip(self.length, len(samples), self.source, name, kind))
        self.length += len(samples)
        self.counts["kept"] += 1

    def take(self, name: str, sound: bytes | Path, source: Source) -> None:
        """Decodes one file and adds what is kept of it."""
        try:
            samples = settle(*decode(sound))
        except Exception:  # whatever is wrong with a file, the next one may be good
            self.counts["unreadable"] += 1
            return
        kind = kind_of(name, len(samples) / RATE, source)
        for piece in cut(samples, kind):
            self.add(name, kind, piece)

    def close(self, fingerprint: str) -> None:
        """Puts the finished part in place; the .json comes last and makes it valid."""
        self.file.close()
        self.fresh.replace(f"{self.stem}.i16")
        about = {"fingerprint": fingerprint, "counts": self.counts, "clips": [asdict(clip) for clip in self.clips]}
        write_whole(Path(f"{self.stem}.json"), json.dumps(about).encode())


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file so that nobody ever sees half of it."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(data)
    fresh.replace(path)


def read_part(stem: Path, fingerprint: str) -> list[Clip] | None:
    """The clips of a finished part, or None where it is missing or outdated."""
    about = Path(f"{stem}.json")
    if not about.exists():
        return None
    held = json.loads(about.read_text())
    return [Clip(**clip) for clip in held["clips"]] if held["fingerprint"] == fingerprint else None


def make_part(stem: Path, source: Source, work: Path) -> Counter[str]:
    """Turns one package into a part and says how its files fared."""
    part = Part(stem, source.package)
    deb = fetch(source.package, work / "debs")
    if deb is None:
        return Counter(missing=1)
    tree = work / "tree" / source.package
    unpack(deb, tree)
    found = [item for item in find_audio(tree, source) if is_wanted(item[0], source)]
    if source.cap_minutes:
        random.Random(source.package).shuffle(found)
    for name, sound in found:
        if source.cap_minutes and part.length >= source.cap_minutes * 60 * RATE:
            part.counts["beyond the cap"] += 1
        else:
            part.take(name, sound, source)
    terms = tree / "usr/share/doc" / source.package / "copyright"
    if terms.is_file():  # kept beside the part: it says who made the sounds, and the terms
        shutil.copyfile(terms, f"{stem}.copyright")
    part.close(source.fingerprint())
    shutil.rmtree(tree)
    return part.counts


def is_wanted(name: str, source: Source) -> bool:
    """Whether the include and exclude globs let a name through."""
    if source.include and not any(fnmatch(name, glob) for glob in source.include):
        return False
    return not any(fnmatch(name, glob) for glob in source.exclude)


def folder_part(stem: Path, folder: Path) -> Counter[str]:
    """Turns the audio files of a plain folder into a part; `ambience__*` may run long."""
    source = Source("pool", "", "", kind="sound", ambience=["ambience__*", "blanket__*"])
    part = Part(stem, source.package)
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in AUDIO:
            part.take(path.relative_to(folder).as_posix(), path, source)
    part.close(folder_fingerprint(folder))
    return part.counts


def folder_fingerprint(folder: Path) -> str:
    """A short text that changes with the files of the folder."""
    listing = sorted((path.name, path.stat().st_size) for path in folder.rglob("*") if path.is_file())
    return hashlib.sha1(repr((FORMAT, listing)).encode()).hexdigest()


# --- the pool -----------------------------------------------------------------


def balanced(clips: list[Clip]) -> list[Clip]:
    """The clips without those, chosen by chance, that make music or speech too large a share."""
    totals: Counter[str] = Counter()
    for clip in clips:
        totals[clip.kind] += clip.length
    kept = dict(totals)
    for _ in range(50):  # less of one kind makes the whole smaller, and so the room for the other
        whole = sum(kept.values())
        kept |= {kind: min(totals[kind], int(share * whole)) for kind, share in SHARES.items()}
    dropped: set[int] = set()
    order = list(range(len(clips)))
    random.Random(1).shuffle(order)
    for kind in SHARES:
        excess = totals[kind] - kept[kind]
        for number in order:
            if excess > 0 and clips[number].kind == kind:
                dropped.add(number)
                excess -= clips[number].length
    return [clip for number, clip in enumerate(clips) if number not in dropped]


def join(parts: list[tuple[Path, list[Clip]]], out: Path) -> list[Clip]:
    """Writes the pool and its index from all parts, each distinct clip once."""
    wanted = {id(clip) for clip in balanced([clip for _, clips in parts for clip in clips])}
    seen: set[bytes] = set()
    index: list[Clip] = []
    position = 0
    with (out / "pool.i16.new").open("wb") as pool:
        for stem, clips in parts:
            samples = np.memmap(f"{stem}.i16", "<i2", "r") if clips else np.zeros(0, "<i2")
            for clip in clips:
                if id(clip) not in wanted:
                    continue
                data = samples[clip.start : clip.start + clip.length].tobytes()
                mark = hashlib.sha1(data).digest()
                if mark in seen:
                    continue
                seen.add(mark)
                pool.write(data)
                index.append(Clip(position, clip.length, clip.source, clip.name, clip.kind))
                position += clip.length
    with (out / "pool.csv.new").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["start", "length", "source", "name", "kind"])
        writer.writerows((clip.start, clip.length, clip.source, clip.name, clip.kind) for clip in index)
    (out / "pool.i16.new").replace(out / "pool.i16")
    (out / "pool.csv.new").replace(out / "pool.csv")
    return index


def report(index: list[Clip]) -> str:
    """Hours and clips of the pool by kind and by source."""
    lines = [f"{hours(index):6.2f} h  {len(index):6d} clips  in all"]
    for column in ("kind", "source"):
        groups: dict[str, list[Clip]] = {}
        for clip in index:
            groups.setdefault(getattr(clip, column), []).append(clip)
        for label, clips in sorted(groups.items(), key=lambda item: -hours(item[1])):
            lines.append(f"{hours(clips):6.2f} h  {len(clips):6d} clips  {label}")
    return "\n".join(lines)


def hours(clips: Iterable[Clip]) -> float:
    """How long the clips last together."""
    return sum(clip.length for clip in clips) / RATE / 3600


def read_sources(path: Path) -> list[Source]:
    """The packages named by `sources.toml`, in its order."""
    return [Source(**entry) for entry in tomllib.loads(path.read_text())["source"]]


def main() -> None:
    """Makes the parts that are missing, then the pool."""
    here = Path(__file__).resolve().parent
    wants = argparse.ArgumentParser(description="Gather training audio from Debian packages.")
    wants.add_argument("--out", type=Path, required=True, help="folder for pool.i16 and pool.csv")
    wants.add_argument("--pool", type=Path, help="an extra folder of audio files")
    wants.add_argument("--sources", type=Path, default=here / "sources.toml", help="the list of packages")
    wants.add_argument("--work", type=Path, help="folder for packages and parts (default: OUT/work)")
    given = wants.parse_args()
    work = given.work or given.out / "work"
    given.out.mkdir(parents=True, exist_ok=True)

    parts: list[tuple[Path, list[Clip]]] = []
    if given.pool:
        stem = work / "parts" / "_pool"
        if read_part(stem, folder_fingerprint(given.pool)) is None:
            print("extra folder:", dict(folder_part(stem, given.pool)), flush=True)
        parts.append((stem, read_part(stem, folder_fingerprint(given.pool)) or []))
    for source in read_sources(given.sources):
        stem = work / "parts" / source.package
        if read_part(stem, source.fingerprint()) is None:
            try:
                counts = make_part(stem, source, work)
            except (OSError, subprocess.CalledProcessError, struct.error) as error:
                print(f"{source.package}: left out, {error}", file=sys.stderr, flush=True)
                continue
            print(f"{source.package}:", dict(counts), flush=True)
        parts.append((stem, read_part(stem, source.fingerprint()) or []))
    print(report(join(parts, given.out)))


if __name__ == "__main__":
    main()
