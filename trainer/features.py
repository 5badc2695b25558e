"""Clips -> log-mel examples, in chunks on disk (`trainer.chunks`).

float32, because that is what the daemon computes; a full DCASE 2018 set takes 9 GB.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
import soxr

from monitor.errors import MonitorError, safe
from monitor.inference.logmel import LogMelSpec, complete_window, log_mel
from trainer.chunks import Features, FloatArray, Result, collect
from trainer.datasets import Clip

SPARE_SECONDS = 1.0
"""Read beyond the window, so that a resampler's last samples see what follows them."""

Channels = Literal["each", "mono"]


@dataclass(frozen=True)
class FrontEnd:
    """What turns a clip into examples."""

    log_mel: LogMelSpec
    window_seconds: float
    """Length of a clip's window, which is its beginning"""
    channels: Channels
    """`each`: every channel is an example (the practice of the DCASE 2018 baseline); `mono`: their mean is"""

    @property
    def shape(self) -> tuple[int, int]:
        """Of an example: bands and frames."""
        return self.log_mel.n_mels, self.log_mel.frames(round(self.window_seconds * self.log_mel.sample_rate))


def extract(clips: Sequence[Clip], front_end: FrontEnd, cache: Path) -> Features:
    """The log-mel spectrograms of clips, dB `[examples, n_mels, frames]`.

    Args:
        clips: what to read.
        front_end: what to compute.
        cache: folder of the chunks; made if it is not there.

    Raises:
        MonitorError: not a single clip gives an example.
        OSError: the cache cannot be written.
    """
    # Threads, not processes: FFT, decoder and resampler let go of the interpreter lock.
    with ThreadPoolExecutor(os.cpu_count()) as pool:

        def compute(some: Sequence[Clip]) -> Iterable[Result]:
            return pool.map(lambda clip: try_example(clip, front_end), some)

        return collect(clips, "log-mel", asdict(front_end), front_end.shape, compute, cache=cache)


def try_example(clip: Clip, front_end: FrontEnd) -> Result:
    """As `example`, with the reason instead of an error."""
    try:
        return example(clip, front_end)
    except MonitorError as exc:
        return str(exc)


def example(clip: Clip, front_end: FrontEnd) -> FloatArray | None:
    """The examples of one clip.

    Returns:
        dB `[channels, n_mels, frames]`, one channel if they are mixed; None if the clip is too short.

    Raises:
        MonitorError: as `read_window`.
    """
    rate = front_end.log_mel.sample_rate
    window = heard_window(clip, rate, front_end.window_seconds, front_end.channels)
    return None if window is None else log_mel(window, front_end.log_mel)


def heard_window(clip: Clip, sample_rate: int, seconds: float, channels: Channels) -> FloatArray | None:
    """As `read_window`, with one channel if they are mixed."""
    window = read_window(clip.path, sample_rate, seconds)
    if window is None or channels == "each":
        return window
    mixed: FloatArray = window.mean(axis=0, keepdims=True)
    return mixed


def read_window(path: Path, sample_rate: int, seconds: float) -> FloatArray | None:
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
