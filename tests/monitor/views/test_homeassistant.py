"""The bridge to Home Assistant, against a real MQTT broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from monitor.stream.doorbell import Doorbell
from monitor.stream.journal import Journal
from monitor.stream.messages import Message, to_bytes
from tests.mosquitto import PROGRAM, Mosquitto, Observer
from tests.toys import health_message, label_message

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="needs mosquitto (Debian: see .ci/debian-packages)")

STATUS = "activity-monitor/attic/status"
KITCHEN = "homeassistant/device/activity-monitor-attic/kitchen/config"


class Daemon:
    """What a daemon's journal and publisher do."""

    def __init__(self, path: Path, endpoint: str) -> None:
        self.endpoint = endpoint
        self._journal = Journal(path, durable=False)
        self._doorbell = Doorbell(path, endpoint, self._journal.last_seq)

    def says(self, *arrays: str, boot_id: str = "boot") -> None:
        """A health message and a label of each array."""
        for array in arrays:
            self.send(health_message(self._journal.last_seq + 1, array=array, boot_id=boot_id))
            self.send(label_message(self._journal.last_seq + 1, array=array, boot_id=boot_id))

    def send(self, message: Message) -> None:
        """Append and ring."""
        self._journal.append(message)
        self._doorbell.ring()

    def close(self) -> None:
        """End the publisher."""
        self._doorbell.close()
        self._journal.close()


@pytest.fixture
def daemon(tmp_path: Path, endpoint: str) -> Iterator[Daemon]:
    """A daemon that says nothing yet."""
    with closing(Daemon(tmp_path / "journal.sqlite", endpoint)) as daemon:
        yield daemon


@pytest.fixture
def port(endpoint: str) -> int:
    """A free port, which is not the daemon's or its neighbour."""
    return int(endpoint.rpartition(":")[2]) + 700


@pytest.fixture
def broker(tmp_path: Path, port: int) -> Iterator[Mosquitto]:
    """A broker that everybody may use."""
    with Mosquitto(tmp_path, port) as broker:
        yield broker


@contextmanager
def bridge(daemon: Daemon, url: str, *options: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """`activity-monitor homeassistant` in a process of its own."""
    command = [sys.executable, "-m", "monitor.cli", "homeassistant", "--connect", daemon.endpoint]
    process = subprocess.Popen(
        [*command, "--mqtt", url, *options], stderr=subprocess.PIPE, text=True, env=os.environ | environment
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=5)


def test_two_arrays_are_two_devices(daemon: Daemon, broker: Mosquitto) -> None:
    """Discovery, status, label and health of each, retained; the node is online."""
    daemon.says("kitchen", "hall")
    with bridge(daemon, f"mqtt://127.0.0.1:{broker.port}"), Observer(broker.port) as home:
        home.until(lambda held: len(held) == 9)
        assert home.held[STATUS] == b"online"
        for seq, array in ((1, "kitchen"), (3, "hall")):
            topic = f"activity-monitor/attic/{array}"
            assert home.held[f"{topic}/status"] == b"online"
            assert home.held[f"{topic}/health"] == to_bytes(health_message(seq, array=array))
            assert home.held[f"{topic}/state"] == to_bytes(label_message(seq + 1, array=array))
            device = home.json(f"homeassistant/device/activity-monitor-attic/{array}/config")["device"]
            assert device["identifiers"] == [f"activity-monitor.attic.{array}"]
