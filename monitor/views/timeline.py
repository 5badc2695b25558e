"""Labels and gaps -> what went on around every array in a period."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from monitor.stream.messages import GapMessage, LabelMessage, Message
from monitor.views.state import Span, joins, plausible
from monitor.views.words import share

COLUMNS = 960
"""Of the curve of confidence, over the whole period"""
UNTOLD = 30.0
"""Seconds without any record that are left out of totals: the newest window of an array is not over yet"""

What = tuple[str | None, str]
"""Activity, or None and the reason of a gap; `(None, "")` is time without any record"""


@dataclass(frozen=True)
class Lane:
    """One array in the period."""

    node: str
    array: str
    spans: list[Span]
    """In order, without overlaps; about the time between them nothing is known"""
    confidence: list[tuple[datetime, float]]
    """Beginning of a column, and how probable the activity was in it, 0 to 1; in order"""

    def totals(self, period: timedelta) -> dict[What, float]:
        """Seconds of everything in a period of this length."""
        seconds: dict[What, float] = {}
        for span in self.spans:
            what = (span.activity, span.reason)
            seconds[what] = seconds.get(what, 0.0) + (span.end - span.start).total_seconds()
        untold = period.total_seconds() - sum(seconds.values())
        if untold > UNTOLD:
            seconds[None, ""] = untold
        return seconds


@dataclass(frozen=True)
class Timeline:
    """All arrays in a period."""

    start: datetime
    end: datetime
    lanes: list[Lane]
    activities: list[str]
    """Those of the models first, as in the dashboard, which so has the same colours"""
    column: timedelta
    """Width of a column of the curves"""

    def title(self, lane: Lane) -> str:
        """Name of an array, with its node where names alone could be the same."""
        several = len({each.node for each in self.lanes}) > 1
        return f"{lane.node}/{lane.array}" if several else lane.array

    def totals(self) -> dict[What, list[float]]:
        """Seconds in each lane, of what there was in any: activities, gaps by reason, time without record."""
        each = [lane.totals(self.end - self.start) for lane in self.lanes]
        known = [(activity, "") for activity in self.activities]
        gaps = sorted({reason for lane in each for _, reason in lane if reason})
        rows: list[What] = [*known, *((None, reason) for reason in gaps), (None, "")]
        return {
            what: [lane.get(what, 0.0) for lane in each]
            for what in rows
            if any(what in lane for lane in each)
        }


def collect(messages: Iterable[Message], age: timedelta) -> Timeline:
    """The last `age` of what messages tell, which ends now if they tell nothing.

    Args:
        messages: in order; only labels and gaps count, and only those with a possible time.
        age: length of the period.
    """
    lanes: dict[tuple[str, str], _Lane] = {}
    end: datetime | None = None
    for message in messages:
        if isinstance(message, LabelMessage | GapMessage) and plausible(message):
            key = (message.node, message.array)
            lanes.setdefault(key, _Lane(age / COLUMNS)).add(message)
            end = max(end or message.end, message.end)
    end = end or datetime.now(UTC)
    start = end - age
    found = [
        Lane(*key, lane.within(start, end), lane.curve(start, end)) for key, lane in sorted(lanes.items())
    ]
    found = [lane for lane in found if lane.spans]
    scored = [name for lane in lanes.values() for name in lane.classes]
    heard = [span.activity for lane in found for span in lane.spans if span.activity is not None]
    return Timeline(start, end, found, list(dict.fromkeys([*scored, *heard])), age / COLUMNS)


@dataclass
class _Lane:
    """What is known of an array while messages come."""

    column: timedelta
    classes: list[str] = field(default_factory=list)
    _spans: list[Span] = field(default_factory=list)
    _episode: tuple[str, datetime] | None = None
    """Smoothed activity of the newest label, and when it began"""
    _sums: dict[int, tuple[float, int]] = field(default_factory=dict)
    """Column since 1970 -> sum and number of probabilities"""

    def add(self, message: LabelMessage | GapMessage) -> None:
        if message.end <= message.start:
            return
        if isinstance(message, GapMessage):
            self._append(Span(message.start, message.end, None, message.reason))
            return
        self.classes = list(message.scores)
        episode = (message.stable, message.since)
        if self._episode not in (None, episode):  # a change is only known some windows after it came
            self._rename(message.since, message.stable)
        self._episode = episode
        self._append(Span(message.start, message.end, message.stable))
        self._note(message.start, message.end, share(message.scores.get(message.stable, message.confidence)))

    def within(self, start: datetime, end: datetime) -> list[Span]:
        cut = [replace(span, start=max(span.start, start), end=min(span.end, end)) for span in self._spans]
        return [span for span in cut if span.start < span.end]

    def curve(self, start: datetime, end: datetime) -> list[tuple[datetime, float]]:
        seconds = self.column.total_seconds()
        means = {index * seconds: total / count for index, (total, count) in sorted(self._sums.items())}
        return [
            (datetime.fromtimestamp(second, UTC), mean)
            for second, mean in means.items()
            if start.timestamp() - seconds < second < end.timestamp()
        ]

    def _append(self, span: Span) -> None:
        """Windows overlap, and the wall clock may be set back: what is told later counts."""
        while self._spans and self._spans[-1].start >= span.start:
            self._spans.pop()
        if self._spans and self._spans[-1].end > span.start:
            self._spans[-1] = replace(self._spans[-1], end=span.start)
        if self._spans and joins(self._spans[-1], span):
            self._spans[-1] = replace(self._spans[-1], end=span.end)
        else:
            self._spans.append(span)

    def _rename(self, since: datetime, activity: str) -> None:
        """What was taken for something else from `since` on gets its name; gaps stay."""
        later: list[Span] = []
        while self._spans and self._spans[-1].end > since:
            later.append(self._spans.pop())
        for span in reversed(later):
            if span.activity is None:
                self._append(span)
                continue
            if span.start < since:
                self._append(replace(span, end=since))
            self._append(replace(span, start=max(span.start, since), activity=activity))

    def _note(self, start: datetime, end: datetime, probability: float) -> None:
        seconds = self.column.total_seconds()
        for index in range(math.floor(start.timestamp() / seconds), math.ceil(end.timestamp() / seconds)):
            total, count = self._sums.get(index, (0.0, 0))
            self._sums[index] = (total + probability, count + 1)
