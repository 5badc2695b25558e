"""ResNet50 (He et al., 2016) in torchvision's variant "v1.5", without its 1000-class layer.

The variant strides in the 3 x 3 convolution of a block; the original, which Keras follows, strides in the
first 1 x 1 convolution and has biases. So Keras' weights do not fit here. Modules are named so that
torchvision's checkpoints load unchanged.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

EXPANSION = 4
"""Output channels of a block, in multiples of its width"""


class ResNet50(nn.Module):
    """Four stages of 3, 4, 6 and 3 bottleneck blocks, then the mean over the picture.

    Shape:
        Input: float32 `[B, 3, 224, 224]`.
        Output: embeddings float32 `[B, 2048]`, 0 or more.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(64, width=64, blocks=3, stride=1)
        self.layer2 = _stage(256, width=128, blocks=4, stride=2)
        self.layer3 = _stage(512, width=256, blocks=6, stride=2)
        self.layer4 = _stage(1024, width=512, blocks=3, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embeddings of a batch of preprocessed pictures."""
        x = F.relu(self.bn1(self.conv1(x)))  # [B, 64, 112, 112]
        x = self.maxpool(x)  # [B, 64, 56, 56]
        x = self.layer1(x)  # [B, 256, 56, 56]
        x = self.layer2(x)  # [B, 512, 28, 28]
        x = self.layer3(x)  # [B, 1024, 14, 14]
        x = self.layer4(x)  # [B, 2048, 7, 7]
        return x.mean((2, 3))  # [B, 2048]


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolution, added to the input.

    Shape:
        Input: `[B, inputs, H, W]`.
        Output: `[B, 4 * width, H / stride, W / stride]`.
    """

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = EXPANSION * width
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = nn.Sequential()  # the input as it is
        if inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The block's output."""
        y = F.relu(self.bn1(self.conv1(x)))  # [B, width, H, W]
        y = F.relu(self.bn2(self.conv2(y)))  # [B, width, H / stride, W / stride]
        y = self.bn3(self.conv3(y))  # [B, 4 * width, H / stride, W / stride]
        return F.relu(y + self.downsample(x))


def _stage(inputs: int, width: int, blocks: int, stride: int) -> nn.Sequential:
    """[B, inputs, H, W] -> [B, 4 * width, H / stride, W / stride]; its first block strides."""
    return nn.Sequential(
        Bottleneck(inputs, width, stride),
        *(Bottleneck(EXPANSION * width, width, stride=1) for _ in range(blocks - 1)),
    )
