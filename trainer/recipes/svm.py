"""The recipe of linear support vector machines on embeddings: Deep Spectrum (section 3.1 of the paper)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, get_args

from monitor.inference.logmel import LogMelSpec
from monitor.inference.picture import PictureSpec
from trainer.checkpoints import AUDIOSET, CHECKPOINTS, IMAGENET, RANDOM
from trainer.features import Channels, FrontEnd
from trainer.models.backbones import BACKBONES, SIZE, Preprocessing
from trainer.models.initial import Scheme


@dataclass(frozen=True)
class SvmRecipe:
    """One training recipe; the machines' C is chosen by `trainer.train_svm`."""

    SCORES: ClassVar = "d"
    """Before the labels in the header of its predictions: decision values"""

    name: str
    window_seconds: float
    """Length of a clip's window, all of which is one picture"""
    log_mel: LogMelSpec
    picture: PictureSpec
    backbone: str
    """Key of `trainer.models.backbones.BACKBONES`"""
    weights: str
    """`imagenet`, `random:SEED`, or the path of a checkpoint, as `trainer.weights.load` takes it"""
    channels: Channels = "mono"
    """Of an array's recordings: see `trainer.features.FrontEnd`"""
    preprocessing: Preprocessing = "torchvision"
    """How a picture is made ready for the backbone"""
    scheme: Scheme = "keras"
    """How random weights are drawn"""

    def __post_init__(self) -> None:
        for field, choices in (
            ("backbone", BACKBONES),
            ("channels", get_args(Channels)),
            ("preprocessing", get_args(Preprocessing)),
            ("scheme", get_args(Scheme)),
        ):
            if getattr(self, field) not in choices:
                raise ValueError(f"{field} must be one of {', '.join(choices)}, not {getattr(self, field)!r}")
        if self.weights == AUDIOSET or (self.weights == IMAGENET and self.backbone not in CHECKPOINTS):
            raise ValueError(f"{self.backbone} has no published weights; give random:SEED or a checkpoint")
        if self.picture.size != SIZE:
            raise ValueError(
                f"{self.backbone} takes pictures of {SIZE} x {SIZE} pixels, not of {self.picture.size}"
            )
        if self.log_mel.frames(round(self.window_seconds * self.log_mel.sample_rate)) < 1:
            raise ValueError(f"{self.window_seconds} s are shorter than a frame of the spectrogram")

    @property
    def title(self) -> str:
        """What it is called in reports."""
        return f"{self.backbone}, weights {self.weights}, {self.picture.cmap}"

    @property
    def unseeded(self) -> SvmRecipe:
        """The same for recipes that differ in nothing but the seed of random weights."""
        return replace(self, weights=RANDOM) if self.weights.startswith(RANDOM) else self

    @property
    def sample_rate(self) -> int:
        """Of the window, hertz."""
        return self.log_mel.sample_rate

    @property
    def embedding(self) -> int:
        """Length of an example."""
        return BACKBONES[self.backbone].embedding

    @property
    def front_end(self) -> FrontEnd:
        """What turns a clip into spectrograms."""
        return FrontEnd(self.log_mel, self.window_seconds, self.channels)
