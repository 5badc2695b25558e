"""A run -> its network, and the ONNX graph of it, tried on sounds that the run learnt from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from export.backbone import export_backbone
from export.clips import some_clips
from export.crnn import Ensemble, export_ensemble
from export.sound import export_sound, tags
from trainer import embeddings, folds
from trainer.datasets import Clip
from trainer.features import example
from trainer.recipes import AudioRecipe, CrnnRecipe
from trainer.system import Part

CLIPS = 40
"""On which a graph is tried"""


def load_network(part: Part) -> nn.Module:
    """The backbone of a run's support vector machines, or its fold models.

    Raises:
        MonitorError: a model or weights are missing or damaged.
    """
    if not isinstance(part.recipe, CrnnRecipe):
        return embeddings.load(part.recipe)
    return Ensemble(folds.load_models(part.run.folder, part.run.config.folds)).eval()


def export_graph(part: Part, network: nn.Module, data: Path | None) -> bytes:
    """A run's network as one ONNX graph.

    Args:
        part: the run.
        network: as from `load_network`.
        data: where its data set is; None: where it was when the run was made.

    Returns:
        ONNX: as from `export_ensemble`, `export_backbone` or `export_sound`.

    Raises:
        MonitorError: no such data, or ONNX and torch differ.
    """
    seen = real_inputs(part, data)
    if isinstance(part.recipe, CrnnRecipe):
        return export_ensemble(network, seen)
    if isinstance(part.recipe, AudioRecipe):
        return export_sound(network, seen, tags=tags(part.recipe) > 0)
    return export_backbone(network, seen)


def real_inputs(part: Part, data: Path | None) -> npt.NDArray[Any]:
    """What a run's network takes of some clips: log-mel dB `[windows, n_mels, frames]`, pictures or sounds.

    Raises:
        MonitorError: the data is not there, or is other data.
    """
    examples = [inputs(clip, part) for clip in some_clips(part.run.config, data, CLIPS)]
    return np.concatenate([windows for windows in examples if windows is not None])


def inputs(clip: Clip, part: Part) -> npt.NDArray[Any] | None:
    """What a run's network takes of one clip; None if that is too short.

    Raises:
        MonitorError: it cannot be read.
    """
    recipe = part.recipe
    return (
        example(clip, recipe.front_end) if isinstance(recipe, CrnnRecipe) else embeddings.inputs(clip, recipe)
    )
