"""The activity that lasts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.inference.smooth import LEAVE, SURE, UNKNOWN, Smoother, rules

WINDOW = 10
"""Samples; window k starts at 10 k unless a test says something else"""
LABELS = ("a", "b", "c")


def scores(letter: str) -> list[float]:
    """What a model says: 90 % sure of a letter; nothing at all of a dash."""
    return [1 / 3] * 3 if letter == "-" else [0.9 if label == letter else 0.05 for label in LABELS]


def history(letters: str, **more: object) -> list[tuple[str, int]]:
    """Activity and when it began, after each window."""
    smoother = Smoother(rules(LABELS, WINDOW, **more))  # type: ignore[arg-type]
    return [
        smoother.update(np.array(scores(letter)), WINDOW * number, WINDOW * (number + 1))
        for number, letter in enumerate(letters)
    ]


def test_the_first_window_counts_at_once() -> None:
    """There is nothing to hold on to yet."""
    assert history("b") == [("b", 0)]


def test_one_odd_window_changes_nothing() -> None:
    """The activity goes on, since its own beginning; also with odd windows of different kinds."""
    assert history("aabaa") == [("a", 0)] * 5
    assert history("aabcaa") == [("a", 0)] * 6


def test_two_sure_windows_in_a_row_change_the_activity() -> None:
    """The new one began with the first of them."""
    assert history("aaaabb") == [("a", 0)] * 5 + [("b", 40)]


def test_an_activity_begins_with_the_windows_that_are_for_it() -> None:
    """Not with an odd one before, and also where others are in between that are not for the old one."""
    assert history("aaabaabb")[-1] == ("b", 60)
    assert history("aaaabcbb")[-1] == ("b", 40)


def believed(odds: list[float]) -> float:
    """Odds of b against a, worked out by hand for windows that say b : a = `odds`, after a window for a."""
    belief = 0.1  # of the first window: 1 : 9
    for ratio in odds:
        belief = (belief * (1 - LEAVE) + LEAVE) / (1 - LEAVE + belief * LEAVE) * ratio
    return belief / (1 + belief)


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0, 4.0, 9.0])
def test_two_activities_by_hand(ratio: float) -> None:
    """With two states the filter is one recursion over their odds; the change comes when it says so."""
    smoother = Smoother(rules(("a", "b"), WINDOW))
    smoother.update(np.array([0.9, 0.1]), 0, WINDOW)
    for number in range(1, 40):
        said = np.array([1.0, ratio]) / (1 + ratio)
        activity, _ = smoother.update(said, WINDOW * number, WINDOW * (number + 1))
        assert activity == ("b" if believed([ratio] * number) >= SURE else "a")
    assert (activity == "b") == (ratio > 1)


@pytest.mark.parametrize("hop", [1, 2, 5])
def test_any_hop(hop: int) -> None:
    """With overlapping windows it takes as much time, not as many windows; and one odd sound is still odd."""
    smoother = Smoother(rules(LABELS, WINDOW))
    ends = []
    for start in range(0, 100, hop):
        said = np.array(scores("b" if start >= 60 or 30 < start <= 30 + WINDOW - hop else "a"))
        if smoother.update(said, start, start + WINDOW)[0] == "b":
            ends.append(start + WINDOW)
    assert 60 + WINDOW < ends[0] <= 60 + 3 * WINDOW


def test_time_without_windows_makes_less_sure() -> None:
    """After a gap one window is enough that would not be before it."""
    for pause, activity in ((0, "a"), (100, "b")):
        smoother = Smoother(rules(LABELS, WINDOW))
        for number in range(5):
            smoother.update(np.array(scores("a")), WINDOW * number, WINDOW * (number + 1))
        said = np.array([0.04, 0.92, 0.04])
        assert smoother.update(said, 50 + pause, 60 + pause)[0] == activity


def test_after_an_interruption_the_next_window_counts_at_once() -> None:
    """Nothing is claimed about the time in which nothing was heard."""
    smoother = Smoother(rules(LABELS, WINDOW))
    for number in range(5):
        smoother.update(np.array(scores("a")), WINDOW * number, WINDOW * (number + 1))
    smoother.interrupt()
    assert smoother.update(np.array([0.2, 0.5, 0.3]), 500, 510) == ("b", 500)


def test_windows_that_say_nothing_change_nothing() -> None:
    """However many there are."""
    assert history("aa" + "-" * 50)[-1] == ("a", 0)


def test_unknown_windows() -> None:
    """Some are no reason to give up an activity; if they go on, it is not known any more what goes on."""
    found = history("aaa" + "-" * 20 + "aaa", unknown_below=0.6)
    assert found[:8] == [("a", 0)] * 8
    assert found[22] == (UNKNOWN, 30)
    assert found[-1] == ("a", 230)
    assert {activity for activity, _ in history("a--" * 20, unknown_below=0.6)} == {"a"}


def test_a_least_duration() -> None:
    """An activity counts once it has lasted so long, and then since its beginning; a short one never."""
    found = history("aaaabbbbbbbbaaaabbbaaaaa", durations={"b": 50})
    assert found[:8] == [("a", 0)] * 8
    assert found[8:12] == [("b", 40)] * 4
    assert {activity for activity, _ in found[14:]} == {"a"}
    assert found[-1] == ("a", 120)
    assert history("b", durations={"b": 50}) == [("b", 0)]


def test_a_least_duration_is_not_begun_anew_by_an_odd_window() -> None:
    """What is still believed goes on."""
    assert history("aaaabbbcbbb", durations={"b": 60})[-1] == ("b", 40)


probabilities = st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3).map(
    lambda values: np.array([value + 1e-9 for value in values]) / (sum(values) + 3e-9)
)


@given(st.lists(st.tuples(probabilities, st.integers(1, 25)), min_size=1), st.sampled_from([0.0, 0.6]))
def test_whatever_comes(windows: list[tuple[np.ndarray, int]], unknown_below: float) -> None:
    """An activity is one of those there are, and begins after the one before it, in time that was heard."""
    model = rules(LABELS, WINDOW, unknown_below=unknown_below, durations={"b": 30})
    smoother, start, before = Smoother(model), 0, ("", -1)
    for said, pause in windows:
        start += pause
        activity, since = smoother.update(said, start, start + WINDOW)
        assert activity in model.names
        assert before[1] <= since <= start
        assert (activity == before[0]) == (since == before[1])
        before = (activity, since)


@given(st.lists(probabilities, min_size=1))
def test_what_never_changes_in_the_windows_never_changes(windows: list[np.ndarray]) -> None:
    """If one class is the most probable one in every window, it is the activity throughout."""
    smoother = Smoother(rules(LABELS, WINDOW))
    for number, said in enumerate(windows):
        top = np.sort(said)[[0, 2, 1]] + np.array([0.0, 0.001, 0.0])
        assert smoother.update(top, WINDOW * number, WINDOW * (number + 1)) == ("b", 0)


@given(st.integers(2, 30), st.floats(0.0, 1.0))
def test_no_single_window_turns_a_firm_belief(classes: int, sure: float) -> None:
    """However sure it is, and however many classes there are."""
    smoother = Smoother(rules(tuple(map(str, range(classes))), WINDOW))
    firm, odd = np.full(classes, 0.001 / classes), np.full(classes, (1 - sure) / classes)
    firm[0] += 0.999
    odd[1] += sure
    for number in range(4):
        smoother.update(firm, WINDOW * number, WINDOW * (number + 1))
    assert smoother.update(odd, 40, 50) == ("0", 0)
