"""The past: out of a journal, and from a daemon."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.errors import Exit, MonitorError
from monitor.stream import keys, past
from monitor.stream.doorbell import Doorbell
from monitor.stream.journal import Journal
from monitor.stream.messages import Message
from monitor.stream.subscriber import subscribe
from tests import days
from tests.keyed import LIMIT, Stream
from tests.toys import health_message

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
TYPES = {"label", "gap"}
HOUR = timedelta(hours=1)


def hours(*what: str) -> list[Message]:
    """A window or a gap of an array in every hour."""
    return [
        days.gap(start, start + days.WINDOW) if each == "gap" else days.label(start, each, start, 0.8)
        for start, each in zip((NOON + number * HOUR for number in range(99)), what, strict=False)
    ]


def test_the_end_of_a_journal(tmp_path: Path) -> None:
    """So much before its newest message, whenever that was; only what is wanted."""
    messages = [*hours("eating", "cooking", "gap", "working"), health_message(1, published=NOON + 4 * HOUR)]
    path = days.write(tmp_path / "journal.sqlite", iter(messages))
    found = list(past.of_journal(path, timedelta(hours=3.5), TYPES))
    assert [(message.seq, message.type) for message in found] == [(2, "label"), (3, "gap"), (4, "label")]
    assert len(list(past.of_journal(path, timedelta(days=36500), TYPES | {"health"}))) == 5


def test_a_journal_that_is_being_written(tmp_path: Path) -> None:
    """What comes while it is read does not count."""
    with closing(Journal(tmp_path / "journal.sqlite", durable=False)) as journal:
        messages = list(days.numbered(iter(hours("eating", "cooking", "working"))))
        for message in messages[:2]:
            journal.append(message)
        reading = past.of_journal(journal.path, timedelta(days=1), TYPES)
        first = next(reading)
        journal.append(messages[2])
        assert [first, *reading] == messages[:2]
        assert list(past.of_journal(journal.path, timedelta(days=1), TYPES)) == messages


def test_an_empty_journal(tmp_path: Path) -> None:
    """Nothing was told."""
    path = days.write(tmp_path / "journal.sqlite")
    assert list(past.of_journal(path, HOUR, TYPES)) == []


def test_from_a_daemon(tmp_path: Path, endpoint: str) -> None:
    """All that it has, the end included; then it is over, although the daemon goes on."""
    begin = datetime.now(UTC).replace(microsecond=0) - 3 * HOUR
    messages = list(days.numbered(days.day(begin, [("cooking", 0.05), ("suspend", 2.5), ("eating", 0.05)])))
    with (
        closing(Journal(tmp_path / "journal.sqlite", durable=False)) as journal,
        closing(Doorbell(journal.path, endpoint, 0)) as doorbell,
    ):
        for message in messages:
            journal.append(message)
        doorbell.ring()
        with subscribe(endpoint, since=begin, types=TYPES) as subscription:
            assert list(past.of_daemon(subscription, endpoint)) == messages


def test_without_a_daemon(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """It is said where nobody answers, with exit code 69."""
    monkeypatch.setattr(past, "WAIT_SECONDS", 0.1)
    with (
        subscribe(endpoint, since=NOON) as subscription,
        pytest.raises(MonitorError, match=f"nothing heard from {endpoint}; start the monitor") as error,
    ):
        list(past.of_daemon(subscription, endpoint))
    assert error.value.exit_code == Exit.UNAVAILABLE


def test_a_daemon_that_wants_another_key(
    tmp_path: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Why nothing can be told is said once, with exit code 77; it is not taken for silence."""
    monkeypatch.setattr(past, "WAIT_SECONDS", LIMIT)
    keys.init(tmp_path / "keys")
    with closing(Stream(tmp_path, endpoint, tmp_path / "keys")) as stream:
        stranger = stream.key("stranger")
        keys.revoke(stream.keys, "stranger")
        for key, words in ((None, "wants a key"), (stranger, "was never added there, or is revoked")):
            with (
                subscribe(endpoint, since=NOON, types=TYPES, key=key) as subscription,
                pytest.raises(MonitorError, match=words) as error,
            ):
                list(past.of_daemon(subscription, endpoint))
            assert error.value.exit_code == Exit.NO_PERMISSION
    assert not any("trying again" in record.message for record in caplog.records)


def test_the_command_draws_a_journal(tmp_path: Path) -> None:
    """On the terminal, or into a file and then nothing is printed."""
    path = days.write(tmp_path / "journal.sqlite", days.day(NOON, [("cooking", 0.05)]))
    command = [sys.executable, "-m", "monitor.cli", "timeline", "--journal", str(path), "--since", "10m"]
    drawn = [
        subprocess.run([*command, *more], capture_output=True, text=True, check=True, timeout=60)
        for more in ([], ["-o", str(tmp_path / "day.svg")])
    ]
    assert "cooking" in drawn[0].stdout
    assert [(done.stdout == "", done.stderr) for done in drawn] == [(False, ""), (True, "")]
    assert "cooking" in (tmp_path / "day.svg").read_text()
