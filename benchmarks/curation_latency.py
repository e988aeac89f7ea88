"""How long a person waits for the figures after a decision: ``python -m benchmarks.curation_latency``.

40 templates on 2,000 clips of 50 classes, with random embeddings of 1,024 dimensions. From a random selection a
sequence of random decisions is taken, each approving or rejecting one template, and after each everything that the page
shows is computed: ensemble, gains, recalls, comparisons and curve. Beside that stand what is done once for a selection
and the checks of generated prompts, against the same figures.

It runs on one thread and is timed by the clock and by the seconds the thread worked, which a busy machine does not
stretch; the latter is judged. After a table for people comes one line of JSON: name, value, unit, target, ok. The value
is the slowest decision's; the exit code is the verdict.
"""

import json
import sys
import time
from collections.abc import Callable
from itertools import islice

import numpy as np
from threadpoolctl import threadpool_limits

from audioprompt.core.curation import ScoreTable, report_selection, score_templates
from audioprompt.core.zero_shot import normalise
from audioprompt.prompts.checks import AgainstVanilla, check
from audioprompt.prompts.generators import OfflineLexicon, Task

TEMPLATES, CLIPS, CLASSES, DIM = 40, 2_000, 50, 1_024
DECISIONS, CHECKS = 200, 5
MAX_MILLISECONDS = 100

Sample = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # as `random_embeddings` makes it
Times = tuple[float, float]  # milliseconds worked and by the clock


def main() -> None:
    rng = np.random.default_rng(0)
    sample = random_embeddings(rng)
    names = [f"class {number}" for number in range(CLASSES)]
    measured: list[ScoreTable] = []
    with threadpool_limits(1):
        show("building the table, once", [time_of(lambda: measured.append(score_templates(*sample, names)))])
        found = measured[0]
        show("templates alone and random orders, once", [time_of(lambda: (found.scores, found.random_curves))])
        approved = rng.random(TEMPLATES) < 0.5
        report_selection(found, approved)
        decisions = []
        for template in rng.integers(0, TEMPLATES, DECISIONS):
            approved[template] = not approved[template]
            decisions.append(time_of(lambda: report_selection(found, approved)))
        show(f"checks of {TEMPLATES} generated prompts", [time_of(checks(sample, rng)) for _ in range(CHECKS)])
    show(f"one decision of {DECISIONS}", decisions)
    slowest = max(decisions)[0]
    report("curation_latency", slowest, f"<= {MAX_MILLISECONDS}", slowest <= MAX_MILLISECONDS)


def show(name: str, times: list[Times]) -> None:
    """Print the median and the slowest, worked and by the clock."""
    for which, (worked, clock) in {"median": np.median(times, axis=0), "slowest": np.max(times, axis=0)}.items():
        print(f"{name:42} {which:8} {worked:8.1f} ms of work, {clock:8.1f} ms by the clock")


def report(name: str, value: float, target: str, ok: bool) -> None:
    """Print the last line and leave."""
    print(json.dumps({"name": name, "value": round(value, 2), "unit": "ms", "target": target, "ok": bool(ok)}))
    sys.exit(0 if ok else 1)


def random_embeddings(rng: np.random.Generator) -> Sample:
    """Clips about their classes ``[N, D]``, vanilla ``[C, D]``, templates ``[K, C, D]`` and the targets ``[N]``."""
    centres = rng.standard_normal((CLASSES, DIM), dtype=np.float32)
    targets = rng.integers(0, CLASSES, CLIPS)
    audio = normalise(centres[targets] + 4 * rng.standard_normal((CLIPS, DIM), dtype=np.float32))
    prompts = normalise(centres + 2 * rng.standard_normal((TEMPLATES + 1, CLASSES, DIM), dtype=np.float32))
    return audio, prompts[0], prompts[1:], targets


def checks(sample: Sample, rng: np.random.Generator) -> Callable[[], object]:
    """The checks of the lexicon's prompts for 50 labels, whose choices are random."""
    _, vanilla, prompts, targets = sample
    lexicon, task = OfflineLexicon(), Task(None)
    templates = list(islice(lexicon.candidates(task, lexicon.ideas(task)), TEMPLATES))
    chosen, by_vanilla = rng.integers(CLASSES, size=(TEMPLATES, CLIPS)), rng.integers(CLASSES, size=CLIPS)
    recalls = AgainstVanilla.count(chosen, by_vanilla, targets, CLASSES)
    labels = [f"label {number}" for number in range(CLASSES)]
    return lambda: check(templates, labels, prompts, vanilla, recalls)


def time_of(work: Callable[[], object]) -> Times:
    worked, clock = time.process_time(), time.perf_counter()
    work()
    return 1_000 * (time.process_time() - worked), 1_000 * (time.perf_counter() - clock)


if __name__ == "__main__":
    main()
