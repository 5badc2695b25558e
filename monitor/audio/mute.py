"""A card that gives nothing but zeros has no microphones behind it: that time is a gap."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.audio.sources import Block, Gap, GapReason

LIMIT = 1.0
"""Seconds of zeros on all channels after which a card counts as muted; the quietest room has noise"""
INTERVAL = 10.0
"""Seconds after which a gap that goes on is told again, as often as labels would come"""
REASON: GapReason = "digital_silence"


class Mute:
    """Replaces the zeros of a muted card by gaps; what is not zero comes through at once.

    Args:
        sample_rate: of the records, Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._zeros = 0  # samples, the last ones that were heard
        self._told = 0  # index up to which the zeros of a muted card are in a gap
        self.muted = False

    def filter(self, record: Block | Gap) -> Iterator[Block | Gap]:
        """The record, or what takes its place now; together they cover the sample clock."""
        if isinstance(record, Block) and not record.samples.any():
            yield from self._zero(record)
            return
        if self.muted:
            yield from self._tell(record.start)
            self._told = record.end
        if isinstance(record, Block):
            self._zeros, self.muted = 0, False
        yield record

    def _zero(self, block: Block) -> Iterator[Block | Gap]:
        self._zeros += block.end - block.start
        if not self.muted and self._zeros < LIMIT * self._rate:
            yield block
            return
        if not self.muted:
            self.muted, self._told = True, block.start
            yield from self._tell(block.end)
        elif block.end - self._told >= INTERVAL * self._rate:
            yield from self._tell(block.end)

    def _tell(self, end: int) -> Iterator[Gap]:
        if end > self._told:
            yield Gap(self._told, end, REASON)
            self._told = end
