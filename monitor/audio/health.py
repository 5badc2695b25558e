"""Per-microphone faults with hysteresis, and levels."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.audio.symptoms import FAULTS, UNMISTAKABLE, Fault, compared, unmistakable
from monitor.stream.messages import SILENT_DBFS

DECLARE = 3
"""Windows that must show a fault before a channel leaves; an `UNMISTAKABLE` one needs to be seen once. What
makes one window strange (a hand on the array, a slammed door) is over by then."""
LIFT = 3
"""Windows that must be well before a channel returns, so that a loose contact does not come and go"""


class Health:
    """Faults of one array's microphones, from window to window.

    A fault is declared or lifted by so many windows in a row that tell; one that does not tell, such as a
    silent one, neither counts nor interrupts. Of overlapping windows only those count that share no samples;
    an unmistakable fault is declared in any window that has it.

    Args:
        sample_rate: of the windows, hertz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._latches: defaultdict[tuple[Fault, int], _Latch] = defaultdict(_Latch)
        self._counted = 0  # every sample before it was in a window that counted

    def update(self, samples: npt.NDArray[np.float32], start: int) -> dict[int, Fault]:
        """Take in one window.

        Args:
            samples: `[channels, n]`, only those that were received.
            start: index of the first of them on the sample clock.

        Returns:
            Channels that must not be recognised, with the fault; of several the first in `FAULTS`.
        """
        evidence = unmistakable(samples)
        counts = start >= self._counted
        if counts:
            self._counted = start + samples.shape[1]
            evidence |= compared(samples, self._sample_rate)
        for fault, signs in evidence.items():
            declare = 1 if fault in UNMISTAKABLE else DECLARE
            for channel, sign in enumerate(signs.tolist()):
                if counts or sign > 0:
                    self._latches[fault, channel].update(sign, declare)
        return self._declared(len(samples))

    def _declared(self, channels: int) -> dict[int, Fault]:
        found: dict[int, Fault] = {}
        for channel in range(channels):
            faults = [fault for fault in FAULTS if self._latches[fault, channel].on]
            if faults:
                found[channel] = faults[0]
        return found


@dataclass
class _Latch:
    """Whether a channel has a fault, and for how many windows in a row the evidence has said otherwise."""

    on: bool = False
    against: int = 0

    def update(self, sign: int, declare: int) -> None:
        """Take in the evidence of a window: 1 faulty, -1 well, 0 does not tell."""
        if sign == 0:
            return
        self.against = 0 if (sign > 0) == self.on else self.against + 1
        if self.against == (LIFT if self.on else declare):
            self.on, self.against = not self.on, 0


def levels_dbfs(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """RMS level of each channel in dBFS: `[channels]`, at least -120, which is also the level of NaN."""
    power = np.mean(np.square(samples, dtype=np.float64), axis=1)
    power[~np.isfinite(power)] = 0.0
    levels: npt.NDArray[np.float64] = 10.0 * np.log10(np.maximum(power, 10.0 ** (SILENT_DBFS / 10.0)))
    return levels
