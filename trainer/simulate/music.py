"""Music as television has it: drums, bass, chords and a tune, in loops of four bars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, Sound
from trainer.simulate.signals import peak_one, rms
from trainer.simulate.steady import rush
from trainer.simulate.timeline import add

BEATS = 16
"""Of a loop: four bars"""
# Chords as steps of the scale, one for each bar.
PROGRESSIONS = (
    (0, 4, 5, 3),
    (0, 5, 3, 4),
    (0, 3, 4, 0),
    (5, 3, 0, 4),
    (0, 0, 3, 4),
    (1, 4, 0, 0),
    (0, 6, 5, 4),
)
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 9, 10), (0, 2, 4, 7, 9, 12, 14))
# When in a bar of 16 steps: kick, snare, hat.
GROOVES = (
    ((0, 8), (4, 12), (0, 2, 4, 6, 8, 10, 12, 14)),
    ((0, 4, 8, 12), (4, 12), (2, 6, 10, 14)),
    ((0, 6, 10), (4, 12), tuple(range(16))),
    ((0, 10), (8,), (0, 4, 8, 12)),
    ((0,), (), (0, 3, 6, 9, 12)),
    ((0, 3, 8, 11), (4, 7, 12, 15), (0, 2, 4, 6, 8, 10, 12, 14)),
)


@dataclass(frozen=True)
class Instrument:
    """How a tone begins, sounds and ends."""

    slope: float
    """The harmonic k has the amplitude k ** -slope"""
    odd: bool
    """Only odd harmonics: clarinet, square wave"""
    attack: float
    """Seconds"""
    decay: float
    """Seconds to 1/e; long for organs and strings"""
    vibrato: float
    """Share of the pitch"""
    detune: float
    """Share of the pitch between two voices of one tone: strings, synthesisers"""


def music(dice: Dice, samples: int) -> Sound:
    """A piece of some style; rms 1."""
    beat = 60.0 / dice.trait(60.0, 170.0) * RATE
    root, scale = dice.trait(98.0, 196.0), dice.one_of(SCALES)
    chords = dice.one_of(PROGRESSIONS)
    long = int((BEATS + 8) * beat)
    parts = [np.zeros(long)]
    if dice.chance(0.6):
        parts.append(dice.between(0.4, 1.6) * _drums(dice, long, beat))
    if dice.chance(0.65):
        parts.append(
            dice.between(0.4, 1.2) * _bass(dice, long, beat, [root / 2.0 * _step(scale, c) for c in chords])
        )
    if dice.chance(0.8):
        harmony = [[root * _step(scale, chord + third) for third in (0, 2, 4)] for chord in chords]
        parts.append(dice.between(0.4, 1.0) * _chords(dice, long, beat, harmony))
    if dice.chance(0.7) or len(parts) == 1:
        parts.append(dice.between(0.4, 1.2) * _tune(dice, long, beat, 2.0 * root, scale))
    whole = int(BEATS * beat)
    loop = np.sum(parts, axis=0)
    loop[: long - whole] += loop[whole:]  # what still rings at the end of the loop rings on at its start
    sound = np.resize(np.roll(loop[:whole], -dice.whole(0, whole)), samples)
    return sound / max(rms(sound), 1e-9)


def draw_instrument(dice: Dice) -> Instrument:
    """Plucked, struck, blown, bowed or electronic."""
    held = dice.chance(0.4)
    return Instrument(
        slope=dice.trait(0.8, 3.0),
        odd=dice.chance(0.2),
        attack=dice.trait(0.02, 0.15) if held else dice.trait(0.001, 0.01),
        decay=dice.trait(1.5, 6.0) if held else dice.trait(0.08, 1.2),
        vibrato=dice.trait(0.0, 0.012) if held else 0.0,
        detune=dice.trait(0.0, 0.012),
    )


def tone(instrument: Instrument, pitch: float, seconds: float) -> Sound:
    """One tone that is held for some seconds and then damped; peak 1."""
    time = np.arange(int((seconds + 0.1) * RATE)) / RATE
    harmonics = np.arange(1, max(2, int(min(7000.0 / pitch, 24))))
    spectrum = np.zeros(2049)
    spectrum[harmonics] = harmonics**-instrument.slope * ((harmonics % 2 == 1) | (not instrument.odd))
    period = np.fft.irfft(-1j * spectrum)
    place = pitch * (time + instrument.vibrato / 33.0 * np.sin(33.0 * time))  # vibrato of 5.3 Hz
    sound = sum(
        period[(place * (1.0 + detune) * len(period)).astype(np.int64) % len(period)]
        for detune in (-instrument.detune / 2.0, instrument.detune / 2.0)
    )
    damped = np.clip((seconds + 0.1 - time) / 0.1, 0.0, 1.0)
    rise = np.minimum(1.0, time / instrument.attack)
    return peak_one(sound * rise * np.exp(-time / instrument.decay) * damped)


def _step(scale: tuple[int, ...], step: int) -> float:
    """The pitch of a step of the scale, relative to its root."""
    octave, place = divmod(step, len(scale))
    return float(2.0 ** (octave + scale[place] / 12.0))


def _drums(dice: Dice, samples: int, beat: float) -> Sound:
    groove = dice.one_of(GROOVES)
    kit = (_kick(dice), dice.between(0.5, 1.0) * _snare(dice), dice.between(0.1, 0.5) * _hat(dice))
    swing = dice.one_of((0.0, 0.0, 0.3))  # every second step comes late
    sound = np.zeros(samples)
    for bar in range(BEATS // 4):
        for drum, steps in zip(kit, groove, strict=True):
            for step in steps:
                at = (4.0 * bar + (step + swing * (step % 2)) / 4.0) * beat
                add(sound, drum, int(at), dice.between(0.75, 1.0))
    return sound


def _kick(dice: Dice) -> Sound:
    time = np.arange(int(0.35 * RATE)) / RATE
    sweep = dice.trait(40.0, 70.0) + dice.trait(30.0, 180.0) * np.exp(-time / 0.03)
    return np.sin(2.0 * np.pi * np.cumsum(sweep) / RATE) * np.exp(-time / dice.trait(0.05, 0.2))


def _snare(dice: Dice) -> Sound:
    time = np.arange(int(0.3 * RATE)) / RATE
    wires = rush(dice, len(time), dice.trait(500.0, 2000.0), 7800.0) * np.exp(-time / dice.trait(0.03, 0.12))
    skin = np.sin(2.0 * np.pi * dice.trait(150.0, 260.0) * time) * np.exp(-time / 0.05)
    return peak_one(0.5 * wires + skin)


def _hat(dice: Dice) -> Sound:
    time = np.arange(int(0.25 * RATE)) / RATE
    return peak_one(
        rush(dice, len(time), dice.trait(3500.0, 6000.0), 7900.0) * np.exp(-time / dice.trait(0.01, 0.1))
    )


def _bass(dice: Dice, samples: int, beat: float, roots: list[float]) -> Sound:
    player = draw_instrument(dice)
    every = dice.one_of((0.5, 1.0, 2.0, 4.0))  # beats
    sound = np.zeros(samples)
    for bar, root in enumerate(roots):
        note = tone(player, root, every * beat / RATE)
        for at in np.arange(0.0, 4.0, every):
            add(sound, note, int((4.0 * bar + at) * beat), dice.between(0.7, 1.0))
    return sound


def _chords(dice: Dice, samples: int, beat: float, harmony: list[list[float]]) -> Sound:
    player = draw_instrument(dice)
    every = dice.one_of((0.5, 1.0, 2.0, 4.0, 4.0))
    broken = dice.chance(0.3)  # one note of the chord after the other
    sound = np.zeros(samples)
    for bar, chord in enumerate(harmony):
        notes = [tone(player, pitch, every * beat / RATE) for pitch in chord]
        for number, at in enumerate(np.arange(0.0, 4.0, every)):
            for note in [notes[number % 3]] if broken else notes:
                add(sound, note, int((4.0 * bar + at) * beat), dice.between(0.3, 0.5))
    return sound


def _tune(dice: Dice, samples: int, beat: float, root: float, scale: tuple[int, ...]) -> Sound:
    """A walk over the scale; one bar in two is said twice."""
    player = draw_instrument(dice)
    sound = np.zeros(samples)
    at, step = 0.0, dice.whole(0, 6)
    while at < BEATS:
        length = dice.one_of((0.5, 0.5, 0.5, 1.0, 1.0, 2.0))
        if dice.chance(0.85):
            add(sound, tone(player, root * _step(scale, step), length * beat / RATE), int(at * beat), 0.8)
        step = int(np.clip(step + dice.one_of((-2, -1, -1, 0, 1, 1, 2)), -3, 10))
        at += length
    return sound
