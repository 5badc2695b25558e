"""The count of false alarms counts; how many there are takes hours to measure."""

from __future__ import annotations

import numpy as np
import pytest

from tests import false_alarms
from tests.false_alarms import WINDOW, Kind, Samples

MINUTE = 4 * WINDOW


@pytest.fixture(autouse=True)
def short_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Just long enough for every fault to be declared and lifted."""
    monkeypatch.setattr(false_alarms, "MINUTE", MINUTE)


def healthy(number: int) -> Samples:
    """Noise of its own in every channel."""
    return 0.01 * np.random.default_rng(number).standard_normal((4, MINUTE), dtype=np.float32)


def failing(number: int) -> Samples:
    """A microphone that is dead every other minute, and one that has an offset then."""
    samples = healthy(number)
    if number % 2:
        samples[1] = 0.0
        samples[2] += 0.1
    return samples


def test_alarms_are_counted_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A fault that lasts is one alarm, one that comes back is another; the command fails."""
    kinds = [Kind("good", healthy), Kind("bad", failing)]
    monkeypatch.setattr(false_alarms, "kinds", lambda: iter(kinds))
    assert false_alarms.main(["--hours", "0.13"]) == 1
    assert kinds[1].alarms == {"dead": 2, "dc_offset": 2}
    assert capsys.readouterr().out.splitlines()[2:] == [
        "| good | 0.1 | 0 |  |",
        "| bad | 0.1 | 4 | dead, dc_offset |",
    ]


def test_healthy_microphones_raise_no_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute of each kind that is here."""
    kinds = list(false_alarms.kinds())
    monkeypatch.setattr(false_alarms, "kinds", lambda: iter(kinds))
    assert false_alarms.main(["--hours", str(len(kinds) / 60)]) == 0
    assert [kind.minutes for kind in kinds] == [1] * len(kinds)
