"""Clips as they sound elsewhere: behind a wall, in rooms, far away, over a telephone, in a street, among people.

Everything is made from noise with a fixed seed, so that two models are measured on the same samples.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, resample_poly, sosfilt

Wave = NDArray[np.float64]
Spoil = Callable[[Wave, int, np.random.Generator], Wave]


def filtered(wave: Wave, rate: int, hertz: float | tuple[float, float], kind: str, order: int = 4) -> Wave:
    return np.asarray(sosfilt(butter(order, hertz, kind, fs=rate, output="sos"), wave))


def level(wave: Wave) -> float:
    """Root mean square, never zero."""
    return float(np.sqrt(np.mean(wave**2)) + 1e-9)


def with_noise(wave: Wave, noise: Wave, decibels: float) -> Wave:
    """With noise that many decibels below the sound."""
    return wave + noise * (level(wave) / level(noise) * 10 ** (-decibels / 20))


def in_room(wave: Wave, rate: int, random: np.random.Generator, seconds: float, direct: float) -> Wave:
    """In a room that takes that long to fall silent by 60 dB; ``direct``: the sound in its echo, dB."""
    times = np.arange(round(1.2 * seconds * rate)) / rate
    tail = filtered(random.standard_normal(len(times)), rate, 5_000, "low", 1) * 10 ** (-3 * times / seconds)
    echo = fftconvolve(wave, tail)[: len(wave)]
    return wave * 10 ** (direct / 20) + echo * level(wave) / level(echo)


def muffled(wave: Wave, rate: int, random: np.random.Generator) -> Wave:
    return filtered(wave, rate, 500, "low")


def in_a_small_room(wave: Wave, rate: int, random: np.random.Generator) -> Wave:
    return in_room(wave, rate, random, seconds=0.5, direct=0)


def in_a_church(wave: Wave, rate: int, random: np.random.Generator) -> Wave:
    return in_room(wave, rate, random, seconds=4, direct=-6)


def far_away(wave: Wave, rate: int, random: np.random.Generator) -> Wave:
    distant = in_room(filtered(wave, rate, 1_500, "low", 2), rate, random, seconds=1.2, direct=-3)
    return 0.03 * with_noise(distant, random.standard_normal(len(wave)), 15) / max(np.abs(distant).max(), 1e-6)


def over_a_telephone(wave: Wave, rate: int, random: np.random.Generator) -> Wave:
    """8 kHz, 300 to 3,400 Hz, 8 bits after G.711's curve."""
    narrow = resample_poly(filtered(wave, rate, (300, 3_400), "band"), 80, rate // 100)
    peak = max(float(np.abs(narrow).max()), 1e-6)
    curved = np.sign(narrow) * np.log1p(255 * np.abs(narrow) / peak) / np.log(256)
    stepped = np.round(127 * curved) / 127
    wide = resample_poly(np.sign(stepped) * np.expm1(np.log(256) * np.abs(stepped)) / 255 * peak, rate // 100, 80)
    return np.asarray(wide[: len(wave)])


def in_a_street(wave: Wave, rate: int, random: np.random.Generator) -> Wave:
    """Rumble, and cars that pass by, as loud as the sound."""
    times = np.arange(len(wave)) / rate
    noise = filtered(random.standard_normal(len(wave)), rate, 150, "low", 1)
    noise /= level(noise)
    for _ in range(3):
        passing = np.exp(-(((times - random.uniform(0, times[-1])) / random.uniform(0.4, 1.2)) ** 2))
        tyres = filtered(random.standard_normal(len(wave)), rate, (200, random.uniform(900, 2_500)), "band", 1)
        noise += 1.5 * passing * tyres / level(tyres)
    return with_noise(wave, noise, 0)


def in_a_crowd(wave: Wave, rate: int, random: np.random.Generator) -> Wave:
    """A dozen voices: buzzing through formants, in syllables; 3 dB softer than the sound."""
    times = np.arange(len(wave)) / rate
    noise = np.zeros(len(wave))
    for _ in range(12):
        pitch = random.uniform(90, 240) * (1 + 0.05 * np.sin(2 * np.pi * random.uniform(0.3, 2) * times))
        buzz = np.mod(np.cumsum(pitch) / rate, 1) - 0.5 + 0.1 * random.standard_normal(len(wave))
        formants = ((300, 800), (900, 2_200), (2_300, 3_200))
        voice = np.zeros(len(wave))
        for formant in formants:
            middle = random.uniform(*formant)
            voice += filtered(buzz, rate, (0.9 * middle, 1.1 * middle), "band", 1)
        syllables = np.clip(np.sin(2 * np.pi * (random.uniform(2.5, 5) * times + random.random())), 0, None)
        noise += voice * syllables * random.uniform(0.4, 1)
    return with_noise(wave, noise, 3)


CONDITIONS: dict[str, Spoil] = {
    "muffled": muffled,
    "in a small room": in_a_small_room,
    "in a church": in_a_church,
    "far away": far_away,
    "over a telephone": over_a_telephone,
    "in a street": in_a_street,
    "in a crowd": in_a_crowd,
}


def spoiled(condition: str, wave: NDArray[np.float32], rate: int, seed: int) -> NDArray[np.float32]:
    """A clip under one of the conditions, no louder than full scale.

    Args:
        wave: mono, ``[n]``.
        rate: in Hz.
        seed: another for each clip.
    """
    made = CONDITIONS[condition](wave.astype(np.float64), rate, np.random.default_rng(seed))
    return (made / max(1.0, float(np.abs(made).max()))).astype(np.float32)
