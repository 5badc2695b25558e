"""The front end: samples -> log-mel spectrogram in dB. Training and serving both call it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.sparse

FloatArray = npt.NDArray[np.floating[Any]]
Mel = Literal["htk", "slaney"]
"""Whose formula for the mel scale"""

Reference = Literal["maximum", "full_scale"]
"""What stands at 0 dB"""

MIN_VALID_FRACTION = 0.99
"""A stretch of audio this close to a whole window is completed with zeros; a shorter one gives no label.

Codecs trim clips by some milliseconds. The rule is the same for a training clip and for what is left at the
end of a recording that is monitored."""

SILENCE_POWER = 1e-10
"""Mel power below which a clip holds no sound (librosa's `amin`): its spectrogram is the floor everywhere.

Without it the normalisation to the maximum would make digital silence the loudest picture of all."""


@dataclass(frozen=True)
class LogMelSpec:
    """What makes a log-mel spectrogram (section 3.1 of the paper); defaults are the paper's.

    The paper names neither the mel formula nor the framing, so both are fields.
    """

    sample_rate: int
    """Hertz"""
    window_seconds: float = 0.32
    """Length of the periodic Hann window"""
    hop_seconds: float = 0.16
    """Distance between the starts of two windows"""
    n_mels: int = 128
    """Bands from 0 Hz to half the sample rate"""
    mel: Mel = "htk"
    """`htk`: HTK formula, triangles of unit height (auDeep); `slaney`: Slaney formula, triangles of unit area
    (librosa's default)"""
    center: bool = False
    """Pad half a window of zeros at both ends, so that frame t is centred on sample t * hop"""
    floor_db: float = -80.0
    """Values below it are raised to it"""
    pre_emphasis: float = 0.0
    """Before anything else every sample loses this share of the one before it; 0: nothing, 0.95: auDeep"""
    reference: Reference = "maximum"
    """`maximum`: each clip's loudest value stands at 0 dB, as in the paper; `full_scale`: a sine of amplitude
    1 does, so that a spectrogram also says how loud a clip is. `floor_db` counts from the maximum in both"""

    def __post_init__(self) -> None:
        if self.mel not in ("htk", "slaney"):
            raise ValueError(f"mel must be 'htk' or 'slaney', not {self.mel!r}")
        if self.reference not in ("maximum", "full_scale"):
            raise ValueError(f"reference must be 'maximum' or 'full_scale', not {self.reference!r}")
        if not (math.isfinite(self.floor_db) and self.floor_db < 0):
            raise ValueError(f"floor_db must be below 0 dB, not {self.floor_db}")
        if not 0 <= self.pre_emphasis < 1:
            raise ValueError(f"pre_emphasis must be in [0, 1), not {self.pre_emphasis}")
        if min(self.sample_rate, self.n_mels, self.window, self.hop) < 1:
            raise ValueError(f"sample rate, bands, window and hop must be positive: {self}")

    @property
    def window(self) -> int:
        """Window length in samples, also the FFT length."""
        return round(self.window_seconds * self.sample_rate)

    @property
    def hop(self) -> int:
        """Hop in samples."""
        return round(self.hop_seconds * self.sample_rate)

    def frames(self, samples: int) -> int:
        """Number of frames that `samples` samples give; 0 if they are fewer than one window."""
        padded = samples + 2 * (self.window // 2) if self.center else samples
        return max(0, 1 + (padded - self.window) // self.hop)


def log_mel(samples: FloatArray, spec: LogMelSpec) -> npt.NDArray[np.float32]:
    """Log-mel power spectrogram in dB, relative to the maximum of each clip or to full scale.

    Power is |STFT|^2 with a periodic Hann window, summed in triangular mel bands. Computed in float32, which
    is as good as exact: rounding puts noise into every bin of a frame, some 140 dB below the loudest one. On
    recordings a band near -80 dB is off by 0.002 dB at most, above -50 dB by 0.0001. float64 takes twice the
    time.

    Args:
        samples: real `[..., samples]`, usually `[channels, samples]` in [-1, 1], at `spec.sample_rate`.
        spec: what to compute.

    Returns:
        float32 `[..., n_mels, frames]`, dB relative to `spec.reference`; band 0 is the lowest. Nothing is
        further below the clip's maximum than `spec.floor_db`, and digital silence is there everywhere, as if
        its maximum were 0 dB or, relative to full scale, `SILENCE_POWER`. Samples that are not finite or
        exceed 1e15 give values that are not finite.

    Raises:
        ValueError: fewer samples than one window.
    """
    power = mel_power(samples, spec)
    peak = power.max(axis=(-2, -1), keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):  # nothing is -inf dB, raised to the floor
        power /= np.where(peak < SILENCE_POWER, np.inf, peak)
        decibel: npt.NDArray[np.float32] = np.maximum(10.0 * np.log10(power), spec.floor_db)
        if spec.reference == "full_scale":
            decibel += 10.0 * np.log10(np.maximum(peak, SILENCE_POWER) / _full_scale(spec))
    return decibel


def _full_scale(spec: LogMelSpec) -> np.float32:
    """Mel power of a sine of amplitude 1 at the peak of a triangle of unit height."""
    return np.float32((_hann(spec.window).sum() / 2.0) ** 2)


def mel_power(samples: FloatArray, spec: LogMelSpec) -> npt.NDArray[np.float32]:
    """Power in each mel band: float32 `[..., n_mels, frames]` from real `[..., samples]`."""
    samples = np.asarray(samples, dtype=np.float32)
    if spec.pre_emphasis:
        emphasised = samples[..., 1:] - spec.pre_emphasis * samples[..., :-1]
        samples = np.concatenate([samples[..., :1], emphasised], axis=-1)
    if spec.center:
        half = spec.window // 2
        samples = np.pad(samples, [(0, 0)] * (samples.ndim - 1) + [(half, half)])
    if samples.shape[-1] < spec.window:
        raise ValueError(f"need at least {spec.window} samples, got {samples.shape[-1]}")
    hann, bands = _hann(spec.window), mel_bands(spec)
    frames = np.lib.stride_tricks.sliding_window_view(samples, spec.window, axis=-1)[..., :: spec.hop, :]
    power = np.empty((*frames.shape[:-2], spec.n_mels, frames.shape[-2]), dtype=np.float32)
    # One channel at a time: arrays for all of them are so large that the system takes them back after every
    # call, and to give them anew takes as long as the work.
    for channel in np.ndindex(frames.shape[:-2]):
        spectrum = scipy.fft.rfft(frames[channel] * hann)  # [frames, window // 2 + 1]
        with np.errstate(over="ignore"):
            power[channel] = bands @ (spectrum.real**2 + spectrum.imag**2).T
    return power


@lru_cache(maxsize=8)
def _hann(window: int) -> npt.NDArray[np.float32]:
    """Periodic Hann window `[window]`."""
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(window) / window)
    return hann.astype(np.float32)


@lru_cache(maxsize=8)
def mel_bands(spec: LogMelSpec) -> scipy.sparse.csr_array:
    """Triangular mel filter bank, sparse float32 `[n_mels, window // 2 + 1]`: a bin lies in two at most.

    Band b rises from edge b to edge b + 1 and falls to edge b + 2; the n_mels + 2 edges are equally spaced on
    the mel scale between 0 Hz and half the sample rate.
    """
    edges = mel_frequencies(spec, spec.n_mels + 2)
    bins = np.arange(spec.window // 2 + 1) * spec.sample_rate / spec.window
    filters = triangles(edges, bins, unit_area=spec.mel == "slaney")
    return scipy.sparse.csr_array(filters.astype(np.float32))


def triangles(
    edges: npt.NDArray[np.float64], bins: npt.NDArray[np.float64], *, unit_area: bool
) -> npt.NDArray[np.float64]:
    """Triangular filters `[bands, bins]`: band b rises from edge b to edge b + 1 and falls to edge b + 2.

    Args:
        edges: hertz, rising, `[bands + 2]`.
        bins: hertz of the spectrum's bins.
        unit_area: so that each triangle's area over hertz is 1; else its height is.
    """
    low, peak, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rise, fall = (bins - low) / (peak - low), (high - bins) / (high - peak)
    heights: npt.NDArray[np.float64] = np.maximum(0.0, np.minimum(rise, fall))
    return heights * (2.0 / (high - low)) if unit_area else heights


def mel_frequencies(spec: LogMelSpec, points: int) -> npt.NDArray[np.float64]:
    """So many hertz, equally spaced on the mel scale from 0 Hz to half the sample rate, `[points]`."""
    return mel_points(spec.mel, 0.0, spec.sample_rate / 2, points)


def mel_points(mel: Mel, low: float, high: float, points: int) -> npt.NDArray[np.float64]:
    """So many hertz, equally spaced on a mel scale from `low` to `high` hertz, `[points]`."""
    to_mel, to_hertz = (_htk_mel, _htk_hertz) if mel == "htk" else (_slaney_mel, _slaney_hertz)
    return to_hertz(np.linspace(to_mel(np.array(low)), to_mel(np.array(high)), points))


def _htk_mel(hertz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 2595.0 * np.log10(1.0 + hertz / 700.0)


def _htk_hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


# Slaney's Auditory Toolbox: linear up to 1000 Hz (15 mel), logarithmic above, 27 mel per factor of 6.4.
_SLANEY_HERTZ_PER_MEL = 200.0 / 3.0
_SLANEY_LOG_STEP = np.log(6.4) / 27.0


def _slaney_mel(hertz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    above = 15.0 + np.log(np.maximum(hertz, 1000.0) / 1000.0) / _SLANEY_LOG_STEP
    return np.where(hertz < 1000.0, hertz / _SLANEY_HERTZ_PER_MEL, above)


def _slaney_hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    above = 1000.0 * np.exp(_SLANEY_LOG_STEP * (np.maximum(mel, 15.0) - 15.0))
    return np.where(mel < 15.0, mel * _SLANEY_HERTZ_PER_MEL, above)


def complete_window(samples: FloatArray, window: int) -> FloatArray | None:
    """The first `window` samples of a stretch of audio, completed with zeros if a few are missing.

    Args:
        samples: `[..., n]`.
        window: samples wanted.

    Returns:
        `[..., window]`, or None if fewer than `MIN_VALID_FRACTION` of a window is there.
    """
    missing = window - samples.shape[-1]
    if missing <= 0:
        return samples[..., :window]
    if samples.shape[-1] < MIN_VALID_FRACTION * window:
        return None
    return np.pad(samples, [(0, 0)] * (samples.ndim - 1) + [(0, missing)])
