"""What systemd is told: over a real socket, by the notifier alone and by the whole daemon."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import termios
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from monitor.notify import Notifier
from monitor.stream.messages import State
from tests.toys import gap_message, health_message, label_message, tone, write_audio


class Systemd:
    """A notification socket, at a path or an abstract name, and what has arrived there."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.states: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)

    def receive(self, seconds: float = 0.0) -> list[str]:
        """What comes within so many seconds; all of it is kept in `states`, too."""
        deadline, came = time.monotonic() + seconds, []
        while True:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                came.append(self._socket.recv(4096).decode())
            except TimeoutError:
                self.states += came
                return came

    def until(self, state: str, seconds: float = 30.0) -> None:
        """Wait for a state."""
        deadline = time.monotonic() + seconds
        while state not in self.receive(0.05):
            assert time.monotonic() < deadline, f"{state} did not come: {self.states}"

    def close(self) -> None:
        """Nobody listens any more."""
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Systemd]:
    """Both kinds of address."""
    address = f"@{uuid.uuid4()}" if request.param == "abstract" else str(tmp_path / "notify")
    with contextlib.closing(Systemd(address)) as systemd:
        yield systemd


def health(array: str, state: State) -> Any:
    """A health message of a freshly started array."""
    message = health_message(1, array=array)
    return type(message)(**{**vars(message), "state": state, "windows": 7, "gaps": 1})


def test_ready_comes_with_the_first_audio(systemd: Systemd) -> None:
    """Not while arrays start or reconnect; once only; the status names every array, and no label."""
    notifier = Notifier(10.0, {"NOTIFY_SOCKET": systemd.address})
    notifier(health("hall", "starting"))
    notifier(health("kitchen", "reconnecting"))
    assert systemd.receive() == [
        "STATUS=hall starting, 7 windows, 1 gaps",
        "STATUS=hall starting, 7 windows, 1 gaps; kitchen reconnecting, 7 windows, 1 gaps",
    ]
    notifier(health("hall", "listening"))
    notifier(health("kitchen", "degraded"))
    notifier(None)
    assert [state for state in systemd.receive() if not state.startswith("STATUS")] == ["READY=1"]
    notifier.close()
    assert systemd.receive() == ["STOPPING=1"]


def test_the_watchdog_is_fed_by_the_progress_of_every_array(systemd: Systemd) -> None:
    """One that stands still is not hidden by another; health is no progress; a stopped array owes nothing."""
    notifier = Notifier(10.0, {"NOTIFY_SOCKET": systemd.address})
    for array in ("hall", "kitchen"):
        notifier(health(array, "listening"))
    notifier(health("attic", "starting"))  # never heard, so nothing can be expected of it
    systemd.receive()
    expected = [
        (label_message(2, array="hall"), []),
        (label_message(3, array="hall"), []),
        (health("kitchen", "listening"), []),
        (gap_message(4, array="kitchen"), ["WATCHDOG=1"]),
        (gap_message(5, array="kitchen"), []),
        (health("hall", "stopped"), []),
        (label_message(6, array="kitchen"), ["WATCHDOG=1"]),
    ]
    for message, wanted in expected:
        notifier(message)
        assert [state for state in systemd.receive() if not state.startswith("STATUS")] == wanted
    notifier.close()


@pytest.mark.parametrize(
    ("window", "usec", "told"),
    [(10.0, "60000000", []), (25.0, "60000000", ["WATCHDOG_USEC=75000000"]), (25.0, None, [])],
)
def test_long_windows_have_a_long_watchdog(
    systemd: Systemd, window: float, usec: str | None, told: list[str]
) -> None:
    """Windows of 25 s would otherwise look like standing still; without a watchdog none is set."""
    environment = {"NOTIFY_SOCKET": systemd.address} | ({"WATCHDOG_USEC": usec} if usec else {})
    Notifier(window, environment).close()
    assert systemd.receive() == [*told, "STOPPING=1"]


def test_ready_is_repeated_until_it_is_taken(tmp_path: Path) -> None:
    """A systemd that is not listening at that moment, or whose queue is full, neither harms nor misses it."""
    address = str(tmp_path / "notify")
    notifier = Notifier(10.0, {"NOTIFY_SOCKET": address})
    notifier(health("hall", "listening"))
    with contextlib.closing(Systemd(address)) as systemd:
        notifier(health("hall", "listening"))
        assert "READY=1" in systemd.receive()
        for _ in range(5000):  # nobody reads; a blocking socket would hang here
            notifier(gap_message(2, array="hall"))
    notifier.close()


def test_without_systemd_nothing_is_told() -> None:
    """As on a terminal."""
    notifier = Notifier(10.0, {})
    notifier(health("hall", "listening"))
    notifier(label_message(2, array="hall"))
    notifier.close()


def waiting_bytes(pipe: IO[bytes]) -> int:
    """Bytes that a pipe holds: 65536 at most, less where messages do not fill its pages."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


@contextlib.contextmanager
def daemon(systemd: Systemd, *arguments: object, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """The whole daemon, as systemd would start it, with its stdout in a pipe."""
    command = [sys.executable, "-m", "monitor.cli", "--publish", "none", *map(str, arguments)]
    environment = {**os.environ, "NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "60000000"} | environment
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("systemd", ["path"], indirect=True)
def test_a_daemon_is_ready_once_its_card_is_heard(systemd: Systemd, toy_bundle: Path, tmp_path: Path) -> None:
    """Models are loaded, the card is open, but no sample has come: not ready. Then progress, then the end."""
    shutil.copy(Path(__file__).parents[1] / "fake_sounddevice.py", tmp_path / "sounddevice.py")
    card = {"name": "A (hw:1,0)", "max_input_channels": 4, "default_samplerate": 16000}
    cards = json.dumps([card | {"silent_until": str(tmp_path / "audio")}])
    options = ("--device", "hw:1", "--bundle", toy_bundle, "--journal", tmp_path / "journal.sqlite")
    with daemon(systemd, *options, PYTHONPATH=str(tmp_path), FAKE_CARDS=cards) as process:
        systemd.until("STATUS=hw-1 starting, 0 windows, 0 gaps")
        assert "READY=1" not in systemd.receive(0.5) + systemd.states
        (tmp_path / "audio").touch()
        systemd.until("READY=1")
        systemd.until("WATCHDOG=1")  # the microphones of the fake card are stuck: gaps are progress, too
        assert systemd.states.index("READY=1") < systemd.states.index("WATCHDOG=1")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    systemd.receive()
    assert systemd.states[-1] == "STOPPING=1"


@pytest.mark.parametrize("systemd", ["path"], indirect=True)
def test_a_daemon_that_stands_still_does_not_feed_the_watchdog(
    systemd: Systemd, toy_bundle: Path, tmp_path: Path
) -> None:
    """Its output is not read, so after some messages it waits for ever; read again, it goes on."""
    recording = write_audio(tmp_path / "a.wav", tone("low", 2.0))
    options = ("--replay", recording, "--loop", "--speed", "max", "--json", "--bundle", toy_bundle)
    with daemon(systemd, *options) as process:
        assert process.stdout is not None
        systemd.until("WATCHDOG=1")
        while waiting_bytes(process.stdout) < 30_000:
            systemd.receive(0.05)
        deadline = time.monotonic() + 60.0
        while systemd.receive(1.0):  # at this speed it says something every few milliseconds
            assert time.monotonic() < deadline
        process.stdout.read(1 << 16)
        systemd.until("WATCHDOG=1")
