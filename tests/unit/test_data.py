"""Labelled clips: what a manifest may look like, and how its mistakes are told."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from audioprompt.data import DataError, LabelledClips, open_clips
from audioprompt.data import clips as module

Write = Callable[[str | bytes], Path]


@pytest.fixture
def manifest(tmp_path: Path) -> Write:
    """Write a manifest beside three recordings, a.wav, b.wav and deep/c.wav."""
    folder = tmp_path / "animals"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.wav", "b.wav", "deep/c.wav"):
        (folder / name).write_bytes(b"sound")

    def write(content: str | bytes) -> Path:
        path = folder / "test.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def test_a_manifest(manifest: Write) -> None:
    path = manifest("path,classname,fold\na.wav,owl,1\nb.wav,dog_bark,1\ndeep/c.wav,owl,2\n")
    clips = LabelledClips.from_manifest(path)
    assert clips.paths == (path.parent / "a.wav", path.parent / "b.wav", path.parent / "deep" / "c.wav")
    assert clips.labels == ("owl", "dog_bark", "owl")
    assert clips.folds == (1, 1, 2)
    assert clips.name == "animals/test"
    assert clips.classes == ("dog_bark", "owl")
    assert clips.spoken_classes == ("dog bark", "owl")
    assert clips.targets.tolist() == [1, 0, 1] and clips.targets.dtype == np.intp
    assert len(clips) == 3


@pytest.mark.parametrize(
    "content",
    [
        "path,classname\na.wav,owl\nb.wav,dog\n",
        "path,classname\r\na.wav,owl\r\nb.wav,dog",
        "\ufeffpath,classname\na.wav,owl\nb.wav,dog\n",
        "path;classname\na.wav;owl\nb.wav;dog\n",
        "path\tclassname\na.wav\towl\nb.wav\tdog\n",
        "\n\npath,classname\n\na.wav,owl\n   \n,,\nb.wav,dog\n\n\n",
        "\n\npath;classname\na.wav;owl\nb.wav;dog\n",
        "Path, ClassName ,notes\n a.wav , owl ,loud\nb.wav,dog\n",
        "license,classname,seconds,path\ncc0,owl,3,a.wav\ncc-by,dog,4,b.wav\n",
        '"path","classname"\n"a.wav","owl"\n"b.wav","dog"\n',
    ],
    ids=["plain", "crlf", "bom", "semicolons", "tabs", "blank", "blank-first", "spaced", "columns", "quoted"],
)
def test_spreadsheets_write_manifests_in_many_ways(manifest: Write, content: str) -> None:
    path = manifest(content)
    clips = LabelledClips.from_manifest(path)
    assert [found.name for found in clips.paths] == ["a.wav", "b.wav"]
    assert clips.labels == ("owl", "dog")
    assert clips.folds is None


def test_class_names_may_hold_commas_quotes_and_any_script(manifest: Write) -> None:
    clips = LabelledClips.from_manifest(
        manifest('path,classname\na.wav,"rain, heavy"\nb.wav,"a ""bang"""\ndeep/c.wav,雨\n')
    )
    assert clips.labels == ("rain, heavy", 'a "bang"', "雨")


def test_paths_may_be_absolute_or_lead_out_of_the_folder(manifest: Write, tmp_path: Path) -> None:
    (tmp_path / "outside.wav").write_bytes(b"sound")
    path = manifest(f"path,classname\n../outside.wav,owl\n{tmp_path / 'outside.wav'},dog\n")
    assert [found.resolve() for found in LabelledClips.from_manifest(path).paths] == [tmp_path / "outside.wav"] * 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "test.csv has no column named path"),
        ("\n \n", "test.csv has no column named path"),
        ("sound,classname\na.wav,owl\n", "test.csv, line 1, has no column named path"),
        ("path,mood\na.wav,owl\n", "test.csv, line 1, has no column named classname"),
        ("path,classname\n", "test.csv lists no clips"),
        ("path,classname\n\na.wav,owl\n\nz.wav,owl\n", "test.csv, line 5, names z.wav, which is not there"),
        ("path,classname\ndeep,owl\n", "test.csv, line 2, names deep, which is not there"),
        ("path,classname\n,owl\n", "test.csv, line 2, has no path"),
        ("path,classname\na.wav,\n", "test.csv, line 2, has no classname"),
        ("path,classname\na.wav\n", "test.csv, line 2, has no classname"),
        ("path,classname,fold\na.wav,owl,one\n", "test.csv, line 2, has the fold 'one'"),
        ("path,classname,fold\na.wav,owl,1\nb.wav,owl\n", "test.csv, line 3, has the fold ''"),
        (b"path,classname\na.wav,caf\x81\n", "test.csv is not a CSV file in UTF-8"),
        ("path,classname\na.wav," + "x" * 200_000, "test.csv is not a CSV file in UTF-8"),
    ],
)
def test_mistakes_are_told_by_line(manifest: Write, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        LabelledClips.from_manifest(manifest(content))
    assert message in str(caught.value)


def test_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.csv cannot be read, No such file"):
        LabelledClips.from_manifest(tmp_path / "gone.csv")
    with pytest.raises(DataError, match="cannot be read, Is a directory"):
        LabelledClips.from_manifest(tmp_path)


def clips() -> LabelledClips:
    paths = tuple(Path(f"{number}.wav") for number in range(5))
    return LabelledClips(paths, ("a", "b", "c", "a", "b"), (1, 1, 2, 3, 3), "letters")


def test_folds_keep_the_classes_of_the_whole() -> None:
    part = clips().in_folds({1, 3})
    assert [path.name for path in part.paths] == ["0.wav", "1.wav", "3.wav", "4.wav"]
    assert part.folds == (1, 1, 3, 3)
    assert part.classes == ("a", "b", "c")
    assert part.targets.tolist() == [0, 1, 0, 1]
    assert clips().in_folds({2}).targets.tolist() == [2]


def test_folds_that_are_not_there() -> None:
    with pytest.raises(DataError, match=r"letters has no fold 4, 7; its folds are 1, 2, 3"):
        clips().in_folds([1, 7, 4])
    with pytest.raises(DataError, match="has no folds"):
        LabelledClips((Path("a"),), ("a",)).in_folds({1})


# --- groups -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("title", ["group", "source", "Source"])
def test_a_column_names_the_recording_that_a_clip_was_cut_from(manifest: Write, title: str) -> None:
    path = manifest(f"path,classname,{title}\na.wav,owl,night\nb.wav,dog,\ndeep/c.wav,owl,night\n")
    (path.parent / "b.wav").write_bytes(b"other")
    assert LabelledClips.from_manifest(path).groups == ("night", str(path.parent / "b.wav"), "night")
    (path.parent / "b.wav").write_bytes(b"sound")
    assert LabelledClips.from_manifest(path).groups == ("night",) * 3, "it is the same as one that was cut from night"


def test_files_that_are_the_same_are_one_group(manifest: Write) -> None:
    path = manifest("path,classname\na.wav,owl\nb.wav,dog\ndeep/c.wav,owl\n")
    a, b, c = path.parent / "a.wav", path.parent / "b.wav", path.parent / "deep/c.wav"
    a.write_bytes(b"s" * 100_000 + b"1")
    b.write_bytes(b"s" * 100_000 + b"2")
    c.write_bytes(b"s" * 100_000 + b"1")
    clips = LabelledClips.from_manifest(path)
    assert clips.groups == (str(a), str(b), str(a))
    assert clips.take([2, 1]).groups == (str(a), str(b))


def test_a_copy_is_of_the_group_that_is_given_for_another_copy(manifest: Write) -> None:
    path = manifest(table("path,classname,group", "a.wav,owl,", "b.wav,dog,", "deep/c.wav,owl,night"))
    for name in ("b.wav", "deep/c.wav"):
        (path.parent / name).write_bytes((path.parent / "a.wav").read_bytes())
    assert LabelledClips.from_manifest(path).groups == ("night",) * 3


def test_a_folder_of_which_only_a_part_is_looked_at_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cat/1.wav", "cat/2.wav", "dog/1.wav", "dog/2.wav", "owl/1.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert open_clips(str(tmp_path)).remarks == ()
    monkeypatch.setattr(module, "MAX_FILES", 3)
    clips = open_clips(str(tmp_path))
    assert "owl" not in clips.classes
    assert clips.remarks == (
        f"{tmp_path.name} holds over 3 files, and not all of them were looked at: take some away.",
    )


def test_made_by_hand_every_file_is_its_own_group() -> None:
    assert clips().groups == ("0.wav", "1.wav", "2.wav", "3.wav", "4.wav")
    assert clips().in_folds({3}).groups == ("3.wav", "4.wav")


def test_labels_are_one_line_of_text(manifest: Write) -> None:
    clips = LabelledClips.from_manifest(manifest('path,classname\na.wav,"an\n\told  owl\x1b[31m"\nb.wav,dog\n'))
    assert clips.labels == ("an old owl [31m", "dog")


def test_there_are_limits() -> None:
    paths = tuple(Path(f"{number}.wav") for number in range(50_001))
    with pytest.raises(DataError, match="bees has 50,001 clips, and at most 50,000 can be used: choose some of them"):
        LabelledClips(paths, ("bee",) * 50_001, name="bees")
    with pytest.raises(DataError, match="clips has 1,001 classes, and at most 1,000 can be used"):
        LabelledClips(paths[:1001], tuple(map(str, range(1001))))


# --- folders ----------------------------------------------------------------------------------------------------------


def tree(folder: Path, *files: str) -> Path:
    """Fill a folder with files that hold their own names."""
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


@pytest.mark.parametrize("top", ["", "set/", "set/audio/"])
def test_a_folder_for_each_class(tmp_path: Path, top: str) -> None:
    names = ("owl/2.wav", "owl/1.WAV", "dog_bark/deep/er/3.ogg", "dog_bark/notes.txt", "owl/.4.wav", ".git/owl/5.wav")
    folder = tree(tmp_path / "animals", *(top + name for name in names), top + "__MACOSX/owl/6.wav", "README.md")
    clips = LabelledClips.from_folder(folder)
    assert [path.relative_to(folder / top).as_posix() for path in clips.paths] == [
        "dog_bark/deep/er/3.ogg",
        "owl/1.WAV",
        "owl/2.wav",
    ]
    assert clips.labels == ("dog_bark", "owl", "owl")
    assert clips.name == "animals" and clips.folds is None
    assert open_clips(str(folder)) == clips


@pytest.mark.parametrize("name", ["manifest.csv", "clips.csv", "set/manifest.csv"])
def test_a_folder_with_a_manifest(tmp_path: Path, name: str) -> None:
    folder = tree(tmp_path, f"{Path(name).parent}/audio/a.wav", f"{Path(name).parent}/audio/b.wav")
    (folder / name).write_text("path,classname,fold\naudio/b.wav,owl,2\naudio/a.wav,dog,1\n")
    clips = LabelledClips.from_folder(folder)
    assert clips.labels == ("owl", "dog") and clips.folds == (2, 1)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ((), "animals holds no recordings: put those of each class in a folder named after it"),
        (("owl/a.txt",), "animals holds no recordings"),
        (("owl/a.wav", "owl/b.wav"), "animals has only one class, owl"),
        (("owl/a.wav", "dog/b.wav", "c.wav"), "animals holds c.wav, which lies in no class's folder"),
        (("train/a.wav", "test/b.wav"), "has the folders test, train, which are parts of a data set and not classes"),
        ((" /a.wav", "owl/b.wav"), "animals has a folder whose name is blank"),
    ],
)
def test_folders_that_cannot_be_used(tmp_path: Path, files: tuple[str, ...], message: str) -> None:
    folder = tree(tmp_path / "animals", *files)
    folder.mkdir(exist_ok=True)
    with pytest.raises(DataError) as caught:
        LabelledClips.from_folder(folder)
    assert message in str(caught.value)


# --- tables of other people and other machines ------------------------------------------------------------------------


def table(header: str, *lines: str) -> str:
    return "\n".join([header, *lines, ""])


@pytest.mark.parametrize("path", ["path", "file_name", "filename", "slice_file_name", "File Name", "audio", "file"])
@pytest.mark.parametrize("label", ["classname", "label", "class", "category", "class_name", "Class"])
def test_columns_have_many_names(manifest: Write, path: str, label: str) -> None:
    clips = LabelledClips.from_manifest(manifest(table(f"{path},{label}", "a.wav,owl", "b.wav,dog")))
    assert clips.labels == ("owl", "dog") and clips.paths[0].name == "a.wav"


@pytest.mark.parametrize("group", ["group", "source", "src_file", "fsID", "freesound_id", "Freesound ID"])
def test_columns_of_the_source_recording_have_many_names(manifest: Write, group: str) -> None:
    text = table(f"path,classname,{group}", "a.wav,owl,7", "b.wav,dog,8", "deep/c.wav,owl,7")
    path = manifest(text)
    (path.parent / "b.wav").write_bytes(b"other")
    assert LabelledClips.from_manifest(path).groups == ("7", "8", "7")


def test_a_source_that_is_the_same_everywhere_tells_nothing(manifest: Write) -> None:
    path = manifest(table("path,classname,source,fsID", "a.wav,owl,freesound,1", "b.wav,dog,freesound,2"))
    assert LabelledClips.from_manifest(path).groups == ("1", "2")


def test_readable_names_are_taken_before_numbers_for_the_classes(manifest: Write) -> None:
    path = manifest(table("filename,fold,label,category", "a.wav,1,0,owl", "b.wav,2,1,dog"))
    assert LabelledClips.from_manifest(path).labels == ("owl", "dog")


def test_the_column_that_names_files_is_taken(manifest: Write) -> None:
    path = manifest(table("path,file_name,label", "/data/x/1,a.wav,owl", "/data/x/2,b.wav,dog"))
    assert [found.name for found in LabelledClips.from_manifest(path).paths] == ["a.wav", "b.wav"]


def test_json_lines(manifest: Write) -> None:
    path = manifest("").with_name("metadata.jsonl")
    path.write_text('{"file_name": "a.wav", "label": "owl", "fold": 2}\n\n{"label": "dog", "file_name": "b.wav"}\n')
    with pytest.raises(DataError, match=r"metadata\.jsonl, line 3, has the fold ''"):
        LabelledClips.from_manifest(path)
    path.write_text(
        '{"file_name": "a.wav", "label": "owl", "fold": 2.0}\n{"audio": {"path": "x"}, "file_name": "b.wav"}'
    )
    with pytest.raises(DataError, match=r"metadata\.jsonl, line 2, has no classname"):
        LabelledClips.from_manifest(path)
    path.write_text("[1]\n")
    with pytest.raises(DataError, match="line 1 is not an object"):
        LabelledClips.from_manifest(path)


@pytest.mark.parametrize(
    "content",
    [
        table("path,classname", "a.wav,owl", "b.wav,café").encode("utf-16"),
        table("path\tclassname", "a.wav\towl", "b.wav\tcafé").encode("utf-16-le"),
        table("path;classname", "a.wav;owl", "b.wav;café").encode("utf-16-be"),
        table("path,classname", "a.wav,owl", "b.wav,café").encode("utf-32"),
        table("path;classname", "a.wav;owl", "b.wav;café").encode("cp1252"),
        ("sep=;\r\n" + table("path;classname", "a.wav;owl", "b.wav;café")).encode("utf-8-sig"),
        ('"sep=\t"\n' + table("path\tclassname", "a.wav\towl", "b.wav\tcafé")).encode("utf-16"),
        table("path|classname", "a.wav|owl", "b.wav|café").encode(),
    ],
    ids=["utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "sep", "sep-tab", "bars"],
)
def test_tables_in_any_usual_encoding(manifest: Write, content: bytes) -> None:
    clips = LabelledClips.from_manifest(manifest(content))
    assert clips.labels == ("owl", "café")
    assert [found.name for found in clips.paths] == ["a.wav", "b.wav"]


def test_a_guessed_encoding_is_told(manifest: Write) -> None:
    clips = LabelledClips.from_manifest(manifest("path,classname\na.wav,café\n".encode("cp1252")))
    assert clips.remarks == (
        "test.csv is not in UTF-8 and was read as Windows-1252: save it as UTF-8 if its names look wrong.",
    )


def test_lines_are_counted_with_a_hint_of_the_separator(manifest: Write) -> None:
    with pytest.raises(DataError, match=r"test\.csv, line 4, has no classname"):
        LabelledClips.from_manifest(manifest("sep=;\npath;classname\na.wav;owl\nb.wav;\n"))


@pytest.mark.parametrize(
    "written", ["deep\\c.wav", ".\\deep\\c.wav", "Deep/C.WAV", "D:\\clips\\deep\\c.wav", "/home/x/c.wav"]
)
def test_paths_of_other_machines(manifest: Write, written: str) -> None:
    path = manifest(table("path,classname", f"{written},owl", "a.wav,dog"))
    assert LabelledClips.from_manifest(path).paths[0].relative_to(path.parent).as_posix() == "deep/c.wav"


def test_a_name_alone_does_not_do_where_names_occur_twice(tmp_path: Path) -> None:
    folder = tree(tmp_path / "set", "dog/1.wav", "rain/2.wav")
    (folder / "list.csv").write_text(table("path,classname", "dog/1.wav,dog", "rain/1.wav,rain"))
    with pytest.raises(DataError, match=r"line 3, names rain/1\.wav, which is not there"):
        LabelledClips.from_manifest(folder / "list.csv")


@pytest.mark.parametrize(("on_disk", "written"), [("\u00e9", "e\u0301"), ("e\u0301", "\u00e9")])
def test_accents_in_either_form(tmp_path: Path, on_disk: str, written: str) -> None:
    folder = tree(tmp_path / "set", f"{on_disk}/{on_disk}1.wav", f"{on_disk}/2.wav")
    (folder / "manifest.csv").write_text(
        table("path,classname", f"{written}/{written}1.wav,owl", f"{written}/2.wav,dog")
    )
    for found in (LabelledClips.from_folder(folder), LabelledClips.from_manifest(folder / "manifest.csv")):
        assert found.labels == ("owl", "dog") and all(path.is_file() for path in found.paths)


def test_folds_as_spreadsheets_and_people_write_them(manifest: Write) -> None:
    text = table("path,classname,fold", "a.wav,owl,1.0", "b.wav,dog,fold02", "deep/c.wav,owl,3.")
    assert LabelledClips.from_manifest(manifest(text)).folds == (1, 2, 3)
    with pytest.raises(DataError, match=r"line 2, has the fold '1\.5'"):
        LabelledClips.from_manifest(manifest(table("path,classname,fold", "a.wav,owl,1.5")))


def test_splits_become_folds_training_first(manifest: Write) -> None:
    text = table("path,classname,split", "a.wav,owl,test", "b.wav,dog,train", "deep/c.wav,owl,validation")
    clips = LabelledClips.from_manifest(manifest(text))
    assert clips.folds == (3, 1, 2)
    assert clips.remarks == (
        "The parts of the data set are its folds: train is fold 1, validation is fold 2, test is fold 3.",
    )
    assert LabelledClips.from_manifest(manifest(text.replace("train", "loud"))).folds is None


@pytest.mark.parametrize("missing", ["", "nan", "NaN", "#N/A", "<NA>"])
def test_all_lines_that_cannot_be_used_are_named_at_once_or_left_out(manifest: Write, missing: str) -> None:
    text = table("path,classname", f"a.wav,{missing}", "z.wav,owl", "b.wav,dog", "deep/c.wav,owl", ",owl", "y.wav,dog")
    path = manifest(text)
    with pytest.raises(DataError) as caught:
        LabelledClips.from_manifest(path)
    for part in (
        "4 lines of animals/test cannot be used: test.csv, line 2 has no classname",
        "test.csv, line 3 names z.wav, which is not there",
        "line 6 has no path",
        "line 7 names y.wav",
    ):
        assert part in str(caught.value)
    clips = LabelledClips.from_manifest(path, skip_bad=True)
    assert clips.labels == ("dog", "owl")
    assert [(one.name, one.label) for one in clips.left_out] == [
        ("test.csv, line 2", ""),
        ("test.csv, line 3", "owl"),
        ("test.csv, line 6", "owl"),
        ("test.csv, line 7", "dog"),
    ]
    assert clips.remarks[0].startswith(
        "Left out 4 recordings (1 of dog, 1 of no class, 2 of owl): test.csv, line 2 has"
    )


def test_a_long_list_of_lines_is_cut_short(manifest: Write) -> None:
    path = manifest(table("path,classname", "a.wav,owl", *(f"{number}.wav,owl" for number in range(40))))
    with pytest.raises(DataError, match=r"40 lines of animals/test cannot be used: .*; and 30 more") as caught:
        LabelledClips.from_manifest(path)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("label", ["NA", "none", "null"])
def test_words_for_nothing_that_may_be_classes(manifest: Write, label: str) -> None:
    assert LabelledClips.from_manifest(manifest(f"path,classname\na.wav,{label}\n")).labels == (label,)


# --- layouts of public data sets --------------------------------------------------------------------------------------


def esc50(folder: Path) -> Path:
    rows = [
        f"1-{number}-A-{code}.wav,{number % 5 + 1},{code},{label},True,{number},A"
        for number in range(10)
        for code, label in enumerate(("dog", "rain"))
    ]
    tree(folder, *(f"audio/{row.partition(',')[0]}" for row in rows), "README.md", "requirements.txt")
    (folder / "meta").mkdir()
    (folder / "meta" / "esc50.csv").write_text(table("filename,fold,target,category,esc10,src_file,take", *rows))
    return folder


def urbansound(folder: Path) -> Path:
    """The same names in every fold: only fold and name together say which recording is meant."""
    rows = [
        f"{number}-{code}.wav,{10 * fold + number},0,4,1,{fold},{code},{label}"
        for fold in (1, 2, 10)
        for number in range(2)
        for code, label in enumerate(("dog_bark", "siren"))
    ]
    tree(folder, *(f"audio/fold{row.split(',')[5]}/{row.partition(',')[0]}" for row in rows))
    (folder / "metadata").mkdir()
    (folder / "metadata" / "UrbanSound8K.csv").write_text(
        table("slice_file_name,fsID,start,end,salience,fold,classID,class", *rows)
    )
    return folder


def archive_of(folder: Path, top: str = "") -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, top + file.relative_to(folder).as_posix())
    return path


@pytest.mark.parametrize("how", ["folder", "zip", "zip-in-a-folder", "table"])
def test_esc_50_and_urbansound8k(tmp_path: Path, how: str) -> None:
    for make, table_at, labels, folds, groups in (
        (esc50, "meta/esc50.csv", ("dog", "rain"), {1, 2, 3, 4, 5}, 10),
        (urbansound, "metadata/UrbanSound8K.csv", ("dog_bark", "siren"), {1, 2, 10}, 6),
    ):
        folder = make(tmp_path / make.__name__)
        where = {
            "folder": folder,
            "zip": archive_of(folder),
            "zip-in-a-folder": archive_of(folder, "ESC-50-master/"),
            "table": folder / table_at,
        }[how]
        clips = open_clips(str(where))
        assert clips.classes == labels
        assert set(clips.folds or ()) == folds
        assert len(set(clips.groups)) == groups, "the source recordings"
        assert not clips.folds_part_recordings
        for path, label, fold in zip(clips.paths, clips.labels, clips.folds or (), strict=True):
            assert labels.index(label) == int(path.stem.rpartition("-")[2]), "each has its own label"
            assert make is esc50 or path.parent.name == f"fold{fold}"


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
@pytest.mark.parametrize("packed", [True, False])
def test_audiofolder_with_a_table_for_each_split(tmp_path: Path, ending: str, packed: bool) -> None:
    folder = tmp_path / "animals"
    for split in ("train", "test"):
        tree(folder, f"data/{split}/0.wav", f"data/{split}/1.wav")
        for number in range(2):
            (folder / f"data/{split}/{number}.wav").write_text(f"{split} {number}")
        text = "file_name,label\n0.wav,owl\n1.wav,dog\n"
        if ending == "jsonl":
            text = '{"file_name": "0.wav", "label": "owl"}\n{"file_name": "1.wav", "label": "dog"}\n'
        (folder / f"data/{split}/metadata.{ending}").write_text(text)
    clips = open_clips(str(archive_of(folder) if packed else folder))
    found = zip(clips.paths, clips.labels, clips.folds or (), strict=True)
    assert sorted((path.read_text(), label, fold) for path, label, fold in found) == [
        ("test 0", "owl", 2),
        ("test 1", "dog", 2),
        ("train 0", "owl", 1),
        ("train 1", "dog", 1),
    ]


@pytest.mark.parametrize("names", [("fold1", "fold2"), ("fold_1", "Fold_2"), ("split01", "split02"), ("train", "VAL")])
@pytest.mark.parametrize("top", ["", "audio/"])
def test_parts_of_a_data_set_are_not_classes(tmp_path: Path, names: tuple[str, str], top: str) -> None:
    folder = tree(tmp_path / "set", *(f"{top}{name}/{number}.wav" for name in names for number in range(2)))
    for where in (folder, archive_of(folder)):
        with pytest.raises(
            DataError, match=r"which are parts of a data set and not classes: add a table manifest\.csv"
        ):
            open_clips(str(where))


def test_a_folder_beside_folds_does_not_make_them_classes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has the folders fold1, fold2, which are parts"):
        LabelledClips.from_folder(tree(tmp_path, "fold1/a.wav", "fold2/b.wav", "extra/c.wav"))
    clips = LabelledClips.from_folder(tree(tmp_path / "on rails", "train/a.wav", "car/b.wav"))
    assert clips.labels == ("car", "train"), "a train among other vehicles is a class"


def test_class_folders_inside_the_parts_of_a_data_set(tmp_path: Path) -> None:
    names = [f"{part}/{label}/1.wav" for part in ("test", "train", "validation") for label in ("dog", "owl")]
    clips = LabelledClips.from_folder(tree(tmp_path / "a", *names))
    assert clips.labels == ("dog", "owl") * 3 and clips.folds == (3, 3, 1, 1, 2, 2)
    clips = LabelledClips.from_folder(tree(tmp_path / "b", "fold1/dog/1.wav", "fold1/owl/1.wav", "fold10/dog/2.wav"))
    assert clips.labels == ("dog", "owl", "dog") and clips.folds == (1, 1, 10)
    clips = LabelledClips.from_folder(tree(tmp_path / "c", "dog/train/1.wav", "owl/train/1.wav", "dog/test/2.wav"))
    assert clips.labels == ("dog", "dog", "owl") and clips.folds == (2, 1, 1)


STRAY = {
    "features.csv": "mfcc0,mfcc1\n1,2\n",
    "features_3_sec.csv": "filename,label\nowl.00000.0.wav,owl\nowl.00000.1.wav,owl\n",
    "metadata.csv": "name,licence\nx,CC0\n",
    "notes.csv": "",
    "binary.csv": "\0\1\2",
    "some.csv": "filename,label\n1.wav,loud\n",
}


@pytest.mark.parametrize("name", STRAY)
@pytest.mark.parametrize("place", ["", "owl/", "deep/"])
def test_a_stray_table_hides_no_classes(tmp_path: Path, name: str, place: str) -> None:
    folder = tree(
        tmp_path / "set", *(f"{label}/{number}{label[0]}.wav" for label in ("owl", "dog") for number in range(3))
    )
    (folder / place).mkdir(exist_ok=True)
    (folder / place / name).write_text(STRAY[name])
    for where in (folder, archive_of(folder)):
        assert open_clips(str(where)).labels == ("dog",) * 3 + ("owl",) * 3


def test_a_table_of_all_recordings_beside_class_folders_counts(tmp_path: Path) -> None:
    folder = tree(tmp_path / "set", "owl/1.wav", "owl/2.wav", "dog/3.wav")
    (folder / "metadata.csv").write_text(
        table("file_name,label,fold", "owl/1.wav,owl,1", "owl/2.wav,owl,2", "dog/3.wav,dog,1")
    )
    assert LabelledClips.from_folder(folder).folds == (1, 2, 1)


def test_phone_and_speech_formats_are_used_and_others_counted(tmp_path: Path) -> None:
    endings = (".3gp", ".sph", ".awb", ".weba", ".m4b", ".mp2", ".ape", ".avi")
    folder = tree(
        tmp_path / "set", *(f"owl/1{ending}" for ending in endings), "dog/1.wav", "dog/2.mid", "dog/notes.txt"
    )
    for where in (folder, archive_of(folder)):
        clips = open_clips(str(where))
        assert {path.suffix for path in clips.paths} == {*endings, ".wav"}
        (remark,) = clips.remarks
        assert remark == "1 file of formats that cannot be read was left out, convert to WAV: dog/2.mid."


# --- classes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        ("dog bark", "dog_bark"),
        ("dog bark", "Dog  Bark"),
        ("DOG", "dog"),
        ("caf\u00e9", "cafe\u0301"),
        ("a\u200bb", "ab"),
    ],
)
def test_classes_that_prompts_say_alike_are_told_at_once(manifest: Write, names: tuple[str, str]) -> None:
    path = manifest(table("path,classname", f"a.wav,{names[0]}", f"b.wav,{names[1]}", "deep/c.wav,rain"))
    with pytest.raises(DataError, match="prompts cannot tell them apart") as caught:
        open_clips(str(path))
    assert all(repr(name) in str(caught.value) for name in LabelledClips.from_manifest(path).classes if name != "rain")


def test_names_below_the_top_of_the_data_set(tmp_path: Path) -> None:
    clips = LabelledClips.from_folder(tree(tmp_path / "set", "owl/deep/1.wav", "dog/1.wav"))
    assert [clips.name_of(row) for row in range(2)] == ["dog/1.wav", "owl/deep/1.wav"]
    assert LabelledClips((Path("/x/a.wav"),), ("owl",)).name_of(0) == "a.wav (owl)"
    left = clips.without({1: "is empty"})
    assert left.labels == ("dog",) and left.classes == ("dog", "owl")
    assert left.remarks == ("Left out 1 recording (1 of owl): owl/deep/1.wav is empty.",)


# --- one door for all -------------------------------------------------------------------------------------------------


def test_open_clips_takes_what_there_is(manifest: Write, tmp_path: Path) -> None:
    path = manifest("path,classname\na.wav,owl\nb.wav,dog\n")
    assert open_clips(str(path)) == LabelledClips.from_manifest(path)
    assert len(open_clips("instruments")) == 192
    with zipfile.ZipFile(tmp_path / "Mine.ZIP", "w") as archive:
        archive.writestr("owl/a.wav", "a")
        archive.writestr("dog/b.wav", "b")
    clips = open_clips(str(tmp_path / "Mine.ZIP"))
    assert clips.name == "Mine" and clips.labels == ("dog", "owl")
    assert clips.paths[0].is_relative_to(os.environ["AUDIOPROMPT_CACHE"])


@pytest.mark.parametrize("where", ["gone", "gone.csv", "gone.zip", "hf", "Instruments", "", "\0", "a\nb"])
def test_open_clips_says_what_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        open_clips(where)
    assert "\n" not in str(caught.value) and "\0" not in str(caught.value)
