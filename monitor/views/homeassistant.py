"""Home Assistant through an MQTT broker: what the stream says, retained there, one device per array.

Only the present is passed on. What happened while the broker or this bridge was away would reach automations
late and with the wrong time; it stays in the journal.
"""

from __future__ import annotations

import json
import logging
import re
import time
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from monitor.stream.messages import HEARD, EventMessage, HealthMessage, LabelMessage, Message, to_bytes
from monitor.stream.subscriber import Subscription
from monitor.views import discovery
from monitor.views.broker import Broker, Login

log = logging.getLogger(__name__)

BIRTH = "homeassistant/status"
"""Home Assistant says `online` here when it has started"""
ONLINE, OFFLINE = b"online", b"offline"
SILENCE = float(discovery.HEALTH_SECONDS)
"""Seconds without any message after which the daemon is taken for dead, and of messages without a word of an
array after which that one is taken for removed"""
RECENT = timedelta(seconds=30)
"""Before the newest message; events that are older are of the past"""
TICK = 0.25
"""Seconds between looks at the broker"""
WAIT_SECONDS = 3.0
"""After so long without any message it is said that there may be no daemon"""
_NAMES = re.compile(r"[a-z0-9_-]{1,64}/[a-z0-9_-]{1,64}")
"""Node and array; anything else would change the meaning of a topic"""


def run(subscription: Subscription, endpoint: str, login: Login) -> NoReturn:
    """Pass messages on, for ever.

    Args:
        subscription: to labels, events and health messages of a daemon.
        endpoint: of that daemon, to be named when it is silent.
        login: of the broker.
    """
    bridge: Bridge | None = None
    patience = time.monotonic() + WAIT_SECONDS
    try:
        while True:
            message = subscription.receive(TICK)
            while message is not None:  # of labels and health that wait, only the newest is published
                if _NAMES.fullmatch(f"{message.node}/{message.array}"):
                    bridge = _serving(bridge, message.node, login)
                    bridge.update(message)
                message = subscription.receive(0)
            if bridge is not None:
                bridge.publish()
            elif time.monotonic() > patience and not subscription.refusal:
                log.warning("nothing heard yet from %s; is a daemon running there?", endpoint)
                patience = float("inf")
    finally:
        if bridge is not None:
            bridge.close()


def _serving(bridge: Bridge | None, node: str, login: Login) -> Bridge:
    """The bridge of a node: that one, or a new one in its place."""
    if bridge is not None and bridge.node == node:
        return bridge
    if bridge is not None:
        bridge.close()
    return Bridge(node, login)


class Bridge:
    """One node's arrays at the broker.

    The last will belongs to the connection and names the node, so every node has a connection of its own.
    """

    def __init__(self, node: str, login: Login) -> None:
        self.node = node
        self._status = discovery.node_status(node)
        # Whatever the broker holds of this node is its arrays, also those of earlier runs.
        wanted = (BIRTH, discovery.discovery_topic(node, "+"), discovery.array_topic(node, "+", "status"))
        self._broker = Broker(
            login, client_id=f"{discovery.ORIGIN}-{node}", will=(self._status, OFFLINE), topics=wanted
        )
        self._connection = 0
        self._retained: dict[str, bytes] = {}  # topic -> what the broker should hold
        self._published: dict[str, bytes] = {}  # topic -> what it was given since it was reached
        self._events: list[EventMessage] = []  # that the broker was not told yet
        self._known: set[str] = set()  # arrays of which the broker holds something
        self._boot_id, self._newest = "", datetime.min.replace(tzinfo=UTC)
        self._arrays: set[str] = set()  # of the running daemon
        self._first = self._last = time.monotonic()  # message of the running daemon

    def update(self, message: Message) -> None:
        """Take in a message."""
        self._last = time.monotonic()
        self._newest = message.published
        if message.boot_id != self._boot_id:
            self._boot_id, self._first, self._arrays = message.boot_id, self._last, set()
        self._arrays.add(message.array)
        node, array = message.node, message.array
        if isinstance(message, LabelMessage):
            text = json.dumps(discovery.discovery(message), separators=(",", ":"))
            self._retained[discovery.discovery_topic(node, array)] = text.encode()
            self._retained[discovery.array_topic(node, array, "state")] = to_bytes(message)
        elif isinstance(message, EventMessage):
            self._events.append(message)
        elif isinstance(message, HealthMessage):
            status = ONLINE if message.state in HEARD else OFFLINE
            self._retained[discovery.array_topic(node, array, "status")] = status
            self._retained[discovery.array_topic(node, array, "health")] = to_bytes(message)

    def publish(self) -> None:
        """Give the broker what it lacks, if it can be reached."""
        if self._broker.connections != self._connection:
            self._connection = self._broker.connections
            self._published.clear()
        self._read()
        alive = time.monotonic() - self._last < SILENCE
        self._retained[self._status] = ONLINE if alive else OFFLINE
        if alive and self._last - self._first >= SILENCE:
            self._forget(self._known - self._arrays)
        events, self._events = self._events, []
        if not self._broker.connected:
            return
        for topic, payload in self._retained.items():
            if self._published.get(topic) != payload:
                self._broker.publish(topic, payload)
                self._published[topic] = payload
        for event in events:
            if self._newest - event.published < RECENT:
                self._broker.tell(discovery.array_topic(self.node, event.array, "event"), to_bytes(event))

    def close(self) -> None:
        """Disconnect; all entities become unavailable."""
        self._broker.close()

    def _read(self) -> None:
        for topic, payload in self._broker.received():
            array = topic.split("/")[-2]
            if topic == BIRTH:
                if payload == ONLINE:  # it wants discovery again, and states after that
                    self._published.clear()
            elif payload:
                self._known.add(array)
            else:
                self._known.discard(array)

    def _forget(self, arrays: set[str]) -> None:
        for array in arrays:
            log.info("array %s is no more; its entities are removed", array)
            self._retained |= dict.fromkeys(discovery.topics(self.node, array), b"")
            self._known.discard(array)
