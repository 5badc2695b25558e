"""Timelines, soft noise, throats and music: what the activities are put together from."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.simulate.dice import Dice
from trainer.simulate.household import dropped
from trainer.simulate.music import Instrument, music, tone
from trainer.simulate.scene import RATE, Sound
from trainer.simulate.signals import hum, rms
from trainer.simulate.steady import PERIOD, rush, unsteady
from trainer.simulate.throats import applause, laugh, phonate
from trainer.simulate.timeline import add, arch, colour, in_turn, moments, strew


def share(sound: Sound, low: float, high: float) -> float:
    """Part of the power between two frequencies."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    frequencies = np.fft.rfftfreq(len(sound), 1 / RATE)
    return float(power[(frequencies >= low) & (frequencies <= high)].sum() / power.sum())


def test_add_keeps_what_fits() -> None:
    """Events are mixed in where they lie, and cut at both ends."""
    sound, event = np.zeros(4), np.array([1.0, 2.0, 3.0])
    add(sound, event, 2)
    add(sound, event, -1, gain=10.0)
    add(sound, event, 9)
    add(sound, event, -5)
    np.testing.assert_array_equal(sound, [20.0, 30.0, 1.0, 2.0])


def test_moments_come_at_their_rate() -> None:
    """Times are in order, within the sound, as many as asked for on average, and never none."""
    times = moments(Dice(1), 100 * RATE, 3.0)
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] < 100 * RATE
    assert 240 < len(times) < 360
    assert len(moments(Dice(1), RATE, 1e-9)) == 1


def test_strew_uses_its_bank() -> None:
    """Events of a bank are found in the result at levels from 0.2 to 1."""
    sound = strew(Dice(2), 50 * RATE, 0.5, [np.ones(1)])
    heights = sound[sound > 0.0]
    assert 10 < len(heights) < 50
    assert 0.2 <= heights.min() <= heights.max() < 2.0


def test_in_turn_leaves_gaps() -> None:
    """Events follow each other after the gap; a negative gap makes them overlap."""
    ones = np.ones(RATE)
    assert len(in_turn(Dice(1), [ones, ones], (0.5, 0.5))) == 2.5 * RATE
    assert in_turn(Dice(1), [ones, ones], (-0.5, -0.5)).max() == 2.0


def test_colour_is_smooth_and_bounded() -> None:
    """A thing's response bends the spectrum by no more than half its depth either way."""
    pulse = np.zeros(RATE)
    pulse[0] = 1.0
    response = 20.0 * np.log10(np.abs(np.fft.rfft(colour(Dice(3), pulse, 12.0))))
    assert -6.01 < response.min() < response.max() < 6.01
    assert np.ptp(response) > 1.0


def test_arch_peaks_where_asked() -> None:
    """It starts and ends at 0 and reaches 1 at the peak."""
    curve = arch(1000, 0.25)
    assert curve[0] == pytest.approx(0.0)
    assert curve[-1] == pytest.approx(0.0, abs=0.01)
    assert np.argmax(curve) == pytest.approx(250, abs=1)


def test_rush_keeps_to_its_band_softly() -> None:
    """Most power lies between the edges; some lies outside, as in real noise."""
    for seed in range(4):
        sound = rush(Dice(seed), RATE, 500.0, 2000.0)
        assert rms(sound) == pytest.approx(1.0)
        assert share(sound, 250.0, 4000.0) > 0.7
        assert 0.0 < share(sound, 4000.0, 8000.0) < 0.25


def test_rush_repeats_without_a_seam() -> None:
    """Long noise is periodic: the step from one period to the next is like any other."""
    sound = rush(Dice(1), PERIOD + 100, 50.0, 500.0, 1.0)
    np.testing.assert_array_equal(sound[PERIOD:], sound[:100])
    steps = np.abs(np.diff(sound))
    assert steps[PERIOD - 1] < 6.0 * steps.mean()


def test_unsteady_changes_level_only_so_much() -> None:
    """The level wanders, but never to silence or to the double of it."""
    gain = unsteady(Dice(5), np.ones(30 * RATE))
    assert 0.3 < gain.min() < gain.max() < 2.0
    assert np.ptp(gain) > 0.01


def test_hum_from_a_table_is_harmonic() -> None:
    """A hum without drift has all its power at multiples of its pitch."""
    sound = hum(Dice(0), RATE, 200.0, harmonics=5)
    assert sum(share(sound, 200.0 * k - 1, 200.0 * k + 1) for k in range(1, 6)) > 0.999


def test_a_throat_has_pitch_and_formants() -> None:
    """Power lies at multiples of the pitch, most of it about the first formants."""
    sound = phonate(Dice(1), np.full(RATE, 125.0), (700.0, 1200.0, 2500.0), 2500.0, 0.0)
    assert share(sound, 400.0, 1500.0) > 0.6
    assert share(sound, 5000.0, 8000.0) < 0.01


def test_laughter_has_the_pace_of_laughter() -> None:
    """The level of long bouts goes up and down 3 to 7 times a second."""
    paces = []
    for seed in range(40):
        bout = laugh(Dice(seed), 150.0, 1.0)
        if len(bout) > RATE:
            level = np.abs(bout)[: len(bout) // 160 * 160].reshape(-1, 160).mean(axis=1)  # 100 a second
            spectrum = np.abs(np.fft.rfft(level - level.mean(), 1000))
            paces.append(0.1 * np.argmax(spectrum[20:]) + 2.0)
    assert 3.0 < np.median(paces) < 7.0


def test_applause_needs_people() -> None:
    """More people clap more densely."""
    few, many = (np.abs(applause(Dice(1), 4 * RATE, people)) > 0.01 for people in (1, 12))
    assert np.mean(many) > 2.0 * np.mean(few)


def test_dropped_things_lie_still() -> None:
    """What falls has come to rest at the end."""
    for seed in range(5):
        sound = dropped(Dice(seed))
        assert rms(sound[-RATE // 4 :]) < 0.05 * rms(sound[: RATE // 2])


def test_a_tone_has_its_pitch_and_ends() -> None:
    """Harmonics of the pitch and nothing else while it is held; silence at its end."""
    organ = Instrument(slope=1.5, odd=False, attack=0.005, decay=5.0, vibrato=0.0, detune=0.0)
    sound = tone(organ, 440.0, 1.0)
    assert sum(share(sound[1000 : RATE - 600], 440.0 * k - 4, 440.0 * k + 4) for k in range(1, 16)) > 0.95
    assert abs(sound[-1]) < 0.01


def test_music_is_as_long_as_asked_for() -> None:
    """Pieces differ, have an rms of 1, and go on for longer than their four bars."""
    pieces = [music(Dice(seed), 30 * RATE) for seed in range(3)]
    for piece in pieces:
        assert piece.shape == (30 * RATE,)
        assert rms(piece) == pytest.approx(1.0, abs=0.2)
        assert piece[-5 * RATE :].any()
    assert not np.array_equal(pieces[0], pieces[1])
