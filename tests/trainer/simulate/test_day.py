from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from monitor.audio.replay import Replay
from monitor.audio.windows import Window, windows
from monitor.errors import MonitorError
from trainer.simulate import day
from trainer.simulate.activities import LABELS
from trainer.simulate.scene import Source, Spot

RATE = 16000
HOURS = 0.1


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece is a constant that tells its beginning; no other processes."""

    def here(
        function: Callable[[Any], Any], jobs: Sequence[Any], _processes: int, _what: str
    ) -> Iterator[Any]:
        return map(function, jobs)

    def constant(piece: day._Piece) -> np.ndarray:
        return np.full((4, piece.end - piece.start + day.FADE), piece.start // RATE + 1, dtype=np.int16)

    monkeypatch.setattr(day, "each", here)
    monkeypatch.setattr(day, "_render", constant)


def test_an_hour_has_everything() -> None:
    """All nine activities, each part three minutes or more, without a gap."""
    stretches = day.plan(1.0, seed=1)
    assert {one.label for one in stretches} == set(LABELS)
    assert all(one.end - one.start >= 180 * RATE for one in stretches)
    assert [one.end for one in stretches[:-1]] == [one.start for one in stretches[1:]]
    assert (stretches[0].start, stretches[-1].end) == (0, 3600 * RATE)


def test_a_day_is_like_a_day() -> None:
    """Of 24 hours most are absence, work and television; three days are three different ones."""
    minutes: Counter[str] = Counter()
    for one in day.plan(24.0, seed=1):
        minutes[one.label] += (one.end - one.start) // (60 * RATE)
    assert {label for label, _ in minutes.most_common(3)} == {"absence", "working", "watching_tv"}
    assert minutes["vacuum_cleaner"] < 30
    days = day.plan(72.0, seed=1)
    assert [one.label for one in days] == 3 * [label for label, _ in day.DAY]
    assert len({one.end - one.start for one in days if one.label == "working"}) == 3


def test_too_short() -> None:
    """Every part needs some windows."""
    with pytest.raises(MonitorError, match=r"0\.05 hours are too short for a day; ask for 0\.083") as caught:
        day.plan(0.05, seed=1)
    assert caught.value.exit_code == 2


@pytest.mark.usefixtures("quick")
def test_file_and_labels(tmp_path: Path) -> None:
    """One FLAC as long as asked for, and beside it who did what when."""
    day.write(tmp_path / "new" / "day.flac", HOURS, 1, 1, held_out=False)
    facts = soundfile.info(tmp_path / "new" / "day.flac")
    assert (facts.channels, facts.samplerate, facts.subtype, facts.frames) == (4, RATE, "PCM_16", 360 * RATE)
    rows = [line.split("\t") for line in (tmp_path / "new" / "day.tsv").read_text().splitlines()]
    assert [row[2] for row in rows] == [label for label, _ in day.DAY]
    assert (rows[0][0], rows[-1][1]) == ("0.000", "360.000")
    assert [row[1] for row in rows[:-1]] == [row[0] for row in rows[1:]]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["day.flac", "day.tsv"]


@pytest.mark.usefixtures("quick")
def test_pieces_fade_into_each_other(tmp_path: Path) -> None:
    """At a border the one before it ends within a second; after that only the new one is heard."""
    day.write(tmp_path / "day.flac", HOURS, 1, 1, held_out=False)
    samples, _ = soundfile.read(tmp_path / "day.flac", dtype="int16")
    for one in day.plan(HOURS, 1)[1:]:
        around = samples[one.start - 1 : one.start + day.FADE + 1, 0]
        assert around[1] == around[0]
        assert around[-1] == one.start // RATE + 1


@pytest.mark.usefixtures("quick")
def test_folder_is_replayed_without_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of an hour (here two minutes) each; the monitor's windows cover all of them, and nothing else."""
    (tmp_path / "day.part").mkdir()
    (tmp_path / "day.part" / "0009.flac").write_bytes(b"of a longer day that was broken off")
    monkeypatch.setattr(day, "FILE", 120 * RATE)
    day.write(tmp_path / "day", HOURS, 1, 1, held_out=False)
    assert sorted(path.name for path in (tmp_path / "day").iterdir()) == [f"{k:04}.flac" for k in range(3)]
    assert (tmp_path / "day.tsv").is_file()
    replay = Replay(tmp_path / "day", RATE, 4, speed=float("inf"))
    found = list(windows(replay.records(), 10 * RATE, 10 * RATE))
    assert [one.start for one in found if isinstance(one, Window)] == list(range(0, 360 * RATE, 10 * RATE))


@pytest.mark.usefixtures("quick")
def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Neither a recording nor labels that are there."""
    (tmp_path / "day.tsv").write_text("mine")
    with pytest.raises(MonitorError, match=r"day\.tsv is there already; remove it, or choose another --day"):
        day.write(tmp_path / "day.flac", HOURS, 1, 1, held_out=False)
    assert not (tmp_path / "day.flac").exists()


def test_a_piece_sounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is rendered is the piece and its fade, of the home of the day; held out is another one."""
    monkeypatch.setattr(
        day, "compose", lambda _l, _s, n, **_: [Source(0.1 * np.sin(np.arange(n)), Spot.SOFA)]
    )
    known, held_out = (day._render(day._Piece("eating", 0, 8000, 1, flag)) for flag in (False, True))
    assert known.shape == held_out.shape == (4, 8000 + day.FADE)
    assert known.std() > 1
    assert not np.array_equal(known, held_out)
