"""Labelled clips: what a manifest may look like, and how its mistakes are told."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from audioprompt.data import DataError, LabelledClips

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
