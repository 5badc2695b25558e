"""Animals in the house and before the window. Short events with a peak of 1."""

from __future__ import annotations

import numpy as np

from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, Sound
from trainer.simulate.signals import peak_one, slow
from trainer.simulate.throats import phonate
from trainer.simulate.timeline import add, arch, in_turn


def barks(dice: Dice) -> Sound:
    """A dog, small or large: one to six barks that rise for a moment and fall, rough and noisy."""
    size = dice.trait(0.0, 1.0)  # 0: a large dog
    pitch, tract = 180.0 + 700.0 * size**1.5, 0.8 + 0.9 * size
    formants = (tract * 650.0, tract * 1300.0, tract * 2500.0)
    calls = []
    for _ in range(dice.whole(1, 6)):
        samples = int(dice.between(0.09, 0.3) * RATE)
        curve = pitch * dice.between(0.9, 1.1) * (0.6 + 0.6 * arch(samples, 0.3))
        call = phonate(dice, curve, formants, dice.between(1500.0, 4000.0), dice.between(0.2, 1.2))
        calls.append(call * arch(samples, 0.2) * dice.between(0.6, 1.0))
    return peak_one(in_turn(dice, calls, (0.05, dice.between(0.1, 0.8))))


def howl(dice: Dice) -> Sound:
    """A dog that whines, a cow, a wolf, a goat: one long call of an arched pitch."""
    samples = int(dice.between(0.5, 2.5) * RATE)
    pitch, tract = dice.trait(120.0, 900.0), dice.trait(0.7, 1.8)
    curve = pitch * (0.7 + 0.4 * arch(samples, dice.between(0.2, 0.8)) + 0.08 * slow(dice, samples, 0.1))
    formants = (tract * 500.0, tract * 1100.0, tract * 2400.0)
    call = phonate(dice, curve, formants, dice.between(1000.0, 4000.0), dice.between(0.05, 0.5))
    if dice.chance(0.3):
        call *= 1.0 + 0.8 * np.sin(2.0 * np.pi * dice.between(7.0, 14.0) * np.arange(samples) / RATE)
    return peak_one(call * arch(samples, dice.between(0.2, 0.6)))


def meow(dice: Dice) -> Sound:
    """A cat: the mouth opens and closes, pitch and colour with it."""
    samples = int(dice.between(0.35, 1.4) * RATE)
    tract, mouth = dice.trait(1.3, 1.9), arch(samples, dice.between(0.3, 0.7))
    curve = dice.trait(380.0, 850.0) * (0.75 + 0.35 * mouth)
    closed = phonate(dice, curve, (tract * 300.0, tract * 2100.0, tract * 2900.0), 2500.0, 0.05)
    opened = phonate(dice, curve, (tract * 800.0, tract * 1400.0, tract * 2600.0), 4500.0, 0.1)
    return peak_one((mouth * opened + (1.0 - mouth) * closed) * arch(samples, 0.3) ** 0.5)


def rooster(dice: Dice) -> Sound:
    """Four calls of rising pitch, the last one long and falling."""
    pitch, tract = dice.trait(350.0, 700.0), dice.trait(1.2, 1.8)
    calls = []
    for height, seconds in ((1.0, 0.15), (1.3, 0.2), (1.5, 0.3), (1.7, dice.between(0.6, 1.3))):
        samples = int(seconds * dice.between(0.8, 1.2) * RATE)
        curve = pitch * height * (0.75 + 0.3 * arch(samples, 0.25))
        call = phonate(dice, curve, (tract * 900.0, tract * 1700.0, tract * 2900.0), 5000.0, 0.15)
        calls.append(call * np.minimum(1.0, 3.0 * arch(samples, 0.3)))
    return peak_one(in_turn(dice, calls, (-0.02, 0.1)))


def hens(dice: Dice) -> Sound:
    """Clucks, quacks or caws: short nasal calls in a row."""
    pitch, tract, rough = dice.trait(250.0, 800.0), dice.trait(1.0, 2.0), dice.between(0.0, 0.9)
    calls = []
    for _ in range(dice.whole(2, 9)):
        samples = int(dice.between(0.06, 0.35) * RATE)
        curve = pitch * dice.between(0.85, 1.2) * np.linspace(1.1, 0.85, samples)
        call = phonate(dice, curve, (tract * 700.0, tract * 1500.0, tract * 3000.0), 4000.0, 0.3)
        calls.append(call * (1.0 + rough * slow(dice, samples, 0.008)) * arch(samples, 0.3))
    return peak_one(in_turn(dice, calls, (0.03, 0.35)))


def chirps(dice: Dice) -> Sound:
    """A bird's phrase: a few quick sweeps between 1.8 and 7.5 kHz."""
    centre, span = dice.trait(2200.0, 6500.0), dice.trait(0.02, 0.3)
    length, gap = dice.between(0.03, 0.25), dice.between(0.01, 0.2)
    sound = np.zeros(int(4.5 * RATE))
    for number in range(dice.whole(1, 9)):
        samples = int(length * dice.between(0.8, 1.2) * RATE)
        sweep = centre * (1.0 + span * slow(dice, samples, length * dice.between(0.2, 1.0)))
        note = np.sin(2.0 * np.pi * np.cumsum(np.clip(sweep, 1800.0, 7500.0)) / RATE) * arch(samples)
        add(sound, note, int(number * (length + gap) * RATE), dice.between(0.4, 1.0))
    return peak_one(sound)


def insects(dice: Dice) -> Sound:
    """Crickets: a high tone in trains of pulses; or a fly, whose wings hum past."""
    samples = int(dice.between(1.0, 5.0) * RATE)
    time = np.arange(samples) / RATE
    if dice.chance(0.6):
        pulses = np.maximum(0.0, np.sin(2.0 * np.pi * dice.trait(15.0, 60.0) * time))
        trains = np.sin(2.0 * np.pi * dice.trait(0.7, 3.0) * time) > dice.between(-0.5, 0.5)
        return peak_one(np.sin(2.0 * np.pi * dice.trait(2800.0, 5500.0) * time) * pulses * trains)
    wings = dice.trait(150.0, 450.0) * (1.0 + 0.1 * slow(dice, samples, 0.3))
    return phonate(dice, wings, (900.0, 2200.0, 4000.0), 3500.0, 0.05) * arch(samples, dice.between(0.2, 0.8))


def purr(dice: Dice) -> Sound:
    """A cat at ease, or a guinea pig: 22 to 30 pulses a second, in and out."""
    samples = int(dice.between(2.0, 6.0) * RATE)
    rate = dice.trait(22.0, 32.0) * (1.0 + 0.05 * slow(dice, samples, 0.8))
    breath = 0.6 + 0.4 * np.sin(2.0 * np.pi * dice.between(0.4, 0.8) * np.arange(samples) / RATE)
    return peak_one(phonate(dice, rate, (180.0, 450.0, 1200.0), 600.0, 0.4) * breath * arch(samples) ** 0.3)
