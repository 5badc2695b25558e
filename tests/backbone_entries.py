"""What torchvision's published checkpoints hold: names and shapes, written down apart from our networks."""

from __future__ import annotations

from collections.abc import Iterator

import torch

Shape = tuple[int, ...]
Entry = tuple[str, Shape]
Entries = dict[str, Shape]

VGG16_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
VGG16_CHANNELS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
VGG19_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
VGG19_CHANNELS = (64, 64, 128, 128, *(256,) * 4, *(512,) * 8)


def _vgg(positions: tuple[int, ...], channels: tuple[int, ...]) -> Iterator[Entry]:
    for position, inputs, outputs in zip(positions, (3, *channels), channels, strict=False):
        yield f"features.{position}.weight", (outputs, inputs, 3, 3)
        yield f"features.{position}.bias", (outputs,)
    for position, inputs, outputs in ((0, 25088, 4096), (3, 4096, 4096), (6, 4096, 1000)):
        yield f"classifier.{position}.weight", (outputs, inputs)
        yield f"classifier.{position}.bias", (outputs,)


def _norm(name: str, channels: int) -> Iterator[Entry]:
    for part in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.{part}", (channels,)
    yield f"{name}.num_batches_tracked", ()


def _resnet50() -> Iterator[Entry]:
    yield "conv1.weight", (64, 3, 7, 7)
    yield from _norm("bn1", 64)
    inputs = 64
    for stage, blocks, width in ((1, 3, 64), (2, 4, 128), (3, 6, 256), (4, 3, 512)):
        for block in range(blocks):
            name = f"layer{stage}.{block}"
            yield f"{name}.conv1.weight", (width, inputs, 1, 1)
            yield f"{name}.conv2.weight", (width, width, 3, 3)
            yield f"{name}.conv3.weight", (4 * width, width, 1, 1)
            for number, channels in ((1, width), (2, width), (3, 4 * width)):
                yield from _norm(f"{name}.bn{number}", channels)
            if block == 0:
                yield f"{name}.downsample.0.weight", (4 * width, inputs, 1, 1)
                yield from _norm(f"{name}.downsample.1", 4 * width)
            inputs = 4 * width
    yield from (("fc.weight", (1000, 2048)), ("fc.bias", (1000,)))


def _densenet121() -> Iterator[Entry]:
    """With the older names, `norm.1` for `norm1`."""
    yield "features.conv0.weight", (64, 3, 7, 7)
    yield from _norm("features.norm0", 64)
    for block, (layers, inputs) in enumerate(((6, 64), (12, 128), (24, 256), (16, 512)), start=1):
        for layer in range(layers):
            name, channels = f"features.denseblock{block}.denselayer{layer + 1}", inputs + 32 * layer
            yield from _norm(f"{name}.norm.1", channels)
            yield f"{name}.conv.1.weight", (128, channels, 1, 1)
            yield from _norm(f"{name}.norm.2", 128)
            yield f"{name}.conv.2.weight", (32, 128, 3, 3)
        channels = inputs + 32 * layers
        if block < 4:
            yield from _norm(f"features.transition{block}.norm", channels)
            yield f"features.transition{block}.conv.weight", (channels // 2, channels, 1, 1)
    yield from _norm("features.norm5", 1024)
    yield from (("classifier.weight", (1000, 1024)), ("classifier.bias", (1000,)))


def without_dots(entries: Entries) -> Entries:
    """A DenseNet's entries under today's names."""
    today = {}
    for name, shape in entries.items():
        for kind in ("norm", "conv"):
            name = name.replace(f"{kind}.1.", f"{kind}1.").replace(f"{kind}.2.", f"{kind}2.")  # noqa: PLW2901
        today[name] = shape
    return today


PUBLISHED: dict[str, Entries] = {
    "vgg16": dict(_vgg(VGG16_CONVOLUTIONS, VGG16_CHANNELS)),
    "vgg19": dict(_vgg(VGG19_CONVOLUTIONS, VGG19_CHANNELS)),
    "resnet50": dict(_resnet50()),
    "densenet121": dict(_densenet121()),
}
"""As in a file of today, but for DenseNet's names"""


def checkpoint(entries: Entries) -> dict[str, torch.Tensor]:
    """Tensors for these entries, the first full of 0, the second of 1 and so on, which take no memory."""
    return {
        name: torch.tensor(float(index)).expand(shape) for index, (name, shape) in enumerate(entries.items())
    }
