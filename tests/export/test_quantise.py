"""Image networks in int8: what becomes of the graph, and whether a bundle takes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import torch
from onnx import numpy_helper

from export import quantise
from export.cli import main
from export.onnx import open_graph, relative, to_onnx
from export.pack import pack
from tests import toy_resnet
from trainer.models.backbones import Backbone, preprocess

pytestmark = pytest.mark.usefixtures("tiny_resnet")
SIDE = 224


def graph_of(seed: int) -> bytes:
    """The toy network with random weights, preprocessing included."""
    torch.manual_seed(seed)
    network = Backbone(preprocess("resnet50", "torchvision"), toy_resnet.tiny()).eval()
    return to_onnx(network, torch.zeros(2, 3, SIDE, SIDE, dtype=torch.uint8), "picture", "embedding")


def embeddings(graph: bytes, pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """What a graph makes of pictures."""
    (found,) = open_graph(graph).run(None, {"picture": pictures})
    return np.asarray(found)


@pytest.fixture(scope="module")
def pictures() -> npt.NDArray[np.uint8]:
    """Some, of noise."""
    return np.random.default_rng(0).integers(0, 256, (6, 3, SIDE, SIDE), dtype=np.uint8)


def test_an_int8_graph_is_the_same_function(pictures: npt.NDArray[np.uint8]) -> None:
    """Embeddings move by a few per cent; the batch stays free; the same bytes each time."""
    exact = graph_of(0)
    rounded = quantise.quantise(exact, [pictures])
    assert 0.0 < relative(embeddings(rounded, pictures[:3]), embeddings(exact, pictures[:3])) < 0.05
    assert len(embeddings(rounded, pictures[:1])) == 1
    assert quantise.quantise(exact, [pictures]) == rounded


def test_weights_have_seven_bits(pictures: npt.NDArray[np.uint8]) -> None:
    """Two products of 8 bits would overflow on processors without instructions of their own for it."""
    graph = onnx.load_from_string(quantise.quantise(graph_of(0), [pictures])).graph
    weights = [tensor for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.INT8]
    (kernel,) = [values for values in map(numpy_helper.to_array, weights) if values.ndim == 4]
    assert 60 <= np.abs(kernel.astype(int)).max() <= 64


def test_a_bundle_takes_what_costs_nothing(
    fused: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The graph is the int8 one; accuracies of both members stand in the card; `verify` accepts it."""
    path = str(tmp_path / "small.bundle")
    assert main(["bundle", str(fused), "-o", path, "--int8"]) == 0
    printed = capsys.readouterr().out
    assert "resnet50-myweights.onnx in int8" in printed
    graph = onnx.load(tmp_path / "small.bundle" / "resnet50-myweights.onnx").graph
    assert "QuantizeLinear" in {node.op_type for node in graph.node}
    card = (tmp_path / "small.bundle" / "MODEL_CARD.md").read_text()
    assert all(f"by resnet50-myweights-{cmap}" in card for cmap in ("viridis", "magma"))
    assert main(["verify", path, "--run", str(fused)]) == 0


def test_a_bundle_leaves_what_costs_too_much(
    fused: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With an int8 network that says something else, the one in float32 stays."""
    monkeypatch.setattr(quantise, "quantise", lambda *_: graph_of(7))
    file = "resnet50-myweights.onnx"
    exact = pack(fused, tmp_path / "exact.bundle", "toy", "", None)
    made = pack(fused, tmp_path / "toy.bundle", "toy", "", None, int8=True)
    assert made.files[file] == exact.files[file]
    assert f"{file} left in float32, int8 costs too much: " in capsys.readouterr().out
    assert "int8" in made.manifest.scores
    assert "int8" not in exact.manifest.scores


def test_a_run_without_image_network_has_nothing_to_quantise(
    fused: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says so, and writes nothing."""
    run = fused.parent / "crnn"
    assert main(["bundle", str(run), "-o", str(tmp_path / "toy.bundle"), "--int8"]) != 0
    assert "has no image network; leave --int8 out" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
