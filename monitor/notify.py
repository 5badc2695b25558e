"""What systemd is told of a service (sd_notify(3)): ready, progress, stopping, a line of status."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from monitor.stream.messages import HEARD, GapMessage, HealthMessage, LabelMessage, Message

WINDOWS = 3
"""Least length of the watchdog, in windows"""


class Notifier:
    """A sink: hears every message of the daemon, and tells systemd. Without `$NOTIFY_SOCKET` it does nothing.

    `READY=1` once the first array is heard. `WATCHDOG=1` only when every array that is heard has had a label
    or gap since the last one: a daemon that runs but does not move is then restarted.

    Args:
        window: seconds. If it is long for the unit's WatchdogSec, systemd is told another one.
        environment: holds `NOTIFY_SOCKET`, a path or, after `@`, an abstract name, and `WATCHDOG_USEC`.
    """

    def __init__(self, window: float, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._ready = False
        self._heard: set[str] = set()
        self._owing: set[str] = set()  # arrays without a label or gap since the last WATCHDOG=1
        self._status: dict[str, str] = {}
        microseconds = round(WINDOWS * window * 1e6)
        if 0 < int(environment.get("WATCHDOG_USEC", "0")) < microseconds:
            self._send(f"WATCHDOG_USEC={microseconds}")

    def __call__(self, message: Message | None) -> None:
        """Take in a message."""
        if isinstance(message, HealthMessage):
            self._state(message)
        elif isinstance(message, LabelMessage | GapMessage):
            self._progress(message.array)

    def close(self) -> None:
        """Say that the daemon ends."""
        self._send("STOPPING=1")
        self._socket.close()

    def _state(self, health: HealthMessage) -> None:
        if health.state in HEARD and health.array not in self._heard:
            self._heard.add(health.array)
            self._owing.add(health.array)
        elif health.state == "stopped":
            self._heard.discard(health.array)
            self._owing.discard(health.array)
        # No labels: any local user may read the status of a service.
        counts = f"{health.windows} windows, {health.gaps} gaps"
        self._status[health.array] = f"{health.array} {health.state}, {counts}"
        self._send("STATUS=" + "; ".join(self._status.values()))
        if self._heard and not self._ready:
            self._ready = self._send("READY=1")

    def _progress(self, array: str) -> None:
        self._owing.discard(array)
        if not self._owing and self._send("WATCHDOG=1"):
            self._owing = set(self._heard)

    def _send(self, state: str) -> bool:
        """Whether it was taken; a systemd that does not read must not hold up the daemon."""
        if not self._address:
            return False
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            self._socket.sendto(state.encode(), socket.MSG_DONTWAIT, address)
        except OSError:
            return False
        return True
