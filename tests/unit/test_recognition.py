"""None of these, and recordings that help each other, on real clips and in what people get to see."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from audioprompt.audio.recording import AudioError
from audioprompt.core.labels import LabelError
from audioprompt.data import LabelledClips
from audioprompt.data.examples import examples
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.encoding.clips import embed_clips
from audioprompt.encoding.encoder import pooled
from audioprompt.few_shot.build import build_head
from audioprompt.few_shot.heads import load_head, record_of, save_head
from audioprompt.few_shot.settings import FewShotError
from audioprompt.models import registry
from audioprompt.models.base import AudioTextModel
from audioprompt.prompts.store import PromptStore
from audioprompt.services.classify import Classification, classify
from audioprompt.services.learn import keep_together
from audioprompt.services.live import Hearing, add, answer
from audioprompt.services.prompts import read_prompts
from audioprompt.services.rejection import MEANS, THRESHOLD, Review, note_clips, recognise_by_head
from audioprompt.services.together import classify_together
from audioprompt.settings import asset_folder
from tests.fakes import HUM, RATE, FakeModel, tone

ELSEWHERE = ["helicopter", "violin", "thunder"]
TEMPLATES = PromptStore().get("eight-templates").approved


@cache
def bundled() -> AudioTextModel:
    return registry.load("embedded")


def example(name: str) -> Path:
    return next(one.path for one in examples() if one.path.stem == name)


def heard(name: str, labels: list[str]) -> Classification:
    return classify(bundled(), example(name), labels, TEMPLATES)


def test_a_bark_is_none_of_three_other_sounds() -> None:
    found = heard("dog", ELSEWHERE)
    assert not found.known
    assert found.headline == "none of these (closest: violin)"
    assert "They agree" not in found.words


@pytest.mark.parametrize(("name", "label"), [("violin", "violin"), ("thunderstorm", "thunder"), ("dog", "dog bark")])
def test_what_is_among_the_labels_is_known(name: str, label: str) -> None:
    found = heard(name, [*ELSEWHERE, "dog bark"])
    assert found.known
    assert found.headline == label


@pytest.mark.parametrize(
    ("name", "labels", "wide"),
    [
        ("classical", ["music", "speech", "animal"], "music"),
        ("flute", ["music", "speech", "animal"], "music"),
        ("flute", ["a piece of music", "animals"], "a piece of music"),
        ("piano", ["音乐", "动物"], "音乐"),
        ("rooster", ["vehicle", "animals"], "animals"),
        ("forest", ["household sounds", "sounds of nature"], "sounds of nature"),
    ],
)
def test_what_is_a_kind_of_a_wide_label_is_known(name: str, labels: list[str], wide: str) -> None:
    found = heard(name, labels)
    assert found.headline == wide
    assert found.presences[0].label == wide and found.presences[0].heard


def test_wide_labels_refuse_what_is_no_kind_of_theirs() -> None:
    for name in ("flute", "violin", "cough", "glass"):
        assert not heard(name, ["animal", "vehicle"]).known
    assert not heard("dog", ["music", "household sounds"]).known


@pytest.mark.slow
def test_most_examples_are_known_by_their_own_labels_and_few_by_others() -> None:
    known = [heard(one.path.stem, list(one.labels)).known for one in examples()]
    strangers = [heard(one.path.stem, ["vacuum cleaner", "sewing machine", "frog"]).known for one in examples()]
    assert np.mean(known) > 0.8
    assert np.mean(strangers) < 0.6


def test_several_sounds_are_each_heard_or_not() -> None:
    found = heard("street", ["siren", "dog", "violin", "sewing machine"]).presences
    assert {one.label for one in found[:2]} == {"siren", "dog"}
    assert found[0].heard
    assert not any(one.heard for one in found[2:])


def test_the_microphone_says_so_too() -> None:
    model, rate = FakeModel(), RATE
    vanilla, ensemble = read_prompts(model, TEMPLATES, ("hum", "whistle"))
    hearing = add(Hearing(), rate, tone(HUM, 1))
    _, moment = answer(hearing, 1.0, model, vanilla, ensemble, ("hum", "whistle"))
    assert moment.verdict is not None and moment.verdict.known


# --- heads ------------------------------------------------------------------------------------------------------------


@cache
def instruments() -> tuple[LabelledClips, np.ndarray]:
    clips = LabelledClips.from_manifest(asset_folder("instruments") / "manifest.csv")
    return clips, pooled(embed_clips(bundled(), clips.paths, cache=EmbeddingCache()))


@pytest.mark.slow
def test_a_head_notes_what_its_clips_are_like_and_keeps_that_in_its_file(tmp_path: Path) -> None:
    clips, audio = instruments()
    few = np.flatnonzero(np.isin(clips.targets, [0, 1, 2]))
    head = build_head("tip-adapter", bundled(), clips.spoken_classes[:3]).fit(audio[few], clips.targets[few])
    note_clips(bundled(), head, audio[few], clips.targets[few])
    save_head(tmp_path / "head.safetensors", head, record_of(head, bundled(), "instruments"))
    recogniser = recognise_by_head(bundled(), load_head(tmp_path / "head.safetensors", bundled()).head)
    assert recogniser is not None and recogniser.means is not None
    own = [recogniser.judge(clip).known for clip in audio[few]]
    others = [recogniser.judge(clip).known for clip in audio[~np.isin(clips.targets, [0, 1, 2])]]
    assert np.mean(own) > 0.85
    assert np.mean(others) < np.mean(own) - 0.2


@pytest.mark.slow
def test_a_head_of_few_clips_goes_by_the_words() -> None:
    clips, audio = instruments()
    few = np.array([int(np.flatnonzero(clips.targets == number)[0]) for number in range(3)])
    head = build_head("tip-adapter", bundled(), clips.spoken_classes[:3]).fit(audio[few], clips.targets[few])
    note_clips(bundled(), head, audio[few], clips.targets[few])
    assert MEANS not in head.state and THRESHOLD not in head.state
    recogniser = recognise_by_head(bundled(), head)
    assert recogniser is not None and recogniser.means is None


@pytest.mark.slow
def test_a_review_of_ten_clips_moves_the_threshold_of_a_head_and_goes_with_its_file(tmp_path: Path) -> None:
    clips, audio = instruments()
    known = clips.targets < 3
    one = np.flatnonzero(known)[:1]
    head = build_head("words-as-clips", bundled(), clips.spoken_classes[:3]).fit(audio[one], clips.targets[one])
    review = Review.begin(bundled(), head, audio)
    before = review.recogniser.threshold
    assert len(set(review.asked)) == 10 and "Clip 1 of 10" in review.words
    for clip in review.asked:
        assert THRESHOLD not in head.state and review.next == clip
        review.say(clip, bool(known[clip]))
    save_head(tmp_path / "head.safetensors", head, record_of(head, bundled(), "instruments"))
    kept = recognise_by_head(bundled(), load_head(tmp_path / "head.safetensors", bundled()).head)
    assert kept is not None and kept.means is None and kept.threshold == pytest.approx(review.threshold) != before
    asked = list(review.asked)
    right = [int(((kept.scores(audio[asked]) >= at) == known[asked]).sum()) for at in (before, kept.threshold)]
    assert right[0] <= right[1] and f"{right[1]} answers of 10 agree" in review.words
    head.state = {**head.state, MEANS: np.ones((1, 5), np.float32)}
    with pytest.raises(FewShotError, match="does not fit its classes"):
        recognise_by_head(bundled(), head)


# --- recordings that help each other ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_recordings_help_each_other_to_no_worse_an_answer() -> None:
    clips, audio = instruments()
    found = classify_together(bundled(), audio, clips.spoken_classes, TEMPLATES)
    alone = classify_together(bundled(), audio[:1], clips.spoken_classes, TEMPLATES)
    assert found.answer.reason is None
    assert found.answer.moved > 0
    assert f"{found.answer.moved} answers of {len(audio)} changed" in found.answer.words
    assert alone.answer.moved == 0
    assert "1 clip for 12 labels" in alone.answer.words
    kept = keep_together(bundled(), clips.spoken_classes, TEMPLATES, audio, "a pool").head
    right = (found.prediction.winners == clips.targets).mean()
    assert kept.score(audio, clips.targets) == pytest.approx(right, abs=0.02)


def test_what_cannot_be_heard_together_says_why() -> None:
    one = heard("dog", ELSEWHERE)
    same = classify_together(bundled(), [one.embedding] * 5, ELSEWHERE, TEMPLATES)
    assert "All clips sound the same" in same.answer.words
    lone = classify_together(bundled(), [one.embedding] * 5, ["dog bark"], TEMPLATES)
    assert "only one label" in lone.answer.words
    with pytest.raises(AudioError, match="silent"):
        classify(bundled(), (16_000, np.zeros(16_000, np.float32)), ELSEWHERE, TEMPLATES)
    with pytest.raises(LabelError):
        classify(bundled(), example("dog"), [], TEMPLATES)
