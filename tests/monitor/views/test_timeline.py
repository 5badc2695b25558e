"""From labels and gaps to episodes."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from monitor.stream.messages import Message
from monitor.views.timeline import Lane, collect
from tests.days import WINDOW, day, gap, label
from tests.published import DOMESTIC
from tests.toys import health_message

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def told(lane: Lane) -> list[tuple[str | None, float, float]]:
    """Activity, or None, and when it began and ended in seconds after noon."""
    return [
        (span.activity, (span.start - NOON).total_seconds(), (span.end - NOON).total_seconds())
        for span in lane.spans
    ]


def lane(*messages: Message, age: timedelta = HOUR) -> Lane:
    """The only array that messages are about."""
    (found,) = collect(messages, age).lanes
    return found


def test_windows_of_an_activity_are_one_episode() -> None:
    """Whatever is told beside them."""
    windows = [label(at(10 * k), "cooking", NOON, 0.9) for k in range(6)]
    assert told(lane(*windows[:3], health_message(1), *windows[3:])) == [("cooking", 0, 60)]


def test_a_change_counts_from_when_it_began() -> None:
    """It is told some windows later, but `since` says from when on; a gap in between stays a gap."""
    messages = [
        label(at(0), "cooking", at(0), 0.9),
        label(at(10), "cooking", at(0), 0.9),
        gap(at(20), at(24)),
        label(at(24), "eating", at(10), 0.9),
    ]
    assert told(lane(*messages)) == [
        ("cooking", 0, 10),
        ("eating", 10, 20),
        (None, 20, 24),
        ("eating", 24, 34),
    ]


def test_an_activity_goes_on_after_a_short_gap() -> None:
    """The gap is not painted over, although the activity began before it."""
    messages = [label(at(0), "cooking", NOON, 0.9), gap(at(10), at(13)), label(at(13), "cooking", NOON, 0.9)]
    assert told(lane(*messages)) == [("cooking", 0, 10), (None, 10, 13), ("cooking", 13, 23)]


def test_windows_that_overlap() -> None:
    """The later one counts, so that nothing is counted twice."""
    messages = [label(at(5 * k), "cooking", NOON, 0.9) for k in range(3)]
    messages += [label(at(5 * k), "eating", at(15), 0.9) for k in range(3, 6)]
    assert told(lane(*messages)) == [("cooking", 0, 15), ("eating", 15, 35)]


def test_a_clock_that_was_set_back() -> None:
    """What is told later counts, and spans stay in order."""
    messages = [label(at(10 * k), "cooking", NOON, 0.9) for k in range(60)]
    messages += [label(at(300 + 10 * k), "eating", at(300), 0.9) for k in range(10)]
    found = lane(*messages)
    assert told(found)[:2] == [("cooking", 0, 300), ("eating", 300, 400)]
    assert all(before.end <= after.start for before, after in pairwise(found.spans))


def test_the_period_ends_with_the_newest_message() -> None:
    """What began earlier is cut; arrays of which there is nothing in it are left out."""
    messages = [
        *day(NOON, [("cooking", 0.5)], array="hall"),
        *day(at(7200), [("eating", 2)], array="kitchen"),
    ]
    timeline = collect(messages, HOUR)
    assert [lane.array for lane in timeline.lanes] == ["kitchen"]
    assert (timeline.start, timeline.end) == (at(10800), at(14400))
    assert told(timeline.lanes[0]) == [("eating", 10800, 14400)]


def test_totals_account_for_the_whole_period() -> None:
    """Activities, gaps by reason, and time without any record."""
    messages = [
        *day(NOON, [("cooking", 0.25), ("device_lost", 0.05), ("eating", 0.1)], array="kitchen"),
        *day(NOON, [("cooking", 0.1)], array="hall"),
    ]
    totals = collect(messages, HOUR).totals()
    assert list(totals) == [("cooking", ""), ("eating", ""), (None, "device_lost"), (None, "")]
    assert totals["cooking", ""] == pytest.approx([360, 900])  # hall, kitchen
    assert totals[None, "device_lost"] == pytest.approx([0, 180])
    assert [sum(column) for column in zip(*totals.values(), strict=True)] == pytest.approx([3600, 3600])


def test_confidence_is_that_of_the_activity_shown() -> None:
    """A window that says something else lowers it; a gap has none."""
    odd = dataclasses.replace(
        label(at(10), "eating", NOON, 0.9), stable="cooking", scores={"cooking": 0.1, "eating": 0.9}
    )
    messages = [
        label(at(0), "cooking", NOON, 0.8),
        odd,
        gap(at(20), at(40)),
        label(at(40), "cooking", NOON, 0.8),
    ]
    curve = dict(lane(*messages, age=timedelta(seconds=960)).confidence)
    assert [curve.get(at(second)) for second in (5, 15, 30, 45)] == [0.8, 0.1, None, 0.8]


def test_what_is_no_time_is_left_out() -> None:
    """A message from the end of the calendar, and a gap that ends before it begins."""
    far = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)
    messages = [label(at(0), "cooking", NOON, 0.8), gap(at(10), at(5)), gap(far, far + WINDOW)]
    assert told(lane(*messages)) == [("cooking", 0, 10)]


def test_colours_are_in_the_order_of_the_model() -> None:
    """So that they are those of the dashboard; what the model does not know comes last."""
    messages = [label(at(0), "eating", NOON, 0.8), label(at(10), "unknown", at(10), 0.2)]
    assert collect(messages, HOUR).activities[: len(DOMESTIC)] == list(DOMESTIC)


def test_nothing() -> None:
    """No messages: the period ends now."""
    timeline = collect([], HOUR)
    assert timeline.lanes == []
    assert timeline.end - timeline.start == HOUR
