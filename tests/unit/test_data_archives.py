"""Zip files: what is taken out of them, and everything that somebody could hide in one."""

import io
import os
import stat
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioprompt.data import DataError, from_zip
from audioprompt.data.archives import MAX_RATIO

FOLDERS = {"dog_bark/1.wav": b"dog 1", "dog_bark/2.ogg": b"dog 2", "owl/deep/3.WAV": b"owl 3"}
MANIFEST = {
    "manifest.csv": b"path,classname,fold\nsounds/b.wav,owl,2\nsounds\\a.wav,dog,1\n",
    "sounds/a.wav": b"a",
    "sounds/b.wav": b"b",
}


def packed(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def there(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("top", ["", "set/", "set/audio/"])
def test_a_folder_for_each_class(tmp_path: Path, top: str, method: int) -> None:
    path = tmp_path / "animals.zip"
    path.write_bytes(packed({top + name: content for name, content in FOLDERS.items()}, method))
    clips = from_zip(path, tmp_path / "into")
    assert clips.labels == ("dog_bark", "dog_bark", "owl") and clips.name == "animals"
    assert [path.read_bytes() for path in clips.paths] == [b"dog 1", b"dog 2", b"owl 3"]
    assert all(path.parents[-len(tmp_path.parts) - 1] == tmp_path / "into" for path in clips.paths)


@pytest.mark.parametrize("top", ["", "set/"])
def test_a_manifest(tmp_path: Path, top: str) -> None:
    clips = from_zip(packed({top + name: content for name, content in MANIFEST.items()}), tmp_path, name="mine")
    assert clips.labels == ("owl", "dog") and clips.folds == (2, 1) and clips.name == "mine"
    assert [path.read_bytes() for path in clips.paths] == [b"b", b"a"]


def test_only_recordings_and_the_manifest_are_unpacked(tmp_path: Path) -> None:
    others = {
        "README.md": b"",
        "run.sh": b"rm -rf /",
        "more.zip": packed({"owl/nested.wav": b""}),
        "sounds/notes.csv": b"",
        "sounds/.hidden.wav": b"",
        ".git/a.wav": b"",
        "__MACOSX/sounds/._a.wav": b"",
        "__MACOSX/manifest.csv": b"",
        "empty/": b"",
    }
    from_zip(packed(MANIFEST | others), tmp_path)
    (folder,) = tmp_path.iterdir()
    assert there(folder) == sorted(MANIFEST)


def test_an_archive_is_unpacked_once(tmp_path: Path) -> None:
    first = from_zip(packed(FOLDERS), tmp_path)
    times = {path: path.stat().st_mtime_ns for path in first.paths}
    assert from_zip(packed(FOLDERS), tmp_path) == first
    assert {path: path.stat().st_mtime_ns for path in first.paths} == times
    assert from_zip(packed(MANIFEST), tmp_path).paths[0] not in first.paths
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("marked", [True, False], ids=["marked", "unmarked"])
def test_archives_of_a_mac(tmp_path: Path, marked: bool) -> None:
    """Accents apart from their letters, UTF-8 without the mark for it, and the Finder's own files."""
    others = {"__MACOSX/clips/._e\u0301 1.wav": b"", ".DS_Store": b"", "clips/.DS_Store": b"", "clips/._x.wav": b""}
    files = {"clips/e\u0301 1.wav": b"1", "clips/e\u0301 2.wav": b"2", **others}
    content = packed(
        {**files, "manifest.csv": "path,classname\nclips/\u00e9 1.wav,owl\nclips/\u00e9 2.wav,dog\n".encode()}
    )
    if not marked:
        for signature, offset in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
            content = without_bit(content, signature, offset, 0x08)
    clips = from_zip(content, tmp_path)
    assert [path.read_bytes() for path in clips.paths] == [b"1", b"2"] and clips.labels == ("owl", "dog")


def without_bit(content: bytes, signature: bytes, offset: int, bit: int) -> bytes:
    found = bytearray(content)
    at = found.find(signature)
    while at >= 0:
        found[at + offset] &= ~bit
        at = found.find(signature, at + 4)
    return bytes(found)


def with_link() -> bytes:
    file = io.BytesIO(packed(FOLDERS))
    entry = zipfile.ZipInfo("owl/4.wav")
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(entry, "/etc/passwd")
    return file.getvalue()


def encrypted() -> bytes:
    """Mark an archive's entries as encrypted, here and in the list of contents."""
    content = bytearray(packed({"owl/1.wav": b"a", "dog/2.wav": b"b"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(signature)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(signature, at + 4)
    return bytes(content)


def lying() -> bytes:
    """An archive of 60 MB of zeros whose list of contents says that they are 10 bytes."""
    content = bytearray(packed({"owl/1.wav": b"\0" * 60_000_000, "dog/2.wav": b"b"}))
    struct.pack_into("<I", content, content.find(b"PK\x01\x02") + 24, 10)
    return bytes(content)


def twice() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("owl/1.wav", "a")
        archive.writestr("owl/1.wav", "b")
    return file.getvalue()


def boundless_list() -> bytes:
    """An archive whose end claims a list of contents of 3 GB."""
    content = bytearray(packed(FOLDERS))
    struct.pack_into("<I", content, content.rfind(b"PK\x05\x06") + 12, 3_000_000_000)
    return bytes(content)


def damaged() -> bytes:
    content = bytearray(packed({"owl/1.wav": os.urandom(10_000), "dog/2.wav": b"b"}))
    content[5_000] ^= 0xFF
    return bytes(content)


SAME = b"path,classname\ndog_bark/1.wav,%s\ndog_bark/2.ogg,a\n"
NO_ZIP, LEADS_OUT = "is not a zip file that can be unpacked", "which leads out of the folder"
BAD = {
    "bomb": (lambda: packed({"owl/1.wav": b"\0" * 60_000_000, "dog/2.wav": b""}), "unpacks to more than 20,000,000"),
    "shards": (lambda: packed({f"{n % 2}/{n}.wav": b"\0" * 900_000 for n in range(40)}), "unpacks to more than 20"),
    "lying": (lying, NO_ZIP),
    "list": (boundless_list, NO_ZIP),
    "up": (lambda: packed({**FOLDERS, "../evil.wav": b""}), "'../evil.wav', " + LEADS_OUT),
    "deep-up": (lambda: packed({**FOLDERS, "owl/../../../evil.wav": b""}), LEADS_OUT),
    "windows-up": (lambda: packed({**FOLDERS, "..\\evil.wav": b""}), LEADS_OUT),
    "absolute": (lambda: packed({**FOLDERS, "/tmp/evil.wav": b""}), "'/tmp/evil.wav', " + LEADS_OUT),
    "drive": (lambda: packed({**FOLDERS, "C:\\evil.wav": b""}), LEADS_OUT),
    "share": (lambda: packed({**FOLDERS, "\\\\server\\share\\evil.wav": b""}), LEADS_OUT),
    "link": (with_link, "holds a link, owl/4.wav: pack the recording itself"),
    "odd": (lambda: packed({**FOLDERS, "owl/a\nb.wav": b""}), r"holds a file with an odd name, 'owl/a\nb.wav'"),
    "long": (lambda: packed({**FOLDERS, f"owl/{'a' * 300}.wav": b""}), "cannot be unpacked (File name too long)"),
    "under-a-file": (lambda: packed({"owl/1.wav": b"", "owl/1.wav/2.wav": b""}), "cannot be unpacked"),
    "twice": (twice, "holds owl/1.wav twice"),
    "encrypted": (encrypted, "is encrypted: pack it without a password"),
    "damaged": (damaged, NO_ZIP),
    "cut-off": (lambda: packed(FOLDERS)[:-30], NO_ZIP),
    "no-zip": (lambda: b"RIFF and so on", NO_ZIP + " (File is not a zip file): pack it again"),
    "nothing": (lambda: b"", NO_ZIP),
    "empty": (lambda: packed({}), "holds no recordings"),
    "nested": (lambda: packed({"more.zip": packed(FOLDERS)}), "holds no recordings"),
    "one-class": (lambda: packed({"owl/1.wav": b"a"}), "has only one class, owl"),
    "tables": (
        lambda: packed({**FOLDERS, "a.csv": SAME % b"owl", "b.csv": SAME % b"dog"}),
        "has several tables of the same recordings, a.csv, b.csv: call the one to use manifest.csv",
    ),
    "row-up": (lambda: packed({"m.csv": b"path,classname\n../../x.wav,owl\n"}), "m.csv, line 2, names '../../x.wav'"),
    "row-absolute": (lambda: packed({"m.csv": b"path,classname\n/etc/passwd,owl\n"}), "'/etc/passwd', " + LEADS_OUT),
    "row-lacking": (lambda: packed({"m.csv": b"path,classname\nz.wav,owl\n"}), "names z.wav, which is not there"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("as_file", [True, False], ids=["file", "bytes"])
def test_what_is_refused_leaves_nothing_behind(tmp_path: Path, kind: str, as_file: bool) -> None:
    make, message = BAD[kind]
    content, into = make(), tmp_path / "deep" / "into"
    (tmp_path / "bad.zip").write_bytes(content)
    with pytest.raises(DataError) as caught:
        from_zip(tmp_path / "bad.zip" if as_file else content, into)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert there(tmp_path) == ["bad.zip"]
    assert list(into.glob("*")) == []


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audioprompt.data.archives.MAX_ENTRIES", 5)
    with pytest.raises(DataError, match="holds over 5 files: pack the recordings alone, and fewer of them"):
        from_zip(packed({f"owl/{number}.txt": b"" for number in range(6)}), tmp_path)


def test_the_limit_is_on_what_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = {f"{'ab'[n % 2]}/{n}.wav": os.urandom(1_000) for n in range(30)}
    monkeypatch.setattr("audioprompt.data.archives.MAX_BYTES", 30_000)
    assert len(from_zip(packed(noise), tmp_path)) == 30
    monkeypatch.setattr("audioprompt.data.archives.MAX_BYTES", 29_999)
    with pytest.raises(DataError, match="unpacks to more than 29,999 bytes"):
        from_zip(packed({**noise, "a/x.txt": b"another archive"}), tmp_path)


def test_quiet_recordings_are_no_bomb(tmp_path: Path) -> None:
    quiet = packed({"owl/1.wav": b"\0" * 8_000_000, "dog/2.wav": b"\0" * 8_000_001})
    assert len(quiet) * MAX_RATIO < 16_000_000
    assert len(from_zip(quiet, tmp_path)) == 2


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(
        DataError, match=r"cannot be unpacked \(No space left on device\): check the file and the space"
    ):
        from_zip(packed(FOLDERS), tmp_path)
    assert list(tmp_path.iterdir()) == []


@given(st.data())
def test_whatever_the_bytes_are_there_are_clips_or_one_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(packed(MANIFEST, data.draw(st.sampled_from([0, 8, 12, 14]))))
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[at] = data.draw(st.integers(0, 255))
    into = tmp_path_factory.mktemp("into")
    try:
        clips = from_zip(bytes(content), into)
    except DataError as error:
        assert "\n" not in str(error)
        assert list(into.iterdir()) == []
    else:
        assert all(path.resolve().is_relative_to(into) for path in clips.paths)


@given(st.text(min_size=1, max_size=30))
def test_whatever_a_file_is_called_it_stays_inside(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    outer = tmp_path_factory.mktemp("outer")
    try:
        content = packed({**FOLDERS, f"{name}.wav": b"x"})
    except (ValueError, IndexError):
        return  # not even a zip file can be called so
    try:
        clips = from_zip(content, outer / "into")
    except DataError:
        clips = None
    assert all(path.startswith("into/") for path in there(outer))
    assert clips is None or len(clips) in (3, 4)
