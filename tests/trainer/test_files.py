from __future__ import annotations

import errno
from pathlib import Path

import pytest

from trainer import files


def test_write_and_replace(tmp_path: Path) -> None:
    """A file is written, and written over; others may read it."""
    files.write(tmp_path / "a", b"one")
    files.write(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"two"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails names the file, keeps the old one and leaves nothing half."""
    files.write(tmp_path / "a", b"one")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match=r"No space left on device.*/a"):
        files.write(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"one"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
