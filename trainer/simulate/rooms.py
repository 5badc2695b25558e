"""Homes: one living room with a kitchen corner, where things stand in it, and where the arrays are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.errors import MonitorError
from trainer.simulate.dice import Dice
from trainer.simulate.materials import absorption
from trainer.simulate.microphones import MICROPHONES, Microphones, draw_microphones
from trainer.simulate.scene import Spot

Floats = npt.NDArray[np.float64]

SPACING = 0.05
"""Metres from one microphone of an array to the next, as in the DCASE 2018 recordings"""
MARGIN = 0.1
"""Metres that arrays and spots keep from the walls"""
SMALLEST = 1.0
"""Metres; a smaller room cannot hold what a home holds"""
BESIDE = ((0.3, 1.0), (1.0, 3.0))
"""Metres from the action of arrays that stand by it: as near as in people's own recordings, or farther off"""
AT_A_WALL = 0.4
"""Part of the arrays that do not"""
ALMOST_DRY = 0.15
"""Part of the homes that hardly reverberate"""


@dataclass(frozen=True)
class Node:
    """One array of a home."""

    number: int
    """From 1"""
    positions: Floats
    """`[4, 3]` metres: its microphones, in a level line"""
    microphones: Microphones


@dataclass(frozen=True)
class Home:
    """A room with all that stands in it. One corner is the origin, the floor is at height 0.

    Raises:
        MonitorError: the room is no room, or something stands outside of it.
    """

    size: Floats
    """`[3]` metres: length, width, height"""
    absorption: Floats
    """`[6, 7]`, as from `materials.absorption`"""
    spots: dict[Spot, Floats]
    """`[3]` metres of every spot but `Spot.OUTSIDE`"""
    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        room = " x ".join(f"{side:g}" for side in self.size) + " m"
        if not (np.isfinite(self.size).all() and self.size.min() >= SMALLEST):
            raise MonitorError(f"a room of {room} is impossible; make each side {SMALLEST:g} m or more")
        if not ((self.absorption > 0.0) & (self.absorption < 1.0)).all():
            raise MonitorError("walls that absorb nothing or everything are impossible; stay between 0 and 1")
        places = [(str(spot), place) for spot, place in self.spots.items()]
        places += [(f"array {node.number}", node.positions) for node in self.nodes]
        for name, place in places:
            if not ((place > 0.0) & (place < self.size)).all():
                raise MonitorError(
                    f"{name}: outside of a room of {room}; choose a larger room or another place"
                )


def draw_home(dice: Dice, nodes: int = 4, action: Spot | None = None) -> Home:
    """A home at random. With held-out dice, of sizes and materials that no other home has.

    Args:
        dice: source of random numbers.
        nodes: number of arrays.
        action: where most of the sound will come from, so that some of the arrays stand by it; None or
            outside: each by any spot.

    Raises:
        MonitorError: pyroomacoustics is not installed.
    """
    size = np.array([dice.trait(3.0, 9.0), dice.trait(3.0, 7.0), dice.trait(2.3, 3.2)])
    seconds = dice.trait(0.05, 0.15) if dice.chance(ALMOST_DRY) else dice.trait(0.15, 0.9)
    spots = _furnish(dice, size)
    actions = [place for spot, place in spots.items() if action in {spot, None, Spot.OUTSIDE}]
    return Home(
        size=size,
        absorption=absorption(dice, size, seconds),
        spots=spots,
        nodes=tuple(_node(dice, number, size, dice.one_of(actions)) for number in range(1, nodes + 1)),
    )


def inside(place: Floats, size: Floats, margin: float = MARGIN) -> Floats:
    """The nearest place within the room, `margin` metres from its walls or more."""
    return np.clip(place, margin, size - margin)


def _furnish(dice: Dice, size: Floats) -> dict[Spot, Floats]:
    length, width, height = size
    sink, stove, worktop = dice.rng.permutation(3)
    start, step = dice.between(0.4, 0.7), dice.between(0.5, 0.8)
    tops = dice.between(0.85, 0.95)
    # The kitchen lines the wall y = 0 from its corner at x = 0; the screen faces the sofa across the room.
    sofa = dice.between(0.55, 0.85) * length
    screen = dice.between(0.2, 0.5)
    table = (dice.between(0.3, 0.7), dice.between(0.35, 0.65))
    layout = {
        Spot.SINK: (start + step * sink, 0.3, tops),
        Spot.STOVE: (start + step * stove, 0.3, tops),
        Spot.WORKTOP: (start + step * worktop, 0.3, tops),
        Spot.TABLE: (table[0] * length, table[1] * width, dice.between(0.7, 1.1)),
        Spot.DESK: (length - 0.4, dice.between(0.15, 0.85) * width, dice.between(0.7, 0.8)),
        Spot.SOFA: (sofa, width - dice.between(0.5, 0.9), dice.between(0.8, 1.2)),
        Spot.TELEVISION: (sofa + dice.between(-0.7, 0.7), screen, dice.between(0.5, 1.5)),
        Spot.DOOR: (0.2, dice.between(0.4, 0.9) * width, 1.0),
        Spot.FLOOR: (dice.between(0.3, 0.7) * length, dice.between(0.3, 0.7) * width, MARGIN),
        Spot.CEILING: (dice.between(0.2, 0.8) * length, dice.between(0.2, 0.8) * width, height - 0.2),
    }
    mirrored = np.array([dice.chance(0.5), dice.chance(0.5), False])
    places = {spot: inside(np.array(place), size) for spot, place in layout.items()}
    return {spot: np.where(mirrored, size - place, place) for spot, place in places.items()}


def _node(dice: Dice, number: int, size: Floats, action: Floats) -> Node:
    place = _at_a_wall(dice, size) if dice.chance(AT_A_WALL) else _beside(dice, action)
    along = dice.between(0.0, np.pi)
    line = SPACING * (np.arange(MICROPHONES) - (MICROPHONES - 1) / 2)  # [4] metres
    direction = np.array([np.cos(along), np.sin(along), 0.0])
    positions = inside(place, size) + line[:, None] * direction
    return Node(number=number, positions=positions, microphones=draw_microphones(dice))


def _beside(dice: Dice, spot: Floats) -> Floats:
    """Near a spot, at its height or above it."""
    around, up = dice.between(0.0, 2.0 * np.pi), dice.between(-0.2, 1.2)
    direction = np.array([np.cos(around) * np.cos(up), np.sin(around) * np.cos(up), np.sin(up)])
    place: Floats = spot + dice.between(*dice.one_of(BESIDE)) * direction
    return place


def _at_a_wall(dice: Dice, size: Floats) -> Floats:
    """On a wall or on a piece of furniture along it."""
    place = np.array([*dice.rng.uniform(0.0, 1.0, size=2) * size[:2], dice.between(0.3, 2.2)])
    wall = dice.whole(0, 1)
    off = dice.between(MARGIN, 0.5)
    place[wall] = dice.one_of((off, size[wall] - off))
    return place
