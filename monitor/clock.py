"""The clock of the samples, which is CLOCK_MONOTONIC that goes on while the machine is suspended, and UTC."""

from __future__ import annotations

import logging
import sys
import time
from datetime import UTC, datetime

log = logging.getLogger(__name__)

STEP = 0.5
"""Seconds by which the wall clock must jump against `now` to be followed"""

if sys.platform == "linux":

    def now() -> float:
        """Seconds since some moment, the same for all processes: nobody sets this clock."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def suspended() -> float:
        """Seconds that the machine has been suspended so far."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)

else:  # a suspend cannot be told from lost samples there
    now = time.monotonic

    def suspended() -> float:
        """Seconds that the machine has been suspended so far: unknown."""
        return 0.0


class WallClock:
    """UTC for moments of `now`."""

    def __init__(self) -> None:
        self._offset = time.time() - now()

    def utc(self, moment: float) -> datetime:
        """The time by the wall clock, as it was last followed."""
        return datetime.fromtimestamp(moment + self._offset, UTC)

    def follow(self) -> None:
        """Adopt a wall clock that was set: by hand, or at boot without a battery."""
        offset = time.time() - now()
        if abs(offset - self._offset) > STEP:
            log.warning("the wall clock was set by %+.1f s; labels follow it", offset - self._offset)
            self._offset = offset
