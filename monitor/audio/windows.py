"""Blocks -> windows on the sample clock. Every sample is in a window or in a gap."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.audio.sources import Block, Gap
from monitor.inference.logmel import complete_window


@dataclass(frozen=True)
class Window:
    """What is recognised."""

    samples: npt.NDArray[np.float32]
    """`[channels, window]`; after `end` there are zeros"""
    start: int
    """Index of the first sample on the sample clock"""
    end: int
    """Index after the last sample"""
    received: int
    """Index after the last sample that had been received when the window was complete"""
    time: float
    """When that sample was captured (a card) or read (a file), seconds of `clock.now`"""
    file: str | None = None
    """Name of the file that is replayed"""

    @property
    def valid_fraction(self) -> float:
        """Share of the window that holds samples, in [0.99, 1]."""
        return (self.end - self.start) / int(self.samples.shape[1])


def windows(records: Iterable[Block | Gap], window: int, hop: int) -> Generator[Window | Gap, None, None]:
    """Cut blocks of any length into windows; a gap starts a fresh window.

    Where audio breaks off, what is left is a window if `complete_window` accepts it, else part of the gap.
    Windows and gaps cover the sample clock without a hole, and gaps overlap nothing; also when `records`
    raises an error, which is passed on once what is left has been accounted for.

    Args:
        records: contiguous blocks and gaps, as an `ArraySource` yields them.
        window: samples in a window.
        hop: samples from the start of a window to the start of the next one, at most `window`.
    """
    cutter = _Cutter(window, hop)
    try:
        for record in records:
            yield from cutter.add(record) if isinstance(record, Block) else cutter.break_off(record)
    except Exception:
        yield from cutter.break_off(Gap(cutter.end, cutter.end, "end_of_file"))
        raise
    yield from cutter.break_off(Gap(cutter.end, cutter.end, "stopped"))


class _Cutter:
    def __init__(self, window: int, hop: int) -> None:
        if not 0 < hop <= window:
            raise ValueError(f"hop must be from 1 to {window} samples, not {hop}")
        self.window, self.hop = window, hop
        self.blocks: list[Block] = []  # contiguous; the next window begins with the first sample
        self.start = self.end = 0  # of the samples in `blocks`
        self.covered = 0  # every sample before it is in a window or gap

    def add(self, block: Block) -> Iterator[Window]:
        self.blocks.append(block)
        self.end = block.end
        if self.end - self.start < self.window:
            return
        samples = self._joined()
        while self.end - self.start >= self.window:
            yield self._window(samples[:, : self.window])
            samples = samples[:, self.hop :]
            self.start += self.hop
        self.blocks = [Block(samples, self.start, block.time, block.file)]

    def break_off(self, gap: Gap) -> Iterator[Window | Gap]:
        if self.end > self.covered:
            completed = complete_window(self._joined(), self.window)
            if completed is not None:
                yield self._window(completed)
        if gap.end > self.covered:
            yield Gap(self.covered, gap.end, gap.reason)
        self.blocks = []
        self.start = self.end = self.covered = gap.end

    def _window(self, samples: npt.NDArray[np.float32]) -> Window:
        last = self.blocks[-1]
        self.covered = min(self.start + self.window, self.end)
        return Window(samples, self.start, self.covered, last.end, last.time, last.file)

    def _joined(self) -> npt.NDArray[np.float32]:
        return np.concatenate([block.samples for block in self.blocks], axis=1)
