"""Encode once: order, batches, reading ahead, memory that runs out, and the cache."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import soundfile
import torch

from audioprompt.audio.decode import stream_windows
from audioprompt.audio.files import BLOCK_FRAMES
from audioprompt.audio.recording import AudioSource
from audioprompt.data import DataError, LabelledClips
from audioprompt.data.embedding import embed_labelled
from audioprompt.encoding import clips as many
from audioprompt.encoding import encoder as embeddings
from audioprompt.encoding.batching import LENT, TOGETHER
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.encoding.clips import embed_clips, features_of_clips
from audioprompt.encoding.encoder import EmbeddedClip, embed_clip, embed_prompts, embed_texts, pooled, silence
from audioprompt.encoding.keys import key_of
from audioprompt.encoding.recordings import BadRecordings
from audioprompt.models import registry, zero_gpu
from audioprompt.models.base import ModelError, PromptableText
from audioprompt.prompts.template import Template

RATE = 1000
PACKED = many._packed


WHEREVER = pytest.mark.parametrize(("device", "steady"), [("cpu", False), ("cpu", True), ("cuda:0", False)])


class CountingModel:
    """A linear model that remembers the batches it was given; windows of one second at 1 kHz."""

    text: PromptableText  # never asked for
    batch_invariant = False
    name, revision, device = "counting", "1", "cpu"
    sample_rate, window_seconds, dim, logit_scale = RATE, 1.0, 8, 10.0

    def __init__(self, fits: int = 1_000_000) -> None:
        self.audio_batches: list[int] = []
        self.texts: list[str] = []
        self.fits = fits
        self.matrix = torch.randn(RATE, self.dim, generator=torch.Generator().manual_seed(0))

    def embed_audio(self, windows: torch.Tensor) -> torch.Tensor:
        if len(windows) > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.audio_batches.append(len(windows))
        return self.project_audio(self.audio_features(windows))

    def audio_features(self, windows: torch.Tensor) -> torch.Tensor:
        return windows @ self.matrix

    def project_audio(self, features: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(features, dim=-1)

    def embed_text(self, texts: Sequence[str]) -> torch.Tensor:
        self.texts += texts
        codes = torch.tensor(
            [[float(sum(map(ord, text)) % (7 + place)) for place in range(self.dim)] for text in texts]
        )
        return torch.nn.functional.normalize(codes + 1, dim=-1)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Clips from half a second to forty seconds."""
    random = np.random.default_rng(0)
    paths = []
    for number, seconds in enumerate([0.5, 3.0, 40.0, 1.0, 2.5, 7.2, 0.9, 12.0]):
        paths.append(tmp_path / f"{number}.wav")
        soundfile.write(paths[-1], random.standard_normal(int(seconds * RATE)) * 0.1, RATE)
    return paths


def expected(model: CountingModel, path: Path) -> EmbeddedClip:
    """A clip encoded the plain way, a window at a time."""
    windows = list(stream_windows(path, model.sample_rate, model.window_seconds))
    vectors = [model.embed_audio(torch.from_numpy(window.samples)[None]).numpy() for window in windows]
    starts = np.asarray([window.start for window in windows], np.float32)
    return EmbeddedClip(starts, windows[-1].end, np.concatenate(vectors))


def assert_same(clip: EmbeddedClip, other: EmbeddedClip) -> None:
    np.testing.assert_array_equal(clip.starts, other.starts)
    np.testing.assert_allclose(clip.windows, other.windows, atol=1e-5)
    assert clip.seconds == other.seconds


@WHEREVER
def test_clips_come_out_in_order_whatever_shares_a_batch(files: list[Path], device: str, steady: bool) -> None:
    model = CountingModel()
    model.device, model.batch_invariant = device, steady
    clips = embed_clips(model, files)
    for clip, path in zip(clips, files, strict=True):
        assert_same(clip, expected(CountingModel(), path))
    assert pooled(clips).shape == (len(files), model.dim)
    np.testing.assert_allclose(np.linalg.norm(pooled(clips), axis=1), 1, atol=1e-5)


def test_a_gpu_gets_windows_of_several_clips_at_once(files: list[Path]) -> None:
    model = CountingModel()
    model.device = "cuda:0"
    short = [files[0]] * 32
    embed_clips(model, short)
    assert model.audio_batches == [16, 16]


def test_on_a_cpu_an_embedding_does_not_depend_on_its_neighbours(files: list[Path]) -> None:
    model = CountingModel()
    together = embed_clips(model, files)
    for clip, path in zip(together, files, strict=True):
        np.testing.assert_array_equal(clip.windows, embed_clip(model, path).windows)


def test_a_batch_invariant_model_hears_several_clips_at_once_on_all_cores(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    model, cache = CountingModel(), EmbeddingCache(tmp_path / "cache")
    model.batch_invariant = True
    seen: list[tuple[int, int]] = []
    some: list[AudioSource] = [files[0], (RATE, noise(0.7))] * 10
    clips = embed_clips(model, some, lambda done, total: seen.append((done, total)), cache)
    assert sum(model.audio_batches) == 20 and max(model.audio_batches) == 4 and len(model.audio_batches) <= 6
    assert seen == sorted(seen) and seen[-1] == (20, 20)
    for clip, source in zip(clips, some, strict=True):
        assert_same(clip, embed_clip(CountingModel(), source))
    features = features_of_clips(model, some)
    assert_same(clips[1], replace(clips[1], windows=model.project_audio(torch.from_numpy(features[1])).numpy()))


def test_what_was_encoded_on_all_cores_before_an_interruption_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    model, cache = CountingModel(), EmbeddingCache(tmp_path / "cache")
    model.batch_invariant = True
    some = [(RATE, noise(0.1 + number / 1000)) for number in range(300)]

    def enough(done: int, total: int) -> None:
        if done >= 150:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_clips(model, some, enough, cache)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("hear")]
    assert 150 <= sum(model.audio_batches) < 300
    embed_clips(model, some, cache=cache)
    assert sum(model.audio_batches) == 300, "each was encoded once"


def test_no_batch_is_larger_than_agreed(files: list[Path]) -> None:
    for device in ("cpu", "cuda:0"):
        model = CountingModel()
        model.device = device
        embed_clips(model, files)
        assert max(model.audio_batches) <= embeddings.WINDOWS_PER_BATCH


@pytest.mark.parametrize("fits", [1, 3, 5])
def test_a_batch_that_does_not_fit_is_halved(files: list[Path], fits: int) -> None:
    model = CountingModel(fits)
    assert_same(embed_clip(model, files[2]), expected(CountingModel(), files[2]))
    assert max(model.audio_batches) <= fits


def test_a_window_that_does_not_fit_is_said_in_words(files: list[Path]) -> None:
    with pytest.raises(ModelError, match=r"does not fit into the memory of cpu"):
        embed_clip(CountingModel(fits=0), files[0])


def broken_off(path: Path) -> Path:
    """A recording whose samples turn into no numbers towards its end."""
    samples = np.full(2 * BLOCK_FRAMES, 0.1, np.float32)
    samples[-RATE:] = np.nan
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    return path


def test_all_bad_clips_are_named_at_once_before_anything_is_encoded(files: list[Path], tmp_path: Path) -> None:
    bad = [tmp_path / f"bad {number}.wav" for number in range(12)]
    for path in bad:
        path.write_text("no sound")
    bad[0].write_bytes(b"")
    model = CountingModel()
    with pytest.raises(BadRecordings) as caught:
        embed_clips(model, [*bad[:6], *files, *bad[6:]])
    assert model.audio_batches == []
    assert list(caught.value.reasons) == [0, 1, 2, 3, 4, 5, 14, 15, 16, 17, 18, 19]
    text = str(caught.value)
    assert text.startswith(f"12 of 20 recordings cannot be used: {bad[0]} is empty; {bad[1]} holds no audio that can")
    assert "bad 9.wav" in text and "bad 10.wav" not in text and "; and 2 more." in text


@WHEREVER
def test_bad_clips_that_turn_out_on_the_way_are_named_and_the_others_stay_cached(
    files: list[Path], tmp_path: Path, device: str, steady: bool
) -> None:
    cache = EmbeddingCache(tmp_path / "cache")
    bad = [broken_off(tmp_path / "half.wav"), broken_off(tmp_path / "other half.wav")]
    model = CountingModel()
    model.device, model.batch_invariant = device, steady
    with pytest.raises(BadRecordings, match=r"2 of 10 recordings .*/half\.wav has samples .*/other half\.wav has"):
        embed_clips(model, [*files[:3], bad[0], *files[3:], bad[1]], cache=cache)
    model.audio_batches.clear()
    embed_clips(model, files, cache=cache)
    assert model.audio_batches == []


@pytest.mark.parametrize("cached", [True, False])
def test_labelled_clips_without_those_that_are_bad(files: list[Path], tmp_path: Path, cached: bool) -> None:
    (tmp_path / "no sound.wav").write_text("no sound")
    paths = (*files[:2], tmp_path / "no sound.wav", broken_off(tmp_path / "half.wav"), files[0])
    labels = ("owl", "dog", "owl", "owl", "owl")
    clips = LabelledClips(paths, labels, (1, 2, 3, 4, 5), root=tmp_path.parent)
    cache = EmbeddingCache(tmp_path / "cache") if cached else None
    with pytest.raises(BadRecordings, match=f"1 of 4 recordings cannot be used: {tmp_path.name}/no sound.wav holds"):
        embed_labelled(CountingModel(), clips, cache=cache)
    for _ in range(2):
        found, embedded = embed_labelled(CountingModel(), clips, cache=cache, skip_bad=True)
        assert found.paths == (files[0], files[1], files[0]) and found.folds == (1, 2, 5)
        assert [(one.name, one.label) for one in found.left_out] == [
            (f"{tmp_path.name}/no sound.wav", "owl"),
            (f"{tmp_path.name}/half.wav", "owl"),
        ]
        assert_same(embedded[2], expected(CountingModel(), files[0]))
    with pytest.raises(DataError, match="has no recording that can be used"):
        embed_labelled(CountingModel(), clips.take([2, 3]), skip_bad=True)


def test_what_is_cached_is_not_encoded_again(files: list[Path], tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path / "cache")
    first = embed_clips(CountingModel(), files[:5], cache=cache)
    model = CountingModel()
    seen: list[tuple[int, int]] = []
    again = embed_clips(model, files[:6], lambda done, total: seen.append((done, total)), cache)
    assert sum(model.audio_batches) == len(again[5].windows)  # the sixth alone
    assert seen == [(6, 6)]
    for clip, other in zip(first, again[:5], strict=True):
        np.testing.assert_array_equal(clip.windows, other.windows)
        np.testing.assert_array_equal(clip.starts, other.starts)
        assert clip.seconds == other.seconds


@pytest.mark.parametrize("change", [lambda entry: b"", lambda entry: entry[:-1], lambda entry: entry[:12]])
def test_a_broken_entry_is_encoded_anew(
    files: list[Path], tmp_path: Path, change: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, model = EmbeddingCache(tmp_path / "cache"), CountingModel()
    with monkeypatch.context() as patch:
        patch.setattr(many, "_packed", lambda clip: change(PACKED(clip)))
        (clip,) = embed_clips(model, files[:1], cache=cache)
    texts = embed_texts(model, ["rain"])
    cache.put({key_of(model, b"text", b"rain"): change(texts.tobytes())})
    for _ in range(2):
        (again,) = embed_clips(model, files[:1], cache=cache)
        np.testing.assert_array_equal(again.windows, clip.windows)
        np.testing.assert_array_equal(embed_texts(model, ["rain"], cache=cache), texts)
    assert len(model.audio_batches) == 2 and model.texts == ["rain", "rain"], "once anew, then from the cache"


def test_the_cache_knows_a_clip_by_content_not_by_name(files: list[Path], tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path / "cache")
    embed_clips(CountingModel(), [files[1]], cache=cache)
    renamed = files[1].rename(tmp_path / "renamed.wav")
    model = CountingModel()
    embed_clips(model, [renamed, renamed.read_bytes()], cache=cache)
    assert model.audio_batches == []
    soundfile.write(renamed, np.ones(RATE) * 0.1, RATE)
    embed_clips(model, [renamed], cache=cache)
    assert model.audio_batches == [1]


def test_what_changes_while_it_is_encoded_is_not_cached_as_what_it_was(files: list[Path], tmp_path: Path) -> None:
    first, second = files[1:3]

    class Meanwhile(EmbeddingCache):
        def get(self, keys: Iterable[str]) -> dict[str, bytes]:
            contents = first.read_bytes(), second.read_bytes()
            second.write_bytes(contents[0])
            first.write_bytes(contents[1])
            return super().get(keys)

    embed_clips(CountingModel(), [first, second], cache=Meanwhile(tmp_path / "cache"))
    cached = embed_clips(CountingModel(), [first, second], cache=EmbeddingCache(tmp_path / "cache"))
    for clip, other in zip(cached, embed_clips(CountingModel(), [first, second]), strict=True):
        np.testing.assert_array_equal(clip.windows, other.windows)


def test_what_was_cached_under_another_window_rule_is_not_used(files: list[Path], tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path / "cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("audioprompt.encoding.keys.READING", b"")  # as it was when padding was a window of its own
        embed_clips(CountingModel(), files[:1], cache=cache)
    model = CountingModel()
    embed_clips(model, files[:1], cache=cache)
    embed_clips(model, files[:1], cache=cache)
    assert model.audio_batches == [1], "once anew"


def test_padding_is_no_window_and_counts_as_length(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path / "cache")
    noise = np.random.default_rng(0).normal(0, 0.1, 2_014)
    for _ in range(2):
        (clip,) = embed_clips(CountingModel(), [(RATE, noise)], cache=cache)
        assert clip.starts.tolist() == [0, 1] and clip.seconds == 2.014


def test_silence_is_known_window_by_window_from_the_cache_too(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path / "cache")
    noise = np.random.default_rng(0).normal(0, 0.1, RATE)
    sounds = [np.concatenate([noise, np.zeros(2 * RATE)]), np.zeros(3 * RATE), np.tile(noise, 3)]
    for _ in range(2):
        clips = embed_clips(CountingModel(), [(RATE, sound) for sound in sounds], cache=cache)
        assert [clip.silent.tolist() for clip in clips] == [[False, True, True], [True] * 3, [False] * 3]
        assert [clip.is_silent for clip in clips] == [False, True, False]
        np.testing.assert_allclose(clips[0].pooled, clips[2].pooled, atol=1e-5)  # silence is left out of the mean
        assert silence(clips, ["a.wav", "b.wav", "c.wav"]) == "1 of 3 clips is silent: b.wav."
    (features,) = features_of_clips(CountingModel(), [(RATE, sounds[0])])
    assert len(features) == 1


def test_recordings_are_known_by_rate_type_and_samples(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path / "cache")
    samples = (np.random.default_rng(0).standard_normal(2000) * 1000).astype(np.int16)
    model = CountingModel()
    embed_clips(model, [(1000, samples)], cache=cache)
    embed_clips(model, [(1000, samples)], cache=cache)
    assert len(model.audio_batches) == 1
    embed_clips(model, [(2000, samples), (1000, samples.astype(np.int32))], cache=cache)
    assert len(model.audio_batches) == 3


@pytest.mark.parametrize("changed", ["name", "revision", "window_seconds"])
def test_another_model_or_windowing_shares_nothing(files: list[Path], tmp_path: Path, changed: str) -> None:
    cache = EmbeddingCache(tmp_path / "cache")
    embed_clips(CountingModel(), files[:1], cache=cache)
    embed_texts(CountingModel(), ["rain"], cache=cache)
    model = CountingModel()
    if changed == "window_seconds":
        model.window_seconds = 2.0
        model.matrix = model.matrix.repeat(2, 1)
    else:
        setattr(model, changed, "other")
    embed_clips(model, files[:1], cache=cache)
    embed_texts(model, ["rain"], cache=cache)
    assert model.audio_batches == [1]
    assert model.texts == ["rain"]


def test_features_before_the_projection_are_cached_beside_the_embeddings(files: list[Path], tmp_path: Path) -> None:
    cache, model = EmbeddingCache(tmp_path / "cache"), CountingModel()
    clips = embed_clips(model, files, cache=cache)
    features = features_of_clips(model, files, cache=cache)
    for clip, one in zip(clips, features, strict=True):
        np.testing.assert_allclose(model.project_audio(torch.from_numpy(one)), clip.windows, atol=1e-5)
    assert np.abs(features[0]).max() > 1, "not normalised, so not the embeddings"
    asked_again = CountingModel()
    asked_again.audio_features = None  # type: ignore[assignment,method-assign]
    for one, kept in zip(features, features_of_clips(asked_again, files, cache=cache), strict=True):
        np.testing.assert_array_equal(one, kept)


def test_each_text_is_encoded_once(tmp_path: Path) -> None:
    model = CountingModel()
    cache = EmbeddingCache(tmp_path / "cache")
    texts = ["rain", "a dog", "rain", "!", "", "🐕"]
    found = embed_texts(model, texts, cache=cache)
    assert sorted(model.texts) == sorted(set(texts))
    np.testing.assert_array_equal(found[0], found[2])
    for text, vector in zip(texts, found, strict=True):
        np.testing.assert_array_equal(vector, CountingModel().embed_text([text])[0].numpy())
    np.testing.assert_array_equal(embed_texts(model, texts, cache=cache), found)
    assert len(model.texts) == len(set(texts))


def test_prompts_are_templates_by_labels() -> None:
    model = CountingModel()
    templates = [Template.parse("a {}"), Template.parse("the sound of {}")]
    found = embed_prompts(model, templates, ["owl", "dog", "rain"])
    assert found.shape == (2, 3, model.dim)
    np.testing.assert_array_equal(found[0, 0], CountingModel().embed_text(["an owl"])[0].numpy())
    np.testing.assert_array_equal(found[1, 2], CountingModel().embed_text(["the sound of rain"])[0].numpy())


def test_a_long_clip_can_be_given_up_in_its_midst() -> None:
    told: list[tuple[int, int]] = []

    def enough(done: int, total: int) -> None:
        told.append((done, total))
        if len(told) == 3:
            raise InterruptedError

    model = CountingModel()
    with pytest.raises(InterruptedError):
        embed_clips(model, [(RATE, noise(1000.0))], enough)
    assert told == [(0, 1)] * 3 and sum(model.audio_batches) < 200


# --- what several want at once ----------------------------------------------------------------------------------------


class HeldModel(CountingModel):
    """One whose first pass lasts until it is let go."""

    def __init__(self, fits: int = 1_000_000) -> None:
        super().__init__(fits)
        self.at_it, self.go_on = Event(), Event()

    def embed_audio(self, windows: torch.Tensor) -> torch.Tensor:
        if not self.at_it.is_set():
            self.at_it.set()
            assert self.go_on.wait(600)
        return super().embed_audio(windows)


def embedded_at_once(model: HeldModel, seconds: Sequence[float]) -> list[EmbeddedClip | Exception]:
    """Clips that are wanted by as many people, all while the model is at the first of them."""

    def wanted(length: float) -> EmbeddedClip | Exception:
        try:
            return embed_clip(model, (RATE, noise(length)))
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(seconds)) as pool:
        first = pool.submit(wanted, seconds[0])
        assert model.at_it.wait(600)
        others = [pool.submit(wanted, length) for length in seconds[1:]]
        deadline = time.monotonic() + 60
        while len(TOGETHER._waiting) < len(others) and time.monotonic() < deadline:
            time.sleep(0.01)
        model.go_on.set()
        return [first.result(), *(other.result() for other in others)]


def noise(seconds: float) -> np.ndarray:
    return np.random.default_rng(round(1000 * seconds)).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)


def test_what_waits_is_embedded_in_one_pass() -> None:
    model, lengths = HeldModel(), [1.0, 0.9, 0.8, 0.7, 0.6, 0.5]
    found = embedded_at_once(model, lengths)
    assert model.audio_batches == [1, 4, 1], "as many as suit a processor, and then the rest"
    for length, clip in zip(lengths, found, strict=True):
        alone = embed_clip(CountingModel(), (RATE, noise(length)))
        assert isinstance(clip, EmbeddedClip) and np.allclose(clip.windows, alone.windows, atol=1e-5)


def test_each_is_told_when_there_is_no_memory_even_for_one() -> None:
    found = embedded_at_once(HeldModel(fits=0), [1.0, 0.9, 0.8])
    assert all(isinstance(error, ModelError) and "does not fit" in str(error) for error in found)
    assert not TOGETHER._waiting


def test_a_batch_that_does_not_fit_is_embedded_one_by_one() -> None:
    found = embedded_at_once(HeldModel(fits=1), [1.0, 0.9, 0.8, 0.7])
    assert all(isinstance(clip, EmbeddedClip) for clip in found)


def test_clips_of_several_people_are_heard_as_alone() -> None:
    model = registry.load("embedded")
    clips = [(16_000, noise(seconds)) for seconds in (5.0, 4.0, 9.0, 16.0, 1.0, 3.0)]
    alone = [embed_clip(model, clip) for clip in clips]
    with ThreadPoolExecutor(len(clips)) as pool:
        together = list(pool.map(partial(embed_clip, model), clips))
    for one, other in zip(alone, together, strict=True):
        assert np.abs(one.windows - other.windows).max() < 1e-5


def test_a_device_that_is_lent_is_not_shared() -> None:
    assert LENT == zero_gpu.DEVICE
