"""Files as they come, decoded block by block: libsndfile first, and FFmpeg for what it does not know."""

import io
import os
import shutil
import stat
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from math import isfinite
from numbers import Real
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import av
import numpy as np
import soundfile

from audioprompt.audio.recording import AudioError, AudioSource, Block, Recording
from audioprompt.util.places import is_file

BLOCK_SECONDS, BLOCK_FRAMES = 5.0, 262_144  # read at a time, the fewer frames the more channels: most clips as a whole
FIRST_FRAMES = 8_192  # read at first, for many want no more than to see what there is
DAMAGED_FRAMES = 4_096  # where there is damage: a block in which libsndfile meets it is lost as a whole
MAX_CHANNELS_FIRST = 64  # an array with more rows than this is never taken for [channels, n]

# The formats FFmpeg may recognise. Playlists and edit lists (hls, concat, dash, ...) stay out: an uploaded one could
# make it open other files and addresses.
CONTAINERS = "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,flac,flv,matroska,mov,mp3,mpegts,ogg,tta,w64,wav,wv"
USE_INSTEAD = "use a WAV, FLAC, Ogg, MP3, M4A or WebM recording"


def parts_of(source: AudioSource) -> Callable[[float], float]:
    """Return what tells the fraction that some seconds are of a recording; it is 0 where no file states its length."""

    @cache
    def stated() -> float:
        path = Path(source) if isinstance(source, (str, os.PathLike)) else None
        if path and is_file(path):  # a pipe can only be read once
            with suppress(OSError, ValueError, av.FFmpegError), path.open("rb") as file, _contained(file) as container:
                return (container.duration or 0) / float(av.time_base)
        return 0.0

    return lambda seconds: min(seconds / stated(), 1.0) if stated() else 0.0


def read_blocks(opened: "Recording | tuple[int, np.ndarray] | _Reader", name: str) -> Generator[Block, None, None]:
    """Return the frames of any opened source as they were stored, block by block, from its start."""
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
    if len(frames) < frames.shape[1] and len(frames) <= MAX_CHANNELS_FIRST:
        frames = frames.T
    if frames.shape[1]:
        size = _frames_at_a_time(rate, frames.shape[1])
        for start in range(0, len(frames), size):
            yield Block(rate, frames[start : start + size], floats=frames.dtype.kind == "f")


def _frames_at_a_time(rate: int, channels: int) -> int:
    return max(min(BLOCK_FRAMES, round(BLOCK_SECONDS * rate)) // channels, 1)


class _Reader:
    """A file as the decoders see it: bytes without a name, so that they judge by content alone.

    They call back from C, where an exception would only be printed. To them a failed read therefore looks like the end
    of the file; it is raised here once they are done.

    Attributes:
        descriptor: of a file that was opened here. Who reads by it calls nothing back: threads decode side by side.
    """

    descriptor: int | None = None

    def __init__(self, file: BinaryIO, descriptor: int | None = None) -> None:
        self._file, self.descriptor = file, descriptor
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
def open_source(source: Any, name: str) -> Iterator[Any]:
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
        with Path(source).open("rb", buffering=0) as file:  # a buffer would not see where a decoder has gone
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISCHR(mode):
                raise AudioError(f"{name} is a device, not a recording: record from it to a file first.")
            plain = stat.S_ISREG(mode) and os.name == "posix"
            with _Reader(file, file.fileno()) if plain else _opened_file(file, name) as reader:
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
    """Return the parts of a chained Ogg file, recordings strung together, for decoders stop at the end of the first.

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
    given = 0
    for most in (BLOCK_FRAMES, DAMAGED_FRAMES):
        file.seek(0)
        opened = file if file.descriptor is None else file.descriptor
        with suppress(soundfile.SoundFileError), soundfile.SoundFile(opened, closefd=False) as sound:
            if sound.seekable():
                sound.seek(0)  # else libsndfile 1.2 begins Opus early, and has a gap where the second block begins
            skipped, stored = 0, "int16" if sound.subtype == "PCM_16" else "float32"  # numpy scales faster
            many = min(most, _frames_at_a_time(sound.samplerate, sound.channels))
            while len(frames := _read_frames(sound, many if skipped else min(many, FIRST_FRAMES), stored)):
                new = frames[max(given - skipped, 0) :]
                skipped += len(frames)
                if len(new):
                    given = skipped
                    yield Block(sound.samplerate, new, floats=sound.subtype in ("FLOAT", "DOUBLE"))
                if skipped == sound.frames:
                    break  # to look for more takes as long as to read a second
            return
    if given and file.descriptor is not None:  # libsndfile does not say whether it is the recording or the disk
        while file.read():
            pass


def _read_frames(sound: soundfile.SoundFile, most: int, stored: str) -> np.ndarray:
    """As ``sound.read`` does it, without its questions how much there is left: ``[n, channels]``."""
    frames = np.empty((most, sound.channels), stored)
    return frames[: sound.buffer_read_into(frames, stored)]


def _contained(file: "_Reader | BinaryIO") -> Any:
    return av.open(file, mode="r", container_options={"format_whitelist": CONTAINERS}, metadata_errors="ignore")


def _with_ffmpeg(file: _Reader, name: str) -> Iterator[Block]:
    """Skip damaged packets, and stop where the container breaks off."""
    file.seek(0)
    try:
        container = _contained(file)
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
