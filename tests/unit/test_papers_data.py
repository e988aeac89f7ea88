"""The papers' data sets: a tiny copy of each, with the names and the metadata of the original, is read as the paper
uses it; and what is missing or contradicts itself is named."""

import csv
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from audioprompt.data import DataError, open_clips
from audioprompt.data.papers import PAPER_SETS, PaperSet, find_folder, read_set
from audioprompt.data.papers.get import CHECKSUMS, check_set, get_set
from tests import plugins
from tests.hub import Hub, Worker
from tests.unit.test_cli import run, store  # noqa: F401, a fixture

RATE = 8_000
FOLDS = {"beijing-opera": 5, "esc50": 5, "esc50-actions": 5, "tut2017": 4, "urbansound8k": 10}  # of PALM's on the hub
Listed = Iterable[tuple[str, str, int]]  # code, path, fold


def record(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    hum = np.sin(np.arange(RATE // 5) * (0.05 + 0.9 * rng.random())) + 0.1 * rng.normal(size=RATE // 5)
    soundfile.write(path, 0.3 * hum, RATE, format="AU" if path.suffix == ".au" else "WAV")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def table(path: Path, titles: str, rows: Iterable[Iterable[object]]) -> None:
    write(path, "\n".join([titles, *(",".join(map(str, row)) for row in rows)]) + "\n")


# How the authors call their files: of each class one for each of two numbers.
PATHS: Mapping[str, Callable[[str, int], str]] = {
    "beijing-opera": lambda code, n: f"beijing_opera_percussion_instrument_1.0/2017{n}__ajaysm__{code}-00{n}.wav",
    "cochlscene": lambda code, n: f"{('Train', 'Test')[n]}/{code}/{code}_user000{n}_1486143{n}_001.wav",
    "urbansound8k": lambda code, n: f"UrbanSound8K/audio/fold{n + 1}/10{n}-{code}-0-{n}.wav",
    "esc50": lambda code, n: f"ESC-50-master/audio/{n + 1}-10{code}{n}-A-{code}.wav",
    "tut2017": lambda code, n: f"TUT-acoustic-scenes-2017-development/audio/{code[:1]}{ord(code[1])}{n}_90_100.wav",
    "gtzan": lambda code, n: f"genres/{code}/{code}.0000{n}.{('wav', 'au')[n]}",
    "sesa": lambda code, n: f"SESA/{('train', 'test')[n]}/{code}_00{n}.wav",
    "vocalsound": lambda code, n: f"vs_release_16k/audio_16k/{'fm'[n]}000{n}_0_{code}.wav",
    "crema-d": lambda code, n: f"AudioWAV/100{n}_DFA_{code}_XX.wav",
    "ravdess": lambda code, n: f"Actor_0{n + 1}/03-0{n + 1}-{code}-01-02-01-0{n + 1}.wav",
}


def lay_out(corpus: str, folder: Path) -> None:
    """Make a tiny copy of a data set as its authors publish it."""
    if corpus in ("mridangam", "nsynth"):
        return {"mridangam": lay_out_mridangam, "nsynth": lay_out_nsynth}[corpus](folder)
    codes = next(one for one in PAPER_SETS if one.corpus == corpus and one.clips != 400).labels
    listed = [(code, PATHS[corpus](code, n), n + 1) for code in codes for n in range(2)]
    if corpus == "tut2017":  # its names say nothing of the class
        listed = [
            (code, f"{Path(path).parent}/b{i:03}_90_100.wav", fold) for i, (code, path, fold) in enumerate(listed)
        ]
    for number, (_, path, _) in enumerate(listed):
        record(folder / path, number)
    if corpus in METADATA:
        METADATA[corpus](folder, listed)


def lay_out_mridangam(folder: Path) -> None:
    for number, stroke in enumerate("bheem cha dheem dhin num ta tha tham thi thom".split()):
        for place, tonic in enumerate(("B", "C", "C#", "D", "D#", "E")):
            name = f"22{number}{place}__akshaylaya__{stroke}-{tonic.lower().replace('#', 'sh')}-001.wav"
            record(folder / "mridangam_stroke_1.5" / tonic / name, 10 * number + place)


def lay_out_nsynth(folder: Path) -> None:
    families = "bass brass flute guitar keyboard mallet organ reed string vocal".split()
    kinds = ("acoustic", "electronic", "synthetic")
    for part in ("train", "test"):
        names = [f"{family}_{kinds[n % 3]}_{len(part)}0{n}-060-100" for n, family in enumerate(families)]
        for number, name in enumerate(names):
            record(folder / f"nsynth-{part}" / "audio" / f"{name}.wav", number + len(part))
        about = {name: {"instrument_family_str": name.split("_")[0]} for name in names}
        write(folder / f"nsynth-{part}" / "examples.json", json.dumps(about))


def describe_esc50(folder: Path, listed: Listed) -> None:
    rows = [(Path(path).name, fold, code, f"class {code}", "False", "100", "A") for code, path, fold in listed]
    table(folder / "ESC-50-master/meta/esc50.csv", "filename,fold,target,category,esc10,src_file,take", rows)


def describe_urbansound(folder: Path, listed: Listed) -> None:
    rows = [(Path(path).name, 10, 0.0, 4.0, 1, fold, code, f"class {code}") for code, path, fold in listed]
    titles = "slice_file_name,fsID,start,end,salience,fold,classID,class"
    table(folder / "UrbanSound8K/metadata/UrbanSound8K.csv", titles, rows)


def describe_tut(folder: Path, listed: Listed) -> None:
    top = folder / "TUT-acoustic-scenes-2017-development"
    lines = [(f"audio/{Path(path).name}\t{code}", Path(path).name[:4], fold) for code, path, fold in listed]
    write(top / "meta.txt", "".join(f"{line}\t{location}\n" for line, location, _ in lines))
    for fold in range(1, 5):
        inside = "".join(f"{line}\n" for line, _, number in lines if number == fold)
        write(top / f"evaluation_setup/fold{fold}_evaluate.txt", inside)


def describe_vocalsound(folder: Path, listed: Listed) -> None:
    for part, fold in (("tr", 1), ("val", 3), ("te", 2)):
        lines = [{"wav": f"/data/sls/{Path(path).name}", "labels": "/m/01"} for _, path, n in listed if n == fold]
        write(folder / f"vs_release_16k/datafiles/{part}.json", json.dumps({"data": lines}))


METADATA: Mapping[str, Callable[[Path, Listed], None]] = {
    "esc50": describe_esc50,
    "urbansound8k": describe_urbansound,
    "tut2017": describe_tut,
    "vocalsound": describe_vocalsound,
}


def lay_out_as_on_the_hub(one: PaperSet, folder: Path) -> None:
    """Make a tiny copy of a data set as PALM's authors have it on the hub."""
    folds = FOLDS.get(one.name.removeprefix("palm:"), 0)
    rows: dict[str, list[tuple[str, str]]] = {}
    for number, label in enumerate(one.classes):
        for n in range(folds or 2):
            path = f"audios/{number}-{n}.wav"
            record(folder / path, 50 * number + n)
            if not folds:
                rows.setdefault(("train", "test")[n], []).append((path, label))
            for fold in range(folds):
                name = f"csv_files/{'test' if n == fold else 'train'}_{fold + 1}"
                rows.setdefault(name, []).append((path, label))
    for name, lines in rows.items():
        (folder / f"{name}.csv").parent.mkdir(exist_ok=True)
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("path", "classname"), *lines])


@pytest.mark.parametrize("name", PAPER_SETS.names)
def test_each_data_set_is_read_in_its_original_layout(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = PAPER_SETS[name]
    lay_out(one.corpus, tmp_path / one.corpus)
    monkeypatch.setenv("AUDIOPROMPT_DATA", str(tmp_path))
    clips = open_clips(name)
    assert clips.classes == one.classes and set(clips.labels) == set(one.classes) - set(one.absent)
    assert all(path.is_file() for path in clips.paths) and not clips.left_out
    divided = one.corpus in ("esc50", "urbansound8k", "tut2017") or (
        not one.part and one.corpus in ("sesa", "vocalsound", "nsynth")
    )
    assert (set(clips.folds or ()) == {1, 2}) if divided else clips.folds is None
    if one.part:
        assert not any("train" in part.lower() for path in clips.paths for part in path.relative_to(tmp_path).parts)


@pytest.mark.parametrize("name", [name for name in PAPER_SETS.names if PAPER_SETS[name].hub_name])
def test_each_data_set_of_palm_is_read_as_on_the_hub(name: str, tmp_path: Path) -> None:
    one = PAPER_SETS[name]
    of_palm = next(p for p in PAPER_SETS if p.paper == "palm" and p.hub_name == one.hub_name)
    lay_out_as_on_the_hub(of_palm, tmp_path / one.hub_name)
    clips = read_set(one, tmp_path / one.hub_name)
    folds = FOLDS.get(of_palm.name.removeprefix("palm:"), 0)
    assert clips.classes == one.classes and find_folder(one, tmp_path) == tmp_path / one.hub_name
    assert set(clips.folds or ()) == (set() if one.part else set(range(1, (folds or 2) + 1)))
    assert len(clips) == len(one.classes) * (1 if one.part else folds or 2)


# What two libraries call their copy of a data set, the folder that they unpack it to, and what a clip is there.
LIBRARIES: Mapping[str, tuple[str, str, str, Callable[[Any], object]]] = {
    "tspe:esc-50": ("soundata", "esc50", "ESC-50-master", lambda clip: clip.category),
    "tspe:urbansound8k": ("soundata", "urbansound8k", "UrbanSound8K", lambda clip: clip.class_label),
    "tspe:gtzan": ("mirdata", "gtzan_genre", ".", lambda track: track.genre),
    "tspe:mridangam-stroke": ("mirdata", "mridangam_stroke", ".", lambda track: track.stroke_name),
    "tspe:mridangam-tonic": ("mirdata", "mridangam_stroke", ".", lambda track: track.tonic),
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_folder_of_soundata_or_mirdata_is_read_as_they_read_it(name: str, tmp_path: Path) -> None:
    """Their indexes, which list every file of the originals, have to be downloaded; this one lists the tiny copy's."""
    library, dataset, home, class_of = LIBRARIES[name]
    opener = pytest.importorskip(library, reason=f"{library} is not installed: pip install {library}")
    one = PAPER_SETS[name]
    lay_out(one.corpus, tmp_path)
    theirs = opener.initialize(dataset, data_home=str(tmp_path / home))
    files = {path.stem: path.relative_to(tmp_path / home) for path in sorted((tmp_path / home).rglob("*.wav"))}
    nothing = {"beats": [None, None], "tempo": [None, None]}
    listed = {clip: {"audio": [str(file), ""], **nothing} for clip, file in files.items()}
    theirs.index_path = tmp_path / "index.json"
    theirs.index_path.write_text(json.dumps({"version": "tiny", "clips": listed, "tracks": listed}))
    loaded = theirs.load_clips() if library == "soundata" else theirs.load_tracks()

    clips = read_set(one, tmp_path)
    ours = {path.stem: label for path, label in zip(clips.paths, clips.labels, strict=True)}
    pairs = {(class_of(clip), ours[clip_id]) for clip_id, clip in loaded.items()}
    assert ours.keys() >= files.keys() and len(files) >= len(one.classes)
    assert len(pairs) == len(one.classes), "each class of theirs is one of ours"


def test_of_very_many_training_clips_some_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out("sesa", tmp_path)
    for number in range(10, 20):
        record(tmp_path / f"SESA/train/siren_0{number}.wav", number)
    monkeypatch.setattr("audioprompt.data.papers.read.MOST_TO_LEARN", 4)
    clips = read_set(PAPER_SETS["palm:sesa"], tmp_path)
    assert len(clips.in_folds([2])) == 4 and len(clips.in_folds([1])) == 3 + 4
    assert clips.paths == read_set(PAPER_SETS["palm:sesa"], tmp_path).paths


def test_the_papers_23_uses_are_there() -> None:
    assert [sum(one.paper == paper for one in PAPER_SETS) for paper in ("tspe", "palm")] == [12, 11]
    classes = [
        4,
        10,
        6,
        11,
        3,
        13,
        10,
        50,
        15,
        10,
        4,
        6,
        4,
        6,
        50,
        10,
        10,
        10,
        8,
        4,
        15,
        10,
        6,
    ]  # as the papers have it
    assert [len(one.classes) for one in PAPER_SETS] == classes
    assert all(one.home.startswith("https://") and one.licence and one.gigabytes for one in PAPER_SETS)


def test_uses_of_one_copy_expect_as_many_clips_of_it() -> None:
    """What one paper's use is content with, the other's must not call incomplete: nothing more can be fetched."""
    whole = [(one.hub_name, one.clips) for one in PAPER_SETS if one.hub_name and one.clips and not one.part]
    assert len(dict(whole)) == len(set(whole))


# --- what is wrong is named -------------------------------------------------------------------------------------------


def spoil_folder(folder: Path) -> None:
    for path in folder.rglob("*.wav"):
        path.rename(path.with_name(f"x{path.stat().st_ino}.wav"))


def lose(pattern: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        for path in folder.rglob(pattern):
            path.unlink()

    return spoil


def lose_training(folder: Path) -> None:
    for path in list(folder.rglob("*train")):
        shutil.rmtree(path)


def contradict(folder: Path) -> None:
    table_of = next(folder.rglob("esc50.csv"))
    table_of.write_text(table_of.read_text().replace("1-1000-A-0.wav,1,0", "1-1000-A-0.wav,1,7"))


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("tspe:esc-50", spoil_folder, "holds no recording of tspe:esc-50, such as audio/1-100032-A-0.wav: give the"),
        ("tspe:esc-50", lose("esc50.csv"), "lacks meta/esc50.csv of tspe:esc-50, which says what the recordings are"),
        (
            "tspe:esc-50",
            lose("1-1000-A-0.wav"),
            "1-1000-A-0.wav is not there, though the metadata has it: get it again",
        ),
        ("tspe:esc-50", contradict, "1-1000-A-0.wav is of class 0 by its name and of 7 by the metadata: get both"),
        (
            "palm:tut2017",
            lose("fold4_evaluate.txt"),
            "lacks evaluation_setup/fold4_evaluate.txt of palm:tut2017, which",
        ),
        ("palm:vocalsound", lose("*_cough.wav"), "f0000_0_cough.wav is not there, though the list of its part has it"),
        (
            "tspe:gtzan",
            lose("jazz.0*"),
            "has no clip of jazz, of the 10 classes of tspe:gtzan: get the rest with audiop",
        ),
        (
            "palm:ns-instruments",
            lose_training,  # as TSPE's use of it is fetched
            "has only one of the parts that palm:ns-instruments is divided into: get the rest with audioprompt data",
        ),
        ("palm:sesa", lose_training, "has only one of the parts that palm:sesa is divided into"),
    ],
)
def test_what_is_wrong_is_a_sentence(name: str, spoil: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    one = PAPER_SETS[name]
    lay_out(one.corpus, tmp_path)
    spoil(tmp_path)
    with pytest.raises(DataError) as caught:
        read_set(one, tmp_path)
    assert message in str(caught.value)


def test_check_names_every_missing_and_broken_file(tmp_path: Path, store: object) -> None:
    one, folder = PAPER_SETS["tspe:esc-50"], tmp_path / "esc50"
    lay_out("esc50", folder)
    lose("1-1000-A-0.wav")(folder)
    next(folder.rglob("1-1010-A-1.wav")).write_bytes(b"half a dow")
    result = run("data", "check", one.name, "--folder", tmp_path)
    assert result.exit_code == 1 and "99 recordings, 50 classes, 3 problems" in result.stdout
    assert "1-1000-A-0.wav is not there" in result.stdout and "has 99 recordings of 2,000" in result.stdout
    assert "1-1010-A-1.wav" in " ".join(result.stdout.split()) and "Get what is missing" in result.stderr
    assert run("data", "check", "tspe:gtzan", "--folder", tmp_path).exit_code == 1
    lay_out("nsynth", tmp_path / "nsynth")
    lose_training(tmp_path / "nsynth")
    assert "has only one of the parts that" in run("data", "check", "palm:ns-instruments", "--folder", tmp_path).stdout


def test_what_was_fetched_is_compared_with_what_is_there(tmp_path: Path) -> None:
    one = PAPER_SETS["tspe:sesa"]
    lay_out("sesa", tmp_path)
    (tmp_path / CHECKSUMS).write_text(json.dumps({"SESA/test/siren_001.wav": "0" * 64, "SESA/test/gone.wav": "1"}))
    problems = dict(check_set(one, tmp_path)[1])
    assert problems["SESA/test/siren_001.wav"] == "is not what was fetched"
    assert problems["SESA/test/gone.wav"] == "is missing" and problems["SESA/test/casual_001.wav"] == "was added"


def test_what_is_broken_of_an_unpacked_set_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Getting it again must not take the broken files for what was fetched."""
    one, folder, fetched = PAPER_SETS["tspe:mridangam-stroke"], tmp_path / "mridangam", []
    lay_out("mridangam", tmp_path / "made")

    def archive(*_: object) -> Path:
        fetched.append(one.name)
        return Path(shutil.make_archive(str(tmp_path / "archive"), "zip", tmp_path / "made"))

    monkeypatch.setattr("audioprompt.data.papers.get.zenodo_file", archive)
    get_set(one, tmp_path)
    lost, broken, *_ = sorted(folder.rglob("*.wav"))
    lost.unlink()
    record(broken, 1)
    record(folder / "my-own.wav", 2)
    assert {what for _, what in check_set(one, folder)[1]} >= {"is missing", "is not what was fetched", "was added"}
    for times in (2, 2):  # once more, then there is nothing to do
        get_set(one, tmp_path)
        assert [what for _, what in check_set(one, folder)[1]] == ["has 60 recordings of 6,977"]
        assert len(fetched) == times and (folder / "my-own.wav").is_file()


def fetch_twice(name: str, root: Path) -> tuple[Path, Path]:
    return get_set(PAPER_SETS[name], root), get_set(PAPER_SETS[name], root)


@pytest.mark.slow
def test_sets_are_fetched_from_the_hub_and_from_zenodo_and_go_on_where_that_broke_off(
    hub: Hub, worker: Worker, tmp_path: Path
) -> None:
    lay_out_as_on_the_hub(PAPER_SETS["palm:sesa"], hub.folder / "datasets/MahiA/SESA")
    lay_out("mridangam", tmp_path / "made")
    archive = hub.folder / "zenodo/4068196/mridangam_stroke_1.5.zip"
    archive.parent.mkdir(parents=True)
    shutil.make_archive(str(archive.with_suffix("")), "zip", tmp_path / "made")
    hub.breaks["zenodo/4068196/mridangam_stroke_1.5.zip"] = 2
    hub.refuses["datasets/MahiA/SESA/audios/1-1.wav"] = 1
    for name, place in (("palm:sesa", "SESA"), ("tspe:mridangam-tonic", "mridangam")):
        first, again = worker(fetch_twice, name, tmp_path)
        assert first == again == tmp_path / place
        number, problems = check_set(PAPER_SETS[name], first)
        expected = f"has {number} recordings of {PAPER_SETS[name].clips:,}"
        assert number in (8, 60) and [what for _, what in problems] == [expected]
    assert len(hub.asked("zenodo/4068196/mridangam_stroke_1.5.zip")) == 3, "a connection that broke off is made anew"


def test_a_set_that_is_fetched_by_hand_says_how(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"https://zenodo.org/records/7080122. It is a zip file in several parts"):
        get_set(PAPER_SETS["tspe:cochlscene"], tmp_path)


def test_another_package_adds_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = (
        "from dataclasses import replace\nfrom audioprompt.data.papers import PAPER_SETS\n"
        "MINE = replace(PAPER_SETS.built_in[9], name='mine:gtzan')\n"
    )
    plugins.install(tmp_path, monkeypatch, "audioprompt.datasets", {"mine": "others:MINE"}, module)
    PAPER_SETS.look_again()
    try:
        assert PAPER_SETS["mine:gtzan"].paper == "mine"
    finally:
        monkeypatch.undo()
        PAPER_SETS.look_again()
