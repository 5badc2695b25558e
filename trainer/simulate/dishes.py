"""Dishwashing by hand: running water, dishes and cutlery, scrubbing, the drainer, draining."""

from __future__ import annotations

import numpy as np

from trainer.simulate.dice import Dice
from trainer.simulate.scene import Sound, Source, Spot, at_level
from trainer.simulate.struck import (
    BASIN,
    CUP,
    CUTLERY,
    GLASS,
    METAL_ON_HARD,
    PAN,
    PLASTIC,
    PLATE,
    SOFT,
    crockery,
    scrape,
    squeak,
    strikes,
    thing,
)
from trainer.simulate.textures import (
    Range,
    beats,
    colour,
    coloured,
    gate,
    gestures,
    log_between,
    log_trait,
    place,
    poisson,
    rub,
    stretches,
    wander,
)
from trainer.simulate.water import bubbles, drips, gurgle, pour, tap

DISHES = (PLATE, PLATE, CUP, GLASS, CUTLERY, CUTLERY, PAN, PLASTIC)
IN_WATER_OR_HAND: Range = (0.004, 0.12)
"""Seconds to 1/e of what is held"""


def dishwashing(dice: Dice, samples: int) -> list[Source]:
    """Somebody washes the dishes at the sink."""
    water = dice.one_of(("running", "running", "now and then", "basin", "off"))
    parts = []
    if water in ("running", "now and then"):
        busy, idle = ((12.0, 90.0), (1.0, 4.0)) if water == "running" else ((2.0, 12.0), (1.5, 9.0))
        times = stretches(dice, samples, busy, idle)
        parts.append(at_level(tap(dice, samples, times), dice.trait(50.0, 68.0)))
    if water == "basin" or (water != "off" and dice.chance(0.4)):
        parts.append(at_level(_splashing(dice, samples), dice.trait(42.0, 60.0)))
    if water in ("basin", "off") or dice.chance(0.8):
        parts.append(at_level(_clatter(dice, samples), dice.trait(50.0, 74.0)))
    if dice.chance(0.5):
        parts.append(at_level(_scrubbing(dice, samples), dice.trait(38.0, 58.0)))
    if dice.chance(0.3):
        parts.append(at_level(_occasional(dice, samples), dice.trait(48.0, 64.0)))
    rack = at_level(_drainer(dice, samples), dice.trait(50.0, 74.0))
    sources = [
        Source(np.sum(parts, axis=0), Spot.SINK, moves=dice.between(0.0, 0.3), size=dice.trait(0.1, 0.5))
    ]
    return [*sources, Source(rack, Spot.WORKTOP, size=0.3)] if dice.chance(0.6) else sources


def _clatter(dice: Dice, samples: int) -> Sound:
    """Dishes against each other and the basin, from a few to a pile."""
    contact = dice.one_of((METAL_ON_HARD, SOFT))
    bank = crockery(dice, DISHES, dice.whole(3, 9), contact, IN_WATER_OR_HAND)
    bank += strikes(dice, thing(dice, BASIN), 4, SOFT, (0.02, 0.2))
    hits = gestures(dice, samples, log_trait(dice, 0.15, 1.5), (1, dice.whole(2, 7)), (0.03, 0.4))
    rubs = [
        scrape(dice, thing(dice, dice.one_of(DISHES)), log_between(dice, 0.1, 0.6), 0.03) for _ in range(4)
    ]
    rubs += [squeak(dice, log_between(dice, 0.06, 0.4)) for _ in range(dice.one_of((0, 0, 1, 2)))]
    rubbing = place(dice, samples, poisson(dice, samples, log_trait(dice, 0.05, 0.6)), rubs)
    return place(dice, samples, hits, bank, db=24.0) + dice.between(0.1, 0.7) * rubbing


def _drainer(dice: Dice, samples: int) -> Sound:
    """What is done is put into the rack, where it rings freely; now and then a handful of cutlery."""
    bank = crockery(dice, DISHES, dice.whole(3, 6), METAL_ON_HARD, (0.05, 1.0))
    put = gestures(dice, samples, log_trait(dice, 0.04, 0.25), (1, 4), (0.05, 0.3))
    cutlery = crockery(dice, (CUTLERY, CUTLERY, GLASS), 3, METAL_ON_HARD, (0.01, 0.2))
    handful = gestures(dice, samples, log_trait(dice, 0.01, 0.12), (5, 25), (0.01, 0.12))
    return place(dice, samples, put, bank, db=18.0) + place(dice, samples, handful, cutlery, db=24.0)


def _splashing(dice: Dice, samples: int) -> Sound:
    """Hands and dishes move in water, drops fall back."""
    moving = gate(dice, samples, stretches(dice, samples, (0.3, 3.0), (0.3, 4.0)), fade=0.15, db=15.0)
    moving *= wander(dice, samples, 0.15, 3.0)
    swash = coloured(
        dice, samples, colour(dice, [(80, -18), (250, -4), (700, 0), (2000, -5), (6000, -12)], 6.0)
    )
    radii = (0.0006, log_trait(dice, 0.002, 0.008))
    plops = bubbles(dice, samples, log_trait(dice, 20.0, 250.0), radii, np.minimum(moving, 1.0))
    sound = at_level(plops, 60.0) + at_level(swash * moving, 60.0 + dice.trait(-14.0, 6.0))
    return (
        sound + at_level(drips(dice, samples), 60.0 + dice.trait(-15.0, 0.0)) if dice.chance(0.5) else sound
    )


def _scrubbing(dice: Dice, samples: int) -> Sound:
    """A sponge, a brush or steel wool: strokes of noise, at a pace of its own each time."""
    times = stretches(dice, samples, (1.0, 8.0), (1.0, 8.0))
    middle = log_trait(dice, 700.0, 5000.0)
    points = [(middle / 8.0, -22.0), (middle / 2.0, -6.0), (middle, 0.0), (middle * 1.5, -3.0)]
    rough = colour(dice, points, 5.0)
    bank = [rub(dice, log_between(dice, 0.08, 0.3), rough) for _ in range(8)]
    return place(dice, samples, beats(dice, times, (2.0, 9.0), 0.15), bank, db=8.0)


def _occasional(dice: Dice, samples: int) -> Sound:
    """Draining, pouring out."""
    bank = [gurgle(dice), pour(dice), pour(dice)]
    return place(dice, samples, gestures(dice, samples, 0.04, (1, 1), (1.0, 2.0)), bank)
