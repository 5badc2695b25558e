"""Stands in for the sounddevice module: a card that counts its samples by the clock, and fails as it is told.

Sample n (`counter.py`) is captured n / RATE seconds after $CARD_EPOCH (`clock.now`). What nobody reads within
$CARD_RING seconds is lost. The word in the file $CARD_FAULT says what is wrong.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from monitor import clock
from tests.counter import CHANNELS, RATE, encode

EPOCH = float(os.environ["CARD_EPOCH"])
FAULT = Path(os.environ["CARD_FAULT"])
RING = round(float(os.environ["CARD_RING"]) * RATE)
"""Samples that the card keeps for a reader that is late"""
NAME = "Counting card (hw:1,0)"
WHY_NOT = {"busy": "Device unavailable [PaErrorCode -9985]", "denied": "Permission denied"}

default = SimpleNamespace(device=[0, 0])


class PortAudioError(Exception):
    """As PortAudio's."""


def fault() -> str:
    """What is wrong now; nothing returns from a card that is frozen."""
    while (word := FAULT.read_text()) == "frozen":
        time.sleep(0.02)
    return word


def query_devices() -> list[dict[str, Any]]:
    """One card, unless it was removed."""
    card = {"name": NAME, "max_input_channels": CHANNELS, "default_samplerate": float(RATE)}
    return [] if fault() == "removed" else [card]


def check_input_settings(*_: Any, **__: Any) -> None:
    """Everything that is asked for here is fine."""


class RawInputStream:
    """The only stream of the card."""

    def __init__(self, **_: Any) -> None:
        if (word := fault()) in WHY_NOT:
            raise PortAudioError(WHY_NOT[word])

    def start(self) -> None:
        """From the next sample on."""
        self.next = self._now()

    def read(self, frames: int) -> tuple[bytes, bool]:
        """The next frames, later ones if they are gone."""
        while (ahead := self.next + frames - self._now()) > 0:
            time.sleep(ahead / RATE)
        word = fault()
        if word == "removed":
            raise PortAudioError("Unanticipated host error [PaErrorCode -9999]")
        overflow = self._now() - self.next > frames + RING
        if overflow:
            self.next = self._now() - frames
        samples = (encode(self.next, frames) / 32768).astype(np.float32)
        self.next += frames
        if word == "muted":
            samples[:] = 0.0
        return samples[: frames // 2 if word == "torn" else frames].tobytes(), overflow

    def _now(self) -> int:
        return int((clock.now() - EPOCH) * RATE)
