"""From clips through support vector machines to a bundle, with a network so small that it takes no time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from export.cli import main
from export.pack import pack
from monitor.errors import MonitorError
from monitor.inference import bundle
from monitor.inference.bundle import Bundle
from monitor.inference.recognise import Recogniser
from tests import toy_resnet
from tests.toy_training import LABELS, write_data, write_folds
from trainer import datasets, recipes, run
from trainer.features import read_window
from trainer.system import _name
from trainer.train_svm import train
from trainer.training import Settings

pytestmark = pytest.mark.usefixtures("tiny_resnet")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on two folds and an evaluation partition of stereo clips, with weights from a file."""
    folder = tmp_path_factory.mktemp("svm")
    data = write_folds(write_data(folder / "tones", clips=6, channels=2), clips=6, folds=3)
    toy_resnet.write_weights(folder / "my weights.pt", seed=0)
    recipe = recipes.load(toy_resnet.write_recipe(folder / "toy.toml", folder / "my weights.pt", "magma"))
    settings = Settings(threads=1, device="cpu", cache=folder / "cache")
    train(datasets.read(data), recipe, folder / "run", None, settings)
    return folder / "run"


@pytest.fixture(scope="module")
def packed(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The run as a bundle, loaded from disk."""
    path = tmp_path_factory.mktemp("packed") / "toy.bundle"
    pack(trained, path, "toy", "for tests only", None)
    return bundle.load(path)


def test_the_daemon_says_what_the_trainer_says(trained: Path, packed: Bundle) -> None:
    """Of every clip of the evaluation partition: the run's decision values as probabilities."""
    _, evaluation = run.load(trained).predictions()
    assert evaluation is not None
    assert len(evaluation.file) == 6
    recogniser, temperature = Recogniser(packed), run.load_results(trained)["temperature"]
    for file, decisions in zip(evaluation.file, evaluation.scores.astype(float), strict=True):
        samples = read_window(trained.parent / "tones" / file, 8000, 1.0)
        powers = np.exp(decisions / temperature)
        np.testing.assert_allclose(recogniser.recognise(samples).scores, powers / powers.sum(), atol=1e-4)


def test_member(trained: Path, packed: Bundle) -> None:
    """The member says how its pictures are made, and is named after network, weights and colours."""
    (member,) = packed.manifest.members
    recipe = run.load_config(trained).recipe
    assert (member.name, member.file) == ("resnet50-myweights-magma", "resnet50-myweights.onnx")
    assert (member.kind, member.channels) == ("deep-spectrum", "mean")
    assert (member.log_mel, member.picture) == (recipe.log_mel, recipe.picture)
    assert packed.manifest.labels == LABELS
    np.testing.assert_array_equal(packed.machines()[member.name].weights, run.load_svm(trained).weights)


def test_no_folder_of_the_machine_gets_out(trained: Path, packed: Bundle) -> None:
    """Of a checkpoint's path, only the name of the file is told."""
    assert packed.manifest.training["recipe"]["weights"] == "my weights.pt"
    assert not any(str(trained.parent).encode() in data for data in packed.files.values())


def test_model_card(packed: Bundle) -> None:
    """The card tells network, pictures and machines instead of layers and epochs."""
    card = packed.files["MODEL_CARD.md"].decode()
    assert "Image network resnet50, weights my weights.pt, preprocessing of torchvision" in card
    assert "224 pixels wide and high, colours magma" in card
    assert "activity-trainer train svm --recipe toy --backbone resnet50" in card
    assert "epochs" not in card
    assert all(f"| {label} |" in card for label in LABELS)


def test_two_exports_are_identical(trained: Path, packed: Bundle, tmp_path: Path) -> None:
    """The same run gives the same bytes."""
    assert pack(trained, tmp_path / "again.zip", "toy", "for tests only", None).digest == packed.digest


def test_single_onnx_file(trained: Path, tmp_path: Path) -> None:
    """`activity-export onnx` writes the network that sees the pictures."""
    assert main(["onnx", str(trained), "-o", str(tmp_path / "toy.onnx")]) == 0
    session = onnxruntime.InferenceSession(tmp_path / "toy.onnx", providers=["CPUExecutionProvider"])
    assert session.get_outputs()[0].shape == ["batch", 98]


def test_other_weights(trained: Path, tmp_path: Path) -> None:
    """Weights that are no longer there are named; nothing is written."""
    (trained.parent / "my weights.pt").rename(trained.parent / "moved.pt")
    try:
        with pytest.raises(MonitorError, match=r"no weights at .*my weights\.pt"):
            pack(trained, tmp_path / "toy.bundle", "toy", "", None)
    finally:
        (trained.parent / "moved.pt").rename(trained.parent / "my weights.pt")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("weights", "name"),
    [("imagenet", "imagenet"), ("random:1", "random1"), ("a/b c é.v2.pth", "bc.v2"), ("x" * 300, "x" * 50)],
)
def test_names_of_members(trained: Path, weights: str, name: str) -> None:
    """Names keep to the characters that a bundle allows."""
    recipe = recipes.with_changes(run.load_config(trained).recipe, {"weights": weights})
    assert _name(recipe) == f"resnet50-{name}-magma"
