"""What the stream has told about every array, in bounded memory however long it runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from monitor.stream.messages import ChannelHealth, GapMessage, HealthMessage, LabelMessage, Message

HOUR = timedelta(hours=1)
ARRAYS = 64
"""Arrays remembered; beyond it the one longest silent is forgotten"""
STALE_WINDOWS = 3
"""A label is current until it is this many windows old"""
SILENT = timedelta(seconds=30)
"""Health comes every 10 s; after three missed ones the daemon may be gone"""
SPANS = 4000
CHANGES = 32
_NOTABLE_GAP = timedelta(seconds=10)
_JOIN = timedelta(seconds=1)


@dataclass(frozen=True)
class Span:
    """A stretch of time with one activity, or a gap."""

    start: datetime
    end: datetime
    activity: str | None
    """None is a gap"""
    reason: str = ""
    """Of a gap"""


@dataclass
class Array:
    """What is known about one array."""

    node: str
    name: str
    heard: datetime
    """When the newest message was published"""
    label: LabelMessage | None = None
    health: HealthMessage | None = None
    gap: GapMessage | None = None
    """The newest of each kind"""
    hour: deque[Span] = field(default_factory=lambda: deque(maxlen=SPANS))
    """Oldest first; where two overlap, the later one counts"""
    current: Span | None = None
    """The smoothed activity, since when, and until when it was heard"""
    _outage: Span | None = None
    """The newest gap, with those of the same reason right before it"""
    past: deque[Span] = field(default_factory=lambda: deque(maxlen=CHANGES))
    """Earlier activities and the longer gaps, oldest first"""

    def update(self, message: Message) -> None:
        """Take in one message."""
        self.heard = message.published
        if isinstance(message, LabelMessage):
            self.label = message
            self._go_on(Span(message.since, message.end, message.stable), message.start)
        elif isinstance(message, GapMessage):
            self.gap = message
            self._interrupt(Span(message.start, message.end, None, message.reason))
        elif isinstance(message, HealthMessage):
            self.health = message

    def _go_on(self, span: Span, start: datetime) -> None:
        """The activity as of the window from `start`; a new one is known only some windows after it began."""
        now = self.current
        same = now is not None and (now.activity, now.start) == (span.activity, span.start)
        if now and not same:
            self.past.append(replace(now, end=max(now.start, min(now.end, span.start))))
        self.current = span
        self._remember(replace(span, start=start) if same else span)

    def _interrupt(self, span: Span) -> None:
        if span.end <= span.start:
            return
        self._remember(span)
        before, self._outage = self._outage, span
        if before and joins(before, span):  # a long outage is told in pieces
            self._outage = replace(before, end=span.end)
            if self.past and self.past[-1] is before:
                self.past.pop()
        if self._outage.end - self._outage.start >= _NOTABLE_GAP:
            self.past.append(self._outage)

    def _remember(self, span: Span) -> None:
        if self.hour and joins(self.hour[-1], span):
            self.hour[-1] = replace(self.hour[-1], end=span.end)
        else:
            self.hour.append(span)
        while self.hour[0].end < span.end - HOUR:
            self.hour.popleft()

    def clock(self, now: datetime) -> datetime:
        """The time of the picture: a fast replay runs ahead of the clock on the wall."""
        newest = [message.end for message in (self.label, self.gap) if message]
        return max([now, *newest])

    def silent(self, now: datetime) -> bool:
        """Whether nothing at all has been heard for long."""
        return now - self.heard > SILENT

    def stale(self, now: datetime) -> bool:
        """Whether the newest label must not be shown as current."""
        if not self.label or (self.health and self.health.state in ("reconnecting", "stopped")):
            return True
        return self.clock(now) - self.label.end > STALE_WINDOWS * (self.label.end - self.label.start)

    def reason(self) -> str:
        """Why there is no label any more, as far as a gap has said so."""
        over = self.gap and self.label and self.gap.end < self.label.end
        return self.gap.reason if self.gap and not over else ""

    def channels(self) -> list[ChannelHealth]:
        """Level and fault of every microphone, by the newest message that tells; level NaN is unknown."""
        known = list(self.health.channels) if self.health else []
        if self.label and (not self.health or self.health.published < self.label.published):
            faults = self.label.channels.faults
            count = len(known) or len({*map(str, self.label.channels.used), *faults})
            known += [ChannelHealth(float("nan"), None)] * (count - len(known))
            known = [replace(channel, fault=faults.get(str(i))) for i, channel in enumerate(known)]
        return known

    def changes(self) -> list[Span]:
        """Activities and longer gaps, newest first."""
        spans = [*self.past, *([self.current] if self.current else [])]
        return sorted(spans, key=lambda span: span.start, reverse=True)

    def weightiest(self, count: int) -> list[str]:
        """The classes most probable now or most heard in the hour, in the order of the model."""
        if not self.label:
            return []
        weights = {name: score + (name == self.label.label) for name, score in self.label.scores.items()}
        for span in self.hour:
            if span.activity in weights:
                weights[span.activity] += (span.end - span.start) / HOUR
        chosen = set(sorted(weights, key=lambda name: -weights[name])[:count])
        return [name for name in self.label.scores if name in chosen]

    def strip(self, end: datetime, cells: int) -> list[Span | None]:
        """The hour before `end` in equal cells."""
        return strip(self.hour, end - HOUR, end, cells)


@dataclass
class State:
    """What is known about every array."""

    arrays: dict[tuple[str, str], Array] = field(default_factory=dict)
    """By node and array name"""

    def update(self, message: Message) -> None:
        """Take in one message; one with an impossible time is ignored."""
        if not plausible(message):
            return
        key = (message.node, message.array)
        if key not in self.arrays and len(self.arrays) >= ARRAYS:
            del self.arrays[min(self.arrays, key=lambda k: self.arrays[k].heard)]
        if key not in self.arrays:
            self.arrays[key] = Array(*key, message.published)
        self.arrays[key].update(message)


def strip(spans: Iterable[Span], start: datetime, end: datetime, cells: int) -> list[Span | None]:
    """Time in equal cells: what fills most of each, a gap already from a quarter on.

    None is time about which nothing is known. Where spans overlap, the later one counts.
    """
    fine = 8
    grid: list[Span | None] = [None] * (cells * fine)
    for span in spans:
        first, last = (
            min(max(round((time - start) / (end - start) * len(grid)), 0), len(grid))
            for time in (span.start, span.end)
        )
        grid[first:last] = [span] * (last - first)
    return [_dominant(grid[i : i + fine]) for i in range(0, len(grid), fine)]


def joins(before: Span, span: Span) -> bool:
    """Whether a span goes on with what the one before it was about."""
    same = (before.activity, before.reason) == (span.activity, span.reason)
    return same and before.start <= span.start <= before.end + _JOIN and span.end >= before.end


def _dominant(cell: list[Span | None]) -> Span | None:
    """Of equal spans the first is returned, so that a cell has one colour."""
    gaps = [span for span in cell if span and span.activity is None]
    if len(gaps) * 4 >= len(cell):
        return gaps[0]
    names = [(span is None, span and span.activity) for span in cell]
    return cell[names.index(max(names, key=names.count))]


def plausible(message: Message) -> bool:
    """Arithmetic with times near the ends of the calendar overflows."""
    names = ("published", "start", "end", "since")
    times = [getattr(message, name, None) for name in names]
    return all(1970 <= time.year < 9000 for time in times if time)
