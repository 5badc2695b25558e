"""Accounts for every sample of a card, since PortAudio does not report lost ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from monitor import clock
from monitor.audio.drift import Drift
from monitor.audio.sources import Block, Gap, GapReason

TOLERANCE = 0.25
"""Seconds by which blocks may be late before samples count as lost. PortAudio periods do not fit our blocks,
which is worth 0.1 s, and a sound server may change its latency by 0.16 s while it runs (both measured)."""
KNOWN_TOLERANCE = 0.02
"""The same where it is known that something was lost, and only the clock says how much"""
CONFIRM = 1.0
"""Seconds that blocks must stay late: a queue that was only delayed catches up sooner"""
MAX_DRIFT = 500e-6
"""Most that a card's clock may be slower than ours; cheap crystals are within 0.01 %"""


class Arrival(NamedTuple):
    """A block as it comes from the capture process."""

    time: float
    """When it had arrived, seconds of `clock.now`"""
    samples: npt.NDArray[np.float32]
    """`[channels, n]`"""
    overflow: bool = False
    """The driver says that samples before it were lost"""

    def began(self, sample_rate: int) -> float:
        """When its first sample was captured, if it arrived at once."""
        return self.time - self.size / sample_rate

    @property
    def size(self) -> int:
        """Samples per channel."""
        return int(self.samples.shape[1])


class Ledger:
    """Tells lost samples from late ones by the clock.

    Blocks that come late are held until either later ones have caught up (a queue was delayed: nothing is
    lost) or `CONFIRM` seconds have passed (samples are lost before the first late block). Those of a new
    capture process are held as long, since only the earliest arrivals tell how much is missing before them.
    Less than `TOLERANCE` is noticed only where the driver reports an overflow or the machine was suspended:
    behind a sound server, a small loss looks like a change of its latency.

    Args:
        sample_rate: nominal rate, Hz. The true one may be up to `MAX_DRIFT` lower, or any higher.
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.drift = Drift(sample_rate)
        self.end = 0  # index after the last sample that was accounted for
        self._due: float | None = None  # when that sample was captured, as the earliest blocks have shown
        self._held: list[Arrival] = []
        self._lateness: list[float] = []  # of each held block, seconds
        self._reason: GapReason | None = None  # why samples are missing before the held blocks, if they are
        self._suspended = clock.suspended()  # as far as it is accounted for

    def account(self, received: Iterable[Arrival], reason: GapReason) -> Iterator[Block | Gap]:
        """Blocks of one capture process on the sample clock, and gaps where samples are missing.

        Args:
            received: what arrives.
            reason: why audio was missing before the first block, if it was.
        """
        for number, arrival in enumerate(received):
            if number == 0:
                self.drift.restart()
                self._reason = None if self._due is None else reason
                self._due = arrival.began(self.sample_rate) if self._due is None else self._due
            self._held.append(arrival)
            self._lateness.append(arrival.time - self._due_after_held())
            if not self._suspicious() or arrival.time - self._held[0].time >= CONFIRM:
                yield from self._settle()

    def missing(self, until: float, reason: GapReason) -> Iterator[Block | Gap]:
        """What is held, then a gap up to the moment `until` (`clock.now`, seconds)."""
        yield from self._settle()
        if self._due is not None and until > self._due:
            yield from self._gap(until - self._due, reason)

    def _suspicious(self) -> bool:
        """Whether samples may be missing before the held blocks."""
        return self._lateness[-1] > TOLERANCE or self._loss_is_known()

    def _loss_is_known(self) -> bool:
        return (
            self._reason is not None
            or self._held[0].overflow
            or clock.suspended() - self._suspended > KNOWN_TOLERANCE
        )

    def _settle(self) -> Iterator[Block | Gap]:
        if not self._held:
            return
        lost = min(self._lateness)
        if lost > (KNOWN_TOLERANCE if self._loss_is_known() else TOLERANCE):
            yield from self._gap(lost, self._reason or "overflow")
        for moment, samples, _ in self._held:
            duration = samples.shape[1] / self.sample_rate
            # The earliest arrivals show the clock; it may creep later by no more than a card's drift.
            self._due = min(moment, (self._due or 0.0) + duration * (1 + MAX_DRIFT))
            self.drift.add(samples.shape[1], moment)
            yield Block(samples, self.end, self._due)
            self.end += samples.shape[1]
        self._held, self._lateness, self._reason = [], [], None
        self._suspended = clock.suspended()

    def _gap(self, seconds: float, reason: GapReason) -> Iterator[Gap]:
        """A gap at the present end; what the machine was suspended of it is one of its own."""
        slept = clock.suspended() - self._suspended
        asleep = min(slept, seconds) if slept > KNOWN_TOLERANCE else 0.0
        self._suspended += slept
        pieces: list[tuple[float, GapReason]] = [(asleep, "suspend"), (seconds - asleep, reason)]
        for length, why in pieces:
            lost = round(length * self.sample_rate)
            if lost:
                yield Gap(self.end, self.end + lost, why)
            self.end += lost
            self._due = (self._due or 0.0) + lost / self.sample_rate
        self.drift.restart()

    def _due_after_held(self) -> float:
        held = sum(arrival.size for arrival in self._held)
        return (self._due or 0.0) + held / self.sample_rate
