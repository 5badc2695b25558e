"""A running daemon whose disk takes nothing more for a while."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor.stream.journal_reader import JournalReader
from monitor.stream.messages import HealthMessage, LabelMessage, Message, from_bytes
from monitor.stream.subscriber import Subscription, subscribe
from tests.toys import tone, write_audio

LIMIT = 30.0
"""Seconds for anything to happen"""


@pytest.fixture
def daemon(toy_bundle: Path, tmp_path: Path, endpoint: str) -> Iterator[subprocess.Popen[str]]:
    """Hears a tone again and again, ten times faster than it is."""
    recording = write_audio(tmp_path / "kitchen.wav", tone("low", 5.0))
    command = [sys.executable, "-m", "monitor.cli", "--replay", str(recording), "--loop", "--speed", "10"]
    command += ["--bundle", str(toy_bundle), "--publish", endpoint]
    command += ["--journal", str(tmp_path / "journal.sqlite"), "--no-dashboard"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def until(subscription: Subscription, wanted: Callable[[Message], bool]) -> list[Message]:
    """Messages up to the first that is wanted."""
    deadline, heard = time.monotonic() + LIMIT, []
    while time.monotonic() < deadline:
        if message := subscription.receive(0.5):
            heard.append(message)
            if wanted(message):
                return heard
    raise TimeoutError(f"not among {len(heard)} messages")


def test_the_stream_goes_on(daemon: subprocess.Popen[str], tmp_path: Path, endpoint: str) -> None:
    """Health says degraded, then how much the journal misses; the journal has all the rest."""
    with subscribe(endpoint) as subscription:
        until(subscription, lambda message: isinstance(message, LabelMessage))
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        outage = until(
            subscription, lambda message: isinstance(message, HealthMessage) and not message.durable
        )
        outage += until(subscription, lambda message: isinstance(message, LabelMessage))
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        back = until(
            subscription, lambda m: isinstance(m, HealthMessage) and m.durable and m.seq > outage[-1].seq
        )
    assert {m.state for m in outage if isinstance(m, HealthMessage) and not m.durable} == {"degraded"}
    recorded = back[-1]
    assert isinstance(recorded, HealthMessage)
    assert recorded.state == "listening"
    heard = [message.seq for message in (*outage, *back)]
    assert heard == list(range(heard[0], heard[-1] + 1))
    daemon.send_signal(signal.SIGTERM)
    log = daemon.communicate(timeout=LIMIT)[1]
    assert daemon.returncode == 0
    assert "cannot be written (disk I/O error); the stream goes on without it" in log
    assert f"the journal is written again; {recorded.unjournalled} messages so far are not in it" in log
    stored = [
        from_bytes(entry.body) for entry in JournalReader(tmp_path / "journal.sqlite").after(0, 100_000)
    ]
    missing = set(range(1, stored[-1].seq + 1)) - {message.seq for message in stored}
    assert len(missing) == recorded.unjournalled > 0
    assert missing <= set(heard)
    assert recorded in stored
