from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import torch

from monitor.errors import MonitorError
from tests import toy_sound
from tests.toy_training import RATE, settings, write_data
from trainer import cli, datasets, embeddings, recipes
from trainer.datasets import Clip
from trainer.embeddings import extract, seconds_per_example
from trainer.models import audio
from trainer.models.openl3 import Frames
from trainer.recipes import AudioRecipe


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that cost nothing."""
    for name, kind in (("pann", "pann"), ("openl3", "openl3")):
        monkeypatch.setitem(audio.AUDIO_BACKBONES, name, toy_sound.facts(kind))


@pytest.fixture
def recipe(tmp_path: Path) -> AudioRecipe:
    """Of the toy PANN."""
    return recipes.load_as(AudioRecipe, toy_sound.write_recipe(tmp_path / "toy.toml"))


def test_embeddings_are_what_the_network_hears(recipe: AudioRecipe, tmp_path: Path) -> None:
    """A clip's embedding is the network's answer to its window, mixed and resampled to 32 kHz."""
    data = datasets.read(write_data(tmp_path / "data", clips=3, channels=2))
    found = extract(data.clips, recipe, settings(tmp_path))
    assert found.examples.shape == (9, toy_sound.SIZE)
    network = embeddings.load(recipe)
    for index, clip in enumerate(data.clips):
        samples, rate = soundfile.read(clip.path, dtype="float32")
        heard = soxr.resample(samples.mean(axis=1), rate, 32_000)
        with torch.inference_mode():
            wanted = network(torch.from_numpy(heard[None])).numpy()
        np.testing.assert_allclose(found.examples[np.array([index])], wanted, rtol=1e-4, atol=1e-7)


def test_channels_stay_apart_and_in_order(recipe: AudioRecipe, tmp_path: Path) -> None:
    """With `each`, every channel has its own embedding; clips that are short or damaged have none."""
    folder = write_data(tmp_path / "data", clips=2, channels=3)
    (folder / "hiss" / "hiss0.wav").write_bytes(b"RIFF")
    soundfile.write(folder / "low" / "low0.wav", np.zeros((100, 3)), RATE)
    data = datasets.read(folder)
    each = replace(recipe, channels="each")
    found = extract(data.clips, each, settings(tmp_path))
    names = [clip.path.name for clip in data.clips]
    assert [names[index] for index in found.short] == ["low0.wav"]
    assert [names[index] for index in found.bad] == ["hiss0.wav"]
    good = [index for index in range(len(names)) if index not in (*found.short, *found.bad)]
    np.testing.assert_array_equal(found.clip, np.repeat(good, 3))
    network = embeddings.load(each)
    for row, index in enumerate(good):
        with torch.inference_mode():
            wanted = network(torch.from_numpy(embeddings.inputs(data.clips[index], each))).numpy()
        np.testing.assert_allclose(found.examples[np.arange(3 * row, 3 * row + 3)], wanted, rtol=1e-5)


def test_what_makes_other_embeddings(recipe: AudioRecipe) -> None:
    """The cache tells apart what changes embeddings; the frames concern openl3 alone."""
    finer = {"frames": Frames(0.5)}
    others = ({"weights": "random:2"}, {"backbone": "openl3"}, {"channels": "each"}, {"sample_rate": 16000})
    first = embeddings._specification(recipe)
    assert all(embeddings._specification(replace(recipe, **changes)) != first for changes in others)
    assert embeddings._specification(replace(recipe, **finer)) == first
    frames = replace(recipe, backbone="openl3")
    assert embeddings._specification(frames) != embeddings._specification(replace(frames, **finer))


def test_a_silent_clip(recipe: AudioRecipe, tmp_path: Path) -> None:
    """Silence is a sound like another."""
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    found = extract([Clip(tmp_path / "silent.wav", "low", 1, "silent")], recipe, settings(tmp_path))
    assert np.isfinite(found.examples[np.array([0])]).all()


@pytest.mark.parametrize("backbone", ["pann", "openl3"])
def test_features_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], backbone: str
) -> None:
    """`features --backbone` takes the networks for sound as it takes image networks."""
    data, recipe = write_data(tmp_path / "data", clips=2), toy_sound.write_recipe(tmp_path / "toy.toml")
    options = ["--data", str(data), "--recipe", recipe, "--cache", str(tmp_path / "cache")]
    assert cli.main(["features", *options, "--backbone", backbone]) == 0
    assert f"6 embeddings of {toy_sound.SIZE} numbers" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--cmap", "magma"], 2, "recipe 'toy' has no pictures; leave --cmap out"),
        (["--backbone", "vgg16"], 78, "backbone must be one of openl3, .*pann-cnn14, not 'vgg16'"),
        (["--weights", "imagenet"], 78, "its published weights are 'audioset'"),
        (["--weights", "audioset"], 66, "run: activity-trainer download weights pann"),
        (["--weights", "random:x"], 2, "wanted random:SEED"),
    ],
)
def test_options_that_do_not_fit(
    *,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    code: int,
    message: str,
) -> None:
    """Options of image networks, unknown networks and missing weights are told in a line."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data, recipe = write_data(tmp_path / "data", clips=2), toy_sound.write_recipe(tmp_path / "toy.toml")
    assert cli.main(["features", "--data", str(data), "--recipe", recipe, *options]) == code
    assert re.search(message, capsys.readouterr().err)


def test_audioset_is_not_for_pictures() -> None:
    """An image network with weights that belong to networks for sound is refused."""
    recipe = recipes.load("esc50-deep-spectrum")
    with pytest.raises(MonitorError, match="resnet50 has no published weights"):
        recipes.with_changes(recipe, {"weights": "audioset"})


@pytest.mark.parametrize("name", ["esc50", "dcase2017", "dcase2018"])
def test_recipes_that_ship(name: str) -> None:
    """Each data set has one, which hears the windows that its other systems hear."""
    found, other = recipes.load_as(AudioRecipe, f"{name}-audio"), recipes.load(name)
    assert (found.window_seconds, found.sample_rate) == (other.window_seconds, other.sample_rate)
    assert (found.backbone, found.weights) == ("pann", "audioset")
    assert recipes.from_json(recipes.to_json(found)) == found


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": {"hop": 1}}, "unknown key 'hop'"),
        ({"frames": {"hop_seconds": 2.0}}, "hop_seconds must be above 0 and at most 1"),
        ({"channels": "both"}, "channels must be one of each, mono"),
        ({"sample_rate": 0}, "must be positive"),
        ({"log_mel": {}}, "unknown key 'log_mel'"),
    ],
)
def test_recipes_that_make_no_sense(recipe: AudioRecipe, changes: dict[str, object], message: str) -> None:
    """What does not belong into a recipe is named."""
    with pytest.raises(MonitorError, match=message):
        recipes.from_json({**recipes.to_json(recipe), **changes})


def test_time_of_a_sound(recipe: AudioRecipe, tmp_path: Path) -> None:
    """The forecast needs neither data nor published weights."""
    assert 0 < seconds_per_example(replace(recipe, weights="audioset"), settings(tmp_path)) < 60
