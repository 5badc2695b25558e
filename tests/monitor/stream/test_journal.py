"""The journal: what is stored stays, in order, also after a crash."""

from __future__ import annotations

import dataclasses
import random
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.errors import Exit
from monitor.stream.journal import Journal, default_path
from monitor.stream.journal_format import JournalError
from monitor.stream.journal_reader import JournalReader
from monitor.stream.messages import from_bytes, to_bytes, topic
from tests import power_cuts
from tests.journals import published
from tests.toys import MOMENT, gap_message, health_message, label_message


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A journal with a label, a gap and a health message."""
    journal = Journal(tmp_path / "journal.sqlite")
    for message in (label_message(1), gap_message(2), health_message(3)):
        journal.append(message)
    return journal


def test_messages_come_back_as_they_were_sent(journal: Journal) -> None:
    """The journal holds the very bytes and the topic."""
    entries = JournalReader(journal.path).after(0, 10)
    assert [entry.body for entry in entries] == [
        to_bytes(m) for m in (label_message(1), gap_message(2), health_message(3))
    ]
    assert [entry.topic for entry in entries] == [topic(from_bytes(entry.body)) for entry in entries]
    assert [entry.seq for entry in entries] == [1, 2, 3]


def test_after_and_limit(journal: Journal) -> None:
    """A reader asks for what comes after a number, in pieces."""
    reader = JournalReader(journal.path)
    assert [entry.seq for entry in reader.after(1, 1)] == [2]
    assert reader.after(3, 10) == []
    assert reader.last_seq() == 3


def test_seq_before_a_moment(journal: Journal) -> None:
    """A time becomes the number after which everything published since then comes."""
    reader = JournalReader(journal.path)
    assert reader.seq_before(MOMENT) == 0
    assert reader.seq_before(MOMENT + timedelta(hours=1)) == 3


def test_seq_continues_after_a_restart(journal: Journal) -> None:
    """A new daemon goes on where the last one ended."""
    journal.close()
    again = Journal(journal.path)
    assert again.last_seq == 3
    again.append(label_message(4))
    assert JournalReader(journal.path).last_seq() == 4


def filled(path: Path, count: int, **limits: int) -> Journal:
    """A journal with a message every minute until now; each takes some 250 bytes."""
    journal = Journal(path, durable=False, **limits)
    noise = random.Random(1)
    for seq in range(1, count + 1):
        moment = datetime.now(UTC) - timedelta(minutes=count - seq)
        scores = {f"{noise.getrandbits(64):016x}": 0.5 for _ in range(15)}
        journal.append(dataclasses.replace(label_message(seq, published=moment), scores=scores))
    return journal


def kept(path: Path) -> list[int]:
    """Numbers that a reader gets, each with its own message."""
    entries = JournalReader(path).after(0, 100_000)
    assert [from_bytes(entry.body).seq for entry in entries] == [entry.seq for entry in entries]
    return [entry.seq for entry in entries]


def test_what_is_too_old_makes_room(tmp_path: Path) -> None:
    """In groups of 1024, once all of a group is too old; what is left can still be unpacked."""
    day = 24 * 60
    filled(tmp_path / "journal.sqlite", day + 2 * 1024 + 64, days=1)
    assert kept(tmp_path / "journal.sqlite") == list(range(2 * 1024, day + 2 * 1024 + 64 + 1))


def test_the_oldest_make_room(tmp_path: Path) -> None:
    """The file does not grow beyond its limit, but for the group that is being written."""
    journal = filled(tmp_path / "journal.sqlite", 5500, megabytes=1)
    numbers = kept(journal.path)
    assert numbers == list(range(numbers[0], 5501))
    assert numbers[0] % 1024 == 0
    journal.close()
    assert 800_000 < journal.path.stat().st_size < 1_300_000


def test_a_year_fits(tmp_path: Path) -> None:
    """A message takes a fifth of its JSON: a year of one array, at a label and a health every 10 s."""
    journal = Journal(tmp_path / "journal.sqlite", durable=False)
    written = sum(len(journal.append(message).body) for message in published(4000))
    journal.close()
    assert journal.path.stat().st_size < written / 4.5
    assert journal.path.stat().st_size / 4000 * 2 * 8640 * 365 < 1000e6


def test_a_number_is_never_used_twice(journal: Journal) -> None:
    """The database itself refuses a second message with the same seq."""
    with pytest.raises(JournalError, match="UNIQUE"):
        journal.append(gap_message(3))


def test_a_second_daemon_is_refused(journal: Journal) -> None:
    """Two writers would give the same numbers to different messages."""
    with pytest.raises(JournalError, match=r"another daemon writes the journal .*--journal") as error:
        Journal(journal.path)
    assert error.value.exit_code == Exit.UNAVAILABLE


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    """It is named, and left as it is."""
    path = tmp_path / "letter.txt"
    path.write_bytes(b"text, not a database" * 100)
    with pytest.raises(JournalError, match=r"letter\.txt is something else; choose another --journal"):
        Journal(path)
    assert path.read_bytes() == b"text, not a database" * 100


def test_a_folder_is_no_journal(tmp_path: Path) -> None:
    """It is the likeliest mistake."""
    with pytest.raises(
        JournalError, match=r"is a folder; name a file in it, such as journal\.sqlite"
    ) as error:
        Journal(tmp_path)
    assert error.value.exit_code == Exit.IO


def zeroed(data: bytes, start: int, length: int) -> bytes:
    """With a hole, as a power cut leaves it."""
    return data[:start] + bytes(length) + data[start + length :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: zeroed(data, 0, 4096),
        lambda data: zeroed(data, 20, 80),
        lambda data: zeroed(data, 4096, 4096),
        lambda data: data[:-8192],
        lambda data: data[:1000],
        lambda _: b"SQLite format 3\0" + bytes(2000),
    ],
    ids=["no header", "half a header", "no root", "no end", "only a start", "almost nothing"],
)
def test_a_damaged_journal_is_moved_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[bytes], bytes]
) -> None:
    """A new one is begun; the log says where the old one is."""
    path = tmp_path / "journal.sqlite"
    filled(path, 300).close()
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)
    journal = Journal(path)
    journal.append(label_message(1))
    assert kept(path) == [1]
    (aside,) = (other for other in tmp_path.iterdir() if ".bad-" in other.name)
    assert caplog.messages == [f"journal {path} is corrupt; it is kept as {aside}"]
    assert aside.read_bytes() == damaged


def test_a_journal_of_another_version_is_moved_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With what its log still held."""
    path = tmp_path / "journal.sqlite"
    old = sqlite3.connect(path)
    old.execute("PRAGMA journal_mode=WAL")
    old.execute("CREATE TABLE messages (seq INTEGER PRIMARY KEY)")
    assert Journal(path).last_seq == 0
    assert "is of another version; it is kept as" in caplog.text
    assert old.execute("SELECT count(*) FROM messages").fetchone() == (0,)


def test_a_full_disk_is_counted_and_outlived(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    """Numbers go on; what could not be stored is missing, and nothing else."""
    ((pages,),) = journal._database.execute("PRAGMA page_count")
    journal._database.execute(f"PRAGMA max_page_count={pages}")
    while journal.writable:
        journal.append(label_message(journal.last_seq + 1))
    full = journal.last_seq
    for seq in range(full + 1, full + 100):
        assert journal.append(label_message(seq)).body == to_bytes(label_message(seq))
    assert (journal.writable, journal.unstored, journal.last_seq) == (False, 100, full + 99)
    journal._database.execute("PRAGMA max_page_count=1000000")
    for seq in range(full + 100, full + 2000):
        journal.append(label_message(seq))
    assert (journal.writable, journal.unstored) == (True, 100)
    assert kept(journal.path) == [*range(1, full), *range(full + 100, full + 2000)]
    assert caplog.messages == [
        f"journal {journal.path} cannot be written (database or disk is full); the stream goes on without it",
        "the journal is written again; 100 messages so far are not in it",
    ]


def test_a_reader_needs_a_journal(tmp_path: Path) -> None:
    """A reader never makes a file."""
    with pytest.raises(JournalError, match="unable to open"):
        JournalReader(tmp_path / "none.sqlite")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({"STATE_DIRECTORY": "/var/lib/activity-monitor"}, "/var/lib/activity-monitor/journal.sqlite"),
        ({"XDG_STATE_HOME": "{}/state"}, "{}/state/activity-monitor/journal.sqlite"),
        ({"HOME": "{}"}, "{}/.local/state/activity-monitor/journal.sqlite"),
    ],
)
def test_where_the_journal_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: dict[str, str], path: str
) -> None:
    """Systemd's state directory, else the user's."""
    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(tmp_path))
    assert default_path() == Path(path.format(tmp_path))


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    """Killed at any moment, the journal holds every message that was committed, without a hole."""
    assert "none torn, missing or twice" in power_cuts.cuts(tmp_path, times=3, seed=1)
