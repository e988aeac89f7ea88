"""Many processes decide on one pack while some of them are killed at random: nothing acknowledged may be lost."""

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from audioprompt.prompts.pack import PackEntry, PromptPack, Provenance
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import Template
from tests.unit.prompts.decider import acknowledged, log_of

WORKERS, DECISIONS, KILLS, TEMPLATES = 6, 100, 50, 40  # a kill for every dozen decisions
ENOUGH_SECONDS = 1_200.0  # on a busy machine


class Worker:
    """One decider, started again whenever it was killed."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name, self.log = folder, name, log_of(folder, name)
        self.start()

    def start(self) -> None:
        self.noted = self.done
        script = Path(__file__).with_name("decider.py")
        command = [sys.executable, str(script), str(self.folder), "birds", self.name, str(DECISIONS)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    @property
    def done(self) -> int:
        """How many decisions were acknowledged."""
        return len(acknowledged(self.log))

    @property
    def deciding(self) -> bool:
        """It is past its start, and not at its end."""
        return self.noted < self.done < DECISIONS and self.process.poll() is None

    def kill(self) -> None:
        self.process.kill()
        _, errors = self.process.communicate()
        assert self.process.returncode == -9 and not errors, errors


class Reader(threading.Thread):
    """Reads the pack's file over and over, as anybody would, and holds it to be whole and never to lose history."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.path, self.reads, self.longest, self.problem = path, 0, 0, ""
        self.over = threading.Event()

    def run(self) -> None:
        try:
            while not self.over.wait(0.05):
                content = self.path.read_bytes()
                history = len(PromptPack.from_json(content, self.path.name).history)  # valid JSON, and a valid pack
                assert history >= self.longest, f"the history went from {self.longest} events to {history}"
                self.longest = history
                self.reads += 1
        except Exception as error:
            self.problem = repr(error)


@contextmanager
def reading(path: Path) -> Iterator[Reader]:
    reader = Reader(path)
    reader.start()
    try:
        yield reader
    finally:
        reader.over.set()
        reader.join()


def kill_at_random(workers: list[Worker], rng: random.Random) -> int:
    """Kill deciding workers, the kills spread over the work, and start them again, until all is done."""
    total, kills, deadline = WORKERS * DECISIONS, 0, time.monotonic() + ENOUGH_SECONDS
    moments = sorted(rng.sample(range(int(0.9 * total)), KILLS))
    while any(worker.process.poll() is None for worker in workers):
        assert time.monotonic() < deadline, "the workers take too long"
        deciding = [worker for worker in workers if worker.deciding]
        if kills < KILLS and deciding and sum(worker.done for worker in workers) >= moments[kills]:
            time.sleep(rng.uniform(0, 0.05))
            victim = rng.choice(deciding)
            if victim.process.poll() is None:
                victim.kill()
                victim.start()
                kills += 1
        time.sleep(0.02)
    return kills


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a signal of POSIX")
@pytest.mark.parametrize("seed", [1])
@pytest.mark.slow
def test_kill_minus_nine_loses_no_acknowledged_decision(tmp_path: Path, seed: int) -> None:
    store = PromptStore(tmp_path)
    entries = tuple(PackEntry(template=Template(f"bird {number} sings {{label}}")) for number in range(TEMPLATES))
    path = store.create(PromptPack(id="birds", title="Birds", provenance=Provenance(generator="g"), entries=entries))
    started = time.monotonic()
    workers = [Worker(tmp_path, f"worker {number}") for number in range(WORKERS)]
    try:
        with reading(path) as reader:
            kills = kill_at_random(workers, random.Random(seed))
    finally:
        for worker in workers:
            worker.process.kill()
    seconds = time.monotonic() - started
    for worker in workers:
        assert worker.process.wait() == 0, worker.process.communicate()[1]

    pack = PromptPack.from_json(path.read_bytes(), path.name)
    kept = Counter(event.reason for event in pack.history)
    promised = {line.strip() for worker in workers for line in acknowledged(worker.log)}
    print(
        f"\n{WORKERS} processes x {DECISIONS} decisions, {kills} kills -9, {seconds:.0f} s: "
        f"{len(promised)} acknowledged, {len(promised - set(kept))} of them lost, "
        f"{len(pack.history) - len(kept)} made twice (killed after the disk had it, before it was acknowledged), "
        f"{reader.reads} reads, each a valid pack"
    )
    assert kills == KILLS
    assert len(promised) == WORKERS * DECISIONS
    assert promised <= set(kept)
    assert not reader.problem and reader.reads > 20
    assert reader.longest <= len(pack.history)
    check_that_each_decision_follows_the_one_before(pack)
    assert sorted(found.name for found in tmp_path.iterdir() if found.suffix != ".log") == [".birds.lock", "birds.json"]


def check_that_each_decision_follows_the_one_before(pack: PromptPack) -> None:
    """No decision was made on a pack that another had changed meanwhile, and the entries are as the history says."""
    assert [event.change for event in pack.history] == list(range(1, len(pack.history) + 1))
    standing: dict[str | None, tuple[str, str | None]] = {
        entry.template.text: ("candidate", None) for entry in pack.entries
    }
    for event in pack.history:
        assert (event.from_status, event.from_reason) == standing[event.template]
        assert event.to_status
        standing[event.template] = event.to_status, event.reason
    assert standing == {entry.template.text: (entry.status, entry.reason) for entry in pack.entries}


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a signal of POSIX")
@pytest.mark.slow
def test_kill_in_the_middle_of_a_write_leaves_the_old_pack_and_one_file_to_overwrite(tmp_path: Path) -> None:
    """The kill comes when the new pack is on the disk but has not taken the old one's place, the lock still held."""
    store = PromptStore(tmp_path)
    entry = PackEntry(template=Template("hear {label}"))
    store.create(PromptPack(id="birds", title="Birds", provenance=Provenance(generator="g"), entries=(entry,)))
    before = store.get("birds")
    script = (
        "import os, pathlib, signal, sys, tests.unit.prompts.decider as decider\n"
        "pathlib.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "decider.work(pathlib.Path(sys.argv[1]), 'birds', 'ada', 1)"
    )
    root = Path(__file__).resolve().parents[3]
    for _ in range(2):
        killed = subprocess.run([sys.executable, "-c", script, tmp_path], cwd=root)
        assert killed.returncode == -9
        assert sorted(found.name for found in tmp_path.iterdir()) == [
            ".birds.lock",
            ".birds.tmp",
            "ada.log",
            "birds.json",
        ]
        assert PromptPack.from_json((tmp_path / "birds.json").read_bytes()) == before
        assert store.ids() == ["birds"] and store.problems() == {}
    assert acknowledged(log_of(tmp_path, "ada")) == []
    store.update("birds", lambda pack: pack.model_copy(update={"title": "Owls"}))
    assert not (tmp_path / ".birds.tmp").exists()
    assert store.get("birds").title == "Owls"
