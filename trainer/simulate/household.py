"""What people do about the house: doors, drawers, steps, cloth. Short events with a peak of 1."""

from __future__ import annotations

import numpy as np

from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, Sound
from trainer.simulate.signals import bandpass, click, knock, modes, peak_one, slow
from trainer.simulate.steady import rush
from trainer.simulate.timeline import add, arch, colour, in_turn


def footsteps(dice: Dice) -> Sound:
    """Four to twelve steps: heel and sole, on a floor that gives more or less, in shoes or socks."""
    pace, hard = dice.between(0.35, 0.75), dice.trait(0.0, 1.0)
    low, ring = dice.trait(40.0, 120.0), dice.trait(0.01, 0.06)
    sound = np.zeros(int(10.0 * RATE))
    steps = dice.whole(4, 12)
    for step in range(steps):
        at = int((step + dice.between(-0.04, 0.04)) * pace * RATE) + RATE // 20
        level = dice.between(0.5, 1.0)
        add(sound, modes(dice, ring, low, 5.0 * low), at, level)
        add(sound, click(dice, dice.between(0.001, 0.006)), at, 0.5 * level * hard)
        scuff = rush(dice, int(0.12 * RATE), 300.0, 1500.0 + 5000.0 * hard, 0.7)
        add(sound, scuff * arch(len(scuff)), at + int(0.05 * RATE), 0.06 * level)
    return peak_one(sound[: int((steps + 0.5) * pace * RATE)])


def door(dice: Dice) -> Sound:
    """Handle, hinge and door: opened, closed or slammed."""
    parts = [0.3 * latch(dice)]
    if dice.chance(0.4):
        parts.append(dice.between(0.05, 0.4) * creak(dice))
    slam = knock(dice, dice.between(0.05, 0.25), dice.trait(35.0, 90.0), dice.trait(200.0, 900.0))
    add(slam, latch(dice), int(0.02 * RATE), dice.between(0.1, 0.6))
    return peak_one(in_turn(dice, [*parts, slam], (-0.1, 0.8)))


def latch(dice: Dice) -> Sound:
    """A lock, switch or buckle: two or three metal or plastic clicks in a quarter of a second."""
    clicks = []
    for _ in range(dice.whole(2, 3)):
        part = modes(dice, dice.between(0.003, 0.03), dice.trait(400.0, 1800.0), dice.trait(2500.0, 7500.0))
        add(part, click(dice, 0.002), 0, dice.between(0.2, 1.0))
        clicks.append(dice.between(0.3, 1.0) * part)
    return peak_one(in_turn(dice, clicks, (-0.02, 0.15)))


def knocking(dice: Dice) -> Sound:
    """On a door, a wall, a nail: two to nine blows."""
    low, decay = dice.trait(60.0, 600.0), dice.trait(0.05, 0.15)
    blows = [dice.between(0.6, 1.0) * knock(dice, decay, low, 5.0 * low) for _ in range(dice.whole(2, 9))]
    gap = dice.between(0.05, 0.5)
    return peak_one(in_turn(dice, [blow[: RATE // 5] for blow in blows], (gap - 0.15, gap - 0.1)))


def drawer(dice: Dice) -> Sound:
    """A drawer, cupboard or sliding door: it rolls, its contents rattle, it hits the end."""
    samples = int(dice.between(0.3, 1.2) * RATE)
    roll = rush(dice, samples, dice.between(60.0, 200.0), dice.between(1500.0, 6000.0), 0.8)
    sound = np.append(0.3 * roll * arch(samples, 0.7), np.zeros(RATE // 2))
    for _ in range(dice.whole(0, 12)):
        rattle = modes(dice, dice.between(0.01, 0.06), 800.0, dice.between(2500.0, 7000.0))
        add(sound, rattle, dice.whole(samples // 2, samples + RATE // 10), dice.between(0.1, 0.6))
    add(sound, knock(dice, 0.06, 80.0, 600.0), samples, dice.between(1.0, 3.0))
    return peak_one(sound)


def keys(dice: Dice) -> Sound:
    """A bunch of keys or coins: many small high strokes close together."""
    sound = np.zeros(int(dice.between(0.4, 2.0) * RATE))
    bank = [modes(dice, dice.between(0.01, 0.08), 2200.0, 7800.0) for _ in range(8)]
    shaken = np.cumsum(dice.rng.exponential(RATE / dice.between(12.0, 45.0), size=80)).astype(int)
    for at in shaken[shaken < len(sound)]:
        add(sound, dice.one_of(bank), int(at), dice.between(0.1, 1.0))
    return peak_one(sound * arch(len(sound), 0.3))


def dropped(dice: Dice) -> Sound:
    """Something falls, bounces ever faster, and lies still: wood, metal, plastic, a ball."""
    low = dice.trait(60.0, 2500.0)
    blow = modes(dice, dice.between(0.01, 0.2), low, min(7800.0, low * dice.between(2.0, 6.0)))
    add(blow, click(dice, 0.004), 0, dice.between(0.1, 1.0))
    sound = np.zeros(4 * RATE)
    at, gap, level, bounce = 0.0, dice.between(0.08, 0.5), 1.0, dice.between(0.4, 0.85)
    while gap > 0.008 and at < 2.5:
        add(sound, blow, int(at * RATE), level)
        at, gap, level = at + gap, gap * bounce, level * bounce
    return peak_one(sound)


def cloth(dice: Dice) -> Sound:
    """Somebody moves, dresses, makes a bed."""
    samples = int(dice.between(0.2, 2.0) * RATE)
    rub = rush(
        dice, samples, dice.between(150.0, 1500.0), dice.between(3000.0, 7500.0), dice.between(0.2, 1.0)
    )
    swing = np.maximum(0.0, slow(dice, samples, dice.between(0.05, 0.4)) + 0.5)
    return peak_one(rub * swing * arch(samples, dice.between(0.2, 0.8)))


def paper(dice: Dice) -> Sound:
    """A sheet or bag turned, shuffled or crumpled: dense small cracks over a rush."""
    samples = int(dice.between(0.25, 1.8) * RATE)
    cracks = dice.rng.standard_normal(samples) * (dice.rng.random(samples) < dice.between(0.002, 0.05))
    hush = dice.between(0.0, 0.3) * dice.rng.standard_normal(samples)
    sound = bandpass(cracks + hush * cracks.std(), dice.between(300.0, 1500.0), dice.between(4500.0, 7600.0))
    swing = np.maximum(0.0, slow(dice, samples, dice.between(0.08, 0.4)) + 0.4)
    return peak_one(colour(dice, sound * swing * arch(samples, dice.between(0.2, 0.8)), 8.0))


def creak(dice: Dice) -> Sound:
    """Stick and slip: pulses of a wandering rate that make a seat, a floor or a hinge ring."""
    samples = int(dice.between(0.15, 1.2) * RATE)
    rate = dice.between(20.0, 250.0) * 2.0 ** (dice.between(0.2, 1.5) * slow(dice, samples, 0.2))
    slips = np.diff(np.floor(np.cumsum(rate) / RATE), prepend=0.0) * dice.between(0.3, 1.0)
    body = modes(dice, dice.between(0.004, 0.02), dice.between(150.0, 600.0), dice.between(900.0, 4000.0))
    return peak_one(np.convolve(slips * arch(samples, dice.between(0.2, 0.8)), body)[:samples])


def zipper(dice: Dice) -> Sound:
    """Teeth at a rate that rises and falls: 100 to 600 a second."""
    samples = int(dice.between(0.2, 0.9) * RATE)
    rate = dice.between(150.0, 500.0) * (0.6 + 0.8 * arch(samples, dice.between(0.3, 0.9)))
    teeth = np.diff(np.floor(np.cumsum(rate) / RATE), prepend=0.0) * dice.rng.uniform(0.3, 1.0, samples)
    tooth = modes(dice, 0.002, dice.trait(1500.0, 3000.0), 7600.0)
    return peak_one(np.convolve(teeth, tooth)[:samples])


def scrape(dice: Dice) -> Sound:
    """Furniture over the floor, a curtain on its rail, a broom, sandpaper: rough friction in strokes."""
    samples = int(dice.between(0.3, 1.5) * RATE)
    rough = np.maximum(0.0, slow(dice, samples, dice.between(0.004, 0.04)))
    low = dice.trait(80.0, 1500.0)
    rub = rush(dice, samples, low, min(7800.0, low * dice.between(3.0, 12.0)), dice.between(0.0, 1.0))
    stroke = colour(dice, rub * rough * arch(samples, dice.between(0.2, 0.8)), 16.0)
    return peak_one(in_turn(dice, [stroke] * dice.whole(1, 4), (0.05, 0.4)))


def flush(dice: Dice) -> Sound:
    """A toilet or a basin that empties: a gush that dies away, gurgles, a hiss that refills."""
    samples = int(dice.between(4.0, 9.0) * RATE)
    time = np.arange(samples) / RATE
    gush = rush(dice, samples, dice.trait(80.0, 300.0), dice.trait(1500.0, 5000.0), dice.trait(0.3, 1.0))
    fall = np.minimum(1.0, time / 0.5) * np.exp(-np.maximum(0.0, time - 1.5) / dice.between(0.5, 1.5))
    hiss = rush(dice, samples, dice.trait(800.0, 2500.0), 7800.0) * np.minimum(1.0, time / 2.0)
    gurgle = rush(dice, samples, 100.0, 700.0, 0.5) * np.maximum(0.0, slow(dice, samples, 0.06))
    end = np.clip((time[-1] - time) / 0.8, 0.0, 1.0)
    return peak_one(
        (gush * fall * (1.0 + 0.4 * slow(dice, samples, 0.05)) + 0.5 * gurgle * fall + 0.12 * hiss) * end
    )


def spray(dice: Dice) -> Sound:
    """A can, a steam iron, a blown nose, tape off its roll: bursts of hiss."""
    bursts = []
    for _ in range(dice.whole(1, 5)):
        samples = int(dice.between(0.1, 0.9) * RATE)
        hiss = rush(dice, samples, dice.between(300.0, 4000.0), 7800.0, dice.between(0.0, 0.5))
        bursts.append(hiss * np.minimum(1.0, 6.0 * arch(samples, dice.between(0.05, 0.5))))
    return peak_one(in_turn(dice, bursts, (0.05, 0.6)))


def shatter(dice: Dice) -> Sound:
    """Something breaks, or many small things are poured: a burst of strokes that thins out."""
    low, high = dice.trait(200.0, 3000.0), dice.trait(4000.0, 7800.0)
    bank = [modes(dice, dice.between(0.01, 0.1), low, high) for _ in range(6)]
    sound = np.zeros(2 * RATE)
    for at in dice.rng.exponential(dice.between(0.05, 0.4) * RATE, size=dice.whole(10, 50)):
        add(sound, dice.one_of(bank), int(at), dice.between(0.05, 0.6))
    return peak_one(sound)
