"""The fold models of a CRNN as one ONNX graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from export.onnx import absolute, check, to_onnx
from trainer.models.crnn import Crnn

TOLERANCE = 1e-4
"""Largest difference allowed between a posterior of ONNX and of torch"""


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


def export_ensemble(model: nn.Module, log_mel: npt.NDArray[np.float32]) -> bytes:
    """An ensemble as one graph that computes what torch computes.

    Args:
        model: in evaluation mode.
        log_mel: real windows `[n, n_mels, frames]`, dB, on which it is tried.

    Returns:
        ONNX: `log_mel` float32 `[batch, n_mels, frames]` -> `posteriors` float32 `[batch, labels]`.

    Raises:
        MonitorError: ONNX and torch differ by more than `TOLERANCE`.
    """
    graph = to_onnx(model, torch.zeros(2, *log_mel.shape[1:]), "log_mel", "posteriors")
    check(graph, model, log_mel, absolute, TOLERANCE)
    return graph
