"""From sound pressure to digital samples: what four microphones and their converter do to a sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.signal

from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, REFERENCE_PASCALS
from trainer.simulate.signals import hum

Floats = npt.NDArray[np.float64]
Samples = npt.NDArray[np.float32]
Level = TypeVar("Level", float, Floats)

MICROPHONES = 4
KNOTS = 62.5 * 2.0 ** np.arange(0.0, 7.5, 0.5)
"""Hertz: between these the random part of a frequency response is smooth"""
TAPS = 2048
"""Of the filters that stand for the frequency responses: long enough for a high-pass at 20 Hz"""


@dataclass(frozen=True)
class Microphones:
    """Four microphones with one converter."""

    gains: Floats
    """`[4]`, sample values per pascal"""
    colour: Floats
    """`[4, knots]` dB at `KNOTS`: where the microphones depart from a flat response"""
    high_pass: float
    """Hertz, -3 dB"""
    low_pass: float | None
    """Hertz, -3 dB, of a narrow-band codec; None: all that 16 kHz can hold"""
    resonance: float
    """dB at 8 kHz: the rise of a small port's resonance, which lies above that"""
    self_noise: float
    """dB SPL of a sound as loud as the white part of the noise of a microphone"""
    rumble: float
    """Hertz, below which the self-noise is stronger"""
    redness: float
    """Amplitude of that additional noise, relative to the white part"""
    stagger: float
    """Samples by which each channel is converted later than the one before it"""
    hum: float | None
    """dB relative to full scale of hum from the mains, rms; None: there is none"""
    mains: float
    """Hertz"""
    bits: int
    """Of the converter, sign included"""
    converter_noise: float
    """Rms in steps of the converter"""


def draw_microphones(dice: Dice) -> Microphones:
    """Any four microphones, from those of a recorder to those of a cheap device."""
    recorder = dice.chance(0.4)
    bits = 16 if recorder else dice.one_of((12, 16, 16))
    # A converter of 12 bits would lose everything behind insensitive microphones.
    insensitive = bits == 16 and not recorder
    sensitivity = dice.trait(-40.0, -10.0) if insensitive else dice.trait(-25.0, -10.0)  # dBFS at 1 pascal
    spread = dice.one_of((0.5, 1.5, 1.5, 4.0))
    device = dice.rng.normal(0.0, dice.one_of((0.5, 2.0, 4.0)), size=len(KNOTS))
    return Microphones(
        gains=_amplitude(sensitivity + dice.rng.uniform(-spread, spread, size=MICROPHONES)),
        colour=device + dice.rng.normal(0.0, 0.5, size=(MICROPHONES, len(KNOTS))),
        high_pass=dice.trait(20.0, 100.0),
        low_pass=dice.trait(3500.0, 7500.0) if dice.chance(0.25) else None,
        resonance=dice.trait(0.0, 9.0),
        self_noise=dice.trait(0.0, 20.0) if recorder else dice.trait(25.0, 38.0),
        rumble=dice.trait(20.0, 800.0),
        redness=dice.trait(0.0, 10.0),
        stagger=dice.one_of((0.0, dice.trait(0.0, 0.25))),
        hum=dice.trait(-100.0, -70.0) if dice.chance(0.25) else None,
        mains=dice.one_of((50.0, 60.0)),
        bits=bits,
        converter_noise=dice.trait(0.4, 1.5),
    )


def digitise(dice: Dice, microphones: Microphones, pascals: Samples) -> Floats:
    """What the converter delivers.

    Args:
        dice: source of random numbers.
        microphones: what records.
        pascals: `[4, samples]`, sound pressure at the microphones, at 16 kHz.

    Returns:
        `[4, samples]` in [-1, 1), whole steps of the converter.
    """
    noisy = pascals + _self_noise(dice, microphones, pascals.shape[1])
    heard: Samples = scipy.signal.oaconvolve(noisy, _filters(microphones), mode="same", axes=1)
    if microphones.hum is not None:
        # The mains keep their frequency to some hundredths of a hertz, so that one second can repeat.
        mains = hum(dice, RATE, microphones.mains, 8).astype(np.float32)
        heard += _amplitude(microphones.hum) * np.resize(mains, heard.shape[1])
    return _convert(dice, microphones, heard)


def _filters(microphones: Microphones) -> Samples:
    """Impulse responses `[4, taps]`, sample values per pascal; time 0 is in the middle."""
    frequencies = np.maximum(scipy.fft.rfftfreq(TAPS, 1.0 / RATE), 1.0)
    common = _amplitude(microphones.resonance * (frequencies / 8000.0) ** 3)
    common /= np.sqrt(1.0 + (microphones.high_pass / frequencies) ** 4)
    if microphones.low_pass is not None:
        common /= np.sqrt(1.0 + (frequencies / microphones.low_pass) ** 32)
    colour = np.stack([np.interp(np.log(frequencies), np.log(KNOTS), knots) for knots in microphones.colour])
    # A channel that is converted later hears what is to come: its phase runs ahead.
    ahead = np.exp(2j * np.pi * frequencies / RATE * microphones.stagger * np.arange(MICROPHONES)[:, None])
    response = microphones.gains[:, None] * common * _amplitude(colour) * ahead
    impulses = scipy.fft.fftshift(scipy.fft.irfft(response, TAPS), axes=1)
    filters: Samples = (impulses * scipy.signal.windows.hann(TAPS, sym=False)).astype(np.float32)
    return filters


def _self_noise(dice: Dice, microphones: Microphones, samples: int) -> Samples:
    """Pascals `[4, samples]`: white, and rising towards low frequencies."""
    white = dice.rng.standard_normal((MICROPHONES, samples), dtype=np.float32)
    low = scipy.signal.sosfilt(
        scipy.signal.butter(1, microphones.rumble, fs=RATE, output="sos").astype(np.float32), white
    )
    noise: Samples = (
        REFERENCE_PASCALS * _amplitude(microphones.self_noise) * (white + microphones.redness * low)
    )
    return noise


def _convert(dice: Dice, microphones: Microphones, heard: Samples) -> Floats:
    steps = 2.0 ** (microphones.bits - 1)
    noise = microphones.converter_noise * dice.rng.standard_normal(heard.shape, dtype=np.float32)
    whole = np.clip(np.round(steps * heard + noise), -steps, steps - 1.0)
    return whole.astype(np.float64) / steps


def _amplitude(decibels: Level) -> Level:
    amplitude: Level = 10.0 ** (decibels / 20.0)
    return amplitude
