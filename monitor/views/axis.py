"""Round times on a local clock."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

DAY = 24 * 60
STEPS = (1, 2, 5, 10, 15, 30, 60, 2 * 60, 3 * 60, 6 * 60, 12 * 60, DAY, 2 * DAY, 7 * DAY, 28 * DAY, 364 * DAY)
"""Minutes"""
QUARTER = 15
"""Minutes; clocks are set, and zones differ, by multiples of it"""


def step(period: timedelta, most: int, steps: Sequence[int] = STEPS) -> int:
    """Minutes between marks, so that there are at most so many if possible."""
    return next((minutes for minutes in steps if period <= most * timedelta(minutes=minutes)), steps[-1])


def marks(start: datetime, end: datetime, minutes: int) -> list[datetime]:
    """Times from `start` to `end` at which the local clock shows a multiple of so many minutes.

    Weeks begin on Monday. When clocks are set, an hour has two marks or none.
    """
    unit = timedelta(minutes=math.gcd(minutes, QUARTER))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    moment = epoch + math.ceil((start - epoch) / unit) * unit
    found = []
    while moment <= end:
        local = moment.astimezone()
        if ((local.toordinal() - 1) * DAY + local.hour * 60 + local.minute) % minutes == 0:
            found.append(moment)
        moment += unit
    return found


def mark_text(moment: datetime, minutes: int) -> str:
    """How a mark is labelled: time of day, or the date at midnight."""
    local = moment.astimezone()
    if minutes < 7 * DAY and (local.hour, local.minute) != (0, 0):
        return f"{local:%H:%M}"
    return f"{local:%d %b %Y}" if minutes >= 28 * DAY else f"{local:%a %d %b}"


def heading(start: datetime, end: datetime) -> str:
    """The period: dates, times and zone."""
    first, last = start.astimezone(), end.astimezone()
    zones = " to ".join(dict.fromkeys([first.tzname() or "", last.tzname() or ""]))
    until = f"{last:%H:%M}" if first.date() == last.date() else f"{last:%a %d %b %Y %H:%M}"
    return f"{first:%a %d %b %Y %H:%M} to {until} ({zones})"
