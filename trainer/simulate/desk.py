"""Working: somebody at a desk with keyboard, mouse, paper and pen, and a computer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.simulate.dice import Dice
from trainer.simulate.household import creak, paper
from trainer.simulate.scene import RATE, Sound, Source, Spot, at_level
from trainer.simulate.signals import bandpass, click, hum, modes, peak_one, rms, slow
from trainer.simulate.steady import rush, unsteady
from trainer.simulate.throats import cough, gasp
from trainer.simulate.timeline import add, arch, moments, strew


@dataclass(frozen=True)
class _Keyboard:
    """Strokes of its keys, several of each kind, with a peak of about 1."""

    letters: list[Sound]
    bars: list[Sound]
    """Space and enter: larger, lower, louder"""


def working(dice: Dice, samples: int) -> list[Source]:
    """Mostly typing, mostly mouse, mostly paper, or a bit of each; with pauses to read and think."""
    typing, pointing, paper = dice.one_of(
        ((1.0, 0.4, 0.1), (1.0, 0.7, 0.0), (0.6, 1.0, 0.1), (0.2, 1.0, 0.0), (0.1, 0.2, 1.0), (0.6, 0.5, 0.5))
    )
    loud = dice.trait(36.0, 62.0)  # from laptop keys under light fingers to a mechanical keyboard
    sources = []
    if typing > dice.between(0.0, 0.3):
        sources.append(Source(at_level(_typing(dice, samples, typing), loud), Spot.DESK, size=0.3))
    if pointing > dice.between(0.0, 0.3):
        mouse = at_level(_mouse(dice, samples, pointing), loud - dice.between(-4.0, 10.0))
        sources.append(Source(mouse, Spot.DESK, moves=0.1))
    if paper > dice.between(0.0, 0.5):
        sheets = at_level(_paperwork(dice, samples, paper), dice.between(36.0, 58.0))
        sources.append(Source(sheets, Spot.DESK, moves=0.2, size=0.2))
    sources.append(Source(_computer(dice, samples), Spot.DESK, size=0.2))
    sources.append(Source(at_level(_person(dice, samples), dice.between(36.0, 58.0)), Spot.DESK, moves=0.3))
    return sources


# Keyboard.


def _typing(dice: Dice, samples: int, share: float) -> Sound:
    """Words of some letters and a space, a pause after some of them."""
    keys = _keyboard(dice)
    pace = dice.trait(3.0, 12.0)  # keys a second within a word
    rhythm = dice.trait(0.1, 0.5)  # spread of the logarithm of the intervals
    pause = dice.trait(0.8, 4.0) / share  # seconds on average
    sound = np.zeros(samples)
    at = int(dice.between(0.0, 2.0) * RATE)
    while at < samples:
        for _ in range(dice.whole(1, 9)):
            add(sound, dice.one_of(keys.letters), at, dice.between(0.5, 1.0))
            at += int(np.exp(dice.rng.normal(0.0, rhythm)) / pace * RATE)
        add(sound, dice.one_of(keys.bars), at, dice.between(0.6, 1.2))
        at += int(dice.between(0.8, 2.0) / pace * RATE)
        if dice.chance(0.2):
            at += int(min(dice.rng.exponential(pause), 8.0) * RATE)
    return sound


def _keyboard(dice: Dice) -> _Keyboard:
    """Anything from a flat laptop to clicky switches: how sharp, how low and how long its strokes are."""
    body, ring = dice.trait(150.0, 900.0), dice.trait(0.0015, 0.011)
    edge, sharp = dice.trait(1200.0, 4500.0), dice.trait(0.0008, 0.005)
    travel = dice.trait(0.004, 0.03)  # seconds from touch to bottom
    thump = dice.trait(0.1, 1.0)
    plate = 0.6 * modes(dice, ring, body, 5.0 * body)  # what all keys sit on

    def stroke(size: float) -> Sound:
        sound = np.zeros(RATE // 4)
        held = travel + dice.between(0.04, 0.12)
        levels = (dice.between(0.1, 0.5), dice.between(0.7, 1.0), dice.between(0.1, 0.6))
        for when, level in zip((0.0, travel, travel + held), levels, strict=True):
            contact = bandpass(click(dice, sharp * dice.between(0.7, 1.5)), edge / size, 7600.0)
            knocks = dice.between(0.2, 0.7) * modes(dice, ring * size, body / size, 6.0 * body / size)
            add(sound, plate, int(when * RATE), level * thump)
            add(sound, contact / rms(contact) * 0.1, int(when * RATE), level)
            add(sound, knocks, int(when * RATE), level * thump * size)
        return peak_one(sound)

    letters = [stroke(dice.between(0.85, 1.15)) for _ in range(20)]
    return _Keyboard(letters, [stroke(dice.between(1.3, 2.0)) for _ in range(5)])


# Mouse.


def _mouse(dice: Dice, samples: int, share: float) -> Sound:
    """Clicks, double clicks, scrolling, and the mouse pushed over the desk."""
    press, release = _button(dice), 0.6 * _button(dice)
    tick = 0.15 * _button(dice)
    wheel = dice.trait(8.0, 35.0)  # ticks a second
    rub = dice.trait(0.0, 0.06)
    sound = np.zeros(samples)
    for at in moments(dice, samples, share * dice.trait(0.3, 1.6)):
        if dice.chance(0.25):
            for step in range(dice.whole(3, 20)):
                turned = at + int(step / wheel * dice.between(0.9, 1.1) * RATE)
                add(sound, tick, turned, dice.between(0.5, 1.0))
        for again in range(2 if dice.chance(0.2) else 1):
            down = at + int(again * dice.between(0.15, 0.25) * RATE)
            add(sound, press, down, dice.between(0.6, 1.0))
            add(sound, release, down + int(dice.between(0.05, 0.13) * RATE), dice.between(0.6, 1.0))
        slide = rush(dice, int(dice.between(0.1, 0.8) * RATE), 300.0, dice.between(2000.0, 6000.0), 0.5)
        add(sound, slide * arch(len(slide)), at - len(slide), rub)
    return sound


def _button(dice: Dice) -> Sound:
    """A micro switch in a plastic shell."""
    snap = bandpass(click(dice, dice.trait(0.0005, 0.003)), dice.trait(900.0, 3500.0), 7600.0)
    shell = modes(dice, dice.trait(0.002, 0.012), 600.0, dice.trait(1500.0, 6000.0))
    sound = np.zeros(RATE // 10)
    add(sound, peak_one(snap), 0)
    add(sound, shell, 0, dice.trait(0.1, 0.9))
    return peak_one(sound)


# Paper and pen.


def _paperwork(dice: Dice, samples: int, share: float) -> Sound:
    """Pages turned, sheets moved, writing by hand."""
    sheets = [paper(dice) for _ in range(5)]
    sound = strew(dice, samples, share * dice.trait(0.05, 0.3), sheets)
    if dice.chance(0.6):
        writing = _writing(dice, samples)
        sound += dice.between(0.05, 0.4) * writing
    return sound


def _writing(dice: Dice, samples: int) -> Sound:
    """A pen: three to six strokes a second, in words and lines."""
    scratch = rush(dice, samples, dice.trait(500.0, 2000.0), dice.trait(4000.0, 7700.0), 0.3)
    strokes = np.maximum(0.0, slow(dice, samples, 1.0 / dice.trait(6.0, 14.0)))
    words = np.maximum(0.0, slow(dice, samples, 0.5) + dice.between(0.0, 0.6))
    lines = slow(dice, samples, 4.0) > dice.between(-0.6, 0.2)
    return peak_one(scratch * strokes * words * lines)


# The rest of the desk.


def _computer(dice: Dice, samples: int) -> Sound:
    """Fan and disk, from hardly there to a loud old machine."""
    air = rush(dice, samples, dice.trait(60.0, 250.0), dice.trait(300.0, 4000.0), dice.trait(0.0, 1.0))
    blades = hum(dice, samples, dice.trait(80.0, 420.0), harmonics=4, drift=dice.between(0.0, 0.01))
    fan = air + dice.trait(0.0, 0.6) * blades
    return at_level(unsteady(dice, fan), dice.trait(12.0, 40.0))


def _person(dice: Dice, samples: int) -> Sound:
    """Chair, desk and breath."""
    creaks = [creak(dice) for _ in range(3)]
    knocks = [0.6 * modes(dice, 0.05, 70.0, 500.0) for _ in range(3)]
    cloth = [0.3 * peak_one(paper(dice) * 0.5) for _ in range(2)]
    sound = strew(dice, samples, dice.trait(0.02, 0.25), creaks + knocks + cloth)
    return sound + strew(dice, samples, 0.02, [0.3 * gasp(dice, 1.0), cough(dice)])
