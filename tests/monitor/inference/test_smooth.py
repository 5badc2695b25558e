"""The activity that lasts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.inference.smooth import Smoother


def at(seconds: int) -> datetime:
    """A moment of the run."""
    return datetime(2026, 1, 5, tzinfo=UTC) + timedelta(seconds=seconds)


def history(labels: str) -> list[tuple[str, int]]:
    """Activity and the seconds at which it began, after each label; window k starts at 10 k."""
    smoother = Smoother()
    states = [smoother.update(label, at(10 * number)) for number, label in enumerate(labels)]
    return [(activity, (since - at(0)).seconds) for activity, since in states]


def test_the_first_label_counts_at_once() -> None:
    """There is nothing to hold on to yet."""
    assert history("a") == [("a", 0)]


def test_one_odd_window_changes_nothing() -> None:
    """The activity goes on, since its own beginning."""
    assert history("aabaa") == [("a", 0)] * 5


def test_two_windows_in_a_row_change_the_activity() -> None:
    """The new activity began with the first of them."""
    assert history("aabb") == [("a", 0), ("a", 0), ("a", 0), ("b", 20)]


def test_two_odd_windows_of_different_kinds_change_nothing() -> None:
    """They do not confirm each other."""
    assert history("aabcaa")[-1] == ("a", 0)


def test_after_an_interruption_the_next_label_counts_at_once() -> None:
    """Nothing is claimed about the time in which nothing was heard."""
    smoother = Smoother()
    smoother.update("a", at(0))
    smoother.interrupt()
    assert smoother.update("a", at(500)) == ("a", at(500))
