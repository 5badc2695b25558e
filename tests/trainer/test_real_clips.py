from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from export.crnn import Ensemble, export_ensemble
from tests.toys import SHARED
from trainer import datasets, folds, recipes, run
from trainer.features import example
from trainer.train_crnn import train
from trainer.training import Settings


@pytest.mark.skipif(not (SHARED / "esc10").is_dir(), reason="needs the clips in ../shared/data/esc10")
def test_real_clips_from_data_to_graph(tmp_path: Path) -> None:
    """Real clips go through reading, training and export; the one that is too short is named."""
    data = datasets.read(SHARED / "esc10")
    data = replace(data, clips=tuple(clip for clip in data.clips if clip.fold in (3, 4)))
    recipe = recipes.with_changes(recipes.load("esc50"), {"epochs": 1})
    narrow = replace(recipe, model={**recipe.model, "filters": [8, 8, 8, 8]})
    settings = Settings(threads=2, device="cpu", cache=tmp_path / "cache")
    results = train(data, narrow, tmp_path / "run", [4], settings)
    assert results["pooled"]["clips"] == 79
    assert run.load_config(tmp_path / "run").data["short"] == ["audio/4-164661-B-12.ogg"]
    with (tmp_path / "run" / "predictions.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 79
    (model,) = folds.load_models(tmp_path / "run", [4])
    examples = [example(clip, recipe.front_end) for clip in data.clips[::8]]
    windows = np.concatenate([windows for windows in examples if windows is not None])
    assert len(export_ensemble(Ensemble([model]).eval(), windows)) > 10_000
