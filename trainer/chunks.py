"""What is computed from clips, kept on disk in chunks that are mapped into memory.

A chunk holds the examples of a few hundred clips:

    <key>.npy     float32 [examples, ...]
    <key>.json    {"crc32": of the array's bytes, "examples": number of each clip, "bad": {clip: why}}

The key is a hash of what made the chunk: the specification, and path, size and times of every file. So a run
that was killed, a file that was replaced or a damaged chunk cost only the chunks that they concern.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from monitor.errors import MonitorError, safe
from trainer import files
from trainer.datasets import Clip
from trainer.progress import progress

CHUNK = 512
"""Clips in a chunk: what a kill may cost; each is one of the files that a process may have open."""
VERSION = 2
"""Of what is computed from the same specification: raised when a change of the program changes it"""

FloatArray = npt.NDArray[np.float32]
Result = FloatArray | str | None
"""Of a clip: its examples `[n, ...]`; why it cannot be read; or None, if it is too short"""


class Examples:
    """Examples that stay on disk: reads like an array `[examples, ...]` of float32.

    Args:
        chunks: the arrays that follow each other in it.
    """

    def __init__(self, chunks: Sequence[FloatArray]) -> None:
        self._chunks = [np.asarray(chunk) for chunk in chunks]  # ten times faster to index than a memmap
        self._starts = np.cumsum([0, *map(len, chunks)])
        self.shape = (int(self._starts[-1]), *chunks[0].shape[1:])

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, indices: npt.NDArray[np.intp]) -> FloatArray:
        """The examples of these indices, in memory."""
        chosen = np.empty((len(indices), *self.shape[1:]), dtype=np.float32)
        chunks = np.searchsorted(self._starts, indices, side="right") - 1
        inside = indices - self._starts[chunks]
        for row, (chunk, index) in enumerate(zip(chunks.tolist(), inside.tolist(), strict=True)):
            chosen[row] = self._chunks[chunk][index]
        return chosen


@dataclass(frozen=True)
class Features:
    """What was computed from a list of clips."""

    specification: dict[str, Any]
    """Of the computation"""
    examples: Examples
    """`[examples, ...]`, one for each channel or one for each clip"""
    clip: npt.NDArray[np.intp]
    """Index of the clip that each example is of, rising, `[examples]`"""
    short: tuple[int, ...]
    """Indices of the clips that are shorter than a window and give no example"""
    bad: dict[int, str]
    """Clips that could not be read, by index, with the reason"""


def collect(
    clips: Sequence[Clip],
    what: str,
    specification: dict[str, Any],
    shape: tuple[int, ...],
    compute: Callable[[Sequence[Clip]], Iterable[Result]],
    *,
    cache: Path,
) -> Features:
    """The examples of clips: from the cache where they are in it, else computed and put there.

    Args:
        clips: what to read.
        what: is computed, in a word or two for the progress bar.
        specification: of the computation, JSON-ready; the same gives the same examples.
        shape: of an example.
        compute: results of some clips, in their order, as they are made.
        cache: folder of the chunks; made if it is not there.

    Raises:
        MonitorError: not a single clip gives an example.
        OSError: the cache cannot be written, such as on a full disk. What is in it already stays good.
    """
    cache.mkdir(parents=True, exist_ok=True)
    chunks, computed, started = [], 0, time.monotonic()
    with progress() as bars:
        bar = bars.add_task(what, total=len(clips), note="")
        for first in range(0, len(clips), CHUNK):
            some = clips[first : first + CHUNK]
            stem = cache / _key(some, specification)
            chunk = _load(stem)
            if chunk is None:
                results = []
                for result in compute(some):
                    results.append(result)
                    computed += 1
                    speed = computed / (time.monotonic() - started)
                    bars.update(bar, advance=1, note=f"{speed:.1f} clips/s")
                chunk = _keep(results, shape, stem)
            else:
                bars.advance(bar, len(some))
            chunks.append(chunk)
    if computed:
        took = time.monotonic() - started
        print(f"{what} of {computed} clips in {took:.1f} s, kept in {safe(str(cache))}")
    counts = [count for chunk in chunks for count in chunk.counts]
    if not any(counts):
        raise MonitorError("every clip is unreadable or shorter than the window")
    bad = {
        first + index: reason
        for first, chunk in zip(range(0, len(clips), CHUNK), chunks, strict=True)
        for index, reason in chunk.bad.items()
    }
    return Features(
        specification=specification,
        examples=Examples([chunk.examples for chunk in chunks if len(chunk.examples)]),
        clip=np.repeat(np.arange(len(clips)), counts),
        short=tuple(index for index, count in enumerate(counts) if not count and index not in bad),
        bad=bad,
    )


@dataclass(frozen=True)
class _Chunk:
    examples: FloatArray
    counts: list[int]
    """Examples of each clip"""
    bad: dict[int, str]


def _key(clips: Sequence[Clip], specification: Any) -> str:
    made_of: list[Any] = [VERSION, soxr.__version__, specification]
    for clip in clips:
        path = clip.path.absolute()
        try:
            status = path.stat()
        except OSError as exc:  # left to the reader, who says what it could not open
            made_of.append([str(path), exc.strerror])
        else:
            # The time of change, too: tools that unpack restore that of modification.
            made_of.append([str(path), status.st_size, status.st_mtime_ns, status.st_ctime_ns])
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


def _keep(results: Sequence[Result], shape: tuple[int, ...], stem: Path) -> _Chunk:
    examples = [result for result in results if isinstance(result, np.ndarray)]
    array = np.concatenate([np.empty((0, *shape), dtype=np.float32), *examples])
    bad = {index: result for index, result in enumerate(results) if isinstance(result, str)}
    counts = [len(result) if isinstance(result, np.ndarray) else 0 for result in results]
    record = {"crc32": zlib.crc32(array.data), "examples": counts, "bad": bad}
    # The record is what makes a chunk valid, so it comes last; both appear whole or not at all.
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    files.write(stem.with_suffix(".npy"), content.getvalue())
    files.write(stem.with_suffix(".json"), json.dumps(record).encode())
    if len(array):  # nothing cannot be mapped
        array = np.load(stem.with_suffix(".npy"), mmap_mode="r", allow_pickle=False)
    return _Chunk(array, counts, bad)
