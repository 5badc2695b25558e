"""What hands do in a kitchen: chopping, stirring, whisking, pans and lids, cupboards, packets."""

from __future__ import annotations

import numpy as np

from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, Sound
from trainer.simulate.signals import peak_one
from trainer.simulate.struck import (
    CUP,
    CUTLERY,
    GLASS,
    LID,
    METAL_ON_HARD,
    PAN,
    PLASTIC,
    PLATE,
    SOFT,
    WOOD,
    crockery,
    scrape,
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


def chopping(dice: Dice, samples: int) -> Sound:
    """A knife on a board: through something crisp or soft, then onto the wood; now and then swept aside."""
    board, blade = thing(dice, dice.one_of((WOOD, WOOD, PLASTIC))), thing(dice, CUTLERY)
    crisp = colour(dice, [(300, -14), (1000, -5), (2500, 0), (6000, -4)], 6.0)
    bite, ring = dice.trait(0.0, 0.8), dice.trait(0.0, 0.25)
    bank = []
    for _ in range(8):
        blow = strikes(dice, board, 1, (0.0004, 0.003), (0.01, 0.08))[0]
        steel = ring * strikes(dice, blade, 1, METAL_ON_HARD, (0.004, 0.03))[0]
        cut = bite * rub(dice, dice.between(0.03, 0.12), crisp)
        bank.append(together(cut, np.concatenate([np.zeros(len(cut) // 2), together(blow, steel)])))
    times = stretches(dice, samples, (0.8, 8.0), (0.4, 5.0))
    sweeps = [rub(dice, dice.between(0.2, 0.6), crisp) for _ in range(4)]
    cuts = place(dice, samples, beats(dice, times, (1.2, 8.0), 0.12), bank, db=12.0)
    return cuts + 0.15 * place(dice, samples, poisson(dice, samples, 0.1), sweeps)


def stirring(dice: Dice, samples: int) -> Sound:
    """A spoon or spatula drawn through a pan, and knocked off on its rim."""
    pan, metal = thing(dice, PAN), dice.chance(0.5)
    contact = METAL_ON_HARD if metal else SOFT
    rounds = [
        scrape(dice, pan, log_between(dice, 0.15, 0.8), log_between(dice, 0.005, 0.05)) for _ in range(6)
    ]
    times = stretches(dice, samples, (2.0, 12.0), (1.0, 8.0))
    strokes = place(dice, samples, beats(dice, times, (0.7, 3.5), 0.15), rounds, db=10.0)
    taps = gestures(dice, samples, log_trait(dice, 0.03, 0.2), (1, 5), (0.12, 0.4))
    knocks = place(dice, samples, taps, strikes(dice, pan, 6, contact, (0.02, 0.3)))
    return dice.trait(0.1, 0.6) * strokes + knocks


def whisking(dice: Dice, samples: int) -> Sound:
    """A whisk or fork beats in a bowl, or a spoon in a cup: quick light blows with some scraping."""
    bowl = thing(dice, dice.one_of((PLATE, CUP, PAN, PLASTIC, GLASS)))
    blows = strikes(dice, bowl, 8, METAL_ON_HARD, (0.004, 0.08))
    times = beats(dice, stretches(dice, samples, (2.0, 15.0), (1.0, 5.0)), (4.0, 11.0), 0.12)
    scrapes = [scrape(dice, bowl, dice.between(0.06, 0.2), 0.01) for _ in range(6)]
    return place(dice, samples, times, blows) + 0.4 * place(dice, samples, times, scrapes)


def grating(dice: Dice, samples: int) -> Sound:
    """Strokes over a grater or peeler: many small catches in a row."""
    rough = colour(dice, [(300, -16), (1200, -4), (3000, 0), (7000, -3)], 7.0)
    sheet = thing(dice, LID)
    bank = []
    for _ in range(6):
        stroke = rub(dice, dice.between(0.12, 0.45), rough)
        bank.append(peak_one(stroke + scrape(dice, sheet, len(stroke) / RATE, 0.004)))
    return place(
        dice, samples, beats(dice, stretches(dice, samples, (2.0, 12.0), (1.0, 6.0)), (1.0, 3.5)), bank
    )


def pans(dice: Dice, samples: int) -> Sound:
    """Pans, pots and lids put down, moved, taken from each other; dishes and spoons fetched."""
    bank = crockery(dice, (PAN, PAN, LID, LID, PLATE, CUTLERY), dice.whole(3, 7), METAL_ON_HARD, (0.03, 0.8))
    bank += crockery(dice, (WOOD, PLASTIC), 2, SOFT, (0.02, 0.1))
    hits = gestures(dice, samples, log_trait(dice, 0.06, 0.5), (1, 5), (0.05, 0.4))
    drags = [scrape(dice, thing(dice, PAN), log_between(dice, 0.2, 0.9), 0.05) for _ in range(3)]
    dragging = place(dice, samples, poisson(dice, samples, log_between(dice, 0.02, 0.15)), drags)
    return place(dice, samples, hits, bank, db=22.0) + 0.3 * dragging


def cupboards(dice: Dice, samples: int) -> Sound:
    """Doors and drawers: a thud, sometimes rolling before it and a rattle of what is inside."""
    thuds = crockery(dice, (WOOD,), 3, (0.001, 0.006), (0.01, 0.08))
    inside = crockery(dice, (CUTLERY, CUP, GLASS), 3, METAL_ON_HARD, (0.005, 0.1))
    rolling = colour(dice, [(80, -8), (250, 0), (900, -5), (3000, -16), (8000, -30)], 6.0)
    bank = []
    for thud in thuds:
        slide = dice.between(0.0, 0.7) * rub(dice, dice.between(0.2, 0.8), rolling)
        body = np.concatenate([slide, thud])
        times = len(slide) + dice.rng.integers(0, RATE // 4, size=dice.whole(0, 6))
        bank.append(together(body, 0.5 * place(dice, len(slide) + RATE, times, inside, db=20.0)))
    return place(
        dice, samples, gestures(dice, samples, log_between(dice, 0.03, 0.2), (1, 3), (0.8, 3.0)), bank
    )


def packets(dice: Dice, samples: int) -> Sound:
    """Foil, paper and plastic bags opened and shaken."""
    low = log_trait(dice, 600.0, 3000.0)
    rate = log_trait(dice, 60.0, 700.0)
    bank = [crackle(dice, log_between(dice, 0.3, 2.5), rate, low, 7500.0) for _ in range(4)]
    return place(dice, samples, gestures(dice, samples, log_trait(dice, 0.05, 0.3), (1, 3), (0.4, 2.0)), bank)
