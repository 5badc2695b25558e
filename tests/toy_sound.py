"""A network for sound that costs nothing, and a recipe for it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from trainer.models.audio import AudioFacts, Kind

NAME = "pann"
SIZE, TAGS = 16, 5
"""Lengths of its embedding and of its tags"""
RECIPE = """
window_seconds = 1.0
sample_rate = {rate}
channels = "{channels}"
backbone = "{name}"
weights = "{weights}"
"""


class Envelope(nn.Module):
    """How loud and how rough a sound is, moment by moment, is its embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.fc_audioset = nn.Linear(SIZE, TAGS)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """`[B, samples]` -> `[B, SIZE]`."""
        rough = (waveform[:, 1:] - waveform[:, :-1]).abs()
        moments = [part.mean(1) for some in (waveform.abs(), rough) for part in some.chunk(SIZE // 2, 1)]
        return torch.stack(moments, 1)

    def tags(self, embedding: torch.Tensor) -> torch.Tensor:
        """`[B, SIZE]` -> `[B, TAGS]`."""
        probabilities: torch.Tensor = self.fc_audioset(embedding).sigmoid()
        return probabilities


def facts(kind: Kind) -> AudioFacts:
    """Of the envelope."""
    return AudioFacts(kind, lambda _: Envelope(), SIZE)


def write_weights(path: Path, seed: int = 0) -> Path:
    """A checkpoint of it; returns its path."""
    torch.manual_seed(seed)
    torch.save(Envelope().state_dict(), path)
    return path


def write_recipe(
    path: Path,
    *,
    weights: Path | str = "random:1",
    name: str = NAME,
    channels: str = "mono",
    rate: int = 8000,
) -> str:
    """A recipe file; returns its path as the command line takes it."""
    path.write_text(RECIPE.format(rate=rate, channels=channels, name=name, weights=weights))
    return str(path)
