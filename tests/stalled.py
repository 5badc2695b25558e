"""Whether subscribers that stop reading harm the others: `python -m tests.stalled`.

Fifty subscribers listen to one daemon, each in a process of its own. For half of the time ten of them are
stopped. The table has the memory of daemon and publisher at the end of each half, and the delay with which
the other forty had a message. Exits 1 if the publisher grows by more than 20 MB, or the daemon by 5 MB, if
the median delay is twice as long, or if any of the fifty misses a message in the end.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from monitor.stream.doorbell import Doorbell
from monitor.stream.journal import Journal
from monitor.stream.subscriber import subscribe
from tests.toys import label_message
from trainer.tables import Column, markdown

ROOT = Path(__file__).parents[1]
SUBSCRIBERS, STALLED = 50, 10
LIMIT = 120.0
"""Seconds for all to have everything, on a busy machine"""
COLUMNS = (
    Column("stopped", "subscribers that do not read", str, number=True),
    Column("median", "median delay of the others", "{:.1f} ms".format, number=True),
    Column("late", "95 of 100 within", "{:.1f} ms".format, number=True),
    Column("daemon", "daemon", "{:.1f} MB".format, number=True),
    Column("publisher", "publisher", "{:.1f} MB".format, number=True),
)


class Daemon:
    """Publishes labels, as the core does, and notes when."""

    def __init__(self, folder: Path) -> None:
        self.endpoint = f"ipc://{folder}/stream"
        self.sent: dict[int, float] = {}  # seq -> CLOCK_MONOTONIC, seconds
        self._journal = Journal(folder / "journal.sqlite", durable=False)
        self._doorbell = Doorbell(self._journal.path, self.endpoint, 0)

    def publish(self, messages: int, per_second: float) -> None:
        """So many labels, at this pace."""
        due = time.monotonic()
        for _ in range(messages):
            due += 1.0 / per_second
            time.sleep(max(0.0, due - time.monotonic()))
            message = label_message(self._journal.last_seq + 1)
            self.sent[message.seq] = time.monotonic()
            self._journal.append(message)
            self._doorbell.ring()
            self._doorbell.supervise()

    def memory(self) -> dict[str, float]:
        """Resident megabytes of this process and the publisher."""
        return {"daemon": resident(os.getpid()), "publisher": resident(self._doorbell._process.pid)}

    def close(self) -> None:
        """End the publisher."""
        self._doorbell.close()
        self._journal.close()


def resident(process: int) -> float:
    """Megabytes."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def listeners(endpoint: str, folder: Path, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that write down what they hear."""
    command = [sys.executable, "-m", "tests.stalled", "--listen", endpoint]
    processes = [
        subprocess.Popen([*command, str(folder / f"heard-{number}")], cwd=ROOT) for number in range(count)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def listen(endpoint: str, file: Path) -> None:
    """Write down number and moment of every message, for ever."""
    with file.open("a", buffering=1) as written:
        for message in subscribe(endpoint, after=0):
            written.write(f"{message.seq} {time.monotonic()}\n")


def heard(folder: Path, number: int) -> dict[int, float]:
    """Seq -> moment, of a listener."""
    file = folder / f"heard-{number}"
    whole = file.read_text().split("\n")[:-1] if file.exists() else []
    return {int(seq): float(moment) for seq, moment in (line.split() for line in whole)}


def wait_for(folder: Path, listening: Sequence[int], seq: int) -> None:
    """Until they have all messages up to this one."""
    deadline = time.monotonic() + LIMIT
    for number in track(listening, "waiting", console=Console(stderr=True), transient=True):
        while len(heard(folder, number)) < seq:
            assert time.monotonic() < deadline, f"subscriber {number} misses something"
            time.sleep(0.2)


def measure(folder: Path, messages: int, per_second: float) -> list[dict[str, Any]]:
    """Both rows of the table."""
    rows = []
    with (
        closing(Daemon(folder)) as daemon,
        listeners(daemon.endpoint, folder, SUBSCRIBERS) as processes,
    ):
        daemon.publish(1, per_second)
        wait_for(folder, range(SUBSCRIBERS), 1)
        for stopped in (0, STALLED):
            for process in processes[:stopped]:
                process.send_signal(signal.SIGSTOP)
            first = max(daemon.sent) + 1
            daemon.publish(messages, per_second)
            wait_for(folder, range(STALLED, SUBSCRIBERS), max(daemon.sent))
            delays = [
                1000 * (moment - daemon.sent[seq])
                for number in range(STALLED, SUBSCRIBERS)
                for seq, moment in heard(folder, number).items()
                if seq >= first
            ]
            late = statistics.quantiles(delays, n=20)[-1]
            row = {"stopped": stopped, "median": statistics.median(delays), "late": late}
            rows.append(row | daemon.memory())
        for process in processes[:STALLED]:
            process.send_signal(signal.SIGCONT)
        wait_for(folder, range(SUBSCRIBERS), max(daemon.sent))
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print the table; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.stalled", description=__doc__)
    parser.add_argument("--messages", type=int, default=3000, help="in each half (default: %(default)s)")
    parser.add_argument("--per-second", type=float, default=50.0, help="messages (default: %(default)s)")
    parser.add_argument("--listen", nargs=2, metavar=("ENDPOINT", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.listen:
        listen(arguments.listen[0], Path(arguments.listen[1]))
    with tempfile.TemporaryDirectory() as folder:
        before, after = rows = measure(Path(folder), arguments.messages, arguments.per_second)
    print(markdown(COLUMNS, rows), end="")
    ratio = after["median"] / before["median"]
    print(f"\nWith {STALLED} of {SUBSCRIBERS} stopped the others' median delay is {ratio:.2f} times as long.")
    grown = after["publisher"] - before["publisher"] > 20 or after["daemon"] - before["daemon"] > 5
    return int(grown or ratio > 2)


if __name__ == "__main__":
    raise SystemExit(main())
