from __future__ import annotations

from collections import Counter

import pytest

from monitor.errors import MonitorError
from trainer.datasets import EVALUATION
from trainer.simulate.activities import LABELS
from trainer.simulate.plan import Session, draw

HOURS = 3
SEGMENTS = HOURS * 360


@pytest.fixture(scope="module")
def sessions() -> list[Session]:
    """Three hours."""
    return draw(HOURS, seed=4)


def count(sessions: list[Session]) -> int:
    """Segments of some sessions."""
    return sum(len(session.segments) for session in sessions)


def development(sessions: list[Session]) -> list[Session]:
    """Those of the development partition."""
    return [session for session in sessions if session.fold != EVALUATION]


def evaluation(sessions: list[Session], *, held_out: bool) -> list[Session]:
    """Those of a half of the evaluation partition."""
    return [one for one in sessions if one.fold == EVALUATION and one.held_out == held_out]


def test_hours_are_those_of_the_development_partition(sessions: list[Session]) -> None:
    """All its segments take the time asked for; evaluation adds 15 %, of which half is held out."""
    assert count(development(sessions)) == SEGMENTS
    for held_out in (False, True):
        assert count(evaluation(sessions, held_out=held_out)) == round(0.075 * SEGMENTS)


def test_each_activity_has_equal_time_in_every_fold(sessions: list[Session]) -> None:
    """Activities differ by at most a segment, and no fold has much more of one than another."""
    clips = Counter((one.label, one.fold) for one in sessions for _ in one.segments if one.fold != EVALUATION)
    assert {label for label, _ in clips} == set(LABELS)
    for label in LABELS:
        folds = [clips[label, fold] for fold in (1, 2, 3, 4)]
        assert sum(folds) == SEGMENTS // 9
        assert min(folds) >= 0.4 * max(folds)


def test_nothing_of_the_development_partition_is_held_out(sessions: list[Session]) -> None:
    """Known sessions are heard by arrays 1 to 4, held-out ones by 5 to 7."""
    known = {node for one in sessions if not one.held_out for node in one.nodes}
    held_out = {node for one in sessions if one.held_out for node in one.nodes}
    assert (known, held_out) == ({1, 2, 3, 4}, {5, 6, 7})
    assert not any(session.held_out for session in development(sessions))


def test_sessions_are_half_a_minute_to_a_minute(sessions: list[Session]) -> None:
    """At most six segments, on one array or, a quarter of them, on two; few are cut short."""
    assert {len(session.nodes) for session in sessions} == {1, 2}
    assert 0.1 <= sum(len(session.nodes) == 2 for session in sessions) / len(sessions) <= 0.4
    assert max(session.windows for session in sessions) == 6
    assert sum(session.windows < 3 for session in sessions) <= len(sessions) / 8


def test_files_have_names_of_their_own(sessions: list[Session]) -> None:
    """Names tell node, session and place in development, and are plain numbers in evaluation."""
    files = [segment.file for session in sessions for segment in session.segments]
    assert len(set(files)) == len(files)
    session = next(one for one in development(sessions) if len(one.nodes) == 2)
    last = session.segments[-1]
    name = f"DevNode{session.nodes[1]}_ex{session.number}_{session.windows}.wav"
    assert (last.name, last.file) == (name, f"DCASE2018-task5-dev/audio/{name}")
    numbers = sorted(
        int(file.removeprefix("DCASE2018-task5-eval/audio/").removesuffix(".wav"))
        for file in files
        if "eval" in file
    )
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_seed_decides() -> None:
    """The same seed is the same plan, another one another."""
    assert draw(1, 7) == draw(1, 7)
    assert draw(1, 7) != draw(1, 8)


@pytest.mark.parametrize("hours", [0.1, 0.11, 0.25])
def test_short_data_sets_have_everything(hours: float) -> None:
    """From a tenth of an hour on, every fold has every activity, and so has either half of evaluation."""
    sessions = draw(hours, 1)
    for fold in (1, 2, 3, 4):
        assert {one.label for one in sessions if one.fold == fold} == set(LABELS)
    for held_out in (False, True):
        assert {one.label for one in evaluation(sessions, held_out=held_out)} == set(LABELS)


def test_too_short() -> None:
    """Less than that is a usage error that says how much is needed."""
    with pytest.raises(MonitorError, match=r"0\.05 hours are 18 segments, .* ask for 0\.1 hours") as caught:
        draw(0.05, 1)
    assert caught.value.exit_code == 2
