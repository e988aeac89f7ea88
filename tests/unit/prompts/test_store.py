"""The store of prompt packs: reading around broken files, changes that are whole and are never lost, its folders.

What happens when writers are killed is in ``test_store_kill.py``.
"""

import errno
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from filelock import FileLock

import audioprompt
from audioprompt.prompts import store as store_module
from audioprompt.prompts.history import decide
from audioprompt.prompts.pack import MAX_BYTES, HistoryEvent, PackError, PromptPack, Status, pack_from_templates
from audioprompt.prompts.store import PACKS_KEPT, PromptStore
from audioprompt.settings import bundled_store_folder, store_folder
from tests.curating import undo

CHECKOUT = Path(__file__).resolve().parents[3]


def pack(pack_id: str, *templates: str) -> PromptPack:
    return pack_from_templates(templates or ["the sound of {}"], pack_id, title=pack_id)


def reject(pack: PromptPack) -> PromptPack:
    """A change: the first template is rejected."""
    return decide(pack, [pack.entries[0].template.text], "rejected", "ada")


def files(folder: Path) -> list[str]:
    """What lies in a store's folder besides the locks."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


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
    assert problems["copy.json"] == "copy.json: id is 'birds', so name the file birds.json or correct the id."
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
    with pytest.raises(PackError, match=r"No prompt pack is called .*\. There are: birds, broken, .*, zoo"):
        store.get(pack_id)


def test_no_id_leads_out_of_the_folder(tmp_path: Path) -> None:
    outside = PromptStore(tmp_path)
    outside.save(pack("secret"))
    inside = PromptStore(tmp_path / "inside")
    inside.save(pack("open"))
    for pack_id in ("../secret", str(tmp_path / "secret"), "inside/../../secret"):
        with pytest.raises(PackError, match="No prompt pack"):
            inside.get(pack_id)


def test_an_absent_folder_is_an_empty_store(tmp_path: Path) -> None:
    store = PromptStore(tmp_path / "new")
    assert (store.ids(), store.packs(), store.problems()) == ([], [], {})
    with pytest.raises(PackError, match=r"There are: none, .*new is empty"):
        store.get("vanilla")


def test_save_makes_the_folder_and_reads_back(tmp_path: Path) -> None:
    store = PromptStore(tmp_path / "a" / "b")
    path = store.save(pack("birds"))
    assert path.read_bytes() == pack("birds").to_json().encode()
    assert store.get("birds") == pack("birds")
    store.save(pack("birds", "{} sings"))
    assert store.get("birds").as_strings() == ["{} sings"]
    assert files(store.folder) == ["birds.json"]


def test_a_file_in_the_folders_place_is_a_pack_error(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")
    with pytest.raises(PackError, match="cannot be saved"):
        PromptStore(tmp_path / "store").save(pack("birds"))
    with pytest.raises(PackError, match="cannot be saved"):
        PromptStore(tmp_path / "store", base=PromptStore(bundled_store_folder())).update("vanilla", reject)


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


# --- changing ---------------------------------------------------------------------------------------------------------


def test_update_returns_what_is_on_the_disk(store: PromptStore) -> None:
    changed = store.update("zoo", reject)
    assert changed.approved == ()
    assert PromptPack.from_json((store.folder / "zoo.json").read_bytes()) == changed == store.get("zoo")
    assert store.update("zoo", lambda pack: undo(pack, "ada")).approved == pack("zoo", "{} in a zoo").approved


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps a folder's list of files by itself")
def test_update_returns_once_file_and_folder_are_on_the_disk(
    store: PromptStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, replace = os.fsync, Path.replace

    def noted_sync(handle: int) -> None:
        done.append("sync folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "sync file")
        sync(handle)

    def noted_replace(path: Path, target: Path) -> Path:
        done.append("replace")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    store.update("zoo", reject)
    assert done == ["sync file", "replace", "sync folder"]


def test_update_writes_nothing_where_nothing_changed(store: PromptStore) -> None:
    before = store.stamp("zoo")
    assert store.update("zoo", lambda pack: pack) == pack("zoo", "{} in a zoo")
    assert store.stamp("zoo") == before


def test_a_change_that_fails_leaves_the_pack_and_lets_others_at_it(store: PromptStore) -> None:
    with pytest.raises(PackError, match="has no template"):
        store.update("zoo", lambda pack: decide(pack, ["nope"], "approved", "ada"))
    with pytest.raises(ZeroDivisionError):
        store.update("zoo", lambda pack: pack.model_copy(update={"title": str(1 // len(pack.history))}))
    assert store.update("zoo", reject).approved == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"history": ()}, "must keep the pack's id and append to its history"),
        ({"id": "birds"}, "must keep the pack's id"),
        ({"title": ""}, "title must not be empty"),
        ({"title": "x" * MAX_BYTES}, "grown too long for a pack, over 8 MB"),
    ],
)
def test_update_refuses_changes_that_lose_something(
    store: PromptStore, change: dict[str, object], message: str
) -> None:
    decided = store.update("zoo", reject)
    with pytest.raises(PackError, match=message):
        store.update("zoo", lambda pack: pack.model_copy(update=change))
    assert store.get("zoo") == decided


def test_an_event_that_could_not_be_read_again_is_not_written(store: PromptStore) -> None:
    decided = store.update("zoo", reject)
    event = HistoryEvent.model_construct(at=decided.history[0].at, who="", action="decide")
    with pytest.raises(PackError, match=r"history\[0\].who must not be empty"):
        store.update("zoo", lambda pack: pack.model_copy(update={"history": (*pack.history, event)}))
    assert store.get("zoo") == decided


@pytest.mark.parametrize(
    ("pack_id", "message"), [("nope", "No prompt pack is called"), ("../zoo", "No prompt pack"), ("broken", "line 3")]
)
def test_update_of_what_is_no_pack(store: PromptStore, pack_id: str, message: str) -> None:
    with pytest.raises(PackError, match=message):
        store.update(pack_id, reject)


def test_update_waits_for_others_but_not_for_ever(store: PromptStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "PATIENCE_SECONDS", 0.05)
    with FileLock(store.folder / ".zoo.lock"), ThreadPoolExecutor(1) as other:
        with pytest.raises(PackError, match=r"zoo\.json: others have been changing it .* try again"):
            other.submit(store.update, "zoo", reject).result()
        assert store.get("zoo").approved, "a reader waits for nobody"
        assert other.submit(store.update, "birds", reject).result().approved == ()
    assert store.update("zoo", reject).approved == ()


def test_two_tabs_see_each_others_decisions(tmp_path: Path) -> None:
    """Two stores on one folder stand for two tabs or processes; each decides on what it saw at first."""
    one, other = PromptStore(tmp_path), PromptStore(tmp_path)
    one.create(pack("birds", "{} sings", "{} calls"))
    seen = other.stamp("birds")
    one.update("birds", lambda pack: decide(pack, ["{label} sings"], "rejected", "ada"))
    assert other.stamp("birds") != seen
    other.update("birds", lambda pack: decide(pack, ["{label} calls"], "rejected", "bob"))
    assert [event.who for event in one.get("birds").history] == ["ada", "bob"]
    assert one.get("birds").approved == ()
    assert one.update("birds", lambda pack: undo(pack, "ada")).as_strings() == ["{} calls"]


def test_threads_lose_nothing_of_each_others(tmp_path: Path) -> None:
    store = PromptStore(tmp_path)
    store.create(pack("birds"))

    def work(who: int) -> None:
        for number in range(10):
            status: Status = "rejected" if number % 2 else "approved"
            decision = partial(
                decide, texts=["the sound of {label}"], status=status, who="ada", reason=f"{who} {number}"
            )
            store.update("birds", decision)

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(work, range(4)))
    reasons = [event.reason for event in store.get("birds").history]
    assert sorted(map(str, reasons)) == sorted(f"{who} {number}" for who in range(4) for number in range(10))


def test_create(tmp_path: Path) -> None:
    store = PromptStore(tmp_path)
    store.create(pack("birds"))
    with pytest.raises(PackError, match="A prompt pack is called 'birds' already: choose another id"):
        store.create(pack("birds", "{} sings"))
    assert store.get("birds") == pack("birds")


def test_stamp(store: PromptStore) -> None:
    first = store.stamp("birds")
    assert store.stamp("birds") == first
    store.update("birds", reject)
    assert store.stamp("birds") != first
    with pytest.raises(PackError, match="No prompt pack"):
        store.stamp("nope")
    with pytest.raises(PackError, match=r"gone\.json: cannot be read"):
        store.stamp("gone")


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of the files that were parsed, as they are."""
    names: list[str] = []
    parse = PromptPack.from_json

    def noted(text: str | bytes, name: str = "pack") -> PromptPack:
        names.append(name)
        return parse(text, name)

    monkeypatch.setattr(PromptPack, "from_json", noted)
    yield names


def test_an_unchanged_pack_is_parsed_once(store: PromptStore, parsed: list[str]) -> None:
    path = store.folder / "zoo.json"
    path.write_text(path.read_text().replace("zoo", "park").replace('"park"', '"zoo"'))
    for _ in range(3):
        assert PromptStore(store.folder).get("zoo").as_strings() == ["{} in a park"]
    assert parsed == ["zoo.json"]
    path.write_text(path.read_text().replace("park", "cage"))
    assert PromptStore(store.folder).get("zoo").as_strings() == ["{} in a cage"]
    assert parsed == ["zoo.json"] * 2


def test_what_one_does_to_a_pack_in_memory_is_ones_own(store: PromptStore) -> None:
    mine = pack("mine").model_copy(update={"label_presets": {"Birds": ("owl",)}})
    store.create(mine)
    mine.label_presets["Birds"] = ("crow",)
    for _ in range(2):
        got = store.get("mine")
        assert got.label_presets == {"Birds": ("owl",)} and got.provenance.settings == {}
        got.label_presets.clear()
        got.provenance.settings["seed"] = 1


def test_only_so_many_packs_are_kept_in_memory(tmp_path: Path, parsed: list[str]) -> None:
    store = PromptStore(tmp_path)
    for number in range(PACKS_KEPT + 1):
        store.save(pack(f"p{number}"))
    parsed.clear()
    store.get(f"p{PACKS_KEPT}")
    assert parsed == []
    store.get("p0")
    assert parsed == ["p0.json"]


# --- a full disk ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failing", ["write", "fsync", "replace"])
def test_an_interrupted_write_leaves_the_old_pack(
    store: PromptStore, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    before = files(store.folder)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    class FullFile:
        """A file opened for writing on a full disk."""

        def __init__(self, path: Path, *_: object) -> None:
            path.touch()

        def __enter__(self) -> "FullFile":
            return self

        def __exit__(self, *_: object) -> None: ...

        write = full

    with monkeypatch.context() as patched:
        if failing == "write":
            reading = Path.open
            patched.setattr(Path, "open", lambda path, mode: FullFile(path) if "w" in mode else reading(path, mode))
        elif failing == "fsync":
            patched.setattr(os, "fsync", full)
        else:
            patched.setattr(Path, "replace", full)
        for change in (
            lambda: store.update("zoo", reject),
            lambda: store.save(pack("zoo")),
            lambda: store.create(pack("new")),
        ):
            with pytest.raises(PackError, match=r"(zoo|new)\.json: cannot be saved in .*, No space left on device"):
                change()
    assert store.get("zoo") == pack("zoo", "{} in a zoo")
    assert files(store.folder) == before
    assert store.update("zoo", reject).approved == ()


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root on Linux can mount a disk")
def test_a_store_that_may_only_be_read(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    try:
        store = PromptStore(disk)
        store.create(pack("zoo"))
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True, capture_output=True)
        with pytest.raises(PackError, match=r"zoo.*[Rr]ead-only file system"):
            store.update("zoo", reject)
        with pytest.raises(PackError, match=r"new.*[Rr]ead-only file system"):
            store.create(pack("new"))
        assert store.get("zoo") == pack("zoo") and store.ids() == ["zoo"]
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root on Linux can mount a small disk")
def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        store = PromptStore(disk)
        store.create(pack("zoo"))
        filler = disk / "filler"
        with pytest.raises(OSError, match="No space left"), filler.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 512)
        with pytest.raises(PackError, match=r"zoo\.json: cannot be saved in .*, No space left on device"):
            store.update("zoo", reject)
        assert PromptPack.from_json((disk / "zoo.json").read_bytes()) == store.get("zoo") == pack("zoo")
        assert files(disk) == ["filler", "zoo.json"]
        filler.unlink()
        assert store.update("zoo", reject).approved == ()
    finally:
        subprocess.run(["umount", disk], check=True)


# --- a store over a base, and the folders -----------------------------------------------------------------------------


@pytest.fixture
def layered(tmp_path: Path) -> PromptStore:
    base = PromptStore(tmp_path / "base")
    base.save(pack("birds"))
    base.save(pack("zoo"))
    (base.folder / "bad.json").write_text("{")
    return PromptStore(tmp_path / "own", base)


def test_a_bases_packs_are_seen(layered: PromptStore) -> None:
    assert layered.ids() == ["bad", "birds", "zoo"]
    assert layered.get("birds") == pack("birds")
    assert list(layered.problems()) == ["bad.json"]
    assert not layered.folder.exists()


def test_the_first_change_puts_a_copy_into_the_folder(layered: PromptStore) -> None:
    assert layered.base
    before = layered.stamp("birds")
    layered.update("birds", reject)
    assert layered.get("birds").approved == () and layered.stamp("birds") != before
    assert layered.base.get("birds") == pack("birds")
    assert files(layered.folder) == ["birds.json"]
    assert files(layered.base.folder) == ["bad.json", "birds.json", "zoo.json"]
    assert len(layered.packs()) == 2
    assert len(layered.update("birds", lambda pack: undo(pack, "ada")).history) == 2


def test_a_broken_copy_is_told_rather_than_the_base_shown(layered: PromptStore) -> None:
    layered.update("birds", reject)
    (layered.folder / "birds.json").write_text("{\n{")
    with pytest.raises(PackError, match=r"birds\.json: not valid JSON.* line 2 column 1"):
        layered.get("birds")
    assert list(layered.problems()) == ["bad.json", "birds.json"]


def test_create_refuses_the_id_of_a_bases_pack(layered: PromptStore) -> None:
    with pytest.raises(PackError, match="already"):
        layered.create(pack("zoo"))
    layered.save(pack("zoo", "{} in a zoo"))
    assert layered.get("zoo").as_strings() == ["{} in a zoo"]


def test_default_folder_is_the_checkouts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDIOPROMPT_STORE", raising=False)
    assert store_folder() == bundled_store_folder() == CHECKOUT / "prompt_store"
    assert {"vanilla", "eight-templates", "instruments"} <= set(PromptStore().ids())
    assert PromptStore().problems() == {}
    assert len(PromptStore().packs()) == len(PromptStore().ids())


def test_default_folder_is_the_environments_over_the_packs_that_come_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIOPROMPT_STORE", str(tmp_path))
    store = PromptStore()
    assert store.folder == store_folder() == tmp_path
    shipped = PromptStore(bundled_store_folder())
    assert store.ids() == shipped.ids()
    store.update("vanilla", reject)
    assert files(tmp_path) == ["vanilla.json"]
    assert shipped.get("vanilla").approved
    monkeypatch.setenv("AUDIOPROMPT_STORE", "~/packs")
    assert store_folder() == Path.home() / "packs"


def test_an_installed_package_keeps_packs_with_the_user_over_those_it_carries(tmp_path: Path) -> None:
    """As a wheel lays it out: no checkout around the package, the packs inside it."""
    package = tmp_path / "site" / "audioprompt"
    shutil.copytree(Path(audioprompt.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    carried = PromptStore(package / "_prompt_store").save(pack("carried"))
    script = (
        "from audioprompt.prompts.store import PromptStore\n"
        "from audioprompt.prompts.history import decide\n"
        "store = PromptStore()\n"
        "store.update('carried', lambda pack: decide(pack, ['the sound of {label}'], 'rejected', 'ada'))\n"
        "print(store.folder, *store.ids())"
    )
    environment = {key: value for key, value in os.environ.items() if key != "AUDIOPROMPT_STORE"}
    environment |= {"PYTHONPATH": str(tmp_path / "site"), "HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}
    environment.pop("XDG_DATA_HOME", None)
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    folder, *ids = found.stdout.split()
    assert ids == ["carried"]
    assert Path(folder).is_relative_to(tmp_path) and not Path(folder).is_relative_to(package)
    assert PromptStore(folder).get("carried").approved == ()
    assert carried.read_bytes() == pack("carried").to_json().encode()


# --- deleted packs ----------------------------------------------------------------------------------------------------


def test_a_deleted_pack_is_in_the_trash_until_it_is_restored(store: PromptStore) -> None:
    changed = store.update("birds", reject)
    store.delete("birds")
    assert "birds" not in store.ids()
    with pytest.raises(PackError, match="No prompt pack is called 'birds'"):
        store.get("birds")
    store.create(pack("birds", "another {}"))
    with pytest.raises(PackError, match="Another pack is called 'birds' by now"):
        store.restore("birds")
    store.delete("birds")
    assert store.restore("birds") == pack("birds", "another {}"), "the one that was deleted last"
    store.delete("birds")
    store.restore("birds")
    store.delete("birds")
    trash = sorted((store.folder / ".trash").iterdir())
    assert len(trash) == 2 and PromptPack.from_json(trash[0].read_text()) == changed


@pytest.mark.parametrize("pack_id", ["../birds", "nothing", "", "*", "birds.1"])
def test_what_is_no_pack_is_neither_deleted_nor_restored(store: PromptStore, pack_id: str) -> None:
    for act in (store.delete, store.restore):
        with pytest.raises(PackError):
            act(pack_id)


def test_a_base_s_pack_is_not_deleted_but_a_changed_copy_of_it_is(layered: PromptStore) -> None:
    with pytest.raises(PackError, match="is not your own, so you cannot delete it"):
        layered.delete("birds")
    layered.update("birds", reject)
    layered.delete("birds")
    assert layered.get("birds") == pack("birds")
    assert layered.restore("birds").entries[0].status == "rejected"


def test_the_packs_that_come_along_are_not_deleted_in_the_folder_they_come_in() -> None:
    store = PromptStore(bundled_store_folder())
    assert set(store.ids()) >= store_module.BUNDLED
    for pack_id in store_module.BUNDLED:
        with pytest.raises(PackError, match="is not your own"):
            store.delete(pack_id)
    assert set(store.ids()) >= store_module.BUNDLED


def test_the_list_of_what_comes_along_is_complete() -> None:
    git = ["git", "-C", str(CHECKOUT), "ls-files", "prompt_store"]
    try:
        listed = subprocess.run(git, capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a checkout")
    assert {Path(name).stem for name in listed if name.endswith(".json")} == store_module.BUNDLED
