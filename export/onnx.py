"""torch -> ONNX, and the proof that both compute the same."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from torch import nn

from monitor.errors import MonitorError, safe

OPSET = 17
BATCHES = (1, 3, 4, 7)
"""Batch sizes that are tried: recurrent layers tend to be exported with the batch of the example frozen in"""

Output = npt.NDArray[np.float32]
Distance = Callable[[Output, Output], float]
"""Of what was found from what was wanted, both `[batch, outputs]`; NaN if there is a NaN in either"""


def to_onnx(model: nn.Module, example: torch.Tensor, name: str, *outputs: str) -> bytes:
    """One self-contained graph. The same weights give the same bytes.

    A network of 140 million weights takes 2.5 GB of memory.

    Args:
        model: in evaluation mode, with one input.
        example: an input; its first axis is the batch, which is free in the graph.
        name: of the input.
        outputs: names of the outputs.
    """
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        path = Path(scratch) / "model.onnx"
        # It warns of frozen batch axes, which check() looks for, and of its age: the new exporter makes the
        # same nodes in fifteen times the time, with dozens of slices around each GRU.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (example,),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=[name],
            output_names=list(outputs),
            dynamic_axes={key: {0: "batch"} for key in (name, *outputs)},
        )
        return path.read_bytes()


def check(
    graph: bytes, model: nn.Module, inputs: npt.NDArray[Any], distance: Distance, tolerance: float
) -> float:
    """Compare all outputs of a graph with the torch model's on every input, at several batch sizes.

    Args:
        graph: as from `to_onnx`.
        model: what it was made from, in evaluation mode.
        inputs: what to try, `[n, ...]`.
        distance: how to compare.
        tolerance: largest distance allowed.

    Returns:
        The largest distance.

    Raises:
        MonitorError: it is above the tolerance or no number, or a batch size does not run.
    """
    session = open_graph(graph)
    (name,) = [entry.name for entry in session.get_inputs()]
    with torch.inference_mode():
        given = model(torch.from_numpy(inputs))
    wanted = [output.numpy() for output in (given if isinstance(given, tuple) else (given,))]
    worst = 0.0
    for size in sorted({min(size, len(inputs)) for size in (*BATCHES, len(inputs))}):
        for start in range(0, len(inputs), size):
            batch = slice(start, start + size)
            try:
                found = session.run(None, {name: inputs[batch]})
            except Exception as exc:  # onnxruntime's errors have no common base of their own
                raise MonitorError(
                    f"the graph does not run with a batch of {size}: {safe(str(exc))}"
                ) from exc
            pairs = zip(found, wanted, strict=True)
            # NumPy's max(), so that a NaN in any output is one here.
            difference = float(np.max([distance(ours, theirs[batch]) for ours, theirs in pairs]))
            if not difference <= tolerance:  # so that NaN is refused
                raise MonitorError(
                    f"ONNX and torch differ by {difference:.2g} with a batch of {size}, more than "
                    f"{tolerance:g}; nothing was written"
                )
            worst = max(worst, difference)
    return worst


def absolute(found: Output, wanted: Output) -> float:
    """The largest absolute difference of two numbers."""
    return float(np.abs(found - wanted).max())  # NumPy's max(), unlike Python's, is NaN if there is a NaN


def relative(found: Output, wanted: Output) -> float:
    """Max over rows of (max over columns of |found - wanted|) / (max over columns of |wanted|).

    Each row is measured by its own largest number: most numbers of an embedding are 0 or close to it.
    """
    scale = np.abs(wanted).max(axis=1)
    # A row of zeros must be met exactly.
    return float((np.abs(found - wanted).max(axis=1) / np.maximum(scale, np.finfo(np.float32).tiny)).max())


def open_graph(graph: bytes) -> onnxruntime.InferenceSession:
    """A graph, ready to run on the CPU."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 2
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
