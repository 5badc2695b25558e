from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trainer.simulate.dice import Dice
from trainer.simulate.microphones import KNOTS, Microphones, digitise, draw_microphones
from trainer.simulate.scene import RATE, REFERENCE_PASCALS

FLAT = Microphones(
    gains=np.full(4, 0.1),
    colour=np.zeros((4, len(KNOTS))),
    high_pass=20.0,
    low_pass=None,
    resonance=0.0,
    self_noise=25.0,
    rumble=100.0,
    redness=0.0,
    stagger=0.0,
    hum=None,
    mains=50.0,
    bits=16,
    converter_noise=0.5,
)
"""Good microphones: 1 pascal is a tenth of full scale"""


def tone(frequency: float, pascals: float = 1.0) -> np.ndarray:
    """Two seconds of it at four microphones, float32; `pascals` is its amplitude."""
    wave = pascals * np.sin(2 * np.pi * frequency * np.arange(2 * RATE) / RATE)
    return np.tile(wave, (4, 1)).astype(np.float32)


def silence() -> np.ndarray:
    """Two seconds of no sound."""
    return np.zeros((4, 2 * RATE), dtype=np.float32)


def gain(microphones: Microphones, frequency: float) -> np.ndarray:
    """Amplitude of a tone of 1 pascal in the recording, `[4]`."""
    digital = digitise(Dice(1), microphones, tone(frequency))[:, RATE // 2 : -RATE // 2]
    return np.sqrt(2) * digital.std(axis=1)


def decibel(ratio: np.ndarray) -> np.ndarray:
    """Of amplitudes."""
    return 20 * np.log10(ratio)


def test_gains_are_those_of_the_microphones() -> None:
    """A tone of 1 pascal has the amplitude that each microphone gives it."""
    gains = np.array([0.1, 0.2, 0.05, 0.1])
    np.testing.assert_allclose(gain(replace(FLAT, gains=gains), 1000.0), gains, rtol=0.01)


def test_high_pass_and_low_pass() -> None:
    """Both are down by 3 dB at their frequencies; beyond them there is little left."""
    muffled = replace(FLAT, high_pass=80.0, low_pass=4000.0)
    levels = [decibel(gain(muffled, frequency) / 0.1)[0] for frequency in (80.0, 4000.0, 20.0, 5600.0)]
    np.testing.assert_allclose(levels[:2], -3.0, atol=0.7)
    assert levels[2] < -18.0
    assert levels[3] < -30.0


def test_resonance_rises_towards_high_frequencies() -> None:
    """A small port makes the top louder and leaves 1 kHz alone."""
    bright = replace(FLAT, resonance=9.0)
    low, high = (decibel(gain(bright, frequency) / 0.1)[0] for frequency in (1000.0, 7000.0))
    assert abs(low) < 0.2
    assert high == pytest.approx(9.0 * (7 / 8) ** 3, abs=0.3)


def test_colour_differs_between_microphones() -> None:
    """Each microphone departs from the flat response in its own way."""
    colour = np.zeros((4, len(KNOTS)))
    colour[2, KNOTS == 1000.0] = 6.0
    levels = decibel(gain(replace(FLAT, colour=colour), 1000.0) / 0.1)
    np.testing.assert_allclose(levels, [0.0, 0.0, 6.0, 0.0], atol=0.3)


def test_channels_are_converted_one_after_the_other() -> None:
    """The phase of a tone runs ahead by a quarter of a sample from channel to channel."""
    digital = digitise(Dice(1), replace(FLAT, stagger=0.25), tone(1000.0))[:, RATE // 2 : -RATE // 2]
    middle = np.fft.rfft(digital)[:, 1000]
    np.testing.assert_allclose(np.diff(np.angle(middle)), 2 * np.pi * 1000 * 0.25 / RATE, rtol=0.03)


@pytest.mark.parametrize("bits", [12, 16])
def test_samples_are_steps_of_the_converter(bits: int) -> None:
    """Every sample is one of 2 ** bits values in [-1, 1), also when it is too loud."""
    digital = digitise(Dice(1), replace(FLAT, bits=bits), tone(500.0, 100.0))
    steps = 2.0 ** (bits - 1)
    np.testing.assert_array_equal(digital * steps, np.round(digital * steps))
    assert (digital.min(), digital.max()) == (-1.0, 1.0 - 1.0 / steps)


def test_self_noise_is_as_loud_as_a_sound_of_its_level() -> None:
    """In silence microphones record their noise, each its own."""
    digital = digitise(Dice(1), replace(FLAT, self_noise=38.0), silence())
    level = decibel(digital.std(axis=1) / 0.1 / REFERENCE_PASCALS)
    assert ((level > 37.5) & (level < 39.0)).all()
    assert np.abs(np.corrcoef(digital)[np.triu_indices(4, 1)]).max() < 0.1


def test_red_noise_is_low() -> None:
    """Redness makes the noise below the rumble's frequency stronger and leaves the rest."""
    plain, red = (
        np.abs(np.fft.rfft(digitise(Dice(1), replace(FLAT, self_noise=38.0, redness=redness), silence())))
        for redness in (0.0, 9.0)
    )
    low, high = slice(100, 160), slice(8000, 14000)  # bins of half a hertz
    assert red[:, low].mean() > 4 * plain[:, low].mean()
    assert red[:, high].mean() == pytest.approx(plain[:, high].mean(), rel=0.05)


@pytest.mark.parametrize("seed", range(10))
def test_silence_is_never_digital_silence(seed: int) -> None:
    """Whatever the microphones, some samples move, and none is clipped."""
    digital = digitise(Dice(seed), draw_microphones(Dice(seed)), silence())
    assert (digital.std(axis=1) > 0).all()
    assert np.abs(digital).max() < 0.1


def test_hum_is_of_the_mains() -> None:
    """Hum at -70 dB relative to full scale lies at multiples of the mains' frequency."""
    power = np.abs(np.fft.rfft(digitise(Dice(1), replace(FLAT, hum=-70.0, mains=60.0), silence())[0])) ** 2
    lines = np.arange(120, 120 * 9, 120)  # bins of half a hertz
    assert power[lines].sum() / power.sum() > 0.5
    assert 10 * np.log10(2 * power[lines].sum() / (2 * RATE) ** 2) == pytest.approx(-70.0, abs=0.5)


def test_arrays_differ_widely() -> None:
    """Sensitivities spread over 20 dB and more, some codecs are narrow, some converters coarse."""
    drawn = [draw_microphones(Dice(seed)) for seed in range(100)]
    assert np.ptp([decibel(microphones.gains.mean()) for microphones in drawn]) > 20.0
    assert {microphones.bits for microphones in drawn} == {12, 16}
    assert 10 < sum(microphones.low_pass is not None for microphones in drawn) < 50
