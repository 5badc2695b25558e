"""Random numbers of a simulation, of which some values can be held out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Choice = TypeVar("Choice")

STRIPS = 10
HELD_OUT = (2, 6)
"""Strips of every trait's range that only held-out dice draw from, and others never"""


class Dice:
    """What is drawn at random in a simulation; equal seeds give equal draws.

    A *trait* is what makes one thing differ from another of its kind: the pitch of a motor, the partials of a
    plate, a voice. Its range is cut into ten strips, two of which are held out: dice for training draw traits
    from the other eight, held-out dice from these two only. Hence a model is tested on things it has not met.

    Args:
        seed: any whole numbers of 0 or more.
        held_out: draw traits from the held-out strips.
    """

    def __init__(self, *seed: int, held_out: bool = False) -> None:
        self.rng = np.random.default_rng(seed)
        self.held_out = held_out

    def trait(self, low: float, high: float) -> float:
        """A property of a thing, drawn once for it: within [low, high), evenly over its strips."""
        strips = [strip for strip in range(STRIPS) if (strip in HELD_OUT) == self.held_out]
        place = strips[int(self.rng.integers(len(strips)))] + self.rng.random()
        return low + (high - low) * float(place) / STRIPS

    def trait_of(self, items: Sequence[Choice]) -> Choice:
        """One of several kinds, of which every fifth is held out (index 2, 7, ...); at least three items.

        For lists whose members stand for themselves, such as voices.
        """
        strips = [item for index, item in enumerate(items) if (index % 5 == 2) == self.held_out]
        return strips[int(self.rng.integers(len(strips)))]

    def between(self, low: float, high: float) -> float:
        """What varies from one moment to the next: any number within [low, high)."""
        return float(self.rng.uniform(low, high))

    def whole(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        """True as often as `probability` says."""
        return bool(self.rng.random() < probability)

    def one_of(self, items: Sequence[Choice]) -> Choice:
        """Any of several, all equally likely."""
        return items[int(self.rng.integers(len(items)))]
