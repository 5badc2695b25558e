"""Mouths at work: chewing, sipping, gulping, breathing out. No words."""

from __future__ import annotations

import numpy as np
import scipy.signal

from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, Sound
from trainer.simulate.signals import peak_one
from trainer.simulate.textures import (
    Stretches,
    beats,
    clicks,
    colour,
    coloured,
    curve,
    factor,
    log_between,
    log_trait,
    place,
    poisson,
    resonance,
    rub,
    wander,
)
from trainer.simulate.water import bubble, sliding

CHEWS_PER_SECOND = (0.9, 2.2)


def chewing(dice: Dice, samples: int, bites: Stretches) -> Sound:
    """Bites of something between crisps and bread: crunches at a jaw's pace, ever softer and wetter."""
    crisp = dice.trait(0.0, 1.0)
    shells = clicks(
        dice, 16, (0.0004, 0.004), log_trait(dice, 300.0, 1500.0), log_trait(dice, 3000.0, 7500.0)
    )
    mash = colour(dice, [(100, -12), (400, -2), (1000, 0), (2500, -6), (7000, -20)], 7.0)
    bank = [_crunch(dice, crisp, shells) for _ in range(10)]
    wet = [rub(dice, dice.between(0.06, 0.25), mash) for _ in range(8)]
    wet += [_smack(dice) for _ in range(4)]
    times = beats(dice, bites, CHEWS_PER_SECOND, 0.12)
    fresh = np.zeros(samples)
    for start, end in bites:
        fresh[start:end] = np.exp(-np.arange(end - start) / RATE / log_between(dice, 2.0, 10.0))
    crunches = place(dice, samples, times[dice.rng.random(len(times)) < fresh[times] + 0.15], bank)
    softly = factor(dice.trait(-24.0, -6.0)) * place(dice, samples, times, wet)
    return crisp * crunches * np.maximum(fresh, 0.2) + softly


def _crunch(dice: Dice, crisp: float, shells: list[Sound]) -> Sound:
    """One closing of the jaw on something that breaks in many small cracks; peak 1."""
    samples = int(dice.between(0.06, 0.28) * RATE)
    breaking = np.sin(np.pi * np.linspace(0.0, 1.0, samples)) ** 2
    rate = 60.0 + 1200.0 * crisp * dice.between(0.3, 1.0)
    return peak_one(place(dice, samples, poisson(dice, samples, rate, breaking), shells, db=24.0))


def _smack(dice: Dice) -> Sound:
    """Lips and tongue come apart: a click with the resonance of the mouth; peak 1."""
    if dice.chance(0.5):
        return clicks(dice, 1, (0.002, 0.008), 500.0, 2500.0)[0]
    return bubble(dice, log_between(dice, 0.0015, 0.004))


def sip(dice: Dice) -> Sound:
    """Air and liquid drawn in over lips: a rush that rises, rough with bubbles; peak 1."""
    samples = int(log_between(dice, 0.15, 1.2) * RATE)
    rush = colour(dice, [(200, -20), (800, -7), (2000, 0), (5000, -4), (8000, -12)], 7.0)
    rise = np.linspace(log_between(dice, 500.0, 1500.0), log_between(dice, 1200.0, 4000.0), samples)
    rough = wander(dice, samples, log_between(dice, 0.008, 0.04), dice.between(2.0, 7.0))
    sound = coloured(dice, samples, rush) + dice.between(0.0, 1.5) * sliding(
        dice, rise, dice.between(80.0, 400.0)
    )
    shape = np.linspace(0.0, 1.0, samples) ** dice.between(0.3, 1.5) * scipy.signal.windows.tukey(
        samples, 0.3
    )
    return peak_one(sound * rough * shape)


def gulp(dice: Dice) -> Sound:
    """A swallow: a dull thump of the throat and the click of the valve, sometimes two; peak 1."""
    samples = int(dice.between(0.2, 0.4) * RATE)
    sound = np.zeros(samples)
    for _ in range(dice.whole(1, 2)):
        at = dice.whole(0, samples // 2)
        low = log_between(dice, 80.0, 400.0)
        glide = np.linspace(low, low * dice.between(0.7, 2.0), int(dice.between(0.05, 0.16) * RATE))
        thump = peak_one(sliding(dice, glide, log_between(dice, 20.0, 150.0)) * np.hanning(len(glide)))
        snap = dice.between(0.05, 0.5) * clicks(dice, 1, (0.002, 0.012), 300.0, 2000.0)[0]
        for part in (thump, snap):
            piece = sound[at : at + len(part)]
            piece += part[: len(piece)]
    return peak_one(sound)


def breath(dice: Dice) -> Sound:
    """Breathing out after a drink: noise through an open mouth; peak 1."""
    samples = int(log_between(dice, 0.3, 1.2) * RATE)
    mouth = colour(dice, [(150, -18), (500, -6), (1200, 0), (3000, -6), (8000, -14)], 5.0)
    mouth += resonance(log_between(dice, 600.0, 1400.0), 6.0, 0.2)
    fall = np.linspace(1.0, 0.0, samples) ** dice.between(0.5, 2.0) * np.minimum(
        1.0, np.arange(samples) / 800.0
    )
    return peak_one(coloured(dice, samples, mouth) * fall * (1.0 + 0.1 * curve(dice, samples, 0.05)))


def drinking(dice: Dice) -> Sound:
    """One go at a cup or glass: sips or gulps, a swallow, sometimes a breath; some seconds long, peak 1."""
    slurped = dice.chance(0.5)
    events = [sip(dice)] if slurped else []
    events += [gulp(dice) for _ in range(dice.whole(1, 2) if slurped else dice.whole(1, 8))]
    if dice.chance(0.5):
        events.append(dice.between(0.1, 0.8) * breath(dice))
    pause = log_between(dice, 0.1, 0.6)
    silence = [np.zeros(int(pause * dice.between(0.6, 1.4) * RATE)) for _ in events]
    return np.concatenate([part for pair in zip(events, silence, strict=True) for part in pair])
