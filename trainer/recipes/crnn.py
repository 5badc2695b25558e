"""The recipe of a CRNN."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from monitor.inference.logmel import LogMelSpec
from trainer.augment import AugmentConfig
from trainer.features import Channels, FrontEnd
from trainer.models.crnn import CrnnConfig

WARM_UP = 0.05
"""Share of the updates in which the rate of the cosine schedule rises: Adam's first steps are blind"""


@dataclass(frozen=True)
class CrnnRecipe:
    """One training recipe; `labels` of the model come from the data."""

    SCORES: ClassVar = "p"
    """Before the labels in the header of its predictions: posteriors"""

    name: str
    window_seconds: float
    """Length of a clip's window"""
    log_mel: LogMelSpec
    model: Mapping[str, Any]
    """Fields of CrnnConfig but `labels` and `n_mels`"""
    epochs: int
    batch: int
    """Examples per update"""
    learning_rate: float
    decay: float
    """The rate of update t is learning_rate / (1 + decay * t), as `decay` of Keras' Adam"""
    betas: tuple[float, float]
    """Of Adam"""
    seed: int
    channels: Channels = "each"
    """Of an array's recordings: see `trainer.features.FrontEnd`"""
    one_channel: bool = False
    """An epoch takes one channel of every clip, drawn anew, instead of all: they say nearly the same"""
    schedule: Literal["inverse", "cosine"] = "inverse"
    """How the rate falls: by `decay`, or along half a cosine to 0 after a short rise"""
    weight_decay: float = 0.0
    """Of AdamW: share of every weight that an update takes away, times the rate"""
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """What is changed at random in every training batch"""

    def __post_init__(self) -> None:
        if not all(isinstance(number, int) for number in (self.epochs, self.batch, self.seed)):
            raise ValueError("epochs, batch and seed must be whole numbers")
        if self.channels not in ("each", "mono"):
            raise ValueError(f"channels must be 'each' or 'mono', not {self.channels!r}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must be in [0, 1), not {self.betas}")
        if min(self.window_seconds, self.epochs, self.batch, self.learning_rate) <= 0 or self.decay < 0:
            raise ValueError("window, epochs, batch and learning_rate must be positive, decay not negative")
        if self.schedule not in ("inverse", "cosine"):
            raise ValueError(f"schedule must be 'inverse' or 'cosine', not {self.schedule!r}")
        if self.schedule == "cosine" and self.decay:
            raise ValueError("decay belongs to the schedule 'inverse'; with 'cosine' it must be 0")
        if not 0 <= self.weight_decay < 1:
            raise ValueError(f"weight_decay must be in [0, 1), not {self.weight_decay}")
        self._check_input(self.crnn(labels=2))

    def _check_input(self, config: CrnnConfig) -> None:
        """That the model gets the spectrograms that it is made for."""
        if config.steps(self.log_mel.frames(self.window)) < 1:
            raise ValueError(f"the pooling leaves nothing of the frames of {self.window_seconds} s")
        if config.threshold_db < self.log_mel.floor_db:
            raise ValueError(
                f"threshold_db {config.threshold_db} is below the spectrogram's {self.log_mel.floor_db}"
            )
        absolute = self.log_mel.reference == "full_scale"
        if (config.level_db is not None) != absolute:
            raise ValueError("log_mel's reference 'full_scale' and the model's level_db need each other")
        if self.augment.gain_db and not absolute:
            raise ValueError("gain_db needs log_mel's reference 'full_scale'")

    @property
    def title(self) -> str:
        """What it is called in reports."""
        return self.name

    @property
    def unseeded(self) -> CrnnRecipe:
        """The same for recipes that differ in nothing but the seed."""
        return replace(self, seed=0)

    @property
    def sample_rate(self) -> int:
        """Of the window, hertz."""
        return self.log_mel.sample_rate

    @property
    def window(self) -> int:
        """Window length in samples."""
        return round(self.window_seconds * self.log_mel.sample_rate)

    @property
    def front_end(self) -> FrontEnd:
        """What turns a clip into examples."""
        return FrontEnd(self.log_mel, self.window_seconds, self.channels)

    def rate(self, update: int, updates: int) -> float:
        """The learning rate of an update, 0 to `updates` - 1."""
        if self.schedule == "inverse":
            return self.learning_rate * (1.0 / (1.0 + self.decay * update))
        rise = (update + 1) / (WARM_UP * updates)
        return self.learning_rate * min(1.0, rise) * 0.5 * (1.0 + math.cos(math.pi * update / updates))

    def crnn(self, labels: int) -> CrnnConfig:
        """The model for so many classes."""
        pools = tuple((frequency, time) for frequency, time in self.model["pools"])
        lists = ("kernels", "filters", "level_db")
        sizes = {key: tuple(self.model[key]) for key in lists if key in self.model}
        return CrnnConfig(labels, self.log_mel.n_mels, **{**self.model, **sizes, "pools": pools})
