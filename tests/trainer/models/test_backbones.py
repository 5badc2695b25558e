from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.backbone_entries import PUBLISHED, without_dots
from trainer.checkpoints import CHECKPOINTS
from trainer.models.backbones import BACKBONES, SIZE, Backbone, preprocess
from trainer.models.densenet import DenseLayer
from trainer.models.initial import randomise
from trainer.models.resnet import Bottleneck
from trainer.models.vgg import Vgg16
from trainer.weights import load

PARAMETERS = {
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "resnet50": 25_557_032,
    "densenet121": 7_978_856,
}
"""With the 1000-class layer"""
STAGES = {
    "vgg16": {
        "features.4": (64, 112),
        "features.9": (128, 56),
        "features.16": (256, 28),
        "features.23": (512, 14),
        "features.30": (512, 7),
    },
    "vgg19": {
        "features.4": (64, 112),
        "features.9": (128, 56),
        "features.18": (256, 28),
        "features.27": (512, 14),
        "features.36": (512, 7),
    },
    "resnet50": {
        "bn1": (64, 112),
        "maxpool": (64, 56),
        "layer1": (256, 56),
        "layer2": (512, 28),
        "layer2.0.conv1": (128, 56),  # the variant: not this one strides
        "layer2.0.conv2": (128, 28),
        "layer3": (1024, 14),
        "layer4": (2048, 7),
    },
    "densenet121": {
        "features.norm0": (64, 112),
        "features.pool0": (64, 56),
        "features.denseblock1": (256, 56),
        "features.transition1": (128, 28),
        "features.denseblock2": (512, 28),
        "features.transition2": (256, 14),
        "features.denseblock3": (1024, 14),
        "features.transition3": (512, 7),
        "features.denseblock4": (1024, 7),
        "features.norm5": (1024, 7),
    },
}
"""Module -> channels, height and width for a picture of 224 x 224"""

every = pytest.mark.parametrize("name", CHECKPOINTS)  # of which weights are published
of_pictures = pytest.mark.parametrize("name", ["resnet50", "densenet121"])


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """For work this small, threads mostly wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def shapes_only(name: str) -> nn.Module:
    """A network without weights or numbers, which still tells its shapes."""
    with torch.device("meta"):
        return BACKBONES[name].network().eval()


def noise(*shape: int) -> torch.Tensor:
    """The same Gaussian noise each time."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def set_weights(module: nn.Module, **values: float) -> None:
    """Fill the weights of layers with one number each."""
    for name, value in values.items():
        nn.init.constant_(module.get_submodule(name).weight, value)


@every
def test_published_entries(name: str) -> None:
    """The names and shapes are those that torchvision publishes, without the 1000-class layer."""
    found = {key: tuple(value.shape) for key, value in shapes_only(name).state_dict().items()}
    head = BACKBONES[name].head
    published = without_dots(PUBLISHED[name])
    assert len(published) == {"vgg16": 32, "vgg19": 38, "resnet50": 320, "densenet121": 727}[name]
    assert published.pop(f"{head}.weight") == (1000, BACKBONES[name].embedding)
    assert published.pop(f"{head}.bias") == (1000,)
    assert found == published


@every
def test_number_of_parameters(name: str) -> None:
    """With the 1000-class layer there are as many parameters as published."""
    count = sum(value.numel() for value in shapes_only(name).parameters())
    assert count + 1000 * BACKBONES[name].embedding + 1000 == PARAMETERS[name]


@every
def test_shapes(name: str) -> None:
    """Every stage has the channels and the size of the published network, the output one row per picture."""
    network, seen = shapes_only(name), {}
    for stage in STAGES[name]:
        network.get_submodule(stage).register_forward_hook(
            lambda _module, _inputs, output, stage=stage: seen.update({stage: tuple(output.shape)})
        )
    embeddings = network(torch.empty(2, 3, SIZE, SIZE, device="meta"))
    assert embeddings.shape == (2, BACKBONES[name].embedding)
    assert seen == {stage: (2, channels, side, side) for stage, (channels, side) in STAGES[name].items()}


@of_pictures
def test_picture_to_embedding(name: str) -> None:
    """A backbone takes bytes; its embeddings are finite, 0 or more, and differ from picture to picture."""
    backbone = Backbone(preprocess(name, "deep-spectrum"), load(name, "random:1", "keras"))
    pictures = torch.stack([torch.full((3, 64, 64), 128), torch.arange(64).expand(3, 64, 64)])
    pictures = pictures.to(torch.uint8)  # smaller than the real ones, to be fast
    with torch.inference_mode():
        embeddings = backbone(pictures)
        alone = backbone(pictures[1:])
    assert embeddings.dtype == torch.float32
    assert embeddings.isfinite().all()
    assert embeddings.min() >= 0
    assert (embeddings.std(dim=1) > 0).all()
    assert torch.allclose(embeddings[1:], alone, rtol=1e-4, atol=1e-6)
    assert not torch.allclose(embeddings[0], embeddings[1], rtol=0.01)


@of_pictures
def test_loudness_of_a_fresh_network(name: str) -> None:
    """Without biases, and with normalisation at rest, twice the input is twice the embedding."""
    network = load(name, "random:1", "torchvision")
    x = noise(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(network(2 * x), 2 * network(x), rtol=1e-4)


def test_vgg_takes_the_second_layer_after_its_relu() -> None:
    """VGG's embedding is ReLU(W2 ReLU(W1 x)), with x in the order channel, row, column."""
    network = shapes_only("vgg16")
    assert isinstance(network, Vgg16)
    network.features = nn.Identity()
    for layer in (0, 3):
        network.classifier[layer] = nn.Linear(6, 6)
    x = noise(4, 2, 1, 3)
    first, second = network.classifier[0], network.classifier[3]
    with torch.inference_mode():
        by_hand = F.relu(second(F.relu(first(x.reshape(4, 6)))))
        assert torch.equal(network(x), by_hand)
    assert (by_hand == 0).any()


def test_vgg_convolutions() -> None:
    """With kernels that only pass on a colour, what is left is the maximum of every 32 x 32 pixels."""
    features = shapes_only("vgg16").get_submodule("features").to_empty(device="cpu")
    for module in features.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.dirac_(module.weight)
            nn.init.zeros_(module.bias)
    x = noise(1, 3, 64, 64)
    with torch.inference_mode():
        found = features(x)
    assert torch.equal(found[:, :3], F.relu(F.max_pool2d(x, 32)))
    assert not found[:, 3:].any()


def test_bottleneck_by_hand() -> None:
    """A block of constant weights gives the number that was worked out by hand, added to its input."""
    block = Bottleneck(4, width=1, stride=1).eval()
    randomise(block, 0, "keras", "fan_in")
    set_weights(block, conv1=0.5, conv2=2.0, conv3=-0.0625)
    nn.init.constant_(block.get_buffer("bn3.running_var"), 4.0)  # halves
    with torch.inference_mode():
        found = block(torch.full((1, 4, 3, 3), 20.0))
    # 4 * 20 * 0.5 = 40; twice that for each of the 4, 6 or 9 neighbours in the picture: 320, 480 or 720;
    # times -0.0625 and halved: -10, -15 or -22.5; with the input 20 that is 10, 5 or -2.5, which ReLU ends.
    wanted = torch.tensor([[10.0, 5.0, 10.0], [5.0, 0.0, 5.0], [10.0, 5.0, 10.0]])
    assert torch.allclose(found, wanted.expand(1, 4, 3, 3), rtol=1e-3)


def test_bottleneck_that_strides() -> None:
    """Where size and channels change, every second pixel of the input is added, through its own weights."""
    block = Bottleneck(2, width=1, stride=2).eval()
    randomise(block, 0, "keras", "fan_in")
    set_weights(block, conv3=0.0)
    nn.init.dirac_(block.downsample[0].weight)
    x = noise(1, 2, 4, 4)
    with torch.inference_mode():
        found = block(x)
    assert found.shape == (1, 4, 2, 2)
    assert torch.allclose(found[:, :2], F.relu(x[:, :, ::2, ::2]), rtol=1e-4)


def test_dense_layer_by_hand() -> None:
    """The input comes first and unchanged, then the layer's channels, normalised before each convolution."""
    layer = DenseLayer(2).eval()
    randomise(layer, 0, "keras", "fan_in")
    set_weights(layer, conv1=0.5, conv2=1 / 128, norm1=3.0)
    x = torch.tensor([4.0, -4.0]).reshape(1, 2, 1, 1)
    with torch.inference_mode():
        found = layer(x)
    assert torch.equal(found[:, :2], x)
    # ReLU(3 * 4) + ReLU(3 * -4) = 12, halved, in 128 channels, whose mean is taken
    assert found[0, 2:].flatten().tolist() == pytest.approx([6.0] * 32, rel=1e-4)


def test_normalisation_is_learnt() -> None:
    """Batch normalisation is (x - mean) / sqrt(variance + 1e-5) * weight + bias."""
    network = shapes_only("resnet50").get_submodule("bn1").to_empty(device="cpu")
    for name, value in {"weight": 2.0, "bias": 1.0, "running_mean": 3.0, "running_var": 4.0}.items():
        nn.init.constant_(getattr(network, name), value)
    found = network(torch.full((1, 64, 1, 1), 5.0))
    assert found.flatten().tolist() == pytest.approx([2 * 2 / math.sqrt(4 + 1e-5) + 1] * 64, rel=1e-6)


def test_densenet_ends_with_relu_and_mean() -> None:
    """DenseNet's embedding is the mean of ReLU(norm5), not the ReLU of the mean."""
    network = shapes_only("densenet121")
    network.features = nn.Identity()
    x = torch.tensor([[[[1.0, -3.0]], [[-1.0, -1.0]]]])
    assert network(x).tolist() == [[0.5, 0.0]]


def test_slim_densenet_has_the_layers_of_densenet121() -> None:
    """The same entries, narrower; what comes out is as long as said."""
    slim = BACKBONES["densenet121-slim"]
    network = slim.network().eval()
    assert network.state_dict().keys() == shapes_only("densenet121").state_dict().keys()
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, 64, 64)).shape == (1, slim.embedding)
