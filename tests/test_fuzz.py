"""Readers of bytes from outside, tried with bad ones; `python -m tests.fuzz` tries longer."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import strategies as st

from monitor.errors import MonitorError
from tests import fuzz
from tests.targets import Target, targets


@pytest.mark.parametrize("name", targets())
def test_bad_input_is_refused(name: str) -> None:
    """With a MonitorError of one line: no crash, no other exception, no end of time or memory."""
    row = fuzz.fuzz(name, 100, seed=1)
    assert "problem" not in row
    assert row["taken"] + row["refused"] >= 100


def crash(data: bytes) -> None:
    """Without a word, as a library in C may."""
    if len(data) > 2:
        os.kill(os.getpid(), signal.SIGKILL)


def hang(data: bytes) -> None:
    """For ever."""
    time.sleep(600.0 if len(data) > 2 else 0.0)


def fill(data: bytes) -> None:
    """All memory there is."""
    bytearray(1 << 40 if len(data) > 2 else 1)


def mutter(data: bytes) -> None:
    """What no terminal should see."""
    if len(data) > 2:
        raise MonitorError("two\nlines")


@pytest.mark.parametrize(
    ("read", "problem"),
    [(crash, "SIGKILL"), (hang, "no end within 1 s"), (fill, "MemoryError"), (mutter, "not for a terminal")],
)
def test_a_problem_is_found_and_its_input_kept(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    read: Callable[[bytes], None],
    problem: str,
) -> None:
    """Also one that ends the process; the command fails."""
    monkeypatch.setattr(fuzz, "SECONDS", 1)
    monkeypatch.setattr(fuzz, "KEPT", tmp_path)
    monkeypatch.setattr(
        fuzz, "targets", lambda: {"bad": Target("bad", st.binary(max_size=9), lambda _: read)}
    )
    monkeypatch.setattr(fuzz, "PROCESSES", multiprocessing.get_context("fork"))  # it has these patches, too
    assert fuzz.main(["--examples", "50"]) == 1
    (kept,) = tmp_path.iterdir()
    assert len(kept.read_bytes()) > 2
    table = capsys.readouterr().out
    assert re.search(rf"\| bad \|.*{problem}.* \(kept as .*{kept.name}\)", table)
