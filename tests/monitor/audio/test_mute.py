"""A card that gives nothing but zeros."""

from __future__ import annotations

import numpy as np

from monitor.audio.mute import Mute
from monitor.audio.sources import Block, Gap

RATE = 1000


def play(*pieces: tuple[str, float]) -> list[str]:
    """What comes out for blocks of 0.1 s: kind and seconds, blocks joined; it must be contiguous."""
    mute, end, joined = Mute(RATE), 0, list[list[object]]()
    clock = 0
    for kind, seconds in pieces:
        for _ in range(round(10 * seconds)):
            samples = np.full((2, RATE // 10), 0.0 if kind == "zeros" else 0.1, dtype=np.float32)
            record = Gap(clock, clock + 100, "stalled") if kind == "lost" else Block(samples, clock, 0.0)
            clock = record.end
            for out in mute.filter(record):
                assert out.start == end
                joined.append([out.reason if isinstance(out, Gap) else "sound", out.end - end])
                end = out.end
                if len(joined) > 1 and joined[-2][0] == joined[-1][0] == "sound":
                    joined[-2:] = [["sound", joined[-2][1] + joined[-1][1]]]  # type: ignore[operator]
    return [f"{kind} {length / RATE:g}" for kind, length in joined]  # type: ignore[operator]


def test_zeros_that_last_are_a_gap() -> None:
    """From a second on; told at once and every ten seconds; the first sound after it is not missed."""
    assert play(("sound", 2.0), ("zeros", 25.0), ("sound", 1.0)) == [
        "sound 2.9",
        "digital_silence 0.1",
        "digital_silence 10",
        "digital_silence 10",
        "digital_silence 4",
        "sound 1",
    ]


def test_a_pause_is_not_muted() -> None:
    """Zeros for less than a second are sound like any other."""
    assert play(("sound", 1.0), ("zeros", 0.9), ("sound", 1.0), ("zeros", 0.9)) == ["sound 3.8"]


def test_a_muted_card_that_is_lost() -> None:
    """Its other gaps keep their reason, and it is muted until there is sound."""
    assert play(("zeros", 1.5), ("lost", 0.1), ("zeros", 0.5), ("sound", 0.1)) == [
        "sound 0.9",
        "digital_silence 0.1",
        "digital_silence 0.5",
        "stalled 0.1",
        "digital_silence 0.5",
        "sound 0.1",
    ]
