"""The journal as it is written: every message is in it before it is sent. SQLite in WAL mode, one writer."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

from monitor.config import Settings
from monitor.errors import Exit, safe
from monitor.stream.journal_format import (
    FORMAT,
    GROUP_BITS,
    TABLES,
    Entry,
    JournalError,
    in_words,
    milliseconds,
    packed,
)
from monitor.stream.messages import Message, to_bytes, topic

log = logging.getLogger(__name__)

PRUNE_EVERY = 64
"""Messages between two looks at age and size; a look drops at most one group, so no message waits long"""
MAGIC = b"SQLite format 3\0"
BAD = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class _BadJournalError(Exception):
    """The file was a journal, or is one of another version, but is of no use."""


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

    A journal that is corrupt is moved aside, and a new one begun. When the disk is full, read-only or broken
    while it runs, messages are counted but not stored, until storing one succeeds again.

    Args:
        path: file, made if it is not there.
        durable: survive a power cut; a temporary journal need not.
        days: older messages are dropped, 1024 at a time.
        megabytes: the oldest messages are dropped when the file holds more.

    Raises:
        JournalError: it cannot be opened, or another daemon writes to it.
    """

    def __init__(
        self,
        path: Path,
        *,
        durable: bool = True,
        days: int = Settings.journal_days,
        megabytes: int = Settings.journal_mb,
    ) -> None:
        self.path = path
        self.unstored = 0
        """Messages that did not reach the file"""
        self.writable = True
        """Whether the last one did"""
        self._days, self._bytes = days, megabytes * 1_000_000
        self._synchronous = "FULL" if durable else "OFF"
        self._bases: dict[bytes, tuple[int, bytes]] = {}  # topic -> seq and body, of this group
        with in_words(path):
            try:
                self.last_seq = self._open()
            except _BadJournalError as exc:
                self._move_aside(exc)
                self.last_seq = self._open()

    def append(self, message: Message) -> Entry:
        """Store a message; on return it is committed, if the journal is `writable`.

        Args:
            message: its `seq` is `last_seq + 1`.

        Raises:
            JournalError: there is one with this `seq`.
        """
        entry = Entry(message.seq, topic(message), to_bytes(message))
        if message.seq % (1 << GROUP_BITS) == 0:
            self._bases.clear()
        try:
            self._store(entry, milliseconds(message.published))
        except sqlite3.IntegrityError as exc:
            raise JournalError(f"journal {safe(str(self.path))}: {safe(str(exc))}") from exc
        except sqlite3.Error as exc:
            self._failed(exc)
        else:
            self._succeeded()
        self.last_seq = message.seq
        return entry

    def close(self) -> None:
        """Release the file."""
        self._database.close()
        self._lock.close()

    def _open(self) -> int:
        """Connect, and return the last `seq`."""
        # The lock stays open for as long as the database: closing it early would unlock that.
        self._lock = self.path.open("a+b")
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._lock.seek(0)
        if self._lock.read(len(MAGIC)).strip(b"\0") not in (b"", MAGIC.strip(b"\0")):
            raise JournalError(f"{safe(str(self.path))} is something else; choose another --journal")
        self._database = sqlite3.connect(self.path, isolation_level=None)
        try:
            return self._prepare()
        except sqlite3.DatabaseError as exc:
            if _code(exc) in BAD:
                raise _BadJournalError("is corrupt") from exc
            raise

    def _prepare(self) -> int:
        """Make or check the tables, wherever messages will be added or dropped."""
        ask = self._database.execute
        ask("PRAGMA journal_mode=WAL")
        ask(f"PRAGMA synchronous={self._synchronous}")
        if ask("SELECT 1 FROM sqlite_schema").fetchone() is None:
            self._database.executescript(TABLES)
        elif ask("PRAGMA user_version").fetchone() != (FORMAT,):
            raise _BadJournalError("is of another version")
        for order in ("ASC", "DESC"):
            ask(f"SELECT * FROM messages ORDER BY seq {order}").fetchone()  # noqa: S608 - ours
            ask(f"SELECT * FROM groups ORDER BY id {order}").fetchone()  # noqa: S608 - ours
        (last,) = ask("SELECT coalesce(max(seq), 0) FROM messages").fetchone()
        return int(last)

    def _move_aside(self, reason: Exception) -> None:
        self._database.close()
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        aside = f"{self.path}.bad-{moment}"
        for suffix in ("-wal", "-shm", ""):
            if Path(f"{self.path}{suffix}").exists():
                Path(f"{self.path}{suffix}").rename(f"{aside}{suffix}")
        self._lock.close()
        log.error("journal %s %s; it is kept as %s", safe(str(self.path)), reason, safe(aside))

    def _store(self, entry: Entry, published: int) -> None:
        group = entry.seq >> GROUP_BITS
        base = self._bases.get(entry.topic)
        row = (
            (entry.topic.decode(), None, entry.body)
            if base is None
            else (None, base[0], packed(entry.body, base[1]))
        )
        with self._database as database:
            database.execute("BEGIN IMMEDIATE")
            if entry.seq % PRUNE_EVERY == 0:
                self._prune(group)
            database.execute(
                "INSERT INTO messages (seq, published, topic, base, body) VALUES (?, ?, ?, ?, ?)",
                (entry.seq, published, *row),
            )
            database.execute(
                "INSERT INTO groups VALUES (?, ?)"
                " ON CONFLICT DO UPDATE SET latest = max(latest, excluded.latest)",
                (group, published),
            )
        self._bases.setdefault(entry.topic, (entry.seq, entry.body))

    def _prune(self, current: int) -> None:
        """Drop the oldest group if it is too old, or all are too large."""
        oldest = self._database.execute("SELECT id, latest FROM groups ORDER BY id LIMIT 1").fetchone()
        if oldest is None or oldest[0] == current:
            return
        too_old = oldest[1] < 1000 * (time.time() - 86400 * self._days)
        if too_old or self._used_bytes() > self._bytes:
            self._database.execute("DELETE FROM messages WHERE seq < ?", ((oldest[0] + 1) << GROUP_BITS,))
            self._database.execute("DELETE FROM groups WHERE id = ?", (oldest[0],))

    def _used_bytes(self) -> int:
        names = ("page_count", "freelist_count", "page_size")
        pages, free, size = (self._database.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
        return int((pages - free) * size)

    def _failed(self, error: sqlite3.Error) -> None:
        if self.writable:
            log.error(
                "journal %s cannot be written (%s); the stream goes on without it",
                self.path,
                safe(str(error)),
            )
        self.writable = False
        self.unstored += 1

    def _succeeded(self) -> None:
        if not self.writable:
            log.warning("the journal is written again; %d messages so far are not in it", self.unstored)
        self.writable = True


def _code(error: sqlite3.DatabaseError) -> int:
    """Primary result code of SQLite; 0 if it was Python that complained."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
