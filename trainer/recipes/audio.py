"""The recipe of linear support vector machines on what networks for sound make of a clip (section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, get_args

from trainer.checkpoints import AUDIOSET, IMAGENET, RANDOM
from trainer.features import Channels
from trainer.models.audio import AUDIO_BACKBONES
from trainer.models.openl3 import Frames


@dataclass(frozen=True)
class AudioRecipe:
    """One training recipe; the machines' C is chosen by `trainer.train_svm`."""

    SCORES: ClassVar = "d"
    """Before the labels in the header of its predictions: decision values"""

    name: str
    window_seconds: float
    """Length of a clip's window, of which one embedding is made"""
    sample_rate: int
    """Of the window, hertz, as of all members of a fusion; it is resampled from there to the network's own"""
    backbone: str
    """Key of `trainer.models.audio.AUDIO_BACKBONES`"""
    weights: str = AUDIOSET
    """`audioset`, `random:SEED`, or the path of a checkpoint, as `trainer.audio_weights.load` takes it"""
    channels: Channels = "mono"
    """Of an array's recordings: see `trainer.features.FrontEnd`"""
    frames: Frames = field(default_factory=Frames)
    """Of openl3; a PANN hears the window as a whole"""

    def __post_init__(self) -> None:
        for name, choices in (("backbone", AUDIO_BACKBONES), ("channels", get_args(Channels))):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, not {getattr(self, name)!r}")
        if self.weights == IMAGENET:
            raise ValueError(
                f"{self.backbone} has learnt from sounds: its published weights are {AUDIOSET!r}"
            )
        if not (isinstance(self.sample_rate, int) and self.sample_rate > 0 and self.window_seconds > 0):
            raise ValueError("sample_rate and window_seconds must be positive, the rate a whole number")

    @property
    def title(self) -> str:
        """What it is called in reports."""
        return f"{self.backbone}, weights {self.weights}"

    @property
    def unseeded(self) -> AudioRecipe:
        """The same for recipes that differ in nothing but the seed of random weights."""
        return replace(self, weights=RANDOM) if self.weights.startswith(RANDOM) else self

    @property
    def embedding(self) -> int:
        """Length of an example."""
        return AUDIO_BACKBONES[self.backbone].embedding
