"""Samples at the rate of a network for sound. Training and serving both call it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import soxr


def resampled(samples: npt.NDArray[np.float32], rate: int, wanted: int) -> npt.NDArray[np.float32]:
    """A whole window at another rate.

    Args:
        samples: `[channels, n]`, in [-1, 1].
        rate: of them, hertz.
        wanted: hertz.

    Returns:
        `[channels, round(n * wanted / rate)]`; what is above half the old rate stays empty.
    """
    if rate == wanted:
        return samples
    length = round(samples.shape[1] * wanted / rate)
    found = soxr.resample(samples.T, rate, wanted).T[:, :length]
    # soxr may round the length down.
    full = np.pad(found, [(0, 0), (0, length - found.shape[1])])
    return np.ascontiguousarray(full, dtype=np.float32)
