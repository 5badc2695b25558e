"""What this process costs the machine."""

from __future__ import annotations

import os
import time
from pathlib import Path


class Load:
    """Of this process since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._measured = (self._began, time.process_time())
        self._percent = 0.0

    def uptime(self) -> float:
        """Seconds."""
        return time.monotonic() - self._began

    def cpu_percent(self) -> float:
        """Of one core, over the time since the measurement before, at least a second ago."""
        now, cpu = time.monotonic(), time.process_time()
        elapsed = now - self._measured[0]
        if elapsed >= 1.0:
            self._percent = 100.0 * (cpu - self._measured[1]) / elapsed
            self._measured = (now, cpu)
        return self._percent


def resident_bytes() -> int:
    """Memory of this process; 0 where that is not known."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:  # not Linux
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
