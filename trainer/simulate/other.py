"""Everything else in a home. The widest class, so that what is unfamiliar comes out as `other`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from trainer.simulate import animals, anything, household, motors, outdoors, ringing, throats
from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, Sound, Source, Spot, at_level
from trainer.simulate.timeline import add

Event = Callable[[Dice], Sound]
Steady = Callable[[Dice, int], Sound]

# Groups, because what is heard together often belongs together.
EVENTS: tuple[tuple[Event, ...], ...] = (
    (household.footsteps, household.door, household.latch, household.keys, household.cloth, household.creak),
    (household.drawer, household.dropped, household.scrape, household.knocking, household.shatter),
    (household.cloth, household.zipper, household.paper, household.spray, household.latch),
    (household.flush, household.spray, household.door, household.footsteps),
    (throats.cough, throats.sneeze, throats.breaths, throats.snore),
    (throats.sing, household.footsteps, household.cloth),
    (throats.baby_cry, throats.baby_cry, household.footsteps),
    (animals.barks, animals.howl),
    (animals.meow, animals.purr, animals.barks),
    (animals.chirps, animals.rooster, animals.hens, animals.insects),
    (ringing.ticking, ringing.ticking, ringing.bell),
    (ringing.beeps, ringing.telephone, ringing.bell),
    (ringing.siren, ringing.beeps, outdoors.thunder),
    (anything.burst, anything.burst, anything.sweep),
)
"""Short sounds that come again and again"""
STEADY: tuple[Steady, ...] = (
    outdoors.rain,
    outdoors.wind,
    outdoors.sea,
    outdoors.stream,
    outdoors.fire,
    motors.engine,
    motors.engine,
    motors.helicopter,
    motors.aircraft,
    motors.hand_tool,
    motors.hair_dryer,
    motors.washing_machine,
    anything.modulated_noise,
    anything.modulated_noise,
    anything.modulated_tones,
    anything.pulse_train,
)
"""Sounds that last"""
PLACES = (Spot.FLOOR, Spot.FLOOR, Spot.DOOR, Spot.SOFA, Spot.WORKTOP, Spot.TABLE, Spot.OUTSIDE, Spot.CEILING)


def other(dice: Dice, samples: int) -> list[Source]:
    """Events of one or two groups, or something that lasts, or both."""
    events, lasting = dice.one_of(((1, 0), (2, 0), (1, 0), (0, 1), (0, 1), (1, 1), (0, 2), (2, 1)))
    sources = [_events(dice, samples) for _ in range(events)]
    return sources + [_lasting(dice, samples) for _ in range(lasting)]


def _events(dice: Dice, samples: int) -> Source:
    """A few variants of a few kinds, so that hundreds of events cost no more than those."""
    group = dice.one_of(EVENTS)
    kinds = [dice.one_of(group) for _ in range(dice.whole(1, 3))]
    bank = [kind(dice) for kind in kinds for _ in range(3)]
    spell = float(np.mean([len(event) for event in bank])) / RATE
    # Events cover a part of the time, whatever their length, and no clip of 10 s is without one.
    every = min(max(spell, 0.4) / dice.between(0.15, 0.9), 5.0)
    sound = np.zeros(samples)
    at = dice.between(0.0, every)
    while at * RATE < samples:
        add(sound, dice.one_of(bank), int(at * RATE), dice.between(0.15, 1.0))
        at += every * dice.between(0.2, 1.8)
    moves = dice.one_of((0.0, 0.0, 0.5, 2.0))
    return Source(
        at_level(sound, dice.between(42.0, 78.0)), dice.one_of(PLACES), moves, dice.between(0.0, 0.3)
    )


def _lasting(dice: Dice, samples: int) -> Source:
    sound = dice.one_of(STEADY)(dice, samples)
    return Source(at_level(sound, dice.between(40.0, 76.0)), dice.one_of(PLACES), size=dice.between(0.0, 1.0))
