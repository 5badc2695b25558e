"""What a command shows: messages as JSON, lines or the dashboard; the log beside them."""

from __future__ import annotations

import json
import logging
import logging.handlers
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from monitor.config import Settings
from monitor.errors import safe

if TYPE_CHECKING:  # everything heavy is imported by the view that needs it
    from monitor.outlet import Sink
    from monitor.stream.messages import Message
    from monitor.views.dashboard import Dashboard

PROGRAM = "activity-monitor"
KEPT_LOG_LINES = 1000
SHORTEST_GAP = 0.1
"""Seconds of a gap that is worth a line; files are often some milliseconds longer than their windows"""


@contextmanager
def view(settings: Settings) -> Iterator[Sink]:
    """Where messages and log of a run are shown: JSON lines, the dashboard, or a line for each window."""
    wanted = sys.stdout.isatty() if settings.dashboard is None else settings.dashboard
    if settings.json or not wanted:
        configure_logging(settings.log_level, settings.log_format)
        yield json_line if settings.json else TextLines()
        return
    from monitor.views.dashboard import Dashboard

    dashboard = Dashboard()
    with log_beside(dashboard, settings.log_level, settings.log_format), dashboard:
        yield lambda message: dashboard.tick() if message is None else dashboard.update(message)


@contextmanager
def log_beside(dashboard: Dashboard, level: str, form: str) -> Iterator[None]:
    """Log while a dashboard has the terminal: it shows the newest warning; all lines follow at the end."""
    configure_logging(level, form)
    root = logging.getLogger()
    (handler,) = root.handlers
    if sys.stderr.isatty():
        root.removeHandler(handler)
        held = logging.handlers.MemoryHandler(KEPT_LOG_LINES, logging.CRITICAL + 1, target=handler)
        root.addHandler(held)
    root.addHandler(_Notes(dashboard))
    try:
        yield
    finally:
        for each in root.handlers:
            each.flush()


class _Notes(logging.Handler):
    """Hands warnings to the dashboard."""

    def __init__(self, dashboard: Dashboard) -> None:
        super().__init__(logging.WARNING)
        self._dashboard = dashboard

    def emit(self, record: logging.LogRecord) -> None:
        self._dashboard.note(record.getMessage())


def json_line(message: Message | None) -> None:
    """Print a message as it is on the wire."""
    from monitor.stream.messages import to_bytes

    if message is not None:
        sys.stdout.buffer.write(to_bytes(message) + b"\n")
        sys.stdout.buffer.flush()


class TextLines:
    """Prints a line for each label, event and gap, and when the state of an array turns bad."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}

    def __call__(self, message: Message | None) -> None:
        """Take in a message."""
        from monitor.stream import messages
        from monitor.views.words import duration

        if isinstance(message, messages.LabelMessage):
            found = message.channels.faults.items()
            faults = "".join(f"  microphone {k} {fault.replace('_', ' ')}" for k, fault in found)
            sure = f"{message.confidence:>4.0%}  {message.level_dbfs:6.1f} dBFS"
            self._print(message, message.start, f"{message.label:<20} {sure}{faults}")
        elif isinstance(message, messages.EventMessage):
            lasted = "" if message.duration_s is None else f" after {duration(message.duration_s)}"
            self._print(
                message, message.end or message.start, f"{message.activity} {message.event_type}{lasted}"
            )
        elif isinstance(message, messages.GapMessage):
            seconds = (message.end - message.start).total_seconds()
            if seconds >= SHORTEST_GAP:
                reason = message.reason.replace("_", " ")
                self._print(message, message.start, f"no label for {seconds:.1f} s: {reason}")
        elif isinstance(message, messages.HealthMessage):
            before = self._states.get(message.array)
            self._states[message.array] = message.state
            if message.state in ("degraded", "reconnecting") and message.state != before:
                self._print(message, message.published, message.state)

    def _print(self, message: Message, moment: datetime, text: str) -> None:
        time = f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
        print(f"{time}  {safe(message.array)}  {safe(text)}", flush=True)


def configure_logging(level: str, form: str) -> None:
    """Log to stderr from a level on, as `text` or `json` lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonFormatter() if form == "json" else _TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"{PROGRAM}: {record.levelname.lower()}: {safe(super().format(record), 2000)}"


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        entry = {"time": moment, "level": record.levelname.lower(), "logger": record.name}
        return json.dumps(entry | {"message": safe(super().format(record), 2000)}, ensure_ascii=False)
