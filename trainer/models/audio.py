"""The networks for sound that serve as feature extractors: what is known of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import nn

from trainer.models import openl3, pann
from trainer.models.openl3 import Frames, Openl3
from trainer.models.pann import Cnn14, WavegramLogmelCnn14

Kind = Literal["openl3", "pann"]
RATES: dict[Kind, int] = {"openl3": openl3.RATE, "pann": pann.RATE}
"""Hertz"""


@dataclass(frozen=True)
class AudioFacts:
    """What tells one network from another; where weights are published, `trainer.checkpoints` says."""

    kind: Kind
    network: Callable[[Frames], nn.Module]
    """PANNs hear a clip as a whole; the frames are openl3's"""
    embedding: int
    """Length of its output"""

    @property
    def rate(self) -> int:
        """Hertz of what it hears."""
        return RATES[self.kind]


def _openl3(bands: int, embedding: int) -> AudioFacts:
    return AudioFacts("openl3", lambda frames: Openl3(bands, embedding, frames), embedding)


AUDIO_BACKBONES = {
    "openl3": _openl3(256, 512),
    "openl3-6144": _openl3(256, 6144),
    "openl3-mel128": _openl3(128, 512),
    "openl3-mel128-6144": _openl3(128, 6144),
    "pann": AudioFacts("pann", lambda _: WavegramLogmelCnn14(), pann.EMBEDDING),
    "pann-cnn14": AudioFacts("pann", lambda _: Cnn14(), pann.EMBEDDING),
}
"""The paper's PANN is the wavegram's; which of the four of openl3 it took, it does not say"""
