"""The bridge to Home Assistant, against a real MQTT broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.stream.messages import to_bytes
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
