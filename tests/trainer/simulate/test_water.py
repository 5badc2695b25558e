"""Water of the simulator."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, Sound
from trainer.simulate.signals import rms
from trainer.simulate.water import bubble, bubbles, drips, gurgle, pour, sliding, tap


def centre(sound: Sound) -> float:
    """Hertz at the middle of the power."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    frequencies = np.fft.rfftfreq(len(sound), 1 / RATE)
    return float((power * frequencies).sum() / power.sum())


@pytest.mark.parametrize("radius", [0.001, 0.003, 0.01])
def test_bubbles_ring_at_minnaerts_pitch(radius: float) -> None:
    """The spectrum of a bubble peaks at 3 / radius hertz or, when it rises, somewhat above."""
    for seed in range(4):
        spectrum = np.abs(np.fft.rfft(bubble(Dice(seed), radius), 2 * RATE))
        assert 0.9 < spectrum.argmax() / 2.0 / (3.0 / radius) < 1.3


def test_large_bubbles_are_lower_than_small_ones() -> None:
    """A pot that boils sounds lower than a splash."""
    small = bubbles(Dice(0), RATE, 100.0, (0.0006, 0.001))
    large = bubbles(Dice(0), RATE, 100.0, (0.006, 0.010))
    assert centre(large) < 0.3 * centre(small)


def test_taps_run_only_while_they_are_open() -> None:
    """Water that is turned off is silent, water that runs has an rms of about 1."""
    for seed in range(5):
        sound = tap(Dice(seed), 4 * RATE, [(0, 2 * RATE)])
        assert 0.05 < rms(sound[: RATE + RATE // 2]) < 3.0
        assert rms(sound[3 * RATE :]) < 1e-9


@pytest.mark.parametrize("event", [pour, gurgle])
def test_pouring_and_draining_take_seconds(event: object) -> None:
    """Pouring and draining are events of one to six seconds with a peak of 1."""
    for seed in range(3):
        sound = event(Dice(seed))  # type: ignore[operator]
        assert RATE <= len(sound) <= 6 * RATE
        assert np.abs(sound).max() == pytest.approx(1.0)


def test_drips_have_pauses() -> None:
    """Between drops there is silence."""
    sound = drips(Dice(2), 5 * RATE)
    assert np.mean(np.abs(sound) < 1e-6) > 0.2


def test_narrow_bands_follow_their_pitch() -> None:
    """A band that slides from 500 to 2000 Hz is there at its beginning and at its end."""
    sound = sliding(Dice(0), np.linspace(500.0, 2000.0, RATE), 20.0)
    assert centre(sound[: RATE // 10]) == pytest.approx(575.0, rel=0.2)
    assert centre(sound[-RATE // 10 :]) == pytest.approx(1925.0, rel=0.2)
    assert rms(sound) == pytest.approx(1.0)
