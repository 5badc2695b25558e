"""Discovery messages, held against the documentation of Home Assistant."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jinja2.sandbox
import pytest

from monitor.stream.messages import ChannelHealth, HealthMessage, LabelMessage, to_bytes
from monitor.views.discovery import array_topic, discovery, discovery_topic, topics
from tests.toys import MOMENT, event_message, health_message, label_message

# The fields that Home Assistant documents, by the pages /integrations/mqtt/, /integrations/sensor.mqtt/,
# /integrations/binary_sensor.mqtt/ and /integrations/event.mqtt/ of www.home-assistant.io. It ignores any
# other without a word.
ROOT = {
    *("device", "origin", "components", "availability", "availability_mode"),
    *("availability_topic", "availability_template", "payload_available", "payload_not_available"),
    *("state_topic", "command_topic", "qos", "encoding"),
}
DEVICE = {
    *("configuration_url", "connections", "hw_version", "identifiers", "manufacturer", "model", "model_id"),
    *("name", "serial_number", "suggested_area", "sw_version", "via_device"),
}
ORIGIN = {"name", "sw_version", "support_url"}
AVAILABILITY = {"topic", "payload_available", "payload_not_available", "value_template"}
ENTITY = {
    *("availability", "availability_mode", "availability_template", "availability_topic", "device"),
    *("device_class", "enabled_by_default", "encoding", "entity_category", "entity_picture"),
    *("icon", "json_attributes_template", "json_attributes_topic", "name"),
    *("default_entity_id", "payload_available", "payload_not_available", "platform", "qos", "state_topic"),
    *("unique_id", "value_template"),
}
ONLY = {
    "sensor": {
        *("last_reset_value_template", "options", "suggested_display_precision", "state_class"),
        *("unit_of_measurement", "expire_after", "force_update"),
    },
    "binary_sensor": {"off_delay", "payload_off", "payload_on", "expire_after", "force_update"},
    "event": {"event_types"},
}
DEVICE_CLASSES = {"sensor": {"enum"}, "binary_sensor": {"occupancy", "problem"}}
"""Those of the documented ones that are used here"""

HOME = label_message(1)
HOME = replace(HOME, scores={"absence": 0.1, "cooking": 0.75, "café": 0.15})


def entities(label: LabelMessage = HOME) -> dict[str, dict[str, Any]]:
    """Components that are entities, by key."""
    components = discovery(label)["components"]
    return {key: component for key, component in components.items() if len(component) > 1}


def test_only_documented_fields() -> None:
    """At every level; what is required is there."""
    message = discovery(HOME)
    assert message.keys() <= ROOT
    assert message["device"].keys() <= DEVICE
    assert message["device"]["identifiers"]
    assert {"name"} <= message["origin"].keys() <= ORIGIN
    for component in entities().values():
        assert component.keys() <= ENTITY | ONLY[component["platform"]]
        assert {"platform", "unique_id", "state_topic"} <= component.keys()
        assert component["device_class" if "device_class" in component else "name"]
        for availability in component.get("availability", message["availability"]):
            assert {"topic"} <= availability.keys() <= AVAILABILITY


def test_values_are_as_documented() -> None:
    """Ranges, classes, and fields that exclude each other."""
    message = discovery(HOME)
    assert message["availability_mode"] in ("all", "any", "latest")
    assert message["qos"] in (0, 1, 2)
    for component in entities().values():
        assert component.get("entity_category", "diagnostic") == "diagnostic"
        assert component.get("state_class", "measurement") == "measurement"
        if component["platform"] == "event":  # an event is of a moment
            assert component["event_types"]
        else:
            assert isinstance(component["expire_after"], int)
            assert component["expire_after"] > 0
        if "device_class" in component:
            assert component["device_class"] in DEVICE_CLASSES[component["platform"]]
        if "options" in component:
            assert component["options"]
            assert component["device_class"] == "enum"
            assert not component.keys() & {"state_class", "unit_of_measurement"}


def test_identifiers_tell_all_arrays_apart() -> None:
    """Also where node and array joined by a hyphen would read the same."""
    pairs = (("attic", "a-b"), ("attic-a", "b"), ("attic", "kitchen"))
    labels = [replace(HOME, node=node, array=array) for node, array in pairs]
    unique = [component["unique_id"] for label in labels for component in entities(label).values()]
    assert len(set(unique)) == len(unique)
    assert len({discovery_topic(label.node, label.array) for label in labels}) == len(labels)


def test_all_topics_of_an_array_are_known() -> None:
    """So that all that the broker keeps can be deleted; it keeps no events."""
    used = {component["state_topic"] for component in entities().values()}
    used -= {array_topic("attic", "kitchen", "event")}
    used |= {array_topic("attic", "kitchen", "status"), discovery_topic("attic", "kitchen")}
    assert set(topics("attic", "kitchen")) == used


@pytest.mark.parametrize(("seconds", "expire"), [(10.0, 30), (5.0, 15), (0.25, 1)])
def test_an_activity_expires_after_three_windows(seconds: float, expire: int) -> None:
    """Whole seconds, one at least."""
    label = replace(HOME, end=MOMENT + timedelta(seconds=seconds))
    assert entities(label)["activity"]["expire_after"] == expire


def test_without_a_class_of_absence_there_is_no_occupancy() -> None:
    """The entity that a bundle before had is removed, by a component of nothing but its platform."""
    assert discovery(label_message(1))["components"]["occupied"] == {"platform": "binary_sensor"}
    assert "occupied" not in entities(label_message(1))


def states(message: LabelMessage | HealthMessage) -> dict[str, str]:
    """What Home Assistant would show after a message, by component."""
    kind = "state" if isinstance(message, LabelMessage) else "health"
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment()
    body = json.loads(to_bytes(message))
    return {
        key: environment.from_string(component["value_template"]).render(value_json=body)
        for key, component in entities().items()
        if component["state_topic"] == array_topic("attic", "kitchen", kind)
    }


def test_what_a_label_shows() -> None:
    """The smoothed activity is the main thing; confidence is in percent."""
    label = replace(HOME, label="café", stable="cooking")
    assert states(label) == {
        "activity": "cooking",
        "occupied": "ON",
        "confidence": "75.0",
        "label": "café",
        "level": "-38.2",
    }
    options = entities()["activity"]["options"]
    assert options == ["absence", "café", "cooking", "unknown"]


@pytest.mark.parametrize(("stable", "occupied"), [("absence", "OFF"), ("cooking", "ON"), ("unknown", "None")])
def test_occupancy(stable: str, occupied: str) -> None:
    """By the smoothed activity; an unknown one does not say that somebody is there."""
    assert states(replace(HOME, stable=stable))["occupied"] == occupied


def test_what_an_event_is() -> None:
    """The message is as Home Assistant wants an event: JSON, `event_type` one of the entity's."""
    component = entities()["event"]
    assert component["state_topic"] == "activity-monitor/attic/kitchen/event"
    assert component["event_types"] == ["started", "ended"]
    for ended in (False, True):
        body = json.loads(to_bytes(event_message(1, ended=ended)))
        assert body["event_type"] == component["event_types"][ended]


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, ("degraded", "1", "ON")),
        ({"state": "listening", "channels": [ChannelHealth(-38.2, None)] * 4}, ("listening", "4", "OFF")),
        ({"state": "listening", "durable": False}, ("listening", "1", "ON")),
        ({"state": "starting", "channels": []}, ("starting", "0", "OFF")),
        ({"state": "reconnecting"}, ("reconnecting", "1", "ON")),
    ],
)
def test_what_health_shows(changes: dict[str, Any], shown: tuple[str, ...]) -> None:
    """State, healthy microphones, and whether somebody should look."""
    found = states(replace(health_message(1), **changes))
    assert (found["state"], found["microphones"], found["problem"]) == shown
    assert found["state"] in entities()["state"]["options"]
