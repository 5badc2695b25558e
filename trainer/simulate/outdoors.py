"""Weather, water and fire, as long as asked for."""

from __future__ import annotations

import numpy as np

from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, Sound
from trainer.simulate.signals import bandpass, click, modes, peak_one, slow
from trainer.simulate.steady import rush, unsteady
from trainer.simulate.timeline import add, arch, moments, strew


def rain(dice: Dice, samples: int) -> Sound:
    """From single drops on a sill to a downpour."""
    hush = rush(dice, samples, dice.trait(80.0, 1500.0), dice.trait(1500.0, 8000.0), dice.trait(0.0, 0.6))
    drop = [_drop(dice) for _ in range(12)]
    dense = dice.trait(0.0, 1.0)
    drops = strew(dice, samples, 4.0 + 60.0 * dense, drop)
    return unsteady(dice, 0.3 * dense * hush + dice.between(0.3, 1.5) * drops)


def _drop(dice: Dice) -> Sound:
    """A drop that strikes a surface or a puddle."""
    low = dice.trait(200.0, 2500.0)
    sound = modes(dice, dice.between(0.002, 0.03), low, min(7800.0, 4.0 * low))
    add(sound, click(dice, dice.between(0.0005, 0.004)), 0, dice.between(0.2, 1.0))
    return peak_one(sound)


def wind(dice: Dice, samples: int) -> Sound:
    """Gusts, and what whistles and rustles in them."""
    gusts = np.maximum(0.05, 0.45 + slow(dice, samples, dice.between(0.8, 6.0)))
    low = rush(dice, samples, 30.0, dice.trait(80.0, 800.0), dice.trait(0.0, 0.8))
    leaves = rush(dice, samples, dice.trait(500.0, 2500.0), 7000.0)
    sound: Sound = low * gusts + dice.trait(0.0, 0.6) * leaves * gusts**2
    if dice.chance(0.3):
        pitch = dice.trait(300.0, 1200.0)
        sound += dice.between(0.5, 2.0) * bandpass(low * gusts**2, 0.93 * pitch, 1.07 * pitch)
    return sound


def sea(dice: Dice, samples: int) -> Sound:
    """Waves that break every 4 to 12 s and run back as foam."""
    foam = rush(dice, samples, dice.trait(100.0, 500.0), dice.trait(1500.0, 7000.0), dice.trait(0.0, 0.6))
    roar = rush(dice, samples, 40.0, dice.trait(150.0, 700.0))
    waves = np.full(samples, dice.between(0.05, 0.5))
    every = dice.trait(4.0, 12.0)
    for start in np.arange(-every, samples / RATE, every):
        length = int(every * dice.between(0.8, 1.6) * RATE)
        shape = arch(length, dice.between(0.15, 0.5)) ** 2
        add(waves, shape, int((start + dice.between(0.0, 0.4 * every)) * RATE), dice.between(0.4, 1.0))
    broken: Sound = foam * waves + dice.between(0.2, 1.0) * roar * np.sqrt(waves)
    return broken


def stream(dice: Dice, samples: int) -> Sound:
    """A brook, a fountain, a heating pipe: bubbles, each a tone that rises while it dies away."""
    bubbles = []
    for _ in range(24):
        time = np.arange(int(dice.between(0.01, 0.06) * RATE)) / RATE
        pitch = dice.trait(300.0, 900.0) * dice.between(0.7, 2.5)
        bubbles.append(np.sin(2.0 * np.pi * pitch * (1.0 + 3.0 * time) * time) * np.exp(-time * 120.0))
    hush = rush(dice, samples, dice.trait(150.0, 800.0), dice.trait(1500.0, 7000.0))
    return strew(dice, samples, dice.trait(10.0, 70.0), bubbles) + dice.between(0.02, 0.3) * hush


def fire(dice: Dice, samples: int) -> Sound:
    """Crackles of very different strength over a soft rumble."""
    crack = [
        bandpass(
            click(dice, dice.between(0.0004, 0.008)), dice.between(60.0, 1500.0), dice.between(2500.0, 7700.0)
        )
        for _ in range(12)
    ]
    sound = dice.between(0.005, 0.2) * rush(dice, samples, 40.0, dice.trait(150.0, 900.0), 0.3)
    for start in moments(dice, samples, dice.trait(2.0, 30.0)):
        add(sound, dice.one_of(crack), start, min(4.0, 0.1 * dice.rng.pareto(1.2)))
    return sound


def thunder(dice: Dice) -> Sound:
    """A crack or not, and a roll that dies away; an event with a peak of 1."""
    samples = int(dice.between(3.0, 8.0) * RATE)
    time = np.arange(samples) / RATE
    roll = rush(dice, samples, 25.0, dice.trait(80.0, 400.0), 0.4) * np.maximum(
        0.1, 0.5 + slow(dice, samples, 0.3)
    )
    sound = roll * np.exp(-time / dice.between(1.0, 3.0)) * np.minimum(1.0, time / dice.between(0.02, 0.8))
    crack = rush(dice, RATE, 100.0, 4000.0, 0.3) * np.exp(-np.arange(RATE) / RATE / 0.15)
    add(sound, crack, RATE // 50, dice.between(0.0, 1.0))
    return peak_one(sound)
