"""A dry sound in a room, as four microphones in a row hear it. Simple on purpose: no geometry of the room.

The microphones are those of the DCASE 2018 recordings: 5 cm apart in a line, 16 kHz, 12 bits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.signal

from trainer.simulate.sounds import RATE, Generator, Sound, between, rms

MICROPHONES = 4
SPACING = 0.05
"""Metres"""
SPEED_OF_SOUND = 343.0
"""Metres per second"""
STEPS = 2048
"""Quantisation steps from 0 to 1: 12 bits with a sign"""


def render(rng: Generator, sound: Sound, level_dbfs: float) -> npt.NDArray[np.float64]:
    """The sound in a random room from a random direction.

    Args:
        rng: source of random numbers.
        sound: dry, `[samples]`, at 16 kHz.
        level_dbfs: rms over all microphones, in dB relative to 1.

    Returns:
        `[4, samples]` in [-1, 1], with self noise, quantised to 12 bits.
    """
    room = responses(rng)  # [4, taps]
    wet = scipy.signal.fftconvolve(sound[None], room, axes=1)[:, : len(sound)]
    gains = 10.0 ** (
        rng.uniform(-1.0, 1.0, size=(MICROPHONES, 1)) / 20.0
    )  # parts differ by some tenths of a dB
    wet *= gains * 10.0 ** (level_dbfs / 20.0) / max(rms(wet), 1e-12)
    self_noise = 10.0 ** (between(rng, -80.0, -70.0) / 20.0)
    wet += self_noise * rng.standard_normal(wet.shape)
    quantised: npt.NDArray[np.float64] = np.clip(np.round(wet * STEPS), -STEPS, STEPS - 1) / STEPS
    return quantised


def responses(rng: Generator) -> npt.NDArray[np.float64]:
    """Impulse responses `[4, taps]`: direct sound, early reflections, exponential tail.

    Every path comes as a plane wave from a direction of its own, so that the microphones hear it one after
    the other; the tails of the microphones are independent.
    """
    reverberation = between(rng, 0.15, 0.6)  # seconds to -60 dB
    taps = round(reverberation * RATE)
    paths = int(rng.integers(4, 10))
    times = np.append(0.002, rng.uniform(0.004, 0.04, size=paths))
    levels = np.append(1.0, rng.uniform(-0.6, 0.6, size=paths))
    angles = rng.uniform(0.0, np.pi, size=paths + 1)
    position = SPACING * (np.arange(MICROPHONES) - (MICROPHONES - 1) / 2)  # [4] metres
    delays = times + np.cos(angles) * position[:, None] / SPEED_OF_SOUND  # [4, paths] seconds
    # A delay is a phase that grows with frequency: exact also for fractions of a sample.
    frequencies = np.fft.rfftfreq(taps, 1.0 / RATE)
    spectrum = (levels * np.exp(-2j * np.pi * frequencies[:, None, None] * delays)).sum(axis=-1)  # [bins, 4]
    early = np.fft.irfft(spectrum.T, taps)
    decay = 10.0 ** (-3.0 * np.arange(taps) / taps)
    tail = between(rng, 0.01, 0.06) * rng.standard_normal((MICROPHONES, taps)) * decay
    tail[:, : round(0.005 * RATE)] = 0.0  # nothing arrives before the direct sound
    return early + tail
