"""What the two ends of a journal agree on: tables, groups, how messages are packed, what can be wrong.

Messages of one topic are alike, so each is stored as what sets it apart from the first of its topic in its
group of 1024: a fifth of its size. A group is dropped as a whole, so that none outlives what it refers to.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from monitor.errors import Exit, MonitorError, safe

FORMAT = 2
"""Of the tables; a journal of another is moved aside"""
GROUP_BITS = 10
"""A group is of 1024 messages: `seq >> GROUP_BITS`"""

TABLES = f"""
BEGIN;
CREATE TABLE messages (
    seq INTEGER PRIMARY KEY,
    published INTEGER NOT NULL,  -- milliseconds since 1970
    base INTEGER,                -- seq of the message that this one is packed against
    topic TEXT,                  -- NULL: that of the base
    body BLOB NOT NULL           -- JSON if there is no base, else packed
);
CREATE TABLE groups (
    id INTEGER PRIMARY KEY,
    latest INTEGER NOT NULL      -- of `published`; the wall clock may be set back meanwhile
);
PRAGMA user_version={FORMAT};
COMMIT;
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


def milliseconds(moment: datetime) -> int:
    """As the tables have it."""
    return round(1000 * moment.timestamp())


def packed(body: bytes, base: bytes) -> bytes:
    """What sets a message apart from its base."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS, zdict=base)
    return packer.compress(body) + packer.flush()


def unpacked(body: bytes, base: bytes | None) -> bytes:
    """What `packed` made `body` of; a message without a base is stored as it is."""
    if base is None:
        return body
    return zlib.decompressobj(wbits=-zlib.MAX_WBITS, zdict=base).decompress(body)


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Say what is wrong with a journal."""
    shown = safe(str(path))
    try:
        yield
    except BlockingIOError as exc:
        raise JournalError(
            f"another daemon writes the journal {shown}; give this one its own with --journal",
            Exit.UNAVAILABLE,
        ) from exc
    except PermissionError as exc:
        raise JournalError(
            f"journal {shown} may not be written; choose --journal", Exit.NO_PERMISSION
        ) from exc
    except IsADirectoryError as exc:
        raise JournalError(f"journal {shown} is a folder; name a file in it, such as journal.sqlite") from exc
    except (OSError, sqlite3.Error, zlib.error) as exc:
        raise JournalError(f"journal {shown}: {safe(str(exc))}") from exc
