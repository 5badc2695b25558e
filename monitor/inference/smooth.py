"""Probabilities of windows -> the activity that lasts.

The forward filter of a hidden Markov model (Rabiner, Proceedings of the IEEE 77, 1989, section III A): the
activity is the hidden state, and only the past counts. Time moves the belief towards all activities alike,
each window weighs it with its probabilities:

    belief <- 1/n + (belief - 1/n) * kept ** elapsed
    belief <- belief * probabilities ** new, scaled to a sum of 1

`elapsed` is the time since the end of the last window, in windows, and `new` the part of this window that
came after it: so a change takes as much time with any hop, and time without windows makes less sure. The
models are taken to have learnt from as much of each activity, so that probabilities are likelihoods as they
are. Any activity may follow any other: which one does is a matter of the household, and recordings that were
cut into sessions for training do not tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEAVE = 0.02
"""Probability that an activity ends within a window"""
SURE = 0.7
"""Belief in another activity from which on it is taken up"""
LEAST = 0.01
"""Part of the highest probability of a window as which any lower one counts, so that no window, however odd,
turns a firm belief by itself. These three were chosen on simulated homes: few changes, an activity reported
within three windows by the median, macro F1 no worse than without a filter (`activity-trainer agreement`)."""
UNKNOWN = "unknown"
"""Label of a window in which no class is probable enough"""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rules:
    """How activities follow each other; the same for all arrays."""

    names: tuple[str, ...]
    """Of the activities: the labels of the bundle, then `UNKNOWN` if windows can be that"""
    window: int
    """Samples"""
    unknown_below: float
    """Probability from which on a window has a class; 0: always"""
    durations: tuple[int, ...]
    """Samples that each activity must have lasted before it counts"""


def rules(
    labels: tuple[str, ...],
    window: int,
    *,
    unknown_below: float = 0.0,
    durations: Mapping[str, int] | None = None,
) -> Rules:
    """Rules for the labels of a bundle.

    Args:
        labels: two or more.
        window: samples.
        unknown_below: as in `Rules`.
        durations: activity -> samples; of others 0.
    """
    names = (*labels, UNKNOWN) if unknown_below else labels
    wanted = durations or {}
    return Rules(names, window, unknown_below, tuple(wanted.get(name, 0) for name in names))


class Smoother:
    """The activity that lasts, of one array.

    The first window after the start or an interruption counts at once: there is nothing to hold on to.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.interrupt()

    def interrupt(self) -> None:
        """Forget everything: nothing is known of a time that was long."""
        count = len(self._rules.names)
        self._belief = np.full(count, 1.0 / count)
        self._end: int | None = None  # of the last window
        self._leader = self._stable = (-1, 0)  # activity and when it began
        self._ahead: list[int | None] = [None] * count  # since when it is more probable than the leader

    def update(self, scores: npt.NDArray[np.floating], start: int, end: int) -> tuple[str, int]:
        """Take a window; return the activity that lasts, and when it began.

        Args:
            scores: `[labels]` probabilities.
            start: of the window, in samples; it began no earlier than the one before it.
            end: after the one before it.
        """
        said = self._said(scores)
        self._weigh(np.maximum(said, LEAST * said.max(), dtype=np.float64), end)
        self._lead(said, start)
        activity, since = self._leader
        # Only in a window that is for it: belief outlasts what it is about.
        lasted = said.argmax() == activity and end - since >= self._rules.durations[activity]
        if self._stable[0] < 0 or (lasted and activity != self._stable[0]):
            self._stable = self._leader
        return self._rules.names[self._stable[0]], self._stable[1]

    def _said(self, scores: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """`[activities]`; where no class is probable enough, `UNKNOWN` is as probable as one had to be.

        That is little more than they are, so it takes many such windows to give up an activity.
        """
        least = self._rules.unknown_below
        return np.append(scores, least * (scores.max() < least)) if least else scores

    def _weigh(self, likelihoods: Numbers, end: int) -> None:
        elapsed = 1.0 if self._end is None else (end - self._end) / self._rules.window
        count = len(likelihoods)
        kept = 1.0 - LEAVE * count / (count - 1)  # of what the belief is above or below that in any other
        belief = 1.0 / count + (self._belief - 1.0 / count) * kept**elapsed
        belief *= likelihoods ** min(elapsed, 1.0)
        self._belief, self._end = belief / belief.sum(), end

    def _lead(self, said: npt.NDArray[np.floating], start: int) -> None:
        """Follow the most probable activity; a new one began with the first of the windows that prefer it."""
        leader = self._leader[0]
        for activity in range(len(said)):
            if leader < 0 or said[activity] < said[leader]:
                self._ahead[activity] = None
            elif self._ahead[activity] is None and said[activity] > said[leader]:
                self._ahead[activity] = start
        best = int(self._belief.argmax())
        if leader < 0 or (best != leader and self._belief[best] >= SURE):
            began = self._ahead[best]
            self._leader = (best, start if began is None else began)
            self._ahead = [None] * len(said)
