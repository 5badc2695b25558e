"""Whether the journal survives being killed: `python -m tests.power_cuts --times 200`.

A process stores messages as fast as it can and says which it has stored, until it is killed with SIGKILL at a
random moment; the next one goes on. Fails if a message is torn, missing or there twice.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from rich.progress import track

from monitor.stream.journal import Journal
from monitor.stream.journal_format import Entry
from monitor.stream.journal_reader import JournalReader
from monitor.stream.messages import from_bytes, topic
from tests.toys import gap_message, health_message, label_message

ROOT = Path(__file__).parents[1]
KINDS = (label_message, gap_message, health_message)
LONGEST = 0.2
"""Seconds until a writer is killed, counted from its first message"""


def main(argv: Sequence[str] | None = None) -> int:
    """Kill writers of one journal; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.power_cuts", description=__doc__)
    parser.add_argument("--times", type=int, default=200, metavar="N", help="kills (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the moments")
    parser.add_argument("--write", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.write:
        write(arguments.write)
    with tempfile.TemporaryDirectory() as folder:
        print(cuts(Path(folder), arguments.times, arguments.seed))
    return 0


def cuts(folder: Path, times: int, seed: int) -> str:
    """Kill so many writers of a journal in the folder.

    Raises:
        AssertionError: something is torn, missing or there twice.
    """
    chance = random.Random(seed)
    path = folder / "journal.sqlite"
    stored: list[Entry] = []
    for _ in track(range(times), "kills", transient=True):
        acknowledged = max(killed_writer(path, chance.uniform(0.0, LONGEST)), len(stored))
        before, stored = stored, entries(path)
        assert acknowledged <= len(stored) <= acknowledged + 1, (
            "a stored message is missing, or there is more"
        )
        assert stored[: len(before)] == before, "an old message has changed"
        check(stored[len(before) :], first=len(before) + 1)
    return f"{times} kills, {len(stored)} messages: none torn, missing or twice"


def killed_writer(path: Path, seconds: float) -> int:
    """The last number that a writer said it had stored, 0 if it did not come to it."""
    command = [sys.executable, "-m", "tests.power_cuts", "--write", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as writer:
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(seconds)
        writer.send_signal(signal.SIGKILL)
        whole_lines = (first + writer.stdout.read()).split(b"\n")[:-1]
    return int(whole_lines[-1]) if whole_lines else 0


def write(path: Path) -> None:
    """Store messages for ever, and say each number once it is stored."""
    journal = Journal(path)
    while True:
        seq = journal.last_seq + 1
        journal.append(KINDS[seq % len(KINDS)](seq))
        os.write(sys.stdout.fileno(), b"%d\n" % seq)


def entries(path: Path) -> list[Entry]:
    """All that a daemon would find."""
    with closing(Journal(path)) as journal:
        assert journal.writable
        found = JournalReader(path).after(0, 100_000_000)
    assert not list(path.parent.glob("*.bad-*")), "the journal is corrupt"
    return found


def check(new: list[Entry], first: int) -> None:
    """Whether they are numbered from `first` on, each as it was sent."""
    for seq, entry in enumerate(new, first):
        message = KINDS[seq % len(KINDS)](seq)
        assert (entry.seq, entry.topic) == (seq, topic(message)), f"{seq} is missing or twice"
        assert from_bytes(entry.body) == message, f"{seq} is torn"


if __name__ == "__main__":
    sys.exit(main())
