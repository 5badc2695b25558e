"""Lost samples are told from late ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from monitor import clock
from monitor.audio.ledger import Arrival, Ledger
from monitor.audio.sources import Block
from tests.records import gaps

RATE = 1000
ZEROS = np.zeros((1, 100), dtype=np.float32)


def arrivals(*pieces: tuple[float, int], overflow: bool = False) -> Iterator[Arrival]:
    """Blocks of 0.1 s; each piece is the time of its first block and a number of blocks, each in time.

    With `overflow` the driver reports a loss before every piece but the first.
    """
    for piece, (start, count) in enumerate(pieces):
        for number in range(count):
            yield Arrival(start + 0.1 * number, ZEROS, overflow and piece > 0 and number == 0)


def test_samples_in_time_have_no_gaps() -> None:
    """Blocks that arrive on time, with some jitter, are passed on as they are."""
    rng = np.random.default_rng(1)
    times = 50.0 + 0.1 * np.arange(600) + rng.uniform(0, 0.08, 600)
    received = (Arrival(moment, ZEROS) for moment in times)
    records = list(Ledger(RATE).account(received, "device_lost"))
    assert gaps(records) == []
    assert len(records) == 600


def test_a_delayed_queue_loses_nothing() -> None:
    """0.8 s of silence followed by all blocks at once is a delay, not a gap."""
    burst = [Arrival(59.8 + 0.001 * k, ZEROS) for k in range(8)]
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
    """A card that is 200 ppm fast or slow gives no gap in two hours."""
    times = 0.1 * (1 + drift) * np.arange(72_000)
    received = (Arrival(moment, ZEROS) for moment in times)
    assert gaps(list(Ledger(RATE).account(received, "device_lost"))) == []


def test_the_time_between_two_captures_is_a_gap() -> None:
    """From the last sample of the lost process to the first one of the next."""
    ledger = Ledger(RATE)
    records = list(ledger.account(arrivals((50.0, 10)), "device_lost"))
    records += ledger.missing(51.4, "stalled")
    records += ledger.account(arrivals((53.0, 20)), "stalled")
    assert [(gap.start, gap.end, gap.reason) for gap in gaps(records)] == [
        (1000, 1500, "stalled"),
        (1500, 3000, "stalled"),
    ]


def test_a_small_loss_is_noticed_where_the_driver_reports_it() -> None:
    """An overflow of 0.1 s is a gap of 0.1 s in its place; without a report it looks like a later server."""
    pieces = ((50.0, 40), (54.1, 40))
    (gap,) = gaps(list(Ledger(RATE).account(arrivals(*pieces, overflow=True), "device_lost")))
    assert (gap.start, gap.reason) == (4000, "overflow")
    assert gap.end - gap.start == pytest.approx(100, abs=20)
    assert gaps(list(Ledger(RATE).account(arrivals(*pieces), "device_lost"))) == []


def test_an_overflow_without_loss_is_no_gap() -> None:
    """The clock has the last word."""
    received = arrivals((50.0, 40), (54.0, 40), overflow=True)
    records = list(Ledger(RATE).account(received, "device_lost"))
    assert gaps(records) == []
    assert len(records) == 80


@pytest.mark.parametrize("slept", [0.1, 3600.0])
def test_a_suspended_machine_is_a_gap_of_its_own(monkeypatch: pytest.MonkeyPatch, slept: float) -> None:
    """As long as it slept, whether the capture process lives on or must be replaced."""
    suspended = [0.0]
    monkeypatch.setattr(clock, "suspended", lambda: suspended[0])

    def received() -> Iterator[Arrival]:
        yield from arrivals((50.0, 40))
        suspended[0] += slept
        yield from arrivals((54.0 + slept, 40))

    ledger = Ledger(RATE)
    records = list(ledger.account(received(), "device_lost"))
    suspended[0] += slept
    records += ledger.missing(57.9 + 2 * slept + 1.0, "device_lost")
    lengths = [(gap.end - gap.start, gap.reason) for gap in gaps(records)]
    assert [reason for _, reason in lengths] == ["suspend", "suspend", "device_lost"]
    assert [length for length, _ in lengths] == pytest.approx([1000 * slept, 1000 * slept, 1000], abs=20)


@pytest.mark.parametrize("ppm", [-120.0, 80.0])
def test_the_drift_of_a_clock_is_measured(ppm: float) -> None:
    """Within 5 ppm in ten minutes, though blocks come up to 50 ms late; not before five minutes."""
    jitter = np.random.default_rng(2).uniform(0, 0.05, 6100)
    times = 0.1 / (1 + 1e-6 * ppm) * np.arange(6100) + jitter
    ledger = Ledger(RATE)
    values = [
        ledger.drift.ppm for _ in ledger.account((Arrival(moment, ZEROS) for moment in times), "device_lost")
    ]
    assert values[:2950] == [None] * 2950
    assert values[-1] == pytest.approx(ppm, abs=5.0)
