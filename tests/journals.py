"""Messages as a home publishes them, for journals of any length."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from monitor.stream.messages import (
    ChannelHealth,
    ChannelUse,
    HealthMessage,
    LabelMessage,
    MemberVote,
    Message,
)
from tests.published import DOMESTIC
from tests.toys import health_message, label_message

HOP = timedelta(seconds=10)
BOOT = "c87a8c61c1814362834cd52086033273"


START = datetime(2026, 1, 1, tzinfo=UTC)


def published(count: int, first: int = 1) -> Iterator[Message]:
    """A label and a health of one array with nine classes, every 10 s; all that is measured is random."""
    chance = random.Random(1)
    for number in range(count // 2):
        end = START + (number + 1) * HOP
        common = {"id": "", "boot_id": BOOT, "published": end + timedelta(seconds=0.2 + chance.random())}
        levels = [round(chance.gauss(-50, 5), 2) for _ in range(4)]
        for seq, message in enumerate(
            (label(chance, end, levels), health(chance, number, levels)), first + 2 * number
        ):
            yield dataclasses.replace(message, **common | {"seq": seq, "id": f"{BOOT}-{seq}"})


def label(chance: random.Random, end: datetime, levels: list[float]) -> LabelMessage:
    """A window with random scores."""
    weights = [chance.gammavariate(0.3, 1.0) + 1e-9 for _ in DOMESTIC]
    scores = {name: round(weight / sum(weights), 6) for name, weight in zip(DOMESTIC, weights, strict=True)}
    best = max(scores, key=scores.__getitem__)
    return dataclasses.replace(
        label_message(1),
        start=end - HOP,
        end=end,
        label=best,
        confidence=scores[best],
        scores=scores,
        stable=best,
        since=end - HOP * chance.randrange(1000),
        level_dbfs=levels[0],
        channels=ChannelUse([0, 1, 2, 3], {}),
        members={"crnn-60": MemberVote(best, scores[best])},
        latency_ms=round(chance.uniform(100, 900), 3),
    )


def health(chance: random.Random, windows: int, levels: list[float]) -> HealthMessage:
    """The state of an array that listens."""
    return dataclasses.replace(
        health_message(1),
        state="listening",
        channels=[ChannelHealth(level, None) for level in levels],
        windows=windows,
        gaps=0,
        uptime_s=round(10 * windows + chance.random(), 3),
        cpu_percent=round(chance.uniform(1, 9), 1),
        rss_mb=round(chance.uniform(140, 150), 1),
        drift_ppm=round(chance.gauss(20, 1), 1),
    )
