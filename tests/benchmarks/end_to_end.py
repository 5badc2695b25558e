"""A whole daemon in real time: from a window's last sample to its label at a subscriber, and what that costs.

All arrays play the same recording and begin at once, so that their windows end at the same moment and wait
for each other: the worst case. Sound cards that were started one by one spread out.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile

from monitor.inference import bundle as bundles
from monitor.stream.messages import LabelMessage
from monitor.stream.subscriber import Subscription, subscribe
from tests.benchmarks.measure import alone, spread
from tests.homes import simulated
from tests.soak import Process
from trainer.simulate.scene import RATE
from trainer.tables import Row


@dataclass(frozen=True)
class Run:
    """How a daemon is run."""

    arrays: int
    hop: float | None
    """Seconds between two windows; None for the window"""
    labels: int
    """Of each array, after its first"""


RUNS = (Run(1, None, 6), Run(4, None, 6), Run(16, None, 6), Run(1, 1.0, 60))
RECORDED = 60
"""Seconds, in a loop"""
REST = 0.5
"""Of the time between two windows, in which what the daemon does meanwhile is measured"""
SILENCE = 60.0
"""Seconds without a label, beyond the window, after which the daemon is given up"""
CORES = 2


@dataclass
class Heard:
    """What a subscriber heard and saw of one run."""

    first: float = 0.0
    """From the start of the process to the first label, without the window; seconds"""
    latencies: list[float] = field(default_factory=list)
    """From the arrival of a window's last block in the daemon to the subscriber, seconds, of every label; to
    a millisecond"""
    cpu: list[float] = field(default_factory=list)
    """CPU seconds of core and publisher for an hour of one array, from one label of each array to the next"""
    idle: list[float] = field(default_factory=list)
    """Per cent of a core that core and publisher take while no window ends"""
    resident: list[tuple[float, float]] = field(default_factory=list)
    """Of core and publisher, megabytes, after every label of each array"""


def rows(path: Path) -> Iterator[Row]:
    """Of every run latency, CPU and memory; and how long the first label took."""
    manifest = bundles.load(path).manifest
    firsts = []
    for run in RUNS:
        with TemporaryDirectory() as folder:
            heard = listen(Path(folder), path, manifest.window_seconds, run)
        firsts.append(heard.first)
        every = f"a label every {run.hop or manifest.window_seconds:g} s"
        yield from _rows(f"bundle {manifest.name}, arrays: {run.arrays}, {every}", heard)
    what = f"bundle {manifest.name}, from start to the first label, beyond the window"
    yield alone(what, spread(firsts, "s"), "all runs above; aim: below 2 s")


def _rows(what: str, heard: Heard) -> Iterator[Row]:
    late = 1000.0 * np.percentile(heard.latencies, 99)
    note = f"p99 {late:.0f} ms of {len(heard.latencies)} labels; aim: below 60 ms"
    yield alone(f"{what}: last sample to subscriber", spread(heard.latencies, "s"), note)
    held = CORES * 3600.0 / np.median(heard.cpu)
    note = f"for an hour of one array; by that, {CORES} cores are busy with {held:.0f} arrays"
    yield alone(f"{what}: CPU time", spread(heard.cpu, "CPU s"), note)
    idle = spread(heard.idle, "% of a core")
    yield alone(f"{what}: CPU time while no window ends", idle, "core and publisher")
    core, publisher = np.median(heard.resident, axis=0)
    note = f"core {core:.0f}, publisher {publisher:.0f}, shared pages in both; aim: below 200 MB"
    yield alone(f"{what}: resident memory", spread([sum(both) for both in heard.resident], "MB"), note)


def listen(folder: Path, bundle: Path, window: float, run: Run) -> Heard:
    """Start a daemon, hear its labels as any other subscriber, and end it.

    Args:
        folder: for the recording and the socket.
        bundle: is used.
        window: of that, seconds.
        run: how.
    """
    recording, endpoint = folder / "home.wav", f"ipc://{folder}/stream"
    soundfile.write(recording, simulated("cooking", 1, RECORDED * RATE).T, RATE)
    command = [sys.executable, "-m", "monitor.cli", "-q", "--bundle", str(bundle), "--publish", endpoint]
    # A replay's own journal is not synced to the disk, as that of sound cards is.
    command += ["--journal", str(folder / "journal.sqlite"), "--loop"]
    command += run.arrays * ["--replay", str(recording)]
    command += [] if run.hop is None else ["--hop", str(run.hop)]
    heard, hop = Heard(), run.hop or window
    started = time.monotonic()
    with (
        subprocess.Popen(command, stdout=subprocess.DEVNULL) as process,
        subscribe(endpoint, types={"label"}) as subscription,
    ):
        try:
            _hear(subscription, window)
            heard.first = time.monotonic() - started - window
            for _ in range(run.arrays - 1):
                _hear(subscription, window)
            both = (process.pid, *_children(process.pid))
            for _ in range(run.labels):
                before = _cpu_seconds(*both)
                time.sleep(REST * hop)
                heard.idle.append(100.0 * (_cpu_seconds(*both) - before) / (REST * hop))
                heard.latencies += [_hear(subscription, window) for _ in range(run.arrays)]
                heard.cpu.append((_cpu_seconds(*both) - before) * 3600.0 / (run.arrays * hop))
                resident = [Process.of(pid).resident_mb for pid in both]
                heard.resident.append((resident[0], resident[1]))
        finally:
            process.terminate()
    return heard


def _hear(subscription: Subscription, window: float) -> float:
    """Seconds that the next label took."""
    label = subscription.receive(window + SILENCE)
    now = datetime.now(UTC)
    assert isinstance(label, LabelMessage), "the daemon says nothing"
    return label.latency_ms / 1000.0 + (now - label.published).total_seconds()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _cpu_seconds(*pids: int) -> float:
    """To a nanosecond, where /proc counts ticks of 10 ms; the numbers are those of clock_getcpuclockid(3)."""
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)
