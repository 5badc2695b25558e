"""A network for sound, front end included, as one ONNX graph.

The front end is in the graph, not NumPy beside it: one definition, with the kernels that a checkpoint brings,
and a single input also for the PANN that hears the waveform itself.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from export.onnx import check, relative, to_onnx
from trainer.checkpoints import RANDOM
from trainer.models import pann
from trainer.models.audio import AUDIO_BACKBONES
from trainer.recipes import AudioRecipe

TOLERANCE = 1e-3
"""Largest difference allowed between embeddings, and tags, of ONNX and of torch, as measured by
`export.onnx.relative`: per sound, in the maximum norm"""
SOUNDS = 3
"""On which it is measured: a second of any takes openl3 longer than a picture takes the largest network"""


class Tagger(nn.Module):
    """A PANN that gives its embeddings and, from them, AudioSet's classes."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, waveform: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Embeddings `[B, embedding]` and probabilities `[B, tags]` of `[B, samples]`."""
        embedding = self.network(waveform)
        return embedding, self.network.tags(embedding)  # type: ignore[operator]  # to torch, all are modules


def tags(recipe: AudioRecipe) -> int:
    """How many of AudioSet's classes a recipe's network tells: none if its weights are random."""
    learnt = AUDIO_BACKBONES[recipe.backbone].kind == "pann" and not recipe.weights.startswith(RANDOM)
    return pann.TAGS if learnt else 0


def export_sound(network: nn.Module, sounds: npt.NDArray[np.float32], *, tags: bool) -> bytes:
    """A network for sound as one graph that computes what torch computes.

    Args:
        network: in evaluation mode, on the CPU.
        sounds: `[n, samples]` at its rate, real ones; up to `SOUNDS` from all over them are tried.
        tags: whether it is a PANN that tells AudioSet's classes.

    Returns:
        ONNX: `waveform` float32 `[batch, samples]` -> `embedding` float32 `[batch, embedding]` and, with
        tags, `tags` float32 `[batch, tags]`.

    Raises:
        MonitorError: ONNX and torch differ by more than `TOLERANCE`.
    """
    some = sounds[:: -(-len(sounds) // SOUNDS)]
    model = Tagger(network).eval() if tags else network
    names = ("embedding", "tags") if tags else ("embedding",)
    graph = to_onnx(model, torch.zeros(2, sounds.shape[1]), "waveform", *names)
    check(graph, model, some, relative, TOLERANCE)
    return graph
