"""The core's side of the publisher: starts it, rings it, replaces it when it has ended or does not answer."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, cast

from monitor.errors import Exit, MonitorError, safe
from monitor.stream.journal_format import Entry

log = logging.getLogger(__name__)

READY = b"ready\n"
"""What the publisher writes to stdout once its endpoints are bound"""
RING = b"!"
"""Packet on its stdin: the journal has something new. Any other packet is a message that is not in it"""
ANSWER = b"."
"""What it writes to stdout for every packet, once it has published what is new"""
START_LIMIT = 10.0
"""Seconds until the publisher must have bound its endpoints"""
ANSWER_LIMIT = 5.0
"""Seconds until it must have answered: far more than it needs on a machine that is busy"""
FIRST_BACKOFF, LAST_BACKOFF = 0.25, 10.0
"""Seconds between restarts"""
MOST_WORDS = 500
"""Bytes of its stderr that are logged at a time"""
STOP_LIMIT = 1.0
"""Seconds for the last messages to leave"""


Pipes = tuple[socket.socket, IO[bytes], IO[bytes]]
"""stdin, the doorbell proper, which keeps packets apart; stdout; stderr"""


def to_packet(entry: Entry) -> bytes:
    """A message for the doorbell."""
    return b"%d %s %s" % (entry.seq, entry.topic, entry.body)


def from_packet(packet: bytes) -> Entry:
    """What `to_packet` made a packet of."""
    seq, topic, body = packet.split(b" ", 2)
    return Entry(int(seq), topic, body)


class Doorbell:
    """A publisher process for a journal.

    Args:
        journal: path of the journal.
        endpoint: of the live stream.
        boot_seq: last message of earlier runs.
        keys: folder of the keys that clients must have; None lets everybody in who can reach the endpoint.

    Raises:
        MonitorError: exit code 69 if the endpoint is in use, 77 or 78 for keys that cannot be used.
    """

    def __init__(self, journal: Path, endpoint: str, boot_seq: int, keys: Path | None = None) -> None:
        self._command = [sys.executable, "-m", "monitor.stream.publisher", str(journal), endpoint]
        self._command += ["--boot-seq", str(boot_seq)]
        if keys is not None:
            self._command += ["--keys", str(keys)]
        self._backoff, self._retry_at = FIRST_BACKOFF, 0.0
        self._unanswered, self._answer_due = 0, 0.0
        self._process = self._start()
        self._wait_until_ready()

    def ring(self, unjournalled: Entry | None = None) -> None:
        """Say that the journal has something new, or pass on a message that is not in it. Never blocks."""
        self._listen()
        try:
            self._pipes[0].send(RING if unjournalled is None else to_packet(unjournalled))
            if not self._unanswered:
                self._answer_due = max(self._answer_due, time.monotonic() + ANSWER_LIMIT)
            self._unanswered += 1
        except BlockingIOError:
            pass  # it has been told often enough; what it was not given, subscribers see as a hole
        except ConnectionError:
            self.supervise()

    def supervise(self) -> None:
        """Replace the process if it has ended or is frozen; to be called several times a second."""
        self._listen()
        if self._unanswered and time.monotonic() > self._answer_due:
            log.warning("the publisher does not answer")
            self._unanswered = 0
            self._process.kill()
            self._process.wait()
        if self._process.poll() is None:
            for line in self._words():
                log.warning("publisher: %s", line)
            if time.monotonic() > self._retry_at + LAST_BACKOFF:
                self._backoff = FIRST_BACKOFF
        elif time.monotonic() >= self._retry_at:
            words = " ".join([f"({self._process.returncode})", *self._words()])
            log.warning("the publisher ended %s; starting a new one", words)
            old = self._pipes
            try:
                self._process = self._start()
            except OSError as exc:  # out of processes, memory or files: for a while, let us hope
                log.warning("the publisher cannot be started: %s", exc.strerror)
            else:
                _close(old)
            self._retry_at = time.monotonic() + self._backoff
            self._backoff = min(2 * self._backoff, LAST_BACKOFF)

    def close(self) -> None:
        """Let the last messages leave, then end the process."""
        self._pipes[0].close()
        try:
            self._process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _close(self._pipes)

    def _start(self) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C in the terminal is the core's business.
        pipe = subprocess.PIPE
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(
                self._command, stdin=theirs.fileno(), stdout=pipe, stderr=pipe, start_new_session=True
            )
        self._pipes = cast("Pipes", (ours, process.stdout, process.stderr))
        for pipe_end in self._pipes:
            os.set_blocking(pipe_end.fileno(), False)
        self._unanswered, self._answer_due = 0, time.monotonic() + START_LIMIT
        return process

    def _listen(self) -> None:
        """Count the answers that have come; the next one has its time from now on."""
        with contextlib.suppress(BlockingIOError):
            answers = os.read(self._pipes[1].fileno(), 1 << 16).count(ANSWER)
            self._unanswered -= answers
            if answers:
                self._answer_due = time.monotonic() + ANSWER_LIMIT

    def _words(self) -> list[str]:
        """Lines that it has written to stderr since the last look: whom it refused, or why it ended."""
        said = (self._pipes[2].read() or b"")[-MOST_WORDS:]
        return [safe(line) for line in said.decode(errors="replace").splitlines()]

    def _wait_until_ready(self) -> None:
        if not select.select([self._pipes[1]], [], [], START_LIMIT)[0]:
            self._process.kill()
            self._process.wait()
        if os.read(self._pipes[1].fileno(), len(READY)) != READY:
            self._process.wait()
            words = " ".join(self._words())
            _close(self._pipes)
            code = self._process.returncode
            known = Exit(code) if code in set(Exit) else Exit.UNAVAILABLE
            raise MonitorError(words or "the publisher did not start", known)


def _close(pipes: Pipes) -> None:
    for pipe in pipes:
        pipe.close()
