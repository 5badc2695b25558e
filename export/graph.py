"""A run -> its ONNX graph, tried on sounds that the run learnt from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from export.backbone import export_backbone
from export.clips import some_clips
from export.crnn import Ensemble, export_ensemble
from export.system import Part
from monitor.inference.picture import picture
from trainer import embeddings, folds
from trainer.features import example
from trainer.recipes import SvmRecipe

CLIPS = 40
"""On which a graph is tried"""


def export_graph(part: Part, data: Path | None) -> bytes:
    """The fold models of a run, or the backbone of its support vector machines, as one ONNX graph.

    Args:
        part: the run.
        data: where its data set is; None: where it was when the run was made.

    Returns:
        ONNX: as from `export_ensemble` or `export_backbone`.

    Raises:
        MonitorError: no such weights or data, or ONNX and torch differ.
    """
    windows, recipe = real_windows(part, data), part.recipe
    if isinstance(recipe, SvmRecipe):
        pictures = picture(windows, recipe.picture, recipe.log_mel)
        return export_backbone(embeddings.load(recipe), pictures)
    return export_ensemble(Ensemble(folds.load_models(part.folder, part.config.folds)).eval(), windows)


def real_windows(part: Part, data: Path | None) -> npt.NDArray[np.float32]:
    """Log-mel dB `[windows, n_mels, frames]` of some clips, as a run sees them.

    Raises:
        MonitorError: the data is not there, or is other data.
    """
    clips = some_clips(part.config, data, CLIPS)
    examples = [example(clip, part.recipe.front_end) for clip in clips]
    return np.concatenate([windows for windows in examples if windows is not None])
