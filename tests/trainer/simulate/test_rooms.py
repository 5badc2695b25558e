from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.errors import MonitorError
from trainer.simulate.dice import HELD_OUT, Dice
from trainer.simulate.rooms import SPACING, Home, draw_home
from trainer.simulate.scene import Spot


@pytest.fixture(scope="module")
def homes() -> list[Home]:
    """Some homes, with the action at the desk."""
    return [draw_home(Dice(seed), action=Spot.DESK) for seed in range(60)]


def test_every_spot_has_a_place(homes: list[Home]) -> None:
    """All spots but the outside lie in the room, those of the kitchen side by side."""
    for home in homes:
        assert home.spots.keys() == set(Spot) - {Spot.OUTSIDE}
        kitchen = [home.spots[spot] for spot in (Spot.SINK, Spot.STOVE, Spot.WORKTOP)]
        assert np.ptp(kitchen, axis=0).max() < 2.0


def test_microphones_stand_in_a_level_line(homes: list[Home]) -> None:
    """Four microphones, 5 cm from one to the next, equally high, in arrays numbered from 1."""
    for home in homes:
        assert [node.number for node in home.nodes] == [1, 2, 3, 4]
        for node in home.nodes:
            steps = np.diff(node.positions, axis=0)
            np.testing.assert_allclose(np.linalg.norm(steps, axis=1), SPACING)
            np.testing.assert_allclose(steps, steps[[0, 0, 0]], atol=1e-12)
            np.testing.assert_allclose(steps[:, 2], 0.0)


def test_some_arrays_are_close_to_the_action(homes: list[Home]) -> None:
    """About a third of the arrays stand within a metre of it, others far away."""
    distances = np.array(
        [
            np.linalg.norm(node.positions.mean(axis=0) - home.spots[Spot.DESK])
            for home in homes
            for node in home.nodes
        ]
    )
    assert 0.2 < np.mean(distances < 1.0) < 0.5
    assert np.mean(distances > 3.0) > 0.1


def test_homes_differ_and_follow_their_dice() -> None:
    """Equal dice make equal homes."""
    first, again, other = (draw_home(Dice(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.size, again.size)
    np.testing.assert_array_equal(first.absorption, again.absorption)
    np.testing.assert_array_equal(first.nodes[3].positions, again.nodes[3].positions)
    assert not np.array_equal(first.size, other.size)


def test_held_out_homes_have_sizes_of_their_own() -> None:
    """Lengths of held-out homes lie in strips in which no other home's length lies."""
    for held_out in (True, False):
        lengths = [draw_home(Dice(seed, held_out=held_out), nodes=0).size[0] for seed in range(30)]
        strips = {int((length - 3.0) / 0.6) for length in lengths}
        assert (strips <= set(HELD_OUT)) == held_out
        assert strips.isdisjoint(HELD_OUT) == (not held_out)


@pytest.mark.parametrize("side", [0.0, -3.0, 0.4, np.nan, np.inf])
def test_impossible_rooms_are_refused(side: float) -> None:
    """A room needs three sides of a metre or more."""
    home = draw_home(Dice(1))
    with pytest.raises(MonitorError, match="is impossible; make each side 1 m or more"):
        replace(home, size=np.array([5.0, side, 2.5]))


def test_what_does_not_fit_into_the_room_is_named() -> None:
    """A room that is too small for its spots or its arrays is refused."""
    home = draw_home(Dice(1))
    with pytest.raises(MonitorError, match=r"ceiling: outside of a room of .*; choose a larger room"):
        replace(home, size=np.array([*home.size[:2], 1.1]), spots={Spot.CEILING: np.array([1.0, 1.0, 2.0])})
    far = replace(home.nodes[1], positions=home.nodes[1].positions + 20.0)
    with pytest.raises(MonitorError, match="array 2: outside of a room"):
        replace(home, nodes=(home.nodes[0], far))


def test_walls_that_absorb_everything_are_refused() -> None:
    """No wall swallows all sound or none."""
    home = draw_home(Dice(1))
    for extreme in (0.0, 1.0):
        with pytest.raises(MonitorError, match="stay between 0 and 1"):
            replace(home, absorption=np.full((6, 7), extreme))
