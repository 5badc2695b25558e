"""What floods cost a publisher and its listener: `python -m tests.floods`.

A label is published twenty times a second, and somebody listens. Meanwhile a process sends random frames to
both sockets, subscribes to everything, asks for the whole journal again and again, or connects and says
nothing: to a publisher without keys, and to one with keys, once as a stranger and once with a key that is
listed. Exits 1 if the listener misses a message or gets one twice, or if the publisher grows too large.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import zmq
from rich.console import Console
from rich.progress import track

from monitor.stream import keys
from monitor.stream.doorbell import Doorbell
from monitor.stream.journal import Journal
from monitor.stream.messages import catch_up_endpoint
from monitor.stream.publisher import MOST_MEMORY
from monitor.stream.subscriber import subscribe
from tests.conftest import free_port
from tests.toys import label_message
from trainer.tables import Column, markdown

Peer = Literal["anybody", "stranger", "listed key"]
"""Who floods: anybody where there are no keys; where there are, one without and one with a key that counts"""
ROOT = Path(__file__).parents[1]
PERIOD = 0.05
"""Seconds between two labels"""
AFTER = 2.0
"""Seconds that are listened after a flood"""
MOST_MB = MOST_MEMORY / 1e6 + 50
"""Of a publisher: what is limited, and libraries, which are not"""
LIMIT = 60.0
"""Seconds for the listener to have everything"""
COLUMNS = (
    Column("flood", "flood"),
    Column("peer", "by"),
    Column("memory", "publisher at most", "{:.0f} MB".format, number=True),
    Column("ended", "publishers ended", str, number=True),
    Column("messages", "messages", str, number=True),
    Column("lost", "lost or twice", str, number=True),
    Column("median", "median delay", "{:.0f} ms".format, number=True),
    Column("worst", "longest delay", "{:.1f} s".format, number=True),
)


# Floods, each in a process of its own. All of them are over when it ends.


def random_frames(endpoint: str, count: int, key: Path | None) -> None:
    """Messages of random bytes, a tenth of them without being ZeroMQ at all."""
    chance = random.Random(1)
    for kind, each in ((zmq.XSUB, endpoint), (zmq.DEALER, catch_up_endpoint(endpoint))):
        with client(kind, each, count, key) as sender:
            for _ in range(count // 20 * 9):
                sender.send_multipart([chance.randbytes(chance.randrange(100))] * chance.randrange(1, 4))
        for _ in range(count // 20000):
            with contextlib.suppress(OSError), socket.create_connection(address(each)) as stranger:
                for _ in range(1000):
                    stranger.send(chance.randbytes(chance.randrange(1, 100)))


def subscriptions(endpoint: str, count: int, key: Path | None) -> None:
    """All different, with nothing in common: what costs most memory."""
    chance = random.Random(1)
    with client(zmq.XSUB, endpoint, count, key) as sender:
        for _ in range(count):
            sender.send(b"\x01" + chance.randbytes(200))


def greetings(endpoint: str, count: int, key: Path | None) -> None:
    """To everything, again and again: each would bring everybody the last values."""
    with client(zmq.XSUB, endpoint, count, key) as sender:
        for _ in range(count):
            sender.send(b"\x01")


def requests(endpoint: str, count: int, key: Path | None) -> None:
    """The whole journal is asked for, and not read."""
    with client(zmq.DEALER, catch_up_endpoint(endpoint), count, key) as sender:
        for _ in range(count):
            sender.send(b'{"after_seq": 0}')


def silent_connections(endpoint: str, count: int, _: Path | None) -> None:
    """Opened one after the other, and kept as long as the publisher wants; no key is ever shown."""
    with contextlib.ExitStack() as stack:
        for number in range(count):
            with contextlib.suppress(OSError):
                where = endpoint if number % 2 else catch_up_endpoint(endpoint)
                stack.enter_context(socket.create_connection(address(where), timeout=1.0))
        time.sleep(3.0)


@contextlib.contextmanager
def client(kind: int, endpoint: str, count: int, key: Path | None) -> Iterator[zmq.Socket[bytes]]:
    """A socket that takes anything, and in the end stays for a while."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    sender = context.socket(kind)
    sender.set(zmq.SNDHWM, 0)
    sender.set(zmq.SNDTIMEO, 1000)
    if key is not None:
        own = keys.load_client(key)
        sender.curve_publickey, sender.curve_secretkey = own.pair.public, own.pair.secret
        sender.curve_serverkey = own.server
    sender.connect(endpoint)
    with contextlib.suppress(zmq.Again):  # refused for good
        yield sender
    time.sleep(min(10.0, count / 1000))  # who hangs up at once takes back what was not read yet
    context.destroy(linger=0)


def address(endpoint: str) -> tuple[str, int]:
    """Host and port."""
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    return host, int(port)


FLOODS: dict[str, Callable[[str, int, Path | None], None]] = {
    "random frames": random_frames,
    "subscriptions": subscriptions,
    "greetings": greetings,
    "requests": requests,
    "silent connections": silent_connections,
}


# What they meet


class Daemon:
    """Publishes a label every `PERIOD` and looks after its publisher, as the core does."""

    def __init__(self, folder: Path, endpoint: str, wanted: Path | None) -> None:
        self.sent: dict[int, float] = {}  # seq -> CLOCK_MONOTONIC, seconds
        self.publishers: set[int] = set()
        self.memory = 0
        """Bytes that a publisher had at most"""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(folder / "journal.sqlite", endpoint, wanted))
        self._thread.start()

    def _run(self, path: Path, endpoint: str, wanted: Path | None) -> None:
        with (
            contextlib.closing(Journal(path, durable=False)) as journal,
            contextlib.closing(Doorbell(path, endpoint, 0, wanted)) as doorbell,
        ):
            while not self._over.wait(PERIOD):
                message = label_message(journal.last_seq + 1)
                self.sent[message.seq] = time.monotonic()
                journal.append(message)
                doorbell.ring()
                doorbell.supervise()
                self.publishers.add(doorbell._process.pid)
                self.memory = max(self.memory, resident(doorbell._process.pid))

    def close(self) -> None:
        """No more labels."""
        self._over.set()
        self._thread.join()


def resident(process: int) -> int:
    """Most bytes of memory that a process has had so far; 0 if it has ended."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))
    return 0


class Listener:
    """Notes every message that a subscriber is given, and when."""

    def __init__(self, endpoint: str, key: Path | None) -> None:
        self.heard: list[tuple[int, float]] = []
        self._subscription = subscribe(endpoint, after=0, key=key)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.is_set():
            message = self._subscription.receive(0.1)
            if message is not None:
                self.heard.append((message.seq, time.monotonic()))

    def close(self) -> None:
        """Listen no more."""
        self._over.set()
        self._thread.join()
        self._subscription.close()


def flood(amounts: dict[str, int], peer: Peer) -> dict[str, Any]:
    """A row of the table: some floods at once."""
    keyed = peer != "anybody"
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as stack:
        folder = Path(temporary)
        if keyed:
            keys.init(folder / "keys")
            for name in ("listener", "flood"):
                keys.add(folder / "keys", name, folder / name)
        daemon = Daemon(folder, endpoint, folder / "keys" if keyed else None)
        stack.callback(daemon.close)
        listener = Listener(endpoint, folder / "listener" if keyed else None)
        stack.callback(listener.close)
        wait_until(lambda: listener.heard)
        key = [str(folder / "flood")] if peer == "listed key" else []
        command = [sys.executable, "-m", "tests.floods", "--flood", endpoint]
        running = [
            subprocess.Popen([*command, name, str(count), *key], cwd=ROOT) for name, count in amounts.items()
        ]
        for process in running:
            assert process.wait() == 0
        end = max(daemon.sent) + round(AFTER / PERIOD)
        wait_until(lambda: any(seq >= end for seq, _ in listener.heard))
    numbers = [seq for seq, _ in listener.heard]
    delays = sorted(moment - daemon.sent[seq] for seq, moment in listener.heard)
    wrong = len(set(range(1, numbers[-1] + 1)) ^ set(numbers)) + len(numbers) - len(set(numbers))
    return {
        "flood": ", ".join(f"{count:,} {name}" for name, count in amounts.items()),
        "peer": peer,
        "memory": daemon.memory / 1e6,
        "ended": len(daemon.publishers) - 1,
        "messages": len(numbers),
        "lost": wrong,
        "median": 1000 * delays[len(delays) // 2],
        "worst": delays[-1],
    }


def wait_until(condition: Callable[[], object]) -> None:
    """Until it holds."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


def main(argv: Sequence[str] | None = None) -> int:
    """Flood in every way and print the table; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.floods", description=__doc__)
    parser.add_argument("--flood", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.flood:
        endpoint, name, count, *key = arguments.flood
        FLOODS[name](endpoint, int(count), Path(key[0]) if key else None)
        os._exit(0)  # what could not be sent is not waited for
    amounts = (100_000, 100_000, 100_000, 10_000, 500)
    cases = [(*case, peer) for peer in get_args(Peer) for case in zip(FLOODS, amounts, strict=True)]
    rows = []
    for name, count, peer in track(cases, "floods", console=Console(stderr=True), transient=True):
        rows.append(flood({name: count}, peer))
    print(markdown(COLUMNS, rows), end="")
    return int(any(row["lost"] or row["memory"] > MOST_MB for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
