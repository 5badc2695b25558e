"""An image network with its preprocessing as one ONNX graph."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from export.onnx import check, relative, to_onnx
from trainer.models.backbones import SIZE

TOLERANCE = 1e-3
"""Largest difference allowed between embeddings of ONNX and of torch, as measured by `export.onnx.relative`:
per picture, in the maximum norm, relative to torch's embedding"""
PICTURES = 7
"""On which it is measured: the largest batch size that is tried"""


def export_backbone(backbone: nn.Module, pictures: npt.NDArray[np.uint8]) -> bytes:
    """A backbone as one graph that computes what torch computes.

    Args:
        backbone: in evaluation mode, on the CPU.
        pictures: RGB `[n, 3, 224, 224]`, real ones; up to `PICTURES` from all over them are tried.

    Returns:
        ONNX: `picture` uint8 `[batch, 3, 224, 224]`, RGB -> `embedding` float32 `[batch, embedding]`.

    Raises:
        MonitorError: ONNX and torch differ by more than `TOLERANCE`.
    """
    graph = to_onnx(backbone, torch.zeros(2, 3, SIZE, SIZE, dtype=torch.uint8), "picture", "embedding")
    some = pictures[:: -(-len(pictures) // PICTURES)]
    check(graph, backbone, some, relative, TOLERANCE)
    return graph
