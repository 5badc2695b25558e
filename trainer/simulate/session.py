"""One session: everything that sounds in a home while an activity goes on, as its arrays record it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainer.datasets import EVALUATION
from trainer.simulate import own_clips
from trainer.simulate.activities import ACTIVITIES
from trainer.simulate.dice import Dice
from trainer.simulate.own_clips import USUAL, Clips
from trainer.simulate.plan import SECONDS, Session
from trainer.simulate.quiet import background
from trainer.simulate.recording import record
from trainer.simulate.rooms import draw_home
from trainer.simulate.scene import RATE, Source

Pcm = npt.NDArray[np.int16]
"""`[4, samples]` at 16 kHz, full scale 32768"""

ALONE = 0.3
"""Part of the sessions without any background: people try a monitor with recordings that have none"""
DISTRACTED = 0.25
"""Part of the sessions in which something else can be heard faintly"""
FAINTER = (15.0, 30.0)
"""dB by which it is fainter than where it is meant"""
# A television or a conversation behind a vacuum cleaner changes nothing about what is going on, but beside
# quieter activities it is what a listener would name. Beside absence and `other` anything would be.
DISTRACTIONS = dict.fromkeys(
    ("cooking", "dishwashing", "eating", "social_activity", "watching_tv", "working"), ("other",)
) | {"vacuum_cleaner": ("other", "social_activity", "watching_tv")}
OWN = 0.5
"""Part of the sessions that play a user's own clips, where there are some of the activity"""
OWN_ALONE = 0.5
"""Part of these that do without generated sounds of the activity"""


def record_session(session: Session, seed: int, clips: Clips) -> dict[int, Pcm]:
    """What the arrays of a session record, by their numbers.

    Args:
        session: as planned.
        seed: of the data set; with the session's partition and number it decides everything random.
        clips: a user's own, or none.

    Raises:
        MonitorError: a library is not installed, or one of the clips cannot be read.
    """
    seeds = (seed, int(session.fold == EVALUATION), session.number)
    samples = session.windows * SECONDS * RATE
    spot, _, _ = USUAL[session.label]
    home = draw_home(Dice(*seeds, 0, held_out=session.held_out), nodes=len(session.nodes), action=spot)
    own = own_clips.of_fold(clips.get(session.label, ()), session.fold)
    sources = compose(session.label, (*seeds, 1), samples, held_out=session.held_out, own=own)
    return {
        number: to_pcm(record(home, node, sources, samples, (*seeds, 2)))
        for number, node in zip(session.nodes, home.nodes, strict=True)
    }


def compose(
    label: str, seeds: Sequence[int], samples: int, *, held_out: bool, own: Sequence[Path] = ()
) -> list[Source]:
    """All that sounds while an activity goes on: the activity, a background, now and then a distraction.

    Args:
        label: of the activity.
        seeds: decide everything random.
        samples: length of every source.
        held_out: of things that are held out.
        own: a user's own clips of the activity.
    """
    dice = Dice(*seeds, 0, held_out=held_out)
    with_own = bool(own) and dice.chance(OWN)
    sources = []
    if not (with_own and dice.chance(OWN_ALONE)):
        sources += ACTIVITIES[label](Dice(*seeds, 1, held_out=held_out), samples)
    if with_own:
        sources.append(own_clips.played(dice, own, label, samples))
    if label != "absence" and not dice.chance(ALONE):  # absence is a background itself
        sources += background(Dice(*seeds, 2, held_out=held_out), samples)
    if label in DISTRACTIONS and dice.chance(DISTRACTED):
        gain = 10.0 ** (-dice.between(*FAINTER) / 20.0)
        distraction = ACTIVITIES[dice.one_of(DISTRACTIONS[label])]
        faint = distraction(Dice(*seeds, 3, held_out=held_out), samples)
        sources += [replace(source, pascals=gain * source.pascals) for source in faint]
    return sources


def to_pcm(samples: npt.NDArray[np.float64]) -> Pcm:
    """Samples in [-1, 1) as 16 bits."""
    return np.clip(np.round(samples * 32768.0), -32768, 32767).astype(np.int16)
