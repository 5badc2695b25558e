"""A training run -> its ONNX graph, tried on sounds that the run learnt from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from export.backbone import export_backbone
from export.crnn import Ensemble, export_ensemble
from monitor.errors import MonitorError, safe
from monitor.inference.picture import picture
from trainer import datasets, embeddings, folds, run
from trainer.features import FrontEnd, example
from trainer.recipes import FusionRecipe, SvmRecipe

CLIPS = 40
"""On which a graph is tried"""


def export_graph(folder: Path, data: Path | None) -> bytes:
    """The fold models of a run, or the backbone of its support vector machines, as one ONNX graph.

    Args:
        folder: run directory.
        data: where the run's data set is; None: where it was when the run was made.

    Returns:
        ONNX: as from `export_ensemble` or `export_backbone`.

    Raises:
        MonitorError: no such run, weights or data, or ONNX and torch differ.
    """
    config = run.load_config(folder)
    recipe = config.recipe
    if isinstance(recipe, FusionRecipe):
        raise MonitorError(f"{safe(str(folder))} is a fusion: it has several graphs")
    windows = real_windows(config, recipe.front_end, data)
    if isinstance(recipe, SvmRecipe):
        pictures = picture(windows, recipe.picture, recipe.log_mel)
        return export_backbone(embeddings.load(recipe), pictures)
    return export_ensemble(Ensemble(folds.load_models(folder, config.folds)).eval(), windows)


def real_windows(config: run.Config, front_end: FrontEnd, data: Path | None) -> npt.NDArray[np.float32]:
    """Log-mel dB `[windows, n_mels, frames]` of some clips from all over a run's data set.

    Args:
        config: of the run.
        front_end: what to compute.
        data: where its data set is; None: where it was when the run was made.

    Raises:
        MonitorError: the data is not there, or is other data.
    """
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
    some = usable[:: max(1, len(usable) // CLIPS)]
    examples = [example(clip, front_end) for clip in some]
    return np.concatenate([windows for windows in examples if windows is not None])
