"""By how much one channel is behind another (GCC-PHAT: Knapp and Carter, 1976)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.fft

NEAR = 1e-3
"""Seconds: more than sound takes across an array of 30 cm"""
REACH = 0.1
"""Seconds: longest lag that is looked for"""
COHERENT = 0.15
"""Least correlation of whitened signals from which a lag is believed; 1 is a mere copy, and signals that have
nothing in common stay below 0.03"""
PROMINENT = 2.0
"""A lag is believed if it correlates so much better than any on the other side of `NEAR`: with hum and music
every period is as good as the first"""


def lags(parts: npt.NDArray[np.float32], sample_rate: int) -> npt.NDArray[np.float64]:
    """Seconds by which each channel is behind the first one.

    Args:
        parts: `[channels, parts, n]`, pieces of the same signals; n is several times `REACH`.
        sample_rate: hertz.

    Returns:
        `[channels]` in [-`REACH`, `REACH`], NaN where the signals do not tell.
    """
    spectra = scipy.fft.rfft(parts.astype(np.float64))  # [channels, parts, bins]
    cross = spectra * spectra[0].conj()
    # Whitened, so that every frequency votes with the same weight and reverberation does not smear the peak.
    cross /= np.maximum(np.abs(cross), np.finfo(np.float64).tiny)
    length = parts.shape[-1]
    correlation = scipy.fft.irfft(cross.mean(axis=1), length)  # [channels, n]; negative lags at the end
    reach = min(round(REACH * sample_rate), (length - 1) // 2)
    samples = np.arange(-reach, reach + 1)
    correlation = correlation[:, samples]
    near = np.abs(samples) <= NEAR * sample_rate
    peaks = np.stack([correlation[:, near].max(axis=1), correlation[:, ~near].max(axis=1, initial=0.0)])
    high, low = peaks.max(axis=0), peaks.min(axis=0)
    best = samples[correlation.argmax(axis=1)] / sample_rate
    return np.where((high >= COHERENT) & (high >= PROMINENT * low), best, np.nan)
