"""The publisher process: tells what the journal holds, live and on request.

It owns every socket, so a client can hurt nothing but this process, which `doorbell.py` replaces at any time:
what it misses meanwhile is in the journal. With keys, `gate.py` decides who may connect. A packet on stdin
says that the journal has something new, or is a message that could not be stored; a byte on stdout, that this
was done; the end of stdin, that the core has stopped.

    live       XPUB, frames [topic, body]; a new subscriber gets the last label and health of each array
    catch-up   ROUTER; one request, JSON: `{"after_seq": n}` or `{"since": time}`, with or without `types` and
               `limit`; replies [b"messages", body, ...] in order, then [b"end", JSON] with `last_seq` and
               `more`, or [b"error", text]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Container, Iterable, Iterator
from datetime import datetime
from pathlib import Path

import zmq

from monitor.errors import Exit, MonitorError, safe
from monitor.stream.doorbell import ANSWER, READY, RING, from_packet
from monitor.stream.gate import Gate
from monitor.stream.journal_format import Entry, JournalError
from monitor.stream.journal_reader import JournalReader
from monitor.stream.messages import LAST_VALUES, TYPES, catch_up_endpoint

PIECE = 100
"""Messages in one reply"""
MOST = 1000
"""Messages for one request; the client asks again for more"""
HIGH_WATER_MARK = 1000
"""Messages that wait for a slow subscriber before it misses some; it sees the hole in `seq` and asks"""
MOST_BYTES = 1 << 20
"""Of a packet on stdin; the socket allows less"""
MOST_GREETED = 1000
"""Subscriptions that are read at a time"""
GREETING_SECONDS = 0.1
"""Between two greetings: everybody hears them, so a client that subscribes for ever must not cause more"""
LOOK_SECONDS = 1.0
"""Between two looks at the keys"""
MOST_FILES = 1024
"""Files and connections of this process"""
MOST_MEMORY = 256 << 20
"""Bytes of this process: several times what it needs, of which subscriptions can ask for any amount"""
IN_USE = "is in use: another daemon may be running"


def main(argv: list[str] | None = None) -> int:
    """Entry point; exit code 69 if an endpoint is in use, 77 or 78 for keys that cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m monitor.stream.publisher", description=__doc__)
    parser.add_argument("journal", type=Path)
    parser.add_argument("endpoint")
    parser.add_argument("--boot-seq", type=int, default=0, help="last message of earlier runs")
    parser.add_argument("--keys", type=Path, help="folder of the keys that clients must have")
    args = parser.parse_args(argv)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _limit(resource.RLIMIT_NOFILE, MOST_FILES)
    _limit(resource.RLIMIT_DATA, MOST_MEMORY)
    _go_first()
    try:
        publisher = Publisher(JournalReader(args.journal), args.endpoint, args.boot_seq, args.keys)
        sys.stdout.buffer.write(READY)
        sys.stdout.buffer.flush()
        publisher.serve(sys.stdin.fileno(), sys.stdout.fileno())
    except MonitorError as exc:
        print(exc, file=sys.stderr)
        return exc.exit_code
    return Exit.OK


def _limit(kind: int, most: int) -> None:
    with contextlib.suppress(ValueError):  # it has less already, or, as a service, may not say it
        resource.setrlimit(kind, (most, most))


def _go_first() -> None:
    """Be what the kernel ends when memory runs out, not the core: a service has a limit for both together."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


class Publisher:
    """Both sockets, bound.

    Args:
        journal: what to publish.
        endpoint: of the live stream.
        boot_seq: messages up to this one are of earlier runs, and not published.
        folder: of the keys that clients must have, if any.

    Raises:
        MonitorError: exit code 69 if an endpoint is in use, 77 or 78 for keys that cannot be used.
    """

    def __init__(
        self, journal: JournalReader, endpoint: str, boot_seq: int, folder: Path | None = None
    ) -> None:
        self._journal = journal
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._gate = None if folder is None else Gate(self._context, folder)
        self._look_at = time.monotonic() + LOOK_SECONDS
        # Limits as measured: silent connections end after 2 s, nobody subscribes to kilobytes, dead peers are
        # noticed within 4 s.
        self._live = self._bind(zmq.XPUB, endpoint, 512)
        self._catch_up = self._bind(zmq.ROUTER, catch_up_endpoint(endpoint), 4096)
        self._sent = journal.last_seq()
        self._last: dict[bytes, Entry] = {}  # topic -> newest entry
        self._unheard: set[bytes] = set()  # topics whose newest entry somebody waits for
        self._greet_at = 0.0
        with contextlib.suppress(JournalError):  # a damaged part costs last values, not the live stream
            for entry in journal.after(max(boot_seq, self._sent - MOST), MOST):
                self._remember(entry)

    def serve(self, doorbell: int, answers: int) -> None:
        """Publish until the doorbell (a file descriptor) closes; what is published is answered (another)."""
        poller = zmq.Poller()
        gates = [] if self._gate is None else self._gate.sockets
        for source in (self._live, self._catch_up, doorbell, *gates):
            poller.register(source, zmq.POLLIN)
        try:
            while self._turn(dict(poller.poll(self._patience_ms())), doorbell, answers):
                pass
        finally:
            self._context.destroy(linger=500)

    def _turn(self, ready: Container[object], doorbell: int, answers: int) -> bool:
        """Do what is due; whether the doorbell is still open."""
        self._keep_keys()
        if self._gate is not None:
            self._gate.attend(ready)
        if self._live in ready:
            self._note_subscribers()
        if self._unheard and time.monotonic() >= self._greet_at:
            self._greet()
        if self._catch_up in ready:
            self._answer(self._catch_up.recv_multipart())
        if doorbell not in ready:
            return True
        packet = os.read(doorbell, MOST_BYTES)
        self._publish(self._unpublished() if packet in (b"", RING) else [from_packet(packet)])
        with contextlib.suppress(BrokenPipeError):
            os.write(answers, ANSWER)
        return packet != b""

    def _patience_ms(self) -> int | None:
        """Until something is to be done even if nothing comes."""
        moments = [self._greet_at] * bool(self._unheard) + [self._look_at] * (self._gate is not None)
        return max(0, round(1000 * (min(moments) - time.monotonic()))) if moments else None

    def _keep_keys(self) -> None:
        """End when the keys have changed: who is connected was let in by the old ones.

        Raises:
            MonitorError: they have. The core starts a new publisher, and nothing is lost.
        """
        if self._gate is None or time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_SECONDS
        if self._gate.has_changed():
            raise MonitorError("the keys have changed", Exit.OK)

    def _bind(self, kind: int, endpoint: str, most_bytes: int) -> zmq.Socket[bytes]:
        bound = self._context.socket(kind)
        bound.set(zmq.SNDHWM, HIGH_WATER_MARK)
        bound.set(zmq.MAXMSGSIZE, most_bytes)
        bound.set(zmq.HANDSHAKE_IVL, 2000)
        bound.set(zmq.HEARTBEAT_IVL, 1000)
        bound.set(zmq.HEARTBEAT_TIMEOUT, 3000)
        if kind == zmq.XPUB:
            bound.set(zmq.XPUB_VERBOSE, 1)  # a second subscriber to a topic must be seen, too
        if "[" in endpoint:
            bound.set(zmq.IPV6, 1)
        if self._gate is not None:
            self._gate.guard(bound)
        if _answers(endpoint):
            raise _unavailable(endpoint, IN_USE)
        try:
            bound.bind(endpoint)
        except zmq.ZMQError as exc:
            raise _unavailable(endpoint, IN_USE if exc.errno == zmq.EADDRINUSE else str(exc)) from exc
        return bound

    def _unpublished(self) -> Iterator[Entry]:
        """What the journal has beyond what was sent."""
        while entries := self._journal.after(self._sent, PIECE):
            yield from entries

    def _publish(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._remember(entry)
            self._live.send_multipart([entry.topic, entry.body])
            self._sent = entry.seq

    def _remember(self, entry: Entry) -> None:
        if _type(entry).decode() in LAST_VALUES:
            self._last[entry.topic] = entry

    def _note_subscribers(self) -> None:
        """Read who has subscribed, and remember what they have not heard."""
        with contextlib.suppress(zmq.Again):
            for _ in range(MOST_GREETED):
                subscription = self._live.recv(zmq.NOBLOCK)
                if subscription[:1] == b"\x01":
                    self._unheard |= {topic for topic in self._last if topic.startswith(subscription[1:])}

    def _greet(self) -> None:
        for entry in sorted((self._last[topic] for topic in self._unheard), key=lambda entry: entry.seq):
            self._live.send_multipart([entry.topic, entry.body])
        self._unheard.clear()
        self._greet_at = time.monotonic() + GREETING_SECONDS

    def _answer(self, frames: list[bytes]) -> None:
        client, request = frames[0], frames[-1]
        try:
            seq, types, limit = self._parse(request)
            entries = self._journal.after(seq, limit)
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            self._catch_up.send_multipart([client, b"error", b"bad request"])
            return
        except JournalError as exc:  # a damaged part of it must not end the live stream
            self._catch_up.send_multipart([client, b"error", str(exc).encode()])
            return
        last = entries[-1].seq if entries else seq
        wanted = [entry.body for entry in entries if _type(entry).decode() in types]
        for first in range(0, len(wanted), PIECE):
            self._catch_up.send_multipart([client, b"messages", *wanted[first : first + PIECE]])
        end = {"last_seq": last, "more": last < self._journal.last_seq()}
        self._catch_up.send_multipart([client, b"end", json.dumps(end).encode()])

    def _parse(self, request: bytes) -> tuple[int, set[str], int]:
        document = json.loads(request)
        if not isinstance(document, dict):
            raise TypeError
        types = set(document.get("types", TYPES))
        limit = min(max(int(document.get("limit", MOST)), 1), MOST)
        if "since" in document:
            return self._journal.seq_before(datetime.fromisoformat(document["since"])), types, limit
        return min(max(int(document["after_seq"]), 0), 1 << 62), types, limit


def _unavailable(endpoint: str, reason: str) -> MonitorError:
    return MonitorError(f"{safe(endpoint)} {safe(reason)}; choose another with --publish", Exit.UNAVAILABLE)


def _answers(endpoint: str) -> bool:
    """Whether somebody listens on an ipc endpoint, which ZeroMQ would take over without a word."""
    if not endpoint.startswith("ipc://"):
        return False
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(endpoint.removeprefix("ipc://")) == 0


def _type(entry: Entry) -> bytes:
    return entry.topic.split(b"/")[3]


if __name__ == "__main__":
    sys.exit(main())
