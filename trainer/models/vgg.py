"""VGG16 and VGG19 (Simonyan and Zisserman, 2015) without their 1000-class layer.

Modules are named so that torchvision's checkpoints load unchanged.
"""

from __future__ import annotations

import torch
from torch import nn

CHANNELS = (64, 128, 256, 512, 512)


class Vgg(nn.Module):
    """Five blocks of 3 x 3 convolutions, two fully connected layers.

    Args:
        depths: convolutions in each block.

    Shape:
        Input: float32 `[B, 3, 224, 224]`.
        Output: embeddings float32 `[B, 4096]`, 0 or more: the second-to-last fully connected layer (`fc2`)
        after its ReLU.
    """

    def __init__(self, depths: tuple[int, int, int, int, int]) -> None:
        super().__init__()
        inputs, layers = 3, list[nn.Module]()
        for channels, depth in zip(CHANNELS, depths, strict=True):
            for _ in range(depth):
                layers += [nn.Conv2d(inputs, channels, 3, padding=1), nn.ReLU()]
                inputs = channels
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(),
            nn.Identity(),  # dropout, where it is trained; it keeps the numbers of the published names
            nn.Linear(4096, 4096),
            nn.ReLU(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embeddings of a batch of preprocessed pictures."""
        x = self.features(x)  # [B, 512, 7, 7]
        embeddings: torch.Tensor = self.classifier(x.flatten(1))  # [B, 4096]
        return embeddings


class Vgg16(Vgg):
    """VGG16: 13 convolutions."""

    def __init__(self) -> None:
        super().__init__((2, 2, 3, 3, 3))


class Vgg19(Vgg):
    """VGG19: 16 convolutions."""

    def __init__(self) -> None:
        super().__init__((2, 2, 4, 4, 4))
