"""Messages and their bytes."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import monitor.stream.messages
from monitor.stream.messages import (
    TYPES,
    AudioTag,
    Message,
    MessageError,
    catch_up_endpoint,
    from_bytes,
    to_bytes,
    topic,
)
from tests.toys import event_message, gap_message, health_message, label_message

SCHEMA = json.loads(Path(monitor.stream.messages.__file__).with_name("schema.json").read_text())
EXAMPLES = [
    *(label_message(1), label_message(2, file="day.wav"), gap_message(3), health_message(4)),
    *(event_message(5), event_message(6, ended=True)),
    label_message(7, tags=[AudioTag(0, 0.75), AudioTag(526, 0.0)]),
]


def test_the_bytes_of_a_gap() -> None:
    """Exactly this goes over the wire."""
    assert to_bytes(gap_message(3)) == (
        b'{"schema":"activity-monitor/1","type":"gap","id":"id-3","boot_id":"boot","seq":3,"node":"attic",'
        b'"array":"kitchen","published":"2026-01-05T18:20:20.500Z","start":"2026-01-05T18:20:10.000Z",'
        b'"end":"2026-01-05T18:20:12.500Z","reason":"device_lost","lost_samples":40000}'
    )


def test_the_bytes_of_an_event() -> None:
    """What is not known yet is null, not left out."""
    assert to_bytes(event_message(3)).endswith(
        b'"published":"2026-01-05T18:20:20.500Z","event_type":"started","activity":"cooking",'
        b'"start":"2026-01-05T18:00:00.000Z","end":null,"duration_s":null}'
    )
    assert to_bytes(event_message(4, ended=True)).endswith(
        b'"start":"2026-01-05T18:00:00.000Z","end":"2026-01-05T18:20:10.000Z","duration_s":1210.0}'
    )


def test_the_bytes_of_a_label() -> None:
    """Nested records, UTF-8, times in UTC with milliseconds; no file unless one is replayed."""
    assert to_bytes(label_message(1)) == (
        b'{"schema":"activity-monitor/1","type":"label","id":"id-1","boot_id":"boot","seq":1,"node":"attic",'
        b'"array":"kitchen","published":"2026-01-05T18:20:20.500Z","start":"2026-01-05T18:20:10.000Z",'
        b'"end":"2026-01-05T18:20:20.000Z","label":"cooking","confidence":0.75,'
        b'"scores":{"cooking":0.75,"caf\xc3\xa9":0.25},"stable":"cooking","since":"2026-01-05T18:00:00.000Z",'
        b'"level_dbfs":-38.2,"valid_fraction":1.0,"channels":{"used":[0,1,3],"faults":{"2":"dead"}},'
        b'"members":{"crnn-60":{"label":"cooking","score":0.75}},"latency_ms":412.0,"model":"toy@0123456789ab"}'
    )


def test_the_bytes_of_tags() -> None:
    """Records, so that more can be told of a tag later; the most probable first."""
    data = to_bytes(label_message(1, tags=[AudioTag(137, 0.75), AudioTag(0, 0.5)]))
    assert data.endswith(b',"tags":[{"index":137,"probability":0.75},{"index":0,"probability":0.5}]}')


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: message.type)
def test_round_trip(message: Message) -> None:
    """What is read is what was written, and it validates against the schema that ships."""
    data = to_bytes(message)
    assert from_bytes(data) == message
    jsonschema.validate(json.loads(data), SCHEMA)


@pytest.mark.parametrize("kind", TYPES.values(), ids=list(TYPES))
def test_the_schema_names_exactly_the_fields_there_are(kind: type[Message]) -> None:
    """Dataclass and JSON Schema cannot drift apart."""
    branch = next(b for b in SCHEMA["oneOf"] if b["properties"]["type"]["const"] == kind.type)
    named = {*SCHEMA["properties"], *branch["properties"]} - {"schema", "type"}
    assert named == {field.name for field in dataclasses.fields(kind)}


def test_topics_end_with_a_slash() -> None:
    """A subscription to one array must not match another whose name begins alike."""
    assert topic(label_message(1)) == b"activity/attic/kitchen/label/"


def test_times_of_other_zones_are_published_in_utc() -> None:
    """A time is a moment, wherever its zone."""
    zone = timezone(timedelta(hours=5, minutes=30))
    message = dataclasses.replace(gap_message(1), start=datetime(2026, 1, 1, 12, 0, tzinfo=zone))
    assert b'"start":"2026-01-01T06:30:00.000Z"' in to_bytes(message)
    read = from_bytes(to_bytes(message))
    assert read == dataclasses.replace(message, start=datetime(2026, 1, 1, 6, 30, tzinfo=UTC))


def test_unknown_fields_are_ignored() -> None:
    """A newer daemon may add fields within the schema number."""
    body = json.loads(to_bytes(label_message(1))) | {"mood": "fine"}
    assert from_bytes(json.dumps(body).encode()) == label_message(1)


def test_what_is_no_number_is_not_published() -> None:
    """NaN is not JSON."""
    with pytest.raises(ValueError, match="JSON compliant"):
        to_bytes(dataclasses.replace(label_message(1), level_dbfs=float("nan")))


def changed(**values: Any) -> bytes:
    """A label message with some fields replaced, or removed if None."""
    body = json.loads(to_bytes(label_message(1))) | values
    return json.dumps({key: value for key, value in body.items() if value is not None}).encode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a message"),
        (b"\xff\xfe", "not a message"),
        (b"[" * 100_000, "not a message"),
        (b"[]", "not a message of schema"),
        (b"NaN", "NaN is not a number"),
        (changed(schema="activity-monitor/2"), "not a message of schema activity-monitor/1"),
        (changed(type="mood"), "unknown message type 'mood'"),
        (changed(type=["label"]), "unknown message type"),
        (changed(seq=None), "LabelMessage without 'seq'"),
        (changed(seq="1"), "'seq' has the wrong type"),
        (changed(seq=True), "'seq' has the wrong type"),
        (changed(seq=1.5), "'seq' has the wrong type"),
        (changed(confidence="high"), "'confidence' has the wrong type"),
        (changed(scores=[1, 2]), "'scores' has the wrong type"),
        (changed(scores={"a": {}}), "'scores' has the wrong type"),
        (changed(channels=[]), "ChannelUse must be an object"),
        (changed(channels={"used": [0]}), "ChannelUse without 'faults'"),
        (changed(confidence=10**400), "'confidence' is larger than any number"),
        (changed(scores={"a": "SCORE"}).replace(b'"SCORE"', b"1e400"), "'scores' is larger than any number"),
        (changed(label="\ud800"), "not a message: .*surrogates not allowed"),
        (changed(scores={"\udfff": 1.0}), "not a message: .*surrogates not allowed"),
        (changed(start="yesterday"), "'start' is not a time: yesterday"),
        (changed(start="0001-01-01T00:00:00+23:59"), "'start' is not a time: 0001"),
        (changed(start="2026-01-01T00:00:00"), "'start' has no time zone"),
    ],
)
def test_what_is_no_message_is_refused(data: bytes, message: str) -> None:
    """Every kind of wrong bytes gives a MessageError that says what is wrong."""
    with pytest.raises(MessageError, match=message):
        from_bytes(data)


@given(st.binary(max_size=300) | st.recursive(st.none() | st.text(), st.lists).map(repr).map(str.encode))
def test_random_bytes_never_break_the_parser(data: bytes) -> None:
    """Whatever arrives, the only exception is MessageError."""
    with pytest.raises(MessageError):
        from_bytes(data)


@given(st.sampled_from(EXAMPLES), st.data())
def test_a_changed_byte_never_breaks_the_parser(message: Message, data: st.DataObject) -> None:
    """A message with one byte changed is either a message or refused."""
    body = bytearray(to_bytes(message))
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MessageError):
        assert from_bytes(bytes(body)).type in TYPES


@pytest.mark.parametrize(
    ("live", "catch_up"),
    [
        ("tcp://127.0.0.1:5556", "tcp://127.0.0.1:5557"),
        ("ipc:///run/activity-monitor/stream", "ipc:///run/activity-monitor/stream.catchup"),
    ],
)
def test_the_catch_up_endpoint_follows_from_the_live_one(live: str, catch_up: str) -> None:
    """A client needs to know one endpoint only."""
    assert catch_up_endpoint(live) == catch_up
