"""Sound in which every sample carries its number, so that lost ones can be counted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RATE = 16000
CHANNELS = 4


def _sound() -> npt.NDArray[np.int64]:
    """A second of a tone in noise, `[RATE, CHANNELS]`; the lower bytes are free."""
    time = np.arange(RATE)[:, None] / RATE
    noise = np.random.default_rng(1).standard_normal((RATE, CHANNELS))
    sound: npt.NDArray[np.float64] = 32768 * (0.1 * np.sin(2 * np.pi * 300.0 * time) + 0.01 * noise)
    return sound.astype(np.int64) & ~255


_SOUND = _sound()
_SHIFTS = 8 * np.arange(CHANNELS)


def encode(first: int, count: int) -> npt.NDArray[np.int16]:
    """`[count, CHANNELS]`: the sound, with a byte of the sample's number in each channel."""
    numbers = np.arange(first, first + count)
    return (_SOUND[numbers % RATE] | numbers[:, None] >> _SHIFTS & 255).astype(np.int16)


def decode(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Number of each sample of `[CHANNELS, n]` in [-1, 1]."""
    lower = np.round(samples.T * 32768).astype(np.int64) & 255
    return np.sum(lower << _SHIFTS, axis=1)
