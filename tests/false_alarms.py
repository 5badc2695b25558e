"""How often healthy microphones are called faulty: `python -m tests.false_alarms --hours 10`.

Sound is replayed through `Health` as fast as possible, a minute of each kind in turn; no minute is like
another. Kinds whose recordings are not here are left out. Exits 1 after any alarm.
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
from rich.console import Console
from rich.progress import track

from monitor.audio.health import Health
from tests.homes import at_home, simulated
from tests.toys import SHARED
from trainer.simulate.activities import LABELS
from trainer.simulate.scene import RATE, Source, Spot, at_level
from trainer.tables import Column, markdown

WINDOW = 10 * RATE
MINUTE = 60 * RATE
CLIPS = 12
"""Of 5 s, in a minute"""
ARRAY = SHARED / "array" / "speech_4mic_16k.wav"
ESC10 = SHARED / "esc10" / "audio"
COLUMNS = (Column("what", "what"), Column("hours", "hours", "{:.1f}".format, number=True))
COLUMNS += (Column("alarms", "alarms", str, number=True), Column("faults", "faults"))

Samples = npt.NDArray[np.floating]


def generated(number: int) -> Samples:
    """Any activity in a simulated room."""
    return simulated(LABELS[number % len(LABELS)], 1000 + number, MINUTE)


def clips(number: int) -> Samples:
    """Real clips in a simulated room."""
    rng = np.random.default_rng([1001, number])
    sound = at_level(_mono(rng), float(rng.uniform(40.0, 75.0)))
    return at_home([Source(sound, Spot.SOFA)], 2000 + number, MINUTE)


def mono(number: int) -> Samples:
    """Real clips on all channels."""
    return np.tile(_mono(np.random.default_rng([1002, number])), (4, 1))


def array(number: int) -> Samples:
    """A real array, looped from any sample at any level."""
    rng = np.random.default_rng([1003, number])
    samples, _ = soundfile.read(ARRAY, always_2d=True)
    samples = np.roll(samples, int(rng.integers(len(samples))), axis=0)
    looped = np.tile(samples.T, (1, MINUTE // len(samples) + 1))[:, :MINUTE]
    return np.round(looped * 10.0 ** (rng.uniform(-15.0, 5.0) / 20.0) * 32768) / 32768


def _mono(rng: np.random.Generator) -> Samples:
    files = rng.choice(sorted(ESC10.glob("*.ogg")), CLIPS, replace=False)
    sounds = [soundfile.read(file) for file in files]
    sound = np.concatenate([soxr.resample(samples, rate, RATE) for samples, rate in sounds])
    return np.pad(sound, (0, max(0, MINUTE - len(sound))))[:MINUTE]


@dataclass
class Kind:
    """One kind of sound, and what became of it."""

    what: str
    minute: Callable[[int], Samples]
    """Number -> `[4, MINUTE]`"""
    health: Health = field(default_factory=lambda: Health(RATE))
    minutes: int = 0
    alarms: Counter[str] = field(default_factory=Counter)
    _before: dict[int, str] = field(default_factory=dict)

    def replay(self) -> None:
        """Another minute, window by window; an alarm is a fault that the channel had not before."""
        samples = self.minute(self.minutes).astype(np.float32)
        for start in range(0, MINUTE, WINDOW):
            clock = self.minutes * MINUTE + start
            faults = dict(self.health.update(samples[:, start : start + WINDOW], clock))
            self.alarms.update(fault for _, fault in faults.items() - self._before.items())
            self._before = faults
        self.minutes += 1


def kinds() -> Iterator[Kind]:
    """Those whose recordings are here."""
    yield Kind("generated activities", generated)
    if ARRAY.is_file():
        yield Kind("real array, looped", array)
    if ESC10.is_dir():
        yield Kind("real clips in generated rooms", clips)
        yield Kind("real clips, mono on all channels", mono)


def main(argv: Sequence[str] | None = None) -> int:
    """Replay and print the table; 1 if there was an alarm."""
    parser = argparse.ArgumentParser(prog="python -m tests.false_alarms")
    parser.add_argument("--hours", type=float, default=10.0, metavar="H", help="default: %(default)s")
    arguments = parser.parse_args(argv)
    replayed = list(kinds())
    turns = itertools.islice(itertools.cycle(replayed), round(60 * arguments.hours))
    for kind in track(list(turns), "replay", console=Console(stderr=True), transient=True):
        kind.replay()
    rows = [
        {
            "what": kind.what,
            "hours": kind.minutes / 60,
            "alarms": kind.alarms.total(),
            "faults": ", ".join(kind.alarms),
        }
        for kind in replayed
    ]
    print(markdown(COLUMNS, rows), end="")
    return int(any(kind.alarms for kind in replayed))


if __name__ == "__main__":
    raise SystemExit(main())
