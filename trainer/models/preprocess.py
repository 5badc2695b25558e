"""Pictures -> what a network was trained on: order of the colours, scale and offset, part of the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Normalisation:
    """`(colour / scale - mean) / std`, channel by channel."""

    order: Literal["RGB", "BGR"]
    """Of the network's input channels, and of `mean` and `std`"""
    scale: float = 1.0
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)


IMAGENET = Normalisation("RGB", 255.0, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
"""torchvision's for all of its weights; Keras' mode `torch`"""
CAFFE = Normalisation("BGR", mean=(103.939, 116.779, 123.68))
"""Of the original VGG and ResNet weights; Keras' mode `caffe`"""
SWAPPED = Normalisation("BGR")
"""Nothing but the order of the colours"""


class Preprocess(nn.Module):
    """A picture made ready for a network; the size stays.

    Shape:
        Input: uint8 `[B, 3, H, W]`, RGB.
        Output: float32 `[B, 3, H, W]`.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, normalisation: Normalisation) -> None:
        super().__init__()
        self.normalisation = normalisation
        for name in ("mean", "std"):  # not persistent: constants, and no weights
            values = torch.tensor(getattr(normalisation, name)).reshape(3, 1, 1)
            self.register_buffer(name, values, persistent=False)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """The network's input; rounded as by the frameworks, step by step in float32."""
        x = picture.float()
        if self.normalisation.order == "BGR":
            x = x.flip(1)
        return (x / self.normalisation.scale - self.mean) / self.std
