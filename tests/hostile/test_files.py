"""What the fuzz has found, one by one: files that took minutes or gigabytes, and errors that were none of ours."""

import io
import json
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from audioprompt.audio.decode import load, stream_windows
from audioprompt.audio.recording import AudioError
from audioprompt.data import DataError, LabelledClips, from_zip
from audioprompt.data.hub import _Columns, _columns
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.few_shot.heads import FILE, load_head, read_record
from audioprompt.few_shot.settings import FewShotError
from audioprompt.prompts.formats import PACK_FORMATS, read_pack
from audioprompt.prompts.pack import MAX_BYTES, MAX_COUNT, MAX_KINDS, PackError, PromptPack
from audioprompt.util.text import one_line
from tests.hostile import readers
from tests.hostile.files import put
from tests.unit.few_shot.test_heads import TinyModel

TURNED = "rain\u202egnp.wav"  # shown as rainvaw.png


def pack_with(path: tuple[Any, ...], value: Any) -> bytes:
    return json.dumps(put(readers.PACK, path, value)).encode()


def head_with(path: tuple[Any, ...], value: Any) -> bytes:
    contents, record, data = readers.taken_apart(readers.heads()[0])
    return readers.put_together(contents, put(record, path, value), data)


def taking(megabytes: float, read: Callable[[], Any]) -> str:
    """The error that a reader ends in, while all that Python allocates at a time stays under a limit."""
    tracemalloc.start()
    try:
        with pytest.raises((PackError, DataError)) as caught:
            read()
        assert tracemalloc.get_traced_memory()[1] < megabytes * 1e6
    finally:
        tracemalloc.stop()
    return str(caught.value)


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (TURNED, "rain gnp.wav"),
        ("\u2066a\u2069 \u202bb\u202c", "a b"),
        ("a\x9bb\x85c\u2028d", "a b c d"),
        ("\u05d0\u200f\u05d1, \u0645\u06cc\u200c\u062e, \U0001f469\u200d\U0001f373", None),  # marks that letters need
    ],
)
def test_a_line_of_text_ends_nowhere_and_keeps_its_direction(text: str, line: str | None) -> None:
    assert one_line(text) == (text if line is None else line)


def heard(source: Any, name: str | None) -> None:
    load(source, 16_000, name=name)


def in_windows(source: Any, name: str | None) -> None:
    list(stream_windows(source, 16_000, 1.0, name=name))


@pytest.mark.parametrize("name", ["evil\nname\x1b[31m.wav", TURNED, "a\u2028b.wav"])
def test_the_name_of_a_recording_is_one_line_of_an_error(name: str, tmp_path: Path) -> None:
    for source, called in ((tmp_path / name, None), (b"noise", name), ((1, np.zeros(9)), name)):
        for read in (heard, in_windows):
            with pytest.raises(AudioError) as caught:
                read(source, called)
            assert str(caught.value).startswith(one_line(name)) and one_line(str(caught.value)) == str(caught.value)


def test_a_name_of_nothing_visible_is_written_out(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"^'.*\\x01' does not exist"):
        load(str(tmp_path / "\x01"), 16_000)


def test_a_class_with_two_underscores_is_spoken_with_one_blank() -> None:
    clips = LabelledClips((Path("a"), Path("b")), ("dog__bark", "owl_"))
    assert clips.spoken_classes == ("dog bark", "owl")


# --- packs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"entries":[1' + b",1" * 3_900_000 + b"]}", "id is missing (and 3 more problems)"),
        (b'{"history":[{}' + b",{}" * 2_600_000 + b"]}", "too many lists and fields for a pack"),
        (b'{"a":1' + b"".join(b',"%d":1' % n for n in range(9_000)) + b"}", "over 1,000 fields are wrong, so it"),
        (
            json.dumps(readers.PACK | {"\x1b[2J\n" + "x" * 5_000: 1}).encode(),
            "[2J " + "x" * 96 + " is not a known field",
        ),
        (pack_with(("entries", 0, "measured", 0, "n"), 10**400), "measured[0].n must be less than or equal to"),
        (pack_with(("history", 0, "change"), MAX_COUNT + 1), "history[0].change must be less than or equal to"),
        (pack_with(("history", 0, "at"), "0001-01-01T00:00:00+14:00"), "history[0].at must lie in the years 2000 to"),
        (pack_with(("entries", 0, "decided_at"), "9999-12-31T23:59:59-14:00"), "decided_at must lie in the years"),
    ],
    ids=["wrong entries", "empty events", "unknown fields", "odd field", "n", "change", "year 1", "year 9999"],
)
def test_packs_that_were_too_much(content: bytes, message: str) -> None:
    with pytest.raises(PackError) as caught:
        PromptPack.from_json(content, "x.json")
    assert str(caught.value).startswith("x.json: ") and message in str(caught.value)


def test_measurements_are_of_so_many_kinds_that_a_table_can_show_them() -> None:
    figure = readers.PACK["entries"][0]["measured"][0]
    figures = [figure | {"data": str(number)} for number in range(MAX_KINDS + 1)]
    with pytest.raises(PackError, match="must hold at most 500 kinds of measurement, holds 501"):
        PromptPack.from_json(pack_with(("entries", 0, "measured"), figures))
    pack = PromptPack.from_json(pack_with(("entries", 0, "measured"), figures[1:]))
    assert read_pack(PACK_FORMATS["csv"].write(pack).encode(), "x.csv").entries == pack.entries


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"{}\n" * 400_000, "x.txt", "over 2,000 templates, more than a pack holds"),
        (b'["{}"' + b',"{}"' * 400_000 + b"]", "x.json", "over 2,000 templates, more than a pack holds"),
        (b"template\n" + b"{}\n" * 400_000, "x.csv", "over 2,000 templates, more than a pack holds"),
        (b"template" + b"," * 400_000 + b"\n" + b"{}\n" * 1_500, "x.csv", "over 1,000 columns: leave out those"),
    ],
    ids=["lines", "list", "table", "columns"],
)
def test_lists_that_took_minutes(content: bytes, name: str, message: str) -> None:
    assert len(content) < MAX_BYTES
    assert message in taking(100, lambda: read_pack(content, name))


def test_a_number_of_many_digits_in_a_list_is_no_template() -> None:
    with pytest.raises(PackError, match="every item of the list must be a template in quotes"):
        read_pack(b"[1" + b"0" * 100_000 + b"]", "x.json")


# --- manifests and archives -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"path,classname\n" + b"a.wav,owl\n" * 60_000, "has 60,000 clips, and at most 50,000 can be used"),
        (b"path,classname\n" + b"a" * 20_000_001, "list.csv is too long for a manifest: keep it under 20 MB"),
        (b"path,classname\n" + b"a" * 300 + b".wav,owl\n", "aaa, which is not there: paths are relative"),
        (
            b"path,classname,fold\na.wav,owl," + b"9" * 5_000 + b"\n",
            "999': folds are whole numbers of at most 9 digits",
        ),
        (b"path,classname" + b"," * 2_000_000 + b"\n" + b"a.wav,owl\n" * 40_000, "has 2,000,002 columns, and at most"),
    ],
    ids=["rows", "line", "name", "fold", "columns"],
)
def test_manifests_that_took_minutes_or_gave_other_errors(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"x")
    (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(DataError) as caught:
        LabelledClips.from_manifest(tmp_path / "list.csv")
    assert message in str(caught.value) and len(str(caught.value)) < 400


def test_columns_that_say_nothing_of_the_clips_cost_nothing(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(name.encode())
    columns = b"".join(b",x%d" % number for number in range(9_000))
    (tmp_path / "list.csv").write_bytes(b"path,classname" + columns + b"\n" + b"a.wav,owl\nb.wav,dog\n" * 10_000)
    assert len(LabelledClips.from_manifest(tmp_path / "list.csv")) == 20_000


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_zipfile_unpacks_without_a_limit_is_refused(method: int, tmp_path: Path) -> None:
    """A megabyte of BZIP2 is unpacked in one go, to as much as it holds: a thousand gigabytes if need be."""
    bomb = readers.bomb(method)
    assert len(bomb) < 20_000
    assert "is packed in an unusual way, dog/2.wav: pack it" in taking(5, lambda: from_zip(bomb, tmp_path))


@pytest.mark.parametrize("depth", [32, 900, 1_900])
def test_folders_do_not_lie_in_each_other_without_end(depth: int, tmp_path: Path) -> None:
    deep = "a/" * depth
    content = readers.packed({f"{deep}owl/1.wav": b"1", f"{deep}dog/2.wav": b"2"})
    with pytest.raises(DataError, match=r"holds over 32 folders in folders|holds a file with an odd name"):
        from_zip(content, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [f"owl/{TURNED}", "owl/a\x9b.wav", "owl/a\u2028.wav", f"owl/{'x' * 5_000}.wav"])
def test_odd_names_in_an_archive_are_refused_and_written_out(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        from_zip(readers.packed({**readers.CLIPS, name: b"x"}), tmp_path)
    assert "holds a file with an odd name, 'owl/" in str(caught.value)
    assert one_line(str(caught.value)) == str(caught.value) and len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "about",
    [b"{", b"[]", b'{"info": []}', b'{"info": {"features": {"label": {"names": 3}}}}', b"\xff"],
)
def test_what_a_data_set_of_the_hub_says_of_itself_may_be_anything(about: bytes) -> None:
    class Field:
        def __init__(self, name: str, kind: str) -> None:
            self.name, self.type = name, kind

    class Schema(list[Field]):
        metadata = {b"huggingface": about}  # noqa: RUF012

    schema = Schema([Field("audio", "struct<bytes: binary, path: string>"), Field("label", "string")])
    assert _columns(schema, "owner/name") == _Columns("audio", "label", None, None, ())


# --- heads ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (head_with(("settings", "logit_scale"), 10**400), "settings.logit_scale"),
        (head_with(("shots",), 10**30), "shots must be less than or equal to 1000000000"),
        (head_with(("classes",), ["x"] * 2_001), "classes must hold at most 2000 classes, holds"),
        (head_with(("data",), "x" * 4_000_000), "its list of contents is too long"),
        (readers.put_together("x" * 5_000, {}, b""), "or it is damaged: "),
    ],
    ids=["setting", "shots", "classes", "header", "no header"],
)
def test_heads_that_gave_other_errors(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(FewShotError) as caught:
        read_record(tmp_path)
    assert message in str(caught.value) and len(str(caught.value)) < 400


def test_a_heads_file_names_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contents, record, data = readers.taken_apart(readers.heads()[0])
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / FILE).write_bytes(readers.put_together(contents | {"weights_file": "secret"}, record, data))
    with pytest.raises(FewShotError, match="not a head that audioprompt saved"):
        load_head(tmp_path, TinyModel())


# --- the cache --------------------------------------------------------------------------------------------------------


def test_entries_of_other_types_are_not_there(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    cache.put({"good": b"1", "text": b"2", "time": b"3"})
    with cache._open() as database:
        database.execute("UPDATE entries SET value = 'text' WHERE key = 'text'")
        database.execute("UPDATE entries SET used = 'never' WHERE key = 'time'")
    database.close()
    assert cache.get(["good", "text", "time"]) == {"good": b"1"}


# --- recordings -------------------------------------------------------------------------------------------------------


def test_hours_of_silence_in_a_small_file_are_refused_before_they_are_unpacked() -> None:
    """``load`` with a limit stops where it is reached; windows of a stream are given one by one and never held."""
    packed = readers.quiet_for_hours()
    assert len(packed) < 400_000
    assert soundfile.info(io.BytesIO(packed)).duration == 7_200
    tracemalloc.start()
    with pytest.raises(AudioError, match="is longer than 20 seconds"):
        load(packed, 16_000, max_seconds=20)
    first = next(stream_windows(packed, 16_000, 5.0))
    assert not first.samples.any() and tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()
