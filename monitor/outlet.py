"""Where messages leave the core: into the journal, then to the publisher and to whoever listens in here."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from monitor.stream.doorbell import Doorbell
from monitor.stream.journal import Journal
from monitor.stream.messages import Message

Sink = Callable[[Message | None], None]
"""Takes every message once it is in the journal; None says that there is nothing new for now"""


class Outlet:
    """Numbers messages and sends them on, one by one.

    Args:
        node: name of this machine in the stream.
        journal: where every message is stored first.
        doorbell: of the publisher; None publishes nothing.
        sinks: called in this order.
    """

    def __init__(self, node: str, journal: Journal, doorbell: Doorbell | None, sinks: Sequence[Sink]) -> None:
        self._node = node
        self._journal = journal
        self._doorbell = doorbell
        self._sinks = sinks
        self._boot_id = uuid.uuid4().hex

    def common(self, array: str) -> dict[str, Any]:
        """What the next message tells beside its own fields.

        Args:
            array: name of the array that it is about.
        """
        seq = self._journal.last_seq + 1
        return {
            "id": f"{self._boot_id}-{seq}",
            "boot_id": self._boot_id,
            "seq": seq,
            "node": self._node,
            "array": array,
            "published": datetime.now(UTC),
        }

    def publish(self, message: Message) -> None:
        """Send a message to everybody."""
        entry = self._journal.append(message)
        if self._doorbell is not None:
            self._doorbell.ring(None if self._journal.writable else entry)
        for sink in self._sinks:
            sink(message)

    def tick(self) -> None:
        """Look after the publisher, and let the sinks' clocks move."""
        if self._doorbell is not None:
            self._doorbell.supervise()
        for sink in self._sinks:
            sink(None)
