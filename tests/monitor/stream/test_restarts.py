"""A subscriber that is killed goes on where it was."""

from __future__ import annotations

from pathlib import Path

from tests.restarts import restarts
from tests.toys import tone, write_audio


def test_a_killed_subscriber_gets_everything_once(toy_bundle: Path, tmp_path: Path) -> None:
    """During a replay as fast as possible; `python -m tests.restarts` does it a hundred times."""
    recording = write_audio(tmp_path / "kitchen.wav", tone("low", 5.0))
    assert "none missing or twice" in restarts(tmp_path, 3, recording, toy_bundle)
