"""Whether a monitor that runs for days grows: `python -m tests.soak --hours 48`.

The demo is replayed again and again as fast as possible, through the whole daemon. Prints what core and
publisher hold; exits 1 if a window was lost, if resident memory is over 2 % above that after an hour, or if
descriptors or threads have grown.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from rich.console import Console
from rich.progress import track

from tests.homes import simulated
from trainer.simulate.scene import RATE
from trainer.tables import Column, markdown

MINUTE = 60
"""Seconds"""
HOUR = 360
"""Windows"""
EVERY = 1000
"""Windows between two rows"""
SAMPLED = 10
"""Windows between two measurements"""
GROWTH_LIMIT = 0.02
COLUMNS = (
    Column("windows", "windows", "{:,}".format, number=True),
    Column("core_mb", "core, MB", "{:.1f}".format, number=True),
    Column("publisher_mb", "publisher, MB", "{:.1f}".format, number=True),
    Column("descriptors", "descriptors", str, number=True),
    Column("threads", "threads", str, number=True),
)


@dataclass(frozen=True)
class Process:
    """What the kernel says of a process."""

    resident_mb: float
    descriptors: int
    threads: int
    cpu_seconds: float
    wake_ups: int

    @classmethod
    def of(cls, pid: int) -> Process:
        """As it is now."""
        folder = Path(f"/proc/{pid}")
        tasks = list((folder / "task").iterdir())
        ticks = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
        return cls(
            resident_mb=int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6,
            descriptors=len(list((folder / "fd").iterdir())),
            threads=len(tasks),
            cpu_seconds=sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"),
            wake_ups=sum(_status(task / "status", "voluntary_ctxt_switches") for task in tasks),
        )


def _status(file: Path, key: str) -> int:
    return next(int(line.split()[1]) for line in file.read_text().splitlines() if line.startswith(f"{key}:"))


class Daemon:
    """A monitor of its own, publishing, with a minute of a simulated home in a loop.

    Args:
        folder: for the recording and the socket.
        options: more options.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        minute = folder / "minute.flac"
        if not minute.exists():
            soundfile.write(minute, simulated("cooking", 1, MINUTE * RATE).T, RATE)
        command = [sys.executable, "-m", "monitor.cli", "--json", "-q", "--replay", str(minute), "--loop"]
        command += ["--publish", f"ipc://{folder}/stream", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self.seq = 0

    def labels(self) -> Iterator[dict[str, Any]]:
        """Labels as they come; every message must follow on the one before it, and so must the times."""
        assert self.process.stdout is not None
        end = None
        for line in self.process.stdout:
            message = json.loads(line)
            assert message["seq"] == self.seq + 1, "a message was lost"
            self.seq += 1
            if message["type"] in ("label", "gap"):
                assert message["start"] == (end or message["start"]), "time is in neither a label nor a gap"
                end = message["end"]
            if message["type"] == "label":
                yield message

    def processes(self) -> tuple[Process, Process]:
        """Core and publisher."""
        core = self.process.pid
        (publisher,) = Path(f"/proc/{core}/task/{core}/children").read_text().split()
        return Process.of(core), Process.of(int(publisher))

    def close(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)


def soak(folder: Path, windows: int) -> list[dict[str, Any]]:
    """A row after the first hour, and so on: the most that was held since the row before.

    What is held at a moment depends on how many windows wait.
    """
    rows, most = [], dict[str, float]()
    with closing(Daemon(folder, "--speed", "max")) as daemon:
        labels = daemon.labels()
        for number in track(range(1, windows + 1), "soak", console=Console(stderr=True), transient=True):
            next(labels)
            if number % SAMPLED == 0 or number == windows:
                held = _held(*daemon.processes())
                most = {key: max(value, most.get(key, 0)) for key, value in held.items()}
            if number in (HOUR, windows) or number % EVERY == 0:
                rows.append({"windows": number, **most})
                most = {}
    return rows


def _held(core: Process, publisher: Process) -> dict[str, float]:
    return {
        "core_mb": core.resident_mb,
        "publisher_mb": publisher.resident_mb,
        "descriptors": core.descriptors + publisher.descriptors,
        "threads": core.threads + publisher.threads,
    }


def idle(folder: Path, seconds: float) -> str:
    """What core and publisher use right after a label, in real time."""
    with closing(Daemon(folder)) as daemon:
        next(daemon.labels())
        before = daemon.processes()
        time.sleep(seconds)
        after = daemon.processes()
    cpu = sum(new.cpu_seconds - old.cpu_seconds for old, new in zip(before, after, strict=True)) / seconds
    wake_ups = sum(new.wake_ups - old.wake_ups for old, new in zip(before, after, strict=True)) / seconds
    return f"Between windows: {100 * cpu:.1f} % of a core, {wake_ups:.0f} wake-ups a second."


def main(argv: Sequence[str] | None = None) -> int:
    """Soak and print the table; 1 if something grew."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument(
        "--hours", type=float, default=48.0, metavar="N", help="of audio, more than 1 (default: %(default)s)"
    )
    parser.add_argument("--idle", action="store_true", help="only measure what is used between two windows")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        if arguments.idle:
            print(idle(Path(name), 8.0))
            return 0
        first, *rest = rows = soak(Path(name), round(HOUR * arguments.hours))
        print(markdown(COLUMNS, rows))
        print(idle(Path(name), 8.0))
    growth = {key: rest[-1][key] / first[key] - 1 for key in ("core_mb", "publisher_mb")}
    for key, share in growth.items():
        slope = np.polyfit([row["windows"] for row in rows], [row[key] for row in rows], 1)[0]
        print(f"{key}: {100 * share:+.2f} % since the first hour, {1e6 * slope:+.1f} kB per {EVERY} windows")
    same = all(rest[-1][key] <= first[key] for key in ("descriptors", "threads"))
    return int(not same or max(growth.values()) > GROWTH_LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
