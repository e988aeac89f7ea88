from pathlib import Path

import pytest

from audioprompt.data.recordings import find_files
from audioprompt.data.sources import SOURCES, find_source
from audioprompt.data.tables import DataError
from audioprompt.few_shot.base import FewShotError
from audioprompt.few_shot.heads import find_head
from audioprompt.util.places import as_typed, is_file, is_folder, is_there

NOWHERE = {"long": "a" * 300, "deep": "/" + "a/" * 5_000, "nul": "a\0b", "nobody": "~nobody-of-this-name/sounds"}


def test_what_is_there_is_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "note.wav"
    file.touch()
    assert is_there(file) and is_file(file) and not is_folder(file)
    assert is_there(tmp_path) and is_folder(tmp_path) and not is_file(tmp_path)


@pytest.mark.parametrize("text", NOWHERE.values(), ids=NOWHERE)
def test_nothing_is_where_nothing_can_be(text: str) -> None:
    path = as_typed(text)
    assert not (is_there(path) or is_file(path) or is_folder(path))


def test_a_home_is_known_by_its_sign(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert as_typed(" ~/sounds ") == tmp_path / "sounds"


@pytest.mark.parametrize("text", NOWHERE.values(), ids=NOWHERE)
def test_whoever_writes_such_a_path_is_told_so(text: str) -> None:
    assert not any(source.recognises(text) for source in SOURCES)
    with pytest.raises(DataError, match="is not there"):
        find_source(text)
    with pytest.raises(FewShotError, match="There is no head at"):
        find_head(text)
    (found,) = find_files([Path(text)])  # which is a row of its own, and says why once it is read
    assert (found.size, found.changed) == (0, 0)
