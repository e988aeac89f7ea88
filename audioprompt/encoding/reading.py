"""Recordings on their way to a model: read and cut a piece at a time, so that long ones take no more memory."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from audioprompt.audio.decode import is_silent, stream_windows
from audioprompt.audio.recording import AudioError, AudioSource, Say
from audioprompt.audio.windows import Window
from audioprompt.models.base import AudioTextModel

DECODERS = min(8, os.cpu_count() or 1)
WINDOWS_PER_PIECE = 16


class Wanted(NamedTuple):
    """A recording that is to be heard.

    Attributes:
        source: where it comes from.
        name: what to call it in an error.
        say: told what people should know of it.
        tick: told from time to time within a long one how many seconds were heard; what it raises ends the work.
    """

    source: AudioSource
    name: str | None = None
    say: Say | None = None
    tick: Callable[[float], None] | None = None


@dataclass(frozen=True)
class Piece:
    """Consecutive windows of a recording.

    Attributes:
        windows: some; none where the piece before turns out to have been the last, or the recording cannot be read.
        silent: in which of them there is nothing to hear.
        last: whether the recording ends with them.
        error: why it cannot be read.
    """

    windows: list[Window] = field(default_factory=list)
    silent: list[bool] = field(default_factory=list)
    last: bool = True
    error: AudioError | None = None


def read_in_turn(model: AudioTextModel, recordings: Iterable[Wanted]) -> Iterator[Piece]:
    """Read recordings one after the other as they are asked for, in long ones a piece ahead in a thread.

    Yields:
        The pieces of each, in order.
    """
    for one in recordings:
        windows = _windows(model, one)
        with ThreadPoolExecutor(1) as pool:  # a short recording starts no thread
            piece = _next_piece(windows)
            while not piece.last:
                coming = pool.submit(_next_piece, windows)
                yield piece
                _tell(one, piece)
                piece = coming.result()
        yield piece


def read_ahead(model: AudioTextModel, recordings: Iterable[Wanted]) -> Iterator[Piece]:
    """Read recordings in threads, a few ahead of what is asked for.

    Yields:
        The pieces of each, in order.
    """
    upcoming = iter(recordings)
    ahead: deque[tuple[Wanted, Iterator[Window], Future[Piece]]] = deque()
    with ThreadPoolExecutor(DECODERS) as pool:

        def start_more() -> None:
            for one in islice(upcoming, 2 * DECODERS - len(ahead)):
                windows = _windows(model, one)
                ahead.append((one, windows, pool.submit(_next_piece, windows)))

        try:
            start_more()
            while ahead:
                one, windows, coming = ahead.popleft()
                piece = coming.result()
                if not piece.last:
                    ahead.appendleft((one, windows, pool.submit(_next_piece, windows)))
                start_more()
                yield piece
                _tell(one, piece)
        finally:
            pool.shutdown(cancel_futures=True)


def _windows(model: AudioTextModel, one: Wanted) -> Iterator[Window]:
    return stream_windows(one.source, model.sample_rate, model.window_seconds, name=one.name, say=one.say)


def _next_piece(windows: Iterator[Window]) -> Piece:
    try:
        some = list(islice(windows, WINDOWS_PER_PIECE))
    except AudioError as error:
        return Piece(error=error)
    return Piece(some, [is_silent(window.samples) for window in some], len(some) < WINDOWS_PER_PIECE)


def _tell(one: Wanted, piece: Piece) -> None:
    if one.tick and not piece.last:
        one.tick(piece.windows[-1].end)
