"""The journal: every message is in it before it is sent. SQLite in WAL mode; one writer, any readers."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from monitor.errors import Exit, MonitorError, safe
from monitor.stream.messages import Message, to_bytes, topic

KEPT = 1_000_000
"""Messages kept, about half a gigabyte: two months of one array"""
_PRUNE_EVERY = 1000

_TABLE = """
CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY,
    published REAL NOT NULL,  -- seconds since 1970
    topic TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS by_time ON messages (published);
"""


class JournalError(MonitorError):
    """The journal cannot be opened, read or written."""

    exit_code = Exit.IO


@dataclass(frozen=True)
class Entry:
    """A message as it is sent."""

    seq: int
    topic: bytes
    body: bytes


def default_path() -> Path:
    """`$STATE_DIRECTORY` (systemd), else the user's state directory, which is made if need be."""
    if state := os.environ.get("STATE_DIRECTORY"):
        return Path(state) / "journal.sqlite"
    folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "activity-monitor"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as exc:
        raise JournalError(
            f"{safe(str(folder))} cannot be made ({exc.strerror}); choose --journal", Exit.NO_PERMISSION
        ) from exc
    return folder / "journal.sqlite"


class Journal:
    """The writer's end, and so the source of `seq`.

    Args:
        path: file, made if it is not there.
        durable: survive a power cut; a temporary journal need not.

    Raises:
        JournalError: it cannot be opened, or another daemon writes to it.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self.path = path
        shown = safe(str(path))
        try:
            self._lock = path.open(
                "ab"
            )  # stays open for as long as the database: closing it early would unlock that
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._database = sqlite3.connect(path, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute(f"PRAGMA synchronous={'FULL' if durable else 'OFF'}")
            self._database.executescript(_TABLE)
            self.last_seq = self._database.execute("SELECT coalesce(max(seq), 0) FROM messages").fetchone()[0]
        except BlockingIOError as exc:
            raise JournalError(
                f"another daemon writes the journal {shown}; give this one its own with --journal",
                Exit.UNAVAILABLE,
            ) from exc
        except PermissionError as exc:
            raise JournalError(
                f"journal {shown} may not be written; choose --journal", Exit.NO_PERMISSION
            ) from exc
        except (OSError, sqlite3.Error) as exc:
            raise JournalError(f"journal {shown}: {safe(str(exc))}") from exc

    def append(self, message: Message) -> None:
        """Store a message; on return it is committed.

        Args:
            message: its `seq` is `last_seq + 1`.

        Raises:
            JournalError: it is not stored.
        """
        row = (message.seq, message.published.timestamp(), topic(message).decode(), to_bytes(message))
        try:
            self._database.execute("INSERT INTO messages VALUES (?, ?, ?, ?)", row)
            if message.seq % _PRUNE_EVERY == 0:
                self._database.execute("DELETE FROM messages WHERE seq <= ?", (message.seq - KEPT,))
        except sqlite3.Error as exc:
            raise JournalError(f"journal {safe(str(self.path))}: {safe(str(exc))}") from exc
        self.last_seq = message.seq

    def close(self) -> None:
        """Release the file."""
        self._database.close()
        self._lock.close()


class JournalReader:
    """A reader's end, in any process.

    Raises:
        JournalError: there is no journal.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._database = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None
            )
            self.last_seq()
        except sqlite3.Error as exc:
            raise JournalError(f"journal {safe(str(path))}: {safe(str(exc))}") from exc

    def last_seq(self) -> int:
        """Highest `seq`, 0 in an empty journal."""
        (last,) = self._database.execute("SELECT coalesce(max(seq), 0) FROM messages").fetchone()
        return int(last)

    def after(self, seq: int, limit: int) -> list[Entry]:
        """At most `limit` messages with a higher `seq`, in order."""
        rows = self._database.execute(
            "SELECT seq, topic, body FROM messages WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit)
        )
        return [Entry(number, name.encode(), body) for number, name, body in rows]

    def seq_before(self, moment: datetime) -> int:
        """The `seq` after which everything published since `moment` comes."""
        (first,) = self._database.execute(
            "SELECT min(seq) FROM messages WHERE published >= ?", (moment.timestamp(),)
        ).fetchone()
        return self.last_seq() if first is None else int(first) - 1
