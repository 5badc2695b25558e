"""A stream with keys, and a client of it that may be added."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from monitor.stream import keys
from monitor.stream.doorbell import Doorbell
from monitor.stream.journal import Journal
from monitor.stream.subscriber import Subscription
from tests.toys import label_message

LIMIT = 60.0
"""Seconds for anything to happen, on a busy machine"""
TICK = 0.05


class Stream:
    """A journal with its publisher, as the core uses them; with keys, if there is a folder of them."""

    def __init__(self, folder: Path, endpoint: str, wanted: Path | None) -> None:
        self.endpoint = endpoint
        self.keys = folder / "keys"
        self._journal = Journal(folder / "journal.sqlite", durable=False)
        self._doorbell = Doorbell(self._journal.path, endpoint, self._journal.last_seq, wanted)

    def send(self) -> int:
        """Publish another label; returns its number."""
        seq = self._journal.last_seq + 1
        self._journal.append(label_message(seq))
        self._doorbell.ring()
        return seq

    def until(self, condition: Callable[[], object]) -> None:
        """Do what the core's loop does until something holds."""
        deadline = time.monotonic() + LIMIT
        while not condition():
            assert time.monotonic() < deadline
            self._doorbell.supervise()
            time.sleep(TICK)

    def hears(self, subscription: Subscription) -> None:
        """Publish until the client has the newest message."""
        heard = 0

        def newest() -> bool:
            nonlocal heard
            seq = self.send()
            while message := subscription.receive(TICK):
                heard = message.seq
            return heard == seq

        self.until(newest)

    def key(self, name: str) -> Path:
        """File of a client, which is added if need be."""
        file = self.keys.parent / f"{name}.key_secret"
        if not file.exists():
            keys.add(self.keys, name, file)
        return file

    def close(self) -> None:
        """End the publisher."""
        self._doorbell.close()
        self._journal.close()
