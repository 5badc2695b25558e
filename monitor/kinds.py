"""Kinds of values that a setting may have: how each is read, from a command line or from TOML."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Kind(NamedTuple):
    """A kind of value: how it is read, and how it is described when it cannot be."""

    parse: Callable[[Any], Any]
    """From a command line text or a TOML value; ValueError, TypeError or KeyError if impossible"""
    wanted: str


def integer(low: int, high: int) -> Kind:
    """A whole number within these limits."""

    def parse(value: Any) -> int:
        if isinstance(value, bool | float) or not low <= int(value) <= high:
            raise ValueError
        return int(value)

    return Kind(parse, f"a whole number from {low} to {high}")


def one_of(*choices: str) -> Kind:
    """One of these words."""
    return Kind(lambda value: choices[choices.index(value)], "one of " + ", ".join(choices))


def _float(value: Any) -> float:
    number = math.nan if isinstance(value, bool) else float(value)
    if not number > 0:
        raise ValueError
    return number


def _probability(value: Any) -> float:
    number = math.nan if isinstance(value, bool) else float(value)
    if not 0 <= number <= 1:
        raise ValueError
    return number


def _seconds(value: Any) -> float:
    if math.isinf(_float(value)):
        raise ValueError
    return _float(value)


def _duration(value: Any) -> float:
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    if isinstance(value, str) and value[-1:] in units:
        return _seconds(value[:-1]) * units[value[-1]]
    return _seconds(value)


def _durations(value: Any) -> tuple[tuple[str, float], ...]:
    if isinstance(value, str):
        value = dict(item.strip().rsplit("=", 1) for item in value.split(","))
    return tuple((_text(name), _duration(length)) for name, length in value.items())


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_text(item) for item in ([value] if isinstance(value, str) else value))


def _slug(value: Any) -> str:
    if not re.fullmatch(r"[a-z0-9_-]{1,64}", _text(value)):
        raise ValueError
    return str(value)


def _channel_map(value: Any) -> tuple[int, ...]:
    items = value.split(",") if isinstance(value, str) else value
    channels = tuple(integer(0, 255).parse(item) for item in items)
    if not channels or len(set(channels)) < len(channels):
        raise ValueError
    return channels


def _endpoint(value: Any) -> str:
    if value == "none":
        return "none"
    address = urlsplit(_text(value))
    host = address.hostname or ""
    if host != "localhost" and not value.startswith("ipc:"):
        host = f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    plain = value == f"tcp://{host}:{address.port}"  # no path, user or the like
    if not (plain and 0 < (address.port or 0) < 65535) and not re.fullmatch(r"ipc:///.{1,90}", value):
        raise ValueError
    return str(value)


def stays_here(endpoint: str) -> bool:
    """Whether only this machine can reach it."""
    host = urlsplit(endpoint).hostname
    return host in (None, "localhost") or ipaddress.ip_address(host).is_loopback


_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
BOOLEAN = Kind(lambda value: value if isinstance(value, bool) else _BOOLEANS[value.lower()], "true or false")
SECONDS = Kind(_seconds, "a number of seconds above 0")
PROBABILITY = Kind(_probability, "a number from 0 to 1")
SPEED = Kind(lambda value: math.inf if value == "max" else _float(value), "a factor above 0, or max")
TEXTS = Kind(_texts, "a text, or a list of texts")
PATH = Kind(lambda value: Path(_text(value)).expanduser(), "a path")
SLUG = Kind(_slug, "1 to 64 of a-z, 0-9, - and _")
SLUGS = Kind(
    lambda value: tuple(_slug(item) for item in _texts(value)), "names of 1 to 64 of a-z, 0-9, - and _"
)
DURATIONS = Kind(_durations, "activities and how long, such as cooking=60s,absence=5m,")
CHANNEL_MAP = Kind(_channel_map, "different channels counted from zero, such as 0,1,2,3")
ENDPOINT = Kind(_endpoint, "tcp://127.0.0.1:PORT, another address of this machine, ipc:///PATH or none")
