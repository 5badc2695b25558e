"""A run -> its network, and the ONNX graph of it, tried on sounds that the run learnt from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import nn

from export.backbone import export_backbone
from export.clips import some_clips
from export.crnn import Ensemble, export_ensemble
from monitor.inference.picture import picture
from trainer import embeddings, folds
from trainer.features import example
from trainer.models.backbones import Backbone
from trainer.recipes import SvmRecipe
from trainer.system import Part

CLIPS = 40
"""On which a graph is tried"""


def load_network(part: Part) -> Backbone | Ensemble:
    """The backbone of a run's support vector machines, or its fold models.

    Raises:
        MonitorError: a model or weights are missing or damaged.
    """
    if isinstance(part.recipe, SvmRecipe):
        return embeddings.load(part.recipe)
    return Ensemble(folds.load_models(part.run.folder, part.run.config.folds)).eval()


def export_graph(part: Part, network: nn.Module, data: Path | None) -> bytes:
    """A run's network as one ONNX graph.

    Args:
        part: the run.
        network: as from `load_network`.
        data: where its data set is; None: where it was when the run was made.

    Returns:
        ONNX: as from `export_ensemble` or `export_backbone`.

    Raises:
        MonitorError: no such data, or ONNX and torch differ.
    """
    windows, recipe = real_windows(part, data), part.recipe
    if isinstance(recipe, SvmRecipe):
        return export_backbone(network, picture(windows, recipe.picture, recipe.log_mel))
    return export_ensemble(network, windows)


def real_windows(part: Part, data: Path | None) -> npt.NDArray[np.float32]:
    """Log-mel dB `[windows, n_mels, frames]` of some clips, as a run sees them.

    Raises:
        MonitorError: the data is not there, or is other data.
    """
    clips = some_clips(part.run.config, data, CLIPS)
    examples = [example(clip, part.recipe.front_end) for clip in clips]
    return np.concatenate([windows for windows in examples if windows is not None])
