"""Recordings of simulated homes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from trainer.simulate.dice import Dice
from trainer.simulate.recording import record
from trainer.simulate.rooms import draw_home
from trainer.simulate.scene import Source, Spot, at_level
from trainer.simulate.session import compose
from trainer.simulate.signals import noise


def simulated(label: str, seed: int, samples: int) -> npt.NDArray[np.float32]:
    """Some activity in a home of its own: `[4, samples]` in [-1, 1) at 16 kHz, of any level."""
    return at_home(compose(label, (seed,), samples, held_out=False), seed, samples)


def rush(seed: int, samples: int, dbfs: float) -> npt.NDArray[np.float32]:
    """A loud rush of air in a home of its own: `[4, samples]` at 16 kHz, of this rms level relative to 1."""
    air = at_level(noise(Dice(seed), samples, 100.0, 7000.0, tilt=0.3), 75.0)
    recorded = at_home([Source(air, Spot.FLOOR)], seed, samples)
    return recorded * np.float32(10.0 ** (dbfs / 20.0) / np.sqrt(np.mean(recorded**2)))


def at_home(sources: Sequence[Source], seed: int, samples: int) -> npt.NDArray[np.float32]:
    """Sounds in a home of their own: `[4, samples]` in [-1, 1) at 16 kHz."""
    home = draw_home(Dice(seed), nodes=1)
    return record(home, home.nodes[0], sources, samples, (seed,)).astype(np.float32)
