"""A process that decides on one pack over and over, for the tests that kill it; it goes on where it was killed.

What was acknowledged, and only that, stands in its log: a line is written once ``update`` has returned.

    python decider.py FOLDER PACK NAME COUNT
"""

import os
import sys
from functools import partial
from pathlib import Path

from audioprompt.prompts.history import decide
from audioprompt.prompts.pack import Status
from audioprompt.prompts.store import PromptStore

CYCLE: tuple[Status, ...] = ("approved", "rejected", "candidate")


def log_of(folder: Path, name: str) -> Path:
    """Where a decider notes what was acknowledged, one line each; a line without its end was cut off by a kill."""
    return folder / f"{name}.log"


def acknowledged(log: Path) -> list[str]:
    """The whole lines of a log."""
    return [line for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")] if log.exists() else []


def work(folder: Path, pack_id: str, name: str, count: int) -> None:
    """Make ``count`` decisions, each known by its reason, which is no other's: the same said twice is one decision."""
    store, log = PromptStore(folder), log_of(folder, name)
    texts = [entry.template.text for entry in store.get(pack_id).entries]
    lines = acknowledged(log)
    log.write_text("".join(lines))
    with log.open("a") as file:
        for number in range(len(lines), count):
            text, status = texts[number % len(texts)], CYCLE[number % len(CYCLE)]
            store.update(pack_id, partial(decide, texts=[text], status=status, who=name, reason=f"{name}, {number}"))
            file.write(f"{name}, {number}\n")
            file.flush()
            os.fsync(file.fileno())


if __name__ == "__main__":
    work(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
