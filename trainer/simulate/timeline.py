"""Putting sounds together: events at moments, and the colour that things give to sounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.fft

from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, Sound


def add(sound: Sound, event: Sound, start: int, gain: float = 1.0) -> None:
    """Mix an event into a sound, in place, from sample `start` on; what reaches beyond an end is lost."""
    first, last = max(0, -start), min(len(event), len(sound) - start)
    if first < last:
        sound[start + first : start + last] += gain * event[first:last]


def moments(dice: Dice, samples: int, rate: float) -> list[int]:
    """Sample numbers at random times in order, `rate` a second on average, at least one."""
    count = max(1, int(dice.rng.poisson(rate * samples / RATE)))
    return [int(start) for start in np.sort(dice.rng.integers(0, samples, size=count))]


def strew(dice: Dice, samples: int, rate: float, bank: Sequence[Sound]) -> Sound:
    """Events out of a bank at random times, `rate` a second on average, their levels over 14 dB."""
    sound = np.zeros(samples)
    for start in moments(dice, samples, rate):
        add(sound, dice.one_of(bank), start, dice.between(0.2, 1.0))
    return sound


def in_turn(dice: Dice, events: Sequence[Sound], gap: tuple[float, float]) -> Sound:
    """Events one after the other, with gaps of a random number of seconds between; overlaps if negative."""
    starts = [0]
    for event in events[:-1]:
        starts.append(max(0, starts[-1] + len(event) + int(dice.between(*gap) * RATE)))
    sound = np.zeros(max(start + len(event) for start, event in zip(starts, events, strict=True)))
    for start, event in zip(starts, events, strict=True):
        add(sound, event, start)
    return sound


def colour(dice: Dice, sound: Sound, depth: float) -> Sound:
    """The sound through a thing's own smooth frequency response, drawn at random over `depth` dB."""
    gains = [dice.trait(-depth / 2.0, depth / 2.0) for _ in range(10)]  # at 40 Hz to 8 kHz
    size = scipy.fft.next_fast_len(len(sound), real=True)
    frequencies = np.maximum(scipy.fft.rfftfreq(size, 1.0 / RATE), 1.0)
    decibel = np.interp(np.log(frequencies), np.linspace(np.log(40.0), np.log(8000.0), len(gains)), gains)
    coloured: Sound = scipy.fft.irfft(scipy.fft.rfft(sound, size) * 10.0 ** (decibel / 20.0), size)
    return coloured[: len(sound)]


def arch(samples: int, peak: float = 0.5) -> Sound:
    """A gain that rises from 0 to 1 at the share `peak` of the time and falls to 0 again, smoothly."""
    place = np.interp(np.arange(samples), [0.0, peak * samples, samples], [0.0, 0.5, 1.0])
    curve: Sound = np.sin(np.pi * place)
    return curve
