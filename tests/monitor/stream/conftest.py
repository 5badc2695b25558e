"""Fixtures for the stream."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.stream import keys


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Keys of the daemon, and of a laptop, whose file is beside the folder."""
    keys.init(tmp_path / "keys")
    keys.add(tmp_path / "keys", "laptop", tmp_path / "laptop.key_secret")
    return tmp_path / "keys"
