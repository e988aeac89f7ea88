"""Every way a recording can arrive, turned into mono float32 at a model's rate and cut into windows.

A recording is a path, a file object, the bytes of a file, or a pair ``(rate, samples)`` as a microphone gives it.
Whatever it was, what comes out depends on its bytes alone: nothing is random, nothing depends on the file's name
or on the size of the blocks it is read in.

>>> import numpy as np
>>> seconds = np.arange(3 * 8_000) / 8_000
>>> hum = (0.5 * np.sin(2 * np.pi * 100 * seconds)).astype(np.float32)
>>> stereo = np.stack([hum, np.zeros_like(hum)], axis=1)
>>> load((8_000, stereo), sample_rate=16_000).shape
(48000,)
>>> [(window.start, window.end) for window in stream_windows((8_000, stereo), 16_000, window_seconds=2)]
[(0.0, 2.0), (1.0, 3.0)]

Formats: libsndfile reads WAV (8 to 64 bits), FLAC, Ogg Vorbis, Opus, AIFF and their kin; FFmpeg reads MP3 and what
comes in a container: M4A, MP4, WebM, Matroska, AAC and more. A damaged or truncated recording yields what can be
decoded of it; digital silence is a recording like any other and yields zeros. Everything else is an `AudioError` that
names the recording and says what to do.

Channels are averaged, unless they cancel each other: then the loudest of them is heard. Floats beyond full scale are
turned down to it. Whoever names what is heard tells people of both, in the sentences that ``say`` is given.
"""

import io
import os
import shutil
import stat
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from math import isfinite
from numbers import Real
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import av
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from audioprompt.errors import AudiopromptError
from audioprompt.util.text import one_line

Samples = NDArray[np.float32]  # mono, [n]
Say = Callable[[str], object]  # is told a sentence about a recording that people should know

LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000  # Hz; anything outside is a broken header
SLACK_SECONDS = 0.001  # a remainder this short is resampling's rounding, not sound that was left out
LEAST_OF_A_WINDOW = 0.1  # what is left over at the end and is shorter gets no window of its own
BLOCK_FRAMES = 4_096  # read at a time; a block in which libsndfile meets damage is lost as a whole
MOST_CHANNELS_FIRST = 64  # an array with more rows than this is never taken for [channels, n]

# Where the average of channels keeps less than this share of what it would keep of unrelated ones, they cancel.
LEAST_KEPT = 0.5
ALIKE = 0.99  # of the loudest channel's power is as loud
LOOK_SECONDS = 600.0  # of a recording: how far it is looked through for channels that cancel and for its peak
FULL_SCALE = 1.001  # rounding is not beyond full scale
LOUDEST_FLOAT = 16.0  # no mix of floats goes so far beyond full scale: these are integers
INTEGER_BITS = (16, 24, 32)
SILENCE = 1e-4  # half of the way from the lowest to the highest sample: -80 dB, as much as dither makes of 16 bits
SHORTEST_SECONDS = 0.1  # what is shorter holds too little to be named

# Silence and full scale of integer samples, by dtype kind and bytes.
INTEGER_SCALES = {("u", 1): (2.0**7, 2.0**7), ("i", 2): (0.0, 2.0**15), ("i", 4): (0.0, 2.0**31)}

# The formats FFmpeg may recognise. Playlists and edit lists (hls, concat, dash, ...) stay out: an uploaded one could
# make it open other files and addresses.
CONTAINERS = "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,flac,flv,matroska,mov,mp3,mpegts,ogg,tta,w64,wav,wv"
USE_INSTEAD = "use a WAV, FLAC, Ogg, MP3, M4A or WebM recording"


class AudioError(AudiopromptError, ValueError):
    """A recording cannot be used; the message names it, gives the reason and says what to do."""


class NoSound(AudioError):
    """A recording is in order but holds not a single sample."""


@dataclass(frozen=True, eq=False)
class Recording:
    """A recording that has been read, as `read` gives it. Read again it stays as it is.

    Attributes:
        sample_rate: in Hz.
        samples: mono, ``[n]``.
        name: what to call it in an error.
        notices: what people should know of it, a sentence each.
    """

    sample_rate: int
    samples: Samples
    name: str = "The recording"
    notices: tuple[str, ...] = ()


AudioSource = str | os.PathLike[str] | bytes | BinaryIO | tuple[float, np.ndarray] | Recording


@dataclass(frozen=True)
class Window:
    """One stretch of a clip, as long as the model hears at once.

    Attributes:
        start: where it begins in the clip, in seconds.
        end: where it ends in the clip, in seconds; the clip's own end if the clip had to be repeated.
        samples: mono, ``[sample_rate * window_seconds]``, always of exactly that length.
        left_out: seconds of the clip behind its last window, too few for one of their own.
    """

    start: float
    end: float
    samples: Samples
    left_out: float = 0.0


def read(
    source: AudioSource,
    sample_rate: int | None = None,
    *,
    name: str | None = None,
    max_seconds: float | None = None,
    first_seconds: float | None = None,
) -> Recording:
    """Read a recording into memory.

    A file object is read from its start and gets its position back; one that cannot seek is read to its end.

    Args:
        source: a path, a file object opened in binary mode, the bytes of a file, or ``(rate, samples)`` with
            ``samples`` ``[n]``, ``[n, channels]`` or ``[channels, n]``; uint8, int16 and int32 are scaled to [-1, 1],
            and so are floats beyond that.
        sample_rate: the rate wanted, in Hz; by default the recording's own.
        name: what to call the recording in an error; by default the file's own name.
        max_seconds: refuse a longer recording, before more of it is held in memory.
        first_seconds: read no further than this.

    Raises:
        AudioError: the recording cannot be read, holds no sound or a sample that is not finite, or is too long.
    """
    name = name_of(source, name)
    notices: list[str] = []
    chunks: list[Samples] = []
    rate, length = 0, 0
    needed = min((limit for limit in (max_seconds, first_seconds) if limit is not None), default=LOOK_SECONDS)
    with closing(_stream(source, sample_rate, name, notices.append, needed)) as stream:
        for rate, chunk in stream:
            chunks.append(chunk)
            length += len(chunk)
            if first_seconds is not None and length >= first_seconds * rate:
                break
            if max_seconds is not None and length > (max_seconds + SLACK_SECONDS) * rate:
                raise AudioError(f"{name} is longer than {max_seconds:g} seconds: cut it into shorter recordings.")
    samples = np.concatenate(chunks)
    if first_seconds is not None:
        samples = samples[: round(first_seconds * rate)]
    return Recording(rate, samples, name, tuple(notices))


def load(
    source: AudioSource, sample_rate: int, *, name: str | None = None, max_seconds: float | None = None
) -> Samples:
    """The samples of a whole recording, mono, ``[n]``, at ``sample_rate`` Hz: as `read` does it.

    Raises:
        AudioError: as `read`.
    """
    return read(source, sample_rate, name=name, max_seconds=max_seconds).samples


def is_silent(samples: Samples) -> bool:
    """Whether there is nothing to hear: zeros, any other constant, or the faintest noise of 16 bits; ``[n]``."""
    return float(samples.max()) - float(samples.min()) < 2 * SILENCE


def windows(samples: Samples, sample_rate: int, window_seconds: float) -> list[Window]:
    """Cut a clip into windows, by rule and never at random.

    A clip shorter than one window is repeated until the window is full, as CLAP was trained. A longer one gives
    consecutive windows and, if at least a tenth of a window is left over, one last window that ends where the clip
    ends and so overlaps the one before.

    Args:
        samples: mono, ``[n]``.
        sample_rate: of ``samples``, in Hz.
        window_seconds: the length of every window.

    Raises:
        AudioError: there are no samples.
    """
    if len(samples) == 0:
        raise AudioError("The recording holds no sound: record or choose another one.")
    return list(_cut([np.asarray(samples, np.float32)], sample_rate, window_seconds))


def stream_windows(
    source: AudioSource,
    sample_rate: int,
    window_seconds: float,
    *,
    name: str | None = None,
    say: Say | None = None,
) -> Iterator[Window]:
    """Read a recording of any length window by window, holding no more than two windows at a time.

    The windows are those of ``windows(load(source, sample_rate), sample_rate, window_seconds)``, bit for bit.

    Args:
        source: as `read` takes it.
        sample_rate: of the windows, in Hz.
        window_seconds: the length of every window.
        name: what to call the recording in an error.
        say: told what people should know of the recording, before the first window.

    Raises:
        AudioError: as `read`; windows before the trouble have been given by then.
    """
    with closing(_stream(source, sample_rate, name_of(source, name), say)) as stream:
        yield from _cut((chunk for _, chunk in stream), sample_rate, window_seconds)


def _cut(chunks: Iterable[Samples], sample_rate: int, window_seconds: float) -> Iterator[Window]:
    """The window rule, on a clip that comes in chunks. Each window waits for the next, for it may turn out the last."""
    size = round(sample_rate * window_seconds)
    if size < 1:
        raise ValueError(f"a window needs at least one sample, got {window_seconds} s at {sample_rate} Hz")
    start = filled = 0  # samples: where the window being filled begins, and how much of it there is
    window = np.empty(size, np.float32)
    full: Samples | None = None  # the window before it

    def given() -> Iterator[Window]:
        if full is not None:
            yield Window((start - size) / sample_rate, start / sample_rate, full)

    try:
        for chunk in chunks:
            while len(chunk):
                part = chunk[: size - filled]
                window[filled : filled + len(part)] = part
                filled, chunk = filled + len(part), chunk[len(part) :]
                if filled == size:
                    yield from given()
                    full, window, start, filled = window, np.empty(size, np.float32), start + size, 0
    except AudioError:
        yield from given()
        raise
    end = (start + filled) / sample_rate
    if full is None:
        yield Window(0.0, end, np.resize(window[:filled], size))  # np.resize repeats
    elif filled < LEAST_OF_A_WINDOW * size:
        yield Window((start - size) / sample_rate, start / sample_rate, full, filled / sample_rate)
    else:
        last = np.concatenate([full[filled:], window[:filled]])  # before the caller writes into the one it is given
        yield from given()
        yield Window((start + filled - size) / sample_rate, end, last)


# --- from blocks as they are stored to mono ---------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Block:
    """Some frames of a recording as they were stored.

    Attributes:
        rate: in Hz.
        frames: ``[n, channels]``.
        floats: whether they were stored as floats, so that they can lie beyond full scale; what a lossy codec
            overshoots is no mistake of whoever wrote the file.
    """

    rate: int
    frames: NDArray[Any]
    floats: bool = False


@dataclass(frozen=True)
class _Mending:
    """What has to be done so that a recording can be heard.

    Attributes:
        divisor: of all samples.
        channels: which channel to hear in place of the average, by the number of channels where they cancel.
        notices: what people should know of it, a sentence each.
    """

    divisor: float = 1.0
    channels: Mapping[int, int] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def _stream(
    source: AudioSource, sample_rate: int | None, name: str, say: Say | None = None, needed: float = LOOK_SECONDS
) -> Generator[tuple[int, Samples], None, None]:
    """Decode, mend, mix, check and resample: yields (rate, chunk), never of an empty clip; ``needed`` is in seconds."""
    rate: int | None = None
    length, resampler = 0, None
    with _opened(source, name) as opened:
        mending = _looked_through(opened, name, min(needed, LOOK_SECONDS))
        for notice in mending.notices:
            if say:
                say(notice)
        for block in _blocks(opened, name):
            if block.rate != rate:  # at the start, and where recordings were strung together
                if not LOWEST_RATE <= block.rate <= HIGHEST_RATE:
                    raise AudioError(
                        f"{name} claims a sample rate of {block.rate} Hz, outside {LOWEST_RATE} to {HIGHEST_RATE}: "
                        "save it again at its true rate."
                    )
                sample_rate = sample_rate or block.rate
                if resampler:
                    yield sample_rate, _finite(resampler.resample_chunk(_NO_SAMPLES, last=True), name)
                rate = block.rate
                # Streaming for short clips too: whole and piecewise reading then agree to the last bit.
                resampler = soxr.ResampleStream(rate, sample_rate, 1, dtype="float32")
            assert resampler and sample_rate  # there is a rate by now
            chunk = _finite(resampler.resample_chunk(_mono(block, mending, name)), name)
            length += len(chunk)
            yield sample_rate, chunk
    if resampler and sample_rate:
        rest = _finite(resampler.resample_chunk(_NO_SAMPLES, last=True), name)
        length += len(rest)
        yield sample_rate, rest
    if not length:
        raise NoSound(f"{name} holds no sound: record or choose another one.")


_NO_SAMPLES = np.empty(0, np.float32)


def _looked_through(opened: Any, name: str, seconds: float) -> _Mending:
    """Whether channels cancel and floats lie beyond full scale: what only the whole tells, and that is read once more.

    Of a mono recording that is not made of floats one block is read. What cannot be read is told by who reads it next.
    """
    if isinstance(opened, Recording):
        return _Mending(notices=opened.notices)
    products: dict[int, tuple[int, NDArray[np.float64], NDArray[np.float64]]] = {}  # n, sums and products of channels
    peak, whole, so_far = 0.0, True, 0.0
    instead: dict[int, int] = {}
    with np.errstate(over="ignore", invalid="ignore"):
        with suppress(AudioError), closing(_blocks(opened, name)) as blocks:
            for block in blocks:
                channels = block.frames.shape[1]
                if (channels == 1 and not block.floats) or so_far > seconds or block.rate < LOWEST_RATE:
                    break
                so_far += len(block.frames) / block.rate
                frames = _scaled(block, name).astype(np.float64)
                if block.floats:
                    peak = max(peak, float(np.abs(frames).max(initial=0)))
                    whole = whole and not (frames % 1).any()
                if channels > 1:
                    n, sums, squares = products.get(channels, (0, np.zeros(channels), np.zeros((channels, channels))))
                    products[channels] = n + len(frames), sums + frames.sum(axis=0), squares + frames.T @ frames
        for channels, (n, sums, squares) in products.items():
            if (loudest := _instead_of_the_average(squares - np.outer(sums, sums) / n)) is not None:
                instead[channels] = loudest
    divisor, words = _divisor(peak, whole)
    cancelled = [
        f"Mixed together, its channels cancel each other out: only channel {channel + 1} of {channels} was heard."
        for channels, channel in instead.items()
    ]
    return _Mending(divisor, instead, (*words, *cancelled))


def _instead_of_the_average(covariance: NDArray[np.float64]) -> int | None:
    """The loudest channel, if the average of all loses what they hold; ``[channels, channels]``."""
    powers = covariance.diagonal()
    # the power of the sum: as much as the powers' sum where channels are unrelated, and more where they are alike
    if not covariance.sum() < LEAST_KEPT * powers.sum():
        return None
    return int(np.argmax(powers > ALIKE * powers.max()))  # the first of those about as loud


def _divisor(peak: float, whole: bool) -> tuple[float, list[str]]:
    """What to divide floats by, and why: ``whole`` is whether all are whole numbers."""
    if not FULL_SCALE < peak < np.inf:
        return 1.0, []
    if (whole and peak >= 2) or peak > LOUDEST_FLOAT:
        slack = 1.0 if whole else 1.25  # what came of resampling
        for bits in INTEGER_BITS:
            if peak <= slack * 2 ** (bits - 1):
                found = f"Its samples reach {peak:,.0f} where 1 is full scale: they were taken for {bits}-bit integers."
                return 2.0 ** (bits - 1), [found]
    return peak, [f"Its samples reach {peak:.3g} where 1 is full scale: it was turned down to fit."]


def _scaled(block: Block, name: str) -> NDArray[np.float32]:
    """Full scale of integers to [-1, 1]: ``[n, channels]`` float32."""
    kind, width = block.frames.dtype.kind, block.frames.dtype.itemsize
    if kind != "f" and (kind, width) not in INTEGER_SCALES:
        raise AudioError(f"{name} has samples of type {block.frames.dtype}: give int16, int32, uint8 or floats.")
    frames = np.ascontiguousarray(block.frames, np.float32)
    if kind == "f":
        return frames
    silence, full_scale = INTEGER_SCALES[kind, width]
    return (frames - np.float32(silence)) / np.float32(full_scale)


def _mono(block: Block, mending: _Mending, name: str) -> Samples:
    """Full scale to [-1, 1] and the mean over the channels, or the one to hear: ``[n, channels]`` -> ``[n]``."""
    with np.errstate(over="ignore", invalid="ignore"):  # what this makes infinite or NaN is reported next
        frames = _scaled(block, name)
        if block.floats and mending.divisor != 1:
            frames = frames / np.float32(mending.divisor)
        if frames.shape[1] == 1:
            return _finite(frames[:, 0], name)
        channel = mending.channels.get(frames.shape[1])
        if channel is None:
            return _finite(frames.mean(axis=1), name)
        return _finite(frames, name)[:, channel]


def _finite(samples: Samples, name: str) -> Samples:
    if not np.isfinite(samples).all():
        raise AudioError(f"{name} has samples that are infinite or not a number: export it again.")
    return samples


# --- sources ----------------------------------------------------------------------------------------------------------


def name_of(source: AudioSource, name: str | None) -> str:
    """What to call a recording, by the name it was given or its own, in one line."""
    if isinstance(source, Recording):
        return source.name
    if not name and isinstance(source, tuple):
        return "The recording"
    path = name or (source if isinstance(source, (str, os.PathLike)) else getattr(source, "name", None))
    if isinstance(path, (str, os.PathLike)):
        return one_line(name or Path(path).name) or f"{str(path)!r}"
    return "The uploaded audio"


def _blocks(opened: "Recording | tuple[int, np.ndarray] | _Reader", name: str) -> Generator[Block, None, None]:
    """The frames of any opened source as they were stored, block by block, from its start."""
    with _in_words(name):
        if isinstance(opened, Recording):
            yield from _blocks_of_array((opened.sample_rate, opened.samples), name)
        elif isinstance(opened, tuple):
            yield from _blocks_of_array(opened, name)
        else:
            yield from _blocks_of_file(opened, name)


@contextmanager
def _in_words(name: str) -> Iterator[None]:
    """Say why a recording cannot be read."""
    try:
        yield
    except AudioError:
        raise
    except FileNotFoundError:
        raise AudioError(f"{name} does not exist: check the path.") from None
    except IsADirectoryError:
        raise AudioError(f"{name} is a folder: give the path of one recording.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AudioError(f"{name} cannot be read ({reason}): check that it is there and may be read.") from error


def _blocks_of_array(source: tuple[int, np.ndarray], name: str) -> Iterator[Block]:
    if len(source) != 2 or not isinstance(source[0], Real) or not isfinite(source[0]):
        raise AudioError(f"{name} is not a pair of sample rate and samples: give (44100, samples).")
    if source[0] != int(source[0]):
        raise AudioError(f"{name} has a sample rate of {source[0]} Hz: give a whole number, like 44100.")
    rate, frames = int(source[0]), np.asarray(source[1])
    if frames.ndim == 1:
        frames = frames[:, np.newaxis]
    if frames.ndim != 2:
        raise AudioError(f"{name} has the shape {frames.shape}: give samples as [n] or [n, channels].")
    if len(frames) < frames.shape[1] and len(frames) <= MOST_CHANNELS_FIRST:
        frames = frames.T
    if frames.shape[1]:
        for start in range(0, len(frames), BLOCK_FRAMES):
            yield Block(rate, frames[start : start + BLOCK_FRAMES], floats=frames.dtype.kind == "f")


class _Reader:
    """A file as the decoders see it: bytes without a name, so that they judge by content alone.

    They call back from C, where an exception would only be printed. To them a failed read therefore looks like the end
    of the file; it is raised here once they are done.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._failure: Exception | None = None

    def read(self, size: int = 2**20) -> bytes:
        parts: list[bytes] = []
        try:
            # A file object may give less than it was asked for; libsndfile would take that for the end.
            while size and (part := self._file.read(size)):
                parts.append(part)
                size -= len(part)
        except Exception as failure:  # whatever the file object is made of: gzip, a socket, a spool
            self._failure = failure
        return b"".join(parts)

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return self._file.seek(offset, whence)
        except Exception:  # a broken header points anywhere; a broken file is told by its next read
            return -1

    def tell(self) -> int:
        try:
            return self._file.tell()
        except Exception:
            return -1

    def __enter__(self) -> "_Reader":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._failure and kind is not GeneratorExit:
            raise OSError(str(self._failure)) from self._failure


@contextmanager
def _opened(source: Any, name: str) -> Iterator[Any]:
    """Give samples as they are; a path, the bytes of a file or a file object as a seekable file."""
    with _in_words(name):
        if isinstance(source, (Recording, tuple)):
            yield source
        else:
            with _opened_file(source, name) as reader:
                yield reader


@contextmanager
def _opened_file(source: Any, name: str) -> Iterator[_Reader]:
    if isinstance(source, bytes):
        yield _Reader(io.BytesIO(source))
    elif isinstance(source, (str, os.PathLike)):
        with Path(source).open("rb") as file:
            if stat.S_ISCHR(os.fstat(file.fileno()).st_mode):
                raise AudioError(f"{name} is a device, not a recording: record from it to a file first.")
            with _opened_file(file, name) as reader:
                yield reader
    elif isinstance(source, io.TextIOBase) or not hasattr(source, "read"):
        raise AudioError(
            f"{name} cannot be read from {type(source).__name__}: "
            "give a path, bytes, a file opened in binary mode or (rate, samples)."
        )
    elif hasattr(source, "seekable") and source.seekable():
        position = source.tell()
        try:
            with _Reader(source) as reader:
                yield reader
        finally:
            with suppress(OSError, ValueError):  # its owner may have closed it meanwhile
                source.seek(position)
    else:
        with TemporaryFile() as spooled:
            with _Reader(source) as reader:
                shutil.copyfileobj(reader, spooled)
            yield _Reader(spooled)


class _Part(_Reader):
    """A stretch of a file, as if it were a file of its own.

    Args:
        start: of the stretch, in bytes.
        end: behind its last byte.
    """

    def __init__(self, file: _Reader, start: int, end: int) -> None:
        self._whole, self._start, self._end = file, start, end

    def read(self, size: int = 2**20) -> bytes:
        return self._whole.read(min(size, max(self._end - self._whole.tell(), 0)))

    def seek(self, offset: int, whence: int = 0) -> int:
        origin = (self._start, self._whole.tell(), self._end)[whence]
        return self._whole.seek(origin + offset) - self._start

    def tell(self) -> int:
        return self._whole.tell() - self._start


def _blocks_of_file(file: _Reader, name: str) -> Iterator[Block]:
    file.seek(0)
    if not file.read(1):
        raise AudioError(f"{name} is empty: record or choose another one.")
    parts = _links(file)
    if len(parts) == 1:
        yield from _decoded(file, name)
        return
    heard = False
    for part in parts:
        with suppress(AudioError):  # a damaged link; the others are sound all the same
            for block in _decoded(part, name):
                heard = True
                yield block
    if not heard:
        raise AudioError(f"{name} holds no audio that can be decoded: {USE_INSTEAD}.")


def _links(file: _Reader) -> list[_Reader]:
    """The parts of a chained Ogg file, recordings strung together, for decoders stop at the end of the first.

    A link begins where a page that begins a stream comes behind one that does not.
    """
    starts, begins, position = [0], True, 0
    file.seek(0)
    while len(header := file.read(27)) == 27 and header.startswith(b"OggS"):
        if header[5] & 2 and not begins:
            starts.append(position)
        begins = bool(header[5] & 2)
        position += 27 + header[26] + sum(file.read(header[26]))
        file.seek(position)
    if len(starts) == 1:
        return [file]
    return [_Part(file, start, end) for start, end in zip(starts, [*starts[1:], file.seek(0, 2)], strict=True)]


def _decoded(file: _Reader, name: str) -> Iterator[Block]:
    """Try libsndfile first; whatever it hears nothing in goes to FFmpeg."""
    file.seek(0)
    head = file.read(3)
    looks_like_mp3 = head == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0")
    heard = False
    if not looks_like_mp3:  # libsndfile writes its MP3 reader's warnings to stderr
        for block in _with_libsndfile(file):
            heard = True
            yield block
    if not heard:
        yield from _with_ffmpeg(file, name)


def _with_libsndfile(file: _Reader) -> Iterator[Block]:
    """Yield nothing for an unknown format, and stop where damage begins."""
    file.seek(0)
    with suppress(soundfile.SoundFileError), soundfile.SoundFile(file) as sound:
        while len(frames := sound.read(BLOCK_FRAMES, dtype="float32", always_2d=True)):
            yield Block(sound.samplerate, frames, floats=sound.subtype in ("FLOAT", "DOUBLE"))


def _with_ffmpeg(file: _Reader, name: str) -> Iterator[Block]:
    """Skip damaged packets, and stop where the container breaks off."""
    file.seek(0)
    try:
        container = av.open(
            file, mode="r", container_options={"format_whitelist": CONTAINERS}, metadata_errors="ignore"
        )
    except (av.FFmpegError, ValueError):
        raise AudioError(f"{name} holds no audio that can be decoded: {USE_INSTEAD}.") from None
    with container:
        track = container.streams.best("audio")
        if not isinstance(track, av.AudioStream) or track.codec_context is None:
            raise AudioError(f"{name} has no audio track that can be decoded: {USE_INSTEAD}.")
        lossless = track.codec_context.name.startswith(("pcm_f", "wavpack"))
        with suppress(av.FFmpegError):
            for packet in container.demux(track):
                with suppress(av.FFmpegError):
                    for frame in track.decode(packet):
                        stored, channels = frame.to_ndarray(), frame.layout.nb_channels
                        frames = stored.T if frame.format.is_planar else stored.reshape(-1, channels)
                        yield Block(frame.sample_rate, frames, floats=lossless and frames.dtype.kind == "f")
