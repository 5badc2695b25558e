"""How fast a card's clock runs, measured against the clock of the machine."""

from __future__ import annotations

from collections import deque

import numpy as np

INTERVAL = 10.0
"""Seconds of which the earliest arrival is kept: blocks come late by chance, but never early"""
MEMORY = 360
"""Intervals that are remembered: an hour, so that a server's changes of latency weigh little"""
ENOUGH = 30
"""Intervals before there is a value: after five minutes, milliseconds of jitter are worth a few ppm"""


class Drift:
    """The slope of arrival times over sample counts, by least squares.

    Args:
        sample_rate: nominal rate, Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self.ppm: float | None = None
        """How much faster than nominal the card is, parts per million; None while that is not known"""
        self.restart()

    def restart(self) -> None:
        """Forget the arrivals, since samples were lost; the value is kept until there is a new one."""
        self._samples = 0
        self._points: deque[tuple[float, float]] = deque(maxlen=MEMORY)
        self._earliest: tuple[float, float] | None = None

    def add(self, samples: int, moment: float) -> None:
        """Take note that so many samples more had arrived at a moment (`clock.now`, seconds)."""
        self._samples += samples
        nominal = self._samples / self._rate
        point = (nominal, moment - nominal)
        if self._earliest is None or nominal // INTERVAL > self._earliest[0] // INTERVAL:
            self._complete()
            self._earliest = point
        elif point[1] < self._earliest[1]:
            self._earliest = point

    def _complete(self) -> None:
        if self._earliest is not None:
            self._points.append(self._earliest)
        if len(self._points) >= ENOUGH:
            nominal, late = (values - np.mean(values) for values in np.transpose(self._points))
            self.ppm = -1e6 * float(nominal @ late / (nominal @ nominal))
