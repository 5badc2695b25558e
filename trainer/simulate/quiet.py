"""Absence, and the background of everything else: what a home sounds like when nobody does anything."""

from __future__ import annotations

import numpy as np

from trainer.simulate.animals import chirps
from trainer.simulate.dice import Dice
from trainer.simulate.household import creak
from trainer.simulate.ringing import clock_tick
from trainer.simulate.scene import RATE, Sound, Source, Spot, at_level
from trainer.simulate.signals import bandpass, hum, knock, modes, slow
from trainer.simulate.steady import rush, unsteady
from trainer.simulate.throats import phonate, vowel
from trainer.simulate.timeline import add, arch, moments, strew


def absence(dice: Dice, samples: int) -> list[Source]:
    """A home with nobody in it: its background, and now and then a creak or something far away."""
    sources = background(dice, samples)
    if dice.chance(0.6):
        sources.append(_now_and_then(dice, samples))
    return sources


def background(dice: Dice, samples: int) -> list[Source]:
    """What goes on in any home all the time: air, mains, fridge, clock, street; 20 to 45 dB SPL at 1 m.

    Args:
        dice: decide what there is; the kinds of sound are traits of the home.
        samples: length of every source.

    Returns:
        One to six sources; the first one is never silent.
    """
    sources = [_air(dice, samples)]
    for chance, make in ((0.4, _hum), (0.5, _fridge), (0.6, _street), (0.2, _clock), (0.35, _life_outside)):
        if dice.chance(chance):
            sources.append(make(dice, samples))
    return sources


def _level(dice: Dice, low: float = 20.0, high: float = 42.0) -> float:
    """A sound pressure level in dB; quiet more often than not."""
    share = dice.trait(0.0, 1.0)
    return low + (high - low) * share * share


def _air(dice: Dice, samples: int) -> Source:
    """Ventilation, heating or only the hush of a room."""
    air = rush(dice, samples, dice.trait(20.0, 150.0), dice.trait(150.0, 6000.0), dice.trait(0.0, 1.2))
    return Source(at_level(unsteady(dice, air), _level(dice)), Spot.CEILING, size=2.0)


def _hum(dice: Dice, samples: int) -> Source:
    """Transformers and chargers: multiples of the mains frequency, sometimes a whine."""
    mains = dice.trait_of((50.0, 50.0, 60.0, 100.0, 100.0, 120.0))
    sound = hum(dice, samples, mains * dice.between(0.999, 1.001), harmonics=dice.whole(3, 20))
    if dice.chance(0.2):
        sound += dice.between(0.02, 0.3) * np.sin(np.arange(samples) * dice.trait(0.4, 2.9))
    return Source(at_level(unsteady(dice, sound), _level(dice, 16.0, 38.0)), Spot.FLOOR)


def _fridge(dice: Dice, samples: int) -> Source:
    """Compressor hum and rattle with some flow noise, which may start or stop once."""
    motor = hum(dice, samples, dice.trait(45.0, 62.0), harmonics=dice.whole(4, 16), drift=0.004)
    flow = rush(dice, samples, dice.trait(80.0, 300.0), dice.trait(400.0, 4000.0), dice.trait(0.0, 1.0))
    sound = unsteady(dice, motor + dice.trait(0.1, 1.0) * flow)
    if dice.chance(0.25):
        switch = dice.whole(0, samples)
        running = np.clip((np.arange(samples) - switch) / (dice.between(0.2, 1.5) * RATE), 0.0, 1.0)
        sound *= running if dice.chance(0.5) else 1.0 - running
        add(sound, knock(dice, 0.08, 60.0, 300.0), switch, dice.between(0.5, 4.0))
    return Source(at_level(sound, _level(dice, 22.0, 44.0)), Spot.WORKTOP, size=0.5)


def _street(dice: Dice, samples: int) -> Source:
    """Traffic far away: a rumble, and cars that come and go."""
    rumble = rush(dice, samples, 25.0, dice.trait(100.0, 1000.0), dice.trait(0.2, 1.0))
    cars = 0.2 + np.zeros(samples)
    for start in moments(dice, samples, dice.trait(0.01, 0.2)):
        length = int(dice.between(4.0, 15.0) * RATE)
        add(cars, arch(length) ** 3, start - length // 2, dice.between(0.2, 1.5))
    return Source(at_level(rumble * cars, _level(dice, 22.0, 46.0)), Spot.OUTSIDE)


def _clock(dice: Dice, samples: int) -> Source:
    """A clock on the wall: tick and tock, one to five a second."""
    sound = np.zeros(samples)
    pair = [clock_tick(dice), clock_tick(dice)]
    beat = RATE / dice.trait_of((1.0, 1.0, 2.0, 4.0, 5.0, 2.5))
    for number, at in enumerate(np.arange(dice.between(0.0, beat), samples, beat)):
        add(sound, pair[number % 2], int(at), dice.between(0.8, 1.0))
    return Source(at_level(sound, _level(dice, 18.0, 40.0)), Spot.FLOOR)


def _life_outside(dice: Dice, samples: int) -> Source:
    """Birds, people in the street or next door, wind: of all only what comes through the window."""
    kinds = (_bird_song, _bird_song, _passers_by, _wind)
    sound = dice.one_of(kinds)(dice, samples)
    return Source(at_level(sound, _level(dice, 20.0, 44.0)), Spot.OUTSIDE)


def _bird_song(dice: Dice, samples: int) -> Sound:
    return strew(dice, samples, dice.trait(0.1, 1.2), [chirps(dice) for _ in range(4)])


def _passers_by(dice: Dice, samples: int) -> Sound:
    """Voices without words: what walls leave of them."""
    sound = np.zeros(samples)
    tract = dice.trait(0.85, 1.25)
    for start in moments(dice, samples, dice.trait(0.2, 1.0)):
        length = int(dice.between(0.4, 2.0) * RATE)
        pitch = 110.0 * tract**3 * 2.0 ** (0.3 * slow(dice, length, 0.25))
        syllables = np.maximum(0.0, slow(dice, length, 0.12) + 0.3)
        add(sound, phonate(dice, pitch, vowel(dice, tract), 1500.0, 0.1) * syllables * arch(length), start)
    return bandpass(sound, 100.0, dice.between(600.0, 1500.0))


def _wind(dice: Dice, samples: int) -> Sound:
    gusts = np.maximum(0.1, 0.5 + slow(dice, samples, dice.between(1.0, 6.0)))
    return rush(dice, samples, dice.trait(30.0, 150.0), dice.trait(200.0, 1200.0), 0.5) * gusts


def _now_and_then(dice: Dice, samples: int) -> Source:
    """The house itself: wood that creaks, pipes that knock, a door somewhere else."""
    bank = [
        creak(dice),
        knock(dice, 0.08, 60.0, 400.0),
        modes(dice, 0.1, 80.0, 900.0),
        0.5 * clock_tick(dice),
        knock(dice, 0.3, 40.0, 200.0),
    ]
    sound = strew(dice, samples, dice.trait(0.01, 0.15), bank)
    return Source(
        at_level(sound, dice.between(22.0, 46.0)), dice.one_of((Spot.CEILING, Spot.FLOOR)), size=1.0
    )
