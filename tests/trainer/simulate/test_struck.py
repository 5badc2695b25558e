"""Struck and scraped things of the simulator."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.simulate.dice import Dice
from trainer.simulate.scene import RATE, Sound
from trainer.simulate.struck import (
    BASIN,
    CUTLERY,
    GLASS,
    HIGHEST,
    METAL_ON_HARD,
    PAN,
    PLATE,
    WOOD,
    Kind,
    Thing,
    crockery,
    scrape,
    strike,
    thing,
)


def seconds_to_a_tenth(sound: Sound) -> float:
    """When nine tenths of the energy are over."""
    energy = np.cumsum(sound**2)
    return float(np.searchsorted(energy, 0.9 * energy[-1])) / RATE


@pytest.mark.parametrize("kind", [PLATE, GLASS, CUTLERY, PAN, BASIN, WOOD])
def test_things_are_within_what_their_kind_allows(kind: Kind) -> None:
    """Every thing has a mode at least, none too high to be heard, and decays that fall with pitch."""
    for seed in range(10):
        body = thing(Dice(seed), kind)
        assert 1 <= len(body.pitches) <= kind.modes
        assert body.pitches.max() < HIGHEST
        assert body.pitches.argmin() == body.decays.argmax()


def test_strikes_ring_at_the_modes() -> None:
    """A blow on a thing with two modes has its power at the two."""
    body = Thing(np.array([800.0, 2000.0]), np.array([0.2, 0.1]), np.ones(2))
    sound = strike(Dice(0), body, METAL_ON_HARD, (1.0, 2.0))
    power = np.abs(np.fft.rfft(sound, RATE)) ** 2
    near = sum(power[pitch - 20 : pitch + 20].sum() for pitch in (800, 2000))
    assert near / power.sum() > 0.9
    assert np.abs(sound).max() == pytest.approx(1.0)


def test_what_is_held_rings_shorter() -> None:
    """A glass in the hand dies away before one that stands."""
    glass = Thing(np.array([1000.0, 2700.0]), np.array([0.4, 0.15]), np.ones(2))
    held = strike(Dice(1), glass, METAL_ON_HARD, (0.01, 0.011))
    standing = strike(Dice(1), glass, METAL_ON_HARD, (1.0, 1.1))
    assert seconds_to_a_tenth(held) < 0.2 * seconds_to_a_tenth(standing)


def test_soft_contact_is_darker() -> None:
    """A spoon of wood gets less of the high partials out of a pan than one of steel."""
    pan = thing(Dice(3), PAN)

    def brightness(contact: tuple[float, float]) -> float:
        power = sum(
            np.abs(np.fft.rfft(strike(Dice(n), pan, contact, (0.1, 0.2)), 2 * RATE)) ** 2 for n in range(8)
        )
        return float(power[2 * 3000 :].sum() / power.sum())

    assert brightness((0.003, 0.004)) < 0.5 * brightness((0.0001, 0.0002))


def test_scrapes_last_as_long_as_asked() -> None:
    """A scrape of 0.3 s has 4800 samples and begins and ends softly."""
    sound = scrape(Dice(0), thing(Dice(0), PLATE), 0.3, 0.02)
    assert len(sound) == 4800
    assert np.abs(sound).max() == pytest.approx(1.0)
    assert np.abs(sound[:20]).max() < 0.3


def test_banks_have_three_blows_of_every_thing() -> None:
    """Four things give twelve sounds, none longer than a strike may be."""
    bank = crockery(Dice(0), (PLATE, CUTLERY, GLASS), 4, METAL_ON_HARD, (0.01, 0.1))
    assert len(bank) == 12
    assert max(len(blow) for blow in bank) < 2 * RATE
