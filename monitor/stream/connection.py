"""A client's connections: with its key where the daemon wants one, and in words where it is refused."""

from __future__ import annotations

import logging
import math
import time
from pathlib import Path

import zmq
from zmq.utils.monitor import parse_monitor_message

from monitor.errors import safe
from monitor.stream.keys import load_client

log = logging.getLogger(__name__)

TOPIC = b"activity/"
RECEIVE_HIGH_WATER_MARK = 10_000
"""Messages that wait here while catching up"""
RENEWAL_SECONDS = 2.0
"""Between two attempts of who is refused: a key may be added, or the daemon get others"""
BREAKS = 2
"""In a row until they are no accident, such as the end of a publisher"""
EVENTS = (
    zmq.Event.HANDSHAKE_SUCCEEDED
    | zmq.Event.HANDSHAKE_FAILED_AUTH
    | zmq.Event.HANDSHAKE_FAILED_PROTOCOL
    | zmq.Event.HANDSHAKE_FAILED_NO_DETAIL
)
Socket = zmq.Socket[bytes]


class Connector:
    """Makes the sockets of a client.

    Args:
        endpoint: of the daemon's live stream.
        key: file that `activity-monitor keys add` made; None for a daemon without keys.

    Raises:
        MonitorError: exit code 77 or 78 if the key cannot be used.
    """

    def __init__(self, endpoint: str, key: Path | None) -> None:
        self.endpoint, self.key = endpoint, key
        self._keys = None if key is None else load_client(key)
        self._context: zmq.Context[Socket] = zmq.Context()

    def socket(self, kind: int) -> Socket:
        """A socket, to be connected to an endpoint of the daemon."""
        socket = self._context.socket(kind)
        socket.set(zmq.RCVHWM, RECEIVE_HIGH_WATER_MARK)
        # Notice within seconds that the other end is gone, or frozen, and connect again.
        socket.set(zmq.HEARTBEAT_IVL, 1000)
        socket.set(zmq.HEARTBEAT_TIMEOUT, 3000)
        socket.set(zmq.HANDSHAKE_IVL, 5000)
        if "[" in self.endpoint:
            socket.set(zmq.IPV6, 1)
        if self._keys is not None:
            socket.curve_publickey = self._keys.pair.public
            socket.curve_secretkey = self._keys.pair.secret
            socket.curve_serverkey = self._keys.server
        return socket

    def close(self) -> None:
        """Disconnect all."""
        self._context.destroy(linger=0)


class Live:
    """The live stream. Where the daemon refuses us it is said why, once, and tried again for ever.

    libzmq by itself never tries again once a key is refused, and says nothing.

    Raises:
        zmq.ZMQError: the endpoint is none.
    """

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._breaks = 0
        self.refusal = self._told = ""
        """Why the daemon does not let us in; empty if it does, or cannot be reached"""
        self._open()

    def receive(self, timeout: float | None) -> bytes | None:
        """The next message, or None if `timeout` seconds passed without one."""
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            if time.monotonic() >= self._renew_at:
                self._renew()
            left = min(deadline, self._renew_at) - time.monotonic()
            ready = dict(self._poller.poll(None if left == math.inf else max(0, math.ceil(1000 * left))))
            if self._events in ready:
                self._take_note()
            elif self._socket in ready:
                return self._socket.recv_multipart()[-1]
            elif time.monotonic() >= deadline:
                return None

    def _renew(self) -> None:
        """Try again; only who does that is told so, not who gives up at the first refusal."""
        if self.refusal != self._told:
            log.warning("%s; trying again for ever", self.refusal)
        self._told = self.refusal
        self._open()

    def _open(self) -> None:
        self._renew_at = math.inf
        self._socket = self._connector.socket(zmq.SUB)
        self._events: Socket = self._socket.get_monitor_socket(EVENTS)
        self._poller = zmq.Poller()
        for each in (self._socket, self._events):
            self._poller.register(each, zmq.POLLIN)
        self._socket.set(zmq.SUBSCRIBE, TOPIC)
        self._socket.connect(self._connector.endpoint)

    def is_refused(self) -> bool:
        """Whether the daemon does not let us in, as far as that is known by now."""
        while self._renew_at == math.inf and self._events.poll(0):
            self._take_note()
        return bool(self.refusal)

    def _take_note(self) -> None:
        """Of how a handshake has ended."""
        ended = parse_monitor_message(self._events.recv_multipart())
        event, value = ended["event"], ended["value"]
        if event == zmq.Event.HANDSHAKE_SUCCEEDED:
            self._breaks, self.refusal, self._told = 0, "", ""
            return
        self._breaks += 1
        vague = event == zmq.Event.HANDSHAKE_FAILED_NO_DETAIL
        if vague and self._breaks < BREAKS:
            return
        if not (vague and self.refusal):
            self.refusal = self._words(event, value)
        for each in (self._events, self._socket):
            self._poller.unregister(each)
            each.close(linger=0)
        self._renew_at = time.monotonic() + RENEWAL_SECONDS

    def _words(self, event: int, value: int) -> str:
        endpoint, key = safe(self._connector.endpoint), self._connector.key
        if event == zmq.Event.HANDSHAKE_FAILED_AUTH:
            return f"{endpoint} refuses {safe(str(key))}: it was never added there, or is revoked"
        if value == zmq.PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
            if key is None:
                return f"{endpoint} wants a key: add one there with `keys add NAME`, give it with --key FILE"
            return f"{endpoint} has no keys, so nobody knows who it is; only without --key it is listened to"
        if key is None:
            return f"{endpoint} breaks off: it wants a key, or is no monitor"
        return f"{endpoint} breaks off: {safe(str(key))} is for another daemon, or this is no monitor"
