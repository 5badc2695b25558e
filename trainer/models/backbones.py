"""The image networks that serve as feature extractors: what is known of each, and picture -> embedding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import nn

from trainer.models.densenet import DenseNet121
from trainer.models.initial import Fan
from trainer.models.preprocess import CAFFE, IMAGENET, SWAPPED, Normalisation, Preprocess
from trainer.models.resnet import ResNet50
from trainer.models.vgg import Vgg16, Vgg19

SIZE = 224
"""Width and height of the pictures that all of them were trained on, pixels"""

Preprocessing = Literal["torchvision", "deep-spectrum"]
"""Whose. `torchvision`: what its published weights need. `deep-spectrum`: the toolkit's own, which differs
from network to network and belongs to Keras' weights; for VGG it omits the mean that they need."""


@dataclass(frozen=True)
class Facts:
    """What tells one backbone from another; where its weights are published, `trainer.checkpoints` says."""

    network: Callable[[], nn.Module]
    embedding: int
    """Length of its output"""
    head: str
    """Name of its 1000-class layer in checkpoints"""
    he_fan: Fan
    """By which torchvision initialises its convolutions"""
    deep_spectrum: Normalisation
    """The toolkit's preprocessing"""


BACKBONES = {
    "vgg16": Facts(Vgg16, 4096, "classifier.6", "fan_out", SWAPPED),
    "vgg19": Facts(Vgg19, 4096, "classifier.6", "fan_out", SWAPPED),
    "resnet50": Facts(ResNet50, 2048, "fc", "fan_out", CAFFE),
    "densenet121": Facts(DenseNet121, 1024, "classifier", "fan_in", IMAGENET),
    # Not of the paper: all its layers at a fraction of the cost, for small boxes. Nobody publishes weights.
    "densenet121-slim": Facts(partial(DenseNet121, growth=8), 256, "classifier", "fan_in", IMAGENET),
}


def preprocess(name: str, preprocessing: Preprocessing) -> Preprocess:
    """A backbone's preprocessing."""
    return Preprocess(IMAGENET if preprocessing == "torchvision" else BACKBONES[name].deep_spectrum)


class Backbone(nn.Module):
    """Preprocessing and network, so that an exported graph needs nothing but the picture.

    Shape:
        Input: uint8 `[B, 3, 224, 224]`, RGB.
        Output: embeddings float32 `[B, embedding]`, 0 or more.
    """

    def __init__(self, preprocess: Preprocess, network: nn.Module) -> None:
        super().__init__()
        self.preprocess = preprocess
        self.network = network

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """Embeddings of a batch of pictures."""
        embeddings: torch.Tensor = self.network(self.preprocess(picture))
        return embeddings
