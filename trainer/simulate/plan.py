"""What is recorded: sessions of all activities, how long they are, by which arrays, for which fold.

Known sessions are of the development partition and of one half of the evaluation partition. The other half is
held out: rooms, voices and sounds of values that no known session has (see `Dice`), recorded by arrays of
other numbers. So the scores of known arrays tell how a model does on new sessions with things of the kind it
learnt from, and those of unknown arrays how it does on things that it has never met.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from monitor.errors import Exit, MonitorError
from trainer.datasets import EVALUATION
from trainer.datasets.dcase import FOLDS
from trainer.datasets.dcase2018 import ROOTS
from trainer.simulate.activities import LABELS
from trainer.simulate.dice import Dice

SECONDS = 10
"""Length of a segment"""
PER_HOUR = 3600 // SECONDS
LENGTH = (3, 6)
"""Segments of a session on one array, from and to: many homes teach more than long sessions"""
KNOWN_NODES = (1, 2, 3, 4)
HELD_OUT_NODES = (5, 6, 7)
TWICE = 0.25
"""Part of the sessions that two arrays record; all others are recorded by one"""
EVALUATED = 0.15
"""Segments of the evaluation partition, relative to those of the development partition"""


@dataclass(frozen=True)
class Segment:
    """One file of a session."""

    node: int
    """Number of the array"""
    index: int
    """Place in the session, from 0"""
    file: str
    """Path in the data folder"""
    name: str
    """Of the file in the manner of the development partition"""


@dataclass(frozen=True)
class Session:
    """One activity in a home of its own."""

    label: str
    fold: int
    """1 to 4, or `EVALUATION`"""
    held_out: bool
    windows: int
    """Length in segments"""
    nodes: tuple[int, ...]
    """Numbers of the arrays that record it"""
    number: int = 0
    """In its partition, from 1"""
    first: int = 0
    """Number of its first segment in its partition, from 1"""

    @property
    def segments(self) -> list[Segment]:
        """What is written of it, array by array."""
        places = [(node, index) for node in self.nodes for index in range(self.windows)]
        segments = []
        for count, (node, index) in enumerate(places):
            name = f"DevNode{node}_ex{self.number}_{index + 1}.wav"
            if self.fold == EVALUATION:
                file = f"{ROOTS.evaluation}/audio/{self.first + count}.wav"
            else:
                file = f"{ROOTS.development}/audio/{name}"
            segments.append(Segment(node, index, file, name))
        return segments


def draw(hours: float, seed: int) -> list[Session]:
    """The sessions of a data set.

    Args:
        hours: of segments in the development partition, all arrays counted; as many of each activity.
        seed: decides everything random.

    Raises:
        MonitorError: too short for a segment of each activity in each fold.
    """
    segments = round(hours * PER_HOUR)
    least = len(LABELS) * len(FOLDS)
    if segments < least:
        raise MonitorError(
            f"{hours:g} hours are {segments} segments, but it takes {least} to have each of {len(LABELS)} "
            f"activities in each of {len(FOLDS)} folds; ask for {least / PER_HOUR:g} hours or more",
            Exit.USAGE,
        )
    dice = Dice(seed)
    return [*_numbered(dice, _development(dice, segments)), *_numbered(dice, _evaluation(dice, segments))]


def _development(dice: Dice, segments: int) -> Iterator[Session]:
    for label, quota in _quotas(segments).items():
        filled = Counter(dict.fromkeys(FOLDS, 0))
        # No session is longer than a fold, so that none is left without the activity.
        for windows, nodes in _sessions(dice, quota, longest=quota // len(FOLDS)):
            fold = min(filled, key=filled.__getitem__)
            filled[fold] += windows * nodes
            yield Session(label, fold, False, windows, _some(dice, KNOWN_NODES, nodes))


def _evaluation(dice: Dice, segments: int) -> Iterator[Session]:
    half = max(len(LABELS), round(EVALUATED * segments / 2))
    for held_out, numbers in ((False, KNOWN_NODES), (True, HELD_OUT_NODES)):
        for label, quota in _quotas(half).items():
            for windows, nodes in _sessions(dice, quota, longest=quota):
                yield Session(label, EVALUATION, held_out, windows, _some(dice, numbers, nodes))


def _quotas(segments: int) -> dict[str, int]:
    """As many segments of each activity, or one more."""
    each, rest = divmod(segments, len(LABELS))
    return {label: each + (index < rest) for index, label in enumerate(LABELS)}


def _sessions(dice: Dice, quota: int, longest: int) -> Iterator[tuple[int, int]]:
    """Lengths and numbers of arrays, whose products add up to the quota and are never above `longest`."""
    while quota:
        nodes = min(1 + dice.chance(TWICE), quota, longest)
        windows = min(dice.whole(*LENGTH), quota // nodes, longest // nodes)
        yield windows, nodes
        quota -= windows * nodes


def _some(dice: Dice, numbers: tuple[int, ...], count: int) -> tuple[int, ...]:
    return tuple(sorted(dice.rng.choice(numbers, count, replace=False).tolist()))


def _numbered(dice: Dice, sessions: Iterable[Session]) -> Iterator[Session]:
    """Sessions in an order that tells nothing about them."""
    listed = list(sessions)
    first = 1
    for number, index in enumerate(dice.rng.permutation(len(listed)).tolist(), start=1):
        yield replace(listed[index], number=number, first=first)
        first += listed[index].windows * len(listed[index].nodes)
