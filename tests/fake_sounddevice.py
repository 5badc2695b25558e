"""Stands in for the sounddevice module, where a test puts it first on the path: cards from $FAKE_CARDS.

The stream of a card carries its channel numbers: channel k is k / 10 in every frame.
"""

from __future__ import annotations

import json
import os
import struct
import time
from types import SimpleNamespace
from typing import Any

CARDS: list[dict[str, Any]] = json.loads(os.environ["FAKE_CARDS"])

if not CARDS:
    raise OSError("PortAudio library not found")


class PortAudioError(Exception):
    """As PortAudio's."""


default = SimpleNamespace(device=[0, 0])


def query_devices() -> list[dict[str, Any]]:
    """All cards."""
    return CARDS


def check_input_settings(device: int, channels: int, dtype: str, samplerate: int) -> None:
    """A card has its own rate only."""
    assert (channels, dtype) == (CARDS[device]["max_input_channels"], "float32")
    if samplerate != CARDS[device]["default_samplerate"]:
        raise PortAudioError("Invalid sample rate [PaErrorCode -9997]")


class RawInputStream:
    """A stream that is paced by the clock."""

    def __init__(self, device: int, channels: int, samplerate: int, **_: Any) -> None:
        if "error" in CARDS[device]:
            raise PortAudioError(CARDS[device]["error"])
        self.frame = struct.pack(f"{channels}f", *(channel / 10 for channel in range(channels)))
        self.rate = samplerate
        self.silent_until = CARDS[device].get("silent_until")

    def start(self) -> None:
        """Nothing to start."""

    def read(self, frames: int) -> tuple[bytes, bool]:
        """`frames` frames, the first of them once there is a file `silent_until`."""
        while self.silent_until and not os.path.exists(self.silent_until):  # noqa: PTH110 - few imports
            time.sleep(0.01)
        time.sleep(frames / self.rate)
        return self.frame * frames, False
