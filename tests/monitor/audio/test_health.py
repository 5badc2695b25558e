"""Levels and faults of microphones."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.audio import health
from tests.toys import tone


def test_faults_are_named_per_channel() -> None:
    """Dead, stuck and non-finite channels are found; a healthy and a very quiet one are not."""
    samples = np.vstack([tone("low", 0.5, channels=1)] * 6)
    samples[1] = 0.0
    samples[2] = 0.25
    samples[3, 100] = np.nan
    samples[4, 7] = np.inf
    samples[5] *= 1e-4
    assert health.faults(samples) == {1: "dead", 2: "stuck", 3: "non_finite", 4: "non_finite"}


def test_level_of_a_full_scale_sine() -> None:
    """A sine of amplitude 1 is at -3.01 dBFS, one of 0.1 at -23.01."""
    sine = np.sin(2 * np.pi * 50 * np.arange(16000) / 16000)
    levels = health.levels_dbfs(np.stack([sine, 0.1 * sine]).astype(np.float32))
    np.testing.assert_allclose(levels, [-3.0103, -23.0103], atol=1e-3)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_level_is_always_a_number(value: float) -> None:
    """Digital silence and non-finite samples are at -120 dBFS, which JSON can carry."""
    assert health.levels_dbfs(np.full((1, 10), value, dtype=np.float32)).tolist() == [-120.0]
