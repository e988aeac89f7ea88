"""Choosing clips, refusing what cannot be learned from, stopping, and what every head answers."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from audioprompt.core.zero_shot import softmax
from audioprompt.few_shot.base import Epoch, Head
from audioprompt.few_shot.base import choose_shots as choose
from audioprompt.few_shot.methods.coop import Coop
from audioprompt.few_shot.methods.linear_probe import LinearProbe
from audioprompt.few_shot.methods.palm import Palm
from audioprompt.few_shot.methods.tip_adapter import TipAdapter
from audioprompt.few_shot.settings import FewShotError, FitSettings
from tests.unit.few_shot.towers import NAMES, TinyText, clusters

CLASSES = NAMES[:4]
AUDIO, TARGETS, CENTRES = clusters()


def palm(**settings: Any) -> Palm:
    return Palm(CLASSES, CENTRES, FitSettings(**{"epochs": 3, **settings}))


# --- shots ------------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(1, 16), st.integers(0, 99))
def test_shots_are_that_many_of_each_class_or_all(more: list[int], shots: int, seed: int) -> None:
    targets = np.array([0, 1, 2, 3, *more])
    chosen = choose(targets, CLASSES, shots, seed)
    assert len(set(chosen.rows.tolist())) == len(chosen.rows)
    counts = np.bincount(targets, minlength=4)
    np.testing.assert_array_equal(np.bincount(targets[chosen.rows], minlength=4), np.minimum(counts, shots))
    assert (chosen.notice is not None) == bool((counts < shots).any())
    np.testing.assert_array_equal(choose(targets, CLASSES, shots, seed).rows, chosen.rows)
    assert set(chosen.rows) <= set(choose(targets, CLASSES, shots + 1, seed).rows)


def test_the_seed_and_nothing_else_chooses_the_shots() -> None:
    targets = np.repeat(np.arange(4), 30)
    first = choose(targets, CLASSES, 5, 0).rows
    assert set(first) != set(choose(targets, CLASSES, 5, 1).rows)
    fewer_of_another = choose(targets[:-10], CLASSES, 5, 0).rows
    np.testing.assert_array_equal(first[:15], fewer_of_another[:15])
    assert choose(targets, CLASSES, 5, 0).notice is None


def test_classes_with_few_clips_are_told() -> None:
    notice = choose(np.array([0, 0, 1, 2, 3]), CLASSES, 2).notice
    assert notice == "Fewer than 2 clips, so all were taken: dog bark (1), sea waves at night (1), clock (1)."
    assert "and 3 more" in str(choose(np.arange(6), NAMES, 2).notice)


# --- bad input --------------------------------------------------------------------------------------------------------

BROKEN = AUDIO.copy()
BROKEN[7, 3] = np.nan
TWICE = np.concatenate([AUDIO, AUDIO[:1]])


@pytest.mark.parametrize(
    ("audio", "targets", "message"),
    [
        (AUDIO, TARGETS[:-1], "40 numbers, one for each clip"),
        (AUDIO, TARGETS.astype(float), "float64"),
        (AUDIO, np.array(CLASSES)[TARGETS], "its place among the classes"),
        (AUDIO, np.eye(4, dtype=int)[TARGETS], "of shape"),
        (AUDIO, np.where(TARGETS == 3, 4, TARGETS), "no class 4: the 4 classes are 0 to 3"),
        (AUDIO, TARGETS - 1, "no class -1"),
        (AUDIO[0], TARGETS, "must be .clips, dimensions."),
        (AUDIO[:0], TARGETS[:0], "not empty"),
        (BROKEN, TARGETS, "Clip 7 has a NaN embedding"),
        (TWICE, np.append(TARGETS, 2), "clips 0 and 40 are the same sound, but one is labelled rain and the other sea"),
    ],
)
@pytest.mark.parametrize(
    "head", [palm(), Coop(CLASSES, TinyText()), LinearProbe(CLASSES), TipAdapter(CLASSES, CENTRES)]
)
def test_what_cannot_be_learned_from_is_refused(head: Head, audio: Any, targets: Any, message: str) -> None:
    with pytest.raises(FewShotError, match=message):
        head.fit(audio, targets)


def test_the_same_clip_twice_in_one_class_is_no_matter() -> None:
    palm().fit(TWICE, np.append(TARGETS, TARGETS[0]))


@pytest.mark.parametrize("head", [palm(), LinearProbe(CLASSES), TipAdapter(CLASSES, CENTRES)])
def test_embeddings_of_another_model_are_refused(head: Head) -> None:
    head.fit(AUDIO, TARGETS)
    with pytest.raises(FewShotError, match="11 dimensions, but the classes 12"):
        head.predict(AUDIO[:, :11])


@pytest.mark.parametrize(
    "head", [palm(), Coop(CLASSES, TinyText()), LinearProbe(CLASSES), TipAdapter(CLASSES, CENTRES)]
)
def test_a_head_that_was_not_fitted_says_so(head: Head) -> None:
    with pytest.raises(FewShotError, match="call fit first"):
        head.predict(AUDIO)


def test_a_state_for_other_classes_is_refused() -> None:
    head = palm().fit(AUDIO, TARGETS)
    other = Palm(NAMES[:3], CENTRES[:3])
    other.state = head.state
    with pytest.raises(FewShotError, match="knows 4 classes, but has 3 names"):
        other.predict(AUDIO)


@pytest.mark.parametrize(
    ("classes", "message"),
    [((), "at least two"), (("rain",), "at least two"), (("rain", "rain"), "Duplicate class names")],
)
def test_classes_that_cannot_be_told_apart_are_refused(classes: tuple[str, ...], message: str) -> None:
    with pytest.raises(FewShotError, match=message):
        LinearProbe(classes)


@pytest.mark.parametrize("shots", [0, -1])
def test_no_shots_are_refused(shots: int) -> None:
    with pytest.raises(FewShotError, match="too few"):
        choose(TARGETS, CLASSES, shots)


def test_a_seed_below_0_is_refused() -> None:
    with pytest.raises(FewShotError, match="seed of a fit is -1: give 0 or more"):
        choose(np.arange(2), ("a", "b"), random_state=-1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"context_tokens": 0},
        {"learning_rate": 0.0},
        {"learning_rate": math.nan},
        {"learning_rate": math.inf},
        {"learning_rate": 1e39},
        {"logit_scale": -1.0},
        {"momentum": 1.0},
        {"momentum": -0.1},
        {"random_state": -1},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(FewShotError, match=f"{next(iter(wrong))} is"):
        FitSettings(**wrong)


def test_the_papers_settings_have_a_name_and_others_are_the_models_own() -> None:
    paper = FitSettings.of_recipe("paper", random_state=3)
    assert paper == FitSettings(50, 16, 0.05, 0.9, 100.0, 16, 3, from_clips=False, calibrate=False)
    assert FitSettings.of_recipe("own") == FitSettings() == FitSettings(50, 16, 0.05, 0.9, None, 16, 0)
    assert FitSettings().at_scale(20).logit_scale == 20 and paper.at_scale(20).logit_scale == 100
    with pytest.raises(FewShotError, match=r"no recipe called 'soup'\. Choose one of: own, paper"):
        FitSettings.of_recipe("soup")


@given(st.integers(1, 99), st.floats(0.1, 99), st.booleans())
def test_settings_come_back_from_their_numbers(epochs: int, logit_scale: float, from_clips: bool) -> None:
    settings = FitSettings(epochs, logit_scale=logit_scale, from_clips=from_clips)
    assert FitSettings.from_numbers(settings.numbers) == settings


def test_a_class_without_a_clip_has_its_words_and_nothing_where_no_text_is_read() -> None:
    targets = np.minimum(TARGETS, 2)
    for head in (palm(), TipAdapter(CLASSES, CENTRES)):
        assert np.isfinite(head.fit(AUDIO, targets).logits(AUDIO)).all()
    with pytest.raises(FewShotError, match="no clip of clock: add some"):
        LinearProbe(CLASSES).fit(AUDIO, targets)
    with pytest.raises(FewShotError, match="no clip of dog bark, sea waves at night, clock"):
        LinearProbe(CLASSES).fit(AUDIO, 0 * TARGETS)


# --- the course of a fit ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("good_epochs", [0, 2])
def test_a_loss_that_is_no_number_ends_the_fit_with_advice_and_the_last_good_head(good_epochs: int) -> None:
    heard = 0

    def augment(rows: torch.Tensor) -> torch.Tensor:
        nonlocal heard
        heard += 1
        return torch.from_numpy(AUDIO)[rows] * (1 if heard <= 3 * good_epochs else math.nan)  # 3 batches an epoch

    head = palm(random_state=8).fit(AUDIO, TARGETS)
    before = head.state
    head.settings = FitSettings()
    with pytest.raises(FewShotError, match=f"epoch {good_epochs + 1}: lower the learning rate, which is 0.05"):
        head.fit(AUDIO, TARGETS, augment=augment)
    if good_epochs:
        assert len(head.history) == 2
        np.testing.assert_array_equal(head.logits(AUDIO), palm(epochs=2).fit(AUDIO, TARGETS).logits(AUDIO))
    else:
        assert head.state is before


@pytest.mark.parametrize(("rate", "advised"), [(0.05, False), (50.0, True)])
def test_a_fit_that_ends_worse_than_guessing_says_so(rate: float, advised: bool) -> None:
    head = palm(learning_rate=rate, epochs=10).fit(AUDIO, TARGETS)
    assert (head.history[-1].loss > math.log(4)) == advised
    assert ("lower the learning rate, which is 50" in (head.notice or "")) == advised


def test_a_fit_that_is_ended_keeps_the_epochs_it_had() -> None:
    ended = palm(epochs=9).fit(AUDIO, TARGETS, lambda epoch: epoch.number < 2)
    whole = palm(epochs=2).fit(AUDIO, TARGETS)
    assert ended.history == whole.history
    np.testing.assert_array_equal(ended.logits(AUDIO), whole.logits(AUDIO))


def test_a_fit_that_is_stopped_within_an_epoch_keeps_the_one_before() -> None:
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 4  # 3 batches an epoch

    stopped = palm().fit(AUDIO, TARGETS, stop=stop)
    assert [epoch.number for epoch in stopped.history] == [1]
    np.testing.assert_array_equal(stopped.logits(AUDIO), palm(epochs=1).fit(AUDIO, TARGETS).logits(AUDIO))


def test_a_fit_stopped_at_once_changes_nothing() -> None:
    head = palm().fit(AUDIO, TARGETS)
    before = head.state
    assert head.fit(AUDIO, TARGETS, stop=lambda: True).state is before


def test_an_error_of_the_watcher_leaves_a_head_that_answers() -> None:
    head = palm()

    def watch(epoch: Epoch) -> None:
        if epoch.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        head.fit(AUDIO, TARGETS, watch)
    np.testing.assert_array_equal(head.logits(AUDIO), palm(epochs=2).fit(AUDIO, TARGETS).logits(AUDIO))


def test_seeds_reproduce() -> None:
    one, again, other = (palm(random_state=seed).fit(AUDIO, TARGETS) for seed in (1, 1, 2))
    for name, value in one.state.items():
        np.testing.assert_array_equal(value, again.state[name])
    assert one.history == again.history
    assert (one.state["context"] != other.state["context"]).all()


def test_a_fit_does_not_touch_the_random_numbers_of_others() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    palm().fit(AUDIO, TARGETS)
    assert torch.equal(torch.rand(3), expected)


def test_loss_and_accuracy_are_means_over_all_clips() -> None:
    head = palm(epochs=1, learning_rate=1e-12, batch_size=7)
    head.fit(AUDIO, TARGETS)
    chances = head.predict_proba(AUDIO).astype(np.float64)
    assert head.history[0].loss == pytest.approx(-np.log(chances[np.arange(40), TARGETS]).mean(), rel=1e-3)
    assert head.history[0].accuracy == pytest.approx(head.score(AUDIO, TARGETS))


def test_answers_agree_with_each_other() -> None:
    head = palm().fit(AUDIO, TARGETS)
    said = head.prediction(AUDIO)
    assert said.labels == CLASSES
    np.testing.assert_allclose(head.predict_proba(AUDIO), softmax(head.logits(AUDIO)))
    np.testing.assert_array_equal(said.winners, head.predict(AUDIO))
    np.testing.assert_array_equal(said.votes[0], said.winners)
    assert head.score(AUDIO, TARGETS) == (said.winners == TARGETS).mean()
