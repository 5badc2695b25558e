"""A subscriber that is killed goes on where it was."""

from __future__ import annotations

from pathlib import Path

from tests.restarts import restarts


def test_a_killed_subscriber_gets_everything_once(tmp_path: Path) -> None:
    """During a replay as fast as possible; `python -m tests.restarts` does it a hundred times."""
    assert "none missing or twice" in restarts(tmp_path, times=3)
