"""What waits for recognition. It is bounded, and never makes a live array wait.

The bound is a number of windows and not of seconds: each holds all its samples, however much it overlaps
with the next one, and none should be recognised long after the fact. The time of a skipped window is a gap
only where no other window covers it, so recognition may halt for six hops and a window before any is lost.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from monitor.audio.sources import Gap
from monitor.audio.windows import Window

LIMIT = 6
"""Windows of one array that may wait: 15 MB, and a minute of audio, at the usual ten seconds and hop"""

Key = TypeVar("Key")


@dataclass(eq=False)
class _Entry(Generic[Key]):
    key: Key
    item: Window | Gap | None


class Backlog(Generic[Key]):
    """A queue from the arrays' reader threads to the recogniser, in the order of arrival.

    Args:
        hop: samples from the start of a window to the start of the next one.
    """

    def __init__(self, hop: int) -> None:
        self._hop = hop
        self._entries: deque[_Entry[Key]] = deque()
        self._skipped: Counter[Key] = Counter()
        self._changed = threading.Condition()
        self._stopped = False

    def put(self, key: Key, item: Window | Gap | None, *, live: bool) -> None:
        """Add an item of the array `key`; None says that it has ended.

        When `LIMIT` windows of the array wait, a live array loses its oldest one, which becomes a gap
        `overload` in the same place; a replay waits while `LIMIT` items of any kind do.
        """
        with self._changed:
            if not live:
                self._changed.wait_for(
                    lambda: self._stopped or sum(entry.key is key for entry in self._entries) < LIMIT
                )
            self._entries.append(_Entry(key, item))
            if live and len(self._windows(key)) > LIMIT:
                self._skip_oldest(key)
            self._changed.notify_all()

    def get(self, timeout: float) -> tuple[Key, Window | Gap | None] | None:
        """The oldest item and its array, or None if nothing came within `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._entries, timeout):
                return None
            entry = self._entries.popleft()
            self._changed.notify_all()
            return entry.key, entry.item

    def waiting(self, key: Key) -> int:
        """Windows of an array that wait."""
        with self._changed:
            return len(self._windows(key))

    def skipped(self, key: Key) -> int:
        """Windows of an array that were not recognised because it was overloaded."""
        with self._changed:
            return self._skipped[key]

    def stop(self) -> None:
        """Nobody waits in `put` any more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _skip_oldest(self, key: Key) -> None:
        """It becomes a gap, and one with such a gap before it, so that a long halt does not pile up gaps."""
        before: _Entry[Key] | None = None
        for entry in self._entries:
            if entry.key is key and isinstance(entry.item, Window):
                break
            before = entry if entry.key is key else before
        window = cast("Window", entry.item)
        start, end = window.start, min(window.start + self._hop, window.end)
        if before and isinstance(before.item, Gap) and before.item.reason == "overload":
            start = min(start, before.item.start)
            self._entries.remove(before)
        entry.item = Gap(start, end, "overload")
        self._skipped[key] += 1

    def _windows(self, key: Key) -> list[_Entry[Key]]:
        return [entry for entry in self._entries if entry.key is key and isinstance(entry.item, Window)]
