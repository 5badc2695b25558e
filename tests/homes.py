"""Recordings of simulated homes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from trainer.simulate.dice import Dice
from trainer.simulate.recording import record
from trainer.simulate.rooms import draw_home
from trainer.simulate.scene import Source
from trainer.simulate.session import compose


def simulated(label: str, seed: int, samples: int) -> npt.NDArray[np.float32]:
    """Some activity in a home of its own: `[4, samples]` in [-1, 1) at 16 kHz, of any level."""
    return at_home(compose(label, (seed,), samples, held_out=False), seed, samples)


def amplified(samples: npt.NDArray[np.float32], dbfs: float) -> npt.NDArray[np.float32]:
    """A recording at another rms level, relative to 1."""
    gain = 10.0 ** (dbfs / 20.0) / np.sqrt(np.mean(samples**2))
    return (gain * samples).astype(np.float32)


def at_home(sources: Sequence[Source], seed: int, samples: int) -> npt.NDArray[np.float32]:
    """Sounds in a home of their own: `[4, samples]` in [-1, 1) at 16 kHz."""
    home = draw_home(Dice(seed), nodes=1)
    return record(home, home.nodes[0], sources, samples, (seed,)).astype(np.float32)
