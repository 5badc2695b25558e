"""What an activity is made of before a room is put around it: dry sounds, each with its place and level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from trainer.simulate.dice import Dice

RATE = 16000
"""Hertz"""
REFERENCE_PASCALS = 2e-5
"""0 dB of sound pressure level"""

Sound = npt.NDArray[np.float64]
"""`[samples]` at 16 kHz"""


class Spot(StrEnum):
    """A place in a home; where it lies, the home decides."""

    SINK = "sink"
    STOVE = "stove"
    WORKTOP = "worktop"
    TABLE = "table"
    DESK = "desk"
    SOFA = "sofa"
    TELEVISION = "television"
    DOOR = "door"
    FLOOR = "floor"
    CEILING = "ceiling"
    OUTSIDE = "outside"
    """Behind the walls and windows: comes from everywhere, muffled"""


@dataclass(frozen=True)
class Source:
    """One thing that sounds, for as long as the recording lasts."""

    pascals: Sound
    """Sound pressure at 1 metre, dry"""
    spot: Spot
    moves: float = 0.0
    """Metres that it wanders about its spot; 0: it stays"""
    size: float = 0.0
    """Metres over which it is spread out; 0: a point"""


Activity = Callable[[Dice, int], list[Source]]
"""Dice and number of samples in, everything that sounds out; the dice decide all that is random.

It is called once for a session, one to several minutes of one activity in one home, which is cut into clips
of 10 s afterwards: what is drawn at its start with `Dice.trait` stays for the session.
"""


def at_level(sound: Sound, db_spl: float) -> Sound:
    """The sound at a sound pressure level, in pascals, measured over the parts that sound.

    Args:
        sound: `[samples]`, any scale; silence stays silence.
        db_spl: dB relative to 20 micropascals, over the 50 ms frames within 30 dB of the loudest one.
    """
    frame = RATE // 20
    whole = len(sound) - len(sound) % frame
    power = np.mean(sound[:whole].reshape(-1, frame) ** 2, axis=1) if whole else np.array([np.mean(sound**2)])
    loudest = float(power.max(initial=0.0))
    if loudest == 0.0:
        return sound
    active = float(power[power >= loudest / 1000.0].mean())
    scaled: Sound = sound * (REFERENCE_PASCALS * 10.0 ** (db_spl / 20.0) / np.sqrt(active))
    return scaled
