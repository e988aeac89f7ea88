"""The store of prompt packs: reading around broken files, saving whole or not at all, finding its folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import audioprompt
from audioprompt.prompts import store as store_module
from audioprompt.prompts.pack import MAX_BYTES, PackError, PromptPack, pack_from_templates
from audioprompt.prompts.store import PromptStore, default_folder

CHECKOUT = Path(__file__).resolve().parents[2]


def pack(pack_id: str, *templates: str) -> PromptPack:
    return pack_from_templates(templates or ["the sound of {}"], pack_id, title=pack_id)


@pytest.fixture
def store(tmp_path: Path) -> PromptStore:
    """A store with two good packs and every kind of broken file."""
    store = PromptStore(tmp_path)
    store.save(pack("birds"))
    store.save(pack("zoo", "{} in a zoo"))
    (tmp_path / "broken.json").write_text('{\n  "id": "broken",\n}')
    (tmp_path / "copy.json").write_text(pack("birds").to_json())
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "huge.json").write_bytes(b" " * (MAX_BYTES + 1))
    (tmp_path / "noise.json").write_bytes(bytes(range(256)))
    (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "README.md").write_text("no pack")
    (tmp_path / ".birds.json").write_text("hidden")
    return store


def test_broken_files_hide_no_others(store: PromptStore) -> None:
    assert [found.id for found in store.packs()] == ["birds", "zoo"]
    assert store.ids() == ["birds", "broken", "copy", "folder", "gone", "huge", "noise", "zoo"]


def test_problems_name_the_file_and_what_is_wrong(store: PromptStore) -> None:
    problems = store.problems()
    assert list(problems) == ["broken.json", "copy.json", "folder.json", "gone.json", "huge.json", "noise.json"]
    assert "line 3 column 1" in problems["broken.json"]
    assert problems["copy.json"] == "copy.json: id is 'birds', so name the file birds.json or correct the id"
    assert "cannot be read" in problems["folder.json"]
    assert "cannot be read" in problems["gone.json"]
    assert "too long" in problems["huge.json"]
    assert "not UTF-8" in problems["noise.json"]


def test_get(store: PromptStore) -> None:
    assert store.get("zoo") == pack("zoo", "{} in a zoo")
    with pytest.raises(PackError, match=r"broken\.json: not valid JSON"):
        store.get("broken")


@pytest.mark.parametrize(
    "pack_id", ["nope", "", ".", "..", "../zoo", "zoo.json", "*", ".birds", "/etc/passwd", "zo\0o"]
)
def test_unknown_ids_are_told_what_there_is(store: PromptStore, pack_id: str) -> None:
    with pytest.raises(PackError, match=r"no prompt pack is called .*; there are: birds, broken, .*, zoo"):
        store.get(pack_id)


def test_no_id_leads_out_of_the_folder(tmp_path: Path) -> None:
    outside = PromptStore(tmp_path)
    outside.save(pack("secret"))
    inside = PromptStore(tmp_path / "inside")
    inside.save(pack("open"))
    for pack_id in ("../secret", str(tmp_path / "secret"), "inside/../../secret"):
        with pytest.raises(PackError, match="no prompt pack"):
            inside.get(pack_id)


def test_an_absent_folder_is_an_empty_store(tmp_path: Path) -> None:
    store = PromptStore(tmp_path / "new")
    assert (store.ids(), store.packs(), store.problems()) == ([], [], {})
    with pytest.raises(PackError, match=r"there are: none, .*new is empty"):
        store.get("vanilla")


def test_save_makes_the_folder_and_reads_back(tmp_path: Path) -> None:
    store = PromptStore(tmp_path / "a" / "b")
    path = store.save(pack("birds"))
    assert path.read_bytes() == pack("birds").to_json().encode()
    assert store.get("birds") == pack("birds")
    store.save(pack("birds", "{} sings"))
    assert store.get("birds").as_strings() == ["{} sings"]
    assert [found.name for found in store.folder.iterdir()] == ["birds.json"]


def test_an_interrupted_save_leaves_the_old_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = PromptStore(tmp_path)
    store.save(pack("birds"))

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(PackError, match=r"birds\.json: cannot be saved in .*, No space left on device"):
        store.save(pack("birds", "{} sings"))
    assert store.get("birds") == pack("birds")
    assert [found.name for found in tmp_path.iterdir()] == ["birds.json"]


def test_a_file_in_the_folders_place_is_a_pack_error(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")
    with pytest.raises(PackError, match="cannot be saved"):
        PromptStore(tmp_path / "store").save(pack("birds"))


def test_a_pack_that_could_not_be_read_again_is_not_saved(tmp_path: Path) -> None:
    twice = pack("birds").entries * 2
    with pytest.raises(PackError, match="twice"):
        PromptStore(tmp_path).save(pack("birds").model_copy(update={"entries": twice}))
    with pytest.raises(PackError, match="id must be small letters"):
        PromptStore(tmp_path / "inside").save(pack("birds").model_copy(update={"id": "../birds"}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_saved_packs_are_readable_as_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    path = PromptStore(tmp_path).save(pack("birds"))
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_default_folder_is_the_checkouts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDIOPROMPT_STORE", raising=False)
    assert default_folder() == CHECKOUT / "prompt_store"
    assert {"vanilla", "eight-templates", "instruments"} <= set(PromptStore().ids())
    assert PromptStore().problems() == {}
    assert len(PromptStore().packs()) == len(PromptStore().ids())


def test_default_folder_is_the_environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIOPROMPT_STORE", str(tmp_path))
    assert PromptStore().folder == default_folder() == tmp_path
    monkeypatch.setenv("AUDIOPROMPT_STORE", "~/packs")
    assert default_folder() == Path.home() / "packs"


def test_an_installed_package_uses_the_copy_it_carries(tmp_path: Path) -> None:
    """As a wheel lays it out: no checkout around the package, the packs inside it."""
    package = tmp_path / "site" / "audioprompt"
    package.mkdir(parents=True)
    shutil.copy(Path(audioprompt.__file__), package)
    shutil.copytree(
        Path(store_module.__file__).parent, package / "prompts", ignore=shutil.ignore_patterns("__pycache__")
    )
    PromptStore(package / "_prompt_store").save(pack("carried"))
    script = "from audioprompt.prompts.store import PromptStore; print(*PromptStore().ids())"
    environment = {key: value for key, value in os.environ.items() if key != "AUDIOPROMPT_STORE"}
    environment["PYTHONPATH"] = str(tmp_path / "site")
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["carried"]
