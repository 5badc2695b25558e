from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trainer.simulate.dice import Dice
from trainer.simulate.recording import REACH, _smears, _stops, _visits, record
from trainer.simulate.rooms import Home, draw_home
from trainer.simulate.scene import RATE, Source, Spot, at_level
from trainer.simulate.signals import noise, rms

SAMPLES = 3 * RATE


@pytest.fixture(scope="module")
def home() -> Home:
    """Any home, with good microphones of 16 bits that are all alike."""
    drawn = draw_home(Dice(3), nodes=3)
    microphones = replace(
        drawn.nodes[0].microphones, bits=16, gains=np.full(4, 0.1), self_noise=25.0, hum=None, low_pass=None
    )
    return replace(drawn, nodes=tuple(replace(node, microphones=microphones) for node in drawn.nodes))


def hiss(db_spl: float, spot: Spot, moves: float = 0.0, size: float = 0.0) -> Source:
    """Steady noise."""
    return Source(at_level(noise(Dice(9), SAMPLES, 200.0, 5000.0), db_spl), spot, moves, size)


def level(home: Home, *sources: Source, node: int = 0, seed: int = 5) -> float:
    """Of what is recorded, dBFS over all microphones."""
    return 20 * np.log10(rms(record(home, home.nodes[node], sources, SAMPLES, (seed,))))


def test_recording_follows_its_seed(home: Home) -> None:
    """Equal seeds give equal recordings, sample by sample; other seeds and other arrays do not."""
    sources = [hiss(60.0, Spot.SINK), hiss(60.0, Spot.FLOOR, moves=1.5, size=0.3), hiss(60.0, Spot.OUTSIDE)]
    first, again, other = (record(home, home.nodes[0], sources, SAMPLES, (1, seed)) for seed in (4, 4, 5))
    assert first.shape == (4, SAMPLES)
    assert np.abs(first).max() < 1.0
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, record(home, home.nodes[1], sources, SAMPLES, (1, 4)))


def test_silent_room_is_recorded_as_noise(home: Home) -> None:
    """Nothing sounds: the microphones' own noise remains."""
    assert -110.0 < level(home) < -70.0


def test_loudness_goes_with_the_source(home: Home) -> None:
    """A source that is 10 dB louder is recorded 10 dB louder."""
    louder, softer = (level(home, hiss(db_spl, Spot.TABLE)) for db_spl in (75.0, 65.0))
    assert louder - softer == pytest.approx(10.0, abs=0.2)


def test_no_clipping_at_moderate_levels(home: Home) -> None:
    """Loud noise of 80 dB SPL leaves headroom."""
    digital = record(home, home.nodes[0], [hiss(80.0, Spot.WORKTOP)], SAMPLES, (1,))
    assert np.abs(digital).max() < 0.5


def test_outside_is_softer_and_muffled(home: Home) -> None:
    """A wall takes 15 dB and more, and more of the high frequencies."""
    digital = record(home, home.nodes[0], [hiss(100.0, Spot.OUTSIDE)], SAMPLES, (2,))
    pascals = 2e-5 * 10 ** (100.0 / 20)
    assert 20 * np.log10(rms(digital) / 0.1 / pascals) < -15.0
    power = np.abs(np.fft.rfft(digital[0])) ** 2
    hertz = np.fft.rfftfreq(SAMPLES, 1 / RATE)
    low, high = (power[(hertz > start) & (hertz < 2 * start)].mean() for start in (250.0, 2000.0))
    assert low > 10 * high


def test_spread_sources_are_about_as_loud_as_points(home: Home) -> None:
    """Size changes how a source sounds, not how loud it is."""
    point, wide = (level(home, hiss(70.0, Spot.TABLE, size=size)) for size in (0.0, 0.5))
    assert abs(point - wide) < 4.0


def test_spreading_filters_share_the_power() -> None:
    """Together the all-pass filters of a source let through as much power as came in."""
    for size in (0.0, 0.5):
        power = [float((smear**2).sum()) for smear in _smears(Dice(1), hiss(60.0, Spot.SOFA, size=size))]
        assert sum(power) == pytest.approx(1.0, rel=0.05)


def test_stops_lie_in_the_room_about_the_spot(home: Home) -> None:
    """A source stays within its reach of the spot, and wanders as far as it is said to."""
    for seed in range(20):
        still = _stops(Dice(seed), home, hiss(60.0, Spot.TABLE))
        moving = _stops(Dice(seed), home, hiss(60.0, Spot.TABLE, moves=2.0, size=0.4))
        assert still.shape == (1, 1, 3)
        assert moving.shape == (5, 3, 3)
        assert (np.abs(still - home.spots[Spot.TABLE]) <= REACH).all()
        assert ((moving > 0) & (moving < home.size)).all()
        apart = np.linalg.norm(moving.mean(axis=1) - home.spots[Spot.TABLE], axis=1)
        assert (apart < 2.0 + 2 * REACH).all()


def test_moving_source_keeps_its_power() -> None:
    """At any time the shares of all stops add up to the whole, and each stop has its time."""
    gains = np.array(_visits(Dice(1), 3, 60 * RATE))
    np.testing.assert_allclose((gains**2).sum(axis=0), 1.0)
    assert (gains.max(axis=1) > 0.99).all()


def test_moving_source_changes_in_level(home: Home) -> None:
    """Heard from nearby, a source that moves gets louder and softer, one that stays does not."""
    seconds = 10
    positions = home.nodes[0].positions
    beside = replace(
        home.nodes[0], positions=positions - positions.mean(axis=0) + home.spots[Spot.FLOOR] + 0.5
    )
    sound = noise(Dice(9), seconds * RATE, 200.0, 5000.0)
    spreads = []
    for moves in (0.0, 3.0):
        digital = record(home, beside, [Source(sound, Spot.FLOOR, moves)], seconds * RATE, (7,))
        power = (digital[0].reshape(2 * seconds, -1) ** 2).mean(axis=1)
        spreads.append(10 * np.log10(power).std())
    assert spreads[1] > 3 * spreads[0]


def test_sound_goes_on_in_the_room_after_its_source(home: Home) -> None:
    """A click late in the recording leaves reverberation, and none of it comes before the click."""
    click = np.zeros(SAMPLES)
    click[RATE] = 50.0
    digital = record(home, home.nodes[0], [Source(click, Spot.SOFA)], SAMPLES, (1,))
    before, after = digital[:, RATE // 2 : RATE - 64], digital[:, RATE : RATE + RATE // 4]
    assert rms(after) > 10 * rms(before)
