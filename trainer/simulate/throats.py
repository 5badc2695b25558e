"""What comes out of throats and noses besides speech: laughter, coughs, sneezes, sighs, crying, snoring."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.signal

from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, Sound
from trainer.simulate.signals import bandpass, peak_one, slow
from trainer.simulate.steady import rush
from trainer.simulate.timeline import add, arch, in_turn

# Peterson and Barney, J. Acoust. Soc. Am. 24 (1952), men; hertz.
VOWELS = ((730, 1090, 2440), (530, 1840, 2480), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240))


def phonate(dice: Dice, pitch: Sound, formants: Sequence[float], cutoff: float, breath: float) -> Sound:
    """Pulses of a changing pitch, with breath, through the resonances of a throat; peak 1.

    Args:
        dice: source of random numbers.
        pitch: hertz at every sample.
        formants: hertz.
        cutoff: hertz above which the harmonics vanish.
        breath: level of the noise beside the pulses.
    """
    phase = 2.0 * np.pi * np.cumsum(pitch * (1.0 + 0.015 * slow(dice, len(pitch), 0.03))) / RATE
    # The harmonics of this pulse fall off like a bell curve whose width is the square root of the exponent,
    # so that none lies beyond half the sample rate.
    pulses = np.exp((cutoff / np.mean(pitch)) ** 2 * (np.cos(phase) - 1.0))
    excitation = (pulses - pulses.mean()) / pulses.std() + breath * dice.rng.standard_normal(len(pitch))
    return resonate(excitation, formants)


def resonate(excitation: Sound, formants: Sequence[float]) -> Sound:
    """Anything through the resonances of a throat; peak 1."""
    sound = np.zeros(len(excitation))
    for order, formant in enumerate(formants):
        radius = np.exp(-np.pi * (60.0 + 0.05 * formant) / RATE)  # bandwidths about 80 to 200 Hz
        poles = [1.0, -2.0 * radius * np.cos(2.0 * np.pi * formant / RATE), radius**2]
        sound += 0.6**order * (1.0 - radius) * scipy.signal.lfilter([1.0, 0.0, -1.0], poles, excitation)
    return peak_one(sound)


def vowel(dice: Dice, tract: float) -> tuple[float, ...]:
    """Formants of some vowel, raised by the factor `tract`."""
    return tuple(tract * formant for formant in dice.one_of(VOWELS))


def laugh(dice: Dice, pitch: float, tract: float) -> Sound:
    """Ha ha ha: voiced calls, four to six a second, of falling pitch, with breath between; some only breath.

    Rates and pitches after Bachorowski, Smoski and Owren, J. Acoust. Soc. Am. 110 (2001).
    """
    rate, calls = dice.between(3.8, 6.5), dice.whole(2, 11)
    time = np.arange(int((calls + 0.5) / rate * RATE)) / RATE
    beat = np.sin(2.0 * np.pi * rate * time * (1.0 - 0.04 * time))
    fall = dice.between(0.5, 1.0) ** (time / max(time[-1], 0.5))
    height = pitch * dice.between(1.2, 2.8) * fall * (1.0 + dice.between(0.0, 0.2) * beat)
    formants = vowel(dice, tract)
    voiced = phonate(dice, height, formants, dice.between(800.0, 3500.0), dice.between(0.05, 0.5))
    breath = resonate(dice.rng.standard_normal(len(time)), formants)
    gate = np.maximum(beat, 0.0) ** dice.between(0.5, 1.5)
    mix = dice.between(0.1, 0.4) if dice.chance(0.75) else dice.between(1.0, 3.0)
    bout = (gate * voiced + mix * (0.2 + 0.8 * gate * (1.0 - gate)) * breath) * fall**1.5
    if dice.chance(0.4):
        bout = in_turn(dice, [bout, 0.3 * gasp(dice, tract)], (0.0, 0.1))
    return peak_one(bout)


def gasp(dice: Dice, tract: float) -> Sound:
    """Air drawn in, or let out: a sigh."""
    samples = int(dice.between(0.25, 1.3) * RATE)
    air = rush(dice, samples, dice.between(200.0, 700.0), dice.between(2500.0, 7500.0), 0.4)
    return peak_one((resonate(air, vowel(dice, tract)) + 0.05 * air) * arch(samples, dice.between(0.2, 0.8)))


def breaths(dice: Dice) -> Sound:
    """One to four breaths of somebody: sighs, sniffs, yawns."""
    tract = dice.trait(0.85, 1.3)
    return peak_one(in_turn(dice, [gasp(dice, tract) for _ in range(dice.whole(1, 4))], (0.1, 0.8)))


def cough(dice: Dice) -> Sound:
    """One to four coughs: a burst, a rush of air, sometimes a voiced end."""
    tract, strength = dice.trait(0.85, 1.3), dice.between(0.2, 1.0)
    return peak_one(
        in_turn(dice, [_cough(dice, tract, strength) for _ in range(dice.whole(1, 4))], (0.0, 0.4))
    )


def _cough(dice: Dice, tract: float, strength: float) -> Sound:
    time = np.arange(int(dice.between(0.25, 0.5) * RATE)) / RATE
    air = dice.rng.standard_normal(len(time))
    burst = np.exp(-time / dice.between(0.02, 0.05)) + 0.3 * np.exp(-time / dice.between(0.08, 0.2))
    rush = resonate(air * burst, vowel(dice, tract)) + 0.1 * strength * air * burst
    pitch = np.linspace(1.0, 0.7, len(time)) * dice.between(120.0, 350.0)
    voiced = phonate(dice, pitch, vowel(dice, tract), 1500.0, 0.5)
    return rush + dice.between(0.0, 0.6) * voiced * np.exp(-(((time - 0.15) / 0.08) ** 2))


def sneeze(dice: Dice) -> Sound:
    """Breath drawn in, then an explosion of air with or without voice."""
    tract = dice.trait(0.85, 1.3)
    time = np.arange(int(dice.between(0.3, 0.7) * RATE)) / RATE
    air = rush(dice, len(time), dice.between(300.0, 2000.0), 7800.0, dice.between(0.0, 0.8))
    pitch = dice.between(200.0, 500.0) * np.linspace(1.2, 0.7, len(time))
    voiced = phonate(dice, pitch, vowel(dice, tract), 3000.0, 0.3)
    burst = np.minimum(1.0, time / 0.01) * np.exp(-time / dice.between(0.06, 0.2))
    blast = peak_one(air * burst + dice.between(0.0, 1.5) * voiced * burst)
    inhaled = dice.between(0.05, 0.3) * gasp(dice, tract)
    return in_turn(dice, [inhaled, blast], (0.0, 0.4))


def snore(dice: Dice) -> Sound:
    """Some breaths of a sleeper: flutter of the palate while air goes in, a soft rush out."""
    tract, rate = dice.trait(0.85, 1.1), dice.trait(20.0, 90.0)
    breaths = []
    for _ in range(dice.whole(2, 4)):
        samples = int(dice.between(0.8, 1.8) * RATE)
        flutter = rate * (1.0 + 0.3 * slow(dice, samples, 0.3))
        inward = phonate(dice, flutter, vowel(dice, tract), dice.between(500.0, 1500.0), 0.7) * arch(
            samples, 0.6
        )
        breaths += [inward, dice.between(0.05, 0.4) * gasp(dice, tract)]
    return peak_one(in_turn(dice, breaths, (0.1, 0.8)))


def baby_cry(dice: Dice) -> Sound:
    """Several cries of about a second, with strong harmonics, and breath drawn in between."""
    pitch, tract, rough = dice.trait(330.0, 620.0), dice.trait(1.4, 1.8), dice.chance(0.4)
    formants = (tract * 800.0, tract * 1500.0, tract * 2700.0)
    cries = []
    for _ in range(dice.whole(2, 6)):
        samples = int(dice.between(0.4, 1.8) * RATE)
        curve = pitch * (0.8 + 0.3 * arch(samples, dice.between(0.1, 0.6)) + 0.05 * slow(dice, samples, 0.1))
        cry = phonate(dice, curve, formants, dice.between(2500.0, 5000.0), dice.between(0.02, 0.3))
        if rough:
            cry *= 1.0 + 0.6 * slow(dice, samples, 0.012)
        cries += [cry * np.minimum(1.0, 3.0 * arch(samples, 0.3)), 0.2 * gasp(dice, tract)]
    return peak_one(in_turn(dice, cries, (0.0, 0.3)))


def sing(dice: Dice) -> Sound:
    """Some notes hummed, sung or whistled to oneself."""
    root, tract, whistles = dice.trait(110.0, 400.0), dice.trait(0.85, 1.25), dice.chance(0.4)
    notes = []
    for _ in range(dice.whole(4, 12)):
        samples = int(dice.one_of((0.2, 0.4, 0.4, 0.8)) * dice.between(0.9, 1.2) * RATE)
        tone = root * 2.0 ** (dice.one_of((0, 2, 4, 5, 7, 9, 12)) / 12.0)
        vibrato = 1.0 + 0.02 * np.sin(2.0 * np.pi * 5.5 * np.arange(samples) / RATE)
        if whistles:
            air = bandpass(dice.rng.standard_normal(samples), 1000.0, 5000.0)
            note = np.sin(2.0 * np.pi * np.cumsum(4.0 * tone * vibrato) / RATE) + 0.03 * air
        else:
            note = phonate(dice, tone * vibrato, vowel(dice, tract), dice.between(800.0, 3000.0), 0.05)
        notes.append(note * np.minimum(1.0, 4.0 * arch(samples)))
    return peak_one(in_turn(dice, notes, (-0.05, 0.05)))


def clap(dice: Dice) -> Sound:
    """Two hands: a short burst around 0.6 to 2.5 kHz; peak 1."""
    time = np.arange(RATE // 20) / RATE
    pitch = dice.between(600.0, 2500.0)
    burst = dice.rng.standard_normal(len(time)) * np.exp(-time / dice.between(0.002, 0.008))
    return peak_one(bandpass(burst, 0.5 * pitch, min(7500.0, 2.0 * pitch)))


def applause(dice: Dice, samples: int, people: int) -> Sound:
    """People who clap, each at an own pace of two to five a second."""
    sound = np.zeros(samples)
    for _ in range(people):
        pair, pace, level = clap(dice), dice.between(2.0, 5.0), dice.between(0.2, 1.0)
        starts = np.arange(dice.between(0.0, 1.0 / pace), samples / RATE, 1.0 / pace)
        for start in starts + dice.rng.normal(0.0, 0.03, size=len(starts)):
            add(sound, pair, int(start * RATE), level)
    return sound
