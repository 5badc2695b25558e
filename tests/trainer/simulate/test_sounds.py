from __future__ import annotations

import numpy as np
import pytest

from trainer.simulate.sounds import (
    ACTIVITIES,
    RATE,
    bandpass,
    bubble,
    chewing,
    click,
    footsteps,
    fricative,
    hum,
    key_press,
    knock,
    modes,
    noise,
    rms,
    rustle,
    scatter,
    swell,
)


def share(sound: np.ndarray, low: float, high: float) -> float:
    """Part of the power between two frequencies."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    frequencies = np.fft.rfftfreq(len(sound), 1 / RATE)
    return float(power[(frequencies >= low) & (frequencies <= high)].sum() / power.sum())


@pytest.mark.parametrize("name", ACTIVITIES)
def test_activities_are_sounds(name: str) -> None:
    """Every activity is finite, not silent, within [-1, 1] and as long as asked for."""
    for seed in range(3):
        sound = ACTIVITIES[name](np.random.default_rng(seed), 3 * RATE)
        assert sound.shape == (3 * RATE,)
        assert np.isfinite(sound).all()
        assert np.abs(sound).max() == pytest.approx(1.0)
        assert rms(sound) > 1e-3


@pytest.mark.parametrize("name", ACTIVITIES)
def test_activities_follow_their_seed(name: str) -> None:
    """The same seed gives the same sound, another seed another one."""
    first, again, other = (ACTIVITIES[name](np.random.default_rng(seed), RATE) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("event", [bubble, chewing, footsteps, fricative, key_press, rustle])
def test_events_are_short_and_loud(event: object) -> None:
    """Events last some seconds at most, and their peak is about 1."""
    for seed in range(5):
        sound = event(np.random.default_rng(seed))  # type: ignore[operator]
        assert 0 < len(sound) < 8 * RATE
        assert 0.5 < np.abs(sound).max() <= 1.0 + 1e-9


def test_noise_keeps_to_its_band() -> None:
    """Noise from 500 to 2000 Hz has its power there, and an rms of 1."""
    sound = noise(np.random.default_rng(0), RATE, 500.0, 2000.0)
    assert share(sound, 450.0, 2200.0) > 0.98
    assert rms(sound) == pytest.approx(1.0)


def test_tilt_moves_power_down() -> None:
    """Tilted noise has more of its power in the low half of its band."""
    flat, tilted = (noise(np.random.default_rng(0), RATE, 100.0, 4000.0, tilt) for tilt in (0.0, 1.0))
    assert share(tilted, 100.0, 500.0) > 2 * share(flat, 100.0, 500.0)


def test_hum_is_harmonic() -> None:
    """A hum without drift has all its power at multiples of its pitch."""
    sound = hum(np.random.default_rng(0), RATE, 200.0, harmonics=5)
    assert sum(share(sound, 200.0 * k - 1, 200.0 * k + 1) for k in range(1, 6)) > 0.999


def test_struck_objects_ring_and_die() -> None:
    """Modes ring between their frequencies and are softer at the end."""
    for seed in range(5):
        sound = modes(np.random.default_rng(seed), 0.2, 1000.0, 3000.0)
        assert share(sound, 900.0, 3100.0) > 0.9
        assert rms(sound[len(sound) // 2 :]) < 0.3 * rms(sound[: len(sound) // 2])
    assert np.abs(knock(np.random.default_rng(0), 0.05, 100.0, 500.0)).max() == pytest.approx(1.0)
    assert np.abs(click(np.random.default_rng(0), 0.001)).argmax() < 100


def test_scatter_has_its_rate() -> None:
    """Events come at about the rate asked for, only where they may, and at least one does."""
    rng = np.random.default_rng(0)
    ticks = scatter(rng, 100 * RATE, 3.0, [lambda: np.ones(1)])
    assert 240 < np.count_nonzero(ticks) < 360
    assert np.count_nonzero(scatter(rng, RATE, 1e-9, [lambda: np.ones(1)])) == 1
    second_half = np.arange(RATE) >= RATE // 2
    assert not scatter(rng, RATE, 50.0, [lambda: np.ones(1)], where=second_half)[: RATE // 2].any()


def test_swell_stays_in_its_range() -> None:
    """A swell of depth 0.3 is a gain between 0.7 and 1."""
    gain = swell(np.random.default_rng(0), RATE, 0.1, depth=0.3)
    assert 0.7 <= gain.min() < gain.max() <= 1.0


def test_bandpass_keeps_its_middle() -> None:
    """A tone in the band passes, a tone far below is gone."""
    time = np.arange(RATE) / RATE
    middle, below = (np.sin(2 * np.pi * pitch * time) for pitch in (1000.0, 50.0))
    assert rms(bandpass(middle, 300.0, 3000.0)) == pytest.approx(rms(middle), rel=0.05)
    assert rms(bandpass(below, 300.0, 3000.0)) < 0.05 * rms(below)
