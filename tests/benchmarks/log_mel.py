"""The log-mel front end against librosa and torch: four channels, 10 s at 16 kHz, in one thread."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from threadpoolctl import threadpool_limits

from monitor.inference.logmel import LogMelSpec, log_mel, mel_bands
from tests.benchmarks.measure import compared, take_turns
from tests.homes import simulated
from tests.references import librosa_log_mel
from trainer.tables import Row

REPETITIONS = 100
SPEC = LogMelSpec(16000, mel="slaney", floor_db=-40.0)
"""With a floor that the recording reaches, so that it is compared, too"""
TOLERANCE_DB = 1e-4


def rows() -> Iterator[Row]:
    """Ours, which computes in float32, against the others in float32, their habit, and in float64."""
    samples = simulated("cooking", 1, 10 * SPEC.sample_rate)  # [4, samples]
    for dtype in (np.float32, np.float64):
        yield from _rows(samples.astype(dtype))


def _rows(channels: npt.NDArray[np.floating]) -> Iterator[Row]:
    torch_log_mel = TorchLogMel(SPEC, torch.from_numpy(channels).dtype)
    others = {
        "librosa": lambda: librosa_log_mel(channels, SPEC),
        "torch": lambda: torch_log_mel(channels),
    }
    wanted = log_mel(channels, SPEC)
    for other in others.values():
        np.testing.assert_allclose(other(), wanted, rtol=0.0, atol=TOLERANCE_DB)
    with threadpool_limits(1):
        ours, *theirs = take_turns(REPETITIONS, lambda: log_mel(channels, SPEC), *others.values())
    for name, seconds in zip(others, theirs, strict=True):
        what = "log-mel of four channels, 10 s at 16 kHz, one thread"
        note = f"equal within {TOLERANCE_DB:g} dB"
        yield compared(what, ours, f"{name}, {channels.dtype}", seconds, note)


class TorchLogMel:
    """Ours by torch.stft, with window and filter bank at hand."""

    def __init__(self, spec: LogMelSpec, dtype: torch.dtype) -> None:
        self._spec = spec
        self._hann = torch.hann_window(spec.window, dtype=dtype)
        self._bands = torch.from_numpy(mel_bands(spec).toarray()).to(dtype)  # [n_mels, bins]

    def __call__(self, channels: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Decibels `[channels, n_mels, frames]` of `[channels, samples]` that are not silent."""
        spectrum = torch.stft(
            torch.from_numpy(channels),
            self._spec.window,
            self._spec.hop,
            window=self._hann,
            center=False,
            return_complex=True,
        )
        power = self._bands @ (spectrum.real**2 + spectrum.imag**2)
        relative = power / power.amax((-2, -1), keepdim=True)
        return (10.0 * torch.log10(relative.clamp(min=10.0 ** (self._spec.floor_db / 10.0)))).numpy()
