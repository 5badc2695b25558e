"""The bridge to Home Assistant, against a real MQTT broker."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.stream.doorbell import Doorbell
from monitor.stream.journal import Journal
from monitor.stream.messages import Message, to_bytes
from monitor.views import homeassistant
from monitor.views.broker import login
from monitor.views.homeassistant import Bridge
from tests.mosquitto import PROGRAM, Mosquitto, Observer
from tests.toys import MOMENT, event_message, health_message, label_message

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="needs mosquitto (Debian: see .ci/debian-packages)")

STATUS = "activity-monitor/attic/status"
STATE = "activity-monitor/attic/kitchen/state"
KITCHEN = "homeassistant/device/activity-monitor-attic/kitchen/config"


@pytest.fixture
def broker(tmp_path: Path, port: int) -> Iterator[Mosquitto]:
    """A broker that everybody may use."""
    with Mosquitto(tmp_path, port) as broker:
        yield broker


@pytest.fixture
def home(broker: Mosquitto) -> Iterator[Observer]:
    """What Home Assistant would see."""
    with Observer(broker.port) as home:
        yield home


@pytest.fixture
def bridge(broker: Mosquitto) -> Iterator[Bridge]:
    """A bridge for the node of the messages in `tests.toys`."""
    with closing(Bridge("attic", login(f"mqtt://127.0.0.1:{broker.port}", None, None, {}))) as bridge:
        yield bridge


def hear(bridge: Bridge, first: int, *arrays: str, boot_id: str = "boot") -> Callable[[], None]:
    """Hand it a health message and a label of each array, from `first` on; return what publishes them."""
    for seq, array in enumerate(arrays, start=first):
        bridge.update(health_message(2 * seq, array=array, boot_id=boot_id))
        bridge.update(label_message(2 * seq + 1, array=array, boot_id=boot_id))
    return bridge.publish


def arrays(held: dict[str, bytes]) -> set[str]:
    """Arrays of which there is anything."""
    return {topic.split("/")[-2] for topic in held if topic.count("/") > 2}


def test_a_message_is_published_once(bridge: Bridge, home: Observer) -> None:
    """However often the broker is looked at; the next label changes the state only."""
    home.until(lambda held: STATE in held, hear(bridge, 1, "kitchen"))
    for _ in range(10):
        bridge.publish()
    bridge.update(label_message(4))
    home.until(lambda held: held[STATE] == to_bytes(label_message(4)), bridge.publish)
    assert home.log.count(STATE) == 2
    assert home.log.count(KITCHEN) == home.log.count(STATUS) == 1


@pytest.mark.parametrize("state", ["starting", "reconnecting", "stopped"])
def test_an_array_that_is_not_heard_is_unavailable(bridge: Bridge, home: Observer, state: str) -> None:
    """Its last label stays, but is not shown; it is available again as soon as it is heard."""
    topic = "activity-monitor/attic/kitchen/status"
    home.until(lambda held: held.get(topic) == b"online", hear(bridge, 1, "kitchen"))
    bridge.update(replace(health_message(4), state=state))  # type: ignore[arg-type]
    home.until(lambda held: held[topic] == b"offline", bridge.publish)
    assert home.held[STATUS] == b"online"
    home.until(lambda held: held[topic] == b"online", hear(bridge, 3, "kitchen"))


def test_a_broker_that_comes_back_is_told_everything(
    bridge: Bridge, broker: Mosquitto, home: Observer, caplog: pytest.LogCaptureFixture
) -> None:
    """It had forgotten; meanwhile its absence was logged once, and only the newest label is passed on."""
    caplog.set_level("INFO")
    home.until(lambda held: STATE in held, hear(bridge, 1, "kitchen"))
    before = dict(home.held)
    broker.kill()
    home.until(lambda _: not bridge._broker.connected)
    home.held.clear()
    home.log.clear()
    for seq in range(10, 20):
        hear(bridge, seq, "kitchen")()
    broker.start()
    newest = to_bytes(label_message(39))
    home.until(lambda held: len(held) == len(before) and held.get(STATE) == newest, bridge.publish)
    assert home.log.count(STATE) == 1
    assert home.held[KITCHEN] == before[KITCHEN]
    reports = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert "connection lost" in reports[0]
    assert len(set(reports)) == len(reports)


def test_an_event_is_passed_on_once_and_not_kept(bridge: Bridge, broker: Mosquitto, home: Observer) -> None:
    """Neither when the broker comes back nor to whoever subscribes later; nor what it was not there for."""
    home.until(lambda held: STATE in held, hear(bridge, 1, "kitchen"))
    told = [event_message(4, ended=True), event_message(5)]
    for message in told:
        bridge.update(message)
    home.until(lambda _: len(home.events) == 2, bridge.publish)
    assert home.events == [to_bytes(message) for message in told]
    broker.kill()
    home.until(lambda _: not bridge._broker.connected)
    bridge.update(event_message(6, ended=True))
    bridge.publish()
    broker.start()
    newest = to_bytes(label_message(15))
    home.until(lambda held: held.get(STATE) == newest, hear(bridge, 7, "kitchen"))
    bridge.update(event_message(16))
    with Observer(broker.port) as late:
        late.until(lambda held: STATE in held)
        home.until(lambda _: len(home.events) > 2, bridge.publish)
        assert home.events[2:] == [to_bytes(event_message(16))]
        late.until(lambda _: late.events)
        assert late.events == home.events[2:]


def test_events_of_the_past_are_not_passed_on(bridge: Bridge, home: Observer) -> None:
    """As when the bridge was away and caught up: automations would take them for new."""
    home.until(lambda held: STATE in held, hear(bridge, 1, "kitchen"))
    now = MOMENT + timedelta(hours=1)
    for seq, age in ((4, 3600), (5, 31), (6, 29), (7, 0)):
        bridge.update(event_message(seq, published=now - timedelta(seconds=age)))
    home.until(lambda _: home.events and b'"seq":7,' in home.events[-1], bridge.publish)
    assert [b'"seq":6,' in event for event in home.events] == [True, False]


def test_home_assistant_gets_discovery_again_when_it_starts(bridge: Bridge, home: Observer) -> None:
    """And the states after it."""
    home.until(lambda held: STATE in held, hear(bridge, 1, "kitchen"))
    home.log.clear()
    home.publish(homeassistant.BIRTH, "offline")
    home.publish(homeassistant.BIRTH, "online")
    home.until(lambda _: STATE in home.log, bridge.publish)
    assert home.log.index(KITCHEN) < home.log.index(STATE)


def test_a_dead_daemon_is_noticed(bridge: Bridge, home: Observer, monkeypatch: pytest.MonkeyPatch) -> None:
    """All entities become unavailable, until it is heard again."""
    monkeypatch.setattr(homeassistant, "SILENCE", 0.5)
    home.until(lambda held: held.get(STATUS) == b"online", hear(bridge, 1, "kitchen"))
    home.until(lambda held: held[STATUS] == b"offline", bridge.publish)
    home.until(lambda held: held[STATUS] == b"online", hear(bridge, 2, "kitchen", boot_id="next"))


def test_a_renamed_array_leaves_nothing(
    bridge: Bridge, home: Observer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one of earlier runs of the bridge; one of another node is not touched."""
    monkeypatch.setattr(homeassistant, "SILENCE", 0.5)
    other = "homeassistant/device/activity-monitor-cellar/hall/config"
    leftover = "homeassistant/device/activity-monitor-attic/study/config"
    for topic in (other, leftover):
        home._client.publish(topic, "{}", qos=1, retain=True)
    home.until(lambda held: arrays(held) == {"kitchen", "study", "hall"}, hear(bridge, 1, "kitchen"))

    def renamed() -> None:
        hear(bridge, 2, "parlour", boot_id="next")()

    home.until(lambda held: arrays(held) == {"parlour", "hall"}, renamed)
    assert other in home.held


def test_a_daemon_that_just_started_removes_nothing(bridge: Bridge, home: Observer) -> None:
    """Its other arrays may not have been heard yet."""
    home.until(lambda held: arrays(held) == {"kitchen", "hall"}, hear(bridge, 1, "kitchen", "hall"))
    newest = to_bytes(label_message(7, boot_id="next"))
    home.until(lambda held: held[STATE] == newest, hear(bridge, 3, "kitchen", boot_id="next"))
    assert arrays(home.held) == {"kitchen", "hall"}


def test_two_bridges_of_one_node_are_told_so(
    bridge: Bridge, home: Observer, caplog: pytest.LogCaptureFixture, port: int
) -> None:
    """One that is soon thrown out by the other waits longer and longer before it throws out that one."""
    home.until(lambda held: held.get(STATUS) == b"online", hear(bridge, 1, "kitchen"))
    with closing(Bridge("attic", login(f"mqtt://127.0.0.1:{port}", None, None, {}))) as second:
        home.until(lambda _: "does another bridge serve the same node?" in caplog.text, bridge.publish)
        home.until(lambda _: second._broker.connections == 2)
        assert second._broker._pause + bridge._broker._pause > 2


# The command, as a process.


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
def command(daemon: Daemon, url: str, *options: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
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
