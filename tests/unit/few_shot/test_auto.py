"""Auto: what it chooses, why, and that it never falls below the words."""

import re
from typing import Any

import numpy as np
import pytest

from audioprompt.core.zero_shot import normalise
from audioprompt.few_shot.base import Head
from audioprompt.few_shot.build import build_head
from audioprompt.few_shot.methods.auto import FEW, WORDS, WORDS_COUNT_AS, Trial, choose
from audioprompt.few_shot.settings import FewShotError, FitSettings
from tests.unit.few_shot.test_heads import TinyModel
from tests.unit.few_shot.towers import NAMES, clusters

CLASSES = NAMES[:4]
AUDIO, TARGETS, _ = clusters()


def auto() -> Head:
    model: Any = TinyModel()
    return build_head("auto", model, CLASSES)


def test_few_clips_are_added_to_the_words() -> None:
    head = auto().fit(AUDIO[:12], TARGETS[:12])
    assert head.notice == "Words as clips was chosen: some class has fewer than 4 clips."
    model: Any = TinyModel()
    settings = FitSettings(words=WORDS_COUNT_AS)
    plain = build_head(FEW, model, CLASSES, settings).fit(AUDIO[:12], TARGETS[:12])
    np.testing.assert_allclose(head.logits(AUDIO) * head.temperature, plain.logits(AUDIO), atol=1e-5)


def test_with_more_clips_it_says_what_did_best_on_those_left_out() -> None:
    head = auto().fit(AUDIO, TARGETS)
    assert "was chosen: on 40 clips left out in turn it had" in str(head.notice)
    model: Any = TinyModel()
    assert head.score(AUDIO, TARGETS) >= build_head(WORDS, model, CLASSES).score(AUDIO, TARGETS)


def test_clips_of_one_recording_flatter_it_and_it_says_how_it_does_without_them() -> None:
    rng = np.random.default_rng(0)
    targets = np.repeat(np.arange(4), 8)
    groups = np.repeat(np.arange(16), 2)  # of each class four recordings, each of which sounds like none of the others
    audio = normalise(rng.standard_normal((16, AUDIO.shape[1]))[groups] + 0.01 * rng.standard_normal((32, 1)))
    head = auto()
    head.groups = groups
    alone, together = re.findall(r"(\d+) % right", str(head.fit(audio, targets).notice))
    assert int(alone) > 90 and int(together) < 70
    head.groups = np.arange(32)
    assert "recording" not in str(head.fit(audio, targets).notice)


@pytest.mark.parametrize("rows", [[0], [0, 0], [0, 1], [0, 4, 8], [*range(12), 0, 0]])
def test_any_clips_will_do(rows: list[int]) -> None:
    head = auto().fit(AUDIO[rows], TARGETS[rows])
    np.testing.assert_allclose(head.predict_proba(AUDIO).sum(axis=1), 1, atol=1e-5)


def test_clips_that_are_all_the_same_are_chosen_by_and_a_stop_leaves_the_head_as_it_was() -> None:
    rows = [0, 1, 2, 3] * 4
    assert "16 clips left out in turn" in str(auto().fit(AUDIO[rows], TARGETS[rows]).notice)
    assert not auto().fit(AUDIO, TARGETS, stop=lambda: True).state


def test_a_thousand_labels_are_learned_from_one_clip_of_each() -> None:
    names = [f"sound {number}" for number in range(1_000)]
    rng = np.random.default_rng(0)
    audio = rng.standard_normal((1_000, 12)).astype(np.float32)
    model: Any = TinyModel()
    head = build_head("auto", model, names).fit(audio, np.arange(1_000))
    assert head.logits(audio[:3]).shape == (3, 1_000)


def trial(likelihood: float, correct: int) -> Trial:
    """Forty clips, half of them a little more probable than the others."""
    return Trial(np.linspace(likelihood - 0.01, likelihood + 0.01, 40), correct, 1.0)


def test_what_does_worse_than_the_words_is_never_chosen() -> None:
    words = trial(-0.5, 30)
    assert choose({WORDS: words, "gda": trial(-0.4, 29), FEW: trial(-0.6, 40)})[0] == WORDS
    name, why = choose({WORDS: words, FEW: trial(-0.45, 31), "gda": trial(-0.4, 29)})
    assert name == FEW and why == "on 40 clips left out in turn it had 78 % right, the words alone 75 %"


def test_the_simplest_is_chosen_unless_another_is_clearly_better() -> None:
    words, simple = trial(-0.5, 30), trial(-0.4, 32)
    luck = Trial(simple.likelihoods + np.resize([1, -0.99], 40), 33, 1.0)
    assert choose({WORDS: words, FEW: simple, "gda": luck})[0] == FEW
    assert choose({WORDS: words, FEW: simple, "gda": trial(-0.3, 32)})[0] == "gda"


def test_a_head_that_chose_nothing_says_so() -> None:
    with pytest.raises(FewShotError, match="learned nothing yet"):
        auto().logits(AUDIO)
