"""Trials of few-shot methods on labelled clips, and the heads that come of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score

from audioprompt.audio.recording import AudioError
from audioprompt.core.metrics import Score
from audioprompt.core.zero_shot import Array
from audioprompt.data import DataError, LabelledClips
from audioprompt.few_shot.build import build_head
from audioprompt.few_shot.calibration import calibrate
from audioprompt.few_shot.estimator import FewShotClassifier
from audioprompt.few_shot.heads import SharedHead
from audioprompt.few_shot.methods.palm import Palm
from audioprompt.few_shot.settings import FewShotError, FitSettings
from audioprompt.models.base import AudioTextModel
from audioprompt.models.embedded import EmbeddedModel
from audioprompt.models.registry import load
from audioprompt.services import learn as learning
from audioprompt.services.learn import EmbeddedClips, ExperimentSettings, Heads, Step, Watch
from tests.fakes import HUM, RATE, WHISTLE, FakeModel, tone
from tests.unit.few_shot.test_methods import TEMPLATES, Model
from tests.unit.few_shot.towers import NAMES, clusters

CLASSES = NAMES[:4]
QUICK = FitSettings(epochs=3)


def gathered(labels: str, folds: tuple[int, ...] | None = None, groups: str = "") -> LabelledClips:
    """Clips that need not be there, one for each letter."""
    paths = tuple(Path(f"{number}.wav") for number in range(len(labels)))
    return LabelledClips(paths, tuple(labels), folds, groups=tuple(groups))


@pytest.fixture
def model() -> AudioTextModel:
    return Model()


@pytest.fixture
def heard() -> tuple[EmbeddedClips, EmbeddedClips]:
    """Twenty clips of four classes to learn from, and as many to test on, around the same centres."""
    parts = []
    for part in range(2):
        audio, targets, _ = clusters(spread=0.6)
        audio, targets = audio[20 * part : 20 * part + 20], targets[20 * part : 20 * part + 20]
        paths = tuple(Path(f"{part}-{row}.wav") for row in range(len(targets)))
        labels = tuple(CLASSES[number] for number in targets)
        parts.append(EmbeddedClips(LabelledClips(paths, labels, name="tests", classes=CLASSES), audio))
    return parts[0], parts[1]


# --- clips ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clips", "sentence"),
    [
        (gathered("aaa"), "at least two classes"),
        (replace(gathered("aab"), classes=("a", "b", "c")), "no clip of c"),
    ],
)
def test_clips_that_nothing_can_be_learned_from(clips: LabelledClips, sentence: str) -> None:
    with pytest.raises(FewShotError, match=sentence):
        learning.try_out(FakeModel(), clips, ExperimentSettings())


def test_one_sound_in_two_classes_is_named(tmp_path: Path) -> None:
    for name in ("first.wav", "second.wav"):
        soundfile.write(tmp_path / name, tone(HUM, 1), RATE)
    clips = LabelledClips((tmp_path / "first.wav", tmp_path / "second.wav"), ("rain", "wind"))
    with pytest.raises(FewShotError, match=r"first\.wav \(rain\) is the same sound as second\.wav \(wind\)"):
        learning.embed_clips(FakeModel(), clips)


def test_silent_clips_are_left_out_counted_and_named(tmp_path: Path) -> None:
    sounds = {"hum": tone(HUM, 1), "whistle": tone(WHISTLE, 1), "mute": np.zeros(RATE)}
    for name, samples in sounds.items():
        soundfile.write(tmp_path / f"{name}.wav", samples, RATE)
    soundfile.write(tmp_path / "still.wav", np.zeros(2 * RATE), RATE)
    names = {"hum.wav": "low", "mute.wav": "low", "whistle.wav": "high", "still.wav": "high"}
    clips = LabelledClips(tuple(tmp_path / name for name in names), tuple(names.values()))
    tried = learning.try_out(FakeModel(), clips, ExperimentSettings(("palm",), 1, (0,), FitSettings(epochs=1)))
    assert [path.name for path in tried.clips.clips.paths] == ["hum.wav", "whistle.wav"]
    left_out = "Left out 2 recordings (1 of high, 1 of low): mute.wav (low) is silent; still.wav (high) is silent."
    assert tried.results.notice == left_out
    with pytest.raises(FewShotError, match="all clips of low are silent"):
        learning.try_out(FakeModel(), clips.take([1, 2, 3]), ExperimentSettings())


def test_bad_clips_are_left_out_and_counted(tmp_path: Path) -> None:
    paths, labels = [], []
    for label, hertz in (("low", HUM), ("high", WHISTLE)):
        for number in range(4):
            paths.append(tmp_path / label / f"{number}.wav")
            paths[-1].parent.mkdir(exist_ok=True)
            soundfile.write(paths[-1], tone(hertz + 7 * number, 1), RATE)
            labels.append(label)
    paths[2].write_text("no sound")
    clips = LabelledClips(tuple(paths), tuple(labels), root=tmp_path)
    trial = ExperimentSettings(("palm",), 1, (0,), FitSettings(epochs=1))
    with pytest.raises(AudioError, match=r"1 of 8 recordings cannot be used: low/2\.wav holds no audio"):
        learning.try_out(FakeModel(), clips, trial)
    tried = learning.try_out(FakeModel(), clips, trial, skip_bad=True)
    assert [path for path in paths if path not in tried.clips.clips.paths] == [paths[2]]
    assert "Left out 1 recording (1 of low): low/2.wav holds no audio" in (tried.results.notice or "")
    with pytest.raises(FewShotError, match=r"there is no clip of low: .* Left out 1 recording"):
        learning.embed_clips(FakeModel(), clips.take([2, 4, 5]), skip_bad=True)


def test_recordings_in_two_classes_are_left_out_together(tmp_path: Path) -> None:
    for name, samples in {"a": tone(HUM, 1), "b": tone(WHISTLE, 1), "c": tone(HUM, 1) + tone(WHISTLE, 1)}.items():
        for copy in (1, 2):
            soundfile.write(tmp_path / f"{name}{copy}.wav", samples / 2, RATE)
    names = {"a1": "low", "a2": "low", "b1": "high", "b2": "high", "c1": "low", "c2": "high"}
    clips = LabelledClips(tuple(tmp_path / f"{name}.wav" for name in names), tuple(names.values()), root=tmp_path)
    model = load("embedded")
    with pytest.raises(
        FewShotError, match=r"c1\.wav is the same sound as c2\.wav, but labelled low; c2\.wav is the same"
    ):
        learning.embed_clips(model, clips)
    heard = learning.embed_clips(model, clips, skip_bad=True)
    assert [path.stem for path in heard.clips.paths] == ["a1", "a2", "b1", "b2"]
    assert [one.name for one in heard.clips.left_out] == ["c1.wav", "c2.wav"]


def test_classes_spoken_alike_are_refused_by_name() -> None:
    clips = LabelledClips((Path("a"), Path("b")), ("dog bark", "dog_bark"))
    with pytest.raises(DataError, match="'dog bark', 'dog_bark'"):
        learning.try_out(FakeModel(), clips, ExperimentSettings())


def test_with_few_recordings_nothing_is_held_back() -> None:
    assert learning.hold_back(gathered("aaabb"))[1] is None
    assert learning.hold_back(gathered("aaabbb", groups="xxxuvw"))[1] is None  # one recording cut in three is one


@given(st.lists(st.integers(3, 9), min_size=2, max_size=5))
def test_with_three_of_each_class_some_are_held_back_and_all_are_used(counts: list[int]) -> None:
    clips = gathered("".join("abcde"[number] * count for number, count in enumerate(counts)))
    learn, test = learning.hold_back(clips)
    assert test is not None
    assert set(learn.labels) == set(test.labels) == set(clips.labels)
    assert sorted([*learn.paths, *test.paths]) == sorted(clips.paths)


def test_folds_say_what_is_held_back() -> None:
    clips = gathered("ababab", folds=(1, 1, 2, 2, 3, 3))
    assert [set(part.folds or ()) for part in learning.hold_back(clips, [1]) if part] == [{1}, {2, 3}]
    assert [set(part.folds or ()) for part in learning.hold_back(clips, [1], [3]) if part] == [{1}, {3}]
    with pytest.raises(DataError, match="fold 1 is both"):
        learning.hold_back(clips, [1, 2], [1])


# --- trials -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_dropout_changes_what_learns_by_steps_and_nothing_else(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("rain-1.wav", "rain-2.wav", "wind-1.wav", "wind-2.wav"):
        soundfile.write(tmp_path / name, 0.1 * rng.standard_normal(16_000), 16_000)
    paths = tuple(sorted(tmp_path.glob("*.wav")))
    clips = LabelledClips(paths, tuple(path.name.split("-")[0] for path in paths))
    model = EmbeddedModel("cpu")
    heard = learning.embed_clips(model, clips)

    def learned(dropout: float, method: str) -> dict[str, Array]:
        trial = ExperimentSettings((method,), 2, settings=FitSettings(epochs=3), dropout=dropout)
        head = learning.run(model, heard, None, trial).outcomes[0].head
        assert head
        return dict(head.state)

    assert not np.allclose(learned(0.5, "palm")["context"], learned(0, "palm")["context"])
    np.testing.assert_array_equal(learned(0.5, "palm")["context"], learned(0.5, "palm")["context"])
    np.testing.assert_array_equal(learned(0.5, "linear-probe")["weight"], learned(0, "linear-probe")["weight"])


def test_dropout_is_refused_where_the_model_hides_its_features(
    model: AudioTextModel, heard: tuple[EmbeddedClips, EmbeddedClips]
) -> None:
    (outcome,) = learning.run(model, *heard, ExperimentSettings(("palm",), 4, dropout=0.5)).outcomes
    assert outcome.head is None
    assert "fit without dropout" in str(outcome.problem)


def test_a_trial_scores_every_method_with_every_seed(
    model: AudioTextModel, heard: tuple[EmbeddedClips, EmbeddedClips]
) -> None:
    trial = ExperimentSettings(
        ("palm", "zero-shot", "linear-probe", "tspe"), 4, (0, 1), FitSettings(epochs=20), TEMPLATES
    )
    steps: list[Step] = []
    results = learning.run(model, *heard, trial, Watch(on_step=steps.append))
    assert [(one.method, [fit.seed for fit in one.fits]) for one in results.outcomes] == [
        ("palm", [0, 1]),
        ("zero-shot", [0]),
        ("linear-probe", [0, 1]),
        ("tspe", [0]),
    ]
    assert (results.learned_from, results.tested_on, results.stopped) == (16, 20, False)
    palm = results.outcomes[0]
    assert palm.accuracy == pytest.approx(
        np.mean([fit.head.score(heard[1].audio, heard[1].clips.targets) for fit in palm.fits])
    )
    assert palm.accuracy and palm.accuracy > 0.7
    confusion = palm.fits[0].confusion
    assert confusion is not None and palm.fits[0].score is not None
    assert confusion.sum() == 20 and np.trace(confusion) == palm.fits[0].score.correct
    assert results.best is not None and results.best.accuracy == max(one.accuracy or 0 for one in results.outcomes)
    done = [step.epochs_done[0] for step in steps]
    assert done == sorted(done) and steps[-1].fits == 6
    assert sum(bool(step.history) and not step.checked for step in steps) == 40  # PALM's; no other method here has any
    assert [step.checked for step in steps if step.checked] == [*range(1, 4 * 20 + 1)] * 2, "those of its copies"
    assert {step.method for step in steps if step.in_epochs} == {"palm"}
    shares = [done / total for done, total in (step.work_done for step in steps)]
    assert shares == sorted(shares) and all(step.work_done == step.epochs_done for step in steps if not step.copies)


def test_the_same_trial_gives_the_same_results(
    model: AudioTextModel, heard: tuple[EmbeddedClips, EmbeddedClips]
) -> None:
    first, second = (learning.run(model, *heard, ExperimentSettings(shots=2, settings=QUICK)) for _ in range(2))
    heads = [results.outcomes[0].head for results in (first, second)]
    assert heads[0] and heads[1]
    np.testing.assert_array_equal(heads[0].state["context"], heads[1].state["context"])


def test_fewer_clips_than_shots_are_noted(model: AudioTextModel, heard: tuple[EmbeddedClips, EmbeddedClips]) -> None:
    assert learning.run(model, *heard, ExperimentSettings(shots=5, settings=QUICK)).notice is None
    notice = learning.run(model, heard[0], None, ExperimentSettings(shots=16, settings=QUICK)).notice
    assert notice and notice.startswith("Fewer than 16 clips to learn from: rain (5), ")
    notice = learning.run(model, *heard, ExperimentSettings(shots=16, settings=QUICK)).notice
    assert notice and "rain (5, and 5 held back)" in notice, "the clips that were given are all accounted for"


def test_without_clips_held_back_there_are_heads_but_no_scores(
    model: AudioTextModel, heard: tuple[EmbeddedClips, EmbeddedClips]
) -> None:
    results = learning.run(model, heard[0], None, ExperimentSettings(settings=QUICK))
    outcome = results.outcomes[0]
    assert outcome.head and outcome.accuracy is None and outcome.interval is None and results.best is None


def test_a_stopped_trial_keeps_what_was_learned(
    model: AudioTextModel, heard: tuple[EmbeddedClips, EmbeddedClips]
) -> None:
    seen: list[Step] = []

    def stop() -> bool:
        return len(seen) > 0 and len(seen[-1].history) >= 2

    trial = ExperimentSettings(("palm", "linear-probe"), 4, (0, 1), FitSettings(epochs=50))
    results = learning.run(model, *heard, trial, Watch(on_step=seen.append, stop=stop))
    assert results.stopped
    assert [one.method for one in results.outcomes] == ["palm"]
    (fit,) = results.outcomes[0].fits
    assert [epoch.number for epoch in fit.head.history] == [1, 2] and fit.score is not None


def test_a_fit_that_diverges_says_what_to_do_and_leaves_the_others_alone(
    model: AudioTextModel, heard: tuple[EmbeddedClips, EmbeddedClips], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Palm, "fit", lambda self, *_: (_ for _ in ()).throw(FewShotError("lower the rate")))
    results = learning.run(model, *heard, ExperimentSettings(("palm", "linear-probe"), 4, (0, 1), QUICK))
    assert results.outcomes[0].advice == "lower the rate" and not results.outcomes[0].fits
    assert len(results.outcomes[1].fits) == 2


def test_a_rate_too_high_is_advised_against(model: AudioTextModel, heard: tuple[EmbeddedClips, EmbeddedClips]) -> None:
    settings = FitSettings.of_recipe("paper", epochs=1, learning_rate=10_000)
    results = learning.run(model, *heard, ExperimentSettings(settings=settings))
    assert "lower the learning rate" in (results.outcomes[0].advice or "")


def test_the_curve_goes_up_to_what_there_is(model: AudioTextModel, heard: tuple[EmbeddedClips, EmbeddedClips]) -> None:
    assert learning.curve(model, *heard, ExperimentSettings(settings=QUICK), watch=Watch(stop=lambda: True)) == {}
    found = learning.curve(model, *heard, ExperimentSettings(("zero-shot",), settings=QUICK))
    assert list(found) == [1, 2, 4, 5]
    assert [results.learned_from for results in found.values()] == [4, 8, 16, 20]


@pytest.mark.parametrize(
    ("correct", "low", "high"),
    [
        ([8], 0.490, 0.943),  # one seed: Wilson's
        ([8, 8, 8], 0.490, 0.943),  # seeds that agree say nothing of the clips
        ([7, 8, 9], 0.552, 1.0),  # mean 0.8, deviation 0.1, 4.303 times 0.1 / sqrt(3) to either side, cut at 1
    ],
)
def test_intervals(correct: list[int], low: float, high: float) -> None:
    found = learning.interval_over_seeds([Score(number, 10) for number in correct])
    assert found == pytest.approx((low, high), abs=0.001)


# --- heads ------------------------------------------------------------------------------------------------------------


def palm(model: AudioTextModel, heard: tuple[EmbeddedClips, EmbeddedClips]) -> Palm:
    head = learning.run(model, *heard, ExperimentSettings(settings=FitSettings(epochs=20))).outcomes[0].head
    assert isinstance(head, Palm)
    return head


def test_what_palm_relies_on_and_how_its_classes_moved(
    model: AudioTextModel, heard: tuple[EmbeddedClips, EmbeddedClips]
) -> None:
    head = palm(model, heard)
    shares = learning.reliance(head)
    assert [share for _, share in shares] == sorted((float(gate) for gate in head.gates), reverse=True)
    assert {name for name, _ in shares} == set(CLASSES)
    moves = learning.moves(head)
    assert moves.before.shape == moves.after.shape == (4, 2)
    both = np.concatenate([head.constants["start"], np.asarray(head.weights)])
    centred = both - both.mean(axis=0)
    kept = np.square(np.concatenate([moves.before, moves.after])).sum()
    assert kept == pytest.approx(np.sort(np.linalg.eigvalsh(centred.T @ centred))[-2:].sum(), rel=1e-4)


def palm_to_share(model: AudioTextModel, heard: tuple[EmbeddedClips, EmbeddedClips]) -> SharedHead:
    return learning.shared(
        learning.run(model, *heard, ExperimentSettings(shots=4, settings=QUICK)), "palm", model, "tests"
    )


def test_a_head_says_where_it_does_not_fit(model: AudioTextModel, heard: tuple[EmbeddedClips, EmbeddedClips]) -> None:
    heads = Heads()
    kept = heads.get(heads.keep(palm_to_share(model, heard)))
    assert kept and kept.misfit(model, [name.upper() for name in reversed(CLASSES)]) is None
    assert "and 1 more, so it can't be used" in (kept.misfit(model, ["rain", "wind"]) or "")
    assert "made for the model tiny" in (kept.misfit(FakeModel(), CLASSES) or "")


def test_heads_make_room_for_others(model: AudioTextModel, heard: tuple[EmbeddedClips, EmbeddedClips]) -> None:
    heads, head = Heads(capacity=2), palm_to_share(model, heard)
    first, second = heads.keep(head), heads.keep(head)
    heads.get(first)
    heads.keep(head)
    assert heads.get(first) and heads.get(second) is None and heads.get("unknown") is None


def test_one_visitor_s_heads_push_out_their_own(
    model: AudioTextModel, heard: tuple[EmbeddedClips, EmbeddedClips]
) -> None:
    heads, head = Heads(capacity=6, each=3), palm_to_share(model, heard)
    others, house = heads.keep(head, owner="other"), heads.keep(head)
    flood = [heads.keep(head, owner="flood") for _ in range(64)]
    assert heads.get(others) and heads.get(house)
    assert [bool(heads.get(one)) for one in flood] == [False] * 61 + [True] * 3


def test_a_head_is_saved_with_what_it_reached(
    model: AudioTextModel, heard: tuple[EmbeddedClips, EmbeddedClips], tmp_path: Path
) -> None:
    results = learning.run(model, *heard, ExperimentSettings(("zero-shot", "palm"), 4, settings=QUICK))
    learning.shared(results, "palm", model, "sounds of mine", "CC-BY-4.0").save_pretrained(tmp_path)
    read = SharedHead.from_pretrained(tmp_path, model=model)
    np.testing.assert_array_equal(
        read.head.predict(heard[1].audio), results.outcomes[1].fits[0].head.predict(heard[1].audio)
    )
    (score,) = read.record.scores
    assert (score.n, score.accuracy, score.zero_shot) == (
        20,
        results.outcomes[1].accuracy,
        results.outcomes[0].accuracy,
    )
    assert (read.record.licence, read.record.data, read.record.shots) == ("CC-BY-4.0", "sounds of mine", 4)
    with pytest.raises(FewShotError, match="no coop head"):
        learning.shared(results, "coop", model, "x")


# --- fitted again, on all clips ---------------------------------------------------------------------------------------


def everything(heard: tuple[EmbeddedClips, EmbeddedClips]) -> EmbeddedClips:
    """The clips to learn from and those to test on."""
    paths, labels = ((*heard[0].clips.paths, *heard[1].clips.paths), (*heard[0].clips.labels, *heard[1].clips.labels))
    clips = LabelledClips(paths, labels, classes=CLASSES, name="tests")
    return EmbeddedClips(clips, np.concatenate([heard[0].audio, heard[1].audio]))


@pytest.mark.parametrize("method", ["palm", "linear-probe", "tip-adapter"])
def test_a_head_that_is_used_has_learned_from_every_clip(
    method: str, model: AudioTextModel, heard: tuple[EmbeddedClips, EmbeddedClips], tmp_path: Path
) -> None:
    plain = replace(QUICK, calibrate=False)
    trial, every, steps = ExperimentSettings((method,), 2, (3, 4), plain), everything(heard), list[Step]()
    (before,) = learning.run(model, *heard, trial).outcomes
    results = learning.run(model, *heard, trial, Watch(on_step=steps.append), every)
    (outcome,) = results.outcomes
    expected = build_head(method, model, CLASSES, replace(QUICK, random_state=3)).fit(every.audio, every.clips.targets)
    assert outcome.head and before.head
    np.testing.assert_array_equal(outcome.head.logits(heard[1].audio), expected.logits(heard[1].audio))
    assert not np.array_equal(outcome.head.logits(heard[1].audio), before.head.logits(heard[1].audio))
    assert outcome.accuracies == before.accuracies, "the score stays that of the fit that was measured"
    assert [(step.fit, step.again_on) for step in steps if not step.history] == [(1, None), (2, None), (3, 40)]

    learning.shared(results, method, model, "tests").save_pretrained(tmp_path)
    record = SharedHead.from_pretrained(tmp_path, model=model).record
    assert (record.fitted_on, record.scores[0].fitted_on, record.shots) == (40, 8, None)
    assert record.scores[0].accuracy == before.accuracies[0]
    card = (tmp_path / "README.md").read_text()
    assert "Measured on 20 held-out clips, then fitted again on all 40." in card
    assert "The accuracy is that of the earlier fit, on 8 clips." in card


def test_what_learns_nothing_or_from_all_clips_already_is_not_fitted_again(
    model: AudioTextModel, heard: tuple[EmbeddedClips, EmbeddedClips]
) -> None:
    trial = ExperimentSettings(("zero-shot", "tspe"), 2, settings=QUICK, templates=TEMPLATES)
    results = learning.run(model, *heard, trial, every=everything(heard))
    assert all(outcome.head and outcome.again is None for outcome in results.outcomes)
    assert learning.shared(results, "tspe", model, "tests").record.fitted_on is None
    results = learning.run(model, heard[0], None, ExperimentSettings(settings=QUICK), every=heard[0])
    assert results.outcomes[0].again is None
    assert learning.shared(results, "palm", model, "tests").record.fitted_on == 20


@pytest.mark.parametrize("ended", ["stopped", "failed"])
def test_a_head_that_could_not_be_fitted_again_is_the_one_that_was_measured(
    ended: str, model: AudioTextModel, heard: tuple[EmbeddedClips, EmbeddedClips], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[Step] = []

    def tell(step: Step) -> None:
        steps.append(step)
        if ended == "failed" and step.again_on:
            raise FewShotError("the loss grew out of bounds")

    results = learning.run(
        model,
        *heard,
        ExperimentSettings(("palm", "linear-probe"), 4, settings=QUICK),
        Watch(on_step=tell, stop=lambda: ended == "stopped" and len(steps) > 0 and steps[-1].again_on is not None),
        everything(heard),
    )
    outcome = results.outcomes[0]
    assert outcome.again is None and outcome.head is outcome.fits[0].head
    assert results.stopped == (ended == "stopped")
    assert ("could not be fitted again on all clips: the loss grew" in (outcome.advice or "")) == (ended == "failed")
    record = learning.shared(results, "palm", model, "tests").record
    assert (record.fitted_on, record.measured) == (16, "Measured on 20 held-out clips.")


def test_a_method_is_fitted_again_before_the_next_one_is_tried(
    model: AudioTextModel, heard: tuple[EmbeddedClips, EmbeddedClips]
) -> None:
    steps: list[Step] = []
    trial = ExperimentSettings(("palm", "coop"), 4, settings=QUICK)
    results = learning.run(
        model,
        *heard,
        trial,
        Watch(on_step=steps.append, stop=lambda: steps[-1].method == "coop" if steps else False),
        everything(heard),
    )
    assert results.stopped and results.outcomes[0].again, "who stops a slow method keeps a quick one's finished head"


def test_one_method_alone_is_fitted_again(model: AudioTextModel, heard: tuple[EmbeddedClips, EmbeddedClips]) -> None:
    results = learning.run(model, *heard, ExperimentSettings(("palm", "linear-probe", "zero-shot"), 4, settings=QUICK))
    tried = learning.Experiment(results, *heard, everything(heard), model.name)
    found = learning.fit_again(model, tried, "linear-probe").results
    assert [outcome.again is not None for outcome in found.outcomes] == [False, True, False]
    assert learning.fit_again(model, tried, "zero-shot") is learning.fit_again(model, tried, "coop") is tried


# --- the estimator ----------------------------------------------------------------------------------------------------


def test_the_estimator_learns_names_from_recordings(tmp_path: Path) -> None:
    files = []
    for number, hertz in enumerate((HUM, WHISTLE, HUM + 20, WHISTLE + 50)):
        soundfile.write(tmp_path / f"{number}.wav", tone(hertz, 1), RATE)
        files.append(tmp_path / f"{number}.wav")
    classifier = FewShotClassifier(model=FakeModel(), epochs=20).fit(files, ["low_hum", "whistle"] * 2)
    assert list(classifier.classes_) == ["low_hum", "whistle"] and classifier.head_.classes == ("low hum", "whistle")
    assert list(classifier.predict(files)) == ["low_hum", "whistle"] * 2
    assert classifier.score(files, ["low_hum", "whistle"] * 2) == 1.0
    np.testing.assert_allclose(classifier.predict_proba(files).sum(axis=1), 1, atol=1e-5)


def test_the_estimator_knows_labels_by_their_words_and_recordings_by_their_groups() -> None:
    audio, targets, _ = clusters()
    labels = np.array(CLASSES)[targets]
    classifier = FewShotClassifier(model=Model()).fit(audio[:8], labels[:8], groups=[0] * 8, words_only=["a siren"])
    assert "a siren" in classifier.classes_ and classifier.predict_proba(audio).shape == (40, 5)
    one_clip = FewShotClassifier(model=Model()).fit(audio[:1], labels[:1], words_only=["a siren"])
    assert one_clip.predict(audio).shape == (40,)
    with pytest.raises(FewShotError, match="8 recordings, but 3 groups"):
        classifier.fit(audio[:8], labels[:8], groups=[0, 1, 2])


def test_the_estimator_learns_from_recordings_without_labels() -> None:
    audio, targets, _ = clusters()
    labels = np.array(CLASSES)[targets]
    joined = FewShotClassifier("together", Model()).fit(audio[:8], labels[:8], unlabelled=audio[8:])
    alone = FewShotClassifier("together", Model()).fit(audio[:8], labels[:8])
    assert not np.array_equal(joined.predict_proba(audio), alone.predict_proba(audio))
    classes, by_name = np.unique(labels, return_inverse=True)
    head = build_head("together", Model(), [str(one) for one in classes], unlabelled=audio[8:])
    calibrate(head.fit(audio[:8], by_name[:8]), audio[:8], by_name[:8])
    np.testing.assert_allclose(joined.predict_proba(audio), head.predict_proba(audio), atol=1e-5)
    with pytest.raises(FewShotError, match="auto learns from labelled recordings alone"):
        FewShotClassifier(model=Model()).fit(audio[:8], labels[:8], unlabelled=audio[8:])


def test_the_estimator_has_scikit_learns_manners() -> None:
    audio, targets, _ = clusters()
    labels = np.array(CLASSES)[targets]
    classifier = FewShotClassifier("linear-probe", Model())
    assert classifier.get_params()["method"] == "linear-probe"
    assert clone(classifier).set_params(method="palm", epochs=7).epochs == 7
    assert cross_val_score(classifier, audio, labels, cv=3).mean() > 0.5
    tspe = FewShotClassifier("tspe", Model(), templates=["the sound of {label}"]).fit(audio, labels)
    assert tspe.predict(audio).shape == (40,)


@pytest.mark.parametrize(
    ("labels", "sentence"), [(["rain"] * 3, "one label for each"), (["rain"] * 4, "at least two classes")]
)
def test_the_estimator_refuses_in_a_sentence(labels: list[str], sentence: str) -> None:
    with pytest.raises(FewShotError, match=sentence):
        FewShotClassifier(model=Model()).fit(np.eye(4, 12, dtype=np.float32), labels)


def test_the_estimator_takes_one_recording_and_texts(tmp_path: Path) -> None:
    hum, whistle = (RATE, tone(HUM, 1)), (float(RATE), tone(WHISTLE, 1))
    soundfile.write(tmp_path / "a.wav", tone(HUM, 1), RATE)
    classifier = FewShotClassifier("tspe", FakeModel(), templates="the sound of {class}")
    classifier.fit([hum, whistle], np.array(["hum", "whistle"], object))
    path = tmp_path / "a.wav"
    for one in (str(path), path, path.read_bytes(), hum, [hum], path.open("rb")):
        assert list(classifier.predict(one)) == ["hum"]
    assert list(classifier.predict((str(path), path))) == ["hum", "hum"]
    assert list(classifier.predict(np.array([str(path)]))) == ["hum"]
    assert classifier.predict_proba(hum).shape == (1, 2)


def test_the_estimator_says_that_it_has_learned_nothing() -> None:
    for act in (FewShotClassifier(model=FakeModel()).predict, FewShotClassifier(model=FakeModel()).predict_proba):
        with pytest.raises(NotFittedError, match="Nothing was learned yet: call fit"):
            act("a.wav")
    failed = FewShotClassifier(model=FakeModel())
    with pytest.raises(FewShotError, match="at least two classes"):
        failed.fit([(RATE, tone(HUM, 1))], ["hum"])
    with pytest.raises(NotFittedError):
        failed.predict("a.wav")


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ("hum, whistle", "the labels are one text: give a list"),
        (["hum", None], r"label 2 of 2 is missing \(None\)"),
        (["hum", float("nan")], r"label 2 of 2 is missing \(nan\)"),
        (["", "whistle"], "label 1 of 2 is missing"),
        (pd.Series(["hum", pd.NA]), "label 2 of 2 is missing"),
        (np.eye(2), "label 1 of 2 is missing"),
    ],
)
def test_the_estimator_names_a_label_that_is_missing(labels: Any, sentence: str) -> None:
    with pytest.raises(FewShotError, match=sentence):
        FewShotClassifier(model=FakeModel()).fit([(RATE, tone(HUM, 1)), (RATE, tone(WHISTLE, 1))], labels)


@pytest.mark.parametrize(
    ("sounds", "sentence"),
    [
        (np.zeros(RATE, np.float32), "samples need their rate"),
        (np.full((2, 12), np.nan, np.float32), "infinite or NaN"),
        (np.zeros((2, 7), np.float32), "have 12 numbers each, not 7"),
    ],
)
def test_the_estimator_refuses_arrays_that_are_no_embeddings(sounds: Any, sentence: str) -> None:
    audio, targets, _ = clusters()
    classifier = FewShotClassifier("linear-probe", Model()).fit(audio, np.array(CLASSES)[targets])
    with pytest.raises(FewShotError, match=sentence):
        classifier.predict(sounds)
