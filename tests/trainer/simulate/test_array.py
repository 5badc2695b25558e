from __future__ import annotations

import numpy as np
import pytest

from trainer.simulate.array import MICROPHONES, SPACING, SPEED_OF_SOUND, STEPS, render, responses
from trainer.simulate.sounds import RATE, noise, rms


def dry(seed: int = 0) -> np.ndarray:
    """Two seconds of noise."""
    return noise(np.random.default_rng(seed), 2 * RATE, 100.0, 7000.0)


@pytest.mark.parametrize("level", [-60.0, -40.0, -25.0])
def test_level_is_what_was_asked_for(level: float) -> None:
    """The rms of the recording is the level in dBFS."""
    wet = render(np.random.default_rng(1), dry(), level)
    assert wet.shape == (MICROPHONES, 2 * RATE)
    assert 20 * np.log10(rms(wet)) == pytest.approx(
        level, abs=1.0
    )  # self noise and quantisation add to the softest


def test_twelve_bits() -> None:
    """Every sample is one of 4096 steps in [-1, 1), also when it is too loud."""
    wet = render(np.random.default_rng(1), dry(), 6.0)
    np.testing.assert_array_equal(wet * STEPS, np.round(wet * STEPS))
    assert (wet.min(), wet.max()) == (-1.0, 1.0 - 1.0 / STEPS)


def test_direct_sound_passes_along_the_row() -> None:
    """The direct sound reaches the microphones one after the other, at most 5 cm of air apart."""
    for seed in range(5):
        heads = responses(np.random.default_rng(seed))[:, : int(0.0032 * RATE)]
        fine = np.fft.irfft(np.fft.rfft(heads, 256), 16 * 256)  # sixteen times oversampled
        arrivals = np.abs(fine).argmax(axis=1) / (16 * RATE)
        steps = np.diff(arrivals)
        assert np.ptp(steps) < 3e-5  # equal steps: a plane wave
        assert np.abs(steps).max() < SPACING / SPEED_OF_SOUND + 2e-5


def test_microphones_differ() -> None:
    """No two microphones hear the same, but they hear the same source."""
    wet = render(np.random.default_rng(2), dry(), -30.0)
    coherence = np.corrcoef(wet)
    assert np.all(coherence[np.triu_indices(4, 1)] < 0.999)
    levels = 20 * np.log10([rms(channel) for channel in wet])
    assert 0 < np.ptp(levels) < 6


def test_silence_is_self_noise() -> None:
    """A silent room is not digital silence: the microphones hiss."""
    wet = render(np.random.default_rng(3), np.zeros(RATE), -40.0)
    assert -82 < 20 * np.log10(rms(wet)) < -60
