"""The papers' tables had again: cells, the journal, what is put beside what, and a report that needs nothing else."""

import csv
import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audioprompt.data.papers import PAPER_SETS
from audioprompt.models import registry
from audioprompt.prompts.store import PromptStore
from audioprompt.services import reproduce as service
from audioprompt.services.reproduce.experiments import sources
from audioprompt.services.reproduce.report import describe_run
from audioprompt.services.reproduce.results import as_csv
from audioprompt.services.reproduce.run import Cell
from audioprompt.settings import asset_folder
from tests.fakes import HUM, RATE, WHISTLE, tone
from tests.unit.test_cli import CountingModel, model, pack, run, store  # noqa: F401, fixtures among them
from tests.unit.test_papers_data import lay_out

EXPERIMENTS = service.EXPERIMENTS


@pytest.fixture
def tones(tmp_path: Path) -> Path:
    """Six clips in each of two classes, in three folds, with names that a report has to escape."""
    folder = tmp_path / "<b>tones"
    folder.mkdir()
    rows = [("path", "classname", "fold")]
    for name, hertz in (("low hum", HUM), ("whistle", WHISTLE)):
        for number in range(6):
            soundfile.write(folder / f"{name}{number}.wav", tone(hertz + 5 * number, 1), RATE)
            rows.append((f"{name}{number}.wav", name, str(number % 3 + 1)))
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder / "manifest.csv"


def test_the_published_tables_are_those_of_the_papers() -> None:
    tspe, palm = EXPERIMENTS["tspe"].published, EXPERIMENTS["palm"].published
    assert len(tspe) == 48 and len(palm) == 44 and set(sources()) >= {"tspe_table1.csv", "palm_accuracy.csv"}
    gains = [
        tspe["msclap-2022", one.title, "tspe"] - tspe["msclap-2022", one.title, "vanilla"]
        for one in EXPERIMENTS["tspe"].sets
    ]
    assert 100 * max(gains) == pytest.approx(16.36) and sum(gain < 0 for gain in gains) == 6
    means = {
        method: np.mean([palm["pengi", one.title, method] for one in EXPERIMENTS["palm"].sets])
        for method in ("zeroshot", "coop", "cocoop", "palm")
    }
    assert [round(100 * mean, 1) for mean in means.values()] == pytest.approx([39.7, 71.1, 73.5, 76.6], abs=0.1)


def test_the_models_of_tspe_and_of_its_related_work_have_their_rows() -> None:
    assert EXPERIMENTS["tspe"].models == ("msclap-2023", "msclap-2022", "wav2clip", "audioclip")
    assert set(EXPERIMENTS["tspe"].models) <= set(registry.MODELS.names)


def test_every_published_set_has_its_entry() -> None:
    titles = {one.title for one in PAPER_SETS}
    assert {name for one in EXPERIMENTS for _, name, _ in one.published} <= titles


@pytest.mark.parametrize("experiment", [one for one in EXPERIMENTS.names if one != "palm"])
def test_each_experiment_runs_on_what_is_here(
    experiment: str,
    tones: Path,
    tmp_path: Path,
    model: CountingModel,
    store: object,
) -> None:
    out = tmp_path / "out"
    arguments = ["reproduce", experiment, "--model", "embedded", "--also", tones, "--out", out]
    arguments += ["--epochs", 2, "--seeds", "0,1", "--folder", tmp_path / "none"]
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    assert "is not here: audioprompt data get" in result.stderr
    rows = list(csv.DictReader((out / f"{experiment}.csv").open()))
    found = json.loads((out / f"{experiment}.json").read_text())
    assert rows and len(rows) == len(found["results"]) and found["versions"]["torch"] and found["models"]
    html = (out / f"{experiment}.html").read_text()
    assert (
        "&lt;b&gt;tones" in html and "<b>tones" not in html and "src=" not in html.replace('src="data:', "")[-200_000:]
    )
    heard = model.windows_heard
    before = (out / f"{experiment}.journal").read_text()
    assert run(*arguments).exit_code == 0 and (out / f"{experiment}.journal").read_text() == before
    assert model.windows_heard == heard, "all is in the journal and the cache"
    assert not any(row["problem"] for row in rows)


def test_a_run_that_was_killed_goes_on_where_it_ended(
    tones: Path,
    tmp_path: Path,
    model: CountingModel,
    store: object,
) -> None:
    out = tmp_path / "out"
    arguments = ["reproduce", "palm-dagger", "--model", "embedded", "--also", tones, "--out", out, "--epochs", 2]
    assert run(*arguments).exit_code == 0
    journal = out / "palm-dagger.journal"
    whole = journal.read_bytes()
    lines = whole.splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[: len(lines) // 2]) + lines[-1][:20])  # killed while it wrote
    assert run(*arguments).exit_code == 0
    plain = [json.loads(line)["key"] for line in journal.read_bytes().splitlines()[1:]]
    assert sorted(plain) == sorted(json.loads(line)["key"] for line in lines[1:])
    changed = run(*arguments[:-1], 3)
    assert changed.exit_code == 1 and "changed: epochs" in changed.stderr
    assert run(*arguments[:-1], 3, "--restart").exit_code == 0


def test_several_data_sets_at_once_give_the_same(
    tones: Path, tmp_path: Path, model: CountingModel, store: object
) -> None:
    other = tones.parent.with_name("others")
    shutil.copytree(tones.parent, other)
    arguments = ["reproduce", "palm-dagger", "--model", "embedded", "--also", tones, "--also", other / tones.name]
    arguments += ["--epochs", 2, "--seeds", "0,1"]
    tables = []
    for jobs in (1, 2):
        out = tmp_path / f"{jobs}"
        assert run(*arguments, "--jobs", jobs, "--out", out).exit_code == 0
        rows = list(csv.DictReader((out / "palm-dagger.csv").open()))
        tables.append([{key: row[key] for key in ("dataset", "system", "accuracies", "p")} for row in rows])
        journal = (out / "palm-dagger.journal").read_text().splitlines()
        assert len(journal) == len({json.loads(line).get("key") for line in journal}) == 1 + 2 * 3 * 5
    assert tables[0] == tables[1] and {row["dataset"] for row in tables[0]} == {"<b>tones", "others"}


def rows_of(out: Path, experiment: str, *places: object, more: tuple[object, ...] = ()) -> list[dict[str, str]]:
    """Run an experiment on some places and return its table."""
    also = [part for place in places for part in ("--also", place)]
    arguments = ["--model", "embedded", *also, "--out", out, "--folder", out / "none", "--epochs", 2, "--seeds", 0]
    result = run("reproduce", experiment, *arguments, *more)
    assert result.exit_code == 0, result.stderr
    return list(csv.DictReader((out / f"{experiment}.csv").open()))


def test_clips_of_the_same_names_are_not_taken_for_those_before(
    tones: Path, tmp_path: Path, model: CountingModel, store: object
) -> None:
    """Other recordings or another division are measured anew, and two places of one name keep a row each."""
    right, wrong, out = tmp_path / "right/clips", tmp_path / "wrong/clips", tmp_path / "out"
    for folder in (right, wrong):
        shutil.copytree(tones.parent, folder)
    for path in wrong.glob("*.wav"):
        soundfile.write(path, tone(WHISTLE if "hum" in path.name else HUM, 1), RATE)

    def accuracies(*places: Path) -> dict[str, str]:
        rows = rows_of(out, "templates", *places)
        return {row["dataset"]: f"{row['n']} {row['accuracy']}" for row in rows if row["system"] == "{label}"}

    assert accuracies(right) == {"clips": "12 1"} and accuracies(wrong) == {"clips": "12 0"}
    assert accuracies(right, wrong) == {str(right): "12 1", str(wrong): "12 0"}

    def noted() -> int:
        return len((out / "palm-dagger.journal").read_text().splitlines())

    rows_of(out, "palm-dagger", right)
    before = noted()
    table = right / "manifest.csv"
    table.write_text(table.read_text().replace(",1\n", ",4\n").replace(",2\n", ",1\n").replace(",4\n", ",2\n"))
    rows_of(out, "palm-dagger", right)
    assert noted() == 1 + 2 * (before - 1)


def test_a_column_alone_is_measured_on_the_clips_that_the_table_has_it_on(
    tones: Path, tmp_path: Path, model: CountingModel, store: object
) -> None:
    tones.write_text("\n".join(line.rpartition(",")[0] for line in tones.read_text().splitlines()))  # without folds
    whole = rows_of(tmp_path / "whole", "palm-dagger", tones)
    alone = rows_of(tmp_path / "alone", "palm-dagger", tones, more=("--only", "zeroshot"))
    assert alone[0]["n"] == whole[0]["n"] and alone[0]["accuracy"] == whole[0]["accuracy"]


def test_a_column_that_there_is_not_is_named_before_anything_is_heard(
    tones: Path, tmp_path: Path, model: CountingModel, store: object
) -> None:
    out = tmp_path / "out"
    result = run("reproduce", "palm-dagger", "--model", "embedded", "--also", tones, "--out", out, "--only", "plam")
    assert result.exit_code == 1 and "has no column plam. Choose of: zeroshot, palm, palm-dagger." in result.stderr
    assert not model.windows_heard and not (out / "palm-dagger.html").exists()


def test_a_category_that_there_is_not_is_refused(
    tones: Path, tmp_path: Path, model: CountingModel, store: object
) -> None:
    result = run("reproduce", "tspe", "--model", "embedded", "--also", f"{tones}=vocal-sounds", "--out", tmp_path)
    assert result.exit_code == 1 and "There is no category 'vocal-sounds'" in result.stderr
    assert "vocal_sounds" in result.stderr and not model.windows_heard


@pytest.mark.parametrize("experiment", EXPERIMENTS.names)
def test_what_is_published_stands_beside_columns_of_the_experiment(experiment: str) -> None:
    one = EXPERIMENTS[experiment]
    columns = {system.name for system in one.systems(PromptStore().get("eight-templates"))}
    assert columns & {system for _, _, system in one.published} - {one.baseline} or experiment == "k-ablation"
    assert {name for _, name, _ in one.published} <= {each.title for each in one.sets}


def test_recordings_that_are_missing_are_told_beside_the_figures(
    tones: Path, tmp_path: Path, model: CountingModel, store: object
) -> None:
    (tones.parent / "whistle3.wav").unlink()
    (tones.parent / "low hum3.wav").write_bytes(b"half a download")
    out = tmp_path / "out"
    assert {row["n"] for row in rows_of(out, "templates", tones)} == {"10"}
    missing = json.loads((out / "templates.json").read_text())["missing"]
    told = next(
        one for one in missing if one.startswith("<b>tones: Left out 2 recordings (1 of low hum, 1 of whistle)")
    )
    assert "whistle3.wav" in told and "low hum3.wav" in told
    assert "What is missing" in (out / "templates.html").read_text()
    place = replace(service.other_places([str(tones)])[0], name="palm:esc50")
    _, problems = service.run(EXPERIMENTS["templates"], [model], [place], service.RunSettings(), out / "another")
    assert len(problems) == 1 and problems[0].endswith(". audioprompt data check palm:esc50 lists every one.")


def test_a_model_that_cannot_be_had_is_left_out_and_named(
    tones: Path, tmp_path: Path, model: CountingModel, store: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = registry.MODELS["embedded"], next(one for one in registry.BUILT_IN if one.name == "wav2clip")
    monkeypatch.setattr(registry, "MODELS", registry.ModelRegistry(entries))
    (tmp_path / "Wav2CLIP.pt").write_bytes(b"<html>404</html>")
    here = ["--also", tones, "--out", tmp_path / "out", "--folder", tmp_path / "none"]
    weights = ["--weights", f"wav2clip={tmp_path / 'Wav2CLIP.pt'}"]
    found = run("reproduce", "tspe", "--model", "embedded", "--model", "wav2clip", *weights, *here)
    assert found.exit_code == 0, found.stderr
    said = "wav2clip is left out: "
    assert said in found.stderr and "cannot be read as weights" in found.stderr
    assert said in (tmp_path / "out/tspe.html").read_text()
    alone = run("reproduce", "tspe", "--model", "wav2clip", *weights, *here)
    assert alone.exit_code == 1 and "No model of tspe can be had. wav2clip is left out: " in alone.stderr
    odd = run("reproduce", "tspe", "--model", "embedded", "--weights", "file.pt", *here)
    assert odd.exit_code == 2 and "names no model: write it as msclap-2023=file.pt" in odd.stderr


def test_commands_run_where_the_environment_says(
    tones: Path, tmp_path: Path, model: CountingModel, store: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIOPROMPT_DEVICE", "cuda:9")
    sound = tones.parent / "whistle0.wav"
    for command in (["classify", sound, "--labels", "low hum, whistle"], ["app"]):
        result = run(*command)
        assert result.exit_code == 1 and "There is no device 'cuda:9'" in result.stderr
    result = run("reproduce", "templates", "--model", "embedded", "--also", tones, "--out", tmp_path)
    assert "There is no device 'cuda:9'" in result.stderr
    assert run("classify", sound, "--labels", "low hum, whistle", "--device", "cpu").exit_code == 0


@pytest.mark.slow
@pytest.mark.parametrize("corpus", ["esc50", "urbansound8k", "gtzan", "vocalsound"])
def test_real_clips_in_the_layout_of_a_paper_run_end_to_end(
    corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sorted(asset_folder("instruments").glob("*.ogg"))

    def copy(path: Path, number: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        samples, rate = soundfile.read(real[number % len(real)])
        soundfile.write(path, samples, rate, format="AU" if path.suffix == ".au" else "WAV")

    monkeypatch.setattr("tests.unit.test_papers_data.record", copy)
    monkeypatch.setenv("AUDIOPROMPT_CACHE", str(tmp_path / "cache"))
    lay_out(corpus, tmp_path / corpus)
    result = run("reproduce", "tspe", "--model", "embedded", "--folder", tmp_path, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    rows = list(csv.DictReader((tmp_path / "out/tspe.csv").open()))
    one = next(one for one in EXPERIMENTS["tspe"].sets if one.corpus == corpus)
    assert {row["dataset"] for row in rows} == {one.title} and {row["system"] for row in rows} >= {"vanilla", "tspe"}
    assert all(int(row["n"]) == len(one.classes) * (1 if one.part else 2) for row in rows)
    assert f"{one.title}" in (tmp_path / "out/tspe.html").read_text()


def test_one_that_is_stopped_says_how_to_go_on(tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(service, "run", stopped)
    result = run("reproduce", "tspe", "--model", "embedded", "--also", str(tones), "--out", str(tmp_path / "out"))
    assert result.exit_code == 1 and "Stopped. Give the same command again to go on: " in result.stderr
    assert "tspe.journal holds what was done" in " ".join(result.stderr.split())
    anew = run("reproduce", "tspe", "--model", "embedded", "--also", tones, "--out", tmp_path / "out", "--restart")
    assert "Give the same command again, without --restart, to go on" in anew.stderr


def test_the_command_in_a_report_can_be_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    given = ["audioprompt", "reproduce", "tspe", "--also", "my clips=vocal_sounds"]
    monkeypatch.setattr("sys.argv", given)
    assert shlex.split(describe_run(EXPERIMENTS["tspe"], [], [], {})["command"]) == given


@pytest.mark.slow
def test_nothing_to_run_on_says_what_to_do(tmp_path: Path, store: object) -> None:
    result = run("reproduce", "tspe", "--folder", tmp_path)
    assert result.exit_code == 2 and "audioprompt data get tspe:beijing-opera, or give other clips" in result.stderr
    unknown = run("reproduce", "palm", "--also", "village", "--model", "embedded", "--only", "x", "--out", tmp_path)
    assert "palm has no column x. Choose of: zeroshot, coop, cocoop, apl, palm, palm/own, auto/own." in unknown.stderr
    assert "There is no experiment called 'x'" in run("reproduce", "x").stderr


def test_cells_become_results_with_tests() -> None:
    experiment = EXPERIMENTS["palm"]
    cells = [
        Cell("pengi", "SESA", "zeroshot", 2, 0, "1100"),
        *(Cell("pengi", "SESA", "palm", 2, seed, right, 1.5) for seed, right in enumerate(("1110", "1111"))),
        Cell("pengi", "SESA", "coop", 2, 0, problem="no text tower"),
    ]
    results, across = service.summarise(experiment, cells, ())
    by_system = {one.system: one for one in results}
    palm = by_system["palm"]
    assert palm.accuracies == (0.75, 1.0) and palm.accuracy == 0.875 and (palm.better, palm.worse) == (1, 0)
    assert palm.published == pytest.approx(0.8952) and palm.seconds == 1.5
    assert by_system["coop"].problem == "no text tower" and by_system["coop"].accuracy is None
    assert [one.wins for one in across] == [0, 1] and "0.7500 1.0000" in as_csv(results)
