"""Round times on the local clock, also on the days on which it is set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.views.axis import DAY, heading, mark_text, marks, step
from tests.days import in_zone

SPRING = datetime(2026, 3, 28, 23, tzinfo=UTC)
"""Midnight in Berlin; two hours later the clock jumps from 2 to 3"""
AUTUMN = datetime(2026, 10, 24, 22, tzinfo=UTC)
"""Midnight in Berlin; three hours later the clock goes back from 3 to 2"""


def shown(start: datetime, hours: float, minutes: int) -> list[str]:
    """Labels of the marks."""
    return [mark_text(mark, minutes) for mark in marks(start, start + timedelta(hours=hours), minutes)]


def test_marks_are_round_times_of_the_local_clock() -> None:
    """Also in a zone that is off by a part of an hour; at midnight stands the date."""
    begin = datetime(2026, 3, 14, 12, 7, tzinfo=UTC)
    with in_zone("Asia/Kathmandu"):  # 17:52
        assert shown(begin, 8, 120) == ["18:00", "20:00", "22:00", "Sun 15 Mar"]
    with in_zone("UTC"):
        assert shown(begin, 1, 15) == ["12:15", "12:30", "12:45", "13:00"]
        assert shown(begin, 15 * 24, 7 * DAY) == ["Mon 16 Mar", "Mon 23 Mar"]


def test_a_day_on_which_the_clock_is_set() -> None:
    """In spring an hour is not there, in autumn one is there twice; all later marks are round again."""
    with in_zone("Europe/Berlin"):
        assert shown(SPRING, 5, 60) == ["Sun 29 Mar", "01:00", "03:00", "04:00", "05:00", "06:00"]
        assert shown(AUTUMN, 4, 60) == ["Sun 25 Oct", "01:00", "02:00", "02:00", "03:00"]
        assert shown(AUTUMN, 12, 180)[-2:] == ["06:00", "09:00"]
        text = heading(AUTUMN, AUTUMN + timedelta(hours=25))
    assert text == "Sun 25 Oct 2026 00:00 to Mon 26 Oct 2026 00:00 (CEST to CET)"


@pytest.mark.parametrize(
    ("period", "minutes"),
    [
        (timedelta(minutes=10), 1),
        (timedelta(days=1), 120),
        (timedelta(days=7), 12 * 60),
        (timedelta(days=365), 28 * DAY),
    ],
)
def test_there_are_few_marks(period: timedelta, minutes: int) -> None:
    """As many as fit, however long the period."""
    assert step(period, 14) == minutes
