"""Water: jets from a tap, bubbles, pouring, draining, drops.

Bubbles ring at the pitch of Minnaert and are damped as van den Doel has it, "Physically based models for
liquid sounds", ACM TAP 2005: a radius of r metres rings at 3 / r hertz and dies at 0.13 / r + 0.0072 r**-1.5
per second, and rises in pitch when it comes close to the surface.
"""

from __future__ import annotations

import numpy as np
import scipy.signal

from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, Sound
from trainer.simulate.signals import peak_one
from trainer.simulate.textures import (
    Colour,
    Range,
    Stretches,
    colour,
    coloured,
    crossfade,
    curve,
    factor,
    gate,
    log_between,
    log_trait,
    place,
    poisson,
    resonance,
    rms_one,
    wander,
)

# What a jet sounds like on what it meets: (hertz, dB).
SURFACES = (
    # a steel basin: bright, with a drumming bottom
    [(60, -24), (200, -9), (500, -5), (1000, -3), (2500, 0), (5000, -1), (8000, -5)],
    # ceramic: no drum
    [(60, -32), (200, -18), (500, -9), (1500, -2), (4000, 0), (8000, -3)],
    # water in a full basin: a dull rumble of bubbles
    [(60, -22), (200, -7), (500, 0), (1000, -1), (2500, -7), (5000, -12), (8000, -17)],
    # hands, sponges, dishes
    [(60, -30), (200, -14), (500, -6), (1000, -1), (2500, 0), (5000, -4), (8000, -9)],
    # a spray head: hiss
    [(60, -36), (250, -22), (1000, -9), (3000, 0), (8000, 0)],
)


def jet(dice: Dice, samples: int) -> Sound:
    """A tap at full flow that meets one thing or another, as hands and dishes pass under it; rms about 1."""
    first, second = (_surface(dice) for _ in range(2))
    period = log_between(dice, 0.3, 2.5)
    share = np.clip(0.5 + dice.between(0.0, 1.2) * curve(dice, samples, period), 0.0, 1.0)
    grain = wander(dice, samples, 0.02, dice.trait(0.0, 2.5)) * wander(
        dice, samples, 0.6, dice.trait(0.3, 2.0)
    )
    return crossfade(dice, first, second, share) * grain


def filling(dice: Dice, samples: int) -> Sound:
    """A jet into a vessel that fills again and again: from its bottom to water; rms about 1."""
    seconds = log_between(dice, 6.0, 40.0)
    share = (dice.between(0.0, 1.0) + np.arange(samples) / RATE / seconds) % 1.0
    # The air that is left above the water gives a pitch which rises; over the session one bump has to do.
    second = colour(dice, SURFACES[2], 4.0) + resonance(log_trait(dice, 300.0, 1500.0), 8.0, 0.25)
    return crossfade(dice, _surface(dice), second, share) * wander(dice, samples, 0.3, dice.trait(0.5, 2.5))


def _surface(dice: Dice) -> Colour:
    spectrum = colour(dice, dice.one_of(SURFACES), 5.0)
    for _ in range(dice.whole(0, 3)):  # basin, pipe and aerator
        spectrum += resonance(log_trait(dice, 150.0, 4000.0), dice.trait(2.0, 9.0), dice.trait(0.05, 0.4))
    return spectrum


def tap(dice: Dice, samples: int, times: Stretches) -> Sound:
    """Running water in stretches, from trickle to full jet, with its bubbles; rms about 1 while it runs."""
    flow = gate(dice, samples, times, fade=log_between(dice, 0.05, 0.8), db=dice.trait(0.0, 18.0))
    water = (filling if dice.chance(0.3) else jet)(dice, samples)
    splashes = bubbles(dice, samples, log_trait(dice, 5.0, 80.0), (0.0008, log_trait(dice, 0.0015, 0.006)))
    loud = factor(dice.trait(-22.0, -2.0))
    return flow * (water + loud * rms_one(splashes))


def bubble(dice: Dice, radius: float) -> Sound:
    """One bubble; peak about 1.

    Args:
        dice: source of random numbers.
        radius: metres, 0.0004 to 0.02.
    """
    damping = 0.13 / radius + 0.0072 * radius**-1.5
    time = np.arange(int(5.0 / damping * RATE)) / RATE
    rise = dice.between(0.0, 0.4) * damping  # deep ones keep their pitch
    phase = 2.0 * np.pi * 3.0 / radius * time * (1.0 + 0.5 * rise * time)
    attack = np.minimum(1.0, time * 3.0 / radius)  # one period
    bubbling: Sound = np.sin(phase) * np.exp(-damping * time) * attack
    return bubbling


def bubbles(dice: Dice, samples: int, rate: float, radii: Range, density: Sound | None = None) -> Sound:
    """Many bubbles, the larger ones louder.

    Args:
        dice: source of random numbers.
        samples: length of the result.
        rate: bubbles per second.
        radii: metres, smallest and largest.
        density: see `textures.poisson`.
    """
    sizes = [log_between(dice, *radii) for _ in range(24)]
    bank = [bubble(dice, radius) * radius / radii[1] for radius in sizes]
    return place(dice, samples, poisson(dice, samples, rate, density), bank, db=20.0)


def drips(dice: Dice, samples: int) -> Sound:
    """Drops into water, one after the other: a tick and the bubble that it takes along."""
    radius = log_trait(dice, 0.001, 0.004)
    bank = []
    for _ in range(8):
        plop = bubble(dice, radius * dice.between(0.8, 1.3))
        drop = np.concatenate([0.2 * dice.rng.standard_normal(24), np.zeros(dice.whole(50, 400)), plop])
        bank.append(drop)
    return place(dice, samples, poisson(dice, samples, log_between(dice, 0.3, 5.0)), bank)


def pour(dice: Dice) -> Sound:
    """A drink poured into a vessel for some seconds: a resonance that rises with the water; peak 1.

    The column of air above it is a quarter of a wave long.
    """
    samples = int(log_between(dice, 1.0, 5.0) * RATE)
    height = log_trait(dice, 0.06, 0.25)  # metres
    full = np.linspace(dice.between(0.0, 0.2), dice.between(0.5, 0.9), samples)
    column = height * (1.0 - full) * wander(dice, samples, 0.1, 0.4)
    tone = dice.trait(0.1, 1.2) * sliding(dice, 343.0 / 4.0 / column, width=log_trait(dice, 40.0, 500.0))
    splash = coloured(dice, samples, _surface(dice)) * wander(dice, samples, 0.05, 3.0)
    gurgle = bubbles(dice, samples, log_between(dice, 10.0, 80.0), (0.001, log_trait(dice, 0.002, 0.008)))
    sound = tone + dice.between(0.2, 1.5) * splash + dice.between(0.2, 1.5) * rms_one(gurgle)
    return peak_one(sound * scipy.signal.windows.tukey(samples, 0.2) * wander(dice, samples, 0.4, 2.0))


def sliding(dice: Dice, pitch: Sound, width: float) -> Sound:
    """A narrow band of noise whose pitch moves; rms 1.

    Args:
        dice: source of random numbers.
        pitch: hertz `[samples]`; above 7.5 kHz it stays there.
        width: half of the band, hertz.
    """
    pole = float(np.exp(-2.0 * np.pi * width / RATE))
    slow = scipy.signal.lfilter([1.0], [1.0, -pole], dice.rng.standard_normal((2, len(pitch))))
    phase = 2.0 * np.pi * np.cumsum(np.minimum(pitch, 7500.0)) / RATE
    sound: Sound = slow[0] * np.cos(phase) + slow[1] * np.sin(phase)
    return rms_one(sound)


def gurgle(dice: Dice) -> Sound:
    """A basin that drains: large bubbles in gulps, with a rush of air and water; peak 1."""
    samples = int(log_between(dice, 1.5, 6.0) * RATE)
    gulps = np.clip(0.4 + 0.6 * curve(dice, samples, log_between(dice, 0.08, 0.3)), 0.0, 1.0)
    large = bubbles(
        dice, samples, log_between(dice, 20.0, 60.0), (0.003, log_trait(dice, 0.007, 0.018)), gulps
    )
    rush = coloured(dice, samples, colour(dice, SURFACES[2], 6.0)) * gulps
    sound = rms_one(large) + dice.between(0.1, 1.0) * rush
    return peak_one(sound * scipy.signal.windows.tukey(samples, 0.4))
