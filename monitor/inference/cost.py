"""What a window costs on this machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from monitor.inference import selftest
from monitor.inference.members import Model
from monitor.inference.recognise import Recogniser
from monitor.inference.sound import Samples, Sound

RUNS = 5


@dataclass(frozen=True)
class Cost:
    """Of one window of an array with four channels, in milliseconds."""

    members: dict[str, float]
    """Each alone; what members share is counted in each"""
    window: float
    """All together"""


def measure(recogniser: Recogniser) -> Cost:
    """Recognise a test signal a few times; the median counts."""
    manifest = recogniser.bundle.manifest
    samples = selftest.signal(manifest)
    return Cost(
        members={
            member.name: _milliseconds(partial(_say, model, samples, manifest.sample_rate))
            for member, model in recogniser.models.items()
        },
        window=_milliseconds(partial(recogniser.recognise, samples)),
    )


def _say(model: Model, samples: Samples, sample_rate: int) -> None:
    model.say(Sound(samples, sample_rate))


def _milliseconds(run: Callable[[], object]) -> float:
    run()  # warms up
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return 1000.0 * statistics.median(seconds)
