"""Noise with the soft spectra of real things: air, water, cloth, machines behind walls."""

from __future__ import annotations

import numpy as np
import scipy.fft

from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, Sound
from trainer.simulate.signals import rms, slow

PERIOD = 1 << 18
"""Samples after which steady noise repeats, without a seam: 16 s, longer than any clip"""


def rush(dice: Dice, samples: int, low: float, high: float, tilt: float = 0.0) -> Sound:
    """Noise of soft edges and an uneven spectrum, which make it one thing's own; rms about 1.

    Args:
        dice: random numbers; slopes and unevenness are traits.
        samples: length.
        low: hertz below which it falls off.
        high: hertz above which it falls off.
        tilt: between the two the amplitude falls with frequency as f ** -tilt.
    """
    octaves = np.linspace(np.log2(20.0), np.log2(8000.0), 40)
    below, above = np.maximum(0.0, np.log2(low) - octaves), np.maximum(0.0, octaves - np.log2(high))
    decibel = -6.0 * tilt * octaves - dice.trait(8.0, 24.0) * below - dice.trait(8.0, 24.0) * above
    bumps = [dice.trait(-6.0, 6.0) for _ in range(9)]
    decibel += np.interp(octaves, np.linspace(octaves[0], octaves[-1], len(bumps)), bumps)
    period = scipy.fft.next_fast_len(min(samples, PERIOD), real=True)
    frequencies = scipy.fft.rfftfreq(period, 1.0 / RATE)
    shape = 10.0 ** (np.interp(np.log2(np.maximum(frequencies, 1.0)), octaves, decibel) / 20.0)
    shape[frequencies < 15.0] = 0.0
    parts = dice.rng.standard_normal((2, len(shape)))
    sound = np.resize(scipy.fft.irfft(shape * (parts[0] + 1j * parts[1]), period), samples)
    return sound / max(rms(sound), 1e-12)


def unsteady(dice: Dice, sound: Sound) -> Sound:
    """Nothing real is quite stationary: the level wanders over seconds and over minutes."""
    depth = dice.between(0.02, 0.4)
    seconds = slow(dice, len(sound), dice.between(0.3, 3.0))
    minutes = slow(dice, len(sound), dice.between(8.0, 40.0))
    return sound * (1.0 + depth * seconds) * (1.0 + depth * minutes)
