"""torch -> ONNX: the fold models of a run as one graph, checked against torch on real windows."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from torch import nn

from monitor.errors import MonitorError, safe
from trainer import datasets, folds, run
from trainer.features import example
from trainer.models.crnn import Crnn

INPUT = "log_mel"
OUTPUT = "posteriors"
OPSET = 17
TOLERANCE = 1e-4
"""Largest difference allowed between a posterior of ONNX and of torch"""
BATCHES = (1, 3, 4, 7)
"""Batch sizes that are tried: recurrent layers tend to be exported with the batch of the example frozen in"""
WINDOWS = 40
"""Clips that the graph is tried on"""


class Ensemble(nn.Module):
    """Mean of the posteriors of several models.

    Shape:
        Input: float32 `[B, n_mels, frames]`, dB.
        Output: posteriors float32 `[B, labels]`, rows sum to 1.
    """

    def __init__(self, models: Sequence[Crnn]) -> None:
        super().__init__()
        self.models = nn.ModuleList(models)

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Posteriors of a batch of windows."""
        return torch.stack([model(log_mel).softmax(dim=1) for model in self.models]).mean(dim=0)


def export_run(folder: Path, data: Path | None) -> bytes:
    """The models of a run as one ONNX graph that computes what torch computes.

    Args:
        folder: run directory.
        data: where the run's data set is; None: where it was when the run was made.

    Raises:
        MonitorError: no such run or data, or ONNX and torch differ.
    """
    config = run.load_config(folder)
    model = Ensemble(folds.load_models(folder, config.folds)).eval()
    log_mel = real_windows(config, data)
    graph = to_onnx(model, log_mel.shape[1], log_mel.shape[2])
    check(graph, model, log_mel)
    return graph


def real_windows(config: run.Config, data: Path | None) -> npt.NDArray[np.float32]:
    """Log-mel dB `[windows, n_mels, frames]` of clips from all over the run's data set."""
    where = Path(config.data["path"]) if data is None else data
    try:
        found = datasets.read(where)
    except MonitorError as exc:
        raise MonitorError(
            f"the export is checked on the run's data: {exc}; say where it is with --data", exc.exit_code
        ) from exc
    if found.labels != config.labels:
        raise MonitorError(f"{safe(str(where))} has other classes than the run; give its data with --data")
    left_out = {*config.data["short"], *config.data["bad"]}
    usable = [clip for clip in found.clips if found.file(clip) not in left_out]
    some = usable[:: max(1, len(usable) // WINDOWS)]
    examples = [example(clip, config.recipe.front_end) for clip in some]
    return np.concatenate([windows for windows in examples if windows is not None])


def to_onnx(model: nn.Module, n_mels: int, frames: int) -> bytes:
    """One self-contained ONNX graph: `log_mel` [batch, n_mels, frames] -> `posteriors` [batch, labels].

    The batch axis is free. The same weights give the same bytes.
    """
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        path = Path(scratch) / "model.onnx"
        # It warns of frozen batch axes, which check() looks for, and of its age: the new exporter makes the
        # same nodes in fifteen times the time, with dozens of slices around each GRU.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (torch.zeros(2, n_mels, frames),),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "batch"}, OUTPUT: {0: "batch"}},
        )
        return path.read_bytes()


def check(graph: bytes, model: nn.Module, log_mel: npt.NDArray[np.float32]) -> float:
    """Compare an ONNX graph with the torch model at several batch sizes.

    Args:
        graph: as from `to_onnx`.
        model: what it was made from, in evaluation mode.
        log_mel: windows to try, `[windows, n_mels, frames]`.

    Returns:
        Largest absolute difference of a posterior.

    Raises:
        MonitorError: it is above `TOLERANCE`, or a batch size does not run.
    """
    session = onnxruntime.InferenceSession(graph, _quiet(), providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        wanted = model(torch.from_numpy(log_mel)).numpy()
    worst = 0.0
    for size in (*BATCHES, len(log_mel)):
        for start in range(0, len(log_mel), size):
            batch = slice(start, start + size)
            try:
                (found,) = session.run([OUTPUT], {INPUT: log_mel[batch]})
            except Exception as exc:  # onnxruntime's errors have no common base of their own
                raise MonitorError(
                    f"the graph does not run with a batch of {size}: {safe(str(exc))}"
                ) from exc
            # Not max(): a NaN must count as a difference.
            difference = float(np.abs(found - wanted[batch]).max())
            if not difference <= TOLERANCE:
                raise MonitorError(
                    f"ONNX and torch differ by {difference:.2g} with a batch of {size}, more than "
                    f"{TOLERANCE:g}; nothing was written"
                )
            worst = max(worst, difference)
    return worst


def _quiet() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 2
    return options
