"""Blocks as they were stored to one channel at full scale: channels that cancel and floats beyond it are mended."""

from collections.abc import Generator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audioprompt.audio.files import read_blocks
from audioprompt.audio.recording import LOWEST_RATE, AudioError, Block, Recording, Samples

# Where the average of channels keeps less than this share of what it would keep of unrelated ones, they cancel.
LEAST_KEPT = 0.5
ALIKE = 0.99  # of the loudest channel's power is as loud
LOOK_SECONDS = 600.0  # of a recording: how far it is looked through for channels that cancel and for its peak
FULL_SCALE = 1.001  # rounding is not beyond full scale
LOUDEST_FLOAT = 16.0  # no mix of floats goes so far beyond full scale: these are integers
INTEGER_BITS = (16, 24, 32)

# Silence and full scale of integer samples, by dtype kind and bytes.
INTEGER_SCALES = {("u", 1): (2.0**7, 2.0**7), ("i", 2): (0.0, 2.0**15), ("i", 4): (0.0, 2.0**31)}


@dataclass(frozen=True)
class Mending:
    """What has to be done so that a recording can be heard.

    Attributes:
        divisor: of all samples.
        channels: which channel to hear in place of the average, by the number of channels where they cancel.
        notices: what people should know of it, a sentence each.
    """

    divisor: float = 1.0
    channels: Mapping[int, int] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def looked_through(opened: Any, name: str, seconds: float) -> tuple[Mending, Generator[Block, None, None]]:
    """Whether channels cancel and floats lie beyond full scale, and the blocks from their start.

    Only the whole tells, and that is read once more; of a mono recording that is not made of floats the first block
    does. What cannot be read is told by who reads it next.
    """
    if isinstance(opened, Recording):
        return Mending(notices=opened.notices), read_blocks(opened, name)
    first, blocks = None, read_blocks(opened, name)
    with suppress(AudioError):
        first = next(blocks, None)
    if first is None:
        return Mending(), read_blocks(opened, name)
    blocks = _put_back(first, blocks)
    if _is_plain(first):
        return Mending(), blocks
    return _mending(blocks, name, seconds), read_blocks(opened, name)


def _is_plain(block: Block) -> bool:
    return block.frames.shape[1] == 1 and not block.floats


def _put_back(first: Block, blocks: Generator[Block, None, None]) -> Generator[Block, None, None]:
    with closing(blocks):
        yield first
        yield from blocks


def _mending(blocks: Generator[Block, None, None], name: str, seconds: float) -> Mending:
    """Look through blocks, as far as a number of seconds or up to the first block that needs no mending."""
    products: dict[int, tuple[int, NDArray[np.float64], NDArray[np.float64]]] = {}  # n, sums and products of channels
    peak, whole, so_far = 0.0, True, 0.0
    instead: dict[int, int] = {}
    with np.errstate(over="ignore", invalid="ignore"):
        with suppress(AudioError), closing(blocks):
            for block in blocks:
                channels = block.frames.shape[1]
                if _is_plain(block) or so_far > seconds or block.rate < LOWEST_RATE:
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
    return Mending(divisor, instead, (*words, *cancelled))


def _instead_of_the_average(covariance: NDArray[np.float64]) -> int | None:
    """Return the loudest channel, if the average of all loses what they hold; ``[channels, channels]``."""
    powers = covariance.diagonal()
    # the power of the sum: as much as the powers' sum where channels are unrelated, and more where they are alike
    if not covariance.sum() < LEAST_KEPT * powers.sum():
        return None
    return int(np.argmax(powers > ALIKE * powers.max()))  # the first of those about as loud


def _divisor(peak: float, whole: bool) -> tuple[float, list[str]]:
    """Return what to divide floats by, and why: ``whole`` is whether all are whole numbers."""
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
    if kind == "f":
        return np.ascontiguousarray(block.frames, np.float32)
    silence, full_scale = INTEGER_SCALES[kind, width]
    frames = np.multiply(block.frames, np.float32(1 / full_scale), dtype=np.float32, order="C")  # a power of two: exact
    return frames - np.float32(silence / full_scale) if silence else frames


def mono(block: Block, mending: Mending, name: str) -> Samples:
    """Full scale to [-1, 1] and the mean over the channels, or the one to hear: ``[n, channels]`` -> ``[n]``."""
    if block.frames.dtype.kind != "f" and block.frames.shape[1] == 1:  # integers are finite and stay so
        return _scaled(block, name)[:, 0]
    with np.errstate(over="ignore", invalid="ignore"):  # what this makes infinite or NaN is reported next
        frames = _scaled(block, name)
        if block.floats and mending.divisor != 1:
            frames = frames / np.float32(mending.divisor)
        if frames.shape[1] == 1:
            return finite(frames[:, 0], name)
        channel = mending.channels.get(frames.shape[1])
        if channel is None:
            return finite(frames.mean(axis=1), name)
        return finite(frames, name)[:, channel]


def finite(samples: Samples, name: str) -> Samples:
    """Refuse samples that are infinite or not a number."""
    if not np.isfinite(samples).all():
        raise AudioError(f"{name} has samples that are infinite or not a number: export it again.")
    return samples
