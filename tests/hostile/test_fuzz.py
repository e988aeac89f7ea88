"""A bounded fuzz of every reader of strangers' files; `tests.hostile.fuzz` says what a reader must not do.

``AUDIOPROMPT_FUZZ_SECONDS=600 pytest tests/hostile -s`` looks for longer, that many seconds in all.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.readers import READERS

ROOT = Path(__file__).resolve().parents[2]
SECONDS = float(os.environ.get("AUDIOPROMPT_FUZZ_SECONDS", 0)) / len(READERS)
EXAMPLES = 200  # of changed files beside the lies, where no time is given


@pytest.fixture(scope="module")
def tallies() -> Iterator[list[dict[str, Any]]]:
    """What came of each reader's files, printed at the end."""
    tallies: list[dict[str, Any]] = []
    yield tallies
    titles = ("reader", "tried", "refused", "read", "slowest, s", "memory, MB")
    print("\n" + "".join(f"{title:>12}" for title in titles))
    for tally in tallies:
        cells = [f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in tally.values()]
        print("".join(f"{cell:>12}" for cell in cells))


@pytest.mark.timeout(300 + 2 * SECONDS)
@pytest.mark.parametrize("reader", READERS)
def test_whatever_a_file_holds_there_is_a_result_or_one_plain_sentence(
    reader: str, tmp_path: Path, tallies: list[dict[str, Any]]
) -> None:
    amount = ["--seconds", str(SECONDS)] if SECONDS else ["--examples", str(EXAMPLES)]
    (folder := tmp_path / "fuzz").mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.hostile.fuzz", reader, str(folder), *amount],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode < 0:
        last = folder / "last"
        pytest.fail(f"{reader}: {signal.Signals(-done.returncode).name} while it read {last}\n{done.stderr[-4_000:]}")
    assert done.returncode == 0, done.stderr[-8_000:]
    tally = json.loads(done.stdout.splitlines()[-1])
    tallies.append(tally)
    assert tally["tried"] == tally["refused"] + tally["read"] > EXAMPLES / 2
    assert tally["read"] and (tally["refused"] or reader == "cache")
