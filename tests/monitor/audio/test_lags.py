"""Lags between channels."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.audio.lags import NEAR, REACH, lags

LENGTH = 8000


@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize("behind", [0, 1, -7, 100, -400, 1500])
def test_a_shift_is_found_to_the_sample(rate: int, behind: int) -> None:
    """Positive is later, and neither level nor noise at a quarter of the power matters."""
    rng = np.random.default_rng(0)
    sound = rng.standard_normal(4 * LENGTH + 4000)
    first, second = sound[2000:-2000], 0.01 * np.roll(sound, behind)[2000:-2000]
    second = second + 0.005 * rng.standard_normal(len(second))
    parts = np.stack([first, second]).reshape(2, 4, LENGTH).astype(np.float32)
    assert lags(parts, rate).tolist() == [0.0, behind / rate]


def test_beyond_reach_is_unknown() -> None:
    """As are signals without anything in common, and a copy a period away from another."""
    rng = np.random.default_rng(0)
    parts = rng.standard_normal((4, 4, LENGTH))
    parts[1] = np.roll(parts[0], round(1.5 * REACH * 16000), axis=-1)
    parts[3] = parts[0] + np.roll(parts[0], round(3 * NEAR * 16000), axis=-1)
    assert np.isnan(lags(parts.astype(np.float32), 16000)[1:]).all()
