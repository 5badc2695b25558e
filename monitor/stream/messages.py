"""The published messages and their bytes; the contract is `schema.json` beside this file.

A message is a frozen dataclass whose fields are the JSON keys. Within one schema number fields are only
added, so a reader ignores keys that it does not know.
"""

from __future__ import annotations

import json
import math
import types
import typing
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, ClassVar, Literal, TypeVar

from monitor.audio.sources import GapReason
from monitor.errors import MonitorError, safe

SCHEMA = "activity-monitor/1"
SILENT_DBFS = -120.0
"""Level given for digital silence, which JSON's numbers cannot express in dB"""

State = Literal["starting", "listening", "degraded", "reconnecting", "stopped"]
"""Of an array: samples arrive (`degraded`: with faulty channels or not journalled), or they do not"""
HEARD: tuple[State, ...] = ("listening", "degraded")
"""States of an array whose audio arrives"""

EventType = Literal["started", "ended"]
"""What an episode of the smoothed activity has just done"""


class MessageError(MonitorError):
    """Bytes that are not a message of this schema."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """What every message carries."""

    type: ClassVar[str]
    id: str
    """Unique"""
    boot_id: str
    """New at every start of the daemon"""
    seq: int
    """+1 for every message of the node; a jump means that messages were missed"""
    node: str
    array: str
    published: datetime


@dataclass(frozen=True)
class ChannelUse:
    """Which microphones a label rests on."""

    used: list[int]
    faults: dict[str, str]
    """Channel index -> fault, such as `dead`"""


@dataclass(frozen=True)
class MemberVote:
    """What one member of the ensemble says."""

    label: str
    score: float
    """0 to 1"""


@dataclass(frozen=True)
class AudioTag:
    """A class of AudioSet."""

    index: int
    """From 0, as in AudioSet's list `class_labels_indices.csv`, which has the names"""
    probability: float
    """0 to 1, by itself: tags do not sum to 1"""


@dataclass(frozen=True)
class ChannelHealth:
    """State of one microphone."""

    level_dbfs: float
    """RMS of the last window, dB relative to full scale; -120 is digital silence"""
    fault: str | None


@dataclass(frozen=True, kw_only=True)
class LabelMessage(Message):
    """One window was recognised."""

    type: ClassVar[str] = "label"
    start: datetime
    """Of the window, on the sample clock"""
    end: datetime
    label: str
    """Most probable class; `unknown` if it is less probable than the daemon was told to believe"""
    confidence: float
    """Probability of the most probable class, 0 to 1"""
    scores: dict[str, float]
    """Class -> probability; they sum to 1"""
    stable: str
    """The smoothed activity: that of the episode that the newest `started` has begun"""
    since: datetime
    """When it began"""
    level_dbfs: float
    """RMS over the used channels, dB relative to full scale; -120 is digital silence"""
    valid_fraction: float
    """Share of the window that holds samples, above 0.99"""
    channels: ChannelUse
    members: dict[str, MemberVote]
    latency_ms: float
    """From the arrival of the last sample to publication, milliseconds"""
    model: str
    """Bundle name and digest"""
    file: str | None = None
    """Name of the replayed file"""
    tags: list[AudioTag] | None = None
    """The most probable classes of AudioSet, the most probable first; with a PANN in the bundle"""


@dataclass(frozen=True, kw_only=True)
class EventMessage(Message):
    """The smoothed activity changed: an episode started or ended.

    It comes right before the first label that tells the new activity. Episodes of an array never overlap:
    each `started` is followed by the `ended` of the same activity and `start`, unless the daemon died, as a
    new `boot_id` tells.
    """

    type: ClassVar[str] = "event"
    event_type: EventType
    activity: str
    start: datetime
    """Of the episode; the same in both events"""
    end: datetime | None
    """None while it goes on"""
    duration_s: float | None
    """By the sample clock: not end - start if the wall clock was set meanwhile; None while it goes on"""


@dataclass(frozen=True, kw_only=True)
class GapMessage(Message):
    """Samples are missing or unusable; never to be read as `absence`."""

    type: ClassVar[str] = "gap"
    start: datetime
    end: datetime
    reason: GapReason
    lost_samples: int
    """Samples per channel without a label"""


@dataclass(frozen=True, kw_only=True)
class HealthMessage(Message):
    """State of an array, every 10 s and on change."""

    type: ClassVar[str] = "health"
    state: State
    channels: list[ChannelHealth]
    windows: int
    """Labels since the start"""
    gaps: int
    """Gaps since the start"""
    queue: int
    """Windows that wait for recognition"""
    uptime_s: float
    cpu_percent: float
    """Of one core, core process only, over the last seconds; 0 at the start"""
    rss_mb: float
    """Resident memory of the core process"""
    durable: bool
    """Whether messages reach the journal; if not, whoever is not listening misses them"""
    unjournalled: int = 0
    """Messages since the start that are not in the journal, because its disk was full, say"""
    skipped: int = 0
    """Windows since the start that were not recognised because there was no time for it"""
    drift_ppm: float | None = None
    """How much faster than nominal the card's clock is, parts per million; after five minutes without gaps"""


LAST_VALUES = ("label", "health")
"""Types of which a new subscriber gets the last message of each array"""
TYPES: dict[str, type[Message]] = {
    cls.type: cls for cls in (LabelMessage, EventMessage, GapMessage, HealthMessage)
}


def topic(message: Message) -> bytes:
    """ZeroMQ topic; every level ends with `/` because subscriptions match byte prefixes."""
    return f"activity/{message.node}/{message.array}/{message.type}/".encode()


def catch_up_endpoint(live: str) -> str:
    """Where the messages of the journal are asked for: the next port, or the socket beside the live one."""
    if live.startswith("ipc:"):
        return f"{live}.catchup"
    address, _, port = live.rpartition(":")
    return f"{address}:{int(port) + 1}"


def to_bytes(message: Message) -> bytes:
    """JSON, UTF-8, one line; times in UTC with milliseconds.

    Raises:
        ValueError: a number is not finite.
    """
    body = {"schema": SCHEMA, "type": message.type, **_plain(message)}
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def from_bytes(data: bytes) -> Message:
    """Parse one message.

    Raises:
        MessageError: not JSON, another schema, an unknown type, a missing or ill-typed field.
    """
    try:
        body = json.loads(data, parse_constant=_no_constant)
        json.dumps(body, ensure_ascii=False).encode()  # an escape may stand for half a character
    except (ValueError, RecursionError) as exc:
        raise MessageError(f"not a message: {safe(str(exc), 100)}") from exc
    if not isinstance(body, dict) or body.get("schema") != SCHEMA:
        raise MessageError(f"not a message of schema {SCHEMA}")
    kind = TYPES.get(str(body.get("type")))
    if kind is None:
        raise MessageError(f"unknown message type {safe(repr(body.get('type')), 40)}")
    return _record(body, kind)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        text = value.astimezone(UTC).isoformat(timespec="milliseconds")
        return text.replace("+00:00", "Z")
    if is_dataclass(value):
        items = {f.name: getattr(value, f.name) for f in fields(value) if getattr(value, f.name) != f.default}
        return {name: _plain(item) for name, item in items.items()}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


_Record = TypeVar("_Record")


def _record(body: Any, kind: type[_Record]) -> _Record:
    """An instance of the dataclass `kind` from parsed JSON, nested dataclasses included."""
    if not isinstance(body, dict):
        raise MessageError(f"{kind.__name__} must be an object")
    values = {}
    for name, hint, required in _layout(typing.cast("Any", kind)):
        if name in body:
            values[name] = _value(body[name], hint, name)
        elif required:
            raise MessageError(f"{kind.__name__} without {name!r}")
    return kind(**values)


@cache
def _layout(kind: Any) -> list[tuple[str, Any, bool]]:
    """Name, type and necessity of each field of a dataclass."""
    hints = typing.get_type_hints(kind)
    return [(f.name, hints[f.name], f.default is MISSING) for f in fields(kind)]


def _value(value: Any, hint: Any, name: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:  # only `X | None` occurs
        return None if value is None else _value(value, args[0], name)
    if is_dataclass(hint):
        return _record(value, typing.cast("type[Any]", hint))
    if origin is list and isinstance(value, list):
        return [_value(item, args[0], name) for item in value]
    if origin is dict and isinstance(value, dict):
        return {key: _value(item, args[1], name) for key, item in value.items()}
    if origin is Literal and value in args:
        return value
    if hint is datetime and isinstance(value, str):
        return _time(value, name)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value, name)
    if hint in (int, str, bool) and type(value) is hint:
        return value
    raise MessageError(f"{name!r} has the wrong type: {safe(repr(value), 60)}")


def _number(value: float, name: str) -> float:
    try:
        number = float(value)
    except OverflowError:  # JSON allows whole numbers of any length
        number = math.inf
    if not math.isfinite(number):
        raise MessageError(f"{name!r} is larger than any number")
    return number


def _time(text: str, name: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None:
            raise MessageError(f"{name!r} has no time zone: {safe(text, 40)}")
        return time.astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise MessageError(f"{name!r} is not a time: {safe(text, 40)}") from exc
