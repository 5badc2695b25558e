"""How soon the program answers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from tests.benchmarks.measure import compared, take_turns
from trainer.tables import Row

REPETITIONS = 15


def rows() -> Iterator[Row]:
    """`activity-monitor --help`, and Python that does nothing."""
    ours, python = take_turns(
        REPETITIONS, lambda: _run("-m", "monitor.cli", "--help"), lambda: _run("-c", "")
    )
    yield compared("activity-monitor --help", ours, "Python that does nothing", python, "aim: below 0.3 s")


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
