"""What Home Assistant is told of an array: topics, and the discovery message that makes a device of it.

Source: https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload and the pages of the MQTT
sensor, binary sensor and event.
"""

from __future__ import annotations

import math
import typing
from typing import Any

from monitor import __version__
from monitor.stream.messages import EventType, LabelMessage, State

ORIGIN = "activity-monitor"
HEALTH_SECONDS = 30
"""Three health messages of an array, which come every 10 s"""
HOPS = 3
"""After so many windows without a label an activity is not believed any more"""

_CONFIDENCE = "{{ (100 * value_json.confidence) | round(1) }}"
# `None` is what Home Assistant takes for an unknown state of a binary sensor.
_OCCUPIED = "{{ {'absence': 'OFF', 'unknown': 'None'}.get(value_json.stable, 'ON') }}"
_WELL = "{{ value_json.channels | rejectattr('fault') | list | count }}"
_PROBLEM = "{{ 'OFF' if value_json.durable and value_json.state in ('starting', 'listening') else 'ON' }}"


def node_status(node: str) -> str:
    """Topic of `online` or `offline`: whether this node's daemon is heard."""
    return f"{ORIGIN}/{node}/status"


def array_topic(node: str, array: str, kind: str) -> str:
    """Topic of an array.

    Args:
        node: or `+`, for all.
        array: or `+`, for all.
        kind: `status` (`online` or `offline`), `state` (label message), `event` (event message) or `health`
            (health message).
    """
    return f"{ORIGIN}/{node}/{array}/{kind}"


def discovery_topic(node: str, array: str) -> str:
    """Topic of an array's discovery message; `array` may be `+`, for all."""
    return f"homeassistant/device/{ORIGIN}-{node}/{array}/config"


def topics(node: str, array: str) -> list[str]:
    """Every topic that the broker keeps for an array, discovery first."""
    kinds = ("status", "health", "state")
    return [discovery_topic(node, array), *(array_topic(node, array, kind) for kind in kinds)]


def discovery(label: LabelMessage) -> dict[str, Any]:
    """Discovery message of the array that `label` is about: one device with all its entities."""
    # Names hold no dot, so that no two arrays of any two nodes share an identifier.
    identifier = f"{ORIGIN}.{label.node}.{label.array}"
    components = {**_from_labels(label), **_from_events(label), **_from_health(label)}
    for key, component in components.items():
        if len(component) > 1:  # else it is to be removed
            component["unique_id"] = f"{identifier}.{key}"
    return {
        "device": {
            "identifiers": [identifier],
            "name": label.array.replace("-", " ").replace("_", " ").capitalize(),
            "manufacturer": ORIGIN,
            "model": "Microphone array",
            "sw_version": __version__,
        },
        "origin": {"name": ORIGIN, "sw_version": __version__},
        "availability": [
            {"topic": node_status(label.node)},
            {"topic": array_topic(label.node, label.array, "status")},
        ],
        "availability_mode": "all",
        "qos": 1,
        "components": components,
    }


def _from_labels(label: LabelMessage) -> dict[str, dict[str, Any]]:
    common = {
        "state_topic": array_topic(label.node, label.array, "state"),
        # A hop is a window at most.
        "expire_after": max(1, math.ceil(HOPS * (label.end - label.start).total_seconds())),
    }
    activities = {"device_class": "enum", "options": sorted({*label.scores, "unknown"})}
    level = {"state_class": "measurement", "entity_category": "diagnostic"}
    return {
        "activity": _sensor("Activity", "{{ value_json.stable }}", common | activities),
        "occupied": _binary_sensor("Occupied", _OCCUPIED, common | {"device_class": "occupancy"})
        if "absence" in label.scores
        else {"platform": "binary_sensor"},  # removes what a bundle before may have had
        "confidence": _sensor("Confidence", _CONFIDENCE, common | level | {"unit_of_measurement": "%"}),
        "label": _sensor(
            "Last window", "{{ value_json.label }}", common | activities | {"entity_category": "diagnostic"}
        ),
        "level": _sensor(
            "Level", "{{ value_json.level_dbfs }}", common | level | {"unit_of_measurement": "dBFS"}
        ),
    }


def _from_events(label: LabelMessage) -> dict[str, dict[str, Any]]:
    event = {
        "platform": "event",
        "name": "Event",
        "state_topic": array_topic(label.node, label.array, "event"),
        "event_types": list(typing.get_args(EventType)),
    }
    return {"event": event}


def _from_health(label: LabelMessage) -> dict[str, dict[str, Any]]:
    common = {
        "state_topic": array_topic(label.node, label.array, "health"),
        "expire_after": HEALTH_SECONDS,
        "entity_category": "diagnostic",
        # To be seen also while the array is not heard.
        "availability": [{"topic": node_status(label.node)}],
    }
    states = {"device_class": "enum", "options": list(typing.get_args(State))}
    return {
        "state": _sensor("State", "{{ value_json.state }}", common | states),
        "microphones": _sensor("Healthy microphones", _WELL, common | {"state_class": "measurement"}),
        "problem": _binary_sensor("Problem", _PROBLEM, common | {"device_class": "problem"}),
    }


def _sensor(name: str, template: str, options: dict[str, Any]) -> dict[str, Any]:
    return {"platform": "sensor", "name": name, "value_template": template, **options}


def _binary_sensor(name: str, template: str, options: dict[str, Any]) -> dict[str, Any]:
    return {"platform": "binary_sensor", "name": name, "value_template": template, **options}
