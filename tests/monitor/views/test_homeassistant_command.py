"""`activity-monitor homeassistant` as a process, between a publisher and a real MQTT broker."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from monitor.stream import keys
from monitor.stream.doorbell import Doorbell
from monitor.stream.journal import Journal
from monitor.stream.messages import Message, to_bytes
from tests.keyed import Stream
from tests.mosquitto import PROGRAM, Mosquitto, Observer
from tests.toys import event_message, health_message, label_message

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="needs mosquitto (Debian: see .ci/debian-packages)")

STATUS = "activity-monitor/attic/status"
STATE = "activity-monitor/attic/kitchen/state"


@pytest.fixture
def home(tmp_path: Path, port: int) -> Iterator[Observer]:
    """What Home Assistant would see at a broker that everybody may use."""
    with Mosquitto(tmp_path, port), Observer(port) as home:
        yield home


class Daemon:
    """What a daemon's journal and publisher do."""

    def __init__(self, path: Path, endpoint: str) -> None:
        self.endpoint = endpoint
        self._journal = Journal(path, durable=False)
        self._doorbell = Doorbell(path, endpoint, self._journal.last_seq)

    def send(self, *messages: Message) -> None:
        """Append and ring."""
        for message in messages:
            self._journal.append(message)
            self._doorbell.ring()

    def close(self) -> None:
        """End the publisher."""
        self._doorbell.close()
        self._journal.close()


@pytest.fixture
def daemon(tmp_path: Path, endpoint: str) -> Iterator[Daemon]:
    """A daemon with two arrays, and one whose name is none."""
    with closing(Daemon(tmp_path / "journal.sqlite", endpoint)) as daemon:
        daemon.send(health_message(1), label_message(2))
        daemon.send(health_message(3, array="hall"), label_message(4, array="hall"))
        daemon.send(label_message(5, array="a/#"))
        yield daemon


@contextmanager
def command(
    daemon: Daemon | Stream, url: str, *options: str, **variables: str
) -> Iterator[subprocess.Popen[str]]:
    """`activity-monitor homeassistant`, ended by SIGTERM."""
    words = [sys.executable, "-m", "monitor.cli", "homeassistant", "--connect", daemon.endpoint]
    process = subprocess.Popen(
        [*words, "--mqtt", url, *options], stderr=subprocess.PIPE, text=True, env=os.environ | variables
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=60)


def says(process: subprocess.Popen[str], wanted: str) -> None:
    """Read its log until a line holds what is wanted."""
    assert process.stderr is not None
    read = []
    for line in process.stderr:
        read.append(line)
        if wanted in line:
            return
    raise AssertionError(read)


def test_two_arrays_are_two_devices(daemon: Daemon, home: Observer, port: int) -> None:
    """Discovery, status, label and health of each; killed or ended, the bridge leaves all unavailable."""
    for number in (signal.SIGKILL, signal.SIGTERM):
        with command(daemon, f"mqtt://127.0.0.1:{port}") as process:
            home.until(lambda held: len(held) == 9 and held[STATUS] == b"online")
            process.send_signal(number)
            assert process.wait(60) == (0 if number == signal.SIGTERM else -number)
        home.until(lambda held: held[STATUS] == b"offline")
    for seq, array in ((1, "kitchen"), (3, "hall")):
        topic = f"activity-monitor/attic/{array}"
        assert home.held[f"{topic}/status"] == b"online"
        assert home.held[f"{topic}/health"] == to_bytes(health_message(seq, array=array))
        assert home.held[f"{topic}/state"] == to_bytes(label_message(seq + 1, array=array))
        device = home.json(f"homeassistant/device/activity-monitor-attic/{array}/config")["device"]
        assert device["identifiers"] == [f"activity-monitor.attic.{array}"]


def test_events_of_a_running_daemon(daemon: Daemon, home: Observer, port: int) -> None:
    """Those of the time since the bridge started, and none before."""
    daemon.send(event_message(6, ended=True))
    with command(daemon, f"mqtt://127.0.0.1:{port}"):
        home.until(lambda held: held.get(STATUS) == b"online")
        daemon.send(event_message(7))
        home.until(lambda _: home.events)
    assert home.events == [to_bytes(event_message(7))]


def test_a_renamed_node(daemon: Daemon, home: Observer, port: int) -> None:
    """Its arrays are other ones; those of the old name are unavailable."""
    with command(daemon, f"mqtt://127.0.0.1:{port}"):
        home.until(lambda held: held.get(STATUS) == b"online")
        daemon.send(label_message(6, node="cellar", boot_id="next"))
        renamed = "activity-monitor/cellar/status"
        home.until(lambda held: held[STATUS] == b"offline" and held.get(renamed) == b"online")


def test_a_wrong_password_is_named_and_tried_again(tmp_path: Path, port: int, daemon: Daemon) -> None:
    """Nobody else gets in; the right one, from a file or the environment, does."""
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "monitor", "café"], check=True)
    passwords.chmod(0o644)
    url, right = f"mqtt://monitor@127.0.0.1:{port}", tmp_path / "right"
    right.write_text("café\n")
    lines = ("allow_anonymous false", f"password_file {passwords}", "user root")
    with Mosquitto(tmp_path, port, *lines), Observer(port, "monitor", "café") as home:
        with command(daemon, url, MQTT_PASSWORD=right.name) as process:
            says(process, f"127.0.0.1:{port}: Not authorized; check user and password; trying for ever")
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(1.5)
        assert home.held == {}
        for options, variables in (((), {"MQTT_PASSWORD": "café"}), (("--password-file", str(right)), {})):
            with command(daemon, url, *options, **variables):
                home.until(lambda held: held.get(STATUS) == b"online")
            home.until(lambda held: held[STATUS] == b"offline")


def test_an_absent_broker_is_named_and_tried_again(tmp_path: Path, port: int, daemon: Daemon) -> None:
    """It may be started later."""
    with command(daemon, f"mqtt://127.0.0.1:{port}") as process:
        says(process, f"MQTT broker 127.0.0.1:{port}: Connection refused; trying for ever")
        with Mosquitto(tmp_path, port), Observer(port) as home:
            home.until(lambda held: held.get(STATUS) == b"online")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_encrypted(tmp_path: Path, port: int, daemon: Daemon) -> None:
    """Only with the CA of the broker's certificate, and the name in it; else it is refused in words."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    words += ["-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1"]
    words += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(words, check=True, capture_output=True)
    lines = ("allow_anonymous true", f"certfile {certificate}", f"keyfile {key}", "user root")
    url = f"mqtts://127.0.0.1:{port}"
    with Mosquitto(tmp_path, port, *lines):
        with command(daemon, url) as process:
            says(process, "self-signed certificate; give its CA with --ca-file; trying for ever")
        with command(daemon, url, "--ca-file", str(certificate)) as process:
            says(process, f"connected to 127.0.0.1:{port}")
        with command(daemon, f"mqtts://localhost:{port}", MQTT_CA_FILE=str(certificate)) as process:
            says(process, "Hostname mismatch")


def test_a_silent_daemon_is_named(tmp_path: Path, endpoint: str) -> None:
    """The broker is not bothered until there is something to say."""
    with (
        closing(Daemon(tmp_path / "journal.sqlite", endpoint)) as daemon,
        command(daemon, "mqtt://127.0.0.1:1") as process,
    ):
        says(process, f"nothing heard yet from {endpoint}; is a daemon running there?")


def test_a_daemon_with_keys(tmp_path: Path, home: Observer, endpoint: str, port: int) -> None:
    """Without a key that counts it says why and goes on, and works once it counts; also with a credential."""
    url = f"mqtt://127.0.0.1:{port}"
    keys.init(tmp_path / "keys")
    with closing(Stream(tmp_path, endpoint, tmp_path / "keys")) as stream:
        stream.send()
        file = stream.key("bridge")
        listed = stream.keys / keys.CLIENTS / "bridge.key"
        revoked = listed.rename(tmp_path / "revoked")
        with command(stream, url) as process:
            says(process, f"{endpoint} wants a key: add one there")
        with command(stream, url, "--key", str(file)) as process:
            says(process, f"{endpoint} refuses {file}: it was never added there, or is revoked; trying again")
            assert home.held == {}
            revoked.rename(listed)
            stream.until(lambda: STATE in home.held)
        home.until(lambda held: held[STATUS] == b"offline")
        file.rename(tmp_path / keys.CREDENTIAL)
        with command(stream, url, CREDENTIALS_DIRECTORY=str(tmp_path)):
            stream.until(lambda: home.held[STATUS] == b"online")
