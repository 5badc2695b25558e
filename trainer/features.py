"""Clips -> log-mel examples, one per channel (the practice of the DCASE 2018 baseline)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
from rich.progress import track

from monitor.errors import MonitorError, safe
from monitor.inference.logmel import LogMelSpec, complete_window, log_mel
from trainer.datasets import Clip

SPARE_SECONDS = 1.0
"""Read beyond the window, so that a resampler's last samples see what follows them."""


@dataclass(frozen=True)
class Features:
    """The examples of a list of clips."""

    log_mel: npt.NDArray[np.float32]
    """dB `[examples, n_mels, frames]`"""
    clip: npt.NDArray[np.intp]
    """Index of the clip that each example is a channel of, rising, `[examples]`"""
    left_out: tuple[int, ...]
    """Indices of the clips that are shorter than a window and give no example"""


def extract(clips: Sequence[Clip], spec: LogMelSpec, window_seconds: float) -> Features:
    """The log-mel spectrograms of the first window of every clip.

    Raises:
        MonitorError: a clip cannot be read, or not a single one is long enough.
    """

    def example(clip: Clip) -> npt.NDArray[np.float32] | None:
        window = read_window(clip.path, spec.sample_rate, window_seconds)
        return None if window is None else log_mel(window, spec)  # [channels, n_mels, frames]

    # Threads, not processes: FFT, decoder and resampler let go of the interpreter lock.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(example, clips)
        examples = list(track(results, "log-mel", total=len(clips), transient=True))
    kept = [(index, example) for index, example in enumerate(examples) if example is not None]
    if not kept:
        raise MonitorError(f"every clip is shorter than the window of {window_seconds:g} s")
    return Features(
        log_mel=np.concatenate([example for _, example in kept]),
        clip=np.repeat([index for index, _ in kept], [len(example) for _, example in kept]),
        left_out=tuple(index for index, example in enumerate(examples) if example is None),
    )


def read_window(path: Path, sample_rate: int, seconds: float) -> npt.NDArray[np.float32] | None:
    """The first window of an audio file, by the daemon's rule for short ones (`complete_window`).

    Returns:
        float32 `[channels, seconds * sample_rate]` at `sample_rate`, in [-1, 1]; None if it is too short.

    Raises:
        MonitorError: not readable as audio, or with samples that are no numbers.
    """
    try:
        with soundfile.SoundFile(path) as file:
            frames = round((seconds + SPARE_SECONDS) * file.samplerate)
            samples = file.read(frames, dtype="float32", always_2d=True)  # [n, channels]
            rate = file.samplerate
    except (soundfile.SoundFileError, OSError) as exc:
        raise MonitorError(f"clip {safe(str(path))} cannot be read: {safe(str(exc))}") from exc
    if not np.isfinite(samples).all():
        raise MonitorError(f"clip {safe(str(path))} holds samples that are not finite numbers")
    if rate != sample_rate:
        samples = soxr.resample(samples, rate, sample_rate)
    window = complete_window(samples.T, round(seconds * sample_rate))
    return None if window is None else window.astype(np.float32, copy=False)
