"""Put the pictures of clean scenes into rooms, behind walls, into telephones and beside streets.

All of it happens to the powers in the picture's bands, where gain, filters and added noise are exact and the tail of a
room is an exponential decay: a hundredth of the time that the waves would take, so that no scene sounds the same twice.
"""

import torch
from torch import Tensor

from audioprompt.models.embedded import BANDS, FLOOR, HIGHEST, HOP, SAMPLE_RATE

FRAME_SECONDS = HOP / SAMPLE_RATE


def band_centres() -> Tensor:
    """Middle of each band in Hz, ``[BANDS]``."""
    highest = 1127.0 * torch.log1p(torch.tensor(HIGHEST / 700.0))
    return 700.0 * (torch.arange(1, BANDS + 1) / (BANDS + 1) * highest / 1127.0).expm1()


OCTAVES = band_centres().log2()


def powers(pictures: Tensor) -> Tensor:
    """Undo the picture's logarithm."""
    return ((5 * pictures - 4.5).exp() - FLOOR).clamp(min=0)


def picture(power: Tensor) -> Tensor:
    return ((power + FLOOR).log() + 4.5) / 5


def uniform(low: float, high: float, count: int) -> Tensor:
    """``[count, 1]``"""
    return low + (high - low) * torch.rand(count, 1)


def gain(decibels: Tensor) -> Tensor:
    return 10 ** (decibels / 10)


def low_pass(count: int, lowest: float, highest: float, slope: tuple[float, float]) -> Tensor:
    """Gains ``[count, 1, BANDS]`` that fall above a random frequency, by decibels an octave."""
    corner = uniform(lowest, highest, count).log2()
    return gain(-(uniform(*slope, count) * (OCTAVES - corner).clamp(min=0)).clamp(max=70))[:, None]


def high_pass(count: int, lowest: float, highest: float, slope: tuple[float, float]) -> Tensor:
    corner = uniform(lowest, highest, count).log2()
    return gain(-(uniform(*slope, count) * (corner - OCTAVES).clamp(min=0)).clamp(max=70))[:, None]


def microphone(count: int) -> Tensor:
    """Smooth random gains ``[count, 1, BANDS]``, a few decibels up and down."""
    points = 4 * torch.randn(count, 1, 6)
    return gain(torch.nn.functional.interpolate(points, BANDS, mode="linear", align_corners=True))


def telephone(count: int) -> Tensor:
    return low_pass(count, 2500, 4000, (60, 120)) * high_pass(count, 150, 500, (18, 60))


def reverberate(power: Tensor) -> Tensor:
    """In rooms from a bathroom to a church, near and far from the source."""
    count = len(power)
    seconds = 2 ** uniform(-2, 2.4, count) * (1 - 0.7 * torch.linspace(0, 1, BANDS) * torch.rand(count, 1))
    keep = 10 ** (-6 * FRAME_SECONDS / seconds)
    tail, tails = torch.zeros_like(power[:, 0]), torch.empty_like(power)
    for frame in range(power.shape[1]):
        tail = tail * keep + power[:, frame] * (1 - keep)
        tails[:, frame] = tail
    rough = -torch.rand_like(power).clamp(min=1e-6).log()  # the powers of a diffuse tail scatter
    return power * uniform(0.02, 1, count)[:, None] + tails * rough * gain(uniform(-8, 6, count))[:, None]


def hiss(power: Tensor) -> Tensor:
    """Steady noise of a random colour, as powers like those given."""
    count, frames = power.shape[:2]
    colour = gain(uniform(-6, 1, count) * (OCTAVES - OCTAVES[0]))[:, None]
    return colour * (0.3 + 0.7 * -torch.rand(count, frames, BANDS).clamp(min=1e-6).log())


def added(power: Tensor, noise: Tensor, lowest: float, highest: float) -> Tensor:
    """With noise that many decibels below the sound."""
    loud, noisy = (each.mean(dim=(1, 2), keepdim=True).clamp(min=1e-9) for each in (power, noise))
    return power + noise * loud / noisy * gain(-uniform(lowest, highest, len(power)))[:, None]


def spoil(pictures: Tensor, backgrounds: Tensor) -> Tensor:
    """What a recording elsewhere would look like, ``[B, frames, BANDS]``, half of it hardly changed.

    Args:
        pictures: clean scenes, ``[B, frames, BANDS]``.
        backgrounds: as many scenes of streets, crowds, weather and the like.
    """
    power = powers(pictures)

    def some(share: float) -> Tensor:
        return ((torch.rand(len(power)) < share) & hard).nonzero()[:, 0]

    hard = torch.rand(len(power)) < 0.5
    if len(rows := some(0.4)):
        power[rows] = reverberate(power[rows])
    if len(rows := some(0.3)):
        power[rows] = power[rows] * low_pass(len(rows), 250, 4000, (6, 36))
    if len(rows := some(0.35)):
        power[rows] = added(power[rows], powers(backgrounds[rows]), -4, 20)
    if len(rows := some(0.3)):
        power[rows] = added(power[rows], hiss(power[rows]), 0, 40)
    if len(rows := some(0.25)):
        power[rows] = power[rows] * telephone(len(rows))
    if len(rows := some(0.15)):
        power[rows] = power[rows] * high_pass(len(rows), 100, 1500, (6, 24))
    power = power * microphone(len(power)) * gain(uniform(-14, 6, len(power)))[:, None]
    return picture(power)
