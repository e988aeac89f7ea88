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
comes in a container: M4A, MP4, WebM, Matroska, AAC and more. Channels are averaged. A damaged or truncated
recording yields what can be decoded of it; digital silence is a recording like any other and yields zeros.
Everything else is an `AudioError` that names the recording and says what to do.
"""

import io
import os
import shutil
import stat
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import av
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from audioprompt.lines import one_line

AudioSource = str | os.PathLike[str] | bytes | BinaryIO | tuple[int, np.ndarray]
Samples = NDArray[np.float32]  # mono, [n]
Block = tuple[int, NDArray[Any]]  # sample rate in Hz, and frames as they were stored, [n, channels]

LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000  # Hz; anything outside is a broken header
SLACK_SECONDS = 0.001  # a remainder this short is resampling's rounding, not sound that was left out
BLOCK_FRAMES = 4_096  # read at a time; a block in which libsndfile meets damage is lost as a whole
MOST_CHANNELS_FIRST = 64  # an array with more rows than this is never taken for [channels, n]

# Silence and full scale of integer samples, by dtype kind and bytes.
INTEGER_SCALES = {("u", 1): (2.0**7, 2.0**7), ("i", 2): (0.0, 2.0**15), ("i", 4): (0.0, 2.0**31)}

# The formats FFmpeg may recognise. Playlists and edit lists (hls, concat, dash, ...) stay out: an uploaded one could
# make it open other files and addresses.
CONTAINERS = "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,flac,flv,matroska,mov,mp3,mpegts,ogg,tta,w64,wav,wv"
USE_INSTEAD = "use a WAV, FLAC, Ogg, MP3, M4A or WebM recording"


class AudioError(ValueError):
    """A recording cannot be used; the message names it, gives the reason and says what to do."""


@dataclass(frozen=True)
class Window:
    """One stretch of a clip, as long as the model hears at once.

    Attributes:
        start: where it begins in the clip, in seconds.
        end: where it ends in the clip, in seconds; the clip's own end if the clip had to be repeated.
        samples: mono, ``[sample_rate * window_seconds]``, always of exactly that length.
    """

    start: float
    end: float
    samples: Samples


def load(
    source: AudioSource, sample_rate: int, *, name: str | None = None, max_seconds: float | None = None
) -> Samples:
    """Read a whole recording: mono samples, ``[n]``, at ``sample_rate`` Hz.

    A file object is read from its start and gets its position back; one that cannot seek is read to its end.

    Args:
        source: a path, a file object opened in binary mode, the bytes of a file, or ``(rate, samples)`` with
            ``samples`` ``[n]``, ``[n, channels]`` or ``[channels, n]``; floats are taken as they are, uint8, int16
            and int32 are scaled to [-1, 1].
        sample_rate: the rate wanted, in Hz.
        name: what to call the recording in an error; by default the file's own name.
        max_seconds: refuse a longer recording, before more of it is held in memory.

    Raises:
        AudioError: the recording cannot be read, holds no sound or a sample that is not finite, or is too long.
    """
    name = _name_of(source, name)
    chunks: list[Samples] = []
    length = 0
    with closing(_stream(source, sample_rate, name)) as stream:
        for chunk in stream:
            chunks.append(chunk)
            length += len(chunk)
            if max_seconds is not None and length > (max_seconds + SLACK_SECONDS) * sample_rate:
                raise AudioError(f"{name} is longer than {max_seconds:g} seconds: cut it into shorter recordings.")
    return np.concatenate(chunks)


def windows(samples: Samples, sample_rate: int, window_seconds: float) -> list[Window]:
    """Cut a clip into windows, by rule and never at random.

    A clip shorter than one window is repeated until the window is full, as CLAP was trained. A longer one gives
    consecutive windows and, if more than a millisecond is left over, one last window that ends where the clip ends
    and so overlaps the one before.

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
    source: AudioSource, sample_rate: int, window_seconds: float, *, name: str | None = None
) -> Iterator[Window]:
    """Read a recording of any length window by window, holding no more than two windows at a time.

    The windows are those of ``windows(load(source, sample_rate), sample_rate, window_seconds)``, bit for bit.

    Raises:
        AudioError: as `load`; windows before the trouble have been given by then.
    """
    with closing(_stream(source, sample_rate, _name_of(source, name))) as stream:
        yield from _cut(stream, sample_rate, window_seconds)


def _cut(chunks: Iterable[Samples], sample_rate: int, window_seconds: float) -> Iterator[Window]:
    """The window rule, on a clip that comes in chunks."""
    size = round(sample_rate * window_seconds)
    if size < 1:
        raise ValueError(f"a window needs at least one sample, got {window_seconds} s at {sample_rate} Hz")
    start = filled = 0  # samples: where the window being filled begins, and how much of it there is
    window = np.empty(size, np.float32)
    previous: Samples | None = None
    for chunk in chunks:
        while len(chunk):
            part = chunk[: size - filled]
            window[filled : filled + len(part)] = part
            filled, chunk = filled + len(part), chunk[len(part) :]
            if filled == size:
                previous = window.copy()  # the caller may write into its own
                yield Window(start / sample_rate, (start + size) / sample_rate, window)
                window, start, filled = np.empty(size, np.float32), start + size, 0
    end = start + filled
    if previous is None:
        yield Window(0.0, end / sample_rate, np.resize(window[:filled], size))  # np.resize repeats
    elif filled > SLACK_SECONDS * sample_rate:
        last = np.concatenate([previous[filled:], window[:filled]])
        yield Window((end - size) / sample_rate, end / sample_rate, last)


def _stream(source: AudioSource, sample_rate: int, name: str) -> Generator[Samples, None, None]:
    """Decode, average the channels, check and resample, a chunk at a time; never an empty clip."""
    rate, length = 0, 0
    for block_rate, block in _blocks(source, name):
        if not rate:
            if not LOWEST_RATE <= block_rate <= HIGHEST_RATE:
                raise AudioError(
                    f"{name} claims a sample rate of {block_rate} Hz, outside {LOWEST_RATE} to {HIGHEST_RATE}: "
                    "save it again at its true rate."
                )
            rate = block_rate
            # Streaming for short clips too: whole and piecewise reading then agree to the last bit.
            resampler = soxr.ResampleStream(rate, sample_rate, 1, dtype="float32")
        elif block_rate != rate:
            raise AudioError(f"{name} changes its sample rate midway: save it as WAV first.")
        chunk = _finite(resampler.resample_chunk(_mono(block, name)), name)
        length += len(chunk)
        yield chunk
    if rate:
        rest = _finite(resampler.resample_chunk(np.empty(0, np.float32), last=True), name)
        length += len(rest)
        yield rest
    if not length:
        raise AudioError(f"{name} holds no sound: record or choose another one.")


def _mono(block: NDArray[Any], name: str) -> Samples:
    """Full scale to [-1, 1] and the mean over the channels: ``[n, channels]`` -> ``[n]``."""
    kind, width = block.dtype.kind, block.dtype.itemsize
    if kind != "f" and (kind, width) not in INTEGER_SCALES:
        raise AudioError(f"{name} has samples of type {block.dtype}: give int16, int32, uint8 or floats.")
    silence, full_scale = INTEGER_SCALES.get((kind, width), (0.0, 1.0))
    with np.errstate(over="ignore", invalid="ignore"):  # what this makes infinite or NaN is reported next
        frames = (np.ascontiguousarray(block, np.float32) - np.float32(silence)) / np.float32(full_scale)
        return _finite(frames.mean(axis=1), name)


def _finite(samples: Samples, name: str) -> Samples:
    if not np.isfinite(samples).all():
        raise AudioError(f"{name} has samples that are infinite or not a number: export it again.")
    return samples


def _name_of(source: AudioSource, name: str | None) -> str:
    """What to call a recording, by the name it was given or its own, in one line."""
    if not name and isinstance(source, tuple):
        return "The recording"
    path = name or (source if isinstance(source, (str, os.PathLike)) else getattr(source, "name", None))
    if isinstance(path, (str, os.PathLike)):
        return one_line(name or Path(path).name) or f"{str(path)!r}"
    return "The uploaded audio"


def _blocks(source: AudioSource, name: str) -> Iterator[Block]:
    """The frames of any source as they were stored, block by block."""
    try:
        if isinstance(source, tuple):
            yield from _blocks_of_array(source, name)
        else:
            with _opened(source, name) as file:
                yield from _blocks_of_file(file, name)
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
    if len(source) != 2 or not isinstance(source[0], Integral):
        raise AudioError(f"{name} is not a pair of sample rate and samples: give (44100, samples).")
    rate, frames = int(source[0]), np.asarray(source[1])
    if frames.ndim == 1:
        frames = frames[:, np.newaxis]
    if frames.ndim != 2:
        raise AudioError(f"{name} has the shape {frames.shape}: give samples as [n] or [n, channels].")
    if len(frames) < frames.shape[1] and len(frames) <= MOST_CHANNELS_FIRST:
        frames = frames.T
    if frames.shape[1]:
        for start in range(0, len(frames), BLOCK_FRAMES):
            yield rate, frames[start : start + BLOCK_FRAMES]


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
def _opened(source: Any, name: str) -> Iterator[_Reader]:
    """Give a path, the bytes of a file or a file object as a seekable file."""
    if isinstance(source, bytes):
        yield _Reader(io.BytesIO(source))
    elif isinstance(source, (str, os.PathLike)):
        with Path(source).open("rb") as file:
            if stat.S_ISCHR(os.fstat(file.fileno()).st_mode):
                raise AudioError(f"{name} is a device, not a recording: record from it to a file first.")
            with _opened(file, name) as reader:
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


def _blocks_of_file(file: _Reader, name: str) -> Iterator[Block]:
    """Try libsndfile first; whatever it hears nothing in goes to FFmpeg."""
    file.seek(0)
    head = file.read(3)
    if not head:
        raise AudioError(f"{name} is empty: record or choose another one.")
    looks_like_mp3 = head == b"ID3" or (head[0] == 0xFF and head[1:2] >= b"\xe0")
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
            yield sound.samplerate, frames


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
        with suppress(av.FFmpegError):
            for packet in container.demux(track):
                with suppress(av.FFmpegError):
                    for frame in track.decode(packet):
                        stored, channels = frame.to_ndarray(), frame.layout.nb_channels
                        yield frame.sample_rate, stored.T if frame.format.is_planar else stored.reshape(-1, channels)
