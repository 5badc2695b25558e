"""A real MQTT broker on a port of its own, and a client that sees what it holds."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

PROGRAM = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
"""None if there is no Mosquitto"""


class Mosquitto:
    """A broker that keeps nothing when it ends.

    Args:
        folder: for its configuration.
        port: on the loopback interface.
        lines: more configuration; without any, everybody may connect.
    """

    def __init__(self, folder: Path, port: int, *lines: str) -> None:
        self.port = port
        self._configuration = folder / "mosquitto.conf"
        usual = [f"listener {port} 127.0.0.1", "persistence false"]
        self._configuration.write_text("\n".join([*usual, *(lines or ["allow_anonymous true"])]))
        self.start()

    def start(self) -> None:
        """Start, and wait until it listens."""
        command = [str(PROGRAM), "-c", str(self._configuration)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError("mosquitto does not listen")

    def kill(self) -> None:
        """End it at once: no connection is closed in order."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class Observer:
    """What a broker holds: topic -> payload; deleted topics are gone. And the events that it passes on."""

    def __init__(self, port: int, user: str | None = None, password: str | None = None) -> None:
        self.held: dict[str, bytes] = {}
        self.log: list[str] = []
        """Topics, in the order of their messages"""
        self.events: list[bytes] = []
        """What came on topics of events"""
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.username_pw_set(user, password)
        self._client.on_connect = lambda client, *_: client.subscribe("#")
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def publish(self, topic: str, payload: str) -> None:
        """As any other client would."""
        self._client.publish(topic, payload, qos=1).wait_for_publish(5.0)

    def until(
        self,
        true: Callable[[dict[str, bytes]], object],
        meanwhile: Callable[[], object] = lambda: None,
        timeout: float = 60.0,
    ) -> None:
        """Wait until something is true of what the broker holds; `meanwhile` is called again and again."""
        deadline = time.monotonic() + timeout
        while not true(dict(self.held)):
            assert time.monotonic() < deadline, f"the broker holds {self.held}"
            meanwhile()
            time.sleep(0.01)

    def json(self, topic: str) -> Any:
        """A payload, parsed."""
        return json.loads(self.held[topic])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _: Client, __: object, message: MQTTMessage) -> None:
        self.log.append(message.topic)
        if message.topic.endswith("/event"):
            self.events.append(bytes(message.payload))
            return
        self.held[message.topic] = bytes(message.payload)
        if not message.payload:
            del self.held[message.topic]
