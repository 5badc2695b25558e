"""Random changes to the examples of a training batch: few clips say more.

Every function takes log-mel spectrograms `[B, n_mels, frames]` in dB relative to the maximum. Random numbers
are torch's global ones on the CPU: a run that restores their state goes on as if it had never stopped, on
whatever device it trains.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from monitor.inference.logmel import LogMelSpec

KNOTS = 6
"""Points of a random frequency response, evenly over the bands"""
GRAIN_FRAMES = 5
"""Over which grains of sound are told from what lasts; odd"""
NOISE_COLOUR_DB = 8.0
"""Standard deviation of the spectrum of added noise"""


@dataclass(frozen=True)
class AugmentConfig:
    """What is done to every training batch; the defaults leave it as it is."""

    time_shift: bool = False
    """Start every example at a random frame"""
    mixup: float = 0.0
    """Mix every example with another one: the shares are drawn from Beta(mixup, mixup). 0: do not mix"""
    equaliser_db: float = 0.0
    """Give every example a smooth frequency response with this standard deviation: another microphone"""
    contrast: float = 0.0
    """Share of the examples whose decibels are multiplied by 1 to 2: closer, drier, or with a noise gate"""
    grain: float = 0.0
    """Share of the examples whose fluctuations from frame to frame are multiplied by 0 to 2: finer or coarser
    grains of sound, more or less reverberation"""
    noise_db: float | None = None
    """Put coloured noise under half of the examples, at most this far below their maximum; negative"""
    low_pass: float = 0.0
    """Share of the examples that lose what lies above a random band: another codec or sample rate"""
    silence: float = 0.0
    """Share of the examples that are silent for a random part of their time: a short clip in a long window"""
    gain_db: float = 0.0
    """Make every example up to this much louder: another microphone, a volume control. It needs
    spectrograms relative to full scale; in others nothing is loud"""

    def __post_init__(self) -> None:
        for name in ("mixup", "equaliser_db", "gain_db"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be 0 or more, not {getattr(self, name)}")
        if self.noise_db is not None and not -math.inf < self.noise_db < 0:
            raise ValueError(f"noise_db must be below 0, not {self.noise_db}")
        for name in ("contrast", "grain", "low_pass", "silence"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be a share, 0 to 1, not {getattr(self, name)}")


def augment(
    log_mel: torch.Tensor, targets: torch.Tensor, config: AugmentConfig, spec: LogMelSpec
) -> tuple[torch.Tensor, torch.Tensor]:
    """A training batch with the random changes that `config` asks for.

    Args:
        log_mel: dB `[B, n_mels, frames]`.
        targets: probability of every class, `[B, labels]`.
        config: what to do.
        spec: of the spectrograms; nothing falls below its floor.

    Returns:
        Spectrograms and targets of the same shapes.
    """
    if spec.reference == "full_scale":
        level = log_mel.amax((1, 2), keepdim=True)
        gain = config.gain_db * torch.rand(len(log_mel), 1, 1).to(log_mel.device)
        log_mel = _changed(log_mel - level, config, spec.floor_db) + level + gain
    else:
        log_mel = _changed(log_mel, config, spec.floor_db)
    if config.mixup > 0:
        log_mel, targets = mixup(log_mel, targets, config.mixup)
    return log_mel, targets


def _changed(log_mel: torch.Tensor, config: AugmentConfig, floor_db: float) -> torch.Tensor:
    """What is done to every example for itself, but its level."""
    if config.time_shift:
        log_mel = time_shift(log_mel)
    if config.equaliser_db:
        log_mel = _in_range(equalise(log_mel, config.equaliser_db), floor_db)
    if config.contrast:
        log_mel = expand(log_mel, config.contrast).clamp(min=floor_db)
    if config.grain:
        log_mel = _in_range(grain(log_mel, config.grain), floor_db)
    if config.low_pass:
        log_mel = low_pass(log_mel, config.low_pass, floor_db)
    if config.silence:
        log_mel = silence(log_mel, config.silence, floor_db)
    if config.noise_db is not None:
        log_mel = _in_range(add_noise(log_mel, config.noise_db), floor_db)
    return log_mel


def _in_range(log_mel: torch.Tensor, floor_db: float) -> torch.Tensor:
    """With every example's maximum at 0 and nothing below the floor, as `log_mel()` leaves it."""
    return (log_mel - log_mel.amax((1, 2), keepdim=True)).clamp(min=floor_db)


def time_shift(log_mel: torch.Tensor) -> torch.Tensor:
    """Roll every example by a random number of frames: what leaves at the end comes in at the start.

    Clips of data sets tend to start with the sound; a monitor cuts its windows anywhere.
    """
    batch, n_mels, frames = log_mel.shape
    start = torch.randint(frames, (batch, 1, 1))
    order = (start + torch.arange(frames)) % frames  # [B, 1, frames]
    return log_mel.gather(2, order.expand(batch, n_mels, frames).to(log_mel.device))


def equalise(log_mel: torch.Tensor, deviation_db: float) -> torch.Tensor:
    """Add a smooth random curve over the bands to every example, with this standard deviation in dB."""
    knots = deviation_db * torch.randn(len(log_mel), 1, KNOTS)
    curve = F.interpolate(knots, log_mel.shape[1], mode="linear", align_corners=True)  # [B, 1, n_mels]
    return log_mel + curve.transpose(1, 2).to(log_mel.device)


def expand(log_mel: torch.Tensor, share: float) -> torch.Tensor:
    """Multiply the decibels of some examples by 1 to 2, each by one factor: the faint becomes fainter."""
    factor = 1.0 + torch.rand(len(log_mel), 1, 1)
    factor[torch.rand(len(log_mel)) >= share] = 1.0
    return log_mel * factor.to(log_mel.device)


def grain(log_mel: torch.Tensor, share: float) -> torch.Tensor:
    """Multiply the deviations of some examples from their mean over time, each by one factor of 0 to 2."""
    factor = 2.0 * torch.rand(len(log_mel), 1, 1)
    factor[torch.rand(len(log_mel)) >= share] = 1.0
    smooth = F.avg_pool1d(log_mel, GRAIN_FRAMES, 1, GRAIN_FRAMES // 2, count_include_pad=False)
    return smooth + factor.to(log_mel.device) * (log_mel - smooth)


def low_pass(log_mel: torch.Tensor, share: float, floor: float) -> torch.Tensor:
    """Let the upper bands of some examples, at most the upper half, sink to the floor."""
    batch, n_mels, _ = log_mel.shape
    edge = n_mels // 2 + torch.randint(n_mels // 2, (batch, 1, 1))
    gone = (torch.arange(n_mels)[:, None] >= edge) & (torch.rand(batch, 1, 1) < share)  # [B, n_mels, 1]
    return log_mel.masked_fill(gone.to(log_mel.device), floor)


def silence(log_mel: torch.Tensor, share: float, floor: float) -> torch.Tensor:
    """Let up to three quarters of the time of some examples, at their end or beginning, sink to the floor."""
    batch, _, frames = log_mel.shape
    length = (torch.rand(batch, 1, 1) * 0.75 * frames).long()
    frame = torch.arange(frames)
    frame = torch.where(torch.rand(batch, 1, 1) < 0.5, frame, frames - 1 - frame)  # [B, 1, frames]
    gone = (frame < length) & (torch.rand(batch, 1, 1) < share)
    return log_mel.masked_fill(gone.to(log_mel.device), floor)


def add_noise(log_mel: torch.Tensor, highest_db: float) -> torch.Tensor:
    """Add stationary noise of a random smooth spectrum to half of the examples, in power.

    Its level is drawn from `highest_db` below each example's maximum down to three times as far below it.
    """
    batch, n_mels, _ = log_mel.shape
    level = highest_db * (1.0 + 2.0 * torch.rand(batch, 1, 1))
    level[torch.rand(batch) < 0.5] = -math.inf
    noise = equalise(level.expand(batch, n_mels, 1).to(log_mel.device), NOISE_COLOUR_DB)
    noise = noise + log_mel.amax((1, 2), keepdim=True)
    return (
        10.0
        / math.log(10.0)
        * torch.logaddexp(log_mel * math.log(10.0) / 10.0, noise * math.log(10.0) / 10.0)
    )


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
