"""Things that are struck and scraped: plates, glasses, cutlery, pans, wood. Modal synthesis.

A thing rings at its modes, each of which dies away with the loss factor of the material: a decay to 1/e of
1 / (pi * loss * frequency) seconds, so that high partials die first. Loss factors: Cremer and Heckl,
"Structure-Borne Sound"; what is held or lies on something soft is damped further.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.signal

from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, Sound
from trainer.simulate.signals import peak_one
from trainer.simulate.textures import Range, clicks, colour, coloured, factor, log_between, log_trait, wander

HIGHEST = 7600.0
"""Hertz; modes above it would be lost at 16 kHz"""
LONGEST = 0.9
"""Seconds that a strike is followed"""


@dataclass(frozen=True)
class Kind:
    """What the things of a kind have in common."""

    lowest: Range
    """Hertz of the lowest mode"""
    growth: Range
    """Mode k lies at about k to this power: 1 like a drum of many modes, 2 like a bar"""
    loss: Range
    """Loss factor of the material"""
    modes: int
    """At most"""


PLATE = Kind((400.0, 2000.0), (0.6, 1.2), (0.002, 0.015), 24)
CUP = Kind((700.0, 2600.0), (0.6, 1.2), (0.002, 0.02), 16)
GLASS = Kind((600.0, 3000.0), (0.8, 1.6), (0.0008, 0.01), 12)
CUTLERY = Kind((500.0, 3500.0), (0.6, 1.4), (0.001, 0.012), 20)
PAN = Kind((150.0, 1100.0), (0.6, 1.1), (0.001, 0.012), 28)
LID = Kind((250.0, 1600.0), (0.6, 1.1), (0.0006, 0.005), 28)
BASIN = Kind((70.0, 350.0), (0.6, 1.0), (0.01, 0.06), 24)
WOOD = Kind((90.0, 700.0), (0.7, 1.4), (0.015, 0.06), 12)
PLASTIC = Kind((150.0, 1400.0), (0.7, 1.4), (0.02, 0.1), 12)

METAL_ON_HARD: Range = (0.0001, 0.0006)
"""Seconds of contact: cutlery on china, dish on dish"""
SOFT: Range = (0.0005, 0.003)
"""Seconds of contact: wood, plastic, skin"""


@dataclass(frozen=True)
class Thing:
    """One thing of a kind."""

    pitches: npt.NDArray[np.float64]
    """Hertz `[modes]`"""
    decays: npt.NDArray[np.float64]
    """Seconds to 1/e `[modes]`, when nothing touches it"""
    levels: npt.NDArray[np.float64]
    """How well each mode sounds, relative `[modes]`"""


def thing(dice: Dice, kind: Kind) -> Thing:
    """One thing; all about it are traits."""
    lowest, growth = log_trait(dice, *kind.lowest), dice.trait(*kind.growth)
    loss = log_trait(dice, *kind.loss)
    ratios = np.arange(1, kind.modes + 1) ** growth
    unevenness = [dice.trait(0.92, 1.08) for _ in range(kind.modes)]
    pitches = lowest * ratios * np.array(unevenness)
    pitches = pitches[pitches < HIGHEST]
    # What is small against the wave that it sends out hardly sounds: high modes may be the louder ones.
    return Thing(pitches, 1.0 / (np.pi * loss * pitches), (pitches / pitches[0]) ** dice.trait(-0.3, 1.2))


def ring(dice: Dice, body: Thing, force: Sound, hold: float) -> Sound:
    """How a thing answers to a force: its modes in parallel, each excited as the place of contact has it.

    Args:
        dice: draws the place of contact.
        body: the thing.
        force: `[samples]`, any scale.
        hold: seconds to 1/e for whatever holds or carries it, added to the damping of the material.
    """
    sound = np.zeros(len(force))
    modes = zip(body.pitches.tolist(), body.decays.tolist(), body.levels.tolist(), strict=True)
    for pitch, decay, level in modes:
        radius = np.exp(-(1.0 / decay + 1.0 / hold) / RATE)
        angle = 2.0 * np.pi * pitch / RATE
        poles = [1.0, -2.0 * radius * np.cos(angle), radius**2]
        sound += level * dice.rng.normal() * scipy.signal.lfilter([0.0, np.sin(angle)], poles, force)
    return sound


def strike(dice: Dice, body: Thing, contact: Range, hold: Range) -> Sound:
    """A blow; peak 1.

    Args:
        dice: source of random numbers.
        body: what is struck.
        contact: seconds that the two touch; short and hard for metal (0.0001), long and soft for wood or
            skin (0.003), which decides how bright it sounds.
        hold: seconds, see `ring`.
    """
    touch = max(2, int(log_between(dice, *contact) * RATE))
    grip = log_between(dice, *hold)
    decay = 1.0 / (1.0 / float(body.decays.max()) + 1.0 / grip)
    force = np.zeros(touch + int(min(6.0 * decay, LONGEST) * RATE))
    push = np.sin(np.pi * (np.arange(touch) + 0.5) / touch) ** 2
    # Surfaces are rough: the push comes with a little noise.
    force[:touch] = push * (1.0 + factor(dice.between(-50.0, -26.0)) * dice.rng.standard_normal(touch))
    sound = peak_one(ring(dice, body, force, grip))
    contact_noise = clicks(dice, 1, (0.0004, 0.003), 1000.0, 6000.0)[0][: len(sound)]
    sound[: len(contact_noise)] += factor(dice.between(-30.0, -4.0)) * contact_noise
    return peak_one(sound)


def strikes(dice: Dice, body: Thing, count: int, contact: Range, hold: Range) -> list[Sound]:
    """A bank of blows at several places of a thing."""
    return [strike(dice, body, contact, hold) for _ in range(count)]


def crockery(dice: Dice, kinds: Sequence[Kind], count: int, contact: Range, hold: Range) -> list[Sound]:
    """A bank of blows on `count` things, each of one of the kinds: three on each."""
    return [
        blow
        for _ in range(count)
        for blow in strikes(dice, thing(dice, dice.one_of(kinds)), 3, contact, hold)
    ]


def squeak(dice: Dice, seconds: float) -> Sound:
    """Slipping and sticking, as of a knife on china or a thumb on wet glass: a tone that glides; peak 1."""
    samples = round(seconds * RATE)
    pitch = log_between(dice, 600.0, 4500.0) * np.linspace(1.0, dice.between(0.75, 1.3), samples)
    phase = 2.0 * np.pi * np.cumsum(pitch * wander(dice, samples, 0.02, 0.2)) / RATE
    tone = np.sin(phase) + dice.between(0.0, 0.6) * np.sin(2.0 * phase)  # the octave stays below 8 kHz mostly
    return peak_one(tone * np.hanning(samples) * wander(dice, samples, 0.03, 4.0))


def scrape(dice: Dice, body: Thing, seconds: float, hold: float) -> Sound:
    """Something hard drawn over a thing: a rough force with a beginning and an end; peak 1."""
    samples = round(seconds * RATE)
    rough = colour(dice, [(100.0, -12.0), (600.0, -4.0), (2000.0, 0.0), (6000.0, -4.0)], 6.0)
    shape = scipy.signal.windows.tukey(samples, dice.between(0.3, 1.0)) * wander(dice, samples, 0.02, 4.0)
    force = coloured(dice, samples, rough) * shape
    return peak_one(
        peak_one(ring(dice, body, force, hold)) + factor(dice.between(-20.0, 6.0)) * peak_one(force)
    )
