from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from monitor.errors import MonitorError
from monitor.inference.picture import picture
from tests import toy_backbone
from tests.toy_training import RATE, settings, write_data
from trainer import datasets, embeddings, recipes
from trainer.embeddings import extract, seconds_per_example
from trainer.features import example
from trainer.recipes import SvmRecipe


@pytest.fixture
def recipe(tmp_path: Path) -> SvmRecipe:
    """Of the toy backbone."""
    return recipes.load_as(SvmRecipe, toy_backbone.write_recipe(tmp_path))


@pytest.fixture
def thumbnails(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The toy backbone is loaded for every recipe; how often, says the length of this list."""
    loaded: list[int] = []

    def load(_: SvmRecipe) -> torch.nn.Module:
        loaded.append(1)
        return toy_backbone.Thumbnail()

    monkeypatch.setattr(embeddings, "load", load)
    return loaded


def test_embeddings_are_what_the_network_sees(recipe: SvmRecipe, tmp_path: Path) -> None:
    """A clip's embedding is the real network's answer to the picture of its spectrogram."""
    data = datasets.read(write_data(tmp_path / "data", clips=4)).limited(1)
    clips = data.clips[:3]
    found = extract(clips, recipe, settings(tmp_path))
    assert found.examples.shape == (3, 1024)
    network = embeddings.load(recipe)
    for index, clip in enumerate(clips):
        decibel = example(clip, recipe.front_end)
        pictures = torch.from_numpy(picture(decibel, recipe.picture, recipe.log_mel))
        with torch.inference_mode():
            wanted = network(pictures).numpy()
        np.testing.assert_allclose(found.examples[np.array([index])], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("thumbnails")
@pytest.mark.parametrize("batch", [1, 3, 4, 100])
def test_batches_keep_clips_and_channels_in_order(
    recipe: SvmRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """Whatever the size of a batch, every channel has its own embedding, and clips that fail have none."""
    monkeypatch.setattr(embeddings, "BATCH", batch)
    folder = write_data(tmp_path / "data", clips=2, channels=2)
    (folder / "hiss" / "hiss0.wav").write_bytes(b"RIFF")
    soundfile.write(folder / "low" / "low0.wav", np.zeros((100, 2)), RATE)
    data = datasets.read(folder)
    found = extract(data.clips, replace(recipe, channels="each"), settings(tmp_path))
    names = [clip.path.name for clip in data.clips]
    assert [names[index] for index in found.short] == ["low0.wav"]
    assert [names[index] for index in found.bad] == ["hiss0.wav"]
    good = [index for index, name in enumerate(names) if name not in ("low0.wav", "hiss0.wav")]
    np.testing.assert_array_equal(found.clip, np.repeat(good, 2))
    network = toy_backbone.Thumbnail()
    for row, index in enumerate(good):
        decibel = example(data.clips[index], replace(recipe, channels="each").front_end)
        pictures = torch.from_numpy(picture(decibel, recipe.picture, recipe.log_mel))
        rows = np.array([2 * row, 2 * row + 1])
        np.testing.assert_array_equal(found.examples[rows], network(pictures).detach().numpy())


def test_nothing_is_computed_twice(recipe: SvmRecipe, tmp_path: Path, thumbnails: list[int]) -> None:
    """What is in the cache needs no network; what makes other embeddings has its own place in it."""
    data = datasets.read(write_data(tmp_path / "data", clips=2))
    extract(data.clips, recipe, settings(tmp_path))
    extract(data.clips, recipe, settings(tmp_path))
    assert len(thumbnails) == 1
    others = (
        {"picture.cmap": "magma"},
        {"picture.axis": "linear"},
        {"weights": "random:2"},
        {"scheme": "torchvision"},
        {"preprocessing": "deep-spectrum"},
        {"log_mel.floor_db": -60.0},
    )
    for number, changes in enumerate(others, start=2):
        extract(data.clips, recipes.with_changes(recipe, changes), settings(tmp_path))
        assert len(thumbnails) == number


def test_a_checkpoint_that_is_replaced_is_used(
    recipe: SvmRecipe, tmp_path: Path, thumbnails: list[int]
) -> None:
    """The cache goes by what is in a file of weights, not by its name."""
    data = datasets.read(write_data(tmp_path / "data", clips=2))
    own = replace(recipe, weights=str(tmp_path / "own.pth"))
    for number, content in enumerate((b"one", b"two"), start=1):
        (tmp_path / "own.pth").write_bytes(content)
        extract(data.clips, own, settings(tmp_path))
        assert len(thumbnails) == number


def test_weights_that_are_not_there(recipe: SvmRecipe, tmp_path: Path) -> None:
    """A missing file is named before any clip is read."""
    data = datasets.read(write_data(tmp_path / "data", clips=2))
    with pytest.raises(MonitorError, match=r"there are no weights at .*gone\.pth"):
        extract(data.clips, replace(recipe, weights=str(tmp_path / "gone.pth")), settings(tmp_path))


def test_time_of_a_picture(recipe: SvmRecipe, tmp_path: Path) -> None:
    """The forecast needs neither data nor published weights."""
    assert 0 < seconds_per_example(replace(recipe, weights="imagenet"), settings(tmp_path)) < 60
