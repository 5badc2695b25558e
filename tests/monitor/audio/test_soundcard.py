"""The core's side of a sound card: lost samples are told from late ones, dead captures are replaced."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from monitor.audio import soundcard
from monitor.audio.soundcard import Ledger, SoundCard
from monitor.audio.sources import Block, Gap, SourceError
from monitor.errors import Exit

RATE = 1000
BLOCK = 100


def arrivals(*pieces: tuple[float, int]) -> Iterator[tuple[float, np.ndarray]]:
    """Blocks of 0.1 s; each piece is the time of its first block and a number of blocks, each in time."""
    for start, count in pieces:
        for number in range(count):
            yield start + 0.1 * number, np.zeros((1, BLOCK), dtype=np.float32)


def gaps(records: list[Block | Gap]) -> list[Gap]:
    """The gaps among the records, which must be contiguous."""
    end = 0
    for record in records:
        assert record.start == end
        end = record.end
    return [record for record in records if isinstance(record, Gap)]


def test_samples_in_time_have_no_gaps() -> None:
    """Blocks that arrive on time, with some jitter, are passed on as they are."""
    rng = np.random.default_rng(1)
    times = 50.0 + 0.1 * np.arange(600) + rng.uniform(0, 0.08, 600)
    received = ((moment, np.zeros((1, BLOCK), dtype=np.float32)) for moment in times)
    records = list(Ledger(RATE).account(received, "device_lost"))
    assert gaps(records) == []
    assert len(records) == 600


def test_a_delayed_queue_loses_nothing() -> None:
    """0.8 s of silence followed by all blocks at once is a delay, not a gap."""
    burst = [(59.8 + 0.001 * k, np.zeros((1, BLOCK), dtype=np.float32)) for k in range(8)]
    received = [*arrivals((50.0, 90)), *burst, *arrivals((59.9, 20))]
    records = list(Ledger(RATE).account(iter(received), "device_lost"))
    assert gaps(records) == []
    assert sum(isinstance(record, Block) for record in records) == 118


def test_lost_samples_become_a_gap_of_their_length_in_their_place() -> None:
    """When 2.5 s of samples are missing, the gap is 2.5 s long and lies where they were."""
    records = list(Ledger(RATE).account(arrivals((50.0, 40), (56.5, 40)), "device_lost"))
    (gap,) = gaps(records)
    assert (gap.start, gap.reason) == (4000, "overflow")
    assert gap.end - gap.start == pytest.approx(2500, abs=20)


@pytest.mark.parametrize("drift", [-200e-6, 200e-6])
def test_a_clock_that_drifts_is_no_gap(drift: float) -> None:
    """A card that is 200 ppm fast or slow gives no gap in ten hours."""
    times = 0.1 * (1 + drift) * np.arange(360_000)
    received = ((moment, np.zeros((1, BLOCK), dtype=np.float32)) for moment in times)
    assert gaps(list(Ledger(RATE).account(received, "device_lost"))) == []


def test_the_time_between_two_captures_is_a_gap() -> None:
    """From the last sample of the lost process to the first one of the next."""
    ledger = Ledger(RATE)
    records = list(ledger.account(arrivals((50.0, 10)), "device_lost"))
    records += ledger.missing(51.4, "stalled")
    records += ledger.account(arrivals((53.0, 10)), "stalled")
    assert [(gap.start, gap.end, gap.reason) for gap in gaps(records)] == [
        (1000, 1500, "stalled"),
        (1500, 3000, "stalled"),
    ]


CAPTURE = """
import os, struct, sys, time
script = {script!r}
if script == "refuse":
    print("ALSA noise", file=sys.stderr)
    print("device hw:7 is busy: another program has it open", file=sys.stderr)
    sys.exit(69)
os.write(1, b'{{"sample_rate": 1000, "channels": 2}}\\n')
for number in range(60 if script == "talk" else 8):
    time.sleep(0.1)
    if script == "talk":
        print("ALSA lib: underrun occurred" + " " * 10000, file=sys.stderr, flush=True)
    os.write(1, struct.pack("<dI", time.monotonic(), 100) + struct.pack("<200f", *[0.5] * 200))
if script == "stall":
    time.sleep(60)
print("device unplugged", file=sys.stderr)
sys.exit(3)
"""


def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> SoundCard:
    """A sound card whose capture process is a script: it delivers 0.8 s of audio, then fails in its way."""
    (tmp_path / "monitor/audio").mkdir(parents=True)
    program = tmp_path / "capture.py"
    program.write_text(CAPTURE.format(script=script))
    launcher = tmp_path / "python"
    launcher.write_text(f"#!/bin/sh\nexec {sys.executable} {program}\n")
    launcher.chmod(0o755)
    monkeypatch.setattr(soundcard.sys, "executable", str(launcher))
    return SoundCard("hw:7", RATE, 2)


@pytest.mark.parametrize(("script", "reason"), [("end", "device_lost"), ("stall", "stalled")])
def test_a_failed_capture_is_replaced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, reason: str
) -> None:
    """A capture process that ends or stalls is reported as a gap and replaced; the clock goes on."""
    card = start(monkeypatch, tmp_path, script)
    records: list[Block | Gap] = []
    began = time.monotonic()
    for record in card.records():
        records.append(record)
        if sum(isinstance(r, Block) for r in records) == 12:
            break
    elapsed = time.monotonic() - began
    card.close()
    lost = gaps(records)
    assert {gap.reason for gap in lost} == {reason}
    assert records[-1].end / RATE == pytest.approx(elapsed, abs=0.3)


def test_a_talkative_sound_library_does_not_halt_the_capture(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """However much it writes to stderr."""
    card = start(monkeypatch, tmp_path, "talk")
    records = list(itertools.islice(card.records(), 20))
    card.close()
    assert not gaps(records)


def test_a_capture_process_that_cannot_be_started_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As when the machine is short of processes: the array is lost for as long as that lasts."""
    card = start(monkeypatch, tmp_path, "end")
    (launcher := tmp_path / "python").rename(tmp_path / "away")
    records = card.records()
    for record in records:
        if isinstance(record, Gap) and record.end - record.start > 200:  # after an attempt
            (tmp_path / "away").rename(launcher)
            break
    assert isinstance(next(record for record in records if isinstance(record, Block)), Block)
    card.close()


def test_a_device_that_cannot_be_opened_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """At start the capture process's own words and exit code are passed on."""
    with pytest.raises(SourceError, match="device hw:7 is busy") as error:
        start(monkeypatch, tmp_path, "refuse")
    assert error.value.exit_code == Exit.UNAVAILABLE


def test_close_ends_the_records_from_another_thread(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also while nothing arrives."""
    card = start(monkeypatch, tmp_path, "stall")
    thread = threading.Thread(target=lambda: list(card.records()))
    thread.start()
    time.sleep(1.2)
    card.close()
    thread.join(1.0)
    assert not thread.is_alive()
