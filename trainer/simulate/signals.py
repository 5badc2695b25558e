"""Building blocks of generated sounds: noise, hum, struck objects, slow curves.

Steady sounds are as long as asked for and have an rms of about 1; events are short and have a peak of 1. All
are dry, mono and at 16 kHz, float64 `[samples]`. Frequencies are hertz, times seconds.
"""

from __future__ import annotations

import numpy as np
import scipy.signal

from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, Sound


def noise(dice: Dice, samples: int, low: float, high: float, tilt: float = 0.0) -> Sound:
    """Noise between two frequencies whose amplitude falls with frequency as f ** -tilt; rms 1."""
    frequencies = np.fft.rfftfreq(samples, 1.0 / RATE)
    # Soft edges an eighth of an octave wide, because no real sound ends in a step.
    edges = 1.0 / (1.0 + (low / np.maximum(frequencies, 1.0)) ** 16 + (frequencies / high) ** 16)
    shape = edges * np.maximum(frequencies, low) ** -tilt
    sound = np.fft.irfft(np.fft.rfft(dice.rng.standard_normal(samples)) * shape, samples)
    return sound / rms(sound)


def hum(dice: Dice, samples: int, pitch: float, harmonics: int = 6, drift: float = 0.0) -> Sound:
    """Harmonics of a slowly drifting pitch (relative drift), random levels and phases; rms 1."""
    place = np.cumsum(pitch * (1.0 + drift * slow(dice, samples, 1.0))) / RATE  # periods since the start
    # One period is drawn once and looked up for every sample: many times faster than a sine per harmonic.
    size = 8192
    spectrum = np.zeros(size // 2 + 1, dtype=np.complex128)
    for harmonic in range(1, harmonics + 1):
        if harmonic * pitch * (1.0 + drift) < RATE / 2:
            spectrum[harmonic] = dice.between(0.1, 1.0) / harmonic * np.exp(1j * dice.between(0.0, 6.28))
    sound: Sound = np.fft.irfft(spectrum)[(place * size).astype(np.int64) % size]
    return sound / rms(sound)


def modes(dice: Dice, decay: float, low: float, high: float) -> Sound:
    """A struck object: three to seven damped modes between two frequencies; decay to 1/e in `decay`."""
    time = np.arange(int(5 * decay * RATE)) / RATE
    sound = np.zeros(len(time))
    for _ in range(int(dice.rng.integers(3, 8))):
        damping = decay * dice.between(0.3, 1.0)
        tone = np.sin(2.0 * np.pi * dice.between(low, high) * time + dice.between(0.0, 6.28))
        sound += dice.between(0.2, 1.0) * tone * np.exp(-time / damping)
    return peak_one(sound)


def click(dice: Dice, decay: float) -> Sound:
    """A burst of noise that dies away; decay to 1/e in `decay`."""
    time = np.arange(max(32, int(5 * decay * RATE))) / RATE
    return peak_one(dice.rng.standard_normal(len(time)) * np.exp(-time / decay))


def knock(dice: Dice, decay: float, low: float, high: float) -> Sound:
    """A struck object with the noise of the contact; decay of 0.05 or more."""
    sound, contact = modes(dice, decay, low, high), click(dice, 0.02)
    sound[: len(contact)] += 0.5 * contact
    return peak_one(sound)


def slow(dice: Dice, samples: int, period: float) -> Sound:
    """A smooth random curve in [-1, 1] that turns about every `period` seconds."""
    return joined(dice.rng.uniform(-1.0, 1.0, size=knots(samples, period)), samples)


def knots(samples: int, period: float) -> int:
    """Number of points in so many samples if there is one about every `period` seconds."""
    return 4 + int(samples / RATE / period)


def joined(points: Sound, samples: int) -> Sound:
    """A curve of straight pieces between evenly spaced points, `[samples]`."""
    return np.interp(np.linspace(0.0, len(points) - 1.0, samples), np.arange(len(points)), points)


def bandpass(sound: Sound, low: float, high: float) -> Sound:
    """Band-pass of second order, -3 dB at `low` and `high`."""
    filtered: Sound = scipy.signal.sosfilt(
        scipy.signal.butter(2, (low, high), "bandpass", fs=RATE, output="sos"), sound
    )
    return filtered


def rms(sound: Sound) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(sound**2)))


def peak_one(sound: Sound) -> Sound:
    """The sound with a largest absolute value of 1."""
    return sound / max(float(np.abs(sound).max()), 1e-12)
