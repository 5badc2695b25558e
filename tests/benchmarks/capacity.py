"""How many arrays can be recognised in real time, and what channels, threads and processes change."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from monitor.inference import bundle as bundles
from monitor.inference import selftest
from monitor.inference.recognise import Recogniser
from tests.benchmarks.measure import compared, take_turns
from trainer.tables import Row

REPETITIONS = 20
CHANNELS = (1, 2, 4, 8)
USUAL = "4 channels, one thread"
CORES = 2
WORK = """
import sys
from pathlib import Path
from monitor.inference import bundle, selftest
from monitor.inference.recognise import Recogniser
recogniser = Recogniser(bundle.load(Path(sys.argv[1])), provider="cpu")
samples = selftest.signal(recogniser.bundle.manifest)
for _ in sys.stdin:
    recogniser.recognise(samples)
    print(flush=True)
"""
"""A process that recognises a window of four channels for every line, and answers with one"""


def rows(path: Path) -> Iterator[Row]:
    """Arrays by the time that their windows take, against four channels in one thread.

    A daemon recognises one window after another. Half the hop is half the time for them: half the arrays.
    """
    bundle = bundles.load(path)
    signal, length = selftest.signal(bundle.manifest), bundle.manifest.window_seconds
    single, several = (Recogniser(bundle, threads, provider="cpu") for threads in (1, CORES))
    cases: dict[str, tuple[int, Callable[[], object]]] = {}  # windows at a time, and what recognises them
    for channels in CHANNELS:
        samples = np.resize(signal, (channels, bundle.manifest.window))  # repeats channels
        cases[f"{channels} channels, one thread"] = (1, partial(single.recognise, samples))
    cases[f"4 channels, {CORES} threads"] = (1, partial(several.recognise, signal))
    with ExitStack() as stack, threadpool_limits(1):
        workers = [stack.enter_context(_worker(path)) for _ in range(CORES)]
        cases[f"4 channels, {CORES} processes of one thread"] = (CORES, partial(_at_once, workers))
        taken = take_turns(REPETITIONS, *(run for _, run in cases.values()))
    held = {
        case: [windows * length / each for each in seconds]
        for (case, (windows, _)), seconds in zip(cases.items(), taken, strict=True)
    }
    for case, arrays in held.items():
        what = f"bundle {bundle.manifest.name}, {case}, a label every {length:g} s: arrays in real time"
        yield compared(what, arrays, USUAL, held[USUAL], unit="arrays")


def _worker(path: Path) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", WORK, str(path)], stdin=pipe, stdout=pipe, bufsize=0)


def _at_once(workers: Sequence[subprocess.Popen[bytes]]) -> None:
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write(b"\n")
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.read(1), "a worker has ended"
