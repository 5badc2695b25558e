"""Breaks the capture of a running monitor again and again: `python -m tests.drills --times 10`.

The card numbers its samples, so every lost one is counted. Prints a table; exits 1 if a fault was not noticed
within 1.5 s, audio was not back 5 s after its end, or time is in neither a label nor a gap.
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from rich.console import Console
from rich.progress import track

from monitor import clock
from monitor.array import Array
from monitor.audio.soundcard import SoundCard
from monitor.audio.sources import Block, Gap
from monitor.config import Settings
from monitor.core import Core
from monitor.inference import bundle
from monitor.inference.recognise import Recogniser
from monitor.stream.journal import Journal
from monitor.stream.messages import GapMessage, HealthMessage, LabelMessage, Message
from tests.counter import CHANNELS, RATE, decode
from tests.toys import write_toy_bundle
from trainer.tables import Column, markdown

NOTICE_LIMIT, RETURN_LIMIT = 1.5, 5.0
"""Seconds within which a fault must be noticed, and audio be back after its end"""
PATIENCE = 60.0
"""Seconds after which a drill gives up"""
CLOCK_LIMIT = 0.02
"""Seconds by which gaps may be longer or shorter than what was lost"""
COLUMNS = (
    Column("fault", "fault"),
    Column("recovered", "recovered"),
    Column("noticed", "noticed within", "{:.2f} s".format, number=True),
    Column("back", "back within", "{:.2f} s".format, number=True),
    Column("lost", "samples lost", "{:,}".format, number=True),
    Column("told", "in gaps", "{:,}".format, number=True),
)


class NumberedCard(SoundCard):
    """A sound card whose samples carry their numbers; keeps the books of what comes."""

    received = 0
    """Samples"""
    told = 0
    """Samples in gaps"""
    first: int | None = None
    """Number of the first sample that came"""
    last = 0
    """Number of the last one"""

    def records(self) -> Iterator[Block | Gap]:
        """Those of the card."""
        for record in super().records():
            if isinstance(record, Gap):
                self.told += record.end - record.start
            else:
                self._count(record)
            yield record

    @property
    def lost(self) -> int:
        """Samples since the first one that did not come."""
        return self.last + 1 - (self.first or 0) - self.received

    def _count(self, block: Block) -> None:
        self.received += block.end - block.start
        if not block.samples.any():  # samples of a muted card have no numbers
            return
        numbers = decode(block.samples)
        assert np.array_equal(numbers, np.arange(numbers[0], numbers[0] + len(numbers)))
        self.first = int(numbers[0]) if self.first is None else self.first
        self.last = int(numbers[-1])


class Monitor:
    """A monitor on the counting card, in this process.

    Args:
        folder: an empty folder. The card is found through `environment`, which must be set.
    """

    def __init__(self, folder: Path) -> None:
        self.messages: list[Message] = []
        self._fault = Path(os.environ["CARD_FAULT"])
        self._folder = folder
        self._stop = threading.Event()
        self.card = NumberedCard("hw:1", RATE, CHANNELS)
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with closing(Journal(self._folder / "journal.sqlite", durable=False)) as journal:
            core = Core(
                Settings(),
                recogniser=Recogniser(bundle.load(write_toy_bundle(self._folder / "toy.bundle"))),
                arrays=[Array("card", self.card, live=True)],
                journal=journal,
                doorbell=None,
                sinks=[lambda message: self.messages.append(message) if message else None],
            )
            core.run(self._stop)

    def until(self, wanted: Callable[[Message], bool], since: int = 0) -> int:
        """Wait for a message with the index `since` or higher; return the index."""
        deadline = time.monotonic() + PATIENCE
        while True:
            end = len(self.messages)
            for index in range(since, end):
                if wanted(self.messages[index]):
                    return index
            if time.monotonic() > deadline:
                raise TimeoutError(f"{wanted.__name__} is not true of any message in {PATIENCE:.0f} s")
            since = end
            time.sleep(0.01)

    def hear(self) -> None:
        """Wait until some blocks have come."""
        enough = self.card.received + RATE // 4
        while self.card.received < enough:
            time.sleep(0.01)

    def tell(self, word: str) -> None:
        """Break or mend the card (`counting_card.py`)."""
        self._fault.write_text(word)

    def send(self, number: signal.Signals) -> None:
        """A signal to the capture process."""
        os.kill(self.card._capture._process.pid, number)

    def unaccounted(self) -> int:
        """Samples of the whole run that are in no label or gap, or in two; after its end."""
        items = [m for m in self.messages if isinstance(m, LabelMessage | GapMessage)]
        assert all(one.end == other.start for one, other in pairwise(items))
        told = sum(RATE if isinstance(item, LabelMessage) else item.lost_samples for item in items)
        return abs(self.card.received + self.card.told - told)


def is_gap(message: Message) -> bool:
    """Whether audio is missing."""
    return isinstance(message, GapMessage)


def is_lost(message: Message) -> bool:
    """Whether the card is said to be lost."""
    return isinstance(message, HealthMessage) and message.state == "reconnecting"


def is_listening(message: Message) -> bool:
    """Whether the card is said to be fine."""
    return isinstance(message, HealthMessage) and message.state == "listening"


@dataclass
class Fault:
    """One kind of fault, and what became of it."""

    name: str
    word: str = ""
    """What is wrong with the card meanwhile"""
    number: signal.Signals | None = None
    """What the capture process gets"""
    times: int = 0
    recovered: int = 0
    noticed: float = 0.0
    """Seconds, at most"""
    back: float = 0.0
    """Seconds after its end, at most"""
    lost: int = 0
    """Samples"""
    told: int = 0

    def drill(self, monitor: Monitor, outage: float) -> None:
        """Break the capture of a monitor that listens; the card for some seconds."""
        lost, told, mark = monitor.card.lost, monitor.card.told, len(monitor.messages)
        self.times += 1
        began = time.monotonic()
        monitor.tell(self.word)
        if self.number is not None:
            monitor.send(self.number)
        monitor.until(is_gap, mark)
        mark = monitor.until(is_lost, mark)
        ended = time.monotonic()
        self.noticed = max(self.noticed, ended - began)
        if self.word:
            time.sleep(outage)
            mark, ended = len(monitor.messages), time.monotonic()
            monitor.tell("")
        monitor.until(is_listening, mark)
        self.back = max(self.back, time.monotonic() - ended)
        monitor.hear()
        self.lost += monitor.card.lost - lost
        self.told += monitor.card.told - told
        self.recovered += 1

    @property
    def passed(self) -> bool:
        """Whether the promises were kept."""
        in_time = self.noticed <= NOTICE_LIMIT and self.back <= RETURN_LIMIT
        return in_time and self.recovered == self.times

    def row(self) -> dict[str, object]:
        """Of the table."""
        return vars(self) | {"fault": self.name, "recovered": f"{self.recovered} of {self.times}"}


def faults() -> list[Fault]:
    """Everything that can befall the capture."""
    return [
        Fault("capture process killed", number=signal.SIGKILL),
        Fault("capture process stopped", number=signal.SIGSTOP),
        Fault("card removed", "removed"),
        Fault("card taken by another program", "busy", signal.SIGKILL),
        Fault("permission lost", "denied", signal.SIGKILL),
        Fault("sound system frozen", "frozen"),
        Fault("card muted", "muted"),
        Fault("short reads", "torn"),
    ]


def environment(folder: Path) -> dict[str, str]:
    """Environment variables with which the counting card is the only one; its files are put into a folder."""
    (folder / "sounddevice.py").write_text("from tests.counting_card import *\n")
    (folder / "fault").write_text("")
    path = os.pathsep.join([str(folder), str(Path(__file__).parents[1])])
    card = {"CARD_FAULT": str(folder / "fault"), "CARD_EPOCH": str(clock.now()), "CARD_RING": "0.5"}
    return {"PYTHONPATH": path, **card}


def main(argv: Sequence[str] | None = None) -> int:
    """Drill and print the table; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.drills")
    parser.add_argument(
        "--times", type=int, default=10, metavar="N", help="of each fault (default: %(default)s)"
    )
    parser.add_argument(
        "--outage",
        type=float,
        default=2.0,
        metavar="S",
        help="seconds that a fault lasts (default: %(default)s)",
    )
    arguments = parser.parse_args(argv)
    drilled = faults()
    with tempfile.TemporaryDirectory() as name:
        os.environ |= environment(Path(name))
        with Monitor(Path(name)) as monitor:
            monitor.until(is_listening)
            for fault in track(
                drilled * arguments.times, "drill", console=Console(stderr=True), transient=True
            ):
                fault.drill(monitor, arguments.outage)
    print(markdown(COLUMNS, [fault.row() for fault in drilled]), end="")
    lost, told, unaccounted = monitor.card.lost, monitor.card.told, monitor.unaccounted()
    print(f"\n{lost:,} samples lost, {told:,} in gaps; {unaccounted} of the run in neither a label nor a gap")
    kept = unaccounted == 0 and abs(lost - told) <= CLOCK_LIMIT * RATE
    return int(not (kept and all(fault.passed for fault in drilled)))


if __name__ == "__main__":
    raise SystemExit(main())
