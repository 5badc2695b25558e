"""Random changes to the examples of a training batch: few clips say more.

Every function takes log-mel spectrograms `[B, n_mels, frames]` in dB, as `log_mel` makes them. Random numbers
are torch's global ones on the CPU: a run that restores their state goes on as if it had never stopped, on
whatever device it trains.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class AugmentConfig:
    """What is done to every training batch; the defaults leave it as it is."""

    time_shift: bool = False
    """Start every example at a random frame"""
    mixup: float = 0.0
    """Mix every example with another one: the shares are drawn from Beta(mixup, mixup). 0: do not mix"""

    def __post_init__(self) -> None:
        if not 0 <= self.mixup < math.inf:
            raise ValueError(f"mixup must be 0 or more, not {self.mixup}")


def augment(
    log_mel: torch.Tensor, targets: torch.Tensor, config: AugmentConfig
) -> tuple[torch.Tensor, torch.Tensor]:
    """A training batch with the random changes that `config` asks for.

    Args:
        log_mel: dB `[B, n_mels, frames]`.
        targets: probability of every class, `[B, labels]`.
        config: what to do.

    Returns:
        Spectrograms and targets of the same shapes.
    """
    if config.time_shift:
        log_mel = time_shift(log_mel)
    if config.mixup > 0:
        log_mel, targets = mixup(log_mel, targets, config.mixup)
    return log_mel, targets


def time_shift(log_mel: torch.Tensor) -> torch.Tensor:
    """Roll every example by a random number of frames: what leaves at the end comes in at the start.

    Clips of data sets tend to start with the sound; a monitor cuts its windows anywhere.
    """
    batch, n_mels, frames = log_mel.shape
    start = torch.randint(frames, (batch, 1, 1))
    order = (start + torch.arange(frames)) % frames  # [B, 1, frames]
    return log_mel.gather(2, order.expand(batch, n_mels, frames).to(log_mel.device))


def mixup(log_mel: torch.Tensor, targets: torch.Tensor, alpha: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Mix every example with a random one of the batch, and their targets in the same shares.

    Source: Zhang et al., mixup: beyond empirical risk minimization, ICLR 2018.

    Args:
        log_mel: dB `[B, n_mels, frames]`.
        targets: probability of every class, `[B, labels]`.
        alpha: shares are drawn from Beta(alpha, alpha), one per example.

    Returns:
        Spectrograms, of which the maximum may now lie below 0 dB, and targets, of the same shapes.
    """
    share = torch.distributions.Beta(alpha, alpha).sample((len(log_mel), 1, 1)).to(log_mel.device)
    other = torch.randperm(len(log_mel)).to(log_mel.device)
    mixed = share * log_mel + (1.0 - share) * log_mel[other]
    share = share[:, :, 0]  # [B, 1]
    return mixed, share * targets + (1.0 - share) * targets[other]
