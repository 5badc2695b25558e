from __future__ import annotations

import sys

import numpy as np
import pytest

from monitor.errors import Exit, MonitorError
from trainer.simulate.dice import Dice
from trainer.simulate.materials import absorption, reverberation

SIZE = np.array([5.0, 4.0, 2.5])


@pytest.mark.parametrize("seconds", [0.1, 0.4, 0.9])
def test_room_is_furnished_until_it_reverberates_as_asked(seconds: float) -> None:
    """The reverberation time is the one asked for, at middle frequencies, and never far from it."""
    for seed in range(5):
        absorbed = absorption(Dice(seed), SIZE, seconds)
        assert absorbed.shape == (6, 7)
        assert ((absorbed > 0) & (absorbed < 1)).all()
        times = reverberation(SIZE, absorbed, air=False)
        assert 1 / np.mean(1 / times[2:4]) == pytest.approx(seconds, rel=0.1)
        assert ((times > 0.49 * seconds) & (times < 1.51 * seconds)).all()


def test_reverberation_of_a_known_room() -> None:
    """A cube of 10 m whose walls absorb a tenth: T = 0.161 V / (-S ln 0.9)."""
    size = np.full(3, 10.0)
    times = reverberation(size, np.full((6, 7), 0.1), air=False)
    np.testing.assert_allclose(times, 0.161 * 1000 / (600 * 0.10536), rtol=2e-3)


def test_air_takes_high_frequencies() -> None:
    """Air shortens the reverberation at 8 kHz, and hardly at 125 Hz."""
    absorbed = np.full((6, 7), 0.1)
    ratio = reverberation(SIZE, absorbed) / reverberation(SIZE, absorbed, air=False)
    assert ratio[0] > 0.99
    assert ratio[-1] < 0.7


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyroomacoustics the message says what to install."""
    monkeypatch.setitem(sys.modules, "pyroomacoustics", None)
    with pytest.raises(MonitorError, match=r"pip install 'activity-monitor\[simulate\]'") as caught:
        absorption(Dice(1), SIZE, 0.4)
    assert caught.value.exit_code == Exit.UNAVAILABLE
