"""Labelled clips: what a manifest may look like, and how its mistakes are told."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from audioprompt.data import DataError, LabelledClips, open_clips

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
    assert clips.truth.tolist() == [1, 0, 1] and clips.truth.dtype == np.intp
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
        ("file,classname\na.wav,owl\n", "test.csv, line 1, has no column named path"),
        ("path,label\na.wav,owl\n", "test.csv, line 1, has no column named classname"),
        ("path,classname\n", "test.csv lists no clips"),
        ("path,classname\n\na.wav,owl\n\nz.wav,owl\n", "test.csv, line 5, names z.wav, which is not there"),
        ("path,classname\ndeep,owl\n", "test.csv, line 2, names deep, which is not there"),
        ("path,classname\n,owl\n", "test.csv, line 2, has no path"),
        ("path,classname\na.wav,\n", "test.csv, line 2, has no classname"),
        ("path,classname\na.wav\n", "test.csv, line 2, has no classname"),
        ("path,classname,fold\na.wav,owl,one\n", "test.csv, line 2, has the fold 'one'"),
        ("path,classname,fold\na.wav,owl,1\nb.wav,owl\n", "test.csv, line 3, has the fold ''"),
        (b"path,classname\na.wav,caf\xe9\n", "test.csv is no CSV file in UTF-8"),
        ("path,classname\na.wav," + "x" * 200_000, "test.csv is no CSV file in UTF-8"),
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
    assert part.truth.tolist() == [0, 1, 0, 1]
    assert clips().in_folds({2}).truth.tolist() == [2]


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
        (("owl/a.wav", "owl/b.wav"), "animals has but one class, owl"),
        (("owl/a.wav", "dog/b.wav", "c.wav"), "animals holds c.wav, which lies in no class's folder"),
        (("train/owl/a.wav", "test/owl/b.wav"), "animals is split into test, train: give one of these folders"),
        ((" /a.wav", "owl/b.wav"), "animals has a folder whose name is blank"),
        (("a.csv", "b.csv", "owl/a.wav"), "holds several CSV files, a.csv, b.csv: call the one to use manifest.csv"),
    ],
)  # fmt: skip
def test_folders_that_cannot_be_used(tmp_path: Path, files: tuple[str, ...], message: str) -> None:
    folder = tree(tmp_path / "animals", *files)
    folder.mkdir(exist_ok=True)
    with pytest.raises(DataError) as caught:
        LabelledClips.from_folder(folder)
    assert message in str(caught.value)


def test_trains_and_tests_may_be_classes(tmp_path: Path) -> None:
    assert LabelledClips.from_folder(tree(tmp_path, "train/a.wav", "test/b.wav")).labels == ("test", "train")


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
