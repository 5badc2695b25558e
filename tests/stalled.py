"""Whether subscribers that stop reading harm the others: `python -m tests.stalled`.

Fifty subscribers listen to one daemon, forty in one process and ten in another, which is stopped for half of
the time. The table has the memory of daemon and publisher at the end of each half, and the delay with which
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
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

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
def listeners(endpoint: str, folder: Path, count: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process of so many subscribers, each of which writes down what it hears to a file in the folder."""
    folder.mkdir()
    command = [sys.executable, "-m", "tests.stalled", "--listen", endpoint, str(folder), str(count)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def listen(endpoint: str, file: Path) -> None:
    """Write down number and moment of every message, for ever."""
    with file.open("a", buffering=1) as written:
        for message in subscribe(endpoint, after=0):
            written.write(f"{message.seq} {time.monotonic()}\n")


def heard(file: Path) -> dict[int, float]:
    """Seq -> moment, of a subscriber."""
    whole = file.read_text().split("\n")[:-1]
    return {int(seq): float(moment) for seq, moment in (line.split() for line in whole)}


def wait_for(folder: Path, count: int, seq: int) -> None:
    """Until all subscribers of a folder have all messages up to this one."""
    deadline = time.monotonic() + LIMIT
    while [file.read_bytes().count(b"\n") for file in folder.iterdir()] != [seq] * count:
        assert time.monotonic() < deadline, "a subscriber misses something"
        time.sleep(0.2)


def measure(folder: Path, messages: int, per_second: float) -> list[dict[str, Any]]:
    """Both rows of the table."""
    rows = []
    well, ill = folder / "well", folder / "ill"
    with (
        closing(Daemon(folder)) as daemon,
        listeners(daemon.endpoint, well, SUBSCRIBERS - STALLED),
        listeners(daemon.endpoint, ill, STALLED) as stopping,
    ):
        daemon.publish(1, per_second)
        wait_for(well, SUBSCRIBERS - STALLED, 1)
        wait_for(ill, STALLED, 1)
        for stopped in (0, STALLED):
            if stopped:
                stopping.send_signal(signal.SIGSTOP)
            first = max(daemon.sent) + 1
            daemon.publish(messages, per_second)
            wait_for(well, SUBSCRIBERS - STALLED, max(daemon.sent))
            delays = [
                1000 * (moment - daemon.sent[seq])
                for file in well.iterdir()
                for seq, moment in heard(file).items()
                if seq >= first
            ]
            late = statistics.quantiles(delays, n=20)[-1]
            row = {"stopped": stopped, "median": statistics.median(delays), "late": late}
            rows.append(row | daemon.memory())
        stopping.send_signal(signal.SIGCONT)
        wait_for(ill, STALLED, max(daemon.sent))
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print the table; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.stalled", description=__doc__)
    parser.add_argument("--messages", type=int, default=3000, help="in each half (default: %(default)s)")
    parser.add_argument("--per-second", type=float, default=50.0, help="messages (default: %(default)s)")
    parser.add_argument("--listen", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.listen:
        endpoint, folder, count = arguments.listen
        for number in range(int(count)):
            threading.Thread(target=listen, args=(endpoint, Path(folder, str(number)))).start()
        threading.Event().wait()  # to be killed
    with tempfile.TemporaryDirectory() as temporary:
        before, after = rows = measure(Path(temporary), arguments.messages, arguments.per_second)
    print(markdown(COLUMNS, rows), end="")
    ratio = after["median"] / before["median"]
    print(f"\nWith {STALLED} of {SUBSCRIBERS} stopped the others' median delay is {ratio:.2f} times as long.")
    grown = after["publisher"] - before["publisher"] > 20 or after["daemon"] - before["daemon"] > 5
    return int(grown or ratio > 2)


if __name__ == "__main__":
    raise SystemExit(main())
