"""An image network so small that it takes no time, and a recipe for it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from trainer.models import backbones

RECIPE = """
window_seconds = 1.0
channels = "each"
backbone = "resnet50"
weights = "{weights}"

[log_mel]
sample_rate = 8000
n_mels = 32
window_seconds = 0.064
hop_seconds = 0.032
mel = "slaney"

[picture]
cmap = "{cmap}"
"""


def tiny() -> nn.Module:
    """A network of one layer that sees the picture in 7 x 7 patches."""
    return nn.Sequential(nn.Conv2d(3, 2, 32, stride=32), nn.ReLU(), nn.Flatten())


FACTS = backbones.Facts(tiny, 98, "fc", "fan_out", backbones.CAFFE)


def write_weights(path: Path, seed: int) -> None:
    """A checkpoint of it."""
    torch.manual_seed(seed)
    torch.save(tiny().state_dict(), path)


def write_recipe(path: Path, weights: Path, cmap: str) -> str:
    """A recipe file; returns its path as the command line takes it."""
    path.write_text(RECIPE.format(weights=weights, cmap=cmap))
    return str(path)
