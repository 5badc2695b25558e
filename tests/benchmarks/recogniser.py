"""One window of four channels through a bundle, in one thread as the daemon does it by default."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self
from unittest import mock

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from monitor.inference import bundle as bundles
from monitor.inference import selftest
from monitor.inference.graph import Graph
from monitor.inference.recognise import Recogniser
from tests.benchmarks import flops
from tests.benchmarks.measure import alone, compared, spread, take_turns
from tests.soak import Process
from trainer.tables import Row

REPETITIONS = 30
LOADS = 5
SIDE = 1024
"""Of the square matrices whose product shows what the processor can do"""
LOAD = """
import sys, time
from pathlib import Path
from monitor.inference import bundle, selftest
from monitor.inference.recognise import Recogniser
started = time.perf_counter()
recogniser = Recogniser(bundle.load(Path(sys.argv[1])), provider="cpu")
loaded = time.perf_counter() - started
samples = selftest.signal(recogniser.bundle.manifest)
for _ in range(10):
    recogniser.recognise(samples)
print(loaded, flush=True)
sys.stdin.read()
"""
"""A process that loads a bundle, recognises some windows, says how many seconds it loaded, and stays"""


def rows(path: Path) -> Iterator[Row]:
    """Time, what of it is not onnxruntime's, GFLOP/s, time to load and memory."""
    bundle = bundles.load(path)
    recogniser = Recogniser(bundle, provider="cpu")
    samples = selftest.signal(bundle.manifest)
    watches: list[Watch] = []

    def window() -> None:
        with Watch() as watch:
            recogniser.recognise(samples)
        watches.append(watch)

    square = np.random.default_rng(0).random((SIDE, SIDE), dtype=np.float32)
    with threadpool_limits(1):
        ours, product = take_turns(REPETITIONS, window, lambda: square @ square)
    what = f"bundle {bundle.manifest.name}, window of {len(samples)} channels, one thread"
    length = bundle.manifest.window_seconds
    aim = "aim: 500 times for the default bundle, 12 for full fusion"
    yield compared(what, ours, "real time", [length] * REPETITIONS, aim)
    _, *counted = watches  # the first warmed up
    outside = [100.0 * (1.0 - watch.seconds / whole) for watch, whole in zip(counted, ours, strict=True)]
    yield alone(f"{what}: outside onnxruntime", spread(outside, "%"), "aim: below 5 %")
    yield _rate(what, ours, product, operations(recogniser, counted[0]))
    yield from _loading(path, bundle.manifest.name)


class Watch:
    """Notes what graphs are given, and how long they take, while it is entered."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.batches: list[tuple[Graph, int]] = []
        """Of every run: the graph, and the rows of its input"""
        self._run = Graph.run
        self._patch = mock.patch.object(Graph, "run", autospec=True, side_effect=self._noted)

    def __enter__(self) -> Self:
        self._patch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.stop()

    def _noted(self, graph: Graph, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        started = time.perf_counter()
        output = self._run(graph, batch)
        self.seconds += time.perf_counter() - started
        self.batches.append((graph, len(batch)))
        return output


def operations(recogniser: Recogniser, watch: Watch) -> int:
    """Floating-point operations of the networks in the window that was watched."""
    files = {model.graph: member.file for member, model in recogniser.models.items()}
    return sum(flops.count(recogniser.bundle.files[files[graph]], rows) for graph, rows in watch.batches)


def _rate(what: str, ours: list[float], product: list[float], count: int) -> Row:
    own = [count / seconds / 1e9 for seconds in ours]
    most = [2 * SIDE**3 / seconds / 1e9 for seconds in product]
    against = f"float32 product of matrices {SIDE} x {SIDE}, NumPy"
    note = f"{count / 1e9:.2f} GFLOP by the graphs' shapes; the best product had {max(most):.0f} GFLOP/s"
    return compared(
        f"{what}: networks' operations over all of its time", own, against, most, note, unit="GFLOP/s"
    )


def _loading(path: Path, name: str) -> Iterator[Row]:
    seconds, megabytes = zip(*(_load(path) for _ in range(LOADS)), strict=True)
    yield alone(f"bundle {name}, from disk to ready", spread(seconds, "s"), "imports left out")
    note = "a process that did nothing else, after ten windows"
    yield alone(f"bundle {name}, resident memory", spread(megabytes, "MB"), note)


def _load(path: Path) -> tuple[float, float]:
    """Seconds to load in a fresh process, and the megabytes that it then holds."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", LOAD, str(path)], stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        seconds = float(process.stdout.readline())
        return seconds, Process.of(process.pid).resident_mb
