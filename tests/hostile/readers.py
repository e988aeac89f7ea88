"""The readers of strangers' files: valid files to start from, lies thought of by hand, and what a valid result is."""

import io
import json
import sqlite3
import stat
import struct
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from hypothesis import strategies as st

from audioprompt.audio.decode import load
from audioprompt.audio.recording import AudioError
from audioprompt.data import DataError, LabelledClips, from_zip
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.prompts.formats import PACK_FORMATS, read_pack
from audioprompt.prompts.pack import MAX_BYTES, MAX_TEMPLATES, PackError, PromptPack
from audioprompt.settings import bundled_store_folder
from tests.hostile.files import (
    TEXTS,
    changed,
    json_changed,
    json_lies,
    lies_behind,
    lies_in_fields,
    number,
    overwritten,
)

RATE = 16_000  # Hz, that recordings are read at


@dataclass(frozen=True)
class Reader:
    """One way in for files.

    Attributes:
        name: of the reader.
        error: the only one that it may raise.
        megabytes: that it may take for one file at the most.
        seeds: valid files.
        lies: files made by hand, each tried once.
        files: any number of others.
        read: reads one, in a folder of its own, and sees that the result is valid.
    """

    name: str
    error: type[Exception]
    megabytes: float
    seeds: Callable[[], Sequence[bytes]]
    lies: Callable[[], Iterator[bytes]]
    files: Callable[[], st.SearchStrategy[bytes]]
    read: Callable[[bytes, Path], None]


# --- recordings -------------------------------------------------------------------------------------------------------

SECONDS = 0.15
MAX_SECONDS = 20.0
KINDS = {
    "wav": ("WAV", "PCM_16"),
    "float": ("WAV", "FLOAT"),
    "law": ("WAV", "ULAW"),
    "adpcm": ("WAV", "IMA_ADPCM"),
    "rf64": ("RF64", "PCM_24"),
    "w64": ("W64", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "caf": ("CAF", "ALAC_16"),
    "au": ("AU", "PCM_16"),
    "vorbis": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", None),
}
CONTAINERS = {
    "m4a": ("ipod", "aac"),
    "webm": ("webm", "libopus"),
    "mkv": ("matroska", "flac"),
    "mov": ("mov", "pcm_s16le"),
    "avi": ("avi", "pcm_u8"),
    "ts": ("mpegts", "aac"),
    "wv": ("wv", "wavpack"),
    "tta": ("tta", "tta"),
}
EBML = (b"\x1aE\xdf\xa3", b"\x18S\x80g", b"\x16T\xaek", b"\xe1", b"\xb5")  # file, segment, tracks, sound, its rate
ATOMS = (b"moov", b"mvhd", b"trak", b"mdhd", b"stsd", b"mp4a", b"esds", b"stts", b"stsc", b"stsz", b"stco", b"ftyp")


@cache
def recordings() -> dict[str, bytes]:
    from tests.unit.test_audio import container_bytes, file_bytes, stereo

    sound = stereo(SECONDS)
    return {kind: file_bytes(sound, *how) for kind, how in KINDS.items()} | {
        kind: container_bytes(*how, seconds=SECONDS) for kind, how in CONTAINERS.items()
    }


def audio_lies() -> Iterator[bytes]:
    made = recordings()
    # channels, rate, bytes a second, block, bits; then chunk sizes: billions of samples, a million channels, no rate
    yield from lies_in_fields(made["wav"], [4, 16, 20, 22, 24, 28, 32, 34, 40], ["<I"])
    yield from lies_in_fields(made["rf64"], [4, 16, 20, 24, 28, 32, 36, 40], ["<I", "<Q"])
    yield from lies_in_fields(made["w64"], [16, 40, 64, 66, 68, 76, 78, 96, 104], ["<H", "<Q"])
    yield from lies_in_fields(made["aiff"], [4, 16, 20, 22, 26, 28, 30, 38, 42, 46], [">I"])
    yield from lies_in_fields(made["au"], range(4, 24, 4), [">I"])
    yield from lies_in_fields(made["caf"], [4, 12, 20, 28, 32, 36, 40, 44, 52], [">I", ">Q"])
    yield from lies_in_fields(made["flac"], [4, 5, 8, 10, 12, 15, 18, 21, 42], [">H", ">I"])
    yield from lies_in_fields(made["mp3"], range(0, 48, 2), [">I"])
    for kind in ("vorbis", "opus"):  # the first page, and the codec's own header in it
        yield from lies_in_fields(_checked(made[kind]), [5, 6, 14, 18, 26, 28, 39, 40, 44, 48, 52], ["<I"])
    yield from lies_behind(made["m4a"], ATOMS, 16, [">I"])
    yield from lies_in_fields(made["m4a"], [made["m4a"].find(atom) - 4 for atom in ATOMS], [">I"])  # how long each is
    yield from lies_behind(made["webm"], EBML, 12, [">Q"])
    yield from lies_behind(made["avi"], [b"RIFF", b"avih", b"strh", b"strf", b"movi"], 16, ["<I"])
    yield from lies_behind(made["wv"], [b"wvpk"], 32, ["<I"])
    yield from lies_behind(made["tta"], [b"TTA1"], 20, ["<H", "<I"])
    yield from lies_behind(made["adpcm"], [b"fmt ", b"fact", b"data"], 16, ["<I"])
    yield quiet_for_hours()
    yield b"ID3\4\0\0\x7f\x7f\x7f\x7f" + made["mp3"]
    yield b"ID3\4\0\0\0\0\0\0" * 20_000 + made["mp3"]
    yield b"RIFF\xff\xff\xff\xffWAVE" + b"LIST\0\0\0\0" * 100_000
    yield b"fLaC" + b"\1\0\0\0" * 200_000 + made["flac"][4:]
    yield (struct.pack(">I", 8) + b"moov") * 100_000  # boxes of nothing
    yield b"".join(struct.pack(">I", 8 * left) + b"moov" for left in range(20_000, 0, -1))  # boxes in boxes
    yield made["vorbis"] * 300  # a chain
    yield b"OggS" * 100_000
    yield b"#EXTM3U\nfile:///etc/passwd\n"
    yield b"ffconcat version 1.0\nfile /etc/passwd\n"
    yield b"<?xml version='1.0'?><MPD><BaseURL>http://127.0.0.1:9/</BaseURL></MPD>"


def _checked(content: bytes) -> bytes:
    """An Ogg file whose pages need no right checksum: there is none, so it stays as it is for decoders that look."""
    return overwritten(content, 22, bytes(4))


@cache
def quiet_for_hours() -> bytes:
    """Two hours of silence, which FLAC packs to less than a megabyte."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 8_000, 1, "PCM_16", format="FLAC") as sound:
        for _ in range(120):
            sound.write(np.zeros(60 * 8_000, np.int16))
    return file.getvalue()


def hear(content: bytes, folder: Path) -> None:
    heard = load(content, RATE, max_seconds=MAX_SECONDS)
    assert heard.dtype == np.float32 and heard.ndim == 1 and np.isfinite(heard).all()
    assert 0 < len(heard) <= (MAX_SECONDS + 0.01) * RATE


# --- packs ------------------------------------------------------------------------------------------------------------

PACK: dict[str, Any] = {
    "format_version": 1,
    "id": "bells",
    "title": "Bells",
    "description": "For bells.",
    "category": "instruments",
    "licence": "CC0-1.0",
    "provenance": {
        "generator": "lexicon",
        "settings": {"seed": 3, "words": ["loud"]},
        "written_on": "2026-11-21",
        "exchanges": [{"request": "Write\none", "answer": "{}", "model": "m"}],
    },
    "entries": [
        {
            "template": {"text": "A loud sound of {label}", "attribute": "loud"},
            "status": "approved",
            "decided_by": "ada",
            "decided_at": "2026-11-21T12:00:00Z",
            "reason": "clear",
            "measured": [
                {"model": "embedded", "revision": "a1", "data": "mine", "split": "fold 1", "n": 8, "accuracy": 0.5}
            ],
        },
        {"template": {"text": "{label} far away"}},
    ],
    "label_presets": {"All": ["dog", "cat"]},
    "history": [
        {
            "at": "2026-11-21T12:00:00Z",
            "who": "ada",
            "action": "decide",
            "change": 1,
            "template": "A loud sound of {label}",
            "from_status": "candidate",
            "to_status": "approved",
        }
    ],
}
JSON_WORDS = (
    *(b"[" * 200, b'{"a":' * 200, b"9" * 400, b"\0", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xae"),
    *b"""1e999 NaN -Infinity "\\ud800" "\\u0000" "id":"x", "entries":[], null true \\ " // /*""".split(),
)


def packs() -> list[bytes]:
    shipped = sorted(bundled_store_folder().glob("*.json"), key=lambda path: path.stat().st_size)
    return [
        json.dumps(PACK).encode(),
        PromptPack.from_json(json.dumps(PACK)).to_json().encode(),
        shipped[0].read_bytes(),
    ]


def pack_lies() -> Iterator[bytes]:
    yield from (json.dumps(lie).encode() for lie in json_lies(PACK))
    most = MAX_BYTES - 1_000
    yield b'{"entries":[1' + b",1" * (most // 2) + b"]}"
    yield b'{"history":[{}' + b",{}" * (most // 3) + b"]}"
    yield b'{"a":1' + b"".join(b',"%d":1' % n for n in range(600_000)) + b"}"
    yield b'{"label_presets":{"":[]' + b"".join(b',"%d":[]' % n for n in range(600_000)) + b"}}"
    yield b'{"provenance":{"settings":{"a":1' + b',"a":1' * (most // 6) + b"}}}"
    yield b'{"provenance":{"settings":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}}"
    yield b'{"provenance":{"exchanges":[1' + b",1" * (most // 2) + b"]}}"
    yield b'{"id":"' + b"a" * most + b'"}'
    yield b'{"id":' + b"9" * most + b"}"
    yield b'{"title":"' + b"\\ud800" * (most // 6) + b'"}'
    yield b" " * (MAX_BYTES + 1)
    many = [{"template": {"text": f"{{label}} {n}"}} for n in range(60_000)]
    yield json.dumps(PACK | {"entries": many}).encode()
    figures = [{**PACK["entries"][0]["measured"][0], "data": f"data {n}"} for n in range(60_000)]
    many[0]["measured"] = figures  # type: ignore[assignment]
    yield json.dumps(PACK | {"entries": many[: MAX_TEMPLATES // 2]}).encode()


def open_pack(content: bytes, folder: Path) -> None:
    pack = PromptPack.from_json(content, "from a stranger.json")
    assert PromptPack.from_json(pack.to_json()) == pack
    for export in PACK_FORMATS:
        export.write(pack)
    for event in pack.history:
        event.at.astimezone()  # no time that a zone has no room for


# --- lists and tables of templates ------------------------------------------------------------------------------------

TABLE_WORDS = (
    *(b"\r", b"\n", b"\t", b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"x" * 140_000, b"9" * 5_000),
    *(b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xae", b"\xed\xa0\x80"),
    *b"""" ' "" ; , =1+1 {} {label} { template accuracy|a|b|c|d|1 | 1e999 - [ [' {" """.split(),
)


def tables() -> list[bytes]:
    pack = PromptPack.from_json(json.dumps(PACK))
    return [PACK_FORMATS[form].write(pack).encode() for form in ("csv", "list", "text")] + [
        b"template;status\n{} a;approved\n{} b;\n",
        "template\n{} \u9418\n".encode(),
    ]


def table_lies() -> Iterator[bytes]:
    most = MAX_BYTES - 1_000
    yield b"{}\n" * (most // 3)
    yield b'["{}"' + b',"{}"' * (most // 5) + b"]"
    yield b"[" * most
    yield b"[1" + b"0" * 1_000_000 + b"]"
    yield b"template\n" + b"{}\n" * (most // 3)
    yield b"template" + b"," * 500_000 + b"\n" + b"".join(b"%d {}\n" % n for n in range(1_500))
    yield b"template" + b"," * most + b"\n{}\n"
    yield b"template," + b"accuracy|a|b|c|d|1," * (most // 19) + b"\n{}\n"
    yield b'template\n"' + b"{} \n" * (most // 4)
    yield b"template\n" + b'"{}"""' * (most // 6)
    yield b"template\n{}" + b"x" * most
    yield b"template\n" + b"\n" * most
    yield b" " * most
    yield b"\xef\xbb\xbf" * (most // 3)
    for encoding in ("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7", "shift_jis", "latin-1"):
        yield "template,reason\n{} caf\u00e9,\u00e9t\u00e9\n".encode(encoding, "replace")
    for text in TEXTS:
        cells = [f"{text}{{}}", "loud", "hall", "approved", text, text, text]
        for end in ("\n", "\r\n", "\r"):
            row = ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)
            yield f"template,attribute,source,status,decided by,decided at,reason{end}{row}{end}".encode(
                "utf-8", "surrogatepass"
            )
        yield json.dumps([f"{text}{{}}"]).encode()


def open_table(content: bytes, folder: Path) -> None:
    for name in ("x.csv", "x.json"):
        try:
            pack = read_pack(content, name)
        except PackError as error:
            if name == "x.json":
                raise
            assert "\n" not in str(error)
            continue
        assert 1 <= len(pack.entries) <= MAX_TEMPLATES
        assert PromptPack.from_json(pack.to_json()) == pack
        assert read_pack(PACK_FORMATS["csv"].write(pack).encode(), "x.csv").entries == pack.entries
        return


# --- manifests and archives of clips ----------------------------------------------------------------------------------


def manifests() -> list[bytes]:
    return [
        b"path,classname,fold,group\na.wav,owl,1,x\nb.wav,dog,2,y\nsub/c.wav,owl,1,\n",
        b"\xef\xbb\xbfpath;classname\r\na.wav;owl\r\nb.wav;dog\r\n",
        b'classname\tpath\n"owl"\t"a.wav"\ndog\tb.wav\n',
    ]


def manifest_lies() -> Iterator[bytes]:
    yield b"path,classname\n" + b"a.wav,owl\n" * 2_500_000
    yield b"path,classname\n" + b"a" * 30_000_000
    yield b"path,classname" + b"," * 2_000_000 + b"\n" + b"a.wav,owl\n" * 40_000
    yield b"path,classname\n" + b"\n" * 5_000_000
    yield b"path,classname\n" + b"".join(b"a.wav,%d\n" % n for n in range(2_000))
    yield b'path,classname\n"' + b"a.wav,owl\n" * 1_000_000
    yield b"path,classname\n" + b"a/" * 3_000 + b"a.wav,owl\n"
    for fold in (b"9" * 5_000, b"1_0", b"1e3", b" 1 ", b"\xd9\xa1", b"-0", b"NaN", b"0x1"):
        yield b"path,classname,fold\na.wav,owl," + fold + b"\nb.wav,dog,2\n"
    for text in TEXTS:
        name = text.encode("utf-8", "surrogatepass").replace(b'"', b"")
        yield b'path,classname\n"' + name + b'",owl\nb.wav,dog\n'
        yield b'path,classname,group\na.wav,"' + name + b'",x\nb.wav,dog,"' + name + b'"\n'


def open_manifest(content: bytes, folder: Path) -> None:
    (folder / "sub").mkdir(exist_ok=True)
    for name in ("a.wav", "b.wav", "sub/c.wav"):
        (folder / name).write_bytes(name.encode())
    (folder / "list.csv").write_bytes(content)
    clips = LabelledClips.from_manifest(folder / "list.csv")
    assert len(clips.paths) == len(clips.labels) == len(clips.groups) == len(clips.targets) > 0
    assert all(path.is_file() for path in clips.paths)
    assert len(clips.spoken_classes) == len(clips.classes)


CLIPS: Mapping[str, bytes] = {"owl/1.wav": b"one", "owl/2.wav": b"two", "dog/3.wav": b"three"}
LISTED: Mapping[str, bytes] = {
    "set/m.csv": b"path,classname\na.wav,owl\nb.wav,dog\n",
    "set/a.wav": b"1",
    "set/b.wav": b"2",
}


def packed(
    files: Mapping[str, bytes] | Sequence[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED, mode: int = 0
) -> bytes:
    """A zip file; ``mode`` is each entry's kind and rights as Unix has them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in files.items() if isinstance(files, Mapping) else files:
            entry = zipfile.ZipInfo("x")
            entry.filename, entry.compress_type = name, method
            if mode:
                entry.create_system, entry.external_attr = 3, mode << 16
            archive.writestr(entry, content)
    return file.getvalue()


def archives() -> list[bytes]:
    return [packed(CLIPS), packed(LISTED), packed(CLIPS, zipfile.ZIP_STORED)]


def archive_lies() -> Iterator[bytes]:
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield bomb(method)
    yield overlapping()
    for mode in (stat.S_IFLNK | 0o777, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK, stat.S_IFDIR, 0o4777):
        yield packed({**CLIPS, "owl/4.wav": b"/etc/passwd"}, mode=mode)
    for depth in (20, 60, 400, 900, 1_900, 30_000):
        deep = "a/" * depth
        yield packed({f"{deep}owl/1.wav": b"1", f"{deep}dog/2.wav": b"2"})
    for text in TEXTS:
        for name in (f"{text}.wav", f"owl/{text}.wav", f"{text}/1.wav", f"{text}", f"owl\\{text}.wav"):
            try:
                yield packed({**CLIPS, name: b"x"})
            except (UnicodeEncodeError, struct.error):
                continue  # no zip file can hold such a name
        plain = text.encode("utf-8", "surrogatepass")
        yield packed({"m.csv": b'path,classname\n"' + plain + b'",owl\na.wav,dog\n', "a.wav": b"1"})
    yield packed({f"{'ab'[n % 2]}/{n}.wav": b"" for n in range(3_000)})
    yield listing(100_001)
    yield listing(600_000)
    yield from lies_behind(packed(LISTED), [b"PK\3\4", b"PK\1\2", b"PK\5\6"], 44, ["<I"])
    yield packed({**CLIPS, "more.zip": packed(CLIPS), "owl/evil.py": b"raise SystemExit"})
    yield packed({"m.csv": b"path,classname\n" + b"a" * 30_000_000})
    yield packed([("owl/1.wav", b"1"), ("OWL/1.WAV", b"2"), ("dog/1.wav", b"3")])


@cache
def bomb(method: int) -> bytes:
    """An archive of less than a megabyte that holds 60 MB of zeros."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("dog/2.wav", b"x")
        with archive.open("owl/1.wav", "w") as entry:
            for _ in range(60):
                entry.write(bytes(2**20))
    return file.getvalue()


def overlapping() -> bytes:
    """An archive of 3,000 entries that all point at the same packed megabyte of zeros."""
    data = zlib.compressobj(wbits=-15)
    content = data.compress(bytes(2**20)) + data.flush()
    fixed = (20, 0, 8, 0, 0, zlib.crc32(bytes(2**20)), len(content), 2**20, 9, 0)
    local = struct.pack("<4s5H3L2H", b"PK\3\4", *fixed) + b"a/000.wav" + content
    entries = b""
    for n in range(3_000):
        name = b"%c/%03x.wav" % (b"ab"[n % 2], n)
        entries += struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, *fixed[:-1], 0, 0, 0, 0, 0, 0) + name
    return local + entries + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 3_000, 3_000, len(entries), len(local), 0)


def listing(count: int) -> bytes:
    """An archive that is nothing but a long list of contents."""
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0) + b"aa"
    return entry * count + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65_535, 65_535, len(entry) * count, 0, 0)


@st.composite
def strange_archives(draw: st.DrawFn) -> bytes:
    """Archives in order, of files with strange names, kinds and packings."""
    part = st.sampled_from(
        [*TEXTS, "..", ".", "owl", "dog", "C:", "CON", "~", "a" * 300, "__MACOSX", ".hidden", " "]
    ) | st.text(max_size=8)
    name = st.builds(
        lambda parts, joint, ending: joint.join(parts) + ending,
        st.lists(part, min_size=1, max_size=4),
        st.sampled_from(["/", "\\", "//", "/./"]),
        st.sampled_from([".wav", ".csv", ".WAV", "/", ".wav\0.exe", ""]),
    )
    files = draw(
        st.lists(
            st.tuples(name, st.sampled_from([b"", b"x", manifests()[0], b"path,classname\n../b,owl\n"])), max_size=5
        )
    )
    method = draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))
    mode = draw(st.sampled_from([0, 0, 0, stat.S_IFLNK | 0o777, stat.S_IFDIR, stat.S_IFREG | 0o6777]))
    try:
        return packed([*CLIPS.items(), *files], method, mode)
    except (UnicodeEncodeError, struct.error, ValueError, IndexError):
        return packed(CLIPS, method, mode)


def unpack(content: bytes, folder: Path) -> None:
    into = folder / "into"
    try:
        clips = from_zip(content, into)
    except DataError:
        assert not into.is_dir() or not list(into.iterdir()), "it left something behind"
        raise
    assert clips.paths and all(path.resolve().is_relative_to(into) and path.is_file() for path in clips.paths)
    assert not any(path.is_symlink() for path in folder.rglob("*"))
    assert {path.suffix.lower() for path in into.rglob("*") if path.is_file()} <= {".wav", ".csv"}


# --- fitted heads -----------------------------------------------------------------------------------------------------


@cache
def heads() -> list[bytes]:
    from audioprompt.few_shot.heads import save_head
    from audioprompt.few_shot.methods import METHODS
    from tests.unit.few_shot.test_heads import TinyModel, shared

    made = []
    with tempfile.TemporaryDirectory() as folder:
        for method in METHODS.names:
            whole = shared(method, TinyModel())
            save_head(Path(folder) / "head.safetensors", whole.head, whole.record)
            made.append((Path(folder) / "head.safetensors").read_bytes())
    return made


def taken_apart(head: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """A head's list of contents without the record, the record, and the numbers."""
    size = struct.unpack_from("<Q", head)[0]
    contents = json.loads(head[8 : 8 + size])
    record = json.loads(contents.pop("__metadata__")["audioprompt"])
    return contents, record, head[8 + size :]


def put_together(contents: Any, record: Any, data: bytes) -> bytes:
    text = record if isinstance(record, str) else json.dumps(record)
    header = json.dumps({"__metadata__": {"audioprompt": text}, **contents} if isinstance(contents, dict) else contents)
    return struct.pack("<Q", len(header)) + header.encode() + data


def head_lies() -> Iterator[bytes]:
    for which, head in enumerate(heads()):
        contents, record, data = taken_apart(head)
        some = slice(which, None, len(heads()))  # of the same lies in each kind of head
        yield from (put_together(contents, lie, data) for lie in [*json_lies(record)][some])
        yield from (put_together(lie, record, data) for lie in [*json_lies(contents)][some])
        for value in (1e38, -1e38, 1e-45, float("nan"), float("inf")):
            yield put_together(contents, record, struct.pack("<f", value) * (len(data) // 4))
        for name, about in contents.items():
            for shape in (
                [],
                [0],
                [1],
                [0, 2**62],
                [2**62, 4],
                [-1],
                [about["shape"][0], 0],
                [1, *about["shape"]],
                about["shape"][::-1],
                [1] * 40,
            ):
                yield put_together(contents | {name: about | {"shape": shape}}, record, data)
            for kind in ("F64", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "C64", "F4", "?"):
                yield put_together(contents | {name: about | {"dtype": kind}}, record, data)
            yield put_together({other: contents[other] for other in contents if other != name}, record, data)
            yield put_together(
                contents | {"more": {**about, "data_offsets": [len(data), len(data) + 4], "shape": [1]}},
                record,
                data + bytes(4),
            )
        for size in (0, 1, len(head), 2**31, 2**62, 2**64 - 1):
            yield number(size, "<Q") + head[8:]
    contents, record, data = taken_apart(heads()[0])
    yield put_together(contents, "[" * 5_000_000, data)
    yield put_together(contents, record | {"classes": ["x"] * 500_000}, data)
    yield put_together(contents, record | {str(n): 1 for n in range(300_000)}, data)
    yield put_together(
        contents | {f"x{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(100_000)},
        record,
        data,
    )
    yield put_together(
        {"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "weights_file": "/etc/passwd"}, record, bytes(4)
    )


@st.composite
def strange_heads(draw: st.DrawFn) -> bytes:
    contents, record, data = taken_apart(draw(st.sampled_from(heads())))
    if draw(st.booleans()):
        return put_together(contents, draw(json_changed(record)), data)
    return put_together(json.loads(draw(json_changed(contents))), record, data)


def open_head(content: bytes, folder: Path) -> None:
    from audioprompt.few_shot.heads import card, load_head
    from tests.unit.few_shot.test_heads import TinyModel

    (folder / "head.safetensors").write_bytes(content)
    model = TinyModel()
    found = load_head(folder / "head.safetensors", model)
    said = found.head.predict_proba(np.eye(model.dim, dtype=np.float32))
    assert said.shape == (model.dim, len(found.record.classes))
    assert "<img" not in card(found.record)


# --- the cache of embeddings ------------------------------------------------------------------------------------------


def caches() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        cache = EmbeddingCache(Path(folder))
        cache.put({f"key {n}": bytes([n]) * 300 for n in range(20)})
        return [cache.path.read_bytes()]


def cache_lies() -> Iterator[bytes]:
    yield from lies_in_fields(caches()[0], [16, 18, 20, 24, 28, 32, 36, 40, 44, 52, 56, 60, 92, 100], [">H", ">I"])
    pickled = b"cos\nsystem\n(S'touch /tmp/ran'\ntR."
    for used, value in ((0.0, "text"), (0.0, 3), ("never", b"x"), (b"\x80", None), (float("inf"), pickled)):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x"
            with sqlite3.connect(path) as database:
                database.execute("CREATE TABLE entries (key, used, size, value)")
                database.execute("INSERT INTO entries VALUES ('key 1', ?, 1, ?)", (used, value))
            database.close()
            yield path.read_bytes()


def look_up(content: bytes, folder: Path) -> None:
    cache = EmbeddingCache(folder)
    cache.path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it is broken
        found = cache.get([f"key {n}" for n in range(20)])
        assert all(isinstance(value, bytes) for value in found.values())
        cache.put({"another": b"1"})
        assert cache.info().entries >= 0


READERS = {
    reader.name: reader
    for reader in (
        Reader(
            "audio",
            AudioError,
            200,
            lambda: [*recordings().values()],
            audio_lies,
            lambda: changed([*recordings().values()]) | st.binary(max_size=400),
            hear,
        ),
        Reader(
            "packs",
            PackError,
            700,
            packs,
            pack_lies,
            lambda: changed(packs(), JSON_WORDS) | json_changed(PACK).map(str.encode) | st.binary(max_size=100),
            open_pack,
        ),
        Reader(
            "templates",
            PackError,
            700,
            tables,
            table_lies,
            lambda: changed(tables(), TABLE_WORDS) | st.binary(max_size=100),
            open_table,
        ),
        Reader(
            "manifests",
            DataError,
            300,
            manifests,
            manifest_lies,
            lambda: changed(manifests(), TABLE_WORDS) | st.binary(max_size=100),
            open_manifest,
        ),
        Reader(
            "archives",
            DataError,
            300,
            archives,
            archive_lies,
            lambda: changed(archives()) | strange_archives() | st.binary(max_size=100),
            unpack,
        ),
        Reader(
            "heads",
            ValueError,
            300,
            heads,
            head_lies,
            lambda: changed(heads(), JSON_WORDS) | strange_heads() | st.binary(max_size=100),
            open_head,
        ),
        Reader(
            "cache",
            ZeroDivisionError,
            100,
            caches,
            cache_lies,
            lambda: changed(caches()) | st.binary(max_size=4_000),
            look_up,
        ),
    )
}
