"""Noise, gains, stretches and events of the simulator."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, Sound
from trainer.simulate.signals import rms
from trainer.simulate.textures import (
    GRID,
    beats,
    clicks,
    colour,
    coloured,
    crackle,
    crossfade,
    factor,
    gate,
    gestures,
    log_trait,
    place,
    poisson,
    resonance,
    rms_one,
    rub,
    steps,
    stretches,
    together,
    wander,
)


def band_db(sound: Sound, low: float, high: float) -> float:
    """Mean power per hertz between two frequencies, dB."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    frequencies = np.fft.rfftfreq(len(sound), 1 / RATE)
    return 10.0 * float(np.log10(power[(frequencies >= low) & (frequencies < high)].mean()))


def test_noise_has_the_colour_asked_for() -> None:
    """Noise of a colour that falls 6 dB an octave does so, with a bump where a resonance is."""
    falling = -6.0 * np.log2(GRID / 1000.0)
    plain = coloured(Dice(0), 4 * RATE, falling)
    assert band_db(plain, 480, 520) - band_db(plain, 1950, 2050) == pytest.approx(12.0, abs=1.0)
    bumped = coloured(Dice(0), 4 * RATE, falling + resonance(2000.0, 10.0, 0.2))
    assert band_db(bumped, 480, 520) - band_db(bumped, 1950, 2050) == pytest.approx(2.0, abs=1.0)
    assert rms(plain) == pytest.approx(1.0)


def test_colours_stay_near_their_points() -> None:
    """A colour without spread goes through its levels, each a third of an octave off at most."""
    spectrum = colour(Dice(0), [(100.0, 0.0), (1000.0, -30.0)], 0.0)
    assert spectrum[GRID < 70.0] == pytest.approx(0.0)
    assert spectrum[GRID > 1300.0] == pytest.approx(-30.0)
    assert np.ptp(colour(Dice(0), [(100.0, 0.0), (1000.0, 0.0)], 6.0)) <= 12.0


def test_crossfades_go_from_one_colour_to_the_other() -> None:
    """At share 0 there is the first colour only, at 1 only the second, at the same rms."""
    low, high = (np.where(GRID < 1000.0, *levels) for levels in ((0.0, -80.0), (-80.0, 0.0)))
    sound = crossfade(Dice(0), low, high, np.repeat([0.0, 1.0], RATE))
    assert band_db(sound[:RATE], 100, 900) > band_db(sound[:RATE], 1200, 8000) + 30.0
    assert band_db(sound[RATE:], 1200, 8000) > band_db(sound[RATE:], 100, 900) + 30.0
    assert rms(sound[:RATE]) == pytest.approx(rms(sound[RATE:]), rel=0.2)


def test_gains_wander_by_their_decibels() -> None:
    """A gain that wanders by 2 dB has about this standard deviation."""
    gain = wander(Dice(0), 100 * RATE, 0.1, 2.0)
    assert 1.2 < np.std(20.0 * np.log10(gain)) < 2.1
    assert factor(-20.0) == pytest.approx(0.1)


def test_stretches_are_in_order_and_within() -> None:
    """Stretches do not overlap, lie within the sound, and there is always one."""
    for seed in range(50):
        times = stretches(Dice(seed), 10 * RATE, (0.5, 4.0), (0.5, 20.0))
        assert times
        edges = [edge for stretch in times for edge in stretch]
        assert edges == sorted(edges)
        assert edges[0] >= 0
        assert edges[-1] <= 10 * RATE


def test_gates_are_open_in_their_stretches() -> None:
    """A gate is 1 within its stretch, 0 without, and between them only for the fade."""
    gain = gate(Dice(0), RATE, [(4000, 8000)], fade=0.01)
    assert gain[4100:7900] == pytest.approx(1.0)
    assert gain[:3900] == pytest.approx(0.0)
    assert gain[8100:] == pytest.approx(0.0)
    assert factor(-10.0) <= gate(Dice(0), RATE, [(0, RATE)], 0.01, db=10.0)[RATE // 2] < 1.0


def test_events_come_at_their_rate() -> None:
    """Poisson events have their rate and density, beats their pace, gestures their number."""
    assert 900 < len(poisson(Dice(0), 100 * RATE, 10.0)) < 1100
    half = np.repeat([0.0, 1.0], RATE)
    assert poisson(Dice(0), 2 * RATE, 100.0, half).min() >= RATE
    steps = np.diff(beats(Dice(0), [(0, 60 * RATE)], (2.0, 2.001)))
    assert np.mean(steps) == pytest.approx(RATE / 2, rel=0.05)
    assert len(gestures(Dice(0), RATE, 1e-9, (1, 1), (0.1, 0.2))) == 1


def test_events_land_at_their_times_and_end_with_the_sound() -> None:
    """Events are cut off at the end and are softer than the bank by no more than asked."""
    sound = place(Dice(0), 100, np.array([10, 98]), [np.ones(5)], db=6.0)
    assert np.flatnonzero(sound).tolist() == [10, 11, 12, 13, 14, 98, 99]
    assert factor(-6.0) <= sound[10] <= 1.0


def test_events_together_start_together() -> None:
    """Two events add up from the start, and the longer one goes on alone."""
    assert together(np.ones(2), np.ones(3)).tolist() == [2.0, 2.0, 1.0]


def test_fans_keep_a_level_for_a_while() -> None:
    """Steps are levels within their range, and some seconds lie between two changes."""
    gain = steps(Dice(0), 20 * RATE, (2.0, 4.0), fade=0.1, db=10.0)
    assert factor(-10.0) <= gain.min() < gain.max() <= 1.0
    changing = np.abs(np.diff(gain)) > 1e-9
    assert 0.02 < changing.mean() < 0.06


def test_short_events_have_their_size() -> None:
    """Clicks and crackles have a peak of 1, a rub begins and ends softly; silence keeps its level."""
    for burst in clicks(Dice(0), 5, (0.001, 0.002), 2000.0, 4000.0):
        assert np.abs(burst).max() == pytest.approx(1.0)
    assert np.abs(crackle(Dice(0), 0.5, 300.0, 1000.0, 6000.0)).max() == pytest.approx(1.0)
    stroke = rub(Dice(0), 0.5, np.zeros_like(GRID))
    assert len(stroke) == RATE // 2
    assert np.abs(stroke[:50]).max() < 0.2 < np.abs(stroke).max()
    assert not rms_one(np.zeros(10)).any()


def test_logarithmic_traits_are_even_over_octaves() -> None:
    """Half of the draws from 100 to 1600 are below 400, and held-out ones come from strips of their own."""
    dice = Dice(0)
    assert 0.4 < np.mean([log_trait(dice, 100.0, 1600.0) < 400.0 for _ in range(1000)]) < 0.6
    secret = Dice(0, held_out=True)
    strips = {int(10 * np.log(log_trait(secret, 100.0, 1600.0) / 100.0) / np.log(16.0)) for _ in range(100)}
    assert strips == {2, 6}
