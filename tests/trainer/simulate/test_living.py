"""The activities of the living room: social_activity, watching_tv, working, other, absence."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from trainer.simulate.conversation import social_activity
from trainer.simulate.desk import working
from trainer.simulate.dice import Dice
from trainer.simulate.other import EVENTS, STEADY, other
from trainer.simulate.quiet import absence, background
from trainer.simulate.scene import RATE, REFERENCE_PASCALS, Activity, Sound, Source, Spot
from trainer.simulate.television import watching_tv

pytest.importorskip("espeakng_loader")

ACTIVITIES = (social_activity, watching_tv, working, other, absence, background)
SAMPLES = 6 * RATE


def level(sound: Sound) -> float:
    """Sound pressure level in dB."""
    return float(20.0 * np.log10(np.sqrt(np.mean(sound**2)) / REFERENCE_PASCALS))


@cache
def scene(activity: Activity, seed: int, held_out: bool = False) -> list[Source]:
    """One session of an activity; made once for all tests, because voices take time."""
    return activity(Dice(seed, held_out=held_out), SAMPLES)


def total(sources: list[Source]) -> Sound:
    """Everything at once."""
    return np.sum([source.pascals for source in sources], axis=0)


@pytest.mark.parametrize("activity", ACTIVITIES)
@pytest.mark.parametrize("held_out", [False, True])
def test_sources_are_sounds(activity: Activity, held_out: bool) -> None:
    """Every source is finite, as long as asked for and not silent; places and sizes make sense."""
    sources = scene(activity, 0, held_out)
    assert sources
    for source in sources:
        assert source.pascals.shape == (SAMPLES,)
        assert np.isfinite(source.pascals).all()
        assert source.pascals.any()
        assert 0.0 <= source.moves < 5.0
        assert 0.0 <= source.size < 5.0


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_equal_dice_equal_sound(activity: Activity) -> None:
    """The same seed gives the same sources, another seed others."""
    first = total(scene(activity, 0))
    np.testing.assert_array_equal(first, total(activity(Dice(0), SAMPLES)))
    assert not np.array_equal(first, total(scene(activity, 1)))


@pytest.mark.parametrize(
    ("activity", "low", "high"),
    [
        (social_activity, 40.0, 78.0),
        (watching_tv, 44.0, 76.0),
        (working, 28.0, 66.0),
        (absence, 16.0, 50.0),
        (background, 16.0, 50.0),
    ],
)
def test_levels_are_those_of_homes(activity: Activity, low: float, high: float) -> None:
    """Levels lie where they do at 1 m, and not all at the same."""
    levels = [level(total(scene(activity, seed))) for seed in range(3)]
    assert low < min(levels) < max(levels) < high
    assert max(levels) - min(levels) > 2.0


def test_no_clip_of_other_is_empty() -> None:
    """In `other` something happens in every 10 s, however sparse its events are."""
    for seed in range(8):
        clips = total(other(Dice(seed), 40 * RATE)).reshape(4, -1)
        assert np.abs(clips).max(axis=1).min() > 10.0 * REFERENCE_PASCALS


def test_absence_is_never_silent() -> None:
    """Every tenth of a second of an empty home has some sound in it, and none is quite like the next."""
    for seed in range(3):
        frames = total(scene(absence, seed)).reshape(-1, RATE // 10)
        power = np.mean(frames**2, axis=1)
        assert power.min() > 0.0
        assert power.std() / power.mean() > 0.01


def test_television_stands_in_one_place() -> None:
    """The programme comes from the television, densely; people are far softer."""
    for seed in range(3):
        programme, *people = scene(watching_tv, seed)
        assert programme.spot is Spot.TELEVISION
        assert all(level(source.pascals) < level(programme.pascals) - 3.0 for source in people)
        power = np.mean(programme.pascals.reshape(-1, RATE // 2) ** 2, axis=1)
        assert np.mean(power > power.max() / 1000.0) > 0.8


def test_people_talk_by_turns() -> None:
    """In a conversation somebody is often silent, and every voice is in the same room."""
    for seed in range(3):
        voices = scene(social_activity, seed)[:-1]
        assert len({source.spot for source in voices}) == 1
        if len(voices) > 1:
            active = [np.abs(v.pascals).reshape(-1, RATE // 5).max(axis=1) > 1e-5 for v in voices]
            assert min(np.mean(a) for a in active) < 0.9
            return
    pytest.fail("nobody talked to anybody")


def test_typing_is_made_of_strokes() -> None:
    """The keyboard of working is sudden: its loudest 5 ms stand far above the usual."""
    keyboard = scene(working, 0)[0]
    power = np.mean(keyboard.pascals.reshape(-1, RATE // 200) ** 2, axis=1)
    assert power.max() > 30.0 * np.median(power)


@pytest.mark.parametrize("event", sorted({e for group in EVENTS for e in group}, key=lambda e: e.__name__))
def test_events_of_other_are_events(event: object) -> None:
    """Events last some seconds at most, and their peak is 1."""
    for seed in range(2):
        sound = event(Dice(seed))  # type: ignore[operator]
        assert 0 < len(sound) < 16 * RATE
        assert np.abs(sound).max() == pytest.approx(1.0, abs=0.05)
        assert np.isfinite(sound).all()


@pytest.mark.parametrize("steady", sorted(set(STEADY), key=lambda s: s.__name__))
def test_steady_sounds_last(steady: object) -> None:
    """What lasts is as long as asked for, finite and heard."""
    for seed in range(2):
        sound = steady(Dice(seed), SAMPLES)  # type: ignore[operator]
        assert sound.shape == (SAMPLES,)
        assert np.isfinite(sound).all()
        assert np.abs(sound).max() > 0.0
