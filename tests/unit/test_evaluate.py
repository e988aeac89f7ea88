"""What `evaluate` measures besides accuracies: clips that help each other, and labels judged one by one."""

import numpy as np
import pytest

from audioprompt.core.ensembles import ENSEMBLES, Ensemble
from audioprompt.core.rejection import Background
from audioprompt.core.transductive import name_together
from audioprompt.core.zero_shot import ensemble_weights, normalise
from audioprompt.services.evaluate import (
    EmbeddedTask,
    compare_ensembles,
    measure_calibration,
    measure_several,
    measure_together,
)
from audioprompt.services.rejection import Recogniser
from audioprompt.services.views import as_dict

CLASSES = ("a", "b", "c")


def task(seed: int = 0, clips: int = 30) -> EmbeddedTask:
    rng = np.random.default_rng(seed)
    words = normalise(rng.standard_normal((3, 12)).astype(np.float32))
    targets = np.arange(clips) % 3
    audio = normalise((words[targets] + 0.5 * rng.standard_normal((clips, 12))).astype(np.float32))
    prompts = normalise((words + 0.3 * rng.standard_normal((4, 3, 12))).astype(np.float32))
    return EmbeddedTask(audio, prompts[0], prompts, targets, [str(one) for one in range(clips)], 20.0)


def test_listening_first_is_held_against_the_words_clip_by_clip() -> None:
    given = task()
    found = measure_together(given, CLASSES)
    answer = name_together(given.audio, ensemble_weights(given.prompts), given.logit_scale)
    assert found.score.correct == (answer.probabilities.argmax(axis=1) == given.targets).sum()
    assert found.alone.correct == (answer.alone.argmax(axis=1) == given.targets).sum()
    assert found.against_mean.better - found.against_mean.worse == found.score.correct - found.alone.correct
    assert found.joint.prediction.labels == CLASSES and found.joint.answer.moved == answer.moved


def test_where_clips_are_not_followed_nothing_changes_and_the_reason_is_given() -> None:
    found = as_dict(measure_together(task(clips=2), CLASSES))
    assert found["stepped_back"] and found["words"] == found["stepped_back"]
    assert found["accuracy"] == found["alone"]["accuracy"] and found["moved"] == 0


@pytest.mark.parametrize("ensemble", ENSEMBLES, ids=lambda one: one.name)
def test_the_ensemble_that_is_chosen_is_the_one_whose_probabilities_are_measured(ensemble: Ensemble) -> None:
    given = task()
    (found,) = compare_ensembles([ensemble], given)
    assert measure_calibration(given, ensemble)["ensemble"].error == found.reliability.error


def test_each_label_is_judged_for_itself() -> None:
    given = task()
    names = normalise(np.random.default_rng(9).standard_normal((40, 12)).astype(np.float32))
    background = Background(names, np.zeros((3, 40), np.bool_))
    for recogniser in (None, Recogniser(ensemble_weights(given.prompts), background)):
        found = measure_several(given, CLASSES, recogniser)
        precisions = [one for one in found.precisions.values() if one is not None]
        assert len(precisions) == 3 and found.mean == pytest.approx(np.mean(precisions))
        assert all(1 / 3 < one <= 1 for one in precisions)  # better than any order


def test_a_label_without_clips_has_no_precision_and_does_not_count() -> None:
    found = measure_several(task(clips=2), CLASSES, None)
    assert found.precisions["c"] is None and 0 < found.mean <= 1
