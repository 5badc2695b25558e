from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from export import backbone
from export.backbone import export_backbone
from monitor.errors import MonitorError
from monitor.inference.logmel import LogMelSpec, log_mel
from monitor.inference.picture import PictureSpec, picture
from tests.toys import tone
from trainer import weights
from trainer.models.backbones import BACKBONES, Backbone, preprocess
from trainer.models.initial import randomise


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Of sounds: two tones and noise `[3, 3, 224, 224]`."""
    noise = np.random.default_rng(0).standard_normal((1, 16000)).astype(np.float32)
    sounds = np.concatenate([tone("low", 1.0, 1), tone("high", 1.0, 1), noise])
    spec = LogMelSpec(16000, mel="slaney")
    return picture(log_mel(sounds, spec), PictureSpec(), spec)


def random_backbone(name: str) -> Backbone:
    """With the weights that the paper calls random, and the toolkit's preprocessing."""
    return Backbone(preprocess(name, "deep-spectrum"), weights.load(name, "random:1", "keras")).eval()


def test_the_largest_backbone(pictures: np.ndarray) -> None:
    """A graph of half a gigabyte is one file, too, and computes what torch computes."""
    graph = export_backbone(random_backbone("vgg19"), pictures[:2])
    assert 558_000_000 < len(graph) < 559_000_000


def test_convolutions_of_vgg16(pictures: np.ndarray) -> None:
    """Exported without its large layers, which are those of VGG19."""
    with torch.device("meta"):
        network = BACKBONES["vgg16"].network()
        network.classifier = nn.Linear(512 * 7 * 7, 8)
    randomise(network.to_empty(device="cpu"), seed=1, scheme="keras", fan="fan_out")
    model = Backbone(preprocess("vgg16", "deep-spectrum"), network).eval()
    assert len(export_backbone(model, pictures[:2])) < 70_000_000


@pytest.mark.parametrize("name", ["resnet50", "densenet121"])
def test_graph_gives_the_embeddings_of_torch(name: str, pictures: np.ndarray) -> None:
    """From the picture's bytes, with a free batch; pictures of different sounds are told apart."""
    model = random_backbone(name)
    graph = export_backbone(model, pictures)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (taken,), (given,) = session.get_inputs(), session.get_outputs()
    assert (taken.type, taken.shape) == ("tensor(uint8)", ["batch", 3, 224, 224])
    assert (given.type, given.shape) == ("tensor(float)", ["batch", BACKBONES[name].embedding])
    (found,) = session.run(None, {taken.name: pictures})
    with torch.inference_mode():
        wanted = model(torch.from_numpy(pictures)).numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-4 * wanted.max())
    assert np.abs(found[0] - found[1]).max() > 0.01 * wanted.max()


def test_a_graph_that_differs_is_refused(pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights whose embeddings are no numbers are not exported, nor what differs by more than is allowed."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.AvgPool2d(32), nn.Flatten(), nn.Linear(3 * 7 * 7, 5))
    model = Backbone(preprocess("resnet50", "torchvision"), network).eval()
    monkeypatch.setattr(backbone, "TOLERANCE", 0.0)
    with pytest.raises(MonitorError, match=r"ONNX and torch differ by .* nothing was written"):
        export_backbone(model, pictures)
    monkeypatch.undo()
    assert export_backbone(model, pictures)
    nn.init.constant_(network[2].bias, torch.nan)
    with pytest.raises(MonitorError, match="differ by nan"):
        export_backbone(model, pictures)


def test_pictures_are_taken_from_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many pictures only some are tried, the first and late ones among them."""
    tried = []
    monkeypatch.setattr(backbone, "to_onnx", lambda *_: b"")
    monkeypatch.setattr(
        backbone, "check", lambda _graph, _model, inputs, *_: tried.append(inputs[:, 0, 0, 0])
    )
    many = np.arange(100, dtype=np.uint8).reshape(-1, 1, 1, 1)
    export_backbone(torch.nn.Identity(), many)
    assert tried[0].tolist() == [0, 15, 30, 45, 60, 75, 90]
