"""Per-microphone levels and faults of one window."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from monitor.stream.messages import SILENT_DBFS

Fault = Literal["non_finite", "dead", "stuck"]
"""non_finite: NaN or infinite samples · dead: zeros only · stuck: one value other than zero"""


def faults(samples: npt.NDArray[np.float32]) -> dict[int, Fault]:
    """Channels that must not be recognised, with the reason.

    Args:
        samples: `[channels, n]`, only those that were received.
    """
    found: dict[int, Fault] = {}
    for channel, signal in enumerate(samples):
        if not np.isfinite(signal).all():
            found[channel] = "non_finite"
        elif (signal == signal[0]).all():
            found[channel] = "dead" if signal[0] == 0 else "stuck"
    return found


def levels_dbfs(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """RMS level of each channel in dBFS: `[channels]`, at least -120, which is also the level of NaN."""
    power = np.mean(np.square(samples, dtype=np.float64), axis=1)
    power[~np.isfinite(power)] = 0.0
    levels: npt.NDArray[np.float64] = 10.0 * np.log10(np.maximum(power, 10.0 ** (SILENT_DBFS / 10.0)))
    return levels
