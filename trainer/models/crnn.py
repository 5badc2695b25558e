"""The paper's convolutional recurrent network (section 3.2), for all of its data sets, from one config."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn


@dataclass(frozen=True)
class CrnnConfig:
    """What makes a Crnn. Tuples have one entry per convolutional block.

    The paper gives kernels, the last pooling of DCASE 2018, GRUs and dropout; filters and the other poolings
    follow the public code of its reference [17] (Choi et al., convolutional recurrent networks for music).
    """

    labels: int
    """Number of classes"""
    n_mels: int
    """Mel bands of the input"""
    threshold_db: float
    """The input is clipped from below here; decibels under its maximum, negative"""
    kernels: tuple[int, ...]
    """Side of the square kernels"""
    filters: tuple[int, ...]
    """Output channels"""
    pools: tuple[tuple[int, int], ...]
    """Max-pooling (frequency, time)"""
    gru_units: int = 256
    dropout: float = 0.3
    """After every block and before the last layer"""
    scale: Literal["threshold", "clip"] = "threshold"
    """What becomes [-1, 1] at the input: [threshold_db, 0] dB, or each example's own range (auDeep)"""
    initial: Literal["torch", "keras"] = "torch"
    """Whose initial weights; the paper does not name its framework"""
    readout: Literal["last", "mean"] = "last"
    """What of the GRUs' steps goes to the last layer: the last one, or the mean of all"""
    level_db: tuple[float, float] | None = None
    """Levels between which the model also sees how loud it is, dB relative to full scale: beyond them all are
    alike. None: it sees everything relative to the window's maximum only"""

    def __post_init__(self) -> None:
        if not len(self.kernels) == len(self.filters) == len(self.pools) >= 1:
            raise ValueError("kernels, filters and pools need one entry per block each")
        sizes = (self.labels, self.gru_units, *self.kernels, *self.filters, *itertools.chain(*self.pools))
        if not all(isinstance(size, int) and size >= 1 for size in sizes):
            raise ValueError("labels, kernels, filters, pools and gru_units must be whole and positive")
        if self.bands < 1:
            raise ValueError(f"the pooling leaves nothing of {self.n_mels} mel bands")
        if not (math.isfinite(self.threshold_db) and self.threshold_db < 0):
            raise ValueError(f"threshold_db must be below 0 dB, not {self.threshold_db}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), not {self.dropout}")
        if self.level_db is not None and not -math.inf < self.level_db[0] < self.level_db[1] < math.inf:
            raise ValueError(f"level_db must be two levels, the lower one first, not {self.level_db}")
        if self.scale not in ("threshold", "clip"):
            raise ValueError(f"scale must be 'threshold' or 'clip', not {self.scale!r}")
        if self.initial not in ("torch", "keras"):
            raise ValueError(f"initial must be 'torch' or 'keras', not {self.initial!r}")
        if self.readout not in ("last", "mean"):
            raise ValueError(f"readout must be 'last' or 'mean', not {self.readout!r}")

    @property
    def bands(self) -> int:
        """Frequency bins after the last block."""
        bins = self.n_mels
        for frequency, _ in self.pools:
            bins //= frequency
        return bins

    def steps(self, frames: int) -> int:
        """GRU steps that `frames` log-mel frames leave after the last block."""
        for _, time in self.pools:
            frames //= time
        return frames


class Crnn(nn.Module):
    """Convolutional blocks, two stacked GRUs, one linear layer.

    Shape:
        Input: float32 `[B, n_mels, frames]` as from `log_mel`: dB, the maximum at 0 or, if the model has
            `level_db`, relative to full scale.
        Output: logits float32 `[B, labels]`.
    """

    def __init__(self, config: CrnnConfig) -> None:
        super().__init__()
        self.config = config
        inputs = (1 if config.level_db is None else 2, *config.filters[:-1])
        self.blocks = nn.Sequential(
            *(
                _block(*sizes, config.dropout)
                for sizes in zip(inputs, config.filters, config.kernels, config.pools, strict=True)
            )
        )
        self.gru = nn.GRU(config.filters[-1] * config.bands, config.gru_units, num_layers=2, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.gru_units, config.labels)
        if config.initial == "keras":
            self.apply(_as_keras)

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of windows."""
        # Part of the model, so that the exported graph needs nothing but log_mel() before it.
        x = self.blocks(self._planes(log_mel))  # [B, C, bands, steps]
        x = x.flatten(1, 2).transpose(1, 2)  # [B, steps, C * bands]
        x, _ = self.gru(x)  # [B, steps, gru_units]
        x = x[:, -1] if self.config.readout == "last" else x.mean(dim=1)  # [B, gru_units]
        logits: torch.Tensor = self.head(self.dropout(x))  # [B, labels]
        return logits

    def _planes(self, log_mel: torch.Tensor) -> torch.Tensor:
        """What the first block sees, `[B, 1 or 2, n_mels, frames]` in [-1, 1]."""
        if self.config.level_db is None:
            return self._scaled(log_mel.clamp(min=self.config.threshold_db)).unsqueeze(1)
        low, high = self.config.level_db
        # Not above the lower level: silence would become a window that is full of noise.
        maximum = log_mel.amax((1, 2), keepdim=True).clamp(min=low)
        relative = self._scaled((log_mel - maximum).clamp(min=self.config.threshold_db))
        absolute = 2.0 * (log_mel.clamp(low, high) - low) / (high - low) - 1.0
        return torch.stack([relative, absolute], dim=1)

    def _scaled(self, clipped: torch.Tensor) -> torch.Tensor:
        if self.config.scale == "threshold":
            return 1.0 - 2.0 / self.config.threshold_db * clipped
        low, high = clipped.amin((1, 2), keepdim=True), clipped.amax((1, 2), keepdim=True)
        # An example without any range, such as silence, becomes -1 everywhere.
        return 2.0 * (clipped - low) / (high - low).clamp(min=1e-3) - 1.0


def _as_keras(module: nn.Module) -> None:
    """Initial weights of one layer as by Keras' defaults."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.GRU):
        for name, weight in module.named_parameters():
            if name.startswith("bias"):
                nn.init.zeros_(weight)
            else:
                _init_gates(weight, nn.init.orthogonal_ if "_hh_" in name else nn.init.xavier_uniform_)


def _init_gates(weight: torch.Tensor, init: Callable[[torch.Tensor], object]) -> None:
    """Keras makes one matrix `[inputs, 3 * units]` for the three gates together."""
    joint = torch.empty(weight.shape[1], weight.shape[0])
    init(joint)
    with torch.no_grad():
        weight.copy_(joint.T)


def _block(inputs: int, filters: int, kernel: int, pool: tuple[int, int], dropout: float) -> nn.Sequential:
    """[B, inputs, bands, frames] -> [B, filters, bands // pool[0], frames // pool[1]]; the paper's order."""
    return nn.Sequential(
        # "Same" padding; even kernels need one more row and column at the end, as in Keras.
        nn.ZeroPad2d((0, 1, 0, 1)) if kernel % 2 == 0 else nn.Identity(),
        nn.Conv2d(inputs, filters, kernel, padding=(kernel - 1) // 2),
        nn.BatchNorm2d(filters),
        # ELU rises everywhere, so that pooling before it gives the same numbers, for a fraction of the work.
        nn.MaxPool2d(pool),
        nn.ELU(),
        nn.Dropout(dropout),
    )
