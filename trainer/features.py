"""Clips -> log-mel examples, kept on disk in chunks that are computed once and mapped into memory.

A chunk holds the examples of a few hundred clips:

    <key>.npy     float32 [examples, n_mels, frames]
    <key>.json    {"crc32": of the array's bytes, "examples": number of each clip, "bad": {clip: why}}

The key is a hash of what made the chunk: front end, window, channels, and path, size and time of every file.
So a run that was killed, a file that was replaced or a damaged chunk cost only the chunks that they concern.
float32, because that is what the daemon computes; a full DCASE 2018 set takes 9 GB.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
from rich.progress import Progress

from monitor.errors import MonitorError, safe
from monitor.inference.logmel import LogMelSpec, complete_window, log_mel
from trainer.datasets import Clip

SPARE_SECONDS = 1.0
"""Read beyond the window, so that a resampler's last samples see what follows them."""
CHUNK = 256
"""Clips in a chunk: 8 to 32 MB, and some seconds of work that a kill may cost."""

Channels = Literal["each", "mono"]
LogMel = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FrontEnd:
    """What turns a clip into examples."""

    log_mel: LogMelSpec
    window_seconds: float
    """Length of a clip's window, which is its beginning"""
    channels: Channels
    """`each`: every channel is an example (the practice of the DCASE 2018 baseline); `mono`: their mean is"""


class Examples:
    """Examples that stay on disk: reads like an array `[examples, n_mels, frames]` of float32.

    Args:
        chunks: the arrays that follow each other in it.
    """

    def __init__(self, chunks: Sequence[LogMel]) -> None:
        self._chunks = [np.asarray(chunk) for chunk in chunks]  # ten times faster to index than a memmap
        self._starts = np.cumsum([0, *map(len, chunks)])
        self.shape = (int(self._starts[-1]), *chunks[0].shape[1:])

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, indices: npt.NDArray[np.intp]) -> LogMel:
        """The examples of these indices, in memory."""
        chosen = np.empty((len(indices), *self.shape[1:]), dtype=np.float32)
        chunks = np.searchsorted(self._starts, indices, side="right") - 1
        inside = indices - self._starts[chunks]
        for row, (chunk, index) in enumerate(zip(chunks.tolist(), inside.tolist(), strict=True)):
            chosen[row] = self._chunks[chunk][index]
        return chosen


@dataclass(frozen=True)
class Features:
    """The examples of a list of clips."""

    log_mel: Examples
    """dB"""
    clip: npt.NDArray[np.intp]
    """Index of the clip that each example is a channel of, rising, `[examples]`"""
    short: tuple[int, ...]
    """Indices of the clips that are shorter than a window and give no example"""
    bad: dict[int, str]
    """Clips that could not be read, by index, with the reason"""


def extract(clips: Sequence[Clip], front_end: FrontEnd, cache: Path) -> Features:
    """The log-mel spectrograms of clips: from the cache where they are in it, else computed and put there.

    Args:
        clips: what to read.
        front_end: what to compute.
        cache: folder of the chunks; made if it is not there.

    Raises:
        MonitorError: not a single clip gives an example.
        OSError: the cache cannot be written, such as on a full disk. What is in it already stays good.
    """
    cache.mkdir(parents=True, exist_ok=True)
    chunks, computed, started = [], 0, time.monotonic()
    # Threads, not processes: FFT, decoder and resampler let go of the interpreter lock.
    with ThreadPoolExecutor(os.cpu_count()) as pool, Progress(transient=True) as progress:
        bar = progress.add_task("log-mel", total=len(clips))
        for first in range(0, len(clips), CHUNK):
            some = clips[first : first + CHUNK]
            stem = cache / _key(some, front_end)
            chunk = _load(stem)
            if chunk is None:
                chunk = _compute(some, front_end, stem, pool)
                computed += len(some)
            chunks.append(chunk)
            progress.advance(bar, len(some))
    if computed:
        print(
            f"log-mel of {computed} clips in {time.monotonic() - started:.1f} s, kept in {safe(str(cache))}"
        )
    counts = [count for chunk in chunks for count in chunk.counts]
    if not any(counts):
        raise MonitorError(f"every clip is unreadable or shorter than {front_end.window_seconds:g} s")
    bad = {
        first + index: reason
        for first, chunk in zip(range(0, len(clips), CHUNK), chunks, strict=True)
        for index, reason in chunk.bad.items()
    }
    return Features(
        log_mel=Examples([chunk.log_mel for chunk in chunks if len(chunk.log_mel)]),
        clip=np.repeat(np.arange(len(clips)), counts),
        short=tuple(index for index, count in enumerate(counts) if not count and index not in bad),
        bad=bad,
    )


def default_cache() -> Path:
    """Where features are kept unless the command line says something else."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "activity-monitor" / "features"


@dataclass(frozen=True)
class _Chunk:
    log_mel: LogMel
    counts: list[int]
    """Examples of each clip"""
    bad: dict[int, str]


def _key(clips: Sequence[Clip], front_end: FrontEnd) -> str:
    made_of: list[Any] = [asdict(front_end)]
    for clip in clips:
        path = clip.path.absolute()
        try:
            status = path.stat()
        except OSError as exc:  # left to the reader, who says what it could not open
            made_of.append([str(path), exc.strerror])
        else:
            made_of.append([str(path), status.st_size, status.st_mtime_ns])
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:32]


def _load(stem: Path) -> _Chunk | None:
    """A chunk from the cache; None if it is not there, damaged, or lacks clips that may be readable today."""
    try:
        record = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
        mapped = np.load(stem.with_suffix(".npy"), mmap_mode="r", allow_pickle=False)
        whole = zlib.crc32(mapped.data) == record["crc32"] and len(mapped) == sum(record["examples"])
        return _Chunk(mapped, record["examples"], {}) if whole and not record["bad"] else None
    except (OSError, EOFError, ValueError, KeyError, TypeError):
        return None


def _compute(clips: Sequence[Clip], front_end: FrontEnd, stem: Path, pool: Executor) -> _Chunk:
    results = list(pool.map(lambda clip: _try_example(clip, front_end), clips))
    examples = [result for result in results if isinstance(result, np.ndarray)]
    spec = front_end.log_mel
    frames = spec.frames(round(front_end.window_seconds * spec.sample_rate))
    array = np.concatenate([np.empty((0, spec.n_mels, frames), dtype=np.float32), *examples])
    bad = {index: result for index, result in enumerate(results) if isinstance(result, str)}
    counts = [len(result) if isinstance(result, np.ndarray) else 0 for result in results]
    record = {"crc32": zlib.crc32(array.data), "examples": counts, "bad": bad}
    # The record is what makes a chunk valid, so it comes last; both appear whole or not at all.
    _replace(stem.with_suffix(".npy"), lambda file: np.save(file, array, allow_pickle=False))
    _replace(stem.with_suffix(".json"), lambda file: file.write(json.dumps(record).encode()))
    if len(array):  # nothing cannot be mapped
        array = np.load(stem.with_suffix(".npy"), mmap_mode="r", allow_pickle=False)
    return _Chunk(array, counts, bad)


def _replace(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file under another name, then give it its own."""
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        try:
            write(file)
            file.close()
            os.replace(file.name, path)  # noqa: PTH105 (the temporary file's name is a string)
        except BaseException as exc:
            Path(file.name).unlink(missing_ok=True)
            if isinstance(exc, OSError):  # a full disk does not name the file
                raise OSError(exc.errno, exc.strerror, str(path)) from exc
            raise


def _try_example(clip: Clip, front_end: FrontEnd) -> LogMel | str | None:
    try:
        return example(clip, front_end)
    except MonitorError as exc:
        return str(exc)


def example(clip: Clip, front_end: FrontEnd) -> LogMel | None:
    """The examples of one clip.

    Returns:
        dB `[channels, n_mels, frames]`, one channel if they are mixed; None if the clip is too short.

    Raises:
        MonitorError: as `read_window`.
    """
    window = read_window(clip.path, front_end.log_mel.sample_rate, front_end.window_seconds)
    if window is None:
        return None
    if front_end.channels == "mono":
        window = window.mean(axis=0, keepdims=True)
    return log_mel(window, front_end.log_mel)


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
