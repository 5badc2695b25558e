"""What is told of episodes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from monitor.episodes import Episodes, Moment, When
from monitor.inference.smooth import rules

WINDOW = 10
"""Samples, one a second"""
LABELS = ("cooking", "eating")
START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def clock(set_by: float = 0.0) -> When:
    """When samples were captured, with a wall clock that was set forward by so many seconds."""
    return lambda index: Moment(1000.0 + index, START + timedelta(seconds=index + set_by))


def hear(episodes: Episodes, letters: str, first: int = 0, when: When | None = None) -> list[str]:
    """Let it hear windows, 90 % sure; return what happened, with the minute and second by the wall clock."""
    lines = []
    for number, letter in enumerate(letters, start=first):
        scores = np.array([0.9, 0.1] if letter == "c" else [0.1, 0.9])
        start = WINDOW * number
        current, events = episodes.hear(scores, start, start + WINDOW, when or clock())
        assert events == [] or (events[-1]["activity"], events[-1]["start"]) == (
            current.activity,
            current.began.utc,
        )
        lines += [told(event) for event in events]
    return lines


def told(event: dict[str, object]) -> str:
    """An event in a line."""
    end, lasted = event["end"], event["duration_s"]
    text = f"{event['event_type']} {event['activity']} {event['start']:%M:%S}"
    return text if end is None else f"{text} {end:%M:%S} {lasted}"


def test_one_after_the_other() -> None:
    """The one ends where the next one starts."""
    assert hear(Episodes(rules(LABELS, WINDOW)), "cccceee") == [
        "started cooking 00:00",
        "ended cooking 00:00 00:40 40.0",
        "started eating 00:40",
    ]


def test_the_end_is_told_once() -> None:
    """And nothing of what has not started."""
    episodes = Episodes(rules(LABELS, WINDOW))
    assert episodes.end(0, clock()) == []
    hear(episodes, "cc")
    assert [told(event) for event in episodes.end(20, clock())] == ["ended cooking 00:00 00:20 20.0"]
    assert episodes.end(20, clock()) == []


@pytest.mark.parametrize(("missed", "ends"), [(29, False), (30, True), (3000, True)])
def test_a_long_time_without_windows_ends_an_episode(missed: int, ends: bool) -> None:
    """With the last that was heard; afterwards what is heard first counts at once."""
    episodes = Episodes(rules(LABELS, WINDOW))
    hear(episodes, "cc")
    events = episodes.miss(20, 20 + missed, clock())
    assert [told(event) for event in events] == ["ended cooking 00:00 00:20 20.0"] * ends
    assert hear(episodes, "c", 40) == ["started cooking 06:40"] * ends


def test_a_clock_that_is_set_changes_no_duration() -> None:
    """Of an episode meanwhile: its start stays as it was told, its duration is by the sample clock."""
    episodes = Episodes(rules(LABELS, WINDOW))
    hear(episodes, "cccc")
    assert hear(episodes, "eee", 4, clock(set_by=-30.0)) == [
        "ended cooking 00:00 00:10 40.0",
        "started eating 00:10",
    ]
