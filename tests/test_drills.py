"""The capture of a running monitor breaks in every way, and no sample goes missing without a word."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from monitor.audio import ledger, mute, soundcard
from monitor.audio.ledger import TOLERANCE
from monitor.audio.sources import Block, Gap
from tests import drills
from tests.counter import CHANNELS, RATE
from tests.drills import Fault, Monitor, NumberedCard, is_listening, is_lost


@pytest.fixture(autouse=True)
def counting_card(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The only card there is; less patience with it than usual."""
    for variable, value in drills.environment(tmp_path).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(soundcard, "STALL_LIMIT", 0.5)
    monkeypatch.setattr(soundcard, "LAST_BACKOFF", 0.5)
    monkeypatch.setattr(mute, "LIMIT", 0.3)
    monkeypatch.setattr(ledger, "CONFIRM", 0.3)


@pytest.mark.parametrize("fault", drills.faults(), ids=lambda fault: fault.name)
def test_audio_comes_back_and_all_time_is_accounted_for(tmp_path: Path, fault: Fault) -> None:
    """To the sample between start and stop; gaps are as long as what was lost, as far as a clock can tell."""
    with Monitor(tmp_path) as monitor:
        monitor.until(is_listening)
        fault.drill(monitor, outage=0.3)
    assert fault.recovered == 1
    assert monitor.unaccounted() == 0
    assert monitor.card.lost > 0
    assert abs(monitor.card.told - monitor.card.lost) <= TOLERANCE * RATE


def test_a_short_overflow_is_a_gap_of_its_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The capture process was not scheduled in time; what the card could not keep is lost."""
    monkeypatch.setattr(soundcard, "STALL_LIMIT", 60.0)
    with Monitor(tmp_path) as monitor:
        monitor.until(is_listening)
        monitor.hear()
        monitor.send(signal.SIGSTOP)
        time.sleep(0.9)
        monitor.send(signal.SIGCONT)
        while not monitor.card.told:
            monitor.hear()
    assert not any(is_lost(message) for message in monitor.messages)
    assert monitor.unaccounted() == 0
    assert abs(monitor.card.told - monitor.card.lost) <= TOLERANCE * RATE


def hear(records: Iterator[Block | Gap], card: NumberedCard, seconds: float) -> None:
    """Take what comes until so much is accounted for, and a block shows what was lost."""
    for record in records:
        if card.received + card.told >= seconds * RATE and isinstance(record, Block):
            break


@pytest.mark.parametrize("room", [4096, soundcard.PIPE_BYTES])
def test_a_core_that_was_stopped(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """The pipe keeps seconds of audio for it; what finds no room there is a gap."""
    monkeypatch.setattr(soundcard, "PIPE_BYTES", room)
    monkeypatch.setattr(soundcard, "STALL_LIMIT", 60.0)
    monkeypatch.setenv("CARD_RING", "2")  # a busy machine may halt the capture process for as long
    with closing(NumberedCard("hw:1", RATE, CHANNELS)) as card:
        records = card.records()
        hear(records, card, 0.5)
        time.sleep(3.5)
        hear(records, card, 6.0)
    assert (card.lost > RATE // 2) == (room == 4096)
    assert abs(card.told - card.lost) <= TOLERANCE * RATE
