"""The frozen parts of networks for sound: windowed Fourier kernels and mel filters, as checkpoints hold them.

The networks keep them among their parameters, because published files bring their own: what was learnt with.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from monitor.inference.logmel import Mel, mel_points, triangles


def fourier_kernels(window: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and negative sines under a periodic Hann window: a strided convolution with them is an STFT.

    Args:
        window: samples, even.

    Returns:
        Real and imaginary part, float32 `[window // 2 + 1, 1, window]`.
    """
    time = np.arange(window)
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * time / window)
    # The product is reduced first: the cosine of a large number would have lost its last digits.
    phase = 2.0 * np.pi * (np.outer(np.arange(window // 2 + 1), time) % window) / window
    return _constant((hann * np.cos(phase))[:, None]), _constant((-hann * np.sin(phase))[:, None])


def mel_filters(mel: Mel, *, rate: int, window: int, bands: int, low: float, high: float) -> torch.Tensor:
    """Triangles of unit area over a power spectrum: float32 `[bands, window // 2 + 1]`.

    Args:
        mel: formula of the scale on which the bands have equal distances.
        rate: hertz.
        window: samples of the STFT.
        bands: how many.
        low: hertz at which the first begins.
        high: hertz at which the last ends.
    """
    bins = np.arange(window // 2 + 1) * rate / window
    return _constant(triangles(mel_points(mel, low, high, bands + 2), bins, unit_area=True))


def _constant(values: npt.NDArray[np.float64]) -> torch.Tensor:
    # On the default device: where networks are made without weights, these are not made either.
    return torch.tensor(values, dtype=torch.float32)
