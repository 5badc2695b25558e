"""Window labels -> the activity that lasts."""

from __future__ import annotations

CONFIRMATIONS = 2
"""Windows in a row that must agree before the activity changes: a single odd window changes nothing."""


class Smoother:
    """The smoothed activity of one array; positions are sample indices.

    After a break (a gap as long as a window) the next label counts at once, because nothing is known of the
    time between.
    """

    def __init__(self) -> None:
        self.stable: str | None = None
        self.since = 0
        self._candidate: str | None = None
        self._candidate_since = 0
        self._count = 0

    def update(self, label: str, start: int) -> tuple[str, int]:
        """Take the label of the window that begins at `start`; return the activity and when it began."""
        if self.stable is None:
            self.stable, self.since = label, start
        if label != self._candidate:
            self._candidate, self._candidate_since, self._count = label, start, 0
        self._count += 1
        if label != self.stable and self._count >= CONFIRMATIONS:
            self.stable, self.since = label, self._candidate_since
        return self.stable, self.since

    def interrupt(self) -> None:
        """Forget the activity: audio was missing for as long as a window."""
        self.stable = self._candidate = None
