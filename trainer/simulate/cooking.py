"""Cooking: something on the stove or under the knife, in whatever company a kitchen offers."""

from __future__ import annotations

import numpy as np

from trainer.simulate.dice import Dice
from trainer.simulate.heat import boiling, frying, hood, kettle, oven, simmering
from trainer.simulate.scene import Sound, Source, Spot, at_level
from trainer.simulate.textures import Range, stretches
from trainer.simulate.water import tap
from trainer.simulate.worktop import chopping, cupboards, grating, packets, pans, stirring, whisking


def _water(dice: Dice, samples: int) -> Sound:
    """A pot is filled, something rinsed."""
    return tap(dice, samples, stretches(dice, samples, (1.5, 6.0), (10.0, 40.0)))


# What is heard, where, at how many dB SPL at 1 m, and how often it is part of a session.
MAIN = (
    (frying, Spot.STOVE, (46.0, 66.0)),
    (frying, Spot.STOVE, (46.0, 66.0)),
    (boiling, Spot.STOVE, (42.0, 60.0)),
    (chopping, Spot.WORKTOP, (54.0, 76.0)),
    (stirring, Spot.STOVE, (50.0, 70.0)),
    (whisking, Spot.WORKTOP, (52.0, 72.0)),
    (pans, Spot.STOVE, (56.0, 80.0)),
)
COMPANY = (
    (frying, Spot.STOVE, (44.0, 62.0), 0.25),
    (boiling, Spot.STOVE, (42.0, 60.0), 0.25),
    (simmering, Spot.STOVE, (38.0, 56.0), 0.15),
    (stirring, Spot.STOVE, (50.0, 70.0), 0.4),
    (pans, Spot.STOVE, (54.0, 78.0), 0.5),
    (chopping, Spot.WORKTOP, (52.0, 74.0), 0.2),
    (grating, Spot.WORKTOP, (50.0, 68.0), 0.12),
    (cupboards, Spot.WORKTOP, (52.0, 74.0), 0.3),
    (packets, Spot.WORKTOP, (44.0, 64.0), 0.25),
    (_water, Spot.SINK, (46.0, 62.0), 0.12),
    (kettle, Spot.WORKTOP, (48.0, 64.0), 0.12),
    (oven, Spot.WORKTOP, (40.0, 58.0), 0.15),
    (hood, Spot.STOVE, (45.0, 66.0), 0.35),
)
SIZES = {Spot.STOVE: 0.5, Spot.WORKTOP: 0.6, Spot.SINK: 0.3}
"""Metres"""


def cooking(dice: Dice, samples: int) -> list[Source]:
    """Somebody prepares a meal at stove and worktop."""
    main = dice.one_of(MAIN)
    company = [part[:3] for part in COMPANY if dice.chance(part[3]) and part[0] is not main[0]]
    heard: dict[Spot, list[Sound]] = {}
    for make, spot, levels in (main, *company):
        level: Range = levels
        heard.setdefault(spot, []).append(at_level(make(dice, samples), dice.trait(*level)))
    return [
        Source(np.sum(sounds, axis=0), spot, moves=dice.between(0.0, 0.4), size=SIZES[spot])
        for spot, sounds in heard.items()
    ]
