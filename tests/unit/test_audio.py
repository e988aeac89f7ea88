"""Every way a recording can arrive, and every way it can be broken."""

import doctest
import gzip
import hashlib
import io
import os
import random
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
import pytest
import soundfile
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from audioprompt.audio import files as audio
from audioprompt.audio.decode import is_silent, load, read, stream_windows
from audioprompt.audio.recording import AudioError
from audioprompt.audio.windows import windows

RATE = 48_000
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc or uses device files")


def tone(seconds: float = 1.5, rate: int = RATE, hertz: float = 440.0) -> np.ndarray:
    """A sine that swells, so that no two stretches of it are alike: [n]."""
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * (0.2 + time / (time[-1] + 1)) * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def stereo(seconds: float = 1.5, rate: int = RATE) -> np.ndarray:
    """Two channels that differ: [n, 2]."""
    return np.stack([tone(seconds, rate), tone(seconds, rate, hertz=1000.0)], axis=1)


def file_bytes(samples: np.ndarray, kind: str = "WAV", subtype: str | None = None, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


@cache
def container_bytes(kind: str, codec: str | None, video: str | None = None, seconds: float = 1.5) -> bytes:
    """Encode `stereo` (unless codec is None) and a picture (if video is given) with FFmpeg."""
    for encoder in filter(None, (codec, video)):
        try:
            av.codec.Codec(encoder, "w")
        except av.codec.codec.UnknownCodecError:
            pytest.skip(f"this build of PyAV cannot encode {encoder}")
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        tracks: list[tuple[Any, Any]] = []
        if video:
            picture: Any = container.add_stream(video, rate=10)
            picture.width, picture.height, picture.pix_fmt = 64, 64, "yuv420p"
            image = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 99, np.uint8), format="rgb24")
            image.pts = 0
            tracks.append((picture, image))
        if codec:
            sound: Any = container.add_stream(codec, rate=RATE)
            sound.layout = "stereo"
            frame = av.AudioFrame.from_ndarray(stereo(seconds).T.copy(), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = RATE, 0
            tracks.append((sound, frame))
        for track, frame in tracks:
            container.mux([*track.encode(frame), *track.encode(None)])
    return file.getvalue()


@cache
def recording(kind: str) -> bytes:
    """The same stereo tone in any of the formats below."""
    if kind in CONTAINERS:
        return container_bytes(*CONTAINERS[kind][0])
    return file_bytes(stereo(), *FILES[kind][0])


# Name: (how to write it, the largest difference from the tone that the format may make).
FILES: dict[str, tuple[tuple[str, str | None], float]] = {
    "8-bit.wav": (("WAV", "PCM_U8"), 1e-2),
    "16-bit.wav": (("WAV", "PCM_16"), 4e-5),
    "24-bit.wav": (("WAV", "PCM_24"), 2e-7),
    "32-bit.wav": (("WAV", "PCM_32"), 1e-7),
    "float.wav": (("WAV", "FLOAT"), 0.0),
    "double.wav": (("WAV", "DOUBLE"), 0.0),
    "extensible.wav": (("WAVEX", "PCM_16"), 4e-5),
    "16-bit.flac": (("FLAC", "PCM_16"), 4e-5),
    "24-bit.flac": (("FLAC", "PCM_24"), 2e-7),
    "16-bit.aiff": (("AIFF", "PCM_16"), 4e-5),
    "16-bit.caf": (("CAF", "PCM_16"), 4e-5),
    "16-bit.au": (("AU", "PCM_16"), 4e-5),
    "vorbis.ogg": (("OGG", "VORBIS"), 3e-2),
    "opus.ogg": (("OGG", "OPUS"), 3e-2),
    "sound.mp3": (("MP3", None), 3e-2),
}
CONTAINERS: dict[str, tuple[tuple[str, str, str | None], float]] = {
    "aac.m4a": (("ipod", "aac", None), 6e-2),
    "aac.mp4": (("mp4", "aac", None), 6e-2),
    "aac.mov": (("mov", "aac", None), 6e-2),
    "film.mp4": (("mp4", "aac", "mpeg4"), 6e-2),
    "opus.webm": (("webm", "libopus", None), 3e-2),
    "film.webm": (("webm", "libopus", "libvpx"), 3e-2),
    "flac.mkv": (("matroska", "flac", None), 4e-5),
    "pcm.mkv": (("matroska", "pcm_f64le", None), 0.0),
    "pcm.avi": (("avi", "pcm_u8", None), 1e-2),
    "opus.oga": (("ogg", "libopus", None), 3e-2),
}
EVERY_FORMAT = [*FILES, *CONTAINERS]


def test_the_example_in_the_docstring_runs() -> None:
    assert doctest.testmod(audio).failed == 0


# -- formats ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", EVERY_FORMAT)
def test_every_format_gives_the_mean_of_its_channels(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    tolerance = (FILES | CONTAINERS)[kind][1]
    heard, played = load(recording(kind), RATE), stereo().mean(axis=1)
    assert heard.dtype == np.float32 and heard.ndim == 1
    assert 0 <= len(heard) - len(played) < 1_024  # AAC ends on a whole frame
    inner = len(played) - 400  # Opus as libsndfile writes it lacks its last few milliseconds
    assert np.abs(heard[:inner] - played[:inner]).max() <= tolerance
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["16-bit.wav", "16-bit.flac", "vorbis.ogg", "sound.mp3", "aac.m4a"])
def test_a_path_bytes_and_files_are_the_same_recording(kind: str, tmp_path: Path) -> None:
    data = recording(kind)
    path = tmp_path / kind
    path.write_bytes(data)
    expected = load(data, RATE)
    with path.open("rb") as file:
        sources: list[Any] = [path, str(path), io.BytesIO(data), file, Pipe(data), Dribble(data)]
        for source in sources:
            np.testing.assert_array_equal(load(source, RATE), expected)


def test_content_counts_and_not_the_name(tmp_path: Path) -> None:
    data = recording("16-bit.wav")
    for name in ("sound.mp3", "sound.raw", "sound.vox", "sound", "sound.m4a", "concat:sound", "täst 🔊.wav"):
        path = tmp_path / name
        path.write_bytes(data)
        np.testing.assert_array_equal(load(path, RATE), load(data, RATE))


def test_raw_numbers_are_not_guessed_to_be_sound(tmp_path: Path) -> None:
    path = tmp_path / "numbers.vox"  # headerless by convention
    path.write_bytes(bytes(range(256)) * 40)
    with pytest.raises(AudioError, match=r"^numbers\.vox holds no audio"):
        load(path, RATE)


@pytest.mark.parametrize("rate", [1_000, 8_000, 11_025, 22_050, 44_100, 44_101, 96_000, 192_000, 768_000])
@pytest.mark.parametrize("wanted", [16_000, 44_100, 48_000])
def test_resampling_keeps_length_and_pitch(rate: int, wanted: int) -> None:
    heard = load((rate, tone(1.0, rate, hertz=200)), wanted)
    assert abs(len(heard) - wanted) <= 1
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    assert abs(spectrum.argmax() * wanted / len(heard) - 200) <= 1
    middle = slice(wanted // 4, 3 * wanted // 4)  # away from the ends, where a filter rings
    played = load((768_000, tone(1.0, 768_000, hertz=200)), wanted)
    assert np.abs(heard[middle] - played[: len(heard)][middle]).max() < 1e-3


@pytest.mark.parametrize("rate", [0, 1, 999, 768_001, 2**31 - 1])
def test_an_absurd_rate_is_refused(rate: int) -> None:
    with pytest.raises(AudioError, match=rf"^The recording claims a sample rate of {rate} Hz"):
        load((rate, tone()), RATE)


def test_an_absurd_rate_in_a_file_is_refused() -> None:
    with pytest.raises(AudioError, match=r"^slow\.wav claims a sample rate of 1 Hz, outside 1000 to 768000"):
        load(file_bytes(tone(), rate=1), RATE, name="slow.wav")
    header = bytearray(file_bytes(tone()))
    header[24:28] = bytes(4)  # 0 Hz
    with pytest.raises(AudioError, match=r"^The uploaded audio"):
        load(bytes(header), RATE)


# -- arrays ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stored, heard",
    [
        (np.array([0, 128, 255], np.uint8), [-1, 0, 127 / 128]),
        (np.array([-(2**15), 0, 2**14], np.int16), [-1, 0, 0.5]),
        (np.array([-(2**15), 0, 2**14], ">i2"), [-1, 0, 0.5]),
        (np.array([-(2**31), 0, 2**30], np.int32), [-1, 0, 0.5]),
        (np.array([-1, 0, 0.5], np.float16), [-1, 0, 0.5]),
        (np.array([-1, 0, 0.5], np.float32), [-1, 0, 0.5]),
        (np.array([-1, 0, 0.5], np.float64), [-1, 0, 0.5]),
        (np.array([-2.5, 0, 1.25], np.float64), [-1, 0, 0.5]),  # too loud: turned down
        (np.array([-(2**15), 0, 2**14], np.float32), [-1, 0, 0.5]),  # integers, stored as floats
        (np.array([-300, 0, 1], np.float32), [-300 / 2**15, 0, 1 / 2**15]),
        (np.array([-(2**23), 0, 2**22], np.float64), [-1, 0, 0.5]),
        (np.array([-(2**31), 0, 2**30], np.float64), [-1, 0, 0.5]),
        (np.array([-20_000.25, 0, 2**14], np.float64), [-20_000.25 / 2**15, 0, 0.5]),  # integers, resampled
        (np.array([-1e12, 0, 5e11], np.float64), [-1, 0, 0.5]),
    ],
)
def test_full_scale_is_one(stored: np.ndarray, heard: list[float]) -> None:
    np.testing.assert_array_equal(load((RATE, stored), RATE), np.array(heard, np.float32))


@given(hnp.arrays(np.int16, st.integers(1, 400)))
@settings(deadline=None)
def test_integers_and_their_floats_are_the_same_sound(samples: np.ndarray) -> None:
    np.testing.assert_array_equal(load((RATE, samples), RATE), load((RATE, samples / 32_768), RATE))
    np.testing.assert_array_equal(load((RATE, samples), RATE), load(file_bytes(samples, subtype="PCM_16"), RATE))


@given(hnp.arrays(np.float32, st.tuples(st.integers(65, 300), st.integers(1, 64)), elements=st.floats(-1, 1, width=32)))
@settings(max_examples=50, deadline=None)
def test_channels_are_averaged_whichever_axis_they_are_on(frames: np.ndarray) -> None:
    signal = frames.astype(np.float64)
    assume(signal.sum(axis=1).var() >= 0.51 * signal.var(axis=0).sum())  # of those that cancel one is heard
    heard = load((RATE, frames), RATE)
    np.testing.assert_allclose(heard, frames.mean(axis=1, dtype=np.float64), atol=1e-6)
    np.testing.assert_array_equal(load((RATE, frames.T), RATE), heard)
    np.testing.assert_array_equal(load((RATE, np.asfortranarray(frames)), RATE), heard)


@pytest.mark.parametrize("channels", [1, 2, 6, 32, 200])
def test_files_of_any_number_of_channels(channels: int) -> None:
    gains = np.linspace(0.1, 1, channels)
    frames = tone(0.2)[:, np.newaxis] * gains
    np.testing.assert_allclose(load(file_bytes(frames, subtype="FLOAT"), RATE), tone(0.2) * gains.mean(), atol=1e-6)


@pytest.mark.parametrize(
    "source, reason",
    [
        ((RATE, np.zeros(8, np.int64)), "has samples of type int64"),
        ((RATE, np.zeros(8, np.uint16)), "has samples of type uint16"),
        ((RATE, np.zeros(8, bool)), "has samples of type bool"),
        ((RATE, np.zeros(8, complex)), "has samples of type complex128"),
        ((RATE, np.array(["a", "b"])), "has samples of type <U1"),
        ((RATE, np.zeros((2, 3, 4))), r"has the shape \(2, 3, 4\)"),
        ((RATE, np.float32(1)), r"has the shape \(\)"),
        ((RATE, np.zeros((0,))), "holds no sound"),
        ((RATE, np.zeros((0, 2))), "holds no sound"),
        ((RATE, np.zeros((9, 0))), "holds no sound"),
        ((768_000, np.zeros(1)), "holds no sound"),  # not one sample at the rate wanted
        ((np.zeros(8), RATE), "is not a pair of sample rate and samples"),
        ((RATE,), "is not a pair of sample rate and samples"),
        ((RATE, [[1.0], [1.0, 2.0]]), "cannot be read"),
    ],
)
def test_arrays_that_are_no_sound(source: Any, reason: str) -> None:
    with pytest.raises(AudioError, match=f"^The recording {reason}"):
        load(source, 16_000)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("as_file", [False, True])
@pytest.mark.filterwarnings("error")
def test_samples_must_be_finite(value: float, as_file: bool) -> None:
    samples = np.zeros((5_000, 2))
    samples[4_321, 1] = value
    source: Any = file_bytes(samples, subtype="DOUBLE") if as_file else (RATE, samples)
    with pytest.raises(AudioError, match=r"^broken has samples that are infinite or not a number"):
        load(source, 16_000, name="broken")


@pytest.mark.filterwarnings("error")
def test_samples_must_stay_finite() -> None:
    """Next to the largest float, a resampler's overshoot would be infinite, and so would a sum of channels."""
    loudest = np.float32(3.4e38) * np.sign(tone(2.0, 8_000))
    for source in ((8_000, loudest), (16_000, np.stack([loudest, loudest]))):
        assert np.abs(load(source, 16_000)).max() == pytest.approx(1, abs=0.5)


def test_digital_silence_is_a_recording() -> None:
    heard = load(file_bytes(np.zeros(RATE)), 16_000)
    assert heard.shape == (16_000,) and not heard.any()


# -- channels that cancel, floats beyond full scale, silence -----------------------------------------------------------


NOISE = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)


@pytest.mark.parametrize(
    "frames",
    [
        np.stack([tone(), -tone()], axis=1),
        np.stack([0.9 * tone(), -tone()], axis=1)[:, ::-1],
        np.stack([tone(1.0), NOISE - tone(1.0)], axis=1)[:, ::-1] * [1.0, 1.2],
        np.stack([0.3 + tone(), 0.3 - 0.9 * tone()], axis=1),  # what the average would keep is an offset
        np.stack([tone(), -tone(), 0.5 * tone(), -0.5 * tone()], axis=1),
        np.concatenate([np.zeros((RATE, 2)), np.stack([tone(), -tone()], axis=1)]),  # late
    ],
)
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_of_channels_that_cancel_the_loudest_is_heard(frames: np.ndarray, subtype: str) -> None:
    loudest = int(np.argmax(frames.var(axis=0) > 0.99 * frames.var(axis=0).max()))  # the first of those alike
    for source in (file_bytes(frames, subtype=subtype), (RATE, frames)):
        heard = read(source, RATE)
        np.testing.assert_allclose(heard.samples, frames[:, loudest], atol=4e-5)
        (notice,) = heard.notices
        assert notice.startswith("Mixed together, its channels cancel each other out")
        assert f"only channel {loudest + 1} of {frames.shape[1]} was heard" in notice
        whole = windows(load(source, 16_000), 16_000, 0.3)
        told: list[str] = []
        for one, other in zip(stream_windows(source, 16_000, 0.3, say=told.append), whole, strict=True):
            np.testing.assert_array_equal(one.samples, other.samples)
        assert told == [notice]


@pytest.mark.parametrize(
    "frames",
    [
        stereo(),
        np.stack([tone(), tone()], axis=1),
        np.stack([tone(), np.zeros_like(tone())], axis=1),
        np.stack([tone(), -0.1 * tone()], axis=1),
        np.stack([tone(1.0), NOISE], axis=1),
        np.stack([NOISE + 0.3 * NOISE[::-1], NOISE[::-1] - 0.3 * NOISE], axis=1),
        np.zeros((RATE, 2)),
        np.stack([np.full(RATE, 0.5), np.full(RATE, -0.5)], axis=1),  # two offsets, no sound
    ],
)
def test_other_channels_are_averaged_without_a_word(frames: np.ndarray) -> None:
    heard = read((RATE, frames), RATE)
    np.testing.assert_allclose(heard.samples, frames.mean(axis=1), atol=1e-6)
    assert heard.notices == ()


@pytest.mark.parametrize(
    "factor, divisor, words",
    [
        (2**15, 2**15, "taken for 16-bit integers"),
        (2**23, 2**23, "taken for 24-bit integers"),
        (2**31, 2**31, "taken for 32-bit integers"),
        (5.0, None, "turned down to fit"),
        (1.5, None, "turned down to fit"),
    ],
)
@pytest.mark.parametrize("where", ["FLOAT", "DOUBLE", "array", "pcm.mkv"])
def test_floats_beyond_full_scale_are_turned_down(
    factor: float, divisor: float | None, words: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = stereo() / np.abs(stereo()).max()
    loud = quiet * factor
    if where == "pcm.mkv":
        monkeypatch.setitem(globals(), "stereo", lambda seconds: loud.astype(np.float32))
        source: Any = container_bytes.__wrapped__("matroska", "pcm_f64le")
    else:
        source = (RATE, loud) if where == "array" else file_bytes(loud, subtype=where)
    heard = read(source, RATE)
    np.testing.assert_allclose(heard.samples, loud.mean(axis=1) / (divisor or np.abs(loud).max()), atol=1e-6)
    (notice,) = heard.notices
    assert words in notice and "where 1 is full scale" in notice
    np.testing.assert_array_equal(load(source, 16_000), np.concatenate(list(chunks_of(source, 16_000))))


def chunks_of(source: Any, rate: int) -> Iterator[np.ndarray]:
    """A recording as windows of a millisecond, the last of which may overlap the one before."""
    at = 0
    for window in stream_windows(source, rate, 0.001):
        start = round(window.start * rate)
        yield window.samples[at - start :]
        at = start + len(window.samples)


def test_faint_integers_stored_as_floats_stay_faint() -> None:
    dither = np.random.default_rng(0).integers(-2, 3, RATE).astype(np.float32)
    assert is_silent(load(file_bytes(dither, subtype="FLOAT"), RATE))


def test_what_a_lossy_codec_overshoots_is_not_the_recordings_fault() -> None:
    clipped = np.sign(tone(hertz=100)).astype(np.float32)
    for kind, subtype in [("OGG", "VORBIS"), ("MP3", None)]:
        heard = read(file_bytes(clipped, kind, subtype), RATE)
        assert np.abs(heard.samples).max() > 1.01 and heard.notices == ()


def test_what_was_read_stays_as_it_is_and_keeps_its_notices() -> None:
    """A resampler overshoots, which is not to be mended once more."""
    first = read((8_000, 3 * np.sign(tone(1.0, 8_000)).astype(np.float64) + 0.5), 16_000)
    assert np.abs(first.samples).max() > 1.01 and len(first.notices) == 1
    again = read(first, 16_000)
    np.testing.assert_array_equal(again.samples, first.samples)
    assert again.notices == first.notices and again.name == first.name


@pytest.mark.parametrize("make", [np.zeros, np.ones, lambda n: np.random.default_rng(0).uniform(-6e-5, 6e-5, n)])
def test_silence_is_known(make: Callable[[int], np.ndarray]) -> None:
    assert is_silent(load((RATE, make(RATE)), 16_000)[200:-200])  # a resampler rings at the ends of an offset
    assert not is_silent(load((RATE, make(RATE) + 2e-3 * tone(1.0)), 16_000))


# -- recordings that were strung together ------------------------------------------------------------------------------


@pytest.mark.parametrize("subtype, tolerance", [("VORBIS", 0.05), ("OPUS", 0.05)])
@pytest.mark.parametrize("rate, channels", [(RATE, 2), (RATE, 1), (24_000, 2), (16_000, 1)])
@pytest.mark.slow
def test_a_chained_ogg_is_heard_to_its_end(subtype: str, tolerance: float, rate: int, channels: int) -> None:
    second = stereo(2.0, rate)[:, :channels]
    parts = [file_bytes(stereo(), "OGG", subtype), file_bytes(second, "OGG", subtype, rate), recording("vorbis.ogg")]
    heard, each = load(b"".join(parts), RATE), [load(part, RATE) for part in parts]
    assert len(heard) == sum(map(len, each))
    np.testing.assert_allclose(heard, np.concatenate(each), atol=1e-6)
    assert len(heard) / RATE == pytest.approx(5.0, abs=0.05)
    streamed = list(stream_windows(b"".join(parts), 16_000, 0.7))
    whole = windows(load(b"".join(parts), 16_000), 16_000, 0.7)
    for one, other in zip(streamed, whole, strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)


def test_a_chained_ogg_from_a_pipe_and_with_a_damaged_link() -> None:
    links = [recording("vorbis.ogg"), recording("opus.ogg"), recording("vorbis.ogg")]
    heard = load(b"".join(links), RATE)
    np.testing.assert_array_equal(load(Pipe(b"".join(links)), RATE), heard)  # type: ignore[arg-type]
    damaged = bytearray(links[1])
    damaged[28:36] = b"NotAHead"
    one = len(load(links[0], RATE))
    assert len(load(links[0] + bytes(damaged) + links[2], RATE)) == 2 * one
    longer = file_bytes(stereo(5.0), "OGG", "VORBIS")
    assert len(load(links[0] + longer[: len(longer) * 3 // 4], RATE)) > one + 2 * RATE


def test_strung_mp3s_of_two_rates_are_heard_to_the_end() -> None:
    parts = [recording("sound.mp3"), file_bytes(stereo(2.0, 24_000), "MP3", None, 24_000)]
    assert len(load(b"".join(parts), RATE)) / RATE == pytest.approx(3.5, abs=0.2)


# -- the window rule -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "samples, spans",
    [
        (1, [(0, 0.001)]),
        (1_500, [(0, 1.5)]),
        (2_000, [(0, 2)]),
        (2_014, [(0, 2)]),  # padding
        (2_199, [(0, 2)]),
        (2_200, [(0, 2), (0.2, 2.2)]),
        (4_199, [(0, 2), (2, 4)]),
        (3_000, [(0, 2), (1, 3)]),
        (4_000, [(0, 2), (2, 4)]),
        (5_500, [(0, 2), (2, 4), (3.5, 5.5)]),
    ],
)
def test_windows_of_two_seconds(samples: int, spans: list[tuple[float, float]]) -> None:
    found = windows(np.arange(samples, dtype=np.float32), sample_rate=1_000, window_seconds=2)
    assert [(window.start, window.end) for window in found] == spans
    assert [window.samples[0] for window in found] == [start * 1_000 for start, _ in spans]


@given(length=st.integers(1, 5_000), rate=st.integers(100, 2_000), seconds=st.floats(0.02, 3))
@settings(max_examples=200, deadline=None)
def test_windows_cover_the_clip_in_order(length: int, rate: int, seconds: float) -> None:
    clip = np.arange(1, length + 1, dtype=np.float32)  # each sample says where it is
    size = round(rate * seconds)
    found = windows(clip, rate, seconds)
    assert all(window.samples.shape == (size,) and window.samples.dtype == np.float32 for window in found)
    if length < size:
        assert len(found) == 1 and (found[0].start, found[0].end) == (0, length / rate)
        np.testing.assert_array_equal(found[0].samples, clip[np.arange(size) % length])
        return
    starts = [round(window.start * rate) for window in found]
    assert starts == sorted(set(starts)) and starts[0] == 0
    for window, start in zip(found, starts, strict=True):
        np.testing.assert_array_equal(window.samples, clip[start : start + size])
        assert window.end == pytest.approx(window.start + size / rate)
    assert all(start == size * index for index, start in enumerate(starts[:-1]))
    left_out = length - starts[-1] - size
    assert 0 <= left_out < max(0.1 * size, 1)
    assert [window.left_out for window in found] == [*[0.0] * (len(found) - 1), left_out / rate]


@given(hnp.arrays(np.float32, st.integers(1, 3_000), elements=st.floats(-1, 1, width=32)), st.data())
@settings(max_examples=40, deadline=None)
def test_blocks_of_any_size_give_the_same_samples(samples: np.ndarray, data: st.DataObject) -> None:
    rate, wanted = data.draw(st.sampled_from([(8_000, 8_000), (8_000, 11_025), (44_100, 48_000), (48_000, 16_000)]))
    source = file_bytes(samples, subtype="FLOAT", rate=rate)
    try:
        expected = load(source, wanted)
    except AudioError:
        assert len(samples) * wanted < rate  # nothing is left of it at that rate
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audio, "BLOCK_FRAMES", data.draw(st.integers(7, 4_000)))
        np.testing.assert_array_equal(load(source, wanted), expected)
        np.testing.assert_array_equal(load((rate, samples), wanted), expected)
        streamed = list(stream_windows(source, wanted, 0.05))
    for one, other in zip(streamed, windows(expected, wanted, 0.05), strict=True):
        assert (one.start, one.end) == (other.start, other.end)
        np.testing.assert_array_equal(one.samples, other.samples)


@pytest.mark.parametrize("size", [960, 4_096, 65_536])
@pytest.mark.parametrize("name", ["dog", "cough", "classical"])
def test_opus_has_no_gap_where_blocks_meet(name: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read from its start on, it is what FFmpeg's decoder makes of it, whatever is read at a time."""
    path = Path(__file__).parents[2] / "assets" / "examples" / f"{name}.ogg"
    with av.open(path) as file:
        expected = np.concatenate([frame.to_ndarray() for frame in file.decode(audio=0)], axis=1).mean(axis=0)
    monkeypatch.setattr(audio, "BLOCK_FRAMES", size)
    found = read(path).samples[: len(expected)]
    error = np.square(found - expected[: len(found)]).mean() / np.square(expected).mean()
    assert 10 * np.log10(error) < -40


@pytest.mark.parametrize("kind", EVERY_FORMAT)
@pytest.mark.parametrize("sample_rate, seconds", [(RATE, 0.4), (44_100, 0.5), (16_000, 7.0)])
@pytest.mark.slow
def test_streaming_gives_the_windows_of_the_whole(kind: str, sample_rate: int, seconds: float) -> None:
    whole = windows(load(recording(kind), sample_rate), sample_rate, seconds)
    streamed = list(stream_windows(recording(kind), sample_rate, seconds))
    assert [(window.start, window.end) for window in streamed] == [(window.start, window.end) for window in whole]
    for one, other in zip(streamed, whole, strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)


def test_windows_do_not_share_memory() -> None:
    clip = tone(1.0)
    found = [*windows(clip, RATE, 0.4), *stream_windows((RATE, clip), RATE, 0.4)]
    before = [window.samples.copy() for window in found]
    found[0].samples[:] = 9
    for window, samples in zip(found[1:], before[1:], strict=True):
        np.testing.assert_array_equal(window.samples, samples)


def test_a_window_may_be_written_to_while_the_next_is_read() -> None:
    expected = [window.samples for window in windows(tone(1.0), RATE, 0.4)]
    for window, samples in zip(stream_windows((RATE, tone(1.0)), RATE, 0.4), expected, strict=True):
        np.testing.assert_array_equal(window.samples, samples)
        window.samples[:] = 9


def test_windows_need_samples_and_a_length() -> None:
    with pytest.raises(AudioError, match="holds no sound"):
        windows(np.zeros(0, np.float32), RATE, 1.0)
    for seconds in (0, -1, 1e-9):
        with pytest.raises(ValueError, match="at least one sample"):
            windows(tone(), RATE, seconds)


# -- long recordings -------------------------------------------------------------------------------------------------


def test_a_recording_can_be_too_long() -> None:
    assert len(load((RATE, tone(2.0)), 44_100, max_seconds=2.0)) == 88_200
    with pytest.raises(AudioError, match=r"^talk\.wav is longer than 1\.9 seconds: cut it"):
        load((RATE, tone(2.0)), 44_100, name="talk.wav", max_seconds=1.9)


def test_the_first_seconds_alone() -> None:
    whole = load((RATE, tone(2.0)), 16_000)
    np.testing.assert_array_equal(read((RATE, tone(2.0)), 16_000, first_seconds=0.7).samples, whole[:11_200])
    np.testing.assert_array_equal(read((RATE, tone(2.0)), 16_000, first_seconds=7).samples, whole)
    assert read((8_000, tone(1.0, 8_000))).sample_rate == 8_000, "its own"


@pytest.mark.parametrize("limits", [{"max_seconds": 5.0}, {"first_seconds": 5.0}])
@pytest.mark.parametrize("frames", [np.zeros(600 * 8_000, np.int16), np.zeros((600 * 8_000, 2), np.float32)])
def test_no_more_is_read_than_may_be_kept(limits: dict[str, Any], frames: np.ndarray) -> None:
    subtype = "FLOAT" if frames.dtype.kind == "f" else None
    file = io.BytesIO(file_bytes(frames, rate=8_000, subtype=subtype))
    furthest = 0

    class Watched(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            nonlocal furthest
            data = super().read(size)
            furthest = max(furthest, self.tell())
            return data

    if "max_seconds" in limits:
        with pytest.raises(AudioError, match="longer than 5 seconds"):
            read(Watched(file.getvalue()), 8_000, **limits)
    else:
        assert len(read(Watched(file.getvalue()), 8_000, **limits).samples) == 5 * 8_000
    assert furthest < len(file.getvalue()) / 30


MEASURE = """
import re, sys
from pathlib import Path
from audioprompt.audio.decode import stream_windows

def peak():  # of this process alone, in MiB; resource's figure starts from the parent's
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

short, long, rate = sys.argv[1], sys.argv[2], int(sys.argv[3])
list(stream_windows(short, rate, 5))
before = peak()
end = max(window.end for window in stream_windows(long, rate, 5))
print(end, peak() - before)
"""


def stream_elsewhere(short: Path, long: Path, rate: int) -> tuple[float, float]:
    """Stream a short clip, then a long one, in a process of its own: its length, and the growth of memory in MiB."""
    command = [sys.executable, "-c", MEASURE, str(short), str(long), str(rate)]
    seconds, growth = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.split()
    return float(seconds), float(growth)


ROOT = Path(__file__).parents[2]


@linux_only
@pytest.mark.slow
def test_two_hours_take_no_more_memory_than_seconds(tmp_path: Path) -> None:
    short, long = tmp_path / "short.wav", tmp_path / "long.wav"
    minute = (np.random.default_rng(0).standard_normal(60 * 8_000) * 0.1).astype(np.float32)
    soundfile.write(short, minute[: 12 * 8_000], 8_000, subtype="PCM_U8")
    with soundfile.SoundFile(long, "w", 8_000, 1, "PCM_U8") as file:
        for _ in range(120):
            file.write(minute)
    seconds, growth = stream_elsewhere(short, long, 8_000)
    assert seconds == 7_200
    assert growth < 16  # MiB; the whole would take 220


@linux_only
@pytest.mark.slow
def test_a_long_container_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    short, long = tmp_path / "short.mkv", tmp_path / "long.mkv"
    short.write_bytes(container_bytes("matroska", "flac", seconds=12.0))
    long.write_bytes(container_bytes("matroska", "flac", seconds=240.0))
    seconds, growth = stream_elsewhere(short, long, 48_000)
    assert seconds == pytest.approx(240, abs=0.05)
    assert growth < 12  # MiB; the whole would take 44


def test_two_processes_hear_the_same(tmp_path: Path) -> None:
    script = (
        "import sys, hashlib; from audioprompt.audio.decode import load\n"
        "for path in sys.argv[1:]: print(hashlib.sha256(load(path, 44_100).tobytes()).hexdigest())"
    )
    paths = [tmp_path / kind for kind in ("vorbis.ogg", "sound.mp3", "aac.m4a", "opus.webm", "16-bit.flac")]
    for path in paths:
        path.write_bytes(recording(path.name))
    elsewhere = subprocess.run(
        [sys.executable, "-c", script, *map(str, paths)], check=True, capture_output=True, text=True, cwd=ROOT
    )
    here = [hashlib.sha256(load(path, 44_100).tobytes()).hexdigest() for path in paths]
    assert elsewhere.stdout.split() == here


# -- files -----------------------------------------------------------------------------------------------------------


class Pipe:
    """A source that can be read once and not seek, as a socket or a pipe."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(min(size, 1_000) if size >= 0 else size)


class Dribble(io.BytesIO):
    """A file object that gives less than it is asked for, as some may."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, 7))


class Unplugged(Dribble):
    """A medium that is taken away in the middle."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > 8_000:
            raise OSError(5, "Input/output error")
        return super().read(size)


class UnpluggedPipe(Unplugged):
    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize("kind", ["16-bit.wav", "aac.m4a"])
def test_a_file_is_read_from_its_start_and_left_as_it_was(kind: str) -> None:
    data = recording(kind)
    file = io.BytesIO(data)
    file.seek(77)
    np.testing.assert_array_equal(load(file, RATE), load(data, RATE))
    assert file.tell() == 77 and not file.closed
    stream = stream_windows(file, RATE, 0.1)
    next(stream)
    stream.close()  # type: ignore[attr-defined]  # given up halfway
    assert file.tell() == 77
    with pytest.raises(AudioError):
        load(file, RATE, max_seconds=0.1)
    assert file.tell() == 77


def test_a_file_may_be_closed_while_it_is_streamed() -> None:
    file = io.BytesIO(file_bytes(np.zeros(30 * RATE)))
    stream = stream_windows(file, RATE, 0.1)
    next(stream)
    file.close()
    with pytest.raises(AudioError, match=r"cannot be read \(I/O operation on closed file"):
        list(stream)


def test_a_compressed_or_zipped_file_object(tmp_path: Path) -> None:
    data = recording("16-bit.wav")
    expected = load(data, RATE)
    with gzip.open(tmp_path / "a.wav.gz", "wb") as packed:
        packed.write(data)
    with gzip.open(tmp_path / "a.wav.gz") as unpacked:
        np.testing.assert_array_equal(load(unpacked, RATE), expected)  # type: ignore[arg-type]
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.wav", data)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive, archive.open("a.wav") as member:
        np.testing.assert_array_equal(load(member, RATE), expected)  # type: ignore[arg-type]


@linux_only
@pytest.mark.parametrize("kind", ["16-bit.wav", "aac.m4a"])
def test_a_named_pipe(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=[recording(kind)])
    writer.start()
    np.testing.assert_array_equal(load(path, RATE), load(recording(kind), RATE))
    writer.join()


@pytest.mark.parametrize("broken", [Unplugged, UnpluggedPipe])
@pytest.mark.parametrize("kind", ["16-bit.wav", "16-bit.flac", "sound.mp3", "aac.m4a", "opus.webm"])
def test_a_read_that_fails_is_told(
    broken: Callable[[bytes], BinaryIO], kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AudioError, match=rf"^{kind} cannot be read \(.*Input/output error\)"):
        load(broken(recording(kind)), RATE, name=kind)
    assert capfd.readouterr() == ("", "")


def test_a_damaged_gzip_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.wav.gz"
    path.write_bytes(gzip.compress(recording("16-bit.wav"))[:5_000])
    with gzip.open(path) as file, pytest.raises(AudioError, match=r"^a\.wav\.gz cannot be read"):
        load(file, RATE)  # type: ignore[arg-type]
    assert capfd.readouterr() == ("", "")


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(AudioError, match=r"^secret\.wav cannot be read \(Permission denied\)"):
        load(tmp_path / "secret.wav", RATE)


# -- not a recording -------------------------------------------------------------------------------------------------


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "no sound here" * 100)
    return file.getvalue()


def image() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    "content, reason",
    [
        (lambda: b"", "is empty: record or choose another one."),
        (lambda: b"\0", "holds no audio that can be decoded: use a WAV"),
        (lambda: b"\xff", "holds no audio that can be decoded: use a WAV"),
        (lambda: b"This is a shopping list.\n" * 200, "holds no audio that can be decoded: use a WAV"),
        (lambda: bytes(10_000), "holds no audio that can be decoded: use a WAV"),
        (lambda: np.random.default_rng(1).bytes(10_000), "holds no audio that can be decoded: use a WAV"),
        (lambda: b"ID3\4\0\0\0\0\0\x10" + bytes(500), "holds no audio that can be decoded: use a WAV"),
        (lambda: b"\xff\xfb\x90\x64" + bytes(500), "holds no"),
        (zipped, "holds no audio that can be decoded: use a WAV"),
        (image, "holds no audio that can be decoded: use a WAV"),
        (lambda: file_bytes(np.zeros(0)), "holds no sound: record or choose another one."),
        (lambda: file_bytes(np.zeros(0), "OGG", "VORBIS"), "holds no sound: record or choose another one."),
        (lambda: file_bytes(np.zeros(0), "AIFF"), "holds no sound: record or choose another one."),
        (lambda: file_bytes(np.zeros(0), "AU"), "holds no"),
        (lambda: file_bytes(tone())[:40], "holds no"),
        (lambda: file_bytes(tone(), "FLAC")[:20], "holds no"),
        (lambda: recording("aac.m4a")[:20_000], "holds no audio that can be decoded: use a WAV"),  # index at the end
        (lambda: container_bytes("mp4", None, "mpeg4"), "has no audio track that can be decoded: use a WAV"),
        (lambda: recording("opus.webm").replace(b"A_OPUS", b"A_WHAT"), "has no audio track that can be decoded"),
    ],
)
def test_what_is_not_a_recording(
    content: Callable[[], bytes], reason: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = content()
    path = tmp_path / "clip.wav"
    path.write_bytes(data)
    with pytest.raises(AudioError, match=rf"^clip\.wav {reason}"):
        load(path, RATE)
    with pytest.raises(AudioError, match=rf"^The uploaded audio {reason}"):
        list(stream_windows(data, RATE, 1.0))
    with pytest.raises(AudioError, match=rf"^bark {reason}"):
        load(io.BytesIO(data), RATE, name="bark")
    assert capfd.readouterr() == ("", "")


def test_what_is_not_even_a_file(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    with text.open() as opened_as_text:
        for source, message in [
            (tmp_path / "gone.wav", r"^gone\.wav does not exist: check the path\."),
            (str(tmp_path / "no" / "such" / "gone.wav"), r"^gone\.wav does not exist"),
            (text / "inside.wav", r"^inside\.wav cannot be read \(Not a directory\)"),
            (tmp_path, rf"^{tmp_path.name} is a folder: give the path of one recording\."),
            ("", "^'' is a folder"),
            ("a" * 5_000 + ".wav", r"\.wav cannot be read \(File name too long\)"),
            ("nul\0byte.wav", "cannot be read"),
            ("https://example.org/sound.wav", r"^sound\.wav does not exist"),
            (None, "^The uploaded audio cannot be read from NoneType: give a path"),
            (44_100, "^The uploaded audio cannot be read from int: give a path"),
            (np.zeros(8), "^The uploaded audio cannot be read from ndarray: give a path"),
            (opened_as_text, r"^notes\.txt cannot be read from TextIOWrapper: .*binary mode"),
        ]:
            with pytest.raises(AudioError, match=message):
                load(source, RATE)  # type: ignore[arg-type]


@linux_only
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_not_a_recording(device: str) -> None:
    with pytest.raises(AudioError, match=rf"^{Path(device).name} is a device, not a recording"):
        load(device, RATE)


@linux_only
def test_a_file_whose_reads_fail(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AudioError, match=r"^mem cannot be read \(.*Input/output error\)"):
        load("/proc/self/mem", RATE)
    assert capfd.readouterr() == ("", "")


def test_an_uploaded_playlist_opens_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("secret.wav").write_bytes(recording("16-bit.wav"))
    edit_list = b"ffconcat version 1.0\nfile secret.wav\n"
    with av.open(io.BytesIO(edit_list)) as unguarded:  # what FFmpeg does when it is let
        assert unguarded.streams.audio
    for script in (edit_list, b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nsecret.wav\n#EXT-X-ENDLIST\n"):
        with pytest.raises(AudioError, match="holds no audio that can be decoded"):
            load(script, RATE)


# -- damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind, share",
    [
        ("16-bit.wav", 0.55),
        ("float.wav", 0.55),
        ("16-bit.aiff", 0.55),
        ("16-bit.flac", 0.4),
        ("16-bit.caf", 0.55),
        ("vorbis.ogg", 0.2),
        ("opus.ogg", 0.2),
        ("sound.mp3", 0.5),
        ("opus.webm", 0.5),
        ("opus.oga", 0.2),
    ],
)
def test_of_a_truncated_recording_the_rest_is_heard(
    kind: str, share: float, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """`share`: how much of the clip must at least be found in six tenths of its bytes."""
    how, seconds = (FILES | CONTAINERS)[kind][0], 5.0  # a page of Ogg holds a second
    data = container_bytes(*how, seconds=seconds) if kind in CONTAINERS else file_bytes(stereo(seconds), *how)
    whole, part = load(data, RATE), load(data[: len(data) * 6 // 10], RATE)
    assert share * len(whole) < len(part) < len(whole)
    common = len(part) - 1_024  # a lossy codec's last frame may lack its neighbour
    np.testing.assert_array_equal(part[:common], whole[:common])
    path = (
        tmp_path / "recording.wav"
    )  # on a disk, where decoders read by themselves, and under a name that says nothing
    for size, same in ((len(data), whole), (len(data) * 6 // 10, part)):
        path.write_bytes(data[:size])
        np.testing.assert_array_equal(load(path, RATE), same)
    assert capfd.readouterr() == ("", "")


def test_a_disk_that_fails_is_no_damaged_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """libsndfile, which reads by itself, stops in the same way at both."""
    path = tmp_path / "noise.flac"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 20 * RATE), RATE)
    path.write_bytes(path.read_bytes()[:-100_000])
    assert len(load(path, RATE)) > RATE
    read = audio._Reader.read

    def failing(self: Any, size: int = 2**20) -> bytes:
        if self._file.tell() > 10_000:
            self._failure = OSError(5, "Input/output error")
            return b""
        return read(self, size)

    monkeypatch.setattr(audio._Reader, "read", failing)
    with pytest.raises(AudioError, match=r"cannot be read .*Input/output error"):
        load(path, RATE)


def test_a_header_that_never_learnt_its_length() -> None:
    data = bytearray(recording("16-bit.wav"))
    for size in (b"\0\0\0\0", b"\xff\xff\xff\xff"):  # a recorder that crashed, a WAV written to a pipe
        data[4:8] = data[40:44] = size
        np.testing.assert_array_equal(load(bytes(data), RATE), load(recording("16-bit.wav"), RATE))


def test_one_damaged_packet_does_not_end_a_recording() -> None:
    data = bytearray(recording("aac.m4a"))
    whole = load(bytes(data), RATE)
    middle = len(data) // 2
    data[middle : middle + 200] = bytes(200)
    with av.open(io.BytesIO(data), "r") as container, pytest.raises(av.FFmpegError):
        list(container.decode(audio=0))
    assert len(load(bytes(data), RATE)) > 0.95 * len(whole)


def test_a_title_that_is_not_unicode_harms_nothing() -> None:
    data = recording("opus.webm")
    assert b"Lavf" in data  # the name of the writing program, kept as text
    np.testing.assert_array_equal(load(data.replace(b"Lavf", b"\xff\xfe\xfd\xfc"), RATE), load(data, RATE))


def damaged(rng: random.Random) -> bytes:
    """A recording with a few bytes changed, cut out or repeated."""
    data = bytearray(recording(rng.choice(EVERY_FORMAT)))
    for _ in range(rng.randint(1, 12)):
        at = rng.randrange(min(len(data), rng.choice([64, 512, len(data)])))
        match rng.randrange(3):
            case 0:
                data[at : at + 4] = rng.randbytes(4)
            case 1:
                del data[at : at + rng.randint(1, 64)]
            case 2:
                data[at:at] = data[at : at + rng.randint(1, 64)]
    return bytes(data)


def sound_or_error(data: bytes) -> bool:
    try:
        heard = load(data, 16_000, max_seconds=60)
    except AudioError as error:
        assert str(error).startswith("The uploaded audio ") and "\n" not in str(error)
        return False
    assert heard.dtype == np.float32 and len(heard) and np.isfinite(heard).all()
    return True


@pytest.mark.slow
def test_damage_ends_in_sound_or_an_error_and_in_silence_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    outcomes = [sound_or_error(damaged(random.Random(seed))) for seed in range(250)]
    assert any(outcomes) and not all(outcomes)
    assert capfd.readouterr() == ("", "")


@given(st.binary(max_size=4_000))
@settings(max_examples=150, deadline=10_000)
def test_no_bytes_do_anything_else(data: bytes) -> None:
    sound_or_error(data)


@given(
    st.sampled_from(
        [b"RIFF", b"fLaC", b"OggS", b"ID3", b"\xff\xfb\x90", b"FORM", b"\x1aE\xdf\xa3", b"\0\0\0\x18ftypM4A "]
    ),
    st.binary(max_size=2_000),
)
@settings(max_examples=150, deadline=10_000)
def test_no_bytes_after_a_familiar_start_do_either(start: bytes, data: bytes) -> None:
    sound_or_error(start + data)
