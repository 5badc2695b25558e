"""Who may connect to the publisher: CURVE keys, asked for by libzmq (ZAP), and words about who was refused.

libzmq lets everybody in when nobody answers its question, unless it is told to enforce the domain. That is
told here, the answers come from the publisher's own loop, and before a socket is bound for others, a key made
up on the spot must have been refused on it. So a gate that is dead, hung or wrong lets nobody in.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Container
from pathlib import Path

import zmq
from zmq.utils import z85
from zmq.utils.monitor import parse_monitor_message

from monitor.errors import Exit, MonitorError
from monitor.stream.keys import KeyPair, load

DOMAIN = b"activity-monitor"
QUESTIONS = "inproc://zeromq.zap.01"
"""Where libzmq asks, as its ZAP has it"""
PROOF_SECONDS = 5.0
"""For a handshake with ourselves: far more than it needs on a machine that is busy"""
SAME_AGAIN = 3600.0
"""Seconds until an address is named again for the same reason"""
MOST_LINES = 10
"""Refusals that are named in a minute, so that an attacker does not fill the log"""
UNKNOWN_KEY = "its key was never added, or is revoked"
OTHER_SERVER = "it has the key of another daemon"
NO_KEY = "it has no key, or does not speak ZeroMQ"

HERE = "a program of this machine"
"""Who has no address, but an ipc endpoint"""
FAILED = zmq.Event.HANDSHAKE_FAILED_PROTOCOL | zmq.Event.HANDSHAKE_FAILED_NO_DETAIL
ENDED = zmq.Event.HANDSHAKE_SUCCEEDED | zmq.Event.HANDSHAKE_FAILED_AUTH | FAILED

Socket = zmq.Socket[bytes]
Context = zmq.Context[Socket]


class Gate:
    """Answers libzmq's questions about the keys of clients.

    Args:
        context: of the sockets that are guarded; they are made with `guarded`.
        folder: of keys.

    Raises:
        MonitorError: exit code 77 or 78 if the keys cannot be used.
    """

    def __init__(self, context: Context, folder: Path) -> None:
        self._folder = folder
        self._keys = load(folder)
        self.questions: Socket = context.socket(zmq.REP)
        self.questions.bind(QUESTIONS)
        self._let_in = set(self._keys.clients)
        self._watches: list[Watch] = []
        self._refusals = Refusals()

    @property
    def sockets(self) -> list[Socket]:
        """To be polled; those that are ready are for `attend`."""
        return [self.questions, *(watch.events for watch in self._watches)]

    def guard(self, bound: Socket) -> None:
        """Let only clients with a listed key connect to a socket, which is to be bound afterwards.

        Raises:
            MonitorError: exit code 69: it does not work here, so the socket must not be bound.
        """
        bound.set(zmq.CURVE_SERVER, 1)
        bound.set(zmq.CURVE_SECRETKEY, self._keys.pair.secret)
        bound.set(zmq.ZAP_DOMAIN, DOMAIN)
        bound.set(zmq.ZAP_ENFORCE_DOMAIN, 1)
        self._prove(bound)
        self._watches.append(Watch(bound))

    def has_changed(self) -> bool:
        """Whether the folder holds other keys than those that are let in."""
        return load(self._folder) != self._keys

    def attend(self, ready: Container[object]) -> None:
        """Let a client in, or not, and say who was refused."""
        if self.questions in ready and (address := self._refused()):
            self._refusals.say(address, UNKNOWN_KEY)
        for watch in self._watches:
            if watch.events in ready and (refusal := watch.refused()):
                self._refusals.say(*refusal)

    def _refused(self) -> str | None:
        """Answer a question; the client's address if it is not let in."""
        _, number, domain, address, _, mechanism, *credentials = self.questions.recv_multipart()
        known = (domain, mechanism) == (DOMAIN, b"CURVE") and z85.encode(credentials[0]) in self._let_in
        words = (b"200", b"OK") if known else (b"400", b"unknown key")
        self.questions.send_multipart([b"1.0", number, *words, b"", b""])
        return None if known else address.decode() or HERE

    def _prove(self, bound: Socket) -> None:
        """Try it on a port of this machine that nobody else knows."""
        friend, stranger = (KeyPair(*zmq.curve_keypair()) for _ in range(2))
        bound.bind("tcp://127.0.0.1:*")
        endpoint = bound.get_string(zmq.LAST_ENDPOINT)
        self._let_in.add(friend.public)
        try:
            for pair, wanted in (
                (stranger, zmq.Event.HANDSHAKE_FAILED_AUTH),
                (friend, zmq.Event.HANDSHAKE_SUCCEEDED),
            ):
                found = self._try(endpoint, pair, zmq.SUB if bound.type == zmq.XPUB else zmq.DEALER)
                if found != wanted:
                    came = "nothing" if found is None else found.name
                    text = f"keys do not work here: {wanted.name} wanted, {came} found; nothing is published"
                    raise MonitorError(text, Exit.UNAVAILABLE)
        finally:
            self._let_in.remove(friend.public)
        bound.unbind(endpoint)

    def _try(self, endpoint: str, pair: KeyPair, kind: int) -> zmq.Event | None:
        """How a handshake with a key ends, None if it does not."""
        context: Context = zmq.Context()
        client = context.socket(kind)
        client.curve_publickey, client.curve_secretkey = pair.public, pair.secret
        client.curve_serverkey = self._keys.pair.public
        events = client.get_monitor_socket(ENDED)
        client.connect(endpoint)
        poller = zmq.Poller()
        poller.register(events, zmq.POLLIN)
        poller.register(self.questions, zmq.POLLIN)
        deadline = time.monotonic() + PROOF_SECONDS
        try:
            while (left := deadline - time.monotonic()) > 0:
                ready = dict(poller.poll(round(1000 * left)))
                if events in ready:
                    return zmq.Event(parse_monitor_message(events.recv_multipart())["event"])
                if self.questions in ready:
                    self._refused()
            return None
        finally:
            context.destroy(linger=0)


class Watch:
    """Sees on a guarded socket whose handshake fails before there is a key to ask about."""

    def __init__(self, bound: Socket) -> None:
        self.events: Socket = bound.get_monitor_socket(zmq.Event.ACCEPTED | zmq.Event.DISCONNECTED | FAILED)
        self._peers: dict[int, str] = {}  # file descriptor -> address
        self._reason = ""

    def refused(self) -> tuple[str, str] | None:
        """Read an event; address and reason if somebody was refused.

        A failure does not say whose it is; the end of the connection, which comes right after it, does. Who
        has hung up before we could look stays unnamed, until the next attempt.
        """
        event = parse_monitor_message(self.events.recv_multipart())
        reason, self._reason = self._reason, ""
        if event["event"] == zmq.Event.ACCEPTED:
            self._peers[event["value"]] = _address(event["value"])
        elif event["event"] == zmq.Event.DISCONNECTED:
            address = self._peers.pop(event["value"], "")
            return (address, reason) if address and reason else None
        else:
            foreign = event["value"] == zmq.PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC
            self._reason = OTHER_SERVER if foreign else NO_KEY
        return None


def _address(descriptor: int) -> str:
    """Of the other end, empty if that has hung up."""
    try:
        peer = socket.socket(fileno=descriptor)
    except OSError:
        return ""
    try:
        name = peer.getpeername()
    except OSError:
        return ""
    finally:
        peer.detach()  # it is libzmq's
    return str(name[0]) if isinstance(name, tuple) else HERE


class Refusals:
    """Lines on stderr, which the core logs."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], float] = {}  # address and reason -> when

    def say(self, address: str, reason: str) -> None:
        """Name who was refused, unless that was said before or too much is said."""
        now = time.monotonic()
        self._said = {key: said for key, said in self._said.items() if now - said < SAME_AGAIN}
        lately = sum(now - said < 60.0 for said in self._said.values())
        if (address, reason) not in self._said and lately < MOST_LINES:
            self._said[address, reason] = now
            print(f"{address} is refused: {reason}", file=sys.stderr, flush=True)
