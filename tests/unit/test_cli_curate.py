"""``audioprompt curate``: what it prints, what it proposes, and what it writes to the store and when."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from audioprompt.cli import app
from audioprompt.models import registry
from audioprompt.models.registry import ModelEntry
from audioprompt.prompts.history import decide, times_tested, write_prompt
from audioprompt.prompts.store import PromptStore
from audioprompt.services import curate as curation
from audioprompt.services.curate import decisions
from tests.curating import BIASED, CONTRARY, PLAIN, clips_in, pack_of
from tests.fakes import FakeModel


@pytest.fixture(autouse=True)
def fake_model(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    entry = ModelEntry("embedded", "a stand-in", "nothing", "none", lambda *_: FakeModel())
    monkeypatch.setattr(registry, "MODELS", registry.ModelRegistry((entry,)))
    registry.MODELS.release()
    curation.forget()
    yield
    registry.MODELS.release()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PromptStore:
    monkeypatch.setenv("AUDIOPROMPT_STORE", str(tmp_path / "store"))
    store = PromptStore()
    store.create(pack_of(PLAIN, CONTRARY, BIASED))
    store.create(pack_of(PLAIN, CONTRARY, status="approved", pack_id="both"))
    return store


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return clips_in(tmp_path)


@pytest.fixture
def half(monkeypatch: pytest.MonkeyPatch) -> None:
    """Auto-curation that proposes what is always right."""
    monkeypatch.setattr(
        decisions, "propose", lambda table, **_: table.everything & [s.accuracy == 1 for s in table.scores]
    )


def run(*arguments: object) -> Any:
    result = CliRunner().invoke(app, ["curate", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def json_of(*arguments: object) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_every_prompt_is_measured_alone_and_in_the_ensemble(store: PromptStore, manifest: Path):
    found = json_of("both", manifest, "--validate-folds", "1")
    assert (found["n"], found["split"], found["model"]) == (8, "fold 1", "fake")
    assert [(row["template"], row["accuracy"], row["gain"]) for row in found["templates"]] == [
        (PLAIN, 1.0, 0.5),
        (CONTRARY, 0.0, -0.5),
    ]
    assert found["ensemble"]["accuracy"] == found["all"]["accuracy"] == 0.5
    assert found["best_single"]["accuracy"] == 1.0 and found["best_template"] == PLAIN
    low, high = found["templates"][0]["interval"]
    assert 0.6 < low < high == 1.0
    assert (found["against_vanilla"]["better"], found["against_vanilla"]["worse"]) == (0, 4)
    assert found["proposal"] is None and found["held_out"] is None


def test_looking_writes_nothing(store: PromptStore, manifest: Path, half: None):
    stamp = store.stamp("tones")
    found = json_of("tones", manifest, "--share", "0.5", "--seed", "3", "--auto")
    assert found["split"] == "50 % (seed 3)"
    assert found["proposal"]["approve"] == [PLAIN] and found["proposal"]["reject"] == [CONTRARY, BIASED]
    assert found["proposal"]["ensemble"]["accuracy"] == 1.0
    assert store.stamp("tones") == stamp


def test_a_proposal_is_applied_as_one_change_that_records_what_it_was_taken_on(
    store: PromptStore, manifest: Path, half: None
):
    found = json_of("tones", manifest, "--validate-folds", "1", "--auto", "--apply")
    pack = store.get("tones")
    assert [entry.status for entry in pack.entries] == ["approved", "rejected", "rejected"]
    assert {entry.decided_by for entry in pack.entries} == {curation.AUTO}
    assert len({event.change for event in pack.history if event.action == "decide"}) == 1
    assert pack.entries[0].measured[0].accuracy == 1.0
    assert found["ensemble"]["accuracy"] == 1.0, "what is told is where the pack stands now"


def test_a_prompt_that_someone_adds_meanwhile_is_not_in_the_way(
    store: PromptStore, manifest: Path, monkeypatch: pytest.MonkeyPatch
):
    def propose(table: Any, **_: Any) -> Any:
        store.update("tones", lambda pack: write_prompt(pack, "{} nearby", "ada"))
        return table.everything

    monkeypatch.setattr(decisions, "propose", propose)
    found = json_of("tones", manifest, "--validate-folds", "1", "--auto", "--apply")
    assert [row["template"] for row in found["templates"]] == [PLAIN, CONTRARY, BIASED]
    assert {row["status"] for row in found["templates"]} == {"approved"}
    assert [entry.status for entry in store.get("tones").entries] == ["approved"] * 3 + ["candidate"]


def test_what_a_person_decided_outlasts_the_proposal(store: PromptStore, manifest: Path):
    store.update("tones", lambda pack: decide(pack, [PLAIN], "rejected", "ada"))
    store.update("tones", lambda pack: decide(pack, [CONTRARY], "approved", "ada"))
    options = ("--validate-folds", "1", "--auto", "--apply")
    found = json_of("tones", manifest, *options)
    assert found["proposal"]["kept_decisions"] == {PLAIN: "rejected", CONTRARY: "approved"}
    assert PLAIN in found["proposal"]["reject"] and CONTRARY in found["proposal"]["approve"]
    first, second, _ = store.get("tones").entries
    assert (first.status, first.decided_by, second.status) == ("rejected", "ada", "approved")
    assert "The proposal keeps your 1 rejection and 1 approval." in run("tones", manifest, *options).stdout


def test_unseen_folds_are_scored_and_the_pack_notes_the_look(store: PromptStore, manifest: Path, half: None):
    options = ("--validate-folds", "1", "--test-folds", "2")
    found = json_of("tones", manifest, *options, "--auto")["held_out"]
    assert (found["split"], found["n"], found["ensemble"]["accuracy"]) == ("fold 2", 8, 1.0)
    assert times_tested(store.get("tones")) == 1
    result = run("both", manifest, *options)
    assert "8 unseen clips" in result.stdout and "approved (2) over vanilla: 0 clips better, 4 worse" in result.stdout
    assert times_tested(store.get("both")) == 1


def test_the_table_has_the_decisions_the_accuracies_and_the_reasons_to_doubt(
    store: PromptStore, manifest: Path, half: None
):
    lines = run("tones", manifest, "--validate-folds", "1", "--auto").stdout.splitlines()
    plain = next(line for line in lines if "100.0 ±" in line)
    assert plain.split()[:4] == ["candidate", "keep", "the", "sound"]
    assert any("drop" in line and "label" in line for line in lines)
    assert any(line.startswith("proposed (1) over vanilla: no clip better, none worse") for line in lines)


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["tones", "--apply"], 2, "--apply needs --auto"),
        (["tones", "--test-folds", "2"], 2, "--test-folds needs --validate-folds"),
        (["tones", "--validate-folds", "1", "--test-folds", "1"], 2, "cannot be used for both validation and testing"),
        (["tones", "--validate-folds", "1,x"], 2, "whole numbers"),
        (["tones", "--validate-folds", "9"], 1, "has no fold 9"),
        (["tones", "--share", "2"], 1, "The fraction must be between"),
        (["nothing"], 1, "No prompt pack is called 'nothing'"),
        (["tones", "--validate-folds", "1", "--test-folds", "2"], 1, "approve some first"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    store: PromptStore, manifest: Path, options: list[str], code: int, sentence: str
):
    pack_id, *rest = options
    result = run(pack_id, manifest, *rest)
    assert result.exit_code == code
    assert sentence in result.stderr and result.stdout == "" and "Traceback" not in result.stderr


def test_clips_that_are_not_there_are_said_in_a_sentence(store: PromptStore):
    result = run("tones", "nowhere.csv")
    assert result.exit_code == 1 and "nowhere.csv is not there" in result.stderr


def test_a_report_tells_what_a_pack_does_to_classes_groups_and_with_fewer_prompts(
    store: PromptStore, tmp_path: Path
) -> None:
    manifest, report = clips_in(tmp_path, each=8), tmp_path / "report.md"
    lines = manifest.read_text().splitlines()
    rooms = ["Recording room", *("<b>hall</b>" if number % 2 else "attic" for number in range(1, len(lines)))]
    manifest.write_text("\n".join(f"{line},{room}" for line, room in zip(lines, rooms, strict=True)))
    store.update("tones", lambda pack: decide(pack, [CONTRARY], "approved", "me"))
    assert run("tones", manifest, "--validate-folds", "1", "--report", report).exit_code == 0
    text = report.read_text()
    assert text.startswith("# Tones") and "## How many prompts" in text and text.count("```mermaid") == 3
    assert "- “hum” is recognised less often: 100.0 → 0.0 % of its 8 clips (-100.0 points, 95 % interval" in text
    assert "- “hum” is taken for “whistle” more often: for 8 of 8 clips, with vanilla for 0." in text
    assert "- Where Recording room is “attic”, accuracy falls: 100.0 → 0.0 % of 8 clips" in text
    assert "<b>" not in text and "| &#60;b>hall&#60;/b> | 8 |" in text
    nowhere = run("tones", manifest, "--report", tmp_path / "none" / "report.md")
    assert nowhere.exit_code == 1 and "cannot be written" in nowhere.stderr
