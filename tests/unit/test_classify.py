import shutil
from typing import Any

import numpy as np
import pytest

from audioprompt.audio.recording import AudioError
from audioprompt.core.zero_shot import predict
from audioprompt.encoding.encoder import embed_prompts
from audioprompt.prompts.template import VANILLA, Template
from audioprompt.services.classify import LabelError, PromptCache, classify, ranked, winner
from audioprompt.settings import cache_folder
from tests.fakes import HUM, RATE, WHISTLE, FakeModel, tone

PLAIN, CONTRARY = Template("A plain sound of {label}"), Template("A contrary sound of {label}")
LABELS = ("hum", "whistle", "rain")


def test_both_methods_hear_the_sound():
    result = classify(FakeModel(), (RATE, tone(HUM, 1)), LABELS, [PLAIN, PLAIN])
    assert winner(result.vanilla) == winner(result.ensemble) == "hum"
    assert result.agree
    assert result.words == "They agree: 2 of 2 prompts say hum."
    assert result.seconds == pytest.approx(1)
    assert ranked(result.vanilla)[0] == ("hum", pytest.approx(np.exp(10) / (np.exp(10) + 2), rel=1e-5))


def test_disagreement_is_said_in_words():
    result = classify(FakeModel(), (RATE, tone(WHISTLE, 1)), LABELS, [CONTRARY, CONTRARY, PLAIN])
    assert not result.agree
    assert result.words == "They disagree: vanilla says whistle, but 2 of 3 prompts say hum."
    assert [vote.label for vote in result.votes] == ["hum", "hum", "whistle"]
    assert result.votes[0].prompt == "A contrary sound of hum"


def test_labels_that_are_the_same_to_the_model_are_said_and_no_agreement_is():
    result = classify(FakeModel(), (RATE, tone(HUM, 1)), ("hum", "quark", "rain", "quirk"), [PLAIN])
    assert result.alike == (("quark", "quirk"),)
    assert result.notices == (
        "To the model these labels mean the same: quark, quirk. Describe them in other words, best in English.",
    )
    assert result.words == "Vanilla and 1 of 1 prompt say hum."
    assert classify(FakeModel(), (RATE, tone(HUM, 1)), LABELS, [PLAIN]).alike == ()


def test_one_prompt_says():
    assert classify(FakeModel(), (RATE, tone(HUM, 1)), LABELS, [PLAIN]).words == "They agree: 1 of 1 prompt says hum."


def test_the_arithmetic_is_that_of_zero_shot():
    model, templates = FakeModel(), [PLAIN, CONTRARY, VANILLA]
    result = classify(model, (RATE, tone(HUM, 1)), LABELS, templates)
    audio = np.asarray([[1, 0, 0, 0]], np.float32)
    expected = predict(audio, embed_prompts(model, templates, LABELS), LABELS, model.logit_scale)
    np.testing.assert_array_equal(result.ensemble.probabilities, expected.probabilities)
    assert [LABELS.index(vote.label) for vote in result.votes] == expected.votes[:, 0].tolist()
    alone = predict(audio, embed_prompts(model, [CONTRARY], LABELS), LABELS, model.logit_scale)
    assert result.votes[1].probability == pytest.approx(float(alone.probabilities.max()))


def test_unusable_input_is_refused():
    model = FakeModel()
    with pytest.raises(LabelError, match="two labels"):
        classify(model, (RATE, tone(HUM, 1)), [], [PLAIN])
    with pytest.raises(ValueError, match="no template"):
        classify(model, (RATE, tone(HUM, 1)), LABELS, [])
    with pytest.raises(AudioError, match=r"song\.wav"):
        classify(model, b"no sound", LABELS, [PLAIN], name="song.wav")


def test_prompts_are_encoded_once_and_the_least_used_forgotten():
    cache, model = PromptCache(capacity=2), FakeModel()
    first = cache.get(model, [PLAIN], ["hum", "rain"])
    assert cache.get(model, [PLAIN], ["hum", "rain"]) is first
    assert len(model.texts_read) == 2
    cache.get(model, [PLAIN], ["hum", "whistle"])
    cache.get(model, [PLAIN], ["hum", "rain"])  # used again, so kept longest
    cache.get(model, [CONTRARY], ["hum", "rain"])
    assert len(cache) == 2
    assert cache.get(model, [PLAIN], ["hum", "rain"]) is first
    shutil.rmtree(cache_folder())  # or it would come from the disk
    read = len(model.texts_read)
    cache.get(model, [PLAIN], ["hum", "whistle"])
    assert len(model.texts_read) == read + 2


def test_cached_prompts_cannot_be_changed_and_are_told_apart_by_revision():
    cache, model, other = PromptCache(), FakeModel(), FakeModel()
    other.revision = "2"
    kept = cache.get(model, [PLAIN], ["hum", "rain"])
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 0
    assert cache.get(other, [PLAIN], ["hum", "rain"]) is not kept


def test_progress_counts_the_prompts():
    told: list[tuple[int, int]] = []
    cache = PromptCache()
    cache.get(FakeModel(), [PLAIN, CONTRARY], LABELS, lambda done, total: told.append((done, total)))
    assert told == [(6, 6)]


# --- recordings in which there is nothing to name, or something to tell -----------------------------------------------


@pytest.mark.parametrize(
    "source, sentence",
    [
        ((RATE, np.zeros(5 * RATE)), "The recording is silent, so there is nothing to name"),
        ((RATE, np.full(5 * RATE, 0.3)), "The recording is silent"),
        ((RATE, np.random.default_rng(0).normal(0, 1e-5, 5 * RATE)), "The recording is silent"),
        ((RATE, np.stack([np.zeros(RATE), np.zeros(RATE)], axis=1)), "The recording is silent"),
        ((RATE, tone(HUM, 0.009)), "The recording lasts 9 ms, too short to name: give at least 0.1 seconds"),
    ],
)
def test_silence_and_a_click_get_no_verdict(source: tuple[int, np.ndarray], sentence: str):
    with pytest.raises(AudioError, match=sentence):
        classify(FakeModel(), source, LABELS, [PLAIN])
    with pytest.raises(AudioError, match="mine"):
        classify(FakeModel(), source, LABELS, [PLAIN], "mine")


@pytest.mark.parametrize("length", [0.1, 0.25])
def test_a_short_sound_and_a_faint_one_are_named(length: float):
    assert classify(FakeModel(), (RATE, tone(HUM, length)), LABELS, [PLAIN]).answer == "hum"
    assert classify(FakeModel(), (RATE, 0.01 * tone(HUM, length)), LABELS, [PLAIN]).answer == "hum"


def test_what_is_wrong_with_a_recording_is_told_with_the_answer():
    hum = tone(HUM, 3)
    heard = classify(FakeModel(), (RATE, np.stack([hum, -hum], axis=1)), LABELS, [PLAIN])
    assert heard.answer == "hum" and "only channel 1 of 2 was heard" in heard.notices[0]
    heard = classify(FakeModel(), (RATE, np.round(32_767 * hum)), LABELS, [PLAIN])
    assert heard.answer == "hum" and "taken for 16-bit integers" in heard.notices[0]
    assert classify(FakeModel(), (RATE, hum), LABELS, [PLAIN]).notices == ()


def test_silent_stretches_have_no_say():
    sound = np.concatenate([tone(HUM, 2), np.zeros(6 * RATE, np.float32)])  # silence alone would be a hum as well
    whistle = np.concatenate([tone(WHISTLE, 2), np.zeros(6 * RATE, np.float32)])
    for samples, label in ((sound, "hum"), (whistle, "whistle")):
        heard = classify(FakeModel(), (RATE, samples), LABELS, [PLAIN])
        assert heard.answer == label
        assert [(event.start, event.end, event.label) for event in heard.events()] == [(0.0, 2.0, label)]


def test_padding_at_the_end_is_no_window():
    heard = classify(FakeModel(), (RATE, tone(HUM, 2.014)), LABELS, [PLAIN])
    assert heard.timeline is not None and len(heard.timeline.winners) == 1
    assert heard.seconds == pytest.approx(2.014, abs=1e-3)


# --- what Python code gives -------------------------------------------------------------------------------------------


def test_labels_and_templates_as_texts():
    hum = (RATE, tone(HUM, 2))
    expected = classify(FakeModel(), hum, LABELS, [PLAIN])
    for labels in (", ".join(LABELS), "\n".join(LABELS), tuple(LABELS), list(np.array(LABELS))):
        for templates in (PLAIN, PLAIN.text, PLAIN.as_string(), [PLAIN.text]):
            found = classify(FakeModel(), (float(RATE), hum[1]), labels, templates)
            assert found.answer == expected.answer
            assert np.array_equal(found.ensemble.probabilities, expected.ensemble.probabilities)


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ([], "nothing to choose between"),
        ("hum", "nothing to choose between"),
        (["hum", None], r"Label 2 is missing \(None\)"),
        (["hum", float("nan")], r"Label 2 is missing \(nan\)"),
        ([" ", "hum"], "Label 1 is missing"),
    ],
)
def test_labels_that_are_missing(labels: Any, sentence: str):
    with pytest.raises(LabelError, match=sentence):
        classify(FakeModel(), (RATE, tone(HUM, 2)), labels, [PLAIN])


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ((44_100.5, np.zeros(9)), "a sample rate of 44100.5 Hz: give a whole number"),
        ((float("nan"), np.zeros(9)), "not a pair of sample rate and samples"),
        ((RATE, np.array([0.1, None])), "samples of type object"),
    ],
)
def test_rates_and_samples_that_are_none(source: Any, sentence: str):
    with pytest.raises(AudioError, match=sentence):
        classify(FakeModel(), source, LABELS, [PLAIN])


# --- prompts are encoded once, in this process and the next -----------------------------------------------------------


class Slow(FakeModel):
    """Counts the texts that it encodes; is interrupted before a batch."""

    def __init__(self, batches: int = 10**6) -> None:
        super().__init__()
        self.texts, self.batches = 0, batches

    def embed_text(self, texts):
        if self.batches == 0:
            raise KeyboardInterrupt
        self.batches, self.texts = self.batches - 1, self.texts + len(texts)
        return super().embed_text(texts)


MANY = [f"hum {n}" for n in range(30)]
TEMPLATES = [Template.parse(f"a {n} sound of {{}}") for n in range(10)]


def test_prompts_come_from_the_disk_in_the_next_process():
    first, again = Slow(), Slow()
    told: list[tuple[int, int]] = []
    prompts = PromptCache().get(first, TEMPLATES, MANY, lambda *so_far: told.append(so_far))
    assert (first.texts, told[-1]) == (300, (300, 300)) and len(told) > 1
    assert np.array_equal(PromptCache().get(again, TEMPLATES, MANY), prompts) and again.texts == 0
    PromptCache().get(again, TEMPLATES, [*MANY, "whistle"])
    assert again.texts == 10  # only what is new


def test_what_was_encoded_before_an_interruption_is_kept():
    with pytest.raises(KeyboardInterrupt):
        PromptCache().get(Slow(batches=2), TEMPLATES, MANY)
    rest = Slow()
    PromptCache().get(rest, TEMPLATES, MANY)
    assert 0 < rest.texts < 300
