"""Packs and ensembles compared with each other and with vanilla, on the same labelled clips."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.calibration import Reliability, measure_reliability
from audioprompt.core.curation import Comparison
from audioprompt.core.ensembles import DEFAULT, ENSEMBLES, Ensemble, Evidence
from audioprompt.core.metrics import Score, score, template_sensitivity, winners
from audioprompt.core.rejection import average_precision, label_scores
from audioprompt.core.transductive import name_together
from audioprompt.core.zero_shot import Array, cosines, ensemble_weights, softmax
from audioprompt.prompts.pack import PromptPack
from audioprompt.prompts.template import Template
from audioprompt.services.rejection import Recogniser
from audioprompt.services.together import JointPrediction

ALL = "all"  # in place of an ensemble's name


@dataclass(frozen=True, eq=False)
class EmbeddedTask:
    """Labelled clips and prompts, embedded by one model.

    Attributes:
        audio: embeddings of the clips, ``[N, D]``.
        vanilla: embeddings of the plain prompts, ``[C, D]``.
        prompts: embeddings of the templates filled with the classes, ``[K, C, D]``.
        targets: the class of each clip, ``[N]``.
        groups: what each clip was cut from, N.
        logit_scale: the model's own scale.
    """

    audio: Array
    vanilla: Array
    prompts: Array
    targets: NDArray[np.intp]
    groups: Sequence[str]
    logit_scale: float

    def of(self, templates: NDArray[np.bool_]) -> "EmbeddedTask":
        """Return the task with some of the templates, ``[K]``."""
        return replace(self, prompts=self.prompts[templates])

    @property
    def right_by_vanilla(self) -> NDArray[np.bool_]:
        """Which clips plain zero-shot classification gets right, ``[N]``."""
        return winners(self.audio, self.vanilla) == self.targets


@dataclass(frozen=True, eq=False)
class EnsembleResult:
    """What one ensemble of templates achieves.

    Attributes:
        ensemble: which one.
        chosen: the class of each clip, ``[N]``.
        score: on the clips.
        reliability: how sure it is of its answers, and how often right.
        against_vanilla: compared with vanilla, clip by clip.
        against_mean: compared with the mean of embeddings; None for that one itself.
    """

    ensemble: Ensemble
    chosen: NDArray[np.intp]
    score: Score
    reliability: Reliability
    against_vanilla: Comparison
    against_mean: Comparison | None


@dataclass(frozen=True)
class PackResult:
    """What the ensemble of a pack's approved templates achieves.

    Attributes:
        pack: the pack's id.
        k: number of templates.
        score: on the clips.
        against_vanilla: held against vanilla, clip by clip.
        against_first: held against the first pack; None for the first pack itself.
    """

    pack: str
    k: int
    score: Score
    against_vanilla: Comparison
    against_first: Comparison | None


@dataclass(frozen=True)
class JointResult:
    """What listening to all clips first achieves, with the mean of embeddings as the words.

    Attributes:
        joint: the answers, and why the words alone gave them where the clips were not followed.
        score: on the clips.
        reliability: how sure they are, and how often right.
        alone: what the words achieve without the clips' help.
        against_vanilla: compared with vanilla, clip by clip.
        against_mean: compared with the same words alone.
    """

    joint: JointPrediction
    score: Score
    reliability: Reliability
    alone: Score
    against_vanilla: Comparison
    against_mean: Comparison


@dataclass(frozen=True)
class PrecisionResult:
    """How well clips are ordered by how much they are like each label, where more than one may be heard.

    Attributes:
        precisions: average precision of each label, 0 to 1; None for a label without clips.
    """

    precisions: Mapping[str, float | None]

    @property
    def mean(self) -> float:
        """The mean over the labels that have clips."""
        return float(np.mean([one for one in self.precisions.values() if one is not None]))


def measure_calibration(task: EmbeddedTask, ensemble: Ensemble | None = None) -> dict[str, Reliability]:
    """Return how far the probabilities of vanilla and of an ensemble of all templates, by default their mean, can be
    trusted, by their names.
    """
    logits = {
        "vanilla": task.logit_scale * cosines(task.audio, task.vanilla),
        "ensemble": answer(ensemble or ENSEMBLES[DEFAULT], task),
    }
    return {name: _reliability(task, some) for name, some in logits.items()}


def _reliability(task: EmbeddedTask, logits: Array) -> Reliability:
    return measure_reliability(softmax(logits.astype(np.float32)), task.targets)


def find_ensembles(name: str) -> list[Ensemble]:
    """Return the ensemble of a name, or every one for "all".

    Raises:
        EnsembleError: there is none of that name.
    """
    return list(ENSEMBLES) if name == ALL else [ENSEMBLES[name]]


def answer(ensemble: Ensemble, task: EmbeddedTask) -> Array:
    """Return the logits that an ensemble of all templates gives each clip, ``[N, C]``.

    One that needs labels learns from one half of the recordings for the other half, and the other way round. Where
    there is but one recording, all templates count the same for it.
    """
    if not ensemble.needs_labels:
        return ensemble.combine(Evidence(task.audio, task.prompts, task.logit_scale))
    half = _halve(task.groups, task.targets)
    logits = np.empty((len(task.audio), len(task.vanilla)), np.float32)
    for judged in (half, ~half):
        if not judged.any():
            continue
        accuracies = np.full(len(task.prompts), 0.5)
        if not judged.all():
            scores = template_sensitivity(task.audio[~judged], task.prompts, task.targets[~judged])
            accuracies = np.array([one.accuracy for one in scores])
        evidence = Evidence(task.audio[judged], task.prompts, task.logit_scale, accuracies, int((~judged).sum()))
        logits[judged] = ensemble.combine(evidence)
    return logits


def choose(ensemble: Ensemble, task: EmbeddedTask) -> NDArray[np.intp]:
    """Return the class that an ensemble of all templates chooses for each clip, ``[N]``, as `answer` does."""
    return answer(ensemble, task).argmax(axis=-1)


def _halve(groups: Sequence[str], targets: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Mark one half of the clips, ``[N]``: of each class every second source recording."""
    names, first, member = np.unique(np.asarray(groups), return_index=True, return_inverse=True)
    half = np.zeros(len(names), bool)
    half[np.argsort(targets[first], kind="stable")[::2]] = True
    return half[member]


def compare_ensembles(ensembles: Iterable[Ensemble], task: EmbeddedTask) -> list[EnsembleResult]:
    """Measure ensembles of the same templates, clip by clip."""
    right_by_vanilla = task.right_by_vanilla
    right_by_mean = choose(ENSEMBLES[DEFAULT], task) == task.targets
    found = []
    for ensemble in ensembles:
        logits = answer(ensemble, task)
        chosen = logits.argmax(axis=-1)
        right = chosen == task.targets
        found.append(
            EnsembleResult(
                ensemble,
                chosen,
                score(chosen, task.targets),
                _reliability(task, logits),
                Comparison.of(right, right_by_vanilla),
                None if ensemble.name == DEFAULT else Comparison.of(right, right_by_mean),
            )
        )
    return found


def compare_packs(
    packs: Sequence[PromptPack], templates: Sequence[Template], task: EmbeddedTask, ensemble: Ensemble
) -> list[PackResult]:
    """Measure the ensembles of packs, clip by clip.

    Args:
        packs: whose approved templates are all among ``templates``.
        templates: the K templates of the task.
        task: the clips and the prompts.
        ensemble: how the templates of a pack answer together.
    """
    row = {template.text: index for index, template in enumerate(templates)}
    right = [
        choose(ensemble, replace(task, prompts=task.prompts[[row[template.text] for template in pack.approved]]))
        == task.targets
        for pack in packs
    ]  # [N] for each pack
    right_by_vanilla = task.right_by_vanilla
    return [
        PackResult(
            pack.id,
            len(pack.approved),
            Score(int(hits.sum()), len(hits)),
            Comparison.of(hits, right_by_vanilla),
            None if hits is right[0] else Comparison.of(hits, right[0]),
        )
        for pack, hits in zip(packs, right, strict=True)
    ]


def measure_together(task: EmbeddedTask, classes: Sequence[str]) -> JointResult:
    """Measure listening to all clips before naming any; the C class names."""
    words = ensemble_weights(task.prompts)
    found = name_together(task.audio, words, task.logit_scale)
    joint = JointPrediction(tuple(classes), found)
    right, alone = (said.argmax(axis=-1) == task.targets for said in (found.probabilities, found.alone))
    return JointResult(
        joint,
        Score(int(right.sum()), len(right)),
        measure_reliability(found.probabilities, task.targets),
        Score(int(alone.sum()), len(alone)),
        Comparison.of(right, task.right_by_vanilla),
        Comparison.of(right, alone),
    )


def measure_several(task: EmbeddedTask, classes: Sequence[str], recogniser: Recogniser | None) -> PrecisionResult:
    """Measure each label for itself, as where more than one may be heard.

    Args:
        task: the clips and the prompts.
        classes: the C class names.
        recogniser: what measures a clip against all other names; None where the model knows too few of them, so that
            the bare nearness to each label counts.
    """
    words = ensemble_weights(task.prompts)
    scores = label_scores(task.audio, words, recogniser.background) if recogniser else cosines(task.audio, words)
    return PrecisionResult(
        {name: average_precision(scores[:, row], task.targets == row) for row, name in enumerate(classes)}
    )
