from __future__ import annotations

import numpy as np
import pytest

from monitor.inference.waveform import resampled


def tone(hertz: float, rate: int, seconds: float) -> np.ndarray:
    """A tone of amplitude 0.5, `[1, samples]`."""
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)).astype(np.float32)[
        None
    ]


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("wanted", [32_000, 48_000])
@pytest.mark.parametrize("seconds", [0.001, 0.37, 1.0])
def test_length(rate: int, wanted: int, seconds: float) -> None:
    """However the rates divide, a window has exactly as many samples as a graph expects."""
    samples = np.ones((2, round(rate * seconds)), dtype=np.float32)
    found = resampled(samples, rate, wanted)
    assert found.shape == (2, round(samples.shape[1] * wanted / rate))
    assert found.dtype == np.float32
    assert found.flags.c_contiguous


@pytest.mark.parametrize(("rate", "wanted"), [(16_000, 48_000), (16_000, 32_000), (44_100, 32_000)])
def test_a_tone_stays_a_tone(rate: int, wanted: int) -> None:
    """Pitch, loudness and phase of a tone are those that it would have at the other rate."""
    found, same = resampled(tone(1000.0, rate, 1.0), rate, wanted), tone(1000.0, wanted, 1.0)
    inner = slice(wanted // 10, -wanted // 10)  # at the ends, half of the filter hears nothing
    np.testing.assert_allclose(found[0, inner], same[0, inner], atol=1e-4)


def test_the_same_rate() -> None:
    """What has the right rate is left alone."""
    samples = tone(1000.0, 32_000, 0.1)
    assert resampled(samples, 32_000, 32_000) is samples


def test_channels_stay_apart() -> None:
    """A channel comes out as if it were alone."""
    samples = np.concatenate([tone(440.0, 16_000, 0.5), np.zeros((1, 8000), np.float32)])
    found = resampled(samples, 16_000, 48_000)
    np.testing.assert_array_equal(found[:1], resampled(samples[:1], 16_000, 48_000))
    assert not found[1].any()
