"""What a source of array audio yields: blocks of samples, and the gaps between them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from monitor.errors import Exit, MonitorError

if TYPE_CHECKING:  # numpy would double the start-up time of clients, which import only the names from here
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

GapReason = Literal[
    "overflow",
    "device_lost",
    "stalled",
    "suspend",
    "overload",
    "no_healthy_channel",
    "digital_silence",
    "model_error",
    "end_of_file",
    "stopped",
]
"""Why time has no label (`lost_samples` of STREAM.md says how much of it)."""


class SourceError(MonitorError):
    """A source cannot be opened, or what it delivers cannot be used."""


class CaptureLost(SourceError):
    """Samples stopped arriving; the message says why."""

    def __init__(self, message: str, reason: GapReason) -> None:
        super().__init__(message, Exit.IO)
        self.reason = reason


@dataclass(frozen=True)
class Block:
    """Samples as they arrive."""

    samples: npt.NDArray[np.float32]
    """`[channels, n]` in [-1, 1]; a float file may hold more, or non-finite values"""
    start: int
    """Index of the first sample on the array's sample clock: 0 is the first sample of the run"""
    time: float
    """When the last sample was captured (a card) or read (a file), seconds of `clock.now`"""
    file: str | None = None
    """Name of the file that is replayed"""

    @property
    def end(self) -> int:
        """Index after the last sample."""
        return self.start + int(self.samples.shape[1])


@dataclass(frozen=True)
class Gap:
    """Time without usable samples, on the sample clock. An empty one only marks where audio breaks off."""

    start: int
    """Index of the first sample that is missing"""
    end: int
    """Index of the first sample after the gap"""
    reason: GapReason


class ArraySource(ABC):
    """One array: a sound card or files.

    Each record begins where the one before it ended, so blocks and gaps together are the whole run.
    """

    sample_rate: int
    """Hertz; what the bundle wants, resampled if the device or file has another"""
    channels: int

    @property
    def connected(self) -> bool:
        """Samples are arriving, as far as the source knows."""
        return True

    @property
    def drift_ppm(self) -> float | None:
        """How much faster than nominal the device's clock is, parts per million; None while unknown."""
        return None

    @abstractmethod
    def records(self) -> Iterator[Block | Gap]:
        """Blocks and gaps in the order of the sample clock; ends at the end of the audio or after `close`.

        Raises:
            SourceError: the audio cannot be used.
        """

    @abstractmethod
    def close(self) -> None:
        """End `records` within a fraction of a second. May be called from another thread, and twice."""


def select_channels(
    what: str,
    available: int,
    wanted: int,
    channel_map: tuple[int, ...],
    *,
    mono_to_all: bool | None = None,
) -> list[int]:
    """Which channels of a file or device make the array; never mixes or drops any silently.

    Args:
        what: name of the file or device, for the message.
        available: channels it has.
        wanted: channels of the array.
        channel_map: channels to take, counted from zero; empty to take all.
        mono_to_all: a single channel may stand for all; None where that is no option.

    Raises:
        SourceError: exit code 65 with the options that would help.
    """
    if channel_map:
        if max(channel_map) >= available:
            raise SourceError(
                f"{what} has channels 0 to {available - 1}; channel {max(channel_map)} was asked for"
            )
        return list(channel_map)
    if available == wanted:
        return list(range(wanted))
    if available == 1:
        if mono_to_all:
            return [0] * wanted
        advice = "ask for one with --channels 1"
        if mono_to_all is not None:
            advice = f"play it on all channels with --mono-to-all, or {advice}"
    elif available > wanted:
        some = ",".join(map(str, range(wanted)))
        if (available, wanted) == (6, 4):
            some = "1,2,3,4 (the microphones of a ReSpeaker)"
        advice = f"choose some, such as --channel-map {some}, or take all with --channels {available}"
    else:
        advice = f"ask for them with --channels {available}"
    raise SourceError(f"{what} has {available} channel{'s' * (available > 1)}, {wanted} wanted; {advice}")
