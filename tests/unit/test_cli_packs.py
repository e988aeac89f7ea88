"""``audioprompt packs``: listing, showing, comparing, exporting and importing."""

import csv
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from audioprompt.cli import app
from audioprompt.prompts.formats import PACK_FORMATS
from audioprompt.prompts.history import decide
from audioprompt.prompts.pack import PackEntry, PromptPack, pack_from_templates
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import Template

NOON = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PromptStore:
    """Two packs beside those that come along, one of them with a prompt rejected and one undecided."""
    monkeypatch.setenv("AUDIOPROMPT_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    store = PromptStore()
    plain = pack_from_templates(["the sound of {}", "{} noise"], "plain", "Plain")
    store.create(plain.model_copy(update={"label_presets": {"Wet": ("rain", "sea")}}))
    undecided = PackEntry(template=Template.tspe("loud"))
    other = plain.model_copy(update={"id": "other", "entries": (*plain.entries, undecided)})
    store.create(decide(other, ["{label} noise"], "rejected", who="ada", at=NOON))
    return store


def run(*arguments: object) -> Any:
    result = CliRunner().invoke(app, ["packs", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def output(*arguments: object) -> str:
    result = run(*arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def failure(*arguments: object) -> str:
    """The one sentence that a command ends with."""
    result = run(*arguments)
    assert result.exit_code == 1 and not result.stdout
    assert len(result.stderr.splitlines()) == 1
    return result.stderr


# --- list and show ----------------------------------------------------------------------------------------------------


def test_packs_are_listed(store: PromptStore) -> None:
    found = {row["id"]: row for row in json.loads(output("--json"))}
    assert {"plain", "other", "vanilla", "instruments"} <= found.keys()
    assert found["other"]["templates"] == ["the sound of {}"] and found["other"]["entries"] == 3
    assert found["plain"]["label_presets"] == {"Wet": ["rain", "sea"]}
    assert "other Plain 1 3" in " ".join(output().split())


def test_a_long_id_is_listed_whole(store: PromptStore) -> None:
    store.create(pack_from_templates(["{}"], "a-pack-with-quite-a-long-name-2026-11-21", "A title of many words"))
    letters = "".join(line.split()[0] for line in output().splitlines() if line[1:2].strip())
    assert "a-pack-with-quite-a-long-name-2026-11-21" in letters


def test_a_broken_pack_is_told_beside_the_others(store: PromptStore) -> None:
    (store.folder / "bad.json").write_text("{")
    result = run()
    assert "plain" in result.stdout
    assert result.stderr.startswith("bad.json: not valid JSON") and result.exit_code == 1


def test_show_prints_open_clips_templates_or_the_pack(store: PromptStore) -> None:
    assert output("show", "plain") == "the sound of {}\n{} noise\n"
    assert output("show", "plain", "--json") == store.get("plain").to_json()
    assert len(output("show", "eight-templates").splitlines()) == 8


def test_show_tells_that_nothing_is_approved(store: PromptStore) -> None:
    store.update("plain", lambda pack: decide(pack, ["the sound of {label}", "{label} noise"], "candidate", who="ada"))
    result = run("show", "plain")
    assert result.exit_code == 0 and result.stdout == ""
    assert result.stderr.startswith("None of the 2 prompts of plain is approved yet")


# --- diff -------------------------------------------------------------------------------------------------------------


def test_diff(store: PromptStore) -> None:
    assert output("diff", "plain", "other").splitlines() == [
        "+ A loud sound of {label}  (candidate)",
        "~ {label} noise  (approved -> rejected)",
    ]
    assert output("diff", "plain", "plain") == "the same templates with the same status\n"
    assert json.loads(output("diff", "other", "plain", "--json")) == {
        "added": [],
        "removed": [["A loud sound of {label}", "candidate"]],
        "changed": [["{label} noise", "rejected", "approved"]],
    }


# --- export and import ------------------------------------------------------------------------------------------------


def test_export(store: PromptStore) -> None:
    assert output("export", "other") == store.get("other").to_json()
    assert json.loads(output("export", "plain", "--format", "list")) == ["the sound of {}", "{} noise"]
    assert output("export", "plain", "--format", "text") == "the sound of {}\n{} noise\n"
    rows = list(csv.DictReader(output("export", "other", "--format", "csv").splitlines()))
    assert [row["status"] for row in rows] == ["approved", "rejected", "candidate"]
    assert output("export", "other", "--format", "report").startswith("# Plain\n")


@pytest.mark.parametrize("form", PACK_FORMATS.names)
def test_export_to_a_file(store: PromptStore, tmp_path: Path, form: str) -> None:
    assert output("export", "other", "--format", form, "-o", tmp_path / "file") == ""
    assert (tmp_path / "file").read_bytes().decode() == PACK_FORMATS[form].write(store.get("other"))


@pytest.mark.parametrize(("form", "suffix"), [("json", ".json"), ("csv", ".csv"), ("text", ".txt"), ("list", ".json")])
def test_what_was_exported_can_be_imported(store: PromptStore, tmp_path: Path, form: str, suffix: str) -> None:
    output("export", "plain", "--format", form, "-o", tmp_path / f"mine{suffix}")
    assert output("import", tmp_path / f"mine{suffix}", "--id", "mine") == "mine: 2 prompts, 2 of them approved\n"
    assert PromptStore().get("mine").as_strings() == ["the sound of {}", "{} noise"]
    assert output("diff", "plain", "mine") == "the same templates with the same status\n"


def test_import_is_called_after_the_file(store: PromptStore, tmp_path: Path) -> None:
    (tmp_path / "My Prompts.txt").write_text("I hear {}\n")
    assert json.loads(output("import", tmp_path / "My Prompts.txt", "--json"))["id"] == "my-prompts"
    assert isinstance(PromptStore().get("my-prompts"), PromptPack)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("show nobody", "No prompt pack is called 'nobody'"),
        ("diff plain nobody", "No prompt pack is called 'nobody'"),
        ("export nobody", "No prompt pack is called 'nobody'"),
        ("export plain -o gone/file", "gone/file cannot be written, No such file or directory"),
        ("import gone.txt", "gone.txt cannot be read, No such file or directory"),
        ("import bad.txt", "bad.txt, line 1: The template 'no slot' has no slot"),
        ("import good.txt --id plain", "A prompt pack is called 'plain' already: choose another id"),
        ("import good.txt --id ../up", "must be small letters and digits joined by hyphens"),
    ],
)
def test_mistakes_end_in_one_sentence(store: PromptStore, tmp_path: Path, arguments: str, message: str) -> None:
    (tmp_path / "bad.txt").write_text("no slot")
    (tmp_path / "good.txt").write_text("the sound of {}")
    assert message in failure(*arguments.split())
    assert sorted(path.name for path in store.folder.glob("*.json")) == ["other.json", "plain.json"]


# --- packs that change ------------------------------------------------------------------------------------------------


def test_a_pack_is_renamed_copied_deleted_and_restored(store: PromptStore) -> None:
    assert output("rename", "plain", "Plain & simple") == "plain: Plain & simple\n"
    assert output("copy", "plain") == "plain-copy: Plain & simple (copy)\n"
    assert output("copy", "plain", "mine", "--title", "Mine") == "mine: Mine\n"
    assert store.get("mine").entries == store.get("plain").entries
    assert "plain" in failure("copy", "other", "plain")
    assert output("delete", "mine", "--yes") == ("mine is deleted. To bring it back: audioprompt packs restore mine\n")
    assert "mine" not in store.ids()
    assert output("restore", "mine") == "mine: Mine\n"
    assert "no deleted pack is called" in failure("restore", "mine").lower()


def test_deleting_asks_and_packs_that_come_along_stay(store: PromptStore) -> None:
    refused = CliRunner().invoke(app, ["packs", "delete", "plain"], input="n\n")
    assert refused.exit_code == 1 and "Delete Plain (2 prompts)?" in refused.stderr and "plain" in store.ids()
    assert "not your own" in failure("delete", "instruments", "--yes")
    output("rename", "instruments", "Mine")
    assert "The pack that it was a changed copy of is there again." in output("delete", "instruments", "-y")
    assert store.get("instruments").title != "Mine"


def test_a_prompt_is_added_and_edited_by_hand(store: PromptStore) -> None:
    assert output("add-prompt", "plain", "a {} far away") == "plain: 3 prompts\n"
    assert output("add-prompt", "plain", "a {} near by", "--replaces", "a {} far away") == "plain: 4 prompts\n"
    assert [entry.status for entry in store.get("plain").entries] == ["approved", "approved", "rejected", "candidate"]
    assert "already" in failure("add-prompt", "plain", "a {} near by")
    wrong = run("add-prompt", "plain", "no slot")
    assert wrong.exit_code == 2 and "has no slot" in wrong.stderr and len(wrong.stderr.splitlines()) == 1
