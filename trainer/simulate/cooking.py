"""Cooking: something on the stove or under the knife, in whatever company a kitchen offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trainer.simulate.dice import Dice
from trainer.simulate.heat import boiling, frying, hood, kettle, oven, simmering
from trainer.simulate.scene import Sound, Source, Spot, at_level
from trainer.simulate.textures import Range, stretches
from trainer.simulate.water import tap
from trainer.simulate.worktop import chopping, cupboards, grating, packets, pans, stirring, whisking

SIZES = {Spot.STOVE: 0.5, Spot.WORKTOP: 0.6, Spot.SINK: 0.3}
"""Metres"""


@dataclass(frozen=True)
class Part:
    """Something that may be heard while somebody cooks."""

    make: Callable[[Dice, int], Sound]
    spot: Spot
    level: Range
    """dB SPL at 1 m"""
    leads: int
    """Weight as what the session is about; 0: never"""
    joins: float
    """How often it is there beside something else"""


def _filling_pots(dice: Dice, samples: int) -> Sound:
    return tap(dice, samples, stretches(dice, samples, (1.5, 6.0), (10.0, 40.0)))


PARTS = (
    Part(frying, Spot.STOVE, (44.0, 66.0), 3, 0.25),
    Part(boiling, Spot.STOVE, (42.0, 60.0), 2, 0.25),
    Part(chopping, Spot.WORKTOP, (52.0, 76.0), 2, 0.2),
    Part(stirring, Spot.STOVE, (50.0, 70.0), 1, 0.4),
    Part(whisking, Spot.WORKTOP, (52.0, 72.0), 1, 0.1),
    Part(pans, Spot.STOVE, (54.0, 78.0), 1, 0.5),
    Part(grating, Spot.WORKTOP, (50.0, 68.0), 0, 0.12),
    Part(cupboards, Spot.WORKTOP, (52.0, 74.0), 0, 0.3),
    Part(packets, Spot.WORKTOP, (44.0, 64.0), 0, 0.25),
    Part(_filling_pots, Spot.SINK, (46.0, 62.0), 0, 0.12),
    Part(simmering, Spot.STOVE, (38.0, 56.0), 0, 0.15),
    Part(kettle, Spot.WORKTOP, (48.0, 64.0), 0, 0.12),
    Part(oven, Spot.WORKTOP, (40.0, 58.0), 0, 0.15),
    Part(hood, Spot.STOVE, (45.0, 66.0), 0, 0.35),
)


def cooking(dice: Dice, samples: int) -> list[Source]:
    """Somebody prepares a meal at stove and worktop."""
    lead = dice.one_of([part for part in PARTS for _ in range(part.leads)])
    heard: dict[Spot, list[Sound]] = {}
    for part in PARTS:
        if part is lead or dice.chance(part.joins):
            sound = at_level(part.make(dice, samples), dice.trait(*part.level))
            heard.setdefault(part.spot, []).append(sound)
    return [
        Source(np.sum(sounds, axis=0), spot, moves=dice.between(0.0, 0.4), size=SIZES[spot])
        for spot, sounds in heard.items()
    ]
