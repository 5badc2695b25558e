from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trainer.datasets import EVALUATION
from trainer.simulate import session
from trainer.simulate.dice import Dice
from trainer.simulate.plan import Session
from trainer.simulate.scene import RATE, Sound, Source, Spot
from trainer.simulate.session import compose, record_session, to_pcm

LOUD = 0.1
"""Pascals"""


@pytest.fixture
def constants(monkeypatch: pytest.MonkeyPatch) -> None:
    """Activities and background are constants: only the levels tell what is mixed."""

    def constant(pascals: float, spot: Spot) -> object:
        return lambda _dice, samples: [Source(np.full(samples, pascals), spot)]

    spots = {"other": Spot.DOOR, "watching_tv": Spot.TELEVISION, "social_activity": Spot.SOFA}
    for label in session.ACTIVITIES:
        monkeypatch.setitem(session.ACTIVITIES, label, constant(LOUD, spots.get(label, Spot.DESK)))
    monkeypatch.setattr(session, "background", constant(0.001, Spot.OUTSIDE))
    monkeypatch.setattr(session, "ALONE", 0.0)


def levels(label: str, number: int) -> list[tuple[Spot, float]]:
    """Place and level of all that sounds."""
    return [(one.spot, float(one.pascals.max())) for one in compose(label, (number,), 8, held_out=False)]


@pytest.mark.usefixtures("constants")
def test_every_activity_has_a_background() -> None:
    """Absence alone has none on top, because it is one."""
    assert levels("working", 1)[:2] == [(Spot.DESK, LOUD), (Spot.OUTSIDE, 0.001)]
    assert levels("absence", 1) == [(Spot.DESK, LOUD)]


@pytest.mark.usefixtures("constants")
def test_some_recordings_have_no_background(monkeypatch: pytest.MonkeyPatch) -> None:
    """As often as `ALONE` says there is nothing but the activity; absence, a background itself, stays."""
    monkeypatch.setattr(session, "DISTRACTIONS", {})
    monkeypatch.setattr(session, "ALONE", 0.3)
    alone = [len(levels("eating", number)) == 1 for number in range(200)]
    assert 40 <= sum(alone) <= 80
    assert all(len(levels("absence", number)) == 1 for number in range(20))


@pytest.mark.usefixtures("constants")
def test_distractions_are_faint_and_harmless() -> None:
    """About a quarter of the sessions has one, 15 to 30 dB fainter; beside quiet activities it is `other`."""
    found = [levels("eating", number)[2:] for number in range(200)]
    distracted = [sounds for sounds in found if sounds]
    assert 30 <= len(distracted) <= 70
    assert all(spot is Spot.DOOR and 15 <= 20 * np.log10(LOUD / at) <= 30 for ((spot, at),) in distracted)
    beside_vacuum = {spot for number in range(100) for spot, _ in levels("vacuum_cleaner", number)[2:]}
    assert beside_vacuum == {Spot.DOOR, Spot.TELEVISION, Spot.SOFA}
    assert all(
        len(levels("absence", number)) == len(levels("other", number)) - 1 == 1 for number in range(50)
    )


def noise(dice: Dice, samples: int) -> list[Source]:
    """An activity that is quick to make."""
    sound: Sound = 0.05 * dice.rng.standard_normal(samples)
    return [Source(sound, Spot.TABLE)]


@pytest.fixture
def noises(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every activity is noise, in real rooms; segments are short."""
    for label in session.ACTIVITIES:
        monkeypatch.setitem(session.ACTIVITIES, label, noise)
    monkeypatch.setattr(session, "background", noise)
    monkeypatch.setattr(session, "SECONDS", 1)


@pytest.mark.usefixtures("noises")
def test_a_session_depends_on_seed_partition_and_number() -> None:
    """The same one is the same to the bit; another number, seed or partition is another recording."""
    one = Session("eating", 1, held_out=False, windows=1, nodes=(2, 3), number=5)
    first = record_session(one, 1, {})
    assert {node: pcm.shape for node, pcm in first.items()} == {2: (4, RATE), 3: (4, RATE)}
    again = record_session(one, 1, {})
    assert all(np.array_equal(first[node], again[node]) for node in (2, 3))
    others = [
        record_session(replace(one, nodes=(2,)), 2, {}),
        record_session(replace(one, nodes=(2,), number=6), 1, {}),
        record_session(replace(one, nodes=(2,), fold=EVALUATION), 1, {}),
        record_session(replace(one, nodes=(2,), fold=EVALUATION, held_out=True), 1, {}),
    ]
    everything = [pcm for recorded in (first, *others) for pcm in recorded.values()]
    assert len({pcm.tobytes() for pcm in everything}) == 6
    assert all(pcm.std() > 0 for pcm in everything)


def test_sixteen_bits() -> None:
    """Full scale is 32768; what is beyond is clipped."""
    samples = np.array([[-1.0, -0.5, 0.0, 1.0 / 32768.0, 32767.0 / 32768.0, 1.5]])
    assert to_pcm(samples).tolist() == [[-32768, -16384, 0, 1, 32767, 32767]]
    assert to_pcm(samples).dtype == np.int16
