"""Makes the golden files anew: `python -m tests.golden.regenerate`; the tests compare them with the code."""

from __future__ import annotations

import io
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from monitor.stream.messages import (
    ChannelHealth,
    ChannelUse,
    GapMessage,
    HealthMessage,
    LabelMessage,
    Message,
)
from monitor.views.render import render
from monitor.views.state import State
from tests.published import DOMESTIC
from tests.toys import common

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOW = datetime(2026, 3, 14, 18, 24, 14, tzinfo=UTC)
WINDOW = timedelta(seconds=10)
NODE = "raspberrypi"
EVENING = (
    *(("working", 95), ("absence", 52), ("vacuum_cleaner", 40), ("absence", 30), ("gap", 21)),
    *(("absence", 18), ("other", 3), ("watching_tv", 44), ("cooking", 133)),
)
"""Activity and how many windows it lasts"""


def story() -> Iterator[Message]:
    """An hour and a quarter in a kitchen whose third microphone has died."""
    start = NOW - timedelta(seconds=4) - WINDOW * sum(count for _, count in EVENING)
    seq = 0
    for activity, count in EVENING:
        end = start + WINDOW * count
        if activity == "gap":
            body = common(seq, node=NODE, published=end)
            yield GapMessage(**body, start=start, end=end, reason="device_lost", lost_samples=16000 * 210)
        else:
            yield from labels(activity, start, count, seq)
        start, seq = end, seq + count
    channels = [ChannelHealth(level, None) for level in (-38.2, -41.6, -120.0, -36.9)]
    channels[2] = ChannelHealth(-120.0, "dead")
    yield HealthMessage(
        **common(seq, node=NODE, published=NOW - timedelta(seconds=2)),
        state="degraded",
        channels=channels,
        windows=9143,
        gaps=1,
        queue=0,
        uptime_s=91_800.0,
        cpu_percent=9.0,
        rss_mb=182.0,
        durable=True,
    )


def labels(activity: str, since: datetime, count: int, seq: int) -> Iterator[LabelMessage]:
    """Windows of one activity, 83 % sure."""
    rest = dict(zip(DOMESTIC, (0.02, 0.01, 0.07, 0.04, 0.02, 0.01, 0.005, 0.015, 0.01), strict=True))
    spare = 0.17 / (sum(rest.values()) - rest[activity])
    scores = {name: 0.83 if name == activity else share * spare for name, share in rest.items()}
    for index in range(count):
        start = since + WINDOW * index
        yield LabelMessage(
            **common(seq + index, node=NODE, published=start + WINDOW),
            start=start,
            end=start + WINDOW,
            label=activity,
            confidence=0.83,
            scores=scores,
            stable=activity,
            since=since,
            level_dbfs=-39.0,
            valid_fraction=1.0,
            channels=ChannelUse([0, 1, 3], {"2": "dead"}),
            members={},
            latency_ms=143.0,
            model="home-crnn 3f9a1c20",
        )


def dashboard() -> str:
    """The picture that README shows."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    state = State()
    for message in story():
        state.update(message)
    console = Console(
        record=True,
        width=100,
        height=30,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
        _environ={},
    )
    console.print(render(state, NOW, 100, 30))
    return console.export_svg(title="activity-monitor", unique_id="dashboard")


FILES: dict[str, Callable[[], str]] = {"dashboard.svg": dashboard}

if __name__ == "__main__":
    for name, make in FILES.items():
        (Path(__file__).parent / name).write_text(make(), encoding="utf-8")
