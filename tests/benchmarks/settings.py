"""Settings of onnxruntime other than ours: the time inside it for a window of four channels, and memory."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import onnxruntime
from onnxruntime import GraphOptimizationLevel as Level

from monitor.inference import bundle as bundles
from monitor.inference import selftest
from monitor.inference.recognise import Recogniser
from monitor.inference.sound import Samples
from tests.benchmarks.measure import compared, take_turns
from tests.benchmarks.recogniser import Watch
from tests.soak import Process
from trainer.tables import Row

REPETITIONS = 30
WINDOWS = 10
"""After so many memory is measured"""
PAUSE = 0.2
"""Seconds before every window: threads spin on after a run, and the next setting must not pay for it"""
TOLERANCE = 1e-5
"""Between probabilities with one setting and another"""
SPIN = ("session.intra_op.allow_spinning", "1")

OURS = "as the monitor sets them"
SETTINGS: dict[str, Callable[[Any], object]] = {
    OURS: lambda _: None,
    "the same again": lambda _: None,
    "two threads": lambda options: setattr(options, "intra_op_num_threads", 2),
    "two threads that spin": lambda options: (
        setattr(options, "intra_op_num_threads", 2),
        options.add_session_config_entry(*SPIN),
    ),
    "no memory arena": lambda options: setattr(options, "enable_cpu_mem_arena", False),
    "memory planned ahead": lambda options: setattr(options, "enable_mem_pattern", True),
    "no graph optimisation": lambda options: setattr(
        options, "graph_optimization_level", Level.ORT_DISABLE_ALL
    ),
    "extended graph optimisation": lambda options: setattr(
        options, "graph_optimization_level", Level.ORT_ENABLE_EXTENDED
    ),
}
"""What is done to onnxruntime's session options after the monitor has set them. The second shows how much two
equal columns differ"""


def rows(path: Path) -> Iterator[Row]:
    """Each against ours; what is recognised is the same."""
    bundle = bundles.load(path)
    samples = selftest.signal(bundle.manifest)
    recognisers = [_open(path, name) for name in SETTINGS]
    wanted = recognisers[0].recognise(samples).scores
    for other in recognisers:
        np.testing.assert_allclose(other.recognise(samples).scores, wanted, rtol=0.0, atol=TOLERANCE)
    inside: list[list[float]] = [[] for _ in recognisers]
    take_turns(
        REPETITIONS,
        *(partial(_watched, *pair, samples) for pair in zip(recognisers, inside, strict=True)),
    )
    ours, *others = (seconds[1:] for seconds in inside)  # the first warmed up
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=1) as fresh:
        own, *memory = fresh.map(_resident, [path] * len(SETTINGS), SETTINGS)
    for name, seconds, megabytes in zip([*SETTINGS][1:], others, memory, strict=True):
        what = f"bundle {bundle.manifest.name}, window of {len(samples)} channels: inside onnxruntime, {OURS}"
        note = f"resident: {own:.0f} MB more than before loading, there {megabytes:.0f} MB"
        yield compared(what, ours, name, seconds, note)


def _watched(recogniser: Recogniser, seconds: list[float], samples: Samples) -> None:
    time.sleep(PAUSE)
    with Watch() as watch:
        recogniser.recognise(samples)
    seconds.append(watch.seconds)


def _open(path: Path, setting: str) -> Recogniser:
    session = onnxruntime.InferenceSession

    def opened(model: bytes, options: Any, **others: Any) -> Any:
        SETTINGS[setting](options)
        return session(model, options, **others)

    with mock.patch.object(onnxruntime, "InferenceSession", opened):
        return Recogniser(bundles.load(path), provider="cpu")


def _resident(path: Path, setting: str) -> float:
    """Megabytes that a bundle takes when some windows were recognised; of a fresh process."""
    before = Process.of(os.getpid()).resident_mb
    recogniser = _open(path, setting)
    samples = selftest.signal(recogniser.bundle.manifest)
    for _ in range(WINDOWS):
        recogniser.recognise(samples)
    return Process.of(os.getpid()).resident_mb - before
