"""An array as the core sees it: its source, its sample clock, and what became of its samples."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor import clock
from monitor.audio.health import Health
from monitor.audio.sources import ArraySource, GapReason
from monitor.audio.symptoms import Fault
from monitor.episodes import Episodes
from monitor.stream.messages import State

MAX_SLEW = 500e-6
"""Most by which the sample clock is corrected, seconds per second"""


@dataclass(eq=False)
class Array:
    """An array and what is known of it. The reader thread writes `error` and the first `anchor`."""

    name: str
    source: ArraySource
    live: bool
    """A sound card, which cannot wait"""
    anchor: tuple[int, float] | None = None
    """An index of the sample clock, and when its sample was captured (`clock.now`, seconds)"""
    error: Exception | None = None
    """Why the array ended early"""
    ended: bool = False
    covered: int = 0
    """Every sample before it was published in a label or gap"""
    labelled: int = 0
    """Index after the last sample that is in a label"""
    heard: int = 0
    """Every sample before it was in a window or gap of the source"""
    reason: GapReason = "overload"
    """Why the last window without a label has none"""
    episodes: Episodes = field(init=False)
    """Made by the core, which knows the rules"""
    windows: int = 0
    gaps: int = 0
    levels: list[float] = field(default_factory=list)
    faults: dict[int, Fault] = field(default_factory=dict)
    state: State = "starting"
    health_due: float = 0.0
    """CLOCK_MONOTONIC, seconds"""
    microphones: Health = field(init=False)

    def __post_init__(self) -> None:
        self.microphones = Health(self.source.sample_rate)

    def captured(self, index: int) -> float:
        """When the sample at `index` was captured, by the sample clock from the anchor (`clock.now`)."""
        start, moment = self.anchor or (0, clock.now())
        return moment + (index - start) / self.source.sample_rate

    def follow(self, index: int, moment: float) -> None:
        """Take note that the sample at `index` was captured at `moment`.

        A card's clock is off by some ppm, which is minutes in a month. The sample clock follows slowly, so
        that a sound server's changes of latency do not bend the length of a window by more than 0.05 %.
        """
        expected = self.captured(index)
        most = MAX_SLEW * (index - (self.anchor or (0, 0.0))[0]) / self.source.sample_rate
        self.anchor = (index, min(max(moment, expected - most), expected + most))
