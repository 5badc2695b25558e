"""The clock of the samples: CLOCK_MONOTONIC, but it goes on while the machine is suspended."""

from __future__ import annotations

import sys
import time

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
