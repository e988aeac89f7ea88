"""The ways in which a pack's prompts can answer together, held against each other on the validation clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audioprompt.core.ensembles import DEFAULT, ENSEMBLES
from audioprompt.core.metrics import score
from audioprompt.prompts.pack import PromptPack
from audioprompt.services.curate.measured import PACKS_KEPT, MeasuredPack
from audioprompt.services.evaluate import compare_ensembles, measure_calibration, measure_together
from audioprompt.util.lru import Recent

if TYPE_CHECKING:
    from audioprompt.core.calibration import Reliability
    from audioprompt.core.curation import Choices, Comparison
    from audioprompt.core.metrics import Score

VANILLA, TOGETHER = "vanilla", "together"  # beside the names of ensembles


@dataclass(frozen=True, eq=False)
class Way:
    """One way to answer, measured.

    Attributes:
        name: what programs call it.
        title: what people call it.
        description: one line on what it does.
        chosen: the class of each validation clip, ``[N]``.
        score: on these clips.
        reliability: how sure it is of its answers, and how often right.
        against_mean: compared with the mean of embeddings; None for that one itself and for vanilla.
        remark: what is to be known of it here; empty for nothing.
    """

    name: str
    title: str
    description: str
    chosen: Choices
    score: Score
    reliability: Reliability
    against_mean: Comparison | None = None
    remark: str = ""


@dataclass(frozen=True, eq=False)
class Answers:
    """All ways in which some of a pack's prompts can answer.

    Attributes:
        count: of these prompts.
        approved: whether they are those approved; else nothing is approved yet, and they are all there are.
        ways: in the order they are shown: vanilla, the ensembles, and the ensemble with the clips' help.
    """

    count: int
    approved: bool
    ways: tuple[Way, ...]

    def choose(self, name: str) -> Way:
        """Return the way of a name, the mean of embeddings for any other text."""
        by_name = {way.name: way for way in self.ways}
        return by_name.get(name, by_name[DEFAULT])


def compare_answers(measured: MeasuredPack, pack: PromptPack) -> Answers:
    """Let the prompts that a pack approves answer in every way; all of its prompts, where it approves none."""
    approved = measured.approved(pack)
    selection = approved if approved.any() else measured.table.everything
    key = (measured, selection.tobytes())
    if kept := _answers.get(key):
        return kept
    task, table = measured.task.of(selection), measured.table
    by_words = measure_calibration(task)
    plain = Way(
        VANILLA,
        "Vanilla",
        "Plain zero-shot: one prompt.",
        table.vanilla,
        score(table.vanilla, table.targets),
        by_words["vanilla"],
    )
    ensembles = (
        Way(
            one.ensemble.name,
            one.ensemble.title,
            one.ensemble.description,
            one.chosen,
            one.score,
            one.reliability,
            one.against_mean,
        )
        for one in compare_ensembles(ENSEMBLES, task)
    )
    joint = measure_together(task, table.classes)
    together = Way(
        TOGETHER,
        "With the clips' help",
        "The mean of embeddings, after all clips were heard: clips that sound alike are named alike.",
        joint.joint.prediction.probabilities.argmax(axis=-1),
        joint.score,
        joint.reliability,
        joint.against_mean,
        joint.joint.answer.words,
    )
    return _answers.put(key, Answers(int(selection.sum()), bool(approved.any()), (plain, *ensembles, together)))


_answers: Recent[Answers] = Recent(PACKS_KEPT)
