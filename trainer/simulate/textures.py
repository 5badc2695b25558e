"""Textures: noise of any colour, gains that wander, stretches of time, events placed from small banks.

A colour is a spectrum in dB on the frequencies of `GRID`, so that adding two colours is filtering one with
the other. What varies within a session is drawn with `Dice.between`, what makes the thing with `Dice.trait`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.ndimage

from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, Sound
from trainer.simulate.signals import joined, knots, peak_one, rms

Colour = npt.NDArray[np.float64]
"""Power in dB at the frequencies of `GRID`"""
Times = npt.NDArray[np.int64]
"""Sample numbers at which events start"""
Range = tuple[float, float]
"""From, to"""
Stretches = list[tuple[int, int]]
"""First sample and the one after the last"""

GRID = np.geomspace(20.0, RATE / 2, 256)
"""Hertz; below it there is no sound"""


def factor(db: float) -> float:
    """What a level means as a factor of amplitude."""
    return float(10.0 ** (db / 20.0))


def rms_one(sound: Sound) -> Sound:
    """The sound with an rms of 1; silence stays silence."""
    return sound / max(rms(sound), 1e-12)


def log_trait(dice: Dice, low: float, high: float) -> float:
    """A trait whose logarithm is drawn evenly, for frequencies, decays and rates."""
    return low * float((high / low) ** dice.trait(0.0, 1.0))


def log_between(dice: Dice, low: float, high: float) -> float:
    """What `log_trait` is to a thing, for a moment."""
    return low * float((high / low) ** dice.between(0.0, 1.0))


# Noise.


def colour(dice: Dice, points: Sequence[tuple[float, float]], spread: float) -> Colour:
    """A colour of its own kind: points (hertz, dB) joined over the logarithm of frequency, each one moved.

    Args:
        dice: every point moves by at most a third of an octave and `spread` dB, as traits.
        points: in rising order of hertz, half an octave apart or more.
        spread: dB.
    """
    hertz = [hz * 2.0 ** dice.trait(-1 / 3, 1 / 3) for hz, _ in points]
    db = [level + dice.trait(-spread, spread) for _, level in points]
    return np.interp(np.log(GRID), np.log(np.maximum.accumulate(hertz)), db)


def resonance(hertz: float, db: float, octaves: float) -> Colour:
    """A bump of `db` at `hertz`, with a standard deviation of `octaves`."""
    bump: Colour = db * np.exp(-0.5 * (np.log2(GRID / hertz) / octaves) ** 2)
    return bump


def coloured(dice: Dice, samples: int, spectrum: Colour) -> Sound:
    """Noise of a colour; rms 1."""
    frequencies = np.fft.rfftfreq(samples, 1.0 / RATE)
    amplitude = np.interp(frequencies, GRID, 10.0 ** (spectrum / 20.0), left=0.0)
    bins = dice.rng.standard_normal((2, len(frequencies))) * amplitude
    sound = np.fft.irfft(bins[0] + 1j * bins[1], samples)
    return rms_one(sound)


def crossfade(dice: Dice, first: Colour, second: Colour, share: Sound) -> Sound:
    """Noise between two colours; rms 1.

    Args:
        dice: source of random numbers.
        first: colour where `share` is 0.
        second: colour where it is 1.
        share: of power, in [0, 1], `[samples]`.
    """
    samples = len(share)
    return np.sqrt(1.0 - share) * coloured(dice, samples, first) + np.sqrt(share) * coloured(
        dice, samples, second
    )


# Gains.


def curve(dice: Dice, samples: int, period: float) -> Sound:
    """A random curve of straight pieces, each `period` seconds long; normal with standard deviation 1."""
    return joined(dice.rng.standard_normal(knots(samples, period)), samples)


def wander(dice: Dice, samples: int, period: float, db: float) -> Sound:
    """A gain about 1 that wanders by `db` (standard deviation) and turns about every `period` seconds."""
    return joined(10.0 ** (db * dice.rng.standard_normal(knots(samples, period)) / 20.0), samples)


def stretches(dice: Dice, samples: int, busy: Range, idle: Range) -> Stretches:
    """Doing and not doing in turn, each for seconds within a range; begins in the middle of either.

    At least one stretch is given, the last one ends with the sound at the latest.
    """
    mean_busy, mean_idle = sum(busy), sum(idle)
    start, end = 0, int(dice.between(0.0, 1.0) * log_between(dice, *busy) * RATE)
    if dice.chance(mean_idle / (mean_busy + mean_idle)):
        start = int(min(dice.between(0.0, idle[1]) * RATE, samples / 3))
        end += start
    found: Stretches = []
    while start < samples:
        found.append((start, min(max(end, start + 1), samples)))
        start = end + int(log_between(dice, *idle) * RATE)
        end = start + int(log_between(dice, *busy) * RATE)
    return found


def gate(dice: Dice, samples: int, times: Stretches, fade: float, db: float = 0.0) -> Sound:
    """A gain that is open in stretches, with edges of `fade` seconds.

    Args:
        dice: source of random numbers.
        samples: length of the result.
        times: where it is open.
        fade: seconds.
        db: each stretch is up to this much below 1.
    """
    gain = np.zeros(samples)
    for start, end in times:
        gain[start:end] = factor(-dice.between(0.0, db))
    smooth: Sound = scipy.ndimage.uniform_filter1d(gain, max(1, int(fade * RATE)), mode="nearest")
    return np.maximum(smooth, 0.0)  # the running sum of the filter leaves rounding errors below zero


def steps(dice: Dice, samples: int, seconds: Range, fade: float, db: float) -> Sound:
    """A gain that goes from one level to another within `fade` seconds, as of a fan with several speeds.

    Args:
        dice: source of random numbers.
        samples: length of the result.
        seconds: for which it stays.
        fade: seconds.
        db: each level is up to this much below 1.
    """
    gain = np.ones(samples)
    start = 0
    while start < samples:
        end = start + int(log_between(dice, *seconds) * RATE)
        gain[start:end] = factor(-dice.between(0.0, db))
        start = end
    smooth: Sound = scipy.ndimage.uniform_filter1d(gain, max(1, int(fade * RATE)), mode="nearest")
    return smooth


# Events.


def poisson(dice: Dice, samples: int, rate: float, density: Sound | None = None) -> Times:
    """Times that know nothing of each other.

    Args:
        dice: source of random numbers.
        samples: length of the sound.
        rate: events per second.
        density: thins them out, in [0, 1], `[samples]`; None: 1 everywhere.
    """
    starts = dice.rng.integers(0, samples, size=dice.rng.poisson(rate * samples / RATE))
    if density is not None:
        starts = starts[dice.rng.random(len(starts)) < density[starts]]
    return starts


def gestures(dice: Dice, samples: int, rate: float, count: tuple[int, int], gap: Range) -> Times:
    """Times in groups, as hands make them.

    Args:
        dice: source of random numbers.
        samples: length of the sound.
        rate: groups per second; there is at least one.
        count: fewest and most events of a group.
        gap: seconds from one event of a group to the next.
    """
    starts = dice.rng.integers(0, samples, size=max(1, dice.rng.poisson(rate * samples / RATE)))
    times = [
        start + int(RATE * seconds)
        for start in starts.tolist()
        for seconds in np.cumsum([0.0] + [log_between(dice, *gap) for _ in range(dice.whole(*count) - 1)])
    ]
    return np.array([time for time in times if time < samples], dtype=np.int64)


def beats(dice: Dice, times: Stretches, pace: Range, unevenness: float = 0.1) -> Times:
    """Times at a pace of its own in every stretch, such as chopping or stirring.

    Args:
        dice: source of random numbers.
        times: the stretches.
        pace: beats per second.
        unevenness: relative standard deviation of the time between two beats.
    """
    found: list[int] = []
    for start, end in times:
        step = RATE / log_between(dice, *pace)
        steps = step * np.maximum(
            0.2, 1.0 + unevenness * dice.rng.standard_normal(int((end - start) / step) + 1)
        )
        at = start + np.cumsum(steps) - steps[0]
        found += at[at < end].astype(int).tolist()
    return np.array(found, dtype=np.int64)


def place(dice: Dice, samples: int, starts: Times, bank: list[Sound], db: float = 12.0) -> Sound:
    """An event of the bank at every time, up to `db` softer than it is there."""
    sound = np.zeros(samples)
    gains = 10.0 ** (-dice.rng.uniform(0.0, db, size=len(starts)) / 20.0)
    which = dice.rng.integers(len(bank), size=len(starts))
    for start, gain, index in zip(starts.tolist(), gains.tolist(), which.tolist(), strict=True):
        event = bank[index]
        piece = sound[start : start + len(event)]
        piece += gain * event[: len(piece)]
    return sound


def together(*events: Sound) -> Sound:
    """Events that start at the same time, as one that is as long as the longest."""
    sound = np.zeros(max(len(event) for event in events))
    for event in events:
        sound[: len(event)] += event
    return sound


def clicks(dice: Dice, count: int, decay: Range, low: float, high: float) -> list[Sound]:
    """A bank of crackles: short bursts in bands of their own between two frequencies; peak 1.

    Args:
        dice: source of random numbers.
        count: how many.
        decay: seconds to 1/e.
        low: hertz.
        high: hertz.
    """
    bank = []
    for _ in range(count):
        damping = log_between(dice, *decay)
        time = np.arange(max(16, int(6 * damping * RATE))) / RATE
        carrier = np.sin(2.0 * np.pi * log_between(dice, low, high) * time + dice.between(0.0, 6.28))
        burst = (carrier + 0.5 * dice.rng.standard_normal(len(time))) * np.exp(-time / damping)
        bank.append(burst / np.abs(burst).max())
    return bank


def rub(dice: Dice, seconds: float, spectrum: Colour) -> Sound:
    """One stroke of rough noise that swells and goes, as of a brush, a sponge or paper; rms about 0.5."""
    samples = round(seconds * RATE)
    shape = np.sin(np.pi * np.linspace(0.0, 1.0, samples) ** log_between(dice, 0.5, 1.5)) ** 2
    stroke: Sound = coloured(dice, samples, spectrum) * shape * wander(dice, samples, 0.01, 3.0)
    return stroke


def crackle(dice: Dice, seconds: float, rate: float, low: float, high: float) -> Sound:
    """A burst of sharp crackles, such as of foil, a packet or a crust; peak 1.

    Args:
        dice: source of random numbers.
        seconds: length.
        rate: crackles per second when it is at its densest.
        low: hertz of their lowest band.
        high: hertz of their highest.
    """
    samples = round(seconds * RATE)
    busy = np.clip(0.5 + curve(dice, samples, 0.12), 0.0, 1.0) * np.sin(
        np.pi * np.linspace(0.0, 1.0, samples)
    )
    bank = clicks(dice, 8, (0.0003, 0.003), low, high)
    return peak_one(place(dice, samples, poisson(dice, samples, rate, busy), bank, db=26.0))
