"""Fixtures of the export's tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import toy_resnet, toy_training
from tests.toy_training import RECIPE, settings, write_data, write_folds, write_recipe
from trainer import datasets, recipes, train_crnn, train_svm
from trainer.fusion import fuse
from trainer.models import backbones


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished toy run; nobody writes to it."""
    return toy_training.write_run(tmp_path_factory.mktemp("trained"))


@contextmanager
def small() -> Iterator[None]:
    """Meanwhile, resnet50 is something smaller."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(backbones.BACKBONES, "resnet50", toy_resnet.FACTS)
        yield


@pytest.fixture(scope="module")
def tiny_resnet() -> Iterator[None]:
    """resnet50 is something smaller."""
    with small():
        yield


@pytest.fixture(scope="session")
def fused(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fusion, with its members beside it: two machines and a CRNN.

    They were tested on two folds and an evaluation partition of stereo clips; the weights come from a file.
    """
    folder = tmp_path_factory.mktemp("fusion")
    data = datasets.read(write_folds(write_data(folder / "tones", clips=6, channels=2), clips=6, folds=3))
    weights = folder / "my weights.pt"
    toy_resnet.write_weights(weights, seed=0)
    with small():
        for cmap in ("viridis", "magma"):
            recipe = recipes.load(toy_resnet.write_recipe(folder / f"{cmap}.toml", weights, cmap))
            train_svm.train(data, recipe, folder / cmap, None, settings(folder))
    recipe = recipes.load(write_recipe(folder, RECIPE.replace("epochs = 10", "epochs = 3")))
    train_crnn.train(data, recipe, folder / "crnn", None, settings(folder))
    fuse([folder / name for name in ("viridis", "crnn", "magma")], folder / "run", threads=1)
    return folder / "run"
