"""The journal: what is stored stays, in order, also after a crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

import monitor.stream.journal
from monitor.errors import Exit
from monitor.stream.journal import Journal, JournalError, JournalReader, default_path
from monitor.stream.messages import from_bytes, to_bytes, topic
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


def test_the_oldest_messages_make_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The journal does not grow for ever."""
    monkeypatch.setattr(monitor.stream.journal, "KEPT", 1500)
    journal = Journal(tmp_path / "journal.sqlite", durable=False)
    for seq in range(1, 4001):
        journal.append(gap_message(seq))
    assert [entry.seq for entry in JournalReader(journal.path).after(0, 10_000)] == list(range(2501, 4001))


def test_a_number_is_never_used_twice(journal: Journal) -> None:
    """The database itself refuses a second message with the same seq."""
    with pytest.raises(JournalError, match="UNIQUE"):
        journal.append(gap_message(3))


def test_a_second_daemon_is_refused(journal: Journal) -> None:
    """Two writers would give the same numbers to different messages."""
    with pytest.raises(JournalError, match=r"another daemon writes the journal .*--journal") as error:
        Journal(journal.path)
    assert error.value.exit_code == Exit.UNAVAILABLE


@pytest.mark.parametrize("content", [b"text, not a database" * 100, b"SQLite format 3\x00" + bytes(2000)])
def test_a_file_that_is_no_journal(tmp_path: Path, content: bytes) -> None:
    """It is named, and left as it is."""
    path = tmp_path / "journal.sqlite"
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"journal\.sqlite"):
        Journal(path)
    assert path.read_bytes() == content


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


WRITER = """
import sys
from pathlib import Path
from monitor.stream.journal import Journal
from tests.toys import label_message
journal = Journal(Path(sys.argv[1]))
while True:
    journal.append(label_message(journal.last_seq + 1))
    print(journal.last_seq, flush=True)
"""


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    """Killed at any moment, the journal holds every message that was committed, without a hole."""
    path = tmp_path / "journal.sqlite"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    acknowledged = 0
    for delay in (0.0, 0.013, 0.05):
        command = [sys.executable, "-c", WRITER, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as writer:
            assert writer.stdout is not None
            assert int(writer.stdout.readline()) == acknowledged + 1
            time.sleep(delay)
            writer.send_signal(signal.SIGKILL)
            acknowledged = int(([str(acknowledged + 1), *writer.stdout.read().split("\n")[:-1]])[-1])
        stored = JournalReader(path).after(0, 1_000_000)
        assert [entry.seq for entry in stored] == list(range(1, len(stored) + 1))
        assert len(stored) in (acknowledged, acknowledged + 1)
        acknowledged = len(stored)
