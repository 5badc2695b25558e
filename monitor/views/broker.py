"""A connection to an MQTT broker, tried for ever; the only file that imports paho."""

from __future__ import annotations

import logging
import math
import ssl
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from paho.mqtt.client import Client, DisconnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from monitor.errors import Exit, MonitorError, safe

log = logging.getLogger(__name__)

PORTS = {"mqtt": 1883, "mqtts": 8883}
KEEPALIVE = 30
"""Seconds; a broker that is silent for one and a half times as long takes this end for dead, and we it"""
LONGEST_PAUSE = 60
"""Seconds between two attempts; the pause doubles from one second on"""
SHORT_SECONDS = 10.0
"""A connection that was lost earlier is tried again later than others"""
GOODBYE_SECONDS = 1.0
MOST_PASSWORD_BYTES = 4096

REFUSED = ("Not authorized", "Bad user name or password")
"""Reasons of a broker that does not know the user or the password"""


@dataclass(frozen=True)
class Login:
    """Where the broker is, and who we are there."""

    host: str
    port: int
    user: str | None
    password: str | None = field(repr=False)
    tls: ssl.SSLContext | None
    """None for an unencrypted connection"""

    @property
    def shown(self) -> str:
        """Host and port, fit for a terminal."""
        return safe(f"{self.host}:{self.port}")


def login(
    url: str | None, password_file: str | None, ca_file: str | None, environment: Mapping[str, str]
) -> Login:
    """All that is needed to connect.

    Args:
        url: `mqtt[s]://[USER@]HOST[:PORT]`; by default `$MQTT_URL`.
        password_file: holds the password; by default `$MQTT_PASSWORD` is it, if there is any.
        ca_file: certificates (PEM) that vouch for the broker's; by default those of `$MQTT_CA_FILE`, else
            those that the machine trusts.
        environment: environment variables.

    Raises:
        MonitorError: exit code 2 for what is no such address, or has a password in it, 66, 77 or 78 for a
            file that is missing, may not be read or does not hold what it should.
    """
    url, ca_file = url or environment.get("MQTT_URL", ""), ca_file or environment.get("MQTT_CA_FILE")
    parts = _split(url)
    if parts.password is not None:
        raise MonitorError(
            "a password in --mqtt can be read by every user of this machine; "
            "put it into a file, for --password-file, or into $MQTT_PASSWORD",
            Exit.USAGE,
        )
    if ca_file and parts.scheme == "mqtt":
        raise MonitorError("--ca-file needs mqtts://; mqtt:// is not encrypted", Exit.USAGE)
    password = _password(password_file, environment)
    if password and not parts.username:
        raise MonitorError("a password, but no user: --mqtt mqtt://USER@HOST wanted", Exit.USAGE)
    tls = _context(ca_file) if parts.scheme == "mqtts" else None
    user = unquote(parts.username or "") or None
    return Login(str(parts.hostname), parts.port or PORTS[parts.scheme], user, password, tls)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usual = parts.scheme in PORTS and parts.hostname and parts.port != 0
        if usual and not (parts.path.strip("/") or parts.query or parts.fragment):
            str(parts.hostname).encode("idna")  # as it will be when its address is looked up
            return parts
    except ValueError:
        pass
    shown = safe(url.rpartition("@")[2], 80)  # without what may be a password
    wanted = "mqtt://HOST or mqtts://USER@HOST:PORT"
    raise MonitorError(f"--mqtt: {wanted} wanted, not {shown!r}", Exit.USAGE)


def _password(path: str | None, environment: Mapping[str, str]) -> str | None:
    if path is None:
        return environment.get("MQTT_PASSWORD")
    try:
        with Path(path).open("rb") as file:
            text = file.read(MOST_PASSWORD_BYTES).decode().strip("\r\n")
    except OSError as exc:
        raise _unreadable("password", path, exc) from exc
    except UnicodeDecodeError as exc:
        raise MonitorError(f"password file {safe(path)}: not UTF-8 text", Exit.CONFIG) from exc
    if not text:
        raise MonitorError(f"password file {safe(path)}: empty", Exit.CONFIG)
    return text


def _context(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as exc:
        raise MonitorError(
            f"--ca-file {safe(str(ca_file))}: no certificates in PEM form", Exit.CONFIG
        ) from exc
    except OSError as exc:
        raise _unreadable("CA", str(ca_file), exc) from exc


def _unreadable(kind: str, path: str, exc: OSError) -> MonitorError:
    code = Exit.NO_PERMISSION if isinstance(exc, PermissionError) else Exit.NO_INPUT
    return MonitorError(f"{kind} file {safe(path)}: {exc.strerror}", code)


class Broker:
    """Connects in a thread of its own, again and again, and says why it cannot: each reason once.

    Args:
        login: of the broker.
        client_id: unique at the broker, and the same at every start: else the will of a connection that died
            unnoticed would be published after the next one was made.
        will: topic and payload of what the broker publishes, retained, when this connection ends in any way.
        topics: that are subscribed to.
    """

    def __init__(
        self, login: Login, *, client_id: str, will: tuple[str, bytes], topics: Sequence[str]
    ) -> None:
        self.connections = 0
        """How often the broker was reached; after each time it may have forgotten everything"""
        self.connected = False
        """Whether something can be published"""
        self._shown, self._topics = login.shown, topics
        self._inbox: SimpleQueue[tuple[str, bytes]] = SimpleQueue()
        self._reported: set[str] = set()  # reasons since the last connection
        self._disconnected = threading.Event()
        self._since = -math.inf  # of the last connection
        self._pause = 1  # seconds before the next attempt
        self._client = client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTv5)
        client.username_pw_set(login.user, login.password)
        if login.tls is not None:
            client.tls_set_context(login.tls)
        client.will_set(*will, qos=1, retain=True)
        client.reconnect_delay_set(self._pause, LONGEST_PAUSE)
        client.on_connect, client.on_connect_fail = self._on_connect, self._on_connect_fail
        client.on_disconnect, client.on_message = self._on_disconnect, self._on_message
        client.on_subscribe = self._on_subscribe
        client.connect_async(login.host, login.port, KEEPALIVE)
        client.loop_start()

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish, retained and at least once; an empty payload deletes what was retained."""
        self._client.publish(topic, payload, qos=1, retain=True)

    def tell(self, topic: str, payload: bytes) -> None:
        """Publish to whoever listens now, at most once."""
        self._client.publish(topic, payload, qos=0)

    def received(self) -> Iterator[tuple[str, bytes]]:
        """Topic and payload of what came since the last call."""
        while True:
            try:
                yield self._inbox.get_nowait()
            except Empty:
                return

    def close(self) -> None:
        """Disconnect, or try no more, and let the broker publish the will."""
        self._disconnected.clear()
        connected = self._client.is_connected()
        self._client.disconnect(ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message"))
        if connected:
            self._disconnected.wait(GOODBYE_SECONDS)

    # In paho's thread.

    def _on_connect(self, client: Client, _: Any, __: Any, reason: ReasonCode, ___: Any) -> None:
        if reason.is_failure:
            self._report(str(reason))
            return
        log.info("connected to %s", self._shown)
        self._since = time.monotonic()
        self._reported.clear()
        client.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(self, *_: Any) -> None:
        # Only now: what was on its way when the connection broke has been sent again, and is not newer.
        self.connections += 1
        self.connected = True

    def _on_connect_fail(self, *_: Any) -> None:
        error = sys.exception()  # paho calls this while it handles the error, and does not pass it on
        hint = "; give its CA with --ca-file" if isinstance(error, ssl.SSLCertVerificationError) else ""
        text = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or str(error)
        self._report(text + hint)

    def _on_disconnect(
        self, client: Client, _: Any, __: DisconnectFlags, reason: ReasonCode, ___: Properties | None
    ) -> None:
        self.connected = False
        self._disconnected.set()
        # A broker ends a connection when another one comes with the same client id. Two that took it from
        # each other every second would keep it busy for ever.
        short = time.monotonic() - self._since < SHORT_SECONDS
        self._pause = min(2 * self._pause, LONGEST_PAUSE) if short else 1
        client.reconnect_delay_set(self._pause, LONGEST_PAUSE)
        if reason.is_failure and not self._reported:
            hint = " soon after it was made; does another bridge serve the same node?" if short else ""
            self._report(f"connection lost{hint}")

    def _on_message(self, _: Client, __: Any, message: MQTTMessage) -> None:
        self._inbox.put((message.topic, bytes(message.payload)))

    def _report(self, reason: str) -> None:
        if reason not in self._reported:
            self._reported.add(reason)
            hint = "; check user and password" if reason in REFUSED else ""
            log.warning("MQTT broker %s: %s%s; trying for ever", self._shown, safe(reason), hint)
