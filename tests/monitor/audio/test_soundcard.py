"""The core's side of a sound card: dead captures are replaced."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from monitor.audio import ledger, soundcard
from monitor.audio.cards import Card, Input
from monitor.audio.soundcard import SoundCard
from monitor.audio.sources import Block, Gap, SourceError
from monitor.errors import Exit
from tests.records import gaps

RATE = 1000


CAPTURE = """
import os, struct, sys, time
script = {script!r}
if script == "refuse":
    print("ALSA noise", file=sys.stderr)
    print("device hw:7 is busy: another program has it open", file=sys.stderr)
    sys.exit(69)
if script == "lie":
    os.write(1, b"ALSA says hello\\n")
    time.sleep(60)
os.write(1, b'{{"sample_rate": 1000, "channels": 2}}\\n')
for number in range(60 if script == "talk" else 8):
    time.sleep(0.1)
    if script == "talk":
        print("ALSA lib: underrun occurred" + " " * 10000, file=sys.stderr, flush=True)
    header = struct.pack("<4sd?I", b"AMb1", time.clock_gettime(time.CLOCK_BOOTTIME), False, 100)
    os.write(1, header + struct.pack("<200f", *[0.5] * 200))
if script == "stall":
    time.sleep(60)
if script == "babble":
    os.write(1, b"jackd: cannot lock memory\\n" * 100)
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


@pytest.mark.parametrize(
    ("script", "reason"), [("end", "device_lost"), ("stall", "stalled"), ("babble", "device_lost")]
)
def test_a_failed_capture_is_replaced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, reason: str
) -> None:
    """One that ends, stalls or sends nonsense is reported as a gap and replaced; the clock goes on."""
    monkeypatch.setattr(ledger, "CONFIRM", 0.2)
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


def test_a_core_that_is_not_scheduled_does_not_blame_the_capture(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What came while it slept, for longer than it waits for a block, is there when it looks again."""

    def select_then_sleep(*arguments: Any) -> Any:
        ready = select(*arguments)
        if not ready[0]:
            time.sleep(2.0)
        return ready

    select = soundcard.select.select
    card = start(monkeypatch, tmp_path, "talk")
    monkeypatch.setattr(soundcard, "STALL_LIMIT", 0.3)
    monkeypatch.setattr(soundcard, "POLL", 0.01)
    monkeypatch.setattr(soundcard.select, "select", select_then_sleep)
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


def attempts(
    monkeypatch: pytest.MonkeyPatch, device: str, cards: Callable[[float], list[Card]]
) -> list[float]:
    """When a device that never opens is tried within half a minute, s; `cards` are there at such a time."""
    now, tried = 0.0, list[float]()

    class Closed:
        def wait(self, seconds: float) -> bool:
            nonlocal now
            now += seconds
            return False

        def is_set(self) -> bool:
            return now > 30.0

    def fail(*_: object) -> None:
        tried.append(now)
        raise SourceError("it is away")

    card = SoundCard.__new__(SoundCard)
    card.device, card._command, card._closed = device, [], Closed()  # type: ignore[assignment]
    card._ledger, card._backoff = ledger.Ledger(RATE), soundcard.FIRST_BACKOFF
    monkeypatch.setattr(soundcard, "_Capture", fail)
    monkeypatch.setattr(soundcard, "read_cards", lambda: cards(now))
    monkeypatch.setattr(soundcard, "time", SimpleNamespace(monotonic=lambda: now))
    assert list(card._reopen("device_lost")) == []
    return tried


OTHER, ARRAY = Card(0, "PCH", inputs=(Input(0),)), Card(1, "ArrayUAC10", inputs=(Input(0),))


def test_a_card_that_is_away_is_tried_less_and_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to every ten seconds."""
    tried = attempts(monkeypatch, "hw:1", lambda _: [OTHER])
    assert tried == [0.25, 0.75, 1.75, 3.75, 7.75, 15.75, 25.75]


@pytest.mark.parametrize("device", ["hw:0", "array"])
def test_what_comes_back_unseen_is_tried_more_often(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    """A card that nothing seems to be wrong with, and a plugin: its sound server may be back at any time."""
    tried = attempts(monkeypatch, device, lambda _: [OTHER])
    assert tried == [0.25, 0.75, 1.75, *np.arange(3.75, 30.0, 3.0)]


def test_a_card_is_tried_as_soon_as_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """And soon again, since its files may come before the right to open them."""
    tried = attempts(monkeypatch, "hw:1", lambda now: [OTHER, ARRAY] if now > 20.1 else [OTHER])
    assert tried == [0.25, 0.75, 1.75, 3.75, 7.75, 15.75, 20.25, 20.5, 21.0, 22.0, 24.0, 27.0, 30.0]


def test_a_device_that_cannot_be_opened_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """At start the capture process's own words and exit code are passed on."""
    with pytest.raises(SourceError, match="device hw:7 is busy") as error:
        start(monkeypatch, tmp_path, "refuse")
    assert error.value.exit_code == Exit.UNAVAILABLE


def test_what_is_no_capture_process_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is stopped, and the error is one that is tried again."""
    with pytest.raises(SourceError, match="sent what is no header") as error:
        start(monkeypatch, tmp_path, "lie")
    assert error.value.exit_code == Exit.UNAVAILABLE


def test_close_ends_the_records_from_another_thread(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also while nothing arrives."""
    card = start(monkeypatch, tmp_path, "stall")
    thread = threading.Thread(target=lambda: list(card.records()))
    thread.start()
    time.sleep(1.2)
    card.close()
    thread.join(30.0)
    assert not thread.is_alive()
