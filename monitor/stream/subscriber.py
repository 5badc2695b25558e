"""The client library: every message of a daemon, once and in order.

from monitor.stream.subscriber import subscribe

for message in subscribe("tcp://127.0.0.1:5556"):
    print(message)
"""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import zmq

from monitor.errors import Exit, MonitorError, safe
from monitor.stream.messages import LAST_VALUES, Message, MessageError, catch_up_endpoint, from_bytes

log = logging.getLogger(__name__)

TOPIC = b"activity/"
RECEIVE_HIGH_WATER_MARK = 10_000
"""Messages that wait here while catching up"""
REPLY_TIMEOUT_MS = 2000
NEVER = datetime.max.replace(tzinfo=UTC)
"""Nothing is published after it, so asking for that gives only the journal's last number"""


class Subscription:
    """Live messages, joined with those of the journal wherever some were missed.

    Args:
        endpoint: of the daemon's live stream.
        since: begin with what was published since then; the default is now. The last label and health of each
            array come in any case.
        types: message types wanted, such as `{"label"}`; all by default.

    Raises:
        MonitorError: exit code 2 if the endpoint is none.
    """

    def __init__(
        self, endpoint: str, *, since: datetime | None = None, types: Iterable[str] | None = None
    ) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._types = None if types is None else frozenset(types)
        self._endpoint = endpoint
        try:
            catch_up_endpoint(endpoint)
            self._live = self._connect(zmq.SUB, endpoint)
        except (ValueError, zmq.ZMQError) as exc:
            self.close()
            raise MonitorError(
                f"{safe(endpoint)} is no endpoint such as tcp://127.0.0.1:5556 or ipc:///PATH", Exit.USAGE
            ) from exc
        self._live.set(zmq.SUBSCRIBE, TOPIC)
        self.heard = False
        """Whether there was any message yet, of whatever type"""
        self._boot_id = ""
        self._published = NEVER  # the last message
        self._since = since or NEVER
        self._seq: int | None = None  # up to here everything wanted was handed out, last values apart
        self._told: dict[tuple[str, str, str], int] = {}  # node, array and type -> newest `seq`
        self._ready: deque[Message] = deque()
        if since is not None:
            # Subscribed first, so that nothing is missed between the journal's end and the live stream.
            self._catch_up({"since": since.isoformat()})

    def receive(self, timeout: float | None = None) -> Message | None:
        """The next message, or None if `timeout` seconds passed without one."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._ready:
            left = None if deadline is None else max(0, round(1000 * (deadline - time.monotonic())))
            if not self._live.poll(left):
                return None
            self._take(_parsed(self._live.recv_multipart()[-1]))
        return self._ready.popleft()

    def __iter__(self) -> Iterator[Message]:
        while True:
            message = self.receive()
            if message is not None:
                yield message

    def close(self) -> None:
        """Disconnect."""
        self._context.destroy(linger=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _connect(self, kind: int, endpoint: str) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.set(zmq.RCVHWM, RECEIVE_HIGH_WATER_MARK)
        # Notice within seconds that the other end is gone, and connect again.
        socket.set(zmq.HEARTBEAT_IVL, 1000)
        socket.set(zmq.HEARTBEAT_TIMEOUT, 3000)
        socket.connect(endpoint)
        return socket

    def _take(self, message: Message | None) -> None:
        """Hand out a live message, after what was missed before it."""
        if message is None:
            return
        self.heard = True
        if self._seq is not None and message.seq <= self._seq and self._boot_id not in ("", message.boot_id):
            # A daemon with another journal, such as a new replay.
            self._seq, self._since, self._told = None, self._published, {}
        if self._seq is None:  # it may be a last value, long before the journal's end
            self._catch_up({"since": self._since.isoformat()})
        elif message.seq > self._seq + 1:
            self._catch_up({"after_seq": self._seq})
        self._hand_out(message)

    def _hand_out(self, message: Message | None) -> None:
        if message is None:
            return
        kind = (message.node, message.array, message.type)
        if message.seq <= self._told.get(kind, 0):
            return  # seen before: last values are sent to everybody when somebody subscribes
        if message.seq <= (self._seq or 0) and message.type not in LAST_VALUES:
            return  # on its way when the journal was asked for what is newer
        self._told[kind] = message.seq
        self._boot_id, self._published = message.boot_id, message.published
        self._seq = max(self._seq or 0, message.seq)
        if self._types is None or message.type in self._types:
            self._ready.append(message)

    def _catch_up(self, request: dict[str, Any]) -> None:
        """Hand out what the journal has; if it does not answer, the live stream goes on with a hole."""
        socket = self._connect(zmq.DEALER, catch_up_endpoint(self._endpoint))
        try:
            socket.send(json.dumps(request).encode())
            while socket.poll(REPLY_TIMEOUT_MS):
                kind, *parts = socket.recv_multipart()
                if kind == b"messages":
                    for body in parts:
                        self._hand_out(_parsed(body))
                    continue
                if kind != b"end":
                    break
                end = json.loads(parts[0])
                self._seq = max(self._seq or 0, end["last_seq"])
                if not end["more"]:
                    return
                socket.send(json.dumps({"after_seq": end["last_seq"]}).encode())
            log.warning("no answer from %s; messages may be missing", catch_up_endpoint(self._endpoint))
        finally:
            socket.close(linger=0)


def _parsed(body: bytes) -> Message | None:
    try:
        return from_bytes(body)
    except MessageError as exc:  # from a newer daemon, say
        log.warning("ignored: %s", exc)
        return None


def subscribe(
    endpoint: str, *, since: datetime | None = None, types: Iterable[str] | None = None
) -> Subscription:
    """Subscribe to a daemon; iterate over the result, for ever.

    Args:
        endpoint: such as `tcp://127.0.0.1:5556`.
        since: begin with what was published since then; the default is now.
        types: message types wanted, such as `{"label"}`; all by default.
    """
    return Subscription(endpoint, since=since, types=types)
