"""Search in an embedded folder: what is nearest, where, and what is there more than once."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from audioprompt.core.labels import LabelError
from audioprompt.core.search import best_of_each, highest, join_pairs, near_pairs, nearest_pairs
from audioprompt.core.zero_shot import normalise
from audioprompt.data.recordings import find_files
from audioprompt.services.folders import search
from audioprompt.services.folders.embed import embed_shards
from audioprompt.services.folders.search import EmbeddedFolder, open_embedded, search_like, search_words
from audioprompt.services.folders.shards import EmbedError, plan
from tests.fakes import HUM, RATE, WHISTLE, FakeModel, tone
from tests.unit.test_cli import CountingModel, json_of, model, run, sounds, store  # noqa: F401, fixtures


@pytest.fixture
def embedded(tmp_path: Path) -> Path:
    """A hum, a whistle, a hum that turns into a whistle, silence and what is none, embedded."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name, parts in {
        "hum.wav": [tone(HUM, 2.0)],
        "鳥.wav": [tone(WHISTLE, 2.0)],
        "both.wav": [tone(HUM, 4.0), np.zeros(2 * RATE), tone(WHISTLE, 2.0)],
        "silent.wav": [np.zeros(RATE)],
    }.items():
        soundfile.write(folder / name, np.concatenate(parts), RATE)
    (folder / "broken.wav").touch()
    out, heard = tmp_path / "out", FakeModel()
    list(embed_shards(heard, plan(out, folder, find_files([folder], folder), heard), out))
    return out


def test_words_and_clips(embedded: Path) -> None:
    folder, heard = open_embedded(embedded), FakeModel()
    assert folder.names == ("both.wav", "broken.wav", "hum.wav", "silent.wav", "鳥.wav")
    assert folder.owners.tolist() == [0, 0, 0, 2, 4] and folder.method == "exact search"
    found = search_words(folder, heard, "a whistle", 2)
    assert [(one.file, one.start, one.end, one.score) for one in found] == [
        ("both.wav", 6.0, 8.0, 1.0),
        ("鳥.wav", 0.0, 2.0, 1.0),
    ]
    near = search_like(folder, heard, embedded.parent / "in/hum.wav", 9)
    assert [one.file for one in near] == ["both.wav", "hum.wav", "鳥.wav"]  # silence is like nothing
    assert folder.duplicates() == []


@pytest.mark.parametrize("words", ["", " ", "a" * 10_000])
def test_words_that_are_none(embedded: Path, words: str) -> None:
    with pytest.raises(LabelError, match="what to search for"):
        search_words(open_embedded(embedded), FakeModel(), words, 3)


def test_what_cannot_be_searched(embedded: Path, tmp_path: Path) -> None:
    other = FakeModel()
    other.revision = "2"
    with pytest.raises(EmbedError, match=r"heard by fake \(1\).*Embed them again"):
        search_words(open_embedded(embedded), other, "hum", 3)
    with pytest.raises(EmbedError, match=r"holds no embeddings\. Make them first: audioprompt embed"):
        open_embedded(tmp_path)
    next(embedded.glob("shard-*")).unlink()
    with pytest.raises(EmbedError, match="unfinished: 1 of 1 shards"):
        open_embedded(embedded)
    (embedded / "manifest.json").write_text("{")
    with pytest.raises(EmbedError, match="cannot be read"):
        open_embedded(embedded)


def test_a_folder_that_was_not_brought_up_to_date_is_not_searched(embedded: Path) -> None:
    """A recording goes or changes, and embed is killed before the shard is made anew."""
    folder, heard = embedded.parent / "in", FakeModel()
    (folder / "broken.wav").unlink()
    plan(embedded, folder, find_files([folder], folder), heard)
    with pytest.raises(EmbedError, match=r"unfinished: 1 of 1 shards .* Run audioprompt embed again"):
        open_embedded(embedded)
    list(embed_shards(heard, plan(embedded, folder, find_files([folder], folder), heard), embedded))
    assert len(open_embedded(embedded).names) == 4
    soundfile.write(folder / "hum.wav", tone(WHISTLE, 4.0), RATE)
    plan(embedded, folder, find_files([folder], folder), heard)
    with pytest.raises(EmbedError, match="unfinished: 1 of 1 shards"):
        open_embedded(embedded)


def of_vectors(windows: np.ndarray, owners: np.ndarray) -> EmbeddedFolder:
    count = int(owners[-1]) + 1
    names = tuple(map(str, range(count)))
    starts = np.zeros(len(owners), np.float32)
    return EmbeddedFolder(("x", "1"), 1.0, Path(), names, np.ones(count, np.float32), owners, starts, windows)


def test_exact_search_finds_the_nearest() -> None:
    rng = np.random.default_rng(0)
    windows = normalise(rng.standard_normal((500, 8)).astype(np.float32))
    owners = np.sort(rng.integers(0, 200, 500))
    owners = np.unique(owners, return_inverse=True)[1]
    folder, query = of_vectors(windows, owners), windows[7]
    best = [max(windows[owners == one] @ query) for one in range(len(folder.names))]
    found = folder.nearest(query, 20)
    assert [one.number for one in found] == np.argsort(-np.array(best), kind="stable")[:20].tolist()
    np.testing.assert_allclose([one.score for one in found], sorted(best, reverse=True)[:20], atol=1e-5)


def test_among_very_many_an_index_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    windows = normalise(rng.standard_normal((300, 8)).astype(np.float32))
    exact = of_vectors(windows, np.arange(300)).nearest(windows[3], 5)
    monkeypatch.setattr(search, "MAX_EXACT", 100)
    monkeypatch.setitem(sys.modules, "usearch", None)
    without = of_vectors(windows, np.arange(300))
    assert without.nearest(windows[3], 5) == exact and "exact search (slow here: pip install" in without.method
    monkeypatch.undo()
    pytest.importorskip("usearch", reason="usearch is an extra: pip install 'audioprompt[index]'")
    monkeypatch.setattr(search, "MAX_EXACT", 100)
    indexed = of_vectors(windows, np.arange(300))
    assert indexed.method.startswith("usearch")
    assert [one.number for one in indexed.nearest(windows[3], 5)] == [one.number for one in exact]


def test_an_index_is_asked_on_until_there_are_as_many_recordings_as_are_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One recording of a thousand windows is nearer everywhere than the others."""

    class Index:
        def __init__(self, **settings: Any) -> None:
            self.windows = np.empty((0, 0))

        def add(self, keys: np.ndarray, windows: np.ndarray) -> None:
            self.windows = windows

        def search(self, query: np.ndarray, count: int) -> SimpleNamespace:
            return SimpleNamespace(keys=np.argsort(-self.windows @ query, kind="stable")[:count])

    windows = np.repeat(np.eye(2, 4, dtype=np.float32), [1_000, 5], axis=0)
    owners = np.concatenate([np.zeros(1_000, np.intp), np.arange(1, 6)])
    exact = of_vectors(windows, owners).nearest(windows[0], 3)
    monkeypatch.setattr(search, "MAX_EXACT", 100)
    monkeypatch.setitem(sys.modules, "usearch", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "usearch.index", SimpleNamespace(Index=Index))
    indexed = of_vectors(windows, owners)
    assert indexed.method.startswith("usearch")
    assert [one.number for one in indexed.nearest(windows[0], 3)] == [one.number for one in exact] == [0, 1, 2]
    assert len(indexed.nearest(windows[0], 50)) == 6


def test_near_duplicates() -> None:
    rng = np.random.default_rng(2)
    windows = normalise(rng.standard_normal((2_500, 16)).astype(np.float32))
    windows[[5, 2_100]] = windows[700]  # across blocks
    windows[9] = normalise(windows[8] + 0.01)
    assert of_vectors(windows, np.arange(2_500)).duplicates(0.99) == [[5, 700, 2_100], [8, 9]]
    assert join_pairs(iter([(1, 2), (3, 4), (2, 3), (7, 8)])) == [[1, 2, 3, 4], [7, 8]]
    assert list(near_pairs(np.empty((0, 3), np.float32), 0.5)) == []
    windows[700] = normalise(windows[5] + 0.001)  # a little less than the same
    pairs, count = of_vectors(windows, np.arange(2_500)).near_pairs(3, 0.99)
    assert [pair[:2] for pair in pairs] == [(5, 2_100), (5, 700), (700, 2_100)] and count == 4
    assert pairs[0][2] == pytest.approx(1, abs=1e-5) and pairs[0][2] > pairs[1][2] > 0.99
    assert nearest_pairs(np.empty((0, 3), np.float32), 0.5, 9) == ([], 0)


def test_copies_are_found_by_a_cosine_of_one() -> None:
    """float32 puts a vector and itself a little below 1, or above."""
    vectors = normalise(np.random.default_rng(3).standard_normal((300, 96)).astype(np.float32))
    folder = of_vectors(np.concatenate([vectors, vectors]), np.arange(600))
    assert folder.duplicates(1) == [[number, number + 300] for number in range(300)]
    assert folder.near_pairs(1_000, 1)[1] == 300


def test_ten_thousand_that_are_all_alike_are_joined_by_few_pairs() -> None:
    vectors = np.tile(np.eye(1, 4, dtype=np.float32), (10_000, 1))
    pairs = list(near_pairs(vectors, 0.98))
    assert len(pairs) == 9_999 and join_pairs(iter(pairs)) == [list(range(10_000))]


def test_highest_and_best() -> None:
    scores = np.array([1, 3, 3, 0, 2, 2], np.float32)
    assert highest(scores, 3).tolist() == [1, 2, 4] and highest(scores, 9).tolist() == [1, 2, 4, 5, 0, 3]
    best, place = best_of_each(scores, np.array([0, 3, 4]))
    assert best.tolist() == [3, 0, 2] and place.tolist() == [1, 3, 4]


def test_the_command(model: CountingModel, store: Any, sounds: Path) -> None:
    model.name = "embedded"  # as it is called where it is loaded
    run("embed", ".", "--out", "../out")
    found = json_of("search", "../out", "a whistle", "--top", 1)
    assert found["method"] == "exact search" and found["recordings"] == 4
    assert found["found"] == [{"number": 0, "file": "both.wav", "score": 1.0, "start": 6.0, "end": 8.0, "heard": True}]
    assert "hum.wav" in run("search", "../out", "--like", "hum.wav").stdout
    assert json_of("search", "../out", "--duplicates", 0.99)["duplicates"] == []
    assert run("search", "../out", "--duplicates", 98).exit_code == 2
    (sounds / "again.wav").write_bytes((sounds / "hum.wav").read_bytes())
    run("embed", ".", "--out", "../out")
    assert "1 group among 5 recordings." in run("search", "../out", "--duplicates", 1).stderr
    assert run("search", "../out").exit_code == run("search", "../out", "x", "--like", "hum.wav").exit_code == 2
