import numpy as np
import pytest
import torch
from torch import Tensor

from audioprompt.encoding.encoder import embed_prompts
from audioprompt.prompts.template import Template
from audioprompt.services.live import MINUTE, ROLLING_SECONDS, Band, Hearing, add, answer, level
from tests.fakes import HUM, RATE, WHISTLE, FakeModel, tone

LABELS = ("hum", "whistle", "rain")
MICROPHONE = 48_000
CHUNK = 0.25  # seconds
MODEL = FakeModel()
PROMPTS = embed_prompts(MODEL, [Template("the sound of {label}")], LABELS)


class FramedModel(FakeModel):
    """The fake model with a frame for each quarter of a second."""

    frame_seconds = 0.25

    def embed_frames(self, windows: Tensor) -> Tensor:
        return self.project_frames(self.audio_features(windows))

    def audio_features(self, windows: Tensor) -> Tensor:
        steps = windows.unfold(1, round(self.frame_seconds * RATE), round(self.frame_seconds * RATE))
        rates = (steps[..., 1:] * steps[..., :-1] < 0).sum(dim=2) / self.frame_seconds
        return torch.stack(
            [torch.stack([self._direction("hum" if r < 1_000 else "whistle") for r in s]) for s in rates]
        )

    def project_audio(self, features: Tensor) -> Tensor:
        return torch.nn.functional.normalize(features.mean(dim=1), dim=-1)

    def project_frames(self, features: Tensor) -> Tensor:
        return features


def listen(hearing, sound, model=MODEL):
    """Feed a sound in chunks, as a microphone does; the last hearing and all moments."""
    moments = []
    for chunk in np.array_split(sound, round(len(sound) / MICROPHONE / CHUNK)):
        hearing = add(hearing, MICROPHONE, (chunk * 32767).astype(np.int16))
        hearing, moment = answer(hearing, CHUNK, model, PROMPTS, PROMPTS, LABELS)
        moments.append(moment)
    return hearing, moments


def test_it_answers_from_the_first_chunk_on():
    _, moments = listen(Hearing(), tone(HUM, 1, MICROPHONE))
    assert [LABELS[moment.ensemble.winners[0]] for moment in moments] == ["hum"] * 4
    assert moments[0].decibels == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.1)


def test_it_follows_a_change_and_notes_the_bands():
    sound = np.concatenate([tone(HUM, 6, MICROPHONE), tone(WHISTLE, 6, MICROPHONE)])
    hearing, moments = listen(Hearing(), sound)
    assert LABELS[moments[-1].vanilla.winners[0]] == "whistle"
    assert [band.label for band in hearing.bands] == ["hum", "whistle"]
    assert hearing.bands[0].start == 0
    assert hearing.bands[0].end == hearing.bands[1].start
    assert hearing.bands[1].end == pytest.approx(12)
    assert 6 < hearing.bands[0].end < 6 + ROLLING_SECONDS


def test_bands_follow_the_frames_of_a_model_that_has_them_and_later_sound_corrects_the_last():
    parts = [tone(HUM, 6, MICROPHONE), tone(WHISTLE, 1, MICROPHONE), tone(HUM, 4, MICROPHONE)]
    sound = np.concatenate([*parts, np.zeros(2 * MICROPHONE, np.float32), tone(HUM, 3, MICROPHONE)])
    hearing, moments = listen(Hearing(), sound, FramedModel())
    assert LABELS[moments[27].ensemble.winners[0]] == "hum", "of three seconds the whistle lasts one"
    assert [band.label for band in hearing.bands] == ["hum", "whistle", "hum", None, "hum"]
    assert [band.end for band in hearing.bands] == pytest.approx([6, 7, 11, 13, 16], abs=0.4)
    assert [band.start for band in hearing.bands] == [0, *(band.end for band in hearing.bands[:-1])]


def test_silence_is_quiet_and_not_named():
    hearing, moments = listen(Hearing(), np.zeros(2 * MICROPHONE, np.float32))
    assert all(moment.vanilla is None and moment.ensemble is None for moment in moments)
    assert [band.label for band in hearing.bands] == [None]


def test_faint_noise_is_quiet_too():
    noise = np.random.default_rng(0).normal(0, 10 ** (-65 / 20), 2 * MICROPHONE)
    assert listen(Hearing(), noise)[1][-1].ensemble is None


@pytest.mark.slow
def test_memory_is_bounded_by_the_window_and_the_minute():
    hearing = Hearing()
    for _ in range(5):
        hearing, _ = listen(hearing, np.concatenate([tone(HUM, 10, MICROPHONE), tone(WHISTLE, 10, MICROPHONE)]))
    assert len(hearing.samples) == ROLLING_SECONDS * MICROPHONE
    assert hearing.seconds == pytest.approx(100)
    assert hearing.bands[0].end > 100 - MINUTE
    assert len(hearing.bands) <= 7


def test_another_sample_rate_starts_the_window_afresh():
    hearing, _ = listen(Hearing(), tone(HUM, 2, MICROPHONE))
    hearing = add(hearing, 16_000, tone(WHISTLE, 1, 16_000))
    assert (hearing.rate, len(hearing.samples)) == (16_000, 16_000)
    assert hearing.bands == (Band(0.0, 2.0, "hum"),)


@pytest.mark.parametrize(
    ("samples", "decibels"), [([], -100), ([0.0, 0.0], -100), ([1.0, -1.0], 0), ([0.1, -0.1], -20)]
)
def test_level_is_rms_below_full_scale(samples, decibels):
    assert level(np.asarray(samples, np.float32)) == pytest.approx(decibels, abs=1e-3)
