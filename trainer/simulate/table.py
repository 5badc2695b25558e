"""Eating and drinking at a table: cutlery, cups, mouths, pouring, napkins and chairs."""

from __future__ import annotations

import numpy as np

from trainer.simulate.dice import Dice
from trainer.simulate.mouth import chewing, drinking
from trainer.simulate.scene import RATE, Sound, Source, Spot, at_level
from trainer.simulate.signals import peak_one
from trainer.simulate.struck import (
    CUP,
    CUTLERY,
    GLASS,
    METAL_ON_HARD,
    PLASTIC,
    PLATE,
    SOFT,
    WOOD,
    Thing,
    crockery,
    scrape,
    squeak,
    strike,
    strikes,
    thing,
)
from trainer.simulate.textures import (
    beats,
    colour,
    crackle,
    gestures,
    log_between,
    log_trait,
    place,
    poisson,
    rub,
    stretches,
    together,
)
from trainer.simulate.water import pour

ON_TABLE = (0.008, 0.12)
"""Seconds to 1/e of a plate with food on it"""
IN_HAND = (0.004, 0.08)


def eating(dice: Dice, samples: int) -> list[Source]:
    """One person or several at a table; one of them may only have a drink or a packet of crisps."""
    meal = dice.one_of(("plate", "plate", "plate", "drink", "snack"))
    parts = []
    if meal == "plate":
        parts += [
            at_level(cutlery(dice, samples), dice.trait(46.0, 70.0)) for _ in range(dice.one_of((1, 1, 2, 3)))
        ]
    if meal == "drink" or dice.chance(0.4):
        parts.append(at_level(_drinks(dice, samples, often=meal == "drink"), dice.trait(38.0, 58.0)))
    if meal != "plate" or dice.chance(0.6):
        parts.append(at_level(cups(dice, samples, often=meal == "drink"), dice.trait(46.0, 68.0)))
    if meal == "snack" or dice.chance(0.5):
        bites = stretches(dice, samples, (3.0, 18.0), (0.8, 6.0))
        parts.append(at_level(chewing(dice, samples, bites), dice.trait(32.0, 52.0)))
    if dice.chance(0.25):
        parts.append(at_level(_pouring(dice, samples), dice.trait(42.0, 58.0)))
    if meal == "snack" or dice.chance(0.4):
        parts.append(at_level(_napkin(dice, samples), dice.trait(36.0, 56.0)))
    sources = [
        Source(np.sum(parts, axis=0), Spot.TABLE, moves=dice.between(0.0, 0.2), size=dice.trait(0.1, 1.2))
    ]
    if dice.chance(0.3):
        sources.append(Source(at_level(_chair(dice, samples), dice.trait(46.0, 66.0)), Spot.TABLE, size=0.6))
    return sources


def cutlery(dice: Dice, samples: int) -> Sound:
    """A plate or bowl eaten from with knife and fork or a spoon: taps, cuts back and forth, scraping."""
    plate = thing(dice, dice.one_of((PLATE, PLATE, PLATE, CUP, PLASTIC)))
    tool, table = thing(dice, CUTLERY), thing(dice, WOOD)
    taps = [_clink(dice, plate, tool, table) for _ in range(10)]
    picks = gestures(dice, samples, log_trait(dice, 0.12, 1.0), (1, dice.whole(1, 5)), (0.08, 0.7))
    cuts = [_squeaky(dice, scrape(dice, plate, log_between(dice, 0.08, 0.4), 0.02)) for _ in range(6)]
    cutting = beats(dice, stretches(dice, samples, (0.6, 3.0), (2.0, 15.0)), (1.5, 5.0), 0.15)
    scoops = [scrape(dice, plate, log_between(dice, 0.2, 0.9), 0.02) for _ in range(4)]
    scooping = gestures(dice, samples, log_trait(dice, 0.03, 0.4), (1, 3), (0.3, 1.2))
    rubbing = dice.trait(0.1, 0.6)
    return (
        place(dice, samples, picks, taps, db=20.0)
        + rubbing * place(dice, samples, cutting, cuts)
        + rubbing * place(dice, samples, scooping, scoops)
    )


def _clink(dice: Dice, plate: Thing, tool: Thing, table: Thing) -> Sound:
    """Metal on china: both ring, the tool in the hand only shortly, and the table sounds below; peak 1."""
    blows = (
        strike(dice, plate, METAL_ON_HARD, ON_TABLE),
        dice.between(0.1, 1.0) * strike(dice, tool, METAL_ON_HARD, IN_HAND),
        dice.between(0.0, 0.5) * strike(dice, table, SOFT, (0.01, 0.05)),
    )
    return peak_one(together(*blows))


def _squeaky(dice: Dice, stroke: Sound) -> Sound:
    """Now and then a knife squeaks as it slips and sticks."""
    if not dice.chance(0.25):
        return stroke
    return peak_one(stroke + dice.between(0.1, 0.8) * squeak(dice, len(stroke) / RATE))


def cups(dice: Dice, samples: int, often: bool) -> Sound:
    """Cups, glasses and plates put down, stirred in, clinked."""
    cup = thing(dice, dice.one_of((CUP, CUP, GLASS, PLASTIC)))
    table = thing(dice, WOOD)
    down = strikes(dice, cup, 4, SOFT, (0.005, 0.15)) + strikes(dice, table, 4, SOFT, (0.01, 0.06))
    down += strikes(dice, cup, 2, METAL_ON_HARD, (0.05, 0.8))
    down += strikes(dice, thing(dice, PLATE), 2, SOFT, ON_TABLE)
    rate = log_trait(dice, 0.12, 0.5) if often else log_trait(dice, 0.04, 0.25)
    sound = place(dice, samples, gestures(dice, samples, rate, (1, 3), (0.05, 0.3)), down, db=18.0)
    if dice.chance(0.4):
        spoon = strikes(dice, cup, 8, METAL_ON_HARD, (0.01, 0.15))
        rounds = beats(dice, stretches(dice, samples, (2.0, 8.0), (4.0, 20.0)), (2.0, 7.0), 0.15)
        sound += dice.between(0.2, 0.9) * place(dice, samples, rounds, spoon)
    return sound


def _drinks(dice: Dice, samples: int, often: bool) -> Sound:
    bank = [drinking(dice) for _ in range(5)]
    rate = log_trait(dice, 0.1, 0.35) if often else log_trait(dice, 0.02, 0.12)
    return place(dice, samples, gestures(dice, samples, rate, (1, 2), (0.8, 3.0)), bank, db=10.0)


def _pouring(dice: Dice, samples: int) -> Sound:
    return place(
        dice, samples, gestures(dice, samples, 0.03, (1, 2), (2.0, 6.0)), [pour(dice) for _ in range(3)]
    )


def _napkin(dice: Dice, samples: int) -> Sound:
    """Paper, a packet, cloth."""
    soft = colour(dice, [(200, -16), (800, -6), (2500, 0), (7000, -6)], 6.0)
    bank = [0.5 * rub(dice, log_between(dice, 0.15, 0.9), soft) for _ in range(4)]
    rate, low = log_trait(dice, 60.0, 500.0), log_trait(dice, 800.0, 3500.0)
    bank += [crackle(dice, log_between(dice, 0.2, 1.5), rate, low, 7500.0) for _ in range(4)]
    return place(dice, samples, gestures(dice, samples, log_trait(dice, 0.05, 0.3), (1, 4), (0.2, 1.2)), bank)


def _chair(dice: Dice, samples: int) -> Sound:
    """A chair is moved or creaks."""
    legs = thing(dice, WOOD)
    bank = [scrape(dice, legs, log_between(dice, 0.15, 0.8), 0.03) for _ in range(3)]
    bank += crockery(dice, (WOOD,), 2, (0.001, 0.006), (0.01, 0.06))
    return place(dice, samples, poisson(dice, samples, log_between(dice, 0.02, 0.15)), bank)
