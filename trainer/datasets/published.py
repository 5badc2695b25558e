"""What publishers say about their data sets, as data that a copy is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DEVELOPMENT_COLUMN = "development"
EVALUATION_COLUMN = "evaluation"


@dataclass(frozen=True)
class AudioFormat:
    """One format that clips are published in."""

    rate: int
    """Hz"""
    channels: int
    subtype: str
    """As soundfile names it: `PCM_16` is 16 bits per sample"""
    seconds: float
    tolerance: float = 0.0
    """Seconds that a clip may be shorter or longer"""

    def __str__(self) -> str:
        return describe(self.rate, self.channels, self.subtype, f"{self.seconds:g} s")


@dataclass(frozen=True)
class Published:
    """Numbers of one data set."""

    formats: tuple[AudioFormat, ...]
    clips: Mapping[str, Mapping[str, int]]
    """Column (`fold 1`, `development`, `evaluation`, or an array of the development partition) -> label ->
    number of clips"""
    md5: Mapping[str, str] = field(default_factory=dict)
    """File, relative to the data folder -> hexadecimal digest"""
    lines: Mapping[str, int] = field(default_factory=dict)
    """File, relative to the data folder -> number of lines, where no digest is known"""


def describe(rate: int, channels: int, subtype: str, length: str) -> str:
    """A format in words."""
    return f"{rate} Hz, {channels} channel{'s' if channels > 1 else ''}, {subtype}, {length}"
