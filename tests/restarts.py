"""Whether a subscriber that is killed again and again misses anything: `python -m tests.restarts`.

A daemon replays as fast as it can. A subscriber writes down each number that it was given, is killed with
SIGKILL at a random moment and goes on after the last number that it has written. Fails if any is missing or
there twice.
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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.progress import track

from monitor.stream.journal_reader import JournalReader
from monitor.stream.subscriber import subscribe
from tests.toys import tone, write_audio, write_toy_bundle

ROOT = Path(__file__).parents[1]
LONGEST = 0.5
"""Seconds until a subscriber is killed, counted from its first number"""
LIMIT = 60.0
"""Seconds for anything to happen"""


def main(argv: Sequence[str] | None = None) -> int:
    """Kill subscribers of one daemon; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.restarts", description=__doc__)
    parser.add_argument("--times", type=int, default=100, metavar="N", help="kills (default: %(default)s)")
    parser.add_argument("--follow", nargs=2, metavar=("ENDPOINT", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.follow:
        follow(arguments.follow[0], Path(arguments.follow[1]))
    with tempfile.TemporaryDirectory() as folder:
        print(restarts(Path(folder), arguments.times))
    return 0


def restarts(folder: Path, times: int) -> str:
    """Kill so many subscribers of a daemon.

    Raises:
        AssertionError: a number is missing or there twice.
    """
    chance = random.Random(1)
    endpoint, written = f"ipc://{folder}/stream", folder / "numbers"
    written.touch()
    with replay(folder, endpoint):
        for _ in track(range(times), "kills", transient=True):
            with follower(endpoint, written):
                time.sleep(chance.uniform(0.0, LONGEST))
        end = JournalReader(folder / "journal.sqlite").last_seq()
        with follower(endpoint, written):
            wait_for(written, end)
    numbers = [int(line) for line in written.read_text().split()]
    assert numbers == list(range(1, len(numbers) + 1)), "missing or twice"
    return f"{times} kills, {len(numbers)} messages: none missing or twice"


@contextmanager
def replay(folder: Path, endpoint: str) -> Iterator[None]:
    """A daemon that replays for ever, with a model that costs next to nothing; it is ready to be asked."""
    recording = write_audio(folder / "kitchen.wav", tone("low", 5.0))
    bundle = write_toy_bundle(folder / "toy.bundle")
    command = [sys.executable, "-m", "monitor.cli", "--replay", str(recording), "--loop", "--speed", "max"]
    command += ["--bundle", str(bundle), "--publish", endpoint, "--journal", str(folder / "journal.sqlite")]
    with subprocess.Popen([*command, "--no-dashboard", "-q"], cwd=ROOT, stdout=subprocess.DEVNULL) as daemon:
        try:
            wait_for_path(folder / "stream.catchup")
            yield
        finally:
            daemon.send_signal(signal.SIGTERM)


@contextmanager
def follower(endpoint: str, written: Path) -> Iterator[None]:
    """A subscriber that has written a number of its own, and is killed in the end."""
    command = [sys.executable, "-m", "tests.restarts", "--follow", endpoint, str(written)]
    before = last(written)
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            wait_for(written, before + 1)
            yield
        finally:
            process.kill()


def follow(endpoint: str, written: Path) -> None:
    """Write down every number after the last one, for ever."""
    with written.open("ab", buffering=0) as file:
        for message in subscribe(endpoint, after=last(written)):
            file.write(b"%d\n" % message.seq)


def last(written: Path) -> int:
    """The last number in the file, 0 if there is none."""
    with written.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - 100))
        lines = file.read().split()
    return int(lines[-1]) if lines else 0


def wait_for(written: Path, number: int) -> None:
    """Until the number, or a higher one, is in the file."""
    deadline = time.monotonic() + LIMIT
    while last(written) < number:
        assert time.monotonic() < deadline, f"{number} did not come"
        time.sleep(0.01)


def wait_for_path(path: Path) -> None:
    """Until there is such a file."""
    deadline = time.monotonic() + LIMIT
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} did not come"
        time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
