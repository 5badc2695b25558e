"""How large the journal of a year is, and how fast it answers: `python -m tests.journal_year`.

A day of one array, a label and a health every 10 s, is stored as a daemon does it, then copied within the
database.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from rich.progress import track

from monitor.stream.journal import Journal
from monitor.stream.journal_format import GROUP_BITS
from monitor.stream.journal_reader import JournalReader
from tests.journals import HOP, START, published
from trainer.tables import Column, markdown

GROUPS = 17
"""In a day: 17408 messages are as many as two every 10 s, and a little"""
MESSAGES = GROUPS << GROUP_BITS
DAY = MESSAGES // 2 * HOP
COLUMNS = (Column("what", "what"), Column("ms", "ms", "{:,.2f}".format, number=True))


def main(argv: Sequence[str] | None = None) -> int:
    """Make a journal and ask it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.journal_year", description=__doc__)
    parser.add_argument("--days", type=int, default=365, metavar="N", help="(default: %(default)s)")
    days = parser.parse_args(argv).days
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.sqlite"
        make(path, days)
        size = path.stat().st_size
        print(f"{days} days, {days * MESSAGES:,} messages: {size / 1e6:,.1f} MB")
        print(f"{size / days / 1e6:.2f} MB a day\n")
        rows = [{"what": what, "ms": 1000 * seconds(action)} for what, action in actions(path, days).items()]
    print(markdown(COLUMNS, rows), end="")
    return 0


def make(path: Path, days: int) -> None:
    """Store a day and copy it, so that messages have the sizes of real ones."""
    with closing(Journal(path, durable=False)) as journal:
        for message in published(MESSAGES, first=1 << GROUP_BITS):
            journal.append(message)
    with closing(sqlite3.connect(path)) as database:
        for day in track(range(1, days), "days", transient=True):
            shift = {
                "seq": day * MESSAGES,
                "id": day * GROUPS,
                "time": day * round(1000 * DAY.total_seconds()),
            }
            last = {"end": GROUPS + 1}
            database.execute(
                "INSERT INTO messages SELECT seq + :seq, published + :time, base + :seq, topic, body"
                " FROM messages WHERE seq < :end << 10",
                shift | last,
            )
            database.execute(
                "INSERT INTO groups SELECT id + :id, latest + :time FROM groups WHERE id < :end", shift | last
            )
            database.commit()


def actions(path: Path, days: int) -> dict[str, Callable[[], object]]:
    """What a daemon and its subscribers ask of a journal."""
    reader, end = JournalReader(path), START + days * DAY
    last = reader.last_seq()
    ago = {"an hour": timedelta(hours=1), "a day": timedelta(days=1), "all": days * DAY}
    searches = {
        f"the first message since {name}": lambda age=age: reader.seq_before(end - age)
        for name, age in ago.items()
    }
    return {
        "start of a daemon": lambda: Journal(path).close(),
        "start of a publisher": lambda: JournalReader(path),
        **searches,
        "100 messages, newest": lambda: reader.after(last - 100, 100),
        "1000 messages, oldest": lambda: reader.after(0, 1000),
        "a day of messages": lambda: reader.after(last // 2, MESSAGES),
    }


def seconds(action: Callable[[], object]) -> float:
    """How long it takes, the first time."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
