"""Days as several arrays tell them, quickly made."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitor.audio.sources import GapReason
from monitor.stream.journal import Journal
from monitor.stream.messages import ChannelUse, GapMessage, LabelMessage, Message
from tests.published import DOMESTIC
from tests.toys import common

WINDOW = timedelta(seconds=10)
PUBLISHED = timedelta(seconds=0.3)
"""After the end of a window"""
HOME = (
    ("absence", 7.0),
    ("working", 0.2),
    ("eating", 0.4),
    ("absence", 3.6),
    ("cooking", 0.8),
    ("eating", 0.5),
    ("dishwashing", 0.3),
    ("device_lost", 0.7),
    ("working", 2.6),
    ("vacuum_cleaner", 0.4),
    ("social_activity", 1.2),
    ("overflow", 0.01),
    ("cooking", 0.9),
    ("eating", 0.6),
    ("watching_tv", 2.3),
    ("other", 0.3),
    ("absence", 2.19),
)
"""A day: activity, or reason of a gap, and hours"""
GAPS = ("device_lost", "overflow", "suspend")


def label(start: datetime, activity: str, since: datetime, probability: float, **fields: str) -> LabelMessage:
    """A window of ten seconds from `start`."""
    rest = (1.0 - probability) / (len(DOMESTIC) - 1)
    return LabelMessage(
        **common(1, published=start + WINDOW + PUBLISHED, **fields),
        start=start,
        end=start + WINDOW,
        label=activity,
        confidence=probability,
        scores={name: probability if name == activity else rest for name in DOMESTIC},
        stable=activity,
        since=since,
        level_dbfs=-40.0,
        valid_fraction=1.0,
        channels=ChannelUse([0], {}),
        members={},
        latency_ms=100.0,
        model="toy@0",
    )


def gap(start: datetime, end: datetime, reason: GapReason = "device_lost", **fields: str) -> GapMessage:
    """Time without a label."""
    return GapMessage(
        **common(1, published=end + PUBLISHED, **fields), start=start, end=end, reason=reason, lost_samples=1
    )


def day(start: datetime, plan: Sequence[tuple[str, float]] = HOME, **fields: str) -> Iterator[Message]:
    """Labels and gaps of one array."""
    chance = random.Random(str(fields))
    for what, hours in plan:
        end = start + timedelta(hours=hours)
        since, probability = start, 0.8
        while start < end:
            if what in GAPS:
                yield gap(start, end, what, **fields)  # type: ignore[arg-type]
                start = end
                continue
            probability = min(0.99, max(0.3, probability + chance.gauss(0.0, 0.04)))
            yield label(start, what, since, probability, **fields)
            start += WINDOW


def numbered(*arrays: Iterator[Message]) -> Iterator[Message]:
    """Messages of several arrays as one node publishes them."""
    merged = sorted((message for array in arrays for message in array), key=lambda message: message.published)
    for seq, message in enumerate(merged, 1):
        yield dataclasses.replace(message, seq=seq, id=f"id-{seq}")


def write(path: Path, *arrays: Iterator[Message]) -> Path:
    """A journal."""
    with closing(Journal(path, durable=False)) as journal:
        for message in numbered(*arrays):
            journal.append(message)
    return path


@contextmanager
def in_zone(name: str) -> Iterator[None]:
    """The local time of another place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", name)
        time.tzset()
        yield
    time.tzset()
