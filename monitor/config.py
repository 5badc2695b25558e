"""Settings of a run: every default, and where a value may come from.

A value is taken from the command line, else `ACTIVITY_MONITOR_<KEY>`, else a TOML file, else its default
here. Flags, variables and TOML keys are made from the fields of `Settings`, so none of them can drift.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from monitor.errors import Exit, MonitorError, nearest, safe
from monitor.kinds import (
    BOOLEAN,
    CHANNEL_MAP,
    DURATIONS,
    ENDPOINT,
    PATH,
    PROBABILITY,
    SECONDS,
    SLUG,
    SLUGS,
    SPEED,
    TEXTS,
    Kind,
    integer,
    one_of,
    stays_here,
)

ENVIRONMENT_PREFIX = "ACTIVITY_MONITOR_"
CONFIG_VARIABLE = "ACTIVITY_MONITOR_CONFIG"
DEFAULT_ENDPOINT = "tcp://127.0.0.1:5556"
ARRAYS = ("device", "replay")
"""What is monitored: given on the command line, it replaces what the other sources say of arrays"""
DEFAULT_BUNDLE = Path(__file__).parent / "bundles" / "default"
_MAX_CONFIG_BYTES = 1 << 20


class ConfigError(MonitorError):
    """A setting is unknown or has an impossible value."""

    exit_code = Exit.CONFIG


def _setting(default: Any, kind: Kind, help_text: str, metavar: str | None = None) -> Any:
    return field(default=default, metadata={"kind": kind, "help": help_text, "metavar": metavar})


@dataclass(frozen=True)
class Settings:
    """What one run of the daemon does. `None` means: decided at start, as the help text says."""

    device: tuple[str, ...] = _setting(
        (),
        TEXTS,
        "sound card of an array, such as hw:1 (see `activity-monitor devices`); repeatable",
        "DEVICE",
    )
    replay: tuple[str, ...] = _setting(
        (), TEXTS, "audio file, or folder of files, played as an array; repeatable", "PATH"
    )
    name: tuple[str, ...] = _setting(
        (), SLUGS, "name of an array, in the order of the arrays (default: from device or file)", "NAME"
    )
    node: str | None = _setting(None, SLUG, "name of this machine in the stream (default: host name)", "NAME")
    channels: int = _setting(4, integer(1, 64), "channels of an array", "N")
    channel_map: tuple[int, ...] = _setting(
        (), CHANNEL_MAP, "which channels to take, counted from zero, such as 0,1,2,3", "LIST"
    )
    mono_to_all: bool = _setting(False, BOOLEAN, "play a mono file on all channels")
    speed: float = _setting(1.0, SPEED, "replay speed: a factor, or max for as fast as possible", "FACTOR")
    loop: bool = _setting(False, BOOLEAN, "replay again and again")
    hop: float | None = _setting(
        None, SECONDS, "seconds between the starts of two windows (default: the window)", "SECONDS"
    )
    max_windows: int | None = _setting(
        None, integer(1, 10**9), "stop after so many windows of each array", "N"
    )
    bundle: Path = _setting(DEFAULT_BUNDLE, PATH, "model bundle (default: the one shipped)", "PATH")
    unknown_below: float = _setting(
        0.0,
        PROBABILITY,
        "call a window unknown if no class has at least this probability (default: 0, never)",
        "P",
    )
    min_duration: tuple[tuple[str, float], ...] = _setting(
        (),
        DURATIONS,
        "report an activity only once it has lasted so long, such as cooking=60s,absence=5m",
        "LIST",
    )
    publish: str = _setting(
        DEFAULT_ENDPOINT, ENDPOINT, "where subscribers connect; `none` publishes nothing", "ENDPOINT"
    )
    keys: Path | None = _setting(
        None,
        PATH,
        "only who has a key of this folder may listen, encrypted; see `activity-monitor keys` (default: "
        "every program of this machine may)",
        "FOLDER",
    )
    journal: Path | None = _setting(
        None, PATH, "journal file (default: in the state directory; a replay uses a temporary one)", "FILE"
    )
    journal_days: int = _setting(365, integer(1, 36_500), "days that messages are kept", "N")
    journal_mb: int = _setting(
        1000, integer(10, 1_000_000), "megabytes of messages that are kept, the newest ones", "N"
    )
    metrics: int | None = _setting(
        None,
        integer(1, 65535),
        "serve numbers for Prometheus on 127.0.0.1 at this port (default: nowhere)",
        "PORT",
    )
    threads: int = _setting(1, integer(1, 64), "threads for the models", "N")
    provider: str = _setting(
        "auto", one_of("auto", "cpu", "cuda"), "where the models run: auto, cpu or cuda", "NAME"
    )
    dashboard: bool | None = _setting(None, BOOLEAN, "draw the dashboard (default: on a terminal)")
    json: bool = _setting(False, BOOLEAN, "print one JSON message per line")
    log_level: str = _setting(
        "info",
        one_of("debug", "info", "warning"),
        "least level that is logged: debug, info or warning",
        "LEVEL",
    )
    log_format: str = _setting("text", one_of("text", "json"), "form of log lines: text or json", "FORM")

    @property
    def channel_count(self) -> int:
        """Channels that are recognised."""
        return len(self.channel_map) or self.channels


SETTINGS = {f.name: f for f in fields(Settings)}


def resolve(
    flags: Mapping[str, Any], config: Path | None, environment: Mapping[str, str] = os.environ
) -> Settings:
    """Settings from flags, environment, TOML file and defaults, in this order.

    Args:
        flags: values given on the command line.
        config: the file named there; else `$ACTIVITY_MONITOR_CONFIG`, the user's or the machine's, if any.
        environment: environment variables.

    Raises:
        ConfigError: exit code 2 for a flag, 78 for the environment or a file.
    """
    values = {}
    for key, value in _from_file(config, environment).items():
        values[key] = _parse(key, *value)
    for variable, text in environment.items():
        if variable.startswith(ENVIRONMENT_PREFIX) and variable != CONFIG_VARIABLE:
            key = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
            if key not in SETTINGS:
                known = [ENVIRONMENT_PREFIX + name.upper() for name in SETTINGS]
                raise ConfigError(f"{safe(variable)}: no such setting{nearest(variable, known)}")
            values[key] = _parse(key, text, variable)
    if any(key in flags for key in ARRAYS):  # a replay must not also open the card of the configuration
        values = {key: value for key, value in values.items() if key not in (*ARRAYS, "name")}
    for key, value in flags.items():
        values[key] = _parse(key, value, flag(key), Exit.USAGE)
    settings = Settings(**values)
    if "channels" in values and settings.channels != settings.channel_count:
        raise ConfigError(f"{settings.channels} channels, but {len(settings.channel_map)} in the channel map")
    if settings.keys is None and not stays_here(settings.publish):
        raise ConfigError(
            f"{settings.publish} can be reached from other machines, so it needs keys: "
            "`activity-monitor keys init`, then --keys FOLDER",
            Exit.USAGE if "publish" in flags else Exit.CONFIG,
        )
    return settings


def flag(key: str) -> str:
    """Command line flag of a setting."""
    return "--" + key.replace("_", "-")


def slug(text: str) -> str:
    """A name for topics and entities: a-z, 0-9, - and _ only."""
    return re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-")[:64] or "array"


def _parse(key: str, value: Any, origin: str, exit_code: Exit = Exit.CONFIG) -> Any:
    kind = SETTINGS[key].metadata["kind"]
    try:
        return kind.parse(value)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as exc:
        shown = ", ".join(map(repr, value)) if isinstance(value, list) else repr(value)
        raise ConfigError(f"{origin}: {kind.wanted} wanted, not {safe(shown, 80)}", exit_code) from exc


def _from_file(config: Path | None, environment: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    """Key -> value and origin, of the first configuration file that there is."""
    path = config or _find_file(environment)
    if path is None:
        return {}
    shown = safe(str(path))
    try:
        if not path.is_file():
            raise ConfigError(f"configuration {shown}: no such file")
        with path.open("rb") as file:
            data = file.read(_MAX_CONFIG_BYTES + 1)
    except OSError as exc:
        raise ConfigError(f"configuration {shown}: {exc.strerror}") from exc
    if len(data) > _MAX_CONFIG_BYTES:
        raise ConfigError(f"configuration {shown}: larger than 1 MiB")
    try:
        document = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as exc:
        raise ConfigError(f"configuration {shown}: {safe(str(exc), 200)}") from exc
    for key in document:
        if key not in SETTINGS:
            raise ConfigError(f"{shown}: {safe(key)}: no such setting{nearest(key, SETTINGS)}")
    return {key: (value, f"{shown}: {key}") for key, value in document.items()}


def _find_file(environment: Mapping[str, str]) -> Path | None:
    named = environment.get(CONFIG_VARIABLE)
    if named:
        return Path(named)
    home = environment.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    usual = (Path(home) / "activity-monitor" / "config.toml", Path("/etc/activity-monitor/config.toml"))
    return next((path for path in usual if path.is_file()), None)
