"""Vacuum cleaning: rush of air, motor and blades, strokes of the nozzle, knocks against furniture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.signal

from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, Sound, Source, Spot, at_level
from trainer.simulate.signals import rms
from trainer.simulate.struck import PLASTIC, WOOD, strikes, thing
from trainer.simulate.textures import (
    Colour,
    Range,
    clicks,
    colour,
    coloured,
    crossfade,
    curve,
    factor,
    gate,
    gestures,
    log_between,
    log_trait,
    place,
    resonance,
    rms_one,
    steps,
    stretches,
    wander,
)

# Rush of air: (hertz, dB).
FULL = [(50, -16), (150, -5), (400, 0), (1000, -1), (2000, -4), (4000, -9), (8000, -17)]
BRIGHT = [(60, -28), (200, -13), (500, -5), (1200, 0), (2500, 0), (5000, -3), (8000, -9)]
DARK = [(50, -8), (120, -1), (300, 0), (800, -5), (2000, -11), (4000, -18), (8000, -28)]


@dataclass(frozen=True)
class Cleaner:
    """What the cleaners of a kind have in common."""

    level: Range
    """dB SPL at 1 m"""
    shaft: Range
    """Turns of the motor per second"""
    brush: Range
    """Turns of a driven brush per second; 0: none"""
    air: list[tuple[int, int]]
    """Colour of the rush"""
    pushed: bool
    """By a person, hence in strokes"""


CLEANERS = (
    Cleaner((66.0, 80.0), (280.0, 650.0), (0.0, 0.0), FULL, pushed=True),  # canister
    Cleaner((64.0, 78.0), (280.0, 650.0), (0.0, 0.0), BRIGHT, pushed=True),  # canister on a hard floor
    Cleaner((68.0, 82.0), (200.0, 550.0), (40.0, 110.0), FULL, pushed=True),  # upright
    Cleaner((62.0, 77.0), (900.0, 2100.0), (30.0, 90.0), BRIGHT, pushed=True),  # cordless stick
    Cleaner((62.0, 76.0), (300.0, 900.0), (0.0, 0.0), BRIGHT, pushed=True),  # hand-held
    Cleaner((52.0, 68.0), (110.0, 380.0), (12.0, 40.0), BRIGHT, pushed=False),  # robot
    Cleaner((70.0, 82.0), (230.0, 480.0), (0.0, 0.0), DARK, pushed=True),  # workshop
    Cleaner((55.0, 70.0), (150.0, 400.0), (0.0, 0.0), FULL, pushed=True),  # central: the hose only
)


def vacuum_cleaner(dice: Dice, samples: int) -> list[Source]:
    """Somebody, or a robot, cleans the floor."""
    kind = dice.one_of(CLEANERS)
    strokes = _strokes(dice, samples, kind)
    speed = _speed(dice, samples)
    load = (
        1.0 + dice.trait(-0.06, 0.06) * (strokes - 0.5) + dice.trait(0.0, 0.004) * curve(dice, samples, 0.1)
    )
    pitch = log_trait(dice, *kind.shaft) * speed * load
    air = _air(dice, kind, strokes) * speed**2.5
    motor = factor(dice.trait(-24.0, -2.0)) * _motor(dice, pitch) * speed**2
    machine = air + motor
    if kind.brush[1] > 0.0:
        machine = _brushed(dice, machine, log_trait(dice, *kind.brush) * speed)
    level = dice.trait(*kind.level)
    sound = at_level(machine, level)
    if dice.chance(0.7):
        sound = sound + at_level(_knocks(dice, samples), level + dice.between(-14.0, 4.0))
    if dice.chance(0.5):
        sound = sound + at_level(_rattle(dice, strokes), level + dice.trait(-22.0, -6.0))
    return [Source(sound, Spot.FLOOR, moves=dice.between(0.5, 3.0), size=dice.trait(0.1, 0.6))]


def _strokes(dice: Dice, samples: int, kind: Cleaner) -> Sound:
    """Where in its stroke the nozzle is, 0 (sealed on the floor) to 1 (lifted or pulled back)."""
    if not kind.pushed:  # a robot meets carpets and walls
        return np.clip(0.5 + 0.5 * curve(dice, samples, log_trait(dice, 2.0, 10.0)), 0.0, 1.0)
    pace = wander(dice, samples, 2.0, 3.0) / log_trait(dice, 0.8, 3.5)
    there = 0.5 + 0.5 * np.sin(2.0 * np.pi * np.cumsum(pace) / RATE)
    lifted = gate(dice, samples, stretches(dice, samples, (0.4, 2.5), (3.0, 25.0)), fade=0.2)
    return np.maximum(dice.trait(0.1, 0.9) * there, lifted)


def _speed(dice: Dice, samples: int) -> Sound:
    """Speed of the motor, 0 to 1: mostly on, now and then switched off and on again or set to less power."""
    power = steps(dice, samples, (8.0, 60.0), fade=0.1, db=dice.trait(0.0, 2.5))
    if dice.chance(0.35):
        power *= gate(dice, samples, stretches(dice, samples, (8.0, 60.0), (1.5, 5.0)), 0.05)
    pole = float(np.exp(-1.0 / (RATE * log_trait(dice, 0.15, 0.9))))
    start = scipy.signal.lfilter_zi([1.0 - pole], [1.0, -pole]) * power[0]
    speed: Sound = scipy.signal.lfilter([1.0 - pole], [1.0, -pole], power, zi=start)[0]
    return np.maximum(speed, 0.0)


def _air(dice: Dice, kind: Cleaner, strokes: Sound) -> Sound:
    """Rush of air; rms about 1."""
    sealed = colour(dice, kind.air, 6.0) + _tubes(dice)
    lifted = sealed + colour(dice, [(60, 0), (200, 0), (700, 0), (2000, 1), (6000, 2)], 8.0)
    louder = 10.0 ** (dice.trait(-6.0, 6.0) * strokes / 20.0)
    unsteady = wander(dice, len(strokes), 0.3, dice.trait(0.1, 1.0)) * wander(dice, len(strokes), 3.0, 0.7)
    return crossfade(dice, sealed, lifted, strokes) * louder * unsteady


def _tubes(dice: Dice) -> Colour:
    """Resonances of hose, tube and nozzle."""
    first = 343.0 / 2.0 / dice.trait(0.4, 2.0)  # half a wave on 0.4 to 2 m
    ladder = sum(resonance(first * k, dice.trait(0.0, 7.0), 0.12 / k**0.5) for k in (1, 2, 3, 4, 5))
    return ladder + resonance(log_trait(dice, 700.0, 5000.0), dice.trait(0.0, 10.0), dice.trait(0.05, 0.3))


def _motor(dice: Dice, pitch: Sound) -> Sound:
    """Whine of shaft, commutator and blades with the ripple of the mains; rms 1.

    Args:
        dice: source of random numbers.
        pitch: turns per second `[samples]`.
    """
    phase = 2.0 * np.pi * np.cumsum(pitch) / RATE
    highest = float(pitch.max())
    blades = dice.whole(5, 13)
    sound = np.zeros(len(pitch))
    for multiple in (1, 2, 3, 4, 6, blades, 2 * blades):
        if multiple * highest < RATE / 2:
            level = factor(dice.trait(-26.0, 0.0))
            sound += level * np.sin(multiple * phase + dice.between(0.0, 6.28))
    mains = 2.0 * dice.one_of((50.0, 60.0))
    sound *= 1.0 + dice.trait(0.0, 0.5) * np.sin(2.0 * np.pi * mains * np.arange(len(pitch)) / RATE)
    return rms_one(sound)


def _brushed(dice: Dice, machine: Sound, turns: Sound) -> Sound:
    """With a driven brush that beats the floor: the noise comes in its rhythm, and its hum comes along."""
    phase = 2.0 * np.pi * np.cumsum(turns) / RATE
    beat = np.sin(phase) + dice.trait(0.0, 0.8) * np.sin(2.0 * phase + 1.0) + 0.3 * np.sin(4.0 * phase)
    hum = factor(dice.trait(-26.0, -6.0)) * rms(machine)
    return machine * (1.0 + dice.trait(0.05, 0.35) * beat) + hum * beat * (turns > 1.0)


def _knocks(dice: Dice, samples: int) -> Sound:
    """The nozzle hits chair legs and skirting."""
    bank = [
        blow
        for kind in (WOOD, PLASTIC)
        for blow in strikes(dice, thing(dice, kind), 4, (0.0005, 0.004), (0.01, 0.1))
    ]
    return place(
        dice, samples, gestures(dice, samples, log_between(dice, 0.05, 0.5), (1, 3), (0.1, 0.5)), bank
    )


def _rattle(dice: Dice, strokes: Sound) -> Sound:
    """Wheels and hose that rumble with the strokes, and crumbs that fly up the tube."""
    samples = len(strokes)
    moving = np.abs(np.gradient(strokes[::160]))
    speed = np.interp(
        np.arange(samples), np.arange(0, samples, 160), moving / max(float(moving.max()), 1e-12)
    )
    wheels = coloured(
        dice, samples, colour(dice, [(60, -6), (150, 0), (500, -4), (2000, -18), (8000, -36)], 6.0)
    )
    wheels *= speed * wander(dice, samples, 0.03, 3.0)
    crumbs = gestures(dice, samples, log_between(dice, 0.02, 0.4), (3, 60), (0.005, 0.06))
    return wheels + place(
        dice, samples, crumbs, clicks(dice, 12, (0.0005, 0.004), 800.0, 6000.0), db=20.0
    ) * dice.between(0.0, 3.0)
