"""The journal as it is read, in any process."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.stream.journal_format import GROUP_BITS, Entry, in_words, milliseconds, unpacked


class JournalReader:
    """A reader's end, in any process.

    Raises:
        JournalError: by every method: there is no journal, or it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with in_words(path):
            self._database = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None
            )
        self.last_seq()

    def last_seq(self) -> int:
        """Highest `seq`, 0 in an empty journal."""
        ((last,),) = self._ask("SELECT coalesce(max(seq), 0) FROM messages")
        return int(last)

    def after(self, seq: int, limit: int) -> list[Entry]:
        """At most `limit` messages with a higher `seq`, in order."""
        rows = self._ask(
            "SELECT new.seq, coalesce(new.topic, base.topic), new.body, base.body"
            " FROM messages AS new LEFT JOIN messages AS base ON base.seq = new.base"
            " WHERE new.seq > ? ORDER BY new.seq LIMIT ?",
            seq,
            limit,
        )
        with in_words(self._path):
            return [Entry(number, name.encode(), unpacked(body, base)) for number, name, body, base in rows]

    def seq_before(self, moment: datetime) -> int:
        """The `seq` after which everything published since `moment` comes."""
        ((first,),) = self._ask(
            "WITH first AS (SELECT min(id) AS id FROM groups WHERE latest >= ?1)"
            " SELECT min(seq) FROM first JOIN messages"
            " ON seq >= first.id << ?2 AND seq < (first.id + 1) << ?2 AND published >= ?1",
            milliseconds(moment),
            GROUP_BITS,
        )
        return self.last_seq() if first is None else int(first) - 1

    def _ask(self, query: str, *values: int) -> list[tuple[Any, ...]]:
        with in_words(self._path):
            return self._database.execute(query, values).fetchall()
