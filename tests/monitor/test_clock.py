"""UTC for moments of the samples' clock."""

from __future__ import annotations

import pytest

from monitor import clock


def test_a_wall_clock_that_is_set_is_followed_and_one_that_drifts_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A correction by NTP must not bend the length of windows; an hour's step must show."""
    monkeypatch.setattr("monitor.clock.now", lambda: 100.0)
    monkeypatch.setattr("time.time", lambda: 1000.0)
    wall = clock.WallClock()
    seen = []
    for moment in (1000.4, 4600.0):
        monkeypatch.setattr("time.time", lambda moment=moment: moment)
        wall.follow()
        seen.append(wall.utc(101.0).timestamp())
    assert seen == [1001.0, 4601.0]
