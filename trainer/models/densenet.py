"""DenseNet121 (Huang et al., 2017) without its 1000-class layer, as wide as published or narrower.

Modules are named so that torchvision's checkpoints load; those that it publishes have older names for some
(`trainer.weights` knows them).
"""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn

GROWTH = 32
"""Channels that each layer adds, as published"""
BLOCKS = (6, 12, 24, 16)
"""Layers in each dense block"""


class DenseNet121(nn.Module):
    """Four dense blocks with transitions between them, then the mean over the picture.

    Args:
        growth: channels that each layer adds; the number of weights goes with its square.

    Shape:
        Input: float32 `[B, 3, 224, 224]`.
        Output: embeddings float32 `[B, 32 * growth]`, 0 or more.
    """

    def __init__(self, growth: int = GROWTH) -> None:
        super().__init__()
        channels = 2 * growth
        parts: list[tuple[str, nn.Module]] = [
            ("conv0", nn.Conv2d(3, channels, 7, stride=2, padding=3, bias=False)),  # [B, 64, 112, 112]
            ("norm0", nn.BatchNorm2d(channels)),
            ("relu0", nn.ReLU()),
            ("pool0", nn.MaxPool2d(3, stride=2, padding=1)),  # [B, 64, 56, 56]
        ]
        for number, layers in enumerate(BLOCKS, start=1):
            # [B, 256, 56, 56], [B, 512, 28, 28], [B, 1024, 14, 14], [B, 1024, 7, 7]
            parts.append((f"denseblock{number}", _block(channels, layers, growth)))
            channels += layers * growth
            if number < len(BLOCKS):
                # [B, 128, 28, 28], [B, 256, 14, 14], [B, 512, 7, 7]
                parts.append((f"transition{number}", _transition(channels)))
                channels //= 2
        parts.append(("norm5", nn.BatchNorm2d(channels)))  # [B, 1024, 7, 7]
        self.features = nn.Sequential(OrderedDict(parts))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embeddings of a batch of preprocessed pictures."""
        return F.relu(self.features(x)).mean((2, 3))  # [B, 1024]


class DenseLayer(nn.Module):
    """1 x 1 and 3 x 3 convolution, each after normalisation and ReLU; what they find is put after the input.

    Shape:
        Input: `[B, inputs, H, W]`.
        Output: `[B, inputs + growth, H, W]`.
    """

    def __init__(self, inputs: int, growth: int = GROWTH) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, 4 * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The input and the layer's own channels; the comments are of a growth of 32."""
        found = self.conv1(F.relu(self.norm1(x)))  # [B, 128, H, W]
        found = self.conv2(F.relu(self.norm2(found)))  # [B, 32, H, W]
        return torch.cat([x, found], dim=1)


def _block(inputs: int, layers: int, growth: int) -> nn.Sequential:
    """[B, inputs, H, W] -> [B, inputs + growth * layers, H, W]."""
    return nn.Sequential(
        OrderedDict(
            (f"denselayer{index + 1}", DenseLayer(inputs + index * growth, growth)) for index in range(layers)
        )
    )


def _transition(inputs: int) -> nn.Sequential:
    """[B, inputs, H, W] -> [B, inputs / 2, H / 2, W / 2]."""
    return nn.Sequential(
        OrderedDict(
            norm=nn.BatchNorm2d(inputs),
            relu=nn.ReLU(),
            conv=nn.Conv2d(inputs, inputs // 2, 1, bias=False),
            pool=nn.AvgPool2d(2),
        )
    )
