"""Window labels -> the activity that lasts."""

from __future__ import annotations

from datetime import datetime

CONFIRMATIONS = 2
"""Windows in a row that must agree before the activity changes: a single odd window changes nothing."""


class Smoother:
    """The smoothed activity of one array.

    After a break (a gap as long as a window) the next label counts at once, because nothing is known of the
    time between.
    """

    def __init__(self) -> None:
        self._stable: tuple[str, datetime] | None = None
        self._candidate: tuple[str, datetime] | None = None
        self._count = 0

    def update(self, label: str, start: datetime) -> tuple[str, datetime]:
        """Take the label of the window that begins at `start`; return the activity and when it began."""
        if self._candidate is None or label != self._candidate[0]:
            self._candidate, self._count = (label, start), 0
        self._count += 1
        if self._stable is None or (label != self._stable[0] and self._count >= CONFIRMATIONS):
            self._stable = self._candidate
        return self._stable

    def interrupt(self) -> None:
        """Forget the activity: audio was missing for as long as a window."""
        self._stable = self._candidate = None
