"""Data sets of a hub on this machine: layouts, splits, what does not arrive, and what is there already."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from huggingface_hub import constants
from huggingface_hub.utils import reset_sessions

from audioprompt.data import DataError, LabelledClips, open_clips
from audioprompt.data.hub import from_hub
from audioprompt.data.sources.base import OpenOptions
from tests.hub import Hub, Worker
from tests.unit.models import conftest as machine

home = machine.home

PALM = {
    "train.csv": "path,classname\naudios/a.wav,owl\naudios/b.wav,dog\n",
    "test.csv": "path,classname\nc d.wav,owl\naudios/deep/e#1.wav,dog\n",
    "audios/a.wav": "sound a",
    "audios/b.wav": "sound b",
    "audios/c d.wav": "sound c",
    "audios/deep/e#1.wav": "sound e",
    "README.md": "about",
}
FOLDS = {
    **{f"csv_files/test_{fold}.csv": f"path,classname\n{fold}a.wav,owl\n{fold}b.wav,dog\n" for fold in (1, 2, 10)},
    **{f"csv_files/train_{fold}.csv": "path,classname\n1a.wav,owl\n2b.wav,dog\n" for fold in (1, 2, 10)},
    **{f"audios/{fold}{letter}.wav": f"sound {fold} {letter}" for fold in (1, 2, 10) for letter in "ab"},
}
FOLDERS = {f"{label}/{number}.ogg": f"{label} {number}" for label in ("dog_bark", "owl") for number in (1, 2)}
SPLIT_FOLDERS = {
    f"data/{part}/{name}": f"{part} {text}" for part in ("train", "test") for name, text in FOLDERS.items()
}


def publish(hub: Hub, repo_id: str, files: Mapping[str, str | bytes]) -> str:
    for name, content in files.items():
        path = hub.folder / "datasets" / repo_id / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return repo_id


@dataclass
class Stop:
    """A progress callback that ends a download after so many files, and remembers what it was told."""

    after: int

    def __call__(self, done: int, total: int) -> None:
        if done >= self.after:
            raise KeyboardInterrupt


def fetch(
    repo_id: str, into: Path, split: str | None = None, revision: str | None = None
) -> tuple[LabelledClips, list[tuple[int, int]], list[bytes]]:
    """In the process that takes this machine for the hub: the clips, what was reported, and the recordings."""
    reports: list[tuple[int, int]] = []
    options = OpenOptions(progress=lambda done, total: reports.append((done, total)))
    clips = from_hub(repo_id, into, split, revision, options)
    return clips, reports, [path.read_bytes() for path in clips.paths]


def fetch_some(repo_id: str, into: Path, after: int) -> bool:
    try:
        from_hub(repo_id, into, options=OpenOptions(progress=Stop(after)))
    except KeyboardInterrupt:
        return True
    return False


def fetch_offline(repo_id: str, into: Path, token: bool | None = None) -> LabelledClips:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        reset_sessions()
        try:
            return from_hub(repo_id, into, options=OpenOptions(token=token))
        finally:
            patch.undo()
            reset_sessions()


def fetch_unreachable(repo_id: str, into: Path) -> LabelledClips:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
        patch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", "http://127.0.0.1:9")
        return from_hub(repo_id, into)


def test_the_layout_of_the_authors_of_palm(hub: Hub, worker: Worker, tmp_path: Path) -> None:
    repo_id = publish(hub, "MahiA/Animals", PALM)
    clips, reports, sounds = worker(fetch, repo_id, tmp_path)
    assert clips.name == "MahiA/Animals"
    assert clips.labels == ("owl", "dog") and clips.folds is None
    assert sounds == [b"sound c", b"sound e"]
    assert reports == [(1, 2), (2, 2)]
    clips, _, sounds = worker(fetch, repo_id, tmp_path, "train")
    assert clips.name == "MahiA/Animals@train"
    assert sounds == [b"sound a", b"sound b"]
    assert not hub.asked("datasets/MahiA/Animals/README.md")


def test_the_test_tables_of_a_cross_validation_are_its_folds(hub: Hub, worker: Worker, tmp_path: Path) -> None:
    repo_id = publish(hub, "MahiA/Folds", FOLDS)
    clips, _, sounds = worker(fetch, repo_id, tmp_path)
    assert clips.folds == (1, 1, 2, 2, 10, 10)
    assert clips.labels == ("owl", "dog") * 3
    assert sounds == [f"sound {fold} {letter}".encode() for fold in (1, 2, 10) for letter in "ab"]
    clips, _, sounds = worker(fetch, repo_id, tmp_path, "train_2")
    assert clips.folds is None and sounds == [b"sound 1 a", b"sound 2 b"]
    with pytest.raises(DataError, match=r"has no split train: choose one of test, test_1, test_10, test_2, train_1"):
        worker(fetch, repo_id, tmp_path, "train")


def test_a_folder_for_each_class(hub: Hub, worker: Worker, tmp_path: Path) -> None:
    repo_id = publish(hub, "someone/folders", {**FOLDERS, ".hidden/owl/3.ogg": "no", "README.md": "about"})
    clips, _, sounds = worker(fetch, repo_id, tmp_path)
    assert clips.labels == ("dog_bark", "dog_bark", "owl", "owl")
    assert sounds == [b"dog_bark 1", b"dog_bark 2", b"owl 1", b"owl 2"]
    with pytest.raises(DataError, match=r"someone/folders has no splits: leave @test out"):
        worker(fetch, repo_id, tmp_path, "test")


def fetch_into(where: str, into: Path) -> tuple[list[Path], list[Path]]:
    """The clips' paths as they are on the disk, and what the machine's own cache holds of the hub."""
    clips = open_clips(where, into)
    return [path.resolve() for path in clips.paths], [*Path(constants.HF_HUB_CACHE).rglob("datasets--someone--apart")]


def test_all_of_it_goes_into_a_folder_that_is_given(hub: Hub, worker: Worker, tmp_path: Path) -> None:
    paths, elsewhere = worker(fetch_into, "hf:" + publish(hub, "someone/apart", FOLDERS), tmp_path)
    assert len(paths) == 4 and all(path.is_relative_to(tmp_path) for path in paths)
    assert elsewhere == []


def test_folders_for_splits(hub: Hub, worker: Worker, tmp_path: Path) -> None:
    repo_id = publish(hub, "someone/parts", SPLIT_FOLDERS)
    clips, _, sounds = worker(fetch, repo_id, tmp_path)
    assert clips.labels == ("dog_bark", "dog_bark", "owl", "owl")
    assert sounds[0] == b"test dog_bark 1"
    _, _, sounds = worker(fetch, repo_id, tmp_path, "train")
    assert sounds[-1] == b"train owl 2"
    with pytest.raises(DataError, match=r"has no split dev: choose one of test, train, as in hf:someone/parts@test$"):
        worker(fetch, repo_id, tmp_path, "dev")


def test_what_has_arrived_is_not_fetched_again(hub: Hub, worker: Worker, tmp_path: Path) -> None:
    repo_id = publish(hub, "someone/many", {f"{'ab'[n % 2]}/{n}.wav": f"sound {n}" for n in range(60)})
    served = f"datasets/{repo_id}/"
    assert worker(fetch_some, repo_id, tmp_path, 5)
    before = hub.asked(served)
    assert 5 <= len(before) < 60, "a progress callback that raises ends the download"
    clips, reports, _ = worker(fetch, repo_id, tmp_path)
    assert len(clips) == 60 and reports[-1] == (60, 60)
    assert len(hub.asked(served)) == len(set(hub.asked(served))) == 60, "every file was fetched once"


def test_a_data_set_that_is_here_needs_no_network(hub: Hub, worker: Worker, tmp_path: Path) -> None:
    repo_id = publish(hub, "someone/offline", {**FOLDS, "audios/1b.wav": "sound 1 a"})
    with pytest.raises(DataError, match="someone/offline is not on this machine yet, and HF_HUB_OFFLINE forbids"):
        worker(fetch_offline, repo_id, tmp_path)
    clips, _, _ = worker(fetch, repo_id, tmp_path)
    assert len(set(clips.groups)) == 5, "two of the recordings are the same"
    again = worker(fetch_offline, repo_id, tmp_path)
    assert (again.labels, again.folds, again.name) == (clips.labels, clips.folds, clips.name)
    assert all(path.samefile(other) for path, other in zip(again.paths, clips.paths, strict=True))
    assert len(set(again.groups)) == 5
    with pytest.raises(DataError, match="HF_HUB_OFFLINE"):  # a visitor gets nothing that the owner fetched
        worker(fetch_offline, repo_id, tmp_path, False)


def test_a_connection_that_drops_is_taken_up_again(hub: Hub, worker: Worker, tmp_path: Path) -> None:
    repo_id = publish(hub, "someone/dropping", {**FOLDERS, "owl/2.ogg": b"owl" * 100_000})
    hub.breaks[f"datasets/{repo_id}/owl/2.ogg"] = 1
    _, _, sounds = worker(fetch, repo_id, tmp_path)
    assert sounds[-1] == b"owl" * 100_000


@pytest.mark.parametrize(
    ("files", "arguments", "message"),
    [
        (None, (), "gone/0 does not exist on the hub or is not public: check the name"),
        (FOLDERS, (None, "v9"), "has no such revision"),
        ({"README.md": "about"}, (), "holds no recordings"),
        ({"a/1.wav": "a"}, (), "has only one class, a"),
        ({"1.wav": "a", "2.wav": "b"}, (), "holds 1.wav, which lies in no class's folder"),
        ({"test.csv": "path,classname\n../../x.wav,owl\n"}, (), "test.csv, line 2, names '../../x.wav', which leads"),
        ({"test.csv": "path,classname\n/etc/x.wav,owl\n"}, (), "test.csv, line 2, names '/etc/x.wav', which leads out"),
        ({"test.csv": "path,classname\nz.wav,owl\n"}, (), "test.csv, line 2, names z.wav, which is not there"),
        ({"test.csv": "mood,label\nz.wav,owl\n"}, (), "test.csv, line 1, has no column named path"),
        ({**FOLDS, "csv_files/test_2.csv": FOLDS["csv_files/test_1.csv"]}, (), "in several of its test tables"),
        ({"csv_files/a.csv": "", "csv_files/b.csv": ""}, (), "holds no recordings"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    hub: Hub,
    worker: Worker,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    files: Mapping[str, str] | None,
    arguments: tuple[str | None, ...],
    message: str,
) -> None:
    number = 0 if files is None else request.node.callspec.indices["files"] + 1
    repo_id = publish(hub, f"gone/{number}", files or {})
    with pytest.raises(DataError) as caught:
        worker(fetch, repo_id, tmp_path, *arguments)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "owner/name/more", "../x", "a b/c", "owner/na:me"])
def test_names_that_are_none(worker: Worker, tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"is not the name of a data set: write hf:owner/name"):
        worker(fetch, name, tmp_path)


def test_no_way_to_the_hub(hub: Hub, worker: Worker, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be reached: connect to the network and try again"):
        worker(fetch_unreachable, "someone/else", tmp_path)


def test_too_large(hub: Hub, worker: Worker, tmp_path: Path) -> None:
    repo_id = publish(hub, "someone/large", FOLDERS)
    with pytest.raises(DataError, match="at most 0 GB are fetched"):
        worker(fetch_with_limit, repo_id, tmp_path)


def fetch_with_limit(repo_id: str, into: Path) -> LabelledClips:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("audioprompt.data.repository.MAX_BYTES", 20)
        return from_hub(repo_id, into)


def test_the_layouts_of_public_data_sets(hub: Hub, worker: Worker, tmp_path: Path) -> None:
    esc = {"meta/esc50.csv": "filename,fold,target,category,src_file\n1.wav,1,0,owl,7\n2.wav,2,1,dog,8\n"}
    sounds = {"audio/1.wav": "sound 1", "audio/2.wav": "sound 2"}
    clips, _, heard = worker(fetch, publish(hub, "someone/esc", {**esc, **sounds}), tmp_path)
    assert (clips.labels, clips.folds, clips.groups) == (("owl", "dog"), (1, 2), ("7", "8"))
    assert heard == [b"sound 1", b"sound 2"]
    assert clips.name_of(0) == "audio/1.wav"
    urban = {"metadata/Urban.csv": "slice_file_name,fsID,fold,classID,class\n1.wav,7,1,0,owl\n1.wav,8,2,1,dog\n"}
    sounds = {"audio/fold1/1.wav": "sound 1", "audio/fold2/1.wav": "sound 2"}
    clips, _, heard = worker(fetch, publish(hub, "someone/urban", {**urban, **sounds}), tmp_path)
    assert (clips.labels, clips.folds, clips.groups) == (("owl", "dog"), (1, 2), ("7", "8"))
    assert heard == [b"sound 1", b"sound 2"]
    with pytest.raises(DataError, match="has the folders fold1, fold2, which are parts of a data set and not classes"):
        worker(fetch, publish(hub, "someone/no-table", sounds), tmp_path)


def test_a_table_for_each_split(hub: Hub, worker: Worker, tmp_path: Path) -> None:
    files = {}
    for part in ("train", "test"):
        files[f"{part}/metadata.csv"] = "file_name,label\n1.wav,owl\n2.wav,dog\n"
        files |= {f"{part}/{number}.wav": f"{part} {number}" for number in (1, 2)}
    repo_id = publish(hub, "someone/audiofolder", files)
    clips, _, heard = worker(fetch, repo_id, tmp_path)
    assert clips.labels == ("owl", "dog") and clips.folds is None and heard == [b"test 1", b"test 2"]
    assert worker(fetch, repo_id, tmp_path, "train")[2] == [b"train 1", b"train 2"]


def test_lines_of_the_hub_that_cannot_be_used_are_left_out(hub: Hub, worker: Worker, tmp_path: Path) -> None:
    repo_id = publish(hub, "someone/gaps", {**PALM, "test.csv": PALM["test.csv"] + "z.wav,owl\naudios/a.wav,\n"})
    with pytest.raises(DataError, match=r"2 lines of someone/gaps cannot be used: test\.csv, line 4 names z\.wav"):
        worker(fetch, repo_id, tmp_path)
    clips = worker(fetch_usable, repo_id, tmp_path)
    assert clips.labels == ("owl", "dog") and [one.label for one in clips.left_out] == ["owl", ""]


def fetch_usable(repo_id: str, into: Path) -> LabelledClips:
    return from_hub(repo_id, into, options=OpenOptions(skip_bad=True))


# --- Parquet ----------------------------------------------------------------------------------------------------------


def shard(path: Path, labels: list[int] | list[str], names: list[str] | None, first: int = 0) -> bytes:
    """A Parquet file as the hub's converter writes it: audio as {bytes, path}, labels as numbers or as text."""
    import pyarrow
    from pyarrow import parquet

    sounds = []
    for number in range(len(labels)):
        wav = path / "clip.wav"
        soundfile.write(wav, np.sin(np.arange(8_000) * (first + number + 1) / 50), 8_000)
        sounds.append({"bytes": wav.read_bytes(), "path": "../../clip.wav"})
    table = pyarrow.table(
        {"audio": sounds, "label": labels, "source": [f"s{number // 2}" for number in range(len(labels))]}
    )
    if names:
        features = {"label": {"names": names, "_type": "ClassLabel"}, "audio": {"_type": "Audio"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    parquet.write_table(table, path / "shard.parquet")
    return (path / "shard.parquet").read_bytes()


@pytest.mark.parametrize("named", [True, False], ids=["numbers", "words"])
def test_parquet(hub: Hub, worker: Worker, tmp_path: Path, named: bool) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is optional and not installed")
    names = ["dog_bark", "owl"]
    labels: list[int] | list[str] = [0, 1, 1, 0] if named else [names[number] for number in (0, 1, 1, 0)]
    first, second = (shard(tmp_path, labels, names if named else None, start) for start in (0, 4))
    files = {"data/test-00000-of-00002.parquet": first, "data/test-00001-of-00002.parquet": second}
    repo_id = publish(hub, f"someone/parquet-{named}", {**files, "default/train/0000.parquet": first})
    clips, _, sounds = worker(fetch, repo_id, tmp_path / "into")
    assert clips.labels == ("dog_bark", "owl", "owl", "dog_bark") * 2
    assert clips.groups == ("s0", "s0", "s1", "s1") * 2
    assert len(set(sounds)) == 8
    for path in clips.paths:
        assert path.parent.parent == tmp_path / "into"
        assert soundfile.info(path).samplerate == 8_000
    before = len(hub.asked(f"datasets/{repo_id}/data"))
    assert worker(fetch, repo_id, tmp_path / "into")[0] == clips
    assert len(hub.asked(f"datasets/{repo_id}/data")) == before
    assert len(worker(fetch, repo_id, tmp_path / "into", "train")[0]) == 4


@pytest.mark.parametrize(
    ("kept", "groups"), [({"src_file": int, "target": int, "take": str}, "src_file"), ({"fsID": int}, "fsID")]
)
def test_parquet_with_folds_and_source_recordings(
    hub: Hub, worker: Worker, tmp_path: Path, kept: dict[str, type], groups: str
) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is optional and not installed")
    from pyarrow import parquet

    wav = tmp_path / "clip.wav"
    soundfile.write(wav, np.zeros(8_000), 8_000)
    columns = {name: [kind(number // 2) for number in range(4)] for name, kind in kept.items()}
    audio = [{"bytes": wav.read_bytes() + bytes([number]), "path": None} for number in range(4)]
    named = {"fold": [1, 1, 2, 2], "category": ["owl", "dog", "owl", "dog"], "audio": audio}
    parquet.write_table(pyarrow.table({**columns, **named}), tmp_path / "shard.parquet")
    content = (tmp_path / "shard.parquet").read_bytes()
    clips, _, _ = worker(fetch, publish(hub, f"someone/{groups}", {"train-0-of-1.parquet": content}), tmp_path / "into")
    assert clips.labels == ("owl", "dog") * 2 and clips.folds == (1, 1, 2, 2)
    assert clips.groups == ("0", "0", "1", "1")


def test_parquet_that_is_none(hub: Hub, worker: Worker, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is optional and not installed")
    repo_id = publish(hub, "someone/broken", {"test.parquet": b"PAR1 and nothing more"})
    with pytest.raises(DataError, match="has a Parquet file that cannot be read"):
        worker(fetch, repo_id, tmp_path / "into")
    assert list((tmp_path / "into").glob("*")) == []


def test_without_pyarrow_the_message_says_what_to_install(hub: Hub, worker: Worker, tmp_path: Path) -> None:
    repo_id = publish(hub, "someone/no-arrow", {"test.parquet": b"PAR1"})
    with pytest.raises(DataError, match=r"is kept in Parquet files: pip install 'pyarrow<26'"):
        worker(fetch_without_pyarrow, repo_id, tmp_path)
    assert not hub.asked(f"datasets/{repo_id}"), "before anything is fetched"


def fetch_without_pyarrow(repo_id: str, into: Path) -> LabelledClips:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pyarrow", None)
        return from_hub(repo_id, into)
