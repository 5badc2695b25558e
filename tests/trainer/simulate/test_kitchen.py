"""The activities of a kitchen: vacuum cleaning, dishwashing, cooking, eating."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from trainer.simulate.cooking import cooking
from trainer.simulate.dice import Dice
from trainer.simulate.dishes import dishwashing
from trainer.simulate.scene import RATE, REFERENCE_PASCALS, Activity, Sound
from trainer.simulate.table import eating
from trainer.simulate.vacuum import vacuum_cleaner

ACTIVITIES = (vacuum_cleaner, dishwashing, cooking, eating)
SECONDS = 6


@cache
def heard(activity: Activity, seed: int, *, held_out: bool = False) -> Sound:
    """All sources of an activity together, 1 m away."""
    return np.sum(
        [source.pascals for source in activity(Dice(seed, held_out=held_out), SECONDS * RATE)], axis=0
    )


def levels(sound: Sound) -> np.ndarray:
    """Level of every 50 ms in dB SPL."""
    power = np.mean(sound.reshape(-1, RATE // 20) ** 2, axis=1)
    return 10.0 * np.log10(power / REFERENCE_PASCALS**2 + 1e-3)


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_activities_sound_as_long_as_asked_and_as_loud_as_life(activity: Activity) -> None:
    """Every source is finite and as long as the session; its peak is between murmur and crash."""
    for seed in range(6):
        sources = activity(Dice(seed), SECONDS * RATE)
        assert 1 <= len(sources) <= 4
        for source in sources:
            assert source.pascals.shape == (SECONDS * RATE,)
            assert np.isfinite(source.pascals).all()
        assert 35.0 < levels(heard(activity, seed)).max() < 100.0


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_equal_dice_give_equal_sound(activity: Activity) -> None:
    """The same seed gives the same sound; another seed and held-out dice give others."""
    first = heard(activity, 1)
    np.testing.assert_array_equal(first, heard.__wrapped__(activity, 1))
    assert not np.array_equal(first, heard(activity, 2))
    assert not np.array_equal(first, heard(activity, 1, held_out=True))


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_short_sessions_work(activity: Activity) -> None:
    """A second is enough to ask for, and there are no gaps in what any seed may draw."""
    for seed in range(4):
        for source in activity(Dice(seed), RATE):
            assert source.pascals.shape == (RATE,)


def test_vacuum_cleaners_roar_steadily_and_meals_do_not() -> None:
    """The level of a vacuum cleaner stays within a few dB for most of the time, that of a meal jumps."""

    def spread(activity: Activity, seed: int) -> float:
        low, high = np.percentile(levels(heard(activity, seed)), [30, 90])
        return float(high - low)

    assert np.median([spread(vacuum_cleaner, seed) for seed in range(6)]) < 6.0
    assert np.median([spread(eating, seed) for seed in range(6)]) > 12.0


def test_vacuum_cleaners_are_the_loudest() -> None:
    """Of the median levels of each class, the vacuum cleaner's is the highest and the meal's the lowest."""
    medians = [np.median([np.median(levels(heard(one, seed))) for seed in range(6)]) for one in ACTIVITIES]
    assert medians[0] > max(medians[1:])
    assert medians[3] < min(medians[:3])
