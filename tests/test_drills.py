"""The capture of a running monitor breaks in every way, and no sample goes missing without a word."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from monitor.audio import mute, soundcard
from monitor.audio.ledger import TOLERANCE
from tests import drills
from tests.counter import RATE
from tests.drills import Fault, Monitor, is_listening, is_lost


@pytest.fixture
def monitor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Monitor:
    """A monitor on a counting card, more impatient than usual."""
    for variable, value in drills.environment(tmp_path).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(soundcard, "STALL_LIMIT", 0.5)
    monkeypatch.setattr(soundcard, "LAST_BACKOFF", 0.5)
    monkeypatch.setattr(mute, "LIMIT", 0.3)
    return Monitor(tmp_path)


@pytest.mark.parametrize("fault", drills.faults(), ids=lambda fault: fault.name)
def test_audio_comes_back_and_all_time_is_accounted_for(monitor: Monitor, fault: Fault) -> None:
    """To the sample between start and stop; gaps are as long as what was lost, as far as a clock can tell."""
    with monitor:
        monitor.until(is_listening)
        fault.drill(monitor, outage=0.3)
    assert fault.recovered == 1
    assert monitor.unaccounted() == 0
    assert monitor.card.lost > 0
    assert abs(monitor.card.told - monitor.card.lost) <= TOLERANCE * RATE


def test_a_short_overflow_is_a_gap_of_its_length(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The capture process was not scheduled in time; what the card could not keep is lost."""
    monkeypatch.setattr(soundcard, "STALL_LIMIT", 5.0)
    with monitor:
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
