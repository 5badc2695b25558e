"""Episodes of an array: which activity lasts, since when, and what is published when that changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from monitor.inference.smooth import Rules, Smoother

SILENT_WINDOWS = 3
"""An episode ends when nothing has been recognised for so many windows, as views then show no activity"""


class Moment(NamedTuple):
    """When a sample was captured."""

    captured: float
    """By the sample clock, in seconds"""
    utc: datetime
    """By the wall clock, which may be set at any time"""


When = Callable[[int], Moment]
"""From the index of a sample"""
Event = dict[str, Any]
"""The fields that an event message has beside the common ones"""


@dataclass(frozen=True)
class Episode:
    """A stretch of time with one activity, which goes on."""

    activity: str
    since: int
    """Its first sample"""
    began: Moment


class Episodes:
    """One after the other, without overlap; each is told of when it starts and when it ends."""

    def __init__(self, rules: Rules) -> None:
        self._current: Episode | None = None
        self._smoother = Smoother(rules)
        self._silence = SILENT_WINDOWS * rules.window

    def hear(
        self, scores: npt.NDArray[np.floating], start: int, end: int, when: When
    ) -> tuple[Episode, list[Event]]:
        """Take a window; return the episode that goes on now, and what happened before it did.

        Args:
            scores: `[labels]` probabilities.
            start: of the window, in samples; after that of the one before it.
            end: of the window.
            when: tells when a sample was captured.
        """
        activity, since = self._smoother.update(scores, start, end)
        now = self._current
        if now is not None and now.since == since:
            return now, []
        events = self.end(since, when)
        self._current = now = Episode(activity, since, when(since))
        return now, [*events, _event(now, None)]

    def miss(self, labelled: int, end: int, when: When) -> list[Event]:
        """Take note that nothing has been recognised from one sample to another."""
        if end - labelled < self._silence:
            return []
        self._smoother.interrupt()
        return self.end(labelled, when)

    def end(self, index: int, when: When) -> list[Event]:
        """End at a sample what goes on, if anything does."""
        ended, self._current = self._current, None
        return [] if ended is None else [_event(ended, when(index))]


def _event(episode: Episode, end: Moment | None) -> Event:
    return {
        "event_type": "started" if end is None else "ended",
        "activity": episode.activity,
        "start": episode.began.utc,
        "end": end and end.utc,
        "duration_s": end and round(end.captured - episode.began.captured, 3),
    }
