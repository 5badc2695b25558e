"""What cooks by itself: frying, boiling, the kettle, the extractor hood, oven and microwave."""

from __future__ import annotations

import numpy as np

from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, Sound, at_level
from trainer.simulate.signals import hum
from trainer.simulate.struck import LID, METAL_ON_HARD, strikes, thing
from trainer.simulate.textures import (
    Stretches,
    beats,
    clicks,
    colour,
    coloured,
    crossfade,
    factor,
    gate,
    gestures,
    log_between,
    log_trait,
    place,
    poisson,
    resonance,
    rms_one,
    steps,
    stretches,
    wander,
)
from trainer.simulate.water import bubbles


def frying(dice: Dice, samples: int) -> Sound:
    """Sizzle: a hiss of steam and thousands of small bursts of water in fat; rms about 1.

    It flares up when something is put in or turned, and calms down over some tens of seconds.
    """
    heat = _flares(dice, samples) * wander(dice, samples, 0.4, dice.trait(0.5, 3.0))
    points = [(150, -26), (500, -16), (1500, -6), (3500, -1), (6000, 0), (8000, -2)]
    hiss = coloured(dice, samples, colour(dice, points, 6.0)) * heat
    low = log_trait(dice, 500.0, 3000.0)
    bank = clicks(dice, 24, (0.0002, log_trait(dice, 0.0006, 0.004)), low, 7500.0)
    spits = place(
        dice,
        samples,
        poisson(dice, samples, log_trait(dice, 30.0, 900.0), np.minimum(heat, 1.0)),
        bank,
        db=34.0,
    )
    return hiss + factor(dice.trait(-10.0, 14.0)) * rms_one(spits)


def _flares(dice: Dice, samples: int) -> Sound:
    """A level that jumps up now and then and falls back slowly, 0.1 to 1."""
    heat = np.full(samples, dice.trait(0.1, 0.6))
    fall = np.exp(-np.arange(samples) / RATE / log_between(dice, 4.0, 30.0))
    rise = np.minimum(1.0, np.arange(samples) / RATE / log_between(dice, 0.05, 1.0))
    for start in poisson(dice, samples, log_between(dice, 0.01, 0.1)).tolist():
        heat[start:] += dice.between(0.2, 0.8) * (rise * fall)[: samples - start]
    flares: Sound = np.minimum(heat, 1.2)
    return flares


def boiling(dice: Dice, samples: int) -> Sound:
    """From single plops to a rolling boil, with or without a lid that rattles; rms about 1."""
    vigour = log_trait(dice, 4.0, 250.0)  # bubbles per second
    seething = np.clip(wander(dice, samples, 0.25, 3.0) * wander(dice, samples, 5.0, 2.0), 0.0, 1.5)
    radii = (0.001, log_trait(dice, 0.003, 0.012))
    plops = bubbles(dice, samples, vigour, radii, np.minimum(seething, 1.0))
    points = [(40, -10), (120, 0), (350, -2), (900, -9), (2500, -18), (8000, -34)]
    rumble = coloured(dice, samples, colour(dice, points, 6.0)) * seething * wander(dice, samples, 0.05, 2.5)
    sound = rms_one(plops) + factor(dice.trait(-20.0, 6.0)) * rumble
    if dice.chance(0.35):
        bank = strikes(dice, thing(dice, LID), 8, METAL_ON_HARD, (0.01, 0.15))
        times = beats(dice, stretches(dice, samples, (1.0, 12.0), (0.5, 6.0)), (5.0, 16.0), 0.3)
        rattle = place(dice, samples, times, bank, db=18.0)
        sound += factor(dice.trait(-12.0, 8.0)) * rms_one(rattle)
    return sound


def kettle(dice: Dice, samples: int) -> Sound:
    """Water heated in a kettle: bubbles collapse, ever louder, then it rolls and is switched off; rms 1."""
    seconds = samples / RATE
    length = log_between(dice, min(20.0, seconds), 1.5 * seconds)
    start = dice.between(-0.3 * length, 0.3 * seconds)
    progress = (np.arange(samples) / RATE - start) / length  # 0: switched on, 1: switched off
    loud = 10.0 ** ((40.0 * np.clip(progress / 0.7, 0.0, 1.0) - 40.0) / 20.0)
    on = (progress > 0.0) & (progress < 1.0)
    rolls = np.clip((progress - 0.75) / 0.1, 0.0, 1.0)
    hiss = colour(dice, [(80, -16), (300, -4), (900, 0), (2500, -3), (6000, -14)], 6.0)
    roll = colour(dice, [(60, -6), (200, 0), (600, -1), (2000, -8), (8000, -22)], 6.0)
    hiss += resonance(log_trait(dice, 300.0, 2500.0), dice.trait(0.0, 9.0), 0.2)
    sound = crossfade(dice, hiss, roll, rolls) * loud * on * wander(dice, samples, 0.15, 1.0)
    return rms_one(sound)


def hood(dice: Dice, samples: int) -> Sound:
    """An extractor hood on one of its steps: a fan in a box; rms about 1."""
    points = [(40, -10), (120, 0), (300, -1), (800, -4), (2000, -11), (5000, -21), (8000, -30)]
    air = colour(dice, points, 7.0) + resonance(log_trait(dice, 150.0, 1500.0), dice.trait(0.0, 8.0), 0.2)
    sound = coloured(dice, samples, air) * wander(dice, samples, 0.5, dice.trait(0.2, 1.2))
    mains = 2.0 * dice.one_of((50.0, 60.0))
    sound += factor(dice.trait(-26.0, -6.0)) * hum(dice, samples, mains, dice.whole(2, 8))
    blades = log_trait(dice, 120.0, 700.0)
    sound += factor(dice.trait(-30.0, -8.0)) * hum(dice, samples, blades, 3, drift=0.003)
    return sound * steps(dice, samples, (15.0, 90.0), fade=dice.between(0.5, 2.0), db=dice.trait(0.0, 10.0))


def oven(dice: Dice, samples: int) -> Sound:
    """A microwave or a fan oven: hum of the mains, a small fan, beeps when done; rms about 1 when on."""
    times = stretches(dice, samples, (20.0, 90.0), (5.0, 30.0))
    fan = coloured(
        dice, samples, colour(dice, [(60, -6), (200, 0), (700, -4), (2000, -14), (8000, -32)], 7.0)
    )
    mains = dice.one_of((50.0, 60.0))
    buzz = hum(dice, samples, 2.0 * mains, dice.whole(3, 14)) * wander(dice, samples, 2.0, 0.5)
    sound = (fan + factor(dice.trait(-12.0, 12.0)) * buzz) * gate(dice, samples, times, fade=0.1)
    return sound + factor(dice.trait(-6.0, 12.0)) * beeps(dice, samples, times)


def beeps(dice: Dice, samples: int, times: Stretches) -> Sound:
    """Beeps of a small buzzer at the end of every stretch; peak about 1."""
    pitch = log_trait(dice, 900.0, 4200.0)
    length = log_trait(dice, 0.05, 0.8)
    time = np.arange(int(length * RATE)) / RATE
    tone = np.sin(2.0 * np.pi * pitch * time)
    if 3.0 * pitch < RATE / 2:
        tone += dice.trait(0.0, 0.5) * np.sin(6.0 * np.pi * pitch * time)
    tone *= np.minimum(1.0, np.minimum(time, time[-1] - time) / 0.004)
    apart = 2.0 * length * RATE * np.arange(dice.whole(1, 6))
    starts = np.concatenate([end + apart.astype(int) for _, end in times])
    return place(dice, samples, starts, [tone], db=0.0)


def simmering(dice: Dice, samples: int) -> Sound:
    """A thick sauce: single heavy plops, a spatter now and then; rms about 1 while it plops."""
    plops = bubbles(dice, samples, log_trait(dice, 1.0, 8.0), (0.004, log_trait(dice, 0.007, 0.018)))
    spatter = gestures(dice, samples, 0.3, (3, 20), (0.01, 0.08))
    sound = plops + 0.3 * place(
        dice, samples, spatter, clicks(dice, 8, (0.0003, 0.002), 1500.0, 7000.0), db=20.0
    )
    return at_level(sound, 94.0)
