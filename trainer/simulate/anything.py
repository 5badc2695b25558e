"""Sounds of no thing in particular: random spectra and rhythms, for all that nobody thought of."""

from __future__ import annotations

import numpy as np

from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, Sound
from trainer.simulate.signals import bandpass, hum, modes, peak_one, slow
from trainer.simulate.steady import rush
from trainer.simulate.timeline import add, arch, colour


def modulated_noise(dice: Dice, samples: int) -> Sound:
    """Noise of a random band, modulated at random rates from 0.2 to 60 a second."""
    low = 40.0 * 2.0 ** dice.trait(0.0, 6.0)
    sound = rush(dice, samples, low, min(8000.0, low * 2.0 ** dice.trait(0.5, 5.0)), dice.trait(-0.3, 1.0))
    for _ in range(dice.whole(1, 2)):
        rate = 0.2 * 2.0 ** dice.trait(0.0, 8.2)
        if dice.chance(0.5):
            wave = np.sin(2.0 * np.pi * rate * np.arange(samples) / RATE)
        else:
            wave = slow(dice, samples, 1.0 / rate)
        sound *= np.maximum(0.0, 1.0 + dice.between(0.3, 2.0) * wave)
    return sound


def modulated_tones(dice: Dice, samples: int) -> Sound:
    """A few harmonic sounds, sliding or steady, that come and go."""
    sound = np.zeros(samples)
    for _ in range(dice.whole(1, 4)):
        pitch = 40.0 * 2.0 ** dice.trait(0.0, 6.0)
        voice = hum(dice, samples, pitch, harmonics=dice.whole(1, 12), drift=dice.between(0.0, 0.3) ** 2)
        sound += voice * np.maximum(
            0.0, dice.between(0.0, 1.0) + slow(dice, samples, 2.0 ** dice.between(-4.0, 2.0))
        )
    return colour(dice, sound, 20.0)


def pulse_train(dice: Dice, samples: int) -> Sound:
    """The same stroke again and again, regular or not, from one to sixty a second."""
    stroke = burst(dice)[: RATE // 2]
    rate, jitter = 2.0 ** dice.trait(0.0, 6.0), dice.between(0.0, 0.6)
    gaps = (
        np.maximum(0.05, 1.0 + jitter * dice.rng.standard_normal(int(1.5 * rate * samples / RATE) + 2)) / rate
    )
    starts = (np.cumsum(gaps) * RATE).astype(int)
    train = np.zeros(samples)
    train[starts[starts < samples]] = 1.0
    sound = np.convolve(train, stroke[: RATE // 8])[:samples] if rate > 16.0 else _placed(train, stroke)
    return sound * np.maximum(0.0, dice.between(0.0, 1.0) + slow(dice, samples, dice.between(0.3, 3.0)))


def _placed(train: Sound, stroke: Sound) -> Sound:
    sound = np.zeros(len(train))
    for start in np.flatnonzero(train):
        add(sound, stroke, int(start))
    return sound


def burst(dice: Dice) -> Sound:
    """An event of random pitch, band, decay and attack: struck, rubbed or blown; peak 1."""
    low = 50.0 * 2.0 ** dice.trait(0.0, 6.0)
    high = min(7800.0, low * 2.0 ** dice.trait(0.3, 3.0))
    if dice.chance(0.5):
        sound = modes(dice, 0.005 * 2.0 ** dice.trait(0.0, 6.5), low, high)
    else:
        samples = int(0.02 * 2.0 ** dice.trait(0.0, 6.5) * RATE)
        rub = rush(dice, samples, low, high, dice.between(0.0, 0.8))
        sound = (
            rub
            * arch(samples, dice.between(0.02, 0.9))
            * (1.0 + slow(dice, samples, dice.between(0.005, 0.2)))
        )
    return peak_one(colour(dice, sound, 12.0))


def sweep(dice: Dice) -> Sound:
    """A tone or a narrow band of noise that slides up or down; peak 1."""
    samples = int(dice.between(0.1, 2.0) * RATE)
    track = 80.0 * 2.0 ** (
        dice.between(0.0, 5.5) + dice.between(0.0, 2.0) * slow(dice, samples, dice.between(0.1, 1.0))
    )
    phase = 2.0 * np.pi * np.cumsum(np.clip(track, 50.0, 3700.0)) / RATE
    blur = np.cumsum(dice.between(0.0, 0.3) * dice.rng.standard_normal(samples))  # widens the line to a band
    sound = np.sin(phase + blur) + dice.between(0.0, 0.5) * np.sin(2.0 * phase)
    return peak_one(bandpass(sound * arch(samples, dice.between(0.05, 0.9)), 60.0, 7600.0))
