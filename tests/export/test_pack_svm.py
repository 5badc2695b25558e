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
from tests.toy_training import LABELS
from trainer import run

pytestmark = pytest.mark.usefixtures("tiny_resnet")


@pytest.fixture(scope="module")
def trained(fused: Path) -> Path:
    """A run on two folds and an evaluation partition of stereo clips, with weights from a file."""
    return fused.parent / "magma"


@pytest.fixture(scope="module")
def packed(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The run as a bundle, loaded from disk."""
    path = tmp_path_factory.mktemp("packed") / "toy.bundle"
    pack(trained, path, "toy", "for tests only", None)
    return bundle.load(path)


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
    assert "activity-trainer train svm --recipe magma --backbone resnet50" in card
    assert "epochs" not in card
    assert all(f"| {label} |" in card for label in LABELS)


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
